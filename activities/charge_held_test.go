package activities_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// intents is a list as Stripe sends it; an error ends it.
func intents(err error, list ...activities.PaymentIntent) iter.Seq2[activities.PaymentIntent, error] {
	return func(yield func(activities.PaymentIntent, error) bool) {
		for _, pi := range list {
			if !yield(pi, nil) {
				return
			}
		}
		if err != nil {
			yield(activities.PaymentIntent{}, err)
		}
	}
}

// ownedIntent is a payment of an owner, disputed or not.
func ownedIntent(id, owner string, disputed bool) activities.PaymentIntent {
	return activities.PaymentIntent{
		ID: id, Status: activities.PaymentIntentSucceeded, Customer: "cus_1", Disputed: disputed,
		Metadata: map[string]string{activities.MetadataOwner: owner, activities.MetadataReference: "a~" + id},
	}
}

func heldInput() activities.ChargeInput {
	in := chargeInput()
	in.HoldIfDisputed = true
	return in
}

// sendsTo is a Stripe whose list is the one given, and which takes every charge.
func sendsTo(list ...activities.PaymentIntent) *stripeStub {
	return &stripeStub{
		listed: func(activities.ListPaymentIntentsRequest) iter.Seq2[activities.PaymentIntent, error] {
			return intents(nil, list...)
		},
		create: func(activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error) {
			return succeededIntent(), nil
		},
	}
}

const (
	listCall = "list cus_1 after "
	sendCall = "create payment:inv-1:charge:1"
)

// TestChargeHeldByADispute: nothing is sent while a payment of the same owner is disputed and nobody knows of it.
func TestChargeHeldByADispute(t *testing.T) {
	t.Parallel()
	own := ownedIntent("pi_own", "agreement:a", true)
	older := ownedIntent("pi_older", "agreement:a", true)
	full := make([]activities.PaymentIntent, 99)
	for i := range full {
		full[i] = ownedIntent(fmt.Sprintf("pi_%d", i), "agreement:a", false)
	}
	for name, test := range map[string]struct {
		list         []activities.PaymentIntent
		acknowledged []string
		held         string
	}{
		"nothing yet":               {},
		"no dispute":                {list: full},
		"disputed, its own":         {list: []activities.PaymentIntent{full[0], own}, held: "pi_own"},
		"disputed, another owner's": {list: []activities.PaymentIntent{ownedIntent("pi_x", "agreement:b", true)}},
		"disputed, nobody's":        {list: []activities.PaymentIntent{ownedIntent("pi_x", "", true)}},
		"acknowledged":              {list: []activities.PaymentIntent{own}, acknowledged: []string{"pi_z", "pi_own"}},
		"one of two acknowledged":   {list: []activities.PaymentIntent{own, older}, acknowledged: []string{"pi_own"}, held: "pi_older"},
		"the hundredth":             {list: append(full[:99:99], own), held: "pi_own"},
		"the hundred and first":     {list: append(full[:99:99], full[0], own)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sendsTo(test.list...)
			in := heldInput()
			in.Acknowledged = test.acknowledged
			r := &run{}
			res, err := do(t, r, s.activities().Payments.Charge, in)
			require.NoError(t, err)
			require.Empty(t, r.beats)
			if test.held == "" {
				require.Equal(t, activities.ChargeSucceeded, res.Outcome)
				require.Equal(t, []string{listCall, sendCall}, s.calls, "one read, one send")
				return
			}
			require.Equal(t, activities.ChargeResult{Outcome: activities.ChargeHeld, PaymentIntent: test.held, Disputed: []string{test.held}}, res)
			require.Equal(t, []string{listCall}, s.calls, "nothing is sent")
		})
	}
}

// TestChargeDoesNotReadBeyondTheNewestHundred: a page is one request, the next would be another.
func TestChargeDoesNotReadBeyondTheNewestHundred(t *testing.T) {
	t.Parallel()
	taken := 0
	s := sendsTo()
	s.listed = func(r activities.ListPaymentIntentsRequest) iter.Seq2[activities.PaymentIntent, error] {
		require.Equal(t, activities.ListPaymentIntentsRequest{Customer: "cus_1", Charges: true}, r)
		return func(yield func(activities.PaymentIntent, error) bool) {
			for {
				taken++
				if !yield(ownedIntent("pi_1", "agreement:a", false), nil) {
					return
				}
			}
		}
	}
	_, err := do(t, &run{}, s.activities().Payments.Charge, heldInput())
	require.NoError(t, err)
	require.Equal(t, 100, taken)
}

// TestChargeNotHeldWithoutAnOwner: payments of nobody do not hold each other up.
func TestChargeNotHeldWithoutAnOwner(t *testing.T) {
	t.Parallel()
	s := sendsTo(ownedIntent("pi_x", "", true))
	in := heldInput()
	in.Owner = ""
	res, err := do(t, &run{}, s.activities().Payments.Charge, in)
	require.NoError(t, err)
	require.Equal(t, activities.ChargeSucceeded, res.Outcome)
}

// TestChargeAsksForDisputesOnlyBeforeTheFirstSend: once something may have been sent, its outcome is what counts. An
// answer lost on the question itself is no send: it is asked again.
func TestChargeAsksForDisputesOnlyBeforeTheFirstSend(t *testing.T) {
	t.Parallel()
	sentBefore := json.RawMessage(`{"payment_method":"pm_1","first_sent_at":"` + now.Add(-time.Hour).Format(time.RFC3339) + `"}`)
	for name, test := range map[string]struct {
		run   run
		asked bool
	}{
		"first run":                   {run: run{attempt: 1, scheduled: now}, asked: true},
		"first run, queued for a day": {run: run{attempt: 1, scheduled: now.Add(-24 * time.Hour)}, asked: true},
		"the run before died, perhaps after its send":  {run: run{attempt: 2, scheduled: now}},
		"the run before sent":                          {run: run{attempt: 2, scheduled: now, details: sentBefore}},
		"the run before got no answer to the question": {run: run{attempt: 2, scheduled: now, details: json.RawMessage(`{"unsent":1}`)}, asked: true},
		"so did all nine":                              {run: run{attempt: 10, scheduled: now.Add(-30 * time.Hour), details: json.RawMessage(`{"unsent":9}`)}, asked: true},
		"so did the first, the second died":            {run: run{attempt: 3, scheduled: now, details: json.RawMessage(`{"unsent":1}`)}},
		"started anew by an operator":                  {run: run{attempt: 1, scheduled: now, details: json.RawMessage(`{"unsent":4}`)}},
		"details that cannot be read":                  {run: run{attempt: 2, scheduled: now, details: 5}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sendsTo(ownedIntent("pi_own", "agreement:a", true))
			res, err := do(t, &test.run, s.activities().Payments.Charge, heldInput())
			require.NoError(t, err)
			if test.asked {
				require.Equal(t, activities.ChargeHeld, res.Outcome)
				require.Equal(t, []string{listCall}, s.calls)
				return
			}
			require.Equal(t, activities.ChargeSucceeded, res.Outcome)
			require.Equal(t, []string{sendCall}, s.calls)
		})
	}
}

// TestChargeWhenTheQuestionHasNoAnswer: nothing is sent, the repetition knows it, and asks again.
func TestChargeWhenTheQuestionHasNoAnswer(t *testing.T) {
	t.Parallel()
	for kind, want := range map[activities.StripeErrorKind]struct {
		typ     string
		retried bool
	}{
		activities.StripeUnknown:      {activities.ErrorStripeUnavailable, true},
		activities.StripeRateLimited:  {activities.ErrorStripeRateLimited, true},
		activities.StripeUnauthorized: {activities.ErrorStripeUnauthorized, false},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := sendsTo()
			s.listed = func(activities.ListPaymentIntentsRequest) iter.Seq2[activities.PaymentIntent, error] {
				return intents(fail(kind), ownedIntent("pi_1", "agreement:a", false))
			}
			r := &run{attempt: 3, scheduled: now, details: json.RawMessage(`{"unsent":2,"asked_at":"2026-03-01T08:00:00Z"}`)}
			_, err := do(t, r, s.activities().Payments.Charge, heldInput())
			requireError(t, err, want.typ, want.retried)
			require.Equal(t, []string{listCall}, s.calls, "nothing is sent")
			require.Equal(t, []string{`{"unsent":3,"asked_at":"2026-03-01T08:00:00Z"}`}, r.beats)
		})
	}
	s := sendsTo()
	s.listed = func(activities.ListPaymentIntentsRequest) iter.Seq2[activities.PaymentIntent, error] {
		return intents(failParam(activities.StripeMissing, "customer"))
	}
	_, err := do(t, &run{}, s.activities().Payments.Charge, heldInput())
	requireError(t, err, activities.ErrorCustomerMissing, false)
}

// TestChargeAfterUnansweredQuestionsCountsFromItsSend: the time of an outage before the first send is no time of the key.
func TestChargeAfterUnansweredQuestionsCountsFromItsSend(t *testing.T) {
	t.Parallel()
	s := sendsTo()
	s.create = func(activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error) {
		return activities.PaymentIntent{}, fail(activities.StripeUnknown)
	}
	r := &run{attempt: 90, scheduled: now.Add(-25 * time.Hour), details: json.RawMessage(`{"unsent":89}`)}
	_, err := do(t, r, s.activities().Payments.Charge, heldInput())
	requireError(t, err, activities.ErrorStripeUnavailable, true)
	require.Equal(t, []string{`{"payment_method":"pm_1","first_sent_at":"2026-03-01T09:00:00Z"}`}, r.beats)
}

// TestChargeSharesOneListing: a look-back and the question for disputes cost one list, of all pages. What the reference
// has done already weighs more than a dispute.
func TestChargeSharesOneListing(t *testing.T) {
	t.Parallel()
	disputed := ownedIntent("pi_own", "agreement:a", true)
	same := activities.PaymentIntent{
		ID: "pi_same", Status: activities.PaymentIntentSucceeded, Amount: 1099, Currency: "usd", Customer: "cus_1", PaymentMethod: "pm_1",
		Metadata: map[string]string{activities.MetadataOwner: "agreement:a", activities.MetadataReference: "inv-1"},
	}
	others := make([]activities.PaymentIntent, 150)
	for i := range others {
		others[i] = ownedIntent(fmt.Sprintf("pi_%d", i), "agreement:a", false)
	}
	for name, test := range map[string]struct {
		list  []activities.PaymentIntent
		want  activities.ChargeResult
		calls []string
	}{
		"neither": {list: others, want: activities.ChargeResult{Outcome: activities.ChargeSucceeded, PaymentIntent: "pi_1"}, calls: []string{listCall, sendCall}},
		"a dispute": {
			list: append([]activities.PaymentIntent{disputed}, others...), want: activities.ChargeResult{Outcome: activities.ChargeHeld, PaymentIntent: "pi_own", Disputed: []string{"pi_own"}},
			calls: []string{listCall},
		},
		"used before, far back": {
			list: append(others[:150:150], same), calls: []string{listCall, "read pi_same"},
			want: activities.ChargeResult{Outcome: activities.ChargeSucceeded, PaymentIntent: "pi_same", PaymentMethod: "pm_1", Adopted: true},
		},
		"both": {
			list: []activities.PaymentIntent{disputed, same}, calls: []string{listCall, "read pi_same"},
			want: activities.ChargeResult{Outcome: activities.ChargeSucceeded, PaymentIntent: "pi_same", PaymentMethod: "pm_1", Adopted: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sendsTo(test.list...)
			s.intent = func(string) (activities.PaymentIntent, error) { return same, nil }
			in := heldInput()
			in.LookBack = true
			res, err := do(t, &run{}, s.activities().Payments.Charge, in)
			require.NoError(t, err)
			require.Equal(t, test.want, res)
			require.Equal(t, test.calls, s.calls)
		})
	}
}

// TestChargeLooksBackAloneOnceSent: the repetition of a send that may have happened asks for the reference only.
func TestChargeLooksBackAloneOnceSent(t *testing.T) {
	t.Parallel()
	s := sendsTo(ownedIntent("pi_own", "agreement:a", true))
	s.list = func(string, string) ([]activities.PaymentIntent, error) { return nil, nil }
	in := heldInput()
	in.LookBack = true
	res, err := do(t, &run{attempt: 2, scheduled: now}, s.activities().Payments.Charge, in)
	require.NoError(t, err)
	require.Equal(t, activities.ChargeSucceeded, res.Outcome)
	require.Equal(t, []string{"list cus_1 inv-1", sendCall}, s.calls)
}

// TestChargeNoticesAUsedReferenceWithoutALookBack: the list of the newest payments is there anyway.
func TestChargeNoticesAUsedReferenceWithoutALookBack(t *testing.T) {
	t.Parallel()
	in := heldInput()
	used := activities.PaymentIntent{
		ID: "pi_used", Status: activities.PaymentIntentSucceeded, Amount: in.Amount, Currency: in.Currency, Customer: in.Customer,
		Metadata: map[string]string{activities.MetadataReference: in.Reference, activities.MetadataOwner: in.Owner},
	}
	s := sendsTo(ownedIntent("pi_own", in.Owner, true), used)
	s.intent = func(string) (activities.PaymentIntent, error) { return used, nil }
	res, err := do(t, &run{}, s.activities().Payments.Charge, in)
	require.NoError(t, err)
	require.Equal(t, activities.ChargeSucceeded, res.Outcome)
	require.True(t, res.Adopted)
	require.Equal(t, "pi_used", res.PaymentIntent)
	require.Equal(t, []string{listCall, "read pi_used"}, s.calls, "nothing is sent")
}

// TestChargeGivesUpAskingAfterADay: nothing was sent, but whoever asked must not wait for ever unseen.
func TestChargeGivesUpAskingAfterADay(t *testing.T) {
	t.Parallel()
	s := sendsTo()
	s.listed = func(activities.ListPaymentIntentsRequest) iter.Seq2[activities.PaymentIntent, error] {
		return intents(fail(activities.StripeUnknown))
	}
	first := &run{attempt: 1, scheduled: now}
	_, err := do(t, first, s.activities().Payments.Charge, heldInput())
	requireError(t, err, activities.ErrorStripeUnavailable, true)
	require.Equal(t, []string{`{"unsent":1,"asked_at":"2026-03-01T09:00:00Z"}`}, first.beats)

	last := &run{attempt: 150, scheduled: now, details: json.RawMessage(`{"unsent":149,"asked_at":"2026-02-28T13:00:00Z"}`)}
	res, err := do(t, last, s.activities().Payments.Charge, heldInput())
	require.NoError(t, err)
	require.Equal(t, activities.ChargeUnknown, res.Outcome)
	require.Zero(t, res.FirstSentAt, "nothing was sent")
	require.Equal(t, []string{listCall, listCall}, s.calls)
}
