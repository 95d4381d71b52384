// Package demo walks eight customers through the product, on a stack that runs on this machine: a real Temporal server,
// worker and web server, the Stripe sandbox and a mail server. What the customers do goes over HTTP, as from a browser.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/offsession/offsession/internal/devstack"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// stepPatience is how long any single step may take on a slow machine.
const stepPatience = 90 * time.Second

// Tour is one walk.
type Tour struct {
	// Stack is what it runs on.
	Stack *devstack.Stack
	// Client starts and watches the workflows.
	Client *client.Client
	// Out gets the timeline.
	Out io.Writer

	mu    sync.Mutex
	start time.Time
	ends  []end
}

// end is how one workflow ended, and how it should have.
type end struct {
	customer   int
	workflowID string
	want, got  string
	note       string
}

// Run walks all customers, one after the other, and prints what happens. The error names every end that is not as it
// should be; nil says that all are right.
func (t *Tour) Run(ctx context.Context) error {
	t.start = time.Now()
	var errs []error
	for i, c := range customers {
		t.printf("\nCustomer %d: %s\n", i+1, c.title)
		stepCtx, cancel := context.WithTimeout(ctx, stepPatience)
		v := &visit{Tour: t, ctx: stepCtx, number: i + 1}
		if err := c.walk(v); err != nil {
			errs = append(errs, fmt.Errorf("customer %d: %w", i+1, err))
			v.say("stopped: %v", err)
		}
		cancel()
	}
	t.printMails()
	t.printEnds()
	for _, e := range t.ends {
		if e.got != e.want {
			errs = append(errs, fmt.Errorf("%s ended as %q, not as %q", e.workflowID, e.got, e.want))
		}
	}
	errs = append(errs, t.audit())
	return errors.Join(errs...)
}

func (t *Tour) printf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = fmt.Fprintf(t.Out, format, args...)
}

// audit asks the sandbox what was really paid.
func (t *Tour) audit() error {
	ledger := t.Stack.Sandbox.Ledger("")
	if len(ledger.PaidMoreThanOnce) > 0 {
		return fmt.Errorf("paid more than once: %s", strings.Join(ledger.PaidMoreThanOnce, ", "))
	}
	if len(ledger.KeysReused) > 0 {
		return fmt.Errorf("idempotency keys sent with other values: %s", strings.Join(ledger.KeysReused, ", "))
	}
	t.printf("\nStripe's side (the sandbox's ledger): %d payments, none taken twice.\n", len(ledger.References))
	return nil
}

func (t *Tour) printMails() {
	t.printf("\nMails that went out\n")
	for _, m := range t.Stack.Mailbox.Mails("") {
		t.printf("  %6s  to %-22s  %s\n", since(t.start, m.At), m.To, m.Subject)
	}
}

func (t *Tour) printEnds() {
	t.printf("\nHow they ended\n")
	for _, e := range t.ends {
		mark := "ok"
		if e.got != e.want {
			mark = "WRONG, expected " + e.want
		}
		t.printf("  customer %d  %-14s %s  %s\n              %s\n", e.customer, e.got, mark, e.note, t.Stack.WorkflowURL(e.workflowID))
	}
}

func since(start, at time.Time) string {
	return fmt.Sprintf("+%.1fs", at.Sub(start).Seconds())
}

// visit is one customer's part of the tour.
type visit struct {
	*Tour
	ctx    context.Context //nolint:containedctx // a visit is a sequence of steps under one deadline
	number int
}

// say prints a line of the timeline.
func (v *visit) say(format string, args ...any) {
	v.printf("  %6s  %s\n", since(v.start, time.Now()), fmt.Sprintf(format, args...))
}

func (v *visit) reference(kind string) string { return fmt.Sprintf("demo-%d-%s", v.number, kind) }

func (v *visit) email() string { return fmt.Sprintf("customer-%d@example.com", v.number) }

// ended notes how a workflow ended.
func (v *visit) ended(workflowID, want, got, note string) {
	v.ends = append(v.ends, end{customer: v.number, workflowID: workflowID, want: want, got: got, note: note})
}

// awaitPaid waits for the payment's end and notes it.
func (v *visit) awaitPaid(reference string) error {
	p, err := v.Client.Wait(v.ctx, reference)
	if err != nil {
		return fmt.Errorf("wait for payment %s: %w", reference, err)
	}
	v.say("payment:%s is %s after %d automatic attempt(s)", reference, p.State, len(p.Attempts))
	v.ended(p.WorkflowID, string(workflows.PaymentPaid), string(p.State), p.PaymentIntent)
	return nil
}

// awaitState waits until the payment is in a state.
func (v *visit) awaitState(reference string, want workflows.PaymentState) (client.Payment, error) {
	return await(v, reference, v.Client.Payment, func(p client.Payment) bool { return p.State == want })
}

// awaitAgreement waits until the agreement is as it should be.
func (v *visit) awaitAgreement(reference string, as func(client.Agreement) bool) (client.Agreement, error) {
	return await(v, reference, v.Client.Agreement, as)
}

// await reads something until it is as it should be.
func await[T any](v *visit, reference string, read func(context.Context, string) (T, error), as func(T) bool) (T, error) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		seen, err := read(v.ctx, reference)
		if err != nil {
			return seen, fmt.Errorf("read %s: %w", reference, err)
		}
		if as(seen) {
			return seen, nil
		}
		select {
		case <-ticker.C:
		case <-v.ctx.Done():
			return seen, fmt.Errorf("%s is not as it should be, %+v: %w", reference, seen, v.ctx.Err())
		}
	}
}
