package activities

import (
	"context"
	"slices"
)

// mostAsked is how many of a customer's newest PaymentIntents are read for disputes: one page, so that the question costs
// one request. A dispute of an older one is heard of by webhook alone, unless a look-back reads it anyway.
const mostAsked = 100

// lookBefore asks Stripe what must be known before an attempt is sent. An empty outcome says that it may be sent.
//
// A dispute holds only what was never sent: later the attempt's own outcome counts.
func (a *attempt) lookBefore(ctx context.Context) (ChargeResult, error) {
	in, progress := a.in, a.progress
	lookBack := in.LookBack && !progress.LookedBack
	readCtx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	switch {
	case in.HoldIfDisputed && progress.FirstSentAt.IsZero():
		res, err := a.lookForDisputes(readCtx, lookBack)
		if err != nil {
			now := a.ports.Now().UTC()
			if progress.AskedAt.IsZero() {
				progress.AskedAt = now
			}
			if now.Sub(progress.AskedAt) >= KeyTrust {
				// Nothing was sent, but nobody may wait for ever unseen: whoever asked goes on with a look-up.
				return ChargeResult{Outcome: ChargeUnknown, PaymentIntent: in.PaymentIntent, PaymentMethod: in.PaymentMethod}, nil
			}
			// Without this the repetition would have to believe that something was sent.
			a.record(chargeProgress{Unsent: a.run, AskedAt: progress.AskedAt})
			return ChargeResult{}, err //nolint:wrapcheck // the caller translates it
		}
		return res, nil
	case lookBack:
		known, err := a.ports.PaymentIntents.PaymentIntentsByReference(readCtx, in.Customer, in.Reference)
		if err != nil {
			return ChargeResult{}, err //nolint:wrapcheck // the caller translates it
		}
		return a.lookedBack(known), nil
	}
	return ChargeResult{}, nil
}

// lookForDisputes reads the customer's newest PaymentIntents, and all of them for a look-back. What the reference has
// done already weighs more than a dispute: then nothing is to be sent anyway. It is noticed among the newest without a
// look-back too, at no cost: a workflow that was reset by hand repeats its charges, and Stripe forgets keys after a day.
func (a *attempt) lookForDisputes(ctx context.Context, lookBack bool) (ChargeResult, error) {
	in := a.in
	var known []PaymentIntent
	var disputed []string
	read := 0
	for intent, err := range a.ports.PaymentIntents.ListPaymentIntents(ctx, ListPaymentIntentsRequest{Customer: in.Customer, Charges: true}) {
		if err != nil {
			return ChargeResult{}, err //nolint:wrapcheck // the caller translates it
		}
		read++
		if in.heldBy(intent) {
			disputed = append(disputed, intent.ID)
		}
		if intent.Metadata[MetadataReference] == in.Reference {
			if intent, err = a.ports.PaymentIntents.PaymentIntent(ctx, intent.ID); err != nil {
				return ChargeResult{}, err //nolint:wrapcheck // the caller translates it
			}
			known = append(known, intent)
		}
		if !lookBack && read == mostAsked {
			break
		}
	}
	if res := a.lookedBack(known); res.Outcome != "" || len(disputed) == 0 {
		return res, nil
	}
	return ChargeResult{Outcome: ChargeHeld, PaymentIntent: disputed[0], Disputed: disputed}, nil
}

// heldBy reports whether the intent is a disputed payment of the same owner that nobody has acknowledged.
func (in ChargeInput) heldBy(intent PaymentIntent) bool {
	known := slices.Contains(in.Acknowledged, intent.ID) || intent.Created.Before(in.AcknowledgedBefore)
	return intent.Disputed && in.Owner != "" && intent.Metadata[MetadataOwner] == in.Owner && !known
}

// lookedBack says what becomes of the attempt when the reference's PaymentIntents are those known: what it has done itself is its
// outcome. One that shows no try is unknown, as a lost answer is, and a canceled one stays an earlier use.
func (a *attempt) lookedBack(known []PaymentIntent) ChargeResult {
	res := a.in.lookedBack(known)
	if !a.again || res.Outcome == "" || res.Outcome == ChargeConflict || len(known) > 1 || known[0].Metadata[MetadataOwner] != a.in.Owner {
		return res
	}
	switch own := foundOutcome(known[0], IntentMark{}); own.Outcome {
	case ChargeCanceled:
		return res
	case ChargeNotTaken:
		unknown := a.unknown()
		unknown.PaymentIntent = own.PaymentIntent
		return unknown
	case ChargeSucceeded, ChargeProcessing, ChargeDeclined, ChargeRefused, ChargeNeedsCustomer, ChargeUnknown, ChargeHeld, ChargeConflict,
		RowRejected, RowNotCharged:
		return a.in.shorten(own)
	}
	return res
}

// lookedBack says what becomes of the attempt when the reference's PaymentIntents are those known. An empty outcome says
// that it was not used before.
func (in ChargeInput) lookedBack(known []PaymentIntent) ChargeResult {
	known = slices.DeleteFunc(known, func(i PaymentIntent) bool {
		// A later attempt makes a new PaymentIntent because the one before was canceled.
		return slices.Contains(in.Closed, i.ID) || in.Attempt > 1 && i.Status == PaymentIntentCanceled
	})
	if len(known) == 0 {
		return ChargeResult{}
	}
	if !valuesAgree(known, in.Customer, in.Amount, in.Currency) {
		return ChargeResult{Outcome: ChargeConflict, Adopted: true, PaymentIntent: known[0].ID}
	}
	intent, others := pickIntent(known)
	res := resultOf(intent, intent.PaymentMethod)
	res.Adopted = true
	if len(others) > 0 || intentRank(intent) == rankOpen {
		// The look-up's table decides, and names what else must be closed or given back.
		res.Outcome, res.Codes = ChargeUnknown, Codes{}
	}
	return res
}
