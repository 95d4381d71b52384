package stripesandbox

import (
	"container/heap"
	"time"
)

// dueAction is something that happens by itself when its time has come.
type dueAction string

const (
	dueExpireSession  dueAction = "expire_session"
	dueSettlePayment  dueAction = "settle_payment"
	dueSettleRefund   dueAction = "settle_refund"
	dueTickerInterval           = 100 * time.Millisecond
)

type dueItem struct {
	at     time.Time
	order  uint64
	action dueAction
	id     string
}

type dueQueue struct {
	items []dueItem
	next  uint64
}

func (q *dueQueue) Len() int { return len(q.items) }

func (q *dueQueue) Less(i, j int) bool {
	if !q.items[i].at.Equal(q.items[j].at) {
		return q.items[i].at.Before(q.items[j].at)
	}
	return q.items[i].order < q.items[j].order
}

func (q *dueQueue) Swap(i, j int) { q.items[i], q.items[j] = q.items[j], q.items[i] }
func (q *dueQueue) Push(x any)    { q.items = append(q.items, x.(dueItem)) }

func (q *dueQueue) Pop() any {
	last := q.items[len(q.items)-1]
	q.items = q.items[:len(q.items)-1]
	return last
}

// schedule has action happen to the resource at a time of the sandbox.
func (c *call) schedule(at time.Time, action dueAction, id string) {
	q := &c.sandbox.due
	q.next++
	heap.Push(q, dueItem{at: at, order: q.next, action: action, id: id})
}

// runDue does what has become due, each thing at its own time. The caller holds mu.
func (s *Sandbox) runDue() {
	if len(s.due.items) == 0 {
		return
	}
	now := s.now()
	for len(s.due.items) > 0 && !s.due.items[0].at.After(now) {
		item := heap.Pop(&s.due).(dueItem)
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
