package activities_test

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/offsession/offsession/activities"
)

// pass lets time pass, in a bubble of synctest.
func pass(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // it is not real time

// pageStripe is a Stripe for pages: it keeps idempotency keys and counts what was taken. It may be called from many goroutines.
type pageStripe struct {
	activities.PaymentIntents
	activities.Customers

	mu sync.Mutex
	// answer says what becomes of a new attempt; nil succeeds. It runs outside of the lock.
	answer func(r activities.CreatePaymentIntentRequest, try int) (activities.PaymentIntent, error)
	// customer answers a read; nil is a customer with the default method pm_default.
	customer func(id string) (activities.Customer, error)
	// found is what a look-back finds, after its faults.
	found      map[string][]activities.PaymentIntent
	listFaults []error
	// sent are the references in the order of the sends, with their times.
	sent    []string
	sentAt  []time.Time
	methods map[string]string
	tries   map[string]int
	// taken counts successes by reference.
	taken map[string]int
	reads []string
}

func newPageStripe() *pageStripe {
	return &pageStripe{methods: map[string]string{}, tries: map[string]int{}, taken: map[string]int{}}
}

func (s *pageStripe) CreatePaymentIntent(_ context.Context, r activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error) {
	reference := r.Metadata[activities.MetadataReference]
	s.mu.Lock()
	s.sent, s.sentAt = append(s.sent, reference), append(s.sentAt, time.Now())
	s.methods[reference] = r.PaymentMethod
	s.tries[reference]++
	try, answer := s.tries[reference], s.answer
	s.mu.Unlock()
	pi, err := activities.PaymentIntent{ID: "pi_" + reference, Status: activities.PaymentIntentSucceeded, LatestCharge: "ch_1", PaymentMethod: r.PaymentMethod}, error(nil)
	if answer != nil {
		pi, err = answer(r, try)
	}
	if err == nil && pi.Status == activities.PaymentIntentSucceeded {
		s.mu.Lock()
		s.taken[reference]++
		s.mu.Unlock()
	}
	return pi, err
}

// keeping answers a key as the first time, and with 409 while the first request is under way.
func (s *pageStripe) keeping(answer func(activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error)) answerFunc {
	type kept struct {
		pi  activities.PaymentIntent
		err error
	}
	var mu sync.Mutex
	keys := map[string]*kept{}
	return func(r activities.CreatePaymentIntentRequest, _ int) (activities.PaymentIntent, error) {
		mu.Lock()
		k, used := keys[r.IdempotencyKey]
		if !used {
			keys[r.IdempotencyKey] = nil
		}
		mu.Unlock()
		switch {
		case used && k == nil:
			return activities.PaymentIntent{}, fail(activities.StripeKeyInUse)
		case used:
			return k.pi, k.err
		}
		runtime.Gosched()
		pi, err := answer(r)
		mu.Lock()
		keys[r.IdempotencyKey] = &kept{pi, err}
		mu.Unlock()
		return pi, err
	}
}

func (s *pageStripe) PaymentIntentsByReference(_ context.Context, _, reference string) ([]activities.PaymentIntent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads = append(s.reads, "list "+reference)
	if len(s.listFaults) > 0 {
		err := s.listFaults[0]
		s.listFaults = s.listFaults[1:]
		return nil, err
	}
	return s.found[reference], nil
}

func (s *pageStripe) Customer(_ context.Context, id string) (activities.Customer, error) {
	s.mu.Lock()
	s.reads = append(s.reads, "customer "+id)
	customer := s.customer
	s.mu.Unlock()
	if customer != nil {
		return customer(id)
	}
	return activities.Customer{ID: id, DefaultPaymentMethod: "pm_default"}, nil
}

// pageFiles keeps the files of a run in memory.
type pageFiles struct {
	activities.RunFiles

	mu         sync.Mutex
	rows       []activities.RunRow
	known      []activities.KnownRow
	checkpoint []byte
	results    []activities.RowResult
	// broken are the errors of the next writes of results.
	broken  []error
	changed bool
	// slow is how long each of them takes to be read or written.
	slow time.Duration
}

func (f *pageFiles) Rows(context.Context, activities.RunFile, activities.RunPage) ([]activities.RunRow, error) {
	pass(f.slow)
	if f.changed {
		return nil, fmt.Errorf("page 0: %w", activities.ErrRunFileChanged)
	}
	return f.rows, nil
}

func (f *pageFiles) Known(context.Context, activities.RunFile, activities.RunPage) ([]activities.KnownRow, error) {
	return f.known, nil
}

func (f *pageFiles) WriteCheckpoint(_ context.Context, _ activities.RunFile, _ activities.RunPage, data []byte) error {
	pass(f.slow)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.checkpoint = data
	return nil
}

func (f *pageFiles) Checkpoint(context.Context, activities.RunFile, activities.RunPage) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.checkpoint, nil
}

func (f *pageFiles) WriteResults(_ context.Context, _ activities.RunFile, _ activities.RunPage, results []activities.RowResult) error {
	pass(f.slow)
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.broken) > 0 {
		err := f.broken[0]
		f.broken = f.broken[1:]
		return err
	}
	f.results = results
	return nil
}

// pageWorkflows is a Temporal that remembers the payments that were started.
type pageWorkflows struct {
	activities.Workflows

	mu      sync.Mutex
	started map[string]activities.PaymentHandover
	// there are payments that were started before.
	there map[string]activities.OwnedWorkflow
	// broken is how many of the next calls fail.
	broken int
	// halted says that the run does not charge any more.
	halted bool
}

func (w *pageWorkflows) RunCharges(context.Context, string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken > 0 {
		w.broken--
		return false, errPort
	}
	return !w.halted, nil
}

func newPageWorkflows() *pageWorkflows {
	return &pageWorkflows{started: map[string]activities.PaymentHandover{}, there: map[string]activities.OwnedWorkflow{}}
}

func (w *pageWorkflows) StartPayment(_ context.Context, h activities.PaymentHandover) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken > 0 {
		w.broken--
		return false, errPort
	}
	if _, taken := w.there[h.Reference]; taken {
		return false, nil
	}
	w.started[h.Reference] = h
	w.there[h.Reference] = activities.OwnedWorkflow{
		State: "charging", Owner: h.Owner, Customer: h.Customer, Amount: h.Amount, Currency: h.Currency, FirstAttempt: &h.Result,
	}
	return true, nil
}

func (w *pageWorkflows) Owned(_ context.Context, id string) (activities.OwnedWorkflow, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken > 0 {
		w.broken--
		return activities.OwnedWorkflow{}, errPort
	}
	o, ok := w.there[id[len("payment:"):]]
	if !ok {
		return activities.OwnedWorkflow{}, activities.ErrWorkflowNotFound
	}
	return o, nil
}

func (w *pageWorkflows) references() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.started))
}

// pageBench is a page and all around it.
type pageBench struct {
	stripe    *pageStripe
	files     *pageFiles
	workflows *pageWorkflows
	runs      *activities.BillingRuns
	in        activities.ChargePageInput
}

// newPageBench is a page of n rows: row i has reference r<i>, customer cus_<i>, method pm_<i> and 100+i cents.
func newPageBench(n int) *pageBench {
	b := &pageBench{stripe: newPageStripe(), files: &pageFiles{}, workflows: newPageWorkflows()}
	var total int64
	for i := range n {
		b.files.rows = append(b.files.rows, activities.RunRow{
			Line: i + 2, Reference: fmt.Sprintf("r%d", i), Customer: fmt.Sprintf("cus_%d", i), PaymentMethod: fmt.Sprintf("pm_%d", i),
			Amount: int64(100 + i), Currency: "usd",
		})
		total += int64(100 + i)
	}
	b.in = activities.ChargePageInput{
		RunFile: activities.RunFile{URL: "file:///data/july.csv", Run: "july"},
		RunPage: activities.RunPage{Number: 3, FirstRow: 300, Rows: n, Totals: map[string]activities.RunTotal{"usd": {Rows: n, Amount: total}}},
		T0:      time.Now(), Rate: 1e6, LookedBackAt: time.Now().Add(-time.Hour),
	}
	b.runs = b.worker(nil)
	return b
}

// worker is another process that charges pages of the same run.
func (b *pageBench) worker(clock func() time.Time) *activities.BillingRuns {
	return activities.New(activities.Ports{
		PaymentIntents: b.stripe, Customers: b.stripe, RunFiles: b.files, Workflows: b.workflows, Now: clock,
	}).Runs
}

// clock stops the time of the activities.
func (b *pageBench) clock(at time.Time) {
	b.in.T0, b.in.LookedBackAt = at, at.Add(-time.Hour)
	b.runs = b.worker(func() time.Time { return at })
}

// outcomes are those of the results, by reference.
func (b *pageBench) outcomes() map[string]activities.ChargeOutcome {
	out := map[string]activities.ChargeOutcome{}
	for _, r := range b.files.results {
		out[r.Reference] = r.Outcome
	}
	return out
}

func declined(r activities.CreatePaymentIntentRequest, codes activities.Codes) (activities.PaymentIntent, error) {
	reference := r.Metadata[activities.MetadataReference]
	return activities.PaymentIntent{}, &activities.StripeError{
		Kind: activities.StripeDeclined, HTTPStatus: 402, Codes: codes,
		PaymentIntent: &activities.PaymentIntent{ID: "pi_" + reference, PaymentMethod: r.PaymentMethod, PaymentMethodStamp: "12/30", LatestCharge: "ch_" + reference},
	}
}
