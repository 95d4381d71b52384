package stripesandbox

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"time"
	"unique"

	"golang.org/x/sync/errgroup"
)

// load fills a new sandbox with what the file holds.
func (f *dataFile) load(s *Sandbox) error {
	for _, part := range []func(*Sandbox) error{
		f.loadCounters, f.loadResources, f.loadKeys, f.loadDue, f.loadDeliveries, f.loadLedger,
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

// loadResources reads while it decodes what it has read.
func (f *dataFile) loadResources(s *Sandbox) error {
	type row struct {
		kind         string
		data, frozen []byte
	}
	const batchSize = 512
	var batches [][]resource
	var decoders errgroup.Group
	decoders.SetLimit(runtime.GOMAXPROCS(0))
	batch := make([]row, 0, batchSize)
	decode := func() {
		rows, resources := batch, make([]resource, len(batch))
		batches, batch = append(batches, resources), make([]row, 0, batchSize)
		decoders.Go(func() (err error) {
			for i, r := range rows {
				if resources[i], err = f.packer.decode(r.kind, r.data, r.frozen); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := f.rows(`SELECT kind, data, frozen FROM resources ORDER BY seq`, func(scan func(...any) error) error {
		var r row
		if err := scan(&r.kind, &r.data, &r.frozen); err != nil {
			return err
		}
		if batch = append(batch, r); len(batch) == batchSize {
			decode()
		}
		return nil
	})
	decode()
	if err := errors.Join(err, decoders.Wait()); err != nil {
		return err
	}
	all := slices.Concat(batches...)
	s.store.objects = make(map[string]resource, len(all))
	for _, r := range all {
		s.store.put(r)
		s.store.index(kindNames[reflect.TypeOf(r)], "", r)
	}
	return f.loadEntries(s, all)
}

// loadEntries fills the lists of the owners. all are the resources in their order.
func (f *dataFile) loadEntries(s *Sandbox, all []resource) error {
	return f.rows(`SELECT seq, kind, owner FROM entries ORDER BY seq`, func(scan func(...any) error) error {
		var seq uint64
		var kind, owner string
		if err := scan(&seq, &kind, &owner); err != nil {
			return err
		}
		for len(all) > 0 && all[0].head().Seq < seq {
			all = all[1:]
		}
		if len(all) == 0 || all[0].head().Seq != seq {
			return fmt.Errorf("list %s of %s has resource %d, which is missing", kind, owner, seq)
		}
		s.store.index(kind, owner, all[0])
		return nil
	})
}

// loadKeys sorts them here: their answers are too much for SQLite to sort.
func (f *dataFile) loadKeys(s *Sandbox) error {
	if err := f.rows(`SELECT key, request, created, status, request_id, body FROM keys ORDER BY rowid`, func(scan func(...any) error) error {
		rec, answer := &keyRecord{}, &packed{packer: f.packer}
		var key string
		var request sql.RawBytes
		if err := scan(&key, &request, &rec.created, &rec.reply.status, &rec.reply.requestID, &answer.data); err != nil {
			return err
		}
		copy(rec.request[:], request)
		rec.reply.obj = answer
		s.keys.records[key] = rec
		s.keys.order = append(s.keys.order, key)
		return nil
	}); err != nil {
		return err
	}
	slices.SortStableFunc(s.keys.order, func(a, b string) int {
		return cmp.Compare(s.keys.records[a].created, s.keys.records[b].created)
	})
	return nil
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

// loadDeliveries forgets what has nowhere to go any more, and what the log of events has
// dropped: only memory still had those.
func (f *dataFile) loadDeliveries(s *Sandbox) error {
	var lost []uint64
	dropped := 0
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
			return nil
		}
		lost = append(lost, d.number)
		if wanted {
			dropped++
		}
		return nil
	}); err != nil {
		return err
	}
	if dropped > 0 {
		s.cfg.Logger.Warn("webhooks are lost: too many events came after theirs before they were delivered", "webhooks", dropped, "events_kept", s.cfg.MaxEvents)
	}
	for _, number := range lost {
		if err := f.exec(dropDelivery, number); err != nil {
			return err
		}
	}
	return nil
}

func (f *dataFile) loadLedger(s *Sandbox) error {
	if err := f.rows(`SELECT at, key, payment_intent, outcome, code, decline_code, checkout FROM attempts ORDER BY number`, func(scan func(...any) error) error {
		var a LedgerAttempt
		var at int64
		if err := scan(&at, &a.IdempotencyKey, &a.PaymentIntent, &a.Outcome, &a.Code, &a.DeclineCode, &a.Checkout); err != nil {
			return err
		}
		a.At, a.Outcome = time.Unix(0, at), unique.Make(a.Outcome).Value()
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
