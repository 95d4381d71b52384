package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

var (
	wayPI = activities.Way{Kind: activities.WayPaymentIntent, ID: "pi_1"}
	wayCS = activities.Way{Kind: activities.WayCheckoutSession, ID: "cs_1"}
)

func sessionOf(status activities.CheckoutStatus, intent activities.PaymentIntentStatus, paid bool) activities.CheckoutSession {
	s := activities.CheckoutSession{ID: "cs_1", Mode: activities.CheckoutModePayment, Status: status, Paid: paid}
	if intent != "" {
		pi := intentOf("pi_1", intent)
		s.PaymentIntent = &pi
	}
	return s
}

// TestReadWays: what each pair of statuses means.
func TestReadWays(t *testing.T) {
	t.Parallel()
	const (
		open, closed, processing, paid = activities.WayOpen, activities.WayClosed, activities.WayProcessing, activities.WayPaid
		method, confirm, action        = activities.PaymentIntentRequiresPaymentMethod, activities.PaymentIntentRequiresConfirmation, activities.PaymentIntentRequiresAction
		busy, capture, done, canceled  = activities.PaymentIntentProcessing, activities.PaymentIntentRequiresCapture, activities.PaymentIntentSucceeded, activities.PaymentIntentCanceled
		sOpen, sDone, sOver            = activities.CheckoutOpen, activities.CheckoutComplete, activities.CheckoutExpired
	)
	for status, want := range map[activities.PaymentIntentStatus]activities.WayState{
		method: open, confirm: open, action: open, busy: processing, capture: processing, done: paid, canceled: closed,
	} {
		s := &stripeStub{
			intent: func(string) (activities.PaymentIntent, error) { return intentOf("pi_1", status), nil },
			owners: func(string) ([]activities.CheckoutSession, error) { return nil, nil },
		}
		got, err := do(t, &run{}, s.activities().Payments.ReadWays, []activities.Way{wayPI})
		require.NoError(t, err)
		require.Equal(t, want, got[0].State, status)
		require.Equal(t, status == action, got[0].NeedsCustomer)
	}
	for _, test := range []struct {
		session activities.CheckoutStatus
		intent  activities.PaymentIntentStatus
		paid    bool
		want    activities.WayState
	}{
		{sOpen, "", false, open}, {sOpen, method, false, open}, {sOpen, action, false, open}, {sOpen, busy, false, processing},
		{sOver, "", false, closed}, {sOver, method, false, closed}, {sOver, canceled, false, closed}, {sOver, action, false, open},
		{sOver, confirm, false, open}, {sOver, busy, false, processing}, {sOver, done, false, paid},
		{sDone, done, true, paid}, {sDone, busy, false, processing}, {sDone, method, false, closed}, {sDone, canceled, false, closed},
		{sDone, "", true, paid}, {sDone, "", false, processing},
	} {
		s := &stripeStub{session: func(string) (activities.CheckoutSession, error) {
			return sessionOf(test.session, test.intent, test.paid), nil
		}}
		got, err := do(t, &run{}, s.activities().Payments.ReadWays, []activities.Way{wayCS})
		require.NoError(t, err)
		require.Equal(t, test.want, got[0].State, "%s with %q", test.session, test.intent)
		if test.intent != "" {
			require.Equal(t, "pi_1", got[0].PaymentIntent)
		}
	}
	refunded := intentOf("pi_1", done)
	refunded.AmountRefunded = refunded.Amount
	s := &stripeStub{intent: func(string) (activities.PaymentIntent, error) { return refunded, nil }}
	got, err := do(t, &run{}, s.activities().Payments.ReadWays, []activities.Way{wayPI})
	require.NoError(t, err)
	require.True(t, got[0].Refunded)
}

// TestCloseWay: a write and a read; the reading is the answer.
func TestCloseWay(t *testing.T) {
	t.Parallel()
	const key = "payment:inv-1:close:1"
	for name, test := range map[string]struct {
		way     activities.Way
		write   error
		intent  activities.PaymentIntentStatus
		session activities.CheckoutStatus
		owned   bool
		want    activities.WayState
		calls   []string
		typ     string
		retried bool
	}{
		"canceled": {way: wayPI, intent: activities.PaymentIntentCanceled, want: activities.WayClosed, calls: []string{"cancel pi_1 " + key, "read pi_1"}},
		"paid meanwhile": {
			way: wayPI, write: fail(activities.StripeWrongState), intent: activities.PaymentIntentSucceeded, want: activities.WayPaid,
			calls: []string{"cancel pi_1 " + key, "sessions of pi_1", "read pi_1"},
		},
		"of an open session": {
			way: wayPI, write: fail(activities.StripeWrongState), intent: activities.PaymentIntentRequiresPaymentMethod, session: activities.CheckoutOpen, owned: true,
			want: activities.WayClosed, calls: []string{"cancel pi_1 " + key, "sessions of pi_1", "expire cs_1 " + key + ":session", "read pi_1", "sessions of pi_1"},
		},
		"session expired": {way: wayCS, session: activities.CheckoutOpen, want: activities.WayClosed, calls: []string{"expire cs_1 " + key, "read cs_1", "read cs_1"}},
		"session paid": {
			way: wayCS, write: fail(activities.StripeWrongState), session: activities.CheckoutComplete, intent: activities.PaymentIntentSucceeded, want: activities.WayPaid,
			calls: []string{"expire cs_1 " + key, "read cs_1", "read cs_1"},
		},
		"session over, customer at the bank": {
			way: wayCS, write: fail(activities.StripeWrongState), session: activities.CheckoutExpired, intent: activities.PaymentIntentRequiresAction,
			want: activities.WayClosed, calls: []string{"expire cs_1 " + key, "read cs_1", "cancel pi_1 " + key + ":payment_intent", "read cs_1"},
		},
		"no answer":      {way: wayPI, write: fail(activities.StripeUnknown), typ: activities.ErrorStripeUnavailable, retried: true},
		"unauthorized":   {way: wayCS, write: fail(activities.StripeUnauthorized), typ: activities.ErrorStripeUnauthorized},
		"stored fault":   {way: wayPI, write: fail(activities.StripeStoredFault), intent: activities.PaymentIntentRequiresPaymentMethod, want: activities.WayOpen},
		"rate limited":   {way: wayPI, write: fail(activities.StripeRateLimited), typ: activities.ErrorStripeRateLimited, retried: true},
		"not a Stripe's": {way: wayPI, write: errPort, typ: activities.ErrorStripeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			session := sessionOf(test.session, test.intent, test.session == activities.CheckoutComplete)
			s := &stripeStub{
				intent:  func(string) (activities.PaymentIntent, error) { return intentOf("pi_1", test.intent), nil },
				session: func(string) (activities.CheckoutSession, error) { return session, nil },
				cancel: func(string, string) (activities.PaymentIntent, error) {
					if test.way == wayPI {
						return activities.PaymentIntent{}, test.write
					}
					session.PaymentIntent.Status = activities.PaymentIntentCanceled
					return activities.PaymentIntent{}, nil
				},
				expire: func(string, string) (activities.CheckoutSession, error) {
					if test.way == wayPI || test.write == nil {
						session.Status = activities.CheckoutExpired
						return session, nil
					}
					return session, test.write
				},
				owners: func(string) ([]activities.CheckoutSession, error) {
					if test.owned {
						return []activities.CheckoutSession{session}, nil
					}
					return nil, nil
				},
			}
			got, err := do(t, &run{}, s.activities().Payments.CloseWay, activities.CloseWayInput{Way: test.way, IdempotencyKey: key})
			if test.typ != "" {
				requireError(t, err, test.typ, test.retried)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got.State)
			if test.calls != nil {
				require.Equal(t, test.calls, s.calls)
			}
		})
	}
}

// TestRefundDuplicate: in full, once, and what Stripe will not refund is a result.
func TestRefundDuplicate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		refunded int64
		retry    int
		answer   activities.Refund
		err      error
		want     activities.RefundResult
		key      string
		typ      string
	}{
		"refunded":        {answer: activities.Refund{ID: "re_1", Status: "succeeded"}, want: activities.RefundResult{Refund: "re_1", Status: "succeeded", Done: true}, key: "payment:inv-1:refund:pi_1"},
		"on its way":      {answer: activities.Refund{ID: "re_1", Status: "pending"}, want: activities.RefundResult{Refund: "re_1", Status: "pending", Done: true}, key: "payment:inv-1:refund:pi_1"},
		"failed":          {answer: activities.Refund{ID: "re_1", Status: "failed"}, want: activities.RefundResult{Refund: "re_1", Status: "failed"}, key: "payment:inv-1:refund:pi_1"},
		"asked for again": {retry: 2, answer: activities.Refund{ID: "re_1", Status: "succeeded"}, want: activities.RefundResult{Refund: "re_1", Status: "succeeded", Done: true}, key: "payment:inv-1:refund:pi_1++"},
		"by hand":         {refunded: 1099, want: activities.RefundResult{Status: "succeeded", Done: true}},
		"refused":         {err: fail(activities.StripeInvalid), want: activities.RefundResult{Status: activities.RefundRefused}, key: "payment:inv-1:refund:pi_1"},
		"disputed":        {err: fail(activities.StripeWrongState), want: activities.RefundResult{Status: activities.RefundRefused}, key: "payment:inv-1:refund:pi_1"},
		"no answer":       {err: fail(activities.StripeUnknown), typ: activities.ErrorStripeUnavailable, key: "payment:inv-1:refund:pi_1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pi := intentOf("pi_1", activities.PaymentIntentSucceeded)
			pi.AmountRefunded = test.refunded
			s := &stripeStub{
				intent: func(string) (activities.PaymentIntent, error) { return pi, nil },
				refund: func(_, key string, metadata map[string]string) (activities.Refund, error) {
					require.Equal(t, test.key, key)
					require.Equal(t, "payment:inv-1", metadata["offsession_workflow_id"])
					return test.answer, test.err
				},
			}
			got, err := do(t, &run{}, s.activities().Payments.RefundDuplicate, activities.RefundInput{Reference: "inv-1", PaymentIntent: "pi_1", Retry: test.retry})
			if test.typ != "" {
				requireError(t, err, test.typ, true)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
			require.Equal(t, test.key == "", len(s.calls) == 1)
		})
	}
}
