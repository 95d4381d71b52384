package service

import (
	"context"
	"math"
	"time"

	"go.temporal.io/sdk/worker"
)

const (
	// stopTimeout is above the longest activity (closing a way to pay: four calls to Stripe of 25 s and a margin), so
	// that a deploy interrupts none. What runs longer all the same is repeated elsewhere with the same key.
	stopTimeout = 110 * time.Second
	// mainActivities is how many activities of the main queue run at once. They wait for Stripe or a mail server almost
	// all the time; 100 use a connection each and next to no CPU.
	mainActivities = 100
	// slowCharge is how long the slowest charges take. Slots for rate × that long keep the rate when Stripe is slow.
	slowCharge = 10 * time.Second
	// minCharges lets charges go side by side at low rates too; maxCharges is what the Stripe client keeps connections
	// for.
	minCharges = 10
	maxCharges = 128
	// heartbeatThrottle lets the progress of a run's page through as often as the page records it. The SDK would hold it back for
	// four fifths of the heartbeat timeout, and pages whose workers die sooner than that would begin again and again.
	heartbeatThrottle = 4 * time.Second
	// workflowStuck is how long workflow code may compute without a pause before its task fails as a deadlock. The SDK's
	// own second passes on a machine that is busy with other things, too; a workflow task has ten.
	workflowStuck = 5 * time.Second
)

// mainOptions are for the queue of workflows and of all that somebody waits for.
func mainOptions(deployment worker.DeploymentOptions, fatal context.CancelCauseFunc) worker.Options {
	return worker.Options{
		MaxConcurrentActivityExecutionSize: mainActivities,
		WorkerStopTimeout:                  stopTimeout,
		OnFatalError:                       func(err error) { fatal(err) },
		DeploymentOptions:                  deployment,
		DeadlockDetectionTimeout:           workflowStuck,
		// An eager activity runs on the worker that schedules it, past any limit of its queue.
		DisableEagerActivities: true,
	}
}

// stripeWritesOptions are for the queue of automatic charge attempts. perSecond is a limit of the queue, kept by
// Temporal for all workers together. Charges of a pinned workflow are sent to its own version's workers of this queue.
func stripeWritesOptions(perSecond float64, deployment worker.DeploymentOptions, fatal context.CancelCauseFunc) worker.Options {
	slots := int(math.Ceil(perSecond * slowCharge.Seconds()))
	return worker.Options{
		DisableWorkflowWorker:              true,
		TaskQueueActivitiesPerSecond:       perSecond,
		MaxConcurrentActivityExecutionSize: min(max(slots, minCharges), maxCharges),
		WorkerStopTimeout:                  stopTimeout,
		OnFatalError:                       func(err error) { fatal(err) },
		DisableEagerActivities:             true,
		MaxHeartbeatThrottleInterval:       heartbeatThrottle,
		DeploymentOptions:                  deployment,
	}
}
