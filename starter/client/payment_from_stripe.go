package client

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// reasonNoWorkflow says why a payment that Stripe knows as open needs attention.
const reasonNoWorkflow = "no_workflow"

// paymentFromStripe answers for a payment that no workflow knows: PaymentIntents carry the reference in their metadata.
func (c *Client) paymentFromStripe(ctx context.Context, reference string) (Payment, error) {
	notFound := fmt.Errorf("payment %q: %w", reference, ErrNotFound)
	if c.options.Stripe == nil {
		return Payment{}, notFound
	}
	found, err := c.options.Stripe.SearchPaymentIntents(ctx, reference)
	if err != nil {
		return Payment{}, fmt.Errorf("search Stripe for payment %q: %w", reference, err)
	}
	if len(found) == 0 {
		return Payment{}, notFound
	}
	return paymentOf(reference, found), nil
}

// paymentOf makes one payment of its PaymentIntents. The one that succeeded says how it stands, else the newest.
func paymentOf(reference string, found []activities.PaymentIntent) Payment {
	found = slices.SortedFunc(slices.Values(found), func(a, b activities.PaymentIntent) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	decides := found[len(found)-1]
	attempts := make([]workflows.Attempt, 0, len(found))
	for _, pi := range found {
		if pi.Status == activities.PaymentIntentSucceeded {
			decides = pi
		}
		if number, err := strconv.Atoi(pi.Metadata[activities.MetadataAttempt]); err == nil {
			attempts = append(attempts, workflows.Attempt{
				Number: number, At: pi.Created, Outcome: outcomeOf(pi), PaymentMethod: pi.PaymentMethod, Codes: pi.LastError,
			})
		}
	}
	state, reason := stateOf(decides)
	return Payment{
		PaymentStatus: workflows.PaymentStatus{
			Reference:     reference,
			State:         state,
			Reason:        reason,
			Customer:      decides.Customer,
			Amount:        decides.Amount,
			Currency:      decides.Currency,
			PaymentIntent: decides.ID,
			PaymentMethod: decides.PaymentMethod,
			Attempts:      attempts,
			Refunds:       []workflows.Refund{},
		},
		WorkflowID: workflows.PaymentID(reference),
		Owner:      decides.Metadata[activities.MetadataOwner],
	}
}

func stateOf(pi activities.PaymentIntent) (state workflows.PaymentState, reason string) {
	switch pi.Status {
	case activities.PaymentIntentSucceeded:
		return workflows.PaymentPaid, ""
	case activities.PaymentIntentProcessing:
		return workflows.PaymentProcessing, ""
	case activities.PaymentIntentCanceled:
		return workflows.PaymentCanceled, ""
	case activities.PaymentIntentRequiresPaymentMethod, activities.PaymentIntentRequiresConfirmation,
		activities.PaymentIntentRequiresAction, activities.PaymentIntentRequiresCapture:
	}
	return workflows.PaymentNeedsAttention, reasonNoWorkflow
}

func outcomeOf(pi activities.PaymentIntent) activities.ChargeOutcome {
	switch pi.Status {
	case activities.PaymentIntentSucceeded:
		return activities.ChargeSucceeded
	case activities.PaymentIntentProcessing:
		return activities.ChargeProcessing
	case activities.PaymentIntentRequiresAction:
		return activities.ChargeNeedsCustomer
	case activities.PaymentIntentCanceled:
		return activities.ChargeCanceled
	case activities.PaymentIntentRequiresPaymentMethod, activities.PaymentIntentRequiresConfirmation, activities.PaymentIntentRequiresCapture:
	}
	if pi.LastError != (activities.Codes{}) {
		return activities.ChargeDeclined
	}
	return activities.ChargeNotTaken
}
