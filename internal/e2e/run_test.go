package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/workflows"
)

// TestRun charges a small manifest with a row of every kind, and ends with a report that agrees with Stripe.
func TestRun(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{})
	r := s.bill(s.rows(20, exceptions...)).start()
	shown := r.ends(workflows.RunCompleted, patience)
	report := r.accounts(shown)
	as(t, report)
	r.handedOver(report)
	require.Equal(t, 1, recordFrom(t, s.temporal, workflows.BillingRunID(r.Reference), "billing_run_completed"))
	r.noSignals()

	// What did not succeed is a payment like any other now. Its customer is told nothing before the run has been judged.
	for _, row := range report {
		if row.want != declinedRow.want || row.declineCode != "lost_card" {
			continue
		}
		p := s.becomes(row.reference, workflows.PaymentAwaitingCustomer)
		require.Equal(t, workflows.BillingRunID(r.Reference), p.Owner)
		require.Len(t, p.Attempts, 1)
		s.payByLink(p.Link, purchase{Number: goodCard})
		s.ended(row.reference, workflows.PaymentPaid)
		s.paidOnce(row.reference)
	}
	r.noSignals()
}

// TestRunAnswersLost breaks the way to Stripe and back in every manner, once each. The key of each row stays the same.
func TestRunAnswersLost(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{withoutWeb: true})
	kinds := []stripesandbox.FaultKind{
		stripesandbox.FaultDropBefore, stripesandbox.FaultDropAfter, stripesandbox.Fault502, stripesandbox.Fault503, stripesandbox.Fault504,
		stripesandbox.FaultRateLimit, stripesandbox.FaultKeyInUse, stripesandbox.FaultLockTimeout, stripesandbox.FaultBrokenJSON,
	}
	for i, kind := range kinds {
		s.fault(stripesandbox.Fault{Method: http.MethodPost, Path: "/v1/payment_intents", Kind: kind, Skip: i})
	}
	r := s.bill(s.rows(30, exceptions...)).start()
	shown := r.ends(workflows.RunCompleted, patience)
	as(t, r.accounts(shown))
	require.Equal(t, 1, shown.RateLimited, "a locked customer says nothing about the pace")
	for _, row := range r.rows {
		keys := s.chargeKeys(row.reference)
		require.NotEmpty(t, keys, row.reference)
		require.Equal(t, "charge:1", keys[0])
	}
}
