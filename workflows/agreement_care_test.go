package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
	"github.com/offsession/offsession/workflows/dunning"
)

// A customer's new card lifts only what the card was the reason for: not an operator's pause, nor what needs a person.
func TestAgreementNewCardDoesNotResumeForAPerson(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stands workflows.AgreementState
		reason string
		policy dunning.FinalAction
	}{
		"paused":          {workflows.AgreementPaused, "", dunning.FinalUncollectible},
		"needs attention": {workflows.AgreementNeedsAttention, workflows.AgreementReasonPaymentFailed, dunning.FinalNeedsAttention},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			in := agreementInput()
			in.Policy.FinalAction = test.policy
			b.stripe.script = []answer{declinedWith("insufficient_funds")}
			b.at(b.day("2026-02-01"), func() {
				if test.stands == workflows.AgreementPaused {
					b.operate(workflows.UpdatePause, "", workflows.AgreementOperation{})
				}
				b.family.ends(workflows.PaymentEnded{Reference: "gym-17~20260131", State: workflows.PaymentUncollectible}, false)
			})
			b.at(b.day("2026-02-10"), func() {
				b.stripe.detach("pm_card")
				b.signal("evt_1", "payment_method.detached", "pm_card")
			})
			b.expectState(b.day("2026-02-11"), workflows.AgreementNeedsAttention, workflows.AgreementReasonMethodDetached)
			b.at(b.day("2026-03-10"), func() {
				require.Equal(t, "gym-17~card1", b.status().SavePaymentMethod, "the customer is asked all the same")
				b.family.saved(workflows.PaymentMethodSaved{Reference: "gym-17~card1", State: workflows.SetupSaved, PaymentMethod: "pm_other"}, false)
			})
			b.expectState(b.day("2026-04-02"), test.stands, test.reason)
			b.at(b.day("2026-04-02"), func() {
				require.Equal(t, "pm_other", b.status().PaymentMethod)
				b.operate(cancel, "", workflows.AgreementOperation{})
			})
			b.agree(in)
			require.Equal(t, []string{"gym-17~20260131"}, b.charged(), "nobody resumed")
		})
	}
}

// The card that went while an agreement was paused is noticed when it is resumed.
func TestAgreementResumedWithoutACard(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	b.at(b.day("2026-02-01"), func() {
		b.operate(workflows.UpdatePause, "", workflows.AgreementOperation{Until: b.start.AddDate(0, 2, 0)})
	})
	b.at(b.day("2026-02-10"), func() { b.stripe.detach("pm_card") })
	b.expectState(b.day("2026-03-16"), workflows.AgreementNeedsAttention, workflows.AgreementReasonMethodDetached)
	b.at(b.day("2026-03-16"), func() { b.operate(cancel, "", workflows.AgreementOperation{}) })
	b.agree(agreementInput())
}

// A date that is due when the schedule is replaced is charged all the same.
func TestAgreementChangeOfScheduleForgetsNoDate(t *testing.T) {
	t.Parallel()
	t.Run("on hold", func(t *testing.T) {
		t.Parallel()
		b := newAgreementBench(t)
		in := agreementInput()
		in.WhileInDunning, in.Schedule.Count = workflows.DunningHold, 0
		b.stripe.script = []answer{declinedWith("insufficient_funds")}
		b.at(b.day("2026-03-02"), func() {
			b.operate(workflows.UpdateChangeSchedule, "", workflows.AgreementOperation{Schedule: &calendar.Schedule{Every: "month", On: "15", Count: 1}})
		})
		b.at(b.day("2026-03-03"), func() {
			b.family.ends(workflows.PaymentEnded{Reference: "gym-17~20260131", State: workflows.PaymentPaid}, false)
		})
		b.agree(in)
		require.Equal(t, []string{"gym-17~20260131", "gym-17~20260228", "gym-17~20260315"}, b.charged())
	})
	t.Run("before the first charge", func(t *testing.T) {
		t.Parallel()
		b := newAgreementBench(t)
		in := agreementInput()
		in.FirstCharge = workflows.FirstChargeNow
		b.stripe.down["ListPaymentIntents"] = stripeError(activities.StripeUnknown)
		b.at(time.Second, func() {
			b.operate(workflows.UpdateChangeSchedule, "", workflows.AgreementOperation{Schedule: &calendar.Schedule{Every: "month", On: "20", Count: 1}})
		})
		b.at(15*time.Second, func() { b.stripe.edit(func() { delete(b.stripe.down, "ListPaymentIntents") }) })
		b.agree(in)
		require.Contains(t, b.charged(), "gym-17~20260115")
	})
}

// Dates after the start are not lost when Stripe, or the worker, is slow to begin.
func TestAgreementStartsLate(t *testing.T) {
	t.Parallel()
	for mode, want := range map[workflows.CatchUp][]string{
		workflows.CatchUpAll:    {"gym-17~20260115", "gym-17~20260116", "gym-17~20260117", "gym-17~20260118"},
		workflows.CatchUpLatest: {"gym-17~20260116", "gym-17~20260117", "gym-17~20260118"},
		workflows.CatchUpNone:   {"gym-17~20260117", "gym-17~20260118"},
	} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			in := agreementInput()
			in.CatchUp, in.Schedule = mode, calendar.Schedule{Every: "day", At: "15:00", Count: 4} // it is 13:00
			b.stripe.down["ListPaymentIntents"] = stripeError(activities.StripeUnknown)
			b.at(30*time.Hour, func() { b.stripe.edit(func() { delete(b.stripe.down, "ListPaymentIntents") }) })
			b.agree(in)
			require.Equal(t, want, b.charged())
			require.Len(t, states(b.last), 4, "every date is accounted for")
		})
	}
}

func TestAgreementDisputeOfAnEarlierLifeWhileSavingTheCard(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	in := agreementInput()
	in.PaymentMethod, in.SaveCard = "", true
	b.at(time.Hour, func() {
		pi := b.stripe.known(activities.PaymentIntentSucceeded, func(pi *activities.PaymentIntent) {
			pi.Metadata = map[string]string{activities.MetadataOwner: "agreement:gym-17", activities.MetadataReference: "gym-17~20250101"}
		})
		b.signal("evt_1", "charge.dispute.created", b.stripe.dispute(pi.ID))
	})
	b.expectState(2*time.Hour, workflows.AgreementSavingCard, "")
	b.at(3*time.Hour, func() {
		b.family.saved(workflows.PaymentMethodSaved{Reference: "gym-17~card1", State: workflows.SetupSaved, PaymentMethod: "pm_other"}, false)
	})
	b.expectState(b.day("2026-02-01"), workflows.AgreementNeedsAttention, workflows.AgreementReasonDisputed)
	b.at(b.day("2026-02-01"), func() { b.operate(cancel, "", workflows.AgreementOperation{}) })
	b.agree(in)
	require.Empty(t, b.charged(), "the first charge finds out")
}

// Many disputes at once are acknowledged by one resume, and more than are listed too.
func TestAgreementManyDisputes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, 12} {
		for _, webhooks := range []bool{true, false} {
			b := newAgreementBench(t)
			in := agreementInput()
			in.Schedule = calendar.Schedule{Every: "day", At: "06:00", Count: n + 10}
			b.at(time.Duration(n)*24*time.Hour, func() {
				for _, p := range b.status().Payments {
					id := b.stripe.dispute(p.PaymentIntent)
					if webhooks {
						b.signal("evt_"+p.Reference, "charge.dispute.created", id)
					}
				}
			})
			resumes := 0
			for d := range 10 {
				b.at(time.Duration(n+1+d)*24*time.Hour, func() {
					if b.status().State == workflows.AgreementNeedsAttention {
						resumes++
						b.operate(workflows.UpdateResume, "", workflows.AgreementOperation{CatchUp: workflows.CatchUpAll})
					}
				})
			}
			require.Equal(t, n+10, b.agree(in).Paid)
			require.LessOrEqual(t, resumes, 2)
		}
	}
}

// Three years of a pause by the hour are left out at once: a workflow task must not take long.
func TestAgreementLongPause(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	in := agreementInput()
	in.Schedule = calendar.Schedule{RRule: "FREQ=HOURLY", SubDaily: true}
	b.at(10*time.Minute, func() { b.operate(workflows.UpdatePause, "", workflows.AgreementOperation{}) })
	resumed := 3 * 365 * 24 * time.Hour
	b.at(resumed+time.Minute, func() { b.operate(workflows.UpdateResume, "", workflows.AgreementOperation{}) })
	b.at(resumed+2*time.Minute, func() {
		require.Equal(t, workflows.AgreementActive, b.status().State)
		require.Len(t, b.status().Payments, 12)
		b.operate(cancel, "", workflows.AgreementOperation{})
	})
	b.agree(in)
	require.Equal(t, []string{"gym-17~20260115T1300"}, b.charged(), "the one before the pause")
}

// An app that is gone for good keeps no agreement from continuing as new.
func TestAgreementWhoseMessagesNobodyTakes(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	in := agreementInput()
	in.Events, in.Schedule = workflows.EventsAll, calendar.Schedule{Every: "hour", SubDaily: true, Count: 60}
	b.stripe.notifyFail = errors.New("gone")
	for h := range 60 {
		b.at(time.Duration(h)*time.Hour+30*time.Minute, func() { b.env.SetContinueAsNewSuggested(true) })
	}
	require.Equal(t, 60, b.agree(in).Paid)
	require.Greater(t, b.runs, 30)
	require.NotEmpty(t, b.last.Undelivered)
}

// A charge that cannot be begun, because Stripe does not answer what must be known first, is handed over after a day.
func TestAgreementChargeThatCannotBegin(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	b.at(b.day("2026-01-30"), func() {
		b.stripe.edit(func() { b.stripe.down["ListPaymentIntents"] = stripeError(activities.StripeUnknown) })
	})
	b.expectState(b.day("2026-02-03"), workflows.AgreementActive, "")
	b.at(b.day("2026-02-03"), func() {
		require.Equal(t, activities.ChargeUnknown, b.family.payments["gym-17~20260131"].AttemptOne.Outcome)
		b.operate(cancel, "", workflows.AgreementOperation{})
	})
	require.Equal(t, workflows.AgreementCanceled, b.agree(agreementInput()).State)
	require.Empty(t, b.charged())
}

// A customer who does not pay gets no more charges than can be followed.
func TestAgreementOpenPaymentsAreBounded(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	refused := 0
	var replies []*reply[workflows.AgreementResponse]
	for i := range 30 {
		b.stripe.script = append(b.stripe.script, declinedWith("insufficient_funds"))
		b.at(time.Hour+time.Duration(i)*time.Minute, func() {
			replies = append(replies, b.operate(workflows.UpdateChargeNow, "", workflows.AgreementOperation{}))
		})
	}
	b.at(3*time.Hour, func() {
		for _, r := range replies {
			if r.refused() != nil {
				require.ErrorContains(t, r.refused(), "20 payments of the agreement are being collected")
				refused++
			}
		}
		b.operate(cancel, "", workflows.AgreementOperation{})
	})
	b.agree(agreementInput())
	require.Len(t, b.family.payments, 20)
	require.Equal(t, 10, refused)
}
