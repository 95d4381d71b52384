package calendar

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawAnything draws a schedule as a careless person, or one who means harm, could write it.
func drawAnything(t *rapid.T) Schedule {
	oneOf := func(name string, values ...string) string {
		if rapid.IntRange(0, 9).Draw(t, name+"?") == 0 {
			return rapid.StringN(0, 30, -1).Draw(t, name)
		}
		return rapid.SampledFrom(values).Draw(t, name)
	}
	number := rapid.OneOf(rapid.Just(0), rapid.IntRange(1, 30), rapid.IntRange(-5, 2000), rapid.Int())
	s := Schedule{
		At:              oneOf("at", "", "00:00", "02:30", "09:00", "23:59", "24:00"),
		Start:           oneOf("start", "", "", "2026-03-29", "2024-02-29", "2027-01-31", "1950-01-01", "2120-12-31"),
		Until:           oneOf("until", "", "", "", "2026-12-31", "2125-01-01"),
		SubDaily:        rapid.Bool().Draw(t, "sub-daily"),
		SkipShortMonths: rapid.Bool().Draw(t, "skip"),
	}
	if s.Until == "" && rapid.Bool().Draw(t, "limited") {
		s.Count = number.Draw(t, "count")
	}
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		s.Every = oneOf("every", periods...)
		s.Interval = number.Draw(t, "interval")
		s.On = On(oneOf("on", everyOn[rapid.SampledFrom(periods).Draw(t, "on of")]...))
		s.SkipShortMonths = false
	case 1:
		s.Dates = rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 3_000_000), func(minute int) string {
			return bruteFrom.AddDate(25, 0, 0).Add(time.Duration(minute) * time.Minute).Format(localTime)
		}), 0, 5).Draw(t, "dates")
		if rapid.Bool().Draw(t, "sorted") {
			s = Schedule{Dates: s.Dates[:min(1, len(s.Dates))], SubDaily: s.SubDaily}
		}
	case 2:
		s.RRule = drawRule(t)
	default:
		s.RRule = drawWildRule(t)
	}
	return s
}

// drawWildRule draws a rule of parts that do not go together, with values at and beyond their limits.
func drawWildRule(t *rapid.T) string {
	value := rapid.OneOf(
		rapid.Map(rapid.IntRange(-60, 60), func(n int) string { return fmt.Sprint(n) }),
		rapid.Map(rapid.IntRange(-370, 400), func(n int) string { return fmt.Sprint(n) }),
		rapid.SampledFrom([]string{"MO", "-53SU", "53MO", "+5FR", "1000", "99999999999999999999", "20260229T000000Z", "20991231T235959Z", "YEARLY", ",", "=", ""}),
	)
	freq := rapid.SampledFrom([]string{"YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"}).Draw(t, "FREQ")
	rule := []string{"FREQ=" + freq}
	for _, part := range rapid.SliceOfNDistinct(rapid.SampledFrom(append([]string{"BYSECOND", "X"}, parts[1:]...)), 0, 5, rapid.ID).Draw(t, "parts") {
		rule = append(rule, part+"="+strings.Join(rapid.SliceOfN(value, 1, 3).Draw(t, part), ","))
	}
	return strings.Join(rule, ";")
}

// Whatever is asked for, there is an answer, and what is accepted has dates that a payment can be named after.
func TestAnySchedule(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawAnything(t)
		z := zone(t, rapid.SampledFrom(oddZones).Draw(t, "zone"))
		began := drawWall(t, "began", 2000, 2040)
		c, err := New(s, z, began)
		if err != nil {
			for mistake := range strings.SplitSeq(err.Error(), "\n") {
				require.Regexp(t, `^schedule(\.[a-z_]+(\[[0-9]+\])?)?: `, mistake)
			}
			require.Nil(t, c)
			return
		}
		n, last, keys := 0, began.Add(-1), map[string]bool{}
		for o := range c.After(time.Time{}) {
			require.True(t, o.At.After(last))
			require.LessOrEqual(t, wallClock(o.At, z).Year(), wallClock(began, z).Year()+maxYears)
			require.False(t, keys[o.Key])
			keys[o.Key] = true
			next, ok := c.Next(last)
			require.True(t, ok)
			require.Equal(t, o, next)
			last = o.At
			if n++; n == 20 {
				break
			}
		}
		require.Positive(t, n)
		again, err := New(s.Canonical(), z, began)
		require.NoError(t, err)
		require.Equal(t, must(c.Next(began)), must(again.Next(began)))
	})
}
