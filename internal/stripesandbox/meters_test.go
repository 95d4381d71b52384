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

func (b *bundle) meter(event, formula string) string {
	b.t.Helper()
	m, err := b.V1BillingMeters.Create(b.t.Context(), &stripe.BillingMeterCreateParams{
		DisplayName: stripe.String("Calls"), EventName: &event, DefaultAggregation: &stripe.BillingMeterCreateDefaultAggregationParams{Formula: &formula},
	})
	require.NoError(b.t, err)
	return m.ID
}

func TestMeters(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	id := b.meter("calls", "sum")
	read, err := b.V1BillingMeters.Retrieve(t.Context(), id, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.BillingMeterStatusActive, read.Status)
	require.Equal(t, "stripe_customer_id", read.CustomerMapping.EventPayloadKey)
	require.Equal(t, "value", read.ValueSettings.EventPayloadKey)
	product := b.product()
	metered := []string{"currency", "usd", "unit_amount", "2", "product", product, "recurring[interval]", "month", "recurring[usage_type]", "metered", "recurring[meter]", id}
	price := b.post("/v1/prices", metered...)
	require.Equal(t, id, price.at(t, "recurring.meter"))
	require.Len(t, b.raw(http.MethodGet, "/v1/prices?recurring[meter]="+id, "").at(t, "data"), 1)
	licensed := b.post("/v1/prices", "currency", "usd", "unit_amount", "2", "product", product, "recurring[interval]", "month", "recurring[meter]", id)
	require.Equal(t, "recurring[meter]", licensed.at(t, "error.param"))

	again := b.post("/v1/billing/meters", "display_name", "x", "event_name", "calls", "default_aggregation[formula]", "sum")
	require.Equal(t, "event_name", again.at(t, "error.param"), "one active meter per event name")
	updated, err := b.V1BillingMeters.Update(t.Context(), id, &stripe.BillingMeterUpdateParams{DisplayName: stripe.String("API calls")})
	require.NoError(t, err)
	require.Equal(t, "API calls", updated.DisplayName)
	off, err := b.V1BillingMeters.Deactivate(t.Context(), id, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.BillingMeterStatusInactive, off.Status)
	require.Positive(t, off.StatusTransitions.DeactivatedAt)
	require.Equal(t, http.StatusBadRequest, b.post("/v1/billing/meters/"+id+"/deactivate").status)
	require.Equal(t, "recurring[meter]", b.post("/v1/prices", metered...).at(t, "error.param"), "inactive")
	require.Equal(t, http.StatusBadRequest, b.post("/v1/billing/meter_events", "event_name", "calls", "payload[stripe_customer_id]", b.customer(), "payload[value]", "1").status)

	rival := b.meter("calls", "count")
	require.Equal(t, "event_name", b.post("/v1/billing/meters/"+id+"/reactivate").at(t, "error.param"), "its name is taken by now")
	require.Equal(t, http.StatusOK, b.post("/v1/billing/meters/"+rival+"/deactivate").status)
	on, err := b.V1BillingMeters.Reactivate(t.Context(), id, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.BillingMeterStatusActive, on.Status)
	require.Zero(t, on.StatusTransitions.DeactivatedAt)
	require.Equal(t, http.StatusBadRequest, b.post("/v1/billing/meters/"+id+"/reactivate").status)
	for query, want := range map[string]int{"": 2, "status=active": 1, "status=inactive": 1} {
		require.Len(t, b.raw(http.MethodGet, "/v1/billing/meters?"+query, "").at(t, "data"), want, query)
	}
	require.Equal(t, []string{"billing.meter.created", "billing.meter.updated", "billing.meter.deactivated", "billing.meter.reactivated"}, b.events(id))
	require.Equal(t, http.StatusNotFound, b.raw(http.MethodGet, "/v1/billing/meters/mtr_none", "").status)
	legacy := b.post("/v1/subscription_items/si_1/usage_records", "quantity", "1")
	require.Equal(t, http.StatusNotFound, legacy.status)
	require.Contains(t, legacy.at(t, "error.message"), "Unrecognized request URL")
}

func TestMeterEvents(t *testing.T) {
	t.Parallel()
	var wall standing
	b := newBundle(t, stripesandbox.Config{Clock: wall.now})
	b.meter("calls", "sum")
	b.meter("seen", "count")
	cus := b.customer()
	e, err := b.V1BillingMeterEvents.Create(t.Context(), &stripe.BillingMeterEventCreateParams{
		EventName: stripe.String("calls"), Identifier: stripe.String("once"), Payload: map[string]string{"stripe_customer_id": cus, "value": "25", "region": "eu"},
	})
	require.NoError(t, err)
	require.Equal(t, "once", e.Identifier)
	require.Equal(t, wall.now().Unix(), e.Timestamp)
	require.Equal(t, map[string]string{"stripe_customer_id": cus, "value": "25", "region": "eu"}, e.Payload)
	drawn := b.post("/v1/billing/meter_events", "event_name", "seen", "payload[stripe_customer_id]", cus)
	require.NotEmpty(t, drawn.at(t, "identifier"))

	event := func(pairs ...string) []string {
		return append([]string{"event_name", "calls", "payload[stripe_customer_id]", cus}, pairs...)
	}
	at := func(d time.Duration) string { return fmt.Sprint(wall.now().Add(d).Unix()) }
	const path = "/v1/billing/meter_events"
	b.refuses([]refusal{
		{"an identifier twice", path, event("payload[value]", "1", "identifier", "once"), 400, "", "identifier", "An event already exists with identifier once."},
		{"no meter", path, []string{"event_name", "other", "payload[stripe_customer_id]", cus}, 400, "", "event_name", `No active meter found for event name "other".`},
		{"no payload", path, []string{"event_name", "calls"}, 400, "parameter_missing", "payload", "payload"},
		{"no customer", path, []string{"event_name", "calls", "payload[value]", "1"}, 400, "meter_event_no_customer_defined", "payload[stripe_customer_id]", "customer"},
		{"unknown customer", path, []string{"event_name", "calls", "payload[stripe_customer_id]", "cus_none", "payload[value]", "1"}, 400, "meter_event_customer_not_found", "payload[stripe_customer_id]", "No such customer"},
		{"no value", path, event(), 400, "meter_event_value_not_found", "payload[value]", "value"},
		{"parts of a unit", path, event("payload[value]", "1.5"), 400, "meter_event_invalid_value", "payload[value]", "whole number"},
		{"long ago", path, event("payload[value]", "1", "timestamp", at(-35*24*time.Hour-time.Second)), 400, "timestamp_too_far_in_past", "timestamp", "35 days"},
		{"to come", path, event("payload[value]", "1", "timestamp", at(5*time.Minute+time.Second)), 400, "timestamp_in_future", "timestamp", "5 minutes"},
	})
	require.Equal(t, http.StatusOK, b.post(path, event("payload[value]", "1", "timestamp", at(-35*24*time.Hour))...).status)
	require.Equal(t, http.StatusOK, b.post(path, event("payload[value]", "1", "timestamp", at(5*time.Minute))...).status)
	wall.pass(24 * time.Hour)
	require.Equal(t, http.StatusOK, b.post(path, event("payload[value]", "1", "identifier", "once")...).status, "a day later the identifier is forgotten")

	clock := b.clock(1_600_000_000)
	future := b.post("/v1/customers", "test_clock", clock).at(t, "id").(string)
	onClock := b.post(path, "event_name", "calls", "payload[stripe_customer_id]", future, "payload[value]", "1")
	require.EqualValues(t, 1_600_000_000, onClock.at(t, "timestamp"), "by the customer's clock")
}

func TestMeterFormulas(t *testing.T) {
	t.Parallel()
	const day = 1_749_945_600 // midnight, some hours before the wall's time
	for formula, want := range map[string]struct{ all, hour, other float64 }{
		"sum": {18, 11, 7}, "count": {3, 2, 1}, "last": {7, 1, 7},
	} {
		var wall standing
		b := newBundle(t, stripesandbox.Config{Clock: wall.now})
		meter, cus := b.meter("calls", formula), b.customer()
		for _, e := range []struct{ at, value int64 }{{day + 7200, 7}, {day + 60, 10}, {day + 120, 1}, {day + 86400, 100}} {
			a := b.post("/v1/billing/meter_events", "event_name", "calls", "timestamp", fmt.Sprint(e.at), "payload[stripe_customer_id]", cus, "payload[value]", fmt.Sprint(e.value))
			if e.at > wall.now().Unix()+300 {
				require.Equal(t, http.StatusBadRequest, a.status)
				continue
			}
			require.Equal(t, http.StatusOK, a.status, string(a.body))
		}
		b.post("/v1/billing/meter_events", "event_name", "calls", "payload[stripe_customer_id]", b.customer(), "payload[value]", "1000")
		var got []float64
		params := &stripe.BillingMeterEventSummaryListParams{ID: &meter, Customer: &cus, StartTime: stripe.Int64(day), EndTime: stripe.Int64(day + 86400)}
		for s, err := range b.V1BillingMeterEventSummaries.List(t.Context(), params) {
			require.NoError(t, err)
			got = append(got, s.AggregatedValue)
		}
		require.Equal(t, []float64{want.all}, got, formula)
		got = nil
		params.ValueGroupingWindow = stripe.String("hour")
		for s, err := range b.V1BillingMeterEventSummaries.List(t.Context(), params) {
			require.NoError(t, err)
			got = append(got, s.AggregatedValue)
		}
		require.Equal(t, []float64{want.other, want.hour}, got, formula+", newest first")

		path := "/v1/billing/meters/" + meter + "/event_summaries?customer=" + cus
		for _, bad := range []string{"", "&start_time=1&end_time=60", "&start_time=120&end_time=60", "&start_time=60&end_time=3600&value_grouping_window=hour",
			"&start_time=0&end_time=9223372036854774000&value_grouping_window=hour", "&start_time=-9223372036854774000&end_time=3600&value_grouping_window=hour",
			"&start_time=0&end_time=9223372036854774000",
		} {
			require.Equal(t, http.StatusBadRequest, b.raw(http.MethodGet, path+bad, "").status, bad)
		}
		require.Equal(t, http.StatusBadRequest, b.raw(http.MethodGet, "/v1/billing/meters/"+meter+"/event_summaries?customer=cus_none&start_time=0&end_time=60", "").status)
	}
}
