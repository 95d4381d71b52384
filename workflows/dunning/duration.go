package dunning

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Duration is a wait as people write it: either whole days ("2d"), which are days of the
// calendar in the customer's time zone, or an exact time ("2s", "90m", "36h"). A day
// is not 24 hours: across a change of the clocks it has 23 or 25.
// In JSON and YAML it is that text. The zero value is "0s".
type Duration struct {
	days  int
	exact time.Duration
}

// Days returns a Duration of n days of the calendar.
func Days(n int) Duration { return Duration{days: n} }

// Exactly returns a Duration of an exact time.
func Exactly(d time.Duration) Duration { return Duration{exact: d} }

// IsDays reports whether the wait is counted in days of the calendar.
func (d Duration) IsDays() bool { return d.days != 0 }

// After returns the instant that lies d after t. Days are added to the local date and keep the
// local time of day; a local time that does not exist moves forward, one that exists twice is the first. The result is UTC.
func (d Duration) After(t time.Time, zone *time.Location) time.Time {
	if !d.IsDays() {
		return t.Add(d.exact).UTC()
	}
	local := t.In(zone)
	year, month, day := local.Date()
	hour, minute, second := local.Clock()
	return instant(time.Date(year, month, day+d.days, hour, minute, second, local.Nanosecond(), time.UTC), zone)
}

// Before returns the instant that lies d before t, counted as After does.
func (d Duration) Before(t time.Time, zone *time.Location) time.Time {
	return Duration{days: -d.days, exact: -d.exact}.After(t, zone)
}

// nominal is the length with days of 24 hours, for comparing waits of both kinds.
func (d Duration) nominal() time.Duration {
	return time.Duration(d.days)*24*time.Hour + d.exact
}

// String returns the shortest text that ParseDuration reads back as d.
func (d Duration) String() string {
	if d.IsDays() {
		return strconv.Itoa(d.days) + "d"
	}
	s := d.exact.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// ParseDuration reads "2d" or anything that time.ParseDuration reads. The two cannot be mixed.
// Negative values can be read; Policy.Validate refuses them where they make no sense.
func ParseDuration(s string) (Duration, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < -maxParsedDays || n > maxParsedDays {
			return Duration{}, badDuration(s)
		}
		return Days(n), nil
	}
	exact, err := time.ParseDuration(s)
	if err != nil {
		return Duration{}, badDuration(s)
	}
	return Exactly(exact), nil
}

// maxParsedDays keeps nominal from overflowing; what a policy allows is far below.
const maxParsedDays = 36500

func badDuration(s string) error {
	const longest = 40
	if len(s) > longest {
		s = strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return fmt.Errorf("%q is not a wait such as 2d, 36h or 90s", s)
}

// MarshalText returns String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is ParseDuration.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// UnmarshalYAML is ParseDuration; its error names the line.
func (d *Duration) UnmarshalYAML(node ast.Node) error {
	text := node.String()
	if s, ok := node.(*ast.StringNode); ok {
		text = s.Value
	}
	if err := d.UnmarshalText([]byte(text)); err != nil {
		return fmt.Errorf("line %d: %w", node.GetToken().Position.Line, err)
	}
	return nil
}
