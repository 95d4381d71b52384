package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/chromium"
	"github.com/offsession/offsession/workflows"
)

// TestSubscriptionBrowser walks subscribers from the link in their mail to the end, in Chromium, through a `starter serve` of its
// own process. OFFSESSION_SCREENSHOTS names a folder for pictures of each step.
func TestSubscriptionBrowser(t *testing.T) {
	t.Parallel()
	browser := chromium.Start(t)
	site := newSite(t, siteOptions{withoutWeb: true})
	site.launch("serving on", starterBinary, "serve")

	t.Run("3D Secure passed", func(t *testing.T) {
		t.Parallel()
		u := site.with(t).onTestClock(setupAuthCard).subscribes(trial, incomplete).watched()
		tab := browser.Open(t, u.mail(u.reference, 1))
		tab.See("h1", "Confirm with your bank")
		tab.Shoot("e2e-subscription-confirm")
		tab.Click("#start")
		tab.Visible("#sandbox-challenge-pass")
		tab.Shoot("e2e-subscription-challenge")
		tab.Click("#sandbox-challenge-pass")
		tab.See("h1", "All set")
		tab.Shoot("e2e-subscription-ready")
		u.is(workflows.SubscriptionReady, "")
		require.Nil(t, u.pending())
		u.passes(invoiced)
		u.ends(workflows.SubscriptionReadyAndPaid, "")
		// The link tells the same later.
		tab = browser.Open(t, u.mail(u.reference, 1))
		tab.See("h1", "Paid")
		tab.Shoot("e2e-subscription-paid")
		u.closed()
		tab.Fine()
	})

	t.Run("3D Secure failed, then a new card", func(t *testing.T) {
		t.Parallel()
		u := site.with(t).subscriber(authCard).subscribes(trial, incomplete).watched()
		tab := browser.Open(t, u.mail(u.reference, 1))
		tab.Click("#start")
		tab.Click("#sandbox-challenge-fail")
		tab.See("#problem", "not confirmed")
		tab.Visible("#sandbox-card")
		tab.See("h1", "Add a payment method")
		tab.Shoot("e2e-subscription-not-confirmed")
		tab.Fill("#sandbox-card", goodCard)
		tab.Click("#confirm")
		tab.See("h1", "All set")
		tab.Shoot("e2e-subscription-new-card-done")
		u.is(workflows.SubscriptionReady, "")
		require.NotEqual(t, u.method, u.atStripe()["default_payment_method"])
		require.Nil(t, u.pending())
		u.cancels()
		u.ends(workflows.SubscriptionEnded, workflows.SubscriptionReasonCanceled)
		tab = browser.Open(t, u.mail(u.reference, 1))
		tab.See("h1", "This request has ended")
		u.closed()
		tab.Fine()
	})

	t.Run("a new card, after a refusal", func(t *testing.T) {
		t.Parallel()
		u := site.with(t).subscriber(refusedCard).subscribes(trial, incomplete).watched()
		tab := browser.Open(t, u.mail(u.reference, 1))
		tab.See("h1", "Add a payment method")
		tab.See("#page", "Your trial ends on")
		tab.Shoot("e2e-subscription-add")
		tab.Click("#start")
		tab.Visible("#sandbox-card")
		tab.Fill("#sandbox-card", declinedCard)
		tab.Click("#confirm")
		tab.See("#problem", "insufficient funds")
		tab.Shoot("e2e-subscription-refused")
		tab.Fill("#sandbox-card", goodCard)
		tab.Click("#confirm")
		tab.See("h1", "All set")
		u.is(workflows.SubscriptionReady, "")
		require.NotNil(t, u.atStripe()["default_payment_method"])
		tab.Fine()
	})

	t.Run("an invoice that was not paid", func(t *testing.T) {
		t.Parallel()
		u := site.with(t).onTestClock("pm_sandbox_decline_insufficient_funds").subscribes(trial, incomplete).watched()
		u.is(workflows.SubscriptionNoActionNeeded, "")
		u.passes(invoiced)
		tab := browser.Open(t, u.mail(u.reference, 1))
		tab.See("h1", "Invoice due")
		tab.See(".amount", "$15.00")
		tab.Shoot("e2e-subscription-invoice")
		tab.Click("#start")
		tab.Visible("#sandbox-pay")
		tab.Click(`input[value="` + goodCard + `"]`)
		tab.Click("#sandbox-pay")
		tab.See("h1", "Paid")
		u.ends(workflows.SubscriptionReadyAndPaid, "")
		require.Len(t, u.paidInvoices(), 1)
		tab.Fine()
	})

	t.Run("the subscription ends while the bank asks", func(t *testing.T) {
		t.Parallel()
		u := site.with(t).subscriber(authCard).subscribes(trial, incomplete).watched()
		tab := browser.Open(t, u.mail(u.reference, 1))
		tab.Click("#start")
		tab.Visible("#sandbox-challenge-pass")
		u.cancels()
		u.ends(workflows.SubscriptionEnded, workflows.SubscriptionReasonCanceled)
		u.closed()
		tab.Click("#sandbox-challenge-pass")
		tab.See("h1", "This request has ended")
		tab.Shoot("e2e-subscription-ended")
		tab.Fine()
	})
}
