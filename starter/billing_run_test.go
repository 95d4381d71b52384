package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

const fingerprint = "4f1c0b6e9a2d4f1c0b6e9a2d4f1c0b6e9a2d4f1c0b6e9a2d4f1c0b6e9a2d4f1c"

func exampleRun(change ...func(*client.Run)) client.Run {
	run := client.Run{
		RunStatus: workflows.RunStatus{
			Reference: "july-2026", State: workflows.RunCharging, Manifest: "file:///data/july.csv",
			Summary: &activities.ManifestSummary{
				Rows: 1000, Rejected: 2, Pages: 10, Totals: map[string]int64{"usd": 900000, "jpy": 5000}, Counts: map[string]int{"usd": 900, "jpy": 100}, Fingerprint: fingerprint,
				Problems: []activities.RunProblem{{Line: 17, Column: "amount", Value: "10.99", Rule: "must be a whole number, in minor units"}},
			},
			LookedBack: &activities.LookBackRunResult{At: noon, Seen: 5000, Found: activities.RunTotals{activities.ChargeSucceeded: {"usd": {Rows: 3, Amount: 3000}}}},
			Totals: activities.RunTotals{
				activities.ChargeSucceeded: {"usd": {Rows: 240, Amount: 240000}, "jpy": {Rows: 3, Amount: 150}},
				activities.ChargeDeclined:  {"usd": {Rows: 7, Amount: 7000}},
				activities.RowRejected:     {"": {Rows: 2}},
			},
			PagesDone: 3, InFlight: 2, Rate: 12.5, WantedRate: 15, RateLimited: 4, MaxTotal: map[string]int64{"usd": 5000000},
			StartedAt: noon, ChargingSince: noon.Add(time.Minute), RemainingSeconds: 60,
			Audit: []workflows.AuditEntry{{At: noon, Update: "approve", Actor: "finance", Reason: "totals agree", State: "queued"}},
		},
		WorkflowID: "billing-run:july-2026",
	}
	for _, c := range change {
		c(&run)
	}
	return run
}

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

func TestRunText(t *testing.T) {
	t.Parallel()
	require.Equal(t, `Run july-2026: charging
  manifest        file:///data/july.csv
  rows            1000, together ¥5,000 (5000 jpy), $9,000.00 (900000 usd); 2 more are not allowed
  fingerprint     `+fingerprint+`
  already used    3 rows (3 succeeded), by 5000 PaymentIntents in Stripe; not charged again
  done            252 of 1002 rows (25 %), 3 pages
  pace            12.5/s instead of 15/s; Stripe answered 429 (too many requests) 4 times
  remaining       1m0s
  at most         $50,000.00 (5000000 usd)
  started         2026-03-01 12:00:00 UTC
  charging since  2026-03-01 12:01:00 UTC

Not allowed in the manifest
  line 17, amount: "10.99"; must be a whole number, in minor units
  and 1 more: starter run validate lists all

Rows
  outcome    rows  jpy   usd
  succeeded  243   ¥150  $2,400.00
  declined   7     -     $70.00
  rejected   2     -     -

Operations
  at                       what     by       why           then
  2026-03-01 12:00:00 UTC  approve  finance  totals agree  queued
`, runText(showRun(exampleRun())))
	require.Equal(t, "Run july-2026: validating\n  why       the manifest is read and checked, and Stripe is asked which references were used before\n  manifest  s3://b/july.csv\n",
		runText(showRun(client.Run{RunStatus: workflows.RunStatus{Reference: "july-2026", State: workflows.RunValidating, Manifest: "s3://b/july.csv"}})))
}

// Whoever looks at a run that stands still learns why, and what goes on.
func TestRunSaysHowItGoesOn(t *testing.T) {
	t.Parallel()
	who := " --actor A --reason X"
	for _, test := range []struct {
		state                workflows.RunState
		reason, code         string
		why, command, waiter string
	}{
		{workflows.RunAwaitingApproval, "", "", "approve what it has read", "starter run approve july-2026 --fingerprint " + fingerprint + who, ""},
		{workflows.RunQueued, "", "", "run june-2026 goes first", "", "june-2026"},
		{workflows.RunPaused, workflows.RunReasonOperator, "", "an operator asked for it", "starter run resume july-2026" + who, ""},
		{workflows.RunPaused, workflows.RunReasonUnauthorized, "", "check STRIPE_API_KEY", "starter run resume july-2026" + who, ""},
		{workflows.RunPaused, workflows.RunReasonFailingAlike, "parameter_invalid", "20 rows in a row failed with parameter_invalid", "starter run resume july-2026" + who, ""},
		{workflows.RunPaused, workflows.RunReasonDeclineRate, "", "than max-decline-rate allows", "starter run resume july-2026" + who, ""},
		{workflows.RunPaused, workflows.RunReasonMaxTotal, "usd", "pass the max-total of usd", "starter run resume july-2026 --max-total usd=AMOUNT" + who, ""},
		{workflows.RunNeedsAttention, workflows.RunReasonMaxTotalRequired, "", "with a live key", "starter run resume july-2026 --max-total CUR=AMOUNT" + who, ""},
		{workflows.RunNeedsAttention, workflows.RunReasonManifestUnreadable, "its URL is not one", "cannot be read", "starter run resume july-2026" + who, ""},
		{workflows.RunNeedsAttention, workflows.RunReasonManifestInvalid, "", "nothing was charged", "starter run resume july-2026" + who, ""},
		{workflows.RunNeedsAttention, client.ReasonWorkflowTerminated, "", "did not end by itself", "starter run report july-2026", ""},
		{workflows.RunCharging, workflows.RunReasonPageSlow, "", "goes on by itself", "", ""},
		{workflows.RunCharging, "", "", "", "", ""},
		{workflows.RunCompleted, "", "", "", "", ""},
		{workflows.RunCanceled, workflows.RunReasonNotApproved, "", "nobody approved it", "", ""},
	} {
		why, command := whyAndHow(exampleRun(func(r *client.Run) {
			r.State, r.Reason, r.ReasonCode, r.WaitsFor = test.state, test.reason, test.code, test.waiter
		}))
		require.Contains(t, why, test.why, test.reason)
		if test.why == "" {
			require.Empty(t, why, test.state)
		}
		require.Equal(t, test.command, command, test.reason)
		if test.command != "" {
			require.NoError(t, parses(command), command)
		}
	}
}

// parses reports whether the program takes such a command line, with values in place of the words that stand for them.
func parses(line string) error {
	args := strings.Fields(strings.NewReplacer("CUR=AMOUNT", "usd=1", "usd=AMOUNT", "usd=1").Replace(line))[1:]
	cmd, rest, err := newRoot(&app{}).Find(args)
	if err != nil {
		return err
	}
	return cmd.ParseFlags(rest)
}

// Every reason has words of its own.
func TestRunReasonsAreComplete(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	for _, reason := range []string{
		workflows.RunReasonOperator, workflows.RunReasonUnauthorized, workflows.RunReasonFailingAlike, workflows.RunReasonDeclineRate, workflows.RunReasonMaxTotal,
		workflows.RunReasonMaxTotalRequired, workflows.RunReasonManifestMissing, workflows.RunReasonManifestUnreadable, workflows.RunReasonManifestInvalid,
		workflows.RunReasonFilesChanged, workflows.RunReasonFilesUnavailable, workflows.RunReasonPageFailed, workflows.RunReasonPageSlow,
		workflows.RunReasonNotApproved, client.ReasonWorkflowTerminated,
	} {
		text := runReasonText(exampleRun(func(r *client.Run) { r.Reason = reason }))
		require.NotEqual(t, reason, text)
		require.False(t, said[text], text)
		said[text] = true
	}
}

func TestRunJSON(t *testing.T) {
	t.Parallel()
	got := encoded(t, showRun(exampleRun()))
	for key, want := range map[string]any{
		"state": "charging", "reason": "", "rows": 1002., "rows_done": 252., "succeeded": 243., "declined": 7., "refused": 0., "needs_customer": 0., "processing": 0.,
		"unknown": 0., "rejected": 2., "not_charged": 0., "workflow_id": "billing-run:july-2026", "ended_at": nil, "next_action_at": nil, "rate": 12.5,
	} {
		require.Contains(t, got, key)
		require.Equal(t, want, got[key], key)
	}
	usd := got["amount_by_currency"].(map[string]any)["usd"].(map[string]any)
	require.Equal(t, map[string]any{
		"total": 900000., "succeeded": 240000., "declined": 7000., "refused": 0., "needs_customer": 0., "processing": 0., "unknown": 0., "canceled": 0.,
		"rejected": 0., "not_charged": 0.,
	}, usd)
	require.NotContains(t, got["amount_by_currency"], "", "rows without a currency have no sum")

	empty := encoded(t, showRun(client.Run{}))
	require.Equal(t, map[string]any{}, empty["amount_by_currency"])
	require.Equal(t, map[string]any{}, empty["totals"])
}

func TestRunStartAnswer(t *testing.T) {
	t.Parallel()
	p := client.RunParams{Reference: "july-2026", Manifest: "file:///data/july.csv"}
	started := client.Started{WorkflowID: "billing-run:july-2026", RunID: "run-1"}
	var out, errs bytes.Buffer
	waiting := exampleRun(func(r *client.Run) { r.State = workflows.RunAwaitingApproval })
	require.NoError(t, (&app{stdout: &out, output: outputText}).answerRunStart(t.Context(), &runsInTurn{answers: []client.Run{waiting}}, p, started))
	require.Equal(t, "billing-run:july-2026 started (run run-1)\n  state         awaiting_approval\n  goes on with  starter run approve july-2026 --fingerprint "+fingerprint+
		" --actor A --reason X\nSee starter run show july-2026\n", out.String())

	out.Reset()
	nobody := &runsInTurn{errs: []error{errors.New("nobody answers")}}
	require.NoError(t, (&app{stdout: &out, stderr: &errs, output: outputJSON}).answerRunStart(t.Context(), nobody, p, started))
	require.Contains(t, errs.String(), "note: started, but no worker has answered yet (nobody answers); ask again with starter run show july-2026")
	var got map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	for key, want := range map[string]any{"workflow_id": "billing-run:july-2026", "run_id": "run-1", "state": "validating", "rows": 0.} {
		require.Equal(t, want, got[key], key)
	}
}

func TestRunOperationAnswer(t *testing.T) {
	t.Parallel()
	paused := exampleRun(func(r *client.Run) { r.State, r.Reason = workflows.RunPaused, workflows.RunReasonOperator })
	var out, errs bytes.Buffer
	a := &app{stdout: &out, stderr: &errs, output: outputText}
	require.NoError(t, a.answerRunOperation(t.Context(), &runsInTurn{answers: []client.Run{paused}}, "july-2026", client.RunAnswer{State: workflows.RunPaused}))
	require.Equal(t, `july-2026: paused (operator)
  goes on with  starter run resume july-2026 --actor A --reason X
  done          252 of 1002 rows (25 %), 3 pages
  pace          12.5/s instead of 15/s; Stripe answered 429 (too many requests) 4 times
  remaining     1m0s
`, out.String())

	out.Reset()
	gone := &runsInTurn{errs: []error{errors.New("billing-run:july-2026 does not answer")}}
	require.NoError(t, a.answerRunOperation(t.Context(), gone, "july-2026", client.RunAnswer{State: workflows.RunCharging, Pending: true}))
	require.Equal(t, "july-2026: charging, once the pages under way have finished\n", out.String())
	require.Equal(t, "note: billing-run:july-2026 does not answer\n", errs.String())
}

func TestRunWait(t *testing.T) {
	t.Parallel()
	ended := func(totals activities.RunTotals) client.Run {
		return exampleRun(func(r *client.Run) { r.State, r.Totals = workflows.RunCompleted, totals })
	}
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
		{"SomeRejected", ended(activities.RunTotals{activities.ChargeSucceeded: usd(999), activities.RowRejected: usd(1)}), "1 row neither charged nor handed over"},
		{"SomeNotCharged", ended(activities.RunTotals{activities.RowNotCharged: usd(7)}), "7 rows neither charged nor handed over"},
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
	c := &runsInTurn{answers: []client.Run{{}, {}, exampleRun(func(r *client.Run) { r.State, r.Totals = workflows.RunCompleted, nil })}, errs: []error{down, down}}
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
	p := &progress{a: &app{stderr: &errs}, terminal: true}
	p.show("12345", noon)
	p.show("123", noon)
	p.clear()
	p.clear()
	require.Equal(t, "\r12345\r123  \r   \r", errs.String())

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
		require.Equal(t, want, progressText(showRun(exampleRun(func(r *client.Run) { r.State = state }))))
	}
	all := exampleRun(func(r *client.Run) {
		r.Totals, r.RemainingSeconds = activities.RunTotals{activities.ChargeSucceeded: {"usd": {Rows: 1002}}}, 0
	})
	require.Equal(t, "[####################] 100 %, 1002 of 1002 rows, 12.5/s, 1002 succeeded, 0 declined", progressText(showRun(all)))
}

func TestRunListText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "no runs", runListText(nil))
	require.Equal(t, `reference  state                         manifest         next action
july-2026  paused                        s3://b/july.csv  2026-03-01 12:00:00 UTC
june-2026  needs_attention (Terminated)  -                -
`, runListText([]client.RunSummary{
		{Reference: "july-2026", State: workflows.RunPaused, Manifest: "s3://b/july.csv", NextActionAt: noon},
		{Reference: "june-2026", State: workflows.RunNeedsAttention, ExecutionStatus: "Terminated"},
	}))
}

func TestManifestURL(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd()
	require.NoError(t, err)
	for text, want := range map[string]string{
		"":                                   "",
		"july.csv":                           "file://" + filepath.Join(here, "july.csv"),
		"../july.csv":                        "file://" + filepath.Join(filepath.Dir(here), "july.csv"),
		"/data/july 2026#1.csv":              "file:///data/july%202026%231.csv",
		"file:///data/july.csv":              "file:///data/july.csv",
		"s3://bucket/july.csv?region=x":      "s3://bucket/july.csv?region=x",
		"/data/{{date}}.csv":                 "file:///data/{{date}}.csv",
		"https://example.com/not/allowed.gz": "https://example.com/not/allowed.gz",
	} {
		got, err := manifestURL(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// What a flag leaves out is what its help says.
func TestRunFlagDefaults(t *testing.T) {
	t.Parallel()
	var (
		p     client.RunParams
		flags runFlags
	)
	f := pflag.NewFlagSet("start", pflag.ContinueOnError)
	flags.add(f, &p)
	require.NoError(t, f.Parse([]string{"--manifest", "s3://b/july.csv"}))
	require.NoError(t, flags.read(f, &p))
	require.Equal(t, client.RunParams{
		Manifest: "s3://b/july.csv", PageSize: 100, Window: 16, OnInvalid: workflows.OnInvalidStop, LookBackDays: 35, MaxDeclineRate: 0.4, MaxTotal: map[string]int64{},
	}, p)

	require.NoError(t, f.Parse([]string{
		"--rate", "15", "--page-size", "50", "--window", "8", "--on-invalid", "skip", "--look-back", "90d", "--max-decline-rate", "1",
		"--max-total", "usd=5", "--max-total", "EUR=6", "--concurrent", "--approve", "--statement-suffix", "JULY", "--time-zone", "Europe/Berlin",
		"--checkout-ui", "hosted", "--events", "all",
	}))
	require.NoError(t, flags.read(f, &p))
	require.Equal(t, client.RunParams{
		Manifest: "s3://b/july.csv", Rate: 15, PageSize: 50, Window: 8, OnInvalid: workflows.OnInvalidSkip, LookBackDays: 90, MaxDeclineRate: 1,
		MaxTotal: map[string]int64{"usd": 5, "eur": 6}, Concurrent: true, Approve: true, StatementSuffix: "JULY", TimeZone: "Europe/Berlin",
		CheckoutUI: activities.CheckoutUIHosted, Events: workflows.EventsAll,
	}, p)
}

// The problems of a manifest are printed as they are found, and the JSON around them is one object.
func TestProblemList(t *testing.T) {
	t.Parallel()
	problems := []client.ManifestProblem{
		{Line: 2, Column: "amount", Value: "10.99", Rule: "must be a whole number, in minor units"},
		{Line: 3, Rule: "more columns than the header"},
		{Rule: "no header"},
	}
	summary := client.ManifestSummary{Rows: 5, Rejected: 2, Totals: map[string]int64{"usd": 1099}, Fingerprint: fingerprint}
	printed := func(output string, problems []client.ManifestProblem) (string, error) {
		var out, errs bytes.Buffer
		list := newProblemList(&app{stdout: &out, stderr: &errs, output: output})
		for _, problem := range problems {
			list.watch().Problem(problem)
		}
		checked := checkedAs("file:///data/july.csv", summary, list.count)
		err := list.end(checked, func() string { return checked.text() })
		return out.String(), err
	}
	text, err := printed(outputText, problems)
	require.EqualError(t, err, "the manifest is not allowed: 3 problems")
	require.Equal(t, exitFailed, exitCode(err))
	require.Equal(t, `line 2, amount: "10.99"; must be a whole number, in minor units
line 3: more columns than the header
the file: no header
file:///data/july.csv: 5 rows, and 2 not allowed
  together     $10.99 (1099 usd)
  fingerprint  `+fingerprint+"\n", text)

	for _, some := range [][]client.ManifestProblem{problems, problems[:1], nil} {
		text, err = printed(outputJSON, some)
		require.Equal(t, len(some) > 0, err != nil)
		var got struct {
			Problems         []client.ManifestProblem    `json:"problems"`
			State            string                      `json:"state"`
			Rows             int                         `json:"rows"`
			Rejected         int                         `json:"rejected"`
			Fingerprint      string                      `json:"fingerprint"`
			AmountByCurrency map[string]map[string]int64 `json:"amount_by_currency"`
		}
		require.NoError(t, json.Unmarshal([]byte(text), &got), text)
		require.Len(t, got.Problems, len(some))
		require.Equal(t, map[bool]string{true: "invalid", false: "valid"}[len(some) > 0], got.State)
		require.Equal(t, 7, got.Rows)
		require.Equal(t, int64(1099), got.AmountByCurrency["usd"]["total"])
		require.Equal(t, fingerprint, got.Fingerprint)
	}
}

type fakeDryRuns struct {
	result   client.DryRun
	problems []client.ManifestProblem
	err      error
}

func (f fakeDryRuns) DryRun(_ context.Context, _ client.RunParams, watch client.ManifestWatch) (client.DryRun, error) {
	for _, problem := range f.problems {
		watch.Problem(problem)
	}
	return f.result, f.err
}

func TestDryRunAnswer(t *testing.T) {
	t.Parallel()
	found := client.DryRun{
		ManifestSummary: client.ManifestSummary{Rows: 1000, Totals: map[string]int64{"usd": 900000}, Fingerprint: fingerprint},
		Listed:          5000, Known: activities.RunTotals{activities.ChargeSucceeded: {"usd": {Rows: 90}}, activities.RowRejected: {"usd": {Rows: 10}}},
		ToCharge: 900, Rate: 15, Seconds: 60,
	}
	p := client.RunParams{Reference: "july-2026", Manifest: "file:///data/july.csv"}
	var out bytes.Buffer
	a := &app{stdout: &out, stderr: &bytes.Buffer{}, output: outputText}
	require.NoError(t, a.dryRun(t.Context(), fakeDryRuns{result: found}, p))
	require.Equal(t, `file:///data/july.csv: 1000 rows
  together      $9,000.00 (900000 usd)
  fingerprint   `+fingerprint+`
  already used  100 rows (90 succeeded, 10 rejected), by 5000 PaymentIntents in Stripe; not charged again
  to charge     900 rows, 1m0s at 15/s
This was a dry run: nothing was written, started or charged
`, out.String())

	wrong := found
	wrong.Rejected = 1
	bad := fakeDryRuns{result: wrong, problems: []client.ManifestProblem{{Line: 2, Column: "amount", Rule: "must be positive"}}}
	require.ErrorIs(t, a.dryRun(t.Context(), bad, p), errProblems)
	skipping := p
	skipping.OnInvalid = workflows.OnInvalidSkip
	require.NoError(t, a.dryRun(t.Context(), bad, skipping), "the run would skip it")

	out.Reset()
	a.output = outputJSON
	require.NoError(t, a.dryRun(t.Context(), fakeDryRuns{result: found}, p))
	var got map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	for key, want := range map[string]any{"state": "valid", "rows": 1000., "to_charge": 900., "rate": 15., "seconds": 60., "payment_intents_listed": 5000.} {
		require.Equal(t, want, got[key], key)
	}
}
