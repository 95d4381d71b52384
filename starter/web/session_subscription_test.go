package web_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

const (
	setupSecret = "seti_1_secret_x"
	invoicePage = "https://invoice.stripe.com/i/acct_1/test_x"
)

// newSubscription is a web with one watched subscription, and with what its customer may be led to.
func newSubscription(t *testing.T, status workflows.SubscriptionStatus) *bundle {
	t.Helper()
	b := newWeb(t)
	b.temporal.set(watchedID, status)
	b.stripe.setups = map[string]string{"seti_1": setupSecret}
	b.stripe.invoices = map[string]string{"in_1": invoicePage}
	return b
}

func (b *bundle) press(t *testing.T) session {
	t.Helper()
	return decode[session](t, b.do(http.MethodPost, pagePath(t, watchedID)+"/session", `{"consent_version":"2026-11-22"}`))
}

// TestButtonOfASubscription: the answer's mode goes by what the workflow answers, whatever the page was made for.
func TestButtonOfASubscription(t *testing.T) {
	t.Parallel()
	open := func(r workflows.OpenCheckoutResponse) workflows.OpenCheckoutResponse {
		r.Answer, r.State = workflows.CheckoutReady, "requires_action"
		return r
	}
	answers := map[string]struct {
		response workflows.OpenCheckoutResponse
		want     session
	}{
		"confirm": {open(workflows.OpenCheckoutResponse{SetupIntent: "seti_1"}), session{
			Answer: "open", State: "requires_action", Mode: "confirm", SetupIntent: "seti_1", ClientSecret: setupSecret, PublishableKey: "pk_test_1",
		}},
		"setup": {open(workflows.OpenCheckoutResponse{SessionID: "cs_1"}), session{
			Answer: "open", State: "requires_action", Mode: "setup", SessionID: "cs_1", ClientSecret: "cs_1_secret_x", PublishableKey: "pk_test_1",
		}},
		"invoice": {open(workflows.OpenCheckoutResponse{Invoice: "in_1"}), session{
			Answer: "open", State: "requires_action", Mode: "invoice", URL: invoicePage,
		}},
		"busy": {workflows.OpenCheckoutResponse{Answer: workflows.CheckoutBusy, State: "at_risk"}, session{
			Answer: "busy", State: "at_risk", Mode: "invoice",
		}},
	}
	pages := map[string]workflows.SubscriptionNeed{
		"confirm": workflows.NeedConfirmation, "setup": workflows.NeedPaymentMethod, "invoice": workflows.NeedInvoicePaid,
	}
	for page, need := range pages {
		for name, c := range answers {
			t.Run(page+" page, answer "+name, func(t *testing.T) {
				t.Parallel()
				b := newSubscription(t, watched(workflows.SubscriptionRequiresAction, need))
				b.answering(c.response, nil)
				want := c.want
				if page == "invoice" && want.Mode == "invoice" {
					want.Amount, want.Currency = 1099, "usd"
				}
				require.Equal(t, want, b.press(t))
				require.Len(t, b.temporal.updates, 1)
				require.Equal(t, watchedID, b.temporal.updates[0].WorkflowID)
				require.Equal(t, []any{workflows.OpenCheckoutRequest{ConsentVersion: "2026-11-22"}}, b.temporal.updates[0].Args)
			})
		}
	}
}

func TestWhatStripeCannotShowOfASubscription(t *testing.T) {
	t.Parallel()
	for name, response := range map[string]workflows.OpenCheckoutResponse{
		"SetupIntent": {Answer: workflows.CheckoutReady, SetupIntent: "seti_1"},
		"invoice":     {Answer: workflows.CheckoutReady, Invoice: "in_1"},
	} {
		t.Run("closed "+name, func(t *testing.T) {
			t.Parallel()
			b := newSubscription(t, watched(workflows.SubscriptionRequiresAction, workflows.NeedConfirmation))
			b.stripe.setups["seti_1"], b.stripe.invoices["in_1"] = "", ""
			b.answering(response, nil)
			got := b.press(t)
			require.Equal(t, "pending", got.Answer)
			require.Empty(t, got.SetupIntent)
		})
		t.Run(name+", and Stripe does not answer", func(t *testing.T) {
			t.Parallel()
			b := newSubscription(t, watched(workflows.SubscriptionRequiresAction, workflows.NeedConfirmation))
			b.stripe.err = &activities.StripeError{Kind: activities.StripeUnknown}
			b.answering(response, nil)
			answer := b.do(http.MethodPost, pagePath(t, watchedID)+"/session", "")
			require.Equal(t, http.StatusServiceUnavailable, answer.status)
			require.NotContains(t, answer.body, "stripe")
		})
	}
}

// TestReadySubscriptionIsAskedAgain: its page says that all is done, but more may come until its workflow has ended.
func TestReadySubscriptionIsAskedAgain(t *testing.T) {
	t.Parallel()
	b := newSubscription(t, watched(ready, ""))
	b.answering(workflows.OpenCheckoutResponse{Answer: workflows.CheckoutReady, SetupIntent: "seti_1"}, nil)
	require.Equal(t, "confirm", b.press(t).Mode)
	require.Equal(t, 1, b.temporal.updateCount())
}

func TestSubscriptionThatEndsMeanwhile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status workflows.SubscriptionStatus
		want   string
	}{
		{watched(workflows.SubscriptionReadyAndPaid, ""), "done"},
		{watched(workflows.SubscriptionEnded, workflows.NeedConfirmation), "closed"},
		{watched(atRisk, ""), "closed"},
		{watched(ready, ""), "pending"}, // it is watched anew
	} {
		b := newSubscription(t, watched(workflows.SubscriptionRequiresAction, workflows.NeedConfirmation))
		b.temporal.onUpdate = func(context.Context, string, workflows.OpenCheckoutRequest) (workflows.OpenCheckoutResponse, error) {
			b.temporal.set(watchedID, c.status)
			return workflows.OpenCheckoutResponse{}, serviceerror.NewNotFound("workflow execution already completed")
		}
		got := b.press(t)
		require.Equal(t, c.want, got.Answer)
		require.Equal(t, string(c.status.State), got.State)
	}
}

func TestSecretsOfASubscriptionAreInTheButtonsAnswerOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		need   workflows.SubscriptionNeed
		answer workflows.OpenCheckoutResponse
	}{
		{workflows.NeedConfirmation, workflows.OpenCheckoutResponse{Answer: workflows.CheckoutReady, SetupIntent: "seti_1"}},
		{workflows.NeedInvoicePaid, workflows.OpenCheckoutResponse{Answer: workflows.CheckoutReady, Invoice: "in_1"}},
	} {
		b := newSubscription(t, watched(workflows.SubscriptionRequiresAction, c.need))
		b.answering(c.answer, nil)
		require.Equal(t, "open", b.press(t).Answer)
		written := b.logs.String() + b.do(http.MethodGet, "/metrics", "").body
		for _, route := range []string{"", "/return", "/status"} {
			written += b.do(http.MethodGet, pagePath(t, watchedID)+route, "").body
		}
		require.NotContains(t, written, setupSecret)
		require.NotContains(t, written, invoicePage)
		require.NotContains(t, written, "seti_1")
		require.NotContains(t, written, "in_1")
	}
}
