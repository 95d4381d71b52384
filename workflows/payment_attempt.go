package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/dunning"
)

const (
	// faultsMost is how many attempts in a row Stripe may fail to carry out before a person must look.
	faultsMost = 8
	// attemptEntries bounds what is carried over.
	attemptEntries = 40
)

// The rules by which an attempt is decided beside the dunning policy's.
const (
	ruleNotTaken      = "look_up.not_taken"
	ruleCanceled      = "payment_intent.canceled"
	ruleMethodGone    = "payment_method.gone"
	ruleMethodChanged = "payment_method.changed"
	ruleMethodFinal   = "payment_method.final"
	ruleDebitFailed   = "checkout.debit_failed"
)

// attempt makes the next automatic attempt. All other ways to pay are closed first.
func (p *collectPayment) attempt(ctx workflow.Context) {
	now := workflow.Now(ctx)
	if wait := p.st.NotBefore; wait.After(now) {
		p.planAttempt(ctx, wait)
		return
	}
	if p.st.LookUpDue {
		err := p.lookUpFirst(ctx, true)
		switch {
		case err != nil && attentionReason(err) == ReasonStripeFaults:
			p.attemptLater(ctx)
			return
		case err != nil:
			p.attention(ctx, attentionReason(err))
			return
		case p.st.State != PaymentScheduled && p.st.State != PaymentRetryScheduled, p.st.NextAt.After(now):
			return // what was found has decided otherwise
		}
	}
	switch p.closeWays(ctx, p.st.Intent) {
	case waysPaid:
		p.settle(ctx)
		return
	case waysProcessing:
		p.enterProcessing(ctx)
		return
	case waysOpen:
		p.wayStuck(ctx)
		return
	case waysClosed:
	}
	if len(p.st.FinalNos) > 0 && p.finalNoAgain(ctx) {
		return
	}
	p.move(ctx, PaymentCharging)
	p.st.Number++
	p.st.Occasion, p.st.Faults, p.st.Held = 0, 0, nil
	p.st.Rescheduled = time.Time{}
	p.st.Attempts = append(p.st.Attempts, Attempt{Number: p.st.Number, At: workflow.Now(ctx).UTC(), Outcome: activities.ChargeUnknown, PaymentMethod: p.method()})
	if len(p.st.Attempts) > attemptEntries {
		p.st.Attempts = slices.Clone(p.st.Attempts[len(p.st.Attempts)-attemptEntries:])
	}
	p.publish(ctx, p.attributes())

	res, err := execute(ctx, chargeOptions(ctx, attemptSummary(p.st.Number)), payments.Charge, activities.ChargeInput{
		Reference:       p.in.Reference,
		Attempt:         p.st.Number,
		Owner:           p.in.Owner,
		Amount:          p.in.Amount,
		Currency:        p.in.Currency,
		Customer:        p.in.Customer,
		PaymentMethod:   p.method(),
		Description:     p.in.Description,
		StatementSuffix: p.in.StatementSuffix,
		Metadata:        p.in.Metadata,
		PaymentIntent:   p.st.Intent,
		LookBack:        p.st.Intent == "",
		Closed:          p.closedIntents(),
	})
	p.st.NextAt = time.Time{}
	if err != nil {
		// An earlier send of this attempt may have come through, its answer lost.
		p.st.LookUpDue = true
		p.st.NotBefore = workflow.Now(ctx).Add(activities.SettleTime).UTC()
		p.attention(ctx, attentionReason(err))
		return
	}
	p.st.LookedBack = true
	if res.Outcome != activities.ChargeUnknown {
		p.resolve(ctx, res)
		return
	}
	p.findOut(ctx, p.st.Intent, res.PaymentMethod)
}

// findOut follows an attempt whose answer was lost: Stripe may still be executing it, and a look-up tells what became of
// it. intent is the PaymentIntent that it confirmed, method the one that it charged.
func (p *collectPayment) findOut(ctx workflow.Context, intent, method string) {
	p.st.NotBefore = workflow.Now(ctx).Add(activities.SettleTime).UTC()
	if method != "" {
		p.lastAttempt().PaymentMethod = method
	}
	found, err := p.lookUp(ctx, intent, lookUpOptions)
	if err != nil {
		p.st.LookUpDue = true
		p.attention(ctx, attentionReason(err))
		return
	}
	p.resolve(ctx, found)
}

// finalNoAgain asks the customer when the next attempt would charge a card that said a final no: the method was changed
// back, or is the customer's default again. It reports whether the attempt must not be made.
func (p *collectPayment) finalNoAgain(ctx workflow.Context) bool {
	m, err := p.readMethod(ctx, p.method())
	switch {
	case err != nil && attentionReason(err) == ReasonStripeFaults:
		p.attemptLater(ctx)
	case err != nil:
		p.attention(ctx, attentionReason(err))
	case p.saidFinalNo(m.PaymentMethod, m.Stamp):
		p.explain(ruleMethodFinal, "The payment method said a final no before: the customer is asked for another one.")
		p.ask(ctx, p.st.LastClass, activities.Codes{})
	default:
		return false
	}
	return true
}

// attemptSummary is what the Temporal UI shows beside a charge. The first attempt of most payments is the only one, and
// every byte of it is stored for months.
func attemptSummary(number int) string {
	if number == 1 {
		return ""
	}
	return fmt.Sprintf("attempt %d", number)
}

// attentionReason says what a person must mend after a final error.
func attentionReason(err error) string {
	switch errorType(err) {
	case activities.ErrorStripeUnauthorized:
		return ReasonUnauthorized
	case activities.ErrorCustomerMissing:
		return ReasonCustomerDeleted
	case RefusedError:
		return ReasonRefused
	case activities.ErrorStripeUnavailable, activities.ErrorStripeRateLimited, activities.ErrorStripeFaultStored, "timeout":
		return ReasonStripeFaults
	default:
		return ReasonInvalidRequest
	}
}

// refusedReason says what a person must mend after Stripe refused an attempt. Codes other than those of the amount come from a
// billing run, which tells in this way what is a final error of the charge activity elsewhere.
func refusedReason(code string) string {
	switch code {
	case "", "amount_too_small", "amount_too_large":
		return ReasonRefused
	case activities.CodeCustomerMissing:
		return ReasonCustomerDeleted
	default:
		return ReasonInvalidRequest
	}
}

// resolve moves on from an attempt whose outcome is known.
func (p *collectPayment) resolve(ctx workflow.Context, res activities.ChargeResult) {
	at := p.lastAttempt()
	if at == nil {
		at = &Attempt{} // found before the first attempt
	}
	at.Outcome, at.Codes = res.Outcome, res.Codes
	if res.PaymentMethod != "" {
		at.PaymentMethod = res.PaymentMethod
	}
	if res.PaymentIntent != "" && res.Outcome != activities.ChargeConflict {
		p.addWay(activities.WayPaymentIntent, res.PaymentIntent)
		p.st.Intent = res.PaymentIntent
	}
	if res.Outcome != activities.ChargeSucceeded || p.st.Number > 1 {
		p.st.Exception = true
	}
	switch res.Outcome {
	case activities.ChargeSucceeded:
		p.setIntent(res.PaymentIntent, activities.WayPaid)
		p.wayOf(activities.WayPaymentIntent, res.PaymentIntent).PaymentMethod = at.PaymentMethod
		p.settle(ctx)
	case activities.ChargeProcessing:
		p.setIntent(res.PaymentIntent, activities.WayProcessing)
		p.enterProcessing(ctx)
	case activities.ChargeDeclined, activities.ChargeNeedsCustomer:
		if res.Canceled {
			p.setIntent(res.PaymentIntent, activities.WayClosed) // the no counts, and the next attempt makes another
		}
		p.declined(ctx, at, res)
	case activities.ChargeRefused:
		p.attention(ctx, refusedReason(res.Code))
	case activities.ChargeConflict:
		p.attention(ctx, ReasonReferenceConflict)
	case activities.ChargeCanceled:
		p.setIntent(res.PaymentIntent, activities.WayClosed)
		if res.Adopted {
			p.end(ctx, PaymentCanceled)
			return
		}
		at.Rule, at.Explanation = ruleCanceled, "The PaymentIntent was canceled at Stripe; the next attempt makes a new one."
		p.again(ctx, workflow.Now(ctx))
	case activities.ChargeNotTaken, activities.ChargeUnknown, activities.ChargeHeld:
		at.Rule, at.Explanation = ruleNotTaken, "Stripe's answer was lost, and a look-up found that nothing was charged."
		at.Outcome = activities.ChargeNotTaken
		p.again(ctx, p.st.NotBefore)
	case activities.RowRejected, activities.RowNotCharged: // never handed over
	}
}

// again plans an attempt after one that Stripe did not carry out.
func (p *collectPayment) again(ctx workflow.Context, at time.Time) {
	p.st.NotTaken++
	if p.st.NotTaken >= faultsMost {
		p.attention(ctx, ReasonStripeFaults)
		return
	}
	p.planAttempt(ctx, later(at, workflow.Now(ctx)))
}

// declined follows the dunning policy after an issuer's no.
func (p *collectPayment) declined(ctx workflow.Context, at *Attempt, res activities.ChargeResult) {
	now := workflow.Now(ctx)
	p.st.FailedMethod, p.st.FailedStamp = at.PaymentMethod, res.PaymentMethodStamp
	p.st.NotTaken = 0
	if res.Code == activities.CodeNoPaymentMethod || res.Code == activities.CodePaymentMethodUnusable {
		// The PaymentIntent, if there is one, was not tried and looks as before.
		p.st.LastClass = dunning.ClassHard
		if at.PaymentMethod != "" {
			p.st.FinalNos = append(p.st.FinalNos, failedCard{Method: at.PaymentMethod})
		}
		at.Rule, at.Explanation = ruleMethodGone, "There is no usable payment method: the customer is asked for one."
		p.ask(ctx, dunning.ClassHard, res.Codes)
		return
	}
	if res.Code != activities.CodeUnknown && !res.Canceled {
		p.st.Mark = activities.IntentMark{LatestCharge: res.LatestCharge, LastError: res.Codes}
	}
	p.st.Reached++
	d := p.decide(res, now, false)
	if d.Action == dunning.ActionLookUp {
		// The bank says that it has just taken this amount: look among all PaymentIntents, not only this one.
		found, err := p.lookUp(ctx, "", lookUpOptions)
		switch {
		case err != nil:
			p.attention(ctx, attentionReason(err))
			return
		case found.Outcome == activities.ChargeSucceeded, found.Outcome == activities.ChargeProcessing:
			p.resolve(ctx, found)
			return
		}
		d = p.decide(res, now, true)
	}
	at.Rule, at.Explanation = d.Rule, d.Sentence
	p.remember(at.PaymentMethod, res.PaymentMethodStamp, d.Class)
	if changed := p.method(); changed != "" && !p.saidFinalNo(changed, "") && changed != at.PaymentMethod && p.st.Reached < p.in.Policy.MaxAttempts {
		// Another method was put in place while this attempt ran.
		at.Rule, at.Explanation = ruleMethodChanged, "The payment method was changed meanwhile: the next attempt uses it at once."
		p.st.Retries = 0
		p.planAttempt(ctx, now)
		return
	}
	switch d.Action {
	case dunning.ActionRetry:
		p.st.Retries++
		p.planAttempt(ctx, d.At)
		if d.TellCustomer {
			p.tellRetry(ctx, d, res.Codes)
		}
	case dunning.ActionAskCustomer, dunning.ActionGiveUp, dunning.ActionLookUp:
		p.ask(ctx, d.Class, res.Codes)
	}
}

// remember notes what a card said: whatever comes next must not charge it again after a final no.
func (p *collectPayment) remember(method, stamp string, class dunning.Class) {
	p.st.FailedMethod, p.st.FailedStamp, p.st.LastClass = method, stamp, class
	if !class.Retryable() {
		p.st.FinalNos = append(p.st.FinalNos, failedCard{Method: method, Stamp: stamp})
	}
}

func (p *collectPayment) decide(res activities.ChargeResult, now time.Time, lookedUp bool) dunning.Decision {
	f := dunning.Failure{
		Outcome:            dunning.OutcomeDeclined,
		Code:               res.Code,
		DeclineCode:        res.DeclineCode,
		AdviceCode:         res.AdviceCode,
		NetworkAdviceCode:  res.NetworkAdviceCode,
		NetworkDeclineCode: res.NetworkDeclineCode,
	}
	switch {
	case res.Outcome == activities.ChargeNeedsCustomer:
		f.Outcome = dunning.OutcomeNeedsCustomer
	case res.Code == activities.CodeUnknown:
		f.Outcome, f.Code = dunning.OutcomeUnknown, ""
	}
	h := dunning.History{Attempts: p.st.Reached, Retries: p.st.Retries, LookedUp: lookedUp}
	return dunning.Decide(p.in.Policy, h, f, now, p.zone, p.in.Reference)
}

// planAttempt plans the next automatic attempt, never before the payment is due nor while Stripe may still be executing
// the last one.
func (p *collectPayment) planAttempt(ctx workflow.Context, at time.Time) {
	p.st.NextAt = later(later(at, p.st.NotBefore), p.in.Due).UTC()
	p.move(ctx, PaymentRetryScheduled)
}

// attemptLater puts an attempt off for which Stripe did not answer what must be known first: an hour at most.
func (p *collectPayment) attemptLater(ctx workflow.Context) {
	const hourly = 3 // of pollDelays
	p.st.Faults = min(p.st.Faults+1, hourly)
	p.planAttempt(ctx, workflow.Now(ctx).Add(pollDelay(p.st.Faults, p.in.Reference)))
}

// ask gives the step to the customer: no automatic attempt until something changes.
func (p *collectPayment) ask(ctx workflow.Context, class dunning.Class, codes activities.Codes) {
	now := workflow.Now(ctx)
	p.st.NextAt = time.Time{}
	p.st.Occasion++
	p.st.AskedAt = now.UTC()
	p.st.Deadline = p.in.Policy.Deadline(now, p.zone).UTC()
	p.st.Reminders = 0
	p.st.AskKind = activities.NotifyPaymentMethodNeeded
	if class == dunning.ClassAuth {
		p.st.AskKind = activities.NotifyPaymentActionRequired
	}
	p.move(ctx, PaymentAwaitingCustomer)
	p.restartPolls(ctx, p.in.Reference)
	p.tellAsk(ctx, codes)
}

// giveUp is what the policy does when the customer's time is over.
func (p *collectPayment) giveUp(ctx workflow.Context) {
	err := p.endWhenClosed(ctx, PaymentUncollectible)
	switch {
	case err == nil:
	case attentionReason(err) == ReasonStripeFaults:
		p.st.Deadline = workflow.Now(ctx).Add(activities.SettleTime).UTC()
	default:
		p.attention(ctx, attentionReason(err))
	}
}

// attention leaves the payment to a person. What can change at Stripe meanwhile is polled.
func (p *collectPayment) attention(ctx workflow.Context, reason string) {
	entering := p.st.State != PaymentNeedsAttention || p.st.Reason != reason
	p.st.Exception = true
	p.st.NextAt = time.Time{}
	p.move(ctx, PaymentNeedsAttention)
	p.st.Reason, p.st.EndAs, p.st.Return, p.st.ReturnReason = reason, "", "", ""
	if !entering {
		return
	}
	p.st.PollAt = time.Time{}
	if p.anyOpenWay() || p.st.LookUpDue {
		p.restartPolls(ctx, p.in.Reference)
		p.st.PollAt = later(p.st.PollAt, p.st.NotBefore)
	}
	workflow.GetLogger(ctx).Warn("payment needs attention", "attention", reason)
}
