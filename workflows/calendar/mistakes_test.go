package calendar

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	subDaily = "more than one charge on a local date needs sub_daily: true"
	shorter  = ": every: month moves a date to the last day of a shorter month, skip_short_months: true accepts the rule"
	monthOn  = `; must be 1 to 31, "last", "first business day", "last business day", or a weekday such as "2nd tuesday" (1st to 4th) or "last friday"`
)

// refused are schedules with what is wrong with them, for the same agreement.
var refused = []struct{ name, schedule, want string }{
	{"nothing", "{}", "schedule: one of every, rrule and dates is needed"},
	{"no dates", "{dates: []}", "schedule: one of every, rrule and dates is needed"},
	{"two kinds", "{every: day, rrule: FREQ=DAILY}", "schedule: has every and rrule; exactly one of them is allowed"},
	{"three kinds", "{every: day, rrule: FREQ=DAILY, dates: [2026-02-01]}", "schedule: has every and rrule and dates; exactly one of them is allowed"},

	{"unknown period", "{every: fortnight}", `schedule.every: "fortnight"; must be one of ["hour" "day" "week" "month" "year"]`},
	{"more often than hourly", "{every: minute}", `schedule.every: "minute"; must be one of ["hour" "day" "week" "month" "year"]`},
	{"hours without sub_daily", "{every: hour}", `schedule.every: "hour"; ` + subDaily},
	{"an interval below one", "{every: day, interval: -1}", "schedule.interval: -1; must be 1 to 1000"},
	{"an interval too large", "{every: day, interval: 1001}", "schedule.interval: 1001; must be 1 to 1000"},
	{"skip_short_months without a rule", "{every: month, skip_short_months: true}", "schedule.skip_short_months: true; must not be given together with every"},

	{"hours on a day", "{every: hour, sub_daily: true, on: 1}", `schedule.on: "1"; must be empty: a schedule by the hour has no day`},
	{"days on a day", "{every: day, on: monday}", `schedule.on: "monday"; must be empty: a schedule by the day has no other day`},
	{"weeks on a number", "{every: week, on: 1}", `schedule.on: "1"; must be a weekday such as monday`},
	{"weeks on a short name", "{every: week, on: mon}", `schedule.on: "mon"; must be a weekday such as monday`},
	{"months on day 0", "{every: month, on: 0}", `schedule.on: "0"` + monthOn},
	{"months on day 32", "{every: month, on: 32}", `schedule.on: "32"` + monthOn},
	{"months on half a day", "{every: month, on: 1.5}", `schedule.on: "1.5"` + monthOn},
	{"months on a day before the first", "{every: month, on: -1}", `schedule.on: "-1"` + monthOn},
	{"months on a fifth weekday", "{every: month, on: 5th friday}", `schedule.on: "5th friday"` + monthOn},
	{"months on no weekday", "{every: month, on: 2nd payday}", `schedule.on: "2nd payday"` + monthOn},
	{"months on a weekday alone", "{every: month, on: friday}", `schedule.on: "friday"` + monthOn},
	{"months on a second business day", "{every: month, on: 2nd business day}", `schedule.on: "2nd business day"` + monthOn},
	{"months on a last business week", "{every: month, on: last business week}", `schedule.on: "last business week"` + monthOn},
	{"months on too many words", "{every: month, on: the very last business day}", `schedule.on: "the very last business day"` + monthOn},
	{"years on a day", "{every: year, on: 31}", `schedule.on: "31"; must be a month and a day such as 02-29`},
	{"years on a date that no year has", "{every: year, on: 02-30}", `schedule.on: "02-30"; must be a month and a day such as 02-29`},
	{"years on a short date", "{every: year, on: 2-29}", `schedule.on: "2-29"; must be a month and a day such as 02-29`},

	{"a time without its zero", "{every: day, at: '9:00'}", `schedule.at: "9:00"; must be a local time such as 09:00`},
	{"a time with seconds", "{every: day, at: '09:00:00'}", `schedule.at: "09:00:00"; must be a local time such as 09:00`},
	{"no time", "{every: day, at: noon}", `schedule.at: "noon"; must be a local time such as 09:00`},
	{"a start that is no date", "{every: day, start: tomorrow}", `schedule.start: "tomorrow"; must be a local date such as 2026-01-31`},
	{"a start that no year has", "{every: day, start: 2026-02-29}", `schedule.start: "2026-02-29"; must be a local date such as 2026-01-31`},
	{"a start too far away", "{every: day, start: 2127-01-01}", `schedule.start: "2127-01-01"; must be within 100 years of the agreement's own first day, 2026-01-17`},
	{"a start too long ago", "{every: day, start: 1926-01-16}", `schedule.start: "1926-01-16"; must be within 100 years of the agreement's own first day, 2026-01-17`},
	{"an end that is no date", "{every: day, until: 2026}", `schedule.until: "2026"; must be a local date such as 2026-01-31`},
	{"ends before it starts", "{every: day, start: 2026-03-01, until: 2026-02-28}", `schedule.until: "2026-02-28"; must not be before the first day, 2026-03-01`},
	{"ends before the agreement", "{every: day, until: 2026-01-16}", `schedule.until: "2026-01-16"; must not be before the first day, 2026-01-17`},
	{"ended before the agreement", "{every: day, start: 2025-01-01, until: 2026-01-16}", `schedule.until: "2026-01-16"; must not be before the agreement's own first day, 2026-01-17`},
	{"a count below one", "{every: day, count: -1}", "schedule.count: -1; must be 1 to 1000"},
	{"a count too large", "{every: day, count: 1001}", "schedule.count: 1001; must be 1 to 1000"},
	{"two ends", "{every: day, count: 3, until: 2027-01-01}", "schedule.count: 3; must not be given together with until"},
	{
		"an end on the first day, whose hour has passed", "{every: day, until: 2026-01-17}",
		`schedule.every: "day"; must have a date after the agreement's own start, 2026-01-17T12:00, and within 100 years of it`,
	},
	{
		"all of a count have passed", "{every: day, start: 2026-01-01, count: 17}",
		`schedule.every: "day"; must have a date after the agreement's own start, 2026-01-17T12:00, and within 100 years of it`,
	},
	{
		"no date in time", "{every: year, interval: 101, start: 2026-01-01}",
		`schedule.every: "year"; must have a date after the agreement's own start, 2026-01-17T12:00, and within 100 years of it`,
	},

	{
		"no date", "{dates: [soon, 2026-02-30, '2026-02-01T9:00', '2026-02-01 09:00', 2026-02-03]}",
		`schedule.dates[0]: "soon"; must be a local date and time such as 2026-01-31T09:00, or a local date
schedule.dates[1]: "2026-02-30"; must be a local date and time such as 2026-01-31T09:00, or a local date
schedule.dates[2]: "2026-02-01T9:00"; must be a local date and time such as 2026-01-31T09:00, or a local date
schedule.dates[3]: "2026-02-01 09:00"; must be a local date and time such as 2026-01-31T09:00, or a local date`,
	},
	{"dates out of order", "{dates: [2026-03-01, 2026-02-01]}", `schedule.dates[1]: "2026-02-01"; must be after the one before, 2026-03-01T09:00`},
	{"a date twice", "{dates: [2026-03-01, '2026-03-01T09:00']}", `schedule.dates[1]: "2026-03-01T09:00"; must be after the one before, 2026-03-01T09:00`},
	{"two on a date", "{dates: [2026-03-01, '2026-03-01T10:00']}", `schedule.dates[1]: "2026-03-01T10:00"; ` + subDaily},
	{
		"two in an hour", "{dates: [2026-03-01, '2026-03-01T09:59'], sub_daily: true}",
		`schedule.dates[1]: "2026-03-01T09:59"; must be at least an hour after the one before, 2026-03-01T09:00`,
	},
	{"a date too far away", "{dates: [2127-01-01]}", `schedule.dates[0]: "2127-01-01"; must be within 100 years of the agreement's own first day, 2026-01-17`},
	{
		"all dates have passed", "{dates: [2020-12-01, 2026-01-17]}",
		`schedule.dates: "2026-01-17"; must have a date after the agreement's own start, 2026-01-17T12:00, and within 100 years of it`,
	},
	{"too many dates", "{dates: [" + strings.Repeat("x,", 201) + "]}", "schedule.dates: 201 entries; at most 200"},
	{
		"dates with anything else", "{dates: [2026-03-01], interval: 2, on: 3, start: 2026-01-01, until: 2027-01-01, count: 2, skip_short_months: true}",
		`schedule.count: 2; must not be given together with until
schedule.interval: 2; must not be given together with dates
schedule.on: "3"; must not be given together with dates
schedule.skip_short_months: true; must not be given together with dates
schedule.start: "2026-01-01"; must not be given together with dates
schedule.until: "2027-01-01"; must not be given together with dates
schedule.count: 2; must not be given together with dates`,
	},

	{"a rule with interval and day", "{rrule: FREQ=DAILY, interval: 2, on: 3}", "schedule.interval: 2; must not be given together with rrule\nschedule.on: \"3\"; must not be given together with rrule"},
	{"a rule without FREQ", "{rrule: BYDAY=MO}", `schedule.rrule: "BYDAY=MO"; FREQ is needed`},
	{"a rule by the minute", "{rrule: FREQ=MINUTELY}", "schedule.rrule: \"FREQ=MINUTELY\"; must be one of YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY: a schedule fires at most once an hour"},
	{"a rule by the second", "{rrule: FREQ=SECONDLY}", "schedule.rrule: \"FREQ=SECONDLY\"; must be one of YEARLY, MONTHLY, WEEKLY, DAILY, HOURLY: a schedule fires at most once an hour"},
	{"a part twice", "{rrule: FREQ=DAILY;FREQ=WEEKLY}", `schedule.rrule: "FREQ=WEEKLY"; is there more than once`},
	{"a part without value", "{rrule: FREQ=DAILY;BYDAY=;}", "schedule.rrule: \"BYDAY=\"; must be a part such as FREQ=MONTHLY\nschedule.rrule: \"\"; must be a part such as FREQ=MONTHLY"},
	{"a rule with hours, not sub-daily", "{rrule: FREQ=HOURLY}", "schedule.rrule: \"FREQ=HOURLY\"; " + subDaily},
	{"two hours, not sub-daily", "{rrule: 'FREQ=DAILY;BYHOUR=9,17'}", "schedule.rrule: \"BYHOUR=9,17\"; " + subDaily},
	{"two minutes", "{rrule: 'FREQ=DAILY;BYMINUTE=0,30', sub_daily: true}", "schedule.rrule: \"BYMINUTE=0,30\"; must be one number: a schedule fires at most once an hour"},
	{"an interval that is none", "{rrule: FREQ=DAILY;INTERVAL=0}", "schedule.rrule: \"INTERVAL=0\"; must be 1 to 1000"},
	{"a count that is none", "{rrule: FREQ=DAILY;COUNT=1001}", "schedule.rrule: \"COUNT=1001\"; must be 1 to 1000"},
	{"two ends in a rule", "{rrule: FREQ=DAILY;COUNT=3;UNTIL=20270101T000000Z}", "schedule.rrule: \"COUNT=3\"; must not be given together with UNTIL"},
	{"an end in the rule and beside it", "{rrule: FREQ=DAILY;COUNT=3, until: 2027-01-01}", "schedule.rrule: \"COUNT=3\"; must not be given together with the schedule's own count or until"},
	{
		"an end in local time", "{rrule: FREQ=DAILY;UNTIL=20270101}",
		"schedule.rrule: \"UNTIL=20270101\"; must be in UTC, such as 20261231T235959Z, because the rule begins in a time zone; the schedule's own until is a local date",
	},
	{"a rule that ended before the agreement", "{rrule: FREQ=DAILY;UNTIL=20260101T000000Z}", "schedule.rrule: \"UNTIL=20260101T000000Z\"; must not be before the agreement's own start, 20260117T110000Z"},
	{"a rule that ends before it starts", "{rrule: FREQ=DAILY;UNTIL=20260228T000000Z, start: 2026-03-01}", "schedule.rrule: \"UNTIL=20260228T000000Z\"; must not be before the first day, 2026-03-01"},
	{"no number", "{rrule: FREQ=MONTHLY;BYMONTH=JAN}", `schedule.rrule: "BYMONTH=JAN"; "JAN" must be 1 to 12`},
	{"no such month", "{rrule: 'FREQ=MONTHLY;BYMONTH=1,13'}", `schedule.rrule: "BYMONTH=1,13"; "13" must be 1 to 12`},
	{"no such day", "{rrule: FREQ=MONTHLY;BYMONTHDAY=-32}", `schedule.rrule: "BYMONTHDAY=-32"; "-32" must be 1 to 31 or -31 to -1`},
	{"day 0", "{rrule: FREQ=MONTHLY;BYMONTHDAY=0}", `schedule.rrule: "BYMONTHDAY=0"; "0" must be 1 to 31 or -31 to -1`},
	{"no such hour", "{rrule: FREQ=DAILY;BYHOUR=24}", `schedule.rrule: "BYHOUR=24"; "24" must be 0 to 23`},
	{"a weekday in full", "{rrule: FREQ=WEEKLY;BYDAY=MONDAY}", `schedule.rrule: "BYDAY=MONDAY"; "MONDAY" must be a weekday such as MO, 2TU or -1FR`},
	{"weekday 0", "{rrule: FREQ=MONTHLY;BYDAY=0MO}", `schedule.rrule: "BYDAY=0MO"; "0MO" must be a weekday such as MO, 2TU or -1FR`},
	{"weekday 54", "{rrule: FREQ=YEARLY;BYDAY=54MO}", `schedule.rrule: "BYDAY=54MO"; "54MO" must be a weekday such as MO, 2TU or -1FR`},
	{"the sixth Monday of a month", "{rrule: FREQ=MONTHLY;BYDAY=6MO}", `schedule.rrule: "BYDAY=6MO"; a month has at most 5 of a weekday`},
	{"numbered weekdays of a week", "{rrule: FREQ=WEEKLY;BYDAY=1MO}", "schedule.rrule: \"BYDAY=1MO\"; numbers are for FREQ=MONTHLY and FREQ=YEARLY"},
	{"numbered weekdays in numbered weeks", "{rrule: FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO}", "schedule.rrule: \"BYDAY=1MO\"; numbers must not be given with BYWEEKNO"},
	{"no first day of the week", "{rrule: FREQ=WEEKLY;WKST=1}", "schedule.rrule: \"WKST=1\"; must be one of MO, TU, WE, TH, FR, SA, SU"},
	{"numbered weeks of a month", "{rrule: FREQ=MONTHLY;BYWEEKNO=20}", "schedule.rrule: \"BYWEEKNO=20\"; must not be given with FREQ=MONTHLY"},
	{"week 53", "{rrule: FREQ=YEARLY;BYWEEKNO=53}", `schedule.rrule: "BYWEEKNO=53"; "53" must be 1 to 51 or -51 to -1`},
	{"days of a year in a month", "{rrule: FREQ=MONTHLY;BYYEARDAY=20}", "schedule.rrule: \"BYYEARDAY=20\"; must not be given with FREQ=MONTHLY"},
	{"days of a month in a week", "{rrule: FREQ=WEEKLY;BYMONTHDAY=20}", "schedule.rrule: \"BYMONTHDAY=20\"; must not be given with FREQ=WEEKLY"},
	{"positions of nothing", "{rrule: FREQ=MONTHLY;BYSETPOS=1}", "schedule.rrule: \"BYSETPOS=1\"; must be given with another BY part"},
	{"a long rule", "{rrule: 'FREQ=DAILY;BYMONTH=" + strings.Repeat("1,", 300) + "1'}", "schedule.rrule: 620 characters; at most 500"},

	{"the 31st by rule", "{rrule: FREQ=MONTHLY;BYMONTHDAY=31}", "schedule.rrule: \"FREQ=MONTHLY;BYMONTHDAY=31\"; has fewer dates, or none, in some months, such as some February" + shorter},
	{"the 31st from the anchor", "{rrule: FREQ=MONTHLY, start: 2026-01-31}", "schedule.rrule: \"FREQ=MONTHLY\"; has fewer dates, or none, in some months, such as some February" + shorter},
	{"the 29th by day", "{rrule: FREQ=DAILY;BYMONTHDAY=29}", "schedule.rrule: \"FREQ=DAILY;BYMONTHDAY=29\"; has fewer dates, or none, in some months, such as some February" + shorter},
	{"the 15th and the 31st", "{rrule: 'FREQ=MONTHLY;BYMONTHDAY=15,31'}", "schedule.rrule: \"FREQ=MONTHLY;BYMONTHDAY=15,31\"; has fewer dates, or none, in some months, such as some February" + shorter},
	{"the 31st of April and May", "{rrule: 'FREQ=MONTHLY;BYMONTH=4,5;BYMONTHDAY=31'}", "schedule.rrule: \"FREQ=MONTHLY;BYMONTH=4,5;BYMONTHDAY=31\"; has fewer dates, or none, in some months, such as some April" + shorter},
	{"the fifth Friday", "{rrule: FREQ=MONTHLY;BYDAY=5FR}", "schedule.rrule: \"FREQ=MONTHLY;BYDAY=5FR\"; has fewer dates, or none, in some months, such as some January" + shorter},
	{"the fifth Friday by position", "{rrule: FREQ=MONTHLY;BYDAY=FR;BYSETPOS=5}", "schedule.rrule: \"FREQ=MONTHLY;BYDAY=FR;BYSETPOS=5\"; has fewer dates, or none, in some months, such as some January" + shorter},
	{"Friday the 13th", "{rrule: FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13}", "schedule.rrule: \"FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13\"; has fewer dates, or none, in some months, such as some January" + shorter},
	{
		"the first Monday of January, but not on the 2nd", "{rrule: 'FREQ=YEARLY;BYMONTH=1;BYDAY=MO;BYMONTHDAY=1,3,4,5,6,7'}",
		"schedule.rrule: \"FREQ=YEARLY;BYMONTH=1;BYDAY=MO;BYMONTHDAY=1,3,4,5,6,7\"; has fewer dates, or none, in some months, such as some January" + shorter,
	},
	{"February 29", "{rrule: FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29}", "schedule.rrule: \"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29\"; has fewer dates, or none, in some months, such as some February" + shorter},
	{"February 29 from the anchor", "{rrule: FREQ=YEARLY, start: 2028-02-29}", "schedule.rrule: \"FREQ=YEARLY\"; has fewer dates, or none, in some months, such as some February" + shorter},
	{"the 366th day", "{rrule: FREQ=YEARLY;BYYEARDAY=366}", "schedule.rrule: \"FREQ=YEARLY;BYYEARDAY=366\"; has fewer dates, or none, in some years" + shorter},
	{"a 60th day in March", "{rrule: FREQ=YEARLY;BYMONTH=3;BYYEARDAY=60}", "schedule.rrule: \"FREQ=YEARLY;BYMONTH=3;BYYEARDAY=60\"; has fewer dates, or none, in some years" + shorter},
	{"the 53rd Monday", "{rrule: FREQ=YEARLY;BYDAY=53MO}", "schedule.rrule: \"FREQ=YEARLY;BYDAY=53MO\"; has fewer dates, or none, in some years" + shorter},

	{"February 30", "{rrule: FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30, skip_short_months: true}", "schedule.rrule: \"FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30\"; must have a date: no day is in all of its parts"},
	{"a fifth Monday on the 3rd", "{rrule: FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=3, skip_short_months: true}", "schedule.rrule: \"FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=3\"; must have a date: no day is in all of its parts"},
	{"a second of one a day", "{rrule: FREQ=DAILY;BYHOUR=9;BYSETPOS=2}", "schedule.rrule: \"FREQ=DAILY;BYHOUR=9;BYSETPOS=2\"; must have a date: BYSETPOS is larger than the number of dates in a period"},
	{"an hour that is never reached", "{rrule: 'FREQ=HOURLY;INTERVAL=4;BYHOUR=10,12', sub_daily: true}", "schedule.rrule: \"FREQ=HOURLY;INTERVAL=4;BYHOUR=10,12\"; must have a date: BYHOUR is not among the hours that INTERVAL reaches from the schedule's time of day"},
	{"a weekday that is never reached", "{rrule: FREQ=DAILY;INTERVAL=7;BYDAY=MO}", `schedule.rrule: "FREQ=DAILY;INTERVAL=7;BYDAY=MO"; must have a date after the agreement's own start, 2026-01-17T12:00, and within 100 years of it`},

	{
		"every mistake at once", "{every: often, interval: 5000, at: 9, start: x, until: y, count: -3, skip_short_months: true}",
		`schedule.at: "9"; must be a local time such as 09:00
schedule.start: "x"; must be a local date such as 2026-01-31
schedule.until: "y"; must be a local date such as 2026-01-31
schedule.count: -3; must be 1 to 1000
schedule.count: -3; must not be given together with until
schedule.skip_short_months: true; must not be given together with every
schedule.interval: 5000; must be 1 to 1000
schedule.every: "often"; must be one of ["hour" "day" "week" "month" "year"]`,
	},
	{
		"every mistake of a rule at once", "{rrule: FREQ=HOURLY;INTERVAL=x;BYSECOND=1;BYDAY=;DTSTART=20260101;BYMONTH=13;COUNT=0;UNTIL=never, at: 25:00}",
		`schedule.at: "25:00"; must be a local time such as 09:00
schedule.rrule: "BYSECOND=1"; is not supported, must be one of FREQ, INTERVAL, COUNT, UNTIL, WKST, BYMONTH, BYWEEKNO, BYYEARDAY, BYMONTHDAY, BYDAY, BYHOUR, BYMINUTE, BYSETPOS
schedule.rrule: "BYDAY="; must be a part such as FREQ=MONTHLY
schedule.rrule: "DTSTART=20260101"; is not supported, must be one of FREQ, INTERVAL, COUNT, UNTIL, WKST, BYMONTH, BYWEEKNO, BYYEARDAY, BYMONTHDAY, BYDAY, BYHOUR, BYMINUTE, BYSETPOS
schedule.rrule: "INTERVAL=X"; must be 1 to 1000
schedule.rrule: "BYMONTH=13"; "13" must be 1 to 12
schedule.rrule: "COUNT=0"; must not be given together with UNTIL
schedule.rrule: "COUNT=0"; must be 1 to 1000
schedule.rrule: "UNTIL=NEVER"; must be in UTC, such as 20261231T235959Z, because the rule begins in a time zone; the schedule's own until is a local date`,
	},
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	z := zone(t, "Europe/Berlin")
	began := local(t, z, "2026-01-17 12:00")
	for _, tt := range refused {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := New(parse(t, tt.schedule), z, began)
			require.EqualError(t, err, tt.want)
			require.Nil(t, c)
		})
	}
}

// Parts that other rules of RFC 5545 know, and what only the library knows.
func TestRefusesOtherParts(t *testing.T) {
	t.Parallel()
	for _, part := range []string{
		"BYSECOND=0", "BYEASTER=0", "DTSTART=20260101T090000", "TZID=EUROPE/BERLIN", "EXDATE=20260101", "EXRULE=1", "RDATE=20260101", "RSCALE=GREGORIAN", "SKIP=FORWARD", "X-NAME=1", "FREQ",
	} {
		_, err := New(Schedule{RRule: "FREQ=DAILY;" + part}, nil, time.Time{})
		require.ErrorContains(t, err, `schedule.rrule: "`+part+`"; `)
	}
	_, err := New(Schedule{RRule: "DTSTART:20260101T090000\nRRULE:FREQ=DAILY"}, nil, time.Time{})
	require.ErrorContains(t, err, `is not supported`)
}
