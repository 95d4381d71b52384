package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// TestRunWhoseFilesChange: what was approved is charged, or nothing is.
func TestRunWhoseFilesChange(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{withoutWeb: true})
	for name, approve := range map[string]bool{"before it charges": true, "while it charges": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := s.on(t)
			r := s.slowly(s.rows(60))
			r.Approve, r.Concurrent = approve, true
			r.start()
			if approve {
				r.is(workflows.RunAwaitingApproval, "")
			} else {
				r.charges(5)
			}
			// The manifest itself may change: it is not read again.
			require.NoError(t, os.WriteFile(r.path, []byte("gone"), 0o600))
			rows := r.path + "." + r.Reference + ".rows"
			copied, err := os.ReadFile(rows)
			require.NoError(t, err)
			changed := bytes.Replace(copied, []byte(`"amount":1055,`), []byte(`"amount":9055,`), 1)
			require.NotEqual(t, copied, changed)
			require.NoError(t, os.WriteFile(rows, changed, 0o600))
			if approve {
				op := runOperation()
				op.Fingerprint = r.is(workflows.RunAwaitingApproval, "").Summary.Fingerprint
				_, err = s.client.ApproveRun(t.Context(), r.Reference, op)
				require.NoError(t, err)
			}
			r.standsStill(workflows.RunNeedsAttention, workflows.RunReasonFilesChanged)
			require.Nil(t, s.sandbox.Ledger("").References[r.rows[55].reference])

			require.NoError(t, os.WriteFile(rows, copied, 0o600))
			_, err = s.client.ResumeRun(t.Context(), r.Reference, runOperation())
			require.NoError(t, err)
			as(t, r.accounts(r.ends(workflows.RunCompleted, patience)))
		})
	}
}

// TestRunThatCannotWrite: what was charged is not forgotten when it cannot be written down, and not charged again when it can.
func TestRunThatCannotWrite(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{withoutWeb: true})
	r := s.bill(s.rows(40, exceptions...))
	r.PageSize, r.Approve = 10, true
	waiting := r.start().is(workflows.RunAwaitingApproval, "")
	// A folder where a file should be keeps everybody from writing it, root too.
	inTheWay := filepath.Join(filepath.Dir(r.path), r.Reference, r.runID(), "pages", "1.csv")
	require.NoError(t, os.MkdirAll(filepath.Join(inTheWay, "something"), 0o700))
	op := runOperation()
	op.Fingerprint = waiting.Summary.Fingerprint
	_, err := s.client.ApproveRun(t.Context(), r.Reference, op)
	require.NoError(t, err)
	r.charges(len(r.rows) - 1) // all but the one that is too small
	eventually(t, func() error {
		description, err := s.temporal.DescribeWorkflowExecution(t.Context(), workflows.BillingRunID(r.Reference), "")
		if err != nil {
			return err
		}
		for _, pending := range description.GetPendingActivities() {
			if pending.GetAttempt() > 1 && pending.GetLastFailure() != nil {
				require.Contains(t, pending.GetLastFailure().GetApplicationFailureInfo().GetType(), activities.ErrorRunFiles)
				return nil
			}
		}
		shown, err := s.client.Run(t.Context(), r.Reference)
		if err == nil && shown.State == workflows.RunNeedsAttention {
			return nil
		}
		return errNotYet
	})
	require.NoError(t, os.RemoveAll(inTheWay))
	if shown, err := s.client.Run(t.Context(), r.Reference); err == nil && shown.State == workflows.RunNeedsAttention {
		_, err = s.client.ResumeRun(t.Context(), r.Reference, runOperation())
		require.NoError(t, err)
	}
	report := r.accounts(r.ends(workflows.RunCompleted, patience))
	as(t, report)
	r.handedOver(report)
	for _, row := range report {
		if did := s.sandbox.Ledger(row.reference).References[row.reference]; did != nil {
			require.Len(t, did.PaymentIntents, 1, row.reference)
		}
	}
}

// TestRunReportWrittenAgain: the report is lost, or could not be written. It is made of what the pages wrote.
func TestRunReportWrittenAgain(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{})
	r := s.bill(s.rows(20, exceptions...)).start()
	shown := r.ends(workflows.RunCompleted, patience)
	before := r.accounts(shown)
	path := pathOf(t, shown.ReportCSV)
	was, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	s.json("state report_csv report_json", "run", "report", r.Reference)
	is, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(was), string(is))
	require.Equal(t, before, r.accounts(shown))

	// What has become of the exceptions since.
	for _, row := range before {
		if row.declineCode == "lost_card" {
			s.payByLink(s.becomes(row.reference, workflows.PaymentAwaitingCustomer).Link, purchase{Number: goodCard})
			s.ended(row.reference, workflows.PaymentPaid)
		}
	}
	s.json("state", "run", "report", r.Reference, "--settled")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, strings.SplitN(string(text), "\n", 2)[0], "settled")
	require.Contains(t, string(text), ",paid")
}

// TestRunAwaitsItsManifest: until its deadline a manifest that is not there yet is waited for.
func TestRunAwaitsItsManifest(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{withoutWeb: true})
	rows := s.rows(20)
	start := func() *billingRun {
		r := s.bill(rows)
		require.NoError(t, os.Remove(r.path))
		in := workflows.BillingRunInput{
			Reference: r.Reference, Manifest: r.Manifest, Policy: quick(), ManifestDeadline: time.Now().Add(30 * time.Second).UTC(),
		}
		_, err := s.temporal.ExecuteWorkflow(t.Context(), sdk.StartWorkflowOptions{
			ID: workflows.BillingRunID(r.Reference), TaskQueue: s.config.TaskQueue,
		}, workflows.TypeBillingRun, in)
		require.NoError(t, err)
		r.is(workflows.RunValidating, workflows.RunReasonManifestMissing)
		return r
	}
	late, never := start(), start()
	late.write(rows)
	as(t, late.accounts(late.ends(workflows.RunCompleted, patience)))
	recordFrom(t, s.temporal, workflows.BillingRunID(late.Reference), "billing_run_awaited_manifest")
	never.is(workflows.RunNeedsAttention, workflows.RunReasonManifestMissing)
	never.write(rows)
	_, err := s.client.ResumeRun(t.Context(), never.Reference, runOperation())
	require.NoError(t, err)
	never.has(func(shown client.Run) error {
		if shown.State != workflows.RunCompleted {
			return errNotYet
		}
		return nil
	})
	for _, row := range never.report(never.ends(workflows.RunCompleted, patience)) {
		require.True(t, row.adopted, "%+v", row)
	}
}
