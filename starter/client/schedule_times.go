package client

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	sdk "go.temporal.io/sdk/client"
)

// scheduleCalendar is a set of local times, to the minute: those of which every field is in the field's set. A value v is bit v.
type scheduleCalendar [5]uint64

const (
	fieldMinute = iota
	fieldHour
	fieldDay
	fieldMonth
	fieldWeekday
)

type calendarField struct {
	name        string
	least, most int
	// names stand for the values from least on.
	names []string
}

// calendarFields are in the order of cron.
var calendarFields = [...]calendarField{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day", 1, 31, nil},
	{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{"weekday", 0, 6, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
}

// all is the full set of a field.
func all(field int) uint64 {
	f := calendarFields[field]
	return 1<<(f.most+1) - 1<<f.least
}

// full reports whether any value of the field will do.
func (c scheduleCalendar) full(field int) bool { return c[field] == all(field) }

func (c scheduleCalendar) has(field, value int) bool { return c[field]&(1<<value) != 0 }

// values are those of a field, in rising order.
func (c scheduleCalendar) values(field int) []int {
	var values []int
	for set := c[field]; set != 0; set &= set - 1 {
		values = append(values, bits.TrailingZeros64(set))
	}
	return values
}

// String is the one way to write the calendar for parseCalendar: "month=1,7 day=1 hour=6 minute=0". Fields of which any value
// will do are left out, but for hour and minute.
func (c scheduleCalendar) String() string {
	var parts []string
	for _, field := range []int{fieldMonth, fieldDay, fieldWeekday, fieldHour, fieldMinute} {
		f := calendarFields[field]
		switch {
		case !c.full(field):
			parts = append(parts, f.name+"="+c.list(field))
		case field == fieldHour, field == fieldMinute:
			parts = append(parts, f.name+"=*")
		}
	}
	return strings.Join(parts, " ")
}

// list writes a field's set with ranges: "1,3-5".
func (c scheduleCalendar) list(field int) string {
	f := calendarFields[field]
	name := func(value int) string {
		if f.names != nil {
			return f.names[value-f.least]
		}
		return strconv.Itoa(value)
	}
	var parts []string
	for _, r := range c.ranges(field) {
		switch r.End - r.Start {
		case 0:
			parts = append(parts, name(r.Start))
		case 1:
			parts = append(parts, name(r.Start), name(r.End))
		default:
			parts = append(parts, name(r.Start)+"-"+name(r.End))
		}
	}
	return strings.Join(parts, ",")
}

// ranges is a field's set as Temporal wants it.
func (c scheduleCalendar) ranges(field int) []sdk.ScheduleRange {
	var ranges []sdk.ScheduleRange
	for _, v := range c.values(field) {
		if n := len(ranges); n > 0 && ranges[n-1].End == v-1 {
			ranges[n-1].End = v
		} else {
			ranges = append(ranges, sdk.ScheduleRange{Start: v, End: v, Step: 1})
		}
	}
	return ranges
}

// spec is the calendar as Temporal wants it.
func (c scheduleCalendar) spec() sdk.ScheduleCalendarSpec {
	return sdk.ScheduleCalendarSpec{
		Second: []sdk.ScheduleRange{{Step: 1}}, Minute: c.ranges(fieldMinute), Hour: c.ranges(fieldHour),
		DayOfMonth: c.ranges(fieldDay), Month: c.ranges(fieldMonth), DayOfWeek: c.ranges(fieldWeekday),
	}
}

// calendarOfSpec is the reverse; false when Temporal's calendar says more than ours can.
func calendarOfSpec(spec sdk.ScheduleCalendarSpec) (scheduleCalendar, bool) {
	var c scheduleCalendar
	for field, ranges := range [...][]sdk.ScheduleRange{spec.Minute, spec.Hour, spec.DayOfMonth, spec.Month, spec.DayOfWeek} {
		for _, r := range ranges {
			for v := r.Start; v <= max(r.Start, r.End); v += max(r.Step, 1) {
				c[field] |= 1 << v
			}
		}
		if c[field]&^all(field) != 0 {
			return c, false
		}
	}
	onTheMinute := len(spec.Second) == 1 && spec.Second[0].Start == 0 && spec.Second[0].End <= 0
	return c, onTheMinute && len(spec.Year) == 0
}

// cronNames are the shorthands that Temporal knows too.
var cronNames = map[string]string{
	"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
	"@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}

// parseCron reads the five fields of cron, or a shorthand such as @monthly.
func parseCron(text string) (scheduleCalendar, error) {
	var c scheduleCalendar
	line := strings.TrimSpace(text)
	if strings.HasPrefix(line, "@") {
		known, ok := cronNames[line]
		if !ok {
			return c, errors.New("must be five fields, or @yearly, @monthly, @weekly, @daily or @hourly")
		}
		line = known
	}
	if strings.Contains(line, "TZ=") {
		return c, errors.New("the time zone is given beside it")
	}
	fields := strings.Fields(line)
	if len(fields) != len(c) {
		return c, fmt.Errorf("must have 5 fields: minute, hour, day of the month, the month, day of the week; it has %d", len(fields))
	}
	for field, text := range fields {
		set, err := parseField(field, text)
		if err != nil {
			return c, err
		}
		c[field] = set
	}
	if !c.full(fieldDay) && !c.full(fieldWeekday) {
		return c, errors.New("has a day of the month and a day of the week: cron takes either, Temporal both at once; give a calendar, or two, instead")
	}
	return c, nil
}

// parseCalendar reads "day=1 hour=6 minute=0": month, day and weekday are any when they are not named, minute is 0.
func parseCalendar(text string) (scheduleCalendar, error) {
	c := scheduleCalendar{fieldMinute: 1, fieldDay: all(fieldDay), fieldMonth: all(fieldMonth), fieldWeekday: all(fieldWeekday)}
	seen := make(map[string]bool)
	for pair := range strings.FieldsSeq(text) {
		name, value, found := strings.Cut(pair, "=")
		field := slices.IndexFunc(calendarFields[:], func(f calendarField) bool { return f.name == name })
		switch {
		case !found, field < 0:
			return c, fmt.Errorf("%q; must be month, day, weekday, hour or minute, with = and values, such as day=1", clip(pair))
		case seen[name]:
			return c, fmt.Errorf("%s is there twice", name)
		}
		seen[name] = true
		set, err := parseField(field, value)
		if err != nil {
			return c, err
		}
		c[field] = set
	}
	if !seen["hour"] {
		return c, errors.New("must name the hour, such as hour=6; hour=* is every hour")
	}
	return c, nil
}

// parseField reads a list of values, ranges and steps: "1,15", "mon-fri", "*/15", "8-18/2".
func parseField(field int, text string) (uint64, error) {
	f := calendarFields[field]
	var set uint64
	for part := range strings.SplitSeq(text, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		least, most, err := parseSpan(field, span, stepped)
		if err != nil {
			return 0, err
		}
		step := 1
		if stepped {
			step, err = strconv.Atoi(stepText)
			if err != nil || step < 1 || step > f.most {
				return 0, fmt.Errorf("%s %q; its step must be 1 to %d", f.name, clip(part), f.most)
			}
		}
		for v := least; v <= most; v += step {
			set |= 1 << v
		}
	}
	if field == fieldWeekday && set&(1<<nextSunday) != 0 {
		set = set&^(1<<nextSunday) | 1
	}
	return set, nil
}

// nextSunday is Sunday at the end of the week: cron takes 0 and 7.
const nextSunday = 7

// parseSpan reads *, a value, or a range. A value with a step goes on to the end.
func parseSpan(field int, text string, stepped bool) (least, most int, err error) {
	f := calendarFields[field]
	if text == "*" {
		return f.least, f.most, nil
	}
	from, to, isRange := strings.Cut(text, "-")
	if least, err = parseValue(field, from); err != nil {
		return 0, 0, err
	}
	switch {
	case isRange:
		if most, err = parseValue(field, to); err != nil {
			return 0, 0, err
		}
		if field == fieldWeekday && most == 0 {
			most = nextSunday // fri-sun
		}
	case stepped:
		most = f.most
	default:
		most = least
	}
	if least > most {
		return 0, 0, fmt.Errorf("%s %q ends before it begins", f.name, clip(text))
	}
	return least, most, nil
}

// parseValue reads a number, or the first three letters of a month or weekday, or all of them. Sunday is 0, and 7 too.
func parseValue(field int, text string) (int, error) {
	f := calendarFields[field]
	most := f.most
	if field == fieldWeekday {
		most++
	}
	if n, err := strconv.Atoi(text); err == nil && strings.Trim(text, "0123456789") == "" {
		if n < f.least || n > most {
			return 0, fmt.Errorf("%s %d; must be %d to %d", f.name, n, f.least, f.most)
		}
		return n, nil
	}
	lower := strings.ToLower(text)
	for i, name := range f.names {
		if lower == name || lower == longNames[name] {
			return f.least + i, nil
		}
	}
	allowed := fmt.Sprintf("a number from %d to %d", f.least, f.most)
	if f.names != nil {
		allowed += fmt.Sprintf(", or %s to %s", f.names[0], f.names[len(f.names)-1])
	}
	return 0, fmt.Errorf("%s %q; must be %s", f.name, clip(text), allowed)
}

var longNames = map[string]string{
	"jan": "january", "feb": "february", "mar": "march", "apr": "april", "may": "may", "jun": "june", "jul": "july", "aug": "august",
	"sep": "september", "oct": "october", "nov": "november", "dec": "december",
	"sun": "sunday", "mon": "monday", "tue": "tuesday", "wed": "wednesday", "thu": "thursday", "fri": "friday", "sat": "saturday",
}
