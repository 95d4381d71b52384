package calendar

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// On is a day in a period: "31", "last", "first business day", "last business day", "2nd tuesday", "last friday", "monday"
// or "02-29". In JSON and YAML a number or these words; in JSON it is written one way, however it was spelled.
type On string

const (
	onLast     = "last"
	onFirst    = "first"
	onBusiness = "business"
	onDay      = "day"
)

var (
	ordinals = []string{"", "1st", "2nd", "3rd", "4th"}
	// ordinalWords are what people also write for them.
	ordinalWords = []string{"", onFirst, "second", "third", "fourth"}
)

// canonical spells the day one way. What is not a day stays what it is, for New to refuse.
func (o On) canonical() On {
	words := strings.Fields(strings.ToLower(string(o)))
	if len(words) == 1 {
		if n, err := strconv.Atoi(words[0]); err == nil {
			return On(strconv.Itoa(n))
		}
	}
	if slices.Equal(words, []string{onLast, onDay}) {
		words = words[:1]
	}
	if len(words) == 2 {
		if n := slices.Index(ordinalWords, words[0]); n > 0 {
			words[0] = ordinals[n]
		}
	}
	return On(strings.Join(words, " "))
}

// MarshalJSON writes the day one way: a number where it is one, else words.
func (o On) MarshalJSON() ([]byte, error) {
	day := o.canonical()
	if _, err := strconv.Atoi(string(day)); err == nil {
		return []byte(day), nil
	}
	return json.Marshal(string(day))
}

// UnmarshalJSON reads a number or words. Whether they are a day is for New to say.
func (o *On) UnmarshalJSON(data []byte) error {
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return err
	}
	switch value := value.(type) {
	case string:
		*o = On(value).canonical()
	case float64:
		*o = On(data).canonical()
	default:
		return fmt.Errorf("on: %.40s; must be a number or words", data)
	}
	return nil
}

// UnmarshalYAML reads a number or words; its error names the line.
func (o *On) UnmarshalYAML(node ast.Node) error {
	switch node := node.(type) {
	case *ast.StringNode:
		*o = On(node.Value).canonical()
	case *ast.IntegerNode, *ast.FloatNode:
		*o = On(node.GetToken().Value).canonical()
	default:
		return fmt.Errorf("line %d: on: %.40s; must be a number or words", node.GetToken().Position.Line, node.String())
	}
	return nil
}

// dayOfMonth gives the day of a month that a schedule means.
type dayOfMonth func(year int, month time.Month) int

// monthDay reads a day of a month. Empty is the anchor's.
func (o On) monthDay(anchor time.Time) (dayOfMonth, bool) {
	words := strings.Fields(string(o.canonical()))
	switch len(words) {
	case 0:
		return clamped(anchor.Day()), true
	case 1:
		if words[0] == onLast {
			return daysIn, true
		}
		n, err := strconv.Atoi(words[0])
		return clamped(n), err == nil && n >= 1 && n <= 31
	case 2:
		weekday, ok := parseWeekday(words[1])
		if n := slices.Index(ordinals, words[0]); ok && n > 0 {
			return nthWeekday(n, weekday), true
		}
		return lastWeekday(weekday), ok && words[0] == onLast
	case 3:
		isBusinessDay := words[1] == onBusiness && words[2] == onDay
		if words[0] == onFirst {
			return firstBusinessDay, isBusinessDay
		}
		return lastBusinessDay, isBusinessDay && words[0] == onLast
	default:
		return nil, false
	}
}

// yearDay reads a day of a year, MM-DD. Empty is the anchor's.
func (o On) yearDay(anchor time.Time) (time.Month, dayOfMonth, bool) {
	if o == "" {
		return anchor.Month(), clamped(anchor.Day()), true
	}
	const leapYear = "2000-"
	date, err := time.Parse(time.DateOnly, leapYear+string(o.canonical()))
	return date.Month(), clamped(date.Day()), err == nil
}

// weekday reads a day of a week. Empty is the anchor's.
func (o On) weekday(anchor time.Time) (time.Weekday, bool) {
	if o == "" {
		return anchor.Weekday(), true
	}
	return parseWeekday(string(o.canonical()))
}

func parseWeekday(name string) (time.Weekday, bool) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if strings.ToLower(day.String()) == name {
			return day, true
		}
	}
	return 0, false
}

func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func weekdayOf(year int, month time.Month, day int) time.Weekday {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Weekday()
}

func clamped(day int) dayOfMonth {
	return func(year int, month time.Month) int { return min(day, daysIn(year, month)) }
}

func nthWeekday(n int, weekday time.Weekday) dayOfMonth {
	return func(year int, month time.Month) int {
		return 1 + daysUntil(weekdayOf(year, month, 1), weekday) + 7*(n-1)
	}
}

func lastWeekday(weekday time.Weekday) dayOfMonth {
	return func(year int, month time.Month) int {
		last := daysIn(year, month)
		return last - daysUntil(weekday, weekdayOf(year, month, last))
	}
}

func firstBusinessDay(year int, month time.Month) int {
	day := 1
	for isWeekend(year, month, day) {
		day++
	}
	return day
}

func lastBusinessDay(year int, month time.Month) int {
	day := daysIn(year, month)
	for isWeekend(year, month, day) {
		day--
	}
	return day
}

func isWeekend(year int, month time.Month, day int) bool {
	weekday := weekdayOf(year, month, day)
	return weekday == time.Saturday || weekday == time.Sunday
}

// daysUntil is how many days after from the next to comes, 0 to 6.
func daysUntil(from, to time.Weekday) int { return int(to-from+7) % 7 }
