package stripesandbox_test

import (
	"net/http"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

var paymentCalls = map[string]typedCall{
	"POST /v1/payment_intents": {"V1PaymentIntents.Create", func(b billing) {
		cus := b.customer()
		params := &stripe.PaymentIntentCreateParams{
			Amount: stripe.Int64(1099), Currency: stripe.String("usd"), Customer: &cus, PaymentMethod: stripe.String(b.saved(cus, "pm_card_visa")),
			Confirm: new(true), OffSession: new(true), Metadata: map[string]string{"a": "b"},
		}
		params.AddExpand("latest_charge.balance_transaction")
		pi := must(b.V1PaymentIntents.Create(b.t.Context(), params))
		require.Equal(b.t, stripe.PaymentIntentStatusSucceeded, pi.Status)
		require.EqualValues(b.t, 1099, pi.AmountReceived)
		require.Equal(b.t, "b", pi.Metadata["a"])
		require.Equal(b.t, stripe.ChargeStatusSucceeded, pi.LatestCharge.Status)
		require.Equal(b.t, "visa", string(pi.LatestCharge.PaymentMethodDetails.Card.Brand))
		require.EqualValues(b.t, 1099, pi.LatestCharge.BalanceTransaction.Amount)
	}},
	"GET /v1/payment_intents": {"V1PaymentIntents.List", func(b billing) {
		cus := b.customer()
		three(func() {
			_ = must(b.V1PaymentIntents.Create(b.t.Context(), &stripe.PaymentIntentCreateParams{Amount: stripe.Int64(500), Currency: stripe.String("usd"), Customer: &cus}))
		})
		b.paid()
		list := all(b.V1PaymentIntents.List(b.t.Context(), &stripe.PaymentIntentListParams{ListParams: pageSize(), Customer: &cus}))
		require.Len(b.t, list, 3)
		require.EqualValues(b.t, 500, list[0].Amount)
	}},
	"GET /v1/payment_intents/search": {"V1PaymentIntents.Search", func(b billing) {
		three(func() { b.paid() })
		found := all(b.V1PaymentIntents.Search(b.t.Context(), &stripe.PaymentIntentSearchParams{SearchParams: stripe.SearchParams{
			Query: "metadata['offsession_reference']:'inv-1'", Limit: stripe.Int64(2),
		}}))
		require.Len(b.t, found, 3)
	}},
	"GET /v1/payment_intents/{}": {"V1PaymentIntents.Retrieve", func(b billing) {
		params := &stripe.PaymentIntentRetrieveParams{}
		params.AddExpand("customer")
		pi := must(b.V1PaymentIntents.Retrieve(b.t.Context(), b.paid().ID, params))
		require.Equal(b.t, "jane@example.com", pi.Customer.Email)
	}},
	"POST /v1/payment_intents/{}": {"V1PaymentIntents.Update", func(b billing) {
		pi := must(b.V1PaymentIntents.Update(b.t.Context(), b.intended().ID, &stripe.PaymentIntentUpdateParams{Description: stripe.String("Gym")}))
		require.Equal(b.t, "Gym", pi.Description)
	}},
	"POST /v1/payment_intents/{}/confirm": {"V1PaymentIntents.Confirm", func(b billing) {
		pi := must(b.V1PaymentIntents.Confirm(b.t.Context(), b.intended().ID, &stripe.PaymentIntentConfirmParams{OffSession: new(true)}))
		require.Equal(b.t, stripe.PaymentIntentStatusSucceeded, pi.Status)
	}},
	"POST /v1/payment_intents/{}/cancel": {"V1PaymentIntents.Cancel", func(b billing) {
		pi := must(b.V1PaymentIntents.Cancel(b.t.Context(), b.intended().ID, &stripe.PaymentIntentCancelParams{CancellationReason: stripe.String("abandoned")}))
		require.Equal(b.t, stripe.PaymentIntentStatusCanceled, pi.Status)
		require.Equal(b.t, stripe.PaymentIntentCancellationReasonAbandoned, pi.CancellationReason)
	}},
	"POST /v1/payment_intents/{}/capture": {"V1PaymentIntents.Capture", func(b billing) {
		pi := must(b.V1PaymentIntents.Create(b.t.Context(), &stripe.PaymentIntentCreateParams{
			Amount: stripe.Int64(1099), Currency: stripe.String("usd"), PaymentMethod: stripe.String("pm_card_visa"), PaymentMethodTypes: stripe.StringSlice([]string{"card"}),
			CaptureMethod: stripe.String("manual"), Confirm: new(true),
		}))
		require.Equal(b.t, stripe.PaymentIntentStatusRequiresCapture, pi.Status)
		pi = must(b.V1PaymentIntents.Capture(b.t.Context(), pi.ID, &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(1000)}))
		require.Equal(b.t, stripe.PaymentIntentStatusSucceeded, pi.Status)
		require.EqualValues(b.t, 1000, pi.AmountReceived)
	}},
	"POST /v1/payment_intents/{}/verify_microdeposits": {"V1PaymentIntents.VerifyMicrodeposits", func(b billing) {
		pi := must(b.V1PaymentIntents.Create(b.t.Context(), &stripe.PaymentIntentCreateParams{
			Amount: stripe.Int64(1099), Currency: stripe.String("usd"), PaymentMethodTypes: stripe.StringSlice([]string{"us_bank_account"}),
			PaymentMethod: stripe.String(b.typedAccount()), Confirm: new(true), MandateData: &stripe.PaymentIntentCreateMandateDataParams{
				CustomerAcceptance: &stripe.PaymentIntentCreateMandateDataCustomerAcceptanceParams{Type: stripe.String("offline"), Offline: &stripe.PaymentIntentCreateMandateDataCustomerAcceptanceOfflineParams{}},
			},
		}))
		require.Equal(b.t, stripe.PaymentIntentNextActionType("verify_with_microdeposits"), pi.NextAction.Type)
		pi = must(b.V1PaymentIntents.VerifyMicrodeposits(b.t.Context(), pi.ID, &stripe.PaymentIntentVerifyMicrodepositsParams{Amounts: stripe.Int64Slice([]int64{32, 45})}))
		require.Equal(b.t, stripe.PaymentIntentStatusProcessing, pi.Status)
	}},

	"GET /v1/charges": {"V1Charges.List", func(b billing) {
		three(func() { b.paid() })
		require.Len(b.t, all(b.V1Charges.List(b.t.Context(), &stripe.ChargeListParams{ListParams: pageSize()})), 3)
	}},
	"GET /v1/charges/{}": {"V1Charges.Retrieve", func(b billing) {
		ch := must(b.V1Charges.Retrieve(b.t.Context(), b.paid().LatestCharge.ID, nil))
		require.Equal(b.t, "approved_by_network", ch.Outcome.NetworkStatus)
	}},
	"GET /v1/charges/{}/refunds": {none, func(b billing) {
		ch := b.paid().LatestCharge.ID
		b.post("/v1/refunds", "charge", ch)
		require.Len(b.t, b.raw(http.MethodGet, "/v1/charges/"+ch+"/refunds", "").at(b.t, "data"), 1)
	}},
	"POST /v1/refunds": {"V1Refunds.Create", func(b billing) {
		r := must(b.V1Refunds.Create(b.t.Context(), &stripe.RefundCreateParams{PaymentIntent: &b.paid().ID, Amount: stripe.Int64(99)}))
		require.Equal(b.t, stripe.RefundStatusSucceeded, r.Status)
		require.EqualValues(b.t, 99, r.Amount)
	}},
	"GET /v1/refunds": {"V1Refunds.List", func(b billing) {
		pi := b.paid()
		three(func() { b.refunded(pi.ID) })
		b.refunded(b.paid().ID)
		require.Len(b.t, all(b.V1Refunds.List(b.t.Context(), &stripe.RefundListParams{ListParams: pageSize(), PaymentIntent: &pi.ID})), 3)
	}},
	"GET /v1/refunds/{}": {"V1Refunds.Retrieve", func(b billing) {
		params := &stripe.RefundRetrieveParams{}
		params.AddExpand("charge")
		r := must(b.V1Refunds.Retrieve(b.t.Context(), b.refunded(b.paid().ID), params))
		require.EqualValues(b.t, 100, r.Charge.AmountRefunded)
	}},
	"POST /v1/refunds/{}": {"V1Refunds.Update", func(b billing) {
		r := must(b.V1Refunds.Update(b.t.Context(), b.refunded(b.paid().ID), &stripe.RefundUpdateParams{Metadata: map[string]string{"a": "b"}}))
		require.Equal(b.t, "b", r.Metadata["a"])
	}},
	"GET /v1/disputes": {"V1Disputes.List", func(b billing) {
		three(func() { b.disputed() })
		require.Len(b.t, all(b.V1Disputes.List(b.t.Context(), &stripe.DisputeListParams{ListParams: pageSize()})), 3)
	}},
	"POST /v1/disputes/{}": {"V1Disputes.Update", func(b billing) {
		d := must(b.V1Disputes.Update(b.t.Context(), b.disputed(), &stripe.DisputeUpdateParams{
			Evidence: &stripe.DisputeUpdateEvidenceParams{UncategorizedText: stripe.String("they came")}, Submit: new(false),
		}))
		require.Equal(b.t, "they came", d.Evidence.UncategorizedText)
		require.True(b.t, d.EvidenceDetails.HasEvidence)
	}},
	"POST /v1/disputes/{}/close": {"V1Disputes.Close", func(b billing) {
		require.Equal(b.t, stripe.DisputeStatusLost, must(b.V1Disputes.Close(b.t.Context(), b.disputed(), nil)).Status)
	}},
	"GET /v1/disputes/{}": {"V1Disputes.Retrieve", func(b billing) {
		d := must(b.V1Disputes.Retrieve(b.t.Context(), b.disputed(), nil))
		require.EqualValues(b.t, 1099, d.Amount)
		require.Equal(b.t, stripe.DisputeStatusNeedsResponse, d.Status)
	}},
	"GET /v1/balance_transactions": {"V1BalanceTransactions.List", func(b billing) {
		three(func() { b.paid() })
		require.Len(b.t, all(b.V1BalanceTransactions.List(b.t.Context(), &stripe.BalanceTransactionListParams{ListParams: pageSize()})), 3)
	}},
	"GET /v1/balance_transactions/{}": {"V1BalanceTransactions.Retrieve", func(b billing) {
		ch := must(b.V1Charges.Retrieve(b.t.Context(), b.paid().LatestCharge.ID, nil))
		params := &stripe.BalanceTransactionRetrieveParams{}
		params.AddExpand("source")
		bt := must(b.V1BalanceTransactions.Retrieve(b.t.Context(), ch.BalanceTransaction.ID, params))
		require.EqualValues(b.t, 1099, bt.Amount)
		require.Equal(b.t, ch.ID, bt.Source.Charge.ID)
	}},

	"POST /v1/checkout/sessions": {"V1CheckoutSessions.Create", func(b billing) {
		cs := b.paymentSession(func(p *stripe.CheckoutSessionCreateParams) { p.AddExpand("line_items") })
		require.Equal(b.t, stripe.CheckoutSessionStatusOpen, cs.Status)
		require.Len(b.t, cs.LineItems.Data, 1)
	}},
	"GET /v1/checkout/sessions": {"V1CheckoutSessions.List", func(b billing) {
		three(func() { b.paymentSession(nil) })
		require.Len(b.t, all(b.V1CheckoutSessions.List(b.t.Context(), &stripe.CheckoutSessionListParams{ListParams: pageSize()})), 3)
	}},
	"GET /v1/checkout/sessions/{}": {"V1CheckoutSessions.Retrieve", func(b billing) {
		id := b.setupSession(nil).ID
		require.Equal(b.t, http.StatusOK, b.pay(id, stripesandbox.Payment{Number: "4242424242424242", Email: "jane@example.com"}).status)
		params := &stripe.CheckoutSessionRetrieveParams{}
		params.AddExpand("setup_intent.payment_method")
		cs := must(b.V1CheckoutSessions.Retrieve(b.t.Context(), id, params))
		require.Equal(b.t, stripe.CheckoutSessionStatusComplete, cs.Status)
		require.Equal(b.t, "4242", cs.SetupIntent.PaymentMethod.Card.Last4)
	}},
	"POST /v1/checkout/sessions/{}": {"V1CheckoutSessions.Update", func(b billing) {
		cs := must(b.V1CheckoutSessions.Update(b.t.Context(), b.setupSession(nil).ID, &stripe.CheckoutSessionUpdateParams{Metadata: map[string]string{"a": "b"}}))
		require.Equal(b.t, "b", cs.Metadata["a"])
	}},
	"POST /v1/checkout/sessions/{}/expire": {"V1CheckoutSessions.Expire", func(b billing) {
		cs := must(b.V1CheckoutSessions.Expire(b.t.Context(), b.setupSession(nil).ID, nil))
		require.Equal(b.t, stripe.CheckoutSessionStatusExpired, cs.Status)
	}},
	"GET /v1/checkout/sessions/{}/line_items": {"V1CheckoutSessions.ListLineItems", func(b billing) {
		items := all(b.V1CheckoutSessions.ListLineItems(b.t.Context(), &stripe.CheckoutSessionListLineItemsParams{Session: &b.paymentSession(nil).ID}))
		require.Len(b.t, items, 1)
	}},
	"POST /v1/payment_pages/{}/confirm": {none, func(b billing) {
		cs := b.setupSession(nil)
		require.Equal(b.t, "complete", b.post("/v1/payment_pages/"+cs.ID+"/confirm", "payment_method", "pm_card_visa").at(b.t, "status"))
	}},
}

// refunded gives 1.00 back.
func (b billing) refunded(pi string) string {
	return must(b.V1Refunds.Create(b.t.Context(), &stripe.RefundCreateParams{PaymentIntent: &pi, Amount: stripe.Int64(100)})).ID
}

// disputed is the dispute of a payment.
func (b billing) disputed() string {
	cus := b.customer()
	pi := must(b.charge(cus, b.saved(cus, "pm_card_createDispute")))
	for _, e := range all(b.V1Events.List(b.t.Context(), &stripe.EventListParams{Type: stripe.String("charge.dispute.created")})) {
		if e.Data.Object["payment_intent"] == pi.ID {
			return e.Data.Object["id"].(string)
		}
	}
	require.Fail(b.t, "no dispute")
	return ""
}

// typedAccount is a bank account whose numbers were typed in: it must be verified.
func (b billing) typedAccount() string {
	return must(b.V1PaymentMethods.Create(b.t.Context(), &stripe.PaymentMethodCreateParams{
		Type: stripe.String("us_bank_account"), BillingDetails: &stripe.PaymentMethodCreateBillingDetailsParams{Name: stripe.String("Jane"), Email: stripe.String("jane@example.com")},
		USBankAccount: &stripe.PaymentMethodCreateUSBankAccountParams{
			AccountHolderType: stripe.String("individual"), RoutingNumber: stripe.String("110000000"), AccountNumber: stripe.String("000123456789"),
		},
	})).ID
}
