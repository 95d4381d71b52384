package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/workflows"
)

// meter is an app that says what is due for what was used. It is down for the first request of each reference.
type meter struct {
	mu    sync.Mutex
	asked map[string][]string // webhook-ids by agreement
	// answer is the body for an agreement, by its reference.
	answer map[string]func(reference string) string
	broken []error
}

func newMeter(t *testing.T) (*meter, string) {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(notifySecret)
	require.NoError(t, err)
	m := &meter{asked: map[string][]string{}, answer: map[string]func(string) string{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		defer m.mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = verifier.Verify(body, r.Header)
		}
		var asked struct {
			Agreement string `json:"agreement"`
			Reference string `json:"reference"`
		}
		if err == nil {
			err = json.Unmarshal(body, &asked)
		}
		if err != nil {
			m.broken = append(m.broken, err)
		}
		m.asked[asked.Agreement] = append(m.asked[asked.Agreement], r.Header.Get("Webhook-Id"))
		if len(m.asked[asked.Agreement]) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, m.answer[asked.Agreement](asked.Reference))
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { require.Empty(t, m.broken) })
	return m, server.URL
}

// TestAmountsOfTheApp: the app is asked, also after it was down, and only a usable answer is charged.
func TestAmountsOfTheApp(t *testing.T) {
	t.Parallel()
	m, meterURL := newMeter(t)
	a, appURL := newApp(t)
	s := newSite(t, siteOptions{change: func(c *config.Config) {
		c.AmountWebhookURL, c.AmountWebhookSecret = meterURL, notifySecret
		c.NotifyWebhookURL, c.NotifyWebhookSecret = appURL, notifySecret
	}})
	start := func(answer func(reference string) string) string {
		p := s.agreement(s.reference(), visa)
		p.Amount, p.AmountFrom = 0, workflows.AmountFromWebhook
		m.mu.Lock()
		m.answer[p.Reference] = answer
		m.mu.Unlock()
		return s.agree(p)
	}
	used := start(func(reference string) string {
		return `{"reference": "` + reference + `", "currency": "usd", "amount": 2345, "description": "47 kWh"}`
	})
	nothing := start(func(reference string) string {
		return `{"reference": "` + reference + `", "currency": "usd", "amount": 0}`
	})
	garbage := start(func(reference string) string {
		return `{"reference": "` + reference + `", "currency": "usd", "amount": "23.45"}`
	})

	paid := s.latest(used, 1, workflows.AgreementPaymentPaid)
	require.EqualValues(t, 2345, paid.Amount)
	intent := s.intent(paid.PaymentIntent)
	require.InDelta(t, 2345, intent["amount"], 0)
	require.Equal(t, "47 kWh", intent["description"])

	skipped := s.latest(nothing, 1, workflows.AgreementPaymentSkipped)
	require.Empty(t, skipped.PaymentIntent)
	s.agreementIs(nothing, workflows.AgreementActive, "")

	s.agreementIs(garbage, workflows.AgreementNeedsAttention, workflows.AgreementReasonAmountUnknown)
	eventually(t, func() error {
		if len(a.about(garbage)) == 0 {
			return errNotYet
		}
		return nil
	})
	require.Equal(t, []string{"agreement_paused"}, a.about(garbage))
	for _, reference := range []string{used, nothing, garbage} {
		m.mu.Lock()
		ids := m.asked[reference]
		m.mu.Unlock()
		require.GreaterOrEqual(t, len(ids), 2, "down once, then answered")
		require.Len(t, slices.Compact(ids), 1, "a repetition has the same id")
		require.True(t, strings.HasPrefix(ids[0], "amount_requested:"+reference+"~"), ids[0])
	}
}
