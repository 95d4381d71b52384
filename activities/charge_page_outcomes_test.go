package activities_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

type answerFunc = func(activities.CreatePaymentIntentRequest, int) (activities.PaymentIntent, error)

func answers(kind activities.StripeErrorKind, param, code string) answerFunc {
	return func(activities.CreatePaymentIntentRequest, int) (activities.PaymentIntent, error) {
		return activities.PaymentIntent{}, &activities.StripeError{Kind: kind, Param: param, Codes: activities.Codes{Code: code}}
	}
}

func status(s activities.PaymentIntentStatus) answerFunc {
	return func(r activities.CreatePaymentIntentRequest, _ int) (activities.PaymentIntent, error) {
		return activities.PaymentIntent{ID: "pi_x", Status: s, LatestCharge: "ch_x", PaymentMethod: r.PaymentMethod}, nil
	}
}

// TestPageOutcomes: what each answer of Stripe makes of a row, and what its CollectPayment starts with.
func TestPageOutcomes(t *testing.T) {
	t.Parallel()
	insufficient := activities.Codes{Code: "card_declined", DeclineCode: "insufficient_funds"}
	tests := map[string]struct {
		answer  answerFunc
		outcome activities.ChargeOutcome
		codes   activities.Codes
		intent  string
		// handed is what is handed over; nil when nothing is.
		handed *activities.ChargeResult
	}{
		"succeeded": {outcome: activities.ChargeSucceeded, intent: "pi_r0"},
		"processing": {
			answer: status(activities.PaymentIntentProcessing), outcome: activities.ChargeProcessing, intent: "pi_x",
			handed: &activities.ChargeResult{Outcome: activities.ChargeProcessing, PaymentIntent: "pi_x", PaymentMethod: "pm_0", LatestCharge: "ch_x"},
		},
		"declined": {
			answer: func(r activities.CreatePaymentIntentRequest, _ int) (activities.PaymentIntent, error) {
				return declined(r, insufficient)
			},
			outcome: activities.ChargeDeclined, codes: insufficient, intent: "pi_r0",
			handed: &activities.ChargeResult{
				Outcome: activities.ChargeDeclined, PaymentIntent: "pi_r0", PaymentMethod: "pm_0", PaymentMethodStamp: "12/30",
				LatestCharge: "ch_r0", Codes: insufficient,
			},
		},
		"needs the customer": {
			answer: status(activities.PaymentIntentRequiresAction), outcome: activities.ChargeNeedsCustomer, intent: "pi_x",
			codes: activities.Codes{Code: "authentication_required"},
			handed: &activities.ChargeResult{
				Outcome: activities.ChargeNeedsCustomer, PaymentIntent: "pi_x", PaymentMethod: "pm_0", LatestCharge: "ch_x",
				Codes: activities.Codes{Code: "authentication_required"},
			},
		},
		"refused": {
			answer: answers(activities.StripeRefused, "amount", "amount_too_small"), outcome: activities.ChargeRefused,
			codes:  activities.Codes{Code: "amount_too_small"},
			handed: &activities.ChargeResult{Outcome: activities.ChargeRefused, PaymentMethod: "pm_0", Codes: activities.Codes{Code: "amount_too_small"}},
		},
		"method unusable": {
			answer: answers(activities.StripeMissing, "payment_method", "resource_missing"), outcome: activities.ChargeDeclined,
			codes: activities.Codes{Code: activities.CodePaymentMethodUnusable},
			handed: &activities.ChargeResult{
				Outcome: activities.ChargeDeclined, PaymentMethod: "pm_0", Codes: activities.Codes{Code: activities.CodePaymentMethodUnusable},
			},
		},
		"customer missing": {
			answer: answers(activities.StripeMissing, "customer", "resource_missing"), outcome: activities.ChargeRefused,
			codes:  activities.Codes{Code: activities.CodeCustomerMissing},
			handed: &activities.ChargeResult{Outcome: activities.ChargeRefused, Codes: activities.Codes{Code: activities.CodeCustomerMissing}},
		},
		"invalid request": {
			answer: answers(activities.StripeInvalid, "amount", "parameter_invalid_integer"), outcome: activities.ChargeRefused,
			codes:  activities.Codes{Code: "parameter_invalid_integer"},
			handed: &activities.ChargeResult{Outcome: activities.ChargeRefused, Codes: activities.Codes{Code: "parameter_invalid_integer"}},
		},
		"invalid request without a code": {
			answer: answers(activities.StripeInvalid, "", ""), outcome: activities.ChargeRefused,
			codes:  activities.Codes{Code: activities.CodeInvalidRequest},
			handed: &activities.ChargeResult{Outcome: activities.ChargeRefused, Codes: activities.Codes{Code: activities.CodeInvalidRequest}},
		},
		"the key was used with other values": {
			answer: answers(activities.StripeKeyReused, "", ""), outcome: activities.ChargeUnknown,
			handed: &activities.ChargeResult{Outcome: activities.ChargeUnknown, PaymentMethod: "pm_0", FirstSentAt: now},
		},
		"stored fault": {
			answer: answers(activities.StripeStoredFault, "", ""), outcome: activities.ChargeUnknown,
			handed: &activities.ChargeResult{Outcome: activities.ChargeUnknown, PaymentMethod: "pm_0", FirstSentAt: now},
		},
		"a broken adapter": {
			answer: func(activities.CreatePaymentIntentRequest, int) (activities.PaymentIntent, error) {
				return activities.PaymentIntent{}, errors.New("nil pointer")
			},
			outcome: activities.ChargeUnknown,
			handed:  &activities.ChargeResult{Outcome: activities.ChargeUnknown, PaymentMethod: "pm_0", FirstSentAt: now},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newPageBench(1)
			b.clock(now)
			b.stripe.answer = test.answer
			b.in.TimeZone, b.in.MessagesWait, b.in.StatementSuffix = "Europe/Berlin", time.Hour, "GYM"
			b.files.rows[0].Metadata = map[string]string{"order": "7"}
			res, err := do(t, &run{}, b.runs.ChargePage, b.in)
			require.NoError(t, err)
			require.Equal(t, activities.RunTotals{test.outcome: {"usd": {Rows: 1, Amount: 100}}}, res.Totals)
			failed := map[activities.ChargeOutcome]int{
				activities.ChargeDeclined: 1, activities.ChargeRefused: 1, activities.ChargeNeedsCustomer: 1, activities.ChargeUnknown: 1,
			}[test.outcome]
			require.Equal(t, failed, res.Failed)
			require.Equal(t, []activities.RowResult{{
				Row: 300, RunRow: b.files.rows[0], Outcome: test.outcome, PaymentIntent: test.intent, ChargedMethod: "pm_0",
				Codes: test.codes, HandedOver: test.handed != nil,
			}}, b.files.results)
			if test.handed == nil {
				require.Empty(t, b.workflows.started)
				return
			}
			require.Equal(t, activities.PaymentHandover{
				ChargeInput: activities.ChargeInput{
					Reference: "r0", Attempt: 1, Owner: "billing-run:july", Amount: 100, Currency: "usd", Customer: "cus_0", PaymentMethod: "pm_0",
					StatementSuffix: "GYM", Metadata: map[string]string{"order": "7"},
				},
				At: now, Result: *test.handed, Run: "july", TimeZone: "Europe/Berlin", MessagesFrom: now.Add(time.Hour),
			}, b.workflows.started["r0"])
		})
	}
}

// TestPageKnownRows: nothing is sent for what the look-back found. A success is paid, a canceled one stays canceled, what was used
// with other values is rejected, and anything else goes to a CollectPayment as it was found.
func TestPageKnownRows(t *testing.T) {
	t.Parallel()
	found := []activities.ChargeResult{
		{Outcome: activities.ChargeSucceeded, PaymentIntent: "pi_0", PaymentMethod: "pm_old"},
		{Outcome: activities.ChargeProcessing, PaymentIntent: "pi_1"},
		{Outcome: activities.ChargeCanceled, PaymentIntent: "pi_2"},
		{Outcome: activities.ChargeConflict, PaymentIntent: "pi_3"},
		{Outcome: activities.ChargeUnknown, PaymentIntent: "pi_4"},
		{Outcome: activities.ChargeDeclined, PaymentIntent: "pi_5", Codes: activities.Codes{Code: "card_declined"}},
	}
	b := newPageBench(7)
	for i, res := range found {
		res.Adopted = true
		b.files.known = append(b.files.known, activities.KnownRow{Row: 300 + i, ChargeResult: res})
	}
	b.in.Known = len(found)
	res, err := do(t, &run{}, b.runs.ChargePage, b.in)
	require.NoError(t, err)
	require.Equal(t, 1, res.Judged, "the others tell nothing about this run")
	require.Zero(t, res.Failed)
	require.Equal(t, []string{"r6"}, b.stripe.sent)
	require.Equal(t, []string{"r1", "r4", "r5"}, b.workflows.references())
	require.Equal(t, map[string]activities.ChargeOutcome{
		"r0": activities.ChargeSucceeded, "r1": activities.ChargeProcessing, "r2": activities.ChargeCanceled, "r3": activities.RowRejected,
		"r4": activities.ChargeUnknown, "r5": activities.ChargeDeclined, "r6": activities.ChargeSucceeded,
	}, b.outcomes())
	for i, row := range b.files.results[:6] {
		require.True(t, row.Adopted)
		require.Equal(t, found[i].PaymentIntent, row.PaymentIntent)
	}
	require.Equal(t, "pm_old", b.files.results[0].ChargedMethod)
	require.Equal(t, activities.CodeReferenceConflict, b.files.results[3].Code)
	require.True(t, b.workflows.started["r4"].Result.Adopted, "the look-up's table decides")
}

// TestPageLooksBackItself: a row that starts more than 20 h after the run's look-back asks Stripe whether its reference was used.
func TestPageLooksBackItself(t *testing.T) {
	t.Parallel()
	b := newPageBench(3)
	b.in.LookedBackAt = time.Now().Add(-activities.KeyTrust - time.Minute)
	paid := activities.PaymentIntent{ID: "pi_old", Status: activities.PaymentIntentSucceeded, Amount: 101, Currency: "usd", Customer: "cus_1"}
	other := paid
	other.Customer = "cus_9"
	b.stripe.found = map[string][]activities.PaymentIntent{"r1": {paid}, "r2": {other}}
	res, err := do(t, &run{}, b.runs.ChargePage, b.in)
	require.NoError(t, err)
	require.Equal(t, []string{"r0"}, b.stripe.sent)
	require.Equal(t, 2, res.Totals.Rows(activities.ChargeSucceeded))
	require.Equal(t, activities.RowRejected, b.files.results[2].Outcome)
	require.True(t, b.files.results[1].Adopted)

	b = newPageBench(1)
	b.in.LookedBackAt = time.Now().Add(-activities.KeyTrust + time.Minute)
	_, err = do(t, &run{}, b.runs.ChargePage, b.in)
	require.NoError(t, err)
	require.Empty(t, b.stripe.reads)
}

// TestPageFindsAPaymentThere: a CollectPayment with the row's reference that was there before goes on with the same payment, and
// makes the row a rejected one when it is another.
func TestPageFindsAPaymentThere(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer  answerFunc
		there   activities.OwnedWorkflow
		outcome activities.ChargeOutcome
		handed  bool
		code    string
	}{
		"the same": {
			answers(activities.StripeRefused, "amount", "amount_too_small"), activities.OwnedWorkflow{Customer: "cus_0", Amount: 100, Currency: "usd"},
			activities.ChargeRefused, true, "amount_too_small",
		},
		"another amount": {
			answers(activities.StripeRefused, "amount", "amount_too_small"), activities.OwnedWorkflow{Customer: "cus_0", Amount: 101, Currency: "usd"},
			activities.RowRejected, false, activities.CodeReferenceConflict,
		},
		"another customer, and the bank may have taken the money": {
			status(activities.PaymentIntentProcessing), activities.OwnedWorkflow{Customer: "cus_1", Amount: 100, Currency: "usd"},
			activities.ChargeProcessing, false, activities.CodeReferenceConflict,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newPageBench(1)
			b.stripe.answer = test.answer
			b.workflows.there["r0"] = test.there
			_, err := do(t, &run{}, b.runs.ChargePage, b.in)
			require.NoError(t, err)
			row := b.files.results[0]
			require.Equal(t, test.outcome, row.Outcome)
			require.Equal(t, test.handed, row.HandedOver)
			require.Equal(t, test.code, row.Code)
			require.Empty(t, b.workflows.started)
		})
	}
}

// TestPageTimeZones: the customer's own zone, else the run's.
func TestPageTimeZones(t *testing.T) {
	t.Parallel()
	for own, want := range map[string]string{"Asia/Tokyo": "Asia/Tokyo", "": "Europe/Paris", "Nowhere/At-All": "Europe/Paris", "Local": "Europe/Paris"} {
		for _, method := range []string{"", "pm_0"} {
			b := newPageBench(1)
			b.files.rows[0].PaymentMethod = method
			b.in.TimeZone = "Europe/Paris"
			b.stripe.answer = answers(activities.StripeRefused, "amount", "amount_too_small")
			b.stripe.customer = func(id string) (activities.Customer, error) {
				return activities.Customer{ID: id, DefaultPaymentMethod: "pm_9", TimeZone: own}, nil
			}
			_, err := do(t, &run{}, b.runs.ChargePage, b.in)
			require.NoError(t, err)
			require.Equal(t, want, b.workflows.started["r0"].TimeZone)
			require.Len(t, b.stripe.reads, 1, "the customer is read once")
		}
	}
	b := newPageBench(1)
	b.in.TimeZone = "Europe/Paris"
	b.stripe.answer = answers(activities.StripeMissing, "customer", "resource_missing")
	b.stripe.customer = func(string) (activities.Customer, error) {
		return activities.Customer{}, failParam(activities.StripeMissing, "customer")
	}
	_, err := do(t, &run{}, b.runs.ChargePage, b.in)
	require.NoError(t, err)
	require.Equal(t, "Europe/Paris", b.workflows.started["r0"].TimeZone)
}
