package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"
)

// paymentMoves lists every change of state that a payment can make; anything else is a bug, and stops the workflow's
// task until the code is mended. doc.go draws the same table.
var paymentMoves = map[PaymentState][]PaymentState{
	PaymentScheduled: {PaymentCharging, PaymentRetryScheduled, PaymentAwaitingCustomer, PaymentProcessing,
		PaymentNeedsAttention, PaymentPaid, PaymentUncollectible, PaymentCanceled},
	PaymentCharging: {PaymentRetryScheduled, PaymentAwaitingCustomer, PaymentProcessing,
		PaymentNeedsAttention, PaymentPaid, PaymentCanceled},
	PaymentProcessing: {PaymentScheduled, PaymentRetryScheduled, PaymentAwaitingCustomer,
		PaymentNeedsAttention, PaymentPaid, PaymentUncollectible, PaymentCanceled},
	PaymentRetryScheduled: {PaymentCharging, PaymentAwaitingCustomer, PaymentProcessing,
		PaymentNeedsAttention, PaymentPaid, PaymentUncollectible, PaymentCanceled},
	PaymentAwaitingCustomer: {PaymentScheduled, PaymentRetryScheduled, PaymentProcessing,
		PaymentNeedsAttention, PaymentPaid, PaymentUncollectible, PaymentCanceled},
	PaymentNeedsAttention: {PaymentScheduled, PaymentRetryScheduled, PaymentAwaitingCustomer, PaymentProcessing,
		PaymentPaid, PaymentUncollectible, PaymentCanceled},
}

// move changes the state along the table.
func (p *collectPayment) move(ctx workflow.Context, to PaymentState) {
	if p.st.State == to {
		return
	}
	if !slices.Contains(paymentMoves[p.st.State], to) {
		panic(fmt.Sprintf("payment cannot go from %s to %s", p.st.State, to))
	}
	workflow.GetLogger(ctx).Debug("payment moved", "from", p.st.State, "to", to)
	p.st.State = to
	p.st.Reason, p.st.EndAs, p.st.Return, p.st.ReturnReason = "", "", "", ""
}

// The reasons for which a payment needs attention.
const (
	// ReasonWayNotClosed: a PaymentIntent or Session cannot be closed; closing is tried again by itself.
	ReasonWayNotClosed = "way_not_closed"
	// ReasonDuplicateNotRefunded: the customer paid twice and the refund failed.
	ReasonDuplicateNotRefunded = "duplicate_not_refunded"
	// ReasonReferenceConflict: Stripe knows the reference with another customer, amount or currency.
	ReasonReferenceConflict = "reference_conflict"
	// ReasonProcessingTooLong: a bank has not answered for 21 days; Stripe is still asked daily.
	ReasonProcessingTooLong = "processing_too_long"
	// ReasonUnauthorized: Stripe does not accept the API key, or it lacks a permission.
	ReasonUnauthorized = "stripe_unauthorized"
	// ReasonInvalidRequest: Stripe calls the request invalid.
	ReasonInvalidRequest = "stripe_invalid_request"
	// ReasonStripeFaults: Stripe keeps failing; eight attempts were not taken.
	ReasonStripeFaults = "stripe_faults"
	// ReasonCustomerDeleted: the customer does not exist any more.
	ReasonCustomerDeleted = "customer_deleted"
	// ReasonRefused: Stripe did not try the card, since the amount is too small or too large.
	ReasonRefused = "refused"
)

// checkoutHelps reports whether a payment that needs attention for this reason, or for none, can still be paid by its
// customer in a Checkout Session.
func checkoutHelps(reason string) bool {
	switch reason {
	case ReasonDuplicateNotRefunded, ReasonReferenceConflict, ReasonCustomerDeleted, ReasonProcessingTooLong:
		return false
	}
	return true
}

// CustomerCanPay reports whether pressing the customer's button can open a Checkout Session in this state.
func (s PaymentStatus) CustomerCanPay() bool {
	return !s.State.Ended() && s.State != PaymentProcessing && checkoutHelps(s.Reason)
}
