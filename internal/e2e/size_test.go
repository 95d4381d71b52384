package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// A payment that succeeds at once is what Temporal stores most of.
const (
	mostEvents = 12
	mostBytes  = 2560
)

// TestSizeOfAPaymentThatSucceedsAtOnce is with the default policy, started as the README starts one.
func TestSizeOfAPaymentThatSucceedsAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	// Stripe's webhooks come after its answer. Each that finds the payment still running is one event more.
	s.webhooks(stripesandbox.WebhookBehaviour{Mode: stripesandbox.WebhooksDelayed, DelayMS: 5000})
	reference := nextReference("order")
	customer, method := s.customerWith(reference, visa)
	s.start(client.PaymentParams{
		Reference: reference, Customer: customer, PaymentMethod: method, Amount: 1099, Currency: "usd", Description: "Plan, January",
	})
	s.ended(reference, workflows.PaymentPaid)
	require.NoError(t, temporal.GetWorkflow(t.Context(), workflows.PaymentID(reference), "").Get(t.Context(), nil))
	description, err := temporal.DescribeWorkflowExecution(t.Context(), workflows.PaymentID(reference), "")
	require.NoError(t, err)
	info := description.GetWorkflowExecutionInfo()
	t.Logf("%d events, %d bytes", info.GetHistoryLength(), info.GetHistorySizeBytes())
	if testing.Verbose() {
		history, err := historyOf(t.Context(), workflows.PaymentID(reference), "")
		require.NoError(t, err)
		for _, event := range history.GetEvents() {
			t.Logf("%3d %-45s %d bytes", event.GetEventId(), event.GetEventType(), event.Size())
		}
	}
	require.LessOrEqual(t, info.GetHistoryLength(), int64(mostEvents))
	require.LessOrEqual(t, info.GetHistorySizeBytes(), int64(mostBytes))
}
