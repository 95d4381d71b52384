package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

func newSaveCardCancel(a *app) *cobra.Command {
	var op client.Operation
	cmd := &cobra.Command{
		Use:     "cancel REFERENCE",
		Short:   "Close the Checkout and stop asking the customer",
		Long:    "Closes the Checkout, unless the customer was faster. A method that is saved already stays attached.",
		Example: `  starter save-card cancel gym-17 --actor support --reason "customer left"`,
		Args:    oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(func(c *client.Client) error { return a.cancelSave(cmd.Context(), c, args[0], op) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&op.Actor, "actor", "cli", "who asks for it, at most 80 characters")
	f.StringVar(&op.Reason, "reason", "canceled by command", "why, at most 200 characters, no personal data")
	return cmd
}

// setups is what the command needs of the client.
type setups interface {
	CancelSavePaymentMethod(ctx context.Context, reference string, op client.Operation) (client.Answer, error)
	SavedPaymentMethod(ctx context.Context, reference string) (client.SavedPaymentMethod, error)
}

// cancelSave cancels, and answers where saving stands then.
func (a *app) cancelSave(ctx context.Context, c setups, reference string, op client.Operation) error {
	answer, err := c.CancelSavePaymentMethod(ctx, reference, op)
	if err != nil {
		return err
	}
	saved, err := c.SavedPaymentMethod(ctx, reference)
	if err != nil {
		return err
	}
	shown := showSave(saved)
	shown.Pending = answer.Pending
	return a.answer(shown, func() string {
		text := savedText(saved)
		if answer.Pending {
			text += "Stripe has not answered yet; the operation goes on\n"
		}
		return text
	})
}
