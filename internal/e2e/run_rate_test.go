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

// TestRunIsRateLimited: Stripe allows less than was asked for. The run slows down, loses nothing, and comes back when Stripe
// answers again.
func TestRunIsRateLimited(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{withoutWeb: true})
	r := s.bill(s.rows(120, exceptions...))
	r.Rate, r.PageSize, r.Window = 100, 20, 2
	s.fault(stripesandbox.Fault{Method: http.MethodPost, Path: "/v1/payment_intents", Kind: stripesandbox.FaultRateLimit, Times: 4})
	r.start()
	r.has(func(shown client.Run) error {
		if shown.RateLimited == 0 || shown.Rate >= shown.WantedRate {
			return fmt.Errorf("not slower yet")
		}
		return nil
	})
	shown := r.ends(workflows.RunCompleted, patience)
	require.InDelta(t, 100, shown.WantedRate, 0)
	require.Less(t, shown.Rate, 100.0)
	report := r.accounts(shown)
	as(t, report)
	r.handedOver(report)
}
