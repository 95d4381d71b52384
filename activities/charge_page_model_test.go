package activities_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/offsession/offsession/activities"
)

// TestPageConserves: whatever Stripe answers, whenever a run of the page ends and whatever it left behind, every reference is taken
// once at most, each row that was not paid is handed over once, and totals and results add up to the page.
func TestPageConserves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		rows := rapid.IntRange(1, 40).Draw(rt, "rows")
		customers := rapid.IntRange(1, rows).Draw(rt, "customers")
		seed := rapid.Uint64().Draw(rt, "seed")
		crashes := rapid.SliceOfN(rapid.IntRange(0, 9000), 0, 4).Draw(rt, "crashes")
		lose := rapid.SliceOfN(rapid.Bool(), len(crashes), len(crashes)).Draw(rt, "lose")
		noMethod := rapid.SliceOfN(rapid.Bool(), rows, rows).Draw(rt, "no method")
		kinds := rapid.SliceOfN(rapid.IntRange(0, 9), rows, rows).Draw(rt, "kinds")
		synctest.Test(t, func(t *testing.T) {
			b := newPageBench(rows)
			b.in.Rate = 10
			kind := map[string]int{}
			for i := range b.files.rows {
				r := &b.files.rows[i]
				r.Customer = fmt.Sprintf("cus_%d", i%customers)
				kind[r.Reference] = kinds[i]
				if noMethod[i] {
					r.PaymentMethod = ""
				}
				if i%3 == 2 {
					r.Currency = "eur"
				}
			}
			b.stripe.answer = faulty(rand.New(rand.NewPCG(seed, 1)), kind, b.stripe)
			r := &run{}
			for i, after := range crashes {
				ctx, crash := context.WithCancel(t.Context())
				time.AfterFunc(time.Duration(after)*time.Millisecond, crash)
				r.within = ctx //nolint:fatcontext // each run has its own
				scheduled := time.Now()
				if _, err := do(t, r, b.runs.ChargePage, b.in); err == nil {
					break
				}
				next := &run{attempt: int32(i) + 2, scheduled: scheduled, details: r.details}
				if last := r.last(); last != nil && !lose[i] {
					next.details = last
				}
				b.files.checkpoint = nil // a crash leaves none
				r = next
			}
			r.within = nil
			res, err := do(t, r, b.runs.ChargePage, b.in)
			require.NoError(t, err)
			b.requireConserved(t, res)
		})
	})
}

// faulty is a Stripe that keeps its keys and loses answers.
func faulty(random *rand.Rand, kind map[string]int, s *pageStripe) answerFunc {
	var mu sync.Mutex
	chance := func(percent int) bool {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(100) < percent
	}
	kept := s.keeping(func(r activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error) {
		reference := r.Metadata[activities.MetadataReference]
		pass(50 * time.Millisecond)
		pi := activities.PaymentIntent{ID: "pi_" + reference, Status: activities.PaymentIntentSucceeded}
		switch kind[reference] {
		case 7:
			return declined(r, activities.Codes{Code: "card_declined"})
		case 8:
			pi.Status = activities.PaymentIntentProcessing
			return pi, nil
		case 9:
			return activities.PaymentIntent{}, &activities.StripeError{Kind: activities.StripeRefused, Codes: activities.Codes{Code: "amount_too_small"}}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.taken["money of "+reference]++
		return pi, nil
	})
	return func(r activities.CreatePaymentIntentRequest, try int) (activities.PaymentIntent, error) {
		switch {
		case chance(3):
			return activities.PaymentIntent{}, fail(activities.StripeRateLimited)
		case chance(5):
			return activities.PaymentIntent{}, fail(activities.StripeUnknown) // it never arrived
		}
		pi, err := kept(r, try)
		if chance(10) {
			return activities.PaymentIntent{}, fail(activities.StripeUnknown) // it was carried out
		}
		return pi, err
	}
}

func (b *pageBench) requireConserved(t *testing.T, res activities.ChargePageResult) {
	t.Helper()
	require.Empty(t, res.Stopped)
	totals := activities.RunTotals{}
	require.Len(t, b.files.results, len(b.files.rows))
	for i, row := range b.files.results {
		require.Equal(t, b.files.rows[i], row.RunRow)
		totals.Add(row.Outcome, row.Currency, activities.RunTotal{Rows: 1, Amount: row.Amount})
		money := b.stripe.taken["money of "+row.Reference]
		require.LessOrEqual(t, money, 1, row.Reference)
		_, collecting := b.workflows.started[row.Reference]
		require.Equal(t, collecting, row.HandedOver, row.Reference)
		require.Equal(t, row.Outcome != activities.ChargeSucceeded, row.HandedOver, row.Reference)
		if row.Outcome == activities.ChargeSucceeded {
			require.Equal(t, 1, money, row.Reference)
		}
		if row.Outcome == activities.ChargeDeclined || row.Outcome == activities.ChargeRefused {
			require.Zero(t, money, row.Reference)
		}
	}
	require.Equal(t, totals, res.Totals)
}
