package dunning

import (
	"time"

	"github.com/offsession/offsession/workflows/calendar"
)

// instant returns when a wall clock in zone shows what wall shows in UTC: moved forward where it never does, the first
// time where it does twice.
func instant(wall time.Time, zone *time.Location) time.Time {
	at, _ := calendar.Instant(wall, zone)
	return at
}
