package stripesandbox

import (
	"slices"
	"sort"
)

// store holds every resource by id, and the order of creation per kind and owner.
// The caller holds Sandbox.mu.
type store struct {
	objects map[string]resource
	indexes map[indexKey][]string
	seq     uint64
	changed bool     // something, since the handler under way began
	journal *journal // nil when everything is in memory only
}

// indexKey names an ordered list of ids, oldest first: all of a kind (owner empty) or
// those that belong to one customer, charge and so on.
type indexKey struct{ kind, owner string }

func newStore() *store {
	return &store{objects: make(map[string]resource), indexes: make(map[indexKey][]string)}
}

// add stores a new resource, in the list of its kind and in those of its owners.
func (st *store) add(kind string, r resource, owners ...string) {
	st.seq++
	r.head().Seq = st.seq
	st.put(r)
	st.index(kind, "", r)
	for _, owner := range owners {
		if owner != "" {
			st.index(kind, owner, r)
		}
	}
}

// put stores a new version of a resource.
func (st *store) put(r resource) {
	st.objects[r.head().ID] = r
	st.changed = true
	st.journal.put(r)
}

func (st *store) index(kind, owner string, r resource) {
	key := indexKey{kind, owner}
	ids := st.indexes[key]
	at := len(ids)
	if at > 0 && st.seqOf(ids[at-1]) > r.head().Seq {
		at = st.position(ids, r.head().Seq)
	}
	st.indexes[key] = slices.Insert(ids, at, r.head().ID)
	st.journal.index(kind, owner, r.head().Seq, false)
}

func (st *store) unindex(kind, owner, id string) {
	key := indexKey{kind, owner}
	st.indexes[key] = slices.DeleteFunc(slices.Clone(st.indexes[key]), func(other string) bool { return other == id })
	st.journal.index(kind, owner, st.seqOf(id), true)
}

func (st *store) remove(kind string, r resource) {
	st.unindex(kind, "", r.head().ID)
	delete(st.objects, r.head().ID)
	st.changed = true
	st.journal.remove(r)
}

// removeOldest removes the n resources that come first in the list of their kind.
func (st *store) removeOldest(kind string, n int) {
	key := indexKey{kind: kind}
	ids := st.indexes[key]
	for _, id := range ids[:n] {
		st.journal.remove(st.objects[id])
		delete(st.objects, id)
	}
	st.indexes[key] = slices.Clone(ids[n:])
}

func (st *store) seqOf(id string) uint64 { return st.objects[id].head().Seq }

// position returns the first place in ids whose resource is not older than seq.
func (st *store) position(ids []string, seq uint64) int {
	return sort.Search(len(ids), func(i int) bool { return st.seqOf(ids[i]) >= seq })
}

// find is the expander's view of the store.
func (st *store) find(id string) object {
	if r, ok := st.objects[id]; ok {
		return r
	}
	return nil
}

func lookup[T resource](st *store, id string) (T, bool) {
	r, ok := st.objects[id].(T)
	return r, ok
}

// update stores a changed copy of a resource and returns it; the old version stays as
// it is for whoever still shows it.
func update[T any, P interface {
	*T
	resource
}](c *call, old P, change func(P),
) P {
	next := new(T)
	*next = *old
	change(next)
	c.sandbox.store.put(P(next))
	return next
}
