package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// again describes another run of the same rows.
func (r *billingRun) again() *billingRun {
	r.t.Helper()
	other := r.bill(r.rows)
	other.Policy = r.Policy
	return other
}

// sends counts the requests for a PaymentIntent.
func (s *runSite) sends() int {
	s.t.Helper()
	n := 0
	for _, request := range s.writes() {
		if request.Path == "/v1/payment_intents" {
			n++
		}
	}
	return n
}

// TestRunStartedAgain: the same manifest and reference is the same run, also when that has ended; with other values it is
// refused.
func TestRunStartedAgain(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{withoutWeb: true})
	r := s.bill(s.rows(20, exceptions...))
	first, err := s.client.StartRun(t.Context(), r.RunParams)
	require.NoError(t, err)
	require.False(t, first.AlreadyStarted)
	again, err := s.client.StartRun(t.Context(), r.RunParams)
	require.NoError(t, err)
	require.True(t, again.AlreadyStarted)
	require.Equal(t, first.RunID, again.RunID)
	r.ends(workflows.RunCompleted, patience)
	again, err = s.client.StartRun(t.Context(), r.RunParams)
	require.NoError(t, err)
	require.True(t, again.AlreadyStarted)
	require.Equal(t, first.RunID, again.RunID)
	other := r.RunParams
	other.Rate = 3
	_, err = s.client.StartRun(t.Context(), other)
	requireRefused(t, err, "rate")
	require.LessOrEqual(t, s.sends(), len(r.rows))
}

// TestRunOverTheSameReferences: another run adopts what an earlier one has charged.
func TestRunOverTheSameReferences(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{withoutWeb: true})
	r := s.bill(s.rows(40, exceptions...)).start()
	r.accounts(r.ends(workflows.RunCompleted, patience))
	made := s.sends()
	other := r.again()
	// Three have other values now, and one is new.
	rows := append([]billed{}, r.rows...)
	rows[0].amount++
	rows[1].customer, rows[1].method = s.customerWith(other.Reference, visa)
	rows = append(rows, s.rows(1)...)
	other.rows = rows
	other.write(rows)
	other.start()
	shown := other.ends(workflows.RunCompleted, patience)
	require.Positive(t, shown.LookedBack.Seen)
	report := other.report(shown)
	for i, row := range report {
		switch {
		case i < 2:
			require.Equal(t, activities.RowRejected, row.outcome, "%+v", row)
		case i == len(report)-1:
			require.Equal(t, activities.ChargeSucceeded, row.outcome, "%+v", row)
			require.False(t, row.adopted)
		case row.want == activities.ChargeSucceeded:
			require.Equal(t, activities.ChargeSucceeded, row.outcome, "%+v", row)
			require.True(t, row.adopted, "%+v", row)
		}
	}
	// The one that is new. The one for which there is no PaymentIntent has a payment that is open.
	require.Equal(t, made+1, s.sends(), "something was charged again")
	require.NoError(t, checkLedger(s.sandbox.Ledger("")))
}

// TestRunAfterEverythingIsForgotten: Stripe has forgotten the keys, and Temporal the workflows. The look-back finds what was charged.
func TestRunAfterEverythingIsForgotten(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{withoutWeb: true})
	paidLater := payer{token: oneSoftDecline, want: activities.ChargeDeclined}
	r := s.bill(s.rows(60, append(exceptions, paidLater)...)).start()
	written := r.ends(workflows.RunCompleted, patience)
	report := r.report(written)
	for _, row := range report {
		if row.method != "" && row.declineCode == "insufficient_funds" && row.adviceCode == "" {
			s.ended(row.reference, workflows.PaymentPaid) // by its second attempt
			require.NoError(t, s.temporal.GetWorkflow(t.Context(), workflows.PaymentID(row.reference), "").Get(t.Context(), nil))
		}
	}
	made := s.sends()
	require.NoError(t, s.sandbox.AdvanceClock(48*time.Hour))
	require.Greater(t, s.forget(), 1)

	// What the run did is still in its files: its report can be written again, and compared with Stripe.
	require.Equal(t, notFound, s.starter("run", "show", r.Reference).code)
	require.Equal(t, notFound, s.starter("run", "report", r.Reference).code)
	before := r.read(written.ReportCSV)
	require.NoError(t, os.Remove(pathOf(t, written.ReportCSV)))
	again := s.json("report_csv report_json rows", "run", "report", r.Reference, "--manifest", r.path)
	require.Equal(t, written.ReportCSV, again["report_csv"])
	require.Equal(t, string(before), string(r.read(written.ReportCSV)))
	s.says("the report and Stripe agree", "run", "reconcile", r.Reference, "--manifest", r.path, "--since", written.StartedAt.Format(time.DateOnly))

	other := r.again().start()
	shown := other.ends(workflows.RunCompleted, patience)
	for i, row := range other.report(shown) {
		before := report[i]
		if before.outcome == activities.ChargeSucceeded || before.want == activities.ChargeDeclined && s.sandbox.Ledger(row.reference).References[row.reference].NetSuccesses == 1 {
			require.Equal(t, activities.ChargeSucceeded, row.outcome, "%+v", row)
			require.True(t, row.adopted, "%+v", row)
			require.False(t, row.handedOver, "%+v", row)
		}
	}
	// Also not the row that is too small, for which there never was a PaymentIntent: its payment is open.
	require.Equal(t, made, s.sends(), "something was charged again")
	require.NoError(t, checkLedger(s.sandbox.Ledger("")))

	// The reference of a run that Temporal has forgotten can stand for another one, which reports nothing from the files of the first.
	r.Approve = true
	r.start().is(workflows.RunAwaitingApproval, "")
	_, err := s.client.CancelRun(t.Context(), r.Reference, runOperation())
	require.NoError(t, err)
	for _, row := range r.report(r.ends(workflows.RunCanceled, patience)) {
		require.Equal(t, activities.RowNotCharged, row.outcome, "%+v", row)
	}

	// So is a payment, and the other way round: what a payment took, a run adopts.
	good := r.rows[0]
	p := s.params(good.reference, visa)
	p.Customer, p.PaymentMethod, p.Amount, p.Currency = good.customer, good.method, good.amount, good.currency
	s.start(p)
	s.ended(good.reference, workflows.PaymentPaid)
	require.Equal(t, made, s.sends())
	next := s.rows(10)
	p.Reference, p.Customer, p.PaymentMethod, p.Amount = next[4].reference, next[4].customer, next[4].method, next[4].amount
	s.start(p)
	s.ended(p.Reference, workflows.PaymentPaid)
	last := s.bill(next).start()
	taken := last.accounts(last.ends(workflows.RunCompleted, patience))
	as(t, taken)
	for i, row := range taken {
		require.Equal(t, i == 4, row.adopted, "%+v", row)
	}
}

// forget deletes all closed workflows, as Temporal does when their retention is over. It answers how many.
func (s *runSite) forget() int {
	s.t.Helper()
	deleted := map[string]bool{}
	eventually(s.t, func() error { // visibility is a moment behind
		page, err := s.temporal.ListWorkflow(s.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "ExecutionStatus != 'Running'"})
		if err != nil {
			return err
		}
		for _, w := range page.GetExecutions() {
			if w.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || deleted[w.GetExecution().GetRunId()] {
				continue
			}
			_, err := s.temporal.WorkflowService().DeleteWorkflowExecution(s.t.Context(), &workflowservice.DeleteWorkflowExecutionRequest{
				Namespace:         s.config.Temporal.Namespace,
				WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: w.GetExecution().GetWorkflowId(), RunId: w.GetExecution().GetRunId()},
			})
			if err != nil {
				return err
			}
			deleted[w.GetExecution().GetRunId()] = true
		}
		if n := len(page.GetExecutions()); n > 0 {
			return fmt.Errorf("%d closed workflows are still there", n)
		}
		return nil
	})
	return len(deleted)
}

// TestRunsTakeTurns: runs go one after the other, unless they are concurrent and fit beside each other.
func TestRunsTakeTurns(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{withoutWeb: true})
	first := s.slowly(s.rows(60)).start()
	first.charges(1)
	second := s.bill(s.rows(20)).start()
	queued := second.has(func(shown client.Run) error {
		if shown.State != workflows.RunQueued || shown.WaitsFor == "" {
			return errNotYet
		}
		return nil
	})
	require.Equal(t, first.Reference, queued.WaitsFor)
	require.Zero(t, second.charged())
	before := first.ends(workflows.RunCompleted, patience)
	after := second.ends(workflows.RunCompleted, patience)
	require.False(t, after.ChargingSince.Before(before.EndedAt.Truncate(time.Second)), "%s, %s", after.ChargingSince, before.EndedAt)
	as(t, first.accounts(before))
	as(t, second.accounts(after))

	// 750 per second are for all of them, also for one that is paused.
	side := make([]*billingRun, 3)
	for i, rate := range []float64{20, 700, 740} {
		side[i] = s.slowly(s.rows(60))
		side[i].Concurrent, side[i].Rate = true, rate
	}
	side[0].start().charges(1)
	_, err := s.client.PauseRun(t.Context(), side[0].Reference, runOperation())
	require.NoError(t, err)
	side[1].start()
	as(t, side[1].accounts(side[1].ends(workflows.RunCompleted, patience)))
	side[2].start()
	side[2].is(workflows.RunQueued, "")
	side[2].has(func(shown client.Run) error {
		if shown.WaitsFor != side[0].Reference {
			return errNotYet
		}
		return nil
	})
	require.Zero(t, side[2].charged())
	_, err = s.client.ResumeRun(t.Context(), side[0].Reference, runOperation())
	require.NoError(t, err)
	as(t, side[0].accounts(side[0].ends(workflows.RunCompleted, patience)))
	as(t, side[2].accounts(side[2].ends(workflows.RunCompleted, patience)))
}
