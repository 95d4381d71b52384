package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// TestLookBackOfALaterAttempt: an attempt that makes a new PaymentIntent, because the one before was closed, must not
// take what an earlier life of the payment took, even when Stripe has forgotten the keys.
func TestLookBackOfALaterAttempt(t *testing.T) {
	t.Parallel()
	known := activities.PaymentIntent{ID: "pi_known", Customer: "cus_1", Amount: 1099, Currency: "usd", Status: activities.PaymentIntentRequiresPaymentMethod}
	canceled := known
	canceled.ID, canceled.Status = "pi_canceled", activities.PaymentIntentCanceled
	paid := known
	paid.ID, paid.Status = "pi_paid", activities.PaymentIntentSucceeded
	for name, test := range map[string]struct {
		found []activities.PaymentIntent
		sends int
		want  string
	}{
		"only closed ones": {found: []activities.PaymentIntent{known, canceled}, sends: 1, want: "pi_new"},
		"one that paid":    {found: []activities.PaymentIntent{paid, known}, want: "pi_paid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sends := 0
			s := &stripeStub{
				list: func(string, string) ([]activities.PaymentIntent, error) { return test.found, nil },
				create: func(activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error) {
					sends++
					return activities.PaymentIntent{ID: "pi_new", Status: activities.PaymentIntentSucceeded}, nil
				},
			}
			in := chargeInput()
			in.Attempt, in.LookBack, in.Closed = 2, true, []string{"pi_known"}
			res, err := do(t, &run{}, s.activities().Payments.Charge, in)
			require.NoError(t, err)
			require.Equal(t, activities.ChargeSucceeded, res.Outcome)
			require.Equal(t, test.want, res.PaymentIntent)
			require.Equal(t, test.sends, sends)
		})
	}
}
