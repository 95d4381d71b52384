package activities_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// thereRow is what the report says of a row whose CollectPayment was there before.
type thereRow struct {
	outcome       activities.ChargeOutcome
	code          string
	intent        string
	handed, found bool
}

// TestPageMeetsAPayment is the table of what becomes of a row that did not succeed when there is a CollectPayment with its reference
// already: it counts as handed over only when somebody goes on with it, or has.
func TestPageMeetsAPayment(t *testing.T) {
	t.Parallel()
	const ended, lost, conflict = activities.CodePaymentEnded, activities.CodePaymentLost, activities.CodeReferenceConflict
	declinedRow := func(r activities.CreatePaymentIntentRequest, _ int) (activities.PaymentIntent, error) {
		return declined(r, activities.Codes{Code: "card_declined"})
	}
	unknownRow, processingRow := answers(activities.StripeKeyReused, "", ""), status(activities.PaymentIntentProcessing)
	open := activities.OwnedWorkflow{State: "awaiting_customer", Customer: "cus_0", Amount: 100, Currency: "usd"}
	with := func(change func(o *activities.OwnedWorkflow)) activities.OwnedWorkflow {
		o := open
		change(&o)
		return o
	}
	other := with(func(o *activities.OwnedWorkflow) { o.Amount = 101 })
	paid := with(func(o *activities.OwnedWorkflow) {
		o.State, o.Ended, o.PaymentIntent, o.PaymentMethod = "paid", true, "pi_theirs", "pm_theirs"
	})
	canceled := with(func(o *activities.OwnedWorkflow) { o.State, o.Ended = "canceled", true })
	writtenOff := with(func(o *activities.OwnedWorkflow) {
		o.State, o.Ended, o.DeclineCode = "uncollectible", true, "expired_card"
	})
	terminated := with(func(o *activities.OwnedWorkflow) { o.State, o.Ended, o.Lost = "charging", true, true })
	at := func(id string, s activities.PaymentIntentStatus) activities.PaymentIntent {
		return activities.PaymentIntent{ID: id, Status: s, Customer: "cus_0", Amount: 100, Currency: "usd", PaymentMethod: "pm_theirs"}
	}
	const long = time.Hour // Stripe is certain by then
	for name, test := range map[string]struct {
		answer answerFunc
		there  activities.OwnedWorkflow
		stripe []activities.PaymentIntent
		// sent is how long ago the row was sent, when an earlier run of the page did it; zero sends it now.
		sent time.Duration
		want thereRow
	}{
		"declined, other values":   {answer: declinedRow, there: other, want: thereRow{outcome: activities.RowRejected, code: conflict, intent: "pi_r0"}},
		"declined, open":           {answer: declinedRow, there: open, want: thereRow{outcome: activities.ChargeDeclined, code: "card_declined", intent: "pi_r0", handed: true}},
		"declined, paid":           {answer: declinedRow, there: paid, want: thereRow{outcome: activities.ChargeSucceeded, intent: "pi_theirs", found: true}},
		"declined, canceled":       {answer: declinedRow, there: canceled, want: thereRow{outcome: activities.ChargeDeclined, code: "card_declined", intent: "pi_r0"}},
		"declined, written off":    {answer: declinedRow, there: writtenOff, want: thereRow{outcome: activities.ChargeDeclined, code: "card_declined", intent: "pi_r0"}},
		"declined, terminated":     {answer: declinedRow, there: terminated, want: thereRow{outcome: activities.ChargeDeclined, code: "card_declined", intent: "pi_r0"}},
		"processing, other values": {answer: processingRow, there: other, want: thereRow{outcome: activities.ChargeProcessing, code: conflict, intent: "pi_x"}},
		"processing, open":         {answer: processingRow, there: open, want: thereRow{outcome: activities.ChargeProcessing, intent: "pi_x", handed: true}},
		"processing, canceled": {
			answer: processingRow, there: canceled, stripe: []activities.PaymentIntent{at("pi_x", activities.PaymentIntentProcessing)},
			want: thereRow{outcome: activities.ChargeProcessing, code: ended, intent: "pi_x"},
		},
		"processing, paid by the same": {
			answer: processingRow, there: paid, stripe: []activities.PaymentIntent{at("pi_x", activities.PaymentIntentSucceeded)},
			want: thereRow{outcome: activities.ChargeSucceeded, intent: "pi_x", found: true},
		},
		"processing, paid by another": {
			answer: processingRow, there: paid,
			stripe: []activities.PaymentIntent{at("pi_x", activities.PaymentIntentProcessing), at("pi_theirs", activities.PaymentIntentSucceeded)},
			want:   thereRow{outcome: activities.ChargeProcessing, code: ended, intent: "pi_x"},
		},
		"unknown, other values": {answer: unknownRow, there: other, want: thereRow{outcome: activities.ChargeUnknown, code: conflict}},
		"unknown, open":         {answer: unknownRow, there: open, want: thereRow{outcome: activities.ChargeUnknown, handed: true}},
		"unknown, paid": {
			answer: unknownRow, there: paid, stripe: []activities.PaymentIntent{at("pi_theirs", activities.PaymentIntentSucceeded)},
			want: thereRow{outcome: activities.ChargeSucceeded, intent: "pi_theirs", found: true},
		},
		"unknown, paid, and Stripe has two": {
			answer: unknownRow, there: paid,
			stripe: []activities.PaymentIntent{at("pi_theirs", activities.PaymentIntentSucceeded), at("pi_ours", activities.PaymentIntentSucceeded)},
			want:   thereRow{outcome: activities.ChargeUnknown, code: ended},
		},
		"unknown, canceled, and Stripe has taken it": {
			answer: unknownRow, there: canceled, stripe: []activities.PaymentIntent{at("pi_ours", activities.PaymentIntentSucceeded)},
			want: thereRow{outcome: activities.ChargeSucceeded, intent: "pi_ours", found: true},
		},
		"unknown, canceled, and nothing is left": {
			answer: unknownRow, there: canceled, stripe: []activities.PaymentIntent{at("pi_ours", activities.PaymentIntentCanceled)},
			want: thereRow{outcome: activities.ChargeCanceled, code: ended, intent: "pi_ours", found: true},
		},
		"unknown, canceled, open at Stripe": {
			answer: unknownRow, there: canceled, stripe: []activities.PaymentIntent{at("pi_ours", activities.PaymentIntentRequiresPaymentMethod)},
			want: thereRow{outcome: activities.ChargeUnknown, code: ended},
		},
		"unknown, canceled, Stripe may be at it":     {answer: unknownRow, there: canceled, want: thereRow{outcome: activities.ChargeUnknown, code: ended}},
		"unknown, terminated, Stripe may be at it":   {answer: unknownRow, there: terminated, want: thereRow{outcome: activities.ChargeUnknown, code: lost}},
		"sent before, terminated, nothing at Stripe": {there: terminated, sent: long, want: thereRow{outcome: activities.RowNotCharged, code: lost}},
		"sent before, terminated, taken at Stripe": {
			there: terminated, sent: long, stripe: []activities.PaymentIntent{at("pi_r0", activities.PaymentIntentSucceeded)},
			want: thereRow{outcome: activities.ChargeSucceeded, intent: "pi_r0", found: true},
		},
		"sent before, terminated, processing at Stripe": {
			there: terminated, sent: long, stripe: []activities.PaymentIntent{at("pi_r0", activities.PaymentIntentProcessing)},
			want: thereRow{outcome: activities.ChargeProcessing, code: lost, intent: "pi_r0", found: true},
		},
		"sent before, terminated, Stripe may be at it": {there: terminated, sent: time.Minute, want: thereRow{outcome: activities.ChargeUnknown, code: lost}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newPageBench(1)
			b.clock(now)
			b.stripe.answer = test.answer
			b.stripe.found = map[string][]activities.PaymentIntent{"r0": test.stripe}
			b.workflows.there["r0"] = test.there
			if test.sent > 0 {
				b.files.checkpoint = []byte(`{"row":0,"first_sent_at":"` + now.Add(-test.sent).Format(time.RFC3339) + `"}`)
			}
			res, err := do(t, &run{}, b.runs.ChargePage, b.in)
			require.NoError(t, err)
			row := b.files.results[0]
			require.Equal(t, test.want, thereRow{row.Outcome, row.Code, row.PaymentIntent, row.HandedOver, row.Adopted})
			require.Equal(t, activities.RunTotals{test.want.outcome: {"usd": {Rows: 1, Amount: 100}}}, res.Totals)
			unattended := 1
			if test.want.handed || test.want.outcome == activities.ChargeSucceeded {
				unattended = 0
			}
			require.Equal(t, unattended, res.Unattended)
			require.Empty(t, b.workflows.started)
			require.LessOrEqual(t, len(b.stripe.sent), 1)
			require.True(t, test.sent == 0 || len(b.stripe.sent) == 0, "what the payment did is not under its key")
		})
	}
}

// TestPageMeetsItsOwnPayment: an earlier run of the page handed the row over, and could not say so; the payment has ended since.
func TestPageMeetsItsOwnPayment(t *testing.T) {
	t.Parallel()
	due := `{"row":0,"outcome":"declined","payment_intent":"pi_r0","code":"card_declined","hand_over_due":true,"at":"` + now.Format(time.RFC3339) + `"}`
	for name, test := range map[string]struct {
		details string
		owner   string
		handed  bool
	}{
		"its own":                       {details: `{"rows":[` + due + `]}`, owner: "billing-run:july", handed: true},
		"of somebody else":              {details: `{"rows":[` + due + `]}`, owner: ""},
		"of the run's reference before": {owner: "billing-run:july"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newPageBench(1)
			b.clock(now)
			b.stripe.answer = func(r activities.CreatePaymentIntentRequest, _ int) (activities.PaymentIntent, error) {
				return declined(r, activities.Codes{Code: "card_declined"})
			}
			b.workflows.there["r0"] = activities.OwnedWorkflow{
				State: "uncollectible", Ended: true, Owner: test.owner, Customer: "cus_0", Amount: 100, Currency: "usd",
			}
			r := &run{}
			if test.details != "" {
				r = &run{attempt: 2, scheduled: now, details: json.RawMessage(test.details)}
			}
			_, err := do(t, r, b.runs.ChargePage, b.in)
			require.NoError(t, err)
			require.Equal(t, activities.ChargeDeclined, b.files.results[0].Outcome)
			require.Equal(t, test.handed, b.files.results[0].HandedOver)
		})
	}
}

// TestPageAsksStripeUntilItAnswers: nothing is decided about a row of which Stripe does not say what became of it.
func TestPageAsksStripeUntilItAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPageBench(1)
		b.stripe.answer = answers(activities.StripeKeyReused, "", "")
		b.stripe.found = map[string][]activities.PaymentIntent{"r0": {{
			ID: "pi_r0", Status: activities.PaymentIntentSucceeded, Customer: "cus_0", Amount: 100, Currency: "usd",
		}}}
		b.workflows.there["r0"] = activities.OwnedWorkflow{State: "canceled", Ended: true, Customer: "cus_0", Amount: 100, Currency: "usd"}
		b.stripe.listFaults = []error{fail(activities.StripeUnknown), fail(activities.StripeRateLimited), fail(activities.StripeUnauthorized)}
		res, err := do(t, &run{}, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		require.Equal(t, activities.StoppedUnauthorized, res.Stopped)
		require.Equal(t, activities.ChargeUnknown, b.files.results[0].Outcome)
		require.Contains(t, string(b.files.checkpoint), "hand_over_due")
		res, err = do(t, &run{}, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		require.Empty(t, res.Stopped)
		require.Equal(t, activities.ChargeSucceeded, b.files.results[0].Outcome)
		require.Equal(t, []string{"r0"}, b.stripe.sent)
	})
}
