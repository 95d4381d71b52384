package web_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/web"
	"github.com/offsession/offsession/workflows"
)

// subscriptionEvents are those that reach a watched subscription.
var subscriptionEvents = []struct {
	name string
	// adopts: it may be the first that is heard of the subscription.
	adopts bool
}{
	{"customer.subscription.created", true},
	{"customer.subscription.updated", true},
	{"customer.subscription.deleted", true},
	{"customer.subscription.trial_will_end", true},
	{"customer.subscription.resumed", true},
	{"customer.subscription.paused", false},
	{"invoice.finalized", false},
	{"invoice.paid", false},
	{"invoice.payment_failed", false},
	{"invoice.payment_action_required", false},
	{"invoice.voided", false},
	{"invoice.marked_uncollectible", false},
}

func TestEventsOfASubscriptionReachWhoWatchesIt(t *testing.T) {
	t.Parallel()
	for _, c := range subscriptionEvents {
		adopt := func(context.Context, string) (bool, error) { return false, errors.New("watched already") }
		temporal, stripe := &fakeTemporal{}, &fakeStripe{err: errors.New("must not be asked")}
		router := web.NewRouter(temporal, stripe, adopt, slog.New(slog.DiscardHandler))
		temporal.set(watchedID, nil)
		n, err := router.Route(t.Context(), activities.Event{ID: "evt_1", Type: c.name, ObjectID: "obj_1", Subscription: "sub_1", Customer: "cus_1"})
		require.NoError(t, err, c.name)
		require.Equal(t, 1, n, c.name)
		require.Equal(t, []signal{{watchedID, workflows.StripeEvent{ID: "evt_1", Type: c.name, ObjectID: "obj_1"}}}, temporal.sent())
		require.Empty(t, temporal.lists, "no event of a subscription searches")
	}
}

func TestEventsOfASubscriptionThatNobodyWatches(t *testing.T) {
	t.Parallel()
	for _, c := range subscriptionEvents {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var asked []string
			adopt := func(_ context.Context, subscription string) (bool, error) {
				asked = append(asked, subscription)
				return len(asked) == 1, nil
			}
			temporal, stripe := &fakeTemporal{}, &fakeStripe{err: errors.New("must not be asked")}
			event := activities.Event{ID: "evt_1", Type: c.name, Subscription: "sub_1", Customer: "cus_1"}

			never := web.NewRouter(temporal, stripe, nil, slog.New(slog.DiscardHandler))
			n, err := never.Route(t.Context(), event)
			require.NoError(t, err)
			require.Zero(t, n)

			router := web.NewRouter(temporal, stripe, adopt, slog.New(slog.DiscardHandler))
			for _, want := range []int{1, 0} { // a second delivery finds it adopted
				if !c.adopts {
					want = 0
				}
				n, err = router.Route(t.Context(), event)
				require.NoError(t, err)
				require.Equal(t, want, n)
			}
			require.Empty(t, temporal.lists)
			if c.adopts {
				require.Equal(t, []string{"sub_1", "sub_1"}, asked)
				return
			}
			require.Empty(t, asked)
		})
	}
}

func TestWhatIsNoSubscriptionIsNotAdopted(t *testing.T) {
	t.Parallel()
	adopt := func(context.Context, string) (bool, error) { return false, errors.New("must not be asked") }
	for _, event := range []activities.Event{
		{ID: "evt_1", Type: "invoice.paid", Customer: "cus_1"},
		{ID: "evt_2", Type: "customer.subscription.updated", Subscription: "sub_1' OR '"},
		{ID: "evt_3", Type: "customer.subscription.updated"},
		{ID: "evt_4", Type: "checkout.session.completed", Subscription: "sub_1"},
	} {
		temporal := &fakeTemporal{down: errDown}
		n, err := web.NewRouter(temporal, &fakeStripe{}, adopt, slog.New(slog.DiscardHandler)).Route(t.Context(), event)
		require.NoError(t, err, event.ID)
		require.Zero(t, n)
	}
}

const subscriptionEvent = `{"id":"evt_1","object":"event","type":"customer.subscription.created","created":1700000000,"livemode":false,` +
	`"data":{"object":{"id":"sub_1","object":"subscription","customer":"cus_1","metadata":{}}}}`

func TestWebhookAdoptsASubscription(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		adopted bool
		err     error
		status  int
		result  string
	}{
		"it has a pending SetupIntent": {true, nil, http.StatusOK, "delivered"},
		"it needs nothing":             {false, nil, http.StatusOK, "foreign"},
		"Stripe does not answer":       {false, &activities.StripeError{Kind: activities.StripeUnknown}, http.StatusServiceUnavailable, "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newWeb(t, func(config *web.Config) {
				config.Adopt = func(_ context.Context, subscription string) (bool, error) {
					require.Equal(t, "sub_1", subscription)
					return c.adopted, c.err
				}
			})
			answer := b.webhook(subscriptionEvent, sign(subscriptionEvent, webhookSecret, time.Now()))
			require.Equal(t, c.status, answer.status)
			require.Contains(t, b.do(http.MethodGet, "/metrics", "").body, `offsession_webhooks_total{class="subscription",result="`+c.result+`"} 1`)
			require.Equal(t, c.status == http.StatusServiceUnavailable, answer.header.Get("Retry-After") != "", "Stripe sends it again")
		})
	}
}

func TestASubscriptionIsNotAdoptedWhileTemporalIsDown(t *testing.T) {
	t.Parallel()
	adopt := func(context.Context, string) (bool, error) { return false, errors.New("must not be asked") }
	router := web.NewRouter(&fakeTemporal{down: errDown}, &fakeStripe{}, adopt, slog.New(slog.DiscardHandler))
	_, err := router.Route(t.Context(), activities.Event{ID: "evt_1", Type: "customer.subscription.updated", Subscription: "sub_1"})
	require.ErrorIs(t, err, errDown, "perhaps it is watched")
}
