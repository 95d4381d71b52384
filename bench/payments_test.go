package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/internal/devstack"
	"github.com/offsession/offsession/internal/stripesandbox"
	offsession "github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

const (
	bareLoops     = 32
	starters      = 32
	rounds        = 5
	perRound      = 200
	perBareRound  = 4000
	chargedAmount = 1099
	// stripeRate is the highest allowed; a quarter of it, for single payments, is far above what is reached.
	stripeRate = 1000
)

// BenchmarkPayments measures payments started, charged and completed per second through Temporal, beside 32 goroutines
// that send the same create-and-confirm without any durability. Rounds of both alternate; the medians are compared. No
// webhooks are delivered: those of the bare loop would be work for the durable round after it.
func BenchmarkPayments(b *testing.B) {
	s := startStack(b)
	s.loseWebhooks(b)
	// The first charge of a payment looks through its customer's PaymentIntents: nobody has thousands.
	customers := make([]payer, perRound)
	for i := range customers {
		customers[i] = newPayer(b, s.gateway, fmt.Sprintf("payer-%d", i))
	}
	loner := newPayer(b, s.gateway, "bare")
	for b.Loop() {
		var bare, durable []float64
		for round := range rounds {
			bare = append(bare, s.bareRate(b, round, loner))
			durable = append(durable, s.durableRate(b, round, customers))
		}
		b.ReportMetric(median(bare), "bare/s")
		b.ReportMetric(median(durable), "payments/s")
		b.ReportMetric(100*median(durable)/median(bare), "%ofBare")
	}
}

func (s *stack) bareRate(b *testing.B, round int, p payer) float64 {
	b.Helper()
	began := time.Now()
	inParallel(b, bareLoops, perBareRound, func(ctx context.Context, i int) error {
		key := fmt.Sprintf("bare-%d-%d", round, i)
		_, err := s.gateway.CreatePaymentIntent(ctx, activities.CreatePaymentIntentRequest{
			Amount: chargedAmount, Currency: "usd", Customer: p.customer, PaymentMethod: p.method, IdempotencyKey: key,
		})
		return err
	})
	return perBareRound / time.Since(began).Seconds()
}

func (s *stack) durableRate(b *testing.B, round int, customers []payer) float64 {
	b.Helper()
	began := time.Now()
	inParallel(b, starters, perRound, func(ctx context.Context, i int) error {
		reference := fmt.Sprintf("bench-%d-%d", round, i)
		if _, err := s.client.StartPayment(ctx, offsession.PaymentParams{
			Reference: reference, Customer: customers[i].customer, PaymentMethod: customers[i].method, Amount: chargedAmount, Currency: "usd",
		}); err != nil {
			return err
		}
		var result workflows.CollectPaymentResult
		if err := s.temporal.GetWorkflow(ctx, workflows.PaymentID(reference), "").Get(ctx, &result); err != nil {
			return err
		}
		if result.State != workflows.PaymentPaid {
			return fmt.Errorf("%s is %s", reference, result.State)
		}
		return nil
	})
	return perRound / time.Since(began).Seconds()
}

// inParallel runs do for 0..n-1 in so many goroutines.
func inParallel(b *testing.B, goroutines, n int, do func(ctx context.Context, i int) error) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	work := make(chan int)
	failed := make(chan error, goroutines)
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for i := range work {
				if err := do(ctx, i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	for i := range n {
		select {
		case work <- i:
		case err := <-failed:
			b.Fatal(err)
		}
	}
	close(work)
	wg.Wait()
	select {
	case err := <-failed:
		b.Fatal(err)
	default:
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// percentile is the value below which so many of a hundred lie.
func percentile(values []time.Duration, p int) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}

var quiet = slog.New(slog.DiscardHandler)

// stack is what the benchmarks run on.
type stack struct {
	*devstack.Stack
	gateway  *stripegateway.Gateway
	temporal client.Client
	client   *offsession.Client
}

func startStack(b *testing.B) *stack {
	b.Helper()
	started, err := devstack.Start(b.Context(), devstack.Options{StripeRate: stripeRate})
	require.NoError(b, err)
	b.Cleanup(started.Stop)
	s := &stack{Stack: started, gateway: newGateway(b, started)}
	s.temporal, err = started.Config.DialTemporal(b.Context(), quiet)
	require.NoError(b, err)
	b.Cleanup(s.temporal.Close)
	s.client, err = offsession.New(s.temporal, offsession.Options{})
	require.NoError(b, err)
	return s
}

// loseWebhooks makes the sandbox deliver none from now on.
func (s *stack) loseWebhooks(b *testing.B) {
	b.Helper()
	body, err := json.Marshal(stripesandbox.WebhookBehaviour{Mode: stripesandbox.WebhooksLost})
	require.NoError(b, err)
	res, err := http.Post(s.Sandbox.URL+"/_sandbox/webhooks", "application/json", bytes.NewReader(body)) //nolint:noctx // on this machine
	require.NoError(b, err)
	require.NoError(b, res.Body.Close())
	require.Less(b, res.StatusCode, http.StatusMultipleChoices)
}

// payer is a customer with a card that always pays.
type payer struct{ customer, method string }

func newPayer(b *testing.B, gateway *stripegateway.Gateway, name string) payer {
	b.Helper()
	customer, err := gateway.CreateCustomer(b.Context(), nil, "customer:"+name)
	require.NoError(b, err)
	attached, err := gateway.AttachPaymentMethod(b.Context(), "pm_card_visa", customer, "attach:"+name)
	require.NoError(b, err)
	return payer{customer, attached.ID}
}
