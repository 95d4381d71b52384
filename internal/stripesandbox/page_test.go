package stripesandbox_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// openInvoice is the first invoice of a subscription without a payment method.
func (b billing) openInvoice() *stripe.Invoice {
	b.t.Helper()
	cus := b.payer("")
	sub, err := b.V1Subscriptions.Create(b.t.Context(), &stripe.SubscriptionCreateParams{
		Customer: &cus, PaymentBehavior: stripe.String("default_incomplete"),
		Items:  []*stripe.SubscriptionCreateItemParams{{Price: stripe.String(b.monthly(1099))}},
		Expand: []*string{stripe.String("latest_invoice")},
	})
	require.NoError(b.t, err)
	require.Equal(b.t, stripe.InvoiceStatusOpen, sub.LatestInvoice.Status)
	return sub.LatestInvoice
}

// submit sends a page's form as the browser does, without following redirects.
func (b *bundle) submit(path string, form url.Values) answer {
	b.t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.PostForm(b.srv.URL+path, form)
	require.NoError(b.t, err)
	defer resp.Body.Close()
	var body strings.Builder
	require.NoError(b.t, resp.Write(&body))
	return answer{resp.StatusCode, resp.Header, []byte(body.String())}
}

func TestPageTellsTheState(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	shows := func(path string, status int, want string) {
		t.Helper()
		a := b.raw(http.MethodGet, path, "")
		require.Equal(t, status, a.status, path)
		require.Contains(t, string(a.body), want, path)
		require.Contains(t, a.header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'self'")
		require.NotContains(t, string(a.body), "<script")
	}
	card := url.Values{"method": {visa}, "email": {"buyer@example.com"}}

	shows("/_sandbox/checkout/cs_test_nothing", http.StatusNotFound, "No such Checkout Session")
	require.Equal(t, http.StatusNotFound, b.submit("/_sandbox/checkout/cs_test_nothing", card).status)

	cs := b.paymentSession(nil)
	page := "/_sandbox/checkout/" + cs.ID
	shows(page, http.StatusOK, "<h1>Pay 20.00 USD</h1>")
	declined := b.submit(page, url.Values{"method": {"4000000000000002"}, "email": {"buyer@example.com"}})
	require.Equal(t, http.StatusPaymentRequired, declined.status)
	require.Contains(t, string(declined.body), "<title>Error: Pay 20.00 USD")
	require.Contains(t, string(declined.body), "Your card was declined. <code>(card_declined, generic_decline)</code>")
	paid := b.submit(page, card)
	require.Equal(t, http.StatusSeeOther, paid.status)
	require.Equal(t, "https://shop.example/return", paid.header.Get("Location"))
	shows(page, http.StatusOK, "<h1>Paid</h1>")
	require.Equal(t, http.StatusConflict, b.submit(page, card).status, "a second payment")

	expired := b.setupSession(nil)
	_, err := b.V1CheckoutSessions.Expire(t.Context(), expired.ID, nil)
	require.NoError(t, err)
	shows("/_sandbox/checkout/"+expired.ID, http.StatusGone, "This session has expired")
	require.Equal(t, http.StatusConflict, b.submit("/_sandbox/checkout/"+expired.ID, card).status)

	shows("/_sandbox/invoice/in_nothing", http.StatusNotFound, "No such invoice")
	inv := b.openInvoice()
	page = "/_sandbox/invoice/" + inv.ID
	shows(page, http.StatusOK, "<h1>Pay 10.99 USD</h1>")
	require.Equal(t, http.StatusPaymentRequired, b.submit(page, url.Values{"method": {insufficientCard}}).status)
	paid = b.submit(page, card)
	require.Equal(t, page, paid.header.Get("Location"))
	shows(page, http.StatusOK, "<h1>Paid</h1>")
	require.Equal(t, http.StatusConflict, b.submit(page, card).status, "a second payment")

	void := b.openInvoice()
	_, err = b.V1Invoices.VoidInvoice(t.Context(), void.ID, nil)
	require.NoError(t, err)
	shows("/_sandbox/invoice/"+void.ID, http.StatusGone, "This invoice is closed")
}

func TestInvoiceIsPaidByItsCustomer(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	inv := b.openInvoice()
	pay := func(in stripesandbox.Payment) answer { return b.control("/invoice/"+inv.ID+"/pay", in) }
	require.Equal(t, "insufficient_funds", pay(stripesandbox.Payment{Number: insufficientCard}).at(t, "error.decline_code"))
	require.Equal(t, http.StatusAccepted, pay(stripesandbox.Payment{Number: alwaysAuth, Authenticate: stripesandbox.AuthenticationAbandoned}).status)
	require.Equal(t, "paid", pay(stripesandbox.Payment{}).at(t, "status"), "the challenge is answered")
	require.Equal(t, http.StatusBadRequest, pay(stripesandbox.Payment{Number: visa}).status)
	require.Equal(t, http.StatusNotFound, b.control("/invoice/in_nothing/pay", stripesandbox.Payment{}).status)
}

// What a shop writes into a session is text, and a link only when it leads to the web.
func TestPageIsSafe(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	a := b.post("/v1/checkout/sessions", "mode", "payment", "success_url", "https://shop.example/ok", "cancel_url", "javascript:alert(1)",
		"line_items[0][quantity]", "1", "line_items[0][price_data][currency]", "usd", "line_items[0][price_data][unit_amount]", "1000",
		"line_items[0][price_data][product_data][name]", "<script>alert(1)</script>")
	require.Equal(t, http.StatusOK, a.status, string(a.body))
	shown := string(b.raw(http.MethodGet, "/_sandbox/checkout/"+a.at(t, "id").(string), "").body)
	require.Contains(t, shown, "&lt;script&gt;alert(1)")
	require.NotContains(t, shown, "<script")
	require.NotContains(t, shown, "javascript:")
	require.NotContains(t, shown, "_secret_")
	refused := b.submit("/_sandbox/checkout/"+a.at(t, "id").(string), url.Values{"method": {`"><script>alert(1)</script>`}, "email": {`"><script>`}})
	require.GreaterOrEqual(t, refused.status, 400)
	require.NotContains(t, string(refused.body), "<script")
}
