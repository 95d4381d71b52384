package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
)

// readiness is whether the app should give access to what a subscription is for, and why.
type readiness struct {
	Subscription string `json:"subscription"`
	Ready        bool   `json:"ready"`
	// Reason says why in words.
	Reason             string                        `json:"reason"`
	Status             activities.SubscriptionStatus `json:"status"`
	Customer           string                        `json:"customer"`
	PendingSetupIntent string                        `json:"pending_setup_intent"`
	SetupIntentStatus  activities.SetupIntentStatus  `json:"setup_intent_status"`
	// OwnSetup says that a setup of offsession's for PaymentMethod, the present default, has succeeded; asked only when the
	// pending SetupIntent is canceled.
	OwnSetup      bool   `json:"own_setup"`
	PaymentMethod string `json:"payment_method"`
	PaidInvoice   string `json:"paid_invoice"`
}

func newSubscriptionReady(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "ready SUB",
		Short: "Say whether to give access, as Stripe shows the subscription now",
		Long: `Asks Stripe, whether the subscription is watched or not. It is ready when its status is active or trialing, and its payment
method is set up: no SetupIntent is pending, or the pending one is canceled, and either our own setup of the present default has
succeeded or an invoice above zero has been paid. Exit code 0: ready; 4: not ready; 3: Stripe has no such subscription.
Needs STRIPE_API_KEY.`,
		Example: `  starter subscription ready sub_123 && echo "give access"
  starter subscription ready sub_123 --output json`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStripe(func(c *client.Client) error { return a.answerReady(cmd.Context(), c, args[0]) })
		},
	}
}

// readings is what the command needs of the client.
type readings interface {
	ReadSubscription(ctx context.Context, subscription string) (activities.SubscriptionReading, error)
}

func (a *app) answerReady(ctx context.Context, c readings, subscription string) error {
	reading, err := c.ReadSubscription(ctx, subscription)
	if err != nil {
		return err
	}
	ready := readinessOf(subscription, reading)
	err = a.answer(ready, func() string {
		if ready.Ready {
			return "yes: " + ready.Reason
		}
		return "no: " + ready.Reason
	})
	if err == nil && !ready.Ready {
		return &client.RefusedError{Message: subscription + " is not ready"}
	}
	return err
}

func readinessOf(subscription string, r activities.SubscriptionReading) readiness {
	return readiness{
		Subscription: subscription, Ready: r.Ready(), Reason: readyText(r), Status: r.Status, Customer: r.Customer, PendingSetupIntent: r.SetupIntent,
		SetupIntentStatus: r.SetupStatus, OwnSetup: r.OwnSetup, PaymentMethod: r.PaymentMethod, PaidInvoice: r.PaidInvoice,
	}
}

// readyText says what makes a subscription ready, or keeps it from that.
func readyText(r activities.SubscriptionReading) string {
	if r.Status != activities.SubscriptionActive && r.Status != activities.SubscriptionTrialing {
		return fmt.Sprintf("its status is %s, neither active nor trialing", r.Status)
	}
	status := "it is " + string(r.Status)
	switch r.SetupStatus {
	case "":
		return status + ", and no SetupIntent is pending"
	case activities.SetupIntentSucceeded:
		return fmt.Sprintf("%s, and its SetupIntent %s has succeeded", status, r.SetupIntent)
	case activities.SetupIntentRequiresAction, activities.SetupIntentRequiresConfirmation:
		return fmt.Sprintf("%s, but the customer must confirm its payment method with the bank: %s is %s", status, r.SetupIntent, r.SetupStatus)
	case activities.SetupIntentRequiresPaymentMethod:
		return fmt.Sprintf("%s, but the customer must give a payment method: %s is %s", status, r.SetupIntent, r.SetupStatus)
	case activities.SetupIntentProcessing:
		return fmt.Sprintf("%s, but the bank is still confirming its payment method: %s is %s", status, r.SetupIntent, r.SetupStatus)
	case activities.SetupIntentCanceled:
	}
	canceled := fmt.Sprintf("%s; its SetupIntent %s is canceled, ", status, r.SetupIntent)
	switch {
	case r.OwnSetup:
		return canceled + "and our own setup of its payment method has succeeded"
	case r.PaidInvoice != "":
		return canceled + "and its invoice " + r.PaidInvoice + " has been paid"
	}
	return canceled + "and nothing shows that its payment method can be charged"
}
