// Command worker runs offsession's workflows and talks to Stripe. It is configured by environment variables alone; exit
// code 2 means that they are wrong.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // time zones of customers, wherever this runs

	"go.temporal.io/sdk/worker"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/worker/service"
)

// cachedWorkflows bounds the memory of a busy worker: a cached workflow takes some 30 to 50 KB. One that does not fit is
// replayed from its history, which is short.
const cachedWorkflows = 2000

func main() { os.Exit(run(context.Background(), os.Stderr)) }

func run(ctx context.Context, stderr io.Writer) int {
	cfg, err := config.Load(config.ForWorker)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "worker: configuration:\n%v\n", err)
		return 2
	}
	worker.SetStickyWorkflowCacheSize(cachedWorkflows)
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	if err := service.Run(ctx, service.Config{Config: cfg, Logger: cfg.Logger(stderr)}); err != nil {
		_, _ = fmt.Fprintln(stderr, "worker:", err)
		return 1
	}
	return 0
}
