package stripesandbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// setUp saves a test method to a customer through a SetupIntent.
func (b *bundle) setUp(customer, token string) *stripe.SetupIntent {
	b.t.Helper()
	si, err := b.V1SetupIntents.Create(b.t.Context(), &stripe.SetupIntentCreateParams{Customer: &customer})
	require.NoError(b.t, err)
	_, err = b.V1SetupIntents.Confirm(b.t.Context(), si.ID, &stripe.SetupIntentConfirmParams{PaymentMethod: &token, MandateData: agreedOnline()})
	require.NoError(b.t, err)
	return b.setup(si.ID)
}

func TestMandateOfASetup(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	require.Nil(t, b.setUp(cus, "pm_card_visa").Mandate, "cards need none")
	for token, currency := range map[string]string{"pm_usBankAccount_success": "usd", "pm_sepaDebit_success_de": "eur"} {
		si := b.setUp(cus, token)
		m, err := b.V1Mandates.Retrieve(t.Context(), si.Mandate.ID, nil)
		require.NoError(t, err)
		require.Equal(t, stripe.MandateStatusActive, m.Status)
		require.Equal(t, stripe.MandateTypeMultiUse, m.Type)
		require.Equal(t, si.PaymentMethod.ID, m.PaymentMethod.ID)
		require.Equal(t, "192.0.2.7", m.CustomerAcceptance.Online.IPAddress)
		require.Contains(t, token, map[stripe.MandatePaymentMethodDetailsType]string{"us_bank_account": "usBank", "sepa_debit": "sepa"}[m.PaymentMethodDetails.Type])

		paid := b.post("/v1/payment_intents", "amount", "1099", "currency", currency, "customer", cus, "payment_method", si.PaymentMethod.ID,
			"confirm", "true", "off_session", "true", "expand[0]", "latest_charge")
		details := paid.at(t, "latest_charge.payment_method_details").(map[string]any)
		require.Equal(t, m.ID, details[string(m.PaymentMethodDetails.Type)].(map[string]any)["mandate"])

		named := b.post("/v1/payment_intents", "amount", "1099", "currency", currency, "customer", cus, "payment_method", si.PaymentMethod.ID,
			"confirm", "true", "off_session", "true", "mandate", m.ID)
		require.Equal(t, "processing", state(t, named))
	}
	require.Equal(t, http.StatusNotFound, b.raw(http.MethodGet, "/v1/mandates/mandate_none", "").status)
}

func TestMandateDataIsRequired(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	offline := []string{"mandate_data[customer_acceptance][type]", "offline"}
	debit := []string{"customer", cus, "payment_method", "pm_usBankAccount_success", "confirm", "true"}
	save := append([]string{"amount", "1099", "currency", "usd", "setup_future_usage", "off_session"}, debit...)
	for _, tc := range []struct {
		name, path  string
		pairs       []string
		code, param string
	}{
		{"setup of a debit", "/v1/setup_intents", debit, "parameter_missing", "mandate_data"},
		{"setup of a debit with it", "/v1/setup_intents", append(debit, offline...), "", ""},
		{"setup of a card", "/v1/setup_intents", []string{"payment_method", "pm_card_visa", "confirm", "true"}, "", ""},
		{"payment that saves a debit", "/v1/payment_intents", save, "parameter_missing", "mandate_data"},
		{"payment that saves a debit, with it", "/v1/payment_intents", append(save, offline...), "", ""},
		{"payment once", "/v1/payment_intents", append([]string{"amount", "1099", "currency", "usd"}, debit...), "", ""},
		{"online without address", "/v1/setup_intents", append(debit, "mandate_data[customer_acceptance][type]", "online"), "parameter_missing", "mandate_data[customer_acceptance][online]"},
		{"without confirm", "/v1/setup_intents", offline, "", "mandate_data"},
	} {
		a := b.post(tc.path, tc.pairs...)
		if tc.param == "" {
			require.Equal(t, http.StatusOK, a.status, "%s: %s", tc.name, a.body)
			continue
		}
		require.Equal(t, tc.code, code(t, a), tc.name)
		require.Equal(t, tc.param, a.at(t, "error.param"), tc.name)
	}
}

func TestSingleUseMandate(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	a := b.post("/v1/payment_intents", "amount", "1099", "currency", "eur", "payment_method", "pm_sepaDebit_success_fr", "confirm", "true",
		"mandate_data[customer_acceptance][type]", "offline", "expand[0]", "latest_charge")
	id := a.at(t, "latest_charge.payment_method_details.sepa_debit.mandate").(string)
	m, err := b.V1Mandates.Retrieve(t.Context(), id, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.MandateTypeSingleUse, m.Type)
	require.EqualValues(t, 1099, m.SingleUse.Amount)
	require.Equal(t, stripe.MandateCustomerAcceptanceTypeOffline, m.CustomerAcceptance.Type)
}

func TestInactiveMandate(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	si := b.setUp(cus, "pm_usBankAccount_success")
	pm := si.PaymentMethod.ID
	require.Equal(t, "inactive", b.control("/mandates/"+si.Mandate.ID+"/inactivate", nil).at(t, "status"))
	require.Equal(t, http.StatusOK, b.control("/mandates/"+si.Mandate.ID+"/inactivate", nil).status, "again: no change")
	require.Equal(t, http.StatusNotFound, b.control("/mandates/mandate_none/inactivate", nil).status)
	require.Equal(t, []string{"mandate.updated"}, b.events(si.Mandate.ID))

	before := b.payments()
	_, err := b.charge(cus, pm)
	se := stripeError(t, err)
	require.Equal(t, http.StatusBadRequest, se.HTTPStatusCode)
	require.Equal(t, stripe.ErrorCodePaymentIntentMandateInvalid, se.Code)
	require.Equal(t, before, b.payments())
	other := b.setUp(cus, "pm_usBankAccount_success")
	wrong := b.offSession(cus, pm, "mandate", other.Mandate.ID)
	require.Equal(t, "mandate", wrong.at(t, "error.param"), "a mandate of another account")

	again := b.setUp(cus, pm)
	require.NotEqual(t, si.Mandate.ID, again.Mandate.ID)
	_, err = b.charge(cus, pm)
	require.NoError(t, err, "the customer has agreed once more")
	require.Equal(t, stripe.ErrorCodePaymentIntentMandateInvalid, stripe.ErrorCode(code(t, b.offSession(cus, pm, "mandate", si.Mandate.ID))))
}

// TestDebitNotAuthorized: the bank's answer ends the mandate, not only the payment.
func TestDebitNotAuthorized(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	si := b.setUp(cus, "pm_usBankAccount_debitNotAuthorized")
	pi, err := b.charge(cus, si.PaymentMethod.ID)
	require.NoError(t, err)
	require.NoError(t, b.srv.AdvanceClock(time.Hour))
	require.EqualValues(t, "debit_not_authorized", b.payment(pi.ID).LastPaymentError.Code)
	m, err := b.V1Mandates.Retrieve(t.Context(), si.Mandate.ID, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.MandateStatusInactive, m.Status)
	for e, err := range b.V1Events.List(t.Context(), &stripe.EventListParams{Type: stripe.String("mandate.updated")}) {
		require.NoError(t, err)
		require.Equal(t, map[string]any{"status": "active"}, e.Data.PreviousAttributes)
		require.Equal(t, "inactive", e.Data.Object["status"])
	}
	_, err = b.V1PaymentIntents.Confirm(t.Context(), pi.ID, &stripe.PaymentIntentConfirmParams{PaymentMethod: &si.PaymentMethod.ID, OffSession: new(true)})
	se := stripeError(t, err)
	require.Equal(t, stripe.ErrorCodePaymentIntentMandateInvalid, se.Code)
	require.Equal(t, pi.ID, se.PaymentIntent.ID)
}
