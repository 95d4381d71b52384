package stripesandbox

// journal collects what one critical section changes, for the data file. It is nil when
// there is none: then noting a change costs a comparison.
type journal struct {
	resources  map[uint64]resource // by Seq: the newest version, nil when it was removed
	entries    []indexChange
	keys       []answeredKey
	forgotten  []string // keys
	due        []dueItem
	done       []uint64    // due items, by order
	deliveries []*delivery // new, or to be tried again
	delivered  []uint64    // deliveries that succeeded or were given up, by number
	attempts   []LedgerAttempt
	reused     []string // keys sent again with other parameters
}

// answeredKey is an idempotency key that has its answer.
type answeredKey struct {
	key string
	*keyRecord
}

// indexChange is a resource's entry in the list of one of its owners.
type indexChange struct {
	kind, owner string
	seq         uint64
	removed     bool
}

func newJournal() *journal { return &journal{resources: make(map[uint64]resource)} }

// reset forgets what was written.
func (j *journal) reset() {
	clear(j.resources)
	*j = journal{
		resources: j.resources, entries: j.entries[:0], keys: j.keys[:0], forgotten: j.forgotten[:0], due: j.due[:0], done: j.done[:0],
		deliveries: j.deliveries[:0], delivered: j.delivered[:0], attempts: j.attempts[:0], reused: j.reused[:0],
	}
}

func (j *journal) empty() bool {
	return len(j.resources)+len(j.entries)+len(j.keys)+len(j.forgotten)+len(j.due)+len(j.done)+
		len(j.deliveries)+len(j.delivered)+len(j.attempts)+len(j.reused) == 0
}

func (j *journal) put(r resource) {
	if j != nil {
		j.resources[r.head().Seq] = r
	}
}

func (j *journal) remove(r resource) {
	if j != nil {
		j.resources[r.head().Seq] = nil
	}
}

// index notes that a resource joins, or leaves, the list of an owner. The list of all of
// a kind needs no notes: it is all the resources of that kind.
func (j *journal) index(kind, owner string, seq uint64, removed bool) {
	if j != nil && owner != "" {
		j.entries = append(j.entries, indexChange{kind, owner, seq, removed})
	}
}

func (j *journal) answer(key string, rec *keyRecord) {
	if j != nil {
		j.keys = append(j.keys, answeredKey{key, rec})
	}
}

func (j *journal) forget(key string) {
	if j != nil {
		j.forgotten = append(j.forgotten, key)
	}
}

func (j *journal) schedule(item dueItem) {
	if j != nil {
		j.due = append(j.due, item)
	}
}

func (j *journal) unschedule(item dueItem) {
	if j != nil {
		j.done = append(j.done, item.order)
	}
}

func (j *journal) deliver(item *delivery) {
	if j != nil {
		j.deliveries = append(j.deliveries, item)
	}
}

func (j *journal) finish(item *delivery) {
	if j != nil {
		j.delivered = append(j.delivered, item.number)
	}
}

func (j *journal) attempt(a LedgerAttempt) {
	if j != nil {
		j.attempts = append(j.attempts, a)
	}
}

func (j *journal) reuse(key string) {
	if j != nil {
		j.reused = append(j.reused, key)
	}
}
