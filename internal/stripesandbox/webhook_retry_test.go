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
