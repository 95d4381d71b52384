package stripesandbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// WebhookMode is how deliveries behave.
type WebhookMode string

// The modes of POST /_sandbox/webhooks.
const (
	WebhooksNormal     WebhookMode = "normal"
	WebhooksLost       WebhookMode = "lost"       // not sent; the events stay undelivered
	WebhooksDuplicated WebhookMode = "duplicated" // sent twice
	WebhooksDelayed    WebhookMode = "delayed"    // sent after delay_ms
)

var webhookModes = []WebhookMode{WebhooksNormal, WebhooksLost, WebhooksDuplicated, WebhooksDelayed}

// WebhookBehaviour is the body of POST /_sandbox/webhooks. It counts for events that
// happen from then on.
type WebhookBehaviour struct {
	Mode    WebhookMode `json:"mode"`
	DelayMS int         `json:"delay_ms,omitempty"`
}

func (b WebhookBehaviour) validate() error {
	if !slices.Contains(webhookModes, b.Mode) {
		return fmt.Errorf("mode %q is none of %v", b.Mode, webhookModes)
	}
	if (b.Mode == WebhooksDelayed) != (b.DelayMS > 0) {
		return fmt.Errorf("delay_ms is %d, it must be positive for delayed and absent otherwise", b.DelayMS)
	}
	return nil
}

const (
	webhookWorkers = 8
	webhookTimeout = 10 * time.Second
	// Stripe tries for three days, with growing gaps. https://docs.stripe.com/webhooks
	webhookGiveUp  = 72 * time.Hour
	webhookLongest = time.Hour
	// An endpoint that is gone must not take up memory without end. What does not fit
	// stays undelivered, as GET /v1/events?delivery_success=false shows.
	maxDeliveries = 100_000
)

// delivery is one event on its way to one endpoint. Times are the sandbox's.
type delivery struct {
	event    *event
	endpoint *webhookEndpoint
	due      time.Time
	first    time.Time
	tries    int
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
	queue     queue[*delivery]
	behaviour WebhookBehaviour
}

func newSender(s *Sandbox) *sender {
	return &sender{
		sandbox: s,
		client: &http.Client{
			Timeout: webhookTimeout,
			// A redirect counts as a failure, as at Stripe.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
		queue: queue[*delivery]{before: func(a, b *delivery) bool {
			if !a.due.Equal(b.due) {
				return a.due.Before(b.due)
			}
			return a.event.Seq < b.event.Seq
		}},
		behaviour: WebhookBehaviour{Mode: WebhooksNormal},
	}
}

func (d *sender) stop() {
	d.once.Do(func() { close(d.closing) })
	<-d.done
}

func (d *sender) behave(b WebhookBehaviour) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.behaviour = b
}

// enqueue plans the deliveries of an event that has just happened.
func (d *sender) enqueue(e *event, endpoints []*webhookEndpoint, now time.Time) {
	if len(endpoints) == 0 {
		return
	}
	e.pending.Store(int32(len(endpoints)))
	d.mu.Lock()
	b := d.behaviour
	d.mu.Unlock()
	if b.Mode == WebhooksLost {
		return
	}
	due := now.Add(time.Duration(b.DelayMS) * time.Millisecond)
	for _, endpoint := range endpoints {
		d.push(&delivery{event: e, endpoint: endpoint, due: due, first: due})
		if b.Mode == WebhooksDuplicated {
			d.push(&delivery{event: e, endpoint: endpoint, due: due, first: due})
		}
	}
}

func (d *sender) push(item *delivery) {
	d.mu.Lock()
	if d.queue.len() < maxDeliveries {
		d.queue.push(item)
	}
	d.mu.Unlock()
	d.nudge()
}

// nudge makes run look at the queue again.
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
	free := make(chan struct{}, webhookWorkers)
	ticker := time.NewTicker(dueInterval)
	defer ticker.Stop()
	for {
		for item := d.next(); item != nil; item = d.next() {
			select {
			case free <- struct{}{}:
			case <-d.closing:
				return
			}
			workers.Go(func() {
				defer func() { <-free }()
				d.deliver(ctx, item)
			})
		}
		select {
		case <-d.wake:
		case <-ticker.C:
			d.sandbox.locked(func(*call) {})
		case <-d.closing:
			return
		}
	}
}

// next takes the next delivery that is due, nil when there is none.
func (d *sender) next() *delivery {
	now := d.sandbox.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.queue.len() == 0 || d.queue.first().due.After(now) {
		return nil
	}
	return d.queue.pop()
}

func (d *sender) deliver(ctx context.Context, item *delivery) {
	err := d.post(ctx, item)
	if err == nil {
		if item.event.pending.Add(-1) < 0 { // a duplicate, or sent again by hand
			item.event.pending.Store(0)
		}
		return
	}
	if ctx.Err() != nil {
		return
	}
	now := d.sandbox.now()
	item.tries++
	wait := min(d.sandbox.cfg.WebhookRetry<<min(item.tries-1, 20), webhookLongest)
	d.sandbox.cfg.Logger.Warn("webhook not delivered", "event_id", item.event.ID, "event_type", item.event.Type, "tries", item.tries, "retry_in", wait, "error", err)
	if item.due = now.Add(wait); item.due.Sub(item.first) < webhookGiveUp {
		d.push(item)
	}
}

func (d *sender) post(ctx context.Context, item *delivery) error {
	w := writer{buf: make([]byte, 0, 2048)}
	item.event.render(&w)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, item.endpoint.URL, bytes.NewReader(w.buf))
	if err != nil {
		return fmt.Errorf("make webhook request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	req.Header.Set("Stripe-Signature", sign(w.buf, item.endpoint.Secret, time.Now()))
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
