package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/workflows"
)

// What watching a subscription on trial costs, from the start to its first paid invoice, with every event of Stripe's coming by
// webhook. Those that come together are followed by one reading.
const (
	mostRestEvents, mostRestActions   = 12, 3
	mostQuietEvents, mostQuietActions = 45, 15
	mostAskedEvents, mostAskedActions = 110, 30
)

// TestSizeOfASubscription counts the history of one that needs nothing until it is paid, and of one whose card needs 3D Secure.
func TestSizeOfASubscription(t *testing.T) {
	t.Parallel()
	t.Run("needs nothing", func(t *testing.T) {
		t.Parallel()
		u := newSite(t, siteOptions{}).onTestClock(visa).subscribes(trial, incomplete)
		u.delivered()
		u.watched().is(workflows.SubscriptionNoActionNeeded, "")
		u.costs(mostRestEvents, mostRestActions)
		u.passes(invoiced)
		u.ends(workflows.SubscriptionReadyAndPaid, "")
		u.costs(mostQuietEvents, mostQuietActions)
	})
	t.Run("3D Secure", func(t *testing.T) {
		t.Parallel()
		u := newSite(t, siteOptions{}).onTestClock(setupAuthCard).subscribes(trial, incomplete)
		u.delivered()
		link := u.watched().mail(u.reference, 1)
		require.Equal(t, http.StatusOK, u.asksBank(link, stripesandbox.AuthenticationPassed))
		require.Equal(t, "done", u.press(link).Answer)
		u.passes(invoiced)
		u.ends(workflows.SubscriptionReadyAndPaid, "")
		u.costs(mostAskedEvents, mostAskedActions)
	})
}

// costs waits until nothing is under way, and counts.
func (u *subscriber) costs(mostEvents, mostActions int) {
	u.t.Helper()
	u.delivered()
	u.settled(u.workflow())
	var events []*historypb.HistoryEvent
	eventually(u.t, func() error {
		before := len(events)
		if events = u.history(u.workflow(), ""); len(events) != before {
			return errNotYet
		}
		return nil
	})
	list(u.t, events)
	require.LessOrEqual(u.t, len(events), mostEvents)
	require.LessOrEqual(u.t, actions(events), mostActions)
}
