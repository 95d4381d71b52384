package stripesandbox_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestPrivateTokens(t *testing.T) {
	t.Parallel()
	const funds, auth = "card_declined / insufficient_funds", "authentication_required / authentication_required"
	for _, tc := range []struct {
		token           string
		code            string
		advice, network string
		times           int // declines seen before a success; 4 is for ever
		charged         bool
	}{
		{"pm_sandbox_decline_insufficient_funds", funds, "", "", 4, true},
		{"pm_sandbox_decline_insufficient_funds_times_2", funds, "", "", 2, true},
		{"pm_sandbox_decline_insufficient_funds_networkadvice_24_times_1", funds, "", "24", 1, true},
		{"pm_sandbox_decline_do_not_honor_advice_do_not_try_again_networkadvice_03", "card_declined / do_not_honor", "do_not_try_again", "03", 4, true},
		{"pm_sandbox_decline_try_again_later_advice_try_again_later_times_1", "card_declined / try_again_later", "try_again_later", "", 1, true},
		{"pm_sandbox_decline_expired_card_times_1", "expired_card", "", "", 1, true},
		{"pm_sandbox_decline_authentication_required_times_1", auth, "", "", 1, false},
		{"pm_sandbox_decline_authentication_required_advice_confirm_card_data_times_1", auth, "confirm_card_data", "", 1, false},
		{"pm_sandbox_authenticate", auth, "", "", 4, false},
		{"pm_sandbox_authenticate_times_2", auth, "", "", 2, false},
	} {
		t.Run(tc.token, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			cus := b.customer()
			pm := b.saved(cus, tc.token)
			for i := range 4 {
				a := b.offSession(cus, pm)
				if i >= tc.times {
					require.Equal(t, http.StatusOK, a.status)
					continue
				}
				require.Equal(t, tc.code, code(t, a))
				charge, _ := a.at(t, "error.payment_intent.latest_charge").(string)
				require.Equal(t, tc.charged, charge != "", "a wish for authentication makes no charge")
				failure := a.at(t, "error").(map[string]any)
				require.Equal(t, tc.advice, textOf(failure["advice_code"]))
				require.Equal(t, tc.network, textOf(failure["network_advice_code"]))
				if tc.charged {
					outcome := b.raw(http.MethodGet, "/v1/charges/"+charge, "").at(t, "outcome").(map[string]any)
					require.Equal(t, tc.advice, textOf(outcome["advice_code"]))
					require.Equal(t, tc.network, textOf(outcome["network_advice_code"]))
				}
			}
		})
	}
}

func textOf(v any) string {
	s, _ := v.(string)
	return s
}

// TestPrivateAuthentication: on session the bank asks as long as it does off session.
func TestPrivateAuthentication(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	pm := b.saved(cus, "pm_sandbox_authenticate_times_1")
	onSession := func() string {
		return state(t, b.post("/v1/payment_intents", "amount", "500", "currency", "usd", "customer", cus, "payment_method", pm, "confirm", "true"))
	}
	require.Equal(t, "requires_action", onSession())
	require.Equal(t, "authentication_required / authentication_required", code(t, b.offSession(cus, pm)))
	require.Equal(t, "succeeded", onSession())
	require.Empty(t, code(t, b.offSession(cus, pm)))
}

func TestPrivateTokensAreChecked(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	for token, why := range map[string]string{
		"pm_sandbox_":                                  "none of decline_",
		"pm_sandbox_unicorn":                           "none of decline_",
		"pm_sandbox_decline_":                          "it must be decline_<code>",
		"pm_sandbox_decline_insufficient_fonds":        "insufficient_fonds is no decline code",
		"pm_sandbox_decline_lost_card_times_0":         "at least 1",
		"pm_sandbox_decline_lost_card_times_y":         "lost_card_times_y is no decline code",
		"pm_sandbox_decline_lost_card_advice_wait":     "wait is no advice code",
		"pm_sandbox_decline_lost_card_networkadvice_3": "it must be decline_<code>",
		"pm_sandbox_authenticate_times_0":              "none of decline_",
	} {
		for _, a := range []answer{b.post("/v1/payment_methods/"+token+"/attach", "customer", cus), b.offSession(cus, token)} {
			require.Equal(t, http.StatusBadRequest, a.status, token)
			require.Equal(t, "payment_method", a.at(t, "error.param"))
			require.Contains(t, a.at(t, "error.message"), why, token)
		}
	}
	require.Equal(t, http.StatusNotFound, b.post("/v1/payment_methods/pm_card_nothing/attach", "customer", cus).status)

	for _, known := range []stripe.DeclineCode{
		stripe.DeclineCodeAuthenticationRequired, stripe.DeclineCodeApproveWithID, stripe.DeclineCodeCallIssuer, stripe.DeclineCodeCardNotSupported,
		stripe.DeclineCodeCardVelocityExceeded, stripe.DeclineCodeCurrencyNotSupported, stripe.DeclineCodeDoNotHonor, stripe.DeclineCodeDoNotTryAgain,
		stripe.DeclineCodeDuplicateTransaction, stripe.DeclineCodeExpiredCard, stripe.DeclineCodeFraudulent, stripe.DeclineCodeGenericDecline,
		stripe.DeclineCodeIncorrectNumber, stripe.DeclineCodeIncorrectCVC, stripe.DeclineCodeIncorrectPIN, stripe.DeclineCodeIncorrectZip,
		stripe.DeclineCodeInsufficientFunds, stripe.DeclineCodeInvalidAccount, stripe.DeclineCodeInvalidAmount, stripe.DeclineCodeInvalidCVC,
		stripe.DeclineCodeInvalidExpiryMonth, stripe.DeclineCodeInvalidExpiryYear, stripe.DeclineCodeInvalidNumber, stripe.DeclineCodeInvalidPIN,
		stripe.DeclineCodeIssuerNotAvailable, stripe.DeclineCodeLostCard, stripe.DeclineCodeMerchantBlacklist, stripe.DeclineCodeNewAccountInformationAvailable,
		stripe.DeclineCodeNoActionTaken, stripe.DeclineCodeNotPermitted, stripe.DeclineCodeOfflinePINRequired, stripe.DeclineCodeOnlineOrOfflinePINRequired,
		stripe.DeclineCodePickupCard, stripe.DeclineCodePINTryExceeded, stripe.DeclineCodeProcessingError, stripe.DeclineCodeReenterTransaction,
		stripe.DeclineCodeRestrictedCard, stripe.DeclineCodeRevocationOfAllAuthorizations, stripe.DeclineCodeRevocationOfAuthorization,
		stripe.DeclineCodeSecurityViolation, stripe.DeclineCodeServiceNotAllowed, stripe.DeclineCodeStolenCard, stripe.DeclineCodeStopPaymentOrder,
		stripe.DeclineCodeTestModeDecline, stripe.DeclineCodeTransactionNotAllowed, stripe.DeclineCodeTryAgainLater,
		stripe.DeclineCodeWithdrawalCountLimitExceeded, "authentication_not_handled", "incorrect_address", "mobile_device_authentication_required",
	} {
		pm := b.saved(cus, "pm_sandbox_decline_"+string(known))
		require.Equal(t, http.StatusPaymentRequired, b.offSession(cus, pm).status, known)
	}
}
