package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/money"
)

func newAgreementShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show REFERENCE",
		Short: "Show where an agreement stands",
		Long: `Shows an agreement with its next date, its last payments and what operators asked for. A payment that is being
collected is shown as it stands in its own workflow; starter payment show has its attempts.`,
		Example: `  starter agreement show gym-17
  starter agreement show gym-17 --output json`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(func(c *client.Client) error { return a.showAgreement(cmd.Context(), c, args[0]) })
		},
	}
}

// agreements is what the commands need of the client.
type agreements interface {
	Agreement(ctx context.Context, reference string) (client.Agreement, error)
	Payment(ctx context.Context, reference string) (client.Payment, error)
}

func (a *app) showAgreement(ctx context.Context, c agreements, reference string) error {
	agreement, err := c.Agreement(ctx, reference)
	if err != nil {
		return err
	}
	shown := showAgreement(agreement)
	for i := range shown.Payments {
		p := &shown.Payments[i]
		if p.State != workflows.AgreementPaymentCollecting {
			continue
		}
		payment, err := c.Payment(ctx, p.Reference)
		if err != nil && !errors.Is(err, client.ErrNotFound) {
			a.note("note: %v", err)
		}
		p.PaymentState, p.NextActionAt, p.Link = payment.State, payment.NextActionAt, payment.Link
	}
	return a.answer(shown, func() string { return agreementText(shown) })
}

func agreementText(s shownAgreement) string {
	zone := s.TimeZone
	text := fmt.Sprintf("Agreement %s: %s\n", s.Reference, stateText(string(s.State), s.Reason)) + facts(
		"customer", s.Customer,
		"payment method", methodText(s.PaymentMethod, s.Card.Type, s.Card.Brand, s.Card.Last4, s.Card.ExpMonth, s.Card.ExpYear),
		"customer saves a method", s.Link,
		"amount", agreementAmount(s.AmountFrom, s.Amount, s.Currency),
		"at most", ceilingText(s.AgreementStatus),
		"description", s.Description,
		"schedule", scheduleText(s.AgreementStatus),
		nextLabel(s.State), timeText(s.Agreement.NextDueAt, zone),
		"next action", timeText(s.Agreement.NextActionAt, zone),
		"paused until", timeText(s.PausedUntil, zone),
		"ends", timeText(s.CancelAt, zone),
		"charges", fmt.Sprintf("%d, of which %d paid", s.Charges, s.Paid),
		"started", timeText(s.StartedAt, zone),
		"not delivered", strings.Join(s.Undelivered, ", "),
	)
	if len(s.Payments) > 0 {
		rows := []string{"  reference\tdue\tamount\tstate\tnext action\tpayment intent"}
		for _, p := range s.Payments {
			amount := "-"
			if p.Amount != 0 {
				amount = amountText(p.Amount, s.Currency)
			}
			state := stateText(string(p.State), p.Reason)
			if p.PaymentState != "" {
				state = stateText(string(p.State), string(p.PaymentState))
			}
			rows = append(rows, fmt.Sprintf("  %s\t%s\t%s\t%s\t%s\t%s", p.Reference, timeText(p.DueAt, zone), amount, state,
				dash(timeText(p.NextActionAt, zone)), dash(p.PaymentIntent)))
		}
		text += "\nPayments\n" + table(rows...)
	}
	return text + auditText(s.Audit, zone)
}

// nextLabel says what the next date is: while nothing is charged, it is only the first that passes.
func nextLabel(state workflows.AgreementState) string {
	if state == workflows.AgreementPaused || state == workflows.AgreementNeedsAttention {
		return "next date, not charged"
	}
	return "next charge"
}

func agreementAmount(from workflows.AmountFrom, amount int64, currency string) string {
	switch {
	case currency == "":
		return ""
	case from != "":
		return "asked from the app, " + currency
	}
	return amountText(amount, currency)
}

func ceilingText(s workflows.AgreementStatus) string {
	var parts []string
	for _, ceiling := range []struct {
		most int64
		per  string
	}{{s.MaxAmountPerCharge, "charge"}, {s.MaxAmountPerMonth, "month"}} {
		if ceiling.most != 0 {
			parts = append(parts, money.Format(ceiling.most, s.Currency, "en")+" per "+ceiling.per)
		}
	}
	return strings.Join(parts, ", ")
}

// scheduleText is "every month on 31 at 09:00, Europe/Berlin".
func scheduleText(s workflows.AgreementStatus) string {
	if s.Schedule.Every == "" && s.Schedule.RRule == "" && len(s.Schedule.Dates) == 0 {
		return "" // the workflow could not be asked
	}
	text := client.ScheduleText(s.Schedule)
	if s.Schedule.At != "" {
		text += " at " + s.Schedule.At
	}
	if s.Schedule.Until != "" {
		text += " until " + s.Schedule.Until
	}
	if s.Schedule.Count != 0 {
		text += fmt.Sprintf(", %d times", s.Schedule.Count)
	}
	if s.TimeZone != "" {
		text += ", " + s.TimeZone
	}
	return text
}
