package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/internal/devstack"
)

// devAddresses are where `dev` and `demo` listen, so that the same links work each time.
func devAddresses() devstack.Options {
	return devstack.Options{
		TemporalAddress: "127.0.0.1:7233",
		UIPort:          8233,
		WebAddress:      "127.0.0.1:8080",
		SandboxAddress:  "127.0.0.1:12111",
		MailAddress:     "127.0.0.1:1025",
	}
}

func newDev(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "dev",
		Short: "Run everything on this machine: Temporal, sandbox, worker, web, mail",
		Long: `Starts a Temporal development server with its UI, the Stripe sandbox, a worker, the web server and a mail server that
keeps what it gets, all in memory and on 127.0.0.1, until Ctrl-C. It prints the variables with which other commands use it.
Logs go to a file, whose name is printed.`,
		Example: "  starter dev",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.dev(cmd.Context()) },
	}
}

func (a *app) dev(ctx context.Context) error {
	stack, err := a.startStack(ctx)
	if err != nil {
		return err
	}
	defer stack.Stop()
	return a.untilStopped(ctx, stack)
}

// startStack starts everything, with progress on stderr and logs in a file.
func (a *app) startStack(ctx context.Context) (*devstack.Stack, error) {
	logs, err := os.CreateTemp("", "offsession-*.log")
	if err != nil {
		return nil, fmt.Errorf("log file: %w", err)
	}
	options := devAddresses()
	options.Progress, options.Log = a.stderr, logs
	_, _ = fmt.Fprintf(a.stderr, "starting Temporal, sandbox, worker and web (a few seconds); logs in %s\n", logs.Name())
	stack, err := devstack.Start(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("start everything: %w", err)
	}
	return stack, nil
}

// untilStopped says how to use the stack, and waits for Ctrl-C or for a part that fails.
func (a *app) untilStopped(ctx context.Context, stack *devstack.Stack) error {
	running := struct {
		TemporalUI string   `json:"temporal_ui"`
		Web        string   `json:"web"`
		Sandbox    string   `json:"sandbox"`
		Env        []string `json:"env"`
	}{stack.Temporal.UIURL, stack.WebURL, stack.Sandbox.URL, stack.Env()}
	if err := a.answer(running, func() string {
		var b strings.Builder
		b.WriteString("\nEverything runs until Ctrl-C. In another terminal:\n\n")
		for _, pair := range running.Env {
			name, value, _ := strings.Cut(pair, "=")
			fmt.Fprintf(&b, "  export %s='%s'\n", name, value)
		}
		fmt.Fprintf(&b, "\n  go run ./starter save-card start --reference user-1 --create-customer   # then open the link it prints\n  %s   # Temporal UI", running.TemporalUI)
		return b.String()
	}); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		_, _ = fmt.Fprintln(a.stderr, "stopping")
		return nil
	case err := <-stack.Failed():
		return fmt.Errorf("a part has ended: %w", err)
	}
}
