package stripesandbox_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func (b *bundle) faults() []stripesandbox.Fault {
	b.t.Helper()
	var pending []stripesandbox.Fault
	require.NoError(b.t, json.Unmarshal(b.raw(http.MethodGet, "/_sandbox/faults", "").body, &pending))
	return pending
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind     stripesandbox.FaultKind
		delay    int
		status   int // 0: no answer
		effect   bool
		replayed bool // the next request with the key gets the stored answer
	}{
		{kind: stripesandbox.FaultDropBefore},
		{kind: stripesandbox.FaultDropAfter, effect: true, replayed: true},
		{kind: stripesandbox.Fault500Before, status: 500, replayed: true},
		{kind: stripesandbox.Fault500After, status: 500, effect: true, replayed: true},
		{kind: stripesandbox.Fault424, status: 424},
		{kind: stripesandbox.Fault503, status: 503},
		{kind: stripesandbox.FaultRateLimit, status: 429},
		{kind: stripesandbox.FaultLockTimeout, status: 429},
		{kind: stripesandbox.FaultKeyInUse, status: 409},
		{kind: stripesandbox.FaultAuth401, status: 401},
		{kind: stripesandbox.FaultBrokenJSON, status: 200, effect: true, replayed: true},
		{kind: stripesandbox.FaultSlow, delay: 10, status: 200, effect: true, replayed: true},
		{kind: stripesandbox.FaultSlowBefore, delay: 10, status: 200, effect: true, replayed: true},
	} {
		t.Run(string(tc.kind), func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			f := stripesandbox.Fault{Method: "POST", PathPrefix: "/v1/payment_intents", Kind: tc.kind, Times: 1, DelayMS: tc.delay}
			require.Equal(t, http.StatusOK, b.control("/faults", f).status)
			require.Equal(t, []stripesandbox.Fault{f}, b.faults())
			require.Equal(t, http.StatusOK, b.post("/v1/customers").status, "another path")

			a, err := b.send(http.MethodPost, "/v1/payment_intents", newPayment, "Idempotency-Key", "k")
			require.Equal(t, tc.status == 0, err != nil)
			require.Equal(t, tc.status, a.status)
			if tc.kind == stripesandbox.FaultBrokenJSON {
				require.False(t, json.Valid(a.body))
			}
			if tc.kind == stripesandbox.FaultLockTimeout {
				require.Equal(t, "lock_timeout", a.at(t, "error.code"))
				require.Empty(t, a.header.Get("Stripe-Rate-Limited-Reason"))
			}
			require.Empty(t, b.faults(), "used up")
			paid := 0
			if tc.effect {
				paid = 1
			}
			require.Equal(t, paid, b.payments())
			next := b.keyed("k", "/v1/payment_intents", newPayment)
			require.Equal(t, tc.replayed, next.header.Get("Idempotent-Replayed") == "true")
			if tc.replayed {
				require.Equal(t, paid, b.payments())
			} else {
				require.Equal(t, 1, b.payments())
			}
		})
	}
}

func TestFaultRequestsAreChecked(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	for _, bad := range []any{
		map[string]any{"kind": "explode"},
		map[string]any{"kind": "429", "times": 0},
		map[string]any{"kind": "slow"},
		map[string]any{"kind": "429", "delay_ms": 5},
		map[string]any{"kind": "429", "colour": "red"},
		map[string]any{"kind": "429", "times": -1},
		map[string]any{"kind": "429", "skip": -1},
		map[string]any{"kind": "429", "probability": 1.01},
		map[string]any{"kind": "429", "probability": -0.01},
		map[string]any{"kind": "429", "seed": -1},
		"429",
	} {
		require.Equal(t, http.StatusBadRequest, b.control("/faults", bad).status, "%v", bad)
	}
	b.control("/faults", stripesandbox.Fault{Kind: stripesandbox.Fault503, Times: 3})
	require.Equal(t, http.StatusNoContent, b.raw(http.MethodDelete, "/_sandbox/faults", "").status)
	require.Equal(t, http.StatusOK, b.post("/v1/customers").status)
}

func TestFaultsChooseTheirRequests(t *testing.T) {
	t.Parallel()
	const charges, confirm = "/v1/payment_intents", "/v1/payment_intents/pi_1/confirm"
	for _, tc := range []struct {
		name  string
		fault map[string]any
		sent  []string // paths of POSTs
		want  []bool   // which are broken
		left  int
	}{
		{"once by default", map[string]any{}, []string{charges, charges}, []bool{true, false}, 0},
		{"prefix", map[string]any{"path_prefix": charges, "times": 2}, []string{"/v1/customers", charges, confirm, charges}, []bool{false, true, true, false}, 0},
		{"exact path", map[string]any{"path": charges, "times": 2}, []string{confirm, charges, confirm, charges}, []bool{false, true, false, true}, 0},
		{"exact path with its id", map[string]any{"path": confirm}, []string{charges, "/v1/payment_intents/pi_2/confirm", confirm}, []bool{false, false, true}, 0},
		{"method", map[string]any{"method": "GET"}, []string{charges, charges}, []bool{false, false}, 1},
		{"nth", map[string]any{"path": charges, "skip": 2}, []string{charges, confirm, charges, charges, charges}, []bool{false, false, false, true, false}, 0},
		{"nth and those after it", map[string]any{"skip": 1, "times": 2}, []string{charges, charges, charges, charges}, []bool{false, true, true, false}, 0},
		{"certain chance has no end", map[string]any{"probability": 1}, []string{charges, charges, charges}, []bool{true, true, true}, 1},
		{"certain chance, so often", map[string]any{"probability": 1, "times": 2}, []string{charges, charges, charges}, []bool{true, true, false}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			tc.fault["kind"] = "503"
			a := b.control("/faults", tc.fault)
			require.Equal(t, http.StatusOK, a.status, string(a.body))
			var broken []bool
			for _, path := range tc.sent {
				broken = append(broken, b.post(path).status == http.StatusServiceUnavailable)
			}
			require.Equal(t, tc.want, broken)
			require.Len(t, b.faults(), tc.left)
		})
	}
}

func TestFaultsByChanceAreRepeatable(t *testing.T) {
	t.Parallel()
	run := func(seed int) (broken []bool) {
		b := newBundle(t, stripesandbox.Config{})
		b.control("/faults", map[string]any{"kind": "503", "method": "POST", "probability": 0.3, "seed": seed})
		for range 60 {
			b.raw(http.MethodGet, "/v1/customers", "") // does not count
			broken = append(broken, b.post("/v1/customers").status == http.StatusServiceUnavailable)
		}
		return broken
	}
	first := run(1)
	require.Contains(t, first, true)
	require.Contains(t, first, false)
	require.Equal(t, first, run(1))
	require.NotEqual(t, first, run(2))
}

// Two faults for one request: the older one breaks it.
func TestFaultsStandInLine(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	b.control("/faults", stripesandbox.Fault{Kind: stripesandbox.Fault503, Times: 1})
	b.control("/faults", stripesandbox.Fault{Kind: stripesandbox.FaultRateLimit, Times: 1})
	limited := []int{b.post("/v1/customers").status, b.post("/v1/customers").status, b.post("/v1/customers").status}
	require.Equal(t, []int{503, 429, 200}, limited)
}
