package activities

import (
	"cmp"
	"context"
	"errors"

	"go.temporal.io/sdk/activity"
)

// meet decides what becomes of a row that did not succeed when its CollectPayment was there before it was handed over. There never
// is a second one with the reference, so that a row counts as handed over only when somebody goes on with it, or has:
//
//	the CollectPayment               | no money moves by the row    | unknown, processing
//	has other values                 | rejected, reference_conflict | stays, reference_conflict
//	is open                          | handed over                  | handed over
//	ended, begun by this page        | handed over                  | handed over
//	ended as paid                    | succeeded, adopted           | as Stripe says, payment_ended
//	ended otherwise                  | stays, payment_ended         | as Stripe says, payment_ended
//	was terminated, or failed        | stays, payment_lost          | as Stripe says, payment_lost
//
// As Stripe says: what one PaymentIntent with the reference shows. With none, not_charged when Stripe cannot be executing a request
// any more; in doubt the row stays as it is. A row that succeeded needs no code, and an issuer's own code stays. Errors are those of
// asking Stripe; nothing is decided then.
func (p *page) meet(r *pageRow, there *OwnedWorkflow) error {
	if there == nil {
		p.finish(r, r.res, true)
		return nil
	}
	mayMove := r.res.Outcome == ChargeProcessing || r.res.Outcome == ChargeUnknown
	res := r.res
	code := CodePaymentEnded
	if there.Lost {
		code = CodePaymentLost
	}
	switch begun := r.again && there.Owner == runOwner+p.in.Run; {
	case !r.sameAs(*there):
		res.Codes = Codes{Code: CodeReferenceConflict}
		if !mayMove {
			res.Outcome = RowRejected
		}
		p.finish(r, res, false)
		return nil
	case !there.Lost && (!there.Ended || begun):
		p.finish(r, res, true)
		return nil
	case mayMove:
		found, err := p.lookUp(p.working, r)
		switch {
		case err != nil && (passes(err) || IsStripeError(err, StripeUnauthorized) || p.working.Err() != nil):
			return err
		case err != nil:
		case found.Outcome == "" && p.settled(r):
			res = ChargeResult{Outcome: RowNotCharged}
		case found.Outcome == ChargeSucceeded, found.Outcome == ChargeProcessing && res.Outcome != ChargeProcessing, found.Outcome == ChargeCanceled:
			res = found
		}
	case there.Ended && there.PaymentIntent != "":
		res = ChargeResult{Outcome: ChargeSucceeded, PaymentIntent: there.PaymentIntent, PaymentMethod: there.PaymentMethod, Adopted: true}
	}
	if res.Outcome != ChargeSucceeded {
		res.Code = cmp.Or(res.Code, code)
		activity.GetLogger(p.detached).Warn("billing run: nobody goes on with a row", "run", p.in.Run, "reference", r.Reference, "outcome", res.Outcome, "code", res.Code)
	}
	p.finish(r, res, false)
	return nil
}

// finish ends a row with an outcome. handedOver says that a CollectPayment goes on with it.
func (p *page) finish(r *pageRow, res ChargeResult, handedOver bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed = true
	r.res, r.done, r.handedOver = res, true, handedOver
}

func (r *pageRow) sameAs(o OwnedWorkflow) bool {
	return o.Customer == r.Customer && o.Amount == r.Amount && o.Currency == r.Currency
}

// lookUp asks Stripe what was done under a row's reference; an empty outcome is nothing. A customer that never existed has no
// PaymentIntents.
func (p *page) lookUp(ctx context.Context, r *pageRow) (ChargeResult, error) {
	if !p.limits.take(ctx) {
		return ChargeResult{}, ctx.Err() //nolint:wrapcheck // the caller looks whether there is one
	}
	defer p.limits.giveBack()
	a := attempt{ports: p.ports, in: p.chargeInput(r), progress: r.progress, run: p.info.Attempt, again: !r.progress.FirstSentAt.IsZero()}
	a.in.LookBack, a.progress.LookedBack = true, false
	res, err := a.lookBefore(p.detached) //nolint:contextcheck // a request is not abandoned
	if se, ok := errors.AsType[*StripeError](err); ok && se.Kind == StripeMissing && se.Param == "customer" {
		return ChargeResult{}, nil
	}
	return res, err
}
