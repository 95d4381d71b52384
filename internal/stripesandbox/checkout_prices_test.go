package stripesandbox_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestCheckoutSellsPrices(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	product := b.product()
	price := b.post("/v1/prices", "currency", "usd", "unit_amount", "700", "product", product).at(t, "id").(string)
	monthly := b.post("/v1/prices", "currency", "usd", "unit_amount", "700", "product", product, "recurring[interval]", "month").at(t, "id").(string)
	retired := b.post("/v1/prices", "currency", "usd", "unit_amount", "700", "product", product, "active", "false").at(t, "id").(string)
	cs, err := b.V1CheckoutSessions.Create(t.Context(), &stripe.CheckoutSessionCreateParams{
		Mode: stripe.String("payment"), SuccessURL: stripe.String("https://a.example"),
		LineItems: []*stripe.CheckoutSessionCreateLineItemParams{
			{Price: &price, Quantity: stripe.Int64(2)},
			{Quantity: stripe.Int64(1), PriceData: &stripe.CheckoutSessionCreateLineItemPriceDataParams{
				Currency: stripe.String("usd"), UnitAmount: stripe.Int64(50), ProductData: &stripe.CheckoutSessionCreateLineItemPriceDataProductDataParams{Name: stripe.String("Gift wrap")},
			}},
			{Quantity: stripe.Int64(1), PriceData: &stripe.CheckoutSessionCreateLineItemPriceDataParams{Currency: stripe.String("usd"), UnitAmount: stripe.Int64(1), Product: &product}},
		},
	})
	require.NoError(t, err)
	require.EqualValues(t, 1451, cs.AmountTotal)
	lines := b.raw(http.MethodGet, "/v1/checkout/sessions/"+cs.ID+"/line_items?expand[]=data.price.product", "").at(t, "data").([]any)
	require.Len(t, lines, 3)
	var names, products []string
	var prices []any
	for _, line := range lines {
		line := line.(map[string]any)
		names = append(names, line["description"].(string))
		price := line["price"].(map[string]any)
		prices = append(prices, price["id"])
		products = append(products, price["product"].(map[string]any)["name"].(string))
	}
	require.Equal(t, []string{"Gold plan", "Gift wrap", "Gold plan"}, names)
	require.Equal(t, names, products)
	require.Equal(t, price, prices[0])
	inline, err := b.V1Prices.Retrieve(t.Context(), prices[1].(string), nil)
	require.NoError(t, err)
	require.False(t, inline.Active, "of use in its session only")
	deep := b.raw(http.MethodGet, "/v1/checkout/sessions/"+cs.ID+"?expand[]=line_items.data.price.product", "")
	require.NotEmpty(t, deep.at(t, "line_items.data"))

	before := len(b.raw(http.MethodGet, "/v1/prices?limit=100", "").at(t, "data").([]any))
	form := func(pairs ...string) []string {
		return append([]string{"mode", "payment", "success_url", "https://a.example"}, pairs...)
	}
	const path = "/v1/checkout/sessions"
	data := []string{"line_items[0][price_data][currency]", "usd", "line_items[0][price_data][product_data][name]", "x"}
	b.refuses([]refusal{
		{"unknown price", path, form("line_items[0][price]", "price_none", "line_items[0][quantity]", "1"), 400, "resource_missing", "line_items[0][price]", "No such price"},
		{"inactive price", path, form("line_items[0][price]", retired, "line_items[0][quantity]", "1"), 400, "", "line_items[0][price]", "inactive"},
		{"recurring price", path, form("line_items[0][price]", monthly, "line_items[0][quantity]", "1"), 400, "", "line_items", "recurring price"},
		{"recurring price_data", path, form(append(data, "line_items[0][price_data][unit_amount]", "99", "line_items[0][price_data][recurring][interval]", "day", "line_items[0][quantity]", "1")...), 400, "", "line_items", "recurring price"},
		{"no amount", path, form(append(data, "line_items[0][quantity]", "1")...), 400, "parameter_missing", "line_items[0][price_data][unit_amount]", "unit_amount"},
		{"no quantity", path, form(append(data, "line_items[0][price_data][unit_amount]", "99")...), 400, "parameter_missing", "line_items[0][quantity]", "quantity"},
		{"no price at all", path, form("line_items[0][quantity]", "1"), 400, "parameter_missing", "line_items[0][price_data]", "price_data"},
		{"unknown product", path, form("line_items[0][quantity]", "1", "line_items[0][price_data][currency]", "usd", "line_items[0][price_data][unit_amount]", "99", "line_items[0][price_data][product]", "prod_none"), 400, "resource_missing", "line_items[0][price_data][product]", "No such product"},
		{"two currencies", path, form(append(data, "line_items[0][price_data][unit_amount]", "99", "line_items[0][quantity]", "1",
			"line_items[1][quantity]", "1", "line_items[1][price_data][currency]", "eur", "line_items[1][price_data][unit_amount]", "99", "line_items[1][price_data][product]", product)...), 400, "", "line_items", "same currency"},
	})
	require.Len(t, b.raw(http.MethodGet, "/v1/prices?limit=100", "").at(t, "data"), before, "what is refused stores no prices")
}
