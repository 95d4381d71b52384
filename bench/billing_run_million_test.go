//go:build stack

package bench

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

var rows = flag.Int("rows", 1_000_000, "rows of BenchmarkBillingRunMillion and BenchmarkBillingRunValidate")

// BenchmarkBillingRunValidate measures `starter run validate` with a million rows.
func BenchmarkBillingRunValidate(b *testing.B) {
	binary := buildCommand(b, "starter")
	manifest := filepath.Join(b.TempDir(), "million.csv")
	writeManifest(b, manifest, *rows, func(i int) Row { return RowOf("validate", i) })
	for b.Loop() {
		cmd := exec.Command(binary, "run", "validate", "--manifest", manifest) //nolint:noctx // runs to its end
		began := time.Now()
		out, err := cmd.CombinedOutput()
		require.NoError(b, err, string(out))
		b.ReportMetric(time.Since(began).Seconds(), "s")
		b.ReportMetric((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), "CPU-s")
		b.ReportMetric(float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)/1024, "MB")
	}
}

// BenchmarkBillingRunMillion charges a million rows once, at full speed, at the Stripe sandbox in a process of its own,
// with Temporal on PostgreSQL.
func BenchmarkBillingRunMillion(b *testing.B) {
	postgres, temporal := serverPID(b, "STACK_POSTGRES_PID"), serverPID(b, "STACK_TEMPORAL_PID")
	sandbox := startSandbox(b, buildCommand(b, "starter"))
	runs := startRuns(b, buildCommand(b, "worker"), "million", fullSpeed, []int{postgres, temporal}, os.Getenv("TEMPORAL_ADDRESS"), sandbox.url)
	for b.Loop() {
		name := "million-" + strconv.Itoa(os.Getpid())
		runs.beats, runs.lastRun, runs.lastRows = runs.heartbeats(b), name, *rows
		writeManifest(b, runs.manifest(name), *rows, func(i int) Row {
			p := sandbox.payers[i%len(sandbox.payers)]
			return Row{Reference: "million-" + strconv.Itoa(i), Customer: p.customer, PaymentMethod: p.method, Amount: chargedAmount, Currency: "usd"}
		})
		parts := map[string][]int{"worker": {runs.cmd.Process.Pid}, "Temporal": {temporal}, "PostgreSQL": {postgres}, "sandbox": {sandbox.cmd.Process.Pid}}
		before := map[string]time.Duration{}
		for part, pids := range parts {
			before[part] = treeCPU(b, pids...)
		}
		began := time.Now()
		result := runs.run(b, name)
		took := time.Since(began)
		require.Equal(b, workflows.RunCompleted, result.State)
		require.Equal(b, *rows, result.Totals.Rows(activities.ChargeSucceeded))
		for part, pids := range parts {
			b.ReportMetric((treeCPU(b, pids...)-before[part]).Seconds()*1000/float64(*rows), part+"-CPU-ms")
		}
		b.Logf("%d rows in %s; load average %s", *rows, took.Round(time.Second), loadAverage(b))
		b.ReportMetric(took.Seconds(), "s")
		b.ReportMetric(float64(*rows)/took.Seconds(), "charges/s")
		b.ReportMetric(sandbox.memory(b, "VmHWM:"), "sandbox-MB")
		runs.report(b)
	}
}
