package client

import (
	"iter"
	"slices"
	"time"
)

// scheduleTimes are the local times of a schedule: those of any of its calendars.
type scheduleTimes struct {
	calendars []scheduleCalendar
	zone      *time.Location
}

// fits reports whether a date is one of the calendar's. A date is midnight in UTC.
func (c scheduleCalendar) fits(date time.Time) bool {
	return c.has(fieldMonth, int(date.Month())) && c.has(fieldDay, date.Day()) && c.has(fieldWeekday, int(date.Weekday()))
}

// between are the nominal times from the first instant to the second, both included: a local time that the clocks jump over is
// none, as in Temporal, one that they show twice is two.
func (t scheduleTimes) between(from, to time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		last := dateOf(to, t.zone)
		for date := dateOf(from, t.zone); !date.After(last); date = date.AddDate(0, 0, 1) {
			for _, at := range t.on(date) {
				if at.Before(from) || at.After(to) {
					continue
				}
				if !yield(at) {
					return
				}
			}
		}
	}
}

// on are the instants of a local date, in order.
func (t scheduleTimes) on(date time.Time) []time.Time {
	var (
		instants []time.Time
		before   = offsetOf(date.Add(-24*time.Hour), t.zone)
		after    = offsetOf(date.Add(48*time.Hour), t.zone)
	)
	for _, c := range t.calendars {
		if !c.fits(date) {
			continue
		}
		for _, hour := range c.values(fieldHour) {
			for _, minute := range c.values(fieldMinute) {
				wall := date.Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
				instants = append(instants, shown(wall, t.zone, before, after)...)
			}
		}
	}
	slices.SortFunc(instants, time.Time.Compare)
	return slices.CompactFunc(instants, time.Time.Equal)
}

// shown are the instants at which clocks show a wall time, which is given in UTC: none, one or two. The clocks change by at
// most the two offsets.
func shown(wall time.Time, zone *time.Location, before, after time.Duration) []time.Time {
	first, second := wall.Add(-before), wall.Add(-after)
	var instants []time.Time
	if offsetOf(first, zone) == before {
		instants = append(instants, first)
	}
	if before != after && offsetOf(second, zone) == after {
		instants = append(instants, second)
	}
	return instants
}

// twins are the instants at which clocks show what they show at one: that one alone, or two. Of two, Temporal's calendars find
// both in some zones and one of them in others; they have one run.
func (t scheduleTimes) twins(at time.Time) []time.Time {
	wall := at.Add(offsetOf(at, t.zone)).UTC()
	return shown(wall, t.zone, offsetOf(at.Add(-24*time.Hour), t.zone), offsetOf(at.Add(24*time.Hour), t.zone))
}

func offsetOf(at time.Time, zone *time.Location) time.Duration {
	_, seconds := at.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

func dateOf(at time.Time, zone *time.Location) time.Time {
	year, month, day := at.In(zone).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// daysOfMonth are those of a year that is no leap year.
var daysOfMonth = [...]int{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// losesMonth says which of the calendar's months has none of its days; "" when all have.
func (c scheduleCalendar) losesMonth() string {
	for _, month := range c.values(fieldMonth) {
		if c.values(fieldDay)[0] > daysOfMonth[month] {
			return time.Month(month).String()
		}
	}
	return ""
}

// horizon is how many years ahead a schedule is looked through for dates that it would lose.
const horizon = 10

// losesDate says on which date a schedule would be silent because the clocks jump over all of its times; "" when there is none.
func (t scheduleTimes) losesDate(now time.Time) string {
	for date, end := dateOf(now, t.zone), now.AddDate(horizon, 0, 0); date.Before(end); date = date.AddDate(0, 0, 1) {
		if offsetOf(date.Add(-24*time.Hour), t.zone) == offsetOf(date.Add(48*time.Hour), t.zone) {
			continue // the clocks do not change
		}
		for _, c := range t.calendars {
			if c.fits(date) && len(t.on(date)) == 0 {
				return date.Format(time.DateOnly)
			}
		}
	}
	return ""
}
