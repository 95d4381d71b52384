package activities_test

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// TestPageKeepsWhatWasNotSent: a default that was read ahead of its row, which was never sent, is kept as that, and not as a send: a
// day later the row is charged, and not handed over as one of which nobody knows.
func TestPageKeepsWhatWasNotSent(t *testing.T) {
	t.Parallel()
	withoutMethods := func(rows int) *pageBench {
		b := newPageBench(rows)
		for i := range b.files.rows {
			b.files.rows[i].PaymentMethod = ""
		}
		b.in.Rate = 1
		return b
	}
	aDayLater := func(t *testing.T, b *pageBench, r *run) {
		t.Helper()
		pass(30 * time.Hour)
		b.stripe.answer = nil
		b.in.LookedBackAt, b.in.T0 = time.Now(), time.Now()
		res, err := do(t, r, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		require.Equal(t, len(b.files.rows), res.Totals.Rows(activities.ChargeSucceeded))
		require.Empty(t, b.workflows.started)
		b.requireOnce(t)
	}
	t.Run("in the checkpoint of a stopped page", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := withoutMethods(3)
			b.in.T0 = time.Now().Add(3 * time.Second)
			b.stripe.answer = answers(activities.StripeUnauthorized, "", "")
			res, err := do(t, &run{}, b.runs.ChargePage, b.in)
			require.NoError(t, err)
			require.Equal(t, activities.StoppedUnauthorized, res.Stopped)
			require.Equal(t, []string{"r0"}, b.stripe.sent)
			require.Contains(t, string(b.files.checkpoint), `{"row":1,"payment_method":"pm_default"}`)
			require.NotContains(t, string(b.files.checkpoint), "sent_at")
			aDayLater(t, b, &run{})
		})
	})
	t.Run("in the last heartbeat of one that ran out of time", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := withoutMethods(3)
			began := time.Now()
			b.in.T0 = began.Add(1900 * time.Millisecond)
			r := &run{deadline: 7 * time.Second} // the last two seconds are for what is under way
			_, err := do(t, r, b.runs.ChargePage, b.in)
			requireError(t, err, activities.ErrorPageInterrupted, true)
			require.Equal(t, []string{"r0"}, b.stripe.sent)
			require.Contains(t, r.beats[len(r.beats)-1], `{"row":1,"payment_method":"pm_default"}`)
			aDayLater(t, b, &run{attempt: 2, scheduled: began, details: r.last()})
		})
	})
}

// TestPageClosesWhatWasReadAhead: a crash leaves the heartbeat with the defaults that were read ahead. Nobody knows whether those rows
// were sent: when the next run of the page has stopped and the billing run is canceled, they are not charged, and not handed over.
func TestPageClosesWhatWasReadAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPageBench(3)
		for i := range b.files.rows {
			b.files.rows[i].PaymentMethod = ""
		}
		b.in.Rate, b.in.T0 = 1, time.Now().Add(3*time.Second)
		ctx, kill := context.WithCancel(t.Context())
		defer kill()
		b.stripe.answer = func(q activities.CreatePaymentIntentRequest, _ int) (activities.PaymentIntent, error) {
			kill()
			return activities.PaymentIntent{
				ID: "pi_r0", Status: activities.PaymentIntentSucceeded, Amount: 100, Currency: "usd", Customer: "cus_0", PaymentMethod: q.PaymentMethod,
			}, nil
		}
		killed := &run{within: ctx}
		began := time.Now()
		_, err := do(t, killed, b.runs.ChargePage, b.in)
		require.Error(t, err)
		require.Contains(t, killed.firstBeat(), `{"row":1,"payment_method":"pm_default","first_sent_at":`)

		b.stripe.answer = answers(activities.StripeUnauthorized, "", "")
		res, err := do(t, &run{attempt: 2, scheduled: began, details: json.RawMessage(killed.firstBeat())}, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		require.Equal(t, activities.StoppedUnauthorized, res.Stopped)
		require.Equal(t, []string{"r0", "r0"}, b.stripe.sent)

		b.in.Closing = true
		b.stripe.found = map[string][]activities.PaymentIntent{"r0": {{
			ID: "pi_r0", Status: activities.PaymentIntentSucceeded, Amount: 100, Currency: "usd", Customer: "cus_0",
		}}}
		for _, stopped := range []string{activities.StoppedUnsettled, ""} {
			res, err = do(t, &run{}, b.runs.ChargePage, b.in)
			require.NoError(t, err)
			require.Equal(t, stopped, res.Stopped)
			require.Empty(t, b.workflows.started)
			pass(11 * time.Minute)
		}
		require.Equal(t, map[string]activities.ChargeOutcome{
			"r0": activities.ChargeSucceeded, "r1": activities.RowNotCharged, "r2": activities.RowNotCharged,
		}, b.outcomes())
	})
}

// TestPageSendsNothingAfterItsStop: a row that was still reading its customer's default when the page ended is not sent any more, since
// the checkpoint says that it was not.
func TestPageSendsNothingAfterItsStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPageBench(2)
		b.files.rows[1].PaymentMethod = ""
		var reads atomic.Int32
		b.stripe.customer = func(id string) (activities.Customer, error) {
			if reads.Add(1) == 1 {
				return activities.Customer{}, fail(activities.StripeUnknown) // the row asks by itself then
			}
			pass(20 * time.Second)
			return activities.Customer{ID: id, DefaultPaymentMethod: "pm_default"}, nil
		}
		b.stripe.answer = func(activities.CreatePaymentIntentRequest, int) (activities.PaymentIntent, error) {
			pass(time.Second)
			return activities.PaymentIntent{}, fail(activities.StripeUnauthorized)
		}
		res, err := do(t, &run{deadline: 7 * time.Second}, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		require.Equal(t, activities.StoppedUnauthorized, res.Stopped)
		require.NotContains(t, string(b.files.checkpoint), `"row":1`)
		pass(time.Minute)
		synctest.Wait()
		require.Equal(t, int32(2), reads.Load())
		require.Equal(t, []string{"r0"}, b.stripe.sent)
	})
}

// TestPageStoppedAndSuperseded: the run that was taken away writes no checkpoint either.
func TestPageStoppedAndSuperseded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newPageBench(3)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		b.stripe.answer = func(activities.CreatePaymentIntentRequest, int) (activities.PaymentIntent, error) {
			cancel()
			pass(time.Second)
			return activities.PaymentIntent{}, fail(activities.StripeUnauthorized)
		}
		_, err := do(t, &run{within: ctx}, b.runs.ChargePage, b.in)
		require.Error(t, err)
		require.Nil(t, b.files.checkpoint)
		require.Nil(t, b.files.results)
	})
}

// TestPageProgressIsLost: a crash, and then a file that has changed, end the page's activity, and with it what its heartbeats told.
// The page says so, and what may have been sent is looked for, and never taken for not sent.
func TestPageProgressIsLost(t *testing.T) {
	t.Parallel()
	b := newPageBench(4)
	b.clock(now)
	b.files.changed = true
	res, err := do(t, &run{}, b.runs.ChargePage, b.in)
	require.NoError(t, err)
	require.Equal(t, activities.ChargePageResult{Totals: res.Totals, Stopped: activities.StoppedChanged}, res, "nothing was sent")
	res, err = do(t, &run{attempt: 2, scheduled: now}, b.runs.ChargePage, b.in)
	require.NoError(t, err)
	require.Equal(t, activities.ChargePageResult{Totals: res.Totals, Stopped: activities.StoppedChanged, Lost: true}, res)

	// The run was canceled meanwhile.
	b.files.changed = false
	b.in.Closing, b.in.LostSince = true, now.Add(-time.Hour)
	b.stripe.found = map[string][]activities.PaymentIntent{"r0": {{
		ID: "pi_r0", Status: activities.PaymentIntentSucceeded, Amount: 100, Currency: "usd", Customer: "cus_0",
	}}}
	b.workflows.there["r1"] = activities.OwnedWorkflow{
		State: "retry_scheduled", Owner: "billing-run:july", Customer: "cus_1", Amount: 101, Currency: "usd",
		FirstAttempt: &activities.ChargeResult{Outcome: activities.ChargeDeclined},
	}
	res, err = do(t, &run{}, b.runs.ChargePage, b.in)
	require.NoError(t, err)
	require.Equal(t, activities.StoppedUnsettled, res.Stopped, "Stripe may still be at it")
	require.Equal(t, map[string]activities.ChargeOutcome{
		"r0": activities.ChargeSucceeded, "r1": activities.ChargeDeclined, "r2": activities.ChargeUnknown, "r3": activities.ChargeUnknown,
	}, b.outcomes())
	require.Empty(t, b.stripe.sent)
	require.Empty(t, b.workflows.started, "whoever cancels a run does not want rows charged that never went")

	b.clock(now.Add(11 * time.Minute))
	b.in.LostSince = time.Time{} // a checkpoint tells now
	b.stripe.found["r3"] = []activities.PaymentIntent{{
		ID: "pi_r3", Status: activities.PaymentIntentSucceeded, Amount: 103, Currency: "usd", Customer: "cus_3",
	}}
	res, err = do(t, &run{}, b.runs.ChargePage, b.in)
	require.NoError(t, err)
	require.Empty(t, res.Stopped)
	require.Equal(t, map[string]activities.ChargeOutcome{
		"r0": activities.ChargeSucceeded, "r1": activities.ChargeDeclined, "r2": activities.RowNotCharged, "r3": activities.ChargeSucceeded,
	}, b.outcomes())
	require.Empty(t, b.stripe.sent)
	require.Empty(t, b.workflows.started)
	require.Nil(t, b.files.checkpoint)
}

// TestPageGoesOnAfterLostProgress: every row of it may have been sent; those under a key that is trusted are sent again, the others are
// looked up by their CollectPayment.
func TestPageGoesOnAfterLostProgress(t *testing.T) {
	t.Parallel()
	for since, outcome := range map[time.Duration]activities.ChargeOutcome{
		time.Hour: activities.ChargeSucceeded, activities.KeyTrust: activities.ChargeUnknown,
	} {
		b := newPageBench(2)
		b.clock(now)
		b.in.LostSince = now.Add(-since)
		b.workflows.there["r0"] = activities.OwnedWorkflow{
			State: "processing", Owner: "billing-run:july", Customer: "cus_0", Amount: 100, Currency: "usd",
			FirstAttempt: &activities.ChargeResult{Outcome: activities.ChargeProcessing, PaymentIntent: "pi_r0"},
		}
		res, err := do(t, &run{}, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		require.Equal(t, map[string]activities.ChargeOutcome{"r0": activities.ChargeProcessing, "r1": outcome}, b.outcomes())
		require.NotContains(t, b.stripe.sent, "r0", "it was handed over")
		require.Equal(t, 2, res.Totals.All())
		if outcome == activities.ChargeUnknown {
			require.Empty(t, b.stripe.sent)
			require.Equal(t, b.in.LostSince, b.workflows.started["r1"].Result.FirstSentAt)
		}
	}
}

// TestPageActivityReset: an operator can let Temporal count an activity's attempts from 1 again. Its heartbeat says that there was one.
func TestPageActivityReset(t *testing.T) {
	t.Parallel()
	b := newPageBench(2)
	b.clock(now)
	details := json.RawMessage(`{"rows":[{"row":0,"outcome":"succeeded","payment_intent":"pi_r0"}]}`)
	_, err := do(t, &run{attempt: 1, scheduled: now.Add(-21 * time.Hour), details: details}, b.runs.ChargePage, b.in)
	require.NoError(t, err)
	require.Equal(t, activities.ChargeUnknown, b.outcomes()["r1"])
	require.Empty(t, b.stripe.sent)
}

// TestPageClosingCountsFromTheLastSend: Stripe may still be executing a request that was repeated a minute ago, however long ago the
// first one was.
func TestPageClosingCountsFromTheLastSend(t *testing.T) {
	t.Parallel()
	for last, want := range map[time.Duration]activities.ChargeOutcome{
		time.Minute: activities.ChargeUnknown, 11 * time.Minute: activities.RowNotCharged,
	} {
		b := newPageBench(1)
		b.clock(now)
		b.in.Closing = true
		b.files.checkpoint = []byte(`{"row":0,"first_sent_at":"` + now.Add(-time.Hour).Format(time.RFC3339) +
			`","last_sent_at":"` + now.Add(-last).Format(time.RFC3339) + `"}`)
		_, err := do(t, &run{}, b.runs.ChargePage, b.in)
		require.NoError(t, err)
		require.Equal(t, want, b.outcomes()["r0"])
	}
}
