package stripesandbox

import "net/http"

// decline is how an issuer says no.
type decline struct {
	Code               string // error code: card_declined, or the reason itself
	DeclineCode        string
	Param              string
	AdviceCode         string
	NetworkAdviceCode  string
	NetworkDeclineCode string
	Blocked            bool // by Stripe, before the issuer was asked
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

// withAdvice returns d with what the network advises.
func (d *decline) withAdvice(adviceCode string) *decline {
	if adviceCode == "" {
		return d
	}
	advised := *d
	advised.AdviceCode = adviceCode
	return &advised
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
