package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

// message is the frame of every message about the agreement; its number makes its id.
func (a *billingAgreement) message(ctx workflow.Context, kind activities.NotificationKind) activities.Notification {
	a.st.Told++
	return activities.Notification{
		ID:            fmt.Sprintf("%s:%s:%d", AgreementID(a.in.Reference), kind, a.st.Told),
		Kind:          kind,
		WorkflowID:    AgreementID(a.in.Reference),
		Reference:     a.in.Reference,
		Customer:      a.in.Customer,
		At:            workflow.Now(ctx).UTC(),
		State:         string(a.st.State),
		Reason:        a.st.Reason,
		Amount:        a.amount(),
		Currency:      a.in.Currency,
		Description:   a.in.Description,
		PaymentMethod: a.st.Method,
		DueAt:         a.nextDue(),
		Brand:         a.st.Card.Brand,
		Last4:         a.st.Card.Last4,
		ExpMonth:      a.st.Card.ExpMonth,
		ExpYear:       a.st.Card.ExpYear,
		TimeZone:      a.in.TimeZone,
	}
}

func (a *billingAgreement) tellUpcoming(ctx workflow.Context) {
	a.tell(ctx, a.message(ctx, activities.NotifyUpcomingCharge))
}

// tellCardExpiring sends the link of the SavePaymentMethod that is open.
func (a *billingAgreement) tellCardExpiring(ctx workflow.Context) {
	n := a.message(ctx, activities.NotifyCardExpiring)
	n.WorkflowID, n.Owner = SavePaymentMethodID(a.askReference(a.st.CardAsks)), AgreementID(a.in.Reference)
	n.Link = true
	n.LinkExpires = askBecauseExpiring.deadline.After(workflow.Now(ctx), a.zone).Add(linkGrace).UTC()
	a.tell(ctx, n)
}

// tellPaused tells the app that the agreement stands still, and plans to say it again when nobody has said until when.
func (a *billingAgreement) tellPaused(ctx workflow.Context) {
	if a.st.PausedUntil.IsZero() {
		a.st.RemindAt = workflow.Now(ctx).Add(remindEvery).UTC()
	}
	a.tell(ctx, a.message(ctx, activities.NotifyAgreementPaused))
}

func (a *billingAgreement) tellEnded(ctx workflow.Context) {
	a.tell(ctx, a.message(ctx, activities.NotifyAgreementEnded))
}

// tellPaid tells an app that wants to hear of everything.
func (a *billingAgreement) tellPaid(ctx workflow.Context, p planned, res activities.ChargeResult) {
	if a.in.Events != EventsAll {
		return
	}
	reference := a.paymentReference(p.key)
	a.tell(ctx, activities.Notification{
		ID:            fmt.Sprintf("%s:%s:1", PaymentID(reference), activities.NotifyPaymentPaid),
		Kind:          activities.NotifyPaymentPaid,
		WorkflowID:    PaymentID(reference),
		Reference:     reference,
		Customer:      a.in.Customer,
		At:            workflow.Now(ctx).UTC(),
		State:         string(PaymentPaid),
		Amount:        p.amount,
		Currency:      a.in.Currency,
		Description:   p.description,
		PaymentIntent: res.PaymentIntent,
		PaymentMethod: a.st.Method,
		Attempt:       1,
		Owner:         AgreementID(a.in.Reference),
		TimeZone:      a.in.TimeZone,
	})
}
