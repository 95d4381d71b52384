package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offsession/offsession/starter/client"
)

// runOperation is a command that asks a run for a change.
type runOperation struct {
	use, flagsUse, short, long, example string
	call                                func(*client.Client, context.Context, string, client.RunOperation) (client.RunAnswer, error)
	// flags adds flags beyond --actor and --reason; the function that it answers reads them. May be nil.
	flags func(*pflag.FlagSet, *client.RunOperation) func() error
}

func newRunOperation(a *app, o runOperation) *cobra.Command {
	var (
		op   client.RunOperation
		read = func() error { return nil }
	)
	cmd := &cobra.Command{
		Use:     o.use + " REFERENCE" + o.flagsUse + " --actor A --reason X",
		Short:   o.short,
		Long:    o.long,
		Example: o.example,
		Args:    oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := read(); err != nil {
				return err
			}
			return a.withClient(func(c *client.Client) error {
				answer, err := o.call(c, cmd.Context(), args[0], op)
				if err != nil {
					return err
				}
				return a.answerRunOperation(cmd.Context(), c, args[0], answer)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&op.Actor, "actor", "", "who asks for it, at most 80 characters (required)")
	f.StringVar(&op.Reason, "reason", "", "why, at most 200 characters, no personal data (required)")
	if o.flags != nil {
		read = o.flags(f, &op)
	}
	return cmd
}

// answerRunOperation prints what an operation led to, and where the run stands then.
func (a *app) answerRunOperation(ctx context.Context, c runs, reference string, answer client.RunAnswer) error {
	run, err := c.Run(ctx, reference)
	if err != nil {
		// What was asked for is done all the same.
		a.note("note: %v", err)
		run.Reference, run.State = reference, answer.State
	}
	shown := showRun(run).answered(answer)
	return a.answer(shown, func() string {
		text := fmt.Sprintf("%s: %s\n", reference, shown.stateText())
		if answer.Pending {
			text = fmt.Sprintf("%s: %s, once the pages under way have finished\n", reference, shown.State)
		}
		return text + facts("goes on with", shown.Command, "done", doneText(shown), "pace", paceText(shown), "remaining", remainingText(shown.RemainingSeconds))
	})
}
