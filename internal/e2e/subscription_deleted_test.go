package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/link"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/workflows"
)

// TestSubscriptionDeleted deletes subscriptions at each step, with webhooks and without: nothing stays open at Stripe, and the
// customer hears no more.
func TestSubscriptionDeleted(t *testing.T) {
	t.Parallel()
	asked := func(u *subscriber) { u.mail(u.reference, 1) }
	steps := map[string]struct {
		token string
		until func(u *subscriber)
	}{
		"just started":                   {authCard, func(*subscriber) {}},
		"just started, without a method": {"", func(*subscriber) {}},
		"never asked":                    {visa, func(u *subscriber) { u.is(workflows.SubscriptionNoActionNeeded, "") }},
		"asked to confirm":               {authCard, asked},
		"asked for a method":             {"", asked},
		"session open":                   {"", func(u *subscriber) { require.NotEmpty(u.t, u.press(u.mail(u.reference, 1)).SessionID) }},
		"challenge open on the page":     {authCard, func(u *subscriber) { require.Equal(u.t, "confirm", u.press(u.mail(u.reference, 1)).Mode) }},
		"challenge open in the session":  {"", func(u *subscriber) { u.leavesChallenge() }},
		"challenge failed": {authCard, func(u *subscriber) {
			require.Equal(u.t, http.StatusPaymentRequired, u.asksBank(u.mail(u.reference, 1), stripesandbox.AuthenticationFailed))
		}},
		"session completed":     {"", func(u *subscriber) { u.saves(u.mail(u.reference, 1), purchase{Number: goodCard}) }},
		"challenge passed":      {authCard, func(u *subscriber) { u.asksBank(u.mail(u.reference, 1), stripesandbox.AuthenticationPassed) }},
		"ready":                 {authCard, func(u *subscriber) { u.getsReady() }},
		"ready with a new card": {refusedCard, func(u *subscriber) { u.getsReady() }},
		"SetupIntent canceled": {"", func(u *subscriber) {
			u.stripe(http.MethodPost, "/v1/setup_intents/"+u.pending()["id"].(string)+"/cancel", nil)
		}},
		"amount due and never paid": {},
	}
	for _, mode := range []stripesandbox.WebhookMode{stripesandbox.WebhooksNormal, stripesandbox.WebhooksLost} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{})
			s.webhooks(stripesandbox.WebhookBehaviour{Mode: mode})
			for name, step := range steps {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					u, reason := s.with(t).subscriber(step.token), workflows.SubscriptionReasonCanceled
					if step.until == nil {
						u.subscribes(incomplete).watched().is(workflows.SubscriptionRequiresAction, workflows.NeedInvoicePaid)
						reason = workflows.SubscriptionReasonIncompleteExpired
					} else {
						step.until(u.subscribes(trial, incomplete).watched())
					}
					u.cancels()
					if mode == stripesandbox.WebhooksLost {
						require.Equal(t, "closed", u.press(u.minted()).Answer, "a page that was left open is used again")
					}
					u.ends(workflows.SubscriptionEnded, reason)
					u.closed()
					require.False(t, u.ready())
					require.LessOrEqual(t, u.mails(), 1)
					require.Equal(t, "closed", u.pressOnce(u.minted()).Answer)
					if mode == stripesandbox.WebhooksNormal && name == "session open" {
						record(t, u.workflow(), "deferred_subscription_deleted_while_waiting")
					}
				})
			}
		})
	}
}

// minted is a link to the customer's page, whether or not the customer is asked for something.
func (u *subscriber) minted() string {
	return link.NewMinter(u.config.PublicURL, u.config.LinkSecrets).Link(u.workflow(), time.Now().Add(time.Hour))
}

// leavesChallenge is a customer who has entered a card in Checkout and has not answered the bank yet.
func (u *subscriber) leavesChallenge() {
	u.t.Helper()
	session := u.press(u.mail(u.reference, 1)).SessionID
	a := u.http(http.MethodPost, u.sandbox.URL+"/_sandbox/checkout/"+session+"/pay", http.Header{"Content-Type": {"application/json"}},
		`{"number":"`+alwaysAuthCard+`","authenticate":"abandon"}`)
	require.Equal(u.t, http.StatusAccepted, a.status, a.body)
}

// getsReady does what the subscription waits for, and comes back to the page.
func (u *subscriber) getsReady() {
	u.t.Helper()
	link := u.mail(u.reference, 1)
	if statusOf(u.pending()) == "requires_action" {
		u.asksBank(link, stripesandbox.AuthenticationPassed)
	} else {
		u.saves(link, purchase{Number: goodCard})
	}
	require.Equal(u.t, "done", u.press(link).Answer)
	u.is(workflows.SubscriptionReady, "")
}
