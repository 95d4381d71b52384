package stripesandbox_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestCustomerBalance(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus, err := b.V1Customers.Create(t.Context(), &stripe.CustomerCreateParams{Balance: stripe.Int64(-500)})
	require.NoError(t, err)
	require.EqualValues(t, -500, cus.Balance)
	require.Equal(t, stripe.CurrencyUSD, cus.Currency)
	o, err := b.V1CustomerBalanceTransactions.Create(t.Context(), &stripe.CustomerBalanceTransactionCreateParams{
		Customer: &cus.ID, Amount: stripe.Int64(-250), Currency: stripe.String("usd"), Description: stripe.String("sorry"), Metadata: map[string]string{"ticket": "1"},
	})
	require.NoError(t, err)
	require.EqualValues(t, -750, o.EndingBalance)
	require.Equal(t, stripe.CustomerBalanceTransactionTypeAdjustment, o.Type)
	require.Equal(t, cus.ID, o.Customer.ID)
	set := b.post("/v1/customers/"+cus.ID, "balance", "100", "name", "Jane")
	require.EqualValues(t, 100, set.at(t, "balance"))
	require.Equal(t, http.StatusOK, b.post("/v1/customers/"+cus.ID, "balance", "100").status, "no change")

	var types []stripe.CustomerBalanceTransactionType
	var amounts, endings []int64
	for o, err := range b.V1CustomerBalanceTransactions.List(t.Context(), &stripe.CustomerBalanceTransactionListParams{Customer: &cus.ID}) {
		require.NoError(t, err)
		types, amounts, endings = append(types, o.Type), append(amounts, o.Amount), append(endings, o.EndingBalance)
	}
	require.Equal(t, []stripe.CustomerBalanceTransactionType{"adjustment", "adjustment", "initial"}, types)
	require.Equal(t, []int64{850, -250, -500}, amounts)
	require.Equal(t, []int64{100, -750, -500}, endings)
	var previous []map[string]any
	for e, err := range b.V1Events.List(t.Context(), &stripe.EventListParams{Type: stripe.String("customer.updated")}) {
		require.NoError(t, err)
		previous = append(previous, e.Data.PreviousAttributes)
	}
	require.Equal(t, []map[string]any{{"balance": -750., "name": nil}, {"balance": -500.}}, previous)

	path := "/v1/customers/" + cus.ID + "/balance_transactions"
	changed := b.post(path+"/"+o.ID, "description", "", "metadata[ticket]", "2", "expand[0]", "customer")
	require.Nil(t, changed.at(t, "description"))
	require.Equal(t, "2", changed.at(t, "metadata.ticket"))
	require.EqualValues(t, 100, changed.at(t, "customer.balance"))
	other := b.customer()
	require.Equal(t, http.StatusNotFound, b.raw(http.MethodGet, "/v1/customers/"+other+"/balance_transactions/"+o.ID, "").status, "another customer's")
	require.Equal(t, o.ID, b.raw(http.MethodGet, path+"/"+o.ID, "").at(t, "id"))
	first := b.post("/v1/customers/"+other+"/balance_transactions", "amount", "5", "currency", "EUR")
	require.Equal(t, "eur", first.at(t, "currency"))
	require.Equal(t, "eur", b.raw(http.MethodGet, "/v1/customers/"+other, "").at(t, "currency"))
	b.refuses([]refusal{
		{"no amount", path, []string{"currency", "usd"}, 400, "parameter_missing", "amount", "amount"},
		{"no currency", path, []string{"amount", "1"}, 400, "parameter_missing", "currency", "currency"},
		{"unknown currency", path, []string{"amount", "1", "currency", "xyz"}, 400, "", "currency", "Invalid currency"},
		{"another currency", path, []string{"amount", "1", "currency", "eur"}, 400, "", "currency", "cannot combine currencies"},
		{"too much", path, []string{"amount", "100000000", "currency", "usd"}, 400, "parameter_invalid_integer", "amount", "99999999"},
		{"unknown customer", "/v1/customers/cus_none/balance_transactions", []string{"amount", "1", "currency", "usd"}, 404, "resource_missing", "customer", "No such customer"},
		{"unknown transaction", path + "/cbtxn_none", nil, 404, "resource_missing", "transaction", "No such customer_balance_transaction"},
	})
}
