package service_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdk "go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/devstack"
	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/worker/service"
	"github.com/offsession/offsession/workflows"
)

// TestOpenRuns: what a real server's visibility says of the runs and payments that have not ended, as they are started.
func TestOpenRuns(t *testing.T) {
	t.Parallel()
	server, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{SearchAttributes: workflows.SearchAttributeKeys()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Stop() })
	tc, err := sdk.Dial(sdk.Options{
		HostPort: server.Address, Namespace: server.Namespace, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	require.NoError(t, err)
	t.Cleanup(tc.Close)

	start := func(reference string, state workflows.RunState, rate float64, concurrent bool, changed ...float64) {
		in := workflows.BillingRunInput{Reference: reference, Manifest: "file:///july.csv", Rate: rate, Concurrent: concurrent}
		options, err := starts.Run(in, "nobody")
		require.NoError(t, err)
		options.TypedSearchAttributes = temporal.NewSearchAttributes(options.TypedSearchAttributes.Copy(), workflows.SearchState.ValueSet(string(state)))
		for _, rate := range changed {
			options.Memo[workflows.MemoRate] = rate
		}
		_, err = tc.ExecuteWorkflow(t.Context(), options, workflows.TypeBillingRun, in)
		require.NoError(t, err)
	}
	before := time.Now().Add(-time.Minute)
	start("slow", workflows.RunCharging, 2.5, false)
	start("beside", workflows.RunQueued, 5, true)
	start("whole", workflows.RunValidating, 0, false)
	start("changed", workflows.RunCharging, 15, false, 4)
	start("gone", workflows.RunCharging, 1, false)
	require.NoError(t, tc.TerminateWorkflow(t.Context(), workflows.BillingRunID("gone"), "", "test"))
	_, err = tc.ExecuteWorkflow(t.Context(), sdk.StartWorkflowOptions{ID: workflows.PaymentID("slow"), TaskQueue: "nobody"}, workflows.TypeCollectPayment)
	require.NoError(t, err)

	ours := service.NewWorkflows(tc)
	var open []activities.OpenRun
	require.Eventually(t, func() bool {
		open, err = ours.OpenRuns(t.Context())
		return err == nil && len(open) == 4
	}, time.Minute, 50*time.Millisecond, "%v %v", open, err)
	byReference := map[string]activities.OpenRun{}
	for _, run := range open {
		require.WithinRange(t, run.StartedAt, before, time.Now().Add(time.Minute))
		run.StartedAt = time.Time{}
		byReference[run.Reference] = run
	}
	require.Equal(t, map[string]activities.OpenRun{
		"changed": {Reference: "changed", State: "charging", Rate: 4},
		"slow":    {Reference: "slow", State: "charging", Rate: 2.5},
		"beside":  {Reference: "beside", State: "queued", Rate: 5, Concurrent: true},
		"whole":   {Reference: "whole", State: "validating"},
	}, byReference)

	payment := workflows.CollectPaymentInput{Reference: "inv-1", Customer: "cus_1", Amount: 1099, Currency: "usd"}
	_, err = tc.ExecuteWorkflow(t.Context(), sdk.StartWorkflowOptions{
		ID: workflows.PaymentID("inv-1"), TaskQueue: "nobody", TypedSearchAttributes: payment.StartSearchAttributes(time.Now()),
	}, workflows.TypeCollectPayment)
	require.NoError(t, err)
	var payments []activities.OpenPayment
	require.Eventually(t, func() bool {
		payments = nil
		for open, err := range ours.OpenPayments(t.Context()) {
			require.NoError(t, err)
			payments = append(payments, open)
		}
		return len(payments) == 2
	}, time.Minute, 50*time.Millisecond)
	require.ElementsMatch(t, []activities.OpenPayment{
		{Reference: "slow"}, {Reference: "inv-1", Customer: "cus_1", Amount: 1099, Currency: "usd"},
	}, payments)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = ours.OpenRuns(ctx)
	require.Error(t, err)
	for _, err := range ours.OpenPayments(ctx) {
		require.ErrorIs(t, err, activities.ErrOpenPayments)
	}
}
