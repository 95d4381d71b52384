package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

func newAgreementList(a *app) *cobra.Command {
	var (
		filter client.AgreementFilter
		state  string
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the agreements",
		Long:  "Lists what Temporal's visibility knows, which is a moment behind.",
		Example: `  starter agreement list --state needs_attention
  starter agreement list --customer cus_123 --output json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter.State = workflows.AgreementState(state)
			return a.withClient(func(c *client.Client) error {
				list := []client.AgreementSummary{}
				for s, err := range c.ListAgreements(cmd.Context(), filter) {
					if err != nil {
						return err
					}
					list = append(list, s)
				}
				return a.answer(list, func() string { return agreementListText(list) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&state, "state", "", "only agreements in this state, such as needs_attention")
	f.StringVar(&filter.Customer, "customer", "", "only agreements of this Stripe customer, cus_…")
	return cmd
}

func agreementListText(list []client.AgreementSummary) string {
	if len(list) == 0 {
		return "no agreements"
	}
	rows := []string{"reference\tstate\tamount\tcustomer\tnext action"}
	for _, s := range list {
		from := workflows.AmountFrom("")
		if s.Amount == 0 {
			from = workflows.AmountFromWebhook
		}
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s", s.Reference, stateText(string(s.State), s.ExecutionStatus),
			agreementAmount(from, s.Amount, s.Currency), s.Customer, dash(timeText(s.NextActionAt, "UTC"))))
	}
	return table(rows...)
}
