package e2e

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// Whoever asks to watch a subscription first begins the watch; everybody else gets that one, or hears what is different. When
// it has ended, another one can begin.
func TestSubscriptionIsWatchedOnce(t *testing.T) {
	t.Parallel()
	u := newSite(t, siteOptions{}).subscriber("").subscribes(trial, incomplete)
	p := client.WatchSubscriptionParams{Subscription: u.id, Description: "Tea club"}
	const callers = 8
	var (
		all    sync.WaitGroup
		starts [callers]client.WatchedSubscription
		errs   [callers]error
	)
	for i := range callers {
		all.Go(func() { starts[i], errs[i] = u.client.WatchSubscription(t.Context(), p) })
	}
	all.Wait()
	require.NoError(t, errors.Join(errs[:]...))
	first := 0
	for _, started := range starts {
		require.Equal(t, starts[0].RunID, started.RunID)
		if !started.AlreadyStarted {
			first++
		}
	}
	require.Equal(t, 1, first)
	u.is(workflows.SubscriptionRequiresPaymentMethod, workflows.NeedPaymentMethod)

	_, err := u.client.WatchSubscription(t.Context(), client.WatchSubscriptionParams{Subscription: u.id, DefaultOn: workflows.DefaultOnCustomer})
	isRefused(t, err, `is watched already, with another default_on: it was "subscription", now it is "customer"`)

	op := client.Operation{Actor: "test", Reason: "moved by hand"}
	answer, err := u.client.UnwatchSubscription(t.Context(), u.id, op)
	require.NoError(t, err)
	require.Equal(t, "ended", answer.State)
	shown := u.ends(workflows.SubscriptionEnded, workflows.SubscriptionReasonUnwatched)
	require.Empty(t, shown.Link)
	require.Equal(t, "requires_payment_method", u.pending()["status"], "it stays as it is")
	_, err = u.client.UnwatchSubscription(t.Context(), u.id, op)
	isRefused(t, err, "has ended")

	adopted, err := u.client.AdoptSubscription(t.Context(), u.id)
	require.NoError(t, err)
	require.False(t, adopted, "somebody did not want it watched")
	again, err := u.client.WatchSubscription(t.Context(), client.WatchSubscriptionParams{Subscription: u.id, DefaultOn: workflows.DefaultOnCustomer})
	require.NoError(t, err)
	require.False(t, again.AlreadyStarted)
	require.NotEqual(t, starts[0].RunID, again.RunID)
	u.is(workflows.SubscriptionRequiresPaymentMethod, workflows.NeedPaymentMethod)

	u.cancels()
	u.ends(workflows.SubscriptionEnded, workflows.SubscriptionReasonCanceled)
	u.closed()
}

func isRefused(t *testing.T, err error, message string) {
	t.Helper()
	var refused *client.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Contains(t, refused.Message, message)
}
