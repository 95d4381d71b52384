package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/chromium"
	"github.com/offsession/offsession/starter/web"
	"github.com/offsession/offsession/workflows"
)

// asksOnce is the test card that a subscription's customer has saved. https://docs.stripe.com/testing
const asksOnce = "pm_card_authenticationRequiredOnSetup"

// TestSubscriptionInBrowser walks through the pages of a watched subscription in Chromium, against the sandbox.
func TestSubscriptionInBrowser(t *testing.T) {
	t.Parallel()
	browser := chromium.Start(t)

	t.Run("3D Secure is passed", func(t *testing.T) {
		t.Parallel()
		w := newWatch(t, asksOnce, 14)
		pending := w.setupIntent().ID
		tab := browser.Open(t, w.page())
		tab.See("h1", "Confirm with your bank")
		tab.See("#page", "Your trial ends on")
		tab.Shoot("subscription-confirm")
		tab.Click("#start")
		tab.Visible("#sandbox-challenge-pass")
		tab.See("#message", "what your bank asks")
		tab.Shoot("subscription-challenge")
		tab.Click("#sandbox-challenge-pass")
		tab.See("h1", "All set")
		tab.Shoot("subscription-ready")
		require.Equal(t, 1, w.presses())
		si, err := w.gateway.SetupIntent(t.Context(), pending)
		require.NoError(t, err)
		require.Equal(t, activities.SetupIntentSucceeded, si.Status)
		tab.Fine()
	})

	t.Run("3D Secure is passed, and the webhook lost", func(t *testing.T) {
		t.Parallel()
		w := newWatch(t, asksOnce, 14)
		w.loseWebhooks(true)
		tab := browser.Open(t, w.page())
		tab.Click("#start")
		tab.Click("#sandbox-challenge-pass")
		tab.See("h1", "One moment")
		tab.See("h1", "All set")
		require.Equal(t, 2, w.presses(), "one press of the button, and one by the return page for the lost webhook")
		tab.Fine()
	})

	t.Run("3D Secure fails, and a new card is saved on the same page", func(t *testing.T) {
		t.Parallel()
		w := newWatch(t, asksOnce, 14)
		tab := browser.Open(t, w.page())
		tab.Click("#start")
		tab.Click("#sandbox-challenge-fail")
		tab.Visible("#sandbox-card")
		tab.See("#problem", "This card was not confirmed. Please enter it again, or another one.")
		tab.See("h1", "Add a payment method")
		tab.See("#consent", "you allow us to charge it later")
		tab.Shoot("subscription-failed")
		require.Equal(t, web.ConsentVersion, w.consent())
		require.True(t, chromium.Evaluate[bool](tab, `document.getElementById("start").hidden`))
		tab.Fill("#sandbox-card", goodCard)
		tab.Click("#confirm")
		tab.See("h1", "All set")
		tab.Fine()
	})

	t.Run("3D Secure fails, and the new card is saved on Stripe's page", func(t *testing.T) {
		t.Parallel()
		w := newWatch(t, asksOnce, 14)
		w.ui = activities.CheckoutUIHosted
		tab := browser.Open(t, w.page())
		tab.Click("#start")
		tab.Click("#sandbox-challenge-fail")
		tab.See("#start", "Enter payment details")
		tab.See("#problem", "This card was not confirmed")
		tab.See("#consent", "you allow us to charge it later")
		tab.Click("#start")
		tab.Visible("#sandbox-pay")
		tab.Click(`input[value="` + goodCard + `"]`)
		tab.Click("#sandbox-pay")
		tab.See("h1", "All set")
		tab.Fine()
	})

	t.Run("3D Secure is abandoned, and passed later", func(t *testing.T) {
		t.Parallel()
		w := newWatch(t, asksOnce, 14)
		tab := browser.Open(t, w.page())
		tab.Click("#start")
		tab.Visible("#sandbox-challenge-pass")
		require.Equal(t, activities.SetupIntentRequiresAction, w.setupIntent().Status)
		again := browser.Open(t, w.page())
		again.See("h1", "Confirm with your bank")
		again.Click("#start")
		again.Click("#sandbox-challenge-pass")
		again.See("h1", "All set")
		// The tab left behind can still be closed: there is nothing left to fail.
		tab.Click("#sandbox-challenge-cancel")
		tab.See("h1", "All set")
		tab.Fine()
		again.Fine()
	})

	t.Run("the bank asks once more about a new card", func(t *testing.T) {
		t.Parallel()
		w := newWatch(t, "", 14)
		w.asksAgain = w.saved(asksOnce)
		w.loseWebhooks(true)
		tab := browser.Open(t, w.page())
		tab.See("h1", "Add a payment method")
		tab.Shoot("subscription-setup")
		tab.Click("#start")
		tab.Visible("#sandbox-card")
		tab.Shoot("subscription-setup-form")
		tab.Click("#confirm")
		tab.See("h1", "One more step: confirm with your bank")
		tab.Shoot("subscription-one-more-step")
		tab.Click("#back")
		tab.See("h1", "Confirm with your bank")
		tab.Click("#start")
		tab.Click("#sandbox-challenge-pass")
		tab.See("h1", "All set")
		tab.Fine()
	})

	t.Run("the return page offers the bank as soon as it is asked for", func(t *testing.T) {
		t.Parallel()
		w := newWatch(t, asksOnce, 14)
		tab := browser.Open(t, w.page()+"/return")
		tab.See("h1", "One more step: confirm with your bank")
		require.Zero(t, w.presses())
		tab.Fine()
	})

	t.Run("who comes back from the bank unconfirmed can go on", func(t *testing.T) {
		t.Parallel()
		w := newWatch(t, asksOnce, 14)
		tab := browser.Open(t, w.page()+"/return#confirmed")
		tab.See("h1", "Not finished yet")
		tab.See("#text", "Your bank has not confirmed this yet")
		tab.Shoot("subscription-unconfirmed")
		tab.Click("#back")
		tab.Visible("#start")
		tab.Fine()
	})

	t.Run("the page is for the bank, and the press finds that the challenge has failed", func(t *testing.T) {
		t.Parallel()
		w := newWatch(t, asksOnce, 14)
		w.loseWebhooks(true)
		tab := browser.Open(t, w.page())
		tab.See("h1", "Confirm with your bank")
		w.failChallenge(w.setupIntent().ID)
		w.loseWebhooks(false)
		tab.Click("#start")
		tab.Visible("#sandbox-card")
		tab.See("h1", "Add a payment method")
		require.Empty(t, chromium.Evaluate[string](tab, `document.getElementById("problem").textContent`), "it was not here that it failed")
		tab.Click("#confirm")
		tab.See("h1", "All set")
		tab.Fine()
	})

	t.Run("the page is for a card, and the press finds that the bank asks", func(t *testing.T) {
		t.Parallel()
		w := newWatch(t, "", 14)
		w.loseWebhooks(true)
		tab := browser.Open(t, w.page())
		tab.See("h1", "Add a payment method")
		_, err := w.gateway.ConfirmSetupIntent(t.Context(), w.setupIntent().ID, w.saved(asksOnce), "elsewhere")
		require.NoError(t, err)
		w.loseWebhooks(false)
		tab.Click("#start")
		tab.See("h1", "Confirm with your bank")
		tab.Click("#sandbox-challenge-pass")
		tab.See("h1", "All set")
		tab.Fine()
	})

	t.Run("an invoice is paid on Stripe's page", func(t *testing.T) {
		t.Parallel()
		w := newWatch(t, "pm_card_chargeCustomerFail", 0)
		tab := browser.Open(t, w.page())
		tab.See(".amount", "$19.00")
		tab.Shoot("subscription-invoice")
		tab.Click("#start")
		tab.Visible("#sandbox-pay")
		tab.Click(`input[value="` + goodCard + `"]`)
		tab.Click("#sandbox-pay")
		tab.See("h1", "Paid")
		after := browser.Open(t, w.page())
		after.See("#text", "your subscription is paid")
		after.Shoot("subscription-paid")
		after.Fine()
		tab.Fine()
	})

	t.Run("nobody is sent to an invoice that Stripe is about to collect", func(t *testing.T) {
		t.Parallel()
		w := newWatch(t, "pm_card_chargeCustomerFail", 0)
		w.busy = true
		tab := browser.Open(t, w.page())
		tab.Click("#start")
		tab.See("#problem", "We are just about to collect this ourselves")
		tab.See("#problem", "try again in about ten minutes")
		tab.Shoot("subscription-busy")
		require.Equal(t, 1, w.presses(), "it takes minutes: no asking again and again")
		tab.Fine()
	})

	t.Run("a page left open follows what happens at the bank", func(t *testing.T) {
		t.Parallel()
		w := newWatch(t, "", 14)
		w.loseWebhooks(true)
		w.bundle.temporal.set(w.workflowID, banking(activities.SetupIntentProcessing))
		tab := browser.Open(t, w.page())
		tab.See("h1", "Your bank is checking")
		tab.Shoot("subscription-bank")
		w.bundle.temporal.set(w.workflowID, watched(ready, ""))
		tab.See("h1", "All set")
		tab.Fine()
	})

	t.Run("what can only be read", func(t *testing.T) {
		t.Parallel()
		w := newWatch(t, "", 14)
		w.loseWebhooks(true)
		for name, c := range map[string]struct {
			status workflows.SubscriptionStatus
			says   string
		}{
			"closed":    {watched(workflows.SubscriptionEnded, ""), "This request has ended"},
			"attention": {watched(atRisk, ""), "We are looking into this"},
		} {
			w.bundle.temporal.set(w.workflowID, c.status)
			tab := browser.Open(t, w.page())
			tab.See("h1", c.says)
			tab.Shoot("subscription-" + name)
			tab.Fine()
		}
	})
}

// failChallenge ends the bank's challenge as failed, as in another window.
func (w *watch) failChallenge(setupIntent string) {
	w.t.Helper()
	address := w.sandbox + "/_sandbox/setup_intents/" + setupIntent + "/authenticate"
	response, err := http.Post(address, "application/json", strings.NewReader(`{"result":"fail"}`))
	require.NoError(w.t, err)
	require.NoError(w.t, response.Body.Close())
	require.Equal(w.t, http.StatusPaymentRequired, response.StatusCode)
}
