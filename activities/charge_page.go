package activities

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
)

const (
	// pageMargin is how long before its deadline a page stops sending; lastMoment is how long before it the page returns,
	// whatever is still under way.
	pageMargin = 5 * time.Second
	lastMoment = time.Second
	// repeatedSlowdown is how much slower a page is charged again: a run that crashed may have crashed for its pace.
	repeatedSlowdown = 4
	// lateStart is how long after its time a page asks whether its run still charges.
	lateStart = 10 * time.Second
	// runOwner begins the workflow id of a run, which owns its payments.
	runOwner = "billing-run:"
	// writeTimeout bounds writing the page's files.
	writeTimeout = time.Minute
)

// ChargePage charges the rows of a page at the pace given, hands over those that did not succeed, and writes their results.
//
// Row i is not sent before T0 + i/Rate; a page that starts late moves all its rows, and does not catch up. Rows of one customer
// in it go one after the other, others side by side. A row that succeeded, or that the look-back found done, is finished; any other
// is finished when its CollectPayment has been started. A row that Stripe calls invalid, or whose customer is missing, is
// ChargeRefused with that code, and its CollectPayment needs attention. A reference that was used with other values is
// RowRejected with CodeReferenceConflict; one whose CollectPayment has ended is not handed over, and says so by CodePaymentEnded or
// CodePaymentLost, unless it was paid. After two minutes of faults a row is ChargeUnknown; a 429 makes the page slower, and
// never a row unknown.
//
// Running it again goes on where the heartbeat, or the checkpoint of a stopped page, ended, at a quarter of the rate after a
// crash. What may have been sent before is sent under the same key. With Closing nothing is: a row that may have been sent is
// looked for, and handed over as unknown as long as Stripe may still be executing it (StoppedUnsettled when not even that it was
// sent is certain); the others are RowNotCharged. Errors: ErrorRunFiles and ErrorPageInterrupted, both retried.
func (b *BillingRuns) ChargePage(ctx context.Context, in ChargePageInput) (ChargePageResult, error) {
	shared, leave := b.limits.of(in.Run)
	defer leave()
	p := &page{
		ports: &b.ports, limits: b.limits, pace: shared, in: in, info: activity.GetInfo(ctx),
		detached: context.WithoutCancel(ctx), startedAt: b.ports.Now(), lastBeat: time.Now(),
	}
	p.startBeating(ctx)
	defer p.stopBeating()
	switch err := p.load(ctx); {
	case errors.Is(err, ErrRunFileChanged):
		// Nothing was sent, and what was done before stays where it is kept, unless that was the activity's heartbeat.
		p.stopped = StoppedChanged
		if len(p.rows) == 0 {
			lost := p.again(ctx) || !in.LostSince.IsZero()
			return ChargePageResult{Stopped: p.stopped, Lost: lost}, nil
		}
		return p.stop(ctx)
	case err != nil:
		return ChargePageResult{}, err
	}
	switch held, err := p.held(ctx); {
	case err != nil:
		return ChargePageResult{}, err
	case held:
		p.stopped = StoppedHeld
		return p.stop(ctx)
	}
	p.charge(ctx)
	switch {
	case p.left() == 0:
		return p.complete(ctx)
	case p.stopReason() != "" && ctx.Err() == nil:
		return p.stop(ctx)
	default:
		return ChargePageResult{}, p.interrupted(ctx)
	}
}

// held reports whether the run was paused or canceled while the page waited for a worker.
func (p *page) held(ctx context.Context) (bool, error) {
	if p.in.Closing || p.startedAt.Sub(p.in.T0) < lateStart {
		return false, nil
	}
	charges, err := p.ports.Workflows.RunCharges(ctx, p.in.Run)
	if err != nil {
		activity.GetLogger(ctx).Warn("billing run: does it still charge", "run", p.in.Run, "page", p.in.Number, "error", err)
		return false, workflowsUnavailable()
	}
	return !charges, nil
}

// page is one run of ChargePage.
type page struct {
	ports  *Ports
	limits *pageLimits
	pace   *pace
	in     ChargePageInput
	info   activity.Info
	// detached does not end with the activity: a send under way is never abandoned.
	detached  context.Context //nolint:containedctx // a page is one call
	startedAt time.Time
	rows      []*pageRow
	// checkpoint says that there is one.
	checkpoint bool

	// sending ends when no further row may be sent, working when the page must return.
	sending, working context.Context //nolint:containedctx // a page is one call
	stopSending      context.CancelFunc

	// before is what an earlier run's heartbeat told, nil when there was none: it is repeated until the page has been loaded.
	before      json.RawMessage
	stopBeating func()
	beating     sync.Mutex
	lastBeat    time.Time

	// mu guards what follows, and the rows once they are loaded.
	mu      sync.Mutex
	loaded  bool
	changed bool
	stopped string
	code    string
	limited int
}

// pageRow is a row on its way.
type pageRow struct {
	index int
	RunRow
	// before is the row of the same customer that goes first; finished is closed when nothing more happens with this one.
	before   *pageRow
	finished chan struct{}
	// resolved is closed when the customer's default was read, or could not be; nil for a row whose method is known. kept is the
	// method that a heartbeat has recorded.
	resolved   chan struct{}
	resolvedAt time.Time
	kept       string
	// progress is what was sent, the last time at lastSent. again says that it may have been sent by an earlier run; guessed that
	// nobody knows whether it was.
	progress       chargeProgress
	lastSent       time.Time
	again, guessed bool
	// zone is the customer's, once it is known.
	zone      string
	zoneKnown bool
	// res is the outcome; empty while there is none. at is when the attempt was made.
	res ChargeResult
	at  time.Time
	// done says that nothing is left to do with it.
	done, handedOver, judged bool
}

func (r *pageRow) decided() bool { return r.res.Outcome != "" }

// load reads the page's rows, what the look-back found, and what was done before.
func (p *page) load(ctx context.Context) error {
	rows, err := p.ports.RunFiles.Rows(ctx, p.in.RunFile, p.in.RunPage)
	if err == nil && len(rows) != p.in.Rows {
		err = ErrRunFileChanged
	}
	if err != nil {
		return p.readError("read the page", err)
	}
	var known []KnownRow
	if p.in.Known > 0 {
		if known, err = p.ports.RunFiles.Known(ctx, p.in.RunFile, p.in.RunPage); err != nil {
			return p.readError("read what the look-back found", err)
		}
	}
	p.rows = make([]*pageRow, len(rows))
	of := make(map[string]*pageRow, len(rows))
	for i, row := range rows {
		r := &pageRow{index: i, RunRow: row, before: of[row.Customer], finished: make(chan struct{})}
		r.progress.PaymentMethod = row.PaymentMethod
		p.rows[i], of[row.Customer] = r, r
	}
	if err := p.saved(ctx); err != nil {
		return err
	}
	for _, k := range known {
		i := k.Row - p.in.FirstRow
		if i < 0 || i >= len(p.rows) {
			return ErrRunFileChanged
		}
		if r := p.rows[i]; !r.decided() {
			res := k.ChargeResult
			res.Adopted = true
			p.decide(r, res)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loaded = true
	return nil
}

func (p *page) readError(what string, err error) error {
	if errors.Is(err, ErrRunFileChanged) {
		return ErrRunFileChanged
	}
	return p.filesError(what, err)
}

// filesError keeps what a file system says out of the history.
func (p *page) filesError(what string, err error) error {
	activity.GetLogger(p.detached).Error("billing run: cannot "+what, "run", p.in.Run, "page", p.in.Number, "error", err)
	return runFilesUnavailable()
}

// charge makes every row that is left go its way, until all are done or the page must not go on. Nothing is sent any more when it
// returns; what was sent may be under way yet, if the time for it was over.
func (p *page) charge(ctx context.Context) {
	var ended context.CancelFunc
	p.working, ended = context.WithCancel(ctx)
	defer ended()
	p.sending, p.stopSending = context.WithCancel(p.working)
	defer p.stopSending()
	deadline, limited := ctx.Deadline()
	if limited {
		near := time.AfterFunc(time.Until(deadline)-pageMargin, func() { ended() })
		defer near.Stop()
	}
	p.mu.Lock()
	p.judgeAll()
	p.mu.Unlock()

	var under sync.WaitGroup
	p.dispatch(&under) //nolint:contextcheck // the page holds those derived from ctx
	done := make(chan struct{})
	go func() {
		under.Wait()
		close(done)
	}()
	if !limited {
		<-done
		return
	}
	last := time.NewTimer(time.Until(deadline) - lastMoment)
	defer last.Stop()
	select {
	case <-done:
	case <-last.C:
	}
}

// dispatch starts each row at its time.
func (p *page) dispatch(under *sync.WaitGroup) {
	var left []*pageRow
	for _, r := range p.rows {
		switch {
		case r.done:
			close(r.finished)
		case r.decided():
			under.Go(func() {
				defer close(r.finished)
				p.handOver(r)
			})
		case p.in.Closing:
			under.Go(func() {
				defer close(r.finished)
				p.closeRow(r)
			})
		default:
			left = append(left, r)
		}
	}
	if len(left) == 0 {
		return
	}
	slots := p.slots(left)
	p.resolveDefaults(left, slots, under)
	for i, r := range left {
		if r.resolved != nil {
			<-r.resolved
		}
		// A row that waits for another of its customer takes its turn when that is finished.
		open := sleepUntil(p.sending, p.ports.Now, slots[i])
		if open && r.before == nil {
			open = p.takeTurn(slots[i])
		}
		if !open {
			for _, rest := range left[i:] {
				close(rest.finished)
			}
			return
		}
		under.Go(func() {
			defer close(r.finished)
			p.goThrough(r)
		})
	}
}

// slots are the times before which rows must not be sent: those after T0, and those since the page began. Rows of which nothing is
// left to send take none.
func (p *page) slots(left []*pageRow) []time.Time {
	slots := make([]time.Time, len(left))
	began, interval := p.startedAt, p.interval()
	for i := range left {
		slots[i] = p.slot(i)
		if own := began.Add(time.Duration(i) * interval); p.info.Attempt > 1 && slots[i].Before(own) {
			slots[i] = own
		}
		if slots[i].Before(began) {
			slots[i] = began
		}
	}
	return slots
}

// slot is T0 + i/Rate.
func (p *page) slot(i int) time.Time {
	if p.in.Rate <= 0 {
		return p.in.T0
	}
	return p.in.T0.Add(time.Duration(float64(i) / p.in.Rate * float64(time.Second)))
}

// interval is between two sends of this page.
func (p *page) interval() time.Duration {
	if p.in.Rate <= 0 {
		return 0
	}
	interval := time.Duration(float64(time.Second) / p.in.Rate)
	if p.info.Attempt > 1 {
		interval *= repeatedSlowdown
	}
	return interval
}

// goThrough makes a row's attempt and sees it to its end.
func (p *page) goThrough(r *pageRow) {
	if r.before != nil {
		select {
		case <-r.before.finished:
		case <-p.sending.Done():
			return
		}
		if !p.takeTurn(p.ports.Now()) {
			return
		}
	}
	if r.again && p.handedOverBefore(r) {
		p.limits.giveBack()
		p.handOverDue(r)
		return
	}
	res, ok := p.send(r)
	if !ok {
		return
	}
	p.mu.Lock()
	p.decide(r, res)
	p.judge(r)
	p.mu.Unlock()
	p.handOverDue(r)
}

// decide notes a row's outcome: it is done, or must be handed over. p.mu is held.
func (p *page) decide(r *pageRow, res ChargeResult) {
	p.changed = true
	r.at = p.ports.Now().UTC()
	if !r.progress.FirstSentAt.IsZero() {
		r.at = r.progress.FirstSentAt
	}
	switch res.Outcome {
	case ChargeSucceeded:
		r.done = true
	case ChargeConflict:
		r.done = true
		res.Outcome, res.Codes = RowRejected, Codes{Code: CodeReferenceConflict}
	case ChargeCanceled:
		r.done = res.Adopted
	case RowNotCharged:
		r.done = true
	case ChargeProcessing, ChargeDeclined, ChargeRefused, ChargeNeedsCustomer, ChargeUnknown, ChargeNotTaken, ChargeHeld, RowRejected:
	}
	r.res = res
}

// left counts the rows that are not done.
func (p *page) left() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, r := range p.rows {
		if !r.done {
			n++
		}
	}
	return n
}

// stopReason is the reason for which the page stops; empty when there is none.
func (p *page) stopReason() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopped
}

// interrupted is the error of a page that ran out of time, or was taken away. What it has done goes with its last heartbeat.
func (p *page) interrupted(ctx context.Context) error {
	p.settle(ctx)
	// Nothing is written: Temporal may have given the page to somebody else, who knows more.
	return pageInterrupted(p.left())
}
