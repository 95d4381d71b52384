package main

import (
	"bytes"
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
				Problems: []activities.RunProblem{{Line: 17, Column: "amount", Rule: "must be a whole number, in minor units"}},
			},
			LookedBack: &activities.LookBackRunResult{At: noon, Seen: 5000, Found: activities.RunTotals{activities.ChargeSucceeded: {"usd": {Rows: 3, Amount: 3000}}}},
			Totals: activities.RunTotals{
				activities.ChargeSucceeded: {"usd": {Rows: 240, Amount: 240000}, "jpy": {Rows: 3, Amount: 150}},
				activities.ChargeDeclined:  {"usd": {Rows: 7, Amount: 7000}},
				activities.RowRejected:     {"": {Rows: 2}},
			},
			Unattended: 3, PagesDone: 3, InFlight: 2, Rate: 12.5, WantedRate: 15, RateLimited: 4, MaxTotal: map[string]int64{"usd": 5000000},
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

func TestRunText(t *testing.T) {
	t.Parallel()
	require.Equal(t, `Run july-2026: charging
  manifest        file:///data/july.csv
  rows            1000, together ¥5,000 (5000 jpy), $9,000.00 (900000 usd); 2 more are not allowed
  fingerprint     `+fingerprint+`
  already used    3 rows (3 succeeded), by 5000 PaymentIntents in Stripe; not charged again
  done            252 of 1002 rows (25 %), 3 pages
  unattended      3 rows neither charged nor handed over to a payment that goes on: see the report
  pace            12.5/s instead of 15/s; Stripe answered 429 (too many requests) 4 times
  remaining       1m0s
  at most         $50,000.00 (5000000 usd)
  started         2026-03-01 12:00:00 UTC
  charging since  2026-03-01 12:01:00 UTC

Not allowed in the manifest
  line 17, amount: must be a whole number, in minor units
  and 1 more
  starter run validate lists all, with their values

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
		{workflows.RunCompleted, "", "", "its report could not be written", "starter run report july-2026", ""},
		{workflows.RunCompleted, workflows.RunReasonReportDiffers, "", "does not add up", "starter run reconcile july-2026", ""},
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
		workflows.RunReasonReportDiffers, workflows.RunReasonNotApproved, client.ReasonWorkflowTerminated,
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
