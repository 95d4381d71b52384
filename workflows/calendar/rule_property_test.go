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

func drawList(t *rapid.T, name string, values []string, most int) string {
	list := rapid.SliceOfNDistinct(rapid.SampledFrom(values), 1, most, rapid.ID).Draw(t, name)
	return name + "=" + strings.Join(list, ",")
}

func numbersText(from, to int) []string {
	var list []string
	for n := from; n <= to; n++ {
		if n != 0 {
			list = append(list, fmt.Sprint(n))
		}
	}
	return list
}

// drawRule draws a rule that RFC 5545 allows.
func drawRule(t *rapid.T) string {
	freq := rapid.SampledFrom([]string{"YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"}).Draw(t, "FREQ")
	rule := []string{"FREQ=" + freq}
	often := func(name string) bool { return rapid.IntRange(0, 2).Draw(t, name+"?") == 0 }
	if often("INTERVAL") {
		rule = append(rule, fmt.Sprintf("INTERVAL=%d", rapid.IntRange(1, 5).Draw(t, "INTERVAL")))
	}
	if often("WKST") {
		rule = append(rule, "WKST="+rapid.SampledFrom(weekdays).Draw(t, "WKST"))
	}
	by := len(rule)
	if often("BYMONTH") {
		rule = append(rule, drawList(t, "BYMONTH", numbersText(1, 12), 4))
	}
	numbered := freq == "YEARLY" || freq == "MONTHLY"
	if freq == "YEARLY" && often("BYWEEKNO") {
		numbered = false
		rule = append(rule, drawList(t, "BYWEEKNO", numbersText(-51, 51), 3))
	} else if (freq == "YEARLY" || freq == "HOURLY") && often("BYYEARDAY") {
		rule = append(rule, drawList(t, "BYYEARDAY", numbersText(-366, 366), 5))
	}
	if freq != "WEEKLY" && often("BYMONTHDAY") {
		rule = append(rule, drawList(t, "BYMONTHDAY", numbersText(-31, 31), 4))
	}
	if often("BYDAY") {
		days := slices.Clone(weekdays)
		if numbered {
			for _, day := range weekdays {
				for _, n := range numbersText(-5, 5) {
					days = append(days, n+day)
				}
			}
		}
		rule = append(rule, drawList(t, "BYDAY", days, 4))
	}
	if often("BYHOUR") {
		rule = append(rule, drawList(t, "BYHOUR", numbersText(1, 23), 3))
	}
	if often("BYMINUTE") {
		rule = append(rule, fmt.Sprintf("BYMINUTE=%d", rapid.IntRange(0, 59).Draw(t, "BYMINUTE")))
	}
	if len(rule) > by && often("BYSETPOS") {
		rule = append(rule, drawList(t, "BYSETPOS", numbersText(-3, 3), 3))
	}
	return strings.Join(rule, ";")
}

// A recurrence rule has exactly the dates of the calendar that walks every hour and looks at each part of the rule.
func TestRulesAgreeWithEveryHourWalked(t *testing.T) {
	t.Parallel()
	segments := oddSegments(t)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(oddZones).Draw(t, "zone")
		z := zone(t, name)
		rule := drawRule(t)
		start := dayOf(drawWall(t, "start", 2000, 2035))
		anchor := start.Add(time.Duration(rapid.IntRange(0, 24*60-1).Draw(t, "at")) * time.Minute)
		s := Schedule{RRule: rule, Start: start.Format(time.DateOnly), At: anchor.Format(timeOfDay), SubDaily: true, SkipShortMonths: true}
		began, _ := bruteInstant(segments[name], start)

		years := 4
		if strings.Contains(rule, "HOURLY") {
			years = 1
		}
		end := anchor.AddDate(years, 0, 0)
		// Walked to the end of the period that end lies in.
		walls := readBrute(rule, anchor).walls(end.AddDate(1, 1, 0))
		want := bruteOccurrences(segments[name], walls, "20060102T1504")
		want = slices.DeleteFunc(want, func(o Occurrence) bool { return o.At.Before(began) })
		c, err := New(s, z, began)
		if err != nil {
			require.Empty(t, want, "%s", err)
			require.ErrorContains(t, err, "must have a date")
			return
		}
		requireSame(t, c, want, end, segments[name])
	})
}
