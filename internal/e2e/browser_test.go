package e2e

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/chromium"
	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// TestBrowser walks customers from the link in their mail to the end, in Chromium, through a `starter serve` of its own
// process. OFFSESSION_SCREENSHOTS names a folder for pictures of each step.
func TestBrowser(t *testing.T) {
	t.Parallel()
	browser := chromium.Start(t)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<!DOCTYPE html><link rel="icon" href="data:,"><h1>Back in the app</h1>`))
	}))
	t.Cleanup(app.Close)
	site := newSite(t, siteOptions{withoutWeb: true})
	site.launch("serving on", starterBinary, "serve")

	t.Run("a card is saved by the mailed link, after a decline", func(t *testing.T) {
		t.Parallel()
		s := site.with(t)
		save := client.SavePaymentMethodParams{Reference: s.reference(), Customer: s.customer("browser-save"), Notify: true}
		s.save(save)
		tab := browser.Open(t, s.mail("browser-save", 1))
		tab.See("#page", "Nothing is charged now")
		tab.Shoot("e2e-save")
		tab.Click("#start")
		tab.Visible("#sandbox-card")
		tab.Shoot("e2e-save-form")
		tab.Fill("#sandbox-card", declinedCard)
		tab.Click("#confirm")
		tab.See("#problem", "insufficient funds")
		tab.Shoot("e2e-save-declined")
		tab.Fill("#sandbox-card", goodCard)
		tab.Click("#confirm")
		tab.See("h1", "Payment method saved")
		tab.See("#page", "Visa card ending in 4242")
		tab.Shoot("e2e-save-done")
		saved := s.saveEnds(save.Reference, workflows.SetupSaved)
		s.usable(saved)
		require.NotEmpty(t, saved.ConsentVersion)
		tab.Fine()
	})

	t.Run("a card of a customer unknown so far is saved with 3D Secure", func(t *testing.T) {
		t.Parallel()
		s := site.with(t)
		started := s.save(client.SavePaymentMethodParams{Reference: s.reference(), CreateCustomer: true})
		tab := browser.Open(t, started.Link)
		tab.Click("#start")
		tab.Visible("#email")
		tab.Fill("#email", "browser@example.com")
		tab.Fill("#sandbox-card", alwaysAuthCard)
		tab.Click("#confirm")
		tab.Click("#sandbox-challenge-fail")
		tab.See("#problem", "unable to authenticate")
		tab.Shoot("e2e-save-3ds-failed")
		tab.Click("#confirm")
		tab.Click("#sandbox-challenge-pass")
		tab.See("h1", "Payment method saved")
		tab.Fine()
	})

	t.Run("a card for an agreement, charged as soon as it is saved", func(t *testing.T) {
		t.Parallel()
		s := site.with(t)
		p := s.agreement(s.reference(), visa)
		p.PaymentMethod, p.SaveCard = "", true
		s.agree(p)
		tab := browser.Open(t, s.agreementLink(p.Reference))
		tab.See("#page", "will be charged automatically")
		tab.Click("#start")
		tab.Visible("#sandbox-card")
		tab.Fill("#sandbox-card", goodCard)
		tab.Click("#confirm")
		tab.See("h1", "Payment method saved")
		s.paidOnce(s.latest(p.Reference, 1, workflows.AgreementPaymentPaid).Reference)
		tab.Fine()
	})

	t.Run("a payment after a decline", func(t *testing.T) {
		t.Parallel()
		s := site.with(t)
		reference := s.charge(lostCard)
		tab := browser.Open(t, s.mail(reference, 1))
		tab.See(".amount", "$10.99")
		tab.See(".description", "Plan, January")
		tab.Shoot("e2e-pay")
		tab.Click("#start")
		tab.Visible("#sandbox-card")
		tab.Fill("#sandbox-card", declinedCard)
		tab.Click("#confirm")
		tab.See("#problem", "insufficient funds")
		tab.Shoot("e2e-pay-declined")
		tab.Fill("#sandbox-card", goodCard)
		tab.Click("#confirm")
		tab.See("h1", "Paid")
		tab.Shoot("e2e-paid")
		s.ended(reference, workflows.PaymentPaid)
		s.paidOnce(reference)
		// The link tells the same later.
		tab = browser.Open(t, s.mail(reference, 1))
		tab.See("h1", "Paid")
		tab.Fine()
	})

	t.Run("a bank that wants its customer", func(t *testing.T) {
		t.Parallel()
		s := site.with(t)
		reference := s.charge(authCard)
		tab := browser.Open(t, s.mail(reference, 1))
		tab.Click("#start")
		tab.Visible("#sandbox-card")
		tab.Fill("#sandbox-card", alwaysAuthCard)
		tab.Click("#confirm")
		tab.Click("#sandbox-challenge-pass")
		tab.See("h1", "Paid")
		s.ended(reference, workflows.PaymentPaid)
		s.paidOnce(reference)
		tab.Fine()
	})

	t.Run("on Stripe's own page and on to the app", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, siteOptions{change: func(c *config.Config) { c.CheckoutUI, c.ReturnURL = "hosted", app.URL }})
		reference := s.charge(lostCard)
		tab := browser.Open(t, s.mail(reference, 1))
		tab.Click("#start")
		tab.Visible("#sandbox-pay")
		tab.Shoot("e2e-hosted")
		tab.Click(`input[value="` + declinedCard + `"]`)
		tab.Click("#sandbox-pay")
		tab.See("#error", "insufficient funds")
		tab.Click(`input[value="` + goodCard + `"]`)
		tab.Click("#sandbox-pay")
		tab.See("h1", "Back in the app")
		s.ended(reference, workflows.PaymentPaid)
		s.paidOnce(reference)

		save := client.SavePaymentMethodParams{Reference: s.reference(), CreateCustomer: true}
		tab = browser.Open(t, s.save(save).Link)
		tab.Click("#start")
		tab.Visible("#sandbox-pay")
		tab.Click("#sandbox-pay")
		tab.See("h1", "Back in the app")
		s.usable(s.saveEnds(save.Reference, workflows.SetupSaved))
		tab.Fine()
	})

	t.Run("a payment that is closed while the form is open", func(t *testing.T) {
		t.Parallel()
		s := site.with(t)
		reference := s.charge(lostCard)
		link := s.mail(reference, 1)
		tab := browser.Open(t, link)
		tab.Click("#start")
		tab.Visible("#sandbox-card")
		answer, err := s.client.CancelPayment(t.Context(), reference, byHand)
		require.NoError(t, err)
		require.Equal(t, "canceled", answer.State)
		tab.Click("#confirm")
		tab.See("#problem", "nothing was charged")
		tab.Shoot("e2e-closed-under-the-form")
		tab.Click("#start")
		tab.See("h1", "This payment is closed")
		tab.Shoot("e2e-closed")
		s.nothingOpen(reference)
		tab.Fine()
	})
}
