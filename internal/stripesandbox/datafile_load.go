package stripesandbox

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// load fills a new sandbox with what the file holds.
func (f *dataFile) load(s *Sandbox) error {
	for _, part := range []func(*Sandbox) error{
		f.loadCounters, f.loadResources, f.loadEntries, f.loadKeys, f.loadDue, f.loadDeliveries, f.loadLedger,
	} {
		if err := part(s); err != nil {
			return fmt.Errorf("read data file %s: %w", f.path, err)
		}
	}
	return nil
}

// rows calls each for every row of a query.
func (f *dataFile) rows(query string, each func(scan func(...any) error) error) error {
	rows, err := f.conn.QueryContext(f.ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (f *dataFile) loadCounters(s *Sandbox) error {
	var data []byte
	err := f.conn.QueryRowContext(f.ctx, `SELECT data FROM counters`).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &f.saved); err != nil { //nolint:musttag // by the names of the fields
		return err
	}
	return s.restore(f.saved)
}

func (f *dataFile) loadResources(s *Sandbox) error {
	return f.rows(`SELECT kind, data FROM resources ORDER BY seq`, func(scan func(...any) error) error {
		var kind string
		var data sql.RawBytes
		if err := scan(&kind, &data); err != nil {
			return err
		}
		construct, ok := storedKinds[kind]
		if !ok {
			return fmt.Errorf("unknown kind %q", kind)
		}
		r := construct()
		if err := json.Unmarshal(data, r); err != nil {
			return err
		}
		s.store.put(r)
		s.store.index(kind, "", r)
		return nil
	})
}

func (f *dataFile) loadEntries(s *Sandbox) error {
	ids := make(map[uint64]string, len(s.store.objects))
	for id, r := range s.store.objects {
		ids[r.head().Seq] = id
	}
	return f.rows(`SELECT seq, kind, owner FROM entries ORDER BY seq`, func(scan func(...any) error) error {
		var seq uint64
		var kind, owner string
		if err := scan(&seq, &kind, &owner); err != nil {
			return err
		}
		r, ok := s.store.objects[ids[seq]]
		if !ok {
			return fmt.Errorf("list %s of %s has resource %d, which is missing", kind, owner, seq)
		}
		s.store.index(kind, owner, r)
		return nil
	})
}

func (f *dataFile) loadKeys(s *Sandbox) error {
	return f.rows(`SELECT key, request, created, status, request_id, body FROM keys ORDER BY created, rowid`, func(scan func(...any) error) error {
		rec := &keyRecord{}
		var key string
		var request, body []byte
		if err := scan(&key, &request, &rec.created, &rec.reply.status, &rec.reply.requestID, &body); err != nil {
			return err
		}
		copy(rec.request[:], request)
		rec.reply.obj = renderedJSON(body[:len(body)-1]) // body() ends it again
		s.keys.records[key] = rec
		s.keys.order = append(s.keys.order, key)
		return nil
	})
}

func (f *dataFile) loadDue(s *Sandbox) error {
	return f.rows(`SELECT number, at, action, id, clock FROM due`, func(scan func(...any) error) error {
		var item dueItem
		var at int64
		if err := scan(&item.order, &at, &item.action, &item.id, &item.clock); err != nil {
			return err
		}
		item.at = time.Unix(0, at)
		s.due.push(item)
		return nil
	})
}

// loadDeliveries forgets what has nowhere to go any more.
func (f *dataFile) loadDeliveries(s *Sandbox) error {
	var lost []uint64
	if err := f.rows(`SELECT number, event, endpoint, due, first, tries FROM deliveries ORDER BY number`, func(scan func(...any) error) error {
		d := &delivery{}
		var eventID string
		var due, first int64
		if err := scan(&d.number, &eventID, &d.endpoint, &due, &first, &d.tries); err != nil {
			return err
		}
		var known, wanted bool
		d.event, known = lookup[*event](s.store, eventID)
		_, wanted = lookup[*webhookEndpoint](s.store, d.endpoint)
		d.due, d.first = time.Unix(0, due), time.Unix(0, first)
		if known && wanted {
			s.outbox = append(s.outbox, planned{delivery: d})
		} else {
			lost = append(lost, d.number)
		}
		return nil
	}); err != nil {
		return err
	}
	for _, number := range lost {
		if err := f.exec(dropDelivery, number); err != nil {
			return err
		}
	}
	return nil
}

func (f *dataFile) loadLedger(s *Sandbox) error {
	if err := f.rows(`SELECT data FROM attempts ORDER BY number`, func(scan func(...any) error) error {
		var data []byte
		if err := scan(&data); err != nil {
			return err
		}
		var a LedgerAttempt
		if err := json.Unmarshal(data, &a); err != nil {
			return err
		}
		s.ledger.add(a)
		return nil
	}); err != nil {
		return err
	}
	return f.rows(`SELECT key FROM reused_keys`, func(scan func(...any) error) error {
		var key string
		if err := scan(&key); err != nil {
			return err
		}
		s.ledger.reusedKeys[key] = true
		return nil
	})
}
