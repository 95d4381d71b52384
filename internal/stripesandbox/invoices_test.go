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

func TestInvoicePay(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, token string
		offSession  *bool
		status      int
		code        stripe.ErrorCode
		intent      stripe.PaymentIntentStatus
		events      []string // of the invoice
	}{
		{"paid", "pm_card_visa", nil, 200, "", "succeeded", []string{"invoice.paid", "invoice.payment_succeeded"}},
		{"declined", "pm_card_chargeCustomerFail", nil, 402, "card_declined", "requires_payment_method", []string{"invoice.payment_failed"}},
		{"3D Secure off session, as by default", "pm_card_authenticationRequired", nil, 402, "authentication_required", "requires_payment_method", []string{
			"invoice.payment_action_required", "invoice.payment_failed",
		}},
		{"3D Secure on session", "pm_card_authenticationRequired", new(false), 402, "invoice_payment_intent_requires_action", "requires_action", []string{
			"invoice.payment_action_required", "invoice.payment_failed",
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBilling(t, stripesandbox.Config{})
			sub := b.subscribed(b.payer(""), b.monthly(1200), behaviour("default_incomplete"))
			inv := sub.LatestInvoice.ID
			before := len(b.events(inv))
			paid, err := b.V1Invoices.Pay(t.Context(), inv, &stripe.InvoicePayParams{
				PaymentMethod: stripe.String(b.saved(sub.Customer.ID, tc.token)), OffSession: tc.offSession,
			})
			if tc.status == http.StatusOK {
				require.NoError(t, err)
				require.Equal(t, stripe.InvoiceStatusPaid, paid.Status)
				require.EqualValues(t, 1200, paid.AmountPaid)
				require.Zero(t, paid.AmountRemaining)
			} else {
				se := stripeError(t, err)
				require.Equal(t, tc.status, se.HTTPStatusCode)
				require.Equal(t, tc.code, se.Code)
				require.Equal(t, stripe.ErrorTypeCard, se.Type)
				require.Equal(t, tc.intent, se.PaymentIntent.Status)
			}
			pi, err := b.V1PaymentIntents.Retrieve(t.Context(), b.intentOf(inv), nil)
			require.NoError(t, err)
			require.Equal(t, tc.intent, pi.Status)
			require.Equal(t, tc.events, b.events(inv)[before:])
			read, err := b.V1Invoices.Retrieve(t.Context(), inv, nil)
			require.NoError(t, err)
			require.True(t, read.Attempted)
			require.EqualValues(t, 1, read.AttemptCount)
			require.Zero(t, read.NextPaymentAttempt, "a first invoice is not retried")
		})
	}
}

func TestInvoicePayRefused(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	price := b.monthly(1200)
	open := b.subscribed(b.payer(""), price, behaviour("default_incomplete")).LatestInvoice.ID
	paid := b.subscribed(b.payer("pm_card_visa"), price).LatestInvoice.ID
	void := b.subscribed(b.payer(""), price, behaviour("default_incomplete")).LatestInvoice.ID
	require.Equal(t, "void", b.post("/v1/invoices/"+void+"/void").at(t, "status"))
	other := b.saved(b.customer(), "pm_card_visa")
	for _, tc := range []struct {
		name, path string
		params     []string
		status     int
		code       any
	}{
		{"unknown", "/v1/invoices/in_none/pay", nil, 404, "resource_missing"},
		{"no method", "/v1/invoices/" + open + "/pay", nil, 400, "resource_missing"},
		{"another customer's method", "/v1/invoices/" + open + "/pay", []string{"payment_method", other}, 400, nil},
		{"unknown method", "/v1/invoices/" + open + "/pay", []string{"payment_method", "pm_none"}, 404, "resource_missing"},
		{"already paid", "/v1/invoices/" + paid + "/pay", nil, 400, "invoice_not_editable"},
		{"voided", "/v1/invoices/" + void + "/pay", nil, 400, "invoice_not_editable"},
		{"void of a paid one", "/v1/invoices/" + paid + "/void", nil, 400, "invoice_not_editable"},
		{"void of a voided one", "/v1/invoices/" + void + "/void", nil, 400, "invoice_not_editable"},
		{"finalize of an open one", "/v1/invoices/" + open + "/finalize", nil, 400, "invoice_not_editable"},
		{"unknown parameter", "/v1/invoices/" + open + "/pay", []string{"colour", "red"}, 400, "parameter_unknown"},
		{"its PaymentIntent canceled", "/v1/payment_intents/" + b.intentOf(open) + "/cancel", nil, 400, "payment_intent_unexpected_state"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := b.post(tc.path, tc.params...)
			require.Equal(t, tc.status, a.status, string(a.body))
			require.Equal(t, tc.code, a.at(t, "error.code"))
			require.Equal(t, "invalid_request_error", a.at(t, "error.type"))
		})
	}
}

func TestInvoiceOfRenewalIsDraftFirst(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	sub := b.subscribed(b.payer("pm_card_visa"), b.monthly(1200))
	b.pass(30 * day) // from 15 June
	draft := b.subscription(sub.ID).LatestInvoice
	require.Equal(t, stripe.InvoiceStatusDraft, draft.Status)
	require.Empty(t, draft.Number)
	require.Empty(t, draft.HostedInvoiceURL)
	require.Nil(t, draft.ConfirmationSecret)
	require.EqualValues(t, 1200, draft.AmountDue)
	opened, err := b.V1Invoices.FinalizeInvoice(t.Context(), draft.ID, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.InvoiceStatusOpen, opened.Status)
	require.True(t, strings.HasSuffix(opened.Number, "-0002"))
	require.True(t, strings.HasSuffix(opened.HostedInvoiceURL, "/_sandbox/invoice/"+draft.ID))
	require.Equal(t, opened.StatusTransitions.FinalizedAt+3600, opened.NextPaymentAttempt)
	b.pass(time.Hour)
	require.Equal(t, stripe.InvoiceStatusPaid, b.subscription(sub.ID).LatestInvoice.Status)

	b.pass(31*day - time.Hour)
	draft = b.subscription(sub.ID).LatestInvoice
	held, err := b.V1Invoices.Update(t.Context(), draft.ID, &stripe.InvoiceUpdateParams{AutoAdvance: new(false), Metadata: map[string]string{"a": "b"}})
	require.NoError(t, err)
	require.Equal(t, "b", held.Metadata["a"])
	b.pass(2 * time.Hour)
	require.Equal(t, stripe.InvoiceStatusDraft, b.subscription(sub.ID).LatestInvoice.Status, "it waits")
	paid, err := b.V1Invoices.Pay(t.Context(), draft.ID, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.InvoiceStatusPaid, paid.Status, "paying finalizes it")
}

func TestInvoiceBalance(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name         string
		balance      string
		due, ending  int64
		startingPlus int64
	}{
		{"no balance", "", 1200, 0, 0},
		{"credit", "-500", 700, 0, -500},
		{"more credit than needed", "-5000", 0, -3800, -5000},
		{"debt", "300", 1500, 0, 300},
		{"too little left to charge", "-1180", 0, 20, -1180},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBilling(t, stripesandbox.Config{})
			cus := b.payer("pm_card_visa")
			require.Equal(t, http.StatusOK, b.post("/v1/customers/"+cus, "balance", tc.balance).status)
			inv := b.subscribed(cus, b.monthly(1200)).LatestInvoice
			require.EqualValues(t, 1200, inv.Total)
			require.Equal(t, tc.due, inv.AmountDue)
			require.Equal(t, tc.due, inv.AmountPaid)
			require.Equal(t, tc.startingPlus, inv.StartingBalance)
			require.Equal(t, tc.ending, inv.EndingBalance)
			after, err := b.V1Customers.Retrieve(t.Context(), cus, nil)
			require.NoError(t, err)
			require.Equal(t, tc.ending, after.Balance)
			require.EqualValues(t, 2, after.NextInvoiceSequence)
		})
	}
}

func TestInvoiceSent(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	sub := b.subscribed(b.payer(""), b.monthly(1200), func(p *stripe.SubscriptionCreateParams) {
		p.CollectionMethod, p.DaysUntilDue = stripe.String("send_invoice"), stripe.Int64(14)
	})
	require.Equal(t, stripe.SubscriptionStatusActive, sub.Status)
	require.Nil(t, sub.PendingSetupIntent)
	require.Equal(t, stripe.InvoiceStatusOpen, sub.LatestInvoice.Status)
	require.Equal(t, sub.Created+14*86400, sub.LatestInvoice.DueDate)
	require.Zero(t, sub.LatestInvoice.AttemptCount)
	b.pass(14 * day)
	require.Equal(t, stripe.SubscriptionStatusPastDue, b.subscription(sub.ID).Status)
	require.Contains(t, b.events(sub.LatestInvoice.ID), "invoice.overdue")
	_, err := b.V1Invoices.Pay(t.Context(), sub.LatestInvoice.ID, &stripe.InvoicePayParams{PaidOutOfBand: new(true)})
	require.NoError(t, err)
	require.Equal(t, stripe.SubscriptionStatusActive, b.subscription(sub.ID).Status)
	b.pass(18 * day)
	require.Len(t, b.invoices(sub.ID), 2)
	require.Equal(t, stripe.InvoiceStatusOpen, b.subscription(sub.ID).LatestInvoice.Status)

	for _, params := range [][]string{
		{"collection_method", "send_invoice"},
		{"days_until_due", "3"},
		{"collection_method", "send_invoice", "days_until_due", "3", "payment_behavior", "default_incomplete"},
		{"collection_method", "send_invoice", "days_until_due", "-3"},
	} {
		a := b.post("/v1/subscriptions", append(params, "customer", sub.Customer.ID, "items[0][price]", sub.Items.Data[0].Price.ID)...)
		require.Equal(t, http.StatusBadRequest, a.status, params)
	}
}

func TestInvoiceLists(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	price := b.monthly(1200)
	cus := b.payer("pm_card_visa")
	one, two := b.subscribed(cus, price), b.subscribed(cus, b.monthly(500))
	b.subscribed(b.payer(""), price, behaviour("default_incomplete"))
	count := func(query string) int {
		a := b.raw(http.MethodGet, query, "")
		require.Equal(t, http.StatusOK, a.status, string(a.body))
		return len(a.at(t, "data").([]any))
	}
	for query, want := range map[string]int{
		"/v1/invoices": 3, "/v1/invoices?customer=" + cus: 2, "/v1/invoices?subscription=" + one.ID: 1, "/v1/invoices?status=open": 1,
		"/v1/invoices?customer=" + cus + "&status=open": 0, "/v1/invoices?collection_method=send_invoice": 0, "/v1/invoices?created[lt]=1": 0,
		"/v1/subscriptions": 3, "/v1/subscriptions?customer=" + cus: 2, "/v1/subscriptions?price=" + price: 2,
		"/v1/subscriptions?status=incomplete": 1, "/v1/subscriptions?status=active&price=" + price: 1, "/v1/subscriptions?collection_method=send_invoice": 0,
		"/v1/subscriptions?created[gte]=1": 3, "/v1/subscriptions?status=canceled": 0,
		"/v1/invoice_payments?invoice=" + two.LatestInvoice.ID: 1, "/v1/invoice_payments?status=open": 1,
		"/v1/invoice_payments?payment[type]=payment_intent&payment[payment_intent]=" + b.intentOf(one.LatestInvoice.ID): 1,
	} {
		require.Equal(t, want, count(query), query)
	}
	_, err := b.V1Subscriptions.Cancel(t.Context(), two.ID, nil)
	require.NoError(t, err)
	require.Equal(t, 2, count("/v1/subscriptions"), "canceled ones are left out")
	require.Equal(t, 3, count("/v1/subscriptions?status=all"))
	require.Equal(t, 1, count("/v1/subscriptions?status=ended"))
}

func TestBillingExpand(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	cus := b.payer("pm_card_visa")
	sub := b.subscribed(cus, b.monthly(1200))
	path := "/v1/subscriptions/" + sub.ID
	plain := b.raw(http.MethodGet, path, "")
	require.Equal(t, sub.LatestInvoice.ID, plain.at(t, "latest_invoice"))
	inv := b.raw(http.MethodGet, path+"?expand[]=latest_invoice", "")
	require.NotContains(t, inv.at(t, "latest_invoice"), "confirmation_secret", "only when it is asked for")
	require.NotContains(t, inv.at(t, "latest_invoice"), "payments")
	deep := b.raw(http.MethodGet, path+"?expand[]=items.data.price.product&expand[]=latest_invoice.payments&expand[]=customer", "")
	item := deep.at(t, "items.data").([]any)[0].(map[string]any)
	require.Equal(t, "Tea club", item["price"].(map[string]any)["product"].(map[string]any)["name"])
	require.Equal(t, cus, deep.at(t, "customer.id"))
	payments := deep.at(t, "latest_invoice.payments.data").([]any)
	require.Equal(t, b.intentOf(sub.LatestInvoice.ID), payments[0].(map[string]any)["payment"].(map[string]any)["payment_intent"])
	owned := b.raw(http.MethodGet, "/v1/customers/"+cus+"?expand[]=subscriptions.data.latest_invoice", "")
	require.Equal(t, sub.LatestInvoice.ID, owned.at(t, "subscriptions.data").([]any)[0].(map[string]any)["latest_invoice"].(map[string]any)["id"])
	require.NotContains(t, b.raw(http.MethodGet, "/v1/customers/"+cus, "").json(t), "subscriptions")
	parent := b.raw(http.MethodGet, "/v1/invoices/"+sub.LatestInvoice.ID+"?expand[]=parent.subscription_details.subscription", "")
	require.Equal(t, sub.ID, parent.at(t, "parent.subscription_details.subscription.id"))
	paid := b.raw(http.MethodGet, "/v1/invoice_payments?invoice="+sub.LatestInvoice.ID+"&expand[]=data.payment.payment_intent", "")
	require.Equal(t, "succeeded", paid.at(t, "data").([]any)[0].(map[string]any)["payment"].(map[string]any)["payment_intent"].(map[string]any)["status"])
	require.NotContains(t, b.raw(http.MethodGet, "/v1/payment_intents/"+b.intentOf(sub.LatestInvoice.ID), "").json(t), "invoice", "it does not name its invoice")
	for _, bad := range []string{"latest_invoice.payment_intent", "items.price", "status"} {
		require.Equal(t, http.StatusBadRequest, b.raw(http.MethodGet, path+"?expand[]="+bad, "").status, bad)
	}
}

func TestRefusedPayLeavesTheDraft(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	cus := b.customer()
	card := b.saved(cus, "pm_card_visa")
	b.makeDefault(cus, card)
	sub := b.subscribed(cus, b.monthly(1200))
	b.pass(30 * day)
	_, err := b.V1PaymentMethods.Detach(t.Context(), card, nil)
	require.NoError(t, err)
	debit := b.saved(cus, "pm_sepaDebit_success_de")
	draft, before := b.subscription(sub.ID).LatestInvoice.ID, b.events()
	for name, params := range map[string][]string{
		"no method": nil, "a detached one": {"payment_method", card}, "one of another currency": {"payment_method", debit},
	} {
		a := b.post("/v1/invoices/"+draft+"/pay", params...)
		require.Equal(t, http.StatusBadRequest, a.status, name)
		require.Equal(t, before, b.events(), name)
		require.Equal(t, "draft", b.raw(http.MethodGet, "/v1/invoices/"+draft, "").at(t, "status"), name)
	}
	b.makeDefault(cus, b.saved(cus, "pm_card_visa"))
	require.Equal(t, "paid", b.post("/v1/invoices/"+draft+"/pay").at(t, "status"))
}
