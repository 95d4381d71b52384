package stripesandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Picture is everything that a data file has to keep, as text.
func (s *Sandbox) Picture() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	resources := make(map[string]json.RawMessage)
	for id, r := range s.store.objects {
		data, err := marshal(r)
		if err != nil {
			panic(err)
		}
		resources[id] = data
		if e, ok := r.(*event); ok {
			resources[id+" as shown"] = rendered(e)
		}
	}
	lists := make(map[string][]string)
	for key, ids := range s.store.indexes {
		if len(ids) > 0 {
			lists[key.kind+" of "+key.owner] = ids
		}
	}
	keys := make(map[string]string)
	for key, rec := range s.keys.records {
		keys[key] = fmt.Sprint(rec.request, rec.created, rec.reply.status, rec.reply.requestID, string(rec.reply.body()))
	}
	var due []string
	for _, q := range s.due.clocks {
		for _, item := range q.items {
			due = append(due, fmt.Sprint(item.at.UnixNano(), item.order, item.action, item.id, item.clock))
		}
	}
	slices.Sort(due)
	order := slices.DeleteFunc(slices.Clone(s.keys.order), func(key string) bool { return s.keys.records[key] == nil })
	attempts := make(map[string][]LedgerAttempt)
	for id := range s.ledger.attempts {
		attempts[id] = s.ledger.attemptsOf(id)
	}
	picture, err := json.MarshalIndent(map[string]any{
		"resources": resources, "lists": lists, "keys": keys, "key order": order, "due": due, "counters": s.counters(),
		"attempts": attempts, "reused": slices.Sorted(maps.Keys(s.ledger.reusedKeys)),
	}, "", " ")
	if err != nil {
		panic(err)
	}
	return string(picture)
}

// Kinds are the kinds of resources that there are.
func (s *Sandbox) Kinds() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	kinds := make(map[string]bool)
	for key, ids := range s.store.indexes {
		if key.owner == "" && len(ids) > 0 {
			kinds[key.kind] = true
		}
	}
	return slices.Sorted(maps.Keys(kinds))
}

// StoredKinds are the kinds that a data file can hold.
func StoredKinds() []string { return slices.Sorted(maps.Keys(storedKinds)) }

// FileSize is the size that the data file has once its log has moved into it.
func (s *Sandbox) FileSize() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var size int64
	if err := s.file.conn.QueryRowContext(context.Background(), `SELECT page_count * page_size FROM pragma_page_count, pragma_page_size`).Scan(&size); err != nil {
		panic(err)
	}
	return size
}

// Undelivered is the number of deliveries in the data file.
func (s *Sandbox) Undelivered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	if err := s.file.conn.QueryRowContext(context.Background(), `SELECT count(*) FROM deliveries`).Scan(&n); err != nil {
		panic(err)
	}
	return n
}

// BreakFile makes every transaction that touches a table of the data file fail.
func (s *Sandbox) BreakFile(table string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file.run(`CREATE TEMP TRIGGER broken BEFORE INSERT ON ` + table + ` BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`)
}
