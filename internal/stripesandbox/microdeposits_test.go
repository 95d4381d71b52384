package stripesandbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

var typedAccount = []string{
	"payment_method_data[type]", "us_bank_account", "payment_method_data[us_bank_account][routing_number]", "110000000",
	"payment_method_data[us_bank_account][account_number]", "000123456789", "payment_method_data[billing_details][name]", "Jane",
	"confirm", "true", "mandate_data[customer_acceptance][type]", "offline",
}

func TestMicrodeposits(t *testing.T) {
	t.Parallel()
	two := func(a, b int64) *stripe.SetupIntentVerifyMicrodepositsParams {
		return &stripe.SetupIntentVerifyMicrodepositsParams{Amounts: []*int64{&a, &b}}
	}
	text := func(code string) *stripe.SetupIntentVerifyMicrodepositsParams {
		return &stripe.SetupIntentVerifyMicrodepositsParams{DescriptorCode: &code}
	}
	const prefix = "payment_method_microdeposit_verification_"
	for _, tc := range []struct {
		name   string
		report *stripe.SetupIntentVerifyMicrodepositsParams
		code   stripe.ErrorCode
		state  stripe.SetupIntentStatus
	}{
		{"32 and 45", two(32, 45), "", "succeeded"},
		{"SM11AA", text("SM11AA"), "", "succeeded"},
		{"10 and 11", two(10, 11), prefix + "attempts_exceeded", "requires_payment_method"},
		{"SM33CC", text("SM33CC"), prefix + "attempts_exceeded", "requires_payment_method"},
		{"40 and 41", two(40, 41), prefix + "timeout", "requires_payment_method"},
		{"SM44DD", text("SM44DD"), prefix + "timeout", "requires_payment_method"},
		{"other amounts", two(1, 2), prefix + "amounts_mismatch", "requires_action"},
		{"another code", text("SM99ZZ"), prefix + "descriptor_code_mismatch", "requires_action"},
		{"one amount", &stripe.SetupIntentVerifyMicrodepositsParams{Amounts: []*int64{new(int64(32))}}, prefix + "amounts_invalid", "requires_action"},
		{"both", &stripe.SetupIntentVerifyMicrodepositsParams{Amounts: two(32, 45).Amounts, DescriptorCode: stripe.String("SM11AA")}, "parameters_exclusive", "requires_action"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			cus := b.customer()
			id := b.post("/v1/setup_intents", append([]string{"customer", cus}, typedAccount...)...).at(t, "id").(string)
			waiting := b.setup(id)
			require.Equal(t, stripe.SetupIntentStatusRequiresAction, waiting.Status)
			require.EqualValues(t, "verify_with_microdeposits", waiting.NextAction.Type)
			require.NotEmpty(t, waiting.NextAction.VerifyWithMicrodeposits.HostedVerificationURL)
			require.Equal(t, http.StatusBadRequest, b.control("/setup_intents/"+id+"/authenticate", map[string]string{"result": "pass"}).status, "this is no challenge")

			si, err := b.V1SetupIntents.VerifyMicrodeposits(t.Context(), id, tc.report)
			if tc.code != "" {
				se := stripeError(t, err)
				require.Equal(t, http.StatusBadRequest, se.HTTPStatusCode)
				require.Equal(t, tc.code, se.Code)
				si = b.setup(id)
			} else {
				require.NoError(t, err)
				require.NotNil(t, si.Mandate)
				_, err = b.charge(cus, si.PaymentMethod.ID)
				require.NoError(t, err, "attached and verified")
			}
			require.Equal(t, tc.state, si.Status)
			require.Equal(t, tc.state == stripe.SetupIntentStatusRequiresPaymentMethod, si.LastSetupError != nil)
			if tc.state != stripe.SetupIntentStatusRequiresAction {
				_, err = b.V1SetupIntents.VerifyMicrodeposits(t.Context(), id, text("SM11AA"))
				require.Equal(t, stripe.ErrorCodeSetupIntentUnexpectedState, stripeError(t, err).Code)
			}
		})
	}
}

func TestMicrodepositsEnd(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	create := func() string { return b.post("/v1/setup_intents", typedAccount...).at(t, "id").(string) }
	guessed, late, payment := create(), create(), b.post("/v1/payment_intents", append([]string{"amount", "1099", "currency", "usd"}, typedAccount...)...)
	require.Equal(t, "verify_with_microdeposits", payment.at(t, "next_action.type"))
	last := ""
	for range 10 {
		last = code(t, b.post("/v1/setup_intents/"+guessed+"/verify_microdeposits", "descriptor_code", "SM00XX"))
	}
	require.Equal(t, "payment_method_microdeposit_verification_attempts_exceeded", last)
	require.NoError(t, b.srv.AdvanceClock(10*24*time.Hour))
	require.Equal(t, stripe.ErrorCodePaymentMethodMicrodepositVerificationTimeout, b.setup(late).LastSetupError.Code)
	require.Equal(t, []string{"setup_intent.created", "setup_intent.requires_action", "setup_intent.setup_failed"}, b.setupEvents(late))
	require.Equal(t, stripe.ErrorCodePaymentMethodMicrodepositVerificationTimeout, b.payment(payment.at(t, "id").(string)).LastPaymentError.Code)
}

func TestMicrodepositsOfAPayment(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	create := func() string {
		return b.post("/v1/payment_intents", append([]string{"amount", "1099", "currency", "usd"}, typedAccount...)...).at(t, "id").(string)
	}
	id := create()
	verify := "/v1/payment_intents/" + id + "/verify_microdeposits"
	require.Equal(t, "payment_method_microdeposit_verification_amounts_mismatch", code(t, b.post(verify, "amounts[0]", "1", "amounts[1]", "2")))
	require.Equal(t, "processing", state(t, b.post(verify, "amounts[0]", "32", "amounts[1]", "45")))
	require.Equal(t, "payment_intent_unexpected_state", code(t, b.post(verify, "descriptor_code", "SM11AA")))
	require.NoError(t, b.srv.AdvanceClock(time.Hour))
	require.Equal(t, []string{
		"payment_intent.created", "payment_intent.requires_action", "charge.pending", "payment_intent.processing", "charge.succeeded", "payment_intent.succeeded",
	}, b.paymentEvents(id))

	failed := create()
	require.Equal(t, "payment_method_microdeposit_verification_attempts_exceeded", code(t, b.post("/v1/payment_intents/"+failed+"/verify_microdeposits", "descriptor_code", "SM33CC")))
	require.Equal(t, stripe.PaymentIntentStatusRequiresPaymentMethod, b.payment(failed).Status)
	strict := b.post("/v1/payment_intents", append([]string{"amount", "1099", "currency", "usd", "error_on_requires_action", "true"}, typedAccount...)...)
	require.Equal(t, "authentication_required / authentication_not_handled", code(t, strict))
}

// TestTypedAccounts are the numbers of test accounts and IBANs, and what is not verified.
func TestTypedAccounts(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	account := func(number, routing string) answer {
		return b.post("/v1/payment_methods", "type", "us_bank_account", "us_bank_account[account_number]", number, "us_bank_account[routing_number]", routing)
	}
	pm := account("000222222227", "110000000")
	require.Equal(t, "2227", pm.at(t, "us_bank_account.last4"))
	id := pm.at(t, "id").(string)
	cus := b.customer()
	require.Equal(t, "bank_account_unverified", code(t, b.post("/v1/payment_methods/"+id+"/attach", "customer", cus)))
	require.Equal(t, "bank_account_unverified", code(t, b.offSession(cus, id)))
	require.Equal(t, "account_number_invalid", code(t, account("123", "110000000")))
	require.Equal(t, "routing_number_invalid", code(t, account("000123456789", "123")))
	require.Equal(t, "us_bank_account[routing_number]", b.post("/v1/payment_methods", "type", "us_bank_account", "us_bank_account[account_number]", "000123456789").at(t, "error.param"))
	linked := b.post("/v1/payment_methods", "type", "us_bank_account", "us_bank_account[financial_connections_account]", "fca_1").at(t, "id").(string)
	require.Equal(t, http.StatusOK, b.post("/v1/payment_methods/"+linked+"/attach", "customer", cus).status, "verified by the link")

	unsent := account("000666666661", "110000000").at(t, "id").(string)
	failed := b.post("/v1/setup_intents", "payment_method", unsent, "confirm", "true", "mandate_data[customer_acceptance][type]", "offline")
	require.Equal(t, "payment_method_microdeposit_failed", code(t, failed))
	require.Equal(t, "requires_payment_method", failed.at(t, "error.setup_intent.status"))

	for iban, failure := range map[string]string{
		"DE89 3704 0044 0532 0130 00": "", "DE62370400440532013001": "generic_could_not_process", "DE65370400440002222227": "insufficient_funds",
		"DE65370400440000343434": "charge_exceeds_source_limit", "DE27370400440000121212": "charge_exceeds_weekly_limit",
	} {
		a := b.post("/v1/payment_intents", "amount", "1099", "currency", "eur", "confirm", "true",
			"payment_method_data[type]", "sepa_debit", "payment_method_data[sepa_debit][iban]", iban)
		require.Equal(t, "processing", state(t, a), string(a.body))
		require.NoError(t, b.srv.AdvanceClock(time.Hour))
		pi := b.payment(a.at(t, "id").(string))
		require.Equal(t, failure == "", pi.Status == stripe.PaymentIntentStatusSucceeded)
		if failure != "" {
			require.EqualValues(t, failure, pi.LastPaymentError.Code)
		}
	}
	for _, bad := range [][2]string{{"type", "sepa_debit"}, {"colour", "red"}} {
		a := b.post("/v1/payment_intents", "amount", "1099", "currency", "eur", "payment_method_data["+bad[0]+"]", bad[1])
		require.Equal(t, http.StatusBadRequest, a.status)
		require.Contains(t, a.at(t, "error.param"), "payment_method_data")
	}
}
