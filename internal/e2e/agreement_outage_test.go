package e2e

import (
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/devstack"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/workflows"
)

// startTemporal starts a server of the test's own; the database file is what survives it.
func startTemporal(t *testing.T, address, db string) *devstack.Temporal {
	t.Helper()
	server, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{
		Address: address, DBFile: db, SearchAttributes: workflows.SearchAttributeKeys(), Log: logFile,
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Stop() })
	return server
}

// TestAgreementsWhileTemporalIsAway: Temporal ends before one agreement's charge is due, in the middle of another one's, and
// comes back with nothing but its database file. Each is charged once.
func TestAgreementsWhileTemporalIsAway(t *testing.T) {
	t.Parallel()
	db := filepath.Join(t.TempDir(), "temporal.db")
	server := startTemporal(t, "127.0.0.1:0", db)
	s := newSite(t, siteOptions{withoutWorker: true, withoutWeb: true, change: func(c *config.Config) { c.Temporal.HostPort = server.Address }})
	before := s.agreed(visa)
	require.NoError(t, server.Stop())
	server = startTemporal(t, server.Address, db)
	s.worker()
	s.paidInTheEnd(before, visa)

	s.fault(stripesandbox.Fault{Method: http.MethodPost, PathPrefix: "/v1/payment_intents", Kind: stripesandbox.FaultSlow, DelayMS: 3000})
	p := s.agreement(s.reference(), visa)
	s.agree(p)
	eventually(t, func() error {
		if list := s.stripe(http.MethodGet, "/v1/payment_intents?customer="+p.Customer, nil)["data"].([]any); len(list) == 0 {
			return errNotYet
		}
		return nil
	})
	require.NoError(t, server.Stop())
	startTemporal(t, server.Address, db)
	s.paidInTheEnd(p.Reference, visa)
	s.latest(before, 1, workflows.AgreementPaymentPaid)
}
