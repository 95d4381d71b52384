package workflows

import (
	"fmt"
	"regexp"
	"time"

	"go.temporal.io/sdk/workflow"
)

// dueMost is how far ahead an attempt may be planned: Temporal's timers end at 100 years.
const dueMost = 100 * 365 * 24 * time.Hour

var paymentMethodID = regexp.MustCompile(`^[a-z]+_[A-Za-z0-9_]{1,250}$`)

// handleMessages sets up the query and the Updates, before anything blocks.
func (p *collectPayment) handleMessages(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, QueryStatus, p.status); err != nil {
		return fmt.Errorf("query %s: %w", QueryStatus, err)
	}
	if err := workflow.SetUpdateHandler(ctx, UpdateOpenCheckout, p.handleOpenCheckout); err != nil {
		return fmt.Errorf("update %s: %w", UpdateOpenCheckout, err)
	}
	for _, update := range []string{UpdateRetry, UpdateReschedule, UpdateChangePaymentMethod, UpdateCancel, UpdateWriteOff} {
		handler := func(ctx workflow.Context, op Operation) (OperationResponse, error) {
			return p.handleOperation(ctx, update, op)
		}
		validator := func(ctx workflow.Context, op Operation) error { return p.validate(ctx, update, op) }
		if err := workflow.SetUpdateHandlerWithOptions(ctx, update, handler, workflow.UpdateHandlerOptions{Validator: validator}); err != nil {
			return fmt.Errorf("update %s: %w", update, err)
		}
	}
	return nil
}

func (p *collectPayment) handleOpenCheckout(ctx workflow.Context, in OpenCheckoutRequest) (OpenCheckoutResponse, error) {
	if p.st.State == PaymentCharging {
		return p.checkoutAnswer(), nil
	}
	c := p.press(in)
	done, err := p.wait(ctx, c)
	if err != nil || c.err != nil {
		return OpenCheckoutResponse{}, firstError(err, c.err)
	}
	if !done {
		return OpenCheckoutResponse{Answer: CheckoutPending, State: string(p.st.State)}, nil
	}
	return c.answer, nil
}

func (p *collectPayment) handleOperation(ctx workflow.Context, update string, op Operation) (OperationResponse, error) {
	c := &command{update: update, op: op}
	if update == UpdateChangePaymentMethod && (p.st.State == PaymentCharging || p.st.State == PaymentProcessing) {
		// Stored for the next attempt: nothing at Stripe is touched, so there is nothing to wait for.
		p.st.Method = op.PaymentMethod
		p.recordAudit(ctx, c, string(p.st.State))
		return OperationResponse{State: string(p.st.State)}, nil
	}
	done, err := p.submit(ctx, c)
	if err != nil || c.err != nil {
		return OperationResponse{}, firstError(err, c.err)
	}
	return OperationResponse{State: string(p.st.State), Pending: !done || p.st.EndAs != ""}, nil
}

// validate refuses what makes no sense in the present state, before anything is written to history.
func (p *collectPayment) validate(ctx workflow.Context, update string, op Operation) error {
	if err := checkOperation(op); err != nil {
		return err
	}
	switch update {
	case UpdateReschedule:
		if op.Due.IsZero() {
			return refuse("due: missing; give the new time of the attempt")
		}
		if op.Due.After(workflow.Now(ctx).Add(dueMost)) {
			return refuse("due: %s is more than 100 years ahead", op.Due.Format(time.RFC3339))
		}
	case UpdateChangePaymentMethod:
		if !paymentMethodID.MatchString(op.PaymentMethod) {
			return refuse("payment_method: %s is not the id of a payment method (pm_…)", quoteShort(op.PaymentMethod))
		}
	}
	return p.refusal(update)
}

// refusal is the table of what is refused in which state.
func (p *collectPayment) refusal(update string) error {
	no := func(why string) error { return refuse("%s: the payment is %s; %s", update, p.stateAndReason(), why) }
	ending := update == UpdateCancel || update == UpdateWriteOff
	switch {
	case p.st.State.Ended():
		if ending {
			return nil // answered with the end that it has
		}
		return no("it has ended")
	case p.st.Reason == ReasonDuplicateNotRefunded && update != UpdateRetry:
		return no("only retry is possible: it repeats the refund")
	case p.st.Reason == ReasonReferenceConflict && !ending:
		return no("only cancel and write_off are possible: use another reference")
	case ending:
		return nil
	}
	switch p.st.State {
	case PaymentCharging, PaymentProcessing:
		if update == UpdateRetry || update == UpdateReschedule {
			return no("an attempt is under way")
		}
	case PaymentAwaitingCustomer:
		if update == UpdateReschedule && p.st.Session != "" {
			return no("the customer has a checkout open until " + p.st.SessionExpires.Format(time.RFC3339))
		}
	case PaymentScheduled, PaymentRetryScheduled, PaymentNeedsAttention, PaymentPaid, PaymentUncollectible, PaymentCanceled:
	}
	return nil
}

func (p *collectPayment) stateAndReason() string {
	if p.st.Reason != "" {
		return string(p.st.State) + " (" + p.st.Reason + ")"
	}
	return string(p.st.State)
}

// carryOut does what an Update asks for, in the main loop, and answers it.
func (p *collectPayment) carryOut(ctx workflow.Context, c *command) {
	if c.update == UpdateOpenCheckout {
		c.answer = p.openCheckout(ctx)
		c.done = true
		return
	}
	// The state may have changed while the Update was waiting in the queue.
	if c.err = p.refusal(c.update); c.err == nil {
		c.err = p.operate(ctx, c)
	}
	c.done = true
	outcome := string(p.st.State)
	if c.err != nil {
		outcome = "refused: " + outcome
	}
	p.recordAudit(ctx, c, outcome)
	if c.err != nil && c.op.Actor == actorTemporal {
		workflow.GetLogger(ctx).Warn("cancellation refused", "state", p.st.State)
	}
}

func (p *collectPayment) operate(ctx workflow.Context, c *command) error {
	if !p.st.State.Ended() && p.st.State != PaymentScheduled && p.st.State != PaymentRetryScheduled {
		p.restartPolls(ctx, p.in.Reference)
	}
	switch c.update {
	case UpdateRetry:
		return p.retry(ctx)
	case UpdateReschedule:
		return p.reschedule(ctx, c.op.Due)
	case UpdateChangePaymentMethod:
		return p.changePaymentMethod(ctx, c.op.PaymentMethod)
	case UpdateCancel:
		return p.stop(ctx, c.update, PaymentCanceled)
	case UpdateWriteOff:
		return p.stop(ctx, c.update, PaymentUncollectible)
	}
	return nil
}

// stop ends the payment. A payment that was taken wins; one that a bank works on cannot be stopped.
func (p *collectPayment) stop(ctx workflow.Context, update string, as PaymentState) error {
	if p.st.State.Ended() {
		return nil
	}
	if err := p.endWhenClosed(ctx, as); err != nil {
		return refuse("%s: the payment is %s; what became of the last attempt is not known yet (%s)", update, p.stateAndReason(), errorType(err))
	}
	if p.st.State == PaymentProcessing || p.st.Reason == ReasonProcessingTooLong {
		return refuse("%s: the payment is %s; the bank is working on it", update, p.stateAndReason())
	}
	return nil
}

// retry makes the next attempt now. It counts like any other, and never charges a card that said a final no.
func (p *collectPayment) retry(ctx workflow.Context) error {
	if p.st.Reason == ReasonDuplicateNotRefunded {
		p.st.RefundRetries++
		p.settle(ctx)
		return nil
	}
	return p.attemptAt(ctx, UpdateRetry, workflow.Now(ctx))
}

// reschedule moves the next attempt; a time that has passed is now.
func (p *collectPayment) reschedule(ctx workflow.Context, due time.Time) error {
	due = later(due, workflow.Now(ctx)).UTC()
	if p.st.State == PaymentScheduled {
		p.st.NextAt = due
		return nil
	}
	if err := p.attemptAt(ctx, UpdateReschedule, due); err != nil {
		return err
	}
	p.st.Rescheduled = due
	return nil
}

// attemptAt plans an attempt that an operator asked for.
func (p *collectPayment) attemptAt(ctx workflow.Context, update string, at time.Time) error {
	if p.st.State == PaymentNeedsAttention && p.st.Reason != ReasonRefused {
		p.st.LookUpDue = true
		if err := p.lookUpFirst(ctx, true); err != nil {
			return refuse("%s: Stripe does not answer (%s); try again", update, errorType(err))
		}
		switch {
		case p.st.State.Ended(), p.st.State == PaymentProcessing:
			return nil // that is what became of the payment
		case p.st.Reason == ReasonReferenceConflict, p.st.Reason == ReasonDuplicateNotRefunded, p.st.Reason == ReasonProcessingTooLong:
			return refuse("%s: the payment is %s", update, p.stateAndReason())
		}
	}
	if err := p.mayAttempt(ctx, update); err != nil {
		return err
	}
	p.st.NextAt = later(at, p.st.NotBefore).UTC()
	if p.st.Session != "" {
		switch p.closeWays(ctx, p.st.Intent) {
		case waysPaid:
			p.settle(ctx)
			return nil
		case waysProcessing:
			p.enterProcessing(ctx)
			return nil
		case waysOpen:
			p.wayStuck(ctx)
			return nil
		case waysClosed:
		}
	}
	if p.st.State != PaymentScheduled {
		p.move(ctx, PaymentRetryScheduled)
	}
	return nil
}

// mayAttempt refuses an attempt beyond the ceiling, and one on a card that said a final no.
func (p *collectPayment) mayAttempt(ctx workflow.Context, update string) error {
	if p.st.Reached >= p.in.Policy.MaxAttempts {
		return refuse("%s: %d automatic attempts were made, no more are allowed; the customer can still pay by the link", update, p.st.Reached)
	}
	final := p.st.LastClass != "" && !p.st.LastClass.Retryable()
	if !final && len(p.st.FinalNos) == 0 {
		return nil
	}
	m, err := p.readMethod(ctx, p.method())
	if err != nil {
		return refuse("%s: Stripe does not answer (%s); try again", update, errorType(err))
	}
	if m.PaymentMethod == "" || final && !p.methodChanged(m) || p.saidFinalNo(m.PaymentMethod, m.Stamp) {
		return refuse("%s: the last decline is final for this payment method; change the payment method first", update)
	}
	return nil
}

// changePaymentMethod puts another saved method in place. Where an attempt makes sense, it follows at once.
func (p *collectPayment) changePaymentMethod(ctx workflow.Context, method string) error {
	m, err := p.readMethod(ctx, method)
	if err != nil {
		return refuse("%s: Stripe does not answer (%s); try again", UpdateChangePaymentMethod, errorType(err))
	}
	if m.CustomerDeleted {
		p.attention(ctx, ReasonCustomerDeleted)
		return refuse("%s: the customer was deleted", UpdateChangePaymentMethod)
	}
	if m.PaymentMethod == "" {
		return refuse("payment_method: %s does not exist or belongs to another customer", quoteShort(method))
	}
	before := p.st.Method
	p.st.Method = method
	if p.st.State == PaymentScheduled || p.st.State == PaymentProcessing {
		return nil
	}
	retries := p.st.Retries
	p.st.Retries = 0
	if err := p.attemptAt(ctx, UpdateChangePaymentMethod, workflow.Now(ctx)); err != nil {
		p.st.Method, p.st.Retries = before, retries // what is refused changes nothing
		return err
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
