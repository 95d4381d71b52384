package activities_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// TestPageResolvesDefaultsOnce: the default methods are recorded before any of those rows is sent, in one heartbeat when the page is
// there before its time; a repeated page sends the very same.
func TestPageResolvesDefaultsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPageBench(30)
		for i := range b.files.rows {
			if i%2 == 0 {
				b.files.rows[i].PaymentMethod = ""
			}
		}
		b.in.Rate, b.in.T0 = 10, time.Now().Add(3*time.Second)
		r := &run{}
		b.stripe.answer = func(q activities.CreatePaymentIntentRequest, _ int) (activities.PaymentIntent, error) {
			if q.PaymentMethod == "pm_default" {
				require.Contains(t, r.firstBeat(), fmt.Sprintf(`{"row":%d,"payment_method":"pm_default","first_sent_at":`, q.Amount-100))
			}
			return activities.PaymentIntent{ID: "pi_" + q.Metadata[activities.MetadataReference], Status: activities.PaymentIntentSucceeded}, nil
		}
		began := time.Now()
		_, err := do(t, r, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		require.Equal(t, 15, strings.Count(r.beats[len(r.beats)-1], "pm_default"))
		require.LessOrEqual(t, len(r.beats), 17)
		require.Len(t, b.stripe.reads, 15, "each customer is read once")
		require.Equal(t, 3*time.Second, b.stripe.sentAt[0].Sub(began))
	})
}

// TestPageAfterACrash: a run of the page ends at any moment, with or without what it left behind. The next one takes nothing twice,
// and resolves nothing anew.
func TestPageAfterACrash(t *testing.T) {
	t.Parallel()
	at := now.Add(-time.Minute).Format(time.RFC3339)
	paid := `{"row":0,"outcome":"succeeded","payment_intent":"pi_r0"}`
	for name, test := range map[string]struct {
		details string
		// sent are the rows that are sent again, with their methods.
		sent    []string
		methods map[string]string
		// unknown: the key is not trusted any more.
		scheduled time.Time
		outcomes  map[string]activities.ChargeOutcome
		handed    []string
	}{
		"nothing was left": {sent: []string{"r0", "r1", "r2"}},
		"a row was done":   {details: `{"rows":[` + paid + `]}`, sent: []string{"r1", "r2"}},
		"a row was in flight with the customer's default": {
			details: `{"rows":[` + paid + `,{"row":1,"payment_method":"pm_frozen","first_sent_at":"` + at + `"}]}`,
			sent:    []string{"r1", "r2"}, methods: map[string]string{"r1": "pm_frozen", "r2": "pm_2"},
		},
		"in flight since a day": {
			details: `{"rows":[{"row":1,"first_sent_at":"` + now.Add(-21*time.Hour).Format(time.RFC3339) + `"}]}`,
			sent:    []string{"r0", "r2"}, outcomes: map[string]activities.ChargeOutcome{"r1": activities.ChargeUnknown}, handed: []string{"r1"},
		},
		"nothing was left, and the page was scheduled a day ago": {
			scheduled: now.Add(-21 * time.Hour), handed: []string{"r0", "r1", "r2"},
			outcomes: map[string]activities.ChargeOutcome{
				"r0": activities.ChargeUnknown, "r1": activities.ChargeUnknown, "r2": activities.ChargeUnknown,
			},
		},
		"it ended in good order a day after it was scheduled": {
			details: `{"settled":1,"rows":[` + paid + `]}`, scheduled: now.Add(-21 * time.Hour), sent: []string{"r1", "r2"},
		},
		"a later one crashed, too": {
			details: `{"settled":0,"rows":[` + paid + `]}`, scheduled: now.Add(-21 * time.Hour), handed: []string{"r1", "r2"},
			outcomes: map[string]activities.ChargeOutcome{"r1": activities.ChargeUnknown, "r2": activities.ChargeUnknown},
		},
		"a decline was not handed over yet": {
			details: `{"rows":[{"row":1,"outcome":"declined","payment_intent":"pi_r1","code":"card_declined","hand_over_due":true,"at":"` + at + `"}]}`,
			sent:    []string{"r0", "r2"}, outcomes: map[string]activities.ChargeOutcome{"r1": activities.ChargeDeclined}, handed: []string{"r1"},
		},
		"a decline was handed over": {
			details: `{"rows":[{"row":1,"outcome":"declined","payment_intent":"pi_r1","code":"card_declined","handed_over":true}]}`,
			sent:    []string{"r0", "r2"}, outcomes: map[string]activities.ChargeOutcome{"r1": activities.ChargeDeclined},
		},
		"details that cannot be read": {details: `{"rows":7}`, sent: []string{"r0", "r1", "r2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newPageBench(3)
			b.clock(now)
			r := &run{attempt: 2, scheduled: now.Add(-time.Hour)}
			if test.details != "" {
				r.details = json.RawMessage(test.details)
			}
			if !test.scheduled.IsZero() {
				r.scheduled = test.scheduled
			}
			res, err := do(t, r, b.runs.ChargePage, b.in)
			require.NoError(t, err)
			require.ElementsMatch(t, test.sent, b.stripe.sent)
			for reference, method := range test.methods {
				require.Equal(t, method, b.stripe.methods[reference])
			}
			require.ElementsMatch(t, test.handed, b.workflows.references())
			rows := 0
			for outcome := range res.Totals {
				rows += res.Totals.Rows(outcome)
			}
			require.Equal(t, 3, rows)
			for reference, outcome := range b.outcomes() {
				if want, ok := test.outcomes[reference]; ok {
					require.Equal(t, want, outcome, reference)
				} else {
					require.Equal(t, activities.ChargeSucceeded, outcome, reference)
				}
			}
		})
	}
}

// TestPageHandedOverBeforeACrash: the run before started the CollectPayment and crashed before it could say so. The row is not sent
// again: what has been done since is not under its key.
func TestPageHandedOverBeforeACrash(t *testing.T) {
	t.Parallel()
	b := newPageBench(2)
	b.clock(now)
	codes := activities.Codes{Code: activities.CodeNoPaymentMethod}
	b.workflows.there["r0"] = activities.OwnedWorkflow{
		State: "awaiting_customer", Owner: "billing-run:july", Customer: "cus_0", Amount: 100, Currency: "usd",
		FirstAttempt: &activities.ChargeResult{Outcome: activities.ChargeDeclined, Codes: codes},
	}
	_, err := do(t, &run{attempt: 2, scheduled: now}, b.runs.ChargePage, b.in)
	require.NoError(t, err)
	require.Equal(t, []string{"r1"}, b.stripe.sent)
	require.True(t, b.files.results[0].HandedOver)
	require.Equal(t, activities.ChargeDeclined, b.files.results[0].Outcome)
	require.Equal(t, codes, b.files.results[0].Codes)
}

// TestPageRepeatedGoesSlower: at a quarter of the rate.
func TestPageRepeatedGoesSlower(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPageBench(20)
		b.in.Rate = 40
		began := time.Now()
		_, err := do(t, &run{attempt: 2, scheduled: time.Now()}, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		require.InDelta(t, 1900*time.Millisecond, time.Since(began), float64(60*time.Millisecond))
	})
}

// TestPageDeadline: five seconds before it nothing is sent any more. What was sent is waited for, and the next run goes on.
func TestPageDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPageBench(100)
		b.in.Rate = 10
		r := &run{deadline: 8950 * time.Millisecond}
		slow := 2 * time.Second
		b.stripe.answer = func(activities.CreatePaymentIntentRequest, int) (activities.PaymentIntent, error) {
			pass(slow)
			return activities.PaymentIntent{ID: "pi", Status: activities.PaymentIntentSucceeded}, nil
		}
		began := time.Now()
		_, err := do(t, r, b.runs.ChargePage, b.in)
		requireError(t, err, activities.ErrorPageInterrupted, true)
		require.Len(t, b.stripe.sent, 40)
		require.Less(t, time.Since(began), 7*time.Second)
		require.Equal(t, 40, strings.Count(r.beats[len(r.beats)-1], "succeeded"), "what was under way was waited for")

		_, err = do(t, &run{attempt: 2, scheduled: began, details: r.last()}, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		require.Len(t, b.stripe.sent, 100, "none is sent twice")

		// An answer that takes too long is not waited for: the row is in flight.
		b, r, slow = newPageBench(1), &run{deadline: 7 * time.Second}, 20*time.Second
		b.stripe.answer = func(activities.CreatePaymentIntentRequest, int) (activities.PaymentIntent, error) {
			pass(slow)
			return activities.PaymentIntent{ID: "pi", Status: activities.PaymentIntentSucceeded}, nil
		}
		began = time.Now()
		_, err = do(t, r, b.runs.ChargePage, b.in)
		requireError(t, err, activities.ErrorPageInterrupted, true)
		require.Equal(t, 6*time.Second, time.Since(began))
		require.Contains(t, r.beats[len(r.beats)-1], `{"row":0,"first_sent_at":`)
		pass(time.Minute)
		synctest.Wait()
		require.Equal(t, 1, b.stripe.taken["r0"], "a send is never abandoned")
	})
}

// TestPageSuperseded: Temporal has given the page to somebody else. This run writes nothing that could replace what that one knows.
func TestPageSuperseded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPageBench(100)
		b.in.Rate = 10
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b.stripe.answer = func(q activities.CreatePaymentIntentRequest, _ int) (activities.PaymentIntent, error) {
			if q.Metadata[activities.MetadataReference] == "r20" {
				cancel()
			}
			return activities.PaymentIntent{ID: "pi", Status: activities.PaymentIntentSucceeded}, nil
		}
		_, err := do(t, &run{within: ctx}, b.runs.ChargePage, b.in)
		require.Error(t, err)
		require.Nil(t, b.files.checkpoint)
		require.Nil(t, b.files.results)
	})
}

// TestPageTwiceAtOnce: a run that was given up goes on while the next one is at work, on another worker. Stripe's key keeps the money
// together, and the payment's workflow id the hand-over.
func TestPageTwiceAtOnce(t *testing.T) {
	t.Parallel()
	b := newPageBench(40)
	b.stripe.answer = b.stripe.keeping(func(r activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error) {
		if r.Amount%4 == 0 {
			return declined(r, activities.Codes{Code: "card_declined"})
		}
		return activities.PaymentIntent{ID: "pi_" + r.Metadata[activities.MetadataReference], Status: activities.PaymentIntentSucceeded}, nil
	})
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			res, err := do(t, &run{}, b.worker(nil).ChargePage, b.in)
			if err != nil || res.Totals.Rows(activities.ChargeSucceeded) != 30 || res.Totals.Rows(activities.ChargeDeclined) != 10 {
				t.Errorf("%v, %v", res, err)
			}
		})
	}
	both.Wait()
	require.Len(t, b.workflows.references(), 10)
	for _, row := range b.files.results {
		require.Equal(t, row.Amount%4 == 0, row.HandedOver)
	}
}

// TestPageClosing: a page that stopped is settled without sending anything.
func TestPageClosing(t *testing.T) {
	t.Parallel()
	b := newPageBench(6)
	b.clock(now)
	long, just := now.Add(-time.Hour).Format(time.RFC3339), now.Add(-time.Minute).Format(time.RFC3339)
	b.files.checkpoint = []byte(`{"row":0,"outcome":"succeeded","payment_intent":"pi_r0"}
{"row":1,"outcome":"declined","payment_intent":"pi_r1","code":"card_declined","hand_over_due":true}
{"row":2,"first_sent_at":"` + long + `"}
{"row":3,"first_sent_at":"` + long + `"}
{"row":4,"first_sent_at":"` + just + `"}
`)
	b.stripe.found = map[string][]activities.PaymentIntent{"r2": {{
		ID: "pi_r2", Status: activities.PaymentIntentSucceeded, Amount: 102, Currency: "usd", Customer: "cus_2",
	}}}
	b.in.Closing = true
	res, err := do(t, &run{}, b.runs.ChargePage, b.in)
	require.NoError(t, err)
	require.Empty(t, b.stripe.sent)
	require.Equal(t, map[string]activities.ChargeOutcome{
		"r0": activities.ChargeSucceeded, "r1": activities.ChargeDeclined, "r2": activities.ChargeSucceeded,
		"r3": activities.RowNotCharged, "r4": activities.ChargeUnknown, "r5": activities.RowNotCharged,
	}, b.outcomes())
	require.Equal(t, []string{"r1", "r4"}, b.workflows.references())
	require.Equal(t, 2, res.Totals.Rows(activities.RowNotCharged))
	require.Empty(t, b.files.checkpoint)
}
