package manifest

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// fuzzFile normalises what a file may hold: every problem names a line, and what was good is read again as it was.
func fuzzFile(t *testing.T, name string, content []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	f := activities.RunFile{URL: (&url.URL{Scheme: "file", Path: path}).String(), Run: "run"}
	lines := strings.Count(string(content), "\n") + strings.Count(string(content), "\r") + 1
	var rows []activities.RunRow
	m := New()
	summary, err := m.Normalise(context.Background(), activities.NormaliseRequest{
		RunFile: f, PageSize: 3,
		Problem: func(p activities.RunProblem) {
			require.NotZero(t, p.Line)
			require.LessOrEqual(t, p.Line, lines)
			require.NotEmpty(t, p.Rule)
		},
		Row: func(row activities.RunRow) error { rows = append(rows, row); return nil },
	})
	if err != nil {
		require.ErrorIs(t, err, activities.ErrManifestUnreadable)
		require.NotEmpty(t, summary.Problems)
		return
	}
	require.Len(t, rows, summary.Rows)
	i := 0
	for row, err := range m.AllRows(context.Background(), f) {
		require.NoError(t, err)
		require.Equal(t, rows[i], row)
		i++
	}
	require.Equal(t, summary.Rows, i)
	reported := 0
	for _, err := range m.Results(context.Background(), f) {
		require.NoError(t, err)
		reported++
	}
	require.Equal(t, summary.Rows+summary.Rejected, reported)
}

func FuzzCSV(f *testing.F) {
	const header = "reference,customer,payment_method,amount,currency,description,metadata.plan\n"
	for _, seed := range []string{
		"", header, "\xef\xbb\xbf" + header + "a,cus_1,pm_1,1099,usd,July,gold\r\n", header + "a,cus_1,,1,jpy,\"x \"\"y\"\"\",\"two\nlines\"\rb,cus_2,,2,eur,,",
		header + strings.Repeat("a,cus_1,,1,usd,,\n", 2), header + "a,\"\n", header + "\x00,\xff,5\" pipe\n\n\n", "currency,amount,customer,reference\nusd,1,cus_1,a", `""`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		fuzzFile(t, "a.csv", content)
		likeTheStandardLibrary(t, string(content))
	})
}

// likeTheStandardLibrary compares what both readers take: encoding/csv knows no lone \r, and changes \r\n within values.
func likeTheStandardLibrary(t *testing.T, content string) {
	t.Helper()
	if strings.Contains(strings.ReplaceAll(content, "\r\n", ""), "\r") {
		return
	}
	theirs := csv.NewReader(strings.NewReader(content))
	theirs.FieldsPerRecord = -1
	want, err := theirs.ReadAll()
	if err != nil {
		return
	}
	ours := csvReader{r: bufio.NewReader(strings.NewReader(content)), line: 1}
	var got [][]string
	for {
		_, _, err := ours.next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		fields := ours.fields()
		for i := range fields {
			fields[i] = strings.ReplaceAll(fields[i], "\r\n", "\n")
		}
		got = append(got, fields)
	}
	// A line of nothing but "" is a row to them, and empty to us.
	want = slices.DeleteFunc(want, func(record []string) bool { return len(record) == 1 && record[0] == "" })
	require.Len(t, got, len(want))
	for i := range want {
		require.Equal(t, want[i], got[i])
	}
}

func FuzzJSONL(f *testing.F) {
	for _, seed := range []string{
		"", "{}", `{"reference":"a","customer":"cus_1","payment_method":"pm_1","amount":1099,"currency":"usd","description":"July","metadata":{"plan":"gold"}}` + "\n",
		`{"reference":"a","customer":"cus_1","amount":1,"currency":"jpy","description":"\ud83d\ude00 \ud83d"}`, `{"amount":1e3,"amount":-0}` + "\r\n\n[]",
		`{"reference":null,"metadata":{"a":[{}],"a":"\u0000"},"x":{"]":"}"}}`, "\xff\n\x00\n{\"a\":\"\\\"\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) { fuzzFile(t, "a.jsonl", content) })
}
