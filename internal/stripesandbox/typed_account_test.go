package stripesandbox_test

import (
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"
)

var accountCalls = map[string]typedCall{
	"POST /v1/customers": {"V1Customers.Create", func(b billing) {
		cus := must(b.V1Customers.Create(b.t.Context(), &stripe.CustomerCreateParams{Name: stripe.String("Jane"), Balance: stripe.Int64(-100)}))
		require.Equal(b.t, "Jane", cus.Name)
		require.EqualValues(b.t, -100, cus.Balance)
	}},
	"GET /v1/customers": {"V1Customers.List", func(b billing) {
		three(func() { b.customer() })
		list := all(b.V1Customers.List(b.t.Context(), &stripe.CustomerListParams{ListParams: pageSize(), Email: stripe.String("jane@example.com")}))
		require.Len(b.t, list, 3)
	}},
	"GET /v1/customers/{}": {"V1Customers.Retrieve", func(b billing) {
		id := b.payer("pm_card_visa")
		params := &stripe.CustomerRetrieveParams{}
		params.AddExpand("invoice_settings.default_payment_method")
		cus := must(b.V1Customers.Retrieve(b.t.Context(), id, params))
		require.Equal(b.t, "4242", cus.InvoiceSettings.DefaultPaymentMethod.Card.Last4)
	}},
	"POST /v1/customers/{}": {"V1Customers.Update", func(b billing) {
		cus := must(b.V1Customers.Update(b.t.Context(), b.customer(), &stripe.CustomerUpdateParams{Phone: stripe.String("1")}))
		require.Equal(b.t, "1", cus.Phone)
	}},
	"DELETE /v1/customers/{}": {"V1Customers.Delete", func(b billing) {
		require.True(b.t, must(b.V1Customers.Delete(b.t.Context(), b.customer(), nil)).Deleted)
	}},
	"GET /v1/customers/{}/payment_methods": {"V1Customers.ListPaymentMethods", func(b billing) {
		cus := b.customer()
		three(func() { b.saved(cus, "pm_card_visa") })
		require.Len(b.t, all(b.V1Customers.ListPaymentMethods(b.t.Context(), &stripe.CustomerListPaymentMethodsParams{ListParams: pageSize(), Customer: &cus})), 3)
	}},
	"GET /v1/customers/{}/payment_methods/{}": {"V1Customers.RetrievePaymentMethod", func(b billing) {
		cus := b.customer()
		pm := must(b.V1Customers.RetrievePaymentMethod(b.t.Context(), b.saved(cus, "pm_card_visa"), &stripe.CustomerRetrievePaymentMethodParams{Customer: &cus}))
		require.Equal(b.t, cus, pm.Customer.ID)
	}},

	"GET /v1/events": {"V1Events.List", func(b billing) {
		three(func() { b.customer() })
		require.Len(b.t, all(b.V1Events.List(b.t.Context(), &stripe.EventListParams{ListParams: pageSize(), Type: stripe.String("customer.created")})), 3)
	}},
	"GET /v1/events/{}": {"V1Events.Retrieve", func(b billing) {
		cus := b.customer()
		first := all(b.V1Events.List(b.t.Context(), &stripe.EventListParams{}))[0]
		e := must(b.V1Events.Retrieve(b.t.Context(), first.ID, nil))
		require.Equal(b.t, stripe.EventTypeCustomerCreated, e.Type)
		require.Equal(b.t, cus, e.Data.Object["id"])
	}},
	"POST /v1/webhook_endpoints": {"V1WebhookEndpoints.Create", func(b billing) {
		require.Contains(b.t, b.endpoint().Secret, "whsec_")
	}},
	"GET /v1/webhook_endpoints": {"V1WebhookEndpoints.List", func(b billing) {
		three(func() { b.endpoint() })
		require.Len(b.t, all(b.V1WebhookEndpoints.List(b.t.Context(), &stripe.WebhookEndpointListParams{ListParams: pageSize()})), 3)
	}},
	"GET /v1/webhook_endpoints/{}": {"V1WebhookEndpoints.Retrieve", func(b billing) {
		we := must(b.V1WebhookEndpoints.Retrieve(b.t.Context(), b.endpoint().ID, nil))
		require.Empty(b.t, we.Secret, "told once")
		require.Equal(b.t, []string{"customer.deleted"}, we.EnabledEvents)
	}},
	"POST /v1/webhook_endpoints/{}": {"V1WebhookEndpoints.Update", func(b billing) {
		we := must(b.V1WebhookEndpoints.Update(b.t.Context(), b.endpoint().ID, &stripe.WebhookEndpointUpdateParams{Disabled: new(true)}))
		require.Equal(b.t, "disabled", we.Status)
	}},
	"DELETE /v1/webhook_endpoints/{}": {"V1WebhookEndpoints.Delete", func(b billing) {
		require.True(b.t, must(b.V1WebhookEndpoints.Delete(b.t.Context(), b.endpoint().ID, nil)).Deleted)
	}},

	"POST /v1/test_helpers/test_clocks": {"V1TestHelpersTestClocks.Create", func(b billing) {
		clock := must(b.V1TestHelpersTestClocks.Create(b.t.Context(), &stripe.TestHelpersTestClockCreateParams{FrozenTime: stripe.Int64(1_700_000_000), Name: stripe.String("a year")}))
		require.Equal(b.t, "a year", clock.Name)
	}},
	"GET /v1/test_helpers/test_clocks": {"V1TestHelpersTestClocks.List", func(b billing) {
		three(func() { b.clock(1_700_000_000) })
		require.Len(b.t, all(b.V1TestHelpersTestClocks.List(b.t.Context(), &stripe.TestHelpersTestClockListParams{ListParams: pageSize()})), 3)
	}},
	"GET /v1/test_helpers/test_clocks/{}": {"V1TestHelpersTestClocks.Retrieve", func(b billing) {
		clock := must(b.V1TestHelpersTestClocks.Retrieve(b.t.Context(), b.clock(1_700_000_000), nil))
		require.EqualValues(b.t, 1_700_000_000, clock.FrozenTime)
	}},
	"DELETE /v1/test_helpers/test_clocks/{}": {"V1TestHelpersTestClocks.Delete", func(b billing) {
		require.True(b.t, must(b.V1TestHelpersTestClocks.Delete(b.t.Context(), b.clock(1_700_000_000), nil)).Deleted)
	}},
	"POST /v1/test_helpers/test_clocks/{}/advance": {"V1TestHelpersTestClocks.Advance", func(b billing) {
		clock := must(b.V1TestHelpersTestClocks.Advance(b.t.Context(), b.clock(1_700_000_000), &stripe.TestHelpersTestClockAdvanceParams{FrozenTime: stripe.Int64(1_700_000_001)}))
		require.Equal(b.t, stripe.TestHelpersTestClockStatusAdvancing, clock.Status)
	}},
}

// endpoint gets nothing: no customer is deleted where it is used.
func (b billing) endpoint() *stripe.WebhookEndpoint {
	return must(b.V1WebhookEndpoints.Create(b.t.Context(), &stripe.WebhookEndpointCreateParams{
		URL: stripe.String("https://shop.example/webhooks"), EnabledEvents: stripe.StringSlice([]string{"customer.deleted"}),
	}))
}
