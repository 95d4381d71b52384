package calendar

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the same clock changes on every machine

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// parse reads a schedule as people write it.
func parse(t require.TestingT, text string) Schedule {
	var s Schedule
	require.NoError(t, yaml.UnmarshalWithOptions([]byte(text), &s, yaml.Strict()), text)
	return s
}

func zone(t require.TestingT, name string) *time.Location {
	z, err := time.LoadLocation(name)
	require.NoError(t, err)
	return z
}

// local reads a local time.
func local(t require.TestingT, z *time.Location, text string) time.Time {
	at, err := time.ParseInLocation("2006-01-02 15:04", text, z)
	require.NoError(t, err)
	return at
}

// dates are the next of a schedule in local time, separated by ", ".
func dates(t require.TestingT, text, zoneName, began string, n int) string {
	z := zone(t, zoneName)
	c, err := New(parse(t, text), z, local(t, z, began))
	require.NoError(t, err, text)
	var found []string
	for o := range c.After(time.Time{}) {
		require.Equal(t, time.UTC, o.At.Location())
		if found = append(found, o.At.In(z).Format("2006-01-02 15:04")); len(found) == n {
			break
		}
	}
	return strings.Join(found, ", ")
}

func TestDates(t *testing.T) {
	t.Parallel()
	const (
		berlin = "Europe/Berlin"
		began  = "2026-01-17 12:00" // a Saturday
	)
	for _, tt := range []struct {
		name, schedule, zone, began string
		n                           int
		want                        string
	}{
		{
			"the 31st is the last day of shorter months, and the 31st again after them", "{every: month, on: 31, start: 2026-01-31}", berlin, began, 4,
			"2026-01-31 09:00, 2026-02-28 09:00, 2026-03-31 09:00, 2026-04-30 09:00",
		},
		{"the anchor's day, from the start", "{every: month, start: 2028-01-30}", berlin, began, 3, "2028-01-30 09:00, 2028-02-29 09:00, 2028-03-30 09:00"},
		{"the anchor's day, from the agreement's own first", "{every: month}", berlin, began, 2, "2026-02-17 09:00, 2026-03-17 09:00"},
		{"the first day counts when its hour has not passed", "{every: month, at: '12:00'}", berlin, began, 2, "2026-01-17 12:00, 2026-02-17 12:00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, dates(t, tt.schedule, tt.zone, tt.began, tt.n))
		})
	}
}
