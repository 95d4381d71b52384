package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/workflows"
)

// invoiced is when Stripe has collected the first invoice above zero, or has tried: it is a draft for an hour first.
const invoiced = 14*aDay + 2*time.Hour

// TestSubscriptionTrialEnds: a test clock moves trials to their ends, and beyond.
func TestSubscriptionTrialEnds(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)

	t.Run("paid", func(t *testing.T) {
		t.Parallel()
		u := s.with(t).onTestClock(visa).subscribes(trial, incomplete).watched()
		u.is(workflows.SubscriptionNoActionNeeded, "")
		u.passes(invoiced)
		shown := u.ends(workflows.SubscriptionReadyAndPaid, "")
		require.Equal(t, u.method, shown.PaymentMethod)
		require.Len(t, u.paidInvoices(), 1)
		require.Zero(t, u.mails(), "the customer has heard nothing")
		record(t, u.workflow(), "deferred_subscription_paid")
	})

	t.Run("nothing was done", func(t *testing.T) {
		t.Parallel()
		u := s.with(t).onTestClock("").subscribes(trial, incomplete, []string{"trial_settings[end_behavior][missing_payment_method]", "cancel"}).watched()
		u.is(workflows.SubscriptionRequiresPaymentMethod, workflows.NeedPaymentMethod)
		u.mail(u.reference, 1)
		u.passes(11*aDay + time.Hour) // customer.subscription.trial_will_end
		shown := u.is(workflows.SubscriptionAtRisk, workflows.NeedPaymentMethod)
		require.Equal(t, workflows.SubscriptionReasonTrialEnding, shown.Reason)
		require.WithinDuration(t, time.Now().Add(3*aDay-time.Hour), shown.TrialEnd, time.Hour, "as far away as the clock says")
		u.passes(3 * aDay)
		u.ends(workflows.SubscriptionEnded, workflows.SubscriptionReasonCanceled)
		u.closed()
		require.Equal(t, 1, u.mails(), "not twice within 20 hours, and none after the end")
	})

	t.Run("a method just in time", func(t *testing.T) {
		t.Parallel()
		u := s.with(t).onTestClock("").subscribes(trial, incomplete).watched()
		u.passes(13 * aDay)
		u.is(workflows.SubscriptionAtRisk, workflows.NeedPaymentMethod)
		u.saves(u.link(), purchase{Number: goodCard})
		u.is(workflows.SubscriptionReady, "")
		u.passes(aDay + 2*time.Hour)
		u.ends(workflows.SubscriptionReadyAndPaid, "")
		u.closed()
	})

	t.Run("paused", func(t *testing.T) {
		t.Parallel()
		u := s.with(t).onTestClock("").subscribes(trial, incomplete, []string{"trial_settings[end_behavior][missing_payment_method]", "pause"}).watched()
		u.is(workflows.SubscriptionRequiresPaymentMethod, workflows.NeedPaymentMethod)
		u.passes(invoiced)
		shown := u.is(workflows.SubscriptionAtRisk, workflows.NeedPaymentMethod)
		require.Equal(t, workflows.SubscriptionReasonPaused, shown.Reason)
		u.saves(u.link(), purchase{Number: goodCard})
		shown = u.is(workflows.SubscriptionAtRisk, "")
		require.Equal(t, workflows.SubscriptionReasonPaused, shown.Reason, "the app has to resume it")
		require.Equal(t, "paused", u.atStripe()["status"])
		u.stripe(http.MethodPost, "/v1/subscriptions/"+u.id+"/resume", nil)
		u.ends(workflows.SubscriptionReadyAndPaid, "")
		u.closed()
	})

	// The card is declined, or its bank asks the customer after all.
	for name, card := range map[string]struct {
		token     string
		asksFirst bool
		pays      purchase
	}{
		"declined":        {token: "pm_sandbox_decline_insufficient_funds", pays: purchase{Number: goodCard}},
		"action required": {token: authCard, asksFirst: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := s.with(t).onTestClock(card.token).subscribes(trial, incomplete).watched()
			if card.asksFirst {
				u.is(workflows.SubscriptionRequiresAction, workflows.NeedConfirmation)
				require.Equal(t, http.StatusOK, u.asksBank(u.mail(u.reference, 1), stripesandbox.AuthenticationPassed))
				u.is(workflows.SubscriptionReady, "")
			} else {
				u.is(workflows.SubscriptionNoActionNeeded, "")
			}
			u.passes(invoiced)
			shown := u.is(workflows.SubscriptionAtRisk, workflows.NeedInvoicePaid)
			require.Equal(t, workflows.SubscriptionReasonInvoiceUnpaid, shown.Reason)
			require.Equal(t, u.openInvoice()["id"], shown.Invoice)
			require.EqualValues(t, subscriptionAmount, shown.Amount)
			require.False(t, u.ready(), "past due")
			link := u.link()
			if !card.asksFirst { // who has been on the page just now gets no mail for some minutes
				link = u.mail(u.reference, 1)
			}

			if !shown.NextPaymentAttempt.IsZero() {
				// Stripe is about to collect it by itself.
				attempt := time.Unix(int64(u.openInvoice()["next_payment_attempt"].(float64)), 0)
				u.passes(attempt.Add(-5 * time.Minute).Sub(u.now))
				require.Equal(t, "busy", u.pressOnce(link).Answer)
				u.passes(2 * time.Hour)
				u.is(workflows.SubscriptionAtRisk, workflows.NeedInvoicePaid)
			}
			u.paysInvoice(link, card.pays)
			u.ends(workflows.SubscriptionReadyAndPaid, "")
			require.Len(t, u.paidInvoices(), 1)
			require.True(t, u.ready())
		})
	}
}

// TestSubscriptionTellsApp: the signed messages of one that was at risk and was saved.
func TestSubscriptionTellsApp(t *testing.T) {
	t.Parallel()
	a, address := newApp(t)
	s := newSite(t, siteOptions{change: func(c *config.Config) { c.NotifyWebhookURL, c.NotifyWebhookSecret = address, notifySecret }})
	u := s.onTestClock("").subscribes(trial, incomplete).watched()
	u.is(workflows.SubscriptionRequiresPaymentMethod, workflows.NeedPaymentMethod)
	u.passes(12 * aDay)
	u.is(workflows.SubscriptionAtRisk, workflows.NeedPaymentMethod)
	u.saves(u.link(), purchase{Number: goodCard})
	u.is(workflows.SubscriptionReady, "")
	u.passes(2*aDay + 2*time.Hour)
	u.ends(workflows.SubscriptionReadyAndPaid, "")
	require.Equal(t, []string{"subscription_payment_method_needed", "subscription_at_risk", "subscription_ready"}, a.about(u.id))
}

// TestSubscriptionFoundByPoll: no webhook comes. A minute after the customer was there, the poll finds out that the subscription
// has ended.
func TestSubscriptionFoundByPoll(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	s.webhooks(stripesandbox.WebhookBehaviour{Mode: stripesandbox.WebhooksLost})
	u := s.subscriber(authCard).subscribes(trial, incomplete).watched()
	require.Equal(t, "confirm", u.press(u.mail(u.reference, 1)).Mode)
	u.cancels()
	require.NoError(t, within(2*patience, func() error {
		shown, err := s.client.Subscription(t.Context(), u.id)
		if err == nil && !shown.State.Ended() {
			err = errNotYet
		}
		return err
	}))
	u.ends(workflows.SubscriptionEnded, workflows.SubscriptionReasonCanceled)
	u.closed()
}

// TestSubscriptionFirstInvoice: an amount is due now, and the customer's link leads to the invoice.
func TestSubscriptionFirstInvoice(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	u := s.subscriber("").subscribes(incomplete).watched()
	u.is(workflows.SubscriptionRequiresAction, workflows.NeedInvoicePaid)
	require.False(t, u.ready())
	u.paysInvoice(u.link(), purchase{Number: goodCard})
	u.ends(workflows.SubscriptionReadyAndPaid, "")
	require.True(t, u.ready())
}
