package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// TestCloseSetupCompletedMeanwhile: the customer finished between our reading and our expiry. What waits for an action is
// canceled too, unless it is to be verified; what succeeded is the answer.
func TestCloseSetupCompletedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		became      activities.SetupIntentStatus
		sessionOnly bool
		calls       []string
		status      activities.SetupIntentStatus
	}{
		"succeeded": {
			became: activities.SetupIntentSucceeded, status: activities.SetupIntentSucceeded,
			calls: []string{"read cs_1", "expire cs_1 k", "read cs_1", "read pm_1"},
		},
		"waits for an action": {
			became: activities.SetupIntentRequiresAction, status: activities.SetupIntentCanceled,
			calls: []string{"read cs_1", "expire cs_1 k", "read cs_1", "read pm_1", "cancel seti_1 k:setup_intent", "read cs_1", "read pm_1"},
		},
		"waits for an action, to be verified": {
			became: activities.SetupIntentRequiresAction, sessionOnly: true, status: activities.SetupIntentRequiresAction,
			calls: []string{"read cs_1", "expire cs_1 k", "read cs_1", "read pm_1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := setupSession(activities.CheckoutOpen, activities.SetupIntentRequiresPaymentMethod, "")
			s := &stripeStub{
				session: func(string) (activities.CheckoutSession, error) { return now, nil },
				method:  func(id string) (activities.PaymentMethod, error) { return activities.PaymentMethod{ID: id}, nil },
				expire: func(string, string) (activities.CheckoutSession, error) {
					now = setupSession(activities.CheckoutComplete, test.became, "pm_1")
					return activities.CheckoutSession{}, fail(activities.StripeWrongState)
				},
				cancelSI: func(string, string) (activities.SetupIntent, error) {
					now = setupSession(activities.CheckoutComplete, activities.SetupIntentCanceled, "pm_1")
					return activities.SetupIntent{}, nil
				},
			}
			got, err := do(t, &run{}, s.activities().Setups.CloseSetup, activities.CloseSetupInput{
				Session: "cs_1", SessionOnly: test.sessionOnly, IdempotencyKey: "k",
			})
			require.NoError(t, err)
			require.Equal(t, activities.CheckoutComplete, got.SessionStatus)
			require.Equal(t, test.status, got.Status)
			require.Equal(t, test.calls, s.calls)
		})
	}
}
