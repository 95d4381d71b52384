package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

// TestAgreementCharges: the customer agreed, the first charge is made, the next is weeks away.
func TestAgreementCharges(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	p := s.agreement(s.reference(), visa)
	s.agree(p)
	paid := s.latest(p.Reference, 1, workflows.AgreementPaymentPaid)
	berlin, err := time.LoadLocation(p.TimeZone)
	require.NoError(t, err)
	require.Equal(t, p.Reference+"~"+paid.DueAt.In(berlin).Format("20060102"), paid.Reference)

	intent := s.intent(paid.PaymentIntent)
	require.Equal(t, "succeeded", intent["status"])
	require.InDelta(t, 1099, intent["amount"], 0)
	require.Equal(t, "Gym", intent["description"])
	require.Equal(t, p.PaymentMethod, intent["payment_method"])
	require.Equal(t, map[string]any{
		"offsession_workflow_id": "payment:" + paid.Reference, "offsession_reference": paid.Reference,
		"offsession_owner": "agreement:" + p.Reference, "offsession_attempt": "1",
	}, intent["metadata"])
	s.paidOnce(paid.Reference)

	a := s.agreementIs(p.Reference, workflows.AgreementActive, "")
	require.Equal(t, 1, a.Charges)
	require.Equal(t, 1, a.Paid)
	require.Equal(t, "4242", a.Card.Last4)
	due := a.NextDueAt.In(berlin)
	require.Equal(t, p.Schedule.Start+" 09:00", due.Format("2006-01-02 15:04"))
	require.Equal(t, a.NextDueAt, a.NextActionAt)
	require.Equal(t, 3, s.runs(p.Reference), "one that begins, and one per cycle")

	// The payment has no workflow; Stripe tells of it.
	payment, err := s.client.Payment(t.Context(), paid.Reference)
	require.NoError(t, err)
	require.Equal(t, workflows.PaymentPaid, payment.State)
	require.Equal(t, "agreement:"+p.Reference, payment.Owner)

	// Again with the same values it is the same agreement, and nothing is charged.
	again, err := s.client.StartAgreement(t.Context(), p)
	require.NoError(t, err)
	require.True(t, again.AlreadyStarted)
	p.Amount++
	_, err = s.client.StartAgreement(t.Context(), p)
	requireRefused(t, err, "another amount: it was 1099, now it is 1100")
	require.Equal(t, 1, s.agreementIs(p.Reference, workflows.AgreementActive, "").Charges)
}

// TestAgreementSavesCard: the customer saves a card first, and is charged with it at once.
func TestAgreementSavesCard(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	p := s.agreement(s.reference(), visa)
	p.PaymentMethod, p.SaveCard = "", true
	s.agree(p)
	link := s.agreementLink(p.Reference)
	a := s.agreementIs(p.Reference, workflows.AgreementSavingCard, "")
	require.Zero(t, a.Charges)
	s.payByLink(link, purchase{Number: goodCard})
	saved := s.saveEnds(a.SavePaymentMethod, workflows.SetupSaved)
	s.usable(saved)
	paid := s.latest(p.Reference, 1, workflows.AgreementPaymentPaid)
	s.paidOnce(paid.Reference)
	require.Equal(t, saved.PaymentMethod, s.intent(paid.PaymentIntent)["payment_method"])
	a = s.agreementIs(p.Reference, workflows.AgreementActive, "")
	require.Equal(t, saved.PaymentMethod, a.PaymentMethod)
	require.Empty(t, a.Link, "nothing is asked for any more")
}

// TestAgreementAdoptsCard: a charge is declined for good, the customer pays with another card, and that one is charged
// from then on.
func TestAgreementAdoptsCard(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	p := s.agreement(s.reference(), lostCard)
	s.agree(p)
	declined := s.latest(p.Reference, 1, workflows.AgreementPaymentCollecting)
	asked := s.becomes(declined.Reference, workflows.PaymentAwaitingCustomer)
	require.Len(t, asked.Attempts, 1, "the agreement's own attempt was the first")
	require.Equal(t, "agreement:"+p.Reference, asked.Owner)
	s.payByLink(s.mail(p.Reference, 1), purchase{Number: "5555555555554444"})
	ended := s.ended(declined.Reference, workflows.PaymentPaid)
	a := s.agreementHas(p.Reference, func(a client.Agreement) error {
		if a.PaymentMethod == p.PaymentMethod || a.Card.Last4 == "" || a.Paid != 1 {
			return errNotYet
		}
		return nil
	})
	require.Equal(t, workflows.AgreementActive, a.State)
	require.Equal(t, "4444", a.Card.Last4)
	require.Equal(t, workflows.AgreementPaymentPaid, a.Payments[0].State)
	s.paidOnce(declined.Reference)
	s.nothingOpen(declined.Reference)

	answer := s.chargeNow(p.Reference)
	require.Equal(t, workflows.AgreementPaymentPaid, answer.PaymentState)
	now := s.latest(p.Reference, 2, workflows.AgreementPaymentPaid)
	require.Equal(t, a.PaymentMethod, s.intent(now.PaymentIntent)["payment_method"])
	require.NotEqual(t, ended.PaymentIntent, now.PaymentIntent)
	s.paidOnce(now.Reference)
}

// TestAgreementRecoversByRetry: too little money, then enough. Nobody has to do anything.
func TestAgreementRecoversByRetry(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	reference := s.agreed(oneSoftDecline)
	paid := s.latest(reference, 1, workflows.AgreementPaymentPaid)
	require.Len(t, s.ended(paid.Reference, workflows.PaymentPaid).Attempts, 2)
	s.paidOnce(paid.Reference)
	require.Len(t, s.sandbox.Ledger(paid.Reference).References[paid.Reference].PaymentIntents, 1, "the second attempt confirms the first one's")
	require.Equal(t, 1, s.agreementIs(reference, workflows.AgreementActive, "").Paid)
}

// TestAgreementAfterUncollectible: what becomes of the agreement is the policy's final action.
func TestAgreementAfterUncollectible(t *testing.T) {
	t.Parallel()
	for action, want := range map[dunning.FinalAction]struct {
		state  workflows.AgreementState
		reason string
	}{
		dunning.FinalUncollectible:  {workflows.AgreementActive, ""},
		dunning.FinalPause:          {workflows.AgreementPaused, workflows.AgreementReasonPaymentFailed},
		dunning.FinalCancel:         {workflows.AgreementCanceled, workflows.AgreementReasonPaymentFailed},
		dunning.FinalNeedsAttention: {workflows.AgreementNeedsAttention, workflows.AgreementReasonPaymentFailed},
	} {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			s := sharedSite(t)
			p := s.agreement(s.reference(), lostCard)
			p.Policy.CustomerWindow = dunning.Exactly(2 * time.Second)
			p.Policy.FinalAction = action
			s.agree(p)
			payment := s.latest(p.Reference, 1, workflows.AgreementPaymentUncollectible)
			s.ended(payment.Reference, workflows.PaymentUncollectible)
			s.nothingOpen(payment.Reference)
			a := s.agreementIs(p.Reference, want.state, want.reason)
			require.Zero(t, a.Paid)
			if !want.state.Ended() {
				return
			}
			_, err := s.client.ChargeNow(t.Context(), p.Reference, operation())
			requireRefused(t, err, "has ended as canceled")
			require.Len(t, s.sandbox.Ledger(payment.Reference).References[payment.Reference].PaymentIntents, 1)
		})
	}
}

// TestAgreementEnds runs agreements to their ends. With -update the histories of their runs are recorded.
func TestAgreementEnds(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(s *site, p client.AgreementParams){
		"completed": func(s *site, p client.AgreementParams) {
			// The only date is the day of the first charge.
			p.Schedule.Every, p.Schedule.Start = "", ""
			p.Schedule.Dates = []string{time.Now().AddDate(0, 0, 1).UTC().Format("2006-01-02")}
			s.agree(p)
			s.latest(p.Reference, 1, workflows.AgreementPaymentPaid)
			_, err := s.client.SkipNext(s.t.Context(), p.Reference, operation())
			require.NoError(s.t, err)
			a := s.agreementEnds(p.Reference, workflows.AgreementCompleted, "")
			require.Equal(s.t, workflows.AgreementPaymentSkipped, a.Payments[1].State)
		},
		"canceled": func(s *site, p client.AgreementParams) {
			s.agree(p)
			s.latest(p.Reference, 1, workflows.AgreementPaymentPaid)
			_, err := s.client.CancelAgreement(s.t.Context(), p.Reference, operation())
			require.NoError(s.t, err)
			s.agreementEnds(p.Reference, workflows.AgreementCanceled, "")
		},
		"canceled_after_changes": func(s *site, p client.AgreementParams) {
			ctx := s.t.Context()
			s.agree(p)
			s.latest(p.Reference, 1, workflows.AgreementPaymentPaid)
			change := func(do func(context.Context, string, client.AgreementOperation) (client.AgreementAnswer, error), edit func(*client.AgreementOperation)) {
				op := operation()
				edit(&op)
				_, err := do(ctx, p.Reference, op)
				require.NoError(s.t, err)
			}
			nothing := func(*client.AgreementOperation) {}
			change(s.client.PauseAgreement, nothing)
			change(s.client.ResumeAgreement, func(op *client.AgreementOperation) { op.CatchUp = workflows.CatchUpLatest })
			change(s.client.SkipNext, nothing)
			change(s.client.ChangeAmount, func(op *client.AgreementOperation) { op.Amount = 1299 })
			change(s.client.ChargeNow, nothing)
			change(s.client.ChangeAgreementPaymentMethod, func(op *client.AgreementOperation) {
				op.PaymentMethod = s.attach(p.Customer, "pm_card_chargeCustomerFail")
			})
			change(s.client.ChargeNow, nothing)
			change(s.client.CancelAgreement, func(op *client.AgreementOperation) { op.OpenPayments = workflows.OpenPaymentsWriteOff })
			s.agreementEnds(p.Reference, workflows.AgreementCanceled, "")
		},
		"canceled_by_temporal_while_saving_card": func(s *site, p client.AgreementParams) {
			p.PaymentMethod, p.SaveCard = "", true
			s.agree(p)
			a := s.agreementHas(p.Reference, func(a client.Agreement) error {
				if a.SavePaymentMethod == "" {
					return errNotYet
				}
				return nil
			})
			require.NoError(s.t, temporal.CancelWorkflow(s.t.Context(), workflows.AgreementID(p.Reference), ""))
			s.saveEnds(a.SavePaymentMethod, workflows.SetupCanceled)
			a = s.agreementEnds(p.Reference, workflows.AgreementCanceled, "")
			require.Equal(s.t, "temporal", a.Audit[len(a.Audit)-1].Actor)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sharedSite(t)
			p := s.agreement(s.reference(), visa)
			run(s, p)
			record(t, workflows.AgreementID(p.Reference), "billing_agreement_"+name)
		})
	}
}
