package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Register registers every workflow under its type's name: for the worker, for tests and for the replayer.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(SavePaymentMethod, workflow.RegisterOptions{Name: TypeSavePaymentMethod})
	r.RegisterWorkflowWithOptions(CollectPayment, workflow.RegisterOptions{Name: TypeCollectPayment})
}
