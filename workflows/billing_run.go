package workflows

import (
	"go.temporal.io/sdk/workflow"
)

// BillingRun charges a manifest of many amounts: it validates the manifest, charges it in pages, hands each row that does not
// succeed to a CollectPayment, and ends with a report that adds up to the manifest. It ends as completed or canceled.
func BillingRun(ctx workflow.Context, in BillingRunInput) (BillingRunResult, error) {
	panic("not yet")
}

// runState is what a run carries through continue-as-new.
type runState struct {
	Version int `json:"version"`
}
