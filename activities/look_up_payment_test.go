package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func intentOf(id string, status activities.PaymentIntentStatus) activities.PaymentIntent {
	return activities.PaymentIntent{ID: id, Status: status, Amount: 1099, Currency: "usd", Customer: "cus_1", PaymentMethod: "pm_1"}
}

func lookUpInput() activities.LookUpInput {
	return activities.LookUpInput{Reference: "inv-1", Customer: "cus_1", Amount: 1099, Currency: "usd"}
}

// TestLookUpByID: what the PaymentIntent that was confirmed looks like, against what it looked like before.
func TestLookUpByID(t *testing.T) {
	t.Parallel()
	soft := activities.Codes{Code: "card_declined", DeclineCode: "insufficient_funds", NetworkDeclineCode: "51"}
	auth := activities.Codes{Code: "authentication_required"}
	tried := func(charge string, last activities.Codes) activities.PaymentIntent {
		pi := intentOf("pi_1", activities.PaymentIntentRequiresPaymentMethod)
		pi.LatestCharge, pi.LastError = charge, last
		return pi
	}
	canceled := func(charge string, last activities.Codes) activities.PaymentIntent {
		pi := tried(charge, last)
		pi.Status = activities.PaymentIntentCanceled
		return pi
	}
	mark := func(charge string, last activities.Codes) activities.IntentMark {
		return activities.IntentMark{LatestCharge: charge, LastError: last}
	}
	for name, test := range map[string]struct {
		found   activities.PaymentIntent
		before  activities.IntentMark
		outcome activities.ChargeOutcome
		code    string
		gone    bool
	}{
		"succeeded":                 {found: intentOf("pi_1", activities.PaymentIntentSucceeded), outcome: activities.ChargeSucceeded},
		"processing":                {found: intentOf("pi_1", activities.PaymentIntentProcessing), outcome: activities.ChargeProcessing},
		"requires_capture":          {found: intentOf("pi_1", activities.PaymentIntentRequiresCapture), outcome: activities.ChargeProcessing},
		"requires_action":           {found: intentOf("pi_1", activities.PaymentIntentRequiresAction), outcome: activities.ChargeNeedsCustomer, code: "authentication_required"},
		"canceled":                  {found: intentOf("pi_1", activities.PaymentIntentCanceled), outcome: activities.ChargeCanceled},
		"declined, then canceled":   {found: canceled("ch_2", soft), before: mark("ch_1", soft), outcome: activities.ChargeDeclined, code: "insufficient_funds", gone: true},
		"refused, then canceled":    {found: canceled("", auth), outcome: activities.ChargeNeedsCustomer, code: "authentication_required", gone: true},
		"canceled, as before":       {found: canceled("ch_1", soft), before: mark("ch_1", soft), outcome: activities.ChargeCanceled},
		"canceled with the bank":    {found: canceled("ch_1", activities.Codes{}), outcome: activities.ChargeCanceled},
		"requires_confirmation":     {found: intentOf("pi_1", activities.PaymentIntentRequiresConfirmation), outcome: activities.ChargeNotTaken},
		"never tried":               {found: tried("", activities.Codes{}), outcome: activities.ChargeNotTaken},
		"same charge, same error":   {found: tried("ch_1", soft), before: mark("ch_1", soft), outcome: activities.ChargeNotTaken},
		"same but for the details":  {found: tried("ch_1", soft), before: mark("ch_1", activities.Codes{Code: soft.Code, DeclineCode: soft.DeclineCode}), outcome: activities.ChargeNotTaken},
		"newer charge":              {found: tried("ch_2", soft), before: mark("ch_1", soft), outcome: activities.ChargeDeclined, code: "insufficient_funds"},
		"another error, no charge":  {found: tried("ch_1", auth), before: mark("ch_1", soft), outcome: activities.ChargeNeedsCustomer, code: "authentication_required"},
		"first attempt, declined":   {found: tried("ch_1", soft), outcome: activities.ChargeDeclined, code: "insufficient_funds"},
		"as an authentication left": {found: tried("", auth), before: mark("", auth), outcome: activities.ChargeDeclined, code: activities.CodeUnknown},
		"newer than authentication": {found: tried("ch_1", soft), before: mark("", auth), outcome: activities.ChargeDeclined, code: "insufficient_funds"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stripeStub{intent: func(string) (activities.PaymentIntent, error) { return test.found, nil }}
			in := lookUpInput()
			in.PaymentIntent, in.Before = "pi_1", test.before
			res, err := do(t, &run{}, s.activities().Payments.LookUpPayment, in)
			require.NoError(t, err)
			require.Equal(t, test.outcome, res.Outcome)
			require.Equal(t, test.code, res.Reason())
			require.Equal(t, test.gone, res.Canceled)
			require.Equal(t, activities.IntentMark{LatestCharge: test.found.LatestCharge, LastError: test.found.LastError}, res.Now)
			require.Empty(t, res.Others)
			require.Equal(t, []string{"read pi_1"}, s.calls)
		})
	}
}

// TestLookUpByReference: which of several counts, and what must be closed.
func TestLookUpByReference(t *testing.T) {
	t.Parallel()
	const (
		open, confirm       = activities.PaymentIntentRequiresPaymentMethod, activities.PaymentIntentRequiresConfirmation
		paid, busy, gone    = activities.PaymentIntentSucceeded, activities.PaymentIntentProcessing, activities.PaymentIntentCanceled
		notTaken, succeeded = activities.ChargeNotTaken, activities.ChargeSucceeded
	)
	other := func(change func(*activities.PaymentIntent)) activities.PaymentIntent {
		pi := intentOf("pi_x", gone)
		change(&pi)
		return pi
	}
	charged := func(id string, ago time.Duration) activities.PaymentIntent {
		pi := intentOf(id, paid)
		pi.ChargedAt = now.Add(-ago)
		return pi
	}
	for name, test := range map[string]struct {
		found   []activities.PaymentIntent // newest first
		closed  []string
		owned   string
		outcome activities.ChargeOutcome
		intent  string
		others  []string
	}{
		"nothing":                          {outcome: notTaken},
		"only what is known to be closed":  {found: []activities.PaymentIntent{intentOf("pi_1", gone)}, closed: []string{"pi_1"}, outcome: notTaken},
		"one":                              {found: []activities.PaymentIntent{intentOf("pi_1", confirm)}, outcome: notTaken, intent: "pi_1"},
		"only canceled":                    {found: []activities.PaymentIntent{intentOf("pi_2", gone), intentOf("pi_1", gone)}, outcome: activities.ChargeCanceled, intent: "pi_2"},
		"the newest open one":              {found: []activities.PaymentIntent{intentOf("pi_3", gone), intentOf("pi_2", open), intentOf("pi_1", confirm)}, outcome: notTaken, intent: "pi_2", others: []string{"pi_1"}},
		"an older success":                 {found: []activities.PaymentIntent{intentOf("pi_2", open), intentOf("pi_1", paid)}, outcome: succeeded, intent: "pi_1", others: []string{"pi_2"}},
		"the earlier of two successes":     {found: []activities.PaymentIntent{charged("pi_3", time.Hour), charged("pi_2", 2*time.Hour), charged("pi_1", time.Minute)}, outcome: succeeded, intent: "pi_2", others: []string{"pi_3", "pi_1"}},
		"processing before open":           {found: []activities.PaymentIntent{intentOf("pi_2", open), intentOf("pi_1", busy)}, outcome: activities.ChargeProcessing, intent: "pi_1", others: []string{"pi_2"}},
		"one of a session is closed":       {found: []activities.PaymentIntent{intentOf("pi_2", open), intentOf("pi_1", confirm)}, owned: "pi_2", outcome: notTaken, intent: "pi_1", others: []string{"pi_2"}},
		"only one of a session":            {found: []activities.PaymentIntent{intentOf("pi_1", open)}, owned: "pi_1", outcome: notTaken, others: []string{"pi_1"}},
		"one of a session that succeeded":  {found: []activities.PaymentIntent{intentOf("pi_2", open), intentOf("pi_1", paid)}, owned: "pi_1", outcome: succeeded, intent: "pi_1", others: []string{"pi_2"}},
		"another amount":                   {found: []activities.PaymentIntent{intentOf("pi_1", paid), other(func(p *activities.PaymentIntent) { p.Amount++ })}, outcome: activities.ChargeConflict, intent: "pi_1"},
		"another currency":                 {found: []activities.PaymentIntent{other(func(p *activities.PaymentIntent) { p.Currency = "eur" })}, outcome: activities.ChargeConflict, intent: "pi_x"},
		"another description is no matter": {found: []activities.PaymentIntent{other(func(p *activities.PaymentIntent) { p.Metadata = map[string]string{"a": "b"} })}, outcome: activities.ChargeCanceled, intent: "pi_x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stripeStub{
				list: func(customer, reference string) ([]activities.PaymentIntent, error) {
					require.Equal(t, "cus_1 inv-1", customer+" "+reference)
					return test.found, nil
				},
				owners: func(intent string) ([]activities.CheckoutSession, error) {
					if intent == test.owned {
						return []activities.CheckoutSession{{ID: "cs_1"}}, nil
					}
					return nil, nil
				},
			}
			in := lookUpInput()
			in.Closed = test.closed
			res, err := do(t, &run{}, s.activities().Payments.LookUpPayment, in)
			require.NoError(t, err)
			require.Equal(t, test.outcome, res.Outcome)
			require.Equal(t, test.intent, res.PaymentIntent)
			require.ElementsMatch(t, test.others, res.Others)
		})
	}
}

func TestLookUpErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err     error
		typ     string
		retried bool
	}{
		{fail(activities.StripeUnknown), activities.ErrorStripeUnavailable, true},
		{fail(activities.StripeRateLimited), activities.ErrorStripeRateLimited, true},
		{fail(activities.StripeUnauthorized), activities.ErrorStripeUnauthorized, false},
	} {
		s := &stripeStub{list: func(string, string) ([]activities.PaymentIntent, error) { return nil, test.err }}
		_, err := do(t, &run{}, s.activities().Payments.LookUpPayment, lookUpInput())
		requireError(t, err, test.typ, test.retried)
	}
	s := &stripeStub{list: func(string, string) ([]activities.PaymentIntent, error) {
		return nil, failParam(activities.StripeMissing, "customer")
	}}
	res, err := do(t, &run{}, s.activities().Payments.LookUpPayment, lookUpInput())
	require.NoError(t, err)
	require.Equal(t, activities.ChargeNotTaken, res.Outcome, "a customer that never existed has no PaymentIntents")
}

// TestLookBack: the first attempt sends nothing when the reference was used before.
func TestLookBack(t *testing.T) {
	t.Parallel()
	paid, open := intentOf("pi_1", activities.PaymentIntentSucceeded), intentOf("pi_2", activities.PaymentIntentRequiresPaymentMethod)
	conflict := intentOf("pi_1", activities.PaymentIntentSucceeded)
	conflict.Amount++
	for name, test := range map[string]struct {
		found   []activities.PaymentIntent
		outcome activities.ChargeOutcome
	}{
		"succeeded":          {[]activities.PaymentIntent{paid}, activities.ChargeSucceeded},
		"succeeded and open": {[]activities.PaymentIntent{open, paid}, activities.ChargeUnknown},
		"open":               {[]activities.PaymentIntent{open}, activities.ChargeUnknown},
		"only canceled":      {[]activities.PaymentIntent{intentOf("pi_1", activities.PaymentIntentCanceled)}, activities.ChargeCanceled},
		"processing":         {[]activities.PaymentIntent{intentOf("pi_1", activities.PaymentIntentProcessing)}, activities.ChargeProcessing},
		"another amount":     {[]activities.PaymentIntent{conflict}, activities.ChargeConflict},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stripeStub{list: func(string, string) ([]activities.PaymentIntent, error) { return test.found, nil }}
			in := chargeInput()
			in.LookBack = true
			res, err := do(t, &run{}, s.activities().Payments.Charge, in)
			require.NoError(t, err)
			require.Equal(t, test.outcome, res.Outcome)
			require.True(t, res.Adopted)
			require.Equal(t, []string{"list cus_1 inv-1"}, s.calls)
		})
	}
	s := &stripeStub{
		list: func(string, string) ([]activities.PaymentIntent, error) { return nil, nil },
		create: func(activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error) {
			return succeededIntent(), nil
		},
	}
	in := chargeInput()
	in.LookBack = true
	_, err := do(t, &run{}, s.activities().Payments.Charge, in)
	require.NoError(t, err)
	require.Equal(t, []string{"list cus_1 inv-1", "create payment:inv-1:charge:1"}, s.calls)
}
