package stripesandbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestCustomers(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus, err := b.V1Customers.Create(t.Context(), &stripe.CustomerCreateParams{
		Email: stripe.String("jane@example.com"), Name: stripe.String(`J"ané`), Metadata: map[string]string{"time_zone": "Europe/Berlin"},
	})
	require.NoError(t, err)
	require.Equal(t, `J"ané`, cus.Name)
	pm, foreign := b.saved(cus.ID, "pm_card_visa"), b.saved(b.customer(), "pm_card_visa")

	for _, bad := range []string{"pm_none", foreign} {
		a := b.post("/v1/customers/"+cus.ID, "invoice_settings[default_payment_method]", bad)
		require.Equal(t, http.StatusBadRequest, a.status)
		require.Equal(t, "invoice_settings[default_payment_method]", a.at(t, "error.param"))
	}
	a := b.post("/v1/customers/"+cus.ID, "invoice_settings[default_payment_method]", pm, "name", "", "metadata[plan]", "gold", "expand[0]", "invoice_settings.default_payment_method")
	require.Equal(t, pm, a.at(t, "invoice_settings.default_payment_method.id"))
	require.Nil(t, a.at(t, "name"))
	require.Equal(t, map[string]any{"time_zone": "Europe/Berlin", "plan": "gold"}, a.at(t, "metadata"))
	for e, err := range b.V1Events.List(t.Context(), &stripe.EventListParams{Type: stripe.String("customer.updated")}) {
		require.NoError(t, err)
		require.Equal(t, map[string]any{
			"name": `J"ané`, "invoice_settings": map[string]any{"default_payment_method": nil}, "metadata": map[string]any{"plan": nil},
		}, e.Data.PreviousAttributes)
	}

	require.Equal(t, http.StatusOK, b.post("/v1/payment_methods/"+pm+"/detach").status)
	require.Nil(t, b.raw(http.MethodGet, "/v1/customers/"+cus.ID, "").at(t, "invoice_settings.default_payment_method"), "a detached method is no default")

	second := b.saved(cus.ID, "pm_card_mastercard")
	gone, err := b.V1Customers.Delete(t.Context(), cus.ID, nil)
	require.NoError(t, err)
	require.True(t, gone.Deleted)
	read, err := b.V1Customers.Retrieve(t.Context(), cus.ID, nil)
	require.NoError(t, err)
	require.True(t, read.Deleted)
	require.Equal(t, "resource_missing", code(t, b.post("/v1/customers/"+cus.ID, "name", "x")))
	require.Equal(t, "resource_missing", code(t, b.offSession(cus.ID, "pm_card_visa")))
	require.Nil(t, b.raw(http.MethodGet, "/v1/payment_methods/"+second, "").at(t, "customer"))
	require.Equal(t, []string{"customer.created", "customer.updated", "customer.deleted"}, b.events(cus.ID))
}

func TestAutomaticUpdate(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	pm := b.saved(cus, "pm_sandbox_decline_expired_card")
	require.Equal(t, "expired_card", code(t, b.offSession(cus, pm)))
	require.Equal(t, http.StatusBadRequest, b.control("/payment_methods/"+pm+"/automatic_update", map[string]string{"token": "pm_none"}).status)
	require.Equal(t, "4242", b.control("/payment_methods/"+pm+"/automatic_update", nil).at(t, "card.last4"))
	require.Equal(t, http.StatusOK, b.offSession(cus, pm).status)
	require.Equal(t, []string{"payment_method.attached", "payment_method.automatically_updated"}, b.events(pm))

	year := time.Now().Year()
	expires := b.control("/payment_methods/"+pm+"/automatic_update", map[string]any{"exp_month": 2, "exp_year": year + 1})
	require.InDelta(t, 2, expires.at(t, "card.exp_month"), 0)
	require.InDelta(t, year+1, expires.at(t, "card.exp_year"), 0)
	longer := b.control("/payment_methods/"+pm+"/automatic_update", nil)
	require.InDelta(t, 2, longer.at(t, "card.exp_month"), 0)
	require.InDelta(t, year+4, longer.at(t, "card.exp_year"), 0)
	for _, wrong := range []map[string]any{{"exp_month": 13}, {"exp_month": -1}, {"exp_year": year - 1}, {"exp_year": year + 51}} {
		require.Equal(t, http.StatusBadRequest, b.control("/payment_methods/"+pm+"/automatic_update", wrong).status, wrong)
	}
}

func TestAttachAndDetach(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus, other := b.customer(), b.customer()
	pm := b.post("/v1/payment_methods", "type", "card", "card[token]", "tok_visa", "billing_details[email]", "a@b.example").at(t, "id").(string)
	require.Equal(t, http.StatusBadRequest, b.post("/v1/payment_methods/"+pm+"/detach").status, "not attached")
	missing := b.post("/v1/payment_methods/" + pm + "/attach")
	require.Equal(t, "parameter_missing", code(t, missing))
	require.Equal(t, "customer", missing.at(t, "error.param"))
	require.Equal(t, cus, b.post("/v1/payment_methods/"+pm+"/attach", "customer", cus).at(t, "customer"))
	require.Equal(t, http.StatusOK, b.post("/v1/payment_methods/"+pm+"/attach", "customer", cus).status, "again: no change")
	require.Equal(t, http.StatusBadRequest, b.post("/v1/payment_methods/"+pm+"/attach", "customer", other).status)
	require.Equal(t, []string{"payment_method.attached"}, b.events(pm))

	require.Equal(t, pm, b.raw(http.MethodGet, "/v1/customers/"+cus+"/payment_methods/"+pm, "").at(t, "id"))
	require.Equal(t, http.StatusNotFound, b.raw(http.MethodGet, "/v1/customers/"+other+"/payment_methods/"+pm, "").status)
	b.saved(cus, "pm_sepaDebit_success_de")
	require.Len(t, b.raw(http.MethodGet, "/v1/customers/"+cus+"/payment_methods", "").at(t, "data"), 2)
	require.Len(t, b.raw(http.MethodGet, "/v1/payment_methods?type=card&customer="+cus, "").at(t, "data"), 1)

	detached := b.post("/v1/payment_methods/" + pm + "/detach")
	require.Nil(t, detached.at(t, "customer"))
	require.Len(t, b.raw(http.MethodGet, "/v1/customers/"+cus+"/payment_methods", "").at(t, "data"), 1)
	for e, err := range b.V1Events.List(t.Context(), &stripe.EventListParams{Type: stripe.String("payment_method.detached")}) {
		require.NoError(t, err)
		require.Equal(t, map[string]any{"customer": cus}, e.Data.PreviousAttributes)
	}
	require.Equal(t, http.StatusBadRequest, b.post("/v1/payment_methods/"+pm+"/attach", "customer", cus).status, "a detached method is burnt")
}
