//go:build long

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows/calendar"
)

// TestThousandAgreementsDueAtOnce: a thousand agreements, first due all at once when the worker comes, and again by their
// timers in one later minute. Answers are lost, and the worker is killed with SIGKILL in the middle of both.
func TestThousandAgreementsDueAtOnce(t *testing.T) {
	t.Parallel()
	const n = 1000
	m := manyAgreements{site: newSite(t, siteOptions{withoutWorker: true, withoutWeb: true}), patience: 10 * time.Minute}
	m.webhooks(stripesandbox.WebhookBehaviour{Mode: stripesandbox.WebhooksLost})
	m.loseAnswers(n)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	due := time.Now().Add(6 * time.Minute)
	nextYear := due.AddDate(1, 0, 0)
	local := func(at time.Time) string { return at.In(berlin).Format("2006-01-02T15:04") }
	m.start(n, func(p *client.AgreementParams) {
		p.Schedule = calendar.Schedule{Dates: []string{local(due), local(nextYear)}, SubDaily: true}
	})
	worker := m.worker()
	m.paid(n / 4)
	worker.kill()
	worker = m.worker()
	m.paid(n)
	m.loseAnswers(n)
	m.paid(n + n/4)
	worker.kill()
	m.worker()
	m.paid(2 * n)
	m.check(2)
}
