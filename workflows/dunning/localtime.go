package dunning

import "time"

// instant returns when a wall clock in zone shows what wall shows in UTC. When the
// clocks are put forward over it, it moves forward by as much as they do; when they
// show it twice, it is the first time. (time.Date leaves both cases open.)
func instant(wall time.Time, zone *time.Location) time.Time {
	offsetAt := func(t time.Time) time.Duration {
		_, seconds := t.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
	// A day on either side is beyond any change of the clocks that concerns wall.
	before := wall.Add(-offsetAt(wall.Add(-24 * time.Hour)))
	after := wall.Add(-offsetAt(wall.Add(24 * time.Hour)))
	shows := func(t time.Time) bool { return t.Add(offsetAt(t)).Equal(wall) }
	switch {
	case shows(before): // the usual case, and the first of two
		return before
	case shows(after):
		return after
	default: // never shown
		return before
	}
}
