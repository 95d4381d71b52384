package workflows

import (
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Register registers every workflow under its type's name: for the worker, for tests and for the replayer. With versioned
// workers the types named here move to the current version with their next task. Those without a behaviour take the
// worker's default: pinned to their version until they continue as new, where the server can upgrade them then.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(SavePaymentMethod, workflow.RegisterOptions{
		Name: TypeSavePaymentMethod, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
	r.RegisterWorkflowWithOptions(CollectPayment, workflow.RegisterOptions{
		Name: TypeCollectPayment, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
	r.RegisterWorkflowWithOptions(DeferredSubscription, workflow.RegisterOptions{
		Name: TypeDeferredSubscription, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
	r.RegisterWorkflowWithOptions(ScheduledRun, workflow.RegisterOptions{
		Name: TypeScheduledRun, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	})
	r.RegisterWorkflowWithOptions(BillingAgreement, workflow.RegisterOptions{Name: TypeBillingAgreement})
	r.RegisterWorkflowWithOptions(BillingRun, workflow.RegisterOptions{Name: TypeBillingRun})
}
