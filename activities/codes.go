package activities

// Codes are the machine-readable parts of a failed payment or setup, as Stripe sent them. Empty means absent.
// https://docs.stripe.com/declines/codes
type Codes struct {
	// Code is the error's code, such as card_declined or authentication_required.
	Code string `json:"code,omitempty"`
	// DeclineCode is the issuer's reason, such as insufficient_funds.
	DeclineCode string `json:"decline_code,omitempty"`
	// AdviceCode is Stripe's advice: do_not_try_again, try_again_later or confirm_card_data.
	AdviceCode string `json:"advice_code,omitempty"`
	// NetworkAdviceCode is the card network's advice, such as Mastercard's 03.
	NetworkAdviceCode string `json:"network_advice_code,omitempty"`
	// NetworkDeclineCode is the issuer's raw answer, such as 51.
	NetworkDeclineCode string `json:"network_decline_code,omitempty"`
}

// Reason is the code that says most: the decline code, else the error's code.
func (c Codes) Reason() string {
	if c.DeclineCode != "" {
		return c.DeclineCode
	}
	return c.Code
}
