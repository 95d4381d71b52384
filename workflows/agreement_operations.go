package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/workflows/calendar"
	"github.com/offsession/offsession/workflows/money"
)

// agreementUpdates are all Updates of an agreement.
var agreementUpdates = []string{
	UpdatePause, UpdateResume, UpdateSkipNext, UpdateChangeAmount, UpdateChangeSchedule, UpdateChangePaymentMethod, UpdateChargeNow, UpdateCancel,
}

// handleMessages sets up the query and the Updates, before anything blocks.
func (a *billingAgreement) handleMessages(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, QueryStatus, a.status); err != nil {
		return fmt.Errorf("query %s: %w", QueryStatus, err)
	}
	for _, update := range agreementUpdates {
		handler := func(ctx workflow.Context, op AgreementOperation) (AgreementResponse, error) {
			return a.handle(ctx, update, op)
		}
		validator := func(ctx workflow.Context, op AgreementOperation) error {
			if a.answered(ctx, update) != nil {
				return nil
			}
			return a.validate(ctx, update, op)
		}
		if err := workflow.SetUpdateHandlerWithOptions(ctx, update, handler, workflow.UpdateHandlerOptions{Validator: validator}); err != nil {
			return fmt.Errorf("update %s: %w", update, err)
		}
	}
	return nil
}

// handle answers a repeated request as before, and gives any other to the main loop.
func (a *billingAgreement) handle(ctx workflow.Context, update string, op AgreementOperation) (AgreementResponse, error) {
	if r := a.answered(ctx, update); r != nil {
		return a.answer(*r), nil
	}
	c := &command{
		update: update, op: Operation{Actor: op.Actor, Reason: op.Reason}, change: op,
		request: mark(update + ":" + workflow.GetCurrentUpdateInfo(ctx).ID),
	}
	done, err := a.submit(ctx, c)
	if err != nil || c.err != nil {
		return AgreementResponse{}, firstError(err, c.err)
	}
	if !done {
		c.answered = true
		c.changed.State, c.changed.NextDueAt, c.changed.Pending = a.st.State, a.nextDue(), true
		if c.changed.Payment != "" {
			c.changed.PaymentState = a.paymentState(c.changed.Payment)
		}
	}
	return c.changed, nil
}

// answered finds the answer to an Update with the same id, which may have come in an earlier run.
func (a *billingAgreement) answered(ctx workflow.Context, update string) *answeredRequest {
	asked := mark(update + ":" + workflow.GetCurrentUpdateInfo(ctx).ID)
	for i := range a.st.Requests {
		if a.st.Requests[i].Mark == asked {
			return &a.st.Requests[i]
		}
	}
	return nil
}

// answer is an answer given before; what became of a charge meanwhile is told as well.
func (a *billingAgreement) answer(r answeredRequest) AgreementResponse {
	res := AgreementResponse{State: r.State}
	if r.Next > 0 {
		res.NextDueAt = time.Unix(r.Next, 0).UTC()
	}
	if r.Now > 0 {
		res.Payment = a.paymentReference(fmt.Sprintf("now%d", r.Now))
		res.PaymentState = a.paymentState(res.Payment)
	}
	if r.Ask > 0 {
		res.SavePaymentMethod = a.askReference(r.Ask)
	}
	return res
}

// remember keeps the answer to a request; a second call for the same request replaces it.
func (a *billingAgreement) remember(c *command, r answeredRequest) {
	if c.request == "" {
		return
	}
	r.Mark, r.State = c.request, a.st.State
	if next := a.nextDue(); !next.IsZero() {
		r.Next = next.Unix()
	}
	a.st.Requests = slices.DeleteFunc(a.st.Requests, func(o answeredRequest) bool { return o.Mark == c.request })
	a.st.Requests = keepLast(append(a.st.Requests, r), answeredRequests)
}

// validate refuses what makes no sense, before anything is written to history.
func (a *billingAgreement) validate(ctx workflow.Context, update string, op AgreementOperation) error {
	if err := checkOperation(Operation{Actor: op.Actor, Reason: op.Reason}); err != nil {
		return err
	}
	if err := a.validateValues(ctx, update, op); err != nil {
		return err
	}
	return a.refusal(update)
}

func (a *billingAgreement) validateValues(ctx workflow.Context, update string, op AgreementOperation) error {
	now := workflow.Now(ctx)
	if op.Currency != "" && op.Currency != a.in.Currency {
		return refuse("currency: %s; the agreement's is %s and never changes: start a new agreement", quoteShort(op.Currency), a.in.Currency)
	}
	switch update {
	case UpdatePause:
		if !op.Until.IsZero() && !op.Until.After(now) {
			return refuse("until: %s is in the past; give a later time, or none", op.Until.Format(time.RFC3339))
		}
		if op.Until.After(now.Add(dueMost)) {
			return refuse("until: %s is more than 100 years ahead", op.Until.Format(time.RFC3339))
		}
	case UpdateResume:
		if !slices.Contains([]CatchUp{"", CatchUpAll, CatchUpLatest, CatchUpNone}, op.CatchUp) {
			return refuse("catch_up: %s; must be all, latest or none", quoteShort(string(op.CatchUp)))
		}
	case UpdateChangeAmount, UpdateChargeNow:
		return a.validateAmount(update, op.Amount)
	case UpdateChangeSchedule:
		if op.Schedule == nil {
			return refuse("schedule: missing; give the new one")
		}
		if _, err := calendar.New(*op.Schedule, a.zone, now); err != nil {
			return refuse("%s", err.Error())
		}
	case UpdateChangePaymentMethod:
		switch {
		case op.SaveCard == (op.PaymentMethod != ""):
			return refuse("payment_method: give either a payment method or save_card")
		case op.PaymentMethod != "" && !paymentMethodID.MatchString(op.PaymentMethod):
			return refuse("payment_method: %s is not the id of a payment method (pm_…)", quoteShort(op.PaymentMethod))
		}
	case UpdateCancel:
		if !slices.Contains([]OpenPayments{"", OpenPaymentsCollect, OpenPaymentsWriteOff}, op.OpenPayments) {
			return refuse("open_payments: %s; must be collect or write_off", quoteShort(string(op.OpenPayments)))
		}
	}
	return nil
}

func (a *billingAgreement) validateAmount(update string, amount int64) error {
	switch {
	case update == UpdateChargeNow && amount == 0 && a.in.AmountFrom == "":
		return nil // the agreement's own
	case update == UpdateChangeAmount && a.in.AmountFrom != "":
		return refuse("amount: %d; the agreement's amounts come from the app (amount_from: %s)", amount, a.in.AmountFrom)
	}
	if err := money.Check(amount, a.in.Currency); err != nil {
		return refuse("amount: %d; %s", amount, err.Error())
	}
	for _, c := range []struct {
		field string
		most  int64
	}{{"max_amount_per_charge", a.in.MaxAmountPerCharge}, {"max_amount_per_month", a.in.MaxAmountPerMonth}} {
		if c.most > 0 && amount > c.most {
			return refuse("amount: %d is above the agreement's %s of %d", amount, c.field, c.most)
		}
	}
	return nil
}

// refusal is the table of what is refused in which state.
func (a *billingAgreement) refusal(update string) error {
	no := func(why string) error { return refuse("%s: the agreement is %s; %s", update, a.stateAndReason(), why) }
	allowed := func(states ...AgreementState) bool { return slices.Contains(states, a.st.State) }
	switch {
	case a.st.State.Ended():
		if update == UpdateCancel && a.st.State == AgreementCanceled {
			return nil // answered with the end that it has
		}
		return no("it has ended")
	case update == UpdateCancel:
		return nil
	case a.st.State == AgreementSettling:
		return no("there are no more dates")
	}
	switch update {
	case UpdatePause:
		if !allowed(AgreementActive, AgreementOnHold, AgreementPaused) {
			return no("nothing is charged")
		}
	case UpdateResume:
		if !allowed(AgreementPaused, AgreementNeedsAttention) {
			return no("it does not stand still")
		}
	case UpdateSkipNext:
		if a.st.Next == nil {
			return no("there is no next date")
		}
	case UpdateChargeNow:
		if !allowed(AgreementActive, AgreementOnHold) {
			return no("nothing is charged")
		}
	case UpdateChangeSchedule:
		if !a.begun() {
			return no("it has not begun; cancel it and start another")
		}
	case UpdateChangePaymentMethod:
		if allowed(AgreementSavingCard) {
			return no("the customer is being asked for a payment method")
		}
	}
	return nil
}

func (a *billingAgreement) stateAndReason() string {
	if a.st.Reason != "" {
		return string(a.st.State) + " (" + a.st.Reason + ")"
	}
	return string(a.st.State)
}

// carryOut does what an Update asks for, in the main loop, and answers it.
func (a *billingAgreement) carryOut(ctx workflow.Context, c *command) {
	// The state may have changed while the Update was waiting in the queue.
	if c.err = a.refusal(c.update); c.err == nil {
		c.err = a.operate(ctx, c)
	}
	c.changed.State, c.changed.NextDueAt = a.st.State, a.nextDue()
	if c.changed.Payment != "" {
		c.changed.PaymentState = a.paymentState(c.changed.Payment)
	}
	c.done = true
	outcome := string(a.st.State)
	if c.err != nil {
		outcome = "refused: " + outcome
	}
	a.recordAudit(ctx, c, outcome)
	if c.err != nil && c.answered {
		// The caller was told pending. In the next run, the same request is not taken for one that is still under way.
		a.cycleDone = true
	}
}
