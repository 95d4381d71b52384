package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/dunning"
)

// message is the frame of every message about the payment. Its id is stable per kind and attempt; a second occasion after
// the same attempt has one of its own.
func (p *collectPayment) message(ctx workflow.Context, kind activities.NotificationKind) activities.Notification {
	id := fmt.Sprintf("%s:%s:%d", PaymentID(p.in.Reference), kind, p.st.Number)
	if p.st.Occasion > 1 {
		id = fmt.Sprintf("%s:%d", id, p.st.Occasion)
	}
	return activities.Notification{
		ID:            id,
		Kind:          kind,
		WorkflowID:    PaymentID(p.in.Reference),
		Reference:     p.in.Reference,
		Customer:      p.in.Customer,
		At:            workflow.Now(ctx).UTC(),
		State:         string(p.st.State),
		Amount:        p.in.Amount,
		Currency:      p.in.Currency,
		Description:   p.in.Description,
		PaymentIntent: p.st.Intent,
		Owner:         p.in.Owner,
		Attempt:       p.st.Number,
		TimeZone:      p.in.TimeZone,
	}
}

// withLink adds the customer's durable link to a message.
func (p *collectPayment) withLink(n activities.Notification) activities.Notification {
	n.Link, n.LinkExpires = true, p.linkExpires()
	return n
}

func (p *collectPayment) tellRetry(ctx workflow.Context, d dunning.Decision, codes activities.Codes) {
	n := p.withLink(p.message(ctx, activities.NotifyPaymentRetryScheduled))
	n.DeclineCode, n.NextAttemptAt, n.Generic = codes.Reason(), p.st.NextAt, d.Class == dunning.ClassFraud
	p.tellCustomer(ctx, n)
}

func (p *collectPayment) tellAsk(ctx workflow.Context, codes activities.Codes) {
	n := p.withLink(p.message(ctx, p.st.AskKind))
	n.DeclineCode, n.Deadline, n.Generic = codes.Reason(), p.st.Deadline, p.st.LastClass == dunning.ClassFraud
	if n.Generic {
		n.DeclineCode = ""
	}
	p.tellCustomer(ctx, n)
}

// tellCustomer sends a message to the customer, or holds it while customers are told nothing. The newest says all.
func (p *collectPayment) tellCustomer(ctx workflow.Context, n activities.Notification) {
	if p.st.MessagesFrom.After(workflow.Now(ctx)) {
		p.st.Held = &n
		return
	}
	p.st.Told = true
	p.tell(ctx, n)
}

// holdsMessage reports whether a message waits for its time. One about a state that the payment has left waits until it is
// back there; a new attempt, or the end, withdraws it.
func (p *collectPayment) holdsMessage() bool {
	return p.st.Held != nil && p.st.Held.State == string(p.st.State)
}

// tellHeld sends the message that waited, with the times as they are now.
func (p *collectPayment) tellHeld(ctx workflow.Context) {
	n := p.withLink(*p.st.Held)
	p.st.Held = nil
	n.At = workflow.Now(ctx).UTC()
	if n.Kind == activities.NotifyPaymentRetryScheduled {
		n.NextAttemptAt = later(p.st.NextAt, p.st.NotBefore)
	} else {
		n.Deadline = p.st.Deadline
	}
	p.tellCustomer(ctx, n)
}

// nextReminder is when the customer is reminded next; zero when no more.
func (p *collectPayment) nextReminder() time.Time {
	times := p.in.Policy.ReminderTimes(p.st.AskedAt, p.zone)
	if p.st.AskedAt.IsZero() || p.st.Reminders >= len(times) {
		return time.Time{}
	}
	return times[p.st.Reminders]
}

func (p *collectPayment) remind(ctx workflow.Context) {
	// After a long outage one reminder stands for all that were missed.
	for next := p.nextReminder(); !next.IsZero() && !next.After(workflow.Now(ctx)); next = p.nextReminder() {
		p.st.Reminders++
	}
	n := p.withLink(p.message(ctx, p.st.AskKind))
	n.ID = fmt.Sprintf("%s:reminder:%d", n.ID, p.st.Reminders)
	n.Deadline, n.Generic = p.st.Deadline, p.st.LastClass == dunning.ClassFraud
	p.tellCustomer(ctx, n)
}

func (p *collectPayment) tellProcessing(ctx workflow.Context) {
	p.tell(ctx, p.message(ctx, activities.NotifyPaymentProcessing))
}

// tellEnd tells the customer who heard of a failure, and the app, how it ended.
func (p *collectPayment) tellEnd(ctx workflow.Context) {
	switch p.st.State {
	case PaymentPaid:
		if p.st.Told {
			p.tell(ctx, p.paidMessage(ctx, activities.NotifyPaymentRecovered))
		}
		if p.in.Events == EventsAll || p.st.Exception {
			p.tell(ctx, p.paidMessage(ctx, activities.NotifyPaymentPaid))
		}
	case PaymentUncollectible:
		n := p.message(ctx, activities.NotifyPaymentUncollectible)
		n.AppOnly = !p.st.Told
		p.tell(ctx, n)
	case PaymentScheduled, PaymentCharging, PaymentProcessing, PaymentRetryScheduled, PaymentAwaitingCustomer,
		PaymentNeedsAttention, PaymentCanceled:
	}
}

func (p *collectPayment) paidMessage(ctx workflow.Context, kind activities.NotificationKind) activities.Notification {
	n := p.message(ctx, kind)
	n.PaymentIntent, n.PaymentMethod = p.st.PaidIntent, p.st.PaidMethod
	return n
}
