package calendar

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the same clock changes on every machine

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// parse reads a schedule as people write it.
func parse(t require.TestingT, text string) Schedule {
	var s Schedule
	require.NoError(t, yaml.UnmarshalWithOptions([]byte(text), &s, yaml.Strict()), text)
	return s
}

func zone(t require.TestingT, name string) *time.Location {
	z, err := time.LoadLocation(name)
	require.NoError(t, err)
	return z
}

// local reads a local time.
func local(t require.TestingT, z *time.Location, text string) time.Time {
	at, err := time.ParseInLocation("2006-01-02 15:04", text, z)
	require.NoError(t, err)
	return at
}

// dates are the first n of a schedule in local time, separated by ", ".
func dates(t require.TestingT, schedule, zoneName, began string, n int) string {
	z := zone(t, zoneName)
	c, err := New(parse(t, schedule), z, local(t, z, began))
	require.NoError(t, err, schedule)
	var found []string
	for o := range c.After(time.Time{}) {
		require.Equal(t, time.UTC, o.At.Location())
		if found = append(found, o.At.In(z).Format("2006-01-02 15:04")); len(found) == n {
			break
		}
	}
	return strings.Join(found, ", ")
}

// accepted are schedules with their first dates, for an agreement that began in Berlin on Saturday 2026-01-17 at 12:00.
var accepted = []struct{ name, schedule, want string }{
	{"the 31st is the last of shorter months, and the 31st again after them", "{every: month, on: 31, start: 2026-01-31}", "2026-01-31 09:00, 2026-02-28 09:00, 2026-03-31 09:00, 2026-04-30 09:00"},
	{"the 30th in leap years", "{every: month, start: 2028-01-30}", "2028-01-30 09:00, 2028-02-29 09:00, 2028-03-30 09:00, 2028-04-30 09:00"},
	{"the start's day of the month", "{every: month, start: 2026-03-31}", "2026-03-31 09:00, 2026-04-30 09:00, 2026-05-31 09:00, 2026-06-30 09:00"},
	{"the agreement's own day of the month", "{every: month}", "2026-02-17 09:00, 2026-03-17 09:00, 2026-04-17 09:00, 2026-05-17 09:00"},
	{"the first day counts when its hour has not passed", "{every: month, at: '12:00'}", "2026-01-17 12:00, 2026-02-17 12:00, 2026-03-17 12:00, 2026-04-17 12:00"},
	{"a day later in the first month", "{every: month, on: 20, interval: 2}", "2026-01-20 09:00, 2026-03-20 09:00, 2026-05-20 09:00, 2026-07-20 09:00"},
	{"a day that the first month has passed is in the next", "{every: month, on: 15, interval: 2}", "2026-02-15 09:00, 2026-04-15 09:00, 2026-06-15 09:00, 2026-08-15 09:00"},
	{"every third month from the 31st", "{every: month, on: 31, interval: 3, start: 2026-08-31}", "2026-08-31 09:00, 2026-11-30 09:00, 2027-02-28 09:00, 2027-05-31 09:00"},
	{"the last day", "{every: month, on: last}", "2026-01-31 09:00, 2026-02-28 09:00, 2026-03-31 09:00, 2026-04-30 09:00"},
	{"the first business day", "{every: month, on: first business day}", "2026-02-02 09:00, 2026-03-02 09:00, 2026-04-01 09:00, 2026-05-01 09:00"},
	{"the last business day", "{every: month, on: last business day}", "2026-01-30 09:00, 2026-02-27 09:00, 2026-03-31 09:00, 2026-04-30 09:00"},
	{"the second Tuesday", "{every: month, on: 2nd tuesday}", "2026-02-10 09:00, 2026-03-10 09:00, 2026-04-14 09:00, 2026-05-12 09:00"},
	{"the first Thursday, in words", "{every: month, on: First  Thursday}", "2026-02-05 09:00, 2026-03-05 09:00, 2026-04-02 09:00, 2026-05-07 09:00"},
	{"the last Friday", "{every: month, on: last friday}", "2026-01-30 09:00, 2026-02-27 09:00, 2026-03-27 09:00, 2026-04-24 09:00"},
	{"days", "{every: day, interval: 10}", "2026-01-27 09:00, 2026-02-06 09:00, 2026-02-16 09:00, 2026-02-26 09:00"},
	{"weeks on the agreement's own weekday", "{every: week, interval: 2}", "2026-01-31 09:00, 2026-02-14 09:00, 2026-02-28 09:00, 2026-03-14 09:00"},
	{"weeks count from the first Monday after the anchor", "{every: week, on: monday, interval: 2}", "2026-01-19 09:00, 2026-02-02 09:00, 2026-02-16 09:00, 2026-03-02 09:00"},
	{"weeks of a start in the past", "{every: week, on: monday, interval: 2, start: 2026-01-01}", "2026-01-19 09:00, 2026-02-02 09:00, 2026-02-16 09:00, 2026-03-02 09:00"},
	{"February 29 is the 28th in other years", "{every: year, on: 02-29}", "2026-02-28 09:00, 2027-02-28 09:00, 2028-02-29 09:00, 2029-02-28 09:00"},
	{"years from the anchor", "{every: year, start: 2024-02-29, interval: 2}", "2026-02-28 09:00, 2028-02-29 09:00, 2030-02-28 09:00, 2032-02-29 09:00"},
	{"a day that the first year has passed is in the next", "{every: year, on: 01-10, interval: 2}", "2027-01-10 09:00, 2029-01-10 09:00, 2031-01-10 09:00, 2033-01-10 09:00"},
	{"hours from the time of day", "{every: hour, interval: 8, sub_daily: true, at: '10:30'}", "2026-01-17 18:30, 2026-01-18 02:30, 2026-01-18 10:30, 2026-01-18 18:30"},
	{"a number of dates", "{every: day, count: 3}", "2026-01-18 09:00, 2026-01-19 09:00, 2026-01-20 09:00"},
	{"a number of dates from a start, those before the agreement included", "{every: day, start: 2026-01-15, count: 5}", "2026-01-18 09:00, 2026-01-19 09:00"},
	{"a number of dates from a start to come", "{every: day, start: 2026-02-15, count: 2}", "2026-02-15 09:00, 2026-02-16 09:00"},
	{"until a date, included", "{every: day, until: 2026-01-19}", "2026-01-18 09:00, 2026-01-19 09:00"},
	{"until the first date, before its hour", "{every: day, at: '12:00', until: 2026-01-17}", "2026-01-17 12:00"},
	{"a list", "{dates: [2026-01-17, 2026-01-18, '2026-02-01T23:59', 2027-01-01], at: '07:15'}", "2026-01-18 07:15, 2026-02-01 23:59, 2027-01-01 07:15"},
	{"a list by the hour", "{dates: ['2026-02-01T08:00', '2026-02-01T09:00'], sub_daily: true}", "2026-02-01 08:00, 2026-02-01 09:00"},
	{"a rule from the agreement's own day", "{rrule: FREQ=MONTHLY;COUNT=2}", "2026-02-17 09:00, 2026-03-17 09:00"},
	{"a rule's first day is a date only when it fits", "{rrule: FREQ=WEEKLY;BYDAY=MO;COUNT=2, at: '13:00'}", "2026-01-19 13:00, 2026-01-26 13:00"},
	{"a rule with the schedule's count", "{rrule: FREQ=WEEKLY;BYDAY=MO, count: 2}", "2026-01-19 09:00, 2026-01-26 09:00"},
	{"a rule with the schedule's end", "{rrule: FREQ=WEEKLY;BYDAY=MO, until: 2026-01-26}", "2026-01-19 09:00, 2026-01-26 09:00"},
	{"a rule until an instant, included", "{rrule: FREQ=DAILY;UNTIL=20260119T080000Z}", "2026-01-18 09:00, 2026-01-19 09:00"},
	{"a rule until just before", "{rrule: FREQ=DAILY;UNTIL=20260119T075959Z}", "2026-01-18 09:00"},
	{"a rule in small letters", "{rrule: ' rrule:freq=daily;count=1 '}", "2026-01-18 09:00"},
}

func TestDates(t *testing.T) {
	t.Parallel()
	for _, tt := range accepted {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, dates(t, tt.schedule, "Europe/Berlin", "2026-01-17 12:00", 4))
		})
	}
}

func TestClockChanges(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, schedule, zone, began, want string }{
		{"the local hour stays", "{every: day}", "Europe/Berlin", "2026-03-28 00:00", "20260328 08:00Z, 20260329 07:00Z, 20260330 07:00Z"},
		{"a time that does not exist moves forward by the gap", "{every: day, at: '02:30'}", "Europe/Berlin", "2026-03-28 00:00", "20260328 01:30Z, 20260329 01:30Z, 20260330 00:30Z"},
		{"a time that exists twice happens once, the first time", "{every: day, at: '02:30'}", "Europe/Berlin", "2026-10-24 00:00", "20261024 00:30Z, 20261025 00:30Z, 20261026 01:30Z"},
		{"of two hours at one instant, the one that exists", "{every: hour, at: '01:30', sub_daily: true}", "Europe/Berlin", "2026-03-29 00:00", "20260329T0130 00:30Z, 20260329T0330 01:30Z, 20260329T0430 02:30Z"},
		{"an hour that exists twice happens once", "{every: hour, at: '01:30', sub_daily: true}", "Europe/Berlin", "2026-10-25 00:00", "20261025T0130 23:30Z, 20261025T0230 00:30Z, 20261025T0330 02:30Z"},
		{"half an hour at Lord Howe", "{every: day, at: '02:15'}", "Australia/Lord_Howe", "2027-10-02 00:00", "20271002 15:45Z, 20271003 15:45Z, 20271004 15:15Z"},
		{"two hours at Troll, out of order", "{dates: ['2026-03-29T01:30', '2026-03-29T02:45', '2026-03-29T04:00'], sub_daily: true}", "Antarctica/Troll", "2026-03-28 00:00", "20260329T0130 01:30Z, 20260329T0400 02:00Z, 20260329T0245 02:45Z"},
		{"no December 30 at Apia: the 31st happens once", "{every: day}", "Pacific/Apia", "2011-12-29 00:00", "20111229 19:00Z, 20111231 19:00Z, 20120101 19:00Z"},
		{"no December 30 at Apia: a charge of that day alone is a day later", "{every: month, on: 30}", "Pacific/Apia", "2011-11-30 00:00", "20111130 19:00Z, 20111230 19:00Z, 20120130 19:00Z"},
		{"no midnight in Cairo", "{every: day, at: '00:00'}", "Africa/Cairo", "2026-04-23 00:00", "20260423 22:00Z, 20260424 22:00Z, 20260425 21:00Z"},
		{"Ramadan in Casablanca", "{every: day, at: '02:30'}", "Africa/Casablanca", "2026-03-21 00:00", "20260321 02:30Z, 20260322 02:30Z, 20260323 01:30Z"},
		{"eleven at night does not exist in Nuuk", "{every: day, at: '23:30'}", "America/Nuuk", "2026-03-27 00:00", "20260327 01:30Z, 20260328 01:30Z, 20260329 00:30Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			z := zone(t, tt.zone)
			c, err := New(parse(t, tt.schedule), z, local(t, z, tt.began))
			require.NoError(t, err)
			var found []string
			for o := range c.After(time.Time{}) {
				next, ok := c.Next(o.At.Add(-1))
				require.True(t, ok)
				require.Equal(t, o, next, "also when asked just before")
				if found = append(found, o.Key+o.At.Format(" 15:04Z")); len(found) == 3 {
					break
				}
			}
			require.Equal(t, tt.want, strings.Join(found, ", "))
		})
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	z := zone(t, "Europe/Berlin")
	began := local(t, z, "2026-01-17 12:00")
	c, err := New(Schedule{Every: "day", At: "12:00", Count: 2}, z, began)
	require.NoError(t, err)
	for _, tt := range []struct {
		name  string
		after time.Time
		want  string
	}{
		{"of no time is the first", time.Time{}, "20260117"},
		{"just before the agreement began", began.Add(-1), "20260117"},
		{"is strictly after", began, "20260118"},
		{"a moment later", began.Add(1), "20260118"},
		{"after the last there is none", local(t, z, "2026-01-18 12:00"), ""},
		{"long after there is none", began.AddDate(5000, 0, 0), ""},
	} {
		next, ok := c.Next(tt.after)
		require.Equal(t, tt.want != "", ok, tt.name)
		require.Equal(t, tt.want, next.Key, tt.name)
	}
}

// Timers of the workflow engine end at 100 years.
func TestEndsAfterAHundredYears(t *testing.T) {
	t.Parallel()
	for _, schedule := range []string{"{every: year, on: 12-31}", "{rrule: FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=31}"} {
		c, err := New(parse(t, schedule), time.UTC, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		require.NoError(t, err)
		n, last := 0, Occurrence{}
		for o := range c.After(time.Time{}) {
			n++
			last = o
		}
		require.Equal(t, "20261231", must(c.Next(time.Time{})).Key)
		require.Equal(t, "21261231", last.Key)
		require.Equal(t, 101, n)
	}
}

func must(o Occurrence, ok bool) Occurrence {
	if !ok {
		panic("no occurrence")
	}
	return o
}

// A stopped loop asks for nothing more, wherever it stops.
func TestAfterStops(t *testing.T) {
	t.Parallel()
	z := zone(t, "Antarctica/Troll")
	c, err := New(parse(t, "{dates: ['2026-03-29T01:30', '2026-03-29T02:45', '2026-03-29T04:00'], sub_daily: true}"), z, local(t, z, "2026-03-28 00:00"))
	require.NoError(t, err)
	for stop := 1; stop <= 3; stop++ {
		n := 0
		for range c.After(time.Time{}) {
			if n++; n == stop {
				break
			}
		}
		require.Equal(t, stop, n)
	}
}
