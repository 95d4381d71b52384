//go:build stack

package bench

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
)

// cost is what the histories of a workflow, over all its runs, add up to.
type cost struct {
	runs int
	// events and bytes are those of the longest run, and of all.
	events, bytes       int64
	allEvents, allBytes int64
	// actions are what Temporal Cloud would bill, heartbeats excepted: they leave nothing in a history.
	// https://docs.temporal.io/cloud/actions
	actions int
}

// String is for the log.
func (c cost) String() string {
	return fmt.Sprintf("%d workflow runs, the longest %d events and %d bytes, together %d events and %d bytes; %d actions",
		c.runs, c.events, c.bytes, c.allEvents, c.allBytes, c.actions)
}

// historyCost follows a workflow from its first run to its last.
func historyCost(b *testing.B, c client.Client, workflowID string) cost {
	b.Helper()
	newest, err := c.DescribeWorkflowExecution(b.Context(), workflowID, "")
	require.NoError(b, err)
	var sum cost
	for run := newest.GetWorkflowExecutionInfo().GetFirstRunId(); run != ""; {
		described, err := c.DescribeWorkflowExecution(b.Context(), workflowID, run)
		require.NoError(b, err)
		info := described.GetWorkflowExecutionInfo()
		sum.runs++
		sum.events, sum.bytes = max(sum.events, info.GetHistoryLength()), max(sum.bytes, info.GetHistorySizeBytes())
		sum.allEvents, sum.allBytes = sum.allEvents+info.GetHistoryLength(), sum.allBytes+info.GetHistorySizeBytes()
		next := ""
		events := c.GetWorkflowHistory(b.Context(), workflowID, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			require.NoError(b, err)
			sum.actions += actions(event)
			next = event.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
		}
		run = next
	}
	return sum
}

// actions is what an event costs.
func actions(event *history.HistoryEvent) int {
	switch event.GetEventType() {
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, // also by continue-as-new
		enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, enums.EVENT_TYPE_TIMER_STARTED, enums.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
		enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED, enums.EVENT_TYPE_MARKER_RECORDED,
		enums.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
		return 1
	case enums.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
		return 2
	case enums.EVENT_TYPE_ACTIVITY_TASK_STARTED:
		return int(event.GetActivityTaskStartedEventAttributes().GetAttempt()) - 1 // each retry
	}
	return 0
}
