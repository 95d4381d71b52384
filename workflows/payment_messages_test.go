package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestMessagesNeverHoldUpAPayment: with every channel down, the same things happen at the same times, and what could not
// be delivered within a day is recorded.
func TestMessagesNeverHoldUpAPayment(t *testing.T) {
	t.Parallel()
	run := func(fail error) *bench {
		b := newBench(t)
		b.stripe.script = []answer{declinedWith("do_not_honor"), declinedWith("do_not_honor"), declinedWith("do_not_honor")}
		b.stripe.notifyFail = fail
		b.at(20*day, func() { b.open() })
		b.at(20*day+time.Minute, func() { b.stripe.pay("inv-1", activities.PaymentIntentSucceeded) })
		b.expect(20*day+10*time.Minute, workflows.PaymentPaid, "")
		b.collect(paymentInput())
		return b
	}
	well, down := run(nil), run(errors.New("connection refused"))
	require.Equal(t, well.stripe.sends, down.stripe.sends)
	require.Equal(t, well.stripe.opened, down.stripe.opened)
	require.Empty(t, well.payment().Undelivered)
	var ids []string
	for _, n := range well.stripe.deliveries {
		ids = append(ids, n.ID)
	}
	require.ElementsMatch(t, ids, down.payment().Undelivered)
	require.Greater(t, down.stripe.tries, 20*len(ids), "tried for a day")
	require.WithinDuration(t, well.env.Now().Add(day), down.env.Now(), hour, "the last message is waited for, a day at most")

	lost := run(&activities.UndeliverableError{Reason: "no_address"})
	require.ElementsMatch(t, ids, lost.payment().Undelivered)
	require.Equal(t, len(ids), lost.stripe.tries, "what cannot be delivered is not tried again")
}

// TestMessageIDs: stable per workflow, kind and attempt.
func TestMessageIDs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{declinedWith("do_not_honor"), declinedWith("do_not_honor"), declinedWith("do_not_honor")}
	in := paymentInput()
	in.Events = workflows.EventsAll
	require.Equal(t, workflows.PaymentUncollectible, b.collect(in).State)
	var ids []string
	for _, n := range b.stripe.deliveries {
		ids = append(ids, n.ID)
		require.Equal(t, "payment:inv-1", n.WorkflowID)
		require.Equal(t, int64(1099), n.Amount)
		require.True(t, n.LinkExpires.IsZero() || n.LinkExpires.After(n.At.Add(30*day)), "a link outlives the customer's time")
	}
	require.Equal(t, []string{
		"payment:inv-1:payment_retry_scheduled:1",
		"payment:inv-1:payment_retry_scheduled:2",
		"payment:inv-1:payment_method_needed:3",
		"payment:inv-1:payment_method_needed:3:reminder:1",
		"payment:inv-1:payment_method_needed:3:reminder:2",
		"payment:inv-1:payment_method_needed:3:reminder:3",
		"payment:inv-1:payment_uncollectible:3",
	}, ids)
	require.Equal(t, b.stripe.delivered[2].Add(3*day).Truncate(day), b.stripe.delivered[3].Truncate(day))
}

// TestSuspectedFraudIsNotNamed: whoever reads the message learns nothing from the bank's word.
func TestSuspectedFraudIsNotNamed(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{declinedWith("fraudulent")}
	b.collect(paymentInput())
	for _, n := range b.stripe.deliveries[:4] {
		require.True(t, n.Generic)
		require.Empty(t, n.DeclineCode)
	}
}

// TestLinkExpires: at every moment a link minted now is valid for a month and more.
func TestLinkExpires(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{bankDebit(), failsWith(activities.StripeInvalid)}
	check := func() {
		s := b.payment()
		require.True(t, s.LinkExpires.After(b.env.Now().Add(30*day)), "%s: %s", s.State, s.LinkExpires)
		require.True(t, s.State == workflows.PaymentNeedsAttention || s.State.Ended() || s.NextActionAt.After(b.env.Now()), "%s: %s", s.State, s.NextActionAt)
	}
	b.at(day, check)
	b.at(2*day, func() { b.stripe.bankAnswers(false) })
	b.at(4*day, check)
	b.at(9*day, func() { require.Equal(t, workflows.PaymentNeedsAttention, b.payment().State) })
	b.at(9*day, check)
	b.at(10*day, func() { b.open() })
	b.at(10*day+time.Minute, check)
	b.at(11*day, func() { b.update(cancel, workflows.Operation{}) })
	b.collect(paymentInput())
	require.NotEmpty(t, b.stripe.opened[0].ReturnURL)
}

// TestOperationsAreChecked: every mistake is named, and nothing is written for it.
func TestOperationsAreChecked(t *testing.T) {
	t.Parallel()
	long := string(make([]byte, 201))
	for name, test := range map[string]struct {
		update string
		op     workflows.Operation
		want   string
	}{
		"no reason":            {retry, workflows.Operation{Actor: "ops"}, "reason: \"\" has 0 characters"},
		"long actor":           {cancel, workflows.Operation{Actor: long[:81], Reason: "r"}, "actor: "},
		"long reason":          {cancel, workflows.Operation{Actor: "a", Reason: long}, "reason: "},
		"no due":               {reschedule, workflows.Operation{Actor: "a", Reason: "r"}, "due: missing"},
		"due in 101 years":     {reschedule, workflows.Operation{Actor: "a", Reason: "r", Due: benchStart.Add(101 * 365 * day)}, "due: 2126"},
		"no method":            {changeMethod, workflows.Operation{Actor: "a", Reason: "r"}, "payment_method: \"\" is not the id"},
		"not a method":         {changeMethod, workflows.Operation{Actor: "a", Reason: "r", PaymentMethod: "4242 4242"}, "payment_method: \"4242 4242\""},
		"another's method":     {changeMethod, workflows.Operation{Actor: "a", Reason: "r", PaymentMethod: "pm_alien"}, "belongs to another customer"},
		"a method that is not": {changeMethod, workflows.Operation{Actor: "a", Reason: "r", PaymentMethod: "pm_none"}, "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.stripe.script = []answer{declinedWith("insufficient_funds")}
			var r *reply[workflows.OperationResponse]
			b.at(hour, func() { r = b.update(test.update, test.op) })
			b.expect(hour+time.Minute, workflows.PaymentRetryScheduled, "")
			b.collect(paymentInput())
			require.ErrorContains(t, r.refused(), test.want)
		})
	}
}

// TestRescheduleIntoThePast is now.
func TestRescheduleIntoThePast(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := paymentInput()
	in.Due = b.start.Add(10 * day)
	b.at(hour, func() {
		b.update(reschedule, workflows.Operation{Actor: "a", Reason: "r", Due: time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)})
	})
	b.expect(hour+time.Minute, workflows.PaymentPaid, "")
	b.collect(in)
	require.Equal(t, b.start.Add(hour), b.stripe.sends[0].At.UTC())
}
