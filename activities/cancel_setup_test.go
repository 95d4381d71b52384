package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func TestCancelSetup(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before, after activities.SetupIntentStatus
		answer        error
		want          activities.SetupIntentStatus
		typ           string
		retried       bool
		left          bool
	}{
		"needs a method":             {before: needsMethod, after: setupGone, want: setupGone},
		"needs to be confirmed":      {before: needsConfirm, after: setupGone, want: setupGone},
		"needs the bank":             {before: needsAction, after: setupGone, want: setupGone},
		"succeeded":                  {before: setupDone, want: setupDone, left: true},
		"at the bank":                {before: setupAtBank, want: setupAtBank, left: true},
		"canceled":                   {before: setupGone, want: setupGone, left: true},
		"succeeded meanwhile":        {before: needsAction, after: setupDone, answer: fail(activities.StripeWrongState), want: setupDone},
		"belongs to a session":       {before: needsMethod, after: needsMethod, answer: fail(activities.StripeWrongState), want: needsMethod},
		"stored fault, canceled":     {before: needsMethod, after: setupGone, answer: fail(activities.StripeStoredFault), want: setupGone},
		"key reused, canceled":       {before: needsMethod, after: setupGone, answer: fail(activities.StripeKeyReused), want: setupGone},
		"stored fault, still open":   {before: needsMethod, after: needsMethod, answer: fail(activities.StripeStoredFault), typ: activities.ErrorStripeFaultStored},
		"no answer":                  {before: needsMethod, after: setupGone, answer: fail(activities.StripeUnknown), typ: activities.ErrorStripeUnavailable, retried: true},
		"rate limited":               {before: needsMethod, after: needsMethod, answer: fail(activities.StripeRateLimited), typ: activities.ErrorStripeRateLimited, retried: true},
		"unauthorized":               {before: needsMethod, after: needsMethod, answer: fail(activities.StripeUnauthorized), typ: activities.ErrorStripeUnauthorized},
		"an adapter of another kind": {before: needsMethod, after: needsMethod, answer: errPort, typ: activities.ErrorStripeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setupStub(setupIn(test.before, "", ""), setupIn(test.after, "", ""), test.answer)
			got, err := do(t, &run{}, s.activities().Subscriptions.CancelSetup, activities.CancelSetupInput{SetupIntent: "seti_1", IdempotencyKey: "k"})
			switch {
			case test.left:
				require.Equal(t, []string{"read seti_1"}, s.calls)
			case test.typ == "":
				require.Equal(t, []string{"read seti_1", "cancel seti_1 k", "read seti_1"}, s.calls)
			}
			if test.typ != "" {
				requireError(t, err, test.typ, test.retried)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

// TestCancelSetupUnreadable: Stripe does not know the SetupIntent, or does not answer, before the write or after it.
func TestCancelSetupUnreadable(t *testing.T) {
	t.Parallel()
	in := activities.CancelSetupInput{SetupIntent: "seti_1", IdempotencyKey: "k"}
	for times, calls := range []int{1, 3} {
		missing := failParam(activities.StripeMissing, "setup_intent")
		s := setupStub(setupIn(needsMethod, "", ""), activities.SetupIntent{}, missing).readable(times, missing)
		status, err := do(t, &run{}, s.activities().Subscriptions.CancelSetup, in)
		require.NoError(t, err)
		require.Empty(t, status)
		require.Len(t, s.calls, calls)

		s = setupStub(setupIn(needsMethod, "", ""), setupIn(setupGone, "", ""), nil).readable(times, fail(activities.StripeUnknown))
		_, err = do(t, &run{}, s.activities().Subscriptions.CancelSetup, in)
		requireError(t, err, activities.ErrorStripeUnavailable, true)
		require.Len(t, s.calls, calls)
	}
}
