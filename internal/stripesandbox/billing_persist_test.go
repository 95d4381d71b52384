package stripesandbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// What is sold, used and credited is there after a restart, what was deleted is not, and
// a clock goes on advancing.
func TestBillingSurvivesARestart(t *testing.T) {
	t.Parallel()
	var wall standing
	cfg := stripesandbox.Config{Clock: wall.now, Data: dataPath(t)}
	b := newBundle(t, cfg)
	product, gone := b.product(), b.product()
	require.Equal(t, http.StatusOK, b.raw(http.MethodDelete, "/v1/products/"+gone, "").status)
	require.Equal(t, http.StatusOK, b.post("/v1/coupons", "id", "OFF", "percent_off", "12.5").status)
	require.Equal(t, http.StatusOK, b.raw(http.MethodDelete, "/v1/coupons/OFF", "").status)
	require.Equal(t, http.StatusOK, b.post("/v1/coupons", "id", "OFF", "percent_off", "20").status)
	meter := b.meter("calls", "sum")
	price := b.post("/v1/prices", "currency", "usd", "unit_amount", "2", "product", product,
		"recurring[interval]", "month", "recurring[usage_type]", "metered", "recurring[meter]", meter).at(t, "id").(string)
	clock := b.clock(wall.now().Unix())
	cus := b.post("/v1/customers", "test_clock", clock, "balance", "-5").at(t, "id").(string)
	use := []string{"event_name", "calls", "payload[stripe_customer_id]", cus, "payload[value]", "7", "identifier", "once"}
	require.Equal(t, http.StatusOK, b.post("/v1/billing/meter_events", use...).status)
	d := b.disputed()
	require.Equal(t, "advancing", b.post("/v1/test_helpers/test_clocks/"+clock+"/advance", "frozen_time", "1760000000").at(t, "status"))

	b = b.reopen(cfg)
	require.Equal(t, "advancing", b.raw(http.MethodGet, "/v1/test_helpers/test_clocks/"+clock, "").at(t, "status"))
	require.NoError(t, b.srv.AdvanceClock(time.Second)) // of this one: the closed one must not go on
	require.EqualValues(t, 1760000000, b.raw(http.MethodGet, "/v1/test_helpers/test_clocks/"+clock, "").at(t, "frozen_time"))
	require.Len(t, b.raw(http.MethodGet, "/v1/products", "").at(t, "data"), 1)
	require.Equal(t, http.StatusNotFound, b.raw(http.MethodGet, "/v1/products/"+gone, "").status)
	require.Len(t, b.raw(http.MethodGet, "/v1/coupons", "").at(t, "data"), 1)
	require.EqualValues(t, 20, b.raw(http.MethodGet, "/v1/coupons/OFF", "").at(t, "percent_off"))
	require.Equal(t, meter, b.raw(http.MethodGet, "/v1/prices/"+price, "").at(t, "recurring.meter"))
	require.Len(t, b.raw(http.MethodGet, "/v1/customers/"+cus+"/balance_transactions", "").at(t, "data"), 1)
	require.Equal(t, "identifier", b.post("/v1/billing/meter_events", use...).at(t, "error.param"))
	summaries := b.raw(http.MethodGet, "/v1/billing/meters/"+meter+"/event_summaries?start_time=1749999960&end_time=1750000080&customer="+cus, "")
	require.EqualValues(t, 7, summaries.at(t, "data").([]any)[0].(map[string]any)["aggregated_value"])
	require.NoError(t, b.srv.AdvanceClock(7*24*time.Hour))
	require.Equal(t, "lost", b.raw(http.MethodGet, "/v1/disputes/"+d.ID, "").at(t, "status"), "nobody answered it")
}
