package workflows

import (
	"cmp"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

// writeKey is a new key for a write. It names when the watch began, because a subscription may be watched again while Stripe
// still remembers the keys of the first watch.
func (d *deferredSubscription) writeKey(operation string) string {
	d.st.Writes++
	return fmt.Sprintf("%s:%d:%s:%d", SubscriptionID(d.in.Reference), d.st.StartedAt.Unix(), operation, d.st.Writes)
}

// openSession opens a Checkout Session in setup mode for the customer; none is open.
func (d *deferredSubscription) openSession(ctx workflow.Context) {
	d.st.Checkouts++
	id := SubscriptionID(d.in.Reference)
	res, err := execute(ctx, setupSessionOptions, checkouts.OpenCheckoutSession, activities.OpenCheckoutInput{
		Mode:               activities.CheckoutModeSetup,
		UI:                 d.in.CheckoutUI,
		WorkflowID:         id,
		Reference:          d.in.Reference,
		Customer:           d.in.Customer,
		Currency:           d.st.Reading.Currency,
		PaymentMethodTypes: d.in.PaymentMethodTypes,
		LinkExpires:        d.linkExpires(),
		IdempotencyKey:     fmt.Sprintf("%s:%d:open_checkout:%d", id, d.st.StartedAt.Unix(), d.st.Checkouts),
	})
	switch {
	case err != nil:
		d.fault(ctx, "opening a Checkout Session", err)
		d.settle(ctx)
	case res.Refused != "":
		d.st.Fault = ReasonInvalidRequest
		d.settle(ctx)
	default:
		d.st.Session, d.st.OpenedAt, d.st.VerifyingSince = res.Session, workflow.Now(ctx).UTC(), time.Time{}
	}
}

// followSession reads the open Checkout Session and notes what was saved in it.
func (d *deferredSubscription) followSession(ctx workflow.Context) {
	r, err := execute(ctx, readOptions, setups.ReadSetup, d.st.Session)
	if err != nil {
		d.fault(ctx, "reading its Checkout Session", err)
		return
	}
	d.takeSetup(ctx, r)
}

// takeSetup notes what became of our Checkout Session.
func (d *deferredSubscription) takeSetup(ctx workflow.Context, r activities.SetupReading) {
	switch {
	case r.SessionStatus == activities.CheckoutOpen:
	case r.SessionStatus == activities.CheckoutComplete && r.Status == activities.SetupIntentSucceeded:
		d.sessionOver()
		// One that was detached at once cannot be used: the customer is asked again.
		d.st.Unusable = activities.CodePaymentMethodUnusable
		if r.Method.ID != "" && r.Method.Customer == d.in.Customer {
			d.st.Saved, d.st.Unusable = r.Method.ID, ""
		}
	case beingVerified(r):
		if d.st.VerifyingSince.IsZero() {
			d.st.VerifyingSince = workflow.Now(ctx).UTC()
		}
		if workflow.Now(ctx).After(d.st.VerifyingSince.Add(verifyingPatience)) {
			d.giveUpSession(ctx)
		}
	default: // expired, or complete with a method that cannot be used
		d.sessionOver()
		if r.SessionStatus == activities.CheckoutComplete {
			d.st.Unusable = cmp.Or(r.Reason(), activities.CodePaymentMethodUnusable)
		}
	}
}

func (d *deferredSubscription) sessionOver() {
	d.st.Session, d.st.VerifyingSince = "", time.Time{}
}

// giveUpSession stops waiting for a bank that does not confirm what was saved.
func (d *deferredSubscription) giveUpSession(ctx workflow.Context) {
	_, err := execute(ctx, closeOptions, setups.CloseSetup, activities.CloseSetupInput{Session: d.st.Session, IdempotencyKey: d.writeKey("close")})
	if err != nil {
		d.fault(ctx, "closing its Checkout Session", err)
		return
	}
	d.sessionOver()
}

// putInPlace makes what the customer saved the default, and confirms the pending SetupIntent with it. True: the subscription
// must be read again. False: Stripe could not be asked, and the next look goes on.
func (d *deferredSubscription) putInPlace(ctx workflow.Context) (again bool) {
	saved := d.st.Saved
	res, err := execute(ctx, writeOptions, subscriptions.SetSubscriptionDefault, activities.SetSubscriptionDefaultInput{
		Subscription:   d.in.Reference,
		Customer:       d.in.Customer,
		PaymentMethod:  saved,
		OnSubscription: d.in.DefaultOn == DefaultOnSubscription || d.st.Reading.Own,
		OnCustomer:     d.in.DefaultOn == DefaultOnCustomer,
		IdempotencyKey: d.writeKey("set_default"),
	})
	if err != nil {
		d.fault(ctx, "making the payment method the default", err)
		return false
	}
	if res.Refused != "" {
		workflow.GetLogger(ctx).Warn("payment method cannot become the default", "code", res.Refused)
		d.st.Saved, d.st.Unusable = "", res.Refused
		return true
	}
	d.st.Ours = saved
	if setupOpen(d.st.Reading.SetupStatus) && !d.confirm(ctx, saved) {
		return false
	}
	d.st.Saved = ""
	return true
}

// confirm confirms the pending SetupIntent with a method that is the default. When Stripe refuses the one that was saved with
// us, whose own setup has succeeded, the pending SetupIntent is canceled: it has nothing left to set up. A bank that has said no
// is not asked again because canceling failed. False: Stripe could not be asked.
func (d *deferredSubscription) confirm(ctx workflow.Context, paymentMethod string) bool {
	pending, status := d.st.Reading.SetupIntent, d.st.Reading.SetupStatus
	if tried := triedWith(pending, paymentMethod); d.st.Tried != tried {
		res, err := execute(ctx, writeOptions, subscriptions.ConfirmSetup, activities.ConfirmSetupInput{
			SetupIntent: pending, PaymentMethod: paymentMethod, IdempotencyKey: d.writeKey("confirm_setup"),
		})
		if err != nil {
			d.fault(ctx, "confirming its SetupIntent", err)
			return false
		}
		d.st.Tried = tried
		if !res.Refused {
			return true
		}
		status = cmp.Or(res.Status, status)
	}
	return paymentMethod != d.st.Ours || d.cancelSetup(ctx, &SubscriptionSetup{ID: pending, Status: status})
}

// endWhenClosed ends as given once nothing is left open.
func (d *deferredSubscription) endWhenClosed(ctx workflow.Context, as SubscriptionState, reason string) {
	d.st.EndAs, d.st.EndReason = as, reason
	d.close(ctx)
}

// close expires our Checkout Session and cancels the SetupIntents that were pending, where their status allows, then ends. What
// cannot be closed now is tried again at the polls. When only the watch ends, the SetupIntents stay: they are the app's.
func (d *deferredSubscription) close(ctx workflow.Context) {
	d.st.Fault = ""
	if d.closeSession(ctx) && (d.st.EndReason == SubscriptionReasonUnwatched || d.closeSetups(ctx)) {
		d.end(ctx)
		return
	}
	if d.st.EndAs != "" {
		state, reason := d.stateOf(workflow.Now(ctx))
		d.move(ctx, state, reason)
	}
}

func (d *deferredSubscription) closeSession(ctx workflow.Context) bool {
	if d.st.Session == "" {
		return true
	}
	r, err := execute(ctx, closeOptions, setups.CloseSetup, activities.CloseSetupInput{Session: d.st.Session, IdempotencyKey: d.writeKey("close")})
	switch {
	case err != nil:
		d.fault(ctx, "closing its Checkout Session", err)
		return false
	case r.SessionStatus == activities.CheckoutOpen:
		d.st.Fault = ReasonStripeFaults
		d.pollSoon(ctx)
		return false
	}
	d.takeSetup(ctx, r)
	d.sessionOver()
	if d.st.Saved != "" && d.st.EndReason == "" {
		// The subscription goes on, and the customer was faster: what was saved is put in place first.
		d.st.EndAs, d.st.LookDue = "", true
		return false
	}
	return true
}

func (d *deferredSubscription) closeSetups(ctx workflow.Context) bool {
	for i := range d.st.Setups {
		if !d.cancelSetup(ctx, &d.st.Setups[i]) {
			return false
		}
	}
	return true
}

// end closes the books. After the end of a subscription nobody is told anything any more.
func (d *deferredSubscription) end(ctx workflow.Context) {
	before, as, reason := d.st.State, d.st.EndAs, d.st.EndReason
	if as == SubscriptionEnded {
		d.giveUpMessages()
	}
	d.st.Need, d.st.EndAs, d.st.EndReason, d.st.Saved = "", "", "", ""
	d.move(ctx, as, reason)
	d.tellApp(ctx, before)
}
