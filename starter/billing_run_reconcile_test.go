package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
)

func reconciled() client.Reconciled {
	return client.Reconciled{
		Reference: "july", Manifest: "file:///july.csv", Since: time.Date(2026, 7, 31, 9, 0, 0, 0, time.UTC),
		RunReconciled: activities.RunReconciled{
			Rows: 3, PaymentIntents: 4, Differences: 1, Findings: map[activities.RunFindingKind]int{activities.FindingAmount: 1, activities.FindingRefunded: 1},
			Currencies: map[string]activities.RunReconciledTotal{"usd": {
				Report: activities.RunTotal{Rows: 2, Amount: 2198}, Stripe: activities.RunTotal{Rows: 2, Amount: 2197}, Refunded: activities.RunTotal{Rows: 1, Amount: 99},
			}},
		},
	}
}

// shownFindings is what the command prints of these.
func shownFindings(t *testing.T, output string, sum client.Reconciled, list ...client.RunFinding) string {
	t.Helper()
	var stdout bytes.Buffer
	f := &findings{a: &app{stdout: &stdout, output: output}, clear: func() {}}
	for _, finding := range list {
		require.NoError(t, f.add(finding))
	}
	require.NoError(t, f.end(sum))
	return stdout.String()
}

func TestReconcileText(t *testing.T) {
	t.Parallel()
	require.Equal(t, `line 2 a: amount: the report has 1099, Stripe has 1098 (pi_a)
x: at Stripe and not in the report: succeeded 1099 usd of cus_1 (pi_x)
line 3 b: at Stripe: succeeded 1099 usd of cus_1; the report says not_charged (pi_b)
line 4 c: Stripe has no such PaymentIntent; the report says succeeded (pi_c)
line 5 d: charged twice: also pi_d2 (pi_d)
line 6 e: settled later: the report says declined, Stripe succeeded (pi_e)
line 7 f: refunded since: 99 of 1099 (pi_f)
line 8 g: customer: the report has cus_1, Stripe has - (pi_g)

Run july: 1 difference. 3 rows, 4 PaymentIntents since 2026-07-31 09:00:00 UTC
currency  in the report              at Stripe                  settled later          refunded
usd       2 rows, $21.98 (2198 usd)  2 rows, $21.97 (2197 usd)  0 rows, $0.00 (0 usd)  1 rows, $0.99 (99 usd)
`, shownFindings(
		t, outputText, reconciled(),
		client.RunFinding{Kind: activities.FindingAmount, Line: 2, Reference: "a", PaymentIntent: "pi_a", Report: "1099", Stripe: "1098"},
		client.RunFinding{Kind: activities.FindingNotReported, Reference: "x", PaymentIntent: "pi_x", Stripe: "succeeded 1099 usd of cus_1"},
		client.RunFinding{Kind: activities.FindingNotReported, Line: 3, Reference: "b", PaymentIntent: "pi_b", Report: "not_charged", Stripe: "succeeded 1099 usd of cus_1"},
		client.RunFinding{Kind: activities.FindingNotAtStripe, Line: 4, Reference: "c", PaymentIntent: "pi_c", Report: "succeeded"},
		client.RunFinding{Kind: activities.FindingChargedTwice, Line: 5, Reference: "d", PaymentIntent: "pi_d", Report: "pi_d2", Stripe: "pi_d"},
		client.RunFinding{Kind: activities.FindingSettled, Line: 6, Reference: "e", PaymentIntent: "pi_e", Report: "declined", Stripe: "succeeded"},
		client.RunFinding{Kind: activities.FindingRefunded, Line: 7, Reference: "f", PaymentIntent: "pi_f", Report: "1099", Stripe: "99"},
		client.RunFinding{Kind: activities.FindingCustomer, Line: 8, Reference: "g", PaymentIntent: "pi_g", Report: "cus_1"},
	))
	agree := client.Reconciled{Reference: "july"}
	require.Contains(t, shownFindings(t, outputText, agree), "Run july: the report and Stripe agree. 0 rows")
}

// TestReconcileJSON: what is printed piece by piece is one object, with and without findings.
func TestReconcileJSON(t *testing.T) {
	t.Parallel()
	type answer struct {
		client.Reconciled
		List []client.RunFinding `json:"findings"`
	}
	list := []client.RunFinding{
		{Kind: activities.FindingAmount, Line: 2, Reference: "a", PaymentIntent: "pi_a", Report: "1099", Stripe: "1098"},
		{Kind: activities.FindingRefunded, Line: 7, Reference: "f", PaymentIntent: "pi_f", Report: "1099", Stripe: "99"},
	}
	for _, found := range [][]client.RunFinding{{}, list[:1], list} {
		var got answer
		require.NoError(t, json.Unmarshal([]byte(shownFindings(t, outputJSON, reconciled(), found...)), &got))
		require.Equal(t, found, got.List)
		require.Equal(t, 1, got.Differences)
		require.Equal(t, "july", got.Reference)
		require.Equal(t, reconciled().Findings, got.Findings)
		require.Equal(t, reconciled().Currencies, got.Currencies)
	}
}

func TestParseDay(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"": {}, "2026-07-31": time.Date(2026, 7, 31, 0, 0, 0, 0, time.UTC), "2026-07-31T10:00:00+02:00": time.Date(2026, 7, 31, 8, 0, 0, 0, time.UTC),
	} {
		got, err := parseDay("since", text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := parseDay("since", "yesterday")
	require.ErrorContains(t, err, "--since")
}
