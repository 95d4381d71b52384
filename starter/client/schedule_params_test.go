package client

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

func scheduleParams(change ...func(*ScheduleParams)) ScheduleParams {
	p := ScheduleParams{Reference: "monthly", Cron: "0 6 1 * *", TimeZone: "Europe/Berlin", Run: RunParams{Manifest: "s3://billing/{{date}}.csv"}}
	for _, c := range change {
		c(&p)
	}
	return p
}

func TestCreateScheduleRefuses(t *testing.T) {
	t.Parallel()
	cron := func(text string) func(*ScheduleParams) { return func(p *ScheduleParams) { p.Cron = text } }
	calendar := func(texts ...string) func(*ScheduleParams) {
		return func(p *ScheduleParams) { p.Cron, p.Calendars = "", texts }
	}
	manifest := func(url string) func(*ScheduleParams) { return func(p *ScheduleParams) { p.Run.Manifest = url } }
	for _, test := range []struct {
		name   string
		change func(*ScheduleParams)
		field  string
		want   string
	}{
		{"NoReference", func(p *ScheduleParams) { p.Reference = "" }, "reference", `reference: "" is not allowed`},
		{"LongReference", func(p *ScheduleParams) { p.Reference = strings.Repeat("a", 101) }, "reference", "use 1 to 100 characters"},
		{"TildeInReference", func(p *ScheduleParams) { p.Reference = "a~b" }, "reference", `reference: "a~b" is not allowed`},
		{"NoTimes", cron(""), "cron", `cron: ""; must be the times of the runs`},
		{"CronAndCalendar", func(p *ScheduleParams) { p.Calendars = []string{"hour=6"} }, "calendar", "must not be given with cron"},
		{"CronTooShort", cron("6 1 * *"), "cron", "must have 5 fields: minute, hour, day of the month, the month, day of the week; it has 4"},
		{"CronWithSeconds", cron("0 0 6 1 * *"), "cron", "it has 6"},
		{"CronWithZone", cron("TZ=UTC 0 6 1 * *"), "cron", "the time zone is given beside it"},
		{"CronInterval", cron("@every 1h"), "cron", "must be five fields, or @yearly"},
		{"CronBothDays", cron("0 6 1 * mon"), "cron", "cron takes either, Temporal both at once"},
		{"HourTooLate", cron("0 24 1 * *"), "cron", `cron: "0 24 1 * *"; hour 24; must be 0 to 23`},
		{"MonthZero", cron("0 6 1 0 *"), "cron", "month 0; must be 1 to 12"},
		{"NegativeMinute", cron("-5 6 1 * *"), "cron", `minute ""; must be a number from 0 to 59`},
		{"Fraction", cron("1.5 6 1 * *"), "cron", `minute "1.5"; must be a number from 0 to 59`},
		{"UnknownMonth", cron("0 6 1 brumaire *"), "cron", `month "brumaire"; must be a number from 1 to 12, or jan to dec`},
		{"BackwardRange", cron("0 6 9-3 * *"), "cron", `day "9-3" ends before it begins`},
		{"ZeroStep", cron("*/0 6 1 * *"), "cron", `minute "*/0"; its step must be 1 to 59`},
		{"EmptyItem", cron("0, 6 1 * *"), "cron", `minute ""; must be a number`},
		{"QuestionMark", cron("0 6 ? * *"), "cron", `day "?"; must be a number from 1 to 31`},
		{"CalendarWithoutHour", calendar("day=1"), "calendar", "must name the hour"},
		{"CalendarKey", calendar("dayofmonth=1 hour=6"), "calendar", `"dayofmonth=1"; must be month, day, weekday, hour or minute`},
		{"CalendarWithoutValue", calendar("day hour=6"), "calendar", `"day"; must be month, day`},
		{"CalendarTwice", calendar("hour=6 hour=7"), "calendar", "hour is there twice"},
		{"EmptyCalendar", calendar(""), "calendar", "must name the hour"},
		{"SecondOfTwo", calendar("hour=6", "hour=25"), "calendar", `calendar: "hour=25"; hour 25; must be 0 to 23`},
		{"ManyCalendars", calendar(strings.Split(strings.Repeat("hour=6,", 11), ",")...), "calendar", "must be at most 10"},
		{"LosesMonths", cron("0 6 31 * *"), "cron", "never fits in February, which would have no run"},
		{"LosesFebruary", calendar("day=29 hour=6"), "calendar", "never fits in February"},
		{"LosesApril", calendar("day=31 month=jan,apr hour=6"), "calendar", "never fits in April"},
		{"LosesDate", cron("30 2 * * *"), "cron", "does not exist in Europe/Berlin on "},
		{"LosesDateAtMidnight", func(p *ScheduleParams) { p.Cron, p.TimeZone = "@daily", "Africa/Cairo" }, "cron", "choose another hour"},
		{"TimeZone", func(p *ScheduleParams) { p.TimeZone = "Mars" }, "time_zone", "time_zone: "},
		{"Placeholder", manifest("s3://billing/{{month}}.csv"), "manifest", "the only placeholder is {{date}}"},
		{"Brace", manifest("s3://billing/{{date}}-{{.csv"), "manifest", "the only placeholder is {{date}}"},
		{"NoManifest", manifest(""), "manifest", `manifest: ""; must be the URL of a file`},
		{"Slashes", manifest("s3://billing//{{date}}.csv"), "manifest", "must not have two slashes in a row"},
		{"Scheme", manifest("ftp://billing/{{date}}.csv"), "manifest", "manifest: "},
		{"Patience", func(p *ScheduleParams) { p.ManifestPatience = 32 * 24 * time.Hour }, "manifest_patience", `manifest_patience: "768h0m0s"; must be 0s to 744h0m0s, in whole seconds`},
		{"PartOfASecond", func(p *ScheduleParams) { p.Jitter = time.Millisecond }, "jitter", "in whole seconds"},
		{"NegativeJitter", func(p *ScheduleParams) { p.Jitter = -time.Minute }, "jitter", "must be 0s to 24h0m0s"},
		{"CatchupWindow", func(p *ScheduleParams) { p.CatchupWindow = time.Second }, "catchup_window", "must be 10s to 8760h0m0s"},
		{"Overlap", func(p *ScheduleParams) { p.Overlap = "terminate_other" }, "overlap", "must be one of buffer_all, buffer_one, skip"},
		{"RunReference", func(p *ScheduleParams) { p.Run.Reference = "july" }, "run.reference", "must be empty"},
		{"RunTimeZone", func(p *ScheduleParams) { p.Run.TimeZone = "UTC" }, "run.time_zone", "must be empty"},
		{"RunRate", func(p *ScheduleParams) { p.Run.Rate = -1 }, "rate", "must be charges per second"},
		{"RunConcurrent", func(p *ScheduleParams) { p.Run.Concurrent = true }, "rate", "must be given with concurrent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			// The mocked Temporal fails the test when it is asked for anything.
			_, err := setup(t).CreateSchedule(t.Context(), scheduleParams(test.change))
			var mistake *InvalidError
			require.ErrorAs(t, err, &mistake)
			require.Equal(t, test.field, mistake.Field, err)
			require.Contains(t, err.Error(), test.want)
			var joined interface{ Unwrap() []error }
			require.ErrorAs(t, err, &joined)
			require.Len(t, joined.Unwrap(), 1, "one mistake, one message: %v", err)
		})
	}
}

func TestScheduleInput(t *testing.T) {
	t.Parallel()
	c := setup(t).Client
	in, times, err := c.scheduleInput(scheduleParams(func(p *ScheduleParams) {
		p.Cron, p.Calendars = "", []string{"day=31 month=1,3,5,7,8,10,12 hour=6", "day=30 month=4,6,9,11 hour=6", "day=28 month=2 hour=6", "month=feb day=28 hour=6 minute=0"}
		p.ManifestPatience = -1
	}), time.Now())
	require.NoError(t, err)
	require.Equal(t, []string{"month=apr,jun,sep,nov day=30 hour=6 minute=0", "month=feb day=28 hour=6 minute=0", "month=jan,mar,may,jul,aug,oct,dec day=31 hour=6 minute=0"}, in.Calendars)
	require.Zero(t, in.ManifestPatience)
	options, err := c.scheduleOptions(in, times)
	require.NoError(t, err)
	require.Equal(t, "schedule:monthly", options.ID)
	require.Len(t, options.Spec.Calendars, 3)
	require.Equal(t, 24*time.Hour, options.CatchupWindow)
	require.True(t, options.PauseOnFailure)

	memo, err := payloadOf(options.Memo[workflows.MemoInput])
	require.NoError(t, err)
	require.NotContains(t, memo, dunning.DefaultPolicy().Name, "the policy is its fingerprint")
	require.NotContains(t, memo, "page_size", "what is common is left out")
}

// A year of nights for each hour, in every half of the world: those that are accepted never lose one.
func TestAcceptedSchedulesLoseNoDate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Africa/Cairo", "America/Santiago", "Australia/Lord_Howe", "Asia/Beirut", "America/Havana"} {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		refused := 0
		for hour := range 24 {
			calendar := scheduleCalendar{1 << 30, 1 << hour, all(fieldDay), all(fieldMonth), all(fieldWeekday)}
			times := scheduleTimes{calendars: []scheduleCalendar{calendar}, zone: zone}
			if times.losesDate(now) != "" {
				refused++
				continue
			}
			dates := make(map[string]bool)
			for at := range times.between(now, now.AddDate(1, 0, 0)) {
				dates[at.In(zone).Format(time.DateOnly)] = true
			}
			require.GreaterOrEqual(t, len(dates), 365, "%s %d:30", name, hour)
		}
		require.LessOrEqual(t, refused, 1, name)
	}
}
