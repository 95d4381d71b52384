package activities

import (
	"context"
	"encoding/json"
	"errors"

	"go.temporal.io/sdk/temporal"
)

// StartRunInput is a billing run that a schedule starts.
type StartRunInput struct {
	Reference string `json:"reference"`
	// TaskQueue is the main one of the workers.
	TaskQueue string `json:"task_queue"`
	// Run is the input of the workflow.
	Run json.RawMessage `json:"run"`
}

// StartRunResult says whether the run was there before, with the same values.
type StartRunResult struct {
	AlreadyStarted bool `json:"already_started,omitempty"`
}

// RefusedStartError says that a workflow cannot be started under its id, because the id stands for something else.
type RefusedStartError struct{ Message string }

// Error says what it stands for.
func (e *RefusedStartError) Error() string { return e.Message }

// StartRun starts a billing run. A second call answers the first one's run. Errors: ErrorRunConflict, final, and
// ErrorWorkflowUnavailable, retried.
func (h *Handovers) StartRun(ctx context.Context, in StartRunInput) (StartRunResult, error) {
	started, err := h.ports.Workflows.StartRun(ctx, in)
	if refused, ok := errors.AsType[*RefusedStartError](err); ok {
		return StartRunResult{}, temporal.NewNonRetryableApplicationError(refused.Message, ErrorRunConflict, nil)
	}
	if err != nil {
		return StartRunResult{}, workflowUnavailable(in.Reference, err)
	}
	return StartRunResult{AlreadyStarted: !started}, nil
}
