package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// explanation is what was decided about a payment, and why.
type explanation struct {
	Reference string                 `json:"reference"`
	State     workflows.PaymentState `json:"state"`
	Decisions []decision             `json:"decisions"`
	// Next says what happens next.
	Next string `json:"next"`
}

type decision struct {
	Number  int                      `json:"number"`
	At      time.Time                `json:"at"`
	Outcome activities.ChargeOutcome `json:"outcome"`
	Rule    string                   `json:"rule,omitempty"`
	Text    string                   `json:"text"`
}

func newPaymentExplain(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "explain REFERENCE",
		Short:   "Say in words what was decided after each attempt, and what happens next",
		Example: "  starter payment explain order-17",
		Args:    oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(func(c *client.Client) error {
				payment, err := c.Payment(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				e := explain(payment)
				return a.answer(e, func() string { return explanationText(e) })
			})
		},
	}
}

func explain(p client.Payment) explanation {
	e := explanation{Reference: p.Reference, State: p.State, Decisions: []decision{}, Next: nextText(p)}
	for _, attempt := range p.Attempts {
		text := fmt.Sprintf("Attempt %d, %s: %s.", attempt.Number, timeText(attempt.At, p.TimeZone), outcomeText(attempt))
		if attempt.Explanation != "" {
			text += " " + sentence(attempt.Explanation)
		}
		e.Decisions = append(e.Decisions, decision{Number: attempt.Number, At: attempt.At, Outcome: attempt.Outcome, Rule: attempt.Rule, Text: text})
	}
	return e
}

func explanationText(e explanation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Payment %s: %s\n", e.Reference, e.State)
	for _, d := range e.Decisions {
		b.WriteString("  " + d.Text)
		if d.Rule != "" {
			b.WriteString(" [" + d.Rule + "]")
		}
		b.WriteString("\n")
	}
	b.WriteString("  " + e.Next + "\n")
	return b.String()
}

func outcomeText(attempt workflows.Attempt) string {
	code := ""
	if reason := attempt.Reason(); reason != "" {
		code = " (" + reason + ")"
	}
	switch attempt.Outcome {
	case activities.ChargeSucceeded:
		return "paid"
	case activities.ChargeProcessing:
		return "accepted, and the bank is working on it"
	case activities.ChargeDeclined:
		return "declined" + code
	case activities.ChargeRefused:
		return "refused by Stripe before the card was asked" + code
	case activities.ChargeNeedsCustomer:
		return "the bank wants the customer to approve it" + code
	case activities.ChargeUnknown:
		return "the answer was lost; Stripe is asked what became of it"
	case activities.ChargeNotTaken:
		return "nothing was charged, as a look-up in Stripe showed"
	case activities.ChargeCanceled:
		return "canceled, nothing was charged"
	case activities.ChargeHeld:
		return "not sent, since a payment of the agreement is disputed"
	case activities.ChargeConflict:
		return "not sent, since Stripe has a payment with this reference and other values"
	case activities.RowRejected, activities.RowNotCharged: // rows of a billing run alone
	}
	return string(attempt.Outcome) + code
}

func nextText(p client.Payment) string {
	next := timeText(p.NextActionAt, p.TimeZone)
	switch p.State {
	case workflows.PaymentScheduled:
		return "It is charged when it is due: " + next + "."
	case workflows.PaymentCharging:
		return "It is being charged at this moment."
	case workflows.PaymentProcessing:
		return "The bank is working on it; Stripe is asked again at " + next + "."
	case workflows.PaymentRetryScheduled:
		return "The next attempt is at " + next + "."
	case workflows.PaymentAwaitingCustomer:
		return "The customer is asked to pay until " + timeText(p.Deadline, p.TimeZone) + "."
	case workflows.PaymentNeedsAttention:
		return "A person must look at it: " + p.Reason + "."
	case workflows.PaymentPaid:
		return "It is paid; nothing follows."
	case workflows.PaymentUncollectible:
		return "It was given up as uncollectible; nothing follows."
	case workflows.PaymentCanceled:
		return "It was canceled; nothing follows."
	}
	return ""
}

// sentence ends a text with a full stop.
func sentence(s string) string {
	if strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}
