package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// A payment that succeeds at once is what Temporal stores most of.
const (
	mostEvents = 12
	mostBytes  = 2560
)

// TestSizeOfAPaymentThatSucceedsAtOnce counts the history of payments with the default policy, started as apps do. With
// -v it shows where the bytes are.
func TestSizeOfAPaymentThatSucceedsAtOnce(t *testing.T) {
	t.Parallel()
	// The queue's name stands in four events: as long as the default's.
	s := newSite(t, siteOptions{change: func(c *config.Config) { c.TaskQueue = "size-tests" }})
	// Stripe's webhooks come after its answer. Each that finds the payment still running is one event more.
	s.webhooks(stripesandbox.WebhookBehaviour{Mode: stripesandbox.WebhooksDelayed, DelayMS: 5000})
	for name, named := range map[string]bool{"a method and a description": true, "the customer's default": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s.with(t)
			p := client.PaymentParams{Reference: nextReference("order"), Amount: 1099, Currency: "usd"}
			var method string
			p.Customer, method = s.customerWith(p.Reference, visa)
			if named {
				p.PaymentMethod, p.Description = method, "Plan, January"
			} else {
				s.stripe(http.MethodPost, "/v1/customers/"+p.Customer, form("invoice_settings[default_payment_method]", method))
			}
			s.start(p)
			s.ended(p.Reference, workflows.PaymentPaid)
			id := workflows.PaymentID(p.Reference)
			require.NoError(t, temporal.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil))
			description, err := temporal.DescribeWorkflowExecution(t.Context(), id, "")
			require.NoError(t, err)
			history, err := historyOf(t.Context(), id, "")
			require.NoError(t, err)
			for _, event := range history.GetEvents() {
				t.Logf("%3d %-45s %5d bytes", event.GetEventId(), event.GetEventType(), event.Size())
			}
			info := description.GetWorkflowExecutionInfo()
			t.Logf("%d events, %d bytes", info.GetHistoryLength(), info.GetHistorySizeBytes())
			require.LessOrEqual(t, info.GetHistoryLength(), int64(mostEvents))
			require.LessOrEqual(t, info.GetHistorySizeBytes(), int64(mostBytes))
		})
	}
}
