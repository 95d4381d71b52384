package stripesandbox

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// privatePrefix starts the tokens that only this sandbox knows:
//
//	pm_sandbox_decline_<code>[_advice_<advice>][_networkadvice_<nn>][_times_<n>]
//
// attaches, then its off-session charges are declined with the code n times, or always,
// before they succeed;
//
//	pm_sandbox_authenticate[_times_<n>]
//
// is a card whose bank wants 3D Secure off session n times, or always, and on session
// until then;
//
//	pm_sandbox_setup_processing and pm_sandbox_setup_processing_fails
//
// are bank accounts whose setup is processing before it succeeds or fails.
const privatePrefix = "pm_sandbox_"

var (
	privateDecline = regexp.MustCompile(`^decline_([a-z_]+?)(?:_advice_([a-z_]+?))?(?:_networkadvice_([0-9]{2}))?(?:_times_([0-9]+))?$`)
	privateAuth    = regexp.MustCompile(`^authenticate(?:_times_([0-9]+))?$`)
)

// adviceCodes are Stripe's. https://docs.stripe.com/declines
var adviceCodes = []string{"confirm_card_data", "do_not_try_again", "try_again_later"}

// always is a number of declines that no test reaches.
const always = 1 << 30

func privateMethod(token string) (*testMethod, bool) {
	rest, ok := strings.CutPrefix(token, privatePrefix)
	if !ok {
		return nil, false
	}
	m := &testMethod{token: token, kind: "card", brand: "visa", country: "US", funding: "credit", number: "4000000000000000", private: true}
	if parts := privateDecline.FindStringSubmatch(rest); parts != nil {
		if m.declinesFirst, ok = privateTimes(parts[4], -1); !ok || !slices.Contains(declineCodes, parts[1]) ||
			(parts[2] != "" && !slices.Contains(adviceCodes, parts[2])) {
			return nil, false
		}
		m.charge = declineFor(parts[1]).withAdvice(parts[2], parts[3])
		return m, true
	}
	if parts := privateAuth.FindStringSubmatch(rest); parts != nil {
		m.setupAuth, m.offSession, m.onSession = true, authFirst, authFirst
		m.declinesFirst, ok = privateTimes(parts[1], always)
		return m, ok
	}
	switch rest {
	case "setup_processing", "setup_processing_fails":
		m.kind, m.number, m.account, m.setupLater = "us_bank_account", "", "000123456789", true
		if rest == "setup_processing_fails" {
			m.settles.failure = "account_closed"
		}
		return m, true
	}
	return nil, false
}

func privateTimes(text string, otherwise int) (int, bool) {
	if text == "" {
		return otherwise, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 1
}

// checkPrivateToken says what is wrong with a token that starts like a private one and
// is none; nil for everything else.
func checkPrivateToken(token string) *apiError {
	rest, ok := strings.CutPrefix(token, privatePrefix)
	if !ok {
		return nil
	}
	why := "it is none of decline_…, authenticate…, setup_processing, setup_processing_fails"
	parts := privateDecline.FindStringSubmatch(rest)
	switch {
	case parts == nil && strings.HasPrefix(rest, "decline_"):
		why = "it must be decline_<code>[_advice_<advice>][_networkadvice_<nn>][_times_<n>]"
	case parts == nil:
	case !slices.Contains(declineCodes, parts[1]):
		why = parts[1] + " is no decline code"
	case parts[2] != "" && !slices.Contains(adviceCodes, parts[2]):
		why = parts[2] + " is no advice code; they are " + strings.Join(adviceCodes, ", ")
	default:
		why = "the number of times must be at least 1"
	}
	return invalidParam("payment_method", "The sandbox's own token "+token+" is not understood: "+why+".")
}
