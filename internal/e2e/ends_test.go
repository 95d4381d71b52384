package e2e

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

var byHand = client.Operation{Actor: "e2e", Reason: "a test"}

// TestPaymentEnds runs a payment to each of its ends. With -update the histories are recorded.
func TestPaymentEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		run  func(s *site) (reference string)
	}{
		{"paid_at_once", func(s *site) string {
			reference := s.charge(visa)
			p := s.ended(reference, workflows.PaymentPaid)
			require.Len(s.t, p.Attempts, 1)
			return reference
		}},
		{"paid_after_retries", func(s *site) string {
			reference := s.charge(twoSoftDeclines)
			p := s.ended(reference, workflows.PaymentPaid)
			require.Len(s.t, p.Attempts, 3)
			require.Equal(s.t, "insufficient_funds", p.Attempts[0].DeclineCode)
			require.Len(s.t, s.sandbox.Ledger(reference).References[reference].PaymentIntents, 1, "later attempts confirm the same one")
			return reference
		}},
		{"paid_by_customer", func(s *site) string {
			reference := s.charge(lostCard)
			s.payByLink(s.mail(reference, 1), purchase{Number: goodCard})
			p := s.ended(reference, workflows.PaymentPaid)
			require.Len(s.t, p.Attempts, 1)
			return reference
		}},
		{"paid_by_customer_with_3ds", func(s *site) string {
			reference := s.charge(authCard)
			s.payByLink(s.mail(reference, 1), purchase{Number: alwaysAuthCard})
			s.ended(reference, workflows.PaymentPaid)
			return reference
		}},
		{"paid_after_processing", func(s *site) string {
			reference := s.charge(bankAccount)
			p := s.becomes(reference, workflows.PaymentProcessing)
			s.control("/payment_intents/"+p.PaymentIntent+"/settle", map[string]string{"outcome": "succeeded"})
			s.ended(reference, workflows.PaymentPaid)
			return reference
		}},
		{"uncollectible", func(s *site) string {
			params := s.params(s.reference(), lostCard)
			params.Policy.CustomerWindow = dunning.Exactly(2 * time.Second)
			params.Policy.Reminders = []dunning.Duration{dunning.Exactly(time.Second)}
			s.start(params)
			s.ended(params.Reference, workflows.PaymentUncollectible)
			return params.Reference
		}},
		{"written_off_from_needs_attention", func(s *site) string {
			params := s.params(s.reference(), visa)
			// Stripe knows the reference with another amount: nothing may be sent.
			s.stripe(http.MethodPost, "/v1/payment_intents", url.Values{
				"amount": {"500"}, "currency": {"usd"}, "customer": {params.Customer}, "metadata[offsession_reference]": {params.Reference},
			})
			s.start(params)
			p := s.becomes(params.Reference, workflows.PaymentNeedsAttention)
			require.Equal(s.t, workflows.ReasonReferenceConflict, p.Reason)
			answer, err := s.client.WriteOffPayment(s.t.Context(), params.Reference, byHand)
			require.NoError(s.t, err)
			require.Equal(s.t, client.Answer{State: "uncollectible"}, answer)
			p = s.ended(params.Reference, workflows.PaymentUncollectible)
			require.Len(s.t, p.Audit, 1)
			return params.Reference
		}},
		{"canceled", func(s *site) string {
			params := s.params(s.reference(), visa)
			params.Due = time.Now().AddDate(0, 0, 1)
			s.start(params)
			s.becomes(params.Reference, workflows.PaymentScheduled)
			answer, err := s.client.CancelPayment(s.t.Context(), params.Reference, byHand)
			require.NoError(s.t, err)
			require.Equal(s.t, client.Answer{State: "canceled"}, answer)
			s.ended(params.Reference, workflows.PaymentCanceled)
			return params.Reference
		}},
		{"canceled_by_temporal", func(s *site) string {
			reference := s.charge(lostCard)
			s.press(s.mail(reference, 1))
			require.NoError(s.t, temporal.CancelWorkflow(s.t.Context(), workflows.PaymentID(reference), ""))
			p := s.ended(reference, workflows.PaymentCanceled)
			require.Equal(s.t, "temporal", p.Audit[len(p.Audit)-1].Actor)
			return reference
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := sharedSite(t)
			reference := test.run(s)
			if p, err := s.client.Payment(t.Context(), reference); err == nil && p.State == workflows.PaymentPaid {
				s.paidOnce(reference)
			}
			if test.name != "written_off_from_needs_attention" { // the foreign PaymentIntent is not ours to close
				s.nothingOpen(reference)
			}
			record(t, workflows.PaymentID(reference), "collect_payment_"+test.name)
		})
	}
}

// TestSaveEnds runs saving a payment method to each of its ends. With -update the histories are recorded.
func TestSaveEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		want workflows.SetupState
		run  func(s *site, p *client.SavePaymentMethodParams)
	}{
		{"saved", workflows.SetupSaved, func(s *site, p *client.SavePaymentMethodParams) {
			p.CreateCustomer = true
			started := s.save(*p)
			require.NotEmpty(s.t, started.Link)
			s.pay(started.SessionID, purchase{Number: goodCard, Email: email(p.Reference)})
		}},
		{"saved_for_customer", workflows.SetupSaved, func(s *site, p *client.SavePaymentMethodParams) {
			p.Customer, p.Notify = s.customer(p.Reference), true
			started := s.save(*p)
			require.Equal(s.t, started.Link, s.mail(p.Reference, 1), "the mail has the same link")
			// The session expires, the link lives on.
			s.stripe(http.MethodPost, "/v1/checkout/sessions/"+started.SessionID+"/expire", nil)
			pressed := s.press(started.Link)
			require.NotEqual(s.t, started.SessionID, pressed.SessionID)
			s.pay(pressed.SessionID, purchase{Number: alwaysAuthCard})
		}},
		{"saved_and_attached", workflows.SetupSaved, func(s *site, p *client.SavePaymentMethodParams) {
			p.AttachTo = s.customer(p.Reference)
			s.payByLink(s.save(*p).Link, purchase{Number: goodCard, Email: email(p.Reference)})
		}},
		{"abandoned", workflows.SetupAbandoned, func(s *site, p *client.SavePaymentMethodParams) {
			p.Customer, p.Notify = s.customer(p.Reference), true
			p.Reminders, p.Deadline = []dunning.Duration{dunning.Exactly(time.Second)}, dunning.Exactly(20*time.Second)
			s.save(*p)
			s.mail(p.Reference, 2)
		}},
		{"canceled", workflows.SetupCanceled, func(s *site, p *client.SavePaymentMethodParams) {
			p.CreateCustomer = true
			s.save(*p)
			answer, err := s.client.CancelSavePaymentMethod(s.t.Context(), p.Reference, byHand)
			require.NoError(s.t, err)
			require.Equal(s.t, client.Answer{State: "canceled"}, answer)
		}},
		{"canceled_by_temporal", workflows.SetupCanceled, func(s *site, p *client.SavePaymentMethodParams) {
			p.CreateCustomer = true
			s.save(*p)
			require.NoError(s.t, temporal.CancelWorkflow(s.t.Context(), workflows.SavePaymentMethodID(p.Reference), ""))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := sharedSite(t)
			p := client.SavePaymentMethodParams{Reference: s.reference()}
			test.run(s, &p)
			saved := s.saveEnds(p.Reference, test.want)
			if test.want == workflows.SetupSaved {
				s.usable(saved)
			}
			record(t, saved.WorkflowID, "save_payment_method_"+test.name)
		})
	}
}

// save starts saving a payment method.
func (s *site) save(p client.SavePaymentMethodParams) client.StartedSave {
	s.t.Helper()
	started, err := s.client.SavePaymentMethod(s.t.Context(), p)
	require.NoError(s.t, err)
	require.NotEmpty(s.t, started.SessionID)
	return started
}

// usable checks with Stripe that a saved method belongs to the customer, is the default, and can be charged off-session.
func (s *site) usable(saved client.SavedPaymentMethod) {
	s.t.Helper()
	method := s.stripe(http.MethodGet, "/v1/payment_methods/"+saved.PaymentMethod, nil)
	require.Equal(s.t, saved.Customer, method["customer"])
	customer := s.stripe(http.MethodGet, "/v1/customers/"+saved.Customer, nil)
	require.Equal(s.t, saved.PaymentMethod, customer["invoice_settings"].(map[string]any)["default_payment_method"])
}

// TestNoTimerIsLeftRunning: a timer that nobody waits for any more is four events when it fires.
func TestNoTimerIsLeftRunning(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	payment := s.charge(lostCard)
	link := s.mail(payment, 1)
	save := client.SavePaymentMethodParams{Reference: s.reference(), CreateCustomer: true}
	saveLink := s.save(save).Link
	for range 3 {
		s.press(link)
		s.press(saveLink)
	}
	for _, id := range []string{workflows.PaymentID(payment), workflows.SavePaymentMethodID(save.Reference)} {
		s.settled(id)
		history, err := historyOf(t.Context(), id, "")
		require.NoError(t, err)
		running := 0
		for _, event := range history.GetEvents() {
			switch event.GetEventType() {
			case enumspb.EVENT_TYPE_TIMER_STARTED:
				running++
			case enumspb.EVENT_TYPE_TIMER_FIRED, enumspb.EVENT_TYPE_TIMER_CANCELED:
				running--
			}
		}
		require.Equal(t, 1, running, "%s waits for one thing: its next look", id)
	}
}
