package activities

import (
	"context"
	"errors"
	"slices"
)

// LookUpInput asks what became of an attempt whose answer was lost.
type LookUpInput struct {
	Reference string `json:"reference"`
	Customer  string `json:"customer"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	// PaymentIntent is the one the attempt confirmed; empty lists the customer's and matches the reference.
	PaymentIntent string `json:"payment_intent,omitempty"`
	// Closed are PaymentIntents with this reference that are known to be closed; a list leaves them out.
	Closed []string `json:"closed,omitempty"`
	// Before is how the PaymentIntent looked before the attempt; zero before attempt 1.
	Before IntentMark `json:"before,omitzero"`
}

// IntentMark tells whether a PaymentIntent was tried again: a new try leaves a newer charge or another error.
type IntentMark struct {
	LatestCharge string `json:"latest_charge,omitempty"`
	LastError    Codes  `json:"last_error,omitzero"`
}

// LookUpResult is the attempt's outcome as found, never ChargeUnknown.
type LookUpResult struct {
	ChargeResult
	// Now is how the PaymentIntent looks, for the next look-up's Before.
	Now IntentMark `json:"now,omitzero"`
	// Others are further PaymentIntents with this reference that are not canceled; they must be closed.
	Others []string `json:"others,omitempty"`
}

// LookUpPayment reads from Stripe what became of an attempt. It only reads: a second call may find something newer.
// PaymentIntents of Checkout Sessions count only when they were paid or are processing.
//
// Nothing found, or a PaymentIntent that looks as before: ChargeNotTaken. A newer charge or another error: declined
// with those codes. When the error before was an authentication refusal, which leaves no trace when it comes again:
// declined with CodeUnknown. A canceled PaymentIntent is ChargeCanceled, unless it still shows an error that is newer than
// Before: then it was declined first. Errors as for Charge.
func (p *Payments) LookUpPayment(ctx context.Context, in LookUpInput) (LookUpResult, error) {
	var found []PaymentIntent
	if in.PaymentIntent != "" {
		intent, err := p.ports.PaymentIntents.PaymentIntent(ctx, in.PaymentIntent)
		if err != nil {
			return LookUpResult{}, applicationError(err)
		}
		found = []PaymentIntent{intent}
	} else {
		var err error
		found, err = p.ports.PaymentIntents.PaymentIntentsByReference(ctx, in.Customer, in.Reference)
		var se *StripeError
		switch {
		case errors.As(err, &se) && se.Kind == StripeMissing && se.Param == "customer":
			// A customer that never existed has no PaymentIntents.
		case err != nil:
			return LookUpResult{}, applicationError(err)
		}
		found = slices.DeleteFunc(found, func(i PaymentIntent) bool { return slices.Contains(in.Closed, i.ID) })
	}
	if len(found) == 0 {
		return LookUpResult{ChargeResult: ChargeResult{Outcome: ChargeNotTaken}}, nil
	}
	if !valuesAgree(found, in.Customer, in.Amount, in.Currency) {
		return LookUpResult{ChargeResult: ChargeResult{Outcome: ChargeConflict, PaymentIntent: found[0].ID}}, nil
	}
	intent, others := pickIntent(found)
	if in.PaymentIntent == "" {
		ours, sessions, err := p.withoutSessions(ctx, found)
		switch {
		case err != nil:
			return LookUpResult{}, applicationError(err)
		case len(ours) == 0:
			return LookUpResult{ChargeResult: ChargeResult{Outcome: ChargeNotTaken}, Others: sessions}, nil
		}
		intent, others = pickIntent(ours)
		others = append(others, sessions...)
	}
	return LookUpResult{
		ChargeResult: foundOutcome(intent, in.Before),
		Now:          IntentMark{LatestCharge: intent.LatestCharge, LastError: intent.LastError},
		Others:       others,
	}, nil
}

// withoutSessions separates the unpaid PaymentIntents that belong to a Checkout Session: those must not be confirmed, and
// are closed through their session. https://docs.stripe.com/api/payment_intents/cancel
func (p *Payments) withoutSessions(ctx context.Context, found []PaymentIntent) (ours []PaymentIntent, sessions []string, err error) {
	for _, f := range found {
		if intentRank(f) != rankOpen {
			ours = append(ours, f)
			continue
		}
		owners, err := p.ports.CheckoutSessions.CheckoutSessionsByPaymentIntent(ctx, f.ID)
		if err != nil {
			return nil, nil, err
		}
		if len(owners) == 0 {
			ours = append(ours, f)
			continue
		}
		sessions = append(sessions, f.ID)
	}
	return ours, sessions, nil
}

// foundOutcome is the table of what a found PaymentIntent says about the attempt.
func foundOutcome(intent PaymentIntent, before IntentMark) ChargeResult {
	res := resultOf(intent, intent.PaymentMethod)
	switch intent.Status {
	case PaymentIntentRequiresConfirmation:
		res.Outcome, res.Codes = ChargeNotTaken, Codes{}
	case PaymentIntentRequiresPaymentMethod:
		switch {
		case triedSince(intent, before):
			// resultOf has read outcome and codes off the newer error.
		case isAuthentication(before.LastError):
			res.Outcome, res.Codes = ChargeDeclined, Codes{Code: CodeUnknown}
		default:
			res.Outcome, res.Codes = ChargeNotTaken, Codes{}
		}
	case PaymentIntentCanceled:
		if intent.LastError != (Codes{}) && triedSince(intent, before) {
			res.Outcome, res.Codes = declineOutcome(intent.LastError), intent.LastError
			res.PaymentMethodStamp, res.Canceled = intent.PaymentMethodStamp, true
		}
	case PaymentIntentRequiresAction, PaymentIntentProcessing, PaymentIntentRequiresCapture, PaymentIntentSucceeded:
	}
	return res
}

// triedSince compares what every reading of a PaymentIntent has: the charge, and the two codes of its last error.
func triedSince(intent PaymentIntent, before IntentMark) bool {
	return intent.LatestCharge != before.LatestCharge ||
		intent.LastError.Code != before.LastError.Code || intent.LastError.DeclineCode != before.LastError.DeclineCode
}

// valuesAgree compares what identifies a payment, and nothing else: customer, amount and currency.
func valuesAgree(found []PaymentIntent, customer string, amount int64, currency string) bool {
	for _, f := range found {
		if f.Customer != customer || f.Amount != amount || f.Currency != currency {
			return false
		}
	}
	return true
}

// pickIntent chooses among several PaymentIntents with one reference: the one that was paid first, else one that is
// processing, else the newest that is open, else the newest. The others that are not canceled are named.
// found is ordered newest first.
func pickIntent(found []PaymentIntent) (picked PaymentIntent, others []string) {
	picked = found[0]
	for _, f := range found[1:] {
		if betterIntent(f, picked) {
			picked = f
		}
	}
	for _, f := range found {
		if f.ID != picked.ID && f.Status != PaymentIntentCanceled {
			others = append(others, f.ID)
		}
	}
	return picked, others
}

// betterIntent reports whether the older PaymentIntent a is to be kept rather than b.
func betterIntent(a, b PaymentIntent) bool {
	ra, rb := intentRank(a), intentRank(b)
	if ra != rb {
		return ra > rb
	}
	return a.Status == PaymentIntentSucceeded && a.ChargedAt.Before(b.ChargedAt)
}

// The ranks of PaymentIntents with one reference: the highest says most about the payment.
const (
	rankCanceled = iota
	rankOpen
	rankProcessing
	rankSucceeded
)

func intentRank(i PaymentIntent) int {
	switch i.Status {
	case PaymentIntentSucceeded:
		return rankSucceeded
	case PaymentIntentProcessing, PaymentIntentRequiresCapture:
		return rankProcessing
	case PaymentIntentRequiresPaymentMethod, PaymentIntentRequiresConfirmation, PaymentIntentRequiresAction:
		return rankOpen
	case PaymentIntentCanceled:
		return rankCanceled
	}
	return rankCanceled
}
