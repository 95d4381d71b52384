package activities

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// paceSlack is how much lateness is made up for, so that timers that fire a little late do not slow the pace down. What
	// is later than that moves all that follows: a stall is not followed by a burst.
	paceSlack = 50 * time.Millisecond
	// slowedInterval is between two sends, at least, after a 429.
	slowedInterval = 10 * time.Millisecond
	// slowestFactor bounds how much slower than its rate a run gets by 429s.
	slowestFactor = 32
	// recoverySends is after how many answers in a row that were no 429 the pace becomes faster again.
	recoverySends = 20
)

// pace hands out the times of sends for all pages of a run on this worker: none of them alone knows of the others.
type pace struct {
	mu sync.Mutex
	// next is the earliest time of the next send.
	next time.Time
	// factor is by how much slower than its rate the run goes since a 429, 1 or more.
	factor float64
	// heldUntil is until when nothing is sent after a 429; held counts those in a row.
	heldUntil time.Time
	held      int
	// good counts answers since then.
	good int
	// pages are those that use it.
	pages int
}

// reserve takes the next time to send, not before the time given.
func (p *pace) reserve(notBefore, now time.Time, interval time.Duration) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := notBefore
	if p.next.After(at) {
		at = p.next
	}
	if earliest := now.Add(-paceSlack); at.Before(earliest) {
		at = earliest
	}
	if p.factor > 1 {
		interval = time.Duration(float64(max(interval, slowedInterval)) * p.factor)
	}
	p.next = at.Add(interval)
	return at
}

// limited notes an answer of 429: nothing is sent for a moment, and then at half the pace. What was in flight beside it is
// answered alike, and does not count again.
func (p *pace) limited(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.good = 0
	if now.Before(p.heldUntil) {
		return
	}
	p.held++
	p.factor = min(p.factor*2, slowestFactor)
	p.heldUntil = now.Add(backoff(p.held))
	if p.next.Before(p.heldUntil) {
		p.next = p.heldUntil
	}
}

// answered notes any other answer.
func (p *pace) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = 0
	if p.factor == 1 {
		return
	}
	if p.good++; p.good >= recoverySends {
		p.good = 0
		p.factor = max(1, p.factor*0.7)
	}
}

// backoff is the jittered wait before a repetition, the first being 1: half a second to a second, doubled each time, 20 s
// at most.
func backoff(try int) time.Duration {
	const first, most = time.Second, 20 * time.Second
	d := most
	if try < 6 {
		d = min(first<<(try-1), most)
	}
	return d/2 + rand.N(d/2) //nolint:gosec // not a secret
}

// sleepUntil waits for a time on the clock given; it reports whether the context lasted.
func sleepUntil(ctx context.Context, clock func() time.Time, at time.Time) bool {
	d := at.Sub(clock())
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// pageLimits are what the pages that a worker charges at the same time share.
type pageLimits struct {
	// stripe and temporal bound the requests under way.
	stripe, temporal chan struct{}

	mu    sync.Mutex
	paces map[string]*pace
}

const (
	// pageRequests of the connections that the Stripe client keeps are for pages, the others for single charges.
	pageRequests = 96
	// pageHandovers is how many hand-overs are under way at once.
	pageHandovers = 32
)

func newPageLimits() *pageLimits {
	return &pageLimits{
		stripe:   make(chan struct{}, pageRequests),
		temporal: make(chan struct{}, pageHandovers),
		paces:    make(map[string]*pace),
	}
}

// take takes a connection to Stripe; it reports whether the context lasted.
func (l *pageLimits) take(ctx context.Context) bool {
	select {
	case l.stripe <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *pageLimits) giveBack() { <-l.stripe }

// of is the pace of a run; leave must be called when the page is done with it.
func (l *pageLimits) of(run string) (_ *pace, leave func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.paces[run]
	if p == nil {
		p = &pace{factor: 1}
		l.paces[run] = p
	}
	p.pages++
	return p, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if p.pages--; p.pages == 0 {
			delete(l.paces, run)
		}
	}
}
