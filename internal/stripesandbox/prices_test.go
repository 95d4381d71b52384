package stripesandbox_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// refusal is a call that is refused.
type refusal struct {
	name, path           string
	form                 []string
	status               int
	code, param, message string
}

func (b *bundle) refuses(cases []refusal) {
	for _, tc := range cases {
		b.t.Run(tc.name, func(t *testing.T) {
			a := b.post(tc.path, tc.form...)
			require.Equal(t, tc.status, a.status, string(a.body))
			e := a.at(t, "error").(map[string]any)
			for name, want := range map[string]string{"code": tc.code, "param": tc.param} {
				got, _ := e[name].(string)
				require.Equal(t, want, got, "%s in %s", name, a.body)
			}
			require.Contains(t, e["message"], tc.message)
		})
	}
}

func (b *bundle) product() string {
	b.t.Helper()
	o, err := b.V1Products.Create(b.t.Context(), &stripe.ProductCreateParams{Name: stripe.String("Gold plan")})
	require.NoError(b.t, err)
	return o.ID
}

func TestProducts(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	o, err := b.V1Products.Create(t.Context(), &stripe.ProductCreateParams{
		ID: stripe.String("gold"), Name: stripe.String("Gold plan"), Description: stripe.String("All of it"), Images: stripe.StringSlice([]string{"https://a.example/1.png"}),
		Metadata: map[string]string{"tier": "1"}, UnitLabel: stripe.String("seat"),
		DefaultPriceData: &stripe.ProductCreateDefaultPriceDataParams{
			Currency: stripe.String("eur"), UnitAmount: stripe.Int64(900), Recurring: &stripe.ProductCreateDefaultPriceDataRecurringParams{Interval: stripe.String("month")},
		},
	})
	require.NoError(t, err)
	require.Equal(t, "gold", o.ID)
	require.True(t, o.Active)
	require.Equal(t, []string{"https://a.example/1.png"}, o.Images)
	expanded := b.raw(http.MethodGet, "/v1/products/gold?expand[]=default_price.product", "")
	require.EqualValues(t, 900, expanded.at(t, "default_price.unit_amount"))
	require.Equal(t, "Gold plan", expanded.at(t, "default_price.product.name"))
	require.Equal(t, []string{"product.created", "product.updated"}, b.events("gold"))
	require.Equal(t, []string{"price.created"}, b.events(o.DefaultPrice.ID))

	other := b.product()
	require.Regexp(t, `^prod_[0-9A-Za-z]{14}$`, other)
	changed, err := b.V1Products.Update(t.Context(), other, &stripe.ProductUpdateParams{
		Name: stripe.String("Silver plan"), Active: new(false), Metadata: map[string]string{"tier": "2"},
	})
	require.NoError(t, err)
	require.False(t, changed.Active)
	require.Equal(t, http.StatusOK, b.post("/v1/products/"+other, "name", "Silver plan").status, "no change")
	n := 0
	for e, err := range b.V1Events.List(t.Context(), &stripe.EventListParams{Type: stripe.String("product.updated")}) {
		require.NoError(t, err)
		if n++; n == 1 {
			previous := e.Data.PreviousAttributes
			delete(previous, "updated") // there when the second has changed
			require.Equal(t, map[string]any{"name": "Gold plan", "active": true, "metadata": map[string]any{"tier": nil}}, previous)
		}
	}
	require.Equal(t, 2, n)
	for query, want := range map[string]int{"": 2, "active=true": 1, "active=false": 1, "ids[]=gold": 1, "url=x": 0} {
		require.Len(t, b.raw(http.MethodGet, "/v1/products?"+query, "").at(t, "data"), want, query)
	}

	b.refuses([]refusal{
		{"no name", "/v1/products", nil, 400, "parameter_missing", "name", "name"},
		{"an id that is taken", "/v1/products", []string{"id", "gold", "name", "x"}, 400, "resource_already_exists", "id", "already exists"},
		{"a name cannot be unset", "/v1/products/gold", []string{"name", ""}, 400, "parameter_invalid_empty", "name", "empty"},
		{"another product's price", "/v1/products/" + other, []string{"default_price", o.DefaultPrice.ID}, 400, "resource_missing", "default_price", "No such price"},
		{"an impossible default price", "/v1/products", []string{"name", "x", "default_price_data[currency]", "usd"}, 400, "parameter_missing", "default_price_data[unit_amount]", "unit_amount"},
		{"none such", "/v1/products/prod_none", []string{"name", "x"}, 404, "resource_missing", "id", "No such product: 'prod_none'"},
		{"unknown parameter", "/v1/products", []string{"name", "x", "colour", "red"}, 400, "parameter_unknown", "colour", "colour"},
	})

	priced := b.raw(http.MethodDelete, "/v1/products/gold", "")
	require.Equal(t, http.StatusBadRequest, priced.status)
	gone, err := b.V1Products.Delete(t.Context(), other, nil)
	require.NoError(t, err)
	require.True(t, gone.Deleted)
	require.Equal(t, http.StatusNotFound, b.raw(http.MethodGet, "/v1/products/"+other, "").status)
	require.Len(t, b.raw(http.MethodGet, "/v1/products", "").at(t, "data"), 1)
	again := b.post("/v1/products", "id", other, "name", "again")
	require.Equal(t, other, again.at(t, "id"), "the id of a deleted product is free")
}

func TestPrices(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	product := b.product()
	monthly, err := b.V1Prices.Create(t.Context(), &stripe.PriceCreateParams{
		Product: &product, Currency: stripe.String("EUR"), UnitAmount: stripe.Int64(1200), Nickname: stripe.String("monthly"), LookupKey: stripe.String("gold_monthly"),
		Recurring: &stripe.PriceCreateRecurringParams{Interval: stripe.String("month"), IntervalCount: stripe.Int64(3)}, TaxBehavior: stripe.String("inclusive"),
	})
	require.NoError(t, err)
	require.Equal(t, stripe.PriceTypeRecurring, monthly.Type)
	require.Equal(t, stripe.CurrencyEUR, monthly.Currency)
	require.Equal(t, stripe.PriceRecurringUsageTypeLicensed, monthly.Recurring.UsageType)
	require.EqualValues(t, 3, monthly.Recurring.IntervalCount)
	require.Equal(t, stripe.PriceTaxBehaviorInclusive, monthly.TaxBehavior)
	once := b.post("/v1/prices", "currency", "usd", "unit_amount_decimal", "500", "product_data[name]", "Poster", "expand[0]", "product")
	require.Equal(t, "one_time", once.at(t, "type"))
	require.Nil(t, once.at(t, "recurring"))
	require.EqualValues(t, 500, once.at(t, "unit_amount"))
	require.Equal(t, "Poster", once.at(t, "product.name"))
	free := b.post("/v1/prices", "currency", "usd", "unit_amount", "0", "product", product)
	require.EqualValues(t, 0, free.at(t, "unit_amount"))

	for query, want := range map[string]int{
		"": 3, "currency=eur": 1, "type=recurring": 1, "type=one_time": 2, "product=" + product: 2, "lookup_keys[]=gold_monthly": 1,
		"recurring[interval]=month": 1, "recurring[interval]=year": 0, "recurring[usage_type]=metered": 0, "active=false": 0,
	} {
		require.Len(t, b.raw(http.MethodGet, "/v1/prices?"+query, "").at(t, "data"), want, query)
	}
	unknown := b.raw(http.MethodGet, "/v1/prices?product=prod_none", "")
	require.Equal(t, http.StatusBadRequest, unknown.status)
	require.Equal(t, "No such product: 'prod_none'", unknown.at(t, "error.message"))

	changed, err := b.V1Prices.Update(t.Context(), monthly.ID, &stripe.PriceUpdateParams{Active: new(false), Nickname: stripe.String("old")})
	require.NoError(t, err)
	require.False(t, changed.Active)
	for e, err := range b.V1Events.List(t.Context(), &stripe.EventListParams{Type: stripe.String("price.updated")}) {
		require.NoError(t, err)
		require.Equal(t, map[string]any{"active": true, "nickname": "monthly"}, e.Data.PreviousAttributes)
	}
	with := func(pairs ...string) []string {
		return append([]string{"currency", "usd", "product", product, "unit_amount", "100"}, pairs...)
	}
	b.refuses([]refusal{
		{"no currency", "/v1/prices", []string{"product", product, "unit_amount", "1"}, 400, "parameter_missing", "currency", "currency"},
		{"unknown currency", "/v1/prices", []string{"currency", "xyz", "product", product, "unit_amount", "1"}, 400, "", "currency", "Invalid currency: xyz"},
		{"no product", "/v1/prices", []string{"currency", "usd", "unit_amount", "1"}, 400, "parameter_missing", "product", "either `product` or `product_data`"},
		{"two products", "/v1/prices", with("product_data[name]", "x"), 400, "parameters_exclusive", "product", "product, product_data"},
		{"unknown product", "/v1/prices", []string{"currency", "usd", "product", "prod_none", "unit_amount", "1"}, 400, "resource_missing", "product", "No such product"},
		{"product without a name", "/v1/prices", []string{"currency", "usd", "unit_amount", "1", "product_data[id]", "x"}, 400, "parameter_missing", "product_data[name]", "name"},
		{"no amount", "/v1/prices", []string{"currency", "usd", "product", product}, 400, "parameter_missing", "unit_amount", "Prices require an `unit_amount`"},
		{"two amounts", "/v1/prices", with("unit_amount_decimal", "1"), 400, "parameters_exclusive", "unit_amount", "unit_amount_decimal"},
		{"negative amount", "/v1/prices", []string{"currency", "usd", "product", product, "unit_amount", "-1"}, 400, "parameter_invalid_integer", "unit_amount", "non-negative"},
		{"parts of a cent", "/v1/prices", []string{"currency", "usd", "product", product, "unit_amount_decimal", "0.5"}, 400, "", "unit_amount_decimal", "whole minor units"},
		{"unknown interval", "/v1/prices", with("recurring[interval]", "decade"), 400, "", "recurring[interval]", "must be one of"},
		{"no interval", "/v1/prices", with("recurring[interval_count]", "1"), 400, "parameter_missing", "recurring[interval]", "interval"},
		{"no intervals", "/v1/prices", with("recurring[interval]", "day", "recurring[interval_count]", "0"), 400, "parameter_invalid_integer", "recurring[interval_count]", "greater"},
		{"more than three years", "/v1/prices", with("recurring[interval]", "month", "recurring[interval_count]", "37"), 400, "", "recurring[interval_count]", "three years"},
		{"metered without a meter", "/v1/prices", with("recurring[interval]", "day", "recurring[usage_type]", "metered"), 400, "parameter_missing", "recurring[meter]", "metered prices must be backed by meters"},
		{"unknown meter", "/v1/prices", with("recurring[interval]", "day", "recurring[usage_type]", "metered", "recurring[meter]", "mtr_none"), 400, "resource_missing", "recurring[meter]", "No such billing.meter"},
		{"a lookup key that is taken, by an inactive price", "/v1/prices", with("lookup_key", "gold_monthly"), 400, "", "lookup_key", "A price (`" + monthly.ID + "`) already uses that lookup key."},
		{"tiers", "/v1/prices", with("billing_scheme", "tiered"), 400, "", "billing_scheme", "must be one of per_unit"},
		{"in several currencies", "/v1/prices", with("currency_options[eur][unit_amount]", "90"), 400, "parameter_unknown", "currency_options", "currency_options"},
		{"per package", "/v1/prices", with("transform_quantity[divide_by]", "5", "transform_quantity[round]", "up"), 400, "parameter_unknown", "transform_quantity", "transform_quantity"},
		{"of free choice", "/v1/prices", with("custom_unit_amount[enabled]", "true"), 400, "parameter_unknown", "custom_unit_amount", "custom_unit_amount"},
		{"amounts do not change", "/v1/prices/" + monthly.ID, []string{"unit_amount", "1"}, 400, "parameter_unknown", "unit_amount", "unit_amount"},
		{"a tax behavior is final", "/v1/prices/" + monthly.ID, []string{"tax_behavior", "exclusive"}, 400, "", "tax_behavior", "cannot be changed"},
		{"none such", "/v1/prices/price_none", nil, 404, "resource_missing", "price", "No such price: 'price_none'"},
	})
	require.Equal(t, http.StatusNotFound, b.raw(http.MethodDelete, "/v1/prices/"+monthly.ID, "").status, "prices cannot be deleted")

	taken := b.post("/v1/prices", with("lookup_key", "gold_monthly", "transfer_lookup_key", "true")...)
	require.Equal(t, "gold_monthly", taken.at(t, "lookup_key"))
	require.Nil(t, b.raw(http.MethodGet, "/v1/prices/"+monthly.ID, "").at(t, "lookup_key"))
	require.Equal(t, []string{"price.created"}, b.events(taken.at(t, "id").(string)))
	require.Equal(t, []string{"price.created", "price.updated", "price.updated"}, b.events(monthly.ID))
	require.Equal(t, http.StatusOK, b.post("/v1/prices/"+taken.at(t, "id").(string), "lookup_key", "gold_monthly").status, "its own key")
}
