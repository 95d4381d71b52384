package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/internal/link"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/web"
	"github.com/offsession/offsession/workflows"
)

// patience is for one thing to appear on a page; two slow cores under -race need some.
const patience = 60 * time.Second

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
		tab.see("#problem", "not finished yet")
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

// shop is the sandbox, the web, and in Temporal's place one workflow that acts like ours towards a customer.
type shop struct {
	t       *testing.T
	bundle  *bundle
	gateway *stripegateway.Gateway
	minter  *link.Minter

	mu         sync.Mutex
	workflowID string
	ui         activities.CheckoutUI
	session    string
	pressed    int
	version    string
	busy       bool
	// webhooksAreLost: only a press makes the workflow look at Stripe.
	webhooksAreLost bool
}

func newShop(t *testing.T, change func(*web.Config)) *shop {
	t.Helper()
	sandbox, err := stripesandbox.Start(t.Context(), "127.0.0.1:0", stripesandbox.Config{})
	require.NoError(t, err)
	t.Cleanup(sandbox.Close)
	gateway, err := stripegateway.New(stripegateway.Config{APIKey: stripesandbox.DefaultAPIKey, APIBase: sandbox.URL})
	require.NoError(t, err)

	s := &shop{t: t, gateway: gateway}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.lookAtStripe(false)
		s.bundle.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.minter = link.NewMinter(server.URL, []string{linkSecret})
	s.bundle = newWeb(t, func(c *web.Config) {
		c.Stripe, c.Links = gateway, s.minter
		c.PublishableKey = stripesandbox.PublishableKey
		c.StripeJSURL, c.StripeAPIOrigin = sandbox.URL+"/basil/stripe.js", sandbox.URL
		if change != nil {
			change(c)
		}
	})
	s.bundle.temporal.onUpdate = s.press
	return s
}

func (s *shop) link(workflowID string) string {
	return s.minter.Link(workflowID, time.Now().Add(time.Hour))
}

func (s *shop) setup(ui activities.CheckoutUI) {
	s.workflowID, s.ui = setupID, ui
	s.bundle.temporal.set(setupID, setup(workflows.SetupOpen))
}

func (s *shop) payment(ui activities.CheckoutUI) {
	s.workflowID, s.ui = paymentID, ui
	s.bundle.temporal.set(paymentID, payment(workflows.PaymentAwaitingCustomer))
}

func (s *shop) charging(busy bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy = busy
	state := workflows.PaymentAwaitingCustomer
	if busy {
		state = workflows.PaymentCharging
	}
	s.bundle.temporal.set(paymentID, payment(state))
}

// press is open_checkout.
func (s *shop) press(ctx context.Context, _ string, r workflows.OpenCheckoutRequest) (workflows.OpenCheckoutResponse, error) {
	s.mu.Lock()
	s.pressed++
	s.version = r.ConsentVersion
	busy := s.busy
	s.mu.Unlock()
	if busy {
		return workflows.OpenCheckoutResponse{Answer: workflows.CheckoutBusy, State: "charging"}, nil
	}
	if s.lookAtStripe(true) {
		return workflows.OpenCheckoutResponse{Answer: workflows.CheckoutDone, State: "paid"}, nil
	}
	id, err := s.openSession(ctx)
	return workflows.OpenCheckoutResponse{Answer: workflows.CheckoutReady, SessionID: id, State: "awaiting_customer"}, err
}

// openSession answers the open session, making one when there is none.
func (s *shop) openSession(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session != "" {
		cs, err := s.gateway.CheckoutSession(ctx, s.session)
		if err != nil || cs.Status == activities.CheckoutOpen {
			return s.session, err
		}
	}
	request := activities.CreateCheckoutSessionRequest{
		Mode: activities.CheckoutModeSetup, UI: s.ui, Currency: "usd", PaymentMethodTypes: []string{"card"},
		ReturnURL: s.link(s.workflowID) + "/return", IdempotencyKey: "open:" + s.session,
	}
	if s.workflowID == paymentID {
		customer, err := s.gateway.CreateCustomer(ctx, nil, "customer")
		if err != nil {
			return "", err
		}
		request.Mode, request.Customer, request.Amount, request.Description = activities.CheckoutModePayment, customer, 1099, "Gym, March"
		request.ExpiresAt = time.Now().Add(35 * time.Minute)
	}
	cs, err := s.gateway.CreateCheckoutSession(ctx, request)
	s.session = cs.ID
	return cs.ID, err
}

// lookAtStripe reads the session as a workflow does when it is told to, and reports whether all is done.
func (s *shop) lookAtStripe(pressed bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == "" || (s.webhooksAreLost && !pressed) {
		return false
	}
	cs, err := s.gateway.CheckoutSession(context.Background(), s.session)
	if err != nil || cs.Status != activities.CheckoutComplete {
		return false
	}
	if s.workflowID == paymentID {
		s.bundle.temporal.set(paymentID, payment(workflows.PaymentPaid))
	} else {
		s.bundle.temporal.set(setupID, saved())
	}
	return true
}

func (s *shop) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.gateway.ExpireCheckoutSession(s.t.Context(), s.session, "expire")
	require.NoError(s.t, err)
}

func (s *shop) presses() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pressed
}

func (s *shop) consent() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

// browser is one Chromium for all tests.
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
	tb := b.tab(t)
	tb.do(chromedp.Navigate(address))
	return tb
}

func (b browser) openWithoutScript(t *testing.T, address string) *tab {
	t.Helper()
	tb := b.tab(t)
	tb.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}), chromedp.Navigate(address))
	return tb
}

func (b browser) tab(t *testing.T) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	t.Cleanup(cancel)
	tb := &tab{t: t, ctx: ctx}
	require.NoError(t, chromedp.Listen(ctx, tb.hear))
	tb.do(chromedp.EmulateViewport(360, 740))
	return tb
}

// hear collects what a page must not have: exceptions, and what the content security policy held back.
func (tb *tab) hear(event any) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		what := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			what += ": " + e.ExceptionDetails.Exception.Description
		}
		tb.problems = append(tb.problems, what)
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
	shown := "nothing"
	for !strings.Contains(shown, want) {
		// The page may be on its way to the next one: then there is nothing to read yet.
		now, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.querySelector(`"+selector+"`)?.innerText ?? ''"))
		if err == nil {
			shown = now
		}
		require.NoError(tb.t, ctx.Err(), "%s shows %q, not %q", selector, shown, want)
	}
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

// shoot checks that nothing is wider than a small phone, and keeps a picture of the page, narrow and wide, when
// OFFSESSION_SCREENSHOTS names a folder.
func (tb *tab) shoot(name string) {
	tb.t.Helper()
	width, err := chromedp.Run(tb.ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth`))
	require.NoError(tb.t, err)
	require.LessOrEqual(tb.t, width, 360, name)
	folder := os.Getenv("OFFSESSION_SCREENSHOTS")
	if folder == "" {
		return
	}
	for size, wide := range map[string]int64{"narrow": 360, "wide": 1280} {
		tb.do(chromedp.EmulateViewport(wide, 740))
		shot, err := chromedp.Call(tb.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
		require.NoError(tb.t, err)
		require.NoError(tb.t, os.WriteFile(filepath.Join(folder, name+"-"+size+".png"), shot.Data, 0o600))
	}
	tb.do(chromedp.EmulateViewport(360, 740))
}
