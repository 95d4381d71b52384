package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	sdk "go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/offsession/offsession/internal/devstack"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/internal/stripesandbox/sandboxtest"
	"github.com/offsession/offsession/starter/client"
)

var update = flag.Bool("update", false, "record the workflow histories in workflows/testdata/histories/unreleased anew")

// What all tests share: one Temporal server, one worker, one web server, one sandbox. Whoever breaks something, or counts
// requests, opens a site of its own.
var (
	stack    *devstack.Stack
	offs     *client.Client
	temporal sdk.Client
	// logFile gets what the parts log; it stays when a test has failed.
	logFile *os.File
	// workerBinary and starterBinary are the commands, built from this tree.
	workerBinary, starterBinary string
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Most of the time these tests wait: for a timer, a worker that is gone, a page.
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	// The workers in this process read S3 with these.
	for _, variable := range s3Credentials() {
		name, value, _ := strings.Cut(variable, "=")
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	code, err := run(m)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "offsession-e2e-")
	if err != nil {
		return 1, err
	}
	defer func() {
		if code == 0 && err == nil {
			_ = os.RemoveAll(dir)
			return
		}
		_, _ = fmt.Fprintln(os.Stderr, "what the parts logged:", logFile.Name())
	}()
	if logFile, err = os.Create(filepath.Join(dir, "log.txt")); err != nil {
		return 1, err
	}
	defer func() { _ = logFile.Close() }()

	built := make(chan error, 1)
	go func() { built <- build(ctx, dir) }()
	answers := new(sandboxtest.Validator)
	stack, err = devstack.Start(ctx, devstack.Options{
		// Bank debits are settled by hand.
		Sandbox: stripesandbox.Config{AsyncDelay: -1, Middleware: answers.Middleware},
		Log:     logFile,
	})
	if err = errors.Join(err, <-built); err != nil {
		return 1, err
	}
	defer stack.Stop()
	if offs, err = stack.Client(); err != nil {
		return 1, err
	}
	defer offs.Close()
	temporal, err = sdk.DialContext(ctx, sdk.Options{
		HostPort: stack.Temporal.Address, Namespace: stack.Temporal.Namespace, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return 1, err
	}
	defer temporal.Close()

	code = m.Run()
	return code, errors.Join(checkAllHistories(ctx), checkLedger(stack.Sandbox.Ledger("")), answers.Finish())
}

// build builds the commands, with the race detector when the tests have it.
func build(ctx context.Context, dir string) error {
	workerBinary, starterBinary = filepath.Join(dir, "worker"), filepath.Join(dir, "starter")
	// Without symbols for a debugger, linking takes half the time.
	args := append([]string{"build", "-ldflags", "-s -w", "-o", dir + string(filepath.Separator)}, raceFlags...)
	out, err := exec.CommandContext(ctx, "go", append(args, "../../worker", "../../starter")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build the commands: %w\n%s", err, out)
	}
	return nil
}

// checkLedger is the judge of every run: no payment was taken twice, no key was used for two things.
func checkLedger(ledger stripesandbox.Ledger) error {
	var errs []error
	if len(ledger.PaidMoreThanOnce) > 0 {
		errs = append(errs, fmt.Errorf("paid more than once: %v", ledger.PaidMoreThanOnce))
	}
	if len(ledger.KeysReused) > 0 {
		errs = append(errs, fmt.Errorf("idempotency keys sent again with other values: %v", ledger.KeysReused))
	}
	return errors.Join(errs...)
}
