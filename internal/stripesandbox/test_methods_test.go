package stripesandbox_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// code is an error as "code / decline_code", "" when there is none.
func code(t *testing.T, a answer) string {
	t.Helper()
	if a.status == http.StatusOK {
		return ""
	}
	e := a.at(t, "error").(map[string]any)
	text, _ := e["code"].(string)
	if decline, ok := e["decline_code"].(string); ok {
		text += " / " + decline
	}
	return text
}

// TestCards is Stripe's table of test cards: what attaching, setting up and charging
// each of them off session comes to, by token and by number.
func TestCards(t *testing.T) {
	t.Parallel()
	const (
		generic  = "card_declined / generic_decline"
		funds    = "card_declined / insufficient_funds"
		auth     = "authentication_required / authentication_required"
		ok       = ""
		action   = "requires_action"
		succeeds = "succeeded"
	)
	for _, tc := range []struct {
		token, number string
		attach        string // error of attach
		setup         string // status of a confirmed SetupIntent, or its error
		charge        string // error of an off-session charge of the attached, not set up, card
		afterSetup    string // and after a setup with 3D Secure passed
		onSession     string // status or error of a charge with the customer present
	}{
		{"pm_card_visa", "4242424242424242", ok, succeeds, ok, ok, succeeds},
		{"pm_card_mastercard", "5555555555554444", ok, succeeds, ok, ok, succeeds},
		{"pm_card_amex", "378282246310005", ok, succeeds, ok, ok, succeeds},
		{"pm_card_chargeCustomerFail", "4000000000000341", ok, succeeds, generic, generic, generic},
		{"pm_card_visa_chargeDeclined", "4000000000000002", generic, generic, generic, generic, generic},
		{"pm_card_chargeDeclined", "", generic, generic, generic, generic, generic},
		{"pm_card_visa_chargeDeclinedInsufficientFunds", "4000000000009995", funds, funds, funds, funds, funds},
		{"pm_card_visa_chargeDeclinedLostCard", "4000000000009987", "card_declined / lost_card", "card_declined / lost_card", "card_declined / lost_card", "card_declined / lost_card", "card_declined / lost_card"},
		{"pm_card_visa_chargeDeclinedStolenCard", "4000000000009979", "card_declined / stolen_card", "card_declined / stolen_card", "card_declined / stolen_card", "card_declined / stolen_card", "card_declined / stolen_card"},
		{"pm_card_chargeDeclinedExpiredCard", "4000000000000069", "expired_card", "expired_card", "expired_card", "expired_card", "expired_card"},
		{"pm_card_chargeDeclinedIncorrectCvc", "4000000000000127", "incorrect_cvc", "incorrect_cvc", "incorrect_cvc", "incorrect_cvc", "incorrect_cvc"},
		{"pm_card_chargeDeclinedProcessingError", "4000000000000119", "processing_error", "processing_error", "processing_error", "processing_error", "processing_error"},
		{"pm_card_visa_chargeDeclinedVelocityLimitExceeded", "4000000000006975", "card_declined / card_velocity_exceeded", "card_declined / card_velocity_exceeded", "card_declined / card_velocity_exceeded", "card_declined / card_velocity_exceeded", "card_declined / card_velocity_exceeded"},
		{"pm_card_authenticationRequiredOnSetup", "4000002500003155", ok, action, auth, ok, action},
		{"pm_card_authenticationRequired", "4000002760003184", ok, action, auth, auth, action},
		{"pm_card_authenticationRequiredSetupForOffSession", "4000003800000446", ok, succeeds, ok, ok, action},
		{"pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "4000008260003178", ok, action, funds, funds, action},
		{"pm_card_threeDSecure2Required", "4000000000003220", ok, action, auth, ok, action},
		{"pm_card_threeDSecureRequiredChargeDeclined", "4000008400001629", ok, action, generic, generic, action},
		{"pm_card_radarBlock", "4100000000000019", ok, succeeds, "card_declined / fraudulent", "card_declined / fraudulent", "card_declined / fraudulent"},
		{"pm_card_riskLevelHighest", "4000000000004954", ok, succeeds, ok, ok, succeeds},
		{"pm_card_riskLevelElevated", "4000000000009235", ok, succeeds, ok, ok, succeeds},
		{"pm_card_createDispute", "4000000000000259", ok, succeeds, ok, ok, succeeds},
		{"pm_card_refundFail", "4000000000005126", ok, succeeds, ok, ok, succeeds},
		{"pm_card_pendingRefund", "4000000000007726", ok, succeeds, ok, ok, succeeds},
		{"pm_card_visa_chargeCustomerFailLostCard", "", ok, succeeds, "card_declined / lost_card", "card_declined / lost_card", "card_declined / lost_card"},
		{"pm_card_visa_chargeCustomerFailStolenCard", "", ok, succeeds, "card_declined / stolen_card", "card_declined / stolen_card", "card_declined / stolen_card"},
	} {
		t.Run(tc.token, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			methods := []string{tc.token}
			if tc.number != "" {
				made := b.post("/v1/payment_methods", "type", "card", "card[number]", tc.number, "card[exp_month]", "12", "card[exp_year]", "2034", "card[cvc]", "123")
				require.Equal(t, http.StatusOK, made.status, string(made.body))
				methods = append(methods, made.at(t, "id").(string))
			}
			tokenised := b.post("/v1/payment_methods", "type", "card", "card[token]", "tok_"+strings.TrimPrefix(tc.token, "pm_card_"))
			require.Equal(t, http.StatusOK, tokenised.status, "a token can be made of each: attaching and charging decline")
			methods = append(methods, tokenised.at(t, "id").(string))
			for _, method := range methods {
				cus := b.customer()
				onSession := b.post("/v1/payment_intents", "amount", "500", "currency", "usd", "payment_method", tc.token, "confirm", "true")
				require.Equal(t, tc.onSession, state(t, onSession), string(onSession.body))

				attached, err := b.V1PaymentMethods.Attach(t.Context(), method, &stripe.PaymentMethodAttachParams{Customer: &cus})
				requireOutcome(t, tc.attach, err)
				pm := method
				if tc.attach == ok {
					pm = attached.ID
					require.NotEqual(t, tc.token, pm, "a token mints a new id")
					require.Equal(t, cus, attached.Customer.ID)
				}
				requireCharge(t, b, cus, pm, tc.charge)

				setup := b.post("/v1/setup_intents", "customer", cus, "payment_method", pm, "confirm", "true")
				require.Equal(t, tc.setup, state(t, setup), string(setup.body))
				if tc.setup == action {
					require.Equal(t, http.StatusOK, b.control("/setup_intents/"+setup.at(t, "id").(string)+"/authenticate", map[string]string{"result": "pass"}).status)
				}
				requireCharge(t, b, cus, pm, tc.afterSetup)
			}
		})
	}
}

// requireOutcome checks an error that is written as in TestCards, with the parameter that
// Stripe points at.
func requireOutcome(t *testing.T, want string, err error) {
	t.Helper()
	if want == "" {
		require.NoError(t, err)
		return
	}
	se := stripeError(t, err)
	require.Equal(t, http.StatusPaymentRequired, se.HTTPStatusCode)
	require.Equal(t, stripe.ErrorTypeCard, se.Type)
	got := string(se.Code)
	if se.DeclineCode != "" {
		got += " / " + string(se.DeclineCode)
	}
	require.Equal(t, want, got)
	require.Equal(t, map[string]string{"expired_card": "exp_month", "incorrect_cvc": "cvc"}[got], se.Param)
	require.NotNil(t, se.PaymentMethod)
}

// requireCharge checks an off-session charge: its answer, what it leaves behind, and its
// events in order.
func requireCharge(t *testing.T, b *bundle, cus, pm, want string) {
	t.Helper()
	pi, err := b.charge(cus, pm)
	requireOutcome(t, want, err)
	if err != nil {
		pi = stripeError(t, err).PaymentIntent
	}
	pi = b.payment(pi.ID)
	events := b.paymentEvents(pi.ID)
	switch {
	case want == "":
		require.Equal(t, stripe.PaymentIntentStatusSucceeded, pi.Status)
		require.NotNil(t, pi.PaymentMethod)
		require.Equal(t, "authorized", pi.LatestCharge.Outcome.Type)
		require.Equal(t, []string{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"}, events[:3])
		return
	case strings.HasPrefix(want, "authentication_required"):
		require.Nil(t, pi.LatestCharge)
		require.Equal(t, []string{"payment_intent.created", "payment_intent.payment_failed"}, events)
	default:
		require.Equal(t, stripe.ChargeStatusFailed, pi.LatestCharge.Status)
		require.Equal(t, []string{"payment_intent.created", "charge.failed", "payment_intent.payment_failed"}, events)
		kind := "issuer_declined"
		if strings.HasSuffix(want, "fraudulent") {
			kind = "blocked"
		}
		require.Equal(t, kind, pi.LatestCharge.Outcome.Type)
	}
	require.Equal(t, stripe.PaymentIntentStatusRequiresPaymentMethod, pi.Status)
	require.Nil(t, pi.PaymentMethod)
	require.NotNil(t, pi.LastPaymentError.PaymentMethod)
}

// state is the status of an intent, or the error that came instead.
func state(t *testing.T, a answer) string {
	t.Helper()
	if a.status == http.StatusOK {
		return a.at(t, "status").(string)
	}
	require.Equal(t, http.StatusPaymentRequired, a.status)
	return code(t, a)
}

func (b *bundle) offSession(cus, pm string, more ...string) answer {
	b.t.Helper()
	return b.post("/v1/payment_intents", append([]string{
		"amount", "1099", "currency", "usd", "customer", cus, "payment_method", pm, "confirm", "true", "off_session", "true",
	}, more...)...)
}

func TestChargeOutcomes(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	for _, tc := range []struct{ token, kind, network, reason, risk, advice string }{
		{"pm_card_visa", "authorized", "approved_by_network", "", "normal", ""},
		{"pm_card_riskLevelElevated", "authorized", "approved_by_network", "", "elevated", ""},
		{"pm_card_riskLevelHighest", "authorized", "approved_by_network", "", "highest", ""},
		{"pm_card_chargeCustomerFail", "issuer_declined", "declined_by_network", "generic_decline", "normal", ""},
		{"pm_card_radarBlock", "blocked", "not_sent_to_network", "highest_risk_level", "highest", ""},
		{"pm_sandbox_decline_do_not_honor_advice_do_not_try_again", "issuer_declined", "declined_by_network", "do_not_honor", "normal", "do_not_try_again"},
	} {
		b.offSession(cus, tc.token)
		for ch, err := range b.V1Charges.List(t.Context(), &stripe.ChargeListParams{Customer: &cus}) {
			require.NoError(t, err)
			o := ch.Outcome
			require.Equal(t, []string{tc.kind, tc.network, tc.reason, tc.risk, tc.advice},
				[]string{o.Type, o.NetworkStatus, o.Reason, o.RiskLevel, string(o.AdviceCode)}, tc.token)
			read, err := b.V1Charges.Retrieve(t.Context(), ch.ID, nil)
			require.NoError(t, err)
			require.Equal(t, ch.Outcome, read.Outcome)
			break // newest first
		}
	}
}

// TestBankDebits is the table of test bank accounts: processing first, then the result.
func TestBankDebits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		token, currency string
		wait            time.Duration
		failure         string
		stays           bool
	}{
		{token: "pm_usBankAccount_success", currency: "usd", wait: time.Minute},
		{token: "pm_usBankAccount_insufficientFunds", currency: "usd", wait: time.Minute, failure: "insufficient_funds"},
		{token: "pm_usBankAccount_accountClosed", currency: "usd", wait: time.Minute, failure: "account_closed"},
		{token: "pm_usBankAccount_noAccount", currency: "usd", wait: time.Minute, failure: "no_account"},
		{token: "pm_usBankAccount_debitNotAuthorized", currency: "usd", wait: time.Minute, failure: "debit_not_authorized"},
		{token: "pm_usBankAccount_processing", currency: "usd", wait: 1000 * time.Hour, stays: true},
		{token: "pm_usBankAccount_dispute", currency: "usd", wait: time.Minute},
		{token: "pm_sepaDebit_success_de", currency: "eur", wait: time.Minute},
		{token: "pm_sepaDebit_successDelayed_fr", currency: "eur", wait: 3 * time.Minute},
		{token: "pm_sepaDebit_failed_at", currency: "eur", wait: time.Minute, failure: "generic_could_not_process"},
		{token: "pm_sepaDebit_failedDelayed_at", currency: "eur", wait: 3 * time.Minute, failure: "generic_could_not_process"},
		{token: "pm_sepaDebit_disputed_es", currency: "eur", wait: time.Minute},
		{token: "pm_sepaDebit_insufficientFunds_de", currency: "eur", wait: time.Minute, failure: "insufficient_funds"},
	} {
		t.Run(tc.token, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			cus := b.customer()
			pm := b.saved(cus, tc.token)
			a := b.post("/v1/payment_intents", "amount", "1099", "currency", tc.currency, "customer", cus, "payment_method", pm, "confirm", "true", "off_session", "true")
			require.Equal(t, "processing", state(t, a), string(a.body))
			id := a.at(t, "id").(string)
			require.Equal(t, http.StatusBadRequest, b.post("/v1/payment_intents/"+id+"/cancel").status, "a debit cannot be called back")
			require.NoError(t, b.srv.AdvanceClock(tc.wait-time.Second))
			require.Equal(t, "processing", b.raw(http.MethodGet, "/v1/payment_intents/"+id, "").at(t, "status"))
			require.NoError(t, b.srv.AdvanceClock(2*time.Second))
			pi, err := b.V1PaymentIntents.Retrieve(t.Context(), id, nil)
			require.NoError(t, err)
			events := b.events(id)
			switch {
			case tc.stays:
				require.Equal(t, stripe.PaymentIntentStatusProcessing, pi.Status)
			case tc.failure == "":
				require.Equal(t, stripe.PaymentIntentStatusSucceeded, pi.Status)
				require.Equal(t, []string{"payment_intent.created", "payment_intent.processing", "payment_intent.succeeded"}, events)
			default:
				require.Equal(t, stripe.PaymentIntentStatusRequiresPaymentMethod, pi.Status)
				require.EqualValues(t, tc.failure, pi.LastPaymentError.Code)
				require.Equal(t, pm, pi.LastPaymentError.PaymentMethod.ID)
				require.Equal(t, []string{"payment_intent.created", "payment_intent.processing", "payment_intent.payment_failed"}, events)
			}
		})
	}
}

func TestDebitIsSettledByHand(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{AsyncDelay: -1})
	cus := b.customer()
	pm := b.saved(cus, "pm_usBankAccount_success")
	first := b.offSession(cus, pm).at(t, "id").(string)
	second := b.offSession(cus, pm).at(t, "id").(string)
	require.NoError(t, b.srv.AdvanceClock(1000*time.Hour))
	require.Equal(t, "succeeded", b.control("/payment_intents/"+first+"/settle", nil).at(t, "status"))
	require.Equal(t, http.StatusConflict, b.control("/payment_intents/"+first+"/settle", nil).status)
	failed := b.control("/payment_intents/"+second+"/settle", map[string]string{"outcome": "failed", "failure_code": "account_closed"})
	require.Equal(t, "account_closed", failed.at(t, "last_payment_error.code"))
}

func TestDispute(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	pi, err := b.charge(cus, b.saved(cus, "pm_card_createDispute"))
	require.NoError(t, err)
	ch, err := b.V1Charges.Retrieve(t.Context(), pi.LatestCharge.ID, nil)
	require.NoError(t, err)
	require.True(t, ch.Disputed)
	types := b.events()
	require.Equal(t, "charge.dispute.created", types[len(types)-1])
}

func TestCardData(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	card := func(number, month, year string) answer {
		return b.post("/v1/payment_methods", "type", "card", "card[number]", number, "card[exp_month]", month, "card[exp_year]", year)
	}
	require.Equal(t, "incorrect_number", code(t, card("4242424242424241", "12", "2034")))
	require.Equal(t, "invalid_expiry_month", code(t, card("4242424242424242", "13", "2034")))
	require.Equal(t, "invalid_expiry_year", code(t, card("4242424242424242", "12", "2001")))
	require.Equal(t, http.StatusPaymentRequired, card("4539578763621486", "12", "2034").status, "a live card in test mode")
	token := b.post("/v1/payment_methods", "type", "card", "card[token]", "tok_visa_chargeCustomerFailLostCard")
	require.Equal(t, http.StatusOK, token.status)
	cus := b.customer()
	pm := b.saved(cus, token.at(t, "id").(string))
	require.Equal(t, "card_declined / lost_card", code(t, b.offSession(cus, pm)))
}
