package stripegateway_test

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestWrongStates(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	ctx := t.Context()
	customer, method := s.customerWith("pm_card_visa")
	paid, err := s.CreatePaymentIntent(ctx, s.charge(customer, method))
	require.NoError(t, err)
	requireKind(t, activities.StripeWrongState, failed(s.CancelPaymentIntent(ctx, paid.ID, s.key())))

	_, declining := s.customerWith("pm_card_chargeCustomerFail")
	pm, err := s.PaymentMethod(ctx, declining)
	require.NoError(t, err)
	declined := requireKind(t, activities.StripeDeclined, failed(s.CreatePaymentIntent(ctx, s.charge(pm.Customer, declining))))
	canceled, err := s.CancelPaymentIntent(ctx, declined.PaymentIntent.ID, s.key())
	require.NoError(t, err)
	require.Equal(t, activities.PaymentIntentCanceled, canceled.Status)
	requireKind(t, activities.StripeWrongState, failed(s.CancelPaymentIntent(ctx, canceled.ID, s.key())))
	requireKind(t, activities.StripeWrongState, failed(s.ConfirmPaymentIntent(ctx, activities.ConfirmPaymentIntentRequest{
		PaymentIntent: canceled.ID, PaymentMethod: declining, IdempotencyKey: s.key(),
	})))

	session, err := s.CreateCheckoutSession(ctx, s.setupSession(activities.CheckoutUICustom, ""))
	require.NoError(t, err)
	expired, err := s.ExpireCheckoutSession(ctx, session.ID, s.key())
	require.NoError(t, err)
	require.Equal(t, activities.CheckoutExpired, expired.Status)
	requireKind(t, activities.StripeWrongState, failed(s.ExpireCheckoutSession(ctx, session.ID, s.key())))

	refund, err := s.RefundPaymentIntent(ctx, paid.ID, "payment:inv-17:refund:"+paid.ID, map[string]string{"a": "b"})
	require.NoError(t, err)
	require.NotEmpty(t, refund.ID)
	require.Equal(t, "succeeded", refund.Status)
	again, err := s.RefundPaymentIntent(ctx, paid.ID, "payment:inv-17:refund:"+paid.ID, map[string]string{"a": "b"})
	require.NoError(t, err)
	require.Equal(t, refund, again)
	requireKind(t, activities.StripeWrongState, failed(s.RefundPaymentIntent(ctx, paid.ID, s.key(), nil)))
	read, err := s.PaymentIntent(ctx, paid.ID)
	require.NoError(t, err)
	require.EqualValues(t, 1099, read.AmountRefunded)
}

func TestMissingAndRefused(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	ctx := t.Context()
	customer, method := s.customerWith("pm_card_visa")
	_, foreign := s.customerWith("pm_card_visa")
	_, detached := s.customerWith("pm_card_visa")
	s.api("payment_methods/"+detached+"/detach", nil)

	for name, test := range map[string]struct {
		err   error
		param string
	}{
		"charge, unknown customer":   {failed(s.CreatePaymentIntent(ctx, s.charge("cus_none", method))), "customer"},
		"charge, unknown method":     {failed(s.CreatePaymentIntent(ctx, s.charge(customer, "pm_none"))), "payment_method"},
		"charge, another's method":   {failed(s.CreatePaymentIntent(ctx, s.charge(customer, foreign))), "payment_method"},
		"charge, detached method":    {failed(s.CreatePaymentIntent(ctx, s.charge(customer, detached))), "payment_method"},
		"attach, unknown method":     {failed(s.AttachPaymentMethod(ctx, "pm_none", customer, s.key())), "payment_method"},
		"attach, another's method":   {failed(s.AttachPaymentMethod(ctx, foreign, customer, s.key())), "payment_method"},
		"attach, detached method":    {failed(s.AttachPaymentMethod(ctx, detached, customer, s.key())), "payment_method"},
		"attach, unknown customer":   {failed(s.AttachPaymentMethod(ctx, method, "cus_none", s.key())), "customer"},
		"default, another's method":  {s.SetDefaultPaymentMethod(ctx, customer, foreign, s.key()), "payment_method"},
		"default, unknown customer":  {s.SetDefaultPaymentMethod(ctx, "cus_none", method, s.key()), "customer"},
		"unknown PaymentIntent":      {failed(s.PaymentIntent(ctx, "pi_none")), "payment_intent"},
		"unknown SetupIntent":        {failed(s.SetupIntent(ctx, "seti_none")), "setup_intent"},
		"unknown session":            {failed(s.CheckoutSession(ctx, "cs_none")), "session"},
		"expire, unknown session":    {failed(s.ExpireCheckoutSession(ctx, "cs_none", s.key())), "session"},
		"unknown customer":           {failed(s.Customer(ctx, "cus_none")), "customer"},
		"refund of an unknown":       {failed(s.RefundPaymentIntent(ctx, "pi_none", s.key(), nil)), "payment_intent"},
		"session, unknown customer":  {failed(s.CreateCheckoutSession(ctx, s.setupSession(activities.CheckoutUICustom, "cus_none"))), "customer"},
		"secret of an unknown one":   {failed(s.CheckoutSecret(ctx, "cs_none")), "session"},
		"cancel, unknown":            {failed(s.CancelPaymentIntent(ctx, "pi_none", s.key())), "payment_intent"},
		"address of unknown":         {failed(s.CustomerContact(ctx, "cus_none")), "customer"},
		"unknown method, read alone": {failed(s.PaymentMethod(ctx, "pm_none")), "payment_method"},
	} {
		se := requireKind(t, activities.StripeMissing, test.err)
		require.Equal(t, test.param, se.Param, name)
	}

	small := s.charge(customer, method)
	small.Amount = 1
	require.Equal(t, "amount_too_small", requireKind(t, activities.StripeRefused, failed(s.CreatePaymentIntent(ctx, small))).Codes.Code)
	requireKind(t, activities.StripeDeclined, failed(s.AttachPaymentMethod(ctx, "pm_card_visa_chargeDeclined", customer, s.key())))
	deleted, err := s.CreateCustomer(ctx, nil, s.key())
	require.NoError(t, err)
	request, err := http.NewRequest(http.MethodDelete, s.base+"/v1/customers/"+deleted, nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+stripesandbox.DefaultAPIKey)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	read, err := s.Customer(ctx, deleted)
	require.NoError(t, err)
	require.Equal(t, activities.Customer{ID: deleted, Deleted: true}, read)
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind   stripesandbox.FaultKind
		want   activities.StripeErrorKind
		taken  bool // the money was taken, although the answer does not say so
		stored bool // the same key gives the fault again
	}{
		{kind: stripesandbox.FaultDropBefore, want: activities.StripeUnknown},
		{kind: stripesandbox.FaultDropAfter, want: activities.StripeUnknown, taken: true},
		{kind: stripesandbox.FaultBrokenJSON, want: activities.StripeUnknown, taken: true},
		{kind: stripesandbox.Fault500Before, want: activities.StripeUnknown, stored: true},
		{kind: stripesandbox.Fault500After, want: activities.StripeUnknown, taken: true, stored: true},
		{kind: stripesandbox.Fault503, want: activities.StripeUnknown},
		{kind: stripesandbox.FaultRateLimit, want: activities.StripeRateLimited},
		{kind: stripesandbox.FaultLockTimeout, want: activities.StripeRateLimited},
		{kind: stripesandbox.FaultKeyInUse, want: activities.StripeKeyInUse},
		{kind: stripesandbox.FaultAuth401, want: activities.StripeUnauthorized},
	} {
		t.Run(string(test.kind), func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t)
			customer, method := s.customerWith("pm_card_visa")
			request := s.charge(customer, method)
			s.fault(test.kind)
			// A connection of its own: net/http repeats a request that dies with a connection kept from before.
			fresh := newGateway(t, s.base)
			requireKind(t, test.want, failed(fresh.CreatePaymentIntent(t.Context(), request)))

			found, err := s.PaymentIntentsByReference(t.Context(), customer, "inv-17")
			require.NoError(t, err)
			require.Equal(t, test.taken, len(found) == 1, "%v", found)

			pi, err := s.CreatePaymentIntent(t.Context(), request)
			if test.stored {
				requireKind(t, activities.StripeStoredFault, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, activities.PaymentIntentSucceeded, pi.Status)
			if test.taken {
				require.Equal(t, found[0], pi)
			}
		})
	}
	t.Run("another key", func(t *testing.T) {
		t.Parallel()
		s := newSandbox(t)
		g, err := stripegateway.New(stripegateway.Config{APIKey: "sk_test_other", APIBase: s.base, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		requireKind(t, activities.StripeUnauthorized, failed(g.Customer(t.Context(), "cus_1")))
	})
}
