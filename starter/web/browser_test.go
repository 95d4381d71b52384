package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/web"
	"github.com/offsession/offsession/workflows"
)

// The cards of https://docs.stripe.com/testing.
const (
	goodCard         = "4242424242424242"
	insufficientCard = "4000000000009995"
)

// TestBrowser walks through the pages in Chromium, against the sandbox and its stand-in for Stripe.js.
func TestBrowser(t *testing.T) {
	browser := startBrowser(t)

	t.Run("a card is saved without a customer, after a typo and a decline", func(t *testing.T) {
		shop := newShop(t, nil)
		shop.setup(activities.CheckoutUICustom)
		tab := browser.open(t, shop.link(setupID))
		tab.see("#page", "Nothing is charged now")
		tab.shoot("setup")
		tab.click("#start")
		tab.visible("#sandbox-card")
		tab.visible("#email")
		tab.shoot("setup-form")

		tab.click("#confirm")
		tab.see("#email-error", "Please enter your e-mail address")
		tab.fill("#email", "not an address")
		tab.click("#confirm")
		tab.see("#email-error", "such as name@example.com")
		tab.shoot("setup-email")

		tab.fill("#email", "customer@example.com")
		tab.fill("#sandbox-card", insufficientCard)
		tab.click("#confirm")
		tab.see("#problem", "insufficient funds")
		tab.shoot("setup-declined")

		tab.fill("#sandbox-card", goodCard)
		tab.click("#confirm")
		tab.see("h1", "Payment method saved")
		tab.see("#page", "Visa card ending in 4242")
		tab.shoot("setup-saved")
		require.Equal(t, web.ConsentVersion, shop.consent())
		tab.fine()
	})

	t.Run("a payment whose webhook is lost, then on to the app", func(t *testing.T) {
		app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<!DOCTYPE html><link rel="icon" href="data:,"><h1>Back in the app</h1>`))
		}))
		t.Cleanup(app.Close)
		shop := newShop(t, func(c *web.Config) { c.AppReturnURL = app.URL })
		shop.webhooksAreLost = true
		shop.payment(activities.CheckoutUICustom)
		tab := browser.open(t, shop.link(paymentID))
		tab.see(".amount", "$10.99")
		tab.shoot("payment")
		tab.click("#start")
		tab.visible("#sandbox-card")
		tab.see("#confirm", "Pay $10.99")
		tab.fill("#email", "customer@example.com")
		tab.shoot("payment-form")
		tab.click("#confirm")
		tab.see("h1", "One moment")
		tab.shoot("return")
		tab.see("h1", "Paid")
		tab.see("#continue", "Continue")
		tab.shoot("payment-paid")
		tab.see("h1", "Back in the app")
		require.Equal(t, 2, shop.presses(), "one press of the button, and one by the return page for the lost webhook")
		tab.fine()
	})

	t.Run("a payment on Stripe's page", func(t *testing.T) {
		shop := newShop(t, nil)
		shop.payment(activities.CheckoutUIHosted)
		tab := browser.open(t, shop.link(paymentID))
		tab.click("#start")
		tab.visible("#sandbox-pay")
		tab.fill("#sandbox-card", goodCard)
		tab.click("#sandbox-pay")
		tab.see("h1", "Paid")
		tab.fine()
	})

	t.Run("who comes back without paying is sent to the form", func(t *testing.T) {
		shop := newShop(t, nil)
		shop.payment(activities.CheckoutUICustom)
		tab := browser.open(t, shop.link(paymentID)+"/return")
		tab.see("h1", "Not finished yet")
		tab.shoot("return-unfinished")
		tab.click("#back")
		tab.visible("#start")
		tab.fine()
	})

	t.Run("a session that expires under the form is opened again", func(t *testing.T) {
		shop := newShop(t, nil)
		shop.payment(activities.CheckoutUICustom)
		tab := browser.open(t, shop.link(paymentID))
		tab.click("#start")
		tab.visible("#sandbox-card")
		tab.fill("#email", "customer@example.com")
		shop.expire()
		tab.click("#confirm")
		tab.see("#problem", "nothing was charged")
		tab.shoot("expired")
		tab.click("#start")
		tab.visible("#sandbox-card")
		tab.click("#confirm")
		tab.see("h1", "Paid")
		tab.fine()
	})

	t.Run("a press during an attempt waits for its end", func(t *testing.T) {
		shop := newShop(t, nil)
		shop.payment(activities.CheckoutUICustom)
		tab := browser.open(t, shop.link(paymentID))
		tab.visible("#start")
		shop.charging(true)
		tab.click("#start")
		tab.see("#message", "trying your saved payment method")
		shop.charging(false)
		tab.visible("#sandbox-card")
		tab.fine()
	})

	t.Run("an attempt whose answer was lost is not asked about without end", func(t *testing.T) {
		shop := newShop(t, nil)
		shop.payment(activities.CheckoutUICustom)
		shop.bundle.temporal.onUpdate = func(context.Context, string, workflows.OpenCheckoutRequest) (workflows.OpenCheckoutResponse, error) {
			return workflows.OpenCheckoutResponse{Answer: workflows.CheckoutBusy, State: "retry_scheduled"}, nil
		}
		tab := browser.open(t, shop.link(paymentID))
		tab.click("#start")
		tab.see("#problem", "try again in about ten minutes")
		require.Equal(t, 3, shop.bundle.temporal.updateCount())
		tab.fine()
	})

	t.Run("a page left open follows what happens", func(t *testing.T) {
		shop := newShop(t, nil)
		shop.payment(activities.CheckoutUICustom)
		shop.charging(true)
		tab := browser.open(t, shop.link(paymentID))
		tab.see("h1", "One moment")
		shop.charging(false)
		tab.see("h1", "Payment due")
		tab.fine()
	})

	t.Run("without JavaScript the page says what to do", func(t *testing.T) {
		shop := newShop(t, nil)
		shop.setup(activities.CheckoutUICustom)
		tab := browser.openWithoutScript(t, shop.link(setupID))
		tab.see("noscript", "needs JavaScript")
		tab.shoot("no-script")
		tab.fine()
	})

	t.Run("a link that is not ours", func(t *testing.T) {
		shop := newShop(t, nil)
		tab := browser.open(t, shop.link("payment:gone"))
		tab.see("h1", "This link is not valid")
		tab.shoot("not-valid")
		tab.fine()
	})
}
