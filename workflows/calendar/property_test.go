package calendar

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Zones whose clocks change in unusual ways: by 30 minutes, by two hours, by a day, at midnight, at one minute past it,
// twice around Ramadan, without daylight saving at all.
var oddZones = []string{
	"UTC", "Europe/Berlin", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Antarctica/Troll", "Antarctica/Casey", "Pacific/Apia",
	"Africa/Cairo", "Africa/Casablanca", "America/St_Johns", "America/Nuuk", "America/Sao_Paulo", "Asia/Gaza", "Asia/Kathmandu", "Asia/Beirut",
	"Asia/Tehran", "Pacific/Chatham", "America/Caracas", "Asia/Pyongyang", "Pacific/Kwajalein", "Pacific/Fakaofo",
}

func drawWall(t *rapid.T, name string, fromYear, toYear int) time.Time {
	from := time.Date(fromYear, 1, 1, 0, 0, 0, 0, time.UTC)
	minutes := int(time.Date(toYear, 1, 1, 0, 0, 0, 0, time.UTC).Sub(from) / time.Minute)
	return from.Add(time.Duration(rapid.IntRange(0, minutes).Draw(t, name)) * time.Minute)
}

// drawAround draws a local time; half of them are near a change of the clocks.
func drawAround(t *rapid.T, segments []segment) time.Time {
	changes := slices.IndexFunc(segments, func(s segment) bool { return s.to.Year() > 2040 })
	if changes > 0 && rapid.Bool().Draw(t, "near a change") {
		i := rapid.IntRange(1, changes).Draw(t, "change")
		return segments[i].from.Add(segments[i].offset).Add(time.Duration(rapid.IntRange(-3*24*60, 24*60).Draw(t, "minutes")) * time.Minute)
	}
	return drawWall(t, "wall", 2000, 2040)
}

var bruteFrom, bruteTo = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2065, 1, 1, 0, 0, 0, 0, time.UTC)

func oddSegments(t *testing.T) map[string][]segment {
	segments := map[string][]segment{}
	for _, name := range oddZones {
		segments[name] = segmentsOf(zone(t, name), bruteFrom, bruteTo)
	}
	return segments
}

var everyOn = map[string][]string{
	"hour":  {""},
	"day":   {""},
	"week":  {"", "monday", "tuesday", "saturday", "sunday"},
	"month": {"", "1", "15", "28", "29", "30", "31", "last", "first business day", "last business day", "1st monday", "2nd tuesday", "4th sunday", "last friday", "last saturday"},
	"year":  {"", "01-01", "02-28", "02-29", "03-31", "12-31"},
}

// A schedule by anchor has exactly the dates of the calendar that walks every day.
func TestAnchorsAgreeWithEveryDayWalked(t *testing.T) {
	t.Parallel()
	segments := oddSegments(t)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(oddZones).Draw(t, "zone")
		z := zone(t, name)
		anchor := drawAround(t, segments[name])
		s := Schedule{
			Every:    rapid.SampledFrom(periods).Draw(t, "every"),
			Interval: rapid.SampledFrom([]int{0, 1, 2, 3, 5, 12}).Draw(t, "interval"),
			At:       anchor.Format(timeOfDay),
			SubDaily: rapid.Bool().Draw(t, "sub-daily"),
		}
		s.SubDaily = s.SubDaily || s.Every == everyHour
		s.On = On(rapid.SampledFrom(everyOn[s.Every]).Draw(t, "on"))
		began, _ := bruteInstant(segments[name], anchor)
		if rapid.Bool().Draw(t, "start") {
			s.Start = anchor.Format(time.DateOnly)
			began = began.Add(time.Duration(rapid.IntRange(-50, 50).Draw(t, "hours to began")) * time.Hour)
		} else {
			// The clocks may show another date when they were put forward over midnight.
			anchor = dayOf(began.In(z)).Add(anchor.Sub(dayOf(anchor)))
			year, month, day := began.In(z).Date()
			hour, minute, _ := anchor.Clock()
			anchor = time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
		}
		c, err := New(s, z, began)
		require.NoError(t, err)

		days := map[string]int{"hour": 4, "day": 60, "week": 400, "month": 3000, "year": 5000}[s.Every] * max(1, s.Interval)
		end := anchor.AddDate(0, 0, min(days, 7000))
		form := "20060102"
		if s.SubDaily {
			form = "20060102T1504"
		}
		want := bruteOccurrences(segments[name], bruteWalls(s, anchor, end.Add(30*time.Hour)), form)
		want = slices.DeleteFunc(want, func(o Occurrence) bool { return o.At.Before(began) })
		requireSame(t, c, want, end, segments[name])
	})
}

// requireSame compares all occurrences before a local time, by walking them and by asking for many of them.
func requireSame(t require.TestingT, c *Calendar, want []Occurrence, end time.Time, segments []segment) {
	last, _ := bruteInstant(segments, end)
	want = slices.Clone(want)
	want = slices.DeleteFunc(want, func(o Occurrence) bool { return !o.At.Before(last) })
	var got []Occurrence
	keys := map[string]bool{}
	for o := range c.After(time.Time{}) {
		if !o.At.Before(last) {
			break
		}
		require.False(t, keys[o.Key], "%s twice", o.Key)
		keys[o.Key] = true
		got = append(got, o)
	}
	require.Equal(t, text(want), text(got))
	after := time.Time{}
	for i, o := range want {
		if i > 50 && i%17 != 0 {
			after = o.At
			continue
		}
		next, ok := c.Next(after)
		require.True(t, ok)
		require.Equal(t, o.Key, next.Key, "the one after %s", after)
		require.True(t, next.At.After(after))
		after = next.At
		if i > 0 { // also when asked between two
			next, _ = c.Next(want[i-1].At.Add(o.At.Sub(want[i-1].At) / 2))
			require.Equal(t, o.Key, next.Key)
			next, _ = c.Next(o.At.Add(-1))
			require.Equal(t, o.Key, next.Key)
		}
	}
}

func text(all []Occurrence) string {
	var b strings.Builder
	for _, o := range all {
		fmt.Fprintf(&b, "%s %s\n", o.Key, o.At.UTC().Format(time.RFC3339))
	}
	return b.String()
}
