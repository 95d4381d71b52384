package dunning

// Class says what kind of "no" an attempt got, and so who can do something about it.
type Class string

const (
	// ClassSoft may pass later with the same payment method: too little money, a fault on the way.
	ClassSoft Class = "soft"
	// ClassIssuer is a bank's no without a usable reason: a few later attempts, and the customer is told.
	ClassIssuer Class = "issuer"
	// ClassHard cannot pass with this payment method: no automatic attempt until it changes.
	ClassHard Class = "hard"
	// ClassFraud is hard too, and its reason is not shown to anyone but the operator's own
	// Stripe dashboard: it might tell a thief what the bank knows.
	ClassFraud Class = "fraud"
	// ClassAuth needs the customer to approve the payment with the bank; repeating it without them cannot pass.
	ClassAuth Class = "auth"
	// ClassInspect may mean that the payment was already taken: look for it before anything else is sent.
	ClassInspect Class = "inspect"
	// ClassNotApplicable is for codes of card terminals (PIN). Should one arrive all the same, it is as final as ClassHard.
	ClassNotApplicable Class = "not_applicable"
	// ClassConfiguration is the merchant's to repair, such as a test card with a live key. Nothing is
	// retried; the customer may still pay in another way.
	ClassConfiguration Class = "configuration"
)

// Retryable reports whether an automatic attempt with the same payment method can make sense.
func (c Class) Retryable() bool {
	switch c {
	case ClassSoft, ClassIssuer, ClassInspect:
		return true
	case ClassHard, ClassFraud, ClassAuth, ClassNotApplicable, ClassConfiguration:
		return false
	}
	return false
}

// Failure is how an attempt failed: codes only, as Stripe gave them.
type Failure struct {
	// Outcome is how the attempt ended, one of the Outcome constants.
	Outcome Outcome `json:"outcome"`
	// Code is error.code, such as card_declined or expired_card.
	Code string `json:"code,omitempty"`
	// DeclineCode is error.decline_code, such as insufficient_funds.
	DeclineCode string `json:"decline_code,omitempty"`
	// AdviceCode is error.advice_code or charge.outcome.advice_code, such as try_again_later.
	AdviceCode string `json:"advice_code,omitempty"`
	// NetworkAdviceCode is the card network's own advice, such as Mastercard's 03.
	NetworkAdviceCode string `json:"network_advice_code,omitempty"`
	// NetworkDeclineCode is the bank's raw code, such as 51. It is kept for people; rules read only those that withdraw the
	// permission to charge, such as Visa's R1.
	NetworkDeclineCode string `json:"network_decline_code,omitempty"`
	// PaymentMethodType is Stripe's type, such as card or sepa_debit. Empty means card.
	PaymentMethodType string `json:"payment_method_type,omitempty"`
}

// Outcome is how an attempt that did not succeed ended.
type Outcome string

const (
	// OutcomeDeclined is a bank's or Stripe's no.
	OutcomeDeclined Outcome = "declined"
	// OutcomeNeedsCustomer means that the bank wants the customer present.
	OutcomeNeedsCustomer Outcome = "needs_customer"
	// OutcomeUnknown means that nobody can tell how the attempt ended, only that it took no money.
	OutcomeUnknown Outcome = "unknown"
)

// ClassOf returns the class of a failure and the id of the rule that says so:
// "advice.<code>", "network_advice.<code>", "class.<class>" for a decline code that is known,
// "default.<outcome>" for one that is not. ".consent_withdrawn" follows when the customer
// withdrew the permission to charge.
func ClassOf(f Failure) (class Class, rule string) {
	r := reasonOf(f)
	return r.class, r.rule
}
