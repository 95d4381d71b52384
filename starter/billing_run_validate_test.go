package main

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

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
