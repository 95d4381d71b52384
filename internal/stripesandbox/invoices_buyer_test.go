package stripesandbox

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox/sandboxtest"
)

// The buyer pays an open invoice on session, in as many tries as it takes.
func TestInvoicePaidByBuyer(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Seed: 1, Middleware: sandboxtest.Check(t)})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	s.locked(func(c *call) {
		cus := c.newCustomer()
		c.sandbox.store.add("customer", cus)
		one := &price{header: c.newHeader("price_", nil), Currency: "usd", UnitAmount: 1200, Recurring: &recurring{Interval: "month", IntervalCount: 1, UsageType: usageLicensed}}
		sub := &subscription{
			header: c.newHeader("sub_", nil), Customer: cus.ID, Currency: "usd", Status: subIncomplete, CollectionMethod: chargeAutomatically,
			SaveDefaultMethod: "off", MissingMethod: "create_invoice", Items: []*subscriptionItem{{ID: "si_1", Price: one, Quantity: 1}},
		}
		c.sandbox.store.add("subscription", sub, cus.ID)
		inv := c.finalizeInvoice(c.newInvoice(sub, c.bill(sub, nil, nil), reasonCreate))
		sub = update(c, sub, func(o *subscription) { o.LatestInvoice = inv.ID })

		for _, try := range []struct {
			in   Payment
			code string
		}{
			{Payment{}, "parameter_missing"},
			{Payment{Number: "4242424242424241"}, "incorrect_number"},
			{Payment{Number: "4000000000000341"}, "card_declined"},
			{Payment{PaymentMethod: "pm_card_authenticationRequired", Authenticate: AuthenticationFailed}, "payment_intent_authentication_failure"},
			{Payment{PaymentMethod: "pm_card_authenticationRequired", Authenticate: AuthenticationAbandoned}, "authentication_pending"},
		} {
			_, err := c.payInvoiceAsBuyer(inv, try.in)
			require.NotNil(t, err)
			require.Equal(t, try.code, err.Code)
			require.Equal(t, subIncomplete, c.current(sub).Status)
		}
		paid, err := c.payInvoiceAsBuyer(inv, Payment{}) // goes on with the challenge
		require.Nil(t, err)
		require.Equal(t, invoicePaid, paid.Status)
		require.Equal(t, subActive, c.current(sub).Status)
		pi, _ := lookup[*paymentIntent](c.sandbox.store, paid.PaymentIntent)
		pm, _ := lookup[*paymentMethod](c.sandbox.store, pi.PaymentMethod)
		require.Equal(t, cus.ID, pm.Customer, "saved for the renewals")
		_, err = c.payInvoiceAsBuyer(paid, Payment{Number: "4242424242424242"})
		require.NotNil(t, err)
	})
}
