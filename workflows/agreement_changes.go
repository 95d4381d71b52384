package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/calendar"
)

// operate changes the agreement as an Update asks, and remembers the answer. What is refused changes nothing, and is not
// remembered: the same request may be sent again.
func (a *billingAgreement) operate(ctx workflow.Context, c *command) error {
	answer := answeredRequest{}
	switch c.update {
	case UpdatePause:
		a.pause(ctx, c.change.Until.UTC(), "")
	case UpdateResume:
		if err := a.resume(ctx, c.change.CatchUp); err != nil {
			return err
		}
	case UpdateSkipNext:
		a.skip(ctx, skippedByOperator)
		a.cycleDone = true // the next run has its dates in its input
	case UpdateChangeAmount:
		a.st.Amount = c.change.Amount
	case UpdateChangeSchedule:
		if err := a.changeSchedule(ctx, *c.change.Schedule); err != nil {
			return err
		}
	case UpdateChangePaymentMethod:
		if err := a.changePaymentMethod(ctx, c); err != nil {
			return err
		}
		if c.change.SaveCard {
			answer.Ask = a.st.CardAsks
		}
	case UpdateChargeNow:
		return a.chargeNow(ctx, c)
	case UpdateCancel:
		a.cancel(ctx, c)
	}
	a.remember(c, answer)
	return nil
}

// resume ends a pause or a stop. A customer or card that is gone must be mended first.
func (a *billingAgreement) resume(ctx workflow.Context, mode CatchUp) error {
	if a.st.Reason == AgreementReasonCustomerDeleted || a.st.Reason == AgreementReasonMethodDetached {
		m, err := a.readMethod(ctx, a.st.Method)
		switch {
		case err != nil:
			return refuse("%s: Stripe does not answer (%s); try again", UpdateResume, errorType(err))
		case m.CustomerDeleted:
			return refuse("%s: the customer was deleted; cancel the agreement", UpdateResume)
		case m.PaymentMethod == "":
			return refuse("%s: the payment method is not the customer's any more; change it first", UpdateResume)
		}
	}
	if mode == "" {
		mode = CatchUpNone
	}
	a.acknowledge(ctx)
	a.resumeAt(ctx, workflow.Now(ctx), mode)
	return nil
}

// changeSchedule replaces the dates from now on.
func (a *billingAgreement) changeSchedule(ctx workflow.Context, s calendar.Schedule) error {
	now := workflow.Now(ctx).UTC()
	if _, err := calendar.New(s, a.zone, now); err != nil {
		return refuse("%s", err.Error())
	}
	a.keepPassed(ctx, now)
	a.in.Schedule, a.st.ChangedAt, a.calendar = s, now, nil
	a.cycleDone = true
	if a.st.State == AgreementOnHold {
		a.move(ctx, AgreementActive, "")
	}
	if a.st.Next == nil || a.st.Next.At.After(now) {
		a.st.UsedUntil = later(a.st.UsedUntil, now)
		a.planNext(ctx)
	}
	return nil
}

// changePaymentMethod puts another saved method in place, or asks the customer for one.
func (a *billingAgreement) changePaymentMethod(ctx workflow.Context, c *command) error {
	if c.change.SaveCard {
		a.askCard(ctx, askBecauseGone)
		if !a.st.AskOpen {
			return refuse("%s: the customer could not be asked; try again", c.update)
		}
		c.changed.SavePaymentMethod = a.askReference(a.st.CardAsks)
		return nil
	}
	m, err := a.readMethod(ctx, c.change.PaymentMethod)
	switch {
	case err != nil:
		return refuse("%s: Stripe does not answer (%s); try again", c.update, errorType(err))
	case m.CustomerDeleted:
		a.stop(ctx, AgreementReasonCustomerDeleted)
		return refuse("%s: the customer was deleted", c.update)
	case m.PaymentMethod == "":
		return refuse("payment_method: %s does not exist or belongs to another customer", quoteShort(c.change.PaymentMethod))
	}
	if c.change.PaymentMethod != a.st.Method {
		a.changeMethod(ctx, c.change.PaymentMethod)
	}
	return nil
}

// cancel ends the agreement now, or where its next period would begin.
func (a *billingAgreement) cancel(ctx workflow.Context, c *command) {
	if a.st.State.Ended() {
		return
	}
	if c.change.OpenPayments == OpenPaymentsWriteOff {
		c.changed.NotWrittenOff = a.writeOff(ctx, c)
	}
	if c.change.AtPeriodEnd && a.st.Next != nil && a.st.Next.At.After(workflow.Now(ctx)) {
		a.st.CancelAt = a.st.Next.At
		return
	}
	a.cancelNow(ctx)
}

func (a *billingAgreement) cancelNow(ctx workflow.Context) {
	if !a.st.State.Ended() {
		a.end(ctx, AgreementCanceled, "")
	}
}

// writeOff writes the open payments off, and answers those that could not be.
func (a *billingAgreement) writeOff(ctx workflow.Context, c *command) []string {
	a.writingOff = true
	defer func() { a.writingOff = false }()
	var not []string
	for i := 0; i < len(a.st.Open); {
		reference := a.paymentReference(a.st.Open[i].Key)
		res, err := execute(ctx, readOptions, handovers.Instruct, activities.InstructInput{
			WorkflowID: PaymentID(reference), Update: UpdateWriteOff, RequestID: AgreementID(a.in.Reference) + ":write_off:" + c.request,
			Actor: c.op.Actor, Reason: c.op.Reason,
		})
		switch {
		case err != nil || res.Refused != "" || res.Pending || !res.Ended && !PaymentState(res.State).Ended():
			workflow.GetLogger(ctx).Warn("payment not written off", "reference", reference, "refused", res.Refused, "error_type", errorType(err))
			not = append(not, reference)
			i++
		case res.Ended:
			// How it ended comes as a signal of its own.
			i++
		default:
			a.paymentEnded(ctx, PaymentEnded{Reference: reference, State: PaymentState(res.State)})
		}
	}
	return not
}

// cancelOpenAsk calls off what the customer was asked for.
func (a *billingAgreement) cancelOpenAsk(ctx workflow.Context) {
	if !a.st.AskOpen {
		return
	}
	a.st.AskOpen = false
	reference := a.askReference(a.st.CardAsks)
	a.undelivered++
	workflow.GoNamed(ctx, "cancel-save-payment-method", func(ctx workflow.Context) {
		defer func() { a.undelivered-- }()
		_, err := execute(ctx, notifyOptions, handovers.Instruct, activities.InstructInput{
			WorkflowID: SavePaymentMethodID(reference), Update: UpdateCancel, RequestID: AgreementID(a.in.Reference) + ":cancel",
			Actor: actorAgreement, Reason: "the agreement has ended",
		})
		if err != nil {
			workflow.GetLogger(ctx).Warn("saving a payment method not canceled", "reference", reference, "error_type", errorType(err))
		}
	})
}
