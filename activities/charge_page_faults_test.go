package activities_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// TestPageRepeatsFaults: with the same key, for two minutes per row, and only the rows that are concerned.
func TestPageRepeatsFaults(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]activities.StripeErrorKind{"lost answers and 5xx": activities.StripeUnknown, "409": activities.StripeKeyInUse} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newPageBench(10)
				b.stripe.answer = func(r activities.CreatePaymentIntentRequest, try int) (activities.PaymentIntent, error) {
					reference := r.Metadata[activities.MetadataReference]
					require.Equal(t, "payment:"+reference+":charge:1", r.IdempotencyKey)
					if reference == "r7" || reference == "r3" && try < 4 {
						return activities.PaymentIntent{}, fail(kind)
					}
					return activities.PaymentIntent{ID: "pi_" + reference, Status: activities.PaymentIntentSucceeded}, nil
				}
				began := time.Now()
				res, err := do(t, &run{}, b.runs.ChargePage, b.in)
				require.NoError(t, err)
				require.Equal(t, 9, res.Totals.Rows(activities.ChargeSucceeded))
				require.Equal(t, []string{"r7"}, b.workflows.references())
				handed := b.workflows.started["r7"]
				require.Equal(t, activities.ChargeUnknown, handed.Result.Outcome)
				require.WithinDuration(t, began, handed.Result.FirstSentAt, time.Second)
				require.InDelta(t, 2*time.Minute, time.Since(began), float64(21*time.Second))
				require.Equal(t, 4, b.stripe.tries["r3"])
				require.Greater(t, b.stripe.tries["r7"], 8)
				require.Less(t, b.stripe.tries["r7"], 30)
				for _, r := range []string{"r0", "r9"} {
					require.Equal(t, 1, b.stripe.tries[r])
				}
			})
		})
	}
}

// TestPageFaultsBeforeTheSend: when Stripe does not even say what the customer's default is, nothing was sent, and the CollectPayment
// must not believe that something was.
func TestPageFaultsBeforeTheSend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPageBench(1)
		b.files.rows[0].PaymentMethod = ""
		b.stripe.customer = func(string) (activities.Customer, error) {
			return activities.Customer{}, fail(activities.StripeUnknown)
		}
		_, err := do(t, &run{}, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		require.Equal(t, activities.ChargeResult{Outcome: activities.ChargeUnknown}, b.workflows.started["r0"].Result)
	})
}

// TestPageSlowsDownAfter429: the row is sent again, never unknown, however long it takes; the others wait, and then go slower.
func TestPageSlowsDownAfter429(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPageBench(100)
		b.in.Rate, b.in.T0 = 20, time.Now()
		until := time.Now().Add(150 * time.Second)
		b.stripe.answer = func(activities.CreatePaymentIntentRequest, int) (activities.PaymentIntent, error) {
			if time.Now().Before(until) {
				return activities.PaymentIntent{}, fail(activities.StripeRateLimited)
			}
			return activities.PaymentIntent{ID: "pi", Status: activities.PaymentIntentSucceeded}, nil
		}
		res, err := do(t, &run{}, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		require.Equal(t, 100, res.Totals.Rows(activities.ChargeSucceeded))
		require.Positive(t, res.RateLimited)
		limited := slices.IndexFunc(b.stripe.sentAt, func(at time.Time) bool { return !at.Before(until) })
		require.Equal(t, limited, res.RateLimited)
		require.Less(t, limited, 100, "the page asks less and less")
		for second := range b.perSecond() {
			require.LessOrEqual(t, b.perSecond()[second], 22)
		}
	})
}

// TestPageLockTimeout: a customer that is locked by another request is no reason to slow the others down.
func TestPageLockTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPageBench(40)
		b.in.Rate = 20
		b.stripe.answer = func(r activities.CreatePaymentIntentRequest, try int) (activities.PaymentIntent, error) {
			if r.Metadata[activities.MetadataReference] == "r3" && try < 3 {
				return activities.PaymentIntent{}, &activities.StripeError{Kind: activities.StripeRateLimited, Codes: activities.Codes{Code: "lock_timeout"}}
			}
			return activities.PaymentIntent{ID: "pi", Status: activities.PaymentIntentSucceeded}, nil
		}
		began := time.Now()
		res, err := do(t, &run{}, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		require.Zero(t, res.RateLimited, "it says nothing about the pace")
		require.Less(t, time.Since(began), 5*time.Second)
	})
}

// perSecond counts the sends of each second since the first.
func (b *pageBench) perSecond() []int {
	b.stripe.mu.Lock()
	defer b.stripe.mu.Unlock()
	var counts []int
	for _, at := range b.stripe.sentAt {
		second := int(at.Sub(b.stripe.sentAt[0]) / time.Second)
		for len(counts) <= second {
			counts = append(counts, 0)
		}
		counts[second]++
	}
	return counts
}

// TestPageStopsWhenUnauthorized: at once, with the rows that are done in a checkpoint. The same page again goes on there, and sends
// what Stripe did not look at as if it never had been.
func TestPageStopsWhenUnauthorized(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPageBench(100)
		b.in.Rate = 20
		authorized := false
		b.stripe.answer = func(r activities.CreatePaymentIntentRequest, _ int) (activities.PaymentIntent, error) {
			b.stripe.mu.Lock()
			defer b.stripe.mu.Unlock()
			if len(b.stripe.sent) > 30 && !authorized {
				return activities.PaymentIntent{}, fail(activities.StripeUnauthorized)
			}
			return activities.PaymentIntent{ID: "pi_" + r.Metadata[activities.MetadataReference], Status: activities.PaymentIntentSucceeded}, nil
		}
		res, err := do(t, &run{}, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		require.Equal(t, activities.StoppedUnauthorized, res.Stopped)
		require.Equal(t, 30, res.Totals.Rows(activities.ChargeSucceeded))
		require.Len(t, b.stripe.sent, 31)
		require.NotContains(t, string(b.files.checkpoint), "first_sent_at", "nothing is in flight")
		require.Equal(t, activities.ChargeSucceeded, b.files.results[29].Outcome, "should the run end now")
		require.Equal(t, activities.RowNotCharged, b.files.results[30].Outcome)

		pass(30 * time.Hour)
		authorized = true
		b.in.LookedBackAt, b.in.T0 = time.Now(), time.Now()
		res, err = do(t, &run{}, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		require.Empty(t, res.Stopped)
		require.Equal(t, 100, res.Totals.Rows(activities.ChargeSucceeded))
		require.Len(t, b.stripe.sent, 101)
		require.Empty(t, b.files.checkpoint)
		b.requireOnce(t)
	})
}

// requireOnce: every row was taken once at most, and the results say which.
func (b *pageBench) requireOnce(t *testing.T) {
	t.Helper()
	for i, row := range b.files.results {
		require.LessOrEqual(t, b.stripe.taken[row.Reference], 1)
		require.Equal(t, b.files.rows[i], row.RunRow)
	}
}

// TestPageStopsWhenRowsFailAlike: twenty in a row, for one reason that is no decline. After a resumption they do not count again.
func TestPageStopsWhenRowsFailAlike(t *testing.T) {
	t.Parallel()
	refused := answers(activities.StripeRefused, "amount", "amount_too_small")
	for name, test := range map[string]struct {
		answer  answerFunc
		stopped bool
		first   *activities.FailureStreak
		last    *activities.FailureStreak
	}{
		"refused": {answer: refused, stopped: true},
		"declined": {answer: func(r activities.CreatePaymentIntentRequest, _ int) (activities.PaymentIntent, error) {
			return declined(r, activities.Codes{Code: "card_declined"})
		}},
		"processing": {answer: status(activities.PaymentIntentProcessing)},
		"every tenth succeeds": {
			answer: func(r activities.CreatePaymentIntentRequest, n int) (activities.PaymentIntent, error) {
				if r.Amount%10 == 9 {
					return activities.PaymentIntent{ID: "pi", Status: activities.PaymentIntentSucceeded}, nil
				}
				return refused(r, n)
			},
			first: &activities.FailureStreak{Code: "amount_too_small", Rows: 9},
		},
		"two reasons in turn": {
			answer: func(r activities.CreatePaymentIntentRequest, n int) (activities.PaymentIntent, error) {
				if r.Amount/15%2 == 0 {
					return answers(activities.StripeInvalid, "", "other")(r, n)
				}
				return refused(r, n)
			},
			first: &activities.FailureStreak{Code: "other", Rows: 5}, last: &activities.FailureStreak{Code: "amount_too_small", Rows: 5},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newPageBench(100)
				b.in.Rate = 50
				b.stripe.answer = test.answer
				res, err := do(t, &run{}, b.runs.ChargePage, b.in)
				require.NoError(t, err)
				if !test.stopped {
					require.Empty(t, res.Stopped)
					require.Equal(t, test.first, res.First)
					require.Equal(t, test.last, res.Last)
					return
				}
				require.Equal(t, activities.StoppedAlike, res.Stopped)
				require.Equal(t, "amount_too_small", res.StoppedCode)
				require.Len(t, b.stripe.sent, 20)
				require.Len(t, b.workflows.references(), 20, "what is done is handed over")

				res, err = do(t, &run{}, b.runs.ChargePage, b.in)
				require.NoError(t, err)
				require.Equal(t, activities.StoppedAlike, res.Stopped)
				require.Len(t, b.stripe.sent, 40, "twenty more, not one")

				b.stripe.answer = nil
				res, err = do(t, &run{}, b.runs.ChargePage, b.in)
				require.NoError(t, err)
				require.Empty(t, res.Stopped)
				require.Equal(t, 60, res.Totals.Rows(activities.ChargeSucceeded))
				require.Equal(t, 40, res.Totals.Rows(activities.ChargeRefused))
				require.Nil(t, res.First)
				require.Nil(t, res.Last)
			})
		})
	}
	t.Run("a whole page", func(t *testing.T) {
		t.Parallel()
		b := newPageBench(19)
		b.stripe.answer = refused
		res, err := do(t, &run{}, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		whole := &activities.FailureStreak{Code: "amount_too_small", Rows: 19, Whole: true}
		require.Equal(t, whole, res.First)
		require.Equal(t, whole, res.Last)
	})
}

// TestPageStopsWhenItsFilesChanged: nothing is sent.
func TestPageStopsWhenItsFilesChanged(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(b *pageBench){
		"checksum":   func(b *pageBench) { b.files.changed = true },
		"fewer rows": func(b *pageBench) { b.files.rows = b.files.rows[:9] },
		"another page's known rows": func(b *pageBench) {
			b.in.Known = 1
			b.files.known = []activities.KnownRow{{Row: 7, ChargeResult: activities.ChargeResult{Outcome: activities.ChargeSucceeded}}}
		},
	} {
		b := newPageBench(10)
		change(b)
		res, err := do(t, &run{}, b.runs.ChargePage, b.in)
		require.NoError(t, err, name)
		require.Equal(t, activities.StoppedChanged, res.Stopped, name)
		require.Empty(t, b.stripe.sent)
	}
}

// TestPageRowsOfACustomer go one after the other, others side by side.
func TestPageRowsOfACustomer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPageBench(60)
		for i := range b.files.rows {
			if i%3 == 0 {
				b.files.rows[i].Customer = "cus_0"
			}
		}
		var mu sync.Mutex
		under, most := map[string]int{}, 0
		b.stripe.answer = func(r activities.CreatePaymentIntentRequest, _ int) (activities.PaymentIntent, error) {
			mu.Lock()
			under[r.Customer]++
			if under[r.Customer] > 1 {
				t.Errorf("two rows of %s at once", r.Customer)
			}
			n := 0
			for _, u := range under {
				n += u
			}
			most = max(most, n)
			mu.Unlock()
			pass(time.Second)
			mu.Lock()
			under[r.Customer]--
			mu.Unlock()
			return activities.PaymentIntent{ID: "pi", Status: activities.PaymentIntentSucceeded}, nil
		}
		began := time.Now()
		_, err := do(t, &run{}, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		require.Equal(t, 41, most, "the forty others, and one of the customer's")
		require.InDelta(t, 20*time.Second, time.Since(began), float64(time.Second))
		var order []string
		for _, r := range b.stripe.sent {
			if i := slices.IndexFunc(b.files.rows, func(row activities.RunRow) bool { return row.Reference == r }); b.files.rows[i].Customer == "cus_0" {
				order = append(order, r)
			}
		}
		require.Len(t, order, 20)
		require.True(t, slices.IsSortedFunc(order, func(a, b string) int { return len(a) - len(b) }))
	})
}

// TestPageDiskFull: results that cannot be written are written by the next run, which sends nothing again.
func TestPageDiskFull(t *testing.T) {
	t.Parallel()
	b := newPageBench(50)
	b.stripe.answer = func(r activities.CreatePaymentIntentRequest, _ int) (activities.PaymentIntent, error) {
		if r.Amount%2 == 0 {
			return declined(r, activities.Codes{Code: "card_declined"})
		}
		return activities.PaymentIntent{ID: "pi_" + r.Metadata[activities.MetadataReference], Status: activities.PaymentIntentSucceeded}, nil
	}
	b.files.broken = []error{errors.New("no space left on device"), errors.New("no space left on device")}
	r := &run{}
	for attempt := int32(1); attempt <= 2; attempt++ {
		_, err := do(t, r, b.runs.ChargePage, b.in)
		requireError(t, err, activities.ErrorRunFiles, true)
		require.NotContains(t, err.Error(), "space", "what a file system says stays in the log")
		r = &run{attempt: attempt + 1, scheduled: time.Now(), details: r.last()}
	}
	res, err := do(t, r, b.runs.ChargePage, b.in)
	require.NoError(t, err)
	require.Len(t, b.stripe.sent, 50)
	require.Equal(t, 25, res.Totals.Rows(activities.ChargeSucceeded))
	require.Len(t, b.workflows.references(), 25)
	require.Len(t, b.files.results, 50)
	for _, row := range b.files.results {
		require.Equal(t, row.Amount%2 == 0, row.HandedOver)
		require.NotEmpty(t, row.PaymentIntent)
	}
}
