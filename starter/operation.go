package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offsession/offsession/starter/client"
)

// operation is a command that asks a workflow for a change.
type operation struct {
	use, short, long, example string
	// argument is the name of what is operated on in the usage line; REFERENCE when it is empty.
	argument string
	call     func(*client.Client, context.Context, string, client.Operation) (client.Answer, error)
	// flags adds flags beyond --actor and --reason; the function that it answers reads them. May be nil.
	flags func(*pflag.FlagSet) func(*client.Operation) error
}

func newOperation(a *app, o operation) *cobra.Command {
	var (
		op   client.Operation
		read = func(*client.Operation) error { return nil }
	)
	cmd := &cobra.Command{
		Use:     fmt.Sprintf("%s %s --actor A --reason X", o.use, cmp.Or(o.argument, "REFERENCE")),
		Short:   o.short,
		Long:    o.long,
		Example: o.example,
		Args:    oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := read(&op); err != nil {
				return err
			}
			return a.withClient(func(c *client.Client) error {
				answer, err := o.call(c, cmd.Context(), args[0], op)
				if err != nil {
					return err
				}
				return a.answer(answer, func() string {
					if answer.Pending {
						return fmt.Sprintf("%s: %s, Stripe has not answered yet; the operation goes on", args[0], answer.State)
					}
					return fmt.Sprintf("%s: %s", args[0], answer.State)
				})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&op.Actor, "actor", "", "who asks for it, at most 80 characters (required)")
	f.StringVar(&op.Reason, "reason", "", "why, at most 200 characters, no personal data (required)")
	if o.flags != nil {
		read = o.flags(f)
	}
	return cmd
}
