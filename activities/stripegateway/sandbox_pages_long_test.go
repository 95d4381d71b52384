//go:build long

package stripegateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/internal/stripesandbox/sandboxtest"
)

// endlessRun has pages of 100 rows without end, for the customers and methods given.
type endlessRun struct {
	pageFiles
	customers [][2]string
}

func (r *endlessRun) Rows(_ context.Context, _ activities.RunFile, p activities.RunPage) ([]activities.RunRow, error) {
	rows := make([]activities.RunRow, p.Rows)
	for i := range rows {
		c := r.customers[i%len(r.customers)]
		rows[i] = activities.RunRow{
			Reference: fmt.Sprintf("p%d-%d", p.Number, i), Customer: c[0], PaymentMethod: c[1], Amount: 1099, Currency: "usd",
		}
	}
	return rows, nil
}

// TestPagesKeepTheirPaceAtTheSandbox measures for a minute how many charges arrive there per second: 97 to 100 % of the rate on the
// whole, and in no second more than the rate and a tenth of it, 2 at least. Pages follow each other as a run schedules them, two in
// flight.
func TestPagesKeepTheirPaceAtTheSandbox(t *testing.T) {
	for _, rate := range []float64{15, 40, 150} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var arrived []time.Time
			check := sandboxtest.Check(t)
			server, err := stripesandbox.Start(t.Context(), "127.0.0.1:0", stripesandbox.Config{
				AsyncDelay: -1, Logger: slog.New(slog.DiscardHandler), Middleware: func(next http.Handler) http.Handler {
					next = check(next)
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r.Method == http.MethodPost && r.URL.Path == "/v1/payment_intents" {
							mu.Lock()
							arrived = append(arrived, time.Now())
							mu.Unlock()
						}
						next.ServeHTTP(w, r)
					})
				},
			})
			require.NoError(t, err)
			t.Cleanup(server.Close)
			s := sandbox{t: t, base: server.URL, Gateway: newGateway(t, server.URL)}
			customers := make([][2]string, 100)
			for i := range customers {
				customers[i][0], customers[i][1] = s.customerWith("pm_card_visa")
			}
			const rows = 100
			runs := activities.New(activities.Ports{PaymentIntents: s, Customers: s, RunFiles: &endlessRun{customers: customers}, Workflows: &pagePayments{}}).Runs
			flight := make(chan struct{}, 2)
			var pages sync.WaitGroup
			t0 := time.Now().Add(500 * time.Millisecond)
			for n := range int(math.Ceil(rate * 62 / rows)) {
				flight <- struct{}{}
				in := pageInput(rows)
				in.Number, in.T0, in.Rate = n, t0, rate
				t0 = t0.Add(time.Duration(rows / rate * float64(time.Second)))
				pages.Go(func() {
					defer func() { <-flight }()
					res, err := s.chargePageOn(runs, in)
					if err != nil || res.Totals.Rows(activities.ChargeSucceeded) != rows {
						t.Errorf("page %d: %v, %v", n, res, err)
					}
				})
			}
			pages.Wait()

			inAMinute, busiest := 0, 0
			for i, at := range arrived {
				if at.Sub(arrived[0]) < time.Minute {
					inAMinute++
				}
				n := 0
				for n+i < len(arrived) && arrived[i+n].Sub(at) < time.Second {
					n++
				}
				busiest = max(busiest, n)
			}
			t.Logf("rate %v: mean %.2f/s (%.1f %%), busiest second %d", rate, float64(inAMinute)/60, float64(inAMinute)/60/rate*100, busiest)
			require.GreaterOrEqual(t, float64(inAMinute), 0.97*rate*60)
			require.LessOrEqual(t, float64(inAMinute), rate*60+1)
			require.LessOrEqual(t, float64(busiest), rate+max(2, rate/10))
		})
	}
}
