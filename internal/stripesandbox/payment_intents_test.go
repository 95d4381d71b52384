package stripesandbox_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestDeclinedChargeIsRetriedOnTheSameIntent(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	pm := b.saved(cus, "pm_sandbox_decline_insufficient_funds_advice_try_again_later_times_1")
	_, err := b.charge(cus, pm)
	se := stripeError(t, err)
	require.Equal(t, 402, se.HTTPStatusCode)
	require.Equal(t, stripe.ErrorTypeCard, se.Type)
	require.Equal(t, stripe.DeclineCodeInsufficientFunds, se.DeclineCode)
	require.Contains(t, string(se.LastResponse.RawJSON), `"advice_code":"try_again_later"`)
	pi := se.PaymentIntent
	require.Equal(t, stripe.PaymentIntentStatusRequiresPaymentMethod, pi.Status)
	require.Nil(t, pi.PaymentMethod)
	require.Equal(t, pm, pi.LastPaymentError.PaymentMethod.ID)
	require.Equal(t, se.ChargeID, pi.LatestCharge.ID)
	require.Equal(t, []string{"payment_intent.created", "charge.failed", "payment_intent.payment_failed"}, b.events(pi.ID, pi.LatestCharge.ID))

	params := &stripe.PaymentIntentConfirmParams{PaymentMethod: &pm, OffSession: new(true)}
	params.AddExpand("latest_charge")
	paid, err := b.V1PaymentIntents.Confirm(t.Context(), pi.ID, params)
	require.NoError(t, err)
	require.Equal(t, stripe.PaymentIntentStatusSucceeded, paid.Status)
	require.Equal(t, "approved_by_network", paid.LatestCharge.Outcome.NetworkStatus)
	require.Nil(t, paid.LastPaymentError)

	_, err = b.V1PaymentIntents.Confirm(t.Context(), pi.ID, &stripe.PaymentIntentConfirmParams{PaymentMethod: &pm, OffSession: new(true)})
	se = stripeError(t, err)
	require.Equal(t, stripe.ErrorCodePaymentIntentUnexpectedState, se.Code)
	require.Equal(t, 400, se.HTTPStatusCode)
	require.Equal(t, pi.ID, se.PaymentIntent.ID)
}

func TestAuthenticationOffAndOnSession(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	pm := b.saved(cus, "pm_card_authenticationRequired")

	_, err := b.charge(cus, pm)
	se := stripeError(t, err)
	require.Equal(t, http.StatusPaymentRequired, se.HTTPStatusCode)
	require.EqualValues(t, "authentication_required", se.Code)
	require.EqualValues(t, "authentication_required", se.DeclineCode)
	require.Nil(t, se.PaymentIntent.LatestCharge, "recorded without a charge")
	require.Nil(t, se.PaymentIntent.PaymentMethod)
	require.Equal(t, []string{"payment_intent.created", "payment_intent.payment_failed"}, b.events(se.PaymentIntent.ID))

	strict := b.offSession(cus, pm, "error_on_requires_action", "true")
	require.Equal(t, "authentication_required / authentication_not_handled", code(t, strict))

	onSession := b.post("/v1/payment_intents", "amount", "500", "currency", "usd", "customer", cus, "payment_method", pm, "confirm", "true")
	require.Equal(t, "requires_action", state(t, onSession))
	id := onSession.at(t, "id").(string)
	require.NotNil(t, onSession.at(t, "next_action"))
	require.Equal(t, pm, onSession.at(t, "payment_method"))
	require.Equal(t, []string{"payment_intent.created", "payment_intent.requires_action"}, b.events(id))

	failed := b.control("/payment_intents/"+id+"/authenticate", map[string]string{"result": "fail"})
	require.Equal(t, "payment_intent_authentication_failure", failed.at(t, "error.code"))
	require.Equal(t, "requires_payment_method", b.raw(http.MethodGet, "/v1/payment_intents/"+id, "").at(t, "status"))
	require.Equal(t, "payment_intent_unexpected_state", code(t, b.post("/v1/payment_intents/"+id+"/confirm")), "a payment method must be named again")
	require.Equal(t, "requires_action", state(t, b.post("/v1/payment_intents/"+id+"/confirm", "payment_method", pm)))
	require.Equal(t, "succeeded", b.control("/payment_intents/"+id+"/authenticate", map[string]string{"result": "pass"}).at(t, "status"))
	require.Equal(t, http.StatusBadRequest, b.control("/payment_intents/"+id+"/authenticate", map[string]string{"result": "pass"}).status)
}

func TestPaymentIntentParameters(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus, other := b.customer(), b.customer()
	mine, theirs, sepa := b.saved(cus, "pm_card_visa"), b.saved(other, "pm_card_visa"), b.saved(cus, "pm_sepaDebit_success_de")
	base := func(pairs ...string) []string { return append([]string{"amount", "1099", "currency", "usd"}, pairs...) }
	for _, tc := range []struct {
		name        string
		pairs       []string
		status      int
		code, param string
	}{
		{"no amount", []string{"currency", "usd"}, 400, "parameter_missing", "amount"},
		{"no currency", []string{"amount", "100"}, 400, "parameter_missing", "currency"},
		{"amount 0", []string{"amount", "0", "currency", "usd"}, 400, "parameter_invalid_integer", "amount"},
		{"negative amount", []string{"amount", "-5", "currency", "usd"}, 400, "parameter_invalid_integer", "amount"},
		{"fractional amount", []string{"amount", "10.5", "currency", "usd"}, 400, "parameter_invalid_integer", "amount"},
		{"99 digits", []string{"amount", strings.Repeat("9", 99), "currency", "usd"}, 400, "parameter_invalid_integer", "amount"},
		{"too small", []string{"amount", "49", "currency", "usd"}, 400, "amount_too_small", "amount"},
		{"small yen", []string{"amount", "50", "currency", "jpy"}, 200, "", ""},
		{"too large", []string{"amount", "100000000", "currency", "usd"}, 400, "amount_too_large", "amount"},
		{"unknown currency", []string{"amount", "100", "currency", "zzz"}, 400, "", "currency"},
		{"unknown parameter", base("colour", "red"), 400, "parameter_unknown", "colour"},
		{"unknown nested parameter", base("automatic_payment_methods[x]", "1"), 400, "parameter_unknown", "automatic_payment_methods[x]"},
		{"not a boolean", base("confirm", "yes"), 400, "", "confirm"},
		{"unknown customer", base("customer", "cus_none"), 404, "resource_missing", "customer"},
		{"unknown payment method", base("customer", cus, "payment_method", "pm_none"), 404, "resource_missing", "payment_method"},
		{"another customer's method", base("customer", cus, "payment_method", theirs), 400, "", "payment_method"},
		{"a customer's method without customer", base("payment_method", mine), 400, "parameter_missing", "customer"},
		{"off_session without confirm", base("customer", cus, "payment_method", mine, "off_session", "true"), 400, "", "off_session"},
		{"off_session with setup_future_usage", base("customer", cus, "payment_method", mine, "confirm", "true", "off_session", "true", "setup_future_usage", "off_session"), 400, "", "off_session"},
		{"confirm without method", base("customer", cus, "confirm", "true"), 400, "payment_intent_unexpected_state", "payment_method"},
		{"type not allowed", base("customer", cus, "payment_method", sepa, "payment_method_types[0]", "card"), 400, "", "payment_method"},
		{"debit in another currency", base("customer", cus, "payment_method", sepa), 400, "", "payment_method"},
		{"plain", base(), 200, "", ""},
		{"with method", base("customer", cus, "payment_method", mine), 200, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := b.post("/v1/payment_intents", tc.pairs...)
			require.Equal(t, tc.status, a.status, string(a.body))
			if tc.status == http.StatusOK {
				return
			}
			e := a.at(t, "error").(map[string]any)
			require.Equal(t, "invalid_request_error", e["type"])
			got, _ := e["code"].(string)
			require.Equal(t, tc.code, got)
			require.Equal(t, tc.param, e["param"])
		})
	}
}

func TestUpdatePaymentIntent(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	pm := b.saved(cus, "pm_card_visa")
	id := b.post("/v1/payment_intents", "amount", "500", "currency", "usd", "metadata[a]", "1", "metadata[b]", "2").at(t, "id").(string)
	a := b.post("/v1/payment_intents/"+id, "amount", "700", "customer", cus, "payment_method", pm, "metadata[a]", "", "metadata[c]", "3", "description", "March")
	require.Equal(t, "requires_confirmation", a.at(t, "status"))
	require.Equal(t, map[string]any{"b": "2", "c": "3"}, a.at(t, "metadata"))
	require.EqualValues(t, 700, a.at(t, "amount"))
	require.Equal(t, "succeeded", state(t, b.post("/v1/payment_intents/"+id+"/confirm", "off_session", "true")))
	require.Equal(t, "payment_intent_unexpected_state", code(t, b.post("/v1/payment_intents/"+id, "amount", "900")))
	require.Equal(t, http.StatusOK, b.post("/v1/payment_intents/"+id, "metadata[d]", "4").status)
	listed := b.raw(http.MethodGet, "/v1/payment_intents?customer="+cus, "")
	require.Len(t, listed.at(t, "data"), 1, "found under the customer it got later")
}

func TestMethodUsedWithoutCustomerIsBurnt(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	card := func() string {
		return b.post("/v1/payment_methods", "type", "card", "card[token]", "tok_visa").at(t, "id").(string)
	}
	used := card()
	require.Equal(t, "succeeded", state(t, b.post("/v1/payment_intents", "amount", "500", "currency", "usd", "payment_method", used, "confirm", "true")))
	require.Equal(t, http.StatusBadRequest, b.post("/v1/payment_methods/"+used+"/attach", "customer", cus).status)
	require.Equal(t, "payment_method", b.offSession(cus, used).at(t, "error.param"))

	kept := card()
	a := b.post("/v1/payment_intents", "amount", "500", "currency", "usd", "customer", cus, "payment_method", kept, "confirm", "true", "setup_future_usage", "off_session")
	require.Equal(t, "succeeded", state(t, a))
	require.Equal(t, http.StatusOK, b.offSession(cus, kept).status, "saved by the payment")
}

func TestSearchPaymentIntents(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	paid, err := b.charge(cus, b.saved(cus, "pm_card_visa"))
	require.NoError(t, err)
	b.post("/v1/payment_intents", "amount", "500", "currency", "usd", "metadata[offsession_reference]", "inv-2")
	find := func(query string) []string {
		var ids []string
		for pi, err := range b.V1PaymentIntents.Search(t.Context(), &stripe.PaymentIntentSearchParams{SearchParams: stripe.SearchParams{Query: query}}) {
			require.NoError(t, err)
			ids = append(ids, pi.ID)
		}
		return ids
	}
	require.Equal(t, []string{paid.ID}, find("metadata['offsession_reference']:'inv-1'"))
	require.Len(t, find(`metadata["offsession_reference"]:"inv-2"`), 1)
	require.Empty(t, find("metadata['offsession_reference']:'inv-3'"))
	require.Equal(t, []string{paid.ID}, find("customer:'"+cus+"' AND status:'succeeded'"))
	require.Equal(t, http.StatusBadRequest, b.raw(http.MethodGet, "/v1/payment_intents/search?query=what", "").status)
	for _, page := range []string{"!", "Y3VzXzE"} {
		bad := b.raw(http.MethodGet, "/v1/payment_intents/search?query=status:'succeeded'&page="+page, "")
		require.Equal(t, http.StatusBadRequest, bad.status)
		require.Equal(t, "page", bad.at(t, "error.param"))
	}
}
