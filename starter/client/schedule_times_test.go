package client

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdk "go.temporal.io/sdk/client"
	"pgregory.net/rapid"
)

func TestParseTimes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, cron, calendar, want string
	}{
		{"Monthly", "0 6 1 * *", "day=1 hour=6", "day=1 hour=6 minute=0"},
		{"Shorthand", "@monthly", "hour=0 day=1", "day=1 hour=0 minute=0"},
		{"Sunday", "30 3 * * 7", "weekday=0 hour=3 minute=30", "weekday=sun hour=3 minute=30"},
		{"Names", "0 0 1 JAN,july *", "month=jan,Jul day=1 hour=0", "month=jan,jul day=1 hour=0 minute=0"},
		{"Ranges", "0 8-18/5 * * mon-fri", "hour=8,13,18 weekday=1-5", "weekday=mon-fri hour=8,13,18 minute=0"},
		{"AcrossTheWeek", "0 8 * * sat-sun", "hour=8 weekday=sat,sun", "weekday=sun,sat hour=8 minute=0"},
		{"Steps", "*/20 * * * *", "hour=* minute=*/20", "hour=* minute=0,20,40"},
		{"StepFrom", "50/5 1 * * *", "hour=1 minute=50/5", "hour=1 minute=50,55"},
		{"Everything", "* * * * *", "minute=0-59 hour=0-23 month=*", "hour=* minute=*"},
		{"LastDays", "0 0 28-31 2 *", "day=28-31 month=2 hour=0", "month=feb day=28-31 hour=0 minute=0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cron, err := parseCron(test.cron)
			require.NoError(t, err)
			calendar, err := parseCalendar(test.calendar)
			require.NoError(t, err)
			require.Equal(t, test.want, cron.String())
			require.Equal(t, cron, calendar)
		})
	}
}

func drawCalendar(t *rapid.T) scheduleCalendar {
	var c scheduleCalendar
	for field, f := range calendarFields {
		for _, v := range rapid.SliceOfN(rapid.IntRange(f.least, f.most), 1, 4).Draw(t, f.name) {
			c[field] |= 1 << v
		}
		if rapid.Bool().Draw(t, "any "+f.name) {
			c[field] = all(field)
		}
	}
	return c
}

// What is shown can be given again, and what Temporal keeps is what it was told.
func TestCalendarsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := drawCalendar(t)
		parsed, err := parseCalendar(c.String())
		require.NoError(t, err)
		require.Equal(t, c, parsed)
		back, ok := calendarOfSpec(c.spec())
		require.True(t, ok)
		require.Equal(t, c, back)
	})
}

func TestCalendarsOfOthers(t *testing.T) {
	t.Parallel()
	calendar, err := parseCalendar("day=1 hour=6")
	require.NoError(t, err)
	for name, change := range map[string]func(*sdk.ScheduleSpec){
		"Seconds":  func(s *sdk.ScheduleSpec) { s.Calendars[0].Second = []sdk.ScheduleRange{{Start: 30}} },
		"Year":     func(s *sdk.ScheduleSpec) { s.Calendars[0].Year = []sdk.ScheduleRange{{Start: 2030}} },
		"Interval": func(s *sdk.ScheduleSpec) { s.Intervals = []sdk.ScheduleIntervalSpec{{Every: time.Hour}} },
		"Skip":     func(s *sdk.ScheduleSpec) { s.Skip = []sdk.ScheduleCalendarSpec{{}} },
		"StartAt":  func(s *sdk.ScheduleSpec) { s.StartAt = time.Now() },
		"EndAt":    func(s *sdk.ScheduleSpec) { s.EndAt = time.Now() },
	} {
		spec := sdk.ScheduleSpec{Calendars: []sdk.ScheduleCalendarSpec{calendar.spec()}}
		require.False(t, specOf(&spec).Other)
		change(&spec)
		require.True(t, specOf(&spec).Other, name)
	}
}

func TestBackfillOfTimes(t *testing.T) {
	t.Parallel()
	hourly, err := parseCalendar("hour=*")
	require.NoError(t, err)
	times := scheduleTimes{calendars: []scheduleCalendar{hourly}, zone: time.UTC}
	five, six := time.Date(2026, 1, 1, 5, 0, 0, 0, time.UTC), time.Date(2026, 1, 1, 6, 0, 0, 0, time.UTC)
	require.Equal(t, five, times.backfill(five, six, 0).Start)
	require.Equal(t, six, times.backfill(five, six, 0).End)
	require.Equal(t, six.Add(10*time.Minute), times.backfill(five, six, 10*time.Minute).End)
	require.Equal(t, six.Add(time.Hour-1), times.backfill(five, six, 3*time.Hour).End, "the next time has its own run")
}

func TestTwins(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	times := scheduleTimes{zone: berlin}
	first := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC) // 2:30, and an hour later again
	require.Equal(t, []time.Time{first, first.Add(time.Hour)}, times.twins(first))
	require.Equal(t, []time.Time{first, first.Add(time.Hour)}, times.twins(first.Add(time.Hour)))
	require.Equal(t, []time.Time{first.Add(2 * time.Hour)}, times.twins(first.Add(2*time.Hour)))
	require.Equal(t, []time.Time{first.Add(-time.Hour)}, times.twins(first.Add(-time.Hour)))
}
