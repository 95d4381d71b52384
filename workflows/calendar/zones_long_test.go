//go:build long

package calendar

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// In every zone, from 2000 to 2040: one date a day, at several times of day, and the ends of months.
func TestEveryDayInEveryZone(t *testing.T) {
	t.Parallel()
	from, to := time.Date(firstYear, 1, 31, 0, 0, 0, 0, time.UTC), time.Date(lastYear, 12, 31, 0, 0, 0, 0, time.UTC)
	eachZone(t, func(t *testing.T, z *time.Location, segments []segment) {
		requireClocks(t, z, segments)
		for _, at := range []string{"00:00", "02:30", "23:45"} {
			clock, err := time.Parse(timeOfDay, at)
			require.NoError(t, err)
			anchor := from.Add(time.Duration(clock.Hour())*time.Hour + time.Duration(clock.Minute())*time.Minute)
			requireDates(t, segments, z, anchor, to, Schedule{Every: "day", At: at})
			requireDates(t, segments, z, anchor, to, Schedule{Every: "month", On: "31", At: at})
			requireDates(t, segments, z, anchor, to, Schedule{Every: "year", On: "02-29", At: at})
		}
		requireDates(t, segments, z, from, from.AddDate(2, 0, 0), Schedule{Every: "hour", At: "00:00", SubDaily: true})
	})
}

// requireClocks looks at the clocks every 15 minutes.
func requireClocks(t *testing.T, z *time.Location, segments []segment) {
	t.Helper()
	for _, s := range segments {
		for at := s.from; at.Before(s.to); at = at.Add(15 * time.Minute) {
			if _, seconds := at.In(z).Zone(); time.Duration(seconds)*time.Second != s.offset {
				t.Fatalf("%s at %s: %d s from UTC, not %s", z, at, seconds, s.offset)
			}
		}
	}
}
