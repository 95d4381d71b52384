package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// TestWebhooksAreHints: lost, doubled or late, the ends are the same. Without webhooks it is the customer's return, the
// poll or an operator's replay that makes a workflow look.
func TestWebhooksAreHints(t *testing.T) {
	t.Parallel()
	for _, behaviour := range []stripesandbox.WebhookBehaviour{
		{Mode: stripesandbox.WebhooksLost}, {Mode: stripesandbox.WebhooksDuplicated}, {Mode: stripesandbox.WebhooksDelayed, DelayMS: 1500},
	} {
		t.Run(string(behaviour.Mode), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{})
			s.webhooks(behaviour)
			comesBack := func(link string) {
				if behaviour.Mode == stripesandbox.WebhooksLost {
					require.Equal(t, "done", s.press(link).Answer)
				}
			}

			save := client.SavePaymentMethodParams{Reference: s.reference(), CreateCustomer: true}
			started := s.save(save)
			s.pay(started.SessionID, purchase{Number: goodCard, Email: email(save.Reference)})
			comesBack(started.Link)
			saved := s.saveEnds(save.Reference, workflows.SetupSaved)
			s.usable(saved)

			policy := quick()
			reference := s.start(client.PaymentParams{
				Reference: s.reference(), Customer: saved.Customer, Amount: 1099, Currency: "usd", Policy: &policy,
			})
			s.ended(reference, workflows.PaymentPaid)
			s.paidOnce(reference)

			reference = s.charge(twoSoftDeclines)
			s.ended(reference, workflows.PaymentPaid)
			s.paidOnce(reference)

			reference = s.charge(lostCard)
			link := s.mail(reference, 1)
			s.payByLink(link, purchase{Number: goodCard})
			comesBack(link)
			s.ended(reference, workflows.PaymentPaid)
			s.paidOnce(reference)
			s.nothingOpen(reference)
		})
	}
}

// TestNewDefaultIsTriedAtOnce: the customer has got another card elsewhere, after this one was declined for good.
func TestNewDefaultIsTriedAtOnce(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	params := s.params(s.reference(), lostCard)
	s.stripe(http.MethodPost, "/v1/customers/"+params.Customer, form("invoice_settings[default_payment_method]", params.PaymentMethod))
	params.PaymentMethod = ""
	s.start(params)
	s.becomes(params.Reference, workflows.PaymentAwaitingCustomer)
	method := s.attach(params.Customer, visa)
	s.stripe(http.MethodPost, "/v1/customers/"+params.Customer, form("invoice_settings[default_payment_method]", method))
	p := s.ended(params.Reference, workflows.PaymentPaid)
	require.Len(t, p.Attempts, 2)
	require.Equal(t, method, p.PaymentMethod)
	s.paidOnce(params.Reference)
}

// app is an app's endpoint for signed messages.
type app struct {
	mu       sync.Mutex
	messages []message
	broken   []error
}

type message struct {
	ID   string `json:"-"`
	Type string `json:"type"`
	Data struct {
		Reference string `json:"reference"`
		State     string `json:"state"`
		Link      string `json:"link"`
	} `json:"data"`
}

func (a *app) about(reference string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var types []string
	for _, m := range a.messages {
		if m.Data.Reference == reference {
			types = append(types, m.Type)
		}
	}
	return types
}

const notifySecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// newApp starts an endpoint that checks signatures with the standard's own library.
func newApp(t *testing.T) (*app, string) {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(notifySecret)
	require.NoError(t, err)
	a := &app{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		a.mu.Lock()
		defer a.mu.Unlock()
		if err := errors.Join(err, verifier.Verify(body, r.Header)); err != nil {
			a.broken = append(a.broken, err)
			return
		}
		m := message{ID: r.Header.Get("Webhook-Id")}
		if err := json.Unmarshal(body, &m); err != nil {
			a.broken = append(a.broken, err)
		}
		a.messages = append(a.messages, m)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { require.Empty(t, a.broken) })
	return a, server.URL
}

// TestNotifications: mail and signed webhook at once.
func TestNotifications(t *testing.T) {
	t.Parallel()
	a, address := newApp(t)
	s := newSite(t, siteOptions{change: func(c *config.Config) { c.NotifyWebhookURL, c.NotifyWebhookSecret = address, notifySecret }})

	recovered := s.charge(lostCard)
	s.payByLink(s.mail(recovered, 1), purchase{Number: goodCard})
	s.ended(recovered, workflows.PaymentPaid)
	eventually(t, func() error {
		if len(a.about(recovered)) < 3 || len(stack.Mailbox.Mails(email(recovered))) < 2 {
			return errNotYet
		}
		return nil
	})
	require.ElementsMatch(t, []string{"payment_method_needed", "payment_recovered", "payment_paid"}, a.about(recovered))
	mails := stack.Mailbox.Mails(email(recovered))
	require.Len(t, mails, 2, "the customer hears of the failure and of the end")
	require.NotEqual(t, mails[0].MessageID, mails[1].MessageID)
	a.mu.Lock()
	for _, m := range a.messages {
		if m.Type == "payment_method_needed" {
			require.Equal(t, mails[0].Link(), m.Data.Link)
			require.Equal(t, "payment:"+recovered+":payment_method_needed:1", m.ID)
		}
	}
	a.mu.Unlock()

	// What goes well at once is told only to those who ask.
	quiet := s.charge(visa)
	s.ended(quiet, workflows.PaymentPaid)
	params := s.params(s.reference(), visa)
	params.Events = workflows.EventsAll
	s.start(params)
	s.ended(params.Reference, workflows.PaymentPaid)
	eventually(t, func() error {
		if len(a.about(params.Reference)) < 1 {
			return errNotYet
		}
		return nil
	})
	require.Equal(t, []string{"payment_paid"}, a.about(params.Reference))
	require.Empty(t, a.about(quiet))
	require.Empty(t, stack.Mailbox.Mails(email(quiet)))
}

// TestNobodyTakesMessages: neither mail server nor app answer. Payments go on, and end.
func TestNobodyTakesMessages(t *testing.T) {
	t.Parallel()
	dead := freeAddress(t)
	s := newSite(t, siteOptions{change: func(c *config.Config) {
		c.SMTPURL, c.NotifyWebhookURL, c.NotifyWebhookSecret = "smtp://"+dead, "http://"+dead, notifySecret
	}})
	reference := s.charge(oneSoftDecline)

	p := s.ended(reference, workflows.PaymentPaid)

	require.Len(t, p.Attempts, 2)

	reference = s.charge(lostCard)
	p = s.becomes(reference, workflows.PaymentAwaitingCustomer)
	s.payByLink(p.Link, purchase{Number: goodCard})
	s.ended(reference, workflows.PaymentPaid)
	s.paidOnce(reference)
	description, err := temporal.DescribeWorkflow(t.Context(), workflows.PaymentID(reference), "")
	require.NoError(t, err)
	state, _ := description.TypedSearchAttributes.GetKeyword(workflows.SearchState)
	require.Equal(t, "paid", state)
	answer, err := s.client.CancelPayment(t.Context(), reference, byHand)
	require.NoError(t, err)
	require.Equal(t, "paid", answer.State, "still delivering, and answering")
}
