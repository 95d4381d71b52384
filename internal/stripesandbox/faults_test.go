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
		"429",
	} {
		require.Equal(t, http.StatusBadRequest, b.control("/faults", bad).status, "%v", bad)
	}
	b.control("/faults", stripesandbox.Fault{Kind: stripesandbox.Fault503, Times: 3})
	require.Equal(t, http.StatusNoContent, b.raw(http.MethodDelete, "/_sandbox/faults", "").status)
	require.Equal(t, http.StatusOK, b.post("/v1/customers").status)
}
