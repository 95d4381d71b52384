package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// amountRequest is what the app is asked.
type amountRequest struct {
	Type        string    `json:"type"`
	Agreement   string    `json:"agreement"`
	Reference   string    `json:"reference"`
	Customer    string    `json:"customer"`
	Currency    string    `json:"currency"`
	PeriodStart time.Time `json:"period_start"`
	PeriodEnd   time.Time `json:"period_end"`

	id string
}

// biller is an app that knows what to charge.
type biller struct {
	mu sync.Mutex
	// answers are given in turn to each agreement's requests, the last one for ever.
	answers map[string][]answering
	asked   map[string][]amountRequest
	broken  []error
}

// answering is how the app answers one request.
type answering func(w http.ResponseWriter, r *http.Request, asked amountRequest)

// bill is an answer as it should be.
func bill(amount int64, description string) answering {
	return func(w http.ResponseWriter, _ *http.Request, asked amountRequest) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"reference": asked.Reference, "currency": asked.Currency, "amount": amount, "description": description,
		})
	}
}

func status(code int) answering {
	return func(w http.ResponseWriter, _ *http.Request, _ amountRequest) { w.WriteHeader(code) }
}

// silent keeps the connection and says nothing, until whoever asks has given up.
func silent(_ http.ResponseWriter, r *http.Request, _ amountRequest) { <-r.Context().Done() }

// hangUp ends the connection without an answer.
func hangUp(http.ResponseWriter, *http.Request, amountRequest) { panic(http.ErrAbortHandler) }

func newBiller(t *testing.T) (*biller, string) {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(notifySecret)
	require.NoError(t, err)
	b := &biller{answers: map[string][]answering{}, asked: map[string][]amountRequest{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		asked := amountRequest{id: r.Header.Get("Webhook-Id")}
		b.mu.Lock()
		if err := errors.Join(err, verifier.Verify(body, r.Header), json.Unmarshal(body, &asked)); err != nil {
			b.broken = append(b.broken, err)
		}
		b.asked[asked.Agreement] = append(b.asked[asked.Agreement], asked)
		answers := b.answers[asked.Agreement]
		if len(answers) == 0 {
			answers = []answering{status(http.StatusNotFound)}
		}
		b.answers[asked.Agreement] = answers[min(1, len(answers)-1):]
		b.mu.Unlock()
		answers[0](w, r, asked)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { require.Empty(t, b.broken) })
	return b, server.URL
}

// questions are what the app was asked about an agreement.
func (b *biller) questions(reference string) []amountRequest {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]amountRequest{}, b.asked[reference]...)
}

// TestAppIsSilentOrAsksTooMuch: the app says late what to charge, or in a way that may not be charged.
func TestAppIsSilentOrAsksTooMuch(t *testing.T) {
	t.Parallel()
	b, address := newBiller(t)
	shop := newSite(t, siteOptions{change: func(c *config.Config) { c.AmountWebhookURL, c.AmountWebhookSecret = address, notifySecret }})
	usage := func(s *site, answers ...answering) client.AgreementParams {
		p := s.agreement(s.reference(), visa)
		p.Amount, p.AmountFrom, p.MaxAmountPerCharge = 0, workflows.AmountFromWebhook, 5000
		b.mu.Lock()
		defer b.mu.Unlock()
		b.answers[p.Reference] = answers
		return p
	}
	t.Run("is silent, hangs up, answers", func(t *testing.T) {
		t.Parallel()
		s := shop.with(t)
		p := usage(s, silent, hangUp, bill(2345, "12 visits"))
		s.agree(p)
		paid := s.latest(p.Reference, 1, workflows.AgreementPaymentPaid)
		require.EqualValues(t, 2345, paid.Amount)
		s.paidOnce(paid.Reference)
		asked := b.questions(p.Reference)
		require.Len(t, asked, 3)
		require.Equal(t, "amount_requested:"+paid.Reference, asked[0].id)
		require.Equal(t, p.Customer, asked[0].Customer)
		require.Equal(t, paid.DueAt, asked[0].PeriodEnd.Truncate(time.Second))
		require.False(t, asked[0].PeriodStart.After(asked[0].PeriodEnd))
		for _, again := range asked {
			require.Equal(t, asked[0], again, "a repetition is the same question")
		}
	})
	for name, test := range map[string]struct {
		answer answering
		reason string
	}{
		"asks for more than was agreed": {bill(5001, ""), workflows.AgreementReasonCeilingPerCharge},
		"does not know the agreement":   {status(http.StatusNotFound), workflows.AgreementReasonAmountUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.with(t)
			p := usage(s, test.answer)
			s.agree(p)
			a := s.agreementIs(p.Reference, workflows.AgreementNeedsAttention, test.reason)
			require.Zero(t, a.Charges)
			require.Len(t, b.questions(p.Reference), 1)
			list := s.stripe(http.MethodGet, "/v1/payment_intents?customer="+p.Customer, nil)["data"]
			require.Empty(t, list, "nothing was sent")
		})
	}
}

// TestAgreementNotifications: what the customer and the app are told, by mail and by signed webhook.
func TestAgreementNotifications(t *testing.T) {
	t.Parallel()
	a, address := newApp(t)
	shop := newSite(t, siteOptions{change: func(c *config.Config) { c.NotifyWebhookURL, c.NotifyWebhookSecret = address, notifySecret }})
	told := func(s *site, reference string, want ...string) {
		s.t.Helper()
		eventually(s.t, func() error {
			if have := a.about(reference); len(have) < len(want) {
				return fmt.Errorf("told of %v, not of %v", have, want)
			}
			return nil
		})
		require.ElementsMatch(s.t, want, a.about(reference))
	}
	mails := func(s *site, reference string, n int) string {
		s.t.Helper()
		ctx, cancel := context.WithTimeout(s.t.Context(), patience)
		defer cancel()
		m, err := stack.Mailbox.Await(ctx, email(reference), n)
		require.NoError(s.t, err)
		return m.Subject + "\n" + m.Text
	}
	t.Run("upcoming charge, pause and end", func(t *testing.T) {
		t.Parallel()
		s := shop.with(t)
		p := s.agreement(s.reference(), visa)
		p.NoticeDays, p.FirstCharge = 60, workflows.FirstChargeScheduled
		s.agree(p)
		told(s, p.Reference, "upcoming_charge")
		require.Contains(t, mails(s, p.Reference, 1), "$10.99")
		_, err := s.client.PauseAgreement(t.Context(), p.Reference, operation())
		require.NoError(t, err)
		told(s, p.Reference, "upcoming_charge", "agreement_paused")
		_, err = s.client.CancelAgreement(t.Context(), p.Reference, operation())
		require.NoError(t, err)
		told(s, p.Reference, "upcoming_charge", "agreement_paused", "agreement_ended")
		require.Len(t, stack.Mailbox.Mails(email(p.Reference)), 1, "pauses and ends are the app's matter")
	})
	t.Run("card expires before the next charge", func(t *testing.T) {
		t.Parallel()
		s := shop.with(t)
		p := s.agreement(s.reference(), visa)
		p.NoticeDays, p.FirstCharge, p.Schedule = 60, workflows.FirstChargeScheduled, monthlyFrom(45)
		now := time.Now().UTC()
		s.control("/payment_methods/"+p.PaymentMethod+"/automatic_update", map[string]any{"exp_month": int(now.Month()), "exp_year": now.Year()})
		s.agree(p)
		told(s, p.Reference, "upcoming_charge", "card_expiring")
		link := ""
		a.mu.Lock()
		for _, m := range a.messages {
			if m.Data.Reference == p.Reference && m.Type == "card_expiring" {
				link = m.Data.Link
			}
		}
		a.mu.Unlock()
		s.payByLink(link, purchase{Number: goodCard})
		changed := s.agreementHas(p.Reference, func(a client.Agreement) error {
			if a.PaymentMethod == p.PaymentMethod || a.Card.ExpYear == 0 {
				return errNotYet
			}
			return nil
		})
		require.Greater(t, changed.Card.ExpYear, int64(now.Year()))
		require.Zero(t, changed.Charges)
	})
	t.Run("only the unusual, unless everything is asked for", func(t *testing.T) {
		t.Parallel()
		s := shop.with(t)
		quiet := s.agreed(visa)
		s.latest(quiet, 1, workflows.AgreementPaymentPaid)
		p := s.agreement(s.reference(), visa)
		p.Events = workflows.EventsAll
		s.agree(p)
		paid := s.latest(p.Reference, 1, workflows.AgreementPaymentPaid)
		told(s, paid.Reference, "payment_paid")
		require.Empty(t, a.about(quiet))
	})
}
