package stripesandbox

import "time"

// addMonths is t, n months later, on the last day of that month when it has no such day.
func addMonths(t time.Time, n int) time.Time {
	t = t.UTC()
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

// boundary is where the n-th period after the anchor begins.
func (r *recurring) boundary(anchor time.Time, n int) time.Time {
	n *= int(r.IntervalCount)
	switch r.Interval {
	case "day":
		return anchor.AddDate(0, 0, n)
	case "week":
		return anchor.AddDate(0, 0, 7*n)
	case "month":
		return addMonths(anchor, n)
	}
	return addMonths(anchor, 12*n)
}

// next is the first boundary after a time that is not before the anchor. Counting from
// the anchor, not from the last boundary, is what leads from 28 February to 31 March.
func (r *recurring) next(anchor, after time.Time) time.Time {
	n := int(after.Sub(anchor)/r.longest()) + 1
	for !r.boundary(anchor, n).After(after) {
		n++
	}
	return r.boundary(anchor, n)
}

// longest is the most that a period can take.
func (r *recurring) longest() time.Duration {
	const day = 24 * time.Hour
	days := map[string]time.Duration{"day": day, "week": 7 * day, "month": 31 * day, "year": 366 * day}
	return days[r.Interval] * time.Duration(r.IntervalCount)
}
