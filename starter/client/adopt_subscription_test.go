package client

import (
	"cmp"
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

// closedAs makes the watch of sub_1 one that has ended like this.
func (b bundle) closedAs(t *testing.T, state workflows.SubscriptionState, reason string) {
	t.Helper()
	b.watch(t, nil, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED).Maybe()
	run := mocks.NewWorkflowRun(t)
	run.On("Get", mock.Anything, mock.Anything).Return(func(_ context.Context, into any) error {
		*into.(*workflows.DeferredSubscriptionResult) = workflows.DeferredSubscriptionResult{State: state, Reason: reason}
		return nil
	}).Maybe()
	b.temporal.On("GetWorkflow", mock.Anything, "subscription:sub_1", "run-existing").Return(run).Maybe()
}

func pending(status activities.SetupIntentStatus) func(*activities.Subscription) {
	return func(s *activities.Subscription) { s.PendingSetupIntent.Status = status }
}

func TestAdoptSubscription(t *testing.T) {
	t.Parallel()
	running := func(t *testing.T, b bundle) { t.Helper(); b.watch(t, nil, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING) }
	closed := func(state workflows.SubscriptionState, reason string) func(*testing.T, bundle) {
		return func(t *testing.T, b bundle) { t.Helper(); b.closedAs(t, state, reason) }
	}
	for _, test := range []struct {
		name   string
		change func(*activities.Subscription)
		before func(*testing.T, bundle) // nil is: never watched
		want   AdoptDecision
	}{
		{"RequiresAction", nil, nil, Adopted},
		{"RequiresPaymentMethod", pending(activities.SetupIntentRequiresPaymentMethod), nil, Adopted},
		{"RequiresConfirmation", pending(activities.SetupIntentRequiresConfirmation), nil, Adopted},
		{"Processing", pending(activities.SetupIntentProcessing), nil, Adopted},
		{"Active", func(s *activities.Subscription) { s.Status = activities.SubscriptionActive }, nil, Adopted},
		{"CanceledWithItsSetupIntentOpen", func(s *activities.Subscription) { s.Status = activities.SubscriptionCanceled }, nil, Adopted},
		{"None", func(s *activities.Subscription) { s.PendingSetupIntent = nil }, nil, AdoptNothingPending},
		{"Succeeded", pending(activities.SetupIntentSucceeded), nil, AdoptNothingPending},
		{"CanceledSetupIntent", pending(activities.SetupIntentCanceled), nil, AdoptNothingPending},
		{"SendInvoice", func(s *activities.Subscription) { s.SendInvoice = true }, nil, AdoptSendInvoice},
		{"Watched", nil, running, AdoptWatchedAlready},
		{"WatchedBeforeAndPaid", nil, closed(workflows.SubscriptionReadyAndPaid, ""), Adopted},
		{"Unwatched", nil, closed(workflows.SubscriptionEnded, workflows.SubscriptionReasonUnwatched), AdoptUnwatched},
		{"EndedAndClosedAsFarAsPossible", pending(activities.SetupIntentProcessing), closed(workflows.SubscriptionEnded, workflows.SubscriptionReasonCanceled), AdoptNothingPending},
		{"Terminated", nil, func(t *testing.T, b bundle) {
			t.Helper()
			b.watch(t, nil, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
		}, Adopted},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t).knows(trialing(test.change))
			if test.before == nil {
				b.knowsNo("subscription:sub_1").Maybe()
			} else {
				test.before(t, b)
			}
			var in *workflows.DeferredSubscriptionInput
			if test.want == Adopted {
				_, in = b.acceptsWatch(t, "sub_1")
			}
			adopted, err := b.AdoptSubscription(t.Context(), "sub_1")
			require.NoError(t, err)
			require.Equal(t, test.want == Adopted, adopted)
			if adopted {
				require.Equal(t, workflows.DeferredSubscriptionInput{Reference: "sub_1", Customer: "cus_1", Policy: dunning.DefaultSubscriptionPolicy()}, *in)
			}
			require.Equal(t, []string{"sub_1"}, b.stripe.reads, "Stripe is asked, once")

			// The list shows the same, and a dry run starts nothing.
			want := test.want
			if want == Adopted {
				want = AdoptWould
			}
			decision, err := b.whetherToAdopt(t.Context(), trialing(test.change))
			require.NoError(t, err)
			require.Equal(t, want, decision)
		})
	}
}

func TestAdoptSubscriptionFails(t *testing.T) {
	t.Parallel()
	t.Run("Invalid", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t).AdoptSubscription(t.Context(), "cus_1")
		mistakesAre(t, err, []string{"subscription", `"cus_1"`})
	})
	t.Run("WithoutStripe", func(t *testing.T) {
		t.Parallel()
		_, err := setup(t, withoutStripe).AdoptSubscription(t.Context(), "sub_1")
		require.ErrorContains(t, err, "sub_1 cannot be adopted, and this client has no Stripe")
	})
	t.Run("UnknownToStripe", func(t *testing.T) {
		t.Parallel()
		adopted, err := setup(t).AdoptSubscription(t.Context(), "sub_1")
		require.NoError(t, err, "an event of another account is no fault")
		require.False(t, adopted)
	})
	t.Run("StartedAtThisMoment", func(t *testing.T) {
		t.Parallel()
		b := setup(t).knows(trialing())
		b.knowsNo("subscription:sub_1").Once()
		b.startTaken()
		b.watch(t, map[string]any{"customer": "cus_1", "policy": "08f4f75230cc"}, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
		adopted, err := b.AdoptSubscription(t.Context(), "sub_1")
		require.NoError(t, err)
		require.False(t, adopted, "another caller was faster")
	})
	t.Run("WatchedWithOtherValuesAtThisMoment", func(t *testing.T) {
		t.Parallel()
		b := setup(t).knows(trialing())
		b.knowsNo("subscription:sub_1").Once()
		b.startTaken()
		b.watch(t, map[string]any{"customer": "cus_1", "description": "Plan Gold"}, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
		adopted, err := b.AdoptSubscription(t.Context(), "sub_1")
		require.NoError(t, err, "whoever watches it, it is watched")
		require.False(t, adopted)
	})
	t.Run("Faults", func(t *testing.T) {
		t.Parallel()
		down := errors.New("down")
		b := setup(t).knows(trialing())
		b.stripe.subErr = map[string]error{"sub_1": down}
		_, err := b.AdoptSubscription(t.Context(), "sub_1")
		require.ErrorIs(t, err, down)

		b = setup(t).knows(trialing())
		b.temporal.On("DescribeWorkflow", mock.Anything, mock.Anything, "").Return(nil, down)
		_, err = b.AdoptSubscription(t.Context(), "sub_1")
		require.ErrorIs(t, err, down)
	})
}

func TestAdoptAll(t *testing.T) {
	t.Parallel()
	named := func(id string, change ...func(*activities.Subscription)) activities.Subscription {
		return trialing(append(change, func(s *activities.Subscription) { s.ID = id })...)
	}
	account := []activities.Subscription{
		named("sub_new"), named("sub_settled", pending(activities.SetupIntentSucceeded)), named("sub_watched"), named("sub_locked"),
		named("sub_invoice", func(s *activities.Subscription) { s.SendInvoice = true }), named("sub_changed"), named("sub_unseen"),
	}
	denied := &activities.StripeError{Kind: activities.StripeUnauthorized}
	arrange := func(t *testing.T) bundle {
		t.Helper()
		b := setup(t).knows(account...)
		b.stripe.listed = account
		// What is listed may be over when it is read.
		b.stripe.subscriptions["sub_changed"] = named("sub_changed", pending(activities.SetupIntentSucceeded))
		b.stripe.subErr = map[string]error{"sub_locked": denied}
		for _, id := range []string{"sub_new", "sub_locked", "sub_changed"} {
			b.knowsNo("subscription:" + id).Maybe()
		}
		b.describes(t, "subscription:sub_watched", nil, "").Maybe().ReturnArguments.Get(0).(*sdk.WorkflowExecutionDescription).Status = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
		b.temporal.On("DescribeWorkflow", mock.Anything, "subscription:sub_unseen", "").Return(nil, serviceerror.NewUnavailable("down")).Maybe()
		return b
	}
	collect := func(b bundle, p AdoptAllParams) (map[string]AdoptDecision, []Adoption) {
		decisions, all := map[string]AdoptDecision{}, []Adoption{}
		for a, err := range b.AdoptAll(t.Context(), p) {
			require.NoError(t, err)
			decisions[a.Subscription] = a.Decision
			all = append(all, a)
		}
		return decisions, all
	}

	t.Run("DryRun", func(t *testing.T) {
		t.Parallel()
		b := arrange(t)
		decisions, all := collect(b, AdoptAllParams{Rate: maxAdoptRate})
		require.Equal(t, map[string]AdoptDecision{
			"sub_new": AdoptWould, "sub_settled": AdoptNothingPending, "sub_watched": AdoptWatchedAlready, "sub_locked": AdoptWould,
			"sub_invoice": AdoptSendInvoice, "sub_changed": AdoptWould, "sub_unseen": AdoptFailed,
		}, decisions)
		require.Equal(t, Adoption{
			Subscription: "sub_new", Decision: AdoptWould, Customer: "cus_1", Status: activities.SubscriptionTrialing,
			PendingSetupIntent: "seti_1", SetupIntentStatus: activities.SetupIntentRequiresAction,
		}, all[0])
		require.Empty(t, b.stripe.reads, "the list is enough")
	})
	t.Run("Start", func(t *testing.T) {
		t.Parallel()
		b := arrange(t)
		b.acceptsWatch(t, "sub_new")
		decisions, all := collect(b, AdoptAllParams{Start: true, Rate: maxAdoptRate})
		require.Equal(t, map[string]AdoptDecision{
			"sub_new": Adopted, "sub_settled": AdoptNothingPending, "sub_watched": AdoptWatchedAlready, "sub_locked": AdoptFailed,
			"sub_invoice": AdoptSendInvoice, "sub_changed": AdoptNothingPending, "sub_unseen": AdoptFailed,
		}, decisions, "what fails does not keep the rest from being adopted")
		require.Equal(t, "stripe_unauthorized", all[3].Code)
		require.ErrorIs(t, all[3].Err, denied)
		require.Equal(t, "temporal", all[6].Code)
		require.Equal(t, []string{"sub_new", "sub_locked", "sub_changed"}, b.stripe.reads, "only what might be adopted is read")
	})
	t.Run("ListFails", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.stripe.listed, b.stripe.listErr = account[1:2], denied
		var seen []string
		for a, err := range b.AdoptAll(t.Context(), AdoptAllParams{}) {
			if err != nil {
				require.ErrorIs(t, err, denied)
				require.ErrorContains(t, err, "list Stripe's subscriptions")
				break
			}
			seen = append(seen, a.Subscription)
		}
		require.Equal(t, []string{"sub_settled"}, seen)
	})
	t.Run("Interrupted", func(t *testing.T) {
		t.Parallel()
		b := arrange(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		seen := 0
		for _, err := range b.AdoptAll(ctx, AdoptAllParams{Start: true}) {
			seen++
			require.ErrorIs(t, err, context.Canceled, "it stops, and does not call all the rest failed")
		}
		require.Equal(t, 1, seen)
	})
	t.Run("Left", func(t *testing.T) {
		t.Parallel()
		for range arrange(t).AdoptAll(t.Context(), AdoptAllParams{}) {
			break
		}
	})
}

// Requests to Stripe keep their distance, those for a page and those for a single subscription alike. The second one would be
// hours away here.
func TestAdoptAllKeepsItsPace(t *testing.T) {
	t.Parallel()
	settled := trialing(func(s *activities.Subscription) { s.PendingSetupIntent = nil })
	slowly := func(b bundle, listed ...activities.Subscription) (seen int, stopped error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		b.stripe.listed = listed
		for a, err := range b.AdoptAll(ctx, AdoptAllParams{Start: true, Rate: 1.0 / 7200}) {
			if stopped = cmp.Or(err, a.Err); stopped != nil {
				return seen, stopped
			}
			seen++
		}
		return seen, nil
	}
	seen, err := slowly(setup(t), settled, settled, settled, settled, settled)
	require.ErrorContains(t, err, "would exceed context deadline")
	require.Equal(t, 4, seen, "two pages")

	b := setup(t).knows(trialing())
	b.knowsNo("subscription:sub_1")
	_, err = slowly(b, trialing())
	require.ErrorContains(t, err, "would exceed context deadline")
	require.Equal(t, []string{"sub_1"}, b.stripe.reads, "the customer is not read any more")
}

func TestAdoptAllRefuses(t *testing.T) {
	t.Parallel()
	only := func(b bundle, p AdoptAllParams) error {
		for _, err := range b.AdoptAll(t.Context(), p) {
			return err
		}
		return nil
	}
	for _, rate := range []float64{-1, 101, math.NaN(), math.Inf(1)} {
		mistakesAre(t, only(setup(t), AdoptAllParams{Rate: rate}), []string{"rate", "must be requests per second, more than 0 and at most 100"})
	}
	var refused *RefusedError
	require.ErrorAs(t, only(setup(t, withoutStripe), AdoptAllParams{}), &refused)

	down := errors.New("down")
	b := setup(t)
	b.connection = connection{dial: func(context.Context) (sdk.Client, error) { return nil, down }}
	require.ErrorIs(t, only(b, AdoptAllParams{}), down, "not once per subscription")
}
