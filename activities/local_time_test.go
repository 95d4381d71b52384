package activities_test

import (
	"testing"
	"time"
	_ "time/tzdata" // the same zones on every machine

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func TestLocalTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 7, 1, 22, 30, 0, 0, time.UTC)
	for zone, want := range map[string]string{
		"Europe/Berlin":    "Thursday, 2 July 2026 at 00:30 CEST",
		"America/New_York": "Wednesday, 1 July 2026 at 18:30 EDT",
		"Asia/Kolkata":     "Thursday, 2 July 2026 at 04:00 IST",
		"Asia/Dubai":       "Thursday, 2 July 2026 at 02:30 UTC+04",
		"":                 "Wednesday, 1 July 2026 at 22:30 UTC",
		"no such zone":     "Wednesday, 1 July 2026 at 22:30 UTC",
	} {
		require.Equal(t, want, activities.LocalTime(at, zone), zone)
	}
	require.Empty(t, activities.LocalTime(time.Time{}, ""))
}
