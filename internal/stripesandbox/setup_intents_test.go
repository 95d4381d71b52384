package stripesandbox_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestSetupIntentMoves(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	si, err := b.V1SetupIntents.Create(t.Context(), &stripe.SetupIntentCreateParams{Customer: &cus})
	require.NoError(t, err)
	require.Equal(t, stripe.SetupIntentStatusRequiresPaymentMethod, si.Status)
	require.EqualValues(t, "off_session", si.Usage)

	card := b.post("/v1/payment_methods", "type", "card", "card[token]", "tok_visa").at(t, "id").(string)
	si, err = b.V1SetupIntents.Update(t.Context(), si.ID, &stripe.SetupIntentUpdateParams{PaymentMethod: &card})
	require.NoError(t, err)
	require.Equal(t, stripe.SetupIntentStatusRequiresConfirmation, si.Status)
	si, err = b.V1SetupIntents.Confirm(t.Context(), si.ID, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.SetupIntentStatusSucceeded, si.Status)
	require.Equal(t, []string{"setup_intent.created", "payment_method.attached", "setup_intent.succeeded"}, b.events(si.ID, card))

	for _, path := range []string{"/confirm", "/cancel"} {
		a := b.post("/v1/setup_intents/"+si.ID+path, "expand[0]", "customer")
		require.Equal(t, "setup_intent_unexpected_state", code(t, a))
		require.Equal(t, si.ID, a.at(t, "error.setup_intent.id"))
	}
	require.NoError(t, err)
	listed := b.raw(http.MethodGet, "/v1/setup_intents?customer="+cus, "")
	require.Len(t, listed.at(t, "data"), 1)
}

func TestSetupIntentIsRefused(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	si := b.post("/v1/setup_intents").at(t, "id").(string)
	require.Equal(t, "setup_intent_unexpected_state", code(t, b.post("/v1/setup_intents/"+si+"/confirm")), "no payment method")

	refused := b.post("/v1/setup_intents/"+si+"/confirm", "payment_method", "pm_card_chargeDeclinedExpiredCard")
	require.Equal(t, http.StatusPaymentRequired, refused.status)
	require.Equal(t, "card_error", refused.at(t, "error.type"))
	require.Equal(t, "expired_card", refused.at(t, "error.code"))
	require.Equal(t, "exp_month", refused.at(t, "error.param"))
	require.Equal(t, "requires_payment_method", refused.at(t, "error.setup_intent.status"))
	require.Nil(t, refused.at(t, "error.setup_intent.payment_method"))
	require.Equal(t, "expired_card", refused.at(t, "error.setup_intent.last_setup_error.code"))
	require.Equal(t, refused.at(t, "error.payment_method.id"), refused.at(t, "error.setup_intent.last_setup_error.payment_method.id"))

	waiting := b.post("/v1/setup_intents/"+si+"/confirm", "payment_method", "pm_card_authenticationRequired")
	require.Equal(t, "requires_action", waiting.at(t, "status"))
	failed := b.control("/setup_intents/"+si+"/authenticate", map[string]string{"result": "fail"})
	require.Equal(t, "setup_intent_authentication_failure", failed.at(t, "error.code"))
	require.Equal(t, []string{
		"setup_intent.created", "setup_intent.setup_failed", "setup_intent.requires_action", "setup_intent.setup_failed",
	}, b.events(si))
}

func TestCancelSetupIntent(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	for status, pairs := range map[string][]string{
		"requires_payment_method": nil,
		"requires_confirmation":   {"payment_method", "pm_card_visa"},
		"requires_action":         {"payment_method", "pm_card_authenticationRequired", "confirm", "true"},
	} {
		created := b.post("/v1/setup_intents", pairs...)
		require.Equal(t, status, created.at(t, "status"))
		id := created.at(t, "id").(string)
		require.Equal(t, http.StatusBadRequest, b.post("/v1/setup_intents/"+id+"/cancel", "cancellation_reason", "fraudulent").status)
		require.Equal(t, "canceled", b.post("/v1/setup_intents/"+id+"/cancel", "cancellation_reason", "abandoned").at(t, "status"))
		require.Equal(t, "setup_intent_unexpected_state", code(t, b.post("/v1/setup_intents/"+id+"/cancel")))
		require.Equal(t, []string{"setup_intent.created", "setup_intent.canceled"}, without(b.events(id), "setup_intent.requires_action"))
	}
	cs := b.setupSession(nil)
	require.Equal(t, http.StatusBadRequest, b.post("/v1/setup_intents/"+cs.SetupIntent.ID+"/cancel").status, "it belongs to a session")
}

func without(list []string, unwanted string) []string {
	var out []string
	for _, s := range list {
		if s != unwanted {
			out = append(out, s)
		}
	}
	return out
}
