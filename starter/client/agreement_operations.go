package client

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/money"
)

// AgreementOperation says who asks for a change of an agreement and why; both are required and must not hold personal
// data. RequestID makes a repeat of the call harmless: the same id is answered the same and does nothing more. The other
// fields are for the operations that need them.
type AgreementOperation = workflows.AgreementOperation

// AgreementAnswer says where the agreement stands after an operation. Pending means that Stripe had not answered within
// 20 s: the operation goes on.
type AgreementAnswer = workflows.AgreementResponse

// PauseAgreement stops charging, until op.Until if it is given, else until ResumeAgreement. Called again, it moves the
// end.
func (c *Client) PauseAgreement(ctx context.Context, reference string, op AgreementOperation) (AgreementAnswer, error) {
	var i invalid
	until := op.Until.UTC().Truncate(time.Second)
	if op.Until.IsZero() {
		until = time.Time{}
	} else {
		checkFuture(&i, "until", until, time.Now())
	}
	return c.operateAgreement(ctx, reference, workflows.UpdatePause, op, AgreementOperation{Until: until}, &i)
}

// ResumeAgreement goes on after a pause, or after a person has looked at what needed attention. op.CatchUp says which of
// the dates that passed are charged; by default none is.
func (c *Client) ResumeAgreement(ctx context.Context, reference string, op AgreementOperation) (AgreementAnswer, error) {
	var i invalid
	catchUp := cmp.Or(op.CatchUp, workflows.CatchUpNone)
	oneOf(&i, "catch_up", catchUp, workflows.CatchUpAll, workflows.CatchUpLatest, workflows.CatchUpNone)
	return c.operateAgreement(ctx, reference, workflows.UpdateResume, op, AgreementOperation{CatchUp: catchUp}, &i)
}

// SkipNext leaves the next date out. A second call, unless it has the same RequestID, skips the one after it.
func (c *Client) SkipNext(ctx context.Context, reference string, op AgreementOperation) (AgreementAnswer, error) {
	return c.operateAgreement(ctx, reference, workflows.UpdateSkipNext, op, AgreementOperation{}, new(invalid))
}

// ChangeAmount changes what the dates from now on charge, to op.Amount. A currency, if one is given, must be the
// agreement's: another one needs another agreement. Refused when the app is asked for the amounts.
func (c *Client) ChangeAmount(ctx context.Context, reference string, op AgreementOperation) (AgreementAnswer, error) {
	var i invalid
	currency := checkCharge(&i, op.Amount, op.Currency, false)
	return c.operateAgreement(ctx, reference, workflows.UpdateChangeAmount, op, AgreementOperation{Amount: op.Amount, Currency: currency}, &i)
}

// ChangeSchedule changes the dates from now on, to op.Schedule.
func (c *Client) ChangeSchedule(ctx context.Context, reference string, op AgreementOperation) (AgreementAnswer, error) {
	var i invalid
	if op.Schedule == nil {
		i.add("schedule", "", "must be given")
	} else {
		_ = calendarOf(&i, *op.Schedule, "", time.Now())
	}
	return c.operateAgreement(ctx, reference, workflows.UpdateChangeSchedule, op, AgreementOperation{Schedule: op.Schedule}, &i)
}

// ChangeAgreementPaymentMethod puts the saved method op.PaymentMethod, of the same customer, in place of the agreement's
// own, or, with op.SaveCard, asks the customer for another one.
func (c *Client) ChangeAgreementPaymentMethod(ctx context.Context, reference string, op AgreementOperation) (AgreementAnswer, error) {
	var i invalid
	switch {
	case op.SaveCard && op.PaymentMethod != "":
		i.add("payment_method", op.PaymentMethod, "must be exactly one of payment_method and save_card")
	case !op.SaveCard:
		checkPaymentMethod(&i, op.PaymentMethod)
	}
	if i.result() == nil && op.PaymentMethod != "" && c.options.Stripe != nil {
		agreement, err := c.Agreement(ctx, reference)
		if err != nil {
			return AgreementAnswer{}, err
		}
		if _, err := c.askStripe(ctx, "customer", agreement.Customer, op.PaymentMethod); err != nil {
			return AgreementAnswer{}, err
		}
	}
	return c.operateAgreement(ctx, reference, workflows.UpdateChangePaymentMethod, op,
		AgreementOperation{PaymentMethod: op.PaymentMethod, SaveCard: op.SaveCard}, &i)
}

// ChargeNow makes one charge at once, beside the schedule: of op.Amount, or of the agreement's own when it is 0.
// op.RequestID is required: the same id again is answered with the same payment.
func (c *Client) ChargeNow(ctx context.Context, reference string, op AgreementOperation) (AgreementAnswer, error) {
	var i invalid
	if op.RequestID == "" {
		i.add("request_id", "", "must be given, so that a repeat of the call does not charge twice: "+requestIDForm)
	}
	currency := checkCharge(&i, op.Amount, op.Currency, true)
	checkDescription(&i, op.Description)
	return c.operateAgreement(ctx, reference, workflows.UpdateChargeNow, op,
		AgreementOperation{Amount: op.Amount, Currency: currency, Description: op.Description}, &i)
}

// CancelAgreement ends the agreement: now, or with op.AtPeriodEnd at its next date, which is not charged. Payments that are
// still being collected are collected to their end, or, with op.OpenPayments, written off. It refunds nothing.
func (c *Client) CancelAgreement(ctx context.Context, reference string, op AgreementOperation) (AgreementAnswer, error) {
	var i invalid
	open := cmp.Or(op.OpenPayments, workflows.OpenPaymentsCollect)
	oneOf(&i, "open_payments", open, workflows.OpenPaymentsCollect, workflows.OpenPaymentsWriteOff)
	return c.operateAgreement(ctx, reference, workflows.UpdateCancel, op, AgreementOperation{AtPeriodEnd: op.AtPeriodEnd, OpenPayments: open}, &i)
}

const requestIDForm = "1 to 64 characters of A-Z a-z 0-9 . _ -"

var requestID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// operateAgreement sends an Update with who and why from op, and the rest from argument; i has the mistakes found so far.
func (c *Client) operateAgreement(ctx context.Context, reference, update string, op, argument AgreementOperation, i *invalid) (AgreementAnswer, error) {
	if err := checkKnownReference(reference); err != nil {
		return AgreementAnswer{}, err
	}
	if op.RequestID != "" && !requestID.MatchString(op.RequestID) {
		i.add("request_id", op.RequestID, "must have "+requestIDForm)
	}
	checkWho(i, op.Actor, op.Reason)
	if err := i.result(); err != nil {
		return AgreementAnswer{}, err
	}
	argument.Actor, argument.Reason = op.Actor, op.Reason
	var answer AgreementAnswer
	err := c.update(ctx, sdk.UpdateWorkflowOptions{
		WorkflowID: workflows.AgreementID(reference), UpdateID: op.RequestID, UpdateName: update, Args: []any{argument},
	}, &answer)
	return answer, err
}

// checkCharge checks an amount whose currency may be left to the agreement, and answers the currency in lower case.
func checkCharge(i *invalid, amount int64, currency string, mayBeZero bool) string {
	normal := currency
	if currency != "" {
		var err error
		normal, err = money.NormalizeCurrency(currency)
		i.err("currency", currency, err)
	}
	switch {
	case amount == 0 && mayBeZero:
	case amount <= 0:
		i.add("amount", strconv.FormatInt(amount, 10), "must be positive, in minor units")
	case normal != "":
		checkMoney(i, "amount", amount, normal)
	}
	return normal
}

func checkFuture(i *invalid, field string, at, now time.Time) {
	switch {
	case !at.After(now):
		i.add(field, at.Format(time.RFC3339), "must be in the future")
	case at.After(now.AddDate(maxDue, 0, 0)):
		i.add(field, at.Format(time.RFC3339), fmt.Sprintf("must be within %d years", maxDue))
	}
}
