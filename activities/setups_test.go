package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func setupSession(status activities.CheckoutStatus, intent activities.SetupIntentStatus, method string) activities.CheckoutSession {
	return activities.CheckoutSession{ID: "cs_1", Mode: activities.CheckoutModeSetup, Status: status, Customer: "cus_1", ExpiresAt: now, SetupIntent: &activities.SetupIntent{
		ID: "seti_1", Status: intent, PaymentMethod: method, Mandate: "mandate_1", NextAction: "redirect_to_url", LastError: activities.Codes{Code: "c"},
	}}
}

func TestReadSetup(t *testing.T) {
	t.Parallel()
	card := activities.PaymentMethod{ID: "pm_1", Type: "card", Customer: "cus_1", Last4: "4242"}
	want := activities.SetupReading{
		SessionStatus: activities.CheckoutComplete, ExpiresAt: now, SetupIntent: "seti_1", Status: activities.SetupIntentSucceeded,
		NextAction: "redirect_to_url", Mandate: "mandate_1", Customer: "cus_1", Method: card, Codes: activities.Codes{Code: "c"},
	}
	s := &stripeStub{
		session: func(string) (activities.CheckoutSession, error) {
			return setupSession(activities.CheckoutComplete, activities.SetupIntentSucceeded, "pm_1"), nil
		},
		method: func(string) (activities.PaymentMethod, error) { return card, nil },
	}
	got, err := do(t, &run{}, s.activities().Setups.ReadSetup, "cs_1")
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, []string{"read cs_1", "read pm_1"}, s.calls, "the method is read by itself: it can be detached at once")

	s.method = func(string) (activities.PaymentMethod, error) {
		return activities.PaymentMethod{}, failParam(activities.StripeMissing, "payment_method")
	}
	got, err = do(t, &run{}, s.activities().Setups.ReadSetup, "cs_1")
	require.NoError(t, err)
	require.Empty(t, got.Method)

	s.method = func(string) (activities.PaymentMethod, error) {
		return activities.PaymentMethod{}, fail(activities.StripeUnknown)
	}
	_, err = do(t, &run{}, s.activities().Setups.ReadSetup, "cs_1")
	requireError(t, err, activities.ErrorStripeUnavailable, true)
}

func TestAttachPaymentMethod(t *testing.T) {
	t.Parallel()
	ours := activities.PaymentMethod{ID: "pm_1", Customer: "cus_1"}
	for name, test := range map[string]struct {
		err     error
		after   activities.PaymentMethod
		readErr error
		refused string
		typ     string
		retried bool
	}{
		"attached":                       {after: ours},
		"stored fault, attached":         {err: fail(activities.StripeStoredFault), after: ours},
		"key reused, attached":           {err: fail(activities.StripeKeyReused), after: ours},
		"stored fault, not attached":     {err: fail(activities.StripeStoredFault), typ: activities.ErrorStripeFaultStored},
		"declined":                       {err: &activities.StripeError{Kind: activities.StripeDeclined, Codes: activities.Codes{Code: "card_declined", DeclineCode: "lost_card"}}, refused: "lost_card"},
		"used up":                        {err: fail(activities.StripeInvalid), refused: activities.CodePaymentMethodUnusable},
		"another customer's":             {err: fail(activities.StripeWrongState), refused: activities.CodePaymentMethodUnusable},
		"gone":                           {err: failParam(activities.StripeMissing, "payment_method"), refused: activities.CodePaymentMethodUnusable},
		"detached at once":               {after: activities.PaymentMethod{ID: "pm_1"}, refused: activities.CodePaymentMethodUnusable},
		"gone at once":                   {readErr: fail(activities.StripeMissing), refused: activities.CodePaymentMethodUnusable},
		"no such customer":               {err: failParam(activities.StripeMissing, "customer"), typ: activities.ErrorCustomerMissing},
		"no answer":                      {err: fail(activities.StripeUnknown), typ: activities.ErrorStripeUnavailable, retried: true},
		"no answer to the reading after": {readErr: fail(activities.StripeUnknown), typ: activities.ErrorStripeUnavailable, retried: true},
		"unauthorized":                   {err: fail(activities.StripeUnauthorized), typ: activities.ErrorStripeUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stripeStub{
				attach: func(string, string, string) (activities.PaymentMethod, error) { return ours, test.err },
				method: func(string) (activities.PaymentMethod, error) { return test.after, test.readErr },
			}
			got, err := do(t, &run{}, s.activities().Setups.AttachPaymentMethod, activities.AttachInput{PaymentMethod: "pm_1", Customer: "cus_1", IdempotencyKey: "k"})
			if test.typ != "" {
				requireError(t, err, test.typ, test.retried)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.refused, got.Refused)
			require.Equal(t, test.refused == "", got.Method == ours)
		})
	}
}

// TestCloseSetup: an open session is expired, the SetupIntent of a completed one canceled where that is possible.
func TestCloseSetup(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status activities.CheckoutStatus
		intent activities.SetupIntentStatus
		write  error
		calls  []string
		typ    string
	}{
		"open":           {activities.CheckoutOpen, activities.SetupIntentRequiresPaymentMethod, nil, []string{"read cs_1", "expire cs_1 k", "read cs_1"}, ""},
		"just completed": {activities.CheckoutOpen, activities.SetupIntentRequiresPaymentMethod, fail(activities.StripeWrongState), []string{"read cs_1", "expire cs_1 k", "read cs_1"}, ""},
		"microdeposits":  {activities.CheckoutComplete, activities.SetupIntentRequiresAction, nil, []string{"read cs_1", "cancel seti_1 k:setup_intent", "read cs_1"}, ""},
		"processing":     {activities.CheckoutComplete, activities.SetupIntentProcessing, nil, []string{"read cs_1"}, ""},
		"saved":          {activities.CheckoutComplete, activities.SetupIntentSucceeded, nil, []string{"read cs_1"}, ""},
		"expired":        {activities.CheckoutExpired, activities.SetupIntentRequiresPaymentMethod, nil, []string{"read cs_1"}, ""},
		"no answer":      {activities.CheckoutOpen, activities.SetupIntentRequiresPaymentMethod, fail(activities.StripeUnknown), nil, activities.ErrorStripeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stripeStub{
				session: func(string) (activities.CheckoutSession, error) {
					return setupSession(test.status, test.intent, ""), nil
				},
				expire: func(string, string) (activities.CheckoutSession, error) {
					return activities.CheckoutSession{}, test.write
				},
				cancelSI: func(string, string) (activities.SetupIntent, error) { return activities.SetupIntent{}, test.write },
			}
			got, err := do(t, &run{}, s.activities().Setups.CloseSetup, activities.CloseSetupInput{Session: "cs_1", IdempotencyKey: "k"})
			if test.typ != "" {
				requireError(t, err, test.typ, true)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.intent, got.Status)
			require.Equal(t, test.calls, s.calls)
		})
	}
}

func TestCreateCustomerAndDefault(t *testing.T) {
	t.Parallel()
	s := &stripeStub{
		make: func(metadata map[string]string, _ string) (string, error) {
			require.Equal(t, map[string]string{"offsession_workflow_id": "save-payment-method:c", "offsession_reference": "c"}, metadata)
			return "cus_9", nil
		},
		dflt: func(string, string, string) error { return fail(activities.StripeRateLimited) },
	}
	id, err := do(t, &run{}, s.activities().Setups.CreateCustomer, activities.CreateCustomerInput{WorkflowID: "save-payment-method:c", Reference: "c", IdempotencyKey: "k"})
	require.NoError(t, err)
	require.Equal(t, "cus_9", id)
	fn := s.activities().Setups.SetDefaultPaymentMethod
	_, err = (&run{}).env(t, fn).ExecuteActivity(fn, activities.SetDefaultInput{Customer: "cus_1", PaymentMethod: "pm_1", IdempotencyKey: "k"})
	requireError(t, err, activities.ErrorStripeRateLimited, true)
	require.Equal(t, []string{"create customer k", "default cus_1 pm_1 k"}, s.calls)
}
