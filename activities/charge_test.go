package activities_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func toJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func chargeInput() activities.ChargeInput {
	return activities.ChargeInput{
		Reference: "inv-1", Attempt: 1, Owner: "agreement:a", Amount: 1099, Currency: "usd", Customer: "cus_1", PaymentMethod: "pm_1",
		Description: "Gym", StatementSuffix: "GYM", Metadata: map[string]string{"order": "7", "offsession_reference": "forged"},
	}
}

func succeededIntent() activities.PaymentIntent {
	return activities.PaymentIntent{ID: "pi_1", Status: activities.PaymentIntentSucceeded, LatestCharge: "ch_1", PaymentMethod: "pm_1"}
}

func TestChargeCreatesAndConfirms(t *testing.T) {
	t.Parallel()
	s := &stripeStub{create: func(r activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error) {
		require.Equal(t, activities.CreatePaymentIntentRequest{
			Amount: 1099, Currency: "usd", Customer: "cus_1", PaymentMethod: "pm_1", Description: "Gym", StatementSuffix: "GYM",
			Metadata: map[string]string{
				"order": "7", "offsession_workflow_id": "payment:inv-1", "offsession_reference": "inv-1",
				"offsession_owner": "agreement:a", "offsession_attempt": "1",
			},
			IdempotencyKey: "payment:inv-1:charge:1",
		}, r)
		return succeededIntent(), nil
	}}
	r := &run{}
	res, err := do(t, r, s.activities().Payments.Charge, chargeInput())
	require.NoError(t, err)
	require.JSONEq(t, `{"outcome":"succeeded","payment_intent":"pi_1"}`, toJSON(res), "a success is short")
	require.Equal(t, []string{"create payment:inv-1:charge:1"}, s.calls)
	require.Empty(t, r.beats, "a method that the input names needs no heartbeat")
}

func TestChargeConfirmsTheSamePaymentIntent(t *testing.T) {
	t.Parallel()
	s := &stripeStub{confirm: func(r activities.ConfirmPaymentIntentRequest) (activities.PaymentIntent, error) {
		require.Equal(t, activities.ConfirmPaymentIntentRequest{PaymentIntent: "pi_1", PaymentMethod: "pm_1", IdempotencyKey: "payment:inv-1:charge:3"}, r)
		return succeededIntent(), nil
	}}
	in := chargeInput()
	in.Attempt, in.PaymentIntent = 3, "pi_1"
	_, err := do(t, &run{}, s.activities().Payments.Charge, in)
	require.NoError(t, err)
}

// TestChargeKey: nothing but reference and attempt is in it.
func TestChargeKey(t *testing.T) {
	t.Parallel()
	in := chargeInput()
	key := in.IdempotencyKey()
	in.PaymentMethod, in.Owner, in.Customer, in.Amount, in.PaymentIntent, in.Description = "pm_2", "", "cus_2", 5, "pi_9", ""
	require.Equal(t, key, in.IdempotencyKey())
	in.Attempt++
	require.NotEqual(t, key, in.IdempotencyKey())
}

// TestChargeResolvesTheDefaultOnce: the customer's default is frozen by the heartbeat before the first send.
func TestChargeResolvesTheDefaultOnce(t *testing.T) {
	t.Parallel()
	dflt := "pm_a"
	var sent []string
	s := &stripeStub{
		customer: func(string) (activities.Customer, error) {
			return activities.Customer{ID: "cus_1", DefaultPaymentMethod: dflt}, nil
		},
		create: func(r activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error) {
			sent = append(sent, r.PaymentMethod)
			return activities.PaymentIntent{}, fail(activities.StripeUnknown)
		},
	}
	in := chargeInput()
	in.PaymentMethod = ""
	first := &run{}
	_, err := do(t, first, s.activities().Payments.Charge, in)
	requireError(t, err, activities.ErrorStripeUnavailable, true)
	const progress = `{"payment_method":"pm_a","first_sent_at":"2026-03-01T09:00:00Z"}`
	require.Equal(t, []string{progress, progress}, first.beats)

	dflt = "pm_b"
	_, err = do(t, &run{attempt: 2, scheduled: now, details: json.RawMessage(progress)}, s.activities().Payments.Charge, in)
	requireError(t, err, activities.ErrorStripeUnavailable, true)
	require.Equal(t, []string{"pm_a", "pm_a"}, sent, "the repeat sends the very same")

	_, err = do(t, &run{attempt: 2, scheduled: now}, s.activities().Payments.Charge, in)
	requireError(t, err, activities.ErrorStripeUnavailable, true)
	require.Equal(t, []string{"pm_a", "pm_a", "pm_b"}, sent, "without details it is resolved anew; Stripe refuses the key with another method")
}

// TestChargeKeyTrust: 20 h after the first send the key is not used any more.
func TestChargeKeyTrust(t *testing.T) {
	t.Parallel()
	details := func(ago time.Duration) json.RawMessage {
		return json.RawMessage(`{"payment_method":"pm_1","first_sent_at":"` + now.Add(-ago).Format(time.RFC3339) + `"}`)
	}
	for name, test := range map[string]struct {
		run  run
		sent bool
		at   time.Time
	}{
		"first try, queued for a day":      {run: run{attempt: 1, scheduled: now.Add(-24 * time.Hour)}, sent: true},
		"details, just before":             {run: run{attempt: 9, scheduled: now.Add(-30 * time.Hour), details: details(20*time.Hour - time.Second)}, sent: true},
		"details, 20 h":                    {run: run{attempt: 9, scheduled: now.Add(-30 * time.Hour), details: details(20 * time.Hour)}, at: now.Add(-20 * time.Hour)},
		"details lost, scheduled 20 h ago": {run: run{attempt: 2, scheduled: now.Add(-20 * time.Hour)}, at: now.Add(-20 * time.Hour)},
		"details lost, just before":        {run: run{attempt: 2, scheduled: now.Add(-20*time.Hour + time.Second)}, sent: true},
		"details that cannot be read":      {run: run{attempt: 2, scheduled: now.Add(-20 * time.Hour), details: 5}, at: now.Add(-20 * time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stripeStub{create: func(activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error) {
				return succeededIntent(), nil
			}}
			res, err := do(t, &test.run, s.activities().Payments.Charge, chargeInput())
			require.NoError(t, err)
			if test.sent {
				require.Equal(t, activities.ChargeSucceeded, res.Outcome)
				return
			}
			require.Empty(t, s.calls, "nothing is sent")
			require.Equal(t, activities.ChargeUnknown, res.Outcome)
			require.Equal(t, test.at, res.FirstSentAt.UTC())
		})
	}
}

// TestChargeErrors: what each kind of error means for the attempt.
func TestChargeErrors(t *testing.T) {
	t.Parallel()
	declined := activities.PaymentIntent{ID: "pi_1", Status: activities.PaymentIntentRequiresPaymentMethod, LatestCharge: "ch_1", PaymentMethod: "pm_1", PaymentMethodStamp: "fp"}
	other := declined
	other.PaymentMethod = "pm_earlier"
	soft := activities.Codes{Code: "card_declined", DeclineCode: "insufficient_funds", AdviceCode: "try_again_later"}
	auth := activities.Codes{Code: "authentication_required"}
	skipped := activities.Codes{Code: "card_declined", DeclineCode: "authentication_not_handled"}
	for name, test := range map[string]struct {
		err     error
		want    activities.ChargeResult
		typ     string
		retried bool
		beats   int
	}{
		"declined": {
			err:  &activities.StripeError{Kind: activities.StripeDeclined, Codes: soft, PaymentIntent: &declined},
			want: activities.ChargeResult{Outcome: activities.ChargeDeclined, PaymentIntent: "pi_1", PaymentMethod: "pm_1", PaymentMethodStamp: "fp", LatestCharge: "ch_1", Codes: soft},
		},
		"authentication": {
			err:  &activities.StripeError{Kind: activities.StripeDeclined, Codes: auth, PaymentIntent: &declined},
			want: activities.ChargeResult{Outcome: activities.ChargeNeedsCustomer, PaymentIntent: "pi_1", PaymentMethod: "pm_1", PaymentMethodStamp: "fp", LatestCharge: "ch_1", Codes: auth},
		},
		"authentication skipped": {
			err:  &activities.StripeError{Kind: activities.StripeDeclined, Codes: skipped, PaymentIntent: &declined},
			want: activities.ChargeResult{Outcome: activities.ChargeNeedsCustomer, PaymentIntent: "pi_1", PaymentMethod: "pm_1", PaymentMethodStamp: "fp", LatestCharge: "ch_1", Codes: skipped},
		},
		"declined, another method shown": {
			err:  &activities.StripeError{Kind: activities.StripeDeclined, Codes: soft, PaymentIntent: &other},
			want: activities.ChargeResult{Outcome: activities.ChargeDeclined, PaymentIntent: "pi_1", PaymentMethod: "pm_1", LatestCharge: "ch_1", Codes: soft},
		},
		"unusable, another method shown": {
			err:  &activities.StripeError{Kind: activities.StripeMissing, Param: "payment_method", PaymentIntent: &other},
			want: activities.ChargeResult{Outcome: activities.ChargeDeclined, PaymentIntent: "pi_1", PaymentMethod: "pm_1", LatestCharge: "ch_1", Codes: activities.Codes{Code: activities.CodePaymentMethodUnusable}},
		},
		"declined without its PaymentIntent": {
			err:  &activities.StripeError{Kind: activities.StripeDeclined, Codes: soft},
			want: activities.ChargeResult{Outcome: activities.ChargeUnknown, PaymentMethod: "pm_1", FirstSentAt: now},
		},
		"refused": {
			err:  &activities.StripeError{Kind: activities.StripeRefused, Codes: activities.Codes{Code: "amount_too_small"}},
			want: activities.ChargeResult{Outcome: activities.ChargeRefused, PaymentMethod: "pm_1", Codes: activities.Codes{Code: "amount_too_small"}},
		},
		"no such method": {
			err:  failParam(activities.StripeMissing, "payment_method"),
			want: activities.ChargeResult{Outcome: activities.ChargeDeclined, PaymentMethod: "pm_1", Codes: activities.Codes{Code: activities.CodePaymentMethodUnusable}},
		},
		"no such mandate": {
			err: &activities.StripeError{Kind: activities.StripeMissing, Param: "payment_method", Codes: activities.Codes{Code: "payment_intent_mandate_invalid"}},
			want: activities.ChargeResult{
				Outcome: activities.ChargeDeclined, PaymentMethod: "pm_1",
				Codes: activities.Codes{Code: activities.CodePaymentMethodUnusable, DeclineCode: "payment_intent_mandate_invalid"},
			},
		},
		"detached": {
			err:  &activities.StripeError{Kind: activities.StripeMissing, Param: "payment_method", Codes: activities.Codes{Code: "resource_missing"}},
			want: activities.ChargeResult{Outcome: activities.ChargeDeclined, PaymentMethod: "pm_1", Codes: activities.Codes{Code: activities.CodePaymentMethodUnusable}},
		},
		"no such customer": {err: failParam(activities.StripeMissing, "customer"), typ: activities.ErrorCustomerMissing},
		"missing else":     {err: failParam(activities.StripeMissing, "intent"), typ: activities.ErrorStripeInvalid},
		"wrong state":      {err: fail(activities.StripeWrongState), want: activities.ChargeResult{Outcome: activities.ChargeUnknown, PaymentMethod: "pm_1", FirstSentAt: now}},
		"key reused":       {err: fail(activities.StripeKeyReused), want: activities.ChargeResult{Outcome: activities.ChargeUnknown, PaymentMethod: "pm_1", FirstSentAt: now}},
		"stored fault":     {err: fail(activities.StripeStoredFault), want: activities.ChargeResult{Outcome: activities.ChargeUnknown, PaymentMethod: "pm_1", FirstSentAt: now}},
		"unknown":          {err: fail(activities.StripeUnknown), typ: activities.ErrorStripeUnavailable, retried: true, beats: 1},
		"key in use":       {err: fail(activities.StripeKeyInUse), typ: activities.ErrorStripeUnavailable, retried: true, beats: 1},
		"rate limited":     {err: fail(activities.StripeRateLimited), typ: activities.ErrorStripeRateLimited, retried: true, beats: 1},
		"unauthorized":     {err: fail(activities.StripeUnauthorized), typ: activities.ErrorStripeUnauthorized},
		"invalid":          {err: fail(activities.StripeInvalid), typ: activities.ErrorStripeInvalid},
		"not Stripe's":     {err: errors.New("nil pointer in an adapter"), typ: activities.ErrorStripeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stripeStub{create: func(activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error) {
				return activities.PaymentIntent{}, test.err
			}}
			r := &run{}
			res, err := do(t, r, s.activities().Payments.Charge, chargeInput())
			require.Len(t, r.beats, test.beats, "what was sent travels with the repeat")
			if test.typ != "" {
				requireError(t, err, test.typ, test.retried)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, res)
		})
	}
}

// TestChargeStatuses: a 200 is not yet money.
func TestChargeStatuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[activities.PaymentIntentStatus]activities.ChargeOutcome{
		activities.PaymentIntentSucceeded: activities.ChargeSucceeded, activities.PaymentIntentProcessing: activities.ChargeProcessing,
		activities.PaymentIntentRequiresCapture: activities.ChargeProcessing, activities.PaymentIntentRequiresAction: activities.ChargeNeedsCustomer,
		activities.PaymentIntentCanceled: activities.ChargeCanceled, activities.PaymentIntentRequiresPaymentMethod: activities.ChargeDeclined,
	} {
		s := &stripeStub{create: func(activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error) {
			return activities.PaymentIntent{ID: "pi_1", Status: status}, nil
		}}
		res, err := do(t, &run{}, s.activities().Payments.Charge, chargeInput())
		require.NoError(t, err)
		require.Equal(t, want, res.Outcome, status)
	}
}

// TestChargeConfirmInAWrongState: the PaymentIntent itself says what happened to it.
func TestChargeConfirmInAWrongState(t *testing.T) {
	t.Parallel()
	for status, want := range map[activities.PaymentIntentStatus]activities.ChargeOutcome{
		activities.PaymentIntentSucceeded: activities.ChargeSucceeded, activities.PaymentIntentProcessing: activities.ChargeProcessing,
		activities.PaymentIntentCanceled: activities.ChargeCanceled, activities.PaymentIntentRequiresAction: activities.ChargeNeedsCustomer,
		activities.PaymentIntentRequiresPaymentMethod: activities.ChargeUnknown, activities.PaymentIntentRequiresConfirmation: activities.ChargeUnknown,
	} {
		s := &stripeStub{
			confirm: func(activities.ConfirmPaymentIntentRequest) (activities.PaymentIntent, error) {
				return activities.PaymentIntent{}, fail(activities.StripeWrongState)
			},
			intent: func(id string) (activities.PaymentIntent, error) {
				return activities.PaymentIntent{ID: id, Status: status}, nil
			},
		}
		in := chargeInput()
		in.PaymentIntent = "pi_1"
		res, err := do(t, &run{}, s.activities().Payments.Charge, in)
		require.NoError(t, err)
		require.Equal(t, want, res.Outcome, status)
		require.Equal(t, "pi_1", res.PaymentIntent)
	}
}

func TestChargeWithoutAMethod(t *testing.T) {
	t.Parallel()
	in := chargeInput()
	in.PaymentMethod = ""
	s := &stripeStub{customer: func(string) (activities.Customer, error) { return activities.Customer{ID: "cus_1"}, nil }}
	res, err := do(t, &run{}, s.activities().Payments.Charge, in)
	require.NoError(t, err)
	require.Equal(t, activities.ChargeResult{Outcome: activities.ChargeDeclined, Codes: activities.Codes{Code: activities.CodeNoPaymentMethod}}, res)

	s = &stripeStub{customer: func(string) (activities.Customer, error) { return activities.Customer{ID: "cus_1", Deleted: true}, nil }}
	_, err = do(t, &run{}, s.activities().Payments.Charge, in)
	requireError(t, err, activities.ErrorCustomerMissing, false)
	require.Equal(t, []string{"read cus_1"}, s.calls)
}
