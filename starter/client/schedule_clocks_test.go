package client_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	sdk "go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/offsession/offsession/internal/devstack"
	"github.com/offsession/offsession/starter/client"
)

// Clocks that are changed: what is found here is what Temporal itself finds, and what runs are named after.
func TestTimesAreTemporals(t *testing.T) {
	t.Parallel()
	server, err := devstack.StartTemporal(t.Context(), devstack.TemporalOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	temporal, err := sdk.DialContext(t.Context(), sdk.Options{HostPort: server.Address})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)

	for i, test := range []struct {
		name, calendar, zone, from, to string
		want                           []string // local
	}{
		{"Jumped", "hour=2 minute=30", "Europe/Berlin", "2026-03-28", "2026-03-31", []string{"0328T0230", "0330T0230"}},
		{"Twice", "hour=2 minute=30", "Europe/Berlin", "2026-10-24", "2026-10-27", []string{"1024T0230", "1025T0230", "1025T0230", "1026T0230"}},
		{"Hourly", "hour=*", "America/New_York", "2026-03-08", "2026-03-08T09:00:00Z", []string{"0308T0000", "0308T0100", "0308T0300", "0308T0400", "0308T0500"}},
		{"HourlyTwice", "hour=*", "America/New_York", "2026-11-01", "2026-11-01T08:00:00Z", []string{"1101T0000", "1101T0100", "1101T0100", "1101T0200", "1101T0300"}},
		{"MidnightJumped", "hour=0,1", "Africa/Cairo", "2026-04-23", "2026-04-25", []string{"0423T0000", "0423T0100", "0424T0100", "0425T0000"}},
		{"Unchanged", "hour=6 day=1", "UTC", "2026-01-01", "2026-03-01", []string{"0101T0600", "0201T0600"}},
		{"Weekdays", "hour=23 minute=59 weekday=fri", "Pacific/Kiritimati", "2026-01-01", "2026-01-20", []string{"0102T2359", "0109T2359", "0116T2359"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			zone, err := time.LoadLocation(test.zone)
			require.NoError(t, err)
			instant := func(text string) time.Time {
				if at, err := time.Parse(time.RFC3339, text); err == nil {
					return at
				}
				at, err := time.ParseInLocation(time.DateOnly, text, zone)
				require.NoError(t, err)
				return at
			}
			from, to := instant(test.from), instant(test.to)
			spec, instants, err := client.TimesBetween(test.calendar, zone, from, to)
			require.NoError(t, err)
			var ours []string
			for _, at := range instants {
				ours = append(ours, at.In(zone).Format("0102T1504"))
			}
			require.Equal(t, test.want, ours)

			id := fmt.Sprintf("schedule-%d", i)
			_, err = temporal.ScheduleClient().Create(t.Context(), sdk.ScheduleOptions{
				ID: id, Paused: true, Spec: sdk.ScheduleSpec{Calendars: []sdk.ScheduleCalendarSpec{spec}, TimeZoneName: test.zone},
				Action: &sdk.ScheduleWorkflowAction{ID: id, Workflow: "None", TaskQueue: "none"},
			})
			require.NoError(t, err)
			// Temporal leaves its first moment out.
			found, err := temporal.WorkflowService().ListScheduleMatchingTimes(t.Context(), &workflowservice.ListScheduleMatchingTimesRequest{
				Namespace: server.Namespace, ScheduleId: id, StartTime: timestamppb.New(from.Add(-time.Second)), EndTime: timestamppb.New(to),
			})
			require.NoError(t, err)
			var theirs []string
			for _, at := range found.GetStartTime() {
				theirs = append(theirs, at.AsTime().In(zone).Format("0102T1504"))
			}
			// A local time that comes twice Temporal finds once in some zones, twice in others. It is one run.
			require.Equal(t, slices.Compact(ours), slices.Compact(theirs))
		})
	}
}
