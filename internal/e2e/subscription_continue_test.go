package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/devstack"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/workflows"
)

// TestSubscriptionContinuesAsNew: on a server that wants short histories a subscription goes from run to run: while its customer is
// asked, has Checkout open, and is ready.
func TestSubscriptionContinuesAsNew(t *testing.T) {
	t.Parallel()
	server, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{
		SearchAttributes: workflows.SearchAttributeKeys(), Log: logFile, DynamicConfig: []string{"limit.historyCount.suggestContinueAsNew=10"},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Stop() })
	tc, err := sdk.Dial(sdk.Options{HostPort: server.Address, Namespace: server.Namespace, Logger: logger("test")})
	require.NoError(t, err)
	t.Cleanup(tc.Close)
	s := newSite(t, siteOptions{change: func(c *config.Config) { c.Temporal.HostPort = server.Address }})

	u := s.onTestClock(authCard).subscribes(trial, incomplete)
	pending := u.pending()["id"]
	link := u.watched().mail(u.reference, 1)
	// nextRun is what follows an event that comes while nothing else is under way.
	nextRun := func() {
		t.Helper()
		before := settledOn(t, tc, u.workflow())
		eventually(t, func() error {
			u.stripe(http.MethodPost, "/v1/subscriptions/"+u.id, form("metadata[again]", nextReference("again")))
			u.delivered()
			if settledOn(t, tc, u.workflow()) == before {
				return errNotYet
			}
			return nil
		})
	}
	nextRun()
	u.is(workflows.SubscriptionRequiresAction, workflows.NeedConfirmation)
	require.Equal(t, http.StatusPaymentRequired, u.asksBank(link, stripesandbox.AuthenticationFailed))
	session := u.press(link).SessionID
	nextRun()
	require.Equal(t, session, u.press(link).SessionID)
	u.pay(session, purchase{Number: goodCard})
	u.is(workflows.SubscriptionReady, "")
	nextRun()
	u.delivered()
	u.passes(invoiced)
	require.GreaterOrEqual(t, recordFrom(t, tc, u.workflow(), "deferred_subscription_new_card_continued"), 4)
	u.is(workflows.SubscriptionReadyAndPaid, "")
	u.closed()
	u.succeededOnce(pending)
	u.wroteOnce(true)
	require.Equal(t, 1, u.mails())
}
