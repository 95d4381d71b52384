package stripesandbox

import "time"

// dueAction is something that happens by itself when its time has come.
type dueAction string

const (
	dueExpireSession dueAction = "expire_session"
	dueSettlePayment dueAction = "settle_payment"
	dueSettleRefund  dueAction = "settle_refund"
)

// dueInterval is how often things become due without a request.
const dueInterval = 100 * time.Millisecond

type dueItem struct {
	at     time.Time
	order  uint64
	action dueAction
	id     string
}

func newDueQueue() queue[dueItem] {
	return queue[dueItem]{before: func(a, b dueItem) bool {
		if !a.at.Equal(b.at) {
			return a.at.Before(b.at)
		}
		return a.order < b.order
	}}
}

// schedule has action happen to the resource at a time of the sandbox.
func (c *call) schedule(at time.Time, action dueAction, id string) {
	c.sandbox.scheduled++
	c.sandbox.due.push(dueItem{at: at, order: c.sandbox.scheduled, action: action, id: id})
}

// runDue does what has become due, each thing at its own time. The caller holds mu.
func (s *Sandbox) runDue() {
	if s.due.len() == 0 {
		return
	}
	now := s.now()
	for s.due.len() > 0 && !s.due.first().at.After(now) {
		item := s.due.pop()
		c := &call{sandbox: s, now: item.at}
		switch item.action {
		case dueExpireSession:
			c.expireDue(item.id)
		case dueSettlePayment:
			c.settleDue(item.id)
		case dueSettleRefund:
			c.settleRefundDue(item.id)
		}
	}
}
