package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

// paymentSessionLife is how long a payment session is asked to last. Stripe refuses less than 30 minutes at the
// request's arrival: https://docs.stripe.com/api/checkout/sessions/create
const paymentSessionLife = 35 * time.Minute

// openCheckout answers an open Checkout Session, and opens one when no other way to pay is left open.
func (p *collectPayment) openCheckout(ctx workflow.Context) OpenCheckoutResponse {
	if p.st.Session != "" {
		// The customer has come back: what became of the session decides.
		p.st.Poll = 0
		p.poll(ctx)
	}
	switch {
	case p.st.State.Ended(), p.st.State == PaymentProcessing, p.st.Session != "":
		return p.checkoutAnswer()
	case p.st.State == PaymentNeedsAttention && (p.st.Reason == ReasonDuplicateNotRefunded || p.st.Reason == ReasonReferenceConflict ||
		p.st.Reason == ReasonCustomerDeleted || p.st.Reason == ReasonProcessingTooLong):
		return p.checkoutAnswer()
	case p.st.NotBefore.After(workflow.Now(ctx)):
		// A request whose answer was lost may still be executed: a second way to pay must not be open meanwhile.
		return OpenCheckoutResponse{Answer: CheckoutBusy, State: string(p.st.State)}
	}
	if !p.lookUpFirst(ctx) {
		return p.checkoutAnswer()
	}
	switch p.closeWays(ctx, "") {
	case waysPaid:
		p.settle(ctx)
		return p.checkoutAnswer()
	case waysProcessing:
		p.enterProcessing(ctx)
		return p.checkoutAnswer()
	case waysOpen:
		p.attention(ctx, ReasonWayNotClosed)
		return p.checkoutAnswer()
	case waysClosed:
	}
	p.openSession(ctx)
	return p.checkoutAnswer()
}

// openSession opens a session in payment mode; every other way is closed.
func (p *collectPayment) openSession(ctx workflow.Context) {
	p.st.Checkouts++
	description := p.in.Description
	if description == "" {
		description = "Payment " + p.in.Reference
	}
	res, err := execute(ctx, paymentSessionOptions, checkouts.OpenCheckoutSession, activities.OpenCheckoutInput{
		Mode:           activities.CheckoutModePayment,
		UI:             p.in.CheckoutUI,
		WorkflowID:     PaymentID(p.in.Reference),
		Reference:      p.in.Reference,
		Customer:       p.in.Customer,
		Currency:       p.in.Currency,
		Amount:         p.in.Amount,
		Description:    description,
		Metadata:       p.in.Metadata,
		ExpiresAt:      workflow.Now(ctx).Add(paymentSessionLife).Truncate(time.Second).UTC(),
		LinkExpires:    p.linkExpires().Truncate(time.Second),
		IdempotencyKey: fmt.Sprintf("%s:open_checkout:%d", PaymentID(p.in.Reference), p.st.Checkouts),
	})
	switch {
	case err != nil:
		// Nobody has seen the session, if one was made: it cannot be paid. The next press takes the next key.
		switch reason := attentionReason(err); reason {
		case ReasonUnauthorized, ReasonCustomerDeleted, ReasonInvalidRequest:
			p.attention(ctx, reason)
		default:
			workflow.GetLogger(ctx).Warn("checkout not opened", "error_type", errorType(err))
		}
		return
	case res.Refused != "":
		p.attention(ctx, ReasonRefused)
		return
	}
	p.addWay(activities.WayCheckoutSession, res.Session)
	p.st.Session, p.st.SessionExpires = res.Session, res.ExpiresAt
	if p.st.State != PaymentAwaitingCustomer {
		p.st.Return, p.st.ReturnReason = p.st.State, p.st.Reason
		p.move(PaymentAwaitingCustomer)
	}
	p.restartPolls(ctx, p.in.Reference)
}

// checkoutAnswer says what the customer can do in the present state.
func (p *collectPayment) checkoutAnswer() OpenCheckoutResponse {
	r := OpenCheckoutResponse{State: string(p.st.State)}
	switch {
	case p.st.State == PaymentPaid:
		r.Answer = CheckoutDone
	case p.st.State.Ended():
		r.Answer = CheckoutClosed
	case p.st.State == PaymentProcessing, p.st.State == PaymentNeedsAttention && p.st.Reason == ReasonProcessingTooLong:
		r.Answer = CheckoutProcessing
	case p.st.State == PaymentCharging:
		r.Answer = CheckoutBusy
	case p.st.Session != "":
		r.Answer, r.SessionID = CheckoutReady, p.st.Session
	case p.st.State == PaymentNeedsAttention:
		r.Answer = CheckoutClosed
	default:
		r.Answer = CheckoutPending
	}
	return r
}
