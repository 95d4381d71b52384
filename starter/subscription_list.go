package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

func newSubscriptionList(a *app) *cobra.Command {
	var (
		filter client.SubscriptionFilter
		state  string
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the watched subscriptions, newest first",
		Long:  "Lists what Temporal's visibility knows, which is a moment behind. Of several watches of one subscription it lists the last.",
		Example: `  starter subscription list --state at_risk
  starter subscription list --customer cus_123 --output json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter.State = workflows.SubscriptionState(state)
			return a.withClient(func(c *client.Client) error {
				list := []client.SubscriptionSummary{}
				for s, err := range c.ListSubscriptions(cmd.Context(), filter) {
					if err != nil {
						return err
					}
					list = append(list, s)
				}
				return a.answer(list, func() string { return subscriptionListText(list) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&state, "state", "", "only subscriptions in this state, such as at_risk")
	f.StringVar(&filter.Customer, "customer", "", "only subscriptions of this Stripe customer, cus_…")
	return cmd
}

func subscriptionListText(list []client.SubscriptionSummary) string {
	if len(list) == 0 {
		return "no subscriptions"
	}
	rows := []string{"subscription\tstate\tcustomer\tnext action"}
	for _, s := range list {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s", s.Reference, stateText(string(s.State), s.ExecutionStatus), s.Customer,
			dash(timeText(s.NextActionAt, "UTC"))))
	}
	return table(rows...)
}
