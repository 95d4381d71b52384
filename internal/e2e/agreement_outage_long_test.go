//go:build long

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/devstack"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
)

// clockShift is the environment variable by which the wall clock of a command built by buildShifted goes ahead.
const clockShift = "CLOCK_SHIFT_SECONDS"

// shiftedNow is what the standard library of such a command has more.
const shiftedNow = `package time

import "syscall"

// clockShift is how many seconds the wall clock of this process goes ahead.
var clockShift = func() (seconds int64) {
	text, _ := syscall.Getenv("` + clockShift + `")
	for _, digit := range text {
		seconds = seconds*10 + int64(digit-'0')
	}
	return seconds
}()
`

// buildShifted builds the Temporal server and the worker as they are, but for time.Now, which can go ahead: dates are an
// hour apart at least, and no test waits for hours. Timers run at the usual pace.
func buildShifted(t *testing.T) (temporalServer, worker string) {
	t.Helper()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	require.NoError(t, err)
	library := filepath.Join(strings.TrimSpace(string(out)), "src", "time")
	original, err := os.ReadFile(filepath.Join(library, "time.go"))
	require.NoError(t, err)
	const now = "\n\tsec, nsec, mono := runtimeNow()\n"
	require.Equal(t, 1, strings.Count(string(original), now), "the standard library of %s is another one: look at time.Now", runtime.Version())
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(library, "time.go"):     file("time.go", strings.Replace(string(original), now, now+"\tsec += clockShift\n", 1)),
		filepath.Join(library, "zz_shift.go"): file("shift.go", shiftedNow),
	}})
	require.NoError(t, err)
	temporalServer, worker = filepath.Join(dir, "temporal"), filepath.Join(dir, "worker")
	for _, args := range [][]string{
		{"-C", "../../tools/temporal", "build", "-o", temporalServer, "github.com/temporalio/cli/cmd/temporal"},
		{"build", "-o", worker, "../../worker"},
	} {
		i := 1
		if args[0] == "-C" {
			i = 3
		}
		args = append(args[:i:i], append([]string{"-trimpath", "-overlay", file("overlay.json", string(overlay))}, args[i:]...)...)
		out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	return temporalServer, worker
}

// TestAgreementsAfterOutage: worker and Temporal are killed, and come back six hours later, when three dates have passed.
// Which of them are charged is what each agreement's catch_up says; then it goes on. The database file is all that
// is left of Temporal. What stands still for six hours is not the machine: the clocks of Temporal, the worker and
// Stripe go ahead while the first two are down.
func TestAgreementsAfterOutage(t *testing.T) {
	server, worker := buildShifted(t)
	db := filepath.Join(t.TempDir(), "temporal.db")
	began := time.Now()
	shift := time.Duration(0)
	start := func(address string) *devstack.Temporal {
		t.Setenv(clockShift, strconv.Itoa(int(shift.Seconds())))
		server, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{
			Path: server, Address: address, DBFile: db, SearchAttributes: workflows.SearchAttributeKeys(), Log: logFile,
		})
		require.NoError(t, err)
		t.Cleanup(func() { _ = server.Stop() })
		return server
	}
	temporalServer := start("127.0.0.1:0")
	s := newSite(t, siteOptions{
		withoutWorker: true, withoutWeb: true,
		change: func(c *config.Config) { c.Temporal.HostPort = temporalServer.Address },
	})
	startWorker := func() *process {
		return launch(t, append(s.environment(), clockShift+"="+strconv.Itoa(int(shift.Seconds()))), "worker ready", worker)
	}
	running := startWorker()
	// outage lets so much time pass since the test began while nothing of ours runs.
	outage := func(until time.Duration) {
		running.kill()
		require.NoError(t, temporalServer.Stop())
		ahead := until - time.Since(began)
		require.NoError(t, s.sandbox.AdvanceClock(ahead-shift))
		shift = ahead
		temporalServer = start(temporalServer.Address)
		running = startWorker()
	}

	// The first charge is now; the dates are half an hour, two and a half, four and a half, six and a half … from now.
	dates := make([]string, 8)
	for i := range dates {
		dates[i] = began.Add(30*time.Minute + time.Duration(i)*2*time.Hour).UTC().Format("2006-01-02T15:04")
	}
	dueAt := func(i int) time.Time {
		at, err := time.Parse("2006-01-02T15:04", dates[i])
		require.NoError(t, err)
		return at
	}
	charged := map[workflows.CatchUp][]int{workflows.CatchUpAll: {0, 1, 2}, workflows.CatchUpLatest: {2}, workflows.CatchUpNone: {}}
	references := map[workflows.CatchUp]string{}
	for mode := range charged {
		p := s.agreement(s.reference()+"-"+string(mode), visa)
		p.TimeZone, p.CatchUp, p.Schedule = "UTC", mode, calendar.Schedule{Dates: dates, SubDaily: true}
		references[mode] = s.agree(p)
		s.latest(p.Reference, 1, workflows.AgreementPaymentPaid)
		require.Equal(t, dueAt(0), s.agreementIs(p.Reference, workflows.AgreementActive, "").NextDueAt)
	}

	outage(6 * time.Hour)
	check := func(mode workflows.CatchUp, want []int, next int) {
		reference := references[mode]
		a := s.agreementHas(reference, func(a client.Agreement) error {
			if !a.NextDueAt.Equal(dueAt(next)) {
				return errNotYet
			}
			return nil
		})
		require.Equal(t, workflows.AgreementActive, a.State)
		require.Equal(t, 1+len(want), a.Paid, "%+v", a)
		require.Len(t, a.Payments, 1+next, "every date is told of")
		for i, p := range a.Payments[1:] {
			state, reason := workflows.AgreementPaymentSkipped, "missed"
			for _, w := range want {
				if w == i {
					state, reason = workflows.AgreementPaymentPaid, ""
				}
			}
			require.Equal(t, dueAt(i), p.DueAt)
			require.Equal(t, state, p.State, "%s of %s", p.Reference, mode)
			require.Equal(t, reason, p.Reason)
			net := 0
			if paid := s.sandbox.Ledger(p.Reference).References[p.Reference]; paid != nil {
				net = paid.NetSuccesses
			}
			require.Equal(t, state == workflows.AgreementPaymentPaid, net == 1, "%s of %s was taken %d times", p.Reference, mode, net)
		}
	}
	for mode, want := range charged {
		check(mode, want, 3)
	}

	// A short outage over a date: it is a few minutes late, which nobody has missed.
	outage(6*time.Hour + 35*time.Minute)
	for mode, want := range charged {
		check(mode, append(want, 3), 4)
	}
	// And then as ever: the date comes while everything runs.
	outage(dueAt(4).Sub(began) - 20*time.Second)
	for mode, want := range charged {
		check(mode, append(want, 3, 4), 5)
	}
	require.Empty(t, s.sandbox.Ledger("").PaidMoreThanOnce)
}
