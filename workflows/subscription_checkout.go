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
		d.st.NoSession = attentionReason(err)
		workflow.GetLogger(ctx).Warn("subscription: no Checkout Session", "error_type", errorType(err))
	case res.Refused != "":
		d.st.NoSession = ReasonInvalidRequest
		workflow.GetLogger(ctx).Warn("subscription: no Checkout Session", "code", res.Refused)
	default:
		d.st.Session, d.st.OpenedAt, d.st.VerifyingSince, d.st.NoSession = res.Session, workflow.Now(ctx).UTC(), time.Time{}, ""
	}
	state, reason := d.stateOf(workflow.Now(ctx))
	d.move(ctx, state, reason)
}

// sessionLife is after when nothing can come of a Checkout Session any more that Stripe does not let us read or close: it
// expires a day after it was opened. https://docs.stripe.com/api/checkout/sessions/object#checkout_session_object-expires_at
const sessionLife = 48 * time.Hour

// outlived reports that the Checkout Session is past its life, and that no bank is at work on what was saved in it.
func (d *deferredSubscription) outlived(ctx workflow.Context) bool {
	return d.st.VerifyingSince.IsZero() && workflow.Now(ctx).After(d.st.OpenedAt.Add(sessionLife))
}

// followSession reads the open Checkout Session and notes what was saved in it.
func (d *deferredSubscription) followSession(ctx workflow.Context) {
	r, err := execute(ctx, readOptions, setups.ReadSetup, d.st.Session)
	if err != nil {
		d.fault(ctx, "reading its Checkout Session", err)
		if d.outlived(ctx) {
			d.sessionOver()
		}
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
			d.st.Saved, d.st.SavedOver, d.st.Unusable = r.Method.ID, d.st.Reading.PaymentMethod, ""
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
	r, err := execute(ctx, closeOptions, setups.CloseSetup, activities.CloseSetupInput{Session: d.st.Session, IdempotencyKey: d.writeKey("close")})
	if err != nil {
		d.fault(ctx, "closing its Checkout Session", err)
		return
	}
	if r.Status == activities.SetupIntentSucceeded {
		d.takeSetup(ctx, r) // in this moment
	}
	d.sessionOver()
}

// putInPlace makes what the customer saved the default, and confirms the pending SetupIntent with it. True: the subscription
// must be read again. False: Stripe could not be asked, and the next look goes on.
func (d *deferredSubscription) putInPlace(ctx workflow.Context) (again bool) {
	saved := d.st.Saved
	res, err := execute(ctx, defaultOptions, subscriptions.SetSubscriptionDefault, activities.SetSubscriptionDefaultInput{
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
	switch {
	case res.Refused != "":
		workflow.GetLogger(ctx).Warn("payment method cannot become the default", "code", res.Refused)
		d.st.Saved, d.st.Unusable = "", res.Refused
		return true
	case res.Overtaken:
		d.st.Saved = ""
		return true
	}
	d.st.SavedOver = saved
	if setupOpen(d.st.Reading.SetupStatus) && !d.confirm(ctx, saved, true) {
		return false
	}
	d.st.Saved = ""
	return true
}

// confirm confirms the pending SetupIntent with a method that is the default. When Stripe refuses the one that was saved with
// us just now, whose own setup has succeeded, the pending SetupIntent is canceled: it has nothing left to set up. A bank that has said no
// is not asked again because canceling failed. False: Stripe could not be asked.
func (d *deferredSubscription) confirm(ctx workflow.Context, paymentMethod string, justSetUp bool) bool {
	pending, status := d.st.Reading.SetupIntent, d.st.Reading.SetupStatus
	if tried := triedWith(pending, paymentMethod); d.st.Tried != tried {
		res, err := execute(ctx, defaultOptions, subscriptions.ConfirmSetup, activities.ConfirmSetupInput{
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
	return !justSetUp || d.cancelSetup(ctx, &SubscriptionSetup{ID: pending, Status: status})
}

// endWhenClosed ends as given once nothing is left open.
func (d *deferredSubscription) endWhenClosed(ctx workflow.Context, as SubscriptionState, reason string) {
	d.st.EndAs, d.st.EndReason, d.st.EndingSince = as, reason, workflow.Now(ctx).UTC()
	d.close(ctx)
}

// endingPatience is how long closing is tried. What is left open then is in the result.
const endingPatience = 14 * 24 * time.Hour

// close expires our Checkout Session and cancels the SetupIntents that were pending, where their status allows, then ends. What
// cannot be closed now is tried again at the polls. When only the watch ends, the SetupIntents stay: they are the app's.
func (d *deferredSubscription) close(ctx workflow.Context) {
	d.st.Fault = ""
	closed := d.closeSession(ctx)
	if d.st.EndReason == SubscriptionReasonUnwatched {
		// The subscription goes on.
		if d.dropOvertaken(); d.st.Saved != "" {
			d.putInPlace(ctx)
		}
		closed = closed && (d.st.Saved == "" || d.st.Fault != ReasonStripeFaults) // what only takes time is waited for
	}
	if d.st.EndAs != "" && d.st.EndReason != SubscriptionReasonUnwatched {
		closed = d.closeSetups(ctx) && closed
	}
	if d.st.EndAs != "" && (closed || workflow.Now(ctx).After(d.st.EndingSince.Add(endingPatience))) {
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
		return d.outlived(ctx)
	case r.SessionStatus == activities.CheckoutOpen:
		d.st.Fault = ReasonStripeFaults
		d.pollSoon(ctx)
		return false
	}
	d.takeSetup(ctx, r)
	d.sessionOver()
	if d.st.Saved != "" && d.st.EndAs == SubscriptionReadyAndPaid {
		// The customer was faster: what was saved is put in place first.
		d.st.EndAs, d.st.LookDue = "", true
		return false
	}
	return true
}

func (d *deferredSubscription) closeSetups(ctx workflow.Context) bool {
	closed := true
	for i := range d.st.Setups {
		closed = d.cancelSetup(ctx, &d.st.Setups[i]) && closed
	}
	return closed
}

// end closes the books. After the end of a subscription nobody is told anything any more.
func (d *deferredSubscription) end(ctx workflow.Context) {
	as, reason := d.st.EndAs, d.st.EndReason
	d.withdrawMessages()
	if as == SubscriptionEnded {
		d.giveUpMessages()
	}
	d.sessionOver()
	d.st.Need, d.st.NeedID, d.st.EndAs, d.st.EndReason, d.st.Saved, d.st.Fault = "", "", "", "", "", ""
	d.move(ctx, as, reason)
	d.tellApp(ctx)
}
