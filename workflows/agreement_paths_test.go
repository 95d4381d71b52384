package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
	"github.com/offsession/offsession/workflows/dunning"
)

func TestAgreementChargesEachDateOnce(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	b.expectState(b.day("2026-02-10"), workflows.AgreementActive, "")
	res := b.agree(agreementInput())
	require.Equal(t, workflows.BillingAgreementResult{State: workflows.AgreementCompleted, Charges: 3, Paid: 3}, res)
	require.Equal(t, []string{"gym-17~20260131", "gym-17~20260228", "gym-17~20260331"}, b.charged())
	require.Equal(t, []string{"payment:gym-17~20260131:charge:1", "payment:gym-17~20260228:charge:1", "payment:gym-17~20260331:charge:1"}, b.stripe.keysSent())
	require.Equal(t, int64(3*1099), b.stripe.taken())
	for i, want := range []string{"2026-01-31T08:00:00Z", "2026-02-28T08:00:00Z", "2026-03-31T07:00:00Z"} {
		require.Equal(t, want, b.stripe.sends[i].At.UTC().Format(time.RFC3339))
		require.Equal(t, "agreement:gym-17", b.stripe.sends[i].Metadata[activities.MetadataOwner])
	}
	require.Equal(t, 4, b.runs, "a run that begins, and one per cycle")
	require.Equal(t, []activities.NotificationKind{activities.NotifyAgreementEnded}, b.stripe.told())
	require.Empty(t, b.family.order)
}

func TestAgreementFirstChargeNow(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		schedule calendar.Schedule
		want     []string
	}{
		"beside the schedule":                {calendar.Schedule{Every: "month", On: "31", At: "09:00", Count: 1}, []string{"gym-17~20260115", "gym-17~20260131"}},
		"the date of the day is the same":    {calendar.Schedule{Every: "month", On: "15", At: "18:00", Count: 2}, []string{"gym-17~20260115", "gym-17~20260215"}},
		"the date of the day has passed":     {calendar.Schedule{Every: "month", On: "15", At: "09:00", Start: "2026-01-15", Count: 2}, []string{"gym-17~20260115", "gym-17~20260215"}},
		"sub-daily: the day may have others": {calendar.Schedule{Every: "hour", Interval: 12, At: "06:00", SubDaily: true, Count: 3}, []string{"gym-17~20260115T1300", "gym-17~20260115T1800", "gym-17~20260116T0600", "gym-17~20260116T1800"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			in := agreementInput()
			in.FirstCharge, in.Schedule = workflows.FirstChargeNow, test.schedule
			require.Equal(t, workflows.AgreementCompleted, b.agree(in).State)
			require.Equal(t, test.want, b.charged())
			require.Less(t, b.stripe.sends[0].At.Sub(b.start), time.Second)
		})
	}
}

func TestAgreementSavesTheCardFirst(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		t.Run(map[bool]string{false: "told", true: "the signal is lost"}[lost], func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			in := agreementInput()
			in.PaymentMethod, in.SaveCard, in.FirstCharge = "", true, workflows.FirstChargeNow
			b.expectState(time.Hour, workflows.AgreementSavingCard, "")
			b.at(time.Hour, func() {
				require.Equal(t, "gym-17~card1", b.status().SavePaymentMethod)
				b.family.saved(workflows.PaymentMethodSaved{Reference: "gym-17~card1", State: workflows.SetupSaved, PaymentMethod: "pm_other"}, lost)
				b.family.saved(workflows.PaymentMethodSaved{Reference: "gym-17~card1", State: workflows.SetupSaved, PaymentMethod: "pm_other"}, lost)
			})
			require.Equal(t, 4, b.agree(in).Paid)
			require.Equal(t, "pm_other", b.stripe.sends[0].PaymentMethod)
			setup := b.family.setups["gym-17~card1"]
			require.Equal(t, "agreement:gym-17", setup.Owner)
			require.Equal(t, "cus_1", setup.Customer)
			require.False(t, setup.Notify, "the app has the customer there")
			require.Len(t, b.family.order, 1)
		})
	}
	for _, end := range []workflows.SetupState{workflows.SetupAbandoned, workflows.SetupCanceled} {
		t.Run(string(end), func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			in := agreementInput()
			in.PaymentMethod, in.SaveCard = "", true
			b.at(20*24*time.Hour, func() {
				b.family.saved(workflows.PaymentMethodSaved{Reference: "gym-17~card1", State: end}, false)
			})
			require.Equal(t, workflows.BillingAgreementResult{State: workflows.AgreementCanceled, Reason: workflows.AgreementReasonCardNotSaved}, b.agree(in))
			require.Empty(t, b.stripe.sends)
		})
	}
}

// An exception of every kind becomes a payment of its own, which has everything that was sent.
func TestAgreementHandsOverWhatDidNotSucceed(t *testing.T) {
	t.Parallel()
	invalid := answer{kind: activities.StripeInvalid}
	for name, test := range map[string]struct {
		answer  answer
		outcome activities.ChargeOutcome
	}{
		"declined":       {declinedWith("insufficient_funds"), activities.ChargeDeclined},
		"needs customer": {authRequired(), activities.ChargeNeedsCustomer},
		"processing":     {bankDebit(), activities.ChargeProcessing},
		"refused":        {answer{kind: activities.StripeRefused, codes: activities.Codes{Code: "amount_too_small"}}, activities.ChargeRefused},
		"unknown":        {storedFault(approved()), activities.ChargeUnknown},
		"final error":    {invalid, activities.ChargeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			in := agreementInput()
			in.Schedule.Count = 1
			in.Description, in.StatementSuffix, in.Metadata = "Gym", "GYM", map[string]string{"club": "7"}
			b.stripe.script = []answer{test.answer}
			b.at(b.day("2026-02-01"), func() {
				require.Equal(t, workflows.AgreementSettling, b.status().State)
				require.Equal(t, map[string]workflows.AgreementPaymentState{"gym-17~20260131": workflows.AgreementPaymentCollecting}, states(b.status()))
				paid := workflows.PaymentEnded{Reference: "gym-17~20260131", State: workflows.PaymentPaid}
				b.family.ends(paid, false)
				b.family.ends(paid, false)
			})
			require.Equal(t, workflows.BillingAgreementResult{State: workflows.AgreementCompleted, Charges: 1, Paid: 1}, b.agree(in))
			p := b.family.payments["gym-17~20260131"]
			require.Equal(t, test.outcome, p.AttemptOne.Outcome)
			require.Equal(t, time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC), p.AttemptOne.At)
			require.Equal(t, p.AttemptOne.At, p.Due)
			want := *p
			want.AttemptOne, want.Due, want.Policy = nil, time.Time{}, dunning.Policy{}
			require.Equal(t, workflows.CollectPaymentInput{
				Reference: "gym-17~20260131", Customer: "cus_1", PaymentMethod: "pm_card", Amount: 1099, Currency: "usd", Owner: "agreement:gym-17",
				Description: "Gym", StatementSuffix: "GYM", Metadata: map[string]string{"club": "7"}, TimeZone: "Europe/Berlin",
			}, want)
		})
	}
}

func TestAgreementChildExistsAlready(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		known  activities.OwnedWorkflow
		state  workflows.AgreementState
		reason string
	}{
		"the same payment":         {activities.OwnedWorkflow{State: "retry_scheduled", Customer: "cus_1", Amount: 1099, Currency: "usd"}, workflows.AgreementActive, ""},
		"the same, ended already":  {activities.OwnedWorkflow{State: "paid", Ended: true, Customer: "cus_1", Amount: 1099, Currency: "usd"}, workflows.AgreementActive, ""},
		"of another customer":      {activities.OwnedWorkflow{State: "paid", Ended: true, Customer: "cus_2", Amount: 1099, Currency: "usd"}, workflows.AgreementNeedsAttention, workflows.AgreementReasonReferenceConflict},
		"of another amount":        {activities.OwnedWorkflow{State: "scheduled", Customer: "cus_1", Amount: 1, Currency: "usd"}, workflows.AgreementNeedsAttention, workflows.AgreementReasonReferenceConflict},
		"terminated in the middle": {activities.OwnedWorkflow{Lost: true, Customer: "cus_1", Amount: 1099, Currency: "usd"}, workflows.AgreementNeedsAttention, workflows.AgreementReasonPaymentLost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			b.prepare = func(env *testsuite.TestWorkflowEnvironment) {
				env.OnWorkflow(workflows.TypeCollectPayment, mock.Anything, mock.Anything).Return(workflows.CollectPaymentResult{}, testsuite.ErrMockStartChildWorkflowFailed)
			}
			b.newRun(b.start)
			b.stripe.script = []answer{declinedWith("insufficient_funds")}
			b.family.known["payment:gym-17~20260131"] = test.known
			b.expectState(b.day("2026-02-01"), test.state, test.reason)
			b.at(b.day("2026-02-01"), func() {
				if test.known.Ended && test.reason == "" {
					require.Equal(t, 1, b.status().Paid)
				}
				b.operate(cancel, "end", workflows.AgreementOperation{})
			})
			b.agree(agreementInput())
		})
	}
}

func TestAgreementFinalAction(t *testing.T) {
	t.Parallel()
	for action, want := range map[dunning.FinalAction]struct {
		state   workflows.AgreementState
		reason  string
		charges int
	}{
		dunning.FinalUncollectible:  {workflows.AgreementActive, "", 3},
		dunning.FinalPause:          {workflows.AgreementPaused, workflows.AgreementReasonPaymentFailed, 1},
		dunning.FinalNeedsAttention: {workflows.AgreementNeedsAttention, workflows.AgreementReasonPaymentFailed, 1},
		dunning.FinalCancel:         {workflows.AgreementCanceled, workflows.AgreementReasonPaymentFailed, 1},
	} {
		for _, lost := range []bool{false, true} {
			t.Run(string(action)+map[bool]string{true: ", signal lost"}[lost], func(t *testing.T) {
				t.Parallel()
				b := newAgreementBench(t)
				in := agreementInput()
				in.Policy.FinalAction = action
				b.stripe.script = []answer{declinedWith("insufficient_funds")}
				b.at(b.day("2026-02-20"), func() {
					b.family.ends(workflows.PaymentEnded{Reference: "gym-17~20260131", State: workflows.PaymentUncollectible, DeclineCode: "insufficient_funds"}, lost)
				})
				if want.state != workflows.AgreementCanceled {
					b.expectState(b.day("2026-02-22"), want.state, want.reason)
				}
				if want.state == workflows.AgreementPaused || want.state == workflows.AgreementNeedsAttention {
					b.at(b.day("2026-07-01"), func() { b.operate(cancel, "", workflows.AgreementOperation{}) })
				}
				require.Equal(t, want.charges, b.agree(in).Charges)
				require.Len(t, b.family.payments, 1)
			})
		}
	}
}

// The card with which a customer has paid a failed payment becomes the agreement's, and the other open payments try it,
// one per ten minutes.
func TestAgreementAdoptsTheCardOfARecoveredPayment(t *testing.T) {
	t.Parallel()
	b := newAgreementBench(t)
	in := agreementInput()
	in.Schedule.Count = 5
	b.stripe.script = []answer{declinedWith("insufficient_funds"), declinedWith("insufficient_funds"), declinedWith("insufficient_funds")}
	b.at(b.day("2026-04-10"), func() {
		b.family.ends(workflows.PaymentEnded{Reference: "gym-17~20260131", State: workflows.PaymentPaid, PaymentMethod: "pm_other"}, false)
	})
	b.at(b.day("2026-04-10")+5*time.Minute, func() { require.Len(t, b.family.sent, 1) })
	b.at(b.day("2026-04-11"), func() {
		require.Equal(t, "pm_other", b.status().PaymentMethod)
		require.Equal(t, "1111", b.status().Card.Last4)
		for _, ref := range []string{"gym-17~20260228", "gym-17~20260331"} {
			b.family.ends(workflows.PaymentEnded{Reference: ref, State: workflows.PaymentPaid}, false)
		}
	})
	require.Equal(t, workflows.BillingAgreementResult{State: workflows.AgreementCompleted, Charges: 5, Paid: 5}, b.agree(in))
	require.Len(t, b.family.sent, 2)
	for i, ref := range []string{"gym-17~20260228", "gym-17~20260331"} {
		require.Equal(t, activities.InstructInput{
			WorkflowID: "payment:" + ref, Update: changeMethod, RequestID: "agreement:gym-17:method:1", PaymentMethod: "pm_other",
			Actor: "agreement", Reason: "the agreement's payment method has changed",
		}, b.family.sent[i])
	}
	require.Equal(t, []string{"pm_card", "pm_card", "pm_card", "pm_other", "pm_other"}, methodsOf(b.stripe.sends))
}

func methodsOf(sends []send) []string {
	var all []string
	for _, s := range sends {
		all = append(all, s.PaymentMethod)
	}
	return all
}

func TestAgreementWhileInDunning(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hold    workflows.WhileInDunning
		catchUp workflows.CatchUp
		want    []string
	}{
		"continue":          {workflows.DunningContinue, "", []string{"gym-17~20260131", "gym-17~20260228", "gym-17~20260331", "gym-17~20260430", "gym-17~20260531"}},
		"hold, then latest": {workflows.DunningHold, workflows.CatchUpLatest, []string{"gym-17~20260131", "gym-17~20260331", "gym-17~20260430", "gym-17~20260531"}},
		"hold, then all":    {workflows.DunningHold, workflows.CatchUpAll, []string{"gym-17~20260131", "gym-17~20260228", "gym-17~20260331", "gym-17~20260430", "gym-17~20260531"}},
		"hold, then none":   {workflows.DunningHold, workflows.CatchUpNone, []string{"gym-17~20260131", "gym-17~20260430", "gym-17~20260531"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			in := agreementInput()
			in.WhileInDunning, in.CatchUp, in.Schedule.Count = test.hold, test.catchUp, 5
			b.stripe.script = []answer{declinedWith("insufficient_funds")}
			if test.hold == workflows.DunningHold {
				b.expectState(b.day("2026-03-02"), workflows.AgreementOnHold, "")
			}
			b.at(b.day("2026-04-03"), func() {
				b.family.ends(workflows.PaymentEnded{Reference: "gym-17~20260131", State: workflows.PaymentPaid}, false)
			})
			require.Equal(t, workflows.AgreementCompleted, b.agree(in).State)
			require.Equal(t, test.want, b.charged())
		})
	}
}
