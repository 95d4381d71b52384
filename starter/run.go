package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

// The exit codes, which scripts depend on.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNotFound = 3
	exitRefused  = 4
)

// run is the program with its surroundings as arguments. The answer goes to stdout, everything else to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)

	a := &app{stdout: stdout, stderr: stderr}
	root := newRoot(a) //nolint:contextcheck // cobra hands ctx to the command that runs
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	_, _ = fmt.Fprintf(stderr, "starter: %s\n", describe(cmd, err))
	return exitCode(err)
}

func exitCode(err error) int {
	var (
		usage   *usageError
		invalid *client.InvalidError
		refused *client.RefusedError
	)
	switch {
	case errors.As(err, &usage), errors.As(err, &invalid):
		return exitUsage
	case errors.Is(err, client.ErrNotFound):
		return exitNotFound
	case errors.As(err, &refused):
		return exitRefused
	}
	return exitFailed
}

// usageError is a mistake of the caller's: in a flag, an argument or the environment.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

func usage(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{err}
}

func usagef(format string, args ...any) error { return usage(fmt.Errorf(format, args...)) }

// describe says what is wrong, a line per mistake. A field that was given as a flag has the flag's name.
func describe(cmd *cobra.Command, err error) string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		lines := make([]string, 0, len(joined.Unwrap()))
		for _, e := range joined.Unwrap() {
			lines = append(lines, describe(cmd, e))
		}
		return strings.Join(lines, "\nstarter: ")
	}
	if u, ok := errors.AsType[*usageError](err); ok {
		return describe(cmd, u.error)
	}
	if mistake, ok := errors.AsType[*client.InvalidError](err); ok {
		flag := strings.ReplaceAll(mistake.Field, "_", "-")
		if rest, ok := strings.CutPrefix(err.Error(), mistake.Field+":"); ok && cmd.Flags().Lookup(flag) != nil {
			return "--" + flag + ":" + rest
		}
	}
	return err.Error()
}
