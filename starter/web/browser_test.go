package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/chromium"
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
	t.Parallel()
	browser := chromium.Start(t)

	t.Run("a card is saved without a customer, after a typo and a decline", func(t *testing.T) {
		t.Parallel()
		shop := newShop(t, nil)
		shop.setup(activities.CheckoutUICustom)
		tab := browser.Open(t, shop.link(setupID))
		tab.See("#page", "Nothing is charged now")
		tab.Shoot("setup")
		tab.Click("#start")
		tab.Visible("#sandbox-card")
		tab.Visible("#email")
		tab.Shoot("setup-form")

		tab.Click("#confirm")
		tab.See("#email-error", "Please enter your e-mail address")
		tab.Fill("#email", "not an address")
		tab.Click("#confirm")
		tab.See("#email-error", "such as name@example.com")
		tab.Shoot("setup-email")

		tab.Fill("#email", "customer@example.com")
		tab.Fill("#sandbox-card", insufficientCard)
		tab.Click("#confirm")
		tab.See("#problem", "insufficient funds")
		tab.Shoot("setup-declined")

		tab.Fill("#sandbox-card", goodCard)
		tab.Click("#confirm")
		tab.See("h1", "Payment method saved")
		tab.See("#page", "Visa card ending in 4242")
		tab.Shoot("setup-saved")
		require.Equal(t, web.ConsentVersion, shop.consent())
		tab.Fine()
	})

	t.Run("a payment whose webhook is lost, then on to the app", func(t *testing.T) {
		t.Parallel()
		app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte(`<!DOCTYPE html><link rel="icon" href="data:,"><h1>Back in the app</h1>`))
		}))
		t.Cleanup(app.Close)
		shop := newShop(t, func(c *web.Config) { c.AppReturnURL = app.URL })
		shop.webhooksAreLost = true
		shop.payment(activities.CheckoutUICustom)
		tab := browser.Open(t, shop.link(paymentID))
		tab.See(".amount", "$10.99")
		tab.Shoot("payment")
		tab.Click("#start")
		tab.Visible("#sandbox-card")
		tab.See("#confirm", "Pay $10.99")
		tab.Fill("#email", "customer@example.com")
		tab.Shoot("payment-form")
		tab.Click("#confirm")
		tab.See("h1", "One moment")
		tab.Shoot("return")
		tab.See("h1", "Paid")
		tab.See("#continue", "Continue")
		tab.Shoot("payment-paid")
		tab.See("h1", "Back in the app")
		require.Equal(t, 2, shop.presses(), "one press of the button, and one by the return page for the lost webhook")
		tab.Fine()
	})

	t.Run("a payment on Stripe's page", func(t *testing.T) {
		t.Parallel()
		shop := newShop(t, nil)
		shop.payment(activities.CheckoutUIHosted)
		tab := browser.Open(t, shop.link(paymentID))
		tab.Click("#start")
		tab.Visible("#sandbox-pay")
		tab.Click(`input[value="` + goodCard + `"]`)
		tab.Click("#sandbox-pay")
		tab.See("h1", "Paid")
		tab.Fine()
	})

	t.Run("who comes back without paying is sent to the form", func(t *testing.T) {
		t.Parallel()
		shop := newShop(t, nil)
		shop.payment(activities.CheckoutUICustom)
		tab := browser.Open(t, shop.link(paymentID)+"/return")
		tab.See("h1", "Not finished yet")
		tab.Shoot("return-unfinished")
		tab.Click("#back")
		tab.Visible("#start")
		tab.Fine()
	})

	t.Run("a session that expires under the form is opened again", func(t *testing.T) {
		t.Parallel()
		shop := newShop(t, nil)
		shop.payment(activities.CheckoutUICustom)
		tab := browser.Open(t, shop.link(paymentID))
		tab.Click("#start")
		tab.Visible("#sandbox-card")
		tab.Fill("#email", "customer@example.com")
		shop.expire()
		tab.Click("#confirm")
		tab.See("#problem", "nothing was charged")
		tab.Shoot("expired")
		tab.Click("#start")
		tab.Visible("#sandbox-card")
		tab.Click("#confirm")
		tab.See("h1", "Paid")
		tab.Fine()
	})

	t.Run("a press during an attempt waits for its end", func(t *testing.T) {
		t.Parallel()
		shop := newShop(t, nil)
		shop.payment(activities.CheckoutUICustom)
		tab := browser.Open(t, shop.link(paymentID))
		tab.Visible("#start")
		shop.charging(true)
		tab.Click("#start")
		tab.See("#message", "trying your saved payment method")
		shop.charging(false)
		tab.Visible("#sandbox-card")
		tab.Fine()
	})

	t.Run("an attempt whose answer was lost is not asked about without end", func(t *testing.T) {
		t.Parallel()
		shop := newShop(t, nil)
		shop.payment(activities.CheckoutUICustom)
		shop.bundle.temporal.onUpdate = func(context.Context, string, workflows.OpenCheckoutRequest) (workflows.OpenCheckoutResponse, error) {
			return workflows.OpenCheckoutResponse{Answer: workflows.CheckoutBusy, State: "retry_scheduled"}, nil
		}
		tab := browser.Open(t, shop.link(paymentID))
		tab.Click("#start")
		tab.See("#problem", "try again in about ten minutes")
		require.Equal(t, 3, shop.bundle.temporal.updateCount())
		tab.Fine()
	})

	t.Run("a press while no worker answers is tried again", func(t *testing.T) {
		t.Parallel()
		shop := newShop(t, nil)
		shop.payment(activities.CheckoutUICustom)
		shop.unavailable(2)
		tab := browser.Open(t, shop.link(paymentID))
		tab.Click("#start")
		tab.Visible("#sandbox-card")
		require.Equal(t, 3, shop.bundle.temporal.updateCount())
		tab.Fine()
	})

	t.Run("a service that stays away is not asked without end", func(t *testing.T) {
		t.Parallel()
		shop := newShop(t, nil)
		shop.payment(activities.CheckoutUICustom)
		shop.unavailable(4)
		tab := browser.Open(t, shop.link(paymentID))
		tab.Click("#start")
		tab.See("#problem", "Please try again in a moment")
		require.Equal(t, 3, shop.bundle.temporal.updateCount())
		tab.Click("#start")
		tab.Visible("#sandbox-card")
		tab.Fine()
	})

	t.Run("a page left open follows what happens", func(t *testing.T) {
		t.Parallel()
		shop := newShop(t, nil)
		shop.payment(activities.CheckoutUICustom)
		shop.charging(true)
		tab := browser.Open(t, shop.link(paymentID))
		tab.See("h1", "One moment")
		shop.charging(false)
		tab.See("h1", "Payment due")
		tab.Fine()
	})

	t.Run("without JavaScript the page says what to do", func(t *testing.T) {
		t.Parallel()
		shop := newShop(t, nil)
		shop.setup(activities.CheckoutUICustom)
		tab := browser.OpenWithoutScript(t, shop.link(setupID))
		tab.See("noscript", "needs JavaScript")
		tab.Shoot("no-script")
		tab.Fine()
	})

	t.Run("a link that is not ours", func(t *testing.T) {
		t.Parallel()
		shop := newShop(t, nil)
		tab := browser.Open(t, shop.link("payment:gone"))
		tab.See("h1", "This link is not valid")
		tab.Shoot("not-valid")
		tab.Fine()
	})
}
