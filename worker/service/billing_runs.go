package service

import (
	"context"

	"github.com/offsession/offsession/activities"
)

// StartPayment starts the CollectPayment that goes on with a row of a billing run.
func (t temporalWorkflows) StartPayment(ctx context.Context, p activities.PaymentHandover) (bool, error) {
	panic("not yet")
}
