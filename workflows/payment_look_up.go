package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

// lookUp asks Stripe what became of the last attempt. Further PaymentIntents with our reference become ways, which are
// closed before anything new opens.
func (p *collectPayment) lookUp(ctx workflow.Context, intent string, o workflow.ActivityOptions) (activities.ChargeResult, error) {
	found, err := execute(ctx, o, payments.LookUpPayment, activities.LookUpInput{
		Reference:     p.in.Reference,
		Customer:      p.in.Customer,
		Amount:        p.in.Amount,
		Currency:      p.in.Currency,
		PaymentIntent: intent,
		Closed:        p.closedIntents(),
		Before:        p.st.Mark,
	})
	if err != nil {
		return activities.ChargeResult{}, err
	}
	p.st.LookedBack = true
	for _, other := range found.Others {
		p.addWay(activities.WayPaymentIntent, other)
	}
	if found.PaymentIntent != "" && (p.st.Intent == "" || p.st.Intent == found.PaymentIntent) {
		p.st.Mark = found.Now
	}
	// What was sent in the last minutes and is not there yet may still come: then only another look-up can tell.
	p.st.LookUpDue = found.PaymentIntent == "" && p.st.NotBefore.After(workflow.Now(ctx))
	return found.ChargeResult, nil
}

// mayStillRun reports whether Stripe may still be making a PaymentIntent that nobody knows yet. Until that is settled
// no second way to pay opens, and nothing ends.
func (p *collectPayment) mayStillRun(ctx workflow.Context) bool {
	return p.st.Intent == "" && p.st.NotBefore.After(workflow.Now(ctx))
}

// lookUpFirst clears up what is not known before something new is sent or the payment ends: the outcome of an attempt
// whose answer was lost, or whether the reference was used before. What is found moves the state: a payment is settled or
// awaited, a decline is followed by the policy if followDecline is set. After an error nothing has changed.
func (p *collectPayment) lookUpFirst(ctx workflow.Context, followDecline bool) error {
	if !p.st.LookUpDue && p.st.LookedBack {
		return nil
	}
	first := !p.st.LookedBack
	found, err := p.lookUp(ctx, p.st.Intent, readOptions)
	if err != nil {
		return err
	}
	at := p.lastAttempt()
	open := at == nil || at.Outcome == activities.ChargeUnknown || at.Outcome == activities.ChargeNotTaken
	switch found.Outcome {
	case activities.ChargeSucceeded, activities.ChargeProcessing, activities.ChargeConflict:
		p.resolve(ctx, found)
		return nil
	case activities.ChargeCanceled:
		if first {
			found.Adopted = true
			p.resolve(ctx, found)
			return nil
		}
		p.setIntent(found.PaymentIntent, activities.WayClosed)
	case activities.ChargeDeclined, activities.ChargeNeedsCustomer:
		if first && found.Canceled {
			// A canceled payment of an earlier life has ended, whatever the issuer had said to it.
			found.Outcome, found.Codes, found.Adopted = activities.ChargeCanceled, activities.Codes{}, true
			p.resolve(ctx, found)
			return nil
		}
		if open && followDecline {
			p.resolve(ctx, found)
			return nil
		}
		p.adopt(found.PaymentIntent)
		if found.Canceled {
			p.setIntent(found.PaymentIntent, activities.WayClosed)
		}
		if open {
			p.st.Reached++
			p.remember(found.PaymentMethod, found.PaymentMethodStamp, p.decide(found, workflow.Now(ctx), true).Class)
		}
	case activities.ChargeNotTaken, activities.ChargeRefused, activities.ChargeUnknown, activities.ChargeHeld:
		if found.PaymentIntent != "" {
			p.adopt(found.PaymentIntent)
		}
	case activities.RowRejected, activities.RowNotCharged: // never handed over
	}
	if open && at != nil {
		at.Outcome, at.Codes = found.Outcome, found.Codes
	}
	return nil
}

// adopt makes a PaymentIntent that was found the one that the next attempt confirms.
func (p *collectPayment) adopt(intent string) {
	p.addWay(activities.WayPaymentIntent, intent)
	p.st.Intent = intent
}
