package stripesandbox

import (
	"encoding/hex"
	"errors"
	"fmt"
)

// counters is what a data file keeps besides rows. It is small enough to be written
// whole.
type counters struct {
	Seq             uint64
	Scheduled       uint64
	Planned         uint64
	PostsWithoutKey int
	ClockOffset     int64  // nanoseconds
	Random          string // where the source of ids stands, so that none comes twice
}

func (s *Sandbox) counters() counters {
	state, _ := s.source.MarshalBinary() // a PCG has no way to fail
	return counters{
		Seq: s.store.seq, Scheduled: s.scheduled, Planned: s.planned,
		PostsWithoutKey: s.ledger.postsWithoutKey, ClockOffset: s.offset.Load(), Random: hex.EncodeToString(state),
	}
}

func (s *Sandbox) restore(c counters) error {
	state, err := hex.DecodeString(c.Random)
	if err == nil {
		err = s.source.UnmarshalBinary(state)
	}
	if err != nil {
		return fmt.Errorf("restore the source of ids: %w", err)
	}
	s.store.seq, s.scheduled, s.planned = c.Seq, c.Scheduled, c.Planned
	s.ledger.postsWithoutKey = c.PostsWithoutKey
	s.offset.Store(c.ClockOffset)
	return nil
}

// Why requests are refused.
var (
	errHalfDone = errors.New("a request ended in the middle")
	errClosed   = errors.New("the sandbox is closed")
)

// section runs fn in the critical section. With a data file all that it did is written
// before anybody can see it; an error says that it was not, and then there must be no
// other answer.
func (s *Sandbox) section(fn func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	finished := false
	defer func() {
		if !finished { // a panic: half of something is in memory
			s.broken = errHalfDone
		}
	}()
	fn()
	finished = true
	return s.commit()
}

// commit writes what this critical section has changed, in one transaction, and then
// lets its deliveries go out. After a failure memory is ahead of the file, so that is
// the end. The caller holds mu.
func (s *Sandbox) commit() error {
	if s.broken != nil {
		return s.broken
	}
	if s.file != nil {
		if err := s.file.save(s.journal, s.counters()); err != nil {
			s.broken = fmt.Errorf("write %s: %w", s.file.path, err)
			if !errors.Is(err, errClosed) {
				s.cfg.Logger.Error("the sandbox stops: its data file cannot be written", "file", s.file.path, "error", err)
			}
			return s.broken
		}
		s.journal.reset()
	}
	if len(s.outbox) > 0 {
		s.sender.take(s.outbox)
		clear(s.outbox)
		s.outbox = s.outbox[:0]
	}
	return nil
}

// failure is why nothing can be written any more, nil when all is well.
func (s *Sandbox) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// notStored is the answer of a sandbox that cannot write its data file.
func notStored(err error) *apiError {
	e := serverError()
	e.Message = "The sandbox cannot keep its state and needs a restart: " + err.Error() + "."
	return e
}

// open reads the data file into memory and keeps it for writing.
func (s *Sandbox) open(path string) error {
	file, err := openDataFile(path)
	if err != nil {
		return err
	}
	if err := file.load(s); err != nil {
		file.close()
		return err
	}
	s.journal = newJournal()
	s.store.journal, s.keys.journal, s.due.journal = s.journal, s.journal, s.journal
	s.file = file
	return nil
}

func (s *Sandbox) closeFile() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		s.file.close()
	}
}
