package dunning

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		want Duration
		text string
	}{
		{"2d", Days(2), "2d"},
		{"02d", Days(2), "2d"},
		{"-2d", Days(-2), "-2d"},
		{"0d", Duration{}, "0s"},
		{"2s", Exactly(2 * time.Second), "2s"},
		{"90s", Exactly(90 * time.Second), "1m30s"},
		{"36h", Exactly(36 * time.Hour), "36h"},
		{"24h", Exactly(24 * time.Hour), "24h"},
		{"90m", Exactly(90 * time.Minute), "1h30m"},
		{"10m", Exactly(10 * time.Minute), "10m"},
		{"20h10m30s", Exactly(20*time.Hour + 10*time.Minute + 30*time.Second), "20h10m30s"},
		{"1.5s", Exactly(1500 * time.Millisecond), "1.5s"},
	} {
		got, err := ParseDuration(tt.in)
		require.NoError(t, err, tt.in)
		require.Equal(t, tt.want, got, tt.in)
		require.Equal(t, tt.text, got.String(), tt.in)
	}
	for _, in := range []string{"", "d", "2", "2 d", "2.5d", "1d12h", "2x", "0x2d", "1e3d", "36501d", "99999999999999999999d", "2days"} {
		_, err := ParseDuration(in)
		require.EqualError(t, err, `"`+in+`" is not a wait such as 2d, 36h or 90s`)
	}
	_, err := ParseDuration(strings.Repeat("9", 1000) + "d")
	require.Less(t, len(err.Error()), 100, "a long value is clipped")
}

func TestDurationIsItsText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := Exactly(time.Duration(rapid.Int64().Draw(t, "exact")))
		if rapid.Bool().Draw(t, "days") {
			d = Days(rapid.IntRange(-maxParsedDays, maxParsedDays).Draw(t, "n"))
		}
		var fromJSON, fromYAML Duration
		b, err := json.Marshal(d)
		require.NoError(t, err)
		require.Equal(t, `"`+d.String()+`"`, string(b))
		require.NoError(t, json.Unmarshal(b, &fromJSON))
		require.Equal(t, d, fromJSON)
		b, err = yaml.Marshal(d)
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(b, &fromYAML))
		require.Equal(t, d, fromYAML)
	})
	require.Equal(t, "-2562047h47m16.854775808s", Exactly(math.MinInt64).String())
}

func TestDurationAfter(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	at := time.Date(2027, 3, 27, 12, 34, 56, 0, berlin)
	require.Equal(t, "2027-03-28 12:34:56 CEST", Days(1).After(at, berlin).In(berlin).Format(localForm), "23 hours later")
	require.Equal(t, "2027-03-28 13:34:56 CEST", Exactly(24*time.Hour).After(at, berlin).In(berlin).Format(localForm))
	require.Equal(t, "2027-03-28 03:30:00 CEST", Days(1).After(time.Date(2027, 3, 27, 2, 30, 0, 0, berlin), berlin).In(berlin).Format(localForm))
	require.Equal(t, "2027-04-30 12:34:56 CEST", Days(34).After(at, berlin).In(berlin).Format(localForm))
	require.Equal(t, at.UTC(), Duration{}.After(at, berlin))
	require.Equal(t, time.UTC, Days(1).After(at, berlin).Location())
	require.True(t, Days(1).IsDays())
	require.False(t, Exactly(24*time.Hour).IsDays())
	require.False(t, Duration{}.IsDays())
}
