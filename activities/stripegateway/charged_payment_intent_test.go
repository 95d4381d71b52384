package stripegateway_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// What is read of the answer to a charge is what is read of the same object later.
func TestCreatedPaymentIntentIsReadLikeARetrievedOne(t *testing.T) {
	t.Parallel()
	const head = `{"id":"pi_1","object":"payment_intent","amount":1099,"currency":"usd","customer":"cus_1","created":1760000000,"metadata":{"a":"b"},`
	const card = `"payment_method":{"id":"pm_1","object":"payment_method","type":"card","card":{"fingerprint":"F1","exp_month":4,"exp_year":2031,"last4":"4242"}},`
	const charge = `"latest_charge":{"id":"ch_1","object":"charge","created":1760000100,"amount_refunded":300,"disputed":true}`
	for name, body := range map[string]string{
		"card":             head + card + charge + `,"status":"succeeded","last_payment_error":null}`,
		"bank account":     head + `"payment_method":{"id":"pm_1","type":"sepa_debit","sepa_debit":{"fingerprint":"F2","last4":"3000"}},` + charge + `,"status":"succeeded"}`,
		"processing":       head + card + charge + `,"status":"processing"}`,
		"not expanded":     head + `"payment_method":"pm_1","latest_charge":"ch_1","status":"succeeded"}`,
		"customer as well": `{"id":"pi_1","status":"succeeded","customer":{"id":"cus_1"},` + card + charge + `}`,
		"declined before": head + card + charge + `,"status":"requires_payment_method",
			"last_payment_error":{"type":"card_error","code":"card_declined","decline_code":"lost_card","charge":"ch_1","advice_code":"do_not_try_again"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, serve(t, http.StatusOK, nil, body))
			created, err := g.CreatePaymentIntent(t.Context(), chargeRequest())
			require.NoError(t, err)
			retrieved, err := g.PaymentIntent(t.Context(), "pi_1")
			require.NoError(t, err)
			require.Equal(t, retrieved, created)
			require.Equal(t, []string{"pm_1", "ch_1", "cus_1"}, []string{created.PaymentMethod, created.LatestCharge, created.Customer})
		})
	}

	for name, body := range map[string]string{"nothing": `{}`, "no object": `[]`, "broken": head, "without status": head + card + charge + `}`} {
		_, err := newGateway(t, serve(t, http.StatusOK, nil, body)).CreatePaymentIntent(t.Context(), chargeRequest())
		require.Equal(t, activities.StripeUnknown, requireKind(t, activities.StripeUnknown, err).Kind, name)
	}
}
