package workflows

import (
	"context"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

// The activities, by nil pointers: only their methods' names are used.
var (
	payments      *activities.Payments
	checkouts     *activities.Checkouts
	setups        *activities.Setups
	notifications *activities.Notifications
	handovers     *activities.Handovers
	amounts       *activities.Amounts
)

// The retry policies. Only faults of the way are retried by Temporal: a decline is a result, and belongs to dunning.
var (
	// patient waits out an outage of Stripe without spending an action a second on it.
	patient = &temporal.RetryPolicy{InitialInterval: 2 * time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Minute}
	// prompt is for what a customer or an operator waits for.
	prompt = &temporal.RetryPolicy{InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second}
	// daily is for messages: a receiver that is down for an hour still gets them.
	daily = &temporal.RetryPolicy{InitialInterval: 5 * time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Minute}
)

// One call to Stripe takes 25 s at most (the gateway's HTTP timeout); a start-to-close time is the number of calls in
// a row, and a margin. It is also how long a crashed worker holds the activity up.
const oneCall = 25 * time.Second

var (
	// readOptions: at most three reads. After ten minutes the caller polls again later.
	readOptions = workflow.ActivityOptions{StartToCloseTimeout: 3*oneCall + 5*time.Second, ScheduleToCloseTimeout: 10 * time.Minute, RetryPolicy: prompt}
	// subscriptionReadOptions: a subscription, its invoices, one of them, and the set-ups of its payment method.
	subscriptionReadOptions = workflow.ActivityOptions{StartToCloseTimeout: 4*oneCall + 5*time.Second, ScheduleToCloseTimeout: 10 * time.Minute, RetryPolicy: prompt}
	// lookUpOptions: without an answer nothing else may be sent, so it is never given up.
	lookUpOptions = workflow.ActivityOptions{StartToCloseTimeout: 2*oneCall + 5*time.Second, RetryPolicy: patient}
	// closeOptions: cancel, list, expire and read. After ten minutes the payment needs attention, and closing goes on.
	closeOptions = workflow.ActivityOptions{StartToCloseTimeout: 4*oneCall + 5*time.Second, ScheduleToCloseTimeout: 10 * time.Minute, RetryPolicy: prompt}
	// paymentSessionOptions: the session must last 30 minutes from its arrival at Stripe and is asked to last 35 from
	// now, so that the create may be repeated for 4.
	paymentSessionOptions = workflow.ActivityOptions{StartToCloseTimeout: oneCall + 5*time.Second, ScheduleToCloseTimeout: 4 * time.Minute, RetryPolicy: prompt}
	// setupSessionOptions: after ten minutes the setup needs attention, and the next poll or press tries again.
	setupSessionOptions = workflow.ActivityOptions{StartToCloseTimeout: oneCall + 5*time.Second, ScheduleToCloseTimeout: 10 * time.Minute, RetryPolicy: prompt}
	// writeOptions: one or two calls that must come through (attach, default, refund, customer). Within KeyTrust, like
	// every key.
	writeOptions = workflow.ActivityOptions{StartToCloseTimeout: 3*oneCall + 5*time.Second, ScheduleToCloseTimeout: activities.KeyTrust, RetryPolicy: patient}
	// defaultOptions: two writes and two reads at most. After ten minutes the next look goes on, with the next key: deletion,
	// unwatch and messages wait for these.
	defaultOptions = workflow.ActivityOptions{StartToCloseTimeout: 4*oneCall + 5*time.Second, ScheduleToCloseTimeout: 10 * time.Minute, RetryPolicy: prompt}
	// amountOptions: the app's answer is awaited for two minutes; then it is asked again at growing intervals, and operators
	// are not kept waiting.
	amountOptions = workflow.ActivityOptions{StartToCloseTimeout: 15 * time.Second, ScheduleToCloseTimeout: 2 * time.Minute, RetryPolicy: prompt}
	// notifyOptions: three channels of 10 to 30 s each, tried for a day, then recorded.
	notifyOptions = workflow.ActivityOptions{StartToCloseTimeout: 90 * time.Second, ScheduleToCloseTimeout: 24 * time.Hour, RetryPolicy: daily}
	// ownerOptions: one call to Temporal, tried for a week. The owner also asks by itself.
	ownerOptions = workflow.ActivityOptions{StartToCloseTimeout: 15 * time.Second, ScheduleToCloseTimeout: 7 * 24 * time.Hour, RetryPolicy: daily}
)

// chargeOptions sends automatic attempts to the rate-limited queue. Two reads of 8 s and one send of 25 s fit into one
// try. There is no schedule-to-close time: the activity itself stops using the key 20 h after its first send, and a
// long queue is no fault.
func chargeOptions(ctx workflow.Context, summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:             StripeWritesQueue(workflow.GetInfo(ctx).TaskQueueName),
		StartToCloseTimeout:   45 * time.Second,
		RetryPolicy:           patient,
		DisableEagerExecution: true, // an eager activity would pass by the queue's rate limit
		Summary:               summary,
	}
}

// execute runs an activity and waits for its result; the compiler checks that input and function belong together.
func execute[In, Out any](ctx workflow.Context, o workflow.ActivityOptions, fn func(context.Context, In) (Out, error), in In) (Out, error) {
	var out Out
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, o), fn, in).Get(ctx, &out)
	return out, err
}

// perform runs an activity that answers nothing, and waits for it.
func perform[In any](ctx workflow.Context, o workflow.ActivityOptions, fn func(context.Context, In) error, in In) error {
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, o), fn, in).Get(ctx, nil)
}
