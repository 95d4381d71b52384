package stripegateway

import (
	"cmp"
	"encoding/json"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// advice holds the codes that stripe.Error lacks in this version of stripe-go, though Stripe sends them.
// https://docs.stripe.com/declines#retrying-issuer-declines
type advice struct {
	AdviceCode         string `json:"advice_code"`
	NetworkAdviceCode  string `json:"network_advice_code"`
	NetworkDeclineCode string `json:"network_decline_code"`
}

// adviceIn reads the advice of the error object at path inside body; zero when it is not there.
func adviceIn(body []byte, path ...string) advice {
	for _, field := range path {
		var object map[string]json.RawMessage
		if json.Unmarshal(body, &object) != nil {
			return advice{}
		}
		body = object[field]
	}
	var a advice
	if json.Unmarshal(body, &a) != nil {
		return advice{}
	}
	return a
}

// adviceOf reads what the charge itself says, which is there also in lists.
func adviceOf(charge *stripe.Charge) advice {
	if charge == nil || charge.Outcome == nil {
		return advice{}
	}
	return advice{
		AdviceCode:         string(charge.Outcome.AdviceCode),
		NetworkAdviceCode:  charge.Outcome.NetworkAdviceCode,
		NetworkDeclineCode: charge.Outcome.NetworkDeclineCode,
	}
}

// codes is zero for a nil error.
func codes(e *stripe.Error, a advice) activities.Codes {
	if e == nil {
		return activities.Codes{}
	}
	return activities.Codes{
		Code:               string(e.Code),
		DeclineCode:        string(e.DeclineCode),
		AdviceCode:         a.AdviceCode,
		NetworkAdviceCode:  a.NetworkAdviceCode,
		NetworkDeclineCode: a.NetworkDeclineCode,
	}
}

// or fills what a lacks from b.
func (a advice) or(b advice) advice {
	return advice{
		AdviceCode:         cmp.Or(a.AdviceCode, b.AdviceCode),
		NetworkAdviceCode:  cmp.Or(a.NetworkAdviceCode, b.NetworkAdviceCode),
		NetworkDeclineCode: cmp.Or(a.NetworkDeclineCode, b.NetworkDeclineCode),
	}
}
