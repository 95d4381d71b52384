package stripesandbox_test

import (
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"
)

var billingCalls = map[string]typedCall{
	"POST /v1/products": {"V1Products.Create", func(b billing) {
		p := must(b.V1Products.Create(b.t.Context(), &stripe.ProductCreateParams{
			Name: stripe.String("Gym"), DefaultPriceData: &stripe.ProductCreateDefaultPriceDataParams{Currency: stripe.String("usd"), UnitAmount: stripe.Int64(100)},
		}))
		require.Equal(b.t, "Gym", p.Name)
		require.NotEmpty(b.t, p.DefaultPrice.ID)
	}},
	"GET /v1/products": {"V1Products.List", func(b billing) {
		three(func() { b.product() })
		require.Len(b.t, all(b.V1Products.List(b.t.Context(), &stripe.ProductListParams{ListParams: pageSize()})), 3)
	}},
	"GET /v1/products/{}": {"V1Products.Retrieve", func(b billing) {
		require.Equal(b.t, "Gym", must(b.V1Products.Retrieve(b.t.Context(), b.product(), nil)).Name)
	}},
	"POST /v1/products/{}": {"V1Products.Update", func(b billing) {
		require.False(b.t, must(b.V1Products.Update(b.t.Context(), b.product(), &stripe.ProductUpdateParams{Active: new(false)})).Active)
	}},
	"DELETE /v1/products/{}": {"V1Products.Delete", func(b billing) {
		require.True(b.t, must(b.V1Products.Delete(b.t.Context(), b.product(), nil)).Deleted)
	}},
	"POST /v1/prices": {"V1Prices.Create", func(b billing) {
		params := &stripe.PriceCreateParams{
			Currency: stripe.String("usd"), UnitAmount: stripe.Int64(100), Product: stripe.String(b.product()),
			Recurring: &stripe.PriceCreateRecurringParams{Interval: stripe.String("month")},
		}
		params.AddExpand("product")
		p := must(b.V1Prices.Create(b.t.Context(), params))
		require.Equal(b.t, "Gym", p.Product.Name)
		require.Equal(b.t, stripe.PriceRecurringIntervalMonth, p.Recurring.Interval)
	}},
	"GET /v1/prices": {"V1Prices.List", func(b billing) {
		three(func() { b.monthly(100) })
		require.Len(b.t, all(b.V1Prices.List(b.t.Context(), &stripe.PriceListParams{ListParams: pageSize()})), 3)
	}},
	"GET /v1/prices/{}": {"V1Prices.Retrieve", func(b billing) {
		require.EqualValues(b.t, 100, must(b.V1Prices.Retrieve(b.t.Context(), b.monthly(100), nil)).UnitAmount)
	}},
	"POST /v1/prices/{}": {"V1Prices.Update", func(b billing) {
		require.Equal(b.t, "basic", must(b.V1Prices.Update(b.t.Context(), b.monthly(100), &stripe.PriceUpdateParams{Nickname: stripe.String("basic")})).Nickname)
	}},

	"POST /v1/subscriptions": {"V1Subscriptions.Create", func(b billing) {
		sub := must(b.subscribe(b.payer("pm_card_visa"), b.monthly(100)))
		require.Equal(b.t, stripe.SubscriptionStatusActive, sub.Status)
		require.Equal(b.t, stripe.InvoiceStatusPaid, sub.LatestInvoice.Status)
	}},
	"GET /v1/subscriptions": {"V1Subscriptions.List", func(b billing) {
		cus, price := b.payer("pm_card_visa"), b.monthly(100)
		three(func() { _ = must(b.subscribe(cus, price)) })
		require.Len(b.t, all(b.V1Subscriptions.List(b.t.Context(), &stripe.SubscriptionListParams{ListParams: pageSize(), Customer: &cus})), 3)
	}},
	"GET /v1/subscriptions/{}": {"V1Subscriptions.Retrieve", func(b billing) {
		params := &stripe.SubscriptionRetrieveParams{}
		params.AddExpand("pending_setup_intent")
		params.AddExpand("customer")
		sub := must(b.V1Subscriptions.Retrieve(b.t.Context(), b.trial(), params))
		require.Equal(b.t, stripe.SubscriptionStatusTrialing, sub.Status)
		require.NotEmpty(b.t, sub.PendingSetupIntent.ClientSecret)
		require.Equal(b.t, "jane@example.com", sub.Customer.Email)
	}},
	"POST /v1/subscriptions/{}": {"V1Subscriptions.Update", func(b billing) {
		require.True(b.t, must(b.V1Subscriptions.Update(b.t.Context(), b.trial(), &stripe.SubscriptionUpdateParams{CancelAtPeriodEnd: new(true)})).CancelAtPeriodEnd)
	}},
	"DELETE /v1/subscriptions/{}": {"V1Subscriptions.Cancel", func(b billing) {
		require.Equal(b.t, stripe.SubscriptionStatusCanceled, must(b.V1Subscriptions.Cancel(b.t.Context(), b.trial(), nil)).Status)
	}},
	"POST /v1/subscriptions/{}/resume": {"V1Subscriptions.Resume", func(b billing) {
		id := must(b.subscribe(b.payer(""), b.monthly(100), func(p *stripe.SubscriptionCreateParams) {
			p.TrialPeriodDays = stripe.Int64(1)
			p.TrialSettings = &stripe.SubscriptionCreateTrialSettingsParams{EndBehavior: &stripe.SubscriptionCreateTrialSettingsEndBehaviorParams{MissingPaymentMethod: stripe.String("pause")}}
		})).ID
		b.pass(25 * time.Hour)
		sub := must(b.V1Subscriptions.Retrieve(b.t.Context(), id, nil))
		require.Equal(b.t, stripe.SubscriptionStatusPaused, sub.Status)
		b.makeDefault(sub.Customer.ID, b.saved(sub.Customer.ID, "pm_card_visa"))
		require.Equal(b.t, stripe.SubscriptionStatusActive, must(b.V1Subscriptions.Resume(b.t.Context(), id, nil)).Status)
	}},

	"GET /v1/invoices": {"V1Invoices.List", func(b billing) {
		cus, price := b.payer("pm_card_visa"), b.monthly(100)
		three(func() { _ = must(b.subscribe(cus, price)) })
		require.Len(b.t, all(b.V1Invoices.List(b.t.Context(), &stripe.InvoiceListParams{ListParams: pageSize(), Customer: &cus})), 3)
	}},
	"GET /v1/invoices/{}": {"V1Invoices.Retrieve", func(b billing) {
		params := &stripe.InvoiceRetrieveParams{}
		params.AddExpand("payments.data.payment.payment_intent")
		in := must(b.V1Invoices.Retrieve(b.t.Context(), b.unpaid(), params))
		require.Equal(b.t, stripe.InvoiceStatusOpen, in.Status)
		require.EqualValues(b.t, 100, in.AmountDue)
		require.Equal(b.t, stripe.PaymentIntentStatusRequiresConfirmation, in.Payments.Data[0].Payment.PaymentIntent.Status)
	}},
	"POST /v1/invoices/{}": {"V1Invoices.Update", func(b billing) {
		require.Equal(b.t, "Gym", must(b.V1Invoices.Update(b.t.Context(), b.draft(), &stripe.InvoiceUpdateParams{Description: stripe.String("Gym")})).Description)
	}},
	"POST /v1/invoices/{}/finalize": {"V1Invoices.FinalizeInvoice", func(b billing) {
		require.Equal(b.t, stripe.InvoiceStatusOpen, must(b.V1Invoices.FinalizeInvoice(b.t.Context(), b.draft(), nil)).Status)
	}},
	"POST /v1/invoices/{}/pay": {"V1Invoices.Pay", func(b billing) {
		id := b.unpaid()
		cus := must(b.V1Invoices.Retrieve(b.t.Context(), id, nil)).Customer.ID
		in := must(b.V1Invoices.Pay(b.t.Context(), id, &stripe.InvoicePayParams{PaymentMethod: stripe.String(b.saved(cus, "pm_card_visa"))}))
		require.Equal(b.t, stripe.InvoiceStatusPaid, in.Status)
	}},
	"POST /v1/invoices/{}/void": {"V1Invoices.VoidInvoice", func(b billing) {
		require.Equal(b.t, stripe.InvoiceStatusVoid, must(b.V1Invoices.VoidInvoice(b.t.Context(), b.unpaid(), nil)).Status)
	}},
	"GET /v1/invoice_payments": {"V1InvoicePayments.List", func(b billing) {
		id := b.unpaid()
		payments := all(b.V1InvoicePayments.List(b.t.Context(), &stripe.InvoicePaymentListParams{ListParams: pageSize(), Invoice: &id}))
		require.Len(b.t, payments, 1)
		require.EqualValues(b.t, 100, payments[0].AmountRequested)
	}},
	"GET /v1/invoice_payments/{}": {"V1InvoicePayments.Retrieve", func(b billing) {
		id := b.unpaid()
		first := all(b.V1InvoicePayments.List(b.t.Context(), &stripe.InvoicePaymentListParams{Invoice: &id}))[0]
		params := &stripe.InvoicePaymentRetrieveParams{}
		params.AddExpand("invoice")
		require.Equal(b.t, stripe.InvoiceStatusOpen, must(b.V1InvoicePayments.Retrieve(b.t.Context(), first.ID, params)).Invoice.Status)
	}},
}

func (b billing) product() string {
	return must(b.V1Products.Create(b.t.Context(), &stripe.ProductCreateParams{Name: stripe.String("Gym")})).ID
}

// trial is a subscription in its trial, without a payment method.
func (b billing) trial() string {
	return must(b.subscribe(b.payer(""), b.monthly(100), func(p *stripe.SubscriptionCreateParams) {
		p.TrialPeriodDays, p.PaymentBehavior = stripe.Int64(7), stripe.String("default_incomplete")
	})).ID
}

// unpaid is an open invoice that waits for the customer.
func (b billing) unpaid() string {
	sub := must(b.subscribe(b.payer("pm_card_chargeCustomerFail"), b.monthly(100), func(p *stripe.SubscriptionCreateParams) {
		p.PaymentBehavior = stripe.String("default_incomplete")
	}))
	return sub.LatestInvoice.ID
}

// draft is the invoice of a subscription's second month, which is not finalized yet.
func (b billing) draft() string {
	sub := must(b.subscribe(b.payer("pm_card_visa"), b.monthly(100)))
	b.pass(30*day + time.Minute) // it starts in June
	drafts := all(b.V1Invoices.List(b.t.Context(), &stripe.InvoiceListParams{Subscription: &sub.ID, Status: stripe.String("draft")}))
	require.Len(b.t, drafts, 1)
	return drafts[0].ID
}
