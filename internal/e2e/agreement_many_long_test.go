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
	m := manyAgreements{site: newSite(t, siteOptions{withoutWorker: true, withoutWeb: true}), patience: 20 * time.Minute}
	m.webhooks(stripesandbox.WebhookBehaviour{Mode: stripesandbox.WebhooksLost})
	m.loseAnswers(n)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	// Until then a thousand workflows have begun, on two cores.
	due := time.Now().Add(8 * time.Minute).Truncate(time.Minute).In(berlin)
	local := func(at time.Time) string { return at.Format("2006-01-02T15:04") }
	m.start(n, func(p *client.AgreementParams) {
		p.Schedule = calendar.Schedule{Dates: []string{local(due), local(due.AddDate(1, 0, 0))}, SubDaily: true}
	})
	worker := m.worker()
	m.paid(n/4, "")
	worker.kill()
	worker = m.worker()
	m.paid(n*9/10, "")
	m.loseAnswers(n)
	m.paid(n/4, due.Format("~20060102T1504"))
	worker.kill()
	m.worker()
	m.check(func(a client.Agreement) int {
		if len(a.Payments) > 0 && a.Payments[0].DueAt.After(due) {
			return 1 // it began too late for the date
		}
		return 2
	})
}
