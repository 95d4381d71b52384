package calendar

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	everyHour  = "hour"
	everyDay   = "day"
	everyWeek  = "week"
	everyMonth = "month"
	everyYear  = "year"
)

var periods = []string{everyHour, everyDay, everyWeek, everyMonth, everyYear}

// onOf says what a day is in each period.
var onOf = map[string]string{
	everyHour:  "must be empty: a schedule by the hour has no day",
	everyDay:   "must be empty: a schedule by the day has no other day",
	everyWeek:  "must be a weekday such as monday",
	everyMonth: `must be 1 to 31, "last", "first business day", "last business day", or a weekday such as "2nd tuesday" (1st to 4th) or "last friday"`,
	everyYear:  "must be a month and a day such as 02-29",
}

// New checks a schedule and anchors it: began is the agreement's own start, the anchor and first possible date of a
// schedule that has no start. The error names every mistake. A nil zone is UTC.
func New(s Schedule, zone *time.Location, began time.Time) (*Calendar, error) {
	if zone == nil {
		zone = time.UTC
	}
	b := builder{
		Schedule: s.Canonical(),
		Calendar: Calendar{zone: zone, began: began.UTC(), keyForm: keyForm(s.SubDaily)},
		today:    dayOf(wallClock(began, zone)),
	}
	b.end = time.Date(b.today.Year()+maxYears+1, time.January, 1, 0, 0, 0, 0, time.UTC)
	b.common()
	switch kinds := b.kinds(); {
	case len(kinds) == 0:
		b.wrong("", "one of every, rrule and dates is needed")
	case len(kinds) > 1:
		b.wrong("", "has %s; exactly one of them is allowed", strings.Join(kinds, " and "))
	case b.RRule != "":
		b.rule()
	case len(b.Dates) > 0:
		b.dates()
	default:
		b.every()
	}
	if len(b.mistakes) == 0 {
		b.limits()
	}
	if len(b.mistakes) > 0 {
		return nil, errors.Join(b.mistakes...)
	}
	return &b.Calendar, nil
}

// builder makes a calendar from a schedule, and collects what is wrong with it.
type builder struct {
	Schedule
	Calendar

	today  time.Time // the agreement's own first local date
	anchor time.Time // the local date and time that the schedule is computed from
	// limit is how many dates there are; 0 for no limit.
	limit    int
	mistakes []error
}

func (b *builder) wrong(field, format string, args ...any) {
	if field != "" {
		field = "." + field
	}
	b.mistakes = append(b.mistakes, fmt.Errorf("schedule%s: %s", field, fmt.Sprintf(format, args...)))
}

func (b *builder) kinds() []string {
	var kinds []string
	for _, k := range []struct {
		name string
		set  bool
	}{{"every", b.Every != ""}, {"rrule", b.RRule != ""}, {"dates", len(b.Dates) > 0}} {
		if k.set {
			kinds = append(kinds, k.name)
		}
	}
	return kinds
}

// common checks what any kind of schedule can have: at, start, until, count.
func (b *builder) common() {
	at, err := time.Parse(timeOfDay, b.at())
	if err != nil || len(b.at()) != len(timeOfDay) {
		b.wrong("at", "%.40q; must be a local time such as %s", b.At, defaultAt)
	}
	first := b.today
	if start, ok := b.date("start", b.Start); ok {
		if start.Before(b.today.AddDate(-maxYears, 0, 0)) || !start.Before(b.end) {
			b.wrong("start", "%q; must be within %d years of the agreement's own first day, %s", b.Start, maxYears, b.today.Format(time.DateOnly))
		}
		first = start
	}
	if until, ok := b.date("until", b.Until); ok {
		switch {
		case until.Before(first):
			b.wrong("until", "%q; must not be before the first day, %s", b.Until, first.Format(time.DateOnly))
		case until.Before(b.today):
			b.wrong("until", "%q; must not be before the agreement's own first day, %s", b.Until, b.today.Format(time.DateOnly))
		case until.Before(b.end):
			b.end = until.AddDate(0, 0, 1)
		}
	}
	if b.Count < 0 || b.Count > maxCount {
		b.wrong("count", "%d; must be 1 to %d", b.Count, maxCount)
	}
	if b.Count != 0 && b.Until != "" {
		b.wrong("count", "%d; must not be given together with until", b.Count)
	}
	b.limit = b.Count
	b.anchor = first.Add(time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute)
}

func (b *builder) date(field, value string) (time.Time, bool) {
	if value == "" {
		return time.Time{}, false
	}
	date, err := time.Parse(time.DateOnly, value)
	if err != nil {
		b.wrong(field, "%.40q; must be a local date such as 2026-01-31", value)
	}
	return date, err == nil
}

// notWith refuses fields that mean nothing in a kind of schedule.
func (b *builder) notWith(kind string, fields ...string) {
	for _, f := range []struct {
		name  string
		set   bool
		value string
	}{
		{"interval", b.Interval != 0, strconv.Itoa(b.Interval)},
		{"on", b.On != "", fmt.Sprintf("%.40q", b.On)},
		{"skip_short_months", b.SkipShortMonths, "true"},
		{"start", b.Start != "", fmt.Sprintf("%.40q", b.Start)},
		{"until", b.Until != "", fmt.Sprintf("%.40q", b.Until)},
		{"count", b.Count != 0, strconv.Itoa(b.Count)},
	} {
		if f.set && slices.Contains(fields, f.name) {
			b.wrong(f.name, "%s; must not be given together with %s", f.value, kind)
		}
	}
}

func (b *builder) every() {
	b.notWith("every", "skip_short_months")
	if b.Interval < 0 || b.Interval > maxInterval {
		b.wrong("interval", "%d; must be 1 to %d", b.Interval, maxInterval)
	}
	if !slices.Contains(periods, b.Every) {
		b.wrong("every", "%.40q; must be one of %q", b.Every, periods)
		return
	}
	if b.Every == everyHour && !b.SubDaily {
		b.wrong("every", "%q; more than one charge on a local date needs sub_daily: true", b.Every)
	}
	var ok bool
	if b.walls, ok = everyWalls(b.Every, b.interval(), b.On, b.anchor); !ok {
		b.wrong("on", "%.40q; %s", b.On, onOf[b.Every])
	}
}

func (b *builder) dates() {
	b.notWith("dates", "interval", "on", "skip_short_months", "start", "until", "count")
	if len(b.Dates) > maxDates {
		b.wrong("dates", "%d entries; at most %d", len(b.Dates), maxDates)
		return
	}
	clock := b.anchor.Sub(dayOf(b.anchor))
	dates := make(list, 0, len(b.Dates))
	for i, text := range b.Dates {
		field := fmt.Sprintf("dates[%d]", i)
		date, err := time.Parse(localTime, text)
		if err != nil || len(text) != len(localTime) { // the library takes an hour of one digit too
			if date, err = time.Parse(time.DateOnly, text); err != nil {
				b.wrong(field, "%.40q; must be a local date and time such as 2026-01-31T%s, or a local date", text, defaultAt)
				continue
			}
			date = date.Add(clock)
		}
		if len(dates) > 0 {
			b.spacing(field, text, dates[len(dates)-1], date)
		}
		if !date.Before(b.end) {
			b.wrong(field, "%q; must be within %d years of the agreement's own first day, %s", text, maxYears, b.today.Format(time.DateOnly))
		}
		dates = append(dates, date)
	}
	b.walls = dates
}

func (b *builder) spacing(field, text string, last, date time.Time) {
	before := last.Format(localTime)
	switch {
	case !date.After(last):
		b.wrong(field, "%q; must be after the one before, %s", text, before)
	case date.Sub(last) < time.Hour:
		b.wrong(field, "%q; must be at least an hour after the one before, %s", text, before)
	case dayOf(date).Equal(dayOf(last)) && !b.SubDaily:
		b.wrong(field, "%q; more than one charge on a local date needs sub_daily: true", text)
	}
}

// limits ends the calendar at its count, and refuses one that is never due.
func (b *builder) limits() {
	if b.limit > 0 {
		from := b.began.Add(-1)
		if b.Start != "" {
			from = time.Time{}
		}
		n := 0
		for o := range b.occurrences(from) {
			if n++; n == b.limit {
				b.last = o.At
				break
			}
		}
	}
	if _, ok := b.Next(time.Time{}); ok {
		return
	}
	field, value := "every", any(b.Every)
	switch {
	case len(b.Dates) > 0:
		field, value = "dates", b.Dates[len(b.Dates)-1]
	case b.RRule != "":
		field, value = "rrule", b.RRule
	}
	b.wrong(field, "%.80q; must have a date after the agreement's own start, %s, and within %d years of it",
		value, wallClock(b.began, b.zone).Format(localTime), maxYears)
}
