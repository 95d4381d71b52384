package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"
)

// handleMessages sets up the query and the Updates, before anything blocks.
func (d *deferredSubscription) handleMessages(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, QueryStatus, d.status); err != nil {
		return fmt.Errorf("query %s: %w", QueryStatus, err)
	}
	if err := workflow.SetUpdateHandler(ctx, UpdateOpenCheckout, d.handleOpenCheckout); err != nil {
		return fmt.Errorf("update %s: %w", UpdateOpenCheckout, err)
	}
	err := workflow.SetUpdateHandlerWithOptions(ctx, UpdateCancel, d.handleCancel, workflow.UpdateHandlerOptions{
		Validator: func(_ workflow.Context, op Operation) error { return checkOperation(op) },
	})
	if err != nil {
		return fmt.Errorf("update %s: %w", UpdateCancel, err)
	}
	return nil
}

func (d *deferredSubscription) handleOpenCheckout(ctx workflow.Context, in OpenCheckoutRequest) (OpenCheckoutResponse, error) {
	c := d.press(in)
	done, err := d.wait(ctx, c)
	if err != nil {
		return OpenCheckoutResponse{}, err
	}
	if !done {
		return OpenCheckoutResponse{Answer: CheckoutPending, State: string(d.st.State)}, nil
	}
	return c.answer, nil
}

func (d *deferredSubscription) handleCancel(ctx workflow.Context, op Operation) (OperationResponse, error) {
	done, err := d.submit(ctx, &command{update: UpdateCancel, op: op})
	if err != nil {
		return OperationResponse{}, err
	}
	return OperationResponse{State: string(d.st.State), Pending: !done || !d.st.State.Ended()}, nil
}

// carryOut does what an Update asks for, in the main loop, and answers it.
func (d *deferredSubscription) carryOut(ctx workflow.Context, c *command) {
	switch c.update {
	case UpdateOpenCheckout:
		d.openCheckout(ctx, c.open)
		c.answer = d.checkoutAnswer(ctx)
	case UpdateCancel:
		// A subscription that is ending has more to close than its watch.
		switch {
		case d.st.State.Ended():
		case d.st.EndAs != "":
			d.close(ctx)
		default:
			d.unwatch(ctx)
		}
		d.recordAudit(ctx, c, string(d.st.State))
	}
	c.done = true
}

// unwatch ends the watch, and what is left open as well when the subscription itself has ended meanwhile.
func (d *deferredSubscription) unwatch(ctx workflow.Context) {
	if d.read(ctx) && d.st.Reading.Status.Ended() {
		d.follow(ctx)
		return
	}
	d.endWhenClosed(ctx, SubscriptionEnded, SubscriptionReasonUnwatched)
}

// openCheckout re-reads the subscription, and opens a Checkout Session when that is what the customer needs and none is open.
func (d *deferredSubscription) openCheckout(ctx workflow.Context, in OpenCheckoutRequest) {
	if d.st.State.Ended() {
		return
	}
	if in.ConsentVersion != "" {
		d.st.ConsentVersion = in.ConsentVersion
	}
	d.holdMessages(ctx, customerHold)
	d.look(ctx)
	if d.st.State.Ended() || d.st.EndAs != "" {
		return
	}
	if d.st.Need == NeedPaymentMethod && d.st.Session == "" && d.st.Saved == "" && !d.sessionRefused() { // which look has just tried
		d.openSession(ctx)
	}
	if d.st.Fault == "" {
		d.restartPolls(ctx, d.in.Reference)
	}
}

// checkoutAnswer says what the customer can do now.
func (d *deferredSubscription) checkoutAnswer(ctx workflow.Context) OpenCheckoutResponse {
	r := OpenCheckoutResponse{State: string(d.st.State)}
	switch {
	case d.st.State == SubscriptionReadyAndPaid:
		r.Answer = CheckoutDone
	case d.st.State.Ended() || d.st.EndAs == SubscriptionEnded:
		r.Answer = CheckoutClosed
	case d.st.ReadAt.IsZero() || d.st.EndAs != "" || d.st.Saved != "" || d.st.Reading.Missing:
		r.Answer = CheckoutPending
	default:
		d.answerNeed(ctx, &r)
	}
	return r
}

func (d *deferredSubscription) answerNeed(ctx workflow.Context, r *OpenCheckoutResponse) {
	switch d.st.Need {
	case NeedConfirmation:
		r.Answer, r.SetupIntent = CheckoutReady, d.st.Reading.SetupIntent
	case NeedPaymentMethod:
		switch {
		case d.st.Session != "":
			r.Answer, r.SessionID = CheckoutReady, d.st.Session
		case d.sessionRefused():
			r.Answer = CheckoutClosed // only a person can go on
		default:
			r.Answer = CheckoutPending
		}
	case NeedInvoicePaid:
		r.Answer = CheckoutBusy
		if guarded(workflow.Now(ctx), d.st.Reading.NextPaymentAttempt).IsZero() {
			r.Answer, r.Invoice = CheckoutReady, d.st.Reading.Invoice
		}
	case NeedBank:
		r.Answer = CheckoutProcessing
	case "":
		r.Answer = CheckoutDone
		if d.st.State == SubscriptionAtRisk && d.st.Reason != SubscriptionReasonPaused {
			r.Answer = CheckoutClosed
		}
	}
}
