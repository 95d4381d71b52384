package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// TestBrowser walks customers from the link in their mail to the end, in Chromium, through a `starter serve` of its own
// process. OFFSESSION_SCREENSHOTS names a folder for pictures of each step.
func TestBrowser(t *testing.T) {
	t.Parallel()
	browser := startBrowser(t)
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
		tab := browser.open(t, s.mail("browser-save", 1))
		tab.see("#page", "Nothing is charged now")
		tab.shoot("save")
		tab.click("#start")
		tab.visible("#sandbox-card")
		tab.shoot("save-form")
		tab.fill("#sandbox-card", declinedCard)
		tab.click("#confirm")
		tab.see("#problem", "insufficient funds")
		tab.shoot("save-declined")
		tab.fill("#sandbox-card", goodCard)
		tab.click("#confirm")
		tab.see("h1", "Payment method saved")
		tab.see("#page", "Visa card ending in 4242")
		tab.shoot("save-done")
		saved := s.saveEnds(save.Reference, workflows.SetupSaved)
		s.usable(saved)
		require.NotEmpty(t, saved.ConsentVersion)
		tab.fine()
	})

	t.Run("a card of a customer unknown so far is saved with 3D Secure", func(t *testing.T) {
		t.Parallel()
		s := site.with(t)
		started := s.save(client.SavePaymentMethodParams{Reference: s.reference(), CreateCustomer: true})
		tab := browser.open(t, started.Link)
		tab.click("#start")
		tab.visible("#email")
		tab.fill("#email", "browser@example.com")
		tab.fill("#sandbox-card", alwaysAuthCard)
		tab.fill("#sandbox-authenticate", "fail")
		tab.click("#confirm")
		tab.see("#problem", "unable to authenticate")
		tab.shoot("save-3ds-failed")
		tab.fill("#sandbox-authenticate", "pass")
		tab.click("#confirm")
		tab.see("h1", "Payment method saved")
		tab.fine()
	})

	t.Run("a payment after a decline", func(t *testing.T) {
		t.Parallel()
		s := site.with(t)
		reference := s.charge(lostCard)
		tab := browser.open(t, s.mail(reference, 1))
		tab.see(".amount", "$10.99")
		tab.see(".description", "Plan, January")
		tab.shoot("pay")
		tab.click("#start")
		tab.visible("#sandbox-card")
		tab.fill("#sandbox-card", declinedCard)
		tab.click("#confirm")
		tab.see("#problem", "insufficient funds")
		tab.shoot("pay-declined")
		tab.fill("#sandbox-card", goodCard)
		tab.click("#confirm")
		tab.see("h1", "Paid")
		tab.shoot("paid")
		s.ended(reference, workflows.PaymentPaid)
		s.paidOnce(reference)
		// The link tells the same later.
		tab = browser.open(t, s.mail(reference, 1))
		tab.see("h1", "Paid")
		tab.fine()
	})

	t.Run("a bank that wants its customer", func(t *testing.T) {
		t.Parallel()
		s := site.with(t)
		reference := s.charge(authCard)
		tab := browser.open(t, s.mail(reference, 1))
		tab.click("#start")
		tab.visible("#sandbox-card")
		tab.fill("#sandbox-card", alwaysAuthCard)
		tab.click("#confirm")
		tab.see("h1", "Paid")
		s.ended(reference, workflows.PaymentPaid)
		s.paidOnce(reference)
		tab.fine()
	})

	t.Run("on Stripe's own page and on to the app", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, siteOptions{change: func(c *config.Config) { c.CheckoutUI, c.ReturnURL = "hosted", app.URL }})
		reference := s.charge(lostCard)
		tab := browser.open(t, s.mail(reference, 1))
		tab.click("#start")
		tab.visible("#sandbox-pay")
		tab.shoot("hosted")
		tab.fill("#sandbox-card", declinedCard)
		tab.click("#sandbox-pay")
		tab.see("#error", "insufficient funds")
		tab.fill("#sandbox-card", goodCard)
		tab.click("#sandbox-pay")
		tab.see("h1", "Back in the app")
		s.ended(reference, workflows.PaymentPaid)
		s.paidOnce(reference)

		save := client.SavePaymentMethodParams{Reference: s.reference(), CreateCustomer: true}
		tab = browser.open(t, s.save(save).Link)
		tab.click("#start")
		tab.visible("#sandbox-pay")
		tab.click("#sandbox-pay")
		tab.see("h1", "Back in the app")
		s.usable(s.saveEnds(save.Reference, workflows.SetupSaved))
		tab.fine()
	})

	t.Run("a payment that is closed while the form is open", func(t *testing.T) {
		t.Parallel()
		s := site.with(t)
		reference := s.charge(lostCard)
		link := s.mail(reference, 1)
		tab := browser.open(t, link)
		tab.click("#start")
		tab.visible("#sandbox-card")
		answer, err := s.client.CancelPayment(t.Context(), reference, byHand)
		require.NoError(t, err)
		require.Equal(t, "canceled", answer.State)
		tab.click("#confirm")
		tab.see("#problem", "nothing was charged")
		tab.shoot("closed-under-the-form")
		tab.click("#start")
		tab.see("h1", "This payment is closed")
		tab.shoot("closed")
		s.nothingOpen(reference)
		tab.fine()
	})
}

type browser struct{ ctx context.Context }

func startBrowser(t *testing.T) browser {
	t.Helper()
	var binary string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			binary = path
			break
		}
	}
	require.NotEmpty(t, binary, "this test needs Chromium: apt-get install chromium")
	// The defaults keep the browser from calling home; these add what they leave out. Chromium's sandbox does not work
	// for root, who runs this in containers.
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(binary), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true),
	)
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx))
	return browser{ctx}
}

// tab is one page of the browser, as wide as a small phone.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	problems []string
}

func (b browser) open(t *testing.T, address string) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	t.Cleanup(cancel)
	tb := &tab{t: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, tb.hear))
	tb.do(chromedp.EmulateViewport(360, 740), chromedp.Navigate(address))
	return tb
}

// hear collects what a page must not have: exceptions, and what the content security policy held back.
func (tb *tab) hear(event any) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		tb.problems = append(tb.problems, e.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		if e.Entry.Source == log.EntrySourceSecurity || strings.Contains(e.Entry.Text, "Content Security Policy") {
			tb.problems = append(tb.problems, e.Entry.Text)
		}
	}
}

// fine says that the walk went without such problems.
func (tb *tab) fine() {
	tb.t.Helper()
	tb.mu.Lock()
	defer tb.mu.Unlock()
	require.Empty(tb.t, tb.problems)
}

func (tb *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	require.NoError(tb.t, chromedp.Do(ctx, steps...))
}

// see waits until the element shows the text.
func (tb *tab) see(selector, want string) {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	eventually(tb.t, func() error {
		// The page may be on its way to the next one: then there is nothing to read yet.
		shown, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.querySelector(`"+selector+"`)?.innerText ?? ''"))
		if err == nil && !strings.Contains(shown, want) {
			err = fmt.Errorf("%s shows %q, not %q", selector, shown, want)
		}
		return err
	})
}

func (tb *tab) visible(selector string) {
	tb.t.Helper()
	tb.do(chromedp.WaitVisible(chromedp.CSS(selector)))
}

func (tb *tab) click(selector string) {
	tb.t.Helper()
	tb.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// fill sets the value of an input or a list.
func (tb *tab) fill(selector, value string) {
	tb.t.Helper()
	tb.do(chromedp.SetValue(chromedp.CSS(selector), value))
}

// shoot keeps a picture of the page.
func (tb *tab) shoot(name string) {
	tb.t.Helper()
	folder := os.Getenv("OFFSESSION_SCREENSHOTS")
	if folder == "" {
		return
	}
	shot, err := chromedp.Call(tb.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	require.NoError(tb.t, err)
	require.NoError(tb.t, os.WriteFile(filepath.Join(folder, "e2e-"+name+".png"), shot.Data, 0o600))
}
