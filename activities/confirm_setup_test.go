package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// setupStub reads seti_1 as before, until it is confirmed or canceled, and as after from then on.
func setupStub(before, after activities.SetupIntent, answer error) *stripeStub {
	now := before
	write := func() (activities.SetupIntent, error) {
		now = after
		return activities.SetupIntent{}, answer
	}
	return &stripeStub{
		setup:     func(string) (activities.SetupIntent, error) { return now, nil },
		confirmSI: func(string, string, string) (activities.SetupIntent, error) { return write() },
		cancelSI:  func(string, string) (activities.SetupIntent, error) { return write() },
	}
}

func setupIn(status activities.SetupIntentStatus, method string, code string) activities.SetupIntent {
	return activities.SetupIntent{ID: "seti_1", Status: status, PaymentMethod: method, LastError: activities.Codes{Code: code}}
}

const (
	needsMethod  = activities.SetupIntentRequiresPaymentMethod
	needsConfirm = activities.SetupIntentRequiresConfirmation
	needsAction  = activities.SetupIntentRequiresAction
	setupDone    = activities.SetupIntentSucceeded
	setupAtBank  = activities.SetupIntentProcessing
	setupGone    = activities.SetupIntentCanceled
)

func TestConfirmSetup(t *testing.T) {
	t.Parallel()
	declined := &activities.StripeError{Kind: activities.StripeDeclined, Codes: activities.Codes{Code: "card_declined", DeclineCode: "lost_card"}}
	result := func(status activities.SetupIntentStatus, refused bool, code string) activities.ConfirmSetupResult {
		return activities.ConfirmSetupResult{Status: status, Refused: refused, Codes: activities.Codes{Code: code}}
	}
	for name, test := range map[string]struct {
		before, after activities.SetupIntent
		answer        error
		want          activities.ConfirmSetupResult
		typ           string
		retried       bool
		// left says that nothing was sent.
		left bool
	}{
		"succeeds":                   {before: setupIn(needsMethod, "", ""), after: setupIn(setupDone, "pm_9", ""), want: result(setupDone, false, "")},
		"wants the customer's bank":  {before: setupIn(needsMethod, "", "card_declined"), after: setupIn(needsAction, "pm_9", "card_declined"), want: result(needsAction, false, "card_declined")},
		"wants another than before":  {before: setupIn(needsAction, "pm_1", ""), after: setupIn(setupDone, "pm_9", ""), want: result(setupDone, false, "")},
		"was to be confirmed":        {before: setupIn(needsConfirm, "pm_1", ""), after: setupIn(setupDone, "pm_9", ""), want: result(setupDone, false, "")},
		"is at the bank":             {before: setupIn(needsMethod, "", ""), after: setupIn(setupAtBank, "pm_9", ""), want: result(setupAtBank, false, "")},
		"had succeeded":              {before: setupIn(setupDone, "pm_1", ""), want: result(setupDone, false, ""), left: true},
		"was at the bank":            {before: setupIn(setupAtBank, "pm_1", ""), want: result(setupAtBank, false, ""), left: true},
		"was canceled":               {before: setupIn(setupGone, "", ""), want: result(setupGone, true, ""), left: true},
		"failed right after":         {before: setupIn(needsMethod, "", ""), after: setupIn(needsMethod, "", "generic_failure"), want: result(needsMethod, true, "generic_failure")},
		"declined":                   {before: setupIn(needsMethod, "", ""), after: setupIn(needsMethod, "", "card_declined"), answer: declined, want: activities.ConfirmSetupResult{Status: needsMethod, Refused: true, Codes: declined.Codes}},
		"method missing":             {before: setupIn(needsMethod, "", "old"), after: setupIn(needsMethod, "", "old"), answer: failParam(activities.StripeMissing, "payment_method"), want: result(needsMethod, true, "old")},
		"wants what a browser sends": {before: setupIn(needsAction, "pm_1", ""), after: setupIn(needsAction, "pm_1", ""), answer: &activities.StripeError{Kind: activities.StripeInvalid, Param: "mandate_data", Codes: activities.Codes{Code: "parameter_missing"}}, want: result(needsAction, true, "parameter_missing")},
		"canceled meanwhile":         {before: setupIn(needsMethod, "", ""), after: setupIn(setupGone, "", ""), answer: fail(activities.StripeWrongState), want: result(setupGone, true, "")},
		"succeeded meanwhile":        {before: setupIn(needsAction, "pm_1", ""), after: setupIn(setupDone, "pm_1", ""), answer: &activities.StripeError{Kind: activities.StripeWrongState, Codes: activities.Codes{Code: "setup_intent_unexpected_state"}}, want: result(setupDone, false, "")},
		"stored fault, succeeded":    {before: setupIn(needsMethod, "", ""), after: setupIn(setupDone, "pm_9", ""), answer: fail(activities.StripeStoredFault), want: result(setupDone, false, "")},
		"key reused, at the bank":    {before: setupIn(needsMethod, "", ""), after: setupIn(setupAtBank, "pm_9", ""), answer: fail(activities.StripeKeyReused), want: result(setupAtBank, false, "")},
		"stored fault, wants action": {before: setupIn(needsMethod, "", ""), after: setupIn(needsAction, "pm_9", ""), answer: fail(activities.StripeStoredFault), want: result(needsAction, false, "")},
		"stored fault, canceled":     {before: setupIn(needsMethod, "", ""), after: setupIn(setupGone, "", ""), answer: fail(activities.StripeStoredFault), want: result(setupGone, true, "")},
		"stored fault, action of another method": {
			before: setupIn(needsAction, "pm_1", ""), after: setupIn(needsAction, "pm_1", ""), answer: fail(activities.StripeStoredFault), typ: activities.ErrorStripeFaultStored,
		},
		"stored fault, perhaps declined": {
			before: setupIn(needsMethod, "", ""), after: setupIn(needsMethod, "", "card_declined"), answer: fail(activities.StripeStoredFault), typ: activities.ErrorStripeFaultStored,
		},
		"no answer":                  {before: setupIn(needsMethod, "", ""), answer: fail(activities.StripeUnknown), typ: activities.ErrorStripeUnavailable, retried: true},
		"the first still runs":       {before: setupIn(needsMethod, "", ""), answer: fail(activities.StripeKeyInUse), typ: activities.ErrorStripeUnavailable, retried: true},
		"rate limited":               {before: setupIn(needsMethod, "", ""), answer: fail(activities.StripeRateLimited), typ: activities.ErrorStripeRateLimited, retried: true},
		"unauthorized":               {before: setupIn(needsMethod, "", ""), answer: fail(activities.StripeUnauthorized), typ: activities.ErrorStripeUnauthorized},
		"customer deleted":           {before: setupIn(needsMethod, "", ""), answer: failParam(activities.StripeMissing, "customer"), typ: activities.ErrorCustomerMissing},
		"an adapter of another kind": {before: setupIn(needsMethod, "", ""), answer: errPort, typ: activities.ErrorStripeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setupStub(test.before, test.after, test.answer)
			got, err := do(t, &run{}, s.activities().Subscriptions.ConfirmSetup, activities.ConfirmSetupInput{
				SetupIntent: "seti_1", PaymentMethod: "pm_9", IdempotencyKey: "k",
			})
			switch {
			case test.left:
				require.Equal(t, []string{"read seti_1"}, s.calls)
			case test.typ == "":
				require.Equal(t, []string{"read seti_1", "confirm seti_1 pm_9 k", "read seti_1"}, s.calls)
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

// readable makes the SetupIntent readable so many times, and no more.
func (s *stripeStub) readable(times int, then error) *stripeStub {
	read := s.setup
	s.setup = func(id string) (activities.SetupIntent, error) {
		if times--; times < 0 {
			return activities.SetupIntent{}, then
		}
		return read(id)
	}
	return s
}

// TestConfirmSetupUnreadable: Stripe does not know the SetupIntent, or does not answer, before the write or after it. Before it
// nothing is sent.
func TestConfirmSetupUnreadable(t *testing.T) {
	t.Parallel()
	in := activities.ConfirmSetupInput{SetupIntent: "seti_1", PaymentMethod: "pm_9", IdempotencyKey: "k"}
	for times, calls := range []int{1, 3} {
		missing := failParam(activities.StripeMissing, "setup_intent")
		s := setupStub(setupIn(needsMethod, "", ""), activities.SetupIntent{}, missing).readable(times, missing)
		got, err := do(t, &run{}, s.activities().Subscriptions.ConfirmSetup, in)
		require.NoError(t, err)
		require.Equal(t, activities.ConfirmSetupResult{Refused: true}, got)
		require.Len(t, s.calls, calls)

		s = setupStub(setupIn(needsMethod, "", ""), setupIn(setupDone, "pm_9", ""), nil).readable(times, fail(activities.StripeUnknown))
		_, err = do(t, &run{}, s.activities().Subscriptions.ConfirmSetup, in)
		requireError(t, err, activities.ErrorStripeUnavailable, true)
		require.Len(t, s.calls, calls)
	}
}
