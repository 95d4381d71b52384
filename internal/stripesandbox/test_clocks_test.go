package stripesandbox_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// standing is a Config.Clock that moves only when a test moves it.
type standing struct{ offset atomic.Int64 }

func (s *standing) now() time.Time {
	return time.Unix(1_750_000_000, 0).Add(time.Duration(s.offset.Load()))
}

func (s *standing) pass(d time.Duration) { s.offset.Add(int64(d)) }

func TestTestClockAdvances(t *testing.T) {
	t.Parallel()
	var wall standing
	b := newBundle(t, stripesandbox.Config{Clock: wall.now})
	clock, err := b.V1TestHelpersTestClocks.Create(t.Context(), &stripe.TestHelpersTestClockCreateParams{
		FrozenTime: stripe.Int64(1_700_000_000), Name: stripe.String("a year"),
	})
	require.NoError(t, err)
	require.Equal(t, stripe.TestHelpersTestClockStatusReady, clock.Status)
	require.EqualValues(t, 1_700_000_000+7*24*3600, clock.DeletesAfter)
	require.Equal(t, wall.now().Unix(), clock.Created, "the clock itself lives in the sandbox's time")

	advanced, err := b.V1TestHelpersTestClocks.Advance(t.Context(), clock.ID, &stripe.TestHelpersTestClockAdvanceParams{FrozenTime: stripe.Int64(1_702_000_000)})
	require.NoError(t, err)
	require.Equal(t, stripe.TestHelpersTestClockStatusAdvancing, advanced.Status)
	require.EqualValues(t, 1_700_000_000, advanced.FrozenTime)
	require.EqualValues(t, 1_702_000_000, advanced.StatusDetails.Advancing.TargetFrozenTime)
	busy := b.post("/v1/test_helpers/test_clocks/"+clock.ID+"/advance", "frozen_time", "1703000000")
	require.Equal(t, http.StatusTooManyRequests, busy.status)
	require.Contains(t, busy.at(t, "error.message"), "Test clock advancement underway")
	require.Equal(t, http.StatusTooManyRequests, b.post("/v1/customers", "test_clock", clock.ID).status)
	require.Equal(t, http.StatusTooManyRequests, b.raw(http.MethodDelete, "/v1/test_helpers/test_clocks/"+clock.ID, "").status)

	wall.pass(time.Second)
	read, err := b.V1TestHelpersTestClocks.Retrieve(t.Context(), clock.ID, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.TestHelpersTestClockStatusReady, read.Status)
	require.EqualValues(t, 1_702_000_000, read.FrozenTime)
	require.Nil(t, read.StatusDetails.Advancing)
	require.Equal(t, []string{"test_helpers.test_clock.created", "test_helpers.test_clock.advancing", "test_helpers.test_clock.ready"}, b.events(clock.ID))
}

func TestTestClockLimits(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	clock := b.clock(1_700_000_000)
	path := "/v1/test_helpers/test_clocks/" + clock + "/advance"
	twoYears := time.Unix(1_700_000_000, 0).UTC().AddDate(2, 0, 0).Unix()
	for _, tc := range []struct {
		name   string
		target int64
		status int
	}{
		{"back", 1_699_999_999, 400},
		{"nowhere", 1_700_000_000, 400},
		{"more than two years without a subscription", twoYears + 1, 400},
		{"two years", twoYears, 200},
	} {
		a := b.post(path, "frozen_time", fmt.Sprint(tc.target))
		require.Equal(t, tc.status, a.status, tc.name)
		if tc.status == http.StatusBadRequest {
			require.Equal(t, "frozen_time", a.at(t, "error.param"), tc.name)
		}
	}
	require.Equal(t, "parameter_missing", code(t, b.post("/v1/test_helpers/test_clocks")))
	for _, frozen := range []string{"-1", "7258118401", "9223372036854775807"} {
		require.Equal(t, http.StatusBadRequest, b.post("/v1/test_helpers/test_clocks", "frozen_time", frozen).status, frozen)
	}
	require.Equal(t, http.StatusNotFound, b.post("/v1/test_helpers/test_clocks/clock_none/advance", "frozen_time", "1800000000").status)
}

func TestTestClockCustomers(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	clock, plain := b.clock(1_700_000_000), b.customer()
	var customers []string
	for range 3 {
		cus, err := b.V1Customers.Create(t.Context(), &stripe.CustomerCreateParams{TestClock: &clock})
		require.NoError(t, err)
		require.Equal(t, clock, cus.TestClock.ID)
		customers = append(customers, cus.ID)
	}
	require.Equal(t, http.StatusBadRequest, b.post("/v1/customers", "test_clock", clock).status, "three are enough")
	unknown := b.post("/v1/customers", "test_clock", "clock_none")
	require.Equal(t, http.StatusBadRequest, unknown.status)
	require.Equal(t, "resource_missing", code(t, unknown))
	require.Equal(t, "parameter_unknown", code(t, b.post("/v1/customers/"+plain, "test_clock", clock)), "only at creation")
	expanded := b.raw(http.MethodGet, "/v1/customers/"+customers[0]+"?expand[]=test_clock", "")
	require.EqualValues(t, 1_700_000_000, expanded.at(t, "test_clock.frozen_time"))
	require.Len(t, b.raw(http.MethodGet, "/v1/customers", "").at(t, "data"), 1, "lists leave them out")
	require.Len(t, b.raw(http.MethodGet, "/v1/customers?test_clock="+clock, "").at(t, "data"), 3)
	require.Len(t, b.raw(http.MethodGet, "/v1/test_helpers/test_clocks", "").at(t, "data"), 1)

	pm := b.saved(customers[0], "pm_card_visa")
	gone, err := b.V1TestHelpersTestClocks.Delete(t.Context(), clock, nil)
	require.NoError(t, err)
	require.True(t, gone.Deleted)
	for _, id := range customers {
		require.Equal(t, true, b.raw(http.MethodGet, "/v1/customers/"+id, "").at(t, "deleted"))
	}
	require.Nil(t, b.raw(http.MethodGet, "/v1/payment_methods/"+pm, "").at(t, "customer"))
	require.Equal(t, http.StatusOK, b.raw(http.MethodGet, "/v1/customers/"+plain, "").status)
	require.Nil(t, b.raw(http.MethodGet, "/v1/customers/"+plain, "").json(t)["deleted"])
	require.Equal(t, http.StatusNotFound, b.raw(http.MethodGet, "/v1/test_helpers/test_clocks/"+clock, "").status)
	require.Equal(t, http.StatusNotFound, b.raw(http.MethodDelete, "/v1/test_helpers/test_clocks/"+clock, "").status)
	require.Empty(t, b.raw(http.MethodGet, "/v1/test_helpers/test_clocks", "").at(t, "data"))
	require.Equal(t, []string{"test_helpers.test_clock.created", "test_helpers.test_clock.deleted"}, b.events(clock))
}

// clock makes a test clock.
func (b *bundle) clock(frozen int64) string {
	b.t.Helper()
	clock, err := b.V1TestHelpersTestClocks.Create(b.t.Context(), &stripe.TestHelpersTestClockCreateParams{FrozenTime: &frozen})
	require.NoError(b.t, err)
	return clock.ID
}
