package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func TestReadSetupMethod(t *testing.T) {
	t.Parallel()
	succeeded := activities.SetupIntent{ID: "seti_1", Status: activities.SetupIntentSucceeded, PaymentMethod: "pm_1"}
	card := activities.PaymentMethod{ID: "pm_1", Customer: "cus_1"}
	for name, test := range map[string]struct {
		si           activities.SetupIntent
		siErr, pmErr error
		want         activities.PaymentMethod
		typ          string
	}{
		"succeeded":          {si: succeeded, want: card},
		"not succeeded":      {si: activities.SetupIntent{ID: "seti_1", Status: activities.SetupIntentCanceled, PaymentMethod: "pm_1"}},
		"unknown":            {siErr: fail(activities.StripeMissing)},
		"the method is gone": {si: succeeded, pmErr: fail(activities.StripeMissing)},
		"no answer":          {siErr: fail(activities.StripeUnknown), typ: activities.ErrorStripeUnavailable},
		"no second answer":   {si: succeeded, pmErr: fail(activities.StripeUnknown), typ: activities.ErrorStripeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stripeStub{
				setup:  func(string) (activities.SetupIntent, error) { return test.si, test.siErr },
				method: func(string) (activities.PaymentMethod, error) { return card, test.pmErr },
			}
			got, err := do(t, &run{}, s.activities().Subscriptions.ReadSetupMethod, "seti_1")
			if test.typ != "" {
				requireError(t, err, test.typ, true)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}
