package workflows

import (
	"cmp"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/workflows/calendar"
)

// billingAgreement is one run of the workflow: one cycle.
type billingAgreement struct {
	entity
	in       BillingAgreementInput
	st       *agreementState
	zone     *time.Location
	calendar *calendar.Calendar // of the schedule in force; nil until it is asked for

	paymentsEnded workflow.ReceiveChannel
	methodsSaved  workflow.ReceiveChannel
	// writingOff says that the payments that end now do so because an operator cancels the agreement.
	writingOff bool
}

// BillingAgreement is a customer's standing permission: it has a payment method saved if it must, charges one payment per
// due date, hands each one that does not succeed at once to a CollectPayment, and goes on for years, one run per cycle.
// It ends as completed or canceled. It fails only when its input is wrong.
func BillingAgreement(ctx workflow.Context, in BillingAgreementInput) (BillingAgreementResult, error) {
	a, err := newBillingAgreement(ctx, in)
	if err != nil {
		return BillingAgreementResult{}, err
	}
	// Nothing that is under way is abandoned by a cancellation: it is a request like any other.
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if err := a.handleMessages(ctx); err != nil {
		return BillingAgreementResult{}, err
	}
	a.listen(ctx)
	a.paymentsEnded = workflow.GetSignalChannel(ctx, SignalPaymentEnded)
	a.methodsSaved = workflow.GetSignalChannel(ctx, SignalPaymentMethodSaved)
	a.inbox = a.takeInbox
	a.waiting = func() bool { return a.paymentsEnded.Len() > 0 || a.methodsSaved.Len() > 0 }
	again, err := a.mainLoop(detached, a)
	switch {
	case err != nil:
		return BillingAgreementResult{}, err
	case again:
		return BillingAgreementResult{}, continueAsNew(ctx, TypeBillingAgreement, a.carry())
	}
	return BillingAgreementResult{State: a.st.State, Reason: a.st.Reason, Charges: a.st.Charges, Paid: a.st.Paid}, nil
}

func newBillingAgreement(ctx workflow.Context, in BillingAgreementInput) (*billingAgreement, error) {
	in = in.full()
	zone, err := loadZone(in.TimeZone)
	if err != nil {
		return nil, err
	}
	if err := checkWorkflowReference(in.Reference); err != nil {
		return nil, invalidInput(err)
	}
	st := in.Carried
	if st == nil {
		if _, err := calendar.New(in.Schedule, zone, workflow.GetInfo(ctx).WorkflowStartTime); err != nil {
			return nil, invalidInput(err)
		}
		// Not the time of the first task: no date is lost because workers were down when the agreement was started.
		started := workflow.GetInfo(ctx).WorkflowStartTime.UTC()
		st = &agreementState{
			Version: agreementStateVersion, State: AgreementActive, StartedAt: started, BeganAt: started, Method: in.PaymentMethod, CardDue: true,
		}
		if in.PaymentMethod == "" {
			st.State, st.CardDue, st.BeganAt = AgreementSavingCard, false, time.Time{}
		}
	}
	checkVersion(st.Version, agreementStateVersion)
	in.Carried = nil
	a := &billingAgreement{in: in, st: st, zone: zone}
	a.entity = entity{entityState: &st.entityState, published: readPublished(ctx)}
	return a, nil
}

func (a *billingAgreement) ended() bool { return a.st.State.Ended() }

// takeInbox takes the signals of the workflows that this one started.
func (a *billingAgreement) takeInbox() {
	var ended PaymentEnded
	for a.paymentsEnded.ReceiveAsync(&ended) {
		a.st.Ended = append(a.st.Ended, ended)
		ended = PaymentEnded{}
	}
	var saved PaymentMethodSaved
	for a.methodsSaved.ReceiveAsync(&saved) {
		a.st.Saved = append(a.st.Saved, saved)
		saved = PaymentMethodSaved{}
	}
}

// actNow does what comes before any message: it gets to know the customer's past and card, and follows the signals.
func (a *billingAgreement) actNow(ctx workflow.Context) bool {
	switch {
	case !a.st.LookedBack:
		a.lookBack(ctx)
	case len(a.st.Ended) > 0:
		ended := a.st.Ended[0]
		a.st.Ended = a.st.Ended[1:]
		a.paymentEnded(ctx, ended)
	case len(a.st.Saved) > 0:
		saved := a.st.Saved[0]
		a.st.Saved = a.st.Saved[1:]
		a.methodSaved(ctx, saved)
	case a.st.State == AgreementSavingCard && !a.st.AskOpen:
		a.askCard(ctx, askAtStart)
	case a.st.CardDue:
		a.readCard(ctx)
	case a.st.State == AgreementActive && !a.begun():
		a.begin(ctx)
	case a.st.State == AgreementSettling && len(a.st.Open) == 0:
		a.end(ctx, AgreementCompleted, "")
	default:
		return false
	}
	return true
}

// nextWake is the earliest of all that has a time.
func (a *billingAgreement) nextWake() (time.Time, string) {
	type wake struct {
		at   time.Time
		what string
	}
	wakes := []wake{{a.st.CancelAt, "end of the agreement"}, {a.checkAt(), "ask about open payments"}}
	switch a.st.State {
	case AgreementActive:
		wakes = append(wakes, wake{a.chargeAt(), "next charge"}, wake{a.noticeAt(), "tell the customer of the next charge"},
			wake{a.cardNoticeAt(), "ask for a card that does not expire"})
	case AgreementPaused, AgreementNeedsAttention:
		wakes = append(wakes, wake{a.st.PausedUntil, "end of the pause"}, wake{a.st.RemindAt, "remind the app of the pause"})
	case AgreementSavingCard, AgreementOnHold, AgreementSettling, AgreementCompleted, AgreementCanceled:
	}
	var first wake
	for _, w := range wakes {
		if !w.at.IsZero() && (first.at.IsZero() || w.at.Before(first.at)) {
			first = w
		}
	}
	return first.at, first.what
}

func (a *billingAgreement) actDue(ctx workflow.Context) {
	now := workflow.Now(ctx)
	due := func(at time.Time) bool { return !at.IsZero() && !at.After(now) }
	active := a.st.State == AgreementActive
	switch {
	case due(a.st.CancelAt):
		a.cancelNow(ctx)
	case due(a.st.PausedUntil):
		a.resumeAt(ctx, a.st.PausedUntil, CatchUpNone)
	case active && due(a.chargeAt()):
		a.dueDate(ctx)
	case active && due(a.cardNoticeAt()):
		a.cardNotice(ctx)
	case active && due(a.noticeAt()):
		a.notice(ctx)
	case due(a.st.RemindAt):
		a.tellPaused(ctx)
	default:
		a.checkOpen(ctx)
	}
}

func (a *billingAgreement) attributes() publishedAttributes {
	return publishedAttributes{state: string(a.st.State), nextAction: a.nextAction(), customer: a.in.Customer, amount: a.amount()}
}

// nextAction is the next step that matters to people: a charge, the end of a pause or of the agreement.
func (a *billingAgreement) nextAction() time.Time {
	switch a.st.State {
	case AgreementActive:
		return earliest(a.chargeAt(), a.st.CancelAt)
	case AgreementPaused:
		return earliest(a.st.PausedUntil, a.st.CancelAt)
	case AgreementSavingCard, AgreementOnHold, AgreementNeedsAttention, AgreementSettling:
		return a.st.CancelAt
	case AgreementCompleted, AgreementCanceled:
	}
	return time.Time{}
}

// begin is the agreement's first moment with a payment method.
func (a *billingAgreement) begin(ctx workflow.Context) {
	began := a.st.BeganAt
	a.st.PeriodFrom = began
	a.st.UsedUntil = began.Add(-time.Nanosecond)
	a.cycleDone = true // the next run has its dates in its input
	if a.in.FirstCharge == FirstChargeNow {
		a.setNext(calendar.At(began, a.zone, a.in.Schedule.SubDaily))
		return
	}
	a.planNext(ctx)
}

// begun reports whether the agreement has ever had a payment method, and so dates.
func (a *billingAgreement) begun() bool { return !a.st.PeriodFrom.IsZero() }

// status answers QueryStatus.
func (a *billingAgreement) status() (AgreementStatus, error) {
	s := AgreementStatus{
		Reference:          a.in.Reference,
		State:              a.st.State,
		Reason:             a.st.Reason,
		Customer:           a.in.Customer,
		PaymentMethod:      a.st.Method,
		Card:               a.st.Card,
		Amount:             a.amount(),
		AmountFrom:         a.in.AmountFrom,
		Currency:           a.in.Currency,
		MaxAmountPerCharge: a.in.MaxAmountPerCharge,
		MaxAmountPerMonth:  a.in.MaxAmountPerMonth,
		Description:        a.in.Description,
		TimeZone:           a.in.TimeZone,
		Schedule:           a.in.Schedule,
		StartedAt:          a.st.StartedAt,
		NextDueAt:          a.nextDue(),
		NextActionAt:       a.nextAction(),
		PausedUntil:        a.st.PausedUntil,
		CancelAt:           a.st.CancelAt,
		Charges:            a.st.Charges,
		Paid:               a.st.Paid,
		Payments:           make([]AgreementPayment, 0, len(a.st.Payments)),
		Audit:              a.st.Audit,
		Undelivered:        a.st.Undelivered,
	}
	if a.st.AskOpen {
		s.SavePaymentMethod = a.askReference(a.st.CardAsks)
	}
	for _, p := range a.st.Payments {
		s.Payments = append(s.Payments, a.shown(p))
	}
	return s, nil
}

// nextDue is the next date that will be charged as things stand; zero when none will.
func (a *billingAgreement) nextDue() time.Time {
	if a.st.Next == nil || a.st.State.Ended() || !a.st.CancelAt.IsZero() && !a.st.Next.At.Before(a.st.CancelAt) {
		return time.Time{}
	}
	if until := a.st.PausedUntil; a.st.Next.At.Before(until) {
		first, _ := a.dates().Next(until.Add(-time.Nanosecond))
		return first.At
	}
	return a.st.Next.At
}

// amount is what the next date charges; 0 when the app is asked.
func (a *billingAgreement) amount() int64 { return cmp.Or(a.st.Amount, a.in.Amount) }
