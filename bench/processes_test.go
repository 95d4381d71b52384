package bench

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/devstack"
)

// BenchmarkIdleWorker measures the resident memory of a worker that has nothing to do.
func BenchmarkIdleWorker(b *testing.B) {
	started, err := devstack.Start(b.Context(), devstack.Options{WithoutWorker: true})
	require.NoError(b, err)
	b.Cleanup(started.Stop)
	for b.Loop() {
		w := startProcess(b, started, "worker", []string{"OFFSESSION_METRICS_LISTEN=127.0.0.1:19464"})
		w.awaitHealthy(b, "http://127.0.0.1:19464")
		// Pollers open their connections within the first seconds.
		time.Sleep(10 * time.Second)
		b.ReportMetric(w.resident(b), "MB")
		w.stop()
	}
}

// process is a command of ours, built and started.
type process struct {
	cmd *exec.Cmd
	url string
}

// startServe starts `starter serve` beside the stack's own.
func (s *stack) startServe(b *testing.B) *process {
	b.Helper()
	const address = "127.0.0.1:18090"
	p := startProcess(b, s.Stack, "starter", []string{"OFFSESSION_LISTEN=" + address}, "serve")
	p.url = "http://" + address
	p.awaitHealthy(b, p.url)
	return p
}

func startProcess(b *testing.B, s *devstack.Stack, command string, env []string, args ...string) *process {
	b.Helper()
	p := &process{cmd: exec.Command(buildCommand(b, command), args...)} //nolint:noctx // ended by stop
	p.cmd.Env = append(append(os.Environ(), s.Env()...), env...)
	require.NoError(b, p.cmd.Start())
	b.Cleanup(p.stop)
	return p
}

func (p *process) stop() {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.cmd.Process.Signal(os.Interrupt)
	_ = p.cmd.Wait()
}

func (p *process) awaitHealthy(b *testing.B, url string) {
	b.Helper()
	awaitOK(b, url+"/healthz")
}

func awaitOK(b *testing.B, url string) {
	b.Helper()
	require.Eventually(b, func() bool {
		res, err := http.Get(url) //nolint:noctx // on this machine
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	}, time.Minute, 50*time.Millisecond)
}

// resident is the process's memory in MB.
func (p *process) resident(b *testing.B) float64 {
	b.Helper()
	return p.memory(b, "VmRSS:")
}

// memory is a line of the process's status, in MB.
func (p *process) memory(b *testing.B, name string) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(b, err)
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			var kb float64
			_, err := fmt.Sscanf(rest, "%f kB", &kb)
			require.NoError(b, err)
			return kb / 1024
		}
	}
	b.Fatalf("no %s", name)
	return 0
}
