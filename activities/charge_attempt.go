package activities

import (
	"context"
	"errors"
	"slices"
)

// attempt is one automatic attempt in the hands of whoever sends it: a Charge, or a row of a billing run's page.
type attempt struct {
	ports *Ports
	in    ChargeInput
	// progress is what was done before, and what this try adds to it.
	progress chargeProgress
	// run counts the runs of the activity, from 1.
	run int32
	// again says that an earlier run of a page may have sent it: a PaymentIntent of the same owner is its own then.
	again bool
	// sending is called before every send, and answers whether it may be done; record after a fault. They keep the progress where
	// the next run of the activity finds it.
	sending func(chargeProgress) bool
	record  func(chargeProgress)
}

// errNotSent is make's error when sending said no: nothing was sent.
var errNotSent = errors.New("nothing may be sent any more")

// make asks what must be known first, sends the attempt, and sorts the answer. Made again, Stripe sees the same key. Its
// errors are the ports'.
func (a *attempt) make(ctx context.Context) (ChargeResult, error) {
	if !a.progress.FirstSentAt.IsZero() && a.ports.Now().Sub(a.progress.FirstSentAt) >= KeyTrust {
		return a.unknown(), nil
	}
	if res, err := a.lookBefore(ctx); err != nil || res.Outcome != "" {
		return res, err
	}
	a.progress.LookedBack = a.in.LookBack
	if a.progress.PaymentMethod == "" {
		method, err := a.defaultMethod(ctx)
		if err != nil {
			return ChargeResult{}, err
		}
		if method == "" {
			return ChargeResult{Outcome: ChargeDeclined, PaymentIntent: a.in.PaymentIntent, Codes: Codes{Code: CodeNoPaymentMethod}}, nil
		}
		a.progress.PaymentMethod = method
	}
	if a.progress.FirstSentAt.IsZero() {
		a.progress.FirstSentAt = a.ports.Now().UTC()
	}
	if !a.sending(a.progress) {
		return ChargeResult{}, errNotSent
	}
	intent, err := a.send(ctx)
	if err == nil {
		return a.in.shorten(resultOf(intent, a.progress.PaymentMethod)), nil
	}
	return a.failed(ctx, err)
}

func (a *attempt) send(ctx context.Context) (PaymentIntent, error) {
	in := a.in
	if in.PaymentIntent != "" {
		return a.ports.PaymentIntents.ConfirmPaymentIntent(ctx, ConfirmPaymentIntentRequest{
			PaymentIntent:  in.PaymentIntent,
			PaymentMethod:  a.progress.PaymentMethod,
			IdempotencyKey: in.IdempotencyKey(),
		})
	}
	return a.ports.PaymentIntents.CreatePaymentIntent(ctx, CreatePaymentIntentRequest{
		Amount:          in.Amount,
		Currency:        in.Currency,
		Customer:        in.Customer,
		PaymentMethod:   a.progress.PaymentMethod,
		Description:     in.Description,
		StatementSuffix: in.StatementSuffix,
		Metadata:        metadata(in.Metadata, "payment:"+in.Reference, in.Reference, in.Owner, in.Attempt),
		IdempotencyKey:  in.IdempotencyKey(),
	})
}

// failed sorts Stripe's no: an answer is a result, a fault is an error.
func (a *attempt) failed(ctx context.Context, err error) (ChargeResult, error) {
	var se *StripeError
	if !errors.As(err, &se) {
		return ChargeResult{}, err
	}
	res := ChargeResult{PaymentIntent: a.in.PaymentIntent, PaymentMethod: a.progress.PaymentMethod, Codes: se.Codes}
	if se.PaymentIntent != nil {
		res.PaymentIntent = se.PaymentIntent.ID
		res.LatestCharge = se.PaymentIntent.LatestCharge
		if se.PaymentIntent.PaymentMethod == a.progress.PaymentMethod {
			// Otherwise the PaymentIntent still shows the method of an earlier attempt: this one was not tried.
			res.PaymentMethodStamp = se.PaymentIntent.PaymentMethodStamp
		}
	}
	switch se.Kind {
	case StripeDeclined:
		if res.PaymentIntent == "" {
			// A PaymentIntent was made, but the answer does not name it: without a look-up the next attempt would make another.
			return a.unknown(), nil
		}
		res.Outcome = declineOutcome(se.Codes)
		return res, nil
	case StripeRefused:
		res.Outcome = ChargeRefused
		return res, nil
	case StripeMissing:
		if se.Param == "payment_method" {
			res.Outcome = ChargeDeclined
			res.Codes, res.PaymentMethodStamp = Codes{Code: CodePaymentMethodUnusable}, ""
			if slices.Contains(mandateGone, se.Codes.Code) {
				res.DeclineCode = se.Codes.Code
			}
			return res, nil
		}
		return ChargeResult{}, se
	case StripeWrongState:
		return a.unexpectedState(ctx)
	case StripeKeyReused, StripeStoredFault:
		return a.unknown(), nil
	case StripeUnknown, StripeKeyInUse, StripeRateLimited:
		a.record(a.progress)
		return ChargeResult{}, se
	case StripeUnauthorized, StripeInvalid:
		return ChargeResult{}, se
	}
	return ChargeResult{}, se
}

// unexpectedState re-reads a PaymentIntent that refused to be confirmed: often it has succeeded or was canceled.
func (a *attempt) unexpectedState(ctx context.Context) (ChargeResult, error) {
	if a.in.PaymentIntent == "" {
		return a.unknown(), nil
	}
	intent, err := a.ports.PaymentIntents.PaymentIntent(ctx, a.in.PaymentIntent)
	if err != nil {
		a.record(a.progress)
		return ChargeResult{}, err
	}
	switch intent.Status {
	case PaymentIntentSucceeded, PaymentIntentProcessing, PaymentIntentCanceled, PaymentIntentRequiresAction:
		return resultOf(intent, a.progress.PaymentMethod), nil
	case PaymentIntentRequiresPaymentMethod, PaymentIntentRequiresConfirmation, PaymentIntentRequiresCapture:
		return a.unknown(), nil
	}
	return a.unknown(), nil
}

func (a *attempt) defaultMethod(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	c, err := a.ports.Customers.Customer(ctx, a.in.Customer)
	if err != nil {
		return "", err
	}
	if c.Deleted {
		return "", &StripeError{Kind: StripeMissing, Param: "customer"}
	}
	return c.DefaultPaymentMethod, nil
}

// unknown leaves the attempt to a look-up.
func (a *attempt) unknown() ChargeResult {
	return ChargeResult{
		Outcome:       ChargeUnknown,
		PaymentIntent: a.in.PaymentIntent,
		PaymentMethod: a.progress.PaymentMethod,
		FirstSentAt:   a.progress.FirstSentAt,
	}
}
