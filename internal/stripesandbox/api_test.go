package stripesandbox_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestFrame(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	ok := b.raw(http.MethodGet, "/v1/customers", "", "Stripe-Version", "2025-08-27.basil")
	require.Equal(t, "2025-08-27.basil", ok.header.Get("Stripe-Version"))
	require.True(t, strings.HasPrefix(ok.header.Get("Request-Id"), "req_"))
	require.Equal(t, "application/json", ok.header.Get("Content-Type"))

	for _, tc := range []struct {
		name, method, path, form string
		header                   []string
		status                   int
		code, message            string
	}{
		{"unknown path", "GET", "/v1/unicorns", "", nil, 404, "", "Unrecognized request URL (GET: /v1/unicorns)"},
		{"unknown method", "DELETE", "/v1/payment_intents", "", nil, 404, "", "Unrecognized request URL"},
		{"no key", "GET", "/v1/customers", "", []string{"Authorization", ""}, 401, "", "You did not provide an API key"},
		{"wrong key", "GET", "/v1/customers", "", []string{"Authorization", "Bearer sk_test_wrong_key"}, 401, "", "Invalid API Key provided: sk_test_****_key"},
		{"publishable key", "GET", "/v1/customers", "", []string{"Authorization", "Bearer pk_test_sandbox"}, 401, "secret_key_required", "publishable"},
		{"unknown id", "GET", "/v1/payment_intents/pi_none", "", nil, 404, "resource_missing", "No such payment_intent: 'pi_none'"},
		{"unknown id", "GET", "/v1/setup_intents/seti_none", "", nil, 404, "resource_missing", "No such setupintent: 'seti_none'"},
		{"unknown id", "GET", "/v1/payment_methods/pm_none", "", nil, 404, "resource_missing", "No such PaymentMethod: 'pm_none'"},
		{"unknown id", "GET", "/v1/checkout/sessions/cs_none", "", nil, 404, "resource_missing", "No such checkout.session: 'cs_none'"},
		{"unknown id", "GET", "/v1/customers/cus_none", "", nil, 404, "resource_missing", "No such customer: 'cus_none'"},
		{"another kind's id", "GET", "/v1/charges/cus_none", "", nil, 404, "resource_missing", "No such charge: 'cus_none'"},
		{"broken form", "POST", "/v1/customers", "a=%zz", nil, 400, "", "Invalid request"},
		{"broken name", "POST", "/v1/customers", "metadata[a=1", nil, 400, "", "Invalid parameter name"},
		{"value and object", "POST", "/v1/customers", "metadata=x&metadata[a]=1", nil, 400, "", "both"},
		{"object for a string", "POST", "/v1/customers", "email[a]=1", nil, 400, "", "Invalid string"},
		{"long key", "POST", "/v1/customers", "", []string{"Idempotency-Key", strings.Repeat("k", 256)}, 400, "", "255"},
		{"long metadata", "POST", "/v1/customers", "metadata[a]=" + strings.Repeat("x", 501), nil, 400, "", "500"},
		{"long text", "POST", "/v1/customers", "description=" + strings.Repeat("ä", 5001), nil, 400, "", "Invalid string: äääääää...äääääää; must be at most 5000 characters"},
		{"deep name", "POST", "/v1/customers", "a" + strings.Repeat("[b]", 11) + "=1", nil, 400, "", "Invalid parameter name"},
		{"large body", "POST", "/v1/customers", "description=" + strings.Repeat("x", 1<<20), nil, 413, "", "1 MiB"},
	} {
		t.Run(tc.name+" "+tc.path, func(t *testing.T) {
			t.Parallel()
			a := b.raw(tc.method, tc.path, tc.form, tc.header...)
			require.Equal(t, tc.status, a.status, string(a.body))
			e := a.at(t, "error").(map[string]any)
			require.Equal(t, "invalid_request_error", e["type"])
			require.Contains(t, e["message"], tc.message)
			got, _ := e["code"].(string)
			require.Equal(t, tc.code, got)
			require.Contains(t, e["request_log_url"], a.header.Get("Request-Id"))
		})
	}
	basic := b.raw(http.MethodGet, "/v1/customers", "", "Authorization", "Basic c2tfdGVzdF9zYW5kYm94Og==")
	require.Equal(t, http.StatusOK, basic.status)
}

func TestExpand(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	pi, err := b.charge(cus, b.saved(cus, "pm_card_visa"))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, b.post("/v1/refunds", "payment_intent", pi.ID, "amount", "99").status)
	path := "/v1/payment_intents/" + pi.ID

	plain := b.raw(http.MethodGet, path, "")
	require.Equal(t, cus, plain.at(t, "customer"))
	deep := b.raw(http.MethodGet, path+"?expand[]=latest_charge.payment_intent.customer&expand[]=payment_method", "")
	require.Equal(t, cus, deep.at(t, "latest_charge.payment_intent.customer.id"))
	require.Equal(t, cus, deep.at(t, "payment_method.customer"))
	require.Equal(t, cus, deep.at(t, "customer"), "only what was asked for")
	refunds := b.raw(http.MethodGet, path+"?expand[]=latest_charge.refunds.data.charge", "")
	list := refunds.at(t, "latest_charge.refunds.data").([]any)
	require.Equal(t, pi.LatestCharge.ID, list[0].(map[string]any)["charge"].(map[string]any)["id"])
	listed := b.raw(http.MethodGet, "/v1/payment_intents?expand[]=data.customer", "").at(t, "data").([]any)
	require.Equal(t, cus, listed[0].(map[string]any)["customer"].(map[string]any)["id"])
	null := b.raw(http.MethodGet, path+"?expand[]=review", "")
	require.Nil(t, null.at(t, "review"))

	for _, bad := range []string{"amount", "nothing", "latest_charge.nothing", "data.customer", "latest_charge.payment_intent.latest_charge.payment_intent.customer"} {
		a := b.raw(http.MethodGet, path+"?expand[]="+bad, "")
		require.Equal(t, http.StatusBadRequest, a.status, bad)
		require.Equal(t, "expand", a.at(t, "error.param"))
	}
	require.Equal(t, http.StatusBadRequest, b.raw(http.MethodGet, "/v1/payment_intents?expand[]=customer", "").status)
	before := b.payments()
	require.Equal(t, http.StatusBadRequest, b.post("/v1/payment_intents", "amount", "500", "currency", "usd", "expand[0]", "nothing").status)
	require.Equal(t, before, b.payments(), "refused before it has an effect")
}

func TestLists(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	var ids []string // newest first
	for i := range 25 {
		a := b.post("/v1/payment_intents", "amount", fmt.Sprint(500+i), "currency", "usd", "customer", cus)
		ids = append([]string{a.at(t, "id").(string)}, ids...)
		b.post("/v1/payment_intents", "amount", "100", "currency", "usd", "customer", b.customer())
	}
	get := func(query string) (page []string, more bool) {
		a := b.raw(http.MethodGet, "/v1/payment_intents?customer="+cus+query, "")
		require.Equal(t, http.StatusOK, a.status, string(a.body))
		require.Equal(t, "/v1/payment_intents", a.at(t, "url"))
		for _, o := range a.at(t, "data").([]any) {
			page = append(page, o.(map[string]any)["id"].(string))
		}
		return page, a.at(t, "has_more").(bool)
	}
	for _, tc := range []struct {
		query    string
		from, to int
		more     bool
	}{
		{"", 0, 10, true},
		{"&limit=25", 0, 25, false},
		{"&limit=24", 0, 24, true},
		{"&limit=10&starting_after=" + ids[9], 10, 20, true},
		{"&limit=10&starting_after=" + ids[19], 20, 25, false},
		{"&limit=5&ending_before=" + ids[20], 15, 20, true},
		{"&limit=5&ending_before=" + ids[3], 0, 3, false},
		{"&created[lt]=1", 0, 0, false},
		{"&created[gte]=1&limit=100", 0, 25, false},
		{"&created[gt]=9999999999", 0, 0, false},
	} {
		page, more := get(tc.query)
		require.Equal(t, tc.more, more, tc.query)
		require.Equal(t, len(page), tc.to-tc.from, tc.query)
		if len(page) > 0 {
			require.Equal(t, ids[tc.from:tc.to], page, tc.query)
		}
	}
	n := 0
	for _, err := range b.V1PaymentIntents.List(t.Context(), &stripe.PaymentIntentListParams{Customer: &cus}) {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, 25, n, "stripe-go pages through")
	for _, bad := range []string{"limit=0", "limit=101", "limit=x", "starting_after=pi_none", "starting_after=" + ids[0] + "&ending_before=" + ids[1], "colour=red", "created[x]=1"} {
		require.GreaterOrEqual(t, b.raw(http.MethodGet, "/v1/payment_intents?"+bad, "").status, 400, bad)
	}
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	pi, err := b.charge(cus, b.saved(cus, "pm_card_visa"))
	require.NoError(t, err)
	part, err := b.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: &pi.ID, Amount: stripe.Int64(100), Reason: stripe.String("duplicate")})
	require.NoError(t, err)
	require.Equal(t, stripe.RefundStatusSucceeded, part.Status)
	require.Equal(t, http.StatusBadRequest, b.post("/v1/refunds", "charge", pi.LatestCharge.ID, "amount", "1000").status, "more than is left")
	require.Equal(t, http.StatusBadRequest, b.post("/v1/refunds", "charge", pi.LatestCharge.ID, "amount", "0").status)
	require.Equal(t, http.StatusBadRequest, b.post("/v1/refunds").status)
	require.Equal(t, 1, b.srv.Ledger("inv-1").References["inv-1"].NetSuccesses, "refunded in part only")
	rest := b.post("/v1/refunds", "payment_intent", pi.ID, "metadata[a]", "b")
	require.EqualValues(t, 999, rest.at(t, "amount"))
	require.Equal(t, "charge_already_refunded", code(t, b.post("/v1/refunds", "payment_intent", pi.ID)))
	ch, err := b.V1Charges.Retrieve(t.Context(), pi.LatestCharge.ID, nil)
	require.NoError(t, err)
	require.True(t, ch.Refunded)
	require.Zero(t, b.srv.Ledger("inv-1").References["inv-1"].NetSuccesses)
	require.Equal(t, []string{"charge.succeeded", "charge.refunded", "charge.refunded"}, b.events(ch.ID))
	require.Len(t, b.raw(http.MethodGet, "/v1/refunds?payment_intent="+pi.ID, "").at(t, "data"), 2)
	require.Equal(t, part.ID, b.raw(http.MethodGet, "/v1/refunds/"+part.ID, "").at(t, "id"))

	_, err = b.charge(cus, b.saved(cus, "pm_card_chargeCustomerFail"))
	failed := stripeError(t, err).PaymentIntent
	require.Equal(t, http.StatusBadRequest, b.post("/v1/refunds", "payment_intent", failed.ID).status)
	require.Equal(t, http.StatusBadRequest, b.post("/v1/refunds", "charge", failed.LatestCharge.ID).status)
}

func TestRefundsThatAreNotFinal(t *testing.T) {
	t.Parallel()
	for token, want := range map[string][]string{
		"pm_card_refundFail":    {"succeeded", "failed", "refund.created", "refund.updated", "refund.failed"},
		"pm_card_pendingRefund": {"pending", "succeeded", "refund.created", "refund.updated"},
	} {
		b := newBundle(t, stripesandbox.Config{})
		cus := b.customer()
		pi, err := b.charge(cus, b.saved(cus, token))
		require.NoError(t, err)
		r := b.post("/v1/refunds", "payment_intent", pi.ID)
		require.Equal(t, want[0], r.at(t, "status"))
		id := r.at(t, "id").(string)
		require.NoError(t, b.srv.AdvanceClock(2*60e9))
		require.Equal(t, want[1], b.raw(http.MethodGet, "/v1/refunds/"+id, "").at(t, "status"))
		require.Equal(t, want[2:], b.events(id))
	}
}

func TestEventsAreListed(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{MaxEvents: 50})
	cus := b.customer()
	b.saved(cus, "pm_card_visa")
	for _, tc := range []struct {
		query string
		want  int
	}{
		{"", 2},
		{"type=customer.created", 1},
		{"types[]=customer.created&types[]=payment_method.attached", 2},
		{"types[]=charge.failed", 0},
		{"delivery_success=true", 2},
		{"delivery_success=false", 0},
		{"created[gt]=9999999999", 0},
	} {
		require.Len(t, b.raw(http.MethodGet, "/v1/events?"+tc.query, "").at(t, "data"), tc.want, tc.query)
	}
	require.Equal(t, http.StatusBadRequest, b.raw(http.MethodGet, "/v1/events?type=a&types[]=b", "").status)
	e := b.raw(http.MethodGet, "/v1/events", "").at(t, "data").([]any)[1].(map[string]any)
	require.Equal(t, e["id"], b.raw(http.MethodGet, "/v1/events/"+e["id"].(string), "").at(t, "id"))

	b.post("/v1/customers/"+cus, "name", "Jane")
	frozen := b.raw(http.MethodGet, "/v1/events/"+e["id"].(string), "")
	require.Nil(t, frozen.at(t, "data.object").(map[string]any)["name"], "a snapshot")
	for range 60 {
		b.customer()
	}
	n := len(b.events())
	require.LessOrEqual(t, n, 55)
	require.GreaterOrEqual(t, n, 50)
}
