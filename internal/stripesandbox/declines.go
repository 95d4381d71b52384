package stripesandbox

import "net/http"

// decline is how an issuer says no.
type decline struct {
	Code               string `json:"code,omitzero"` // error code: card_declined, or the reason itself
	DeclineCode        string `json:"decline_code,omitzero"`
	Param              string `json:"param,omitzero"`
	AdviceCode         string `json:"advice_code,omitzero"`
	NetworkAdviceCode  string `json:"network_advice_code,omitzero"`
	NetworkDeclineCode string `json:"network_decline_code,omitzero"`
	Blocked            bool   `json:"blocked,omitzero"` // by Stripe, before the issuer was asked
}

// ownCode are the reasons that Stripe reports as the error code itself, with the
// parameter they point at, rather than as the decline_code of card_declined.
// https://docs.stripe.com/declines/codes
var ownCode = map[string]string{
	"expired_card": "exp_month", "incorrect_cvc": "cvc", "incorrect_number": "number", "processing_error": "",
	"invalid_cvc": "cvc", "invalid_expiry_month": "exp_month", "invalid_expiry_year": "exp_year", "invalid_number": "number",
}

// networkDeclineCodes are issuer codes of ISO 8583 for the common reasons.
var networkDeclineCodes = map[string]string{
	"generic_decline": "01", "do_not_honor": "05", "expired_card": "54", "insufficient_funds": "51", "lost_card": "41",
	"stolen_card": "43", "card_velocity_exceeded": "65", "incorrect_cvc": "N7", "invalid_account": "14", "pickup_card": "04",
	"restricted_card": "62", "transaction_not_allowed": "57", "issuer_not_available": "91", "processing_error": "96",
	"revocation_of_authorization": "R1", "revocation_of_all_authorizations": "R3", "stop_payment_order": "R0",
}

// declineFor returns the decline that Stripe reports for a reason.
func declineFor(reason string) *decline {
	if reason == "authentication_required" {
		return authenticationRequired
	}
	if param, own := ownCode[reason]; own {
		return &decline{Code: reason, Param: param, NetworkDeclineCode: networkDeclineCodes[reason]}
	}
	return &decline{Code: "card_declined", DeclineCode: reason, NetworkDeclineCode: networkDeclineCodes[reason]}
}

var (
	// authenticationRequired is the bank's wish for 3D Secure on an off-session charge.
	authenticationRequired = &decline{Code: "authentication_required", DeclineCode: "authentication_required"}
	// authenticationNotHandled is the same wish met with error_on_requires_action.
	authenticationNotHandled = &decline{Code: "authentication_required", DeclineCode: "authentication_not_handled"}
)

// withAdvice returns d with what Stripe and the card network advise.
func (d *decline) withAdvice(advice, network string) *decline {
	if advice == "" && network == "" {
		return d
	}
	advised := *d
	advised.AdviceCode, advised.NetworkAdviceCode = advice, network
	return &advised
}

// declineCodes are all that Stripe documents for cards.
// https://docs.stripe.com/declines/codes
var declineCodes = []string{
	"approve_with_id", "authentication_not_handled", "authentication_required", "call_issuer", "card_not_supported", "card_velocity_exceeded",
	"currency_not_supported", "do_not_honor", "do_not_try_again", "duplicate_transaction", "expired_card", "fraudulent", "generic_decline",
	"incorrect_address", "incorrect_cvc", "incorrect_number", "incorrect_pin", "incorrect_zip", "insufficient_funds", "invalid_account",
	"invalid_amount", "invalid_cvc", "invalid_expiry_month", "invalid_expiry_year", "invalid_number", "invalid_pin", "issuer_not_available",
	"lost_card", "merchant_blacklist", "mobile_device_authentication_required", "new_account_information_available", "no_action_taken",
	"not_permitted", "offline_pin_required", "online_or_offline_pin_required", "pickup_card", "pin_try_exceeded", "processing_error",
	"reenter_transaction", "restricted_card", "revocation_of_all_authorizations", "revocation_of_authorization", "security_violation",
	"service_not_allowed", "stolen_card", "stop_payment_order", "testmode_decline", "transaction_not_allowed", "try_again_later",
	"withdrawal_count_limit_exceeded",
}

var declineMessages = map[string]string{
	"authentication_required": "Your card was declined. This transaction requires authentication.",
	"expired_card":            "Your card has expired.",
	"incorrect_cvc":           "Your card's security code is incorrect.",
	"incorrect_number":        "Your card number is incorrect.",
	"insufficient_funds":      "Your card has insufficient funds.",
	"processing_error":        "An error occurred while processing your card. Try again in a little bit.",
}

func (d *decline) message() string {
	for _, code := range []string{d.DeclineCode, d.Code} {
		if text := declineMessages[code]; text != "" {
			return text
		}
	}
	return "Your card was declined."
}

// reason is what the charge's outcome shows.
func (d *decline) reason() string {
	switch {
	case d.Blocked:
		return "highest_risk_level"
	case d.DeclineCode != "":
		return d.DeclineCode
	}
	return d.Code
}

// apiError is the 402 that tells of the decline.
func (d *decline) apiError(pm *paymentMethod) *apiError {
	return &apiError{
		Status: http.StatusPaymentRequired, Type: typeCard, Code: d.Code, DeclineCode: d.DeclineCode, Param: d.Param, Message: d.message(),
		AdviceCode: d.AdviceCode, NetworkAdviceCode: d.NetworkAdviceCode, NetworkDeclineCode: d.NetworkDeclineCode, PaymentMethod: pm,
	}
}
