package workflows

import (
	"cmp"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/calendar"
	"github.com/offsession/offsession/workflows/money"
)

// amountPatience is how long the app has to say what to charge.
const amountPatience = 24 * time.Hour

// planned is a payment before it is charged: nothing in it changes once it is sent.
type planned struct {
	key         string
	due         time.Time
	amount      int64
	description string
}

func (a *billingAgreement) paymentReference(key string) string { return a.in.Reference + "~" + key }

// charge charges a due date. It reports whether the date is used: false leaves it for later, and nothing was sent.
func (a *billingAgreement) charge(ctx workflow.Context, due calendar.Occurrence) bool {
	p := planned{key: due.Key, due: due.At, amount: a.amount(), description: a.in.Description}
	if a.in.AmountFrom == AmountFromWebhook {
		asked, ok := a.askAmount(ctx, due)
		if !ok {
			return false
		}
		p.amount, p.description = asked.Amount, cmp.Or(asked.Description, p.description)
		if p.amount == 0 {
			a.skip(ctx, skippedNothingDue)
			a.cycleDone = true
			return false
		}
		if err := money.Check(p.amount, a.in.Currency); err != nil {
			workflow.GetLogger(ctx).Warn("the app's amount cannot be charged", "amount", p.amount, "error", err)
			a.stop(ctx, AgreementReasonAmountUnknown)
			return false
		}
	}
	if reason := a.ceiling(workflow.Now(ctx), p.amount); reason != "" {
		a.stop(ctx, reason)
		return false
	}
	return a.send(ctx, p)
}

// askAmount asks the app what to charge. It reports whether there is an answer: otherwise the app is asked again later,
// or the agreement waits for a person.
func (a *billingAgreement) askAmount(ctx workflow.Context, due calendar.Occurrence) (activities.RequestAmountResult, bool) {
	now := workflow.Now(ctx)
	if a.st.AmountSince.IsZero() {
		a.st.AmountSince = now.UTC()
	}
	asked, err := execute(ctx, amountOptions, amounts.RequestAmount, activities.RequestAmountInput{
		Agreement:   a.in.Reference,
		Reference:   a.paymentReference(due.Key),
		Customer:    a.in.Customer,
		Currency:    a.in.Currency,
		PeriodStart: a.st.PeriodFrom,
		PeriodEnd:   due.At,
	})
	now = workflow.Now(ctx)
	switch {
	case err == nil:
		a.forgetSilence()
		return asked, true
	case errorType(err) == activities.ErrorAmountInvalid, now.Sub(a.st.AmountSince) >= amountPatience:
		workflow.GetLogger(ctx).Warn("amount not known", "reference", a.paymentReference(due.Key), "error_type", errorType(err))
		a.stop(ctx, AgreementReasonAmountUnknown)
		a.forgetSilence()
	default:
		next := now.Add(pollDelay(a.st.AmountTries, a.in.Reference))
		a.st.AmountAt = earliest(next, a.st.AmountSince.Add(amountPatience))
		a.st.AmountTries++
	}
	return activities.RequestAmountResult{}, false
}

// ceilingFields are the fields of the input that the reasons are about.
var ceilingFields = map[string]string{AgreementReasonCeilingPerCharge: "max_amount_per_charge", AgreementReasonCeilingPerMonth: "max_amount_per_month"}

// forgetSilence ends the asking for a date's amount.
func (a *billingAgreement) forgetSilence() {
	a.st.AmountTries, a.st.AmountAt, a.st.AmountSince = 0, time.Time{}, time.Time{}
}

// ceiling is the reason for which an amount must not be charged; empty when it may. Whatever became of the payments of a
// month, they count in the month in which they were first sent, unless they ended unpaid.
func (a *billingAgreement) ceiling(now time.Time, amount int64) string {
	if a.in.MaxAmountPerCharge > 0 && amount > a.in.MaxAmountPerCharge {
		return AgreementReasonCeilingPerCharge
	}
	sum := amount
	if a.st.Month == a.month(now) {
		sum += a.st.MonthSum
	}
	if a.in.MaxAmountPerMonth > 0 && sum > a.in.MaxAmountPerMonth {
		return AgreementReasonCeilingPerMonth
	}
	return ""
}

// month is the local calendar month, 200601.
func (a *billingAgreement) month(t time.Time) string { return t.In(a.zone).Format("200601") }

func (a *billingAgreement) count(month string, amount int64) {
	if a.st.Month != month {
		a.st.Month, a.st.MonthSum = month, 0
	}
	a.st.MonthSum += amount
}

// giveBack takes a payment that was not paid out of its month's sum, as long as that month lasts.
func (a *billingAgreement) giveBack(month string, amount int64) {
	if a.st.Month == month {
		a.st.MonthSum -= amount
	}
}

// send makes a payment's first attempt, and hands the payment over when that did not succeed. It reports whether
// anything may have been sent: false leaves no trace of the payment.
func (a *billingAgreement) send(ctx workflow.Context, p planned) bool {
	sentAt := workflow.Now(ctx).UTC()
	reference := a.paymentReference(p.key)
	a.keepPayment(keptPayment{Key: p.key, Due: p.due.Unix(), State: AgreementPaymentCharging, Amount: p.amount})
	method := a.st.Method
	res, err := execute(ctx, chargeOptions(ctx, p.key), payments.Charge, activities.ChargeInput{
		Reference:       reference,
		Attempt:         1,
		Owner:           AgreementID(a.in.Reference),
		Amount:          p.amount,
		Currency:        a.in.Currency,
		Customer:        a.in.Customer,
		PaymentMethod:   method,
		Description:     p.description,
		StatementSuffix: a.in.StatementSuffix,
		Metadata:        a.in.Metadata,
		// Stripe has forgotten the key of a date long past, should it have been charged in a run that was reset since.
		LookBack:           a.st.Earlier || sentAt.Sub(p.due) > activities.KeyTrust,
		HoldIfDisputed:     true,
		Acknowledged:       a.st.Disputed,
		AcknowledgedBefore: a.st.DisputedBefore,
	})
	if err != nil {
		// An earlier try may have come through, its answer lost: the payment's own workflow finds out.
		res = activities.ChargeResult{Outcome: activities.ChargeUnknown, FirstSentAt: sentAt}
	}
	if res.Outcome == activities.ChargeHeld {
		a.dropPayment(reference)
		a.disputed(ctx, res.Disputed...)
		return false
	}
	a.st.Charges++
	a.count(a.month(sentAt), p.amount)
	switch {
	case res.Outcome == activities.ChargeSucceeded:
		a.st.Paid++
		a.setPayment(reference, AgreementPaymentPaid, "", res.PaymentIntent)
		a.tellPaid(ctx, p, res)
		return true
	case res.Outcome == activities.ChargeCanceled && res.Adopted:
		// An earlier life of this reference ended so: nothing is sent again.
		a.setPayment(reference, AgreementPaymentCanceled, "", res.PaymentIntent)
		a.giveBack(a.month(sentAt), p.amount)
		return true
	}
	a.handOver(ctx, p, method, AttemptOne{At: sentAt, ChargeResult: res})
	switch {
	case err != nil && errorType(err) == activities.ErrorCustomerMissing:
		a.stop(ctx, AgreementReasonCustomerDeleted)
	case consentRevoked(res.Codes):
		a.stop(ctx, AgreementReasonConsentRevoked)
	case res.Code == activities.CodePaymentMethodUnusable:
		a.stop(ctx, AgreementReasonMethodDetached)
	}
	return true
}

// handOver gives a payment to a CollectPayment of its own. When it returns, that workflow runs: nothing is lost when this
// run ends.
func (a *billingAgreement) handOver(ctx workflow.Context, p planned, method string, first AttemptOne) {
	reference := a.paymentReference(p.key)
	in := CollectPaymentInput{
		Reference:       reference,
		Customer:        a.in.Customer,
		PaymentMethod:   method,
		Amount:          p.amount,
		Currency:        a.in.Currency,
		Due:             p.due,
		Owner:           AgreementID(a.in.Reference),
		AttemptOne:      &first,
		Description:     p.description,
		StatementSuffix: a.in.StatementSuffix,
		Metadata:        a.in.Metadata,
		TimeZone:        a.in.TimeZone,
		CheckoutUI:      a.in.CheckoutUI,
		Events:          a.in.Events,
		Policy:          a.in.Policy,
	}
	id := PaymentID(reference)
	attributes := in.StartSearchAttributes(workflow.Now(ctx))
	err := a.startChild(ctx, TypeCollectPayment, id, attributes, fmt.Sprintf("%d %s in minor units", p.amount, a.in.Currency), in.Short())
	open := openPayment{Key: p.key, Amount: p.amount, Month: a.month(first.At)}
	if err == nil {
		a.setPayment(reference, AgreementPaymentCollecting, string(first.Outcome), first.PaymentIntent)
		a.st.Open = append(a.st.Open, open)
		a.planCheck(ctx)
		return
	}
	// Somebody started it before: the same payment is adopted, another one is a person's matter.
	workflow.GetLogger(ctx).Warn("payment has a workflow already", "workflow_id", id, "error", err)
	found, err := execute(ctx, lookUpOptions, handovers.ReadOwned, activities.ReadOwnedInput{WorkflowID: id})
	if err != nil || !found.Found || found.Customer != in.Customer || found.Amount != in.Amount || found.Currency != in.Currency {
		a.setPayment(reference, AgreementPaymentLost, AgreementReasonReferenceConflict, first.PaymentIntent)
		a.stop(ctx, AgreementReasonReferenceConflict)
		return
	}
	a.setPayment(reference, AgreementPaymentCollecting, string(first.Outcome), first.PaymentIntent)
	a.st.Open = append(a.st.Open, open)
	a.planCheck(ctx)
	a.follow(ctx, reference, found.OwnedWorkflow)
}

// chargeNow makes a charge beside the schedule.
func (a *billingAgreement) chargeNow(ctx workflow.Context, c *command) error {
	amount := cmp.Or(c.change.Amount, a.amount())
	now := workflow.Now(ctx).UTC()
	switch {
	case a.st.NowsUnknown:
		return refuse("%s: Stripe did not say which charges an earlier agreement with this reference made; start another agreement", c.update)
	case len(a.st.Open) >= openPaymentsMost:
		return refuse("%s: %d payments of the agreement are being collected; no more are begun", c.update, len(a.st.Open))
	}
	if reason := a.ceiling(now, amount); reason != "" {
		return refuse("amount: %d is above what is left of the agreement's %s (%s)", amount, ceilingFields[reason], reason)
	}
	k := a.st.Nows + 1
	p := planned{key: fmt.Sprintf("now%d", k), due: now, amount: amount, description: cmp.Or(c.change.Description, a.in.Description)}
	c.changed.Payment = a.paymentReference(p.key)
	if !a.send(ctx, p) {
		c.changed.Payment = ""
		return refuse("%s: the agreement is %s; nothing was charged", c.update, a.stateAndReason())
	}
	a.st.Nows = k
	a.remember(c, answeredRequest{Now: k})
	a.cycleDone = true
	return nil
}
