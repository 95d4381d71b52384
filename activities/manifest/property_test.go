package manifest_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/manifest"
)

// text are descriptions and values of metadata, of all that is allowed in them.
func text(lines bool) *rapid.Generator[string] {
	alphabet := []rune("aZ9 ,;'\"\\/<>&{}[]:=+-@ä€😀\u2028\ufffd")
	if lines {
		alphabet = append(alphabet, '\n', '\r', '\t')
	}
	return rapid.StringOfN(rapid.SampledFrom(alphabet), 1, 12, -1)
}

func drawRows(t *rapid.T) []activities.RunRow {
	n := rapid.IntRange(1, 25).Draw(t, "rows")
	rows := make([]activities.RunRow, n)
	for i := range rows {
		rows[i] = activities.RunRow{
			Reference:     fmt.Sprintf("%s-%d", rapid.StringMatching(`[A-Za-z0-9._-]{0,5}`).Draw(t, "reference"), i),
			Customer:      rapid.StringMatching(`cus_[A-Za-z0-9]{1,8}`).Draw(t, "customer"),
			PaymentMethod: rapid.SampledFrom([]string{"", "pm_1", "card_2", "src_3"}).Draw(t, "method"),
			Amount:        rapid.Int64Range(1, 99_999).Draw(t, "amount") * 100,
			Currency:      rapid.SampledFrom([]string{"usd", "eur", "jpy", "kwd", "isk"}).Draw(t, "currency"),
			Description:   rapid.OneOf(rapid.Just(""), text(false)).Draw(t, "description"),
			Metadata:      rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "ö k", "x,\"y"}), text(true), 0, 3).Draw(t, "metadata"),
		}
		if len(rows[i].Metadata) == 0 {
			rows[i].Metadata = nil
		}
	}
	return rows
}

// asCSV writes rows with their columns in any order, and unused ones.
func asCSV(t *rapid.T, rows []activities.RunRow) string {
	columns := rapid.Permutation([]string{
		"reference", "customer", "payment_method", "amount", "currency", "description", "metadata.a", "metadata.b", "metadata.ö k", "metadata.x,\"y",
	}).Draw(t, "columns")
	var out strings.Builder
	w := csv.NewWriter(&out)
	require.NoError(t, w.Write(columns))
	for _, row := range rows {
		record := make([]string, len(columns))
		for i, column := range columns {
			switch column {
			case "reference":
				record[i] = row.Reference
			case "customer":
				record[i] = row.Customer
			case "payment_method":
				record[i] = row.PaymentMethod
			case "amount":
				record[i] = strconv.FormatInt(row.Amount, 10)
			case "currency":
				record[i] = strings.ToUpper(row.Currency)
			case "description":
				record[i] = row.Description
			default:
				record[i] = row.Metadata[strings.TrimPrefix(column, "metadata.")]
			}
		}
		require.NoError(t, w.Write(record))
	}
	w.Flush()
	return out.String()
}

func asJSONL(t *rapid.T, rows []activities.RunRow) string {
	var out strings.Builder
	for _, row := range rows {
		line, err := json.Marshal(row)
		require.NoError(t, err)
		out.Write(line)
		out.WriteString(rapid.SampledFrom([]string{"\n", "\r\n", "\n\n"}).Draw(t, "line end"))
	}
	return out.String()
}

// Rows in are rows out, whatever the form of the manifest and the size of its pages.
func TestNothingIsLostOrMade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := manifest.New()
	rapid.Check(t, func(rt *rapid.T) {
		rows := drawRows(rt)
		totals, counts := map[string]int64{}, map[string]int{}
		for _, row := range rows {
			totals[row.Currency] += row.Amount
			counts[row.Currency]++
		}
		csvText, jsonText := asCSV(rt, rows), asJSONL(rt, rows)
		fingerprint := ""
		for name, content := range map[string]string{"a.csv": csvText, "a.jsonl": jsonText, "b.csv.gz": zip(t, csvText), "b.jsonl.gz": zip(t, jsonText)} {
			f := activities.RunFile{URL: "file://" + filepath.Join(dir, name), Run: run}
			require.NoError(rt, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
			pageSize := rapid.IntRange(4, 30).Draw(rt, "page size")
			var dry []activities.RunRow
			summary, err := m.Normalise(t.Context(), activities.NormaliseRequest{
				RunFile: f, PageSize: pageSize, Row: func(row activities.RunRow) error { dry = append(dry, row); return nil },
			})
			require.NoError(rt, err)
			require.Empty(rt, summary.Problems)
			require.Equal(rt, len(rows), summary.Rows)
			require.Equal(rt, totals, summary.Totals)
			require.Equal(rt, counts, summary.Counts)
			require.Equal(rt, (len(rows)+pageSize-1)/pageSize, summary.Pages)
			if fingerprint == "" {
				fingerprint = summary.Fingerprint
			}
			require.Equal(rt, fingerprint, summary.Fingerprint, "%s, pages of %d", name, pageSize)
			checked, err := m.Normalise(t.Context(), activities.NormaliseRequest{RunFile: f, CheckOnly: true})
			require.NoError(rt, err)
			require.Equal(rt, fingerprint, checked.Fingerprint)

			lookBack(t, m, f)
			got := checkPages(t, rt, m, f, summary)
			require.Equal(rt, dry, got)
			require.Equal(rt, dry, allRows(t.Context(), t, m, f))
			for i := range got {
				got[i].Line = 0
			}
			require.Equal(rt, rows, got)
			checkReport(t, rt, m, f, dry)
		}
	})
}

// checkPages reads the pages, and returns their rows.
func checkPages(t *testing.T, rt *rapid.T, m *manifest.Files, f activities.RunFile, summary activities.ManifestSummary) []activities.RunRow {
	t.Helper()
	var rows []activities.RunRow
	var offset int64
	sums := map[string]int64{}
	for len(rows) < summary.Rows {
		pages, err := m.Pages(t.Context(), f, 0, 1000)
		require.NoError(rt, err)
		require.Len(rt, pages, summary.Pages)
		for i, page := range pages {
			require.Equal(rt, i, page.Number)
			require.Equal(rt, len(rows), page.FirstRow)
			require.Equal(rt, offset, page.Offset)
			got, err := m.Rows(t.Context(), f, page)
			require.NoError(rt, err)
			require.Len(rt, got, page.Rows)
			for currency, sum := range page.Totals {
				sums[currency] += sum.Amount
			}
			offset += page.Length
			rows = append(rows, got...)
			from, err := m.Pages(t.Context(), f, i, 1)
			require.NoError(rt, err)
			require.Equal(rt, pages[i:i+1], from)
		}
	}
	require.Equal(rt, summary.Totals, sums)
	info, err := os.Stat(beside(f, "rows"))
	require.NoError(rt, err)
	require.Equal(rt, info.Size(), offset)
	return rows
}

// checkReport writes results of some rows, and finds all of them in the report, to the cent.
func checkReport(t *testing.T, rt *rapid.T, m *manifest.Files, f activities.RunFile, rows []activities.RunRow) {
	t.Helper()
	require.NoError(rt, os.RemoveAll(filepath.Join(filepath.Dir(beside(f, "rows")), run, "pages")))
	pages, err := m.Pages(t.Context(), f, 0, 1000)
	require.NoError(rt, err)
	want := activities.RunTotals{}
	charged := map[int]activities.RowResult{}
	for _, page := range pages {
		var results []activities.RowResult
		for i := range page.Rows {
			row := rows[page.FirstRow+i]
			outcome := rapid.SampledFrom([]activities.ChargeOutcome{activities.ChargeSucceeded, activities.ChargeDeclined, activities.RowNotCharged}).Draw(rt, "outcome")
			want.Add(outcome, row.Currency, activities.RunTotal{Rows: 1, Amount: row.Amount})
			if outcome != activities.RowNotCharged {
				charged[page.FirstRow+i] = activities.RowResult{Row: page.FirstRow + i, RunRow: row, Outcome: outcome, PaymentIntent: "pi_" + row.Reference}
				results = append(results, charged[page.FirstRow+i])
			}
		}
		slices.Reverse(results)
		if len(results) > 0 {
			require.NoError(rt, m.WriteResults(t.Context(), f, page, results))
		}
	}
	report, err := m.WriteReport(t.Context(), activities.ReportRequest{RunFile: f})
	require.NoError(rt, err)
	require.Equal(rt, want, report.Totals)
	require.Equal(rt, len(rows), report.Rows)

	text, err := os.ReadFile(beside(f, "report.json"))
	require.NoError(rt, err)
	var document struct {
		Rows   []map[string]any     `json:"rows"`
		Totals activities.RunTotals `json:"totals"`
	}
	require.NoError(rt, json.Unmarshal(text, &document))
	require.Equal(rt, want, document.Totals)
	require.Len(rt, document.Rows, len(rows))
	i := 0
	for result, err := range m.Results(t.Context(), f) {
		require.NoError(rt, err)
		if known, ok := charged[i]; ok {
			require.Equal(rt, known, result)
		}
		require.Equal(rt, rows[i], result.RunRow)
		i++
	}
	require.Equal(rt, len(rows), i)
}
