package stripesandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	webhookTimeout = 10 * time.Second
	// Stripe tries for three days, with growing gaps. https://docs.stripe.com/webhooks
	webhookGiveUp  = 72 * time.Hour
	webhookLongest = time.Hour
	// What one endpoint may have under way at a time. Each has its own bound, so that
	// one that hangs holds up no other.
	maxInFlight = 8
	// An endpoint that is gone must not take up memory without end. What does not fit
	// stays undelivered, as GET /v1/events?delivery_success=false shows.
	maxDeliveries = 100_000
)

// delivery is one event on its way to one endpoint. Times are the sandbox's.
type delivery struct {
	number   uint64
	event    *event
	endpoint string
	due      time.Time
	first    time.Time
	tries    int
}

// planned is a delivery that goes out once the critical section is over in which its
// event happened.
type planned struct {
	*delivery
	held bool          // until the next event of its object has arrived
	wait time.Duration // and then so long
}

// lane is what one endpoint has yet to get.
type lane struct {
	queue    queue[*delivery]
	inFlight int
	held     map[string]heldDelivery // by object: what waits for the object's next event
}

type heldDelivery struct {
	*delivery
	wait time.Duration // after the next event has arrived
}

func newLane() *lane {
	return &lane{
		held: make(map[string]heldDelivery),
		queue: queue[*delivery]{before: func(a, b *delivery) bool {
			if !a.due.Equal(b.due) {
				return a.due.Before(b.due)
			}
			return a.event.Seq < b.event.Seq
		}},
	}
}

// sender delivers events. It has a lock of its own, taken after Sandbox.mu.
type sender struct {
	sandbox *Sandbox
	client  *http.Client
	wake    chan struct{}
	closing chan struct{} // closed by stop
	done    chan struct{} // closed by run
	once    sync.Once

	mu        sync.Mutex
	lanes     map[string]*lane // by endpoint
	behaviour *behaviour
}

func newSender(s *Sandbox) *sender {
	return &sender{
		sandbox: s,
		client: &http.Client{
			Timeout: webhookTimeout,
			// A redirect counts as a failure, as at Stripe.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		wake:      make(chan struct{}, 1),
		closing:   make(chan struct{}),
		done:      make(chan struct{}),
		lanes:     make(map[string]*lane),
		behaviour: newBehaviour(WebhookBehaviour{Mode: WebhooksNormal}),
	}
}

func (d *sender) stop() {
	d.once.Do(func() { close(d.closing) })
	<-d.done
}

// behave changes how deliveries behave from now on, and lets go of what was held back.
func (d *sender) behave(b WebhookBehaviour) {
	now := d.sandbox.now()
	d.mu.Lock()
	d.behaviour = newBehaviour(b)
	for _, l := range d.lanes {
		for object := range l.held {
			l.release(object, math.MaxUint64, now)
		}
	}
	d.mu.Unlock()
	d.nudge()
}

// enqueue plans the deliveries of an event that has just happened.
func (d *sender) enqueue(e *event, now time.Time) {
	if len(e.Pending) == 0 {
		return
	}
	d.mu.Lock()
	waits, hold := d.behaviour.plan(e.Type)
	d.mu.Unlock()
	for _, endpoint := range e.Pending {
		for _, wait := range waits {
			due := now.Add(wait)
			d.sandbox.plan(planned{&delivery{event: e, endpoint: endpoint, due: due, first: due}, hold, wait})
		}
	}
}

// plan has a delivery, new or to be tried again, go out after this critical section.
func (s *Sandbox) plan(item planned) {
	if item.number == 0 {
		s.planned++
		item.number = s.planned
	}
	s.outbox = append(s.outbox, item)
	s.journal.deliver(item.delivery)
}

// take puts deliveries into their lanes.
func (d *sender) take(items []planned) {
	d.mu.Lock()
	for _, item := range items {
		l := d.lane(item.endpoint)
		if object := item.event.objectID(); item.held && object != "" && l.held[object].delivery == nil {
			l.held[object] = heldDelivery{item.delivery, item.wait}
			continue
		} else if item.held { // it is what the held one waits for
			item.due = item.due.Add(-item.wait)
			item.first = item.due
		}
		l.push(item.delivery)
	}
	d.mu.Unlock()
	d.nudge()
}

// lane returns the lane of an endpoint. The caller holds mu.
func (d *sender) lane(endpoint string) *lane {
	l := d.lanes[endpoint]
	if l == nil {
		l = newLane()
		d.lanes[endpoint] = l
	}
	return l
}

func (l *lane) push(item *delivery) {
	if l.queue.len() < maxDeliveries {
		l.queue.push(item)
	}
}

// release sends what was held back for an object, unless it is no older than the event
// at seq.
func (l *lane) release(object string, seq uint64, now time.Time) {
	item, ok := l.held[object]
	if !ok || item.event.Seq >= seq {
		return
	}
	delete(l.held, object)
	item.due = now.Add(item.wait)
	item.first = item.due
	l.push(item.delivery)
}

// nudge makes run look at the lanes again.
func (d *sender) nudge() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// run hands out deliveries as they become due, and keeps the sandbox's time moving when
// no request does. It ends with Close.
func (d *sender) run() {
	defer close(d.done)
	var workers sync.WaitGroup
	defer workers.Wait()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel() // before the wait
	ticker := time.NewTicker(dueInterval)
	defer ticker.Stop()
	for {
		for _, item := range d.takeDue() {
			workers.Go(func() {
				defer d.finished(item)
				d.deliver(ctx, item)
			})
		}
		select {
		case <-d.wake:
		case <-ticker.C:
			_ = d.sandbox.locked(func(*call) {}) // a failure has been logged, and every request meets it
		case <-d.closing:
			return
		}
	}
}

// takeDue takes what is due and within the bounds.
func (d *sender) takeDue() []*delivery {
	now := d.sandbox.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	var items []*delivery
	for _, l := range d.lanes {
		for l.inFlight < maxInFlight && l.queue.len() > 0 && !l.queue.first().due.After(now) {
			l.inFlight++
			items = append(items, l.queue.pop())
		}
	}
	return items
}

func (d *sender) finished(item *delivery) {
	d.mu.Lock()
	d.lane(item.endpoint).inFlight--
	d.mu.Unlock()
	d.nudge()
}

func (d *sender) deliver(ctx context.Context, item *delivery) {
	endpoint, e := d.current(item)
	if endpoint == nil {
		return // deleted or disabled in the meantime, which ends the tries
	}
	err := d.post(ctx, endpoint, e)
	if err == nil {
		d.arrived(item)
		return
	}
	if ctx.Err() != nil {
		return
	}
	wait, again := item.retry(d.sandbox.now(), d.sandbox.cfg.WebhookRetry)
	d.sandbox.cfg.Logger.Warn("webhook not delivered", "event_id", e.ID, "event_type", e.Type, "tries", item.tries, "retry_in", wait, "error", err)
	_ = d.sandbox.locked(func(*call) { // what is not written is tried again after a restart
		if again {
			d.sandbox.plan(planned{delivery: item})
		} else {
			d.sandbox.journal.finish(item)
		}
	})
}

// retry plans the next try after a failed one: the gaps double until they reach an hour,
// and there is none after three days.
func (item *delivery) retry(now time.Time, first time.Duration) (wait time.Duration, again bool) {
	wait = min(first<<min(item.tries, 20), webhookLongest)
	item.tries++
	item.due = now.Add(wait)
	return wait, item.due.Sub(item.first) < webhookGiveUp
}

// current returns the endpoint and the event as they are now; no endpoint when it shall
// not get anything.
func (d *sender) current(item *delivery) (endpoint *webhookEndpoint, e *event) {
	e = item.event                       // which may have fallen out of the log
	_ = d.sandbox.locked(func(c *call) { // without an endpoint nothing is sent
		if latest, ok := lookup[*event](c.sandbox.store, e.ID); ok {
			e = latest
		}
		if found, ok := lookup[*webhookEndpoint](c.sandbox.store, item.endpoint); ok && !found.Disabled {
			endpoint = found
		} else {
			d.sandbox.journal.finish(item)
		}
	})
	return endpoint, e
}

// arrived notes that an endpoint has an event, and lets go of the older one of the same
// object that was held back for it.
func (d *sender) arrived(item *delivery) {
	_ = d.sandbox.locked(func(c *call) { // what is not written is sent again after a restart
		d.sandbox.journal.finish(item)
		e, ok := lookup[*event](c.sandbox.store, item.event.ID)
		if ok && slices.Contains(e.Pending, item.endpoint) {
			update(c, e, func(e *event) {
				e.Pending = slices.DeleteFunc(slices.Clone(e.Pending), func(id string) bool { return id == item.endpoint })
			})
		}
	})
	now := d.sandbox.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lane(item.endpoint).release(item.event.objectID(), item.event.Seq, now)
}

func (d *sender) post(ctx context.Context, endpoint *webhookEndpoint, e *event) error {
	w := writer{buf: make([]byte, 0, 2048)}
	e.render(&w)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint.URL, bytes.NewReader(w.buf))
	if err != nil {
		return fmt.Errorf("make webhook request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	req.Header.Set("Stripe-Signature", sign(w.buf, endpoint.Secret, time.Now()))
	resp, err := d.client.Do(req)
	if err != nil {
		return fmt.Errorf("post webhook: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("post webhook: status %d", resp.StatusCode)
	}
	return nil
}

// sign returns the header as in https://docs.stripe.com/webhooks#verify-manually. The
// time is the real one, whatever the sandbox's clock says: receivers check it.
func sign(body []byte, secret string, at time.Time) string {
	t := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(t + "."))
	mac.Write(body)
	return "t=" + t + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
