package activities_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// pagesInTurn charges pages as a run schedules them: each has its slots after those of the one before, and two are in flight.
func (b *pageBench) pagesInTurn(t *testing.T, pages int) {
	t.Helper()
	var slots sync.WaitGroup
	flight := make(chan struct{}, 2)
	t0 := time.Now()
	for n := range pages {
		flight <- struct{}{}
		in := b.in
		in.Number, in.T0 = n, t0
		t0 = t0.Add(time.Duration(float64(in.Rows) / in.Rate * float64(time.Second)))
		slots.Go(func() {
			defer func() { <-flight }()
			if res, err := do(t, &run{}, b.runs.ChargePage, in); err != nil || res.Totals.Rows(activities.ChargeSucceeded) != in.Rows {
				t.Errorf("page %d: %v, %v", in.Number, res, err)
			}
		})
	}
	slots.Wait()
}

// requirePace: the mean over a minute is 97 to 100 % of the rate, and no second holds more than the rate and a tenth of it, 2 at
// least.
func requirePace(t *testing.T, sentAt []time.Time, rate float64) {
	t.Helper()
	first, mostInASecond, inAMinute := sentAt[0], 0, 0
	for i, at := range sentAt {
		if at.Sub(first) < time.Minute {
			inAMinute++
		}
		n := 0
		for _, other := range sentAt[i:] {
			if other.Sub(at) >= time.Second {
				break
			}
			n++
		}
		mostInASecond = max(mostInASecond, n)
	}
	require.GreaterOrEqual(t, inAMinute, int(0.97*rate*60))
	require.LessOrEqual(t, inAMinute, int(rate*60)+1)
	require.LessOrEqual(t, mostInASecond, int(rate+max(2, rate/10)))
}

// TestPagesKeepTheRunsPace, with answers that take from a tenth of a second to a whole one.
func TestPagesKeepTheRunsPace(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{15, 40, 150} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newPageBench(100)
				b.in.Rate = rate
				b.stripe.answer = func(activities.CreatePaymentIntentRequest, int) (activities.PaymentIntent, error) {
					pass(100*time.Millisecond + rand.N(900*time.Millisecond)/4)
					return activities.PaymentIntent{ID: "pi", Status: activities.PaymentIntentSucceeded}, nil
				}
				b.pagesInTurn(t, int(math.Ceil(rate*62/100)))
				requirePace(t, b.stripe.sentAt, rate)
			})
		})
	}
}

// TestPageThatIsLate does not catch up, be it at its beginning or in the middle.
func TestPageThatIsLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPageBench(100)
		b.in.Rate, b.in.T0 = 20, time.Now().Add(-time.Hour)
		stalled := false
		var mu sync.Mutex
		offset := time.Duration(0)
		b.runs = b.worker(func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(offset)
		})
		b.stripe.answer = func(r activities.CreatePaymentIntentRequest, _ int) (activities.PaymentIntent, error) {
			mu.Lock()
			defer mu.Unlock()
			if r.Metadata[activities.MetadataReference] == "r40" && !stalled {
				stalled, offset = true, 4*time.Second // the process stood still
			}
			return activities.PaymentIntent{ID: "pi", Status: activities.PaymentIntentSucceeded}, nil
		}
		_, err := do(t, &run{}, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		for _, n := range b.perSecond() {
			require.LessOrEqual(t, n, 22)
		}
	})
}

// TestPagesOfARunShareTheirPace: pages that are late together, after an outage of their worker, are not sent on top of each other.
func TestPagesOfARunShareTheirPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPageBench(100)
		b.in.Rate, b.in.T0 = 20, time.Now().Add(-time.Minute)
		var pages sync.WaitGroup
		for range 3 {
			pages.Go(func() {
				if _, err := do(t, &run{}, b.runs.ChargePage, b.in); err != nil {
					t.Error(err)
				}
			})
		}
		pages.Wait()
		for _, n := range b.perSecond() {
			require.LessOrEqual(t, n, 22)
		}
	})
}

// TestPageKnownRowsTakeNoTime: the rows that are left follow each other at the pace, from the page's own time on.
func TestPageKnownRowsTakeNoTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPageBench(100)
		for i := range 99 {
			if i != 50 {
				b.files.known = append(b.files.known, activities.KnownRow{
					Row: 300 + i, ChargeResult: activities.ChargeResult{Outcome: activities.ChargeSucceeded, PaymentIntent: "pi_old"},
				})
			}
		}
		b.in.Known, b.in.Rate, b.in.T0 = len(b.files.known), 1, time.Now()
		began := time.Now()
		_, err := do(t, &run{}, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		require.Equal(t, []string{"r50", "r99"}, b.stripe.sent)
		require.Less(t, time.Since(began), 2*time.Second)
	})
}

// TestPageThatBeginsLateAsks: while a page waited for a worker its run may have been paused or canceled. Then nothing is sent.
func TestPageThatBeginsLateAsks(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		late   time.Duration
		halted bool
		sent   int
	}{
		"in time":                   {late: 9 * time.Second, halted: true, sent: 3},
		"late":                      {late: 11 * time.Second, sent: 3},
		"late, and the run is held": {late: 11 * time.Second, halted: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newPageBench(3)
			b.in.T0 = time.Now().Add(-test.late)
			b.workflows.halted = test.halted
			res, err := do(t, &run{}, b.runs.ChargePage, b.in)
			require.NoError(t, err)
			require.Len(t, b.stripe.sent, test.sent)
			if test.sent > 0 {
				require.Empty(t, res.Stopped)
				return
			}
			require.Equal(t, activities.StoppedHeld, res.Stopped)
			require.False(t, res.Lost)
			b.in.Closing = true
			res, err = do(t, &run{}, b.runs.ChargePage, b.in)
			require.NoError(t, err)
			require.Equal(t, 3, res.Totals.Rows(activities.RowNotCharged))
		})
	}
	b := newPageBench(3)
	b.in.T0, b.workflows.broken = time.Now().Add(-time.Hour), 1
	_, err := do(t, &run{}, b.runs.ChargePage, b.in)
	requireError(t, err, activities.ErrorWorkflowUnavailable, true)
	require.Empty(t, b.stripe.sent)
}
