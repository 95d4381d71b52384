package web_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the same zones on every machine

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/link"
	"github.com/offsession/offsession/starter/web"
	"github.com/offsession/offsession/workflows"
)

const (
	paymentID = "payment:r1"
	setupID   = "save-payment-method:r1"
	// askedID and chargedID came from an agreement.
	askedID   = "save-payment-method:gym-17~card1"
	chargedID = "payment:gym-17~20260331"
	watchedID = "subscription:sub_1"
)

const (
	ready  = workflows.SubscriptionReady
	atRisk = workflows.SubscriptionAtRisk
)

func payment(state workflows.PaymentState) workflows.PaymentStatus {
	return workflows.PaymentStatus{Reference: "r1", State: state, Amount: 1099, Currency: "usd", Description: "Gym, March <b>"}
}

func attention(reason string) workflows.PaymentStatus {
	s := payment(workflows.PaymentNeedsAttention)
	s.Reason = reason
	return s
}

func setup(state workflows.SetupState) workflows.SetupStatus {
	s := workflows.SetupStatus{Reference: "r1", Currency: "usd"}
	s.State = state
	return s
}

// asked is a setup that an agreement asks for.
func asked(state workflows.SetupState) workflows.SetupStatus {
	s := setup(state)
	s.Reference, s.Owner, s.Description = "gym-17~card1", "agreement:gym-17", "Gym, March <b>"
	return s
}

func saved() workflows.SetupStatus {
	s := setup(workflows.SetupSaved)
	s.Brand, s.Last4 = "visa", "4242"
	return s
}

// watched is a subscription in trial, with an invoice of $10.99 that only some of its needs are about.
func watched(state workflows.SubscriptionState, need workflows.SubscriptionNeed) workflows.SubscriptionStatus {
	return workflows.SubscriptionStatus{
		Reference: "sub_1", State: state, Need: need, Customer: "cus_1", Status: activities.SubscriptionTrialing,
		Invoice: "in_1", Amount: 1099, Currency: "usd", ReadAt: time.Now(), Description: "Gym, March <b>",
	}
}

func risky(reason, session string) workflows.SubscriptionStatus {
	s := watched(atRisk, workflows.NeedPaymentMethod)
	s.Reason, s.Session = reason, session
	return s
}

func banking(status activities.SetupIntentStatus) workflows.SubscriptionStatus {
	s := watched(workflows.SubscriptionProcessing, workflows.NeedBank)
	s.SetupIntentStatus = status
	if status == activities.SetupIntentRequiresPaymentMethod {
		s.Invoice, s.Amount = "", 0
	}
	return s
}

// situations are all states of the workflows that have a page, and what their customer is told.
var situations = []struct {
	name, workflowID string
	status           any
	view, says       string
	ended            bool
}{
	{"open setup", setupID, setup(workflows.SetupOpen), "act", "Save a payment method", false},
	{"verifying setup", setupID, setup(workflows.SetupVerifying), "processing", "Your bank is checking", false},
	{"setup that needs attention", setupID, setup(workflows.SetupNeedsAttention), "attention", "We are looking into this", false},
	{"saved setup", setupID, saved(), "done", "Your Visa card ending in 4242 is saved", true},
	{"setup saved otherwise", setupID, setup(workflows.SetupSaved), "done", "Payment method saved", true},
	{"abandoned setup", setupID, setup(workflows.SetupAbandoned), "closed", "This request has ended", true},
	{"canceled setup", setupID, setup(workflows.SetupCanceled), "closed", "This request has ended", true},
	{"setup in a state of the future", setupID, setup("moved_on"), "attention", "We are looking into this", false},
	{"setup that an agreement asks for", askedID, asked(workflows.SetupOpen), "act", "It will be charged automatically", false},
	{"setup that an agreement does not need any more", askedID, asked(workflows.SetupCanceled), "closed", "This request has ended", true},
	{"scheduled payment", paymentID, payment(workflows.PaymentScheduled), "act", "Pay $10.99", false},
	{"payment to be retried", paymentID, payment(workflows.PaymentRetryScheduled), "act", "Pay $10.99", false},
	{"payment that waits for its customer", paymentID, payment(workflows.PaymentAwaitingCustomer), "act", "Pay $10.99", false},
	{"payment of an agreement", chargedID, payment(workflows.PaymentAwaitingCustomer), "act", "Pay $10.99", false},
	{"payment being charged", paymentID, payment(workflows.PaymentCharging), "busy", "One moment", false},
	{"processing payment", paymentID, payment(workflows.PaymentProcessing), "processing", "Payment under way", false},
	{"payment that only a person can bring on", paymentID, attention(workflows.ReasonReferenceConflict), "attention", "We are looking into this", false},
	{"payment that may have been paid twice", paymentID, attention(workflows.ReasonDuplicateNotRefunded), "attention", "We are looking into this", false},
	{"payment that needs attention and can be paid", paymentID, attention(workflows.ReasonStripeFaults), "act", "Pay $10.99", false},
	{"paid payment", paymentID, payment(workflows.PaymentPaid), "done", "Paid", true},
	{"uncollectible payment", paymentID, payment(workflows.PaymentUncollectible), "closed", "This payment is closed", true},
	{"canceled payment", paymentID, payment(workflows.PaymentCanceled), "closed", "This payment is closed", true},
	{"payment in a state of the future", paymentID, payment("moved_on"), "attention", "We are looking into this", false},
	{"subscription that is not read yet", watchedID, workflows.SubscriptionStatus{State: ready, Description: "Gym, March <b>"}, "busy", "We are checking where", false},
	{"subscription that needs nothing", watchedID, watched(workflows.SubscriptionNoActionNeeded, ""), "done", "All set", false},
	{"ready subscription", watchedID, watched(ready, ""), "done", "All set", false},
	{"subscription to confirm", watchedID, watched(workflows.SubscriptionRequiresAction, workflows.NeedConfirmation), "act", "Your bank wants you to confirm", false},
	{"subscription without a method", watchedID, watched(workflows.SubscriptionRequiresPaymentMethod, workflows.NeedPaymentMethod), "act", "Your subscription needs a payment method", false},
	{"subscription at its bank", watchedID, banking(activities.SetupIntentProcessing), "processing", "Your bank is checking", false},
	{"subscription that waits for microdeposits", watchedID, banking(activities.SetupIntentRequiresAction), "processing", "Your bank is checking", false},
	{"subscription whose new method is at its bank", watchedID, banking(activities.SetupIntentRequiresPaymentMethod), "processing", "Your bank is checking", false},
	{"subscription whose invoice is at the bank", watchedID, banking(""), "processing", "Payment under way", false},
	{"subscription whose own setup counts, with its invoice at the bank", watchedID, banking(activities.SetupIntentCanceled), "processing", "Payment under way", false},
	{"subscription that is being set up", watchedID, watched(workflows.SubscriptionProcessing, ""), "processing", "Your bank is checking", false},
	{"unpaid invoice", watchedID, watched(atRisk, workflows.NeedInvoicePaid), "act", "Pay the invoice", false},
	{"subscription at risk that its customer can confirm", watchedID, watched(atRisk, workflows.NeedConfirmation), "act", "Confirm with your bank", false},
	{"subscription whose trial ends soon", watchedID, risky(workflows.SubscriptionReasonTrialEnding, ""), "act", "Enter payment details", false},
	{"paused subscription without a method", watchedID, risky(workflows.SubscriptionReasonPaused, ""), "act", "Enter payment details", false},
	{"subscription whose form is open in spite of a fault", watchedID, risky("stripe_unauthorized", "cs_1"), "act", "Enter payment details", false},
	{"subscription for which Stripe opens no form", watchedID, risky("invalid_request", ""), "attention", "We are looking into this", false},
	{"paused subscription that only the app can resume", watchedID, watched(atRisk, ""), "attention", "We are looking into this", false},
	{"subscription never read, by Stripe's fault", watchedID, workflows.SubscriptionStatus{State: atRisk, Description: "Gym, March <b>"}, "attention", "We are looking into this", false},
	{"paid subscription", watchedID, watched(workflows.SubscriptionReadyAndPaid, ""), "done", "your subscription is paid", true},
	{"subscription that has ended", watchedID, watched(workflows.SubscriptionEnded, workflows.NeedConfirmation), "closed", "This request has ended", true},
	{"subscription in a state of the future", watchedID, watched("moved_on", ""), "attention", "We are looking into this", false},
	{"subscription with a need of the future", watchedID, watched(atRisk, "a_visit"), "attention", "We are looking into this", false},
}

func TestPageOfEverySituation(t *testing.T) {
	t.Parallel()
	for _, c := range situations {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newWeb(t)
			b.temporal.set(c.workflowID, c.status)
			answer := b.do(http.MethodGet, pagePath(t, c.workflowID), "")
			require.Equal(t, http.StatusOK, answer.status)
			require.Equal(t, "text/html; charset=utf-8", answer.header.Get("Content-Type"))
			html := answer.body
			require.Contains(t, html, c.says)
			require.Contains(t, html, `<html lang="en">`)
			require.Equal(t, c.view == "act", strings.Contains(html, `id="start"`), "only who can act has a button")
			require.Equal(t, c.view == "act", strings.Contains(html, web.DefaultStripeJSURL))
			_, isPayment := c.status.(workflows.PaymentStatus)
			require.Equal(t, c.view == "act" && !isPayment, strings.Contains(html, `data-consent-version="`+web.ConsentVersion+`"`))
			require.Equal(t, c.workflowID == setupID && c.view == "act", strings.Contains(html, "Nothing is charged now"), "an agreement may charge at once")
			require.Equal(t, c.workflowID != setupID, strings.Contains(html, "Gym, March &lt;b&gt;"))
			require.NotContains(t, html, "Gym, March <b>", "a description is text, not HTML")
			require.NotContains(t, html, "<style")
			require.NotContains(t, html, "style=")
			require.NotContains(t, html, "onclick")
		})
	}
}

func TestWhenATrialEnds(t *testing.T) {
	t.Parallel()
	soon, past := time.Date(2099, 7, 1, 22, 30, 0, 0, time.UTC), time.Now().Add(-time.Hour)
	for name, c := range map[string]struct {
		need workflows.SubscriptionNeed
		end  time.Time
		now  activities.SubscriptionStatus
		says string
	}{
		"to confirm":             {workflows.NeedConfirmation, soon, activities.SubscriptionTrialing, "Your trial ends on Thursday, 2 July 2099 at 00:30 CEST."},
		"without a method":       {workflows.NeedPaymentMethod, soon, activities.SubscriptionTrialing, "Your trial ends on Thursday, 2 July 2099 at 00:30 CEST."},
		"just over":              {workflows.NeedConfirmation, past, activities.SubscriptionTrialing, ""},
		"over":                   {workflows.NeedConfirmation, soon, activities.SubscriptionActive, ""},
		"never begun":            {workflows.NeedConfirmation, time.Time{}, activities.SubscriptionTrialing, ""},
		"besides an open amount": {workflows.NeedInvoicePaid, soon, activities.SubscriptionTrialing, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newWeb(t)
			status := watched(workflows.SubscriptionRequiresAction, c.need)
			status.TrialEnd, status.Status, status.TimeZone = c.end, c.now, "Europe/Berlin"
			b.temporal.set(watchedID, status)
			html := b.do(http.MethodGet, pagePath(t, watchedID), "").body
			require.Contains(t, html, c.says)
			require.Equal(t, c.says != "", strings.Contains(html, "trial"))
			require.NotContains(t, b.do(http.MethodGet, pagePath(t, watchedID)+"/return", "").body, "trial")
		})
	}
}

func TestWorkflowThatNobodyRunsAnyMore(t *testing.T) {
	t.Parallel()
	for _, end := range []enumspb.WorkflowExecutionStatus{
		enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, enumspb.WORKFLOW_EXECUTION_STATUS_FAILED,
	} {
		b := newWeb(t)
		b.temporal.set(paymentID, payment(workflows.PaymentAwaitingCustomer))
		b.temporal.rejected = map[string]enumspb.WorkflowExecutionStatus{paymentID: end}
		html := b.do(http.MethodGet, pagePath(t, paymentID), "").body
		require.Contains(t, html, "We are looking into this")
		require.NotContains(t, html, `id="start"`)
	}
}

func TestReturnPage(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.com/thanks?a=1&b=2"
	for _, c := range situations {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newWeb(t, func(c *web.Config) { c.AppReturnURL = app })
			b.temporal.set(c.workflowID, c.status)
			answer := b.do(http.MethodGet, pagePath(t, c.workflowID)+"/return", "")
			require.Equal(t, http.StatusOK, answer.status)
			html := answer.body
			require.NotContains(t, html, `id="start"`)
			require.NotContains(t, html, web.DefaultStripeJSURL)
			waits := c.view == "act" || c.view == "busy"
			require.Equal(t, waits, strings.Contains(html, `data-step="return"`))
			require.Equal(t, c.view == "processing", strings.Contains(html, `data-step="wait"`))
			require.Equal(t, c.view == "done", strings.Contains(html, `data-step="leave"`))
			require.Equal(t, c.view == "done", strings.Contains(html, `href="https://app.example.com/thanks?a=1&amp;b=2"`))
			if !waits {
				require.Contains(t, html, c.says)
			}
		})
	}
}

func TestDoneWithoutAnAppsPage(t *testing.T) {
	t.Parallel()
	b := newWeb(t)
	b.temporal.set(paymentID, payment(workflows.PaymentPaid))
	html := b.do(http.MethodGet, pagePath(t, paymentID)+"/return", "").body
	require.NotContains(t, html, "<script")
	require.NotContains(t, html, "Continue")
}

func TestDonePageLinksToTheAppButStays(t *testing.T) {
	t.Parallel()
	b := newWeb(t, func(c *web.Config) { c.AppReturnURL = "https://app.example.com/" })
	b.temporal.set(paymentID, payment(workflows.PaymentPaid))
	html := b.do(http.MethodGet, pagePath(t, paymentID), "").body
	require.Contains(t, html, `href="https://app.example.com/"`)
	require.NotContains(t, html, "<script", "who opens an old link is not sent away from what it says")
}

// badLinks are links that lead nowhere, and the status that every route answers for them.
func badLinks(t *testing.T) map[string]struct {
	path   string
	status int
} {
	t.Helper()
	mint := func(secret string, expires time.Time) string {
		return strings.TrimPrefix(link.NewMinter(publicURL, []string{secret}).Link(paymentID, expires), publicURL)
	}
	later := time.Now().Add(time.Hour)
	good := mint(linkSecret, later)
	other, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "offsession", "sub": paymentID, "p": "operator", "exp": later.Unix(),
	}).SignedString([]byte(linkSecret))
	require.NoError(t, err)
	return map[string]struct {
		path   string
		status int
	}{
		"forged":                    {mint("another-secret-of-16", later), http.StatusNotFound},
		"cut off":                   {good[:len(good)-4], http.StatusNotFound},
		"no token":                  {"/c/abc", http.StatusNotFound},
		"of another purpose":        {"/c/" + other, http.StatusNotFound},
		"expired":                   {mint(linkSecret, time.Now().Add(-time.Minute)), http.StatusGone},
		"of a workflow long gone":   {pagePath(t, "payment:gone"), http.StatusNotFound},
		"of a workflow not of ours": {pagePath(t, "order:17"), http.StatusNotFound},
	}
}

func TestBadLinks(t *testing.T) {
	t.Parallel()
	for name, c := range badLinks(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newWeb(t)
			b.temporal.set(paymentID, payment(workflows.PaymentAwaitingCustomer))
			b.temporal.set("order:17", payment(workflows.PaymentAwaitingCustomer))
			for _, route := range []string{"", "/return"} {
				answer := b.do(http.MethodGet, c.path+route, "")
				require.Equal(t, c.status, answer.status, route)
				require.Contains(t, answer.body, `<h1 id="heading">This link `)
			}
			for method, route := range map[string]string{http.MethodGet: "/status", http.MethodPost: "/session"} {
				answer := b.do(method, c.path+route, "")
				require.Equal(t, c.status, answer.status, route)
				require.Equal(t, "application/json", answer.header.Get("Content-Type"))
				require.Contains(t, answer.body, `"error":"this link`)
			}
			require.Zero(t, b.temporal.updateCount())
		})
	}
}

func TestPagesWhenTemporalIsDown(t *testing.T) {
	t.Parallel()
	b := newWeb(t)
	b.temporal.down = errDown
	for _, c := range []struct{ method, route, says string }{
		{http.MethodGet, "", "Nothing was charged"},
		{http.MethodGet, "/return", "Nothing was charged"},
		{http.MethodGet, "/status", "try again"},
		{http.MethodPost, "/session", "try again"},
	} {
		answer := b.do(c.method, pagePath(t, paymentID)+c.route, "")
		require.Equal(t, http.StatusServiceUnavailable, answer.status, c.route)
		require.NotEmpty(t, answer.header.Get("Retry-After"))
		shown := answer.body
		require.Contains(t, shown, c.says)
		require.NotContains(t, shown, errDown.Error())
	}
}

func TestReadingChangesNothing(t *testing.T) {
	t.Parallel()
	for workflowID, status := range map[string]any{
		paymentID: payment(workflows.PaymentAwaitingCustomer),
		watchedID: watched(workflows.SubscriptionRequiresAction, workflows.NeedConfirmation),
	} {
		t.Run(workflowID, func(t *testing.T) {
			t.Parallel()
			b := newWeb(t)
			b.stripe.err = errors.New("must not be asked")
			b.temporal.set(workflowID, status)
			readingChangesNothing(t, b, pagePath(t, workflowID))
		})
	}
}

func readingChangesNothing(t *testing.T, b *bundle, path string) {
	t.Helper()
	for _, route := range []string{"", "/return", "/status"} {
		for range 20 {
			require.Equal(t, http.StatusOK, b.do(http.MethodGet, path+route, "").status)
		}
		head := b.do(http.MethodHead, path+route, "")
		require.Equal(t, http.StatusOK, head.status)
		prefetch := httptest.NewRequest(http.MethodGet, path+route, nil)
		prefetch.Header.Set("Sec-Purpose", "prefetch")
		require.Equal(t, http.StatusOK, b.send(prefetch).status)
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		require.Equal(t, http.StatusMethodNotAllowed, b.do(method, path+"/session", "").status, method)
	}
	require.Equal(t, http.StatusMethodNotAllowed, b.do(http.MethodPost, path, "").status)
	require.Zero(t, b.temporal.updateCount())
	require.Empty(t, b.temporal.sent())
}

func TestStatusOfEverySituation(t *testing.T) {
	t.Parallel()
	for _, c := range situations {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newWeb(t)
			b.temporal.set(c.workflowID, c.status)
			got := decode[map[string]any](t, b.do(http.MethodGet, pagePath(t, c.workflowID)+"/status", ""))
			require.Equal(t, c.view, got["view"])
			require.Equal(t, c.ended, got["ended"])
			switch status := c.status.(type) {
			case workflows.PaymentStatus:
				require.Equal(t, string(status.State), got["state"])
				require.Equal(t, "payment", got["mode"])
				require.InDelta(t, 1099, got["amount"], 0)
				require.Equal(t, "usd", got["currency"])
			case workflows.SetupStatus:
				require.Equal(t, string(status.State), got["state"])
				require.Equal(t, "setup", got["mode"])
				require.NotContains(t, got, "amount")
			case workflows.SubscriptionStatus:
				require.Equal(t, string(status.State), got["state"])
				require.Contains(t, []any{"setup", "confirm", "invoice"}, got["mode"])
				require.Equal(t, got["mode"] == "invoice", got["amount"] != nil)
			}
		})
	}
}
