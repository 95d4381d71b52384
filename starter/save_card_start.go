package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

func newSaveCardStart(a *app) *cobra.Command {
	var (
		p                           client.SavePaymentMethodParams
		reminders                   []string
		deadline, events, checkoutU string
	)
	cmd := &cobra.Command{
		Use:   "start --reference R (--customer C | --attach-to C | --create-customer)",
		Short: "Open a Checkout in which a customer saves a payment method",
		Long: `Opens a Stripe Checkout Session in setup mode and follows it until the method is attached to the customer.
Send the customer to the link: it stays valid when the session expires, and opens the next one.
Repeated with the same values it answers what exists; with other values it is refused.`,
		Example: `  starter save-card start --reference gym-17 --customer cus_123 --notify
  starter save-card start --reference gym-18 --create-customer --currency eur --deadline 3d`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p.Events, p.CheckoutUI = workflows.Events(events), activities.CheckoutUI(checkoutU)
			if err := errors.Join(parseReminders(&p, reminders, cmd.Flags().Changed("reminder")), parseDeadline(&p, deadline)); err != nil {
				return err
			}
			return a.withClient(func(c *client.Client) error {
				started, err := c.SavePaymentMethod(cmd.Context(), p)
				if err != nil {
					return err
				}
				return a.answer(started, func() string {
					return startedText(started.Started) + facts("session", started.SessionID, "link", started.Link)
				})
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&p.Reference, "reference", "", "your own id: 1 to 120 of A-Z a-z 0-9 . _ - (required)")
	f.StringVar(&p.Customer, "customer", "", "Stripe customer for whom Checkout opens, cus_…")
	f.StringVar(&p.AttachTo, "attach-to", "", "open Checkout without a customer, and attach the method to this one")
	f.BoolVar(&p.CreateCustomer, "create-customer", false, "make a Stripe customer for the saved method")
	f.StringVar(&p.Currency, "currency", "", "decides which methods Stripe offers (default usd)")
	f.StringArrayVar(&p.PaymentMethodTypes, "payment-method-type", nil, "Stripe's name of what may be saved; repeatable (default card)")
	f.BoolVar(&p.KeepDefault, "keep-default", false, "leave the customer's default payment method as it is")
	f.BoolVar(&p.Notify, "notify", false, "send the customer the link and reminders")
	f.StringArrayVar(&reminders, "reminder", nil, "when to remind, counted from now, such as 2d or 36h; repeatable; none for no reminder (default 2d, 7d, 13d with --notify)")
	f.StringVar(&deadline, "deadline", "", "how long the customer has, such as 3d or 12h (default 14d)")
	f.StringVar(&p.TimeZone, "time-zone", "", "the customer's IANA time zone (default the customer's metadata time_zone, then OFFSESSION_TIME_ZONE)")
	f.StringVar(&events, "events", "", "what the app's webhook is told: exceptions or all (default exceptions)")
	f.StringVar(&checkoutU, "checkout-ui", "", "custom or hosted (default OFFSESSION_CHECKOUT_UI)")
	return cmd
}

// noReminder asks for none where the default would be some.
const noReminder = "none"

func parseReminders(p *client.SavePaymentMethodParams, texts []string, given bool) error {
	if !given {
		return nil
	}
	p.Reminders = []dunning.Duration{}
	if len(texts) == 1 && texts[0] == noReminder {
		return nil
	}
	var errs []error
	for _, text := range texts {
		d, err := dunning.ParseDuration(text)
		if err != nil {
			errs = append(errs, usagef("--reminder: %w", err))
		}
		p.Reminders = append(p.Reminders, d)
	}
	return errors.Join(errs...)
}

func parseDeadline(p *client.SavePaymentMethodParams, text string) error {
	if text == "" {
		return nil
	}
	d, err := dunning.ParseDuration(text)
	if err != nil {
		return usagef("--deadline: %w", err)
	}
	if d == (dunning.Duration{}) {
		return usagef("--deadline: %q; must be more than 0", text)
	}
	p.Deadline = d
	return nil
}

func startedText(s client.Started) string {
	if s.AlreadyStarted {
		return fmt.Sprintf("%s was started before (run %s)\n", s.WorkflowID, s.RunID)
	}
	return fmt.Sprintf("%s started (run %s)\n", s.WorkflowID, s.RunID)
}
