package activities

import "context"

// LookUpInput asks what became of an attempt whose answer was lost.
type LookUpInput struct {
	Reference string `json:"reference"`
	Customer  string `json:"customer"`
	Amount    int64  `json:"amount"`
	Currency  string `json:"currency"`
	// PaymentIntent is the one the attempt confirmed; empty lists the customer's and matches the reference.
	PaymentIntent string `json:"payment_intent,omitempty"`
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
	// Others are further PaymentIntents with this reference that are not canceled; they must be closed.
	Others []string `json:"others,omitempty"`
}

// LookUpPayment reads from Stripe what became of an attempt. It only reads: a second call may find something newer.
//
// Nothing found, or a PaymentIntent that looks as before: ChargeNotTaken. A newer charge or another error: declined
// with those codes. When the error before was an authentication refusal, which leaves no trace when it comes again:
// declined with CodeUnknown. Errors as for Charge.
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
		if found, err = p.ports.PaymentIntents.PaymentIntentsByReference(ctx, in.Customer, in.Reference); err != nil {
			return LookUpResult{}, applicationError(err)
		}
	}
	if len(found) == 0 {
		return LookUpResult{ChargeResult: ChargeResult{Outcome: ChargeNotTaken}}, nil
	}
	if !valuesAgree(found, in.Customer, in.Amount, in.Currency) {
		return LookUpResult{ChargeResult: ChargeResult{Outcome: ChargeConflict, PaymentIntent: found[0].ID}}, nil
	}
	intent, others := pickIntent(found)
	return LookUpResult{ChargeResult: foundOutcome(intent, in.Before), Others: others}, nil
}

// foundOutcome is the table of what a found PaymentIntent says about the attempt.
func foundOutcome(intent PaymentIntent, before IntentMark) ChargeResult {
	res := resultOf(intent, intent.PaymentMethod)
	switch intent.Status {
	case PaymentIntentRequiresConfirmation:
		res.Outcome, res.Codes = ChargeNotTaken, Codes{}
	case PaymentIntentRequiresPaymentMethod:
		switch {
		case intent.LatestCharge != before.LatestCharge || intent.LastError != before.LastError:
			// resultOf has read outcome and codes off the newer error.
		case isAuthentication(before.LastError):
			res.Outcome, res.Codes = ChargeDeclined, Codes{Code: CodeUnknown}
		default:
			res.Outcome, res.Codes = ChargeNotTaken, Codes{}
		}
	case PaymentIntentRequiresAction, PaymentIntentProcessing, PaymentIntentRequiresCapture, PaymentIntentSucceeded, PaymentIntentCanceled:
	}
	return res
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

func intentRank(i PaymentIntent) int {
	switch i.Status {
	case PaymentIntentSucceeded:
		return 3
	case PaymentIntentProcessing, PaymentIntentRequiresCapture:
		return 2
	case PaymentIntentRequiresPaymentMethod, PaymentIntentRequiresConfirmation, PaymentIntentRequiresAction:
		return 1
	case PaymentIntentCanceled:
		return 0
	}
	return 0
}
