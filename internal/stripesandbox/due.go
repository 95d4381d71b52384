package stripesandbox

import "time"

// dueAction is something that happens by itself when its time has come.
type dueAction string

const (
	dueExpireSession dueAction = "expire_session"
	dueSettlePayment dueAction = "settle_payment"
	dueSettleRefund  dueAction = "settle_refund"
	dueAdvanceClock  dueAction = "advance_clock"
	dueSettleSetup   dueAction = "settle_setup"
	dueVerifyBank    dueAction = "verify_bank"
	dueReleaseHold   dueAction = "release_hold"
	dueExpireCoupon  dueAction = "expire_coupon"
	dueDecideDispute dueAction = "decide_dispute"
)

// dueInterval is how often things become due without a request.
const dueInterval = 100 * time.Millisecond

type dueItem struct {
	at     time.Time
	order  uint64
	action dueAction
	id     string
	clock  string // the test clock whose time at is; empty: the sandbox's own
}

// dueItems are what is still to come.
type dueItems struct {
	clocks  map[string]*queue[dueItem]
	journal *journal
}

func newDueItems() *dueItems { return &dueItems{clocks: make(map[string]*queue[dueItem])} }

func (d *dueItems) push(item dueItem) {
	q := d.clocks[item.clock]
	if q == nil {
		q = &queue[dueItem]{before: func(a, b dueItem) bool {
			if !a.at.Equal(b.at) {
				return a.at.Before(b.at)
			}
			return a.order < b.order
		}}
		d.clocks[item.clock] = q
	}
	q.push(item)
	d.journal.schedule(item)
}

// next takes out the first item of a clock that is due by then.
func (d *dueItems) next(clock string, now time.Time) (dueItem, bool) {
	q := d.clocks[clock]
	if q == nil || q.len() == 0 || q.first().at.After(now) {
		return dueItem{}, false
	}
	item := q.pop()
	d.journal.unschedule(item)
	return item, true
}

// drop forgets what was to come on a clock.
func (d *dueItems) drop(clock string) {
	if q := d.clocks[clock]; q != nil {
		for _, item := range q.items {
			d.journal.unschedule(item)
		}
		delete(d.clocks, clock)
	}
}

// schedule has action happen to the resource at a time of the sandbox.
func (c *call) schedule(at time.Time, action dueAction, id string) {
	c.push(dueItem{at: at, action: action, id: id})
}

// endOfTime is as far as the clocks go. What is due later never happens, and all times up
// to it can be told in nanoseconds.
var endOfTime = time.Date(2200, time.January, 1, 0, 0, 0, 0, time.UTC)

func (c *call) push(item dueItem) {
	if item.at.After(endOfTime) {
		return
	}
	c.sandbox.scheduled++
	item.order = c.sandbox.scheduled
	c.sandbox.due.push(item)
}

// runDue does what has become due, each thing at its own time, and returns the time up to
// which it did. What follows in the critical section happens at that time, or else it
// could meet an object whose end is past. The caller holds mu.
func (s *Sandbox) runDue() time.Time {
	now := s.now()
	for {
		item, ok := s.due.next("", now)
		if !ok {
			return now
		}
		c := &call{sandbox: s, now: item.at}
		c.do(item)
	}
}

func (c *call) do(item dueItem) {
	switch item.action {
	case dueExpireSession:
		c.expireDue(item.id)
	case dueSettlePayment:
		c.settleDue(item.id)
	case dueSettleRefund:
		c.settleRefundDue(item.id)
	case dueSettleSetup:
		c.settleSetupDue(item.id)
	case dueVerifyBank:
		c.verifyDue(item.id)
	case dueReleaseHold:
		c.releaseDue(item.id)
	case dueAdvanceClock:
		c.advanceDue(item.id)
	case dueExpireCoupon:
		c.expireCouponDue(item.id)
	case dueDecideDispute:
		c.decideDisputeDue(item.id)
	case dueInvoiceFinalizes:
		c.finalizeDue(item.id)
	case dueInvoiceCollects:
		c.collectDue(item.id)
	case dueInvoiceOverdue:
		c.overdue(item.id)
	case duePeriodEnds:
		c.subscriptionDue(item.id, c.periodEnds)
	case dueTrialWillEnd:
		c.subscriptionDue(item.id, c.trialWillEnd)
	case dueIncompleteExpires:
		c.subscriptionDue(item.id, c.paymentExpires)
	case dueSubscriptionCancels:
		c.subscriptionDue(item.id, c.cancelPlanned)
	}
}
