//go:build long

package stripegateway_test

import (
	"iter"
	"net/url"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// TestLookBackOfAMillionRows: 10,000 PaymentIntents, of which every second has the reference of one of 1,000,000 rows, are found
// in 40 MB beyond what the sandbox holds.
func TestLookBackOfAMillionRows(t *testing.T) {
	const rows, payments, senders = 1_000_000, 10_000, 8
	l := newLedger(t)
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			for n := sender; n < payments; n += senders {
				reference := "inv-" + strconv.Itoa(n*10)
				if n%2 == 1 {
					reference = "other-" + strconv.Itoa(n)
				}
				l.creates(reference, url.Values{})
			}
		})
	}
	wg.Wait()
	all := func() iter.Seq2[activities.RunRow, error] {
		return func(yield func(activities.RunRow, error) bool) {
			for n := range rows {
				row := activities.RunRow{Line: n + 2, Reference: "inv-" + strconv.Itoa(n), Customer: l.customer, Amount: 1099, Currency: "usd"}
				if !yield(row, nil) {
					return
				}
			}
		}
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before, most, calls := heap(), uint64(0), 0
	start, found := time.Now(), 0
	back, err := activities.LookBack(t.Context(), l, activities.LookBackRequest{
		Rows: all(), Since: time.Now().Add(-24 * time.Hour),
		Progress: func(int) {
			if calls++; calls%100 == 0 {
				most = max(most, heap())
			}
		},
		Found: func(activities.KnownRow) error {
			found++
			return nil
		},
	})
	require.NoError(t, err)
	t.Logf("%d PaymentIntents against %d rows in %v, %d KB of heap", back.Seen, rows, time.Since(start), (most-min(most, before))/1024)
	require.Equal(t, payments, back.Seen)
	require.Equal(t, payments/2, found)
	require.Less(t, most, before+40<<20)
}
