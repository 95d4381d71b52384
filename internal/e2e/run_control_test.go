package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// slowly makes a run whose rows can be counted while they are charged: 20 per second in pages of 10, two at a time.
func (s *runSite) slowly(rows []billed) *billingRun {
	s.t.Helper()
	r := s.bill(rows)
	r.Rate, r.PageSize, r.Window = 20, 10, 2
	return r
}

// charges waits until Stripe has seen so many of the run's references.
func (r *billingRun) charges(n int) {
	r.t.Helper()
	eventually(r.t, func() error {
		if charged := r.charged(); charged < n {
			return fmt.Errorf("%d of %d rows are charged", charged, n)
		}
		return nil
	})
}

// TestRunPauseAndResume: pages under way finish, and the rest waits.
func TestRunPauseAndResume(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{withoutWeb: true})
	r := s.slowly(s.rows(100, exceptions...)).start()
	r.charges(5)
	answer, err := s.client.PauseRun(t.Context(), r.Reference, runOperation())
	require.NoError(t, err)
	require.Equal(t, workflows.RunPaused, answer.State)
	paused := r.standsStill(workflows.RunPaused, workflows.RunReasonOperator)
	sent := s.sends()
	require.Positive(t, paused.PagesDone)
	require.Less(t, paused.PagesDone, paused.Summary.Pages)
	_, err = s.client.ApproveRun(t.Context(), r.Reference, client.RunOperation{Actor: "e2e", Reason: "a test", Fingerprint: paused.Summary.Fingerprint})
	requireRefused(t, err, "the run is paused")
	faster := runOperation()
	faster.Rate = 500
	_, err = s.client.SetRunRate(t.Context(), r.Reference, faster)
	require.NoError(t, err)
	require.Equal(t, sent, s.sends(), "something was sent while the run was paused")
	_, err = s.client.ResumeRun(t.Context(), r.Reference, runOperation())
	require.NoError(t, err)
	shown := r.ends(workflows.RunCompleted, patience)
	require.InDelta(t, 500, shown.WantedRate, 0)
	var audit []string
	for _, entry := range shown.Audit {
		audit = append(audit, entry.Update)
	}
	require.Equal(t, []string{workflows.UpdatePause, workflows.UpdateSetRate, workflows.UpdateResume}, audit)
	report := r.accounts(shown)
	as(t, report)
	r.handedOver(report)
	_, err = s.client.PauseRun(t.Context(), r.Reference, runOperation())
	requireRefused(t, err, "completed")
	recordFrom(t, s.temporal, workflows.BillingRunID(r.Reference), "billing_run_paused_and_resumed")
}

// TestRunCanceledInTheMiddle: rows under way finish, and the rest is reported as not charged.
func TestRunCanceledInTheMiddle(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{withoutWeb: true})
	r := s.slowly(s.rows(100, exceptions...)).start()
	r.charges(12)
	_, err := s.client.CancelRun(t.Context(), r.Reference, runOperation())
	require.NoError(t, err)
	shown := r.ends(workflows.RunCanceled, patience)
	require.Equal(t, workflows.RunReasonOperator, shown.Reason)
	report := r.accounts(shown)
	sums := map[activities.ChargeOutcome]int{}
	for _, row := range report {
		sums[row.outcome]++
		if row.outcome != activities.RowNotCharged {
			require.Equal(t, row.want, row.outcome)
		}
	}
	require.Positive(t, sums[activities.RowNotCharged], sums)
	require.Greater(t, sums[activities.ChargeSucceeded], 5, sums)
	r.handedOver(report)
	recordFrom(t, s.temporal, workflows.BillingRunID(r.Reference), "billing_run_canceled")
}

// TestRunApproved: nothing is charged before somebody has approved of exactly these rows.
func TestRunApproved(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{withoutWeb: true})
	r := s.bill(s.rows(20, exceptions...))
	r.Approve = true
	r.start()
	waiting := r.is(workflows.RunAwaitingApproval, "")
	require.False(t, waiting.NextActionAt.IsZero())
	op := runOperation()
	op.Fingerprint = strings.Repeat("0", 64)
	_, err := s.client.ApproveRun(t.Context(), r.Reference, op)
	requireRefused(t, err, waiting.Summary.Fingerprint[:12])
	require.Zero(t, r.charged())
	r.is(workflows.RunAwaitingApproval, "")
	op.Fingerprint = waiting.Summary.Fingerprint[:12]
	_, err = s.client.ApproveRun(t.Context(), r.Reference, op)
	require.NoError(t, err)
	as(t, r.accounts(r.ends(workflows.RunCompleted, patience)))
	recordFrom(t, s.temporal, workflows.BillingRunID(r.Reference), "billing_run_approved")
}

// TestRunWithInvalidRows: by default one bad row keeps the whole run from charging anything until the file is corrected.
func TestRunWithInvalidRows(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{withoutWeb: true})
	t.Run("stop", func(t *testing.T) {
		t.Parallel()
		r := s.on(t).bill(s.rows(20))
		bad := append([]billed{}, r.rows...)
		bad[3].currency, bad[7].amount = "dollars", -5
		r.write(bad)
		r.start()
		stopped := r.standsStill(workflows.RunNeedsAttention, workflows.RunReasonManifestInvalid)
		require.Equal(t, 2, stopped.Summary.Rejected)
		require.Len(t, stopped.Summary.Problems, 2)
		require.Equal(t, 5, stopped.Summary.Problems[0].Line)
		require.Equal(t, "currency", stopped.Summary.Problems[0].Column)
		require.Equal(t, 9, stopped.Summary.Problems[1].Line)
		require.Equal(t, "amount", stopped.Summary.Problems[1].Column)
		require.Zero(t, r.charged())
		r.write(r.rows)
		_, err := s.client.ResumeRun(t.Context(), r.Reference, runOperation())
		require.NoError(t, err)
		as(t, r.accounts(r.ends(workflows.RunCompleted, patience)))
		recordFrom(t, s.temporal, workflows.BillingRunID(r.Reference), "billing_run_corrected")
	})
	t.Run("skip", func(t *testing.T) {
		t.Parallel()
		r := s.on(t).bill(s.rows(20))
		bad := append([]billed{}, r.rows...)
		bad[3].currency = "dollars"
		bad[8].reference = bad[7].reference // the same twice: neither is sure to be meant
		r.write(bad)
		r.OnInvalid = workflows.OnInvalidSkip
		r.start()
		shown := r.ends(workflows.RunCompleted, patience)
		rejected := shown.Totals.Rows(activities.RowRejected)
		require.Equal(t, rejected, shown.Summary.Rejected)
		require.GreaterOrEqual(t, rejected, 2)
		require.Equal(t, 20, rejected+shown.Totals.Rows(activities.ChargeSucceeded))
		require.Nil(t, s.sandbox.Ledger("").References[bad[3].reference])
		require.Empty(t, s.sandbox.Ledger("").PaidMoreThanOnce)
		text, err := os.ReadFile(pathOf(t, shown.ReportCSV))
		require.NoError(t, err)
		require.Equal(t, 1+20, strings.Count(string(text), "\n"), string(text))
		require.Contains(t, string(text), ",rejected,")
	})
}

// on is the same site for another test.
func (s *runSite) on(t *testing.T) *runSite {
	t.Helper()
	return &runSite{site: s.with(t), temporal: s.temporal}
}
