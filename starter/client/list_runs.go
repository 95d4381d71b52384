package client

import (
	"context"
	"iter"
	"time"

	"go.temporal.io/api/workflow/v1"

	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/workflows"
)

// RunFilter selects billing runs. An empty State selects all.
type RunFilter struct{ State workflows.RunState }

// RunSummary is a run as Temporal's visibility shows it, a moment behind.
type RunSummary struct {
	Reference    string             `json:"reference"`
	WorkflowID   string             `json:"workflow_id"`
	State        workflows.RunState `json:"state"`
	Manifest     string             `json:"manifest"`
	NextActionAt time.Time          `json:"next_action_at,omitzero"`
	// ExecutionStatus is Temporal's Terminated, Failed, TimedOut or Canceled when the workflow did not end by itself: the run
	// needs attention, whatever its last state was. Empty otherwise.
	ExecutionStatus string `json:"execution_status,omitempty"`
}

// runStates are all states that a run can be listed by.
var runStates = []workflows.RunState{
	workflows.RunValidating, workflows.RunAwaitingApproval, workflows.RunQueued, workflows.RunCharging, workflows.RunPaused,
	workflows.RunNeedsAttention, workflows.RunReporting, workflows.RunCompleted, workflows.RunCanceled,
}

// ListRuns lists the billing runs, newest first, page by page as they are asked for. The first error ends the sequence.
func (c *Client) ListRuns(ctx context.Context, filter RunFilter) iter.Seq2[RunSummary, error] {
	query, err := stateQuery(workflows.TypeBillingRun, runStates, filter.State, workflows.RunNeedsAttention, "")
	return list(ctx, c, "runs", query, err, runSummaryOf)
}

func runSummaryOf(execution *workflow.WorkflowExecutionInfo) RunSummary {
	s := RunSummary{WorkflowID: execution.GetExecution().GetWorkflowId()}
	s.Reference = workflows.ReferenceOf(s.WorkflowID)
	readSearchAttribute(execution, workflows.SearchState, &s.State)
	if unclean(execution.GetStatus()) {
		s.State, s.ExecutionStatus = workflows.RunNeedsAttention, statusName(execution.GetStatus())
	}
	readSearchAttribute(execution, workflows.SearchNextActionAt, &s.NextActionAt)
	// A workflow that is none of ours has no manifest.
	if input, err := starts.FirstIn(execution.GetMemo()); err == nil {
		s.Manifest = manifestIn(input)
	}
	return s
}
