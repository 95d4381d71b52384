package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows/calendar"
)

// agreementOperation is a command that asks an agreement for a change.
type agreementOperation struct {
	use, short, long, example string
	call                      func(*client.Client, context.Context, string, client.AgreementOperation) (client.AgreementAnswer, error)
	// flags adds flags beyond --actor, --reason and --request-id; the function that it answers reads them. May be nil.
	flags func(*pflag.FlagSet) readAgreementFlags
}

// readAgreementFlags reads a command's flags into op. Some need the agreement to be understood.
type readAgreementFlags func(ctx context.Context, c agreements, reference string, op *client.AgreementOperation) error

func newAgreementOperation(a *app, o agreementOperation) *cobra.Command {
	var (
		op   client.AgreementOperation
		read = func(context.Context, agreements, string, *client.AgreementOperation) error { return nil }
	)
	cmd := &cobra.Command{
		Use:     o.use + " REFERENCE --actor A --reason X",
		Short:   o.short,
		Long:    o.long,
		Example: o.example,
		Args:    oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(func(c *client.Client) error {
				if err := read(cmd.Context(), c, args[0], &op); err != nil {
					return err
				}
				answer, err := o.call(c, cmd.Context(), args[0], op)
				if err != nil {
					return err
				}
				return a.answerOperation(cmd.Context(), c, args[0], answer)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&op.Actor, "actor", "", "who asks for it, at most 80 characters (required)")
	f.StringVar(&op.Reason, "reason", "", "why, at most 200 characters, no personal data (required)")
	f.StringVar(&op.RequestID, "request-id", "", "your own id of this request: repeated with the same id, the command does nothing more and answers the same")
	if o.flags != nil {
		read = o.flags(f)
	}
	return cmd
}

// answerOperation prints what an operation led to, and where the agreement stands then.
func (a *app) answerOperation(ctx context.Context, c agreements, reference string, answer client.AgreementAnswer) error {
	agreement, err := c.Agreement(ctx, reference)
	if err != nil {
		// What was asked for is done all the same.
		a.note("note: %v", err)
		agreement.Reference = reference
	}
	shown := showAgreement(agreement).answered(answer)
	return a.answer(shown, func() string { return answerText(shown, answer) })
}

func answerText(s shownAgreement, answer client.AgreementAnswer) string {
	text := fmt.Sprintf("%s: %s\n", s.Reference, stateText(string(s.State), s.Reason))
	if answer.Pending {
		text = fmt.Sprintf("%s: %s, Stripe has not answered yet; the operation goes on\n", s.Reference, s.State)
	}
	payment := answer.Payment
	if payment != "" {
		payment = fmt.Sprintf("%s: %s", payment, answer.PaymentState)
	}
	return text + facts(
		"payment", payment,
		"customer saves a method", s.Link,
		nextLabel(answer.State), timeText(answer.NextDueAt, s.TimeZone),
		"paused until", timeText(s.PausedUntil, s.TimeZone),
		"ends", timeText(s.CancelAt, s.TimeZone),
		"could not be written off", strings.Join(answer.NotWrittenOff, ", "),
	)
}

// parseLocal reads a time with a zone, or a date, which is its first moment in the zone that zoneOf finds.
func parseLocal(flag, text string, zoneOf func() (*time.Location, error)) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	date, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, usagef("--%s: %q; must be a date such as 2026-12-01, or a time in RFC 3339 such as 2026-12-01T09:00:00Z", flag, shorten(text))
	}
	zone, err := zoneOf()
	if err != nil {
		return time.Time{}, err
	}
	at, _ := calendar.Instant(date, zone)
	return at, nil
}
