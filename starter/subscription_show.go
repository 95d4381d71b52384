package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// shownSubscription is a watched subscription in JSON. Scripts find every documented key in it, also those that the workflow
// leaves out when they are empty.
type shownSubscription struct {
	client.Subscription
	Reason             string                       `json:"reason"`
	Need               workflows.SubscriptionNeed   `json:"need"`
	PendingSetupIntent string                       `json:"pending_setup_intent"`
	SetupIntentStatus  activities.SetupIntentStatus `json:"setup_intent_status"`
	PaymentMethod      string                       `json:"payment_method"`
	// NextActionAt is null when the watch has ended, TrialEnd when there is no trial.
	NextActionAt *time.Time `json:"next_action_at"`
	TrialEnd     *time.Time `json:"trial_end"`
}

func showSubscription(s client.Subscription) shownSubscription {
	return shownSubscription{
		Subscription: s, Reason: s.Reason, Need: s.Need, PendingSetupIntent: s.PendingSetupIntent, SetupIntentStatus: s.SetupIntentStatus,
		PaymentMethod: s.PaymentMethod, NextActionAt: unlessZero(s.NextActionAt), TrialEnd: unlessZero(s.TrialEnd),
	}
}

func newSubscriptionShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show SUB",
		Short: "Show where a watched subscription stands",
		Long: `Shows a watched subscription as its watch has read it last, with the last changes of state. The link is there while the
customer can do something. starter subscription ready asks Stripe itself.`,
		Example: `  starter subscription show sub_123
  starter subscription show sub_123 --output json`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(func(c *client.Client) error {
				s, err := c.Subscription(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.answer(showSubscription(s), func() string { return subscriptionText(s) })
			})
		},
	}
}

func subscriptionText(s client.Subscription) string {
	zone := s.TimeZone
	text := fmt.Sprintf("Subscription %s: %s\n", s.Reference, stateText(string(s.State), s.Reason)) + facts(
		"description", s.Description,
		"customer", s.Customer,
		"status at Stripe", string(s.Status),
		"give access", accessText(s),
		"waits for", string(s.Need),
		"pending SetupIntent", withStatus(s.PendingSetupIntent, string(s.SetupIntentStatus)),
		"payment method", s.PaymentMethod,
		"new default on", string(s.DefaultOn),
		"unpaid invoice", invoiceText(s),
		"Stripe tries it again", timeText(s.NextPaymentAttempt, zone),
		"trial ends", trialText(s, zone),
		"next invoice", nextInvoiceText(s, zone),
		"will be canceled", timeText(s.CancelsAt, zone),
		"asked", askedText(s),
		"next message", timeText(s.NextMessageAt, s.TimeZone),
		"session", s.Session,
		"link", s.Link,
		"next action", timeText(s.NextActionAt, zone),
		"read from Stripe", timeText(s.ReadAt, zone),
		"not delivered", strings.Join(s.Undelivered, ", "),
	)
	if slices.ContainsFunc(s.SetupIntents, func(setup workflows.SubscriptionSetup) bool { return setup.ID != s.PendingSetupIntent }) {
		rows := []string{"  SetupIntent\tstatus when read last"}
		for _, setup := range s.SetupIntents {
			rows = append(rows, fmt.Sprintf("  %s\t%s", setup.ID, dash(string(setup.Status))))
		}
		text += "\nSetupIntents that were pending\n" + table(rows...)
	}
	if len(s.Steps) > 0 {
		rows := []string{"  at\tstate\tbecause\twaits for"}
		for _, step := range s.Steps {
			rows = append(rows, fmt.Sprintf("  %s\t%s\t%s\t%s", timeText(step.At, zone), step.State, dash(step.Reason), dash(string(step.Need))))
		}
		text += "\nSteps\n" + table(rows...)
	}
	return text + auditText(s.Audit, zone)
}

// trialText is when the trial ends; "" when it is over, though Stripe keeps its end.
func trialText(s client.Subscription, zone string) string {
	if s.Status != activities.SubscriptionTrialing {
		return ""
	}
	return timeText(s.TrialEnd, zone)
}

// nextInvoiceText is when Stripe makes the next invoice; "" when it makes none.
func nextInvoiceText(s client.Subscription, zone string) string {
	if s.Status.Ended() || !s.CancelsAt.IsZero() && !s.CancelsAt.After(s.PeriodEnd) {
		return ""
	}
	return timeText(s.PeriodEnd, zone)
}

// accessText is whether the app should give access; "" when nobody knows.
func accessText(s client.Subscription) string {
	switch {
	case s.ReadAt.IsZero():
		return ""
	case s.Ready:
		return "yes"
	}
	return "no"
}

// withStatus is "seti_1 (requires_action)".
func withStatus(id, status string) string {
	if id == "" {
		return ""
	}
	return stateText(id, status)
}

// invoiceText is "in_1, $10.99 (1099 usd)".
func invoiceText(s client.Subscription) string {
	if s.Invoice == "" {
		return ""
	}
	return s.Invoice + ", " + amountText(s.Amount, s.Currency)
}

// askedText is "2026-03-01 12:00:00 UTC, 2 messages".
func askedText(s client.Subscription) string {
	if s.Need == "" || s.AskedAt.IsZero() {
		return ""
	}
	if s.Messages == 0 {
		return "not written to yet, since " + timeText(s.AskedAt, s.TimeZone)
	}
	return timeText(s.AskedAt, s.TimeZone) + ", " + counted(s.Messages, "message")
}

// counted is "1 message", "2 messages".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
