package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestLookBack goes through what Stripe can know of the reference before this workflow's first attempt, found by that
// attempt or by the customer's press before it.
func TestLookBack(t *testing.T) {
	t.Parallel()
	const (
		confirm, method, action = activities.PaymentIntentRequiresConfirmation, activities.PaymentIntentRequiresPaymentMethod, activities.PaymentIntentRequiresAction
		succeeded, canceled     = activities.PaymentIntentSucceeded, activities.PaymentIntentCanceled
	)
	declinedBefore := func(code string) func(*activities.PaymentIntent) {
		return func(pi *activities.PaymentIntent) {
			pi.LatestCharge, pi.LastError = "ch_old", activities.Codes{Code: "card_declined", DeclineCode: code}
		}
	}
	owned := func(b *bench, pi *activities.PaymentIntent, status activities.CheckoutStatus) {
		b.stripe.sessions["cs_old"] = &fakeSession{seen: true, CheckoutSession: activities.CheckoutSession{
			ID: "cs_old", Mode: activities.CheckoutModePayment, Status: status, PaymentIntent: pi, ExpiresAt: b.start.Add(24 * hour),
		}}
	}
	tests := map[string]struct {
		known func(b *bench)
		// end and keys follow when the first attempt finds it; pressed and pressedKeys when the customer presses before.
		end         workflows.PaymentState
		keys        []string
		answer      workflows.CheckoutAnswer
		pressed     workflows.PaymentState
		pressedKeys []string
		refunds     int
	}{
		"nothing": {
			known: func(*bench) {}, end: workflows.PaymentPaid, keys: chargeKeys("1"),
			answer: workflows.CheckoutReady, pressed: workflows.PaymentPaid, pressedKeys: chargeKeys("1"),
		},
		"succeeded": {
			known: func(b *bench) { b.stripe.known(succeeded) }, end: workflows.PaymentPaid,
			answer: workflows.CheckoutDone, pressed: workflows.PaymentPaid,
		},
		"succeeded, and an open one beside it": {
			known: func(b *bench) { b.stripe.known(succeeded); b.stripe.known(method) }, end: workflows.PaymentPaid,
			answer: workflows.CheckoutDone, pressed: workflows.PaymentPaid,
		},
		"two succeeded: the later is given back": {
			known: func(b *bench) {
				b.stripe.known(succeeded, func(pi *activities.PaymentIntent) { pi.ChargedAt = b.start.Add(-hour) })
				b.stripe.known(succeeded, func(pi *activities.PaymentIntent) { pi.ChargedAt = b.start.Add(-2 * hour) })
			},
			end: workflows.PaymentPaid, answer: workflows.CheckoutDone, pressed: workflows.PaymentPaid, refunds: 1,
		},
		"processing": {
			known: func(b *bench) {
				b.stripe.known(activities.PaymentIntentProcessing)
				b.at(48*hour, func() { b.stripe.bankAnswers(true) })
			},
			end: workflows.PaymentPaid, answer: workflows.CheckoutProcessing, pressed: workflows.PaymentPaid,
		},
		"only canceled": {
			known: func(b *bench) { b.stripe.known(canceled); b.stripe.known(canceled) }, end: workflows.PaymentCanceled,
			answer: workflows.CheckoutClosed, pressed: workflows.PaymentCanceled,
		},
		"declined softly: the policy goes on": {
			known: func(b *bench) { b.stripe.known(method, declinedBefore("insufficient_funds")) },
			end:   workflows.PaymentPaid, keys: chargeKeys("2"),
			answer: workflows.CheckoutReady, pressed: workflows.PaymentPaid, pressedKeys: chargeKeys("1"),
		},
		"declined for good": {
			known: func(b *bench) { b.stripe.known(method, declinedBefore("stolen_card")) }, end: workflows.PaymentUncollectible,
			answer: workflows.CheckoutReady, pressed: workflows.PaymentUncollectible,
		},
		"declined for good, and canceled": {
			known: func(b *bench) { b.stripe.known(canceled, declinedBefore("stolen_card")) }, end: workflows.PaymentCanceled,
			answer: workflows.CheckoutClosed, pressed: workflows.PaymentCanceled,
		},
		"never tried": {
			known: func(b *bench) { b.stripe.known(method) }, end: workflows.PaymentPaid, keys: chargeKeys("2"),
			answer: workflows.CheckoutReady, pressed: workflows.PaymentPaid, pressedKeys: chargeKeys("1"),
		},
		"requires_confirmation": {
			known: func(b *bench) { b.stripe.known(confirm) }, end: workflows.PaymentPaid, keys: chargeKeys("2"),
			answer: workflows.CheckoutReady, pressed: workflows.PaymentPaid, pressedKeys: chargeKeys("1"),
		},
		"requires_action": {
			known: func(b *bench) { b.stripe.known(action) }, end: workflows.PaymentUncollectible,
			answer: workflows.CheckoutReady, pressed: workflows.PaymentUncollectible,
		},
		"two open: the older is closed": {
			known: func(b *bench) { b.stripe.known(confirm); b.stripe.known(confirm) }, end: workflows.PaymentPaid, keys: chargeKeys("2"),
			answer: workflows.CheckoutReady, pressed: workflows.PaymentPaid, pressedKeys: chargeKeys("1"),
		},
		"one of an open session: closed through it, and a new one made": {
			known: func(b *bench) {
				owned(b, b.stripe.known(method, declinedBefore("stolen_card")), activities.CheckoutOpen)
			},
			end: workflows.PaymentPaid, keys: chargeKeys("2"),
			answer: workflows.CheckoutReady, pressed: workflows.PaymentPaid, pressedKeys: chargeKeys("1"),
		},
		"ours, and a newer one of an open session": {
			known: func(b *bench) {
				b.stripe.known(confirm)
				owned(b, b.stripe.known(method), activities.CheckoutOpen)
			},
			end: workflows.PaymentPaid, keys: chargeKeys("2"),
			answer: workflows.CheckoutReady, pressed: workflows.PaymentPaid, pressedKeys: chargeKeys("1"),
		},
		"one of a completed session whose debit is processing": {
			known: func(b *bench) {
				owned(b, b.stripe.known(activities.PaymentIntentProcessing), activities.CheckoutComplete)
				b.at(48*hour, func() { b.stripe.bankAnswers(true) })
			},
			end: workflows.PaymentPaid, answer: workflows.CheckoutProcessing, pressed: workflows.PaymentPaid,
		},
		"another amount": {
			known: func(b *bench) { b.stripe.known(canceled, func(pi *activities.PaymentIntent) { pi.Amount++ }) }, end: workflows.PaymentUncollectible,
			answer: workflows.CheckoutClosed, pressed: workflows.PaymentUncollectible,
		},
		"another currency": {
			known: func(b *bench) { b.stripe.known(method, func(pi *activities.PaymentIntent) { pi.Currency = "eur" }) }, end: workflows.PaymentUncollectible,
			answer: workflows.CheckoutClosed, pressed: workflows.PaymentUncollectible,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, press := range []bool{false, true} {
				b := newBench(t)
				b.stripe.script = []answer{}
				in := paymentInput()
				test.known(b)
				conflict := len(b.stripe.intents) > 0 && name[:7] == "another"
				b.at(72*hour, func() {
					if conflict {
						s := b.payment()
						require.Equal(t, workflows.ReasonReferenceConflict, s.Reason)
						b.update(writeOff, workflows.Operation{})
					}
				})
				want, keys := test.end, test.keys
				if press {
					want, keys = test.pressed, test.pressedKeys
					in.Due = b.start.Add(24 * hour)
					var opened *reply[workflows.OpenCheckoutResponse]
					b.at(hour, func() { opened = b.open() })
					b.at(hour+time.Minute, func() {
						require.True(t, opened.done)
						require.Equal(t, test.answer, opened.value.Answer)
					})
				}
				if conflict {
					require.NoError(t, execute(b, workflows.TypeCollectPayment, in))
					require.Empty(t, b.stripe.sends, "nothing is sent")
					require.Empty(t, b.stripe.closes, "another's PaymentIntent is not touched")
					continue
				}
				require.Equal(t, want, b.collect(in).State)
				require.Equal(t, keys, nilIfEmpty(distinct(b.stripe.keysSent())))
				require.Len(t, b.stripe.refunds, test.refunds)
				if test.refunds > 0 {
					require.Equal(t, []string{"payment:inv-1:refund:pi_1"}, b.stripe.refunds, "the earlier charge is kept")
				}
			}
		})
	}
}
