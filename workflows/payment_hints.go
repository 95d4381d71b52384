package workflows

import (
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

// followHints re-reads what the events are about. What an event says is not believed.
func (p *collectPayment) followHints(ctx workflow.Context) {
	hints := p.st.Hints
	p.st.Hints = nil
	readDue := false
	for _, h := range hints {
		switch {
		case p.concernsMethod(h):
			p.st.MethodDue = true
			p.st.MethodDelay = max(p.st.MethodDelay, h.DelayMinutes)
		case concernsWays(h):
			readDue = true
		}
	}
	if readDue && (p.anyOpenWay() || p.st.State == PaymentNeedsAttention && p.st.LookUpDue) {
		p.st.Poll = 0
		p.poll(ctx)
	}
}

// concernsWays: events about PaymentIntents, Sessions, charges and refunds.
func concernsWays(h StripeEvent) bool {
	for _, prefix := range []string{"payment_intent.", "checkout.session.", "charge.", "refund.", "radar."} {
		if strings.HasPrefix(h.Type, prefix) {
			return true
		}
	}
	return false
}

// concernsMethod: events after which another attempt may make sense, or none. An attached method alone does not.
func (p *collectPayment) concernsMethod(h StripeEvent) bool {
	switch h.Type {
	case "payment_method.automatically_updated", "payment_method.updated", "payment_method.detached":
		return h.ObjectID == p.method() || h.ObjectID == p.st.FailedMethod
	case "customer.updated":
		return p.method() == ""
	case "customer.deleted", "mandate.updated":
		return true
	default:
		return false
	}
}

// poll reads the ways to pay and follows what they have become.
func (p *collectPayment) poll(ctx workflow.Context) {
	p.polled(ctx, p.in.Reference)
	if p.st.State == PaymentNeedsAttention && p.resume(ctx) {
		return
	}
	session := p.st.Session
	over := session != "" && !p.st.SessionExpires.After(workflow.Now(ctx))
	readings, err := p.readWays(ctx)
	if err != nil {
		workflow.GetLogger(ctx).Warn("ways to pay not read", "error_type", errorType(err))
		if over {
			p.st.SessionExpires = p.st.PollAt
		}
		p.watchProcessing(ctx)
		return
	}
	verdict := p.verdict("")
	if over && verdict == waysOpen && p.st.Session != "" {
		// Its time is over, but it can still be paid: Stripe's clock is behind ours, or the customer was left at the bank.
		verdict = p.closeWays(ctx, p.st.Intent)
	}
	switch {
	case verdict == waysPaid:
		p.settle(ctx)
		p.watchProcessing(ctx)
	case verdict == waysProcessing:
		p.enterProcessing(ctx)
		p.watchProcessing(ctx)
	case p.st.State == PaymentProcessing, p.st.Reason == ReasonProcessingTooLong:
		p.debitFailed(ctx, readings)
	case over && p.st.Session != "":
		p.wayStuck(ctx)
	case session != "" && p.st.Session == "" && p.st.State == PaymentAwaitingCustomer:
		p.goBack(ctx)
	case p.st.State == PaymentNeedsAttention && !p.anyOpenWay() && !p.st.LookUpDue:
		p.st.PollAt = time.Time{}
	}
}

// resume finishes what waits for a look-up, for a way to be closed, or for a refund. It reports whether nothing is left
// to read.
func (p *collectPayment) resume(ctx workflow.Context) bool {
	if p.mayStillRun(ctx) {
		p.st.PollAt = p.st.NotBefore
		return true
	}
	ending := p.st.EndAs
	if ending == "" && p.st.LookUpDue {
		if err := p.lookUpFirst(ctx, true); err != nil {
			workflow.GetLogger(ctx).Warn("payment not looked up", "error_type", errorType(err))
			return true
		}
		if p.st.State != PaymentNeedsAttention {
			return true
		}
		if at := p.lastAttempt(); p.st.Reason == ReasonUnauthorized && at != nil && at.Outcome == activities.ChargeNotTaken {
			// Stripe takes the key again, and nothing was charged: no person has to release each payment.
			p.again(ctx, workflow.Now(ctx))
			return true
		}
	}
	switch {
	case p.st.Reason == ReasonDuplicateNotRefunded:
		p.settle(ctx)
		return true
	case p.st.Reason != ReasonWayNotClosed:
		return false
	case ending != "":
		if err := p.endWhenClosed(ctx, ending); err != nil {
			workflow.GetLogger(ctx).Warn("payment not ended", "error_type", errorType(err))
		}
		return true
	}
	switch p.closeWays(ctx, p.st.Intent) {
	case waysPaid:
		p.settle(ctx)
	case waysProcessing:
		p.enterProcessing(ctx)
	case waysClosed:
		p.goBack(ctx)
	case waysOpen:
	}
	return true
}

// watchProcessing gives a bank 21 days. The payment never becomes uncollectible by itself, and is still asked daily.
func (p *collectPayment) watchProcessing(ctx workflow.Context) {
	if p.st.State != PaymentProcessing || workflow.Now(ctx).Before(p.st.ProcessingSince.Add(processingPatience)) {
		return
	}
	p.attention(ctx, ReasonProcessingTooLong)
	p.st.Poll = len(pollDelays)
	p.polled(ctx, p.in.Reference)
}

// debitFailed follows a bank's late no.
func (p *collectPayment) debitFailed(ctx workflow.Context, readings []activities.WayReading) {
	p.st.ProcessingSince = time.Time{}
	for _, r := range readings {
		if r.Kind != activities.WayPaymentIntent || r.ID != p.st.Intent || r.State != activities.WayOpen {
			continue
		}
		outcome := activities.ChargeDeclined
		if r.NeedsCustomer {
			outcome = activities.ChargeNeedsCustomer
		}
		p.resolve(ctx, activities.ChargeResult{
			Outcome: outcome, PaymentIntent: r.PaymentIntent, PaymentMethod: r.PaymentMethod, LatestCharge: r.LatestCharge, Codes: r.Codes,
		})
		return
	}
	// It was a Checkout Session's, or the PaymentIntent was canceled. An attempt that was planned before is still due.
	p.explain(ruleDebitFailed, "The customer's payment through the bank failed, or was canceled.")
	if !p.st.NextAt.IsZero() {
		p.goBack(ctx)
		return
	}
	p.ask(ctx, p.st.LastClass, activities.Codes{})
}

// goBack returns to where the payment stood before a session was opened, or before a way could not be closed. A planned
// attempt that fell into that time is due now.
func (p *collectPayment) goBack(ctx workflow.Context) {
	switch {
	case !p.st.NextAt.IsZero() && p.st.Number == 0:
		p.move(ctx, PaymentScheduled)
	case !p.st.NextAt.IsZero():
		p.move(ctx, PaymentRetryScheduled)
	case p.st.Return == PaymentNeedsAttention:
		p.attention(ctx, p.st.ReturnReason)
	case !p.st.Deadline.IsZero():
		p.move(ctx, PaymentAwaitingCustomer)
		p.restartPolls(ctx, p.in.Reference)
	default:
		p.ask(ctx, p.st.LastClass, activities.Codes{})
	}
}

// checkMethod reads the method that the next attempt would use, and acts when it has changed since the last decline.
func (p *collectPayment) checkMethod(ctx workflow.Context) {
	delay := time.Duration(p.st.MethodDelay) * time.Minute
	p.st.MethodDue, p.st.MethodDelay = false, 0
	if p.st.State != PaymentRetryScheduled && p.st.State != PaymentAwaitingCustomer {
		return
	}
	m, err := p.readMethod(ctx, p.method())
	if err != nil {
		workflow.GetLogger(ctx).Warn("payment method not read", "error_type", errorType(err))
		return
	}
	switch {
	case m.CustomerDeleted:
		p.attention(ctx, ReasonCustomerDeleted)
	case m.PaymentMethod == "", p.saidFinalNo(m.PaymentMethod, m.Stamp):
		if p.st.State == PaymentRetryScheduled && p.st.Number > 0 {
			p.explain(ruleMethodGone, "There is no usable payment method any more: the customer is asked for one.")
			p.ask(ctx, p.st.LastClass, activities.Codes{Code: activities.CodePaymentMethodUnusable})
		}
	case p.methodChanged(m) && p.st.Reached < p.in.Policy.MaxAttempts && (p.st.Number > 0 || p.st.Reached > 0):
		p.explain(ruleMethodChanged, "The payment method has changed: the next attempt uses it at once.")
		p.st.Retries = 0
		p.planAttempt(ctx, later(workflow.Now(ctx).Add(delay), p.st.Rescheduled))
	}
}

func (p *collectPayment) readMethod(ctx workflow.Context, method string) (activities.ReadMethodResult, error) {
	return execute(ctx, readOptions, payments.ReadChosenMethod, activities.ReadMethodInput{Customer: p.in.Customer, PaymentMethod: method})
}

// methodChanged reports whether the next attempt would use other card data than the one that was declined.
func (p *collectPayment) methodChanged(m activities.ReadMethodResult) bool {
	if m.PaymentMethod != p.st.FailedMethod {
		return true
	}
	return p.st.FailedStamp != "" && m.Stamp != "" && m.Stamp != p.st.FailedStamp
}

// saidFinalNo reports whether the method said a final no with this data. A stamp that nobody knows counts as the same.
func (p *collectPayment) saidFinalNo(method, stamp string) bool {
	return slices.ContainsFunc(p.st.FinalNos, func(f failedCard) bool {
		return f.Method == method && (f.Stamp == stamp || f.Stamp == "" || stamp == "")
	})
}

// explain notes on the last attempt why the plan has changed.
func (p *collectPayment) explain(rule, sentence string) {
	if n := len(p.st.Attempts); n > 0 {
		p.st.Attempts[n-1].Rule, p.st.Attempts[n-1].Explanation = rule, sentence
	}
}
