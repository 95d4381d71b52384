package activities_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/stripegateway"
)

// stubStripe answers every charge at once.
func stubStripe(b *testing.B) *stripegateway.Gateway {
	b.Helper()
	const body = `{"id":"pi_1","object":"payment_intent","status":"succeeded","amount":100,"currency":"usd","customer":"cus_1",` +
		`"payment_method":{"id":"pm_1","object":"payment_method","type":"card"},"latest_charge":{"id":"ch_1","object":"charge"},"metadata":{}}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if _, err := w.Write([]byte(body)); err != nil {
			b.Error(err)
		}
	}))
	b.Cleanup(server.Close)
	gateway, err := stripegateway.New(stripegateway.Config{APIKey: "sk_test_stub", APIBase: server.URL, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	return gateway
}

// BenchmarkChargePage beside the bare loop: 32 goroutines that make the same calls, and nothing else. Both in charges per second;
// stub and caller share the process.
func BenchmarkChargePage(b *testing.B) {
	b.Run("loop", func(b *testing.B) {
		gateway := stubStripe(b)
		var next atomic.Int64
		var loops sync.WaitGroup
		b.ResetTimer()
		for range 32 {
			loops.Go(func() {
				for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
					reference := "r" + strconv.FormatInt(n, 10)
					if _, err := gateway.CreatePaymentIntent(context.Background(), activities.CreatePaymentIntentRequest{
						Amount: 100, Currency: "usd", Customer: "cus_1", PaymentMethod: "pm_1", IdempotencyKey: reference,
						Metadata: map[string]string{activities.MetadataReference: reference},
					}); err != nil {
						b.Error(err)
					}
				}
			})
		}
		loops.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "charges/s")
	})
	b.Run("pages", func(b *testing.B) {
		page := newPageBench(100)
		gateway := stubStripe(b)
		runs := activities.New(activities.Ports{PaymentIntents: gateway, Customers: gateway, RunFiles: page.files, Workflows: page.workflows}).Runs
		pages := (b.N + 99) / 100
		var next atomic.Int64
		var window sync.WaitGroup
		b.ResetTimer()
		for range 16 {
			window.Go(func() {
				var suite testsuite.WorkflowTestSuite
				suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
				env := suite.NewTestActivityEnvironment()
				env.RegisterActivity(runs.ChargePage)
				for next.Add(1) <= int64(pages) {
					if _, err := env.ExecuteActivity(runs.ChargePage, page.in); err != nil {
						b.Error(err)
					}
				}
			})
		}
		window.Wait()
		b.ReportMetric(float64(pages*100)/b.Elapsed().Seconds(), "charges/s")
	})
}
