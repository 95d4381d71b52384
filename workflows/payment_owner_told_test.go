package workflows_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestOwnerIsTold: once, again when nobody knows whether it heard, for a week when it cannot be reached, and never when it
// is gone.
func TestOwnerIsTold(t *testing.T) {
	t.Parallel()
	unreachable := errors.New("unavailable")
	for name, test := range map[string]struct {
		others func(b *bench, o *fakeWorkflows)
		told   int
		after  time.Duration // at the earliest
		before time.Duration // and at the latest
	}{
		"once": {others: func(*bench, *fakeWorkflows) {}, told: 1, before: time.Second},
		"twice, since the answer was lost": {
			others: func(_ *bench, o *fakeWorkflows) { o.lost = 1 }, told: 2, before: time.Minute,
		},
		"not at all: it has ended": {
			others: func(_ *bench, o *fakeWorkflows) { o.gone[theOwner] = true }, told: 0, before: time.Second,
		},
		"after a day": {
			others: func(b *bench, o *fakeWorkflows) {
				o.failing = unreachable
				b.at(day, func() { o.edit(func() { o.failing = nil }) })
			},
			told: 1, after: day, before: 25 * hour,
		},
		"not within a week": {
			others: func(_ *bench, o *fakeWorkflows) { o.failing = unreachable }, told: 0, after: 6 * day, before: 7*day + hour,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			test.others(b, b.stripe.others)
			b.stripe.script = []answer{approved()}
			in := b.handOver(ownedInput())
			if test.after > time.Hour {
				// It waits for nothing but its owner: whoever asks hears the end.
				b.expect(time.Hour, workflows.PaymentPaid, "")
				b.at(2*time.Hour, func() {
					r := b.update(cancel, workflows.Operation{})
					b.at(2*time.Hour+time.Second, func() { require.Equal(b, "paid", r.value.State) })
				})
			}
			require.Equal(t, workflows.PaymentPaid, b.collect(in).State)
			took := b.env.Now().Sub(b.start)
			require.GreaterOrEqual(t, took, test.after)
			require.LessOrEqual(t, took, test.before)
			require.Len(t, b.stripe.others.ended, test.told)
			for _, told := range b.stripe.others.ended {
				require.Equal(t, activities.PaymentEndedInput{Owner: theOwner, Reference: "inv-1", State: "paid", PaymentIntent: "pi_1"}, told)
			}
			require.Less(t, b.stripe.others.calls, 400, "patiently")
		})
	}
}

// TestNobodyIsToldOfAPaymentWithoutOwner keeps payments that came from no agreement as short as they were.
func TestNobodyIsToldOfAPaymentWithoutOwner(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.collect(paymentInput())
	require.Zero(t, b.stripe.others.calls)
	require.NotContains(t, b.stripe.sends[0].Metadata, activities.MetadataOwner)
}

// TestHandOverIsTakenOverOnce: the run after continue-as-new goes on from the state, not from the owner's attempt.
func TestHandOverIsTakenOverOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{declinedWith("insufficient_funds"), approved()}
	in := b.handOver(ownedInput())
	b.continueAsNew(hour)
	b.at(2*hour, func() {
		require.Equal(b, []activities.ChargeOutcome{activities.ChargeDeclined}, outcomes(b.payment()))
		require.Equal(b, theOwner, b.payment().Owner)
	})
	require.Equal(t, workflows.PaymentPaid, b.collect(in).State)
	require.Equal(t, 2, b.runs)
	require.Equal(t, chargeKeys("1", "2"), b.stripe.keysSent())
	handed := 0
	for _, text := range b.spill.text {
		if strings.Contains(text, `"attempt_one"`) {
			handed++
		}
	}
	require.Equal(t, 1, handed, "the attempt is in the first input alone")
}

// TestChangedAgreementCard: the owner puts its new card in place of the old one, in every state of the payment.
func TestChangedAgreementCard(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script []answer
		before func(b *bench)
		to     string
		// refused is part of the refusal, at is when the attempt with the new card is made at the latest.
		refused string
		end     workflows.PaymentState
		keys    []string
		method  string
	}{
		"a retry is planned":           {script: []answer{declinedWith("insufficient_funds")}, to: "pm_other", end: workflows.PaymentPaid, keys: chargeKeys("1", "2"), method: "pm_other"},
		"the old card said a final no": {script: []answer{declinedWith("stolen_card")}, to: "pm_other", end: workflows.PaymentPaid, keys: chargeKeys("1", "2"), method: "pm_other"},
		"the new card is the one that said a final no": {
			script: []answer{declinedWith("stolen_card")}, to: "pm_card", refused: "final for this payment method", end: workflows.PaymentUncollectible, keys: chargeKeys("1"),
		},
		"back to a card that said a final no before": {
			script: []answer{declinedWith("stolen_card"), declinedWith("insufficient_funds")},
			before: func(b *bench) {
				b.at(hour, func() { b.update(changeMethod, workflows.Operation{PaymentMethod: "pm_other"}) })
			},
			to: "pm_card", refused: "final for this payment method", end: workflows.PaymentPaid, keys: chargeKeys("1", "2", "3"), method: "pm_other",
		},
		"a checkout is open: it is closed first": {
			script: []answer{declinedWith("stolen_card")}, before: func(b *bench) { b.at(2*hour-time.Minute, func() { b.open() }) },
			to: "pm_other", end: workflows.PaymentPaid, keys: chargeKeys("1", "2"), method: "pm_other",
		},
		"a checkout was paid at that moment": {
			script: []answer{declinedWith("stolen_card")},
			before: func(b *bench) {
				b.at(2*hour-time.Minute, func() { b.open() })
				b.at(2*hour-time.Second, func() { b.stripe.pay("inv-1", activities.PaymentIntentSucceeded) })
			},
			to: "pm_other", end: workflows.PaymentPaid, keys: chargeKeys("1"), method: "pm_buyer",
		},
		"a bank is working on it: for the next attempt": {
			script: []answer{bankDebit()}, before: func(b *bench) { b.at(day, func() { b.stripe.bankAnswers(false) }) },
			to: "pm_other", end: workflows.PaymentPaid, keys: chargeKeys("1", "2"), method: "pm_other",
		},
		"refused by Stripe before": {
			script: []answer{failsWith(activities.StripeRefused)}, to: "pm_other", end: workflows.PaymentPaid, keys: chargeKeys("1", "2"), method: "pm_other",
		},
		"the old card is unusable": {
			script: []answer{{kind: activities.StripeMissing, param: "payment_method"}}, to: "pm_other", end: workflows.PaymentPaid, keys: chargeKeys("1", "2"), method: "pm_other",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.stripe.script = test.script
			if test.before != nil {
				test.before(b)
			}
			in := b.handOver(ownedInput())
			b.at(2*hour, func() {
				r := b.update(changeMethod, workflows.Operation{Actor: theOwner, Reason: "the agreement's card was changed", PaymentMethod: test.to})
				b.at(2*hour+2*time.Second, func() {
					require.True(b, r.done)
					if test.refused != "" {
						require.ErrorContains(b, r.refused(), test.refused)
						return
					}
					require.NoError(b, r.refused())
				})
			})
			require.Equal(t, test.end, b.collect(in).State)
			require.Equal(t, test.keys, b.stripe.keysSent())
			require.Len(t, b.stripe.others.ended, 1)
			require.Equal(t, test.method, b.stripe.others.ended[0].PaymentMethod)
		})
	}
}
