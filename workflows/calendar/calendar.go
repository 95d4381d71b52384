package calendar

import (
	"iter"
	"time"
)

// Occurrence is one due date.
type Occurrence struct {
	// At is the instant, UTC.
	At time.Time `json:"at"`
	// Key identifies the date in references: 20060102, or 20060102T1504 when the schedule is sub-daily. It is the nominal
	// local time, also when that time does not exist.
	Key string `json:"key"`
}

// At is the occurrence of a charge that is due now, beside any schedule.
func At(now time.Time, zone *time.Location, subDaily bool) Occurrence {
	return Occurrence{At: now.UTC(), Key: now.In(zone).Format(keyForm(subDaily))}
}

func keyForm(subDaily bool) string {
	if subDaily {
		return "20060102T1504"
	}
	return "20060102"
}

// Calendar is a schedule in a zone, ready to be asked. It never changes.
type Calendar struct {
	zone  *time.Location
	walls walls
	// began is the first instant that can be due.
	began time.Time
	// end is the first local time that cannot be due any more.
	end time.Time
	// last is the last instant that can be due; zero when only end limits it.
	last    time.Time
	keyForm string
}

// walls are the local times of a schedule, as times in UTC, whether or not clocks show them.
type walls interface {
	// from returns those at and after a local time, strictly rising.
	from(wall time.Time) iter.Seq[time.Time]
}

// largestGap is more than clocks were ever put forward: a day, where the date line moved.
const largestGap = 25 * time.Hour

// Next is the first due date strictly after the instant given; false when there is none. After time.Time{} it is the
// first of all.
func (c *Calendar) Next(after time.Time) (Occurrence, bool) {
	for o := range c.After(after) {
		return o, true
	}
	return Occurrence{}, false
}

// After returns the due dates strictly after the instant given, in rising order.
func (c *Calendar) After(after time.Time) iter.Seq[Occurrence] {
	if after.Before(c.began) {
		after = c.began.Add(-1)
	}
	return c.occurrences(after)
}

func (c *Calendar) occurrences(after time.Time) iter.Seq[Occurrence] {
	return func(yield func(Occurrence) bool) {
		for m := range c.moments(wallClock(after, c.zone).Add(-largestGap)) {
			if !c.last.IsZero() && m.at.After(c.last) {
				return
			}
			if m.at.After(after) && !yield(Occurrence{At: m.at, Key: m.wall.Format(c.keyForm)}) {
				return
			}
		}
	}
}

// moment is a local time with its instant.
type moment struct{ at, wall time.Time }

// moments puts the local times at and after wall in the order of their instants, each once.
func (c *Calendar) moments(wall time.Time) iter.Seq[moment] {
	return func(yield func(moment) bool) {
		if !wall.Before(c.end) {
			return
		}
		var moved []moment // forward, over times that may come before them or be the same
		for wall := range c.walls.from(wall) {
			if !wall.Before(c.end) {
				break
			}
			at, exists := Instant(wall, c.zone)
			if !exists {
				moved = append(moved, moment{at, wall})
				continue
			}
			for len(moved) > 0 && !moved[0].at.After(at) {
				if moved[0].at.Before(at) && !yield(moved[0]) {
					return
				}
				moved = moved[1:]
			}
			if !yield(moment{at, wall}) {
				return
			}
		}
		for _, m := range moved {
			if !yield(m) {
				return
			}
		}
	}
}
