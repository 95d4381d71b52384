package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

const (
	// customerHold is how long a customer who has just pressed the button is not written to.
	customerHold = 10 * time.Minute
	// faultHold is how long nobody is written to after Stripe could not be asked: what the message says may be over.
	faultHold = time.Hour
	// incompleteHold leaves the customer of an incomplete subscription with the app's own page first.
	incompleteHold = time.Hour
	// freshEnough is how old a reading may be that a reminder relies on.
	freshEnough = 5 * time.Minute
	// trialNews is how long after a message Stripe's word that the trial will end makes another one.
	trialNews = 20 * time.Hour
)

// holdMessages keeps messages to the customer back.
func (d *deferredSubscription) holdMessages(ctx workflow.Context, hold time.Duration) {
	if until := workflow.Now(ctx).Add(hold).UTC(); until.After(d.st.HoldUntil) {
		d.st.HoldUntil = until
	}
}

// nextMessage is when the customer is told, or reminded, of what is needed; zero when not.
func (d *deferredSubscription) nextMessage() time.Time {
	if d.st.EndAs != "" || !d.st.Need.asksCustomer() || d.sessionRefused() || d.st.Saved != "" || d.st.Reading.Missing {
		return time.Time{}
	}
	r := d.st.Reading
	var at time.Time
	switch {
	case d.st.AskedFor != d.st.Need || d.st.AskedID != d.st.NeedID: // it, or the same for another invoice or SetupIntent
		at = d.st.AskedAt
		if r.Status == activities.SubscriptionIncomplete {
			at = at.Add(incompleteHold)
		}
		if apart := d.st.ToldAt.Add(trialNews); d.st.ToldOf == d.st.Need && at.Before(apart) {
			at = apart
		}
	default:
		end := trialEnd(r)
		if d.st.Need == NeedInvoicePaid {
			end = time.Time{}
		}
		at = d.in.Policy.NextReminder(d.st.AskedAt, d.st.ToldAt, end, d.zone)
		if news := d.st.ToldAt.Add(trialNews); d.st.TrialWillEnd && (at.IsZero() || news.Before(at)) {
			at = news
		}
		if at.IsZero() {
			return at
		}
	}
	if at.Before(d.st.HoldUntil) {
		at = d.st.HoldUntil
	}
	if d.st.Need == NeedInvoicePaid {
		if end := guarded(at, r.NextPaymentAttempt); !end.IsZero() {
			at = end
		}
	}
	return at.UTC()
}

// remind tells the customer what is due to be told, if it still is.
func (d *deferredSubscription) remind(ctx workflow.Context) {
	if workflow.Now(ctx).Sub(d.st.ReadAt) > freshEnough {
		d.look(ctx) // tells, when it is still so
		return
	}
	d.tellCustomer(ctx)
}

// tellCustomer sends the message about what is needed, unless Stripe is about to collect the invoice itself.
func (d *deferredSubscription) tellCustomer(ctx workflow.Context) {
	if until := guarded(workflow.Now(ctx), d.st.Reading.NextPaymentAttempt); d.st.Need == NeedInvoicePaid && !until.IsZero() {
		d.st.HoldUntil = until.UTC()
		return
	}
	kind := activities.NotifySubscriptionPaymentMethodNeeded
	switch d.st.Need {
	case NeedConfirmation:
		kind = activities.NotifySubscriptionActionRequired
	case NeedInvoicePaid:
		kind = activities.NotifySubscriptionInvoiceUnpaid
	case NeedPaymentMethod, NeedBank, "":
	}
	n := d.message(ctx, kind)
	n.Reminder = d.st.AskedFor == d.st.Need && d.st.AskedID == d.st.NeedID
	n.Link, n.LinkExpires = true, d.linkExpires()
	d.st.AskedFor, d.st.AskedID, d.st.ToldOf, d.st.ToldAt = d.st.Need, d.st.NeedID, d.st.Need, workflow.Now(ctx).UTC()
	d.st.Messages++
	d.st.TrialWillEnd = false
	d.tell(ctx, n)
	d.asks = append(d.asks, d.messages[len(d.messages)-1])
}

// withdrawMessages ends the tries to deliver what the customer is asked for no more.
func (d *deferredSubscription) withdrawMessages() {
	for _, cancel := range d.asks {
		cancel()
	}
	d.asks = nil
}

// tellApp tells the app when a subscription that had to wait is ready, and when one is at risk. One that is paused and has got
// its payment method is both: the app can resume it.
func (d *deferredSubscription) tellApp(ctx workflow.Context) {
	atRisk := d.st.State == SubscriptionAtRisk
	ready := d.st.State == SubscriptionReady || d.st.State == SubscriptionReadyAndPaid && d.st.Asked ||
		atRisk && d.st.Reason == SubscriptionReasonPaused && d.st.Need == "" && d.st.Asked
	// A key that Stripe does not accept concerns all subscriptions at once: operators see it by their state.
	ofAll := d.st.Fault != "" || d.st.Reading.Missing || d.sessionRefused() && d.st.NoSession == ReasonUnauthorized
	if atRisk && !ofAll && d.st.RiskTold != d.st.Reason {
		d.st.RiskTold = d.st.Reason
		d.tell(ctx, d.message(ctx, activities.NotifySubscriptionAtRisk))
	}
	if ready && !d.st.ReadyTold {
		d.st.ReadyTold = true
		d.tell(ctx, d.message(ctx, activities.NotifySubscriptionReady))
	}
	if !atRisk {
		d.st.RiskTold = ""
	}
}

// message is the frame of every message about the subscription; its number makes its id.
func (d *deferredSubscription) message(ctx workflow.Context, kind activities.NotificationKind) activities.Notification {
	d.st.Told++
	r := d.st.Reading
	n := activities.Notification{
		ID:            fmt.Sprintf("%s:%d:%s:%d", SubscriptionID(d.in.Reference), d.st.StartedAt.Unix(), kind, d.st.Told),
		Kind:          kind,
		WorkflowID:    SubscriptionID(d.in.Reference),
		Reference:     d.in.Reference,
		Customer:      d.in.Customer,
		At:            workflow.Now(ctx).UTC(),
		State:         string(d.st.State),
		Reason:        d.st.Reason,
		Description:   d.in.Description,
		PaymentMethod: r.PaymentMethod,
		TimeZone:      d.in.TimeZone,
	}
	if d.st.Need == NeedInvoicePaid {
		n.Amount, n.Currency, n.NextAttemptAt = r.InvoiceAmount, r.Currency, r.NextPaymentAttempt
	}
	n.TrialEnd = trialEnd(r)
	return n
}
