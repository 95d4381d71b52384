package stripegateway_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/stripesandbox"
)

func (s sandbox) subscriptions() *activities.DeferredSubscriptions {
	return activities.New(activities.Ports{
		SetupIntents: s, PaymentMethods: s, Customers: s, Subscriptions: s, Invoices: s,
	}).Subscriptions
}

// faultAt breaks the next write to a path.
func (s sandbox) faultAt(kind stripesandbox.FaultKind, path string) {
	s.t.Helper()
	status, answer := s.control("faults", map[string]any{"kind": kind, "times": 1, "method": http.MethodPost, "path": "/v1/" + path})
	require.Equal(s.t, http.StatusOK, status, "%v", answer)
}

// TestSubscriptionWritesWhoseAnswerIsLost: Stripe carries a write out and its answer does not arrive, arrives half, or is a fault
// that it keeps under the key. Run again as Temporal does, the activity finds what was done, and it was done once.
func TestSubscriptionWritesWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	for _, kind := range []stripesandbox.FaultKind{stripesandbox.FaultDropAfter, stripesandbox.FaultBrokenJSON, stripesandbox.Fault500After} {
		for name, test := range map[string]func(t *testing.T, s sandbox, customer string) (write func() error, check func()){
			"confirm": func(t *testing.T, s sandbox, customer string) (func() error, func()) {
				sub, pending := s.pending(customer)
				in := activities.ConfirmSetupInput{SetupIntent: pending, PaymentMethod: s.attached("pm_card_visa", customer), IdempotencyKey: s.key()}
				s.faultAt(kind, "setup_intents/"+pending+"/confirm")
				check := func() {
					require.Len(t, s.eventsOf("setup_intent.succeeded"), 1)
					require.Nil(t, s.subscription(sub).PendingSetupIntent)
				}
				return func() error {
					got, err := s.subscriptions().ConfirmSetup(t.Context(), in)
					if err == nil {
						require.Equal(t, activities.ConfirmSetupResult{Status: activities.SetupIntentSucceeded}, got)
					}
					return err
				}, check
			},
			"confirm, for the bank": func(t *testing.T, s sandbox, customer string) (func() error, func()) {
				_, pending := s.pending(customer)
				in := activities.ConfirmSetupInput{SetupIntent: pending, PaymentMethod: s.attached("pm_card_authenticationRequiredOnSetup", customer), IdempotencyKey: s.key()}
				s.faultAt(kind, "setup_intents/"+pending+"/confirm")
				check := func() { require.Len(t, s.eventsOf("setup_intent.requires_action"), 1) }
				return func() error {
					got, err := s.subscriptions().ConfirmSetup(t.Context(), in)
					if err == nil {
						require.Equal(t, activities.ConfirmSetupResult{Status: activities.SetupIntentRequiresAction}, got)
					}
					return err
				}, check
			},
			"cancel": func(t *testing.T, s sandbox, customer string) (func() error, func()) {
				_, pending := s.pending(customer)
				in := activities.CancelSetupInput{SetupIntent: pending, IdempotencyKey: s.key()}
				s.faultAt(kind, "setup_intents/"+pending+"/cancel")
				check := func() { require.Len(t, s.eventsOf("setup_intent.canceled"), 1) }
				return func() error {
					got, err := s.subscriptions().CancelSetup(t.Context(), in)
					if err == nil {
						require.Equal(t, activities.SetupIntentCanceled, got)
					}
					return err
				}, check
			},
			"default of both": func(t *testing.T, s sandbox, customer string) (func() error, func()) {
				sub, _ := s.pending(customer)
				method := s.attached("pm_card_visa", customer)
				in := activities.SetSubscriptionDefaultInput{
					Subscription: sub, Customer: customer, PaymentMethod: method, OnSubscription: true, OnCustomer: true, IdempotencyKey: s.key(),
				}
				s.faultAt(kind, "subscriptions/"+sub)
				s.faultAt(kind, "customers/"+customer)
				check := func() {
					read := s.subscription(sub)
					require.Equal(t, method, read.DefaultPaymentMethod)
					require.Equal(t, method, read.CustomerDefault)
					require.Len(t, s.eventsOf("customer.subscription.updated"), 1)
					require.Len(t, s.eventsOf("customer.updated"), 1)
				}
				return func() error {
					got, err := s.subscriptions().SetSubscriptionDefault(t.Context(), in)
					if err == nil {
						require.Empty(t, got)
					}
					return err
				}, check
			},
		} {
			t.Run(name+", "+string(kind), func(t *testing.T) {
				t.Parallel()
				s := newSandbox(t)
				customer, _ := s.payer("")
				write, check := test(t, s, customer)
				err := write()
				require.Error(t, err)
				for lost := 1; err != nil && lost <= 2; lost++ { // Of each write one answer.
					var failure *temporal.ApplicationError
					require.ErrorAs(t, err, &failure)
					require.False(t, failure.NonRetryable())
					err = write()
				}
				require.NoError(t, err)
				require.NoError(t, write(), "once more")
				check()
			})
		}
	}
}

// TestSubscriptionWritesNotCarriedOut: a fault that Stripe keeps under the key, though nothing was done, is final: it takes a new
// key.
func TestSubscriptionWritesNotCarriedOut(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, _ := s.payer("")
	sub, pending := s.pending(customer)
	method := s.attached("pm_card_visa", customer)
	writes := map[string]func(key string) error{
		"setup_intents/" + pending + "/confirm": func(key string) error {
			return failed(s.subscriptions().ConfirmSetup(t.Context(), activities.ConfirmSetupInput{SetupIntent: pending, PaymentMethod: method, IdempotencyKey: key}))
		},
		"setup_intents/" + pending + "/cancel": func(key string) error {
			return failed(s.subscriptions().CancelSetup(t.Context(), activities.CancelSetupInput{SetupIntent: pending, IdempotencyKey: key}))
		},
		"subscriptions/" + sub: func(key string) error {
			return failed(s.subscriptions().SetSubscriptionDefault(t.Context(), activities.SetSubscriptionDefaultInput{
				Subscription: sub, Customer: customer, PaymentMethod: method, OnSubscription: true, IdempotencyKey: key,
			}))
		},
	}
	for path, write := range writes {
		key := s.key()
		s.faultAt(stripesandbox.Fault500Before, path)
		err := write(key)
		var failure *temporal.ApplicationError
		require.ErrorAs(t, err, &failure, path)
		if !failure.NonRetryable() { // The first answer does not say that it is kept; the second does.
			err = write(key)
		}
		require.ErrorAs(t, err, &failure, path)
		require.Equal(t, activities.ErrorStripeFaultStored, failure.Type(), path)
		require.True(t, failure.NonRetryable(), path)
	}
	read := s.subscription(sub)
	require.Empty(t, read.DefaultPaymentMethod)
	require.Equal(t, activities.SetupIntentRequiresPaymentMethod, read.PendingSetupIntent.Status)
	require.NoError(t, writes["subscriptions/"+sub](s.key()))
	require.NoError(t, writes["setup_intents/"+pending+"/confirm"](s.key()))
	read = s.subscription(sub)
	require.Equal(t, method, read.DefaultPaymentMethod)
	require.Nil(t, read.PendingSetupIntent)
}

// TestSubscriptionResultsHoldNoSecrets: what a workflow's history keeps has no client secret, address or e-mail.
func TestSubscriptionResultsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, method := s.payer("pm_card_chargeCustomerFail")
	s.api("customers/"+customer, url.Values{"email": {"buyer@example.com"}, "name": {"B. Uyer"}})
	id := s.subscribe(customer, url.Values{"trial_period_days": {"2"}})
	s.pass(50 * time.Hour)
	another, _ := s.payer("")
	_, pending := s.pending(another)
	other := s.attached("pm_card_authenticationRequiredOnSetup", another)
	fns := s.subscriptions()

	reading, err := fns.ReadSubscription(t.Context(), id)
	require.NoError(t, err)
	require.NotEmpty(t, reading.Invoice)
	confirmed, err := fns.ConfirmSetup(t.Context(), activities.ConfirmSetupInput{SetupIntent: pending, PaymentMethod: other, IdempotencyKey: s.key()})
	require.NoError(t, err)
	set, err := fns.SetSubscriptionDefault(t.Context(), activities.SetSubscriptionDefaultInput{
		Subscription: id, Customer: customer, PaymentMethod: method, OnSubscription: true, IdempotencyKey: s.key(),
	})
	require.NoError(t, err)
	canceled, err := fns.CancelSetup(t.Context(), activities.CancelSetupInput{SetupIntent: pending, IdempotencyKey: s.key()})
	require.NoError(t, err)
	kept, err := json.Marshal([]any{reading, confirmed, set, canceled})
	require.NoError(t, err)
	for _, secret := range []string{"_secret_", "http", "buyer", "Uyer", "@"} {
		require.NotContains(t, string(kept), secret)
	}
}
