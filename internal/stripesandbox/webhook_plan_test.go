package stripesandbox

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWebhookTriesGrowApartAndEndAfterThreeDays(t *testing.T) {
	t.Parallel()
	start := time.Unix(1_800_000_000, 0)
	item := &delivery{due: start, first: start}
	var waits []time.Duration
	for range 1000 {
		wait, again := item.retry(item.due, time.Second)
		if !again {
			break
		}
		waits = append(waits, wait)
	}
	require.Equal(t, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}, waits[:4])
	require.Equal(t, time.Hour, waits[12], "4096 s is more than an hour")
	require.Len(t, waits, 12+70, "4095 s in twelve gaps, then an hour each")
	last := item.due.Add(-time.Hour).Sub(start)
	require.Less(t, last, 72*time.Hour)
	require.GreaterOrEqual(t, last, 71*time.Hour)
}

func TestWebhookModesByChanceAreRepeatable(t *testing.T) {
	t.Parallel()
	run := func(b WebhookBehaviour) (plans [][]time.Duration) {
		at := newBehaviour(b)
		for range 100 {
			at.plan("charge.failed") // draws nothing: the types leave it out
			waits, held := at.plan("customer.created")
			require.Equal(t, b.Mode == WebhooksStale && waits[0] > 0, held)
			plans = append(plans, waits)
		}
		return plans
	}
	types := []string{"customer.created"}
	for _, b := range []WebhookBehaviour{
		{Mode: WebhooksLost, Probability: 0.5, Types: types},
		{Mode: WebhooksDuplicated, Probability: 0.5, Types: types},
		{Mode: WebhooksDelayed, DelayMS: 5, Probability: 0.5, Types: types},
		{Mode: WebhooksStale, DelayMS: 5, Probability: 0.5, Types: types},
		{Mode: WebhooksShuffled, WindowMS: 1000, Types: types},
	} {
		first := run(b)
		require.Equal(t, first, run(b), "%s", b.Mode)
		b.Seed = 1
		require.NotEqual(t, first, run(b), "%s", b.Mode)
	}
}
