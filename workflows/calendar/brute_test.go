package calendar

import (
	"cmp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// A second calendar, slow and simple: it walks every date there is and looks up instants in a list of all changes of the
// clocks. It shares nothing with the calendar that it checks but the time zone database.

// segment is a time in which the clocks of a zone differ from UTC by the same amount.
type segment struct {
	from, to time.Time
	offset   time.Duration
}

// segmentsOf lists all changes of the clocks between two instants.
func segmentsOf(z *time.Location, from, to time.Time) []segment {
	var segments []segment
	for t := from; t.Before(to); {
		_, seconds := t.In(z).Zone()
		_, end := t.In(z).ZoneBounds()
		if end.IsZero() || end.After(to) {
			end = to
		}
		if !end.After(t) {
			end = t.AddDate(0, 0, 1) // Go ends the last of 366 days where it begins
		}
		end = end.UTC()
		offset := time.Duration(seconds) * time.Second
		if last := len(segments) - 1; last >= 0 && segments[last].offset == offset {
			segments[last].to = end // only the zone's name has changed
		} else {
			segments = append(segments, segment{t, end, offset})
		}
		t = end
	}
	return segments
}

// bruteInstant is the first instant at which clocks show wall, or where they would if they had not been put forward.
func bruteInstant(segments []segment, wall time.Time) (at time.Time, exists bool) {
	near := sort.Search(len(segments), func(i int) bool { return segments[i].to.After(wall.Add(-26 * time.Hour)) })
	segments = segments[near:]
	for _, s := range segments {
		if at := wall.Add(-s.offset); !at.Before(s.from) && at.Before(s.to) {
			return at, true
		}
	}
	for i, s := range segments[1:] {
		last := s.from.Add(segments[i].offset)
		first := s.from.Add(s.offset)
		if !wall.Before(last) && wall.Before(first) {
			return wall.Add(-segments[i].offset), false
		}
	}
	panic("no clock shows " + wall.String())
}

// bruteOccurrences turns local times into what is due at and after began: rising, each instant once.
func bruteOccurrences(segments []segment, walls []time.Time, keyForm string) []Occurrence {
	type due struct {
		Occurrence
		exists bool
	}
	var all []due
	for _, wall := range walls {
		at, exists := bruteInstant(segments, wall)
		all = append(all, due{Occurrence{at, wall.Format(keyForm)}, exists})
	}
	slices.SortStableFunc(all, func(a, b due) int {
		exists := map[bool]int{true: 0, false: 1}
		return cmp.Or(a.At.Compare(b.At), exists[a.exists]-exists[b.exists])
	})
	all = slices.CompactFunc(all, func(a, b due) bool { return a.At.Equal(b.At) })
	found := make([]Occurrence, len(all))
	for i, d := range all {
		found[i] = d.Occurrence
	}
	return found
}

// bruteWalls walks every day, or every hour, from the anchor to the end and keeps each interval-th that fits.
func bruteWalls(s Schedule, anchor, end time.Time) []time.Time {
	step := func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }
	if s.Every == "hour" {
		step = func(t time.Time) time.Time { return t.Add(time.Hour) }
	}
	interval := max(1, s.Interval)
	var walls []time.Time
	n := 0
	for t := anchor; t.Before(end); t = step(t) {
		if bruteFits(s, anchor, t) {
			if n%interval == 0 {
				walls = append(walls, t)
			}
			n++
		}
	}
	return walls
}

func bruteFits(s Schedule, anchor, t time.Time) bool {
	tomorrow := t.AddDate(0, 0, 1)
	lastOfMonth := tomorrow.Month() != t.Month()
	words := strings.Fields(string(s.On))
	// A day that a month does not have falls on its last.
	onDay := func(day int) bool { return t.Day() == day || lastOfMonth && t.Day() < day }
	switch s.Every {
	case "week":
		if s.On == "" {
			return t.Weekday() == anchor.Weekday()
		}
		return strings.EqualFold(t.Weekday().String(), string(s.On))
	case "year":
		month, day := anchor.Month(), anchor.Day()
		if s.On != "" {
			m, _ := strconv.Atoi(string(s.On[:2]))
			month = time.Month(m)
			day, _ = strconv.Atoi(string(s.On[3:]))
		}
		return t.Month() == month && onDay(day)
	case "month":
		if len(words) == 0 {
			return onDay(anchor.Day())
		}
		if day, err := strconv.Atoi(words[0]); err == nil {
			return onDay(day)
		}
		return bruteWords(words, t)
	}
	return true
}

// bruteWords looks at the whole month of t.
func bruteWords(words []string, t time.Time) bool {
	var fitting []int
	for day := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC); day.Month() == t.Month(); day = day.AddDate(0, 0, 1) {
		weekend := day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
		if len(words) == 1 || words[1] == "business" && !weekend || strings.EqualFold(words[1], day.Weekday().String()) {
			fitting = append(fitting, day.Day())
		}
	}
	n := map[string]int{"1st": 0, "first": 0, "2nd": 1, "3rd": 2, "4th": 3, "last": len(fitting) - 1}[words[0]]
	return t.Day() == fitting[n]
}
