package e2e

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/workflows"
)

// terminal is a command that runs on a terminal, and what has been written there.
type terminal struct {
	cmd  *exec.Cmd
	keys *os.File
	mu   sync.Mutex
	text bytes.Buffer
	// gone is closed when nobody writes any more.
	gone chan struct{}
}

// columns is the width of the terminals here, that of most.
const columns = 80

// onTerminal runs a command as a person does, who sees everything on one terminal.
func (s *site) onTerminal(args ...string) *terminal {
	s.t.Helper()
	t := &terminal{cmd: exec.CommandContext(s.t.Context(), starterBinary, args...), gone: make(chan struct{})}
	t.cmd.Env = s.environment()
	var err error
	t.keys, err = pty.StartWithSize(t.cmd, &pty.Winsize{Rows: 24, Cols: columns})
	require.NoError(s.t, err)
	go func() {
		defer close(t.gone)
		_, _ = io.Copy(t, t.keys) // ends with an error when the command has ended
	}()
	s.t.Cleanup(func() {
		_ = t.cmd.Process.Kill()
		<-t.gone
		_ = t.keys.Close()
	})
	return t
}

func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *terminal) read() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// ends waits for the command's end, and answers its exit code and all that was written.
func (t *terminal) ends() (int, string) {
	_ = t.cmd.Wait() // its code is asked for
	<-t.gone
	return t.cmd.ProcessState.ExitCode(), t.read()
}

// screen is what a person sees of what was written, line by line.
func screen(t *testing.T, text string) []string {
	t.Helper()
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		var seen []rune
		for over := range strings.SplitSeq(strings.TrimSuffix(line, "\r"), "\r") {
			require.Less(t, len(seen), columns, "the terminal would break it into two lines: %q", string(seen))
			fresh := []rune(over)
			if len(fresh) < len(seen) {
				fresh = append(fresh, seen[len(fresh):]...)
			}
			seen = fresh
		}
		lines = append(lines, strings.TrimRight(string(seen), " "))
	}
	return lines
}

// liveLine is what is written over while rows are charged.
var liveLine = regexp.MustCompile(`\r\[#*-*\] \d+ %, (\d+ of 100 rows|\d+/100), 2[05]/s, \d+ succeeded, \d+ declined(, \d+s left)?`)

// TestRunWaitOnATerminal: whoever waits sees one line that lives, and at the end how the run has ended.
func TestRunWaitOnATerminal(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{withoutWeb: true})
	r := s.bill(s.rows(100, exceptions...))
	start := []string{
		"run", "start", "--manifest", r.path, "--reference", r.Reference, "--wait", "--rate", "20", "--page-size", "10", "--window", "2", "--max-decline-rate", "1",
	}

	// Ctrl-C ends the wait and not the run.
	first := s.onTerminal(start...)
	eventually(t, func() error {
		if !liveLine.MatchString(first.read()) {
			return errNotYet
		}
		return nil
	})
	_, err := first.keys.WriteString("\x03")
	require.NoError(t, err)
	code, text := first.ends()
	require.Equal(t, failed, code, text)
	require.Contains(t, screen(t, text), "starter: interrupted; run "+r.Reference+" goes on: starter run show "+r.Reference)

	// It can be steered meanwhile.
	require.Equal(t, "paused", s.json(runKeys, runArgs("pause", r.Reference)...)["state"])
	r.standsStill(workflows.RunPaused, workflows.RunReasonOperator)
	require.Contains(t, s.says("Run "+r.Reference+": paused (operator)", "run", "show", r.Reference), "starter run resume "+r.Reference)
	a := s.starter(start...)
	require.Equal(t, failed, a.code)
	require.Contains(t, a.stderr, "run "+r.Reference+" stands still: paused (operator)")
	a = s.starter(runArgs("set-rate", r.Reference, "--rate", "751")...)
	require.Equal(t, refused, a.code)
	require.Contains(t, a.stderr, "751 is above the 750 charges per second that STRIPE_RATE_LIMIT leaves for billing runs")
	s.json(runKeys, runArgs("set-rate", r.Reference, "--rate", "25")...)
	s.json(runKeys, runArgs("resume", r.Reference)...)

	second := s.onTerminal(start...)
	code, text = second.ends()
	require.Equal(t, done, code, text)
	live := liveLine.FindAllString(text, -1)
	require.NotEmpty(t, live, text)
	seen := screen(t, text)
	require.Contains(t, seen, "billing-run:"+r.Reference+" was started before (run "+r.runID()+")")
	require.Contains(t, seen, "Run "+r.Reference+": completed")
	for _, line := range seen {
		require.NotContains(t, line, " left", "the live line is gone at the end")
	}
	for outcome, want := range map[string]string{"succeeded": "94", "declined": "3", "refused": "1", "needs_customer": "1", "processing": "1"} {
		require.Regexp(t, `(?m)^  `+outcome+` +`+want+` `, strings.Join(seen, "\n"))
	}
	as(t, r.accounts(r.ends(workflows.RunCompleted, patience)))
	a = s.starter(runArgs("cancel", r.Reference)...)
	require.Equal(t, refused, a.code)
	require.Contains(t, a.stderr, "completed")
}

// TestRunWaitInAPipe: what is written into a file or a pipe is lines, without anything that only a terminal understands.
func TestRunWaitInAPipe(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{withoutWeb: true})
	r := s.bill(s.rows(40, exceptions...))
	a := s.starter("run", "start", "--manifest", r.path, "--reference", r.Reference, "--wait", "--max-decline-rate", "1")
	require.Equal(t, done, a.code, a.stderr)
	for _, text := range []string{a.stdout, a.stderr} {
		for _, char := range text {
			require.True(t, char == '\n' || char >= ' ', "%q in %q", char, text)
		}
	}
	require.Contains(t, a.stdout, "Run "+r.Reference+": completed\n")
	require.Contains(t, a.stderr, "billing-run:"+r.Reference+" started")
	require.NotContains(t, a.stdout, "%,", "progress is no part of the answer")

	// What keeps the run from ending is said with the command that goes on, and the exit code is that of a failure.
	broken := s.bill(r.rows)
	sent := s.sends()
	text, err := os.ReadFile(broken.path)
	require.NoError(t, err)
	lines := bytes.SplitAfter(text, []byte("\n"))
	require.NoError(t, os.WriteFile(broken.path, append(text, lines[3]...), 0o600))
	a = s.starter("run", "start", "--manifest", broken.path, "--reference", broken.Reference, "--wait")
	require.Equal(t, failed, a.code)
	require.Contains(t, a.stdout, "line 42, reference: the reference stands in line 4 already")
	require.Contains(t, a.stdout, "starter run resume "+broken.Reference+" --actor A --reason X")
	require.Contains(t, a.stderr, "stands still: needs_attention (manifest_invalid)")
	require.Equal(t, sent, s.sends(), "something was charged")
}

// runID is the id of the run's workflow in Temporal.
func (r *billingRun) runID() string {
	r.t.Helper()
	described, err := r.temporal.DescribeWorkflow(r.t.Context(), workflows.BillingRunID(r.Reference), "")
	require.NoError(r.t, err)
	return described.WorkflowExecution.RunID
}
