package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestRunValidation: what is wrong with a manifest stops the run before anything is charged, until a person resumes it.
func TestRunValidation(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		validate func(try int, res *activities.ValidateManifestResult) error
		reason   string
		resume   workflows.RunOperation
	}{
		"rows are not allowed": {reason: workflows.RunReasonManifestInvalid, validate: func(try int, res *activities.ValidateManifestResult) error {
			if try == 0 {
				return rejects(try, res)
			}
			return nil
		}},
		"no rows": {reason: workflows.RunReasonManifestInvalid, validate: func(try int, res *activities.ValidateManifestResult) error {
			if try == 0 {
				*res = activities.ValidateManifestResult{}
			}
			return nil
		}},
		"missing": {reason: workflows.RunReasonManifestMissing, validate: missingFor(1)},
		"unreadable": {reason: workflows.RunReasonManifestUnreadable, validate: func(try int, res *activities.ValidateManifestResult) error {
			if try == 0 {
				*res = activities.ValidateManifestResult{Unreadable: "no credentials"}
			}
			return nil
		}},
		"live without max_total": {reason: workflows.RunReasonMaxTotalRequired, resume: workflows.RunOperation{MaxTotal: map[string]int64{"usd": 9_000_000}},
			validate: func(_ int, res *activities.ValidateManifestResult) error { res.Live = true; return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRunBench(t, 300)
			r.validate = test.validate
			r.expect(time.Hour, runAttention, test.reason)
			r.at(time.Hour, func() {
				require.Empty(t, r.pages)
				require.Equal(t, []string{"run_paused needs_attention " + test.reason}, r.notes)
				r.operate(workflows.UpdateResume, test.resume)
			})
			res := r.runsToEnd(runInput())
			require.Equal(t, runCompleted, res.State)
			require.Equal(t, 300, res.Totals.Rows(activities.ChargeSucceeded))
		})
	}
}

// TestRunSkipsWhatIsNotAllowed: the other rows are charged, and those are counted as rejected.
func TestRunSkipsWhatIsNotAllowed(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 300)
	r.validate = rejects
	r.index = func(_ int, res *activities.ReadRunPagesResult) error { res.Pages[2].Rows--; return nil }
	res := r.runsToEnd(runInput(func(in *workflows.BillingRunInput) { in.OnInvalid = workflows.OnInvalidSkip }))
	require.Equal(t, runCompleted, res.State)
	require.Equal(t, 299, res.Totals.Rows(activities.ChargeSucceeded))
	require.Equal(t, 1, res.Totals.Rows(activities.RowRejected))
}

// TestRunWaitsForItsManifest: until the deadline, then a person is asked.
func TestRunWaitsForItsManifest(t *testing.T) {
	t.Parallel()
	patient := func(in *workflows.BillingRunInput) { in.ManifestDeadline = benchStart.Add(6 * time.Hour) }
	t.Run("it comes", func(t *testing.T) {
		t.Parallel()
		r := newRunBench(t, 300)
		r.validate = missingFor(4)
		r.expect(30*time.Second, runValidating, workflows.RunReasonManifestMissing)
		require.Equal(t, runCompleted, r.runsToEnd(runInput(patient)).State)
	})
	t.Run("it does not", func(t *testing.T) {
		t.Parallel()
		r := newRunBench(t, 300)
		r.validate = missingFor(1000)
		r.expect(5*time.Hour+59*time.Minute, runValidating, workflows.RunReasonManifestMissing)
		r.expect(6*time.Hour+time.Minute, runAttention, workflows.RunReasonManifestMissing)
		r.operateAt(7*time.Hour, workflows.UpdateCancel, workflows.RunOperation{}, "")
		require.Equal(t, runCanceled, r.runsToEnd(runInput(patient)).State)
	})
}

// TestRunApproval: only the fingerprint of what was validated lets the run go on, for a week.
func TestRunApproval(t *testing.T) {
	t.Parallel()
	approve := func(in *workflows.BillingRunInput) { in.Approve = true }
	t.Run("approved", func(t *testing.T) {
		t.Parallel()
		r := newRunBench(t, 300)
		r.expect(time.Hour, runApproval, "")
		r.operateAt(time.Hour, workflows.UpdateApprove, workflows.RunOperation{Fingerprint: "abcdef0123456789"}, "begins with 0123456789ab")
		r.operateAt(time.Hour, workflows.UpdateApprove, workflows.RunOperation{Fingerprint: "01234"}, "is not the manifest's")
		r.operateAt(2*time.Hour, workflows.UpdateApprove, workflows.RunOperation{Fingerprint: "0123456789ABCDEF"}, "")
		res := r.runsToEnd(runInput(approve))
		require.Equal(t, runCompleted, res.State)
		require.Equal(t, 300, res.Totals.Rows(activities.ChargeSucceeded))
	})
	t.Run("not approved", func(t *testing.T) {
		t.Parallel()
		r := newRunBench(t, 300)
		r.expect(7*24*time.Hour-time.Minute, runApproval, "")
		res := r.runsToEnd(runInput(approve))
		require.Equal(t, runCanceled, res.State)
		require.Equal(t, workflows.RunReasonNotApproved, res.Reason)
		require.Equal(t, 300, res.Totals.Rows(activities.RowNotCharged))
	})
}

// TestRunTakesItsTurn: another run goes first; a pause while queued holds.
func TestRunTakesItsTurn(t *testing.T) {
	t.Parallel()
	r := newRunBench(t, 300)
	r.turn = notYet(20)
	r.expect(time.Minute, runQueued, "")
	r.at(time.Minute, func() { require.Equal(t, "june", r.status().WaitsFor) })
	r.operateAt(90*time.Second, workflows.UpdatePause, workflows.RunOperation{}, "")
	r.expect(time.Hour, runPaused, workflows.RunReasonOperator)
	r.operateAt(time.Hour, workflows.UpdateResume, workflows.RunOperation{}, "")
	r.expect(time.Hour+time.Second, runQueued, "")
	require.Equal(t, runCompleted, r.runsToEnd(runInput()).State)
}
