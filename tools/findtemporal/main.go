// Findtemporal prints the path of a Temporal CLI that is new enough, and makes one when there is none.
// `make test` runs it first, so that no test has to wait for a build.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/offsession/offsession/internal/devstack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	path, err := devstack.FindTemporal(ctx, os.Stderr)
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "findtemporal:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
	_, _ = fmt.Fprintln(os.Stdout, path)
}
