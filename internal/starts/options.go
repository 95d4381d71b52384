// Package starts is what all starts of offsession's workflows have in common, whoever makes them: an app through the client, or the worker.
package starts

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/workflows"
)

// Options are the same for every workflow of ours. A start under an id that was used before, by a workflow that runs or by one
// that has ended, is serviceerror.WorkflowExecutionAlreadyStarted. There is no timeout and no retry policy: a workflow ends
// when what it stands for is settled, and one that fails has a bug.
func Options(workflowID, taskQueue string, input First, attributes temporal.SearchAttributes, summary string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                                       workflowID,
		TaskQueue:                                taskQueue,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		Memo:                                     map[string]any{workflows.MemoInput: input},
		TypedSearchAttributes:                    attributes,
		StaticSummary:                            summary,
	}
}
