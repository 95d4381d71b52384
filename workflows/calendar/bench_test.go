package calendar

import (
	"testing"
	"time"
)

// What an agreement pays once per cycle: checking its schedule and asking for the next date.
func BenchmarkNext(b *testing.B) {
	z := zone(b, "Europe/Berlin")
	began := local(b, z, "2026-01-17 12:00")
	for _, bm := range []struct {
		name, schedule string
		after          time.Time
	}{
		{"month", "{every: month, on: 31}", began},
		{"month after 50 years", "{every: month, on: 31}", began.AddDate(50, 0, 0)},
		{"count of 36", "{every: month, on: 31, count: 36}", began},
		{"hour after 14 years", "{every: hour, sub_daily: true}", began.AddDate(14, 0, 0)},
		{"most hours", "{every: hour, sub_daily: true, count: 1000}", began},
		{"monthly rule after 14 years", "{rrule: FREQ=MONTHLY;BYDAY=-1FR}", began.AddDate(14, 0, 0)},
		{"last of month rule", "{rrule: 'FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1'}", began},
		{"hourly rule after 14 years", "{rrule: FREQ=HOURLY, sub_daily: true}", began.AddDate(14, 0, 0)},
		{"yearly rule after 50 years", "{rrule: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29, skip_short_months: true}", began.AddDate(50, 0, 0)},
		{"rule with most dates", "{rrule: FREQ=DAILY;COUNT=1000}", began},
		{"rule that is never due again", "{rrule: FREQ=DAILY;UNTIL=20260201T000000Z}", began.AddDate(0, 1, 0)},
	} {
		b.Run(bm.name, func(b *testing.B) {
			s := parse(b, bm.schedule)
			for b.Loop() {
				c, err := New(s, z, began)
				if err != nil {
					b.Fatal(err)
				}
				c.Next(bm.after)
			}
		})
	}
}
