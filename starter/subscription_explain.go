package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// subscriptionExplanation says in words where a watched subscription stands. A part that has nothing to say is empty.
type subscriptionExplanation struct {
	Reference string                      `json:"reference"`
	State     workflows.SubscriptionState `json:"state"`
	// Meaning is what the state means, Why why it is so.
	Meaning string `json:"meaning"`
	Why     string `json:"why"`
	// Customer is what the customer is asked for, how often and until when.
	Customer string `json:"customer"`
	// Next is what the watch does next, Stripe what Stripe does by itself.
	Next   string `json:"next"`
	Stripe string `json:"stripe"`
	// Operator is what a person can do.
	Operator string `json:"operator"`
}

func newSubscriptionExplain(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain SUB",
		Short: "Say in words where a subscription stands, why, and what comes next",
		Long: `Says what the state of a watched subscription means and why it is in it, what its customer is asked for, what the watch and
Stripe do next, and what a person can do.`,
		Example: "  starter subscription explain sub_123",
		Args:    oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(func(c *client.Client) error {
				s, err := c.Subscription(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				e := explainSubscription(s)
				return a.answer(e, e.text)
			})
		},
	}
}

func explainSubscription(s client.Subscription) subscriptionExplanation {
	e := subscriptionExplanation{Reference: s.Reference, State: s.State, Meaning: meaningText(s), Why: whyText(s), Operator: operatorText(s)}
	if s.State.Ended() || s.Reason == client.ReasonWorkflowTerminated {
		return e
	}
	e.Customer = customerText(s)
	e.Stripe = stripeText(s)
	if !s.NextActionAt.IsZero() {
		e.Next = "The watch acts next at " + timeText(s.NextActionAt, s.TimeZone) + ", and at once when Stripe sends an event or the customer opens the link."
	}
	return e
}

func (e subscriptionExplanation) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Subscription %s: %s\n", e.Reference, e.State)
	for _, part := range []string{e.Meaning, e.Why, e.Customer, e.Next, e.Stripe, e.Operator} {
		if part != "" {
			b.WriteString("  " + part + "\n")
		}
	}
	return b.String()
}

func meaningText(s client.Subscription) string {
	switch s.State {
	case workflows.SubscriptionNoActionNeeded:
		if s.ReadAt.IsZero() {
			return "It has not been read from Stripe yet."
		}
		if s.Reason == workflows.SubscriptionReasonCanceling {
			return "Nothing is asked for any more."
		}
		return "Stripe can charge it, and the customer never had to do anything."
	case workflows.SubscriptionRequiresAction:
		if s.Need == workflows.NeedInvoicePaid {
			return "The customer must make the first payment."
		}
		return "The customer must confirm the payment method with the bank."
	case workflows.SubscriptionRequiresPaymentMethod:
		return "The customer must give a payment method."
	case workflows.SubscriptionProcessing:
		return "The bank is working on it; nobody can do anything but wait."
	case workflows.SubscriptionReady:
		return "What had to be done is done: Stripe can charge it. Its first invoice above zero is awaited."
	case workflows.SubscriptionAtRisk:
		return "The subscription may be lost."
	case workflows.SubscriptionReadyAndPaid:
		return "Its first invoice above zero is paid. From here on it is Stripe's alone, and nobody watches it any more."
	case workflows.SubscriptionEnded:
		return "Nobody watches it any more."
	}
	return ""
}

// whyText says what the state comes from: its reason, or else what is waited for.
func whyText(s client.Subscription) string {
	if text, ok := reasonText(s); ok {
		return text
	}
	setup := withStatus(s.PendingSetupIntent, string(s.SetupIntentStatus))
	switch s.Need {
	case workflows.NeedConfirmation:
		return "Its pending SetupIntent waits for the customer: " + setup + "."
	case workflows.NeedPaymentMethod:
		switch {
		case s.Reason == codeNotAuthenticated:
			return fmt.Sprintf("The customer did not confirm its payment method with the bank: %s.", setup)
		case s.Reason != "":
			return fmt.Sprintf("Its payment method was refused: %s, %s.", s.Reason, setup)
		case s.SetupIntentStatus == activities.SetupIntentCanceled:
			return fmt.Sprintf("Its pending SetupIntent %s was canceled, and nothing shows that its payment method can be charged.", s.PendingSetupIntent)
		case setup != "":
			return "Its pending SetupIntent has no payment method: " + setup + "."
		}
		return "Neither it nor its customer has a default payment method."
	case workflows.NeedInvoicePaid:
		return "Its first invoice is open: " + invoiceText(s) + "."
	case workflows.NeedBank:
		if setup != "" {
			return "Its payment method is being confirmed: " + setup + "."
		}
		if s.Invoice != "" {
			return "A payment is being processed: " + invoiceText(s) + "."
		}
		return "What the customer saved is being confirmed."
	}
	return ""
}

// codeNotAuthenticated is Stripe's code of a SetupIntent whose challenge the customer failed or left.
const codeNotAuthenticated = "setup_intent_authentication_failure"

// reasonText words the reasons of at_risk and of the ends.
func reasonText(s client.Subscription) (string, bool) {
	switch s.Reason {
	case workflows.SubscriptionReasonTrialEnding:
		return fmt.Sprintf("The end of its trial is %s, and Stripe cannot charge it yet.", timeText(s.TrialEnd, s.TimeZone)), true
	case workflows.SubscriptionReasonInvoiceUnpaid:
		if s.Invoice == "" {
			return fmt.Sprintf("It is %s at Stripe, and has no open invoice: the last one was given up.", s.Status), true
		}
		return "Stripe could not collect an invoice: " + invoiceText(s) + ".", true
	case workflows.SubscriptionReasonCanceling:
		return "It will be canceled when its period ends, and is not charged again but for what was used.", true
	case workflows.SubscriptionReasonPaused:
		if s.Need == "" {
			return "Its trial ended without a payment method, and Stripe has paused it. It has one now.", true
		}
		return "Its trial ended without a payment method, and Stripe has paused it.", true
	case workflows.SubscriptionReasonCanceled:
		return "The subscription was canceled." + leftText(s), true
	case workflows.SubscriptionReasonIncompleteExpired:
		return "Its first payment was not made within 23 hours: it is incomplete_expired." + leftText(s), true
	case workflows.SubscriptionReasonMissing:
		if !s.State.Ended() {
			return "Stripe does not know it any more. Perhaps the worker's STRIPE_API_KEY is another account's; after three days the watch ends.", true
		}
		return "Stripe does not know it any more.", true
	case workflows.SubscriptionReasonUnwatched:
		return "Somebody ended the watch" + lastAudit(s) + "; the subscription went on.", true
	case client.ReasonWorkflowTerminated:
		return "Its workflow was terminated or has failed: nobody watches it any more.", true
	case workflows.ReasonUnauthorized:
		return "Stripe does not accept the API key, or it lacks a permission: stripe_unauthorized.", true
	}
	if s.State == workflows.SubscriptionAtRisk && s.Reason != "" {
		return "Stripe could not be asked, or did not carry out what was wanted: " + s.Reason + ".", true
	}
	return "", false
}

// leftText names the SetupIntents that could not be canceled when the subscription ended.
func leftText(s client.Subscription) string {
	var left []string
	for _, setup := range s.SetupIntents {
		if setup.Status != activities.SetupIntentCanceled && setup.Status != activities.SetupIntentSucceeded && setup.Status != "" {
			left = append(left, withStatus(setup.ID, string(setup.Status)))
		}
	}
	if len(left) == 0 {
		return ""
	}
	return " Stripe did not let these SetupIntents be canceled: " + strings.Join(left, ", ") + "."
}

// lastAudit is ": support, moved by hand".
func lastAudit(s client.Subscription) string {
	if len(s.Audit) == 0 {
		return ""
	}
	last := s.Audit[len(s.Audit)-1]
	return fmt.Sprintf(" (%s: %s)", last.Actor, last.Reason)
}

func customerText(s client.Subscription) string {
	var ask, until string
	switch s.Need {
	case workflows.NeedConfirmation:
		ask, until = "to confirm the payment method with the bank", "that is done"
	case workflows.NeedPaymentMethod:
		ask, until = "to save a payment method, which becomes the default of the "+string(s.DefaultOn), "that is done"
	case workflows.NeedInvoicePaid:
		ask, until = "to pay the invoice on Stripe's page", "it is paid"
	case workflows.NeedBank, "":
		return "The customer is asked for nothing."
	}
	text := "The customer is asked " + ask
	if s.Messages == 0 {
		text += ", and has not been written to about it yet."
	} else {
		text += fmt.Sprintf(", since %s, in %s so far. Reminders go out as the policy of the watch says, at most one in 20 hours, until %s or the subscription ends.",
			timeText(s.AskedAt, s.TimeZone), counted(s.Messages, "message"), until)
	}
	if !s.NextMessageAt.IsZero() {
		text += fmt.Sprintf(" The next message goes out at %s.", timeText(s.NextMessageAt, s.TimeZone))
	}
	if len(s.Undelivered) > 0 {
		text += fmt.Sprintf(" %s could not be delivered.", counted(len(s.Undelivered), "message"))
	}
	return text
}

// stripeText says what Stripe does by itself, whatever the watch does.
func stripeText(s client.Subscription) string {
	trialEnd, periodEnd := timeText(s.TrialEnd, s.TimeZone), timeText(s.PeriodEnd, s.TimeZone)
	switch {
	case s.Status == activities.SubscriptionPaused:
		return "Stripe bills nothing until the subscription is resumed."
	case s.Status.Ended():
		return ""
	case !s.CancelsAt.IsZero() && !s.CancelsAt.After(s.PeriodEnd):
		return "Stripe ends it at " + timeText(s.CancelsAt, s.TimeZone) + "."
	case s.Status == activities.SubscriptionIncomplete:
		return "Stripe ends it 23 hours after it was made, unless the first payment is made by then."
	case s.Status == activities.SubscriptionUnpaid:
		return "Stripe has given up collecting: it makes the next invoices, and leaves them as drafts."
	case s.Invoice != "" && !s.NextPaymentAttempt.IsZero():
		return "Stripe itself tries to collect the invoice again at " + timeText(s.NextPaymentAttempt, s.TimeZone) + "."
	case s.Invoice != "" && s.Status == activities.SubscriptionPastDue:
		return "Stripe does not try to collect the invoice again by itself; what becomes of the subscription is a setting of the account."
	case s.Status == activities.SubscriptionTrialing && trialEnd != "":
		text := "Stripe makes an invoice when the trial ends, at " + trialEnd + ", and charges the default payment method."
		if s.Need != "" {
			text += " Without any, trial_settings.end_behavior of the subscription says what happens: it is canceled, paused, or past_due."
		}
		return text
	case periodEnd != "":
		return "Stripe makes the next invoice at " + periodEnd + "."
	}
	return ""
}

// operatorText says what a person can do.
func operatorText(s client.Subscription) string {
	again := fmt.Sprintf("starter subscription watch %s begins another watch.", s.Reference)
	switch {
	case s.State == workflows.SubscriptionReadyAndPaid, s.State == workflows.SubscriptionEnded && s.Reason != workflows.SubscriptionReasonUnwatched:
		return ""
	case s.State == workflows.SubscriptionEnded, s.Reason == client.ReasonWorkflowTerminated:
		return "You can: " + again
	}
	var parts []string
	switch s.Reason {
	case workflows.ReasonUnauthorized:
		parts = append(parts, "mend STRIPE_API_KEY, which the worker reads when it starts; the watch goes on by itself")
	case workflows.SubscriptionReasonPaused:
		resume := "let the app resume the subscription in Stripe"
		if s.Need != "" {
			resume += " once there is a payment method"
		}
		parts = append(parts, resume)
	}
	if s.Link != "" {
		parts = append(parts, "send the customer the link: "+s.Link)
	}
	parts = append(parts, fmt.Sprintf("cancel the subscription in Stripe, or end the watch: starter subscription unwatch %s --actor A --reason R", s.Reference))
	return "You can: " + strings.Join(parts, "; ") + "."
}
