package starts

import (
	"time"

	"go.temporal.io/sdk/client"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/money"
)

// PaymentDefaults are the values that a payment's memo does not repeat. They must never change. There is none for the policy,
// whose default may.
func PaymentDefaults() workflows.CollectPaymentInput {
	return workflows.CollectPaymentInput{
		TimeZone:   "UTC",
		CheckoutUI: activities.CheckoutUICustom,
		Events:     workflows.EventsExceptions,
	}
}

// FirstOfPayment is what a repeated start of a payment is compared by. The attempt that its owner made differs between repeats
// of one hand-over.
func FirstOfPayment(in workflows.CollectPaymentInput) (First, error) {
	in.AttemptOne, in.Carried = nil, nil
	return FirstOf(in, PaymentDefaults())
}

// Payment are the options that start a payment.
func Payment(in workflows.CollectPaymentInput, taskQueue string, now time.Time) (client.StartWorkflowOptions, error) {
	first, err := FirstOfPayment(in)
	if err != nil {
		return client.StartWorkflowOptions{}, err
	}
	return Options(workflows.PaymentID(in.Reference), taskQueue, first, in.StartSearchAttributes(now), money.Format(in.Amount, in.Currency, "en")), nil
}
