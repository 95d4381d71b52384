package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

// params describe a payment that is due now, with a policy of seconds.
func (s *site) params(reference, token string) client.PaymentParams {
	s.t.Helper()
	customer, method := s.customerWith(reference, token)
	policy := quick()
	return client.PaymentParams{
		Reference: reference, Customer: customer, PaymentMethod: method, Amount: 1099, Currency: "usd", Description: "Plan, January", Policy: &policy,
	}
}

// quick is the default policy with seconds for days.
func quick() dunning.Policy {
	p := dunning.DefaultPolicy()
	p.Name = "quick"
	p.Soft.After = []dunning.Duration{dunning.Exactly(time.Second), dunning.Exactly(time.Second)}
	p.Issuer.After = []dunning.Duration{dunning.Exactly(time.Second)}
	p.CustomerWindow = dunning.Exactly(time.Hour)
	p.Reminders = []dunning.Duration{}
	return p
}

// start starts a payment.
func (s *site) start(p client.PaymentParams) string {
	s.t.Helper()
	_, err := s.client.StartPayment(s.t.Context(), p)
	require.NoError(s.t, err)
	return p.Reference
}

// charge starts a payment that is due now on a card.
func (s *site) charge(token string) string {
	s.t.Helper()
	return s.start(s.params(s.reference(), token))
}

// ended waits for a payment's end.
func (s *site) ended(reference string, want workflows.PaymentState) client.Payment {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	p, err := s.client.Wait(ctx, reference)
	require.NoError(s.t, err)
	require.Equal(s.t, want, p.State, "%+v", p)
	return p
}

// becomes waits until a payment is in a state.
func (s *site) becomes(reference string, want workflows.PaymentState) client.Payment {
	s.t.Helper()
	var p client.Payment
	eventually(s.t, func() error {
		var err error
		if p, err = s.client.Payment(s.t.Context(), reference); err != nil {
			return err
		}
		if p.State != want {
			return fmt.Errorf("payment %s is %s (%s), not %s", reference, p.State, p.Reason, want)
		}
		return nil
	})
	return p
}

// sideBySide runs the cases of a test that mostly waits at once. As parallel tests they would begin when all others have had their
// turn, and everything would wait for them.
type sideBySide struct {
	sync.WaitGroup
	t *testing.T
}

func (s *sideBySide) run(name string, test func(t *testing.T)) {
	s.Go(func() { s.t.Run(name, test) })
}

// eventually polls until there is no error any more.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	if err := within(patience, try); err != nil {
		t.Fatal(err)
	}
}

// within polls, ever more slowly, until there is no error any more, and answers the last one when that takes too long. A dozen
// tests that ask their workers many times a second would keep a slow machine from doing what they wait for.
func within(patience time.Duration, try func() error) error {
	deadline := time.Now().Add(patience)
	for pause := 50 * time.Millisecond; ; pause = min(pause*3/2, slowestPoll) {
		err := try()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		<-time.After(pause)
	}
}

const slowestPoll = 400 * time.Millisecond

// sessionAnswer is that of POST /c/{token}/session.
type sessionAnswer struct {
	Answer         string `json:"answer"`
	State          string `json:"state"`
	Mode           string `json:"mode"`
	SessionID      string `json:"session_id"`
	ClientSecret   string `json:"client_secret"`
	URL            string `json:"url"`
	PublishableKey string `json:"publishable_key"`
	Amount         int64  `json:"amount"`
	Currency       string `json:"currency"`
	Error          string `json:"error"`
}

// press is the customer's button: it answers what the page would do next, after any busy.
func (s *site) press(link string) sessionAnswer {
	s.t.Helper()
	var pressed sessionAnswer
	eventually(s.t, func() error {
		if pressed = s.pressOnce(link); pressed.Answer == string(workflows.CheckoutBusy) {
			return fmt.Errorf("%s is %s", link, pressed.Answer)
		}
		return nil
	})
	return pressed
}

// pressOnce is the customer's button, whatever it answers but pending.
func (s *site) pressOnce(link string) sessionAnswer {
	s.t.Helper()
	var pressed sessionAnswer
	eventually(s.t, func() error {
		a := s.visit(http.MethodPost, link+"/session", http.Header{"Content-Type": {"application/json"}}, "{}")
		require.Equal(s.t, http.StatusOK, a.status, a.body)
		pressed = sessionAnswer{}
		require.NoError(s.t, json.Unmarshal([]byte(a.body), &pressed))
		if pressed.Answer == string(workflows.CheckoutPending) {
			return fmt.Errorf("%s is %s", link, pressed.Answer)
		}
		return nil
	})
	return pressed
}

// visit is a request of the customer's browser to our web server: like the page and its script it comes again while that is not
// available, as when a worker is slow or gone.
func (s *site) visit(method, address string, header http.Header, body string) answer {
	s.t.Helper()
	var a answer
	eventually(s.t, func() error {
		if a = s.http(method, address, header, body); a.status == http.StatusServiceUnavailable {
			return fmt.Errorf("%s: %w: %s", method, errNotYet, a.body)
		}
		return nil
	})
	return a
}

// purchase is what a customer enters on Stripe's page.
type purchase = stripesandbox.Payment

// pay finishes a Checkout Session.
func (s *site) pay(session string, p purchase) {
	s.t.Helper()
	require.NotEmpty(s.t, session)
	s.control("/checkout/"+session+"/pay", p)
}

// payByLink is a customer who opens a link, presses the button and pays.
func (s *site) payByLink(link string, p purchase) {
	s.t.Helper()
	s.pay(s.press(link).SessionID, p)
}

// mail waits for the message number n (from 1) to a reference's customer.
func (s *site) mail(reference string, n int) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	m, err := stack.Mailbox.Await(ctx, email(reference), n)
	require.NoError(s.t, err)
	require.NotEmpty(s.t, m.Link(), "%s: %s", m.Subject, m.Text)
	return m.Link()
}

// paidOnce checks with Stripe's side that a payment was taken exactly once.
func (s *site) paidOnce(reference string) {
	s.t.Helper()
	paid := s.sandbox.Ledger(reference).References[reference]
	require.NotNil(s.t, paid, "Stripe knows nothing of %s", reference)
	require.Equal(s.t, 1, paid.NetSuccesses, "%+v", paid)
}

// nothingOpen checks with Stripe's side that nothing can be paid any more.
func (s *site) nothingOpen(reference string) {
	s.t.Helper()
	paid := s.sandbox.Ledger(reference).References[reference]
	if paid == nil {
		return
	}
	for _, id := range paid.PaymentIntents {
		status := s.stripe(http.MethodGet, "/v1/payment_intents/"+id, nil)["status"]
		sessions := s.stripe(http.MethodGet, "/v1/checkout/sessions?payment_intent="+id, nil)["data"].([]any)
		if len(sessions) > 0 {
			require.NotEqual(s.t, "open", sessions[0].(map[string]any)["status"], "session of %s", id)
			continue
		}
		require.Contains(s.t, []any{"succeeded", "canceled"}, status, id)
	}
}

// saveEnds waits until saving a payment method has ended.
func (s *site) saveEnds(reference string, want workflows.SetupState) client.SavedPaymentMethod {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	saved, err := s.client.WaitSaved(ctx, reference)
	require.NoError(s.t, err)
	require.Equal(s.t, want, saved.State, "%+v", saved)
	return saved
}
