package workflows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestHandOver goes through every outcome of the owner's attempt, its answer known or lost, to every end: the money is
// taken once at most, the owner's key is never used for anything else, and the owner is told the end.
func TestHandOver(t *testing.T) {
	t.Parallel()
	const (
		no, yes = activities.ChargeDeclined, activities.ChargeSucceeded
	)
	type outcomesOf = []activities.ChargeOutcome
	soft, hard := declinedWith("insufficient_funds"), declinedWith("stolen_card")
	lost := func(a answer) []answer { return []answer{lostAfter(a), dropped(), dropped()} }
	lookBack := func(c *activities.ChargeInput) { c.LookBack = true }
	byDefault := func(in *workflows.CollectPaymentInput) { in.PaymentMethod = "" }
	customerPays := func(b *bench) {
		b.at(2*day, func() { b.open() })
		b.at(2*day+time.Minute, func() {
			require.True(b, b.stripe.pay("inv-1", activities.PaymentIntentSucceeded))
			b.signal("evt_paid", "checkout.session.completed", "cs_1")
		})
	}
	operator := func(update string) func(b *bench) {
		return func(b *bench) { b.at(3*day, func() { b.update(update, workflows.Operation{}) }) }
	}
	known := func(status activities.PaymentIntentStatus, change ...func(*activities.PaymentIntent)) func(b *bench) {
		return func(b *bench) { b.stripe.known(status, change...) }
	}
	both := func(fs ...func(b *bench)) func(b *bench) {
		return func(b *bench) {
			for _, f := range fs {
				f(b)
			}
		}
	}
	tests := map[string]struct {
		input  func(*workflows.CollectPaymentInput)
		charge func(*activities.ChargeInput)
		// script is the bank's word to the owner first; before sets up what happens.
		script []answer
		before func(b *bench)
		// given replaces what the owner hands over.
		given    *activities.ChargeResult
		handed   activities.ChargeOutcome
		outcomes outcomesOf
		keys     []string
		end      workflows.PaymentState
		told     activities.PaymentEndedInput
		// wait is the least time from the hand-over to the second attempt.
		wait time.Duration
		// foreign: not all of the customer's PaymentIntents are this payment's.
		foreign bool
	}{
		"succeeded": {
			script: []answer{approved()}, handed: yes, outcomes: outcomesOf{yes}, keys: chargeKeys("1"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1"},
		},
		"succeeded by the customer's default": {
			input: byDefault, script: []answer{approved()}, handed: yes, outcomes: outcomesOf{yes}, keys: chargeKeys("1"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1", PaymentMethod: "pm_card"},
		},
		"declined: the policy's next attempt confirms the same PaymentIntent": {
			script: []answer{soft, approved()}, handed: no, outcomes: outcomesOf{no, yes}, keys: chargeKeys("1", "2"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1"}, wait: day,
		},
		"declined for good: the customer pays with another card": {
			script: []answer{hard}, before: customerPays, handed: no, outcomes: outcomesOf{no}, keys: chargeKeys("1"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_4", PaymentMethod: "pm_buyer"},
		},
		"declined for good: the customer does not act": {
			script: []answer{hard}, handed: no, outcomes: outcomesOf{no}, keys: chargeKeys("1"), end: workflows.PaymentUncollectible,
			told: activities.PaymentEndedInput{DeclineCode: "stolen_card"},
		},
		"declined, canceled by an operator": {
			script: []answer{soft}, before: func(b *bench) { b.at(hour, func() { b.update(cancel, workflows.Operation{}) }) },
			handed: no, outcomes: outcomesOf{no}, keys: chargeKeys("1"), end: workflows.PaymentCanceled,
			told: activities.PaymentEndedInput{DeclineCode: "insufficient_funds"},
		},
		"no payment method at all: nothing was sent": {
			input: byDefault, before: both(func(b *bench) { b.stripe.customers["cus_1"].DefaultPaymentMethod = "" }, customerPays),
			handed: no, outcomes: outcomesOf{no}, end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_2", PaymentMethod: "pm_buyer"},
		},
		"no payment method at all, and the reference was paid in an earlier life": {
			input: byDefault, before: both(func(b *bench) { b.stripe.customers["cus_1"].DefaultPaymentMethod = "" },
				known(activities.PaymentIntentSucceeded), func(b *bench) { b.at(2*day, func() { b.open() }) }),
			handed: no, outcomes: outcomesOf{yes}, end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1", PaymentMethod: "pm_card"},
		},
		"the payment method is unusable": {
			script: []answer{{kind: activities.StripeMissing, param: "payment_method"}}, handed: no, outcomes: outcomesOf{no},
			keys: chargeKeys("1"), end: workflows.PaymentUncollectible, told: activities.PaymentEndedInput{DeclineCode: "payment_method_unusable"},
		},
		"needs the customer": {
			script: []answer{wantsAction()}, before: customerPays, handed: activities.ChargeNeedsCustomer,
			outcomes: outcomesOf{activities.ChargeNeedsCustomer}, keys: chargeKeys("1"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_3", PaymentMethod: "pm_buyer"},
		},
		"the bank refuses without the customer": {
			script: []answer{authRequired()}, handed: activities.ChargeNeedsCustomer, outcomes: outcomesOf{activities.ChargeNeedsCustomer},
			keys: chargeKeys("1"), end: workflows.PaymentUncollectible, told: activities.PaymentEndedInput{DeclineCode: "authentication_required"},
		},
		"processing, then paid": {
			script: []answer{bankDebit()}, before: func(b *bench) { b.at(4*day, func() { b.stripe.bankAnswers(true) }) },
			handed: activities.ChargeProcessing, outcomes: outcomesOf{yes}, keys: chargeKeys("1"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1"},
		},
		"processing, then declined, then paid": {
			script: []answer{bankDebit(), approved()}, before: func(b *bench) { b.at(4*day, func() { b.stripe.bankAnswers(false) }) },
			handed: activities.ChargeProcessing, outcomes: outcomesOf{no, yes}, keys: chargeKeys("1", "2"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1"},
		},
		"refused by Stripe": {
			script: []answer{{kind: activities.StripeRefused, codes: activities.Codes{Code: "amount_too_small"}}}, handed: activities.ChargeRefused,
			before:   both(func(b *bench) { b.expect(day, workflows.PaymentNeedsAttention, workflows.ReasonRefused) }, operator(writeOff)),
			outcomes: outcomesOf{activities.ChargeRefused}, keys: chargeKeys("1"), end: workflows.PaymentUncollectible,
			told: activities.PaymentEndedInput{DeclineCode: "amount_too_small"},
		},
		"the reference was used with another amount": {
			charge: lookBack, handed: activities.ChargeConflict, foreign: true,
			before: both(known(activities.PaymentIntentSucceeded, func(pi *activities.PaymentIntent) { pi.Amount = 7 }),
				func(b *bench) { b.expect(day, workflows.PaymentNeedsAttention, workflows.ReasonReferenceConflict) }, operator(cancel)),
			outcomes: outcomesOf{activities.ChargeConflict}, end: workflows.PaymentCanceled,
		},
		"the reference was canceled in an earlier life": {
			charge: lookBack, before: known(activities.PaymentIntentCanceled), handed: activities.ChargeCanceled,
			outcomes: outcomesOf{activities.ChargeCanceled}, end: workflows.PaymentCanceled,
		},
		"the reference was paid in an earlier life": {
			charge: lookBack, before: known(activities.PaymentIntentSucceeded), handed: yes, outcomes: outcomesOf{yes}, end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1"},
		},
		"the reference has an open PaymentIntent of an earlier life": {
			charge: lookBack, before: known(activities.PaymentIntentRequiresConfirmation), script: []answer{approved()},
			handed: activities.ChargeUnknown, outcomes: outcomesOf{activities.ChargeNotTaken, yes}, keys: chargeKeys("2"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1"}, wait: 10 * time.Minute,
		},
		"the reference has two open PaymentIntents of an earlier life: one is closed": {
			charge: lookBack, before: both(known(activities.PaymentIntentRequiresConfirmation), known(activities.PaymentIntentRequiresConfirmation)),
			script: []answer{approved()},
			handed: activities.ChargeUnknown, outcomes: outcomesOf{activities.ChargeNotTaken, yes}, keys: chargeKeys("2"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_2"}, wait: 10 * time.Minute,
		},
		"canceled at Stripe before the owner's answer": {
			before: known(activities.PaymentIntentCanceled), given: &activities.ChargeResult{Outcome: activities.ChargeCanceled, PaymentIntent: "pi_1"},
			handed: activities.ChargeCanceled, outcomes: outcomesOf{activities.ChargeCanceled, yes}, keys: chargeKeys("2"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_2"},
		},
		"not taken, as the owner found": {
			given: &activities.ChargeResult{Outcome: activities.ChargeNotTaken}, handed: activities.ChargeNotTaken,
			outcomes: outcomesOf{activities.ChargeNotTaken, yes}, keys: chargeKeys("2"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1"}, wait: 10 * time.Minute,
		},
		"not taken, as the owner found, and taken after all": {
			before: known(activities.PaymentIntentSucceeded), given: &activities.ChargeResult{Outcome: activities.ChargeNotTaken},
			handed: activities.ChargeNotTaken, outcomes: outcomesOf{yes}, end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1"},
		},
		"held: nothing was sent, the first attempt is still to be made": {
			given: &activities.ChargeResult{Outcome: activities.ChargeHeld}, handed: activities.ChargeHeld, script: []answer{soft, approved()},
			outcomes: outcomesOf{no, yes}, keys: chargeKeys("1", "2"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1"},
		},
		"lost, in fact taken": {
			script: lost(approved()), handed: yes, outcomes: outcomesOf{yes}, keys: chargeKeys("1", "1"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1"},
		},
		"stored fault, in fact taken": {
			script: []answer{storedFault(approved())}, handed: activities.ChargeUnknown, outcomes: outcomesOf{yes}, keys: chargeKeys("1", "1"),
			end: workflows.PaymentPaid, told: activities.PaymentEndedInput{PaymentIntent: "pi_1"},
		},
		"stored fault, in fact declined": {
			script: []answer{storedFault(soft), approved()}, handed: activities.ChargeUnknown, outcomes: outcomesOf{no, yes},
			keys: chargeKeys("1", "1", "2"), end: workflows.PaymentPaid, told: activities.PaymentEndedInput{PaymentIntent: "pi_1"}, wait: day,
		},
		"stored fault, in fact declined for good": {
			script: []answer{storedFault(hard)}, handed: activities.ChargeUnknown, outcomes: outcomesOf{no}, keys: chargeKeys("1", "1"),
			end: workflows.PaymentUncollectible, told: activities.PaymentEndedInput{DeclineCode: "stolen_card"},
		},
		"stored fault, in fact waiting for the customer": {
			script: []answer{storedFault(wantsAction())}, before: customerPays, handed: activities.ChargeUnknown,
			outcomes: outcomesOf{activities.ChargeNeedsCustomer}, keys: chargeKeys("1", "1"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_3", PaymentMethod: "pm_buyer"},
		},
		"stored fault, in fact processing": {
			script: []answer{storedFault(bankDebit())}, before: func(b *bench) { b.at(4*day, func() { b.stripe.bankAnswers(true) }) },
			handed: activities.ChargeUnknown, outcomes: outcomesOf{yes}, keys: chargeKeys("1", "1"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1"},
		},
		"stored fault, in fact a PaymentIntent not yet confirmed": {
			script: []answer{storedFault(answer{status: activities.PaymentIntentRequiresConfirmation}), approved()}, handed: activities.ChargeUnknown,
			outcomes: outcomesOf{activities.ChargeNotTaken, yes}, keys: chargeKeys("1", "1", "2"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1"}, wait: 10 * time.Minute,
		},
		"stored fault, nothing was made": {
			script: []answer{storedFault(answer{}), approved()}, handed: activities.ChargeUnknown,
			outcomes: outcomesOf{activities.ChargeNotTaken, yes}, keys: chargeKeys("1", "1", "2"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1"}, wait: 10 * time.Minute,
		},
		"never arrived": {
			script: []answer{dropped(), dropped(), dropped(), approved()}, handed: activities.ChargeUnknown,
			outcomes: outcomesOf{activities.ChargeNotTaken, yes}, keys: chargeKeys("1", "1", "1", "2"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1"}, wait: 10 * time.Minute,
		},
		"never arrived, and the customer presses the button within the ten minutes": {
			script: []answer{dropped(), dropped(), dropped(), approved()}, handed: activities.ChargeUnknown,
			before: func(b *bench) {
				b.at(time.Minute, func() {
					r := b.open()
					b.at(time.Minute+time.Second, func() { require.Equal(b, workflows.CheckoutBusy, r.value.Answer) })
				})
			},
			outcomes: outcomesOf{activities.ChargeNotTaken, yes}, keys: chargeKeys("1", "1", "1", "2"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1"}, wait: 10 * time.Minute,
		},
		"carried out nine minutes later": {
			script: []answer{lateBy(9*time.Minute, approved())}, handed: activities.ChargeUnknown, outcomes: outcomesOf{yes},
			keys: chargeKeys("1", "1", "1"), end: workflows.PaymentPaid, told: activities.PaymentEndedInput{PaymentIntent: "pi_1"},
		},
		"carried out later and declined for good, then canceled at Stripe: the no counts": {
			script: []answer{lateBy(time.Second, authRequired())}, handed: activities.ChargeUnknown,
			before: func(b *bench) {
				b.at(7*time.Minute, func() {
					b.stripe.edit(func() { b.stripe.intents["pi_1"].Status = activities.PaymentIntentCanceled })
				})
			},
			outcomes: outcomesOf{activities.ChargeNeedsCustomer}, keys: chargeKeys("1", "1", "1"), end: workflows.PaymentUncollectible,
			told: activities.PaymentEndedInput{DeclineCode: "authentication_required"},
		},
		"the key is refused: Stripe is asked when it takes a key again": {
			script: []answer{failsWith(activities.StripeUnauthorized), approved()}, handed: activities.ChargeUnknown,
			outcomes: outcomesOf{activities.ChargeNotTaken, yes}, keys: chargeKeys("1", "2"), end: workflows.PaymentPaid,
			told: activities.PaymentEndedInput{PaymentIntent: "pi_1"}, wait: 10 * time.Minute,
		},
		"unknown, with the PaymentIntent known": {
			before: known(activities.PaymentIntentSucceeded), handed: activities.ChargeUnknown,
			given:    &activities.ChargeResult{Outcome: activities.ChargeUnknown, PaymentIntent: "pi_1"},
			outcomes: outcomesOf{yes}, end: workflows.PaymentPaid, told: activities.PaymentEndedInput{PaymentIntent: "pi_1"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.stripe.script = test.script
			in := ownedInput()
			if test.input != nil {
				test.input(&in)
			}
			if test.before != nil {
				test.before(b)
			}
			if test.given != nil {
				in.AttemptOne = &workflows.AttemptOne{At: b.start, ChargeResult: *test.given}
			} else {
				charge := test.charge
				if charge == nil {
					charge = func(*activities.ChargeInput) {}
				}
				in = b.handOver(in, charge)
			}
			require.Equal(t, test.handed, in.AttemptOne.Outcome)
			if test.foreign {
				b.collectAny(in)
			} else {
				b.collect(in)
			}
			s := b.payment()
			require.Equal(t, test.end, s.State)
			require.Equal(t, test.outcomes, outcomes(s))
			require.Equal(t, theOwner, s.Owner)
			require.ElementsMatch(t, test.keys, b.stripe.keysSent())
			for _, sent := range b.stripe.sends {
				if strings.HasSuffix(sent.Key, ":2") {
					require.GreaterOrEqual(t, sent.At.Sub(b.start), test.wait)
				}
			}
			test.told.Owner, test.told.Reference, test.told.State = theOwner, "inv-1", string(test.end)
			require.Equal(t, []activities.PaymentEndedInput{test.told}, b.stripe.others.ended)
			if test.given == nil {
				b.requireOwned()
			}
		})
	}
}

// TestHandOverWhileTheOwnerStillSends: what the owner's attempt may still send, repeated or for the first time, takes
// nothing twice: within the ten minutes in which Stripe may be executing it, and after a known answer at any time.
func TestHandOverWhileTheOwnerStillSends(t *testing.T) {
	t.Parallel()
	for name, script := range map[string][]answer{
		"declined":                {declinedWith("insufficient_funds"), approved()},
		"declined, in silence":    {storedFault(declinedWith("insufficient_funds")), approved()},
		"processing":              {bankDebit()},
		"in fact taken":           {storedFault(approved())},
		"never arrived":           {dropped(), dropped(), dropped(), approved(), approved()},
		"never arrived, declined": {dropped(), dropped(), dropped(), declinedWith("insufficient_funds"), approved()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.stripe.script = script
			in := b.handOver(ownedInput())
			for _, at := range []time.Duration{time.Second, time.Minute, 9 * time.Minute, 30 * time.Minute, 19 * hour} {
				b.at(at, func() { _, _ = b.send(ownersCharge(in)) })
			}
			b.at(30*hour, func() { b.stripe.bankAnswers(true) })
			require.Equal(t, workflows.PaymentPaid, b.collect(in).State)
			require.Len(t, b.stripe.intents, 1)
		})
	}
}

// TestHandOverWithoutTheOwnersAttempt: an owner that died before its answer, or before it sent anything, may leave the
// first attempt to the payment: the same key and values, so that Stripe answers what it has answered the owner.
func TestHandOverWithoutTheOwnersAttempt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	_, err := b.send(ownersCharge(ownedInput()))
	require.NoError(t, err)
	require.Equal(t, workflows.PaymentPaid, b.collect(ownedInput()).State)
	require.Len(t, b.stripe.intents, 1)

	b = newBench(t)
	b.at(hour, func() { _, _ = b.send(ownersCharge(ownedInput())) })
	b.stripe.script = []answer{declinedWith("insufficient_funds"), approved()}
	require.Equal(t, workflows.PaymentPaid, b.collect(ownedInput()).State)
	require.Len(t, b.stripe.intents, 1)
	require.Equal(t, chargeKeys("1", "1", "2"), b.stripe.keysSent())
	b.requireOwned()
}

// TestHandOverTellsTheCustomer: the customer hears the same as when this workflow makes the first attempt.
func TestHandOverTellsTheCustomer(t *testing.T) {
	t.Parallel()
	for _, first := range []answer{declinedWith("do_not_honor"), declinedWith("stolen_card"), authRequired(), bankDebit()} {
		own, handed := newBench(t), newBench(t)
		for _, b := range []*bench{own, handed} {
			b.stripe.script = []answer{first}
			b.at(4*day, func() { b.stripe.bankAnswers(true) })
		}
		own.collect(paymentInput())
		handed.collect(handed.handOver(ownedInput()))
		require.NotEmpty(t, own.stripe.told())
		require.Equal(t, own.stripe.told(), handed.stripe.told())
		for i := range own.stripe.deliveries { // the app is told where it came from
			own.stripe.deliveries[i].Owner = theOwner
		}
		require.Equal(t, own.stripe.deliveries, handed.stripe.deliveries)
	}
}
