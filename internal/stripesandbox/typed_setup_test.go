package stripesandbox_test

import (
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"
)

var setupCalls = map[string]typedCall{
	"POST /v1/setup_intents": {"V1SetupIntents.Create", func(b billing) {
		params := &stripe.SetupIntentCreateParams{
			Customer: stripe.String(b.customer()), PaymentMethod: stripe.String("pm_card_visa"), Confirm: new(true), Usage: stripe.String("off_session"),
			PaymentMethodTypes: stripe.StringSlice([]string{"card"}),
		}
		params.AddExpand("latest_attempt")
		params.AddExpand("payment_method")
		si := must(b.V1SetupIntents.Create(b.t.Context(), params))
		require.Equal(b.t, stripe.SetupIntentStatusSucceeded, si.Status)
		require.Equal(b.t, "4242", si.PaymentMethod.Card.Last4)
		require.Equal(b.t, "succeeded", string(si.LatestAttempt.Status))
	}},
	"GET /v1/setup_intents": {"V1SetupIntents.List", func(b billing) {
		cus := b.customer()
		three(func() { b.setup(cus, "pm_card_visa") })
		b.setup(b.customer(), "pm_card_visa")
		require.Len(b.t, all(b.V1SetupIntents.List(b.t.Context(), &stripe.SetupIntentListParams{ListParams: pageSize(), Customer: &cus})), 3)
	}},
	"GET /v1/setup_intents/{}": {"V1SetupIntents.Retrieve", func(b billing) {
		si := must(b.V1SetupIntents.Retrieve(b.t.Context(), b.setup(b.customer(), "pm_card_visa").ID, nil))
		require.Equal(b.t, stripe.SetupIntentStatusRequiresConfirmation, si.Status)
	}},
	"POST /v1/setup_intents/{}": {"V1SetupIntents.Update", func(b billing) {
		si := must(b.V1SetupIntents.Update(b.t.Context(), b.setup(b.customer(), "").ID, &stripe.SetupIntentUpdateParams{Description: stripe.String("Gym")}))
		require.Equal(b.t, "Gym", si.Description)
	}},
	"POST /v1/setup_intents/{}/confirm": {"V1SetupIntents.Confirm", func(b billing) {
		si := must(b.V1SetupIntents.Confirm(b.t.Context(), b.setup(b.customer(), "pm_card_authenticationRequired").ID, nil))
		require.Equal(b.t, stripe.SetupIntentStatusRequiresAction, si.Status)
		require.NotNil(b.t, si.NextAction)
	}},
	"POST /v1/setup_intents/{}/cancel": {"V1SetupIntents.Cancel", func(b billing) {
		si := must(b.V1SetupIntents.Cancel(b.t.Context(), b.setup(b.customer(), "").ID, &stripe.SetupIntentCancelParams{CancellationReason: stripe.String("duplicate")}))
		require.Equal(b.t, stripe.SetupIntentStatusCanceled, si.Status)
		require.Equal(b.t, stripe.SetupIntentCancellationReasonDuplicate, si.CancellationReason)
	}},
	"POST /v1/setup_intents/{}/verify_microdeposits": {"V1SetupIntents.VerifyMicrodeposits", func(b billing) {
		si := must(b.V1SetupIntents.Create(b.t.Context(), &stripe.SetupIntentCreateParams{
			Customer: stripe.String(b.customer()), PaymentMethod: stripe.String(b.typedAccount()), Confirm: new(true),
			PaymentMethodTypes: stripe.StringSlice([]string{"us_bank_account"}), MandateData: acceptedOffline(),
		}))
		si = must(b.V1SetupIntents.VerifyMicrodeposits(b.t.Context(), si.ID, &stripe.SetupIntentVerifyMicrodepositsParams{DescriptorCode: stripe.String("SM11AA")}))
		require.Equal(b.t, stripe.SetupIntentStatusSucceeded, si.Status)
	}},
	"GET /v1/setup_attempts": {"V1SetupAttempts.List", func(b billing) {
		si := b.setup(b.customer(), "pm_card_authenticationRequired")
		_ = must(b.V1SetupIntents.Confirm(b.t.Context(), si.ID, nil))
		attempts := all(b.V1SetupAttempts.List(b.t.Context(), &stripe.SetupAttemptListParams{ListParams: pageSize(), SetupIntent: &si.ID}))
		require.Len(b.t, attempts, 1)
		require.Equal(b.t, si.ID, attempts[0].SetupIntent.ID)
	}},
	"GET /v1/mandates/{}": {"V1Mandates.Retrieve", func(b billing) {
		si := must(b.V1SetupIntents.Create(b.t.Context(), &stripe.SetupIntentCreateParams{
			Customer: stripe.String(b.customer()), PaymentMethod: stripe.String("pm_usBankAccount_success"), Confirm: new(true),
			PaymentMethodTypes: stripe.StringSlice([]string{"us_bank_account"}), MandateData: acceptedOffline(),
		}))
		params := &stripe.MandateRetrieveParams{}
		params.AddExpand("payment_method")
		m := must(b.V1Mandates.Retrieve(b.t.Context(), si.Mandate.ID, params))
		require.Equal(b.t, stripe.MandateStatusActive, m.Status)
		require.Equal(b.t, "us_bank_account", string(m.PaymentMethod.Type))
	}},

	"POST /v1/payment_methods": {"V1PaymentMethods.Create", func(b billing) {
		pm := b.cardMethod()
		require.Equal(b.t, stripe.PaymentMethodTypeCard, pm.Type)
		require.EqualValues(b.t, 2030, pm.Card.ExpYear)
	}},
	"GET /v1/payment_methods": {"V1PaymentMethods.List", func(b billing) {
		cus := b.customer()
		three(func() { b.saved(cus, "pm_card_visa") })
		require.Len(b.t, all(b.V1PaymentMethods.List(b.t.Context(), &stripe.PaymentMethodListParams{ListParams: pageSize(), Customer: &cus})), 3)
	}},
	"GET /v1/payment_methods/{}": {"V1PaymentMethods.Retrieve", func(b billing) {
		pm := must(b.V1PaymentMethods.Retrieve(b.t.Context(), b.cardMethod().ID, nil))
		require.Equal(b.t, "4242", pm.Card.Last4)
	}},
	"POST /v1/payment_methods/{}": {"V1PaymentMethods.Update", func(b billing) {
		pm := must(b.V1PaymentMethods.Update(b.t.Context(), b.saved(b.customer(), "pm_card_visa"), &stripe.PaymentMethodUpdateParams{Metadata: map[string]string{"a": "b"}}))
		require.Equal(b.t, "b", pm.Metadata["a"])
	}},
	"POST /v1/payment_methods/{}/attach": {"V1PaymentMethods.Attach", func(b billing) {
		cus := b.customer()
		pm := must(b.V1PaymentMethods.Attach(b.t.Context(), b.cardMethod().ID, &stripe.PaymentMethodAttachParams{Customer: &cus}))
		require.Equal(b.t, cus, pm.Customer.ID)
	}},
	"POST /v1/payment_methods/{}/detach": {"V1PaymentMethods.Detach", func(b billing) {
		pm := must(b.V1PaymentMethods.Detach(b.t.Context(), b.saved(b.customer(), "pm_card_visa"), nil))
		require.Nil(b.t, pm.Customer)
	}},
}

// setup is a SetupIntent that is not confirmed.
func (b billing) setup(cus, pm string) *stripe.SetupIntent {
	params := &stripe.SetupIntentCreateParams{Customer: &cus, PaymentMethodTypes: stripe.StringSlice([]string{"card"})}
	if pm != "" {
		params.PaymentMethod = &pm
	}
	return must(b.V1SetupIntents.Create(b.t.Context(), params))
}

func (b billing) cardMethod() *stripe.PaymentMethod {
	return must(b.V1PaymentMethods.Create(b.t.Context(), &stripe.PaymentMethodCreateParams{Type: stripe.String("card"), Card: &stripe.PaymentMethodCreateCardParams{
		Number: stripe.String("4242424242424242"), ExpMonth: stripe.Int64(12), ExpYear: stripe.Int64(2030), CVC: stripe.String("123"),
	}}))
}

func acceptedOffline() *stripe.SetupIntentCreateMandateDataParams {
	return &stripe.SetupIntentCreateMandateDataParams{CustomerAcceptance: &stripe.SetupIntentCreateMandateDataCustomerAcceptanceParams{
		Type: stripe.String("offline"), Offline: &stripe.SetupIntentCreateMandateDataCustomerAcceptanceOfflineParams{},
	}}
}
