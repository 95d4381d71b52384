package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestLookUp goes through what a look-up can find after an answer was lost, through the whole workflow.
func TestLookUp(t *testing.T) {
	t.Parallel()
	soft := declinedWith("insufficient_funds")
	nothing := storedFault(answer{})
	tests := map[string]struct {
		input    func(*workflows.CollectPaymentInput)
		script   []answer
		before   func(b *bench)
		outcomes []activities.ChargeOutcome
		code     string // of the last attempt
		keys     []string
		end      workflows.PaymentState
		// wait is the least time between the last fault and the next attempt's key.
		wait    time.Duration
		intents int
	}{
		"nothing found: not taken, and a new key after ten minutes": {
			script:   []answer{nothing, approved()},
			outcomes: []activities.ChargeOutcome{activities.ChargeNotTaken, activities.ChargeSucceeded},
			keys:     chargeKeys("1", "1", "2"), end: workflows.PaymentPaid, wait: 10 * time.Minute, intents: 1,
		},
		"carried out by Stripe after the look-up, within the ten minutes": {
			script:   []answer{lateBy(9*time.Minute, approved())},
			outcomes: []activities.ChargeOutcome{activities.ChargeSucceeded},
			end:      workflows.PaymentPaid, intents: 1,
		},
		"succeeded": {
			script: []answer{storedFault(approved())}, outcomes: []activities.ChargeOutcome{activities.ChargeSucceeded},
			keys: chargeKeys("1", "1"), end: workflows.PaymentPaid, intents: 1,
		},
		"processing": {
			script: []answer{storedFault(bankDebit())}, outcomes: []activities.ChargeOutcome{activities.ChargeSucceeded},
			before: func(b *bench) { b.at(48*hour, func() { b.stripe.bankAnswers(true) }) },
			keys:   chargeKeys("1", "1"), end: workflows.PaymentPaid, intents: 1,
		},
		"requires_confirmation: the same one is confirmed as attempt 2": {
			script:   []answer{storedFault(answer{status: activities.PaymentIntentRequiresConfirmation})},
			outcomes: []activities.ChargeOutcome{activities.ChargeNotTaken, activities.ChargeSucceeded},
			keys:     chargeKeys("1", "1", "2"), end: workflows.PaymentPaid, wait: 10 * time.Minute, intents: 1,
		},
		"as before attempt 2: not taken, confirmed as attempt 3": {
			script:   []answer{soft, nothing, approved()},
			outcomes: []activities.ChargeOutcome{activities.ChargeDeclined, activities.ChargeNotTaken, activities.ChargeSucceeded},
			keys:     chargeKeys("1", "2", "2", "3"), end: workflows.PaymentPaid, wait: 10 * time.Minute, intents: 1,
		},
		"twice as before: the mark survives the first look-up": {
			script:   []answer{soft, nothing, nothing, approved()},
			outcomes: []activities.ChargeOutcome{activities.ChargeDeclined, activities.ChargeNotTaken, activities.ChargeNotTaken, activities.ChargeSucceeded},
			keys:     chargeKeys("1", "2", "2", "3", "3", "4"), end: workflows.PaymentPaid, intents: 1,
		},
		"a newer charge: declined with its codes": {
			script:   []answer{soft, storedFault(declinedWith("do_not_honor")), approved()},
			outcomes: []activities.ChargeOutcome{activities.ChargeDeclined, activities.ChargeDeclined, activities.ChargeSucceeded},
			keys:     chargeKeys("1", "2", "2", "3"), end: workflows.PaymentPaid, intents: 1,
		},
		"first attempt declined in silence": {
			script: []answer{storedFault(declinedWith("stolen_card"))}, outcomes: []activities.ChargeOutcome{activities.ChargeDeclined},
			code: "stolen_card", keys: chargeKeys("1", "1"), end: workflows.PaymentUncollectible, intents: 1,
		},
		"another error without a charge: the customer is needed": {
			script: []answer{soft, storedFault(authRequired())}, outcomes: []activities.ChargeOutcome{activities.ChargeDeclined, activities.ChargeNeedsCustomer},
			code: "authentication_required", keys: chargeKeys("1", "2", "2"), end: workflows.PaymentUncollectible, intents: 1,
		},
		"after an authentication refusal nobody can tell": {
			before: func(b *bench) {
				b.at(24*hour, func() { b.update(changeMethod, workflows.Operation{PaymentMethod: "pm_other"}) })
			},
			script:   []answer{authRequired(), nothing, approved()},
			outcomes: []activities.ChargeOutcome{activities.ChargeNeedsCustomer, activities.ChargeDeclined, activities.ChargeSucceeded},
			keys:     chargeKeys("1", "2", "2", "3"), end: workflows.PaymentPaid, intents: 1,
		},
		"twice after an authentication refusal: the refusal is still the mark": {
			before: func(b *bench) {
				b.at(24*hour, func() { b.update(changeMethod, workflows.Operation{PaymentMethod: "pm_other"}) })
			},
			script:   []answer{authRequired(), nothing, nothing},
			outcomes: []activities.ChargeOutcome{activities.ChargeNeedsCustomer, activities.ChargeDeclined, activities.ChargeDeclined, activities.ChargeSucceeded},
			keys:     chargeKeys("1", "2", "2", "3", "3", "4"), end: workflows.PaymentPaid, intents: 1,
		},
		"requires_action: the customer is needed": {
			script: []answer{storedFault(wantsAction())}, outcomes: []activities.ChargeOutcome{activities.ChargeNeedsCustomer},
			code: "authentication_required", keys: chargeKeys("1", "1"), end: workflows.PaymentUncollectible, intents: 1,
		},
		"canceled meanwhile: closed, the next attempt makes another": {
			script:   []answer{soft, {fault: true}, approved()},
			before:   func(b *bench) { cancelsDuring(b, 1) },
			outcomes: []activities.ChargeOutcome{activities.ChargeDeclined, activities.ChargeCanceled, activities.ChargeSucceeded},
			keys:     chargeKeys("1", "2", "2", "3"), end: workflows.PaymentPaid, intents: 2,
		},
		"canceled before a confirm: Stripe refuses, the next attempt makes another": {
			script: []answer{soft, approved()},
			before: func(b *bench) {
				b.at(hour, func() {
					b.stripe.edit(func() { b.stripe.intents[b.stripe.order[0]].Status = activities.PaymentIntentCanceled })
				})
			},
			outcomes: []activities.ChargeOutcome{activities.ChargeDeclined, activities.ChargeCanceled, activities.ChargeSucceeded},
			intents:  2, end: workflows.PaymentPaid,
		},
		"declined for good in silence, then canceled: the no counts, and the customer is asked": {
			script: []answer{storedFault(declinedWith("stolen_card"))}, before: cancelsBeforeTheLookUp,
			outcomes: []activities.ChargeOutcome{activities.ChargeDeclined}, code: "stolen_card",
			keys: chargeKeys("1", "1"), end: workflows.PaymentUncollectible, intents: 1,
		},
		"declined in silence, then canceled: the policy's next attempt makes another": {
			script: []answer{storedFault(soft), approved()}, before: cancelsBeforeTheLookUp,
			outcomes: []activities.ChargeOutcome{activities.ChargeDeclined, activities.ChargeSucceeded},
			keys:     chargeKeys("1", "1", "2"), end: workflows.PaymentPaid, wait: day, intents: 2,
		},
		"declined for good in silence at a later attempt, then canceled": {
			script: []answer{soft, storedFault(authRequired())}, before: cancelsBeforeTheLookUp,
			outcomes: []activities.ChargeOutcome{activities.ChargeDeclined, activities.ChargeNeedsCustomer}, code: "authentication_required",
			keys: chargeKeys("1", "2", "2"), end: workflows.PaymentUncollectible, intents: 1,
		},
		"the key was sent before with other values": {
			before: func(b *bench) {
				b.stripe.keys["payment:inv-1:charge:1"] = &storedAnswer{params: "other"}
			},
			outcomes: []activities.ChargeOutcome{activities.ChargeNotTaken, activities.ChargeSucceeded},
			keys:     chargeKeys("1", "2"), end: workflows.PaymentPaid, wait: 10 * time.Minute, intents: 1,
		},
		"a decline that does not name its PaymentIntent": {
			script:   []answer{{kind: activities.StripeDeclined, codes: activities.Codes{Code: "card_declined", DeclineCode: "insufficient_funds"}, bare: true}, approved()},
			outcomes: []activities.ChargeOutcome{activities.ChargeDeclined, activities.ChargeSucceeded},
			keys:     chargeKeys("1", "2"), end: workflows.PaymentPaid, intents: 1,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			in := paymentInput()
			if test.input != nil {
				test.input(&in)
			}
			b.stripe.script = test.script
			if test.before != nil {
				test.before(b)
			}
			res := b.collect(in)
			s := b.payment()
			require.Equal(t, test.end, res.State)
			require.Equal(t, test.outcomes, outcomes(s))
			if test.keys != nil {
				require.Equal(t, test.keys, b.stripe.keysSent())
			}
			require.Len(t, b.stripe.intents, test.intents)
			if test.code != "" {
				require.Equal(t, test.code, s.Attempts[len(s.Attempts)-1].Reason())
			}
			if test.wait > 0 {
				sends := b.stripe.sends
				require.GreaterOrEqual(t, sends[len(sends)-1].At.Sub(sends[len(sends)-2].At), test.wait)
			}
		})
	}
}

// cancelsDuring lets a person cancel the PaymentIntent at Stripe while attempt n+1 is under way.
func cancelsDuring(b *bench, n int) {
	b.stripe.script[n] = while(b.stripe.script[n], func() {
		b.stripe.edit(func() { b.stripe.intents[b.stripe.order[0]].Status = activities.PaymentIntentCanceled })
	})
}

// cancelsBeforeTheLookUp lets a person cancel the PaymentIntent at Stripe once an attempt's answer is stored as a fault,
// before the look-up reads it.
func cancelsBeforeTheLookUp(b *bench) {
	b.stripe.before = func(int) {
		for _, stored := range b.stripe.keys {
			if stored.fault {
				b.stripe.intents[b.stripe.order[0]].Status = activities.PaymentIntentCanceled
				b.stripe.before = nil
				return
			}
		}
	}
}

// TestNoAnswerForTwentyHours: the key is trusted for 20 h, then a look-up tells.
func TestNoAnswerForTwentyHours(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.down["charge"] = stripeError(activities.StripeUnknown)
	b.at(21*hour, func() { b.stripe.edit(func() { delete(b.stripe.down, "charge") }) })
	res := b.collect(paymentInput())
	require.Equal(t, workflows.PaymentPaid, res.State)
	require.Equal(t, []activities.ChargeOutcome{activities.ChargeNotTaken, activities.ChargeSucceeded}, outcomes(b.payment()))
	first, last := time.Time{}, time.Time{}
	for _, s := range b.stripe.sends {
		if s.Key == "payment:inv-1:charge:1" {
			if first.IsZero() {
				first = s.At
			}
			last = s.At
		}
	}
	require.Less(t, last.Sub(first), activities.KeyTrust)
	require.Greater(t, last.Sub(first), activities.KeyTrust-15*time.Minute, "the key is used as long as it is trusted")
}

// TestFaultsWithoutEnd: eight attempts in a row that Stripe did not take are a person's business.
func TestFaultsWithoutEnd(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 9 {
		b.stripe.script = append(b.stripe.script, storedFault(answer{}))
	}
	b.expect(48*hour, workflows.PaymentNeedsAttention, workflows.ReasonStripeFaults)
	b.at(48*hour, func() {
		require.Equal(b, chargeKeys("1", "2", "3", "4", "5", "6", "7", "8"), distinct(b.stripe.keysSent()))
		b.stripe.edit(func() { b.stripe.script = nil })
		b.update(retry, workflows.Operation{})
	})
	require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
}

// TestErrorAfterALostAnswer: the first send came through, its answer was lost, and the repeat ends in a final error.
// Polls find out what happened, with or without a webhook.
func TestErrorAfterALostAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first answer
		event bool
		end   workflows.PaymentState
		by    time.Duration
	}{
		"paid, found by the poll":       {first: lostAfter(approved()), end: workflows.PaymentPaid, by: 12 * time.Minute},
		"paid, the webhook tells":       {first: lostAfter(approved()), event: true, end: workflows.PaymentPaid, by: 12 * time.Minute},
		"processing, found by the poll": {first: lostAfter(bankDebit()), end: workflows.PaymentProcessing, by: 12 * time.Minute},
		"declined, policy goes on":      {first: lostAfter(declinedWith("insufficient_funds")), end: workflows.PaymentPaid},
		"late, after the first poll":    {first: lateBy(5*time.Minute, approved()), end: workflows.PaymentPaid, by: 12 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.stripe.script = []answer{test.first}
			b.at(time.Second, func() { b.stripe.edit(func() { b.stripe.down["charge"] = stripeError(activities.StripeUnauthorized) }) })
			b.expect(time.Minute, workflows.PaymentNeedsAttention, workflows.ReasonUnauthorized)
			b.at(2*time.Minute, func() { b.stripe.edit(func() { delete(b.stripe.down, "charge") }) })
			if test.event {
				b.at(11*time.Minute, func() { b.signal("evt_1", "payment_intent.succeeded", "pi_1") })
			}
			if test.by > 0 {
				b.expect(test.by, test.end, "")
			}
			b.at(4*day, func() { b.stripe.bankAnswers(true) })
			require.Equal(t, workflows.PaymentPaid, b.collect(paymentInput()).State)
			require.Len(t, b.stripe.intents, 1)
		})
	}
}

// TestFinalNoFoundWhileEnding: an operator cancels while nobody knows what became of the attempt, the look-up finds a final
// no, and the PaymentIntent cannot be closed. Asked to try again meanwhile, the payment knows what the card has said.
func TestFinalNoFoundWhileEnding(t *testing.T) {
	t.Parallel()
	for _, no := range []answer{authRequired(), declinedWith("stolen_card")} {
		b := newBench(t)
		b.stripe.script = []answer{lostAfter(no)}
		b.at(time.Second, func() {
			b.stripe.edit(func() {
				b.stripe.down["charge"] = stripeError(activities.StripeUnauthorized)
				b.stripe.down["CancelPaymentIntent"] = stripeError(activities.StripeUnknown)
			})
		})
		b.at(2*time.Minute, func() {
			b.stripe.edit(func() { delete(b.stripe.down, "charge") })
			b.update(cancel, workflows.Operation{})
		})
		b.expect(45*time.Minute, workflows.PaymentNeedsAttention, workflows.ReasonWayNotClosed)
		b.at(45*time.Minute, func() { b.update(retry, workflows.Operation{}) })
		b.at(3*hour, func() { b.stripe.edit(func() { delete(b.stripe.down, "CancelPaymentIntent") }) })
		require.Equal(t, workflows.PaymentCanceled, b.collect(paymentInput()).State)
		require.Equal(t, chargeKeys("1"), distinct(b.stripe.keysSent()))
		audit := b.payment().Audit
		require.Equal(t, "refused: needs_attention", audit[len(audit)-1].State)
	}
}
