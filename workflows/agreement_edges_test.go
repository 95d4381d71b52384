package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
	"github.com/offsession/offsession/workflows/dunning"
)

// A stop during a pause, or during another stop, goes by itself when another card mends it. What stood still before still
// does: only a person, or the pause's own end, takes that back.
func TestAgreementStoppedWhileItStandsStill(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before func(b *agreementBench)
		mended string // when another card is put in place
		state  workflows.AgreementState
		reason string
		paid   int
	}{
		"a pause": {
			before: func(b *agreementBench) { b.operate(workflows.UpdatePause, "", workflows.AgreementOperation{}) },
			mended: "2026-02-12", state: workflows.AgreementPaused, paid: 1,
		},
		"a pause until a time to come": {
			before: func(b *agreementBench) {
				b.operate(workflows.UpdatePause, "", workflows.AgreementOperation{Until: b.start.Add(b.day("2026-03-10"))})
			},
			mended: "2026-02-12", state: workflows.AgreementPaused, paid: 2,
		},
		"a pause until a time that has passed": {
			before: func(b *agreementBench) {
				b.operate(workflows.UpdatePause, "", workflows.AgreementOperation{Until: b.start.Add(b.day("2026-03-10"))})
			},
			mended: "2026-03-12", state: workflows.AgreementActive, paid: 2,
		},
		"a dispute": {
			before: func(b *agreementBench) {
				b.signal("evt_0", "charge.dispute.created", b.stripe.dispute(b.status().Payments[0].PaymentIntent))
			},
			mended: "2026-02-12", state: workflows.AgreementNeedsAttention, reason: workflows.AgreementReasonDisputed, paid: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			b.at(b.day("2026-02-10"), func() { test.before(b) })
			b.at(b.day("2026-02-11"), func() {
				b.stripe.detach("pm_card")
				b.signal("evt_1", "payment_method.detached", "pm_card")
			})
			b.expectState(b.day("2026-02-11")+time.Hour, workflows.AgreementNeedsAttention, workflows.AgreementReasonMethodDetached)
			b.at(b.day(test.mended), func() {
				b.operate(workflows.UpdateChangePaymentMethod, "", workflows.AgreementOperation{PaymentMethod: "pm_other"})
			})
			b.expectState(b.day(test.mended)+time.Hour, test.state, test.reason)
			b.at(b.day("2026-04-05"), func() { b.operate(cancel, "", workflows.AgreementOperation{}) })
			require.Equal(t, test.paid, b.agree(agreementInput()).Paid)
		})
	}
}

// Before there is a payment method nothing can be charged, and nothing is stopped.
func TestAgreementIsNotStoppedBeforeItHasACard(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	in := agreementInput()
	in.PaymentMethod, in.SaveCard = "", true
	old := b.stripe.known(activities.PaymentIntentSucceeded, func(pi *activities.PaymentIntent) {
		pi.Metadata = map[string]string{activities.MetadataReference: "gym-17~20251231", activities.MetadataOwner: "agreement:gym-17"}
	})
	b.at(time.Hour, func() {
		b.stripe.mandate("mandate_1", "")
		b.stripe.inactivateMandate("mandate_1")
		b.signal("evt_1", "mandate.updated", "mandate_1")
		b.signal("evt_2", "charge.dispute.created", b.stripe.dispute(old.ID))
	})
	b.expectState(2*time.Hour, workflows.AgreementSavingCard, "")
	b.at(3*time.Hour, func() {
		b.family.saved(workflows.PaymentMethodSaved{Reference: "gym-17~card1", State: workflows.SetupSaved, PaymentMethod: "pm_card"}, false)
	})
	b.expectState(b.day("2026-02-01"), workflows.AgreementNeedsAttention, workflows.AgreementReasonDisputed) // found with the first charge
	b.at(b.day("2026-02-01"), func() { b.operate(cancel, "", workflows.AgreementOperation{}) })
	b.agree(in)
}

// Before an agreement has begun to charge there is no date to change or to skip.
func TestAgreementChangesBeforeTheBeginning(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	b.stripe.detach("pm_card")
	in := agreementInput()
	b.expectState(time.Hour, workflows.AgreementNeedsAttention, workflows.AgreementReasonMethodDetached)
	b.at(time.Hour, func() {
		change := b.operate(workflows.UpdateChangeSchedule, "", workflows.AgreementOperation{Schedule: &in.Schedule})
		skip := b.operate(workflows.UpdateSkipNext, "", workflows.AgreementOperation{})
		b.env.RegisterDelayedCallback(func() {
			require.ErrorContains(t, change.refused(), "it has not begun")
			require.ErrorContains(t, skip.refused(), "there is no next date")
		}, 0)
		b.operate(workflows.UpdateChangePaymentMethod, "", workflows.AgreementOperation{PaymentMethod: "pm_other"})
	})
	require.Equal(t, 3, b.agree(in).Paid)
}

// The last date that passed under the old schedule is still owed, the ones before it are accounted for.
func TestAgreementScheduleChangedAfterDatesHavePassed(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	in := agreementInput()
	in.Schedule = calendar.Schedule{Every: "day", At: "09:00"}
	b.at(b.day("2026-01-17"), func() { b.operate(workflows.UpdatePause, "", workflows.AgreementOperation{}) })
	b.at(b.day("2026-01-20"), func() {
		b.operate(workflows.UpdateChangeSchedule, "", workflows.AgreementOperation{Schedule: &calendar.Schedule{Every: "month", On: "31", Count: 2}})
	})
	b.at(b.day("2026-01-20")+time.Minute, func() {
		b.operate(workflows.UpdateResume, "", workflows.AgreementOperation{CatchUp: workflows.CatchUpAll})
	})
	b.agree(in)
	require.Equal(t, []string{"gym-17~20260116", "gym-17~20260117", "gym-17~20260120", "gym-17~20260131", "gym-17~20260228"}, b.charged())
	for _, key := range []string{"20260118", "20260119"} {
		require.Equal(t, workflows.AgreementPaymentSkipped, states(b.last)["gym-17~"+key], key)
	}
}

// An app that stays silent is noticed also when the next date comes before its patience ends.
func TestAgreementAppStaysSilentForDays(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	in := agreementInput()
	in.Amount, in.AmountFrom = 0, workflows.AmountFromWebhook
	in.Schedule = calendar.Schedule{Every: "hour", SubDaily: true, At: "14:00"}
	b.amount.standing = answersNothing()
	b.expectState(24*time.Hour, workflows.AgreementActive, "")
	b.expectState(27*time.Hour, workflows.AgreementNeedsAttention, workflows.AgreementReasonAmountUnknown)
	b.at(28*time.Hour, func() { b.operate(cancel, "", workflows.AgreementOperation{}) })
	b.agree(in)
	require.Empty(t, b.charged())
}

// The schedule's date on the day of the first charge is the same charge, also when nothing was due.
func TestAgreementNothingDueAtTheStart(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	in := agreementInput()
	in.Amount, in.AmountFrom, in.FirstCharge = 0, workflows.AmountFromWebhook, workflows.FirstChargeNow
	in.Schedule = calendar.Schedule{Every: "day", At: "23:00", Count: 2}
	b.amount.next(answersAmount(0))
	b.agree(in)
	require.Equal(t, []string{"gym-17~20260116"}, b.charged())
	require.Len(t, b.amount.asked(), 2)
}

// No more than twenty payments are collected at a time, however they came about.
func TestAgreementChargeNowIsBounded(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	for range 20 {
		b.stripe.script = append(b.stripe.script, declinedWith("insufficient_funds"))
	}
	var replies []*reply[workflows.AgreementResponse]
	for i := range 21 {
		b.at(time.Duration(i+1)*time.Hour, func() {
			replies = append(replies, b.operate(workflows.UpdateChargeNow, requestID("now", i), workflows.AgreementOperation{}))
		})
	}
	b.at(22*time.Hour, func() { b.operate(cancel, "", workflows.AgreementOperation{}) })
	b.agree(agreementInput())
	require.NoError(t, replies[19].refused())
	require.ErrorContains(t, replies[20].refused(), "20 payments of the agreement are being collected")
	require.Len(t, b.stripe.sends, 20)
}

// An agreement ends once, also when the payments that its cancellation writes off would end it by policy.
func TestAgreementEndsOnce(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	in := agreementInput()
	in.Policy.FinalAction = dunning.FinalCancel
	b.stripe.script = []answer{declinedWith("insufficient_funds")}
	b.at(b.day("2026-02-10"), func() {
		b.operate(cancel, "", workflows.AgreementOperation{OpenPayments: workflows.OpenPaymentsWriteOff})
	})
	require.Equal(t, workflows.AgreementCanceled, b.agree(in).State)
	require.Equal(t, []activities.NotificationKind{activities.NotifyAgreementEnded}, b.stripe.told())
}

// An agreement that has come to its end does not go on asking for a card.
func TestAgreementCallsOffItsLastQuestion(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	b.at(b.day("2026-03-10"), func() {
		b.operate(workflows.UpdateChangePaymentMethod, "", workflows.AgreementOperation{SaveCard: true})
	})
	require.Equal(t, workflows.AgreementCompleted, b.agree(agreementInput()).State)
	require.Len(t, b.family.sent, 1)
	require.Equal(t, "save-payment-method:gym-17~card1", b.family.sent[0].WorkflowID)
	require.Equal(t, workflows.UpdateCancel, b.family.sent[0].Update)
}

// The customer is asked once for a card that expires, also when the network puts another date on it that is too early as
// well.
func TestAgreementCardStillExpires(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	b.stripe.updateCard("pm_card", 1, 2026)
	b.at(b.day("2026-02-05"), func() { b.stripe.updateCard("pm_card", 2, 2026) })
	in := agreementInput()
	in.Schedule.Start = "2026-03-01"
	b.at(b.day("2026-03-30"), func() {
		require.Equal(t, []activities.NotificationKind{activities.NotifyCardExpiring}, b.stripe.told())
	})
	b.agree(in)
}
