package manifest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/manifest"
)

// run is a run's reference.
const run = "july"

// put writes a manifest into a directory of its own.
func put(t *testing.T, name, content string) activities.RunFile {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if strings.HasSuffix(name, ".gz") {
		content = zip(t, content)
	}
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return activities.RunFile{URL: "file://" + path, Run: run}
}

func zip(t *testing.T, content string) string {
	t.Helper()
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	require.NoError(t, err)
	_, err = w.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return packed.String()
}

func normalise(t *testing.T, f activities.RunFile, pageSize int) activities.ManifestSummary {
	t.Helper()
	summary, err := manifest.New().Normalise(t.Context(), activities.NormaliseRequest{RunFile: f, PageSize: pageSize})
	require.NoError(t, err)
	return summary
}

// lookBack finds nothing.
func lookBack(t *testing.T, m *manifest.Files, f activities.RunFile) {
	t.Helper()
	require.NoError(t, m.WriteKnown(t.Context(), f, sequence(nil, nil)))
}

// beside is the path of a file next to the manifest.
func beside(f activities.RunFile, suffix string) string {
	return strings.TrimPrefix(f.URL, "file://") + "." + f.Run + "." + suffix
}

func allRows(ctx context.Context, t *testing.T, m *manifest.Files, f activities.RunFile) []activities.RunRow {
	t.Helper()
	var rows []activities.RunRow
	for row, err := range m.AllRows(ctx, f) {
		require.NoError(t, err)
		rows = append(rows, row)
	}
	return rows
}

const small = `customer,reference,amount,currency,description,metadata.plan,payment_method
cus_1,a,1099,USD,"July, flat",gold,pm_1
cus_2,b,500,jpy,,,
cus_1,c,2000,usd,"say ""hi""","two
lines",
`

func TestNormaliseCSV(t *testing.T) {
	t.Parallel()
	f := put(t, "a file.csv", small)
	summary := normalise(t, f, 2)
	require.Equal(t, map[string]int64{"usd": 3099, "jpy": 500}, summary.Totals)
	require.Equal(t, map[string]int{"usd": 2, "jpy": 1}, summary.Counts)
	require.Equal(t, 3, summary.Rows)
	require.Equal(t, 2, summary.Pages)
	require.Empty(t, summary.Problems)

	copied, err := os.ReadFile(beside(f, "rows"))
	require.NoError(t, err)
	//nolint:testifylint // byte by byte: the fingerprint is of these
	require.Equal(t, `{"reference":"a","customer":"cus_1","payment_method":"pm_1","amount":1099,"currency":"usd","description":"July, flat","metadata":{"plan":"gold"}}
{"reference":"b","customer":"cus_2","amount":500,"currency":"jpy"}
{"reference":"c","customer":"cus_1","amount":2000,"currency":"usd","description":"say \"hi\"","metadata":{"plan":"two\nlines"}}
`, string(copied))
	sum := sha256.Sum256(copied)
	require.Equal(t, hex.EncodeToString(sum[:]), summary.Fingerprint)
	require.NoFileExists(t, beside(f, "rejects.csv"))

	m := manifest.New()
	lookBack(t, m, f)
	pages, err := m.Pages(t.Context(), f, 0, 10)
	require.NoError(t, err)
	require.Len(t, pages, 2)
	require.Equal(t, map[string]activities.RunTotal{"usd": {Rows: 1, Amount: 1099}, "jpy": {Rows: 1, Amount: 500}}, pages[0].Totals)
	rows, err := m.Rows(t.Context(), f, pages[1])
	require.NoError(t, err)
	require.Equal(t, []activities.RunRow{{
		Line: 4, Reference: "c", Customer: "cus_1", Amount: 2000, Currency: "usd", Description: `say "hi"`, Metadata: map[string]string{"plan": "two\nlines"},
	}}, rows)
	last, err := m.Pages(t.Context(), f, 1, 10)
	require.NoError(t, err)
	require.Equal(t, pages[1:], last)
	all := allRows(t.Context(), t, m, f)
	require.Equal(t, []int{2, 3, 4}, []int{all[0].Line, all[1].Line, all[2].Line})
}

func TestResultsAndReport(t *testing.T) {
	t.Parallel()
	f := put(t, "july.csv", small+"cus_9,d,-1,usd,,,\ncus_9,e,10,usd,,,\n")
	summary := normalise(t, f, 2)
	require.Equal(t, 4, summary.Rows)
	require.Equal(t, 1, summary.Rejected)
	m := manifest.New()
	lookBack(t, m, f)
	pages, err := m.Pages(t.Context(), f, 0, 10)
	require.NoError(t, err)
	rows, err := m.Rows(t.Context(), f, pages[0])
	require.NoError(t, err)
	require.NoError(t, m.WriteResults(t.Context(), f, pages[0], []activities.RowResult{
		{Row: 1, RunRow: rows[1], Outcome: activities.ChargeDeclined, PaymentIntent: "pi_2", ChargedMethod: "pm_9", Codes: activities.Codes{Code: "card_declined", DeclineCode: "insufficient_funds", AdviceCode: "try_again_later"}, HandedOver: true},
		{Row: 0, RunRow: rows[0], Outcome: activities.ChargeSucceeded, PaymentIntent: "pi_1", ChargedMethod: "pm_1", Adopted: true},
	}))
	report, err := m.WriteReport(t.Context(), activities.ReportRequest{RunFile: f, State: "canceled"})
	require.NoError(t, err)
	require.Equal(t, activities.RunTotals{
		activities.ChargeSucceeded: {"usd": {Rows: 1, Amount: 1099}},
		activities.ChargeDeclined:  {"jpy": {Rows: 1, Amount: 500}},
		activities.RowNotCharged:   {"usd": {Rows: 2, Amount: 2010}},
		activities.RowRejected:     {"usd": {Rows: 1}},
	}, report.Totals)
	text, err := os.ReadFile(strings.TrimPrefix(report.CSV, "file://"))
	require.NoError(t, err)
	require.Equal(t, `row,line,reference,customer,payment_method,amount,currency,outcome,payment_intent,charged_method,code,decline_code,advice_code,handed_over,adopted
0,2,a,cus_1,pm_1,1099,usd,succeeded,pi_1,pm_1,,,,false,true
1,3,b,cus_2,,500,jpy,declined,pi_2,pm_9,card_declined,insufficient_funds,try_again_later,true,false
2,4,c,cus_1,,2000,usd,not_charged,,,,,,false,false
3,7,e,cus_9,,10,usd,not_charged,,,,,,false,false
,6,d,cus_9,,,usd,rejected,,,,,,false,false
`, string(text))
}
