package stripesandbox_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// refusingPayer is a customer whose saved card has since become one that cannot be set up.
func (b billing) refusingPayer() string {
	b.t.Helper()
	cus := b.customer()
	pm := b.saved(cus, "pm_card_visa")
	b.makeDefault(cus, pm)
	require.Equal(b.t, http.StatusOK, b.control("/payment_methods/"+pm+"/automatic_update", map[string]string{"token": "pm_card_visa_chargeDeclined"}).status)
	return cus
}

func TestPendingSetupIntentRefused(t *testing.T) {
	t.Parallel()
	for _, behave := range []string{"allow_incomplete", "default_incomplete"} {
		b := newBilling(t, stripesandbox.Config{})
		sub := b.subscribed(b.refusingPayer(), b.monthly(1200), trialDays(7), behaviour(behave))
		require.Equal(t, stripe.SubscriptionStatusTrialing, sub.Status)
		require.Equal(t, stripe.SetupIntentStatusRequiresPaymentMethod, sub.PendingSetupIntent.Status)
		require.EqualValues(t, "card_declined", sub.PendingSetupIntent.LastSetupError.Code)
		require.Equal(t, []string{"setup_intent.created", "setup_intent.setup_failed"}, b.events(sub.PendingSetupIntent.ID))
	}
}

// However a pending SetupIntent succeeds, the subscription waits for it no longer.
func TestPendingSetupIntentSucceeds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, token string
		succeed     func(b billing, sub *stripe.Subscription)
	}{
		{"3D Secure", "pm_card_authenticationRequired", func(b billing, sub *stripe.Subscription) {
			require.Equal(b.t, http.StatusOK, b.control("/setup_intents/"+sub.PendingSetupIntent.ID+"/authenticate", map[string]string{"result": "pass"}).status)
		}},
		{"confirmed with a method", "", func(b billing, sub *stripe.Subscription) {
			si, err := b.V1SetupIntents.Confirm(b.t.Context(), sub.PendingSetupIntent.ID, &stripe.SetupIntentConfirmParams{
				PaymentMethod: stripe.String(b.saved(sub.Customer.ID, "pm_card_visa")),
			})
			require.NoError(b.t, err)
			require.Equal(b.t, stripe.SetupIntentStatusSucceeded, si.Status)
		}},
		{"in the page", "", func(b billing, sub *stripe.Subscription) {
			require.Equal(b.t, http.StatusOK, b.control("/elements/confirm_setup", map[string]string{
				"key": stripesandbox.PublishableKey, "client_secret": sub.PendingSetupIntent.ClientSecret, "number": "4000002500003155",
			}).status)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBilling(t, stripesandbox.Config{})
			sub := b.subscribed(b.payer(tc.token), b.monthly(1200), trialDays(7), behaviour("default_incomplete"), func(p *stripe.SubscriptionCreateParams) {
				p.PaymentSettings = &stripe.SubscriptionCreatePaymentSettingsParams{SaveDefaultPaymentMethod: stripe.String("on_subscription")}
			})
			require.NotNil(t, sub.PendingSetupIntent)
			tc.succeed(b, sub)
			after := b.subscription(sub.ID)
			require.Nil(t, after.PendingSetupIntent)
			require.Nil(t, after.DefaultPaymentMethod, "that is left to the caller")
			changed := b.last("customer.subscription.updated")
			require.Equal(t, map[string]any{"pending_setup_intent": sub.PendingSetupIntent.ID}, changed.Data.PreviousAttributes)
			require.Nil(t, changed.Data.Object["pending_setup_intent"])
		})
	}
}

// last is the newest event of a type.
func (b *bundle) last(eventType string) *stripe.Event {
	b.t.Helper()
	for e, err := range b.V1Events.List(b.t.Context(), &stripe.EventListParams{Type: &eventType}) {
		require.NoError(b.t, err)
		return e
	}
	require.Fail(b.t, "no "+eventType)
	return nil
}

func TestPendingSetupIntentStays(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	cus := b.payer("")
	sub := b.subscribed(cus, b.monthly(1200), trialDays(7), behaviour("default_incomplete"))
	pending := sub.PendingSetupIntent.ID
	pm := b.saved(cus, "pm_card_visa")
	updated, err := b.V1Subscriptions.Update(t.Context(), sub.ID, &stripe.SubscriptionUpdateParams{DefaultPaymentMethod: &pm})
	require.NoError(t, err)
	require.Equal(t, pending, updated.PendingSetupIntent.ID, "another default method does not clear it")
	_, err = b.V1SetupIntents.Confirm(t.Context(), pending, &stripe.SetupIntentConfirmParams{PaymentMethod: stripe.String("pm_card_visa_chargeDeclined")})
	require.EqualValues(t, "card_declined", stripeError(t, err).Code)
	require.Equal(t, pending, b.subscription(sub.ID).PendingSetupIntent.ID)

	canceled, err := b.V1Subscriptions.Cancel(t.Context(), sub.ID, nil)
	require.NoError(t, err)
	require.Equal(t, pending, canceled.PendingSetupIntent.ID)
	si, err := b.V1SetupIntents.Retrieve(t.Context(), pending, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.SetupIntentStatusRequiresPaymentMethod, si.Status, "the end of the subscription leaves it open")
	si, err = b.V1SetupIntents.Cancel(t.Context(), pending, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.SetupIntentStatusCanceled, si.Status)
}
