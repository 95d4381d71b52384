//go:build long

package manifest_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/manifest"
)

// TestMillionRows says how long a million rows take, and how much memory.
func TestMillionRows(t *testing.T) {
	const rows = 1_000_000
	for _, name := range []string{"million.csv", "million.jsonl"} {
		t.Run(name, func(t *testing.T) {
			f := activities.RunFile{URL: "file://" + filepath.Join(t.TempDir(), name), Run: run}
			out, err := os.Create(strings.TrimPrefix(f.URL, "file://"))
			require.NoError(t, err)
			w := bufio.NewWriter(out)
			if strings.HasSuffix(name, ".csv") {
				fmt.Fprintln(w, "reference,customer,payment_method,amount,currency,description,metadata.invoice")
				for i := range rows {
					fmt.Fprintf(w, "inv-2026-07-%07d,cus_%014d,pm_1%023d,%d,usd,\"July, %d\",in_%d\n", i, i%300_000, i%300_000, 1000+i%500, i, i)
				}
			} else {
				for i := range rows {
					fmt.Fprintf(w, `{"reference":"inv-2026-07-%07d","customer":"cus_%014d","payment_method":"pm_1%023d","amount":%d,"currency":"usd","description":"July, %d","metadata":{"invoice":"in_%d"}}`+"\n", i, i%300_000, i%300_000, 1000+i%500, i, i)
				}
			}
			require.NoError(t, w.Flush())
			require.NoError(t, out.Close())

			t.Logf("CPU before %s", cpu(t))
			began := time.Now()
			summary, err := manifest.New().Normalise(t.Context(), activities.NormaliseRequest{RunFile: f, PageSize: 100})
			require.NoError(t, err)
			took := time.Since(began)
			require.Equal(t, rows, summary.Rows)
			require.Equal(t, rows/100, summary.Pages)
			t.Logf("validated and normalised in %s, CPU so far %s", took, cpu(t))

			began = time.Now()
			read := 0
			for _, err := range manifest.New().AllRows(t.Context(), f) {
				require.NoError(t, err)
				read++
			}
			require.Equal(t, rows, read)
			t.Logf("copy read again in %s, CPU so far %s", time.Since(began), cpu(t))
			began = time.Now()
			report, err := manifest.New().WriteReport(t.Context(), activities.ReportRequest{RunFile: f})
			require.NoError(t, err)
			require.Equal(t, rows, report.Rows)
			t.Logf("report written in %s, CPU so far %s; at most %s resident so far", time.Since(began), cpu(t), residentPeak(t))
		})
	}
}

// cpu is what the process has used of it: on a busy machine that says more than the time.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func residentPeak(t *testing.T) string {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	for line := range strings.Lines(string(status)) {
		if peak, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(peak)
		}
	}
	return "unknown"
}
