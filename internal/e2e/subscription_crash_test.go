package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// TestSubscriptionAnswersLost breaks each write to Stripe once, in every manner: each has one effect, and the end is the same.
// A fault that Stripe has stored without doing anything is made good with another key, at a later look or the customer's next
// press of the button.
func TestSubscriptionAnswersLost(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	for _, kind := range []stripesandbox.FaultKind{
		stripesandbox.FaultDropBefore, stripesandbox.FaultDropAfter, stripesandbox.Fault500Before, stripesandbox.Fault500After,
		stripesandbox.FaultBrokenJSON,
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := s.with(t)
			t.Run("default and confirmation", func(t *testing.T) {
				t.Parallel()
				u := s.with(t).subscriber("").subscribes(trial, incomplete)
				pending := u.pending()["id"].(string)
				u.watched(onCustomer)
				link := u.mail(u.reference, 1)
				for _, path := range []string{"/v1/customers/" + u.customer, "/v1/setup_intents/" + pending + "/confirm"} {
					u.fault(stripesandbox.Fault{Method: http.MethodPost, Path: path, Kind: kind})
				}
				u.saves(link, purchase{Number: goodCard})
				u.comesBack(kind, workflows.SubscriptionReady)
				u.isSetUp(pending)
			})
			t.Run("default of the subscription", func(t *testing.T) {
				t.Parallel()
				u := s.with(t).subscriber("").subscribes(trial, incomplete)
				pending := u.pending()["id"].(string)
				link := u.watched().mail(u.reference, 1)
				u.fault(stripesandbox.Fault{Method: http.MethodPost, Path: "/v1/subscriptions/" + u.id, Kind: kind})
				u.saves(link, purchase{Number: goodCard})
				u.comesBack(kind, workflows.SubscriptionReady)
				u.isSetUp(pending)
				require.Equal(t, u.is(workflows.SubscriptionReady, "").PaymentMethod, u.atStripe()["default_payment_method"])
			})
			t.Run("session and SetupIntent at the end", func(t *testing.T) {
				t.Parallel()
				u := s.with(t).subscriber("").subscribes(trial, incomplete).watched()
				session := u.press(u.mail(u.reference, 1)).SessionID
				for _, path := range []string{"/v1/checkout/sessions/" + session + "/expire", "/v1/setup_intents/" + u.pending()["id"].(string) + "/cancel"} {
					u.fault(stripesandbox.Fault{Method: http.MethodPost, Path: path, Kind: kind})
				}
				u.cancels()
				u.comesBack(kind, workflows.SubscriptionEnded)
				u.ends(workflows.SubscriptionEnded, workflows.SubscriptionReasonCanceled)
				u.closed()
			})
		})
	}
}

func onCustomer(p *client.WatchSubscriptionParams) { p.DefaultOn = workflows.DefaultOnCustomer }

// comesBack is a customer who presses the button again and again, until a stored fault is made good.
func (u *subscriber) comesBack(kind stripesandbox.FaultKind, until workflows.SubscriptionState) {
	u.t.Helper()
	if kind != stripesandbox.Fault500Before {
		return
	}
	eventually(u.t, func() error {
		if shown, err := u.client.Subscription(u.t.Context(), u.id); err != nil || shown.State == until {
			return err
		}
		return fmt.Errorf("%w: %+v", errNotYet, u.pressOnce(u.minted()))
	})
}

// isSetUp waits until the pending SetupIntent has succeeded, and checks that it was confirmed once, with the saved method.
func (u *subscriber) isSetUp(pending string) {
	u.t.Helper()
	shown := u.is(workflows.SubscriptionReady, "")
	require.True(u.t, u.ready())
	require.Nil(u.t, u.pending())
	setup := u.stripe(http.MethodGet, "/v1/setup_intents/"+pending, nil)
	require.Equal(u.t, "succeeded", setup["status"])
	require.Equal(u.t, shown.PaymentMethod, setup["payment_method"])
	require.Len(u.t, u.listed("/v1/setup_attempts?setup_intent="+pending), 1)
	require.Len(u.t, u.listed("/v1/checkout/sessions?customer="+u.customer), 1)
}
