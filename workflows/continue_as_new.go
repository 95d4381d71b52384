package workflows

import "go.temporal.io/sdk/workflow"

// continueAsNew is the error that ends a run and starts the next one with the input given. With versioned workers the next
// run begins on the deployment's current version: a workflow that is pinned to its version is upgraded here and nowhere
// else. Servers before 1.31 do not know how, and workers do not pin there.
func continueAsNew(ctx workflow.Context, workflowType string, input any) error {
	return workflow.NewContinueAsNewErrorWithOptions(ctx, workflow.ContinueAsNewErrorOptions{
		InitialVersioningBehavior: workflow.ContinueAsNewVersioningBehaviorAutoUpgrade,
	}, workflowType, input)
}
