package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
	"github.com/offsession/offsession/workflows/money"
)

// StartAgreement starts the agreement, once: repeated with the same values it answers the same workflow, with others it
// is refused, and so is one whose workflow was terminated. Operations that changed it since do not count. It returns when
// Temporal has the agreement.
//
// Values left out are resolved now and frozen. When one of those has changed since the first call (the client's time
// zone, the policy), a repeat counts as different, and the error names it.
func (c *Client) StartAgreement(ctx context.Context, p AgreementParams) (Started, error) {
	now := time.Now()
	p.CheckoutUI = cmp.Or(p.CheckoutUI, c.options.CheckoutUI)
	in := p.input()
	var i invalid
	i.err("reference", in.Reference, workflows.CheckAgreementReference(in.Reference))
	checkAgreement(&i, in)
	var past invalid
	if calendarOf(&past, in.Schedule, cmp.Or(in.TimeZone, c.options.TimeZone), now) == nil && !wasPossible(in, now) {
		i.mistakes = append(i.mistakes, past.mistakes...)
	}
	if err := i.result(); err != nil {
		return Started{}, err
	}
	zone, stripeErr := c.askStripe(ctx, "customer", in.Customer, in.PaymentMethod)
	if stripeErr != nil && !isInvalid(stripeErr) {
		return Started{}, stripeErr
	}
	in.TimeZone = cmp.Or(in.TimeZone, zone, c.options.TimeZone)

	workflowID := workflows.AgreementID(in.Reference)
	input, err := starts.FirstOf(in, agreementDefaults())
	if err != nil {
		return Started{}, err
	}
	if mistakes := errors.Join(stripeErr, past.result()); mistakes != nil {
		// What Stripe has forgotten since, and a schedule that has come to its end, do not make a repeat another agreement.
		if s, found, err := c.existing(ctx, workflowID, input, agreementDefaults()); found {
			return s, err
		}
		return Started{}, mistakes
	}
	options := c.startOptions(workflowID, input, in.StartSearchAttributes(now), agreementSummary(in))
	return c.startOnce(ctx, options, workflows.TypeBillingAgreement, in.Short(), agreementDefaults())
}

// wasPossible reports whether a schedule that cannot begin now could have begun in the past.
func wasPossible(in workflows.BillingAgreementInput, now time.Time) bool {
	const longAgo = 50 // years
	var i invalid
	return calendarOf(&i, in.Schedule, in.TimeZone, now.AddDate(-longAgo, 0, 0)) != nil
}

// agreementSummary is what the Temporal UI shows beside the agreement: "$10.99 every month on 31".
func agreementSummary(in workflows.BillingAgreementInput) string {
	amount := "amount from the app"
	if in.AmountFrom == "" {
		amount = money.Format(in.Amount, in.Currency, "en")
	}
	return amount + " " + ScheduleText(in.Schedule)
}

// ScheduleText is a schedule in words, without its time, zone and end: "every month on 31", "every 2 weeks on monday",
// "by FREQ=DAILY", "on 3 dates".
func ScheduleText(s calendar.Schedule) string {
	const longest = 100 // Temporal's summaries are short
	switch {
	case s.RRule != "":
		return "by " + cutRune(s.RRule, longest)
	case len(s.Dates) == 1:
		return "on " + cutRune(s.Dates[0], longest)
	case len(s.Dates) > 1:
		return fmt.Sprintf("on %d dates", len(s.Dates))
	}
	text := "every " + s.Every
	if s.Interval > 1 {
		text = fmt.Sprintf("every %d %ss", s.Interval, s.Every)
	}
	if s.On != "" {
		text += " on " + cutRune(string(s.On), longest)
	}
	return text
}
