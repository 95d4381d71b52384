package client

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

// trialing is a subscription whose pending SetupIntent waits for its customer.
func trialing(change ...func(*activities.Subscription)) activities.Subscription {
	sub := activities.Subscription{
		ID: "sub_1", Customer: "cus_1", Status: activities.SubscriptionTrialing, Currency: "usd",
		PendingSetupIntent: &activities.SetupIntent{ID: "seti_1", Status: activities.SetupIntentRequiresAction},
	}
	for _, c := range change {
		if c != nil {
			c(&sub)
		}
	}
	return sub
}

// knows makes Stripe know these subscriptions.
func (b bundle) knows(subs ...activities.Subscription) bundle {
	b.stripe.subscriptions = map[string]activities.Subscription{}
	for _, sub := range subs {
		b.stripe.subscriptions[sub.ID] = sub
	}
	return b
}

// watch makes Temporal know a watch of sub_1 in this status, with this memo.
func (b bundle) watch(t *testing.T, input any, status enumspb.WorkflowExecutionStatus) *mock.Call {
	t.Helper()
	call := b.describes(t, "subscription:sub_1", input, "requires_action")
	call.ReturnArguments.Get(0).(*sdk.WorkflowExecutionDescription).Status = status
	return call
}

// startWatch lets Temporal accept one start and hands back what was sent.
func startWatch(t *testing.T, b bundle, p WatchSubscriptionParams) (sdk.StartWorkflowOptions, workflows.DeferredSubscriptionInput) {
	t.Helper()
	options, in := b.acceptsWatch(t, "sub_1")
	started, err := b.WatchSubscription(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, Started{WorkflowID: "subscription:sub_1", RunID: "run-1"}, started.Started)
	return *options, *in
}

func (b bundle) acceptsWatch(t *testing.T, id string) (*sdk.StartWorkflowOptions, *workflows.DeferredSubscriptionInput) {
	t.Helper()
	run := mocks.NewWorkflowRun(t)
	run.On("GetID").Return("subscription:" + id)
	run.On("GetRunID").Return("run-1")
	var (
		options sdk.StartWorkflowOptions
		in      workflows.DeferredSubscriptionInput
	)
	ours := mock.MatchedBy(func(o sdk.StartWorkflowOptions) bool { return o.ID == "subscription:"+id })
	b.temporal.On("ExecuteWorkflow", mock.Anything, ours, workflows.TypeDeferredSubscription, mock.Anything).Return(run, nil).Once().Run(func(args mock.Arguments) {
		options, in = args.Get(1).(sdk.StartWorkflowOptions), args.Get(3).(workflows.DeferredSubscriptionInput)
	})
	return &options, &in
}

func (b bundle) startTaken() *mock.Call {
	return b.temporal.On("ExecuteWorkflow", mock.Anything, mock.Anything, workflows.TypeDeferredSubscription, mock.Anything).Return(nil, errAlreadyStarted)
}

func TestWatchSubscription(t *testing.T) {
	t.Parallel()
	policy := dunning.DefaultSubscriptionPolicy()
	policy.AtRisk = dunning.Days(5)
	options, in := startWatch(t, setup(t).knows(trialing()), WatchSubscriptionParams{
		Subscription: "sub_1", DefaultOn: workflows.DefaultOnCustomer, PaymentMethodTypes: []string{"card", "sepa_debit"}, Description: "Plan Gold",
		TimeZone: "Europe/Berlin", CheckoutUI: activities.CheckoutUIHosted, Policy: &policy,
	})
	require.Equal(t, workflows.DeferredSubscriptionInput{
		Reference: "sub_1", Customer: "cus_1", DefaultOn: workflows.DefaultOnCustomer, PaymentMethodTypes: []string{"card", "sepa_debit"},
		CheckoutUI: activities.CheckoutUIHosted, TimeZone: "Europe/Berlin", Description: "Plan Gold", Policy: policy,
	}, in)
	require.Equal(t, "subscription:sub_1", options.ID)
	require.Equal(t, "offsession", options.TaskQueue)
	require.Equal(t, enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL, options.WorkflowIDConflictPolicy)
	require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, options.WorkflowIDReusePolicy)
	require.True(t, options.WorkflowExecutionErrorWhenAlreadyStarted)
	require.Nil(t, options.RetryPolicy)
	require.Zero(t, options.WorkflowExecutionTimeout)
	require.Equal(t, "watch a subscription, cus_1", options.StaticSummary)
	customer, _ := options.TypedSearchAttributes.GetKeyword(workflows.SearchCustomer)
	require.Equal(t, "cus_1", customer)

	options, in = startWatch(t, setup(t).knows(trialing()), WatchSubscriptionParams{Subscription: "sub_1"})
	require.Equal(t, workflows.DeferredSubscriptionInput{Reference: "sub_1", Customer: "cus_1", Policy: dunning.DefaultSubscriptionPolicy()}, in)
	memo, err := json.Marshal(options.Memo)
	require.NoError(t, err)
	require.JSONEq(t, `{"offsession_input":{"customer":"cus_1","policy":"08f4f75230cc"}}`, string(memo), "the memo is carried through years of runs: it holds little")
}

func TestWatchSubscriptionResolves(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, customer, given, ours, want string
	}{
		{"Given", "cus_berlin", "Asia/Tokyo", "Asia/Seoul", "Asia/Tokyo"},
		{"Customer", "cus_berlin", "", "Asia/Seoul", "Europe/Berlin"},
		{"Ours", "cus_1", "", "Asia/Seoul", "Asia/Seoul"},
		{"Nobody", "cus_1", "", "", ""}, // which is UTC
		{"DeletedAtThisMoment", "cus_deleted", "", "Asia/Seoul", "Asia/Seoul"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *Options) { o.TimeZone = test.ours })
			b.knows(trialing(func(s *activities.Subscription) { s.Customer = test.customer }))
			_, in := startWatch(t, b, WatchSubscriptionParams{Subscription: "sub_1", TimeZone: test.given})
			require.Equal(t, test.want, in.TimeZone)
			require.Equal(t, test.customer, in.Customer)
		})
	}
	t.Run("CheckoutUI", func(t *testing.T) {
		t.Parallel()
		_, in := startWatch(t, setup(t, func(o *Options) { o.CheckoutUI = activities.CheckoutUIHosted }).knows(trialing()), WatchSubscriptionParams{Subscription: "sub_1"})
		require.Equal(t, activities.CheckoutUIHosted, in.CheckoutUI)
	})
}

func TestWatchSubscriptionLinks(t *testing.T) {
	t.Parallel()
	link := func(sub activities.Subscription, options ...func(*Options)) string {
		b := setup(t, options...).knows(sub)
		b.acceptsWatch(t, "sub_1")
		started, err := b.WatchSubscription(t.Context(), WatchSubscriptionParams{Subscription: "sub_1"})
		require.NoError(t, err)
		return started.Link
	}
	expires := func(from time.Time) string {
		return "https://pay.example.com/c/subscription:sub_1/" + from.Add(linkFor).UTC().Format(time.DateOnly)
	}
	end := time.Now().AddDate(0, 0, 14)
	require.Equal(t, expires(end), link(trialing(func(s *activities.Subscription) { s.TrialEnd = end })), "the customer may come at the end of the trial")
	before := time.Now()
	require.Contains(t, []string{expires(before), expires(time.Now())}, link(trialing(func(s *activities.Subscription) { s.TrialEnd = before.AddDate(0, -2, 0) })))
	require.Empty(t, link(trialing(), func(o *Options) { o.Links = nil }))
}

// What Stripe shows of a subscription when it is watched.
func TestWatchSubscriptionAtStripe(t *testing.T) {
	t.Parallel()
	ended := func(status activities.SubscriptionStatus) func(*activities.Subscription) {
		return func(s *activities.Subscription) { s.Status = status }
	}
	for _, test := range []struct {
		name    string
		change  func(*activities.Subscription)
		refused string // "" is: watched
	}{
		{"Trialing", nil, ""},
		{"NothingPending", func(s *activities.Subscription) { s.PendingSetupIntent = nil }, ""},
		{"SetupIntentCanceledBySomebody", func(s *activities.Subscription) { s.PendingSetupIntent.Status = activities.SetupIntentCanceled }, ""},
		{"Incomplete", ended(activities.SubscriptionIncomplete), ""},
		{"Paused", ended(activities.SubscriptionPaused), ""},
		{"Unpaid", ended(activities.SubscriptionUnpaid), ""},
		{"Canceled", ended(activities.SubscriptionCanceled), "sub_1 has ended (canceled): there is nothing to watch"},
		{"IncompleteExpired", ended(activities.SubscriptionIncompleteExpired), "sub_1 has ended (incomplete_expired): there is nothing to watch"},
		{"SendInvoice", func(s *activities.Subscription) { s.SendInvoice = true }, "sub_1 has collection_method send_invoice: Stripe charges no payment method for it"},
		{"CustomerDeleted", func(s *activities.Subscription) { s.CustomerDeleted = true }, "the customer of sub_1, cus_1, was deleted in Stripe"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t).knows(trialing(test.change))
			if test.refused == "" {
				_, _ = startWatch(t, b, WatchSubscriptionParams{Subscription: "sub_1"})
				return
			}
			b.knowsNo("subscription:sub_1")
			_, err := b.WatchSubscription(t.Context(), WatchSubscriptionParams{Subscription: "sub_1"})
			var refused *RefusedError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, test.refused, refused.Message)
		})
	}
	t.Run("Unknown", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.knowsNo("subscription:sub_1")
		_, err := b.WatchSubscription(t.Context(), WatchSubscriptionParams{Subscription: "sub_1"})
		mistakesAre(t, err, []string{"subscription", `"sub_1"; Stripe has no such subscription under this key`})
	})
	t.Run("Fault", func(t *testing.T) {
		t.Parallel()
		b := setup(t).knows(trialing())
		down := &activities.StripeError{Kind: activities.StripeUnknown}
		b.stripe.subErr = map[string]error{"sub_1": down}
		_, err := b.WatchSubscription(t.Context(), WatchSubscriptionParams{Subscription: "sub_1"})
		require.ErrorIs(t, err, down)
		require.False(t, isInvalid(err))

		b = setup(t).knows(trialing())
		b.stripe.err = down
		_, err = b.WatchSubscription(t.Context(), WatchSubscriptionParams{Subscription: "sub_1"})
		require.ErrorIs(t, err, down, "the customer's time zone is frozen at the start: it is not guessed")
	})
	t.Run("WithoutStripe", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t, withoutStripe).WatchSubscription(t.Context(), WatchSubscriptionParams{Subscription: "sub_1"})
		var refused *RefusedError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, "sub_1 cannot be watched: only Stripe knows its customer, and this client has no Stripe; set STRIPE_API_KEY, or Options.Stripe", refused.Message)
	})
}

func TestWatchSubscriptionInvalid(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		p    WatchSubscriptionParams
		want []string // field and part of the message, one pair per mistake
	}{
		{"Nothing", WatchSubscriptionParams{}, []string{"subscription", `""; must be the id of a Stripe subscription, sub_…`}},
		{"Other", WatchSubscriptionParams{Subscription: "cus_1"}, []string{"subscription", `"cus_1"`}},
		{"Space", WatchSubscriptionParams{Subscription: "sub_1 "}, []string{"subscription", `"sub_1 "`}},
		{"Long", WatchSubscriptionParams{Subscription: "sub_" + strings.Repeat("1", 117)}, []string{"subscription", `"sub_1`}},
		{"DefaultOn", WatchSubscriptionParams{Subscription: "sub_1", DefaultOn: "both"}, []string{"default_on", `"both"; must be one of subscription, customer`}},
		{"Type", WatchSubscriptionParams{Subscription: "sub_1", PaymentMethodTypes: []string{"card", "Karte!"}}, []string{"payment_method_types", `"Karte!"`}},
		{"TimeZone", WatchSubscriptionParams{Subscription: "sub_1", TimeZone: "Mars"}, []string{"time_zone", `"Mars"`}},
		{"CheckoutUI", WatchSubscriptionParams{Subscription: "sub_1", CheckoutUI: "embedded"}, []string{"checkout_ui", `"embedded"`}},
		{"Description", WatchSubscriptionParams{Subscription: "sub_1", Description: "a\nb"}, []string{"description", "on one line"}},
		{"Policy", WatchSubscriptionParams{Subscription: "sub_1", Policy: &dunning.SubscriptionPolicy{AtRisk: dunning.Days(-1)}}, []string{"policy.at_risk", "policy.at_risk: -1d; must be more than 0"}},
		{"AllAtOnce", WatchSubscriptionParams{DefaultOn: "x", TimeZone: "Mars", Policy: &dunning.SubscriptionPolicy{Reminders: []dunning.Duration{dunning.Days(91)}}},
			[]string{"subscription", "", "default_on", "", "time_zone", "", "policy.reminders[0]", "91d", "policy.at_risk", "0s"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			_, err := b.WatchSubscription(t.Context(), test.p)
			mistakesAre(t, err, test.want)
			require.Empty(t, b.stripe.reads, "nobody is asked")
		})
	}
}

func TestWatchSubscriptionAgain(t *testing.T) {
	t.Parallel()
	params := func(change func(*WatchSubscriptionParams)) WatchSubscriptionParams {
		p := WatchSubscriptionParams{Subscription: "sub_1", Description: "Plan Gold"}
		if change != nil {
			change(&p)
		}
		return p
	}
	for _, test := range []struct {
		name        string
		before, now func(*WatchSubscriptionParams)
		want        string // "" is: the same watch
	}{
		{"Same", nil, nil, ""},
		{"SameInOtherWords", nil, func(p *WatchSubscriptionParams) {
			d := dunning.DefaultSubscriptionPolicy()
			p.DefaultOn, p.PaymentMethodTypes, p.TimeZone, p.CheckoutUI, p.Policy = workflows.DefaultOnSubscription, []string{"card"}, "UTC", activities.CheckoutUICustom, &d
		}, ""},
		{"DefaultOn", nil, func(p *WatchSubscriptionParams) { p.DefaultOn = workflows.DefaultOnCustomer }, `default_on: it was "subscription", now it is "customer"`},
		{"Description", nil, func(p *WatchSubscriptionParams) { p.Description = "" }, `description: it was "Plan Gold", now it is not set`},
		{"Types", func(p *WatchSubscriptionParams) { p.PaymentMethodTypes = []string{"card", "link"} }, nil, `payment_method_types: it was ["card","link"], now it is ["card"]`},
		{"Policy", nil, func(p *WatchSubscriptionParams) { p.Policy = &dunning.SubscriptionPolicy{AtRisk: dunning.Days(1)} }, "policy: it was "},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			options, _ := startWatch(t, setup(t).knows(trialing()), params(test.before))
			memo := options.Memo[workflows.MemoInput]
			check := func(b bundle) {
				started, err := b.WatchSubscription(t.Context(), params(test.now))
				if test.want == "" {
					require.NoError(t, err)
					require.Equal(t, Started{WorkflowID: "subscription:sub_1", RunID: "run-existing", AlreadyStarted: true}, started.Started)
					require.NotEmpty(t, started.Link)
					return
				}
				var refused *RefusedError
				require.ErrorAs(t, err, &refused)
				require.Contains(t, refused.Message, "sub_1 is watched already, with another "+test.want)
			}
			b := setup(t).knows(trialing())
			b.startTaken()
			b.watch(t, memo, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
			check(b)

			// What became of the subscription since makes no difference, while the watch is open.
			canceled := trialing(func(s *activities.Subscription) { s.Status = activities.SubscriptionCanceled })
			for _, b := range []bundle{setup(t).knows(canceled), setup(t)} {
				b.watch(t, memo, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
				check(b)
			}
		})
	}
	t.Run("Zone", func(t *testing.T) {
		t.Parallel()
		berlin := trialing(func(s *activities.Subscription) { s.Customer = "cus_berlin" })
		options, _ := startWatch(t, setup(t).knows(berlin), params(nil))
		deleted := berlin
		deleted.CustomerDeleted = true
		b := setup(t).knows(deleted)
		b.watch(t, options.Memo[workflows.MemoInput], enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
		started, err := b.WatchSubscription(t.Context(), params(nil))
		require.NoError(t, err, "the zone of a customer who is gone is not compared")
		require.True(t, started.AlreadyStarted)
		_, err = b.WatchSubscription(t.Context(), params(func(p *WatchSubscriptionParams) { p.TimeZone = "Asia/Tokyo" }))
		require.ErrorContains(t, err, `another time_zone: it was "Europe/Berlin", now it is "Asia/Tokyo"`)
	})
}

// A watch that has ended leaves the id to the next one, whatever it was started with.
func TestWatchSubscriptionAfterAnother(t *testing.T) {
	t.Parallel()
	other := map[string]any{"customer": "cus_other"}
	p := WatchSubscriptionParams{Subscription: "sub_1"}

	t.Run("EndsAtThisMoment", func(t *testing.T) {
		t.Parallel()
		b := setup(t).knows(trialing())
		b.startTaken().Once()
		b.watch(t, other, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
		_, _ = startWatch(t, b, p)
	})
	t.Run("AgainAndAgain", func(t *testing.T) {
		t.Parallel()
		b := setup(t).knows(trialing())
		b.startTaken()
		b.watch(t, other, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
		_, err := b.WatchSubscription(t.Context(), p)
		require.ErrorContains(t, err, "watches of it begin and end at this moment; ask again")
	})
	t.Run("RefusedByStripe", func(t *testing.T) {
		t.Parallel()
		b := setup(t).knows(trialing(func(s *activities.Subscription) { s.Status = activities.SubscriptionCanceled }))
		b.watch(t, map[string]any{"customer": "cus_1"}, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
		_, err := b.WatchSubscription(t.Context(), p)
		require.ErrorContains(t, err, "has ended (canceled)")
	})
	t.Run("NotOurs", func(t *testing.T) {
		t.Parallel()
		b := setup(t).knows(trialing())
		b.startTaken()
		b.watch(t, nil, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
		_, err := b.WatchSubscription(t.Context(), p)
		var refused *RefusedError
		require.ErrorAs(t, err, &refused)
		require.Contains(t, refused.Message, "was not started by offsession")
	})
	t.Run("TemporalDown", func(t *testing.T) {
		t.Parallel()
		down := errors.New("down")
		b := setup(t).knows(trialing())
		b.temporal.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil, down)
		_, err := b.WatchSubscription(t.Context(), p)
		require.ErrorIs(t, err, down)
		require.ErrorContains(t, err, "start subscription:sub_1")
	})
}
