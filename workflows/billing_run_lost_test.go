package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestRunCountsTheUnattended: rows that did not succeed and that no payment goes on with, those that are not allowed, and at the end
// those that were never charged.
func TestRunCountsTheUnattended(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cancel                 bool
		paused, end, notCharge int
	}{
		"completed": {paused: 1 + 4, end: 1 + 4*4},
		"canceled":  {cancel: true, paused: 1 + 4, end: 1 + 4 + 3*100, notCharge: 3 * 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRunBench(t, 400)
			r.validate = func(_ int, res *activities.ValidateManifestResult) error { res.Rejected = 1; return nil }
			r.charge = func(in activities.ChargePageInput, try int) (activities.ChargePageResult, error) {
				if in.Number == 1 && try == 0 {
					return activities.ChargePageResult{Stopped: activities.StoppedChanged, Unattended: 9}, nil
				}
				res := pageOf(in, map[activities.ChargeOutcome]int{activities.ChargeDeclined: 10})
				res.Unattended = 4
				return res, nil
			}
			r.closed = func(in activities.ChargePageInput, _ int) (activities.ChargePageResult, error) {
				res := pageOf(in, map[activities.ChargeOutcome]int{activities.RowNotCharged: in.Rows})
				res.Unattended = in.Rows
				return res, nil
			}
			r.at(time.Hour, func() { require.Equal(t, test.paused, r.status().Unattended) })
			update := workflows.UpdateResume
			if test.cancel {
				update = workflows.UpdateCancel
			}
			r.operateAt(time.Hour, update, workflows.RunOperation{}, "")
			in := runInput()
			in.OnInvalid = workflows.OnInvalidSkip
			res := r.runsToEnd(in)
			require.Equal(t, test.notCharge, res.Totals.Rows(activities.RowNotCharged))
			require.Equal(t, test.end, r.status().Unattended)
		})
	}
}

// TestRunKnowsWhichPagesMayHaveSent: a page that ended without telling how far it came is given out again, or closed, as one whose rows
// may have been sent since it was begun. One that left a checkpoint is not.
func TestRunKnowsWhichPagesMayHaveSent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		res    activities.ChargePageResult
		err    error
		lost   bool
		reason string
	}{
		"a checkpoint tells": {res: activities.ChargePageResult{Stopped: activities.StoppedChanged}, reason: workflows.RunReasonFilesChanged},
		"no checkpoint tells": {
			res: activities.ChargePageResult{Stopped: activities.StoppedChanged, Lost: true}, lost: true, reason: workflows.RunReasonFilesChanged,
		},
		"it failed": {err: temporal.NewNonRetryableApplicationError("by hand", "operator", nil), lost: true, reason: workflows.RunReasonPageFailed},
	} {
		for _, cancel := range []bool{false, true} {
			t.Run(map[bool]string{false: name, true: name + ", canceled"}[cancel], func(t *testing.T) {
				t.Parallel()
				r := newRunBench(t, 300)
				r.charge = func(in activities.ChargePageInput, try int) (activities.ChargePageResult, error) {
					if in.Number == 1 && try < 2 {
						return test.res, test.err
					}
					return allSucceed(in, try)
				}
				tries := 0
				r.closed = func(in activities.ChargePageInput, _ int) (activities.ChargePageResult, error) {
					if tries++; tries == 1 {
						return activities.ChargePageResult{Stopped: activities.StoppedUnsettled}, nil
					}
					return pageOf(in, map[activities.ChargeOutcome]int{activities.RowNotCharged: in.Rows}), nil
				}
				r.expect(time.Hour, runAttention, test.reason)
				r.operateAt(time.Hour, workflows.UpdateResume, workflows.RunOperation{}, "")
				r.expect(2*time.Hour, runAttention, test.reason)
				if cancel {
					r.operateAt(2*time.Hour, workflows.UpdateCancel, workflows.RunOperation{}, "")
				} else {
					r.operateAt(2*time.Hour, workflows.UpdateResume, workflows.RunOperation{}, "")
				}
				r.runsToEnd(runInput())
				var given []givenPage
				for _, p := range r.pages {
					if p.Number == 1 {
						given = append(given, p)
					} else {
						require.Zero(t, p.LostSince)
					}
				}
				since := time.Time{}
				if test.lost {
					since = given[0].at.Add(-r.takes).UTC() // when it was begun
				}
				require.Zero(t, given[0].LostSince)
				require.Equal(t, since, given[1].LostSince)
				require.Equal(t, since, given[2].LostSince, "the first time counts")
				if cancel {
					require.Len(t, given, 4)
					require.True(t, given[2].Closing && given[3].Closing)
					require.Zero(t, given[3].LostSince, "a checkpoint tells now")
					require.Equal(t, time.Minute, given[3].at.Sub(given[2].at).Truncate(time.Minute))
				}
			})
		}
	}
}
