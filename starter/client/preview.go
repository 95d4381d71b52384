package client

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
	"github.com/offsession/offsession/workflows/money"
)

// AgreementPreview is what an agreement would charge.
type AgreementPreview struct {
	TimeZone string        `json:"time_zone"`
	Currency string        `json:"currency"`
	Dates    []PreviewDate `json:"dates"`
	// Notes say what a person should know about these dates.
	Notes []string `json:"notes"`
}

// PreviewDate is one date of an AgreementPreview.
type PreviewDate struct {
	// Reference is the payment's; without the agreement's part when the agreement has no reference yet.
	Reference string `json:"reference"`
	// DueAt is the instant, UTC; Local the same instant in the agreement's time zone, RFC 3339.
	DueAt time.Time `json:"due_at"`
	Local string    `json:"local"`
	// Amount is in minor units; 0 when the app is asked for it.
	Amount int64 `json:"amount"`
}

// maxPreview is some centuries of months.
const maxPreview = 5000

// Preview answers the first n dates, 1 to 5000, of an agreement that would start at from, and asks nobody: it works without
// Temporal and without Stripe, and the reference may be empty. Without a time zone in the definition it takes UTC, and
// says so: StartAgreement would take the customer's own. Errors are those of StartAgreement.
func Preview(p AgreementParams, from time.Time, n int) (AgreementPreview, error) {
	in := p.input()
	var i invalid
	if in.Reference != "" {
		i.err("reference", in.Reference, workflows.CheckAgreementReference(in.Reference))
	}
	checkAgreement(&i, in)
	if n < 1 || n > maxPreview {
		i.add("next", strconv.Itoa(n), fmt.Sprintf("must be 1 to %d", maxPreview))
	}
	dates := calendarOf(&i, in.Schedule, in.TimeZone, from)
	if err := i.result(); err != nil {
		return AgreementPreview{}, err
	}
	preview := AgreementPreview{TimeZone: cmp.Or(in.TimeZone, config.DefaultTimeZone), Currency: in.Currency}
	zone, err := time.LoadLocation(preview.TimeZone)
	if err != nil {
		return AgreementPreview{}, fmt.Errorf("load time zone %s: %w", preview.TimeZone, err)
	}
	preview.Dates = previewDates(in, dates, zone, from, n)
	preview.Notes = previewNotes(in, preview.Dates, zone, n)
	return preview, nil
}

func previewDates(in workflows.BillingAgreementInput, dates *calendar.Calendar, zone *time.Location, from time.Time, n int) []PreviewDate {
	list := make([]PreviewDate, 0, n)
	add := func(due calendar.Occurrence) {
		date := PreviewDate{Reference: due.Key, DueAt: due.At.UTC(), Local: due.At.In(zone).Format(time.RFC3339), Amount: in.Amount}
		if in.Reference != "" {
			date.Reference = in.Reference + "~" + due.Key
		}
		list = append(list, date)
	}
	charged := ""
	if in.FirstCharge == workflows.FirstChargeNow {
		first := calendar.At(from, zone, in.Schedule.SubDaily)
		charged = first.Key
		add(first)
	}
	// A date at from itself is one that an agreement can still charge.
	for after := from.Add(-time.Nanosecond); len(list) < n; {
		due, ok := dates.Next(after)
		if !ok {
			break
		}
		if due.Key != charged {
			add(due)
		}
		after = due.At
	}
	return list
}

// previewNotes names the months whose dates are more than the ceiling, and what the dates do not show.
func previewNotes(in workflows.BillingAgreementInput, dates []PreviewDate, zone *time.Location, n int) []string {
	notes := []string{}
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if in.TimeZone == "" {
		note("the definition has no time_zone: these dates are in UTC; a start takes the customer's own (Stripe metadata time_zone), or OFFSESSION_TIME_ZONE")
	}
	if in.SaveCard {
		note("save_card: true; no date before the customer has saved a payment method is charged")
	}
	if in.AmountFrom == workflows.AmountFromWebhook {
		note("the app is asked for each amount when it is charged")
	}
	if in.FirstCharge == workflows.FirstChargeNow {
		note("first_charge: now; the first is charged at the start, as soon as there is a payment method")
	}
	if len(dates) < n {
		note("the schedule has no more dates")
	}
	if in.MaxAmountPerMonth == 0 {
		return notes
	}
	text := func(amount int64) string { return money.Format(amount, in.Currency, "en") }
	var (
		month string
		sum   int64
		told  bool
	)
	for _, date := range dates {
		if m := date.DueAt.In(zone).Format("2006-01"); m != month {
			month, sum, told = m, 0, false
		}
		sum += date.Amount
		if sum > in.MaxAmountPerMonth && !told {
			told = true
			note("%s: with %s, the charges of the month are %s, above max_amount_per_month (%s): the agreement would stop there and need attention",
				month, date.Local, text(sum), text(in.MaxAmountPerMonth))
		}
	}
	return notes
}
