package main

import (
	"github.com/spf13/cobra"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

func newSubscriptionWatch(a *app) *cobra.Command {
	var (
		p                             client.WatchSubscriptionParams
		defaultOn, policy, checkoutUI string
	)
	cmd := &cobra.Command{
		Use:   "watch SUB",
		Short: "Watch a subscription until its first invoice above zero is paid",
		Long: `Watches a subscription that your app made. While its pending SetupIntent needs the customer, the customer is sent a link and
reminders; a payment method saved there becomes the default; an invoice that Stripe could not collect is shown to the customer.
It pays no invoice, and it neither makes, resumes nor cancels a subscription. Repeated with the same values it answers the
watch that goes on; with other values it is refused. When an earlier watch has ended, another one begins. Needs STRIPE_API_KEY.`,
		Example: `  starter subscription watch sub_123 --description "Plan Gold"
  starter subscription watch sub_124 --default-on customer --payment-method-type card --payment-method-type sepa_debit \
      --policy reminders.yaml`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Subscription, p.DefaultOn, p.CheckoutUI = args[0], workflows.DefaultOn(defaultOn), activities.CheckoutUI(checkoutUI)
			if policy != "" {
				read, err := readDefinition("policy", policy, dunning.ParseSubscriptionPolicy)
				if err != nil {
					return err
				}
				p.Policy = &read
			}
			return a.withStripe(func(c *client.Client) error {
				watched, err := c.WatchSubscription(cmd.Context(), p)
				if err != nil {
					return err
				}
				return a.answer(watched, func() string { return startedText(watched.Started) + facts("link", watched.Link) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&defaultOn, "default-on", "", "where a new payment method becomes the default: subscription or customer (default subscription)")
	f.StringVar(&policy, "policy", "", "when the customer is reminded, a YAML or JSON file; its schema is workflows/dunning/subscription_policy.schema.json")
	f.StringVar(&p.Description, "description", "", "what the subscription is, in messages and on the page; no personal data, Temporal's history keeps it")
	f.StringArrayVar(&p.PaymentMethodTypes, "payment-method-type", nil, "Stripe's name of what may be saved; repeatable (default card)")
	f.StringVar(&checkoutUI, "checkout-ui", "", "custom or hosted (default OFFSESSION_CHECKOUT_UI)")
	f.StringVar(&p.TimeZone, "time-zone", "", "the customer's IANA time zone (default the customer's metadata time_zone, then OFFSESSION_TIME_ZONE)")
	return cmd
}
