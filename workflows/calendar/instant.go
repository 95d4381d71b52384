package calendar

import "time"

// Instant returns when a wall clock in zone shows what wall shows in UTC, and whether it ever does. When the clocks are put
// forward over it, the instant moves forward by as much as they do; when they show it twice, it is the first time.
// (time.Date leaves both cases open.) The result is UTC.
func Instant(wall time.Time, zone *time.Location) (at time.Time, exists bool) {
	// A day on either side is beyond any change of the clocks that concerns wall.
	before := wall.Add(-offset(wall.Add(-24*time.Hour), zone))
	if before.Add(offset(before, zone)).Equal(wall) { // the usual case, and the first of two
		return before, true
	}
	after := wall.Add(-offset(wall.Add(24*time.Hour), zone))
	if after.Add(offset(after, zone)).Equal(wall) {
		return after, true
	}
	return before, false // never shown
}

// wallClock is the reverse: what a wall clock in zone shows at an instant, as a time in UTC.
func wallClock(at time.Time, zone *time.Location) time.Time {
	return at.Add(offset(at, zone)).UTC()
}

func offset(at time.Time, zone *time.Location) time.Duration {
	_, seconds := at.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

// dayOf is midnight of a wall clock's date.
func dayOf(wall time.Time) time.Time {
	year, month, day := wall.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}
