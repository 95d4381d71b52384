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
		due := func(at, wall time.Time) bool {
			if !at.After(after) || !c.last.IsZero() && at.After(c.last) {
				return true
			}
			return yield(Occurrence{At: at, Key: wall.Format(c.keyForm)})
		}
		// moved are times that do not exist and are not yet known to be the next: a later one may come before, or be the same.
		type pair struct{ at, wall time.Time }
		var moved []pair
		for wall := range c.walls.from(wallClock(after, c.zone).Add(-largestGap)) {
			if !wall.Before(c.end) {
				break
			}
			at, exists := Instant(wall, c.zone)
			if !exists {
				moved = append(moved, pair{at, wall})
				continue
			}
			for len(moved) > 0 && !moved[0].at.After(at) {
				if moved[0].at.Before(at) && !due(moved[0].at, moved[0].wall) {
					return
				}
				moved = moved[1:]
			}
			if !due(at, wall) || !c.last.IsZero() && !at.Before(c.last) {
				return
			}
		}
		for _, m := range moved {
			if !due(m.at, m.wall) {
				return
			}
		}
	}
}
