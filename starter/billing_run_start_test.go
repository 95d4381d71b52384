package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// runsInTurn answers one after the other, and the last again and again.
type runsInTurn struct {
	answers []client.Run
	errs    []error
	asked   int
}

func (r *runsInTurn) Run(context.Context, string) (client.Run, error) {
	n := r.asked
	r.asked++
	var err error
	if n < len(r.errs) {
		err = r.errs[n]
	}
	if len(r.answers) == 0 {
		return client.Run{}, err
	}
	return r.answers[min(n, len(r.answers)-1)], err
}

func TestRunWait(t *testing.T) {
	t.Parallel()
	ended := func(totals activities.RunTotals, unattended ...int) client.Run {
		return exampleRun(func(r *client.Run) {
			r.State, r.Totals, r.ReportCSV = workflows.RunCompleted, totals, "file:///data/report.csv"
			r.Unattended = 0
			for _, rows := range unattended {
				r.Unattended += rows
			}
		})
	}
	without := ended(activities.RunTotals{})
	without.ReportCSV = ""
	differs := ended(activities.RunTotals{})
	differs.Reason = workflows.RunReasonReportDiffers
	usd := func(rows int) map[string]activities.RunTotal {
		return map[string]activities.RunTotal{"usd": {Rows: rows}}
	}
	for _, test := range []struct {
		name string
		last client.Run
		want string // of the error; "" is: done
	}{
		{"AllSucceeded", ended(activities.RunTotals{activities.ChargeSucceeded: usd(1000)}), ""},
		{"SomeHandedOver", ended(activities.RunTotals{
			activities.ChargeSucceeded: usd(990), activities.ChargeDeclined: usd(3), activities.ChargeRefused: usd(2), activities.ChargeNeedsCustomer: usd(1),
			activities.ChargeProcessing: usd(1), activities.ChargeUnknown: usd(1),
		}), ""},
		{"SomeRejected", ended(activities.RunTotals{activities.ChargeSucceeded: usd(999), activities.RowRejected: usd(1)}, 1), "1 row neither charged nor handed over"},
		{"SomeNotCharged", ended(activities.RunTotals{activities.RowNotCharged: usd(7)}, 7), "7 rows neither charged nor handed over"},
		{"SomeOfEndedPayments", ended(activities.RunTotals{activities.ChargeSucceeded: usd(990), activities.ChargeDeclined: usd(10)}, 3), "3 rows neither charged nor handed over"},
		{"NoReport", without, "run july-2026 is completed, but its report could not be written; what it is made of is there: starter run report july-2026"},
		{"ReportDiffers", differs, "run july-2026 is completed (report_differs), but its report does not add up"},
		{"Canceled", exampleRun(func(r *client.Run) { r.State, r.Reason = workflows.RunCanceled, workflows.RunReasonOperator }), "run july-2026 is canceled (operator)"},
		{"Paused", exampleRun(func(r *client.Run) { r.State, r.Reason = workflows.RunPaused, workflows.RunReasonDeclineRate }), "run july-2026 stands still: paused (decline_rate); more of the last"},
		{"AwaitsApproval", exampleRun(func(r *client.Run) { r.State = workflows.RunAwaitingApproval }), "run july-2026 stands still: awaiting_approval"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			a := &app{stdout: &out, stderr: &errs, output: outputJSON}
			c := &runsInTurn{answers: []client.Run{exampleRun(), test.last}, errs: []error{nil}}
			err := a.waitRun(t.Context(), c, client.Started{WorkflowID: "billing-run:july-2026", RunID: "run-1"}, "july-2026")
			if test.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.want)
				require.Equal(t, exitFailed, exitCode(err))
			}
			var got map[string]any
			require.NoError(t, json.Unmarshal(out.Bytes(), &got), "also when it is not simply done")
			require.Equal(t, string(test.last.State), got["state"])
			require.Equal(t, "run-1", got["run_id"])
			require.Equal(t, "billing-run:july-2026 started (run run-1)\n[#####---------------] 25 %, 252 of 1002 rows, 12.5/s, 243 succeeded, 7 declined, 1m0s left\n", errs.String(),
				"no terminal: a line now and then")
		})
	}
}

func TestRunWaitIsPatient(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	a := &app{stdout: &out, stderr: &errs, output: outputText}
	down := errors.New("no worker answers")
	c := &runsInTurn{answers: []client.Run{{}, {}, exampleRun(func(r *client.Run) {
		r.State, r.Totals, r.Unattended, r.ReportCSV = workflows.RunCompleted, nil, 0, "file:///data/report.csv"
	})}, errs: []error{down, down}}
	require.NoError(t, a.waitRun(t.Context(), c, client.Started{}, "july-2026"))
	require.Equal(t, 1, strings.Count(errs.String(), "note: no worker answers; still waiting"))

	errs.Reset()
	gone := &runsInTurn{errs: []error{client.ErrNotFound}}
	require.ErrorIs(t, a.waitRun(t.Context(), gone, client.Started{}, "july-2026"), client.ErrNotFound)

	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	err := a.waitRun(ctx, &runsInTurn{answers: []client.Run{exampleRun()}}, client.Started{}, "july-2026")
	require.EqualError(t, err, "interrupted; run july-2026 goes on: starter run show july-2026")
	require.Equal(t, exitFailed, exitCode(err))
}

// On a terminal the line is written over, and is gone at the end.
func TestProgressOnATerminal(t *testing.T) {
	t.Parallel()
	var errs bytes.Buffer
	columns := 8
	p := &progress{a: &app{stderr: &errs}, columns: func() int { return columns }}
	p.show("12345", noon)
	p.show("123", noon)
	p.clear()
	p.clear()
	require.Equal(t, "\r12345\r123  \r     \r", errs.String())

	// What would be broken into two lines could not be written over.
	errs.Reset()
	p.show("1234567", noon)
	columns = 6
	p.show("äöüß", noon)
	p.clear()
	require.Equal(t, "\r12345\räöü\r     \r", errs.String())

	errs.Reset()
	p = &progress{a: &app{stderr: &errs}}
	for second := range 25 {
		p.show("x", noon.Add(time.Duration(second)*time.Second))
	}
	p.clear()
	require.Equal(t, strings.Repeat("x\n", 3), errs.String(), "elsewhere a line every ten seconds")
}

func TestProgressText(t *testing.T) {
	t.Parallel()
	for state, want := range map[workflows.RunState]string{
		workflows.RunValidating: "validating: the manifest is read and checked, and Stripe is asked which references were used before",
		workflows.RunQueued:     "queued: another run goes first",
		workflows.RunReporting:  "reporting",
	} {
		require.Equal(t, want, progressText(showRun(exampleRun(func(r *client.Run) { r.State = state })), 0))
	}
	all := exampleRun(func(r *client.Run) {
		r.Totals, r.RemainingSeconds = activities.RunTotals{activities.ChargeSucceeded: {"usd": {Rows: 1002}}}, 0
	})
	require.Equal(t, "[####################] 100 %, 1002 of 1002 rows, 12.5/s, 1002 succeeded, 0 declined", progressText(showRun(all), 0))

	// Every room takes as much as fits, and the remaining time before the bar.
	for room, want := range map[int]string{
		200: "[#####---------------] 25 %, 252 of 1002 rows, 12.5/s, 243 succeeded, 7 declined, 1m0s left",
		79:  "[##------] 25 %, 252 of 1002 rows, 12.5/s, 243 succeeded, 7 declined, 1m0s left",
		78:  "[###------------] 25 %, 252/1002, 12.5/s, 243 succeeded, 7 declined, 1m0s left",
		40:  "25 %, 252/1002, 12.5/s, 243 succeeded, 7 declined, 1m0s left",
	} {
		require.Equal(t, want, progressText(showRun(exampleRun()), room), room)
	}
}
