package client

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
)

// january is the evening before the 31st, in Berlin.
var january = time.Date(2026, 1, 30, 18, 0, 0, 0, time.UTC)

func previewed(t *testing.T, p AgreementParams, n int) AgreementPreview {
	t.Helper()
	preview, err := Preview(p, january, n)
	require.NoError(t, err)
	return preview
}

func inBerlin(change ...func(*AgreementParams)) AgreementParams {
	return agreementParams(append([]func(*AgreementParams){func(p *AgreementParams) { p.TimeZone = "Europe/Berlin" }}, change...)...)
}

func TestPreview(t *testing.T) {
	t.Parallel()
	date := func(reference, utc, local string) PreviewDate {
		at, err := time.Parse(time.RFC3339, utc)
		require.NoError(t, err)
		return PreviewDate{Reference: reference, DueAt: at.UTC(), Local: local, Amount: 1099}
	}
	require.Equal(t, AgreementPreview{
		TimeZone: "Europe/Berlin", Currency: "usd", Notes: []string{},
		Dates: []PreviewDate{
			date("gym-17~20260131", "2026-01-31T08:00:00Z", "2026-01-31T09:00:00+01:00"),
			date("gym-17~20260228", "2026-02-28T08:00:00Z", "2026-02-28T09:00:00+01:00"),
			date("gym-17~20260331", "2026-03-31T07:00:00Z", "2026-03-31T09:00:00+02:00"), // after clocks went forward
		},
	}, previewed(t, inBerlin(), 3))

	t.Run("WithoutReference", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, "20260131", previewed(t, inBerlin(func(p *AgreementParams) { p.Reference = "" }), 1).Dates[0].Reference)
	})
	t.Run("SubDaily", func(t *testing.T) {
		t.Parallel()
		preview := previewed(t, inBerlin(func(p *AgreementParams) {
			p.Schedule = calendar.Schedule{Every: "hour", Interval: 6, At: "00:00", SubDaily: true}
		}), 2)
		require.Equal(t, "gym-17~20260131T0000", preview.Dates[0].Reference)
		require.Equal(t, "2026-01-31T06:00:00+01:00", preview.Dates[1].Local)
	})
	t.Run("AtTheStartItself", func(t *testing.T) {
		t.Parallel()
		p := inBerlin(func(p *AgreementParams) { p.Schedule = calendar.Schedule{Dates: []string{"2026-01-30T19:00"}} })
		require.Equal(t, january, previewed(t, p, 1).Dates[0].DueAt)
	})
}

// The charge at the start stands for the schedule's date of the same local day, as in the workflow.
func TestPreviewOfAFirstChargeNow(t *testing.T) {
	t.Parallel()
	p := inBerlin(func(p *AgreementParams) {
		p.FirstCharge, p.Schedule = workflows.FirstChargeNow, calendar.Schedule{Every: "day", At: "20:00"}
	})
	preview := previewed(t, p, 2)
	require.Equal(t, "2026-01-30T19:00:00+01:00", preview.Dates[0].Local)
	require.Equal(t, "gym-17~20260130", preview.Dates[0].Reference)
	require.Equal(t, "2026-01-31T20:00:00+01:00", preview.Dates[1].Local)
	require.Equal(t, []string{"first_charge: now; the first is charged at the start, as soon as there is a payment method"}, preview.Notes)

	p.Schedule.SubDaily = true
	require.Equal(t, "2026-01-30T20:00:00+01:00", previewed(t, p, 2).Dates[1].Local, "which may charge twice a day")
}

func TestPreviewNotes(t *testing.T) {
	t.Parallel()
	weekly := calendar.Schedule{Every: "week", On: "monday", Start: "2026-03-01"}
	for _, test := range []struct {
		name   string
		change func(*AgreementParams)
		n      int
		want   []string
	}{
		{"None", nil, 3, nil},
		{"NoZone", func(p *AgreementParams) { p.TimeZone = "" }, 1, []string{"the definition has no time_zone: these dates are in UTC"}},
		{"AmountFromApp", func(p *AgreementParams) { p.Amount, p.AmountFrom = 0, workflows.AmountFromWebhook }, 1, []string{"the app is asked for each amount"}},
		{"SaveCard", func(p *AgreementParams) { p.PaymentMethod, p.SaveCard = "", true }, 1, []string{"save_card: true; no date before"}},
		{"NoMoreDates", func(p *AgreementParams) { p.Schedule.Count = 2 }, 3, []string{"the schedule has no more dates"}},
		{"MonthFits", func(p *AgreementParams) { p.Schedule, p.MaxAmountPerMonth = weekly, 5*1099 }, 9, nil},
		{"MonthTooMuch", func(p *AgreementParams) { p.Schedule, p.MaxAmountPerMonth = weekly, 4*1099 }, 30, []string{
			"2026-03: with 2026-03-30T09:00:00+02:00, the charges of the month are $54.95, above max_amount_per_month ($43.96): the agreement would stop there and need attention",
			"2026-06: with 2026-06-29T09:00:00+02:00",
			"2026-08: with 2026-08-31T09:00:00+02:00",
		}},
		{"OncePerMonth", func(p *AgreementParams) { p.Schedule, p.MaxAmountPerMonth = weekly, 1099 }, 5, []string{"2026-03: with 2026-03-09"}},
		// 23:30 UTC of the 31st is already February in Berlin.
		{"LocalMonth", func(p *AgreementParams) {
			p.Schedule, p.MaxAmountPerMonth = calendar.Schedule{Dates: []string{"2026-02-01T00:30", "2026-02-28"}}, 1099
		}, 2, []string{"2026-02: with 2026-02-28"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			notes := previewed(t, inBerlin(test.change), test.n).Notes
			require.Len(t, notes, len(test.want), strings.Join(notes, "\n"))
			for n, want := range test.want {
				require.Contains(t, notes[n], want)
			}
		})
	}
}

func TestPreviewRefusesBadInput(t *testing.T) {
	t.Parallel()
	_, err := Preview(inBerlin(func(p *AgreementParams) { p.Reference, p.Customer, p.TimeZone = "a b", "x y", "Europe/Bonn" }), january, 0)
	mistakesAre(t, err, []string{"reference", "a b", "customer", "x y", "time_zone", "Europe/Bonn", "next", `"0"; must be 1 to 5000`})
	_, err = Preview(inBerlin(func(p *AgreementParams) { p.Schedule = calendar.Schedule{Every: "never"} }), january, 5001)
	mistakesAre(t, err, []string{"next", "5001", "schedule.every", `"never"`})
}
