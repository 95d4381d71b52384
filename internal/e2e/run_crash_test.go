package e2e

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/workflows"
)

// TestRunWhileEverythingFails: a thousand rows, among them one in twenty that does not succeed, while workers are killed with
// SIGKILL, requests and answers get lost and webhooks come in any order. Every row is charged at most once, and the report
// agrees with Stripe.
func TestRunWhileEverythingFails(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{withoutWorker: true})
	runWhileEverythingFails(s, 1000, 20, 100, 2*patience)
}

// runWhileEverythingFails charges n rows in pages, at a pace, with two workers, one of which is killed every ten seconds.
func runWhileEverythingFails(s *runSite, n, pageSize int, rate float64, patience time.Duration) *billingRun {
	s.t.Helper()
	s.webhooks(stripesandbox.WebhookBehaviour{Mode: stripesandbox.WebhooksShuffled, WindowMS: 3000})
	r := s.bill(s.rows(n, spread(n/20/len(exceptions), exceptions...)...))
	r.Rate, r.PageSize = rate, pageSize
	s.breakOnePercent(n)
	stop := s.killWorkers(2, 10*time.Second)
	r.start()
	shown := r.ends(workflows.RunCompleted, patience)
	stop()
	report := r.accounts(shown)
	unknown := 0
	for _, row := range report {
		if row.outcome == activities.ChargeUnknown {
			unknown++ // its answer was lost for good
			continue
		}
		require.Equal(s.t, row.want, row.outcome, "%+v", row)
	}
	require.LessOrEqual(s.t, unknown, n/20)
	r.handedOver(report)
	r.noSignals()
	s.t.Logf("%d rows in %s, %d with an unknown outcome, %d answers of 429: %v",
		n, shown.EndedAt.Sub(shown.ChargingSince).Round(time.Second), unknown, shown.RateLimited, shown.Totals)
	return r
}

// breakOnePercent breaks one in a hundred charges in each manner.
func (s *runSite) breakOnePercent(charges int) {
	s.t.Helper()
	for i, kind := range []stripesandbox.FaultKind{
		stripesandbox.FaultDropBefore, stripesandbox.FaultDropAfter, stripesandbox.Fault500Before, stripesandbox.Fault500After,
		stripesandbox.Fault503, stripesandbox.FaultKeyInUse, stripesandbox.FaultRateLimit, stripesandbox.FaultLockTimeout,
		stripesandbox.FaultBrokenJSON,
	} {
		s.fault(stripesandbox.Fault{
			Method: http.MethodPost, Path: "/v1/payment_intents", Kind: kind, Times: charges / 50, Probability: 0.01, Seed: uint64(i),
		})
	}
}

// killWorkers runs so many workers, and kills one after the other with SIGKILL; each time the next one comes at once. The
// function that it answers stops that.
func (s *runSite) killWorkers(n int, every time.Duration) (stop func()) {
	s.t.Helper()
	workers := make([]*process, n)
	for i := range workers {
		workers[i] = s.worker()
	}
	calm, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; wait(calm, every); i = (i + 1) % n {
			workers[i].kill()
			workers[i] = s.worker()
		}
	}()
	stop = sync.OnceFunc(func() {
		close(calm)
		<-done
	})
	s.t.Cleanup(stop)
	return stop
}

// wait reports whether the time has passed before it is calm.
func wait(calm <-chan struct{}, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-calm:
		return false
	}
}
