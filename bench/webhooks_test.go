package bench

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
	offsession "github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

const (
	latencyEvents = 200
	foreignRate   = 1000
	ourRate       = 100
	loadTime      = 10 * time.Second
	ourPayments   = 50
)

// BenchmarkWebhookToStripeCall measures the time from sending a signed webhook to the request with which the workflow
// re-reads the object at Stripe.
func BenchmarkWebhookToStripeCall(b *testing.B) {
	s := startStack(b)
	for b.Loop() {
		payment := s.awaitingPayments(b, "latency", 1)[0]
		var latencies []time.Duration
		for i := range latencyEvents {
			before := len(s.reads(b, payment.PaymentIntent))
			sent := time.Now()
			require.Equal(b, http.StatusOK, s.deliver(b.Context(), fmt.Sprintf("evt_latency_%d", i), payment.WorkflowID, payment.PaymentIntent))
			for {
				if reads := s.reads(b, payment.PaymentIntent); len(reads) > before {
					latencies = append(latencies, reads[len(reads)-1].Sub(sent))
					break
				}
				time.Sleep(20 * time.Millisecond) // the log has the time; asking for it must not load the machine
			}
		}
		b.ReportMetric(float64(percentile(latencies, 50).Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(percentile(latencies, 99).Microseconds())/1000, "p99-ms")
	}
}

// BenchmarkServe loads `starter serve`, as a process of its own, with 1,000 foreign and 100 of our webhooks a second.
func BenchmarkServe(b *testing.B) {
	s := startStack(b)
	web := s.startServe(b)
	s.WebURL = web.url
	payments := s.awaitingPayments(b, "serve", ourPayments)
	for b.Loop() {
		before := web.resident(b)
		var foreign, ours load
		var wg sync.WaitGroup
		wg.Go(func() {
			foreign.run(b, foreignRate, func(ctx context.Context, i int) int {
				return s.deliver(ctx, fmt.Sprintf("evt_foreign_%d", i), "", fmt.Sprintf("pi_foreign_%d", i))
			})
		})
		wg.Go(func() {
			ours.run(b, ourRate, func(ctx context.Context, i int) int {
				p := payments[i%len(payments)]
				return s.deliver(ctx, fmt.Sprintf("evt_ours_%d", i), p.WorkflowID, p.PaymentIntent)
			})
		})
		wg.Wait()
		require.Zero(b, foreign.failed+ours.failed, "every webhook is answered with 200")
		b.ReportMetric(float64(len(foreign.latencies))/loadTime.Seconds(), "foreign/s")
		b.ReportMetric(float64(len(ours.latencies))/loadTime.Seconds(), "ours/s")
		b.ReportMetric(float64(percentile(foreign.latencies, 99).Microseconds())/1000, "foreign-p99-ms")
		b.ReportMetric(float64(percentile(ours.latencies, 99).Microseconds())/1000, "ours-p99-ms")
		b.ReportMetric(before, "MB-before")
		b.ReportMetric(web.resident(b), "MB-after")
	}
}

// load sends at a fixed rate, whatever the answers take.
type load struct {
	mu        sync.Mutex
	latencies []time.Duration
	failed    int
}

func (l *load) run(b *testing.B, rate int, send func(ctx context.Context, i int) int) {
	b.Helper()
	began := time.Now()
	var wg sync.WaitGroup
	for i := range rate * int(loadTime.Seconds()) {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		wg.Go(func() {
			status := send(b.Context(), i)
			l.mu.Lock()
			defer l.mu.Unlock()
			l.latencies = append(l.latencies, time.Since(due))
			if status != http.StatusOK {
				l.failed++
			}
		})
	}
	wg.Wait()
}

// awaitingPayments makes payments that wait for their customer.
func (s *stack) awaitingPayments(b *testing.B, name string, n int) []offsession.Payment {
	b.Helper()
	customer, err := s.gateway.CreateCustomer(b.Context(), nil, "customer:"+name)
	require.NoError(b, err)
	lost, err := s.gateway.AttachPaymentMethod(b.Context(), "pm_sandbox_decline_lost_card", customer, "attach:"+name)
	require.NoError(b, err)
	payments := make([]offsession.Payment, n)
	for i := range payments {
		reference := fmt.Sprintf("%s-%d", name, i)
		_, err := s.client.StartPayment(b.Context(), offsession.PaymentParams{
			Reference: reference, Customer: customer, PaymentMethod: lost.ID, Amount: chargedAmount, Currency: "usd",
		})
		require.NoError(b, err)
		require.Eventually(b, func() bool {
			payments[i], err = s.client.Payment(b.Context(), reference)
			return err == nil && payments[i].State == workflows.PaymentAwaitingCustomer
		}, time.Minute, 20*time.Millisecond)
	}
	return payments
}

var httpClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: 30 * time.Second}

// deliver sends a signed webhook and answers the status. https://docs.stripe.com/webhooks#verify-manually
func (s *stack) deliver(ctx context.Context, event, workflowID, object string) int {
	metadata := map[string]string{}
	if workflowID != "" {
		metadata["offsession_workflow_id"] = workflowID
	}
	payload, err := json.Marshal(map[string]any{
		"id": event, "object": "event", "type": "payment_intent.payment_failed", "created": time.Now().Unix(), "api_version": stripesandbox.APIVersion,
		"data": map[string]any{"object": map[string]any{"id": object, "object": "payment_intent", "metadata": metadata}},
	})
	if err != nil {
		return 0
	}
	at := time.Now().Unix()
	mac := hmac.New(sha256.New, []byte(s.Config.StripeWebhookSecrets[0]))
	_, _ = fmt.Fprintf(mac, "%d.%s", at, payload)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.WebURL+"/webhooks/stripe", bytes.NewReader(payload))
	if err != nil {
		return 0
	}
	req.Header.Set("Stripe-Signature", fmt.Sprintf("t=%d,v1=%s", at, hex.EncodeToString(mac.Sum(nil))))
	res, err := httpClient.Do(req)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// reads are the times at which the sandbox was asked for a PaymentIntent.
func (s *stack) reads(b *testing.B, intent string) []time.Time {
	b.Helper()
	res, err := httpClient.Get(s.Sandbox.URL + "/_sandbox/requests") //nolint:noctx // a control route of the sandbox
	require.NoError(b, err)
	defer func() { _ = res.Body.Close() }()
	var log []stripesandbox.Request
	require.NoError(b, json.NewDecoder(res.Body).Decode(&log))
	var times []time.Time
	for _, r := range log {
		if r.Method == http.MethodGet && strings.HasPrefix(r.Path, "/v1/payment_intents/"+intent) {
			times = append(times, r.Time)
		}
	}
	return times
}
