//go:build stack

package bench

import (
	"bufio"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/devstack"
	"github.com/offsession/offsession/internal/stripesandbox"
	offsession "github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

const (
	stubAddress = "127.0.0.1:19471"
	// fullSpeed is the highest STRIPE_RATE_LIMIT: the pace of a run never waits.
	fullSpeed = 100_000
	// pacedCharges take a minute and a half.
	pacedCharges = 1500
)

var charges = flag.Int("charges", 5000, "charges of a round of BenchmarkBillingRunPeers")

// BenchmarkBillingRunPeers measures a billing run, with Temporal on PostgreSQL and on the development server in memory,
// beside the bare loop and River on the same PostgreSQL. All charge through the product's gateway at one stub of Stripe,
// which answers at once and whose CPU time counts for nobody. A round of each follows a round of each other; ratios are
// taken within such a turn, and their medians are reported.
func BenchmarkBillingRunPeers(b *testing.B) {
	postgres, temporal := serverPID(b, "STACK_POSTGRES_PID"), serverPID(b, "STACK_TEMPORAL_PID")
	peers := buildIn(b, ".", "peer")
	stub := startStub(b, peers)
	development := startDevelopment(b)
	worker := buildCommand(b, "worker")
	all := []peer{
		startPeer(b, "bare", nil, peers, "bare", stub.url),
		startPeer(b, "River", []int{postgres}, peers, "river", stub.url, os.Getenv("STACK_POSTGRES_URL")),
		startRuns(b, worker, "PostgreSQL", fullSpeed, []int{postgres, temporal}, os.Getenv("TEMPORAL_ADDRESS"), stub.url),
		startRuns(b, worker, "development", fullSpeed, []int{development.PID()}, development.Address, stub.url),
	}
	for b.Loop() {
		results := make([][]measured, len(all))
		for round := range 1 + rounds {
			for i, p := range all {
				n := *charges
				if round == 0 {
					n /= 10 // warm
				}
				m := measure(b, stub, p, fmt.Sprintf("%s-%d-%d", strings.ToLower(p.name()), os.Getpid(), round), n)
				if round > 0 {
					results[i] = append(results[i], m)
				}
			}
		}
		b.Logf("%d charges a round, %d rounds; load average %s", *charges, rounds, loadAverage(b))
		for i, p := range all {
			report(b, p, results[i], results[0], results[1])
		}
	}
}

// BenchmarkBillingRunPaced counts what a run at the default pace, 15 charges a second, costs: pages last longer then, and
// send heartbeats.
func BenchmarkBillingRunPaced(b *testing.B) {
	stub := startStub(b, buildIn(b, ".", "peer"))
	development := startDevelopment(b)
	runs := startRuns(b, buildCommand(b, "worker"), "paced", config.DefaultRateLimit, nil, development.Address, stub.url)
	for b.Loop() {
		m := measure(b, stub, runs, fmt.Sprintf("paced-%d", os.Getpid()), pacedCharges)
		b.ReportMetric(m.rate, "charges/s")
		runs.report(b)
	}
}

// startDevelopment starts the Temporal development server, in memory.
func startDevelopment(b *testing.B) *devstack.Temporal {
	b.Helper()
	development, err := devstack.StartTemporal(b.Context(), devstack.TemporalOptions{SearchAttributes: workflows.SearchAttributeKeys()})
	require.NoError(b, err)
	b.Cleanup(func() { _ = development.Stop() })
	return development
}

func startStub(b *testing.B, binary string) *process {
	b.Helper()
	stub := runCommand(b, binary, nil, "stub", stubAddress)
	stub.url = "http://" + stubAddress
	awaitOK(b, stub.url+"/charges")
	return stub
}

// measured is a round of a peer.
type measured struct {
	rate      float64 // charges per second
	cpu, stub float64 // ms per charge
}

func measure(b *testing.B, stub *process, p peer, name string, n int) measured {
	b.Helper()
	p.prepare(b, name, n)
	before := charged(b, stub)
	cpu, stubCPU := treeCPU(b, p.pids()...), treeCPU(b, stub.cmd.Process.Pid)
	began := time.Now()
	p.charge(b, name, n)
	took := time.Since(began)
	perCharge := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(n) }
	m := measured{float64(n) / took.Seconds(), perCharge(treeCPU(b, p.pids()...) - cpu), perCharge(treeCPU(b, stub.cmd.Process.Pid) - stubCPU)}
	require.Equal(b, before+n, charged(b, stub), "%s charges each row once", p.name())
	b.Logf("%-16s %7.0f charges/s, %.3f CPU-ms (stub %.3f)", name, m.rate, m.cpu, m.stub)
	return m
}

func report(b *testing.B, p peer, own, bare, river []measured) {
	b.Helper()
	pick := func(list []measured, value func(i int, m measured) float64) float64 {
		values := make([]float64, len(list))
		for i, m := range list {
			values[i] = value(i, m)
		}
		return median(values)
	}
	b.ReportMetric(pick(own, func(_ int, m measured) float64 { return m.rate }), p.name()+"/s")
	b.ReportMetric(pick(own, func(_ int, m measured) float64 { return m.cpu }), p.name()+"-CPU-ms")
	b.ReportMetric(pick(own, func(i int, m measured) float64 { return 100 * m.rate / bare[i].rate }), p.name()+"-%ofBare")
	b.ReportMetric(pick(own, func(i int, m measured) float64 { return 100 * m.rate / river[i].rate }), p.name()+"-%ofRiver")
	b.ReportMetric(pick(own, func(_ int, m measured) float64 { return m.stub }), p.name()+"-stub-CPU-ms")
	p.report(b)
}

// peer is one way to charge many rows.
type peer interface {
	name() string
	// pids are the processes whose CPU time, with that of their children, is the peer's.
	pids() []int
	prepare(b *testing.B, round string, n int)
	charge(b *testing.B, round string, n int)
	report(b *testing.B)
}

// commandPeer is a command that reads rounds from its input.
type commandPeer struct {
	*process

	called string
	others []int
	in     io.WriteCloser
	out    *bufio.Reader
}

func startPeer(b *testing.B, name string, others []int, binary string, args ...string) *commandPeer {
	b.Helper()
	cmd := exec.Command(binary, args...) //nolint:noctx // ended by stop
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(b, err)
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	p := &commandPeer{process: &process{cmd: cmd}, called: name, others: others, in: in, out: bufio.NewReader(out)}
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	return p
}

func (p *commandPeer) name() string                    { return p.called }
func (p *commandPeer) pids() []int                     { return append([]int{p.cmd.Process.Pid}, p.others...) }
func (p *commandPeer) prepare(*testing.B, string, int) {}
func (p *commandPeer) report(b *testing.B)             { b.ReportMetric(p.memory(b, "VmHWM:"), p.called+"-MB") }
func (p *commandPeer) charge(b *testing.B, round string, n int) {
	b.Helper()
	_, err := fmt.Fprintf(p.in, "%s %d\n", round, n)
	require.NoError(b, err)
	line, err := p.out.ReadString('\n')
	require.NoError(b, err)
	require.Equal(b, "done\n", line)
}

// runsPeer is a worker that charges billing runs.
type runsPeer struct {
	*process

	called    string
	others    []int
	metrics   string
	directory string
	temporal  client.Client
	client    *offsession.Client
	lastRun   string
	lastRows  int
	// beats are the heartbeats that had reached Temporal before the last run.
	beats float64
}

// startRuns starts a worker with a STRIPE_RATE_LIMIT on the Temporal server at an address.
func startRuns(b *testing.B, binary, name string, limit int, others []int, address, stripe string) *runsPeer {
	b.Helper()
	metrics := "127.0.0.1:" + strconv.Itoa(19472+len(name)) // the names differ in length
	p := &runsPeer{
		called: name, others: others, metrics: "http://" + metrics, directory: b.TempDir(),
		process: runCommand(b, binary, []string{
			"STRIPE_API_KEY=" + stripesandbox.DefaultAPIKey, "STRIPE_API_BASE=" + stripe, "STRIPE_RATE_LIMIT=" + strconv.Itoa(limit),
			"TEMPORAL_ADDRESS=" + address, "OFFSESSION_METRICS_LISTEN=" + metrics, "OFFSESSION_LOG_LEVEL=warn",
		}),
	}
	p.awaitHealthy(b, p.metrics)
	var err error
	p.temporal, err = config.Config{Temporal: client.Options{HostPort: address}}.DialTemporal(b.Context(), quiet)
	require.NoError(b, err)
	b.Cleanup(p.temporal.Close)
	p.client, err = offsession.New(p.temporal, offsession.Options{})
	require.NoError(b, err)
	return p
}

func (p *runsPeer) name() string { return p.called }
func (p *runsPeer) pids() []int  { return append([]int{p.cmd.Process.Pid}, p.others...) }

func (p *runsPeer) manifest(round string) string { return filepath.Join(p.directory, round+".csv") }

func (p *runsPeer) prepare(b *testing.B, round string, n int) {
	b.Helper()
	writeManifest(b, p.manifest(round), n, func(i int) Row { return RowOf(round, i) })
	p.beats = p.heartbeats(b)
}

func (p *runsPeer) charge(b *testing.B, round string, n int) {
	b.Helper()
	p.lastRun, p.lastRows = round, n
	result := p.run(b, round)
	require.Equal(b, workflows.RunCompleted, result.State)
	require.Equal(b, n, result.Totals.Rows(activities.ChargeSucceeded), "%v", result.Totals)
}

// run starts a run of a manifest that is there, at full speed, and waits for its end.
func (p *runsPeer) run(b *testing.B, reference string) workflows.BillingRunResult {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	started, err := p.client.StartRun(ctx, offsession.RunParams{Reference: reference, Manifest: "file://" + p.manifest(reference)})
	require.NoError(b, err)
	var result workflows.BillingRunResult
	require.NoError(b, p.temporal.GetWorkflow(ctx, started.WorkflowID, "").Get(ctx, &result))
	return result
}

func (p *runsPeer) report(b *testing.B) {
	b.Helper()
	cost := historyCost(b, p.temporal, workflows.BillingRunID(p.lastRun))
	beats := p.heartbeats(b) - p.beats
	b.Logf("%s: %s of %d rows; %.0f heartbeats", p.called, cost, p.lastRows, beats)
	b.ReportMetric((float64(cost.actions)+beats)/float64(p.lastRows), p.called+"-actions/row")
	b.ReportMetric(float64(cost.events), p.called+"-events")
	b.ReportMetric(float64(cost.bytes), p.called+"-history-bytes")
	b.ReportMetric(p.memory(b, "VmHWM:"), p.called+"-MB")
}

// heartbeats is how many of the worker's have reached Temporal.
func (p *runsPeer) heartbeats(b *testing.B) float64 {
	b.Helper()
	res, err := http.Get(p.metrics + "/metrics") //nolint:noctx // on this machine
	require.NoError(b, err)
	defer res.Body.Close()
	sum := 0.0
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "temporal_request_total{") && strings.Contains(line, `operation="RecordActivityTaskHeartbeat"`) {
			n, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
			require.NoError(b, err)
			sum += n
		}
	}
	return sum
}

// writeManifest writes a manifest of n rows as CSV.
func writeManifest(b *testing.B, path string, n int, row func(i int) Row) {
	b.Helper()
	file, err := os.Create(path)
	require.NoError(b, err)
	w := csv.NewWriter(file)
	require.NoError(b, w.Write([]string{"reference", "customer", "payment_method", "amount", "currency"}))
	for i := range n {
		r := row(i)
		require.NoError(b, w.Write([]string{r.Reference, r.Customer, r.PaymentMethod, strconv.FormatInt(r.Amount, 10), r.Currency}))
	}
	w.Flush()
	require.NoError(b, w.Error())
	require.NoError(b, file.Close())
}

func charged(b *testing.B, stub *process) int {
	b.Helper()
	res, err := http.Get(stub.url + "/charges") //nolint:noctx // on this machine
	require.NoError(b, err)
	defer res.Body.Close()
	var n int
	_, err = fmt.Fscan(res.Body, &n)
	require.NoError(b, err)
	return n
}

// runCommand starts a command with further environment variables.
func runCommand(b *testing.B, binary string, env []string, args ...string) *process {
	b.Helper()
	p := &process{cmd: exec.Command(binary, args...)} //nolint:noctx // ended by stop
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = os.Stderr
	require.NoError(b, p.cmd.Start())
	b.Cleanup(p.stop)
	return p
}

// serverPID is a process that tools/stack-postgres/run.sh has started.
func serverPID(b *testing.B, name string) int {
	b.Helper()
	pid, err := strconv.Atoi(os.Getenv(name))
	require.NoError(b, err, "run it with: make bench-runs")
	return pid
}

func loadAverage(b *testing.B) string {
	b.Helper()
	data, err := os.ReadFile("/proc/loadavg")
	require.NoError(b, err)
	return strings.Join(strings.Fields(string(data))[:3], " ")
}
