package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"
)

// subscriptionMoves lists every change of state that a subscription can make; anything else is a bug, and stops the workflow's
// task until the code is mended. doc.go draws the same table.
var subscriptionMoves = map[SubscriptionState][]SubscriptionState{
	SubscriptionNoActionNeeded: {SubscriptionRequiresAction, SubscriptionRequiresPaymentMethod, SubscriptionProcessing, SubscriptionReady, SubscriptionAtRisk,
		SubscriptionReadyAndPaid, SubscriptionEnded},
	SubscriptionRequiresAction: {SubscriptionNoActionNeeded, SubscriptionRequiresPaymentMethod, SubscriptionProcessing, SubscriptionReady, SubscriptionAtRisk,
		SubscriptionReadyAndPaid, SubscriptionEnded},
	SubscriptionRequiresPaymentMethod: {SubscriptionNoActionNeeded, SubscriptionRequiresAction, SubscriptionProcessing, SubscriptionReady, SubscriptionAtRisk,
		SubscriptionReadyAndPaid, SubscriptionEnded},
	SubscriptionProcessing: {SubscriptionNoActionNeeded, SubscriptionRequiresAction, SubscriptionRequiresPaymentMethod, SubscriptionReady, SubscriptionAtRisk,
		SubscriptionReadyAndPaid, SubscriptionEnded},
	SubscriptionReady: {SubscriptionNoActionNeeded, SubscriptionRequiresAction, SubscriptionRequiresPaymentMethod, SubscriptionProcessing, SubscriptionAtRisk,
		SubscriptionReadyAndPaid, SubscriptionEnded},
	SubscriptionAtRisk: {SubscriptionNoActionNeeded, SubscriptionRequiresAction, SubscriptionRequiresPaymentMethod, SubscriptionProcessing,
		SubscriptionReady, SubscriptionReadyAndPaid, SubscriptionEnded},
}

// move changes the state along the table.
func (d *deferredSubscription) move(ctx workflow.Context, to SubscriptionState, reason string) {
	if d.st.State != to && !slices.Contains(subscriptionMoves[d.st.State], to) {
		panic(fmt.Sprintf("subscription cannot go from %s to %s", d.st.State, to))
	}
	last := len(d.st.Steps) - 1
	step := SubscriptionStep{At: workflow.Now(ctx).UTC().Truncate(time.Second), State: to, Reason: reason, Need: d.st.Need}
	if last < 0 || d.st.Steps[last].State != to || d.st.Steps[last].Reason != reason || d.st.Steps[last].Need != d.st.Need {
		workflow.GetLogger(ctx).Debug("subscription moved", "from", d.st.State, "to", to, "because", reason)
		d.st.Steps = keepLast(append(d.st.Steps, step), subscriptionSteps)
	}
	d.st.State, d.st.Reason = to, reason
}
