package stripesandbox_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestCoupons(t *testing.T) {
	t.Parallel()
	var wall standing
	b := newBundle(t, stripesandbox.Config{Clock: wall.now})
	half, err := b.V1Coupons.Create(t.Context(), &stripe.CouponCreateParams{PercentOff: new(22.5), Metadata: map[string]string{"a": "b"}})
	require.NoError(t, err)
	require.Regexp(t, `^[0-9A-Za-z]{8}$`, half.ID)
	require.InDelta(t, 22.5, half.PercentOff, 0)
	require.Equal(t, stripe.CouponDurationOnce, half.Duration)
	require.True(t, half.Valid)
	soon := wall.now().Add(time.Hour).Unix()
	five, err := b.V1Coupons.Create(t.Context(), &stripe.CouponCreateParams{
		ID: stripe.String("FIVE"), Name: stripe.String("Five off"), AmountOff: stripe.Int64(500), Currency: stripe.String("usd"),
		Duration: stripe.String("repeating"), DurationInMonths: stripe.Int64(3), MaxRedemptions: stripe.Int64(10), RedeemBy: &soon,
	})
	require.NoError(t, err)
	require.Equal(t, "FIVE", five.ID)
	require.EqualValues(t, 500, five.AmountOff)
	require.EqualValues(t, 3, five.DurationInMonths)
	require.Zero(t, five.PercentOff)

	past := fmt.Sprint(wall.now().Unix())
	b.refuses([]refusal{
		{"nothing off", "/v1/coupons", []string{"duration", "once"}, 400, "parameter_missing", "", "Must provide percent_off or amount_off."},
		{"both", "/v1/coupons", []string{"percent_off", "10", "amount_off", "5", "currency", "usd"}, 400, "", "", "Received both percent_off and amount_off parameters."},
		{"no currency", "/v1/coupons", []string{"amount_off", "5"}, 400, "", "currency", "You must pass currency when passing amount_off"},
		{"unknown currency", "/v1/coupons", []string{"amount_off", "5", "currency", "xyz"}, 400, "", "currency", "Invalid currency"},
		{"no amount", "/v1/coupons", []string{"amount_off", "0", "currency", "usd"}, 400, "parameter_invalid_integer", "amount_off", "greater than or equal to 1"},
		{"no percent", "/v1/coupons", []string{"percent_off", "0"}, 400, "", "percent_off", "greater than or equal to 0.01"},
		{"more than all", "/v1/coupons", []string{"percent_off", "100.5"}, 400, "", "percent_off", "less than or equal to 100"},
		{"not a number", "/v1/coupons", []string{"percent_off", "NaN"}, 400, "", "percent_off", "0.01"},
		{"text", "/v1/coupons", []string{"percent_off", "half"}, 400, "", "percent_off", "Invalid decimal"},
		{"repeating without months", "/v1/coupons", []string{"percent_off", "10", "duration", "repeating"}, 400, "", "duration", "duration_in_months param must be set"},
		{"months without repeating", "/v1/coupons", []string{"percent_off", "10", "duration", "forever", "duration_in_months", "2"}, 400, "", "duration_in_months", "only"},
		{"no months", "/v1/coupons", []string{"percent_off", "10", "duration", "repeating", "duration_in_months", "0"}, 400, "parameter_invalid_integer", "duration_in_months", "1"},
		{"no redemptions", "/v1/coupons", []string{"percent_off", "10", "max_redemptions", "0"}, 400, "parameter_invalid_integer", "max_redemptions", "1"},
		{"unknown duration", "/v1/coupons", []string{"percent_off", "10", "duration", "twice"}, 400, "", "duration", "must be one of"},
		{"redeem by the past", "/v1/coupons", []string{"percent_off", "10", "redeem_by", past}, 400, "", "redeem_by", "You specified the value `" + past + "` which is in the past."},
		{"an id that is taken", "/v1/coupons", []string{"id", "FIVE", "percent_off", "5"}, 400, "resource_already_exists", "", "Coupon already exists."},
		{"for some products only", "/v1/coupons", []string{"percent_off", "5", "applies_to[products][0]", "prod_1"}, 400, "parameter_unknown", "applies_to", "applies_to"},
		{"in several currencies", "/v1/coupons", []string{"amount_off", "5", "currency", "usd", "currency_options[eur][amount_off]", "4"}, 400, "parameter_unknown", "currency_options", "currency_options"},
		{"amounts do not change", "/v1/coupons/FIVE", []string{"amount_off", "1"}, 400, "parameter_unknown", "amount_off", "amount_off"},
		{"none such", "/v1/coupons/NONE", nil, 404, "resource_missing", "coupon", "No such coupon: 'NONE'"},
	})

	renamed, err := b.V1Coupons.Update(t.Context(), "FIVE", &stripe.CouponUpdateParams{Name: stripe.String("Fünf")})
	require.NoError(t, err)
	require.Equal(t, "Fünf", renamed.Name)
	wall.pass(time.Hour)
	require.Equal(t, false, b.raw(http.MethodGet, "/v1/coupons/FIVE", "").at(t, "valid"), "redeem_by has come")
	require.Equal(t, true, b.raw(http.MethodGet, "/v1/coupons/"+half.ID, "").at(t, "valid"))
	require.Len(t, b.raw(http.MethodGet, "/v1/coupons", "").at(t, "data"), 2)

	gone, err := b.V1Coupons.Delete(t.Context(), half.ID, nil)
	require.NoError(t, err)
	require.True(t, gone.Deleted)
	require.Equal(t, http.StatusNotFound, b.raw(http.MethodGet, "/v1/coupons/"+half.ID, "").status)
	require.Len(t, b.raw(http.MethodGet, "/v1/coupons", "").at(t, "data"), 1)
	for e, err := range b.V1Events.List(t.Context(), &stripe.EventListParams{Type: stripe.String("coupon.deleted")}) {
		require.NoError(t, err)
		require.Equal(t, false, e.Data.Object["valid"])
	}
	require.Equal(t, []string{"coupon.created", "coupon.updated"}, b.events("FIVE"))
	again := b.post("/v1/coupons", "id", half.ID, "percent_off", "5")
	require.Equal(t, true, again.at(t, "valid"), "the id of a deleted coupon is free")
	require.Len(t, b.raw(http.MethodGet, "/v1/coupons", "").at(t, "data"), 2)
}
