package activities_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// process is a worker that dies before or after one of its requests: nothing of what it does later gets out.
type process struct {
	run *run

	mu    sync.Mutex
	steps int
	// at is the request at which it dies, from 1.
	at    int
	after bool
	dead  bool
	// beats is how many heartbeats it had sent then.
	beats int
}

// step makes a request; it reports whether the process lives to see the answer.
func (p *process) step(request func()) bool {
	p.mu.Lock()
	p.steps++
	dies := p.steps == p.at
	if dies && !p.after {
		p.die()
	}
	dead := p.dead
	p.mu.Unlock()
	if dead {
		return false
	}
	request()
	p.mu.Lock()
	defer p.mu.Unlock()
	if dies {
		p.die()
	}
	return !p.dead
}

func (p *process) die() {
	beatsMu.Lock()
	defer beatsMu.Unlock()
	p.dead, p.beats = true, len(p.run.beats)
}

type mortalStripe struct {
	*pageStripe
	*process
}

func (s mortalStripe) CreatePaymentIntent(ctx context.Context, r activities.CreatePaymentIntentRequest) (pi activities.PaymentIntent, err error) {
	if !s.step(func() { pi, err = s.pageStripe.CreatePaymentIntent(ctx, r) }) {
		return activities.PaymentIntent{}, fail(activities.StripeUnknown)
	}
	return pi, err
}

func (s mortalStripe) Customer(ctx context.Context, id string) (c activities.Customer, err error) {
	if !s.step(func() { c, err = s.pageStripe.Customer(ctx, id) }) {
		return activities.Customer{}, fail(activities.StripeUnknown)
	}
	return c, err
}

type mortalFiles struct {
	*pageFiles
	*process
}

func (f mortalFiles) WriteResults(ctx context.Context, file activities.RunFile, p activities.RunPage, results []activities.RowResult) (err error) {
	if !f.step(func() { err = f.pageFiles.WriteResults(ctx, file, p, results) }) {
		return errPort
	}
	return err
}

type mortalWorkflows struct {
	*pageWorkflows
	*process
}

func (w mortalWorkflows) StartPayment(ctx context.Context, h activities.PaymentHandover) (started bool, err error) {
	if !w.step(func() { started, err = w.pageWorkflows.StartPayment(ctx, h) }) {
		return false, errPort
	}
	return started, err
}

// dyingBench is a page with a row of each kind: r0 and r4 succeed, with the customer's default and with a method of their own, r1
// is declined, r2 is processing, and r3 refused.
func dyingBench() *pageBench {
	b := newPageBench(5)
	b.in.Rate = 10
	b.files.rows[0].PaymentMethod, b.files.rows[4].Customer = "", b.files.rows[0].Customer
	b.stripe.found = map[string][]activities.PaymentIntent{}
	b.stripe.answer = b.stripe.keeping(func(r activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error) {
		reference := r.Metadata[activities.MetadataReference]
		pi := activities.PaymentIntent{
			ID: "pi_" + reference, Status: activities.PaymentIntentSucceeded, Customer: r.Customer, Amount: r.Amount, Currency: r.Currency,
			PaymentMethod: r.PaymentMethod,
		}
		var err error
		switch reference {
		case "r1":
			_, err = declined(r, activities.Codes{Code: "card_declined"})
			pi.Status, pi.LastError = activities.PaymentIntentRequiresPaymentMethod, activities.Codes{Code: "card_declined"}
		case "r2":
			pi.Status = activities.PaymentIntentProcessing
		case "r3":
			return activities.PaymentIntent{}, &activities.StripeError{Kind: activities.StripeRefused, Codes: activities.Codes{Code: "amount_too_small"}}
		}
		b.stripe.mu.Lock()
		defer b.stripe.mu.Unlock()
		b.stripe.found[reference] = append(b.stripe.found[reference], pi)
		if err != nil {
			return activities.PaymentIntent{}, err
		}
		return pi, nil
	})
	return b
}

// dies charges the page on a process that dies at a request. It answers what the heartbeats left behind, and whether the process came
// to that request at all.
func (b *pageBench) dies(t *testing.T, at int, after bool) (details any, died bool) {
	t.Helper()
	r := &run{deadline: 20 * time.Second}
	p := &process{run: r, at: at, after: after}
	runs := activities.New(activities.Ports{
		PaymentIntents: mortalStripe{b.stripe, p}, Customers: mortalStripe{b.stripe, p}, RunFiles: mortalFiles{b.files, p},
		Workflows: mortalWorkflows{b.workflows, p},
	}).Runs
	_, err := do(t, r, runs.ChargePage, b.in)
	p.mu.Lock()
	defer p.mu.Unlock()
	require.Equal(t, p.dead, err != nil)
	if p.beats > 0 {
		details = json.RawMessage(r.beats[p.beats-1])
	}
	return details, p.dead
}

// TestPageDies before and after each of its requests to Stripe, Temporal and the files, with and without its last heartbeat. Whoever
// goes on with it, also without knowing anything of it, takes nothing twice, and comes to the same results; when it is only closed,
// nothing more is sent, and what was taken is found.
func TestPageDies(t *testing.T) {
	t.Parallel()
	for name, goOn := range map[string]func(t *testing.T, b *pageBench, began time.Time, details any){
		"the next attempt goes on": func(t *testing.T, b *pageBench, began time.Time, details any) {
			t.Helper()
			_, err := do(t, &run{attempt: 2, scheduled: began, details: details}, b.runs.ChargePage, b.in)
			require.NoError(t, err)
			b.requireAsWithoutDeath(t)
		},
		"it is given out again, and nothing is known": func(t *testing.T, b *pageBench, began time.Time, details any) {
			t.Helper()
			b.loses(t, began, details)
			_, err := do(t, &run{}, b.runs.ChargePage, b.in)
			require.NoError(t, err)
			b.requireAsWithoutDeath(t)
		},
		"it is closed, and nothing is known": func(t *testing.T, b *pageBench, began time.Time, details any) {
			t.Helper()
			b.loses(t, began, details)
			sent := len(b.stripe.sent)
			b.in.Closing = true
			for stopped := true; stopped; {
				res, err := do(t, &run{}, b.runs.ChargePage, b.in)
				require.NoError(t, err)
				require.Contains(t, []string{"", activities.StoppedUnsettled}, res.Stopped)
				stopped, b.in.LostSince = res.Stopped != "", time.Time{}
				pass(5 * time.Minute)
			}
			require.Len(t, b.stripe.sent, sent)
			for _, row := range b.files.results {
				found := b.stripe.found[row.Reference]
				require.LessOrEqual(t, len(found), 1)
				taken := len(found) == 1 && found[0].Status == activities.PaymentIntentSucceeded
				require.Equal(t, taken, row.Outcome == activities.ChargeSucceeded, "%+v", row)
				require.Equal(t, row.HandedOver, b.workflows.started[row.Reference].Reference != "", "%+v", row)
				if row.Outcome == activities.RowNotCharged {
					require.Empty(t, found, row.Reference)
				}
			}
		},
	} {
		for _, after := range []bool{false, true} {
			for _, beat := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, after: %t, heartbeat: %t", name, after, beat), func(t *testing.T) {
					t.Parallel()
					requests := 0
					for died := true; died; requests++ {
						synctest.Test(t, func(t *testing.T) {
							b := dyingBench()
							began := time.Now()
							var details any
							if details, died = b.dies(t, requests+1, after); !died {
								return
							}
							if !beat {
								details = nil
							}
							goOn(t, b, began, details)
						})
					}
					require.Equal(t, 14, requests, "four reads, five sends, three hand-overs, the results, and one that is not made")
				})
			}
		}
	}
}

// loses ends the page's activity, and with it what its heartbeats told.
func (b *pageBench) loses(t *testing.T, began time.Time, details any) {
	t.Helper()
	b.files.changed = true
	res, err := do(t, &run{attempt: 2, scheduled: began, details: details}, b.runs.ChargePage, b.in)
	require.NoError(t, err)
	require.True(t, res.Lost)
	b.files.changed, b.in.LostSince = false, began
}

// requireAsWithoutDeath: the account and the results are those of a page that was never interrupted.
func (b *pageBench) requireAsWithoutDeath(t *testing.T) {
	t.Helper()
	require.Equal(t, map[string]activities.ChargeOutcome{
		"r0": activities.ChargeSucceeded, "r1": activities.ChargeDeclined, "r2": activities.ChargeProcessing,
		"r3": activities.ChargeRefused, "r4": activities.ChargeSucceeded,
	}, b.outcomes())
	require.Equal(t, []string{"r1", "r2", "r3"}, b.workflows.references())
	for _, row := range b.files.results {
		_, started := b.workflows.started[row.Reference]
		require.Equal(t, started, row.HandedOver, row.Reference)
		require.LessOrEqual(t, len(b.stripe.found[row.Reference]), 1, row.Reference)
	}
}
