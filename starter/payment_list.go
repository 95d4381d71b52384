package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

func newPaymentList(a *app) *cobra.Command {
	var (
		filter client.PaymentFilter
		state  string
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the payments that have a workflow, newest first",
		Long:  "Lists what Temporal's visibility knows, which is a moment behind.",
		Example: `  starter payment list --state needs_attention
  starter payment list --customer cus_123 --output json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter.State = workflows.PaymentState(state)
			return a.withClient(func(c *client.Client) error {
				payments := []client.PaymentSummary{}
				for p, err := range c.ListPayments(cmd.Context(), filter) {
					if err != nil {
						return err
					}
					payments = append(payments, p)
				}
				return a.answer(payments, func() string { return listText(payments) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&state, "state", "", "only payments in this state, such as awaiting_customer")
	f.StringVar(&filter.Customer, "customer", "", "only payments of this Stripe customer, cus_…")
	return cmd
}

func listText(payments []client.PaymentSummary) string {
	if len(payments) == 0 {
		return "no payments"
	}
	rows := []string{"reference\tstate\tamount\tcustomer\tdecline code\tnext action"}
	for _, p := range payments {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s", p.Reference, stateText(string(p.State), p.ExecutionStatus), amountText(p.Amount, p.Currency), p.Customer,
			dash(p.DeclineCode), dash(timeText(p.NextActionAt, "UTC"))))
	}
	return table(rows...)
}
