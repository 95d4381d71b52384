package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

func newPaymentShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show REFERENCE",
		Short: "Show where a payment stands",
		Long: `Shows a payment with its attempts. A payment that Temporal does not know, or not any more, is looked for in Stripe when
STRIPE_API_KEY is set; Stripe's search sees a new payment up to a minute late.`,
		Example: "  starter payment show order-17 --output json",
		Args:    oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(func(c *client.Client) error {
				payment, err := c.Payment(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.answer(showPayment(payment), func() string { return paymentText(payment) })
			})
		},
	}
}

func paymentText(p client.Payment) string {
	text := fmt.Sprintf("Payment %s: %s\n", p.Reference, stateText(string(p.State), p.Reason)) + facts(
		"amount", amountText(p.Amount, p.Currency),
		"customer", p.Customer,
		"description", p.Description,
		"payment intent", p.PaymentIntent,
		"payment method", cmp.Or(p.PaymentMethod, "customer's default"),
		"session", p.Session,
		"next action", timeText(p.NextActionAt, p.TimeZone),
		"customer has until", timeText(p.Deadline, p.TimeZone),
		"link", p.Link,
		"owner", p.Owner,
		"not delivered", strings.Join(p.Undelivered, ", "),
	)
	if len(p.Attempts) > 0 {
		rows := []string{"  #\tat\toutcome\tcode\tadvice\trule"}
		for _, attempt := range p.Attempts {
			rows = append(rows, fmt.Sprintf("  %d\t%s\t%s\t%s\t%s\t%s", attempt.Number, timeText(attempt.At, p.TimeZone), attempt.Outcome,
				dash(attempt.Reason()), dash(cmp.Or(attempt.AdviceCode, attempt.NetworkAdviceCode)), dash(attempt.Rule)))
		}
		text += "\nAttempts\n" + table(rows...)
	}
	if len(p.Refunds) > 0 {
		rows := []string{"  payment intent\trefund\tstatus"}
		for _, refund := range p.Refunds {
			rows = append(rows, fmt.Sprintf("  %s\t%s\t%s", refund.PaymentIntent, dash(refund.Refund), refund.Status))
		}
		text += "\nRefunds of duplicates\n" + table(rows...)
	}
	return text + auditText(p.Audit, p.TimeZone)
}

func auditText(entries []workflows.AuditEntry, zone string) string {
	if len(entries) == 0 {
		return ""
	}
	rows := []string{"  at\twhat\tby\twhy\tthen"}
	for _, e := range entries {
		rows = append(rows, fmt.Sprintf("  %s\t%s\t%s\t%s\t%s", timeText(e.At, zone), e.Update, e.Actor, e.Reason, e.State))
	}
	return "\nOperations\n" + table(rows...)
}

// stateText is a state with the reason for it, if there is one.
func stateText(state, reason string) string {
	if reason == "" {
		return state
	}
	return state + " (" + reason + ")"
}

func dash(s string) string { return cmp.Or(s, "-") }
