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
	if p.st.State == PaymentAwaitingCustomer && p.st.Session != "" {
		// The customer has come back: what became of the session decides.
		p.st.Poll = 0
		p.poll(ctx)
	}
	switch {
	case p.st.State.Ended(), p.st.State == PaymentProcessing, p.st.State == PaymentAwaitingCustomer && p.st.Session != "":
		return p.checkoutAnswer()
	case p.st.EndAs != "":
		// It was asked to end, and ends as soon as it can.
		p.resume(ctx)
		return p.checkoutAnswer()
	case !checkoutHelps(p.st.Reason):
		return p.checkoutAnswer()
	case p.mayStillRun(ctx):
		return OpenCheckoutResponse{Answer: CheckoutBusy, State: string(p.st.State)}
	}
	if err := p.lookUpFirst(ctx, true); err != nil {
		return p.notOpened(ctx, err)
	}
	if p.st.State.Ended() || p.st.State == PaymentProcessing || p.st.Reason == ReasonReferenceConflict {
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
		p.wayStuck(ctx)
		return p.checkoutAnswer()
	case waysClosed:
	}
	if err := p.openSession(ctx); err != nil {
		return p.notOpened(ctx, err)
	}
	return p.checkoutAnswer()
}

// notOpened follows an error on the way to a session. A planned attempt finds out for itself whether Stripe takes it;
// without one a person must look, unless Stripe just did not answer.
func (p *collectPayment) notOpened(ctx workflow.Context, err error) OpenCheckoutResponse {
	reason := attentionReason(err)
	workflow.GetLogger(ctx).Warn("checkout not opened", "error_type", errorType(err))
	answer := CheckoutClosed
	switch {
	case reason == ReasonStripeFaults:
		answer = CheckoutPending
	case p.st.NextAt.IsZero():
		p.attention(ctx, reason)
	}
	return OpenCheckoutResponse{Answer: answer, State: string(p.st.State)}
}

// openSession opens a session in payment mode; every other way is closed. After an error nobody has seen the session, if
// one was made: it cannot be paid, and the next press takes the next key.
func (p *collectPayment) openSession(ctx workflow.Context) error {
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
		Owner:          p.in.Owner,
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
		return err
	case res.Refused != "":
		return refuse("%s: Stripe refused the session: %s", UpdateOpenCheckout, res.Refused)
	}
	p.addWay(activities.WayCheckoutSession, res.Session)
	p.st.Session, p.st.SessionExpires = res.Session, res.ExpiresAt
	back, reason := p.st.State, p.st.Reason
	switch {
	case reason == ReasonWayNotClosed:
		back, reason = p.st.Return, p.st.ReturnReason
	case (reason == ReasonUnauthorized || reason == ReasonInvalidRequest) && !p.st.Deadline.IsZero():
		// Stripe takes requests again: the customer's time goes on.
		back, reason = PaymentAwaitingCustomer, ""
	}
	p.move(ctx, PaymentAwaitingCustomer)
	p.st.Return, p.st.ReturnReason = back, reason
	p.restartPolls(ctx, p.in.Reference)
	return nil
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
	case p.st.State == PaymentNeedsAttention && (p.st.Reason != ReasonWayNotClosed || p.st.EndAs != ""):
		r.Answer = CheckoutClosed
	case p.st.State == PaymentAwaitingCustomer && p.st.Session != "":
		r.Answer, r.SessionID = CheckoutReady, p.st.Session
	default:
		r.Answer = CheckoutPending
	}
	return r
}
