package stripegateway_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// pending makes a subscription in trial whose SetupIntent waits for a payment method.
func (s sandbox) pending(customer string) (subscription, setupIntent string) {
	s.t.Helper()
	subscription = s.subscribe(customer, url.Values{"trial_period_days": {"14"}})
	return subscription, s.subscription(subscription).PendingSetupIntent.ID
}

func (s sandbox) authenticate(setupIntent, result string) {
	s.t.Helper()
	s.control("setup_intents/"+setupIntent+"/authenticate", map[string]string{"result": result})
}

func (s sandbox) attached(token, customer string) string {
	s.t.Helper()
	pm, err := s.AttachPaymentMethod(s.t.Context(), token, customer, s.key())
	require.NoError(s.t, err)
	return pm.ID
}

// undated is a SetupIntent without the time at which it was created, which is now.
func undated(t *testing.T, si activities.SetupIntent) activities.SetupIntent {
	t.Helper()
	require.WithinDuration(t, time.Now(), si.Created, time.Minute)
	si.Created = time.Time{}
	return si
}

func TestSetupIntentIsConfirmed(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, _ := s.payer("")
	sub, pending := s.pending(customer)
	method, key := s.attached("pm_card_visa", customer), s.key()

	want := activities.SetupIntent{ID: pending, Status: activities.SetupIntentSucceeded, Customer: customer, PaymentMethod: method}
	for range 2 { // The same key does the same.
		si, err := s.ConfirmSetupIntent(t.Context(), pending, method, key)
		require.NoError(t, err)
		require.Equal(t, want, undated(t, si))
	}
	require.Nil(t, s.subscription(sub).PendingSetupIntent)
	require.Len(t, s.eventsOf("setup_intent.succeeded"), 1)
	requireKind(t, activities.StripeWrongState, failed(s.ConfirmSetupIntent(t.Context(), pending, method, s.key())))
	requireKind(t, activities.StripeWrongState, failed(s.CancelSetupIntent(t.Context(), pending, s.key())))
}

func TestSetupIntentNeedsTheBank(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, _ := s.payer("")
	sub, pending := s.pending(customer)
	method := s.attached("pm_card_authenticationRequiredOnSetup", customer)

	si, err := s.ConfirmSetupIntent(t.Context(), pending, method, s.key())
	require.NoError(t, err)
	require.Equal(t, activities.SetupIntent{
		ID: pending, Status: activities.SetupIntentRequiresAction, Customer: customer, PaymentMethod: method, NextAction: "use_stripe_sdk",
	}, undated(t, si))
	secret, err := s.SetupIntentSecret(t.Context(), pending)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(secret, pending+"_secret_"), "it is the only method that tells it")

	s.authenticate(pending, "fail")
	si, err = s.SetupIntent(t.Context(), pending)
	require.NoError(t, err)
	require.Equal(t, activities.SetupIntent{
		ID: pending, Status: activities.SetupIntentRequiresPaymentMethod, Customer: customer,
		LastError: activities.Codes{Code: "setup_intent_authentication_failure"}, LastErrorMethod: method,
	}, undated(t, si))
	require.Equal(t, &si, s.subscription(sub).PendingSetupIntent)

	_, err = s.ConfirmSetupIntent(t.Context(), pending, method, s.key())
	require.NoError(t, err)
	s.authenticate(pending, "pass")
	require.Nil(t, s.subscription(sub).PendingSetupIntent)
}

func TestSetupIntentIsDeclined(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, _ := s.payer("")
	sub, pending := s.pending(customer)
	method := s.attached("pm_card_visa", customer)
	s.becomes(method, "pm_card_visa_chargeDeclinedInsufficientFunds")

	declined := requireKind(t, activities.StripeDeclined, failed(s.ConfirmSetupIntent(t.Context(), pending, method, s.key())))
	require.Equal(t, activities.Codes{Code: "card_declined", DeclineCode: "insufficient_funds", NetworkDeclineCode: "51"}, declined.Codes)
	require.Equal(t, http.StatusPaymentRequired, declined.HTTPStatus)
	require.Equal(t, activities.SetupIntent{
		ID: pending, Status: activities.SetupIntentRequiresPaymentMethod, Customer: customer, LastError: declined.Codes, LastErrorMethod: method,
	}, undated(t, *s.subscription(sub).PendingSetupIntent))

	// Another method still can be set up with it.
	si, err := s.ConfirmSetupIntent(t.Context(), pending, s.attached("pm_card_visa", customer), s.key())
	require.NoError(t, err)
	require.Equal(t, activities.SetupIntentSucceeded, si.Status)
}

func TestSetupIntentCannotBeConfirmed(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	ctx := t.Context()
	customer, _ := s.payer("")
	_, foreign := s.customerWith("pm_card_visa")
	_, detached := s.customerWith("pm_card_visa")
	s.api("payment_methods/"+detached+"/detach", nil)
	method := s.attached("pm_card_visa", customer)
	_, pending := s.pending(customer)
	for name, test := range map[string]struct {
		setupIntent, method, param string
	}{
		"unknown":          {"seti_none", method, "setup_intent"},
		"unknown method":   {pending, "pm_none", "payment_method"},
		"another's method": {pending, foreign, "payment_method"},
		"detached method":  {pending, detached, "payment_method"},
	} {
		se := requireKind(t, activities.StripeMissing, failed(s.ConfirmSetupIntent(ctx, test.setupIntent, test.method, s.key())))
		require.Equal(t, test.param, se.Param, name)
	}
	// A bank debit needs a mandate, for which the customer must be there.
	debit := requireKind(t, activities.StripeInvalid, failed(s.ConfirmSetupIntent(ctx, pending, s.attached("pm_usBankAccount_success", customer), s.key())))
	require.Equal(t, "mandate_data", debit.Param)

	canceled, err := s.CancelSetupIntent(ctx, pending, s.key())
	require.NoError(t, err)
	require.Equal(t, activities.SetupIntentCanceled, canceled.Status)
	requireKind(t, activities.StripeWrongState, failed(s.ConfirmSetupIntent(ctx, pending, method, s.key())))
	requireKind(t, activities.StripeMissing, failed(s.SetupIntentSecret(ctx, "seti_none")))
}

// TestSetupIntentsOf: those of one method, newest first, with the workflow that made each.
func TestSetupIntentsOf(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, _ := s.payer("")
	request := s.setupSession(activities.CheckoutUICustom, customer)
	request.Metadata = map[string]string{activities.MetadataWorkflowID: "subscription:sub_1"}
	session, err := s.CreateCheckoutSession(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, s.buyer(session.ID, "pm_card_visa"))
	session, err = s.CheckoutSession(t.Context(), session.ID)
	require.NoError(t, err)
	method := session.SetupIntent.PaymentMethod
	_, pending := s.pending(customer)
	_, err = s.ConfirmSetupIntent(t.Context(), pending, method, s.key())
	require.NoError(t, err)

	found, err := s.SetupIntentsOf(t.Context(), customer, method)
	require.NoError(t, err)
	for i := range found {
		found[i] = undated(t, found[i])
	}
	require.Equal(t, []activities.SetupIntent{
		{ID: pending, Status: activities.SetupIntentSucceeded, Customer: customer, PaymentMethod: method},
		{ID: session.SetupIntent.ID, Status: activities.SetupIntentSucceeded, Customer: customer, PaymentMethod: method, WorkflowID: "subscription:sub_1"},
	}, found)
	for _, none := range []struct{ customer, method string }{{customer, s.attached("pm_card_visa", customer)}, {"cus_none", method}} {
		found, err = s.SetupIntentsOf(t.Context(), none.customer, none.method)
		require.NoError(t, err)
		require.Empty(t, found)
	}
}
