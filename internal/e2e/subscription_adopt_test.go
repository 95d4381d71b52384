package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"golang.org/x/sync/errgroup"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// adopting is a site that watches whatever has a pending SetupIntent.
func adopting(t *testing.T) *site {
	t.Helper()
	return newSite(t, siteOptions{change: func(c *config.Config) { c.AdoptSubscriptions = true }})
}

// TestSubscriptionAdopted: an app makes subscriptions and does nothing else. The webhook starts what needs a customer.
func TestSubscriptionAdopted(t *testing.T) {
	t.Parallel()
	for _, behaviour := range []stripesandbox.WebhookBehaviour{
		{Mode: stripesandbox.WebhooksNormal}, {Mode: stripesandbox.WebhooksDuplicated}, {Mode: stripesandbox.WebhooksShuffled, WindowMS: 1500},
	} {
		t.Run(string(behaviour.Mode), func(t *testing.T) {
			t.Parallel()
			s := adopting(t)
			s.webhooks(behaviour)
			t.Run("confirms", func(t *testing.T) {
				t.Parallel()
				u := s.with(t).subscriber(authCard).subscribes(trial, incomplete)
				require.Equal(t, http.StatusOK, u.asksBank(u.mail(u.reference, 1), stripesandbox.AuthenticationPassed))
				u.is(workflows.SubscriptionReady, "")
			})
			t.Run("gives a card", func(t *testing.T) {
				t.Parallel()
				u := s.with(t).subscriber("").subscribes(trial, incomplete)
				u.saves(u.mail(u.reference, 1), purchase{Number: goodCard})
				u.is(workflows.SubscriptionReady, "")
				require.Equal(t, 1, u.mails())
			})
			t.Run("created, updated and deleted at once", func(t *testing.T) {
				t.Parallel()
				u := s.with(t).subscriber("").subscribes(trial, incomplete)
				u.stripe(http.MethodPost, "/v1/subscriptions/"+u.id, form("metadata[plan]", "tea"))
				u.cancels()
				u.ends(workflows.SubscriptionEnded, workflows.SubscriptionReasonCanceled)
				u.delivered()
				u.closed()
				require.LessOrEqual(t, u.mails(), 1)
			})
			t.Run("what needs nobody is left alone", func(t *testing.T) {
				t.Parallel()
				u := s.with(t).subscriber(visa).subscribes(trial, incomplete)
				u.stripe(http.MethodPost, "/v1/subscriptions/"+u.id, form("metadata[plan]", "tea"))
				u.delivered()
				u.nobodyWatches()
			})
		})
	}
	t.Run("only its end is heard of", func(t *testing.T) {
		t.Parallel()
		s := adopting(t)
		s.webhooks(stripesandbox.WebhookBehaviour{
			Mode: stripesandbox.WebhooksLost, Types: []string{"customer.subscription.created", "customer.subscription.updated"},
		})
		u := s.subscriber(authCard).subscribes(trial, incomplete)
		u.cancels()
		u.ends(workflows.SubscriptionEnded, workflows.SubscriptionReasonCanceled)
		u.closed()
		require.Zero(t, u.mails())
	})
	t.Run("unwatched by hand", func(t *testing.T) {
		t.Parallel()
		s := adopting(t)
		u := s.subscriber(authCard).subscribes(trial, incomplete)
		u.is(workflows.SubscriptionRequiresAction, workflows.NeedConfirmation)
		u.json("state", append([]string{"subscription", "unwatch", u.id}, byHandFlags...)...)
		u.ends(workflows.SubscriptionEnded, workflows.SubscriptionReasonUnwatched)
		u.stripe(http.MethodPost, "/v1/subscriptions/"+u.id, form("metadata[plan]", "tea"))
		u.delivered()
		u.ends(workflows.SubscriptionEnded, workflows.SubscriptionReasonUnwatched)
		require.Equal(t, "requires_action", statusOf(u.pending()), "it is the app's now")
		require.InDelta(t, 1, s.adoptAll("--yes")["unwatched"], 0)
		require.Equal(t, "ended", u.json("state", "subscription", "show", u.id)["state"])
	})
	t.Run("off", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, siteOptions{})
		u := s.subscriber(authCard).subscribes(trial, incomplete)
		u.cancels()
		u.delivered()
		u.nobodyWatches()
		require.Equal(t, "requires_action", statusOf(u.pending()), "what nobody does without offsession")
	})
}

// nobodyWatches checks that no workflow was started for the subscription.
func (u *subscriber) nobodyWatches() {
	u.t.Helper()
	_, err := temporal.DescribeWorkflowExecution(u.t.Context(), u.workflow(), "")
	var unknown *serviceerror.NotFound
	require.ErrorAs(u.t, err, &unknown)
}

// adoptAll runs the command and answers its counts that are not zero.
func (s *site) adoptAll(args ...string) map[string]any {
	s.t.Helper()
	counts := s.json("dry_run seen subscriptions", append([]string{"subscription", "adopt-all"}, args...)...)
	maps.DeleteFunc(counts, func(name string, count any) bool { return name == "subscriptions" || count == 0.0 })
	return counts
}

// TestSubscriptionAdoptAll: hundreds of subscriptions that exist already are adopted by one command, twice. Each reaches the state that
// it is in at Stripe; when all have been deleted, nothing is left open.
func TestSubscriptionAdoptAll(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	// Only what the test says is heard: their creation is over.
	s.webhooks(stripesandbox.WebhookBehaviour{Mode: stripesandbox.WebhooksLost})
	many := s.subscribeMany(adoptedAtOnce)
	others := s.subscriber(visa).subscribes(trial, incomplete)
	s.webhooks(stripesandbox.WebhookBehaviour{Mode: stripesandbox.WebhooksNormal})

	counts := func(decision string, dry bool) map[string]any {
		return map[string]any{"dry_run": dry, "seen": many.len() + 1, decision: many.len(), "nothing_pending": 1.0}
	}
	require.Equal(t, counts("would_adopt", true), s.adoptAll("--rate", "100"))
	many[0].nobodyWatches()
	require.Equal(t, counts("adopted", false), s.adoptAll("--yes", "--rate", "100"))
	require.Equal(t, counts("watched_already", false), s.adoptAll("--yes", "--rate", "100"))
	others.nobodyWatches()
	many.reach(2 * patience)
	many.end(2 * patience)
}

// subscribers are many of one site.
type subscribers []*subscriber

// subscribeMany makes so many subscriptions that wait: every other one for the bank, the rest for a payment method.
func (s *site) subscribeMany(n int) subscribers {
	s.t.Helper()
	price := []string{"items[0][price]", s.price("unit_amount", strconv.Itoa(subscriptionAmount))}
	many := make(subscribers, n)
	var all errgroup.Group
	all.SetLimit(8)
	for i := range many {
		all.Go(func() error {
			token := ""
			if i%2 == 0 {
				token = authCard
			}
			many[i] = s.subscriber(token).subscribes(trial, incomplete, price)
			return nil
		})
	}
	require.NoError(s.t, all.Wait())
	return many
}

// len is how many they are, as JSON has it.
func (many subscribers) len() float64 { return float64(len(many)) }

// reach waits until each is listed in the state that Stripe says.
func (many subscribers) reach(patience time.Duration) {
	s := many[0].site
	for state, first := range map[workflows.SubscriptionState]int{
		workflows.SubscriptionRequiresAction: 0, workflows.SubscriptionRequiresPaymentMethod: 1,
	} {
		want := map[string]string{}
		for i := first; i < len(many); i += 2 {
			want[many[i].id] = many[i].customer
		}
		query := fmt.Sprintf("WorkflowType = '%s' AND TaskQueue = '%s' AND OffsessionState = '%s'", workflows.TypeDeferredSubscription, s.config.TaskQueue, state)
		require.NoError(s.t, within(patience, func() error {
			count, err := temporal.CountWorkflow(s.t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
			if err == nil && count.GetCount() < int64(len(want)) {
				err = fmt.Errorf("%d of %d are %s", count.GetCount(), len(want), state)
			}
			return err
		}))
		have := map[string]string{}
		for listed, err := range s.client.ListSubscriptions(s.t.Context(), client.SubscriptionFilter{State: state}) {
			require.NoError(s.t, err)
			if _, ours := want[listed.Reference]; ours {
				have[listed.Reference] = listed.Customer
			}
		}
		require.Equal(s.t, want, have)
	}
}

// end deletes all, and waits until the watches have ended and nothing is left open.
func (many subscribers) end(patience time.Duration) {
	s := many[0].site
	var all errgroup.Group
	all.SetLimit(8)
	for _, u := range many {
		all.Go(func() error {
			u.cancels()
			return nil
		})
	}
	require.NoError(s.t, all.Wait())
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	for _, u := range many {
		var ended workflows.DeferredSubscriptionResult
		require.NoError(s.t, temporal.GetWorkflow(ctx, u.workflow(), "").Get(ctx, &ended))
		require.Equal(s.t, workflows.SubscriptionEnded, ended.State)
	}
	for _, setup := range s.paged("/v1/setup_intents") {
		require.Contains(s.t, []any{"succeeded", "canceled"}, setup["status"], "%v", setup)
	}
}

// paged reads a whole list.
func (s *site) paged(path string) []map[string]any {
	s.t.Helper()
	var all []map[string]any
	for after := ""; ; {
		page := s.listed(path + "?limit=100" + after)
		all = append(all, page...)
		if len(page) < 100 {
			return all
		}
		after = fmt.Sprintf("&starting_after=%v", page[99]["id"])
	}
}
