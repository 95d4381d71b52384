//go:build long

package e2e

import (
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/workflows"
)

// TestLargeRunWhileEverythingFails: twenty thousand rows, and Temporal is restarted as well.
func TestLargeRunWhileEverythingFails(t *testing.T) {
	db := filepath.Join(t.TempDir(), "temporal.db")
	server := startTemporal(t, "127.0.0.1:0", db)
	s := newRunSite(t, siteOptions{withoutWorker: true, change: func(c *config.Config) { c.Temporal.HostPort = server.Address }})
	const n = 20_000
	// One in a hundred takes longer than a request may.
	s.fault(stripesandbox.Fault{
		Method: http.MethodPost, Path: "/v1/payment_intents", Kind: stripesandbox.FaultSlow, DelayMS: 27_000, Times: n / 50, Probability: 0.01,
	})
	go func() {
		for s.sandbox.Ledger("").Requests.ByEndpoint["POST /v1/payment_intents"] < n/2 {
			if !wait(t.Context().Done(), time.Second) {
				return
			}
		}
		_ = server.Stop()
		server = startTemporal(t, server.Address, db)
	}()
	r := runWhileEverythingFails(s, n, workflows.RunPageSize, 0, 40*time.Minute)
	r.historiesAreSmall()
}

// mostRunEvents is what Temporal's server warns about.
const mostRunEvents = 10_000

// historiesAreSmall checks each of the run's histories, and counts its billable actions.
func (r *billingRun) historiesAreSmall() {
	r.t.Helper()
	events, acts := 0, 0
	histories := r.histories()
	for _, history := range histories {
		require.Less(r.t, len(history.GetEvents()), mostRunEvents)
		events += len(history.GetEvents())
		acts += actions(history.GetEvents())
	}
	r.t.Logf("%d rows: %d runs of the workflow, %d events, %d billable actions", len(r.rows), len(histories), events, acts)
}

// TestRunWhereNothingSucceeds: ten thousand rows are all declined. Each is handed over once, and the run stays small.
func TestRunWhereNothingSucceeds(t *testing.T) {
	s := newRunSite(t, siteOptions{})
	const n = 10_000
	r := s.bill(s.rows(n, spread(n, declinedRow)...))
	r.MaxDeclineRate = 1
	r.start()
	shown := r.ends(workflows.RunCompleted, 40*time.Minute)
	require.Equal(t, n, shown.Totals.Rows(activities.ChargeDeclined))
	report := r.accounts(shown)
	as(t, report)
	r.handedOver(report)
	r.noSignals()
	r.historiesAreSmall()
	for reference, did := range s.sandbox.Ledger("").References {
		require.Len(t, did.Attempts, 1, reference)
	}
	t.Logf("%d rows declined and handed over in %s", n, shown.EndedAt.Sub(shown.ChargingSince).Round(time.Second))
}

// TestRunPace: two workers charge at the pace that was asked for, no matter whose turn it is.
func TestRunPace(t *testing.T) {
	s := newRunSite(t, siteOptions{withoutWorker: true, withoutWeb: true})
	s.worker()
	s.worker()
	const (
		rate    = 20
		seconds = 60
		most    = rate + 2 // a tenth, and at least 2
	)
	r := s.bill(s.rows(rate * (seconds + 5)))
	r.Rate = rate
	r.start()
	as(t, r.accounts(r.ends(workflows.RunCompleted, patience)))
	var sent []time.Time
	for _, request := range s.requests() {
		if request.Method == http.MethodPost && request.Path == "/v1/payment_intents" {
			sent = append(sent, request.Time)
		}
	}
	slices.SortFunc(sent, time.Time.Compare)
	within, busiest := 0, 0
	for i, from := range sent {
		inSecond := 0
		for _, at := range sent[i:] {
			if at.Sub(from) < time.Second {
				inSecond++
			}
		}
		busiest = max(busiest, inSecond)
		if from.Sub(sent[0]) < seconds*time.Second {
			within++
		}
	}
	mean := float64(within) / seconds
	t.Logf("asked for %d/s over %d s: mean %.2f/s (%.1f %%), busiest second %d", rate, seconds, mean, mean/rate*100, busiest)
	require.GreaterOrEqual(t, mean, 0.97*rate)
	require.LessOrEqual(t, mean, 1.0*rate+1.0/seconds)
	require.LessOrEqual(t, busiest, most)
}
