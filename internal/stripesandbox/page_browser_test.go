package stripesandbox_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/chromium"
	"github.com/offsession/offsession/internal/stripesandbox"
)

const (
	visa             = "4242424242424242"
	insufficientCard = "4000000000009995"
	alwaysAuth       = "4000002760003184"
)

func radio(value string) string { return `input[name="method"][value="` + value + `"]` }

// shop is a site whose pages load the stand-in for Stripe.js and show their own address.
func shop(t *testing.T, sandbox string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src "+sandbox+"; connect-src "+sandbox+"; style-src 'self'; img-src data:")
		_, _ = w.Write([]byte(`<!DOCTYPE html><html lang="en"><meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>Shop</title>
			<script src="` + sandbox + `/basil/stripe.js"></script>
			<h1>Shop</h1><p id="where">` + r.URL.RequestURI() + `</p><div id="payment-element"></div>`))
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// hosted is a session with a page: of 20.00 in the currency given, or of setup mode without one.
func (b *bundle) hosted(site, currency string) (id, page string) {
	b.t.Helper()
	pairs := []string{"mode", "setup", "currency", "usd"}
	if currency != "" {
		pairs = []string{
			"mode", "payment", "line_items[0][quantity]", "2", "line_items[0][price_data][currency]", currency,
			"line_items[0][price_data][unit_amount]", "1000", "line_items[0][price_data][product_data][name]", "Plan, March",
		}
	}
	a := b.post("/v1/checkout/sessions", append(pairs, "success_url", site+"/paid?session={CHECKOUT_SESSION_ID}", "cancel_url", site+"/cart")...)
	require.Equal(b.t, http.StatusOK, a.status, string(a.body))
	return a.at(b.t, "id").(string), a.at(b.t, "url").(string)
}

// TestPageInBrowser walks through the buyer's page, in Chromium, as wide as a small phone.
func TestPageInBrowser(t *testing.T) {
	t.Parallel()
	browser := chromium.Start(t)
	b := newBundle(t, stripesandbox.Config{})
	site := shop(t, b.srv.URL)

	t.Run("pays after a decline", func(t *testing.T) {
		t.Parallel()
		id, page := b.hosted(site, "usd")
		tab := browser.Open(t, page)
		tab.See(".banner", "no real money moves")
		tab.See("h1", "Pay 20.00 USD")
		tab.See("tbody", "2 × Plan, March")
		tab.Shoot("checkout")
		tab.Click(radio(insufficientCard))
		tab.Click("#sandbox-pay")
		tab.See("#error", "Your card has insufficient funds. (card_declined, insufficient_funds)")
		tab.Visible("#error:focus")
		require.True(t, chromium.Evaluate[bool](tab, "document.querySelector('"+radio(insufficientCard)+"').checked"), "the choice is kept")
		tab.Shoot("checkout-declined")
		tab.Click(radio(visa))
		tab.Click("#sandbox-pay")
		tab.See("#where", "/paid?session="+id)
		require.Equal(t, stripe.CheckoutSessionStatusComplete, b.session(id).Status)
		tab.Fine()
	})

	t.Run("3D Secure is a step of its own", func(t *testing.T) {
		t.Parallel()
		id, page := b.hosted(site, "")
		tab := browser.Open(t, page)
		tab.See("h1", "Save a payment method")
		tab.Click(radio(alwaysAuth))
		tab.Click("#sandbox-pay")
		tab.See("#challenge", "Visa ending in 3184")
		tab.Shoot("checkout-3ds")
		tab.Click("#sandbox-challenge-leave")
		tab.See(".note", "A 3D Secure challenge is open")
		require.Equal(t, stripe.SetupIntentStatusRequiresAction, b.session(id).SetupIntent.Status)
		tab.Shoot("checkout-3ds-open")
		tab.Click("#sandbox-challenge-resume")
		tab.Click("#sandbox-challenge-fail")
		tab.See("#error", "(setup_intent_authentication_failure)")
		require.Equal(t, stripe.SetupIntentStatusRequiresPaymentMethod, b.session(id).SetupIntent.Status)
		tab.Click(radio(alwaysAuth))
		tab.Click("#sandbox-pay")
		tab.Click("#sandbox-challenge-pass")
		tab.See("#where", "/paid?session="+id)
		require.Equal(t, stripe.SetupIntentStatusSucceeded, b.session(id).SetupIntent.Status)
		tab.Fine()
	})

	t.Run("a challenge left open can be passed over with another card", func(t *testing.T) {
		t.Parallel()
		id, page := b.hosted(site, "usd")
		tab := browser.Open(t, page)
		tab.Click(radio(alwaysAuth))
		tab.Click("#sandbox-pay")
		tab.Click("#sandbox-challenge-leave")
		tab.Click(radio(visa))
		tab.Click("#sandbox-pay")
		tab.See("#where", "/paid?session="+id)
		tab.Fine()
	})

	t.Run("a bank debit is under way", func(t *testing.T) {
		t.Parallel()
		id, page := b.hosted(site, "eur")
		tab := browser.Open(t, page)
		tab.See("h1", "Pay 20.00 EUR")
		tab.Click(radio("pm_sepaDebit_success_de"))
		tab.Click("#sandbox-pay")
		tab.See("#where", "/paid?session="+id)
		require.Equal(t, stripe.CheckoutSessionPaymentStatusUnpaid, b.session(id).PaymentStatus)
		tab = browser.Open(t, page)
		tab.See("h1", "Payment under way")
		tab.Fine()
	})

	t.Run("the keyboard is enough", func(t *testing.T) {
		t.Parallel()
		id, page := b.hosted(site, "")
		tab := browser.Open(t, page)
		tab.Visible("#sandbox-pay")
		tab.Press("\t") // to the e-mail address
		require.Equal(t, "sandbox-email", chromium.Evaluate[string](tab, "document.activeElement.id"))
		tab.Press("\t", kb.ArrowDown) // to the cards, and to the second of them
		require.Equal(t, "4000056655665556", chromium.Evaluate[string](tab, "document.activeElement.value"))
		tab.Press("\t")
		require.Equal(t, "sandbox-pay", chromium.Evaluate[string](tab, "document.activeElement.id"))
		tab.Press("\r")
		tab.See("#where", "/paid?session="+id)
		require.Equal(t, "5556", b.session(id).SetupIntent.PaymentMethod.Card.Last4)
		tab.Fine()
	})

	t.Run("a session that is over", func(t *testing.T) {
		t.Parallel()
		id, page := b.hosted(site, "usd")
		tab := browser.Open(t, page)
		_, err := b.V1CheckoutSessions.Expire(t.Context(), id, nil)
		require.NoError(t, err)
		tab.Click("#sandbox-pay")
		tab.See("h1", "This session has expired")
		tab.Shoot("checkout-expired")
		tab.Click("#sandbox-back")
		tab.See("#where", "/cart")
		tab.Fine()
	})

	t.Run("dark", func(t *testing.T) {
		t.Parallel()
		_, page := b.hosted(site, "usd")
		tab := browser.Open(t, page)
		tab.Dark()
		tab.Visible("#sandbox-pay")
		tab.Shoot("checkout-dark")
		tab.Click(radio(insufficientCard))
		tab.Click("#sandbox-pay")
		tab.Visible("#error")
		tab.Shoot("checkout-dark-declined")
		tab.Fine()
	})

	t.Run("an invoice", func(t *testing.T) {
		t.Parallel()
		b := newBilling(t, stripesandbox.Config{})
		inv := b.openInvoice()
		tab := browser.Open(t, inv.HostedInvoiceURL)
		tab.See("h1", "Pay 10.99 USD")
		tab.See("main", inv.Number)
		tab.Shoot("invoice")
		tab.Click(radio(insufficientCard))
		tab.Click("#sandbox-pay")
		tab.See("#error", "Your card has insufficient funds.")
		tab.Click(radio(alwaysAuth))
		tab.Click("#sandbox-pay")
		tab.Click("#sandbox-challenge-pass")
		tab.See("h1", "Paid")
		tab.Shoot("invoice-paid")
		now, err := b.V1Invoices.Retrieve(t.Context(), inv.ID, nil)
		require.NoError(t, err)
		require.Equal(t, stripe.InvoiceStatusPaid, now.Status)
		tab.Fine()
	})

	t.Run("the front page lists what waits for a buyer", func(t *testing.T) {
		t.Parallel()
		b := newBilling(t, stripesandbox.Config{})
		_, page := b.hosted(site, "jpy")
		inv := b.openInvoice()
		cus := b.customer()
		_, err := b.charge(cus, b.saved(cus, "pm_card_visa"))
		require.NoError(t, err)
		tab := browser.Open(t, b.srv.URL+"/_sandbox/")
		tab.See("main", "10.99 USD")
		tab.See("main", "2,000 JPY")
		tab.See("main", inv.Number)
		tab.Shoot("index")
		tab.Click(`a[href^="checkout/"]`)
		tab.See("h1", "Pay 2,000 JPY")
		require.Equal(t, page, chromium.Evaluate[string](tab, "location.href"))
		tab.Fine()
	})
}
