package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// TestWritesWhoseAnswerIsLost: Stripe carries a write out, and the answer is lost or the worker dies. The repeat finds
// what was done, and nothing is done twice.
func TestWritesWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	lost := fail(activities.StripeUnknown)
	wrong := fail(activities.StripeWrongState)

	t.Run("refund", func(t *testing.T) {
		t.Parallel()
		pi, refunds := intentOf("pi_1", activities.PaymentIntentSucceeded), 0
		s := &stripeStub{
			intent: func(string) (activities.PaymentIntent, error) { return pi, nil },
			refund: func(_, _ string, metadata map[string]string) (activities.Refund, error) {
				require.Equal(t, map[string]string{
					"offsession_workflow_id": "payment:inv-1", "offsession_reference": "inv-1", "offsession_owner": "agreement:a",
				}, metadata)
				refunds++
				pi.AmountRefunded = pi.Amount
				return activities.Refund{}, lost
			},
		}
		fn, in := s.activities().Payments.RefundDuplicate, activities.RefundInput{Reference: "inv-1", Owner: "agreement:a", PaymentIntent: "pi_1"}
		_, err := do(t, &run{}, fn, in)
		requireError(t, err, activities.ErrorStripeUnavailable, true)
		res, err := do(t, &run{}, fn, in)
		require.NoError(t, err)
		require.True(t, res.Done)
		require.Equal(t, 1, refunds)
	})

	t.Run("cancel of a PaymentIntent", func(t *testing.T) {
		t.Parallel()
		pi := intentOf("pi_1", activities.PaymentIntentRequiresPaymentMethod)
		s := &stripeStub{
			intent: func(string) (activities.PaymentIntent, error) { return pi, nil },
			owners: func(string) ([]activities.CheckoutSession, error) { return nil, nil },
			cancel: func(string, string) (activities.PaymentIntent, error) {
				if pi.Status == activities.PaymentIntentCanceled {
					return activities.PaymentIntent{}, wrong
				}
				pi.Status = activities.PaymentIntentCanceled
				return activities.PaymentIntent{}, lost
			},
		}
		closesAfterLostAnswer(t, s, activities.Way{Kind: activities.WayPaymentIntent, ID: "pi_1"})
	})

	t.Run("expiry of a session", func(t *testing.T) {
		t.Parallel()
		cs := activities.CheckoutSession{ID: "cs_1", Mode: activities.CheckoutModePayment, Status: activities.CheckoutOpen}
		s := &stripeStub{
			session: func(string) (activities.CheckoutSession, error) { return cs, nil },
			expire: func(string, string) (activities.CheckoutSession, error) {
				if cs.Status == activities.CheckoutExpired {
					return activities.CheckoutSession{}, wrong
				}
				cs.Status = activities.CheckoutExpired
				return activities.CheckoutSession{}, lost
			},
		}
		closesAfterLostAnswer(t, s, activities.Way{Kind: activities.WayCheckoutSession, ID: "cs_1"})
	})

	t.Run("attach", func(t *testing.T) {
		t.Parallel()
		m, answers := activities.PaymentMethod{ID: "pm_1"}, []error{lost, nil}
		s := &stripeStub{
			method: func(string) (activities.PaymentMethod, error) { return m, nil },
			attach: func(_, customer, _ string) (activities.PaymentMethod, error) {
				m.Customer = customer
				err := answers[0]
				answers = answers[1:]
				return m, err
			},
		}
		fn, in := s.activities().Setups.AttachPaymentMethod, activities.AttachInput{PaymentMethod: "pm_1", Customer: "cus_1", IdempotencyKey: "k"}
		_, err := do(t, &run{}, fn, in)
		requireError(t, err, activities.ErrorStripeUnavailable, true)
		res, err := do(t, &run{}, fn, in)
		require.NoError(t, err)
		require.Equal(t, activities.AttachResult{Method: m}, res)
		require.Equal(t, "cus_1", m.Customer)
	})
}

func closesAfterLostAnswer(t *testing.T, s *stripeStub, way activities.Way) {
	t.Helper()
	fn, in := s.activities().Payments.CloseWay, activities.CloseWayInput{Way: way, IdempotencyKey: "payment:inv-1:close:1"}
	_, err := do(t, &run{}, fn, in)
	requireError(t, err, activities.ErrorStripeUnavailable, true)
	r, err := do(t, &run{}, fn, in)
	require.NoError(t, err)
	require.Equal(t, activities.WayClosed, r.State)
}
