package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/workflows"
)

// StartPayment starts the CollectPayment that goes on with a row of a billing run. Its memo is that of any payment, so that a
// later start with the same reference is compared, and refused, like one of an app's own.
func (t temporalWorkflows) StartPayment(ctx context.Context, p activities.PaymentHandover) (bool, error) {
	in := workflows.CollectPaymentInput{
		Reference:     p.Reference,
		Customer:      p.Customer,
		PaymentMethod: p.PaymentMethod,
		Amount:        p.Amount,
		Currency:      p.Currency,
		Owner:         p.Owner,
		AttemptOne: &workflows.AttemptOne{
			At: p.At.UTC(), MessagesFrom: p.MessagesFrom, ChargeResult: p.Result,
		},
		Description:     p.Description,
		StatementSuffix: p.StatementSuffix,
		Metadata:        p.Metadata,
		TimeZone:        p.TimeZone,
		CheckoutUI:      p.CheckoutUI,
		Events:          workflows.Events(p.Events),
		Policy:          p.Policy,
	}
	options, err := starts.Payment(in, t.taskQueue, time.Now())
	if err != nil {
		return false, fmt.Errorf("start the payment: %w", err)
	}
	options.TypedSearchAttributes = temporal.NewSearchAttributes(options.TypedSearchAttributes.Copy(), workflows.SearchRun.ValueSet(p.Run))
	_, err = t.client.ExecuteWorkflow(ctx, options, workflows.TypeCollectPayment, in.Short())
	if _, taken := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); taken {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("start the payment: %w", err)
	}
	return true, nil
}
