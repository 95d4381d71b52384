package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/internal/demo"
)

func newDemo(a *app) *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Walk eight customers through the product, in less than a minute",
		Long: `Starts what dev starts, and walks eight customers through it with a dunning policy of seconds: one who pays, one with
too little money, one with a lost card, one whose bank asks, one who left the checkout, one who agreed to pay every month, and
two whose subscriptions begin with a trial: one confirms the card with the bank, one leaves. It prints what happens, the mails
that went out and where to look in the Temporal UI. Exit code 0 only if every end is as it should be.`,
		Example: "  starter demo --keep",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), keep) },
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave everything running until Ctrl-C")
	return cmd
}

func (a *app) demo(ctx context.Context, keep bool) error {
	stack, err := a.startStack(ctx)
	if err != nil {
		return err
	}
	defer stack.Stop()
	c, err := stack.Client()
	if err != nil {
		return err
	}
	defer c.Close()

	began := time.Now()
	// The timeline is for people; with --output json, stdout holds the answer alone.
	out := a.stdout
	if a.output == outputJSON {
		out = a.stderr
	}
	if err := (&demo.Tour{Stack: stack, Client: c, Out: out}).Run(ctx); err != nil {
		return fmt.Errorf("the demo did not end as it should: %w", err)
	}
	done := struct {
		OK      bool    `json:"ok"`
		Seconds float64 `json:"seconds"`
	}{true, time.Since(began).Seconds()}
	if err := a.answer(done, func() string {
		text := fmt.Sprintf("\nAll ends are as they should be, after %.0f seconds.", done.Seconds)
		if keep {
			return text
		}
		return text + `

What to try next
  make demo KEEP=1          leaves everything running: look at the workflows in the Temporal UI
  make dev                  an empty stack of your own, and the variables to use it from a shell or from Go
  go run ./starter --help   save a card, start a payment, and see what each command does`
	}); err != nil {
		return err
	}
	if !keep {
		return nil
	}
	return a.untilStopped(ctx, stack)
}
