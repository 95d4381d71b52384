package activities

// ChargeOutcome is what became of one charge attempt.
type ChargeOutcome string

// The outcomes of an attempt.
const (
	// ChargeSucceeded: the money is taken.
	ChargeSucceeded ChargeOutcome = "succeeded"
	// ChargeProcessing: the bank works on it, the answer comes days later.
	ChargeProcessing ChargeOutcome = "processing"
	// ChargeDeclined: the issuer said no, hard or not.
	ChargeDeclined ChargeOutcome = "declined"
	// ChargeRefused: Stripe did not try the card (amount_too_small, amount_too_large).
	ChargeRefused ChargeOutcome = "refused"
	// ChargeNeedsCustomer: the bank wants the customer present.
	ChargeNeedsCustomer ChargeOutcome = "needs_customer"
	// ChargeUnknown: the answer was lost; a look-up must tell.
	ChargeUnknown ChargeOutcome = "unknown"
	// ChargeNotTaken: nothing was charged and the card was not asked; a later attempt may.
	ChargeNotTaken ChargeOutcome = "not_taken"
	// ChargeCanceled: the PaymentIntent is canceled, nothing was charged.
	ChargeCanceled ChargeOutcome = "canceled"
	// ChargeHeld: nothing was sent, because another payment of the same owner is disputed.
	ChargeHeld ChargeOutcome = "held"
	// ChargeConflict: the reference was used before with other values; nothing was sent.
	ChargeConflict ChargeOutcome = "conflict"
)
