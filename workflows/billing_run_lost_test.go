package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

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
