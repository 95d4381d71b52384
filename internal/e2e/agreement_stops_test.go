package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// dispute is the cardholder's, of a payment that was paid.
func (s *site) dispute(intent string) {
	s.t.Helper()
	s.control("/payment_intents/"+intent+"/dispute", nil)
}

// holds checks that nothing is charged, not even on request.
func (s *site) holds(reference, why string) {
	s.t.Helper()
	before := s.agreementHas(reference, func(client.Agreement) error { return nil })
	_, err := s.client.ChargeNow(s.t.Context(), reference, operation())
	requireRefused(s.t, err, "needs_attention ("+why+")")
	require.Equal(s.t, before.Charges, s.agreementIs(reference, workflows.AgreementNeedsAttention, why).Charges)
}

func (s *site) resume(reference string) {
	s.t.Helper()
	_, err := s.client.ResumeAgreement(s.t.Context(), reference, operation())
	require.NoError(s.t, err)
}

// TestAgreementStopsByWebhook: what stops an agreement comes from Stripe by webhook. What it says is read at Stripe.
func TestAgreementStopsByWebhook(t *testing.T) {
	t.Parallel()
	t.Run("dispute of a payment without a workflow", func(t *testing.T) {
		t.Parallel()
		s := sharedSite(t)
		reference := s.agreed(visa)
		s.dispute(s.latest(reference, 1, workflows.AgreementPaymentPaid).PaymentIntent)
		s.agreementIs(reference, workflows.AgreementNeedsAttention, workflows.AgreementReasonDisputed)
		s.holds(reference, workflows.AgreementReasonDisputed)
		// An operator has looked at it: from now on this dispute holds nothing.
		s.resume(reference)
		require.Equal(t, workflows.AgreementPaymentPaid, s.chargeNow(reference).PaymentState)
	})
	t.Run("dispute of a payment with a workflow", func(t *testing.T) {
		t.Parallel()
		s := sharedSite(t)
		reference := s.agreed(oneSoftDecline)
		s.dispute(s.latest(reference, 1, workflows.AgreementPaymentPaid).PaymentIntent)
		s.agreementIs(reference, workflows.AgreementNeedsAttention, workflows.AgreementReasonDisputed)
	})
	t.Run("payment method detached, customer saves another", func(t *testing.T) {
		t.Parallel()
		s := sharedSite(t)
		p := s.agreement(s.reference(), visa)
		s.agree(p)
		s.latest(p.Reference, 1, workflows.AgreementPaymentPaid)
		s.stripe(http.MethodPost, "/v1/payment_methods/"+p.PaymentMethod+"/detach", nil)
		s.agreementIs(p.Reference, workflows.AgreementNeedsAttention, workflows.AgreementReasonMethodDetached)
		_, err := s.client.ResumeAgreement(t.Context(), p.Reference, operation())
		requireRefused(t, err, "the payment method is not the customer's any more")
		s.payByLink(s.mail(p.Reference, 1), purchase{Number: goodCard})
		a := s.agreementIs(p.Reference, workflows.AgreementActive, "")
		require.NotEqual(t, p.PaymentMethod, a.PaymentMethod)
		s.chargeNow(p.Reference)
		now := s.latest(p.Reference, 2, workflows.AgreementPaymentPaid)
		require.Equal(t, a.PaymentMethod, s.intent(now.PaymentIntent)["payment_method"])
	})
	t.Run("customer deleted", func(t *testing.T) {
		t.Parallel()
		s := sharedSite(t)
		p := s.agreement(s.reference(), visa)
		s.agree(p)
		s.latest(p.Reference, 1, workflows.AgreementPaymentPaid)
		s.stripe(http.MethodDelete, "/v1/customers/"+p.Customer, nil)
		s.agreementIs(p.Reference, workflows.AgreementNeedsAttention, workflows.AgreementReasonCustomerDeleted)
		_, err := s.client.ResumeAgreement(t.Context(), p.Reference, operation())
		requireRefused(t, err, "the customer was deleted")
		_, err = s.client.CancelAgreement(t.Context(), p.Reference, operation())
		require.NoError(t, err)
		s.agreementEnds(p.Reference, workflows.AgreementCanceled, "")
	})
	t.Run("mandate withdrawn, operator puts a card in place", func(t *testing.T) {
		t.Parallel()
		s := sharedSite(t)
		p := s.agreement(s.reference(), visa)
		card := p.PaymentMethod
		setup := s.stripe(http.MethodPost, "/v1/setup_intents", map[string][]string{
			"customer": {p.Customer}, "payment_method": {bankAccount}, "confirm": {"true"}, "payment_method_types[]": {"us_bank_account"},
			"mandate_data[customer_acceptance][type]": {"offline"},
		})
		p.PaymentMethod, p.FirstCharge = setup["payment_method"].(string), workflows.FirstChargeScheduled
		s.agree(p)
		s.agreementIs(p.Reference, workflows.AgreementActive, "")
		s.control("/mandates/"+setup["mandate"].(string)+"/inactivate", nil)
		s.agreementIs(p.Reference, workflows.AgreementNeedsAttention, workflows.AgreementReasonMandateInactive)
		change := operation()
		change.PaymentMethod = card
		answer, err := s.client.ChangeAgreementPaymentMethod(t.Context(), p.Reference, change)
		require.NoError(t, err)
		require.Equal(t, workflows.AgreementActive, answer.State)
		require.Equal(t, workflows.AgreementPaymentPaid, s.chargeNow(p.Reference).PaymentState)
	})
	t.Run("permission withdrawn at the bank", func(t *testing.T) {
		t.Parallel()
		s := sharedSite(t)
		reference := s.agreed("pm_sandbox_decline_revocation_of_authorization")
		s.agreementIs(reference, workflows.AgreementNeedsAttention, workflows.AgreementReasonConsentRevoked)
	})
}

// TestAgreementCardUpdatedByNetwork: the network has given the card a later expiry. A payment that waits for it is tried
// at once.
func TestAgreementCardUpdatedByNetwork(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	p := s.agreement(s.reference(), lostCard)
	s.agree(p)
	payment := s.latest(p.Reference, 1, workflows.AgreementPaymentCollecting)
	s.becomes(payment.Reference, workflows.PaymentAwaitingCustomer)
	year := time.Now().Year() + 9
	s.control("/payment_methods/"+p.PaymentMethod+"/automatic_update", map[string]any{"token": visa, "exp_month": 7, "exp_year": year})
	s.latest(p.Reference, 1, workflows.AgreementPaymentPaid)
	s.paidOnce(payment.Reference)
	a := s.agreementHas(p.Reference, func(a client.Agreement) error {
		if a.Card.ExpYear != int64(year) || a.Card.ExpMonth != 7 {
			return errNotYet
		}
		return nil
	})
	require.Equal(t, p.PaymentMethod, a.PaymentMethod)
}

// TestAgreementStopsWithoutWebhooks: every webhook is lost. The next charge finds out, before or while it is made.
func TestAgreementStopsWithoutWebhooks(t *testing.T) {
	t.Parallel()
	site := newSite(t, siteOptions{})
	site.webhooks(stripesandbox.WebhookBehaviour{Mode: stripesandbox.WebhooksLost})
	t.Run("dispute", func(t *testing.T) {
		t.Parallel()
		s := site.with(t)
		reference := s.agreed(visa)
		s.dispute(s.latest(reference, 1, workflows.AgreementPaymentPaid).PaymentIntent)
		s.agreementIs(reference, workflows.AgreementActive, "")
		s.holds(reference, workflows.AgreementReasonDisputed)
		require.Empty(t, s.sandbox.Ledger(reference+"~now1").References, "nothing was sent")
		s.resume(reference)
		s.paidOnce(s.chargeNow(reference).Payment)
	})
	t.Run("payment method detached", func(t *testing.T) {
		t.Parallel()
		s := site.with(t)
		p := s.agreement(s.reference(), visa)
		s.agree(p)
		s.latest(p.Reference, 1, workflows.AgreementPaymentPaid)
		s.stripe(http.MethodPost, "/v1/payment_methods/"+p.PaymentMethod+"/detach", nil)
		now := s.chargeNow(p.Reference)
		s.agreementIs(p.Reference, workflows.AgreementNeedsAttention, workflows.AgreementReasonMethodDetached)
		asked := s.becomes(now.Payment, workflows.PaymentAwaitingCustomer)
		session := s.press(asked.Link)
		s.pay(session.SessionID, purchase{Number: goodCard})
		require.Equal(t, "done", s.press(asked.Link).Answer, "the return page makes up for the webhook")
		a := s.agreementIs(p.Reference, workflows.AgreementActive, "")
		require.NotEqual(t, p.PaymentMethod, a.PaymentMethod, "the card that was paid with is the agreement's")
		s.paidOnce(now.Payment)
		s.paidOnce(s.chargeNow(p.Reference).Payment)
	})
	t.Run("customer deleted", func(t *testing.T) {
		t.Parallel()
		s := site.with(t)
		p := s.agreement(s.reference(), visa)
		s.agree(p)
		s.latest(p.Reference, 1, workflows.AgreementPaymentPaid)
		s.stripe(http.MethodDelete, "/v1/customers/"+p.Customer, nil)
		now := s.chargeNow(p.Reference)
		s.agreementIs(p.Reference, workflows.AgreementNeedsAttention, workflows.AgreementReasonCustomerDeleted)
		require.Empty(t, s.sandbox.Ledger(now.Payment).References, "nothing was sent")
	})
}
