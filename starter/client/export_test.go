package client

import (
	"slices"
	"time"

	sdk "go.temporal.io/sdk/client"
)

// TimesBetween reads a calendar: what Temporal is told, and the nominal times that we expect of it.
func TimesBetween(calendar string, zone *time.Location, from, to time.Time) (sdk.ScheduleCalendarSpec, []time.Time, error) {
	c, err := parseCalendar(calendar)
	times := scheduleTimes{calendars: []scheduleCalendar{c}, zone: zone}
	return c.spec(), slices.Collect(times.between(from, to)), err
}
