package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/internal/stripesandbox"
)

const (
	sandboxAddress     = "127.0.0.1:19465"
	sandboxConnections = 32
	sandboxCalls       = 60_000
	sandboxCustomers   = 1000
	// What the sandbox is to reach; half of it is the load at which latency is measured.
	sandboxRate     = 5000
	sandboxPaced    = 10 * time.Second
	sandboxPayments = 1_000_000
	// What a data file is measured with.
	sandboxStored = 100_000
)

// BenchmarkSandbox measures the Stripe sandbox in a process of its own: create-and-confirm calls per second over 32
// connections, each call with its own idempotency key, metadata and customer, as the product sends them; the median of
// five rounds. The callers share the machine with it and are as thin as they can be.
func BenchmarkSandbox(b *testing.B) {
	binary := buildCommand(b, "starter")
	for b.Loop() {
		s := startSandbox(b, binary)
		var rates []float64
		for round := range rounds {
			rates = append(rates, s.flood(b, round, sandboxCalls))
		}
		b.ReportMetric(median(rates), "calls/s")
		s.stop()
	}
}

// BenchmarkSandboxLatency measures the same call at 2,500 a second, from the time it was due, not from when a connection
// was free for it.
func BenchmarkSandboxLatency(b *testing.B) {
	binary := buildCommand(b, "starter")
	for b.Loop() {
		s := startSandbox(b, binary)
		s.flood(b, 0, sandboxCalls/4) // warm
		waits := s.paced(b, sandboxRate/2, sandboxPaced)
		b.ReportMetric(float64(percentile(waits, 50).Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(percentile(waits, 99).Microseconds())/1000, "p99-ms")
		s.stop()
	}
}

// BenchmarkSandboxMemory measures the resident memory that a million paid PaymentIntents take.
func BenchmarkSandboxMemory(b *testing.B) {
	binary := buildCommand(b, "starter")
	for b.Loop() {
		s := startSandbox(b, binary)
		empty := s.resident(b)
		rate := s.flood(b, 0, sandboxPayments)
		b.ReportMetric(empty, "MB-empty")
		b.ReportMetric(s.resident(b), "MB-full")
		b.ReportMetric(rate, "calls/s")
		s.stop()
	}
}

// BenchmarkSandboxStart measures from the start of the process until it answers.
func BenchmarkSandboxStart(b *testing.B) {
	binary := buildCommand(b, "starter")
	for b.Loop() {
		var starts []time.Duration
		for range rounds {
			began := time.Now()
			p := startSandboxProcess(b, binary)
			awaitSandbox(b, began)
			starts = append(starts, time.Since(began))
			p.stop()
		}
		b.ReportMetric(float64(percentile(starts, 50).Microseconds())/1000, "ms")
	}
}

// BenchmarkSandboxData measures BenchmarkSandbox's call when everything is kept in a data file: how many a second, how
// much of the file each takes once the sandbox has ended, and how long it then takes to start with the file.
func BenchmarkSandboxData(b *testing.B) {
	binary := buildCommand(b, "starter")
	for b.Loop() {
		data := filepath.Join(b.TempDir(), "sandbox.db")
		s := startSandbox(b, binary, "--data", data)
		rate := s.flood(b, 0, sandboxStored)
		s.stop()
		file, err := os.Stat(data)
		require.NoError(b, err)
		began := time.Now()
		p := startSandboxProcess(b, binary, "--data", data)
		awaitSandbox(b, began)
		b.ReportMetric(time.Since(began).Seconds(), "s-to-start")
		p.stop()
		b.ReportMetric(rate, "calls/s")
		b.ReportMetric(float64(file.Size())/sandboxStored, "B/payment")
	}
}

// awaitSandbox returns as soon as the sandbox that was started at began answers.
func awaitSandbox(b *testing.B, began time.Time) {
	b.Helper()
	for {
		res, err := http.Get("http://" + sandboxAddress + "/_sandbox/health") //nolint:noctx // on this machine
		if err == nil {
			_ = res.Body.Close()
			return
		}
		require.Less(b, time.Since(began), time.Minute)
		time.Sleep(time.Millisecond)
	}
}

// sandboxProcess is `starter sandbox`, with customers whose cards always pay.
type sandboxProcess struct {
	*process
	payers      []payer
	connections []*bufio.ReadWriter
}

func startSandboxProcess(b *testing.B, binary string, args ...string) *process {
	b.Helper()
	p := &process{cmd: exec.Command(binary, append([]string{"sandbox", "--listen", sandboxAddress}, args...)...)} //nolint:noctx // ended by stop
	require.NoError(b, p.cmd.Start())
	b.Cleanup(p.stop)
	return p
}

func startSandbox(b *testing.B, binary string, args ...string) *sandboxProcess {
	b.Helper()
	s := &sandboxProcess{process: startSandboxProcess(b, binary, args...)}
	s.url = "http://" + sandboxAddress
	awaitOK(b, s.url+"/_sandbox/health")
	gateway, err := stripegateway.New(stripegateway.Config{
		APIKey: stripesandbox.DefaultAPIKey, APIBase: s.url, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(b, err)
	for i := range sandboxCustomers {
		s.payers = append(s.payers, newPayer(b, gateway, "sandbox-"+strconv.Itoa(i)))
	}
	for range sandboxConnections {
		conn, err := new(net.Dialer).DialContext(b.Context(), "tcp", sandboxAddress)
		require.NoError(b, err)
		b.Cleanup(func() { _ = conn.Close() })
		s.connections = append(s.connections, bufio.NewReadWriter(bufio.NewReaderSize(conn, 16<<10), bufio.NewWriter(conn)))
	}
	return s
}

// charge sends one create-and-confirm and reads its answer to the end.
func (s *sandboxProcess) charge(conn *bufio.ReadWriter, reference string, p payer) error {
	form := url.Values{
		"amount": {strconv.Itoa(chargedAmount)}, "currency": {"usd"}, "customer": {p.customer}, "payment_method": {p.method},
		"off_session": {"true"}, "confirm": {"true"}, "expand[0]": {"latest_charge"},
		"metadata[offsession_reference]": {reference}, "metadata[offsession_kind]": {"payment"},
	}.Encode()
	fmt.Fprintf(conn, "POST /v1/payment_intents HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nStripe-Version: %s\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nIdempotency-Key: %s:charge:1\r\nContent-Length: %d\r\n\r\n%s",
		sandboxAddress, stripesandbox.DefaultAPIKey, stripesandbox.APIVersion, reference, len(form), form)
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	status, err := conn.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("read status: %w", err)
	}
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("answered %q", status)
	}
	length := 0
	for {
		line, err := conn.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("read header: %w", err)
		}
		if len(line) <= len("\r\n") {
			break
		}
		if rest, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
			length, _ = strconv.Atoi(strings.TrimSpace(rest))
		}
	}
	if _, err := io.CopyN(io.Discard, conn, int64(length)); err != nil {
		return fmt.Errorf("read body: %w", err)
	}
	return nil
}

// flood sends n calls as fast as they are answered and returns how many that were per second.
func (s *sandboxProcess) flood(b *testing.B, round, n int) float64 {
	b.Helper()
	began := time.Now()
	s.onAllConnections(b, n, func(conn *bufio.ReadWriter, i int) error {
		return s.charge(conn, fmt.Sprintf("flood-%d-%d", round, i), s.payers[i%len(s.payers)])
	})
	return float64(n) / time.Since(began).Seconds()
}

// paced sends calls at a rate and returns how long after its time each was answered.
func (s *sandboxProcess) paced(b *testing.B, rate int, d time.Duration) []time.Duration {
	b.Helper()
	waits := make([]time.Duration, int(d.Seconds())*rate)
	began := time.Now()
	s.onAllConnections(b, len(waits), func(conn *bufio.ReadWriter, i int) error {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		err := s.charge(conn, fmt.Sprintf("paced-%d", i), s.payers[i%len(s.payers)])
		waits[i] = time.Since(due)
		return err
	})
	return waits
}

// onAllConnections runs do for 0..n-1, each connection taking the next when it is free.
func (s *sandboxProcess) onAllConnections(b *testing.B, n int, do func(conn *bufio.ReadWriter, i int) error) {
	b.Helper()
	failed := make(chan error, len(s.connections))
	var next atomic.Int64
	var wg sync.WaitGroup
	for _, conn := range s.connections {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(conn, i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-failed:
		b.Fatal(err)
	default:
	}
}

// buildCommand builds one of our commands once for a benchmark.
func buildCommand(b *testing.B, command string) string {
	b.Helper()
	return buildIn(b, "..", command)
}

// buildIn builds the command in a folder of a module.
func buildIn(b *testing.B, module, command string) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), command)
	build := exec.Command("go", "build", "-o", binary, "./"+command) //nolint:noctx // runs to its end
	build.Dir = module
	out, err := build.CombinedOutput()
	require.NoError(b, err, string(out))
	return binary
}
