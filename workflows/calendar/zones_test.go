package calendar

import (
	"archive/zip"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// zoneNames are all zones of the database that comes with Go, or of the machine's where a distribution has taken that out.
func zoneNames(t *testing.T) []string {
	t.Helper()
	var names []string
	goroot, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	require.NoError(t, err)
	if database, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(goroot)), "lib/time/zoneinfo.zip")); err == nil {
		defer database.Close()
		for _, file := range database.File {
			names = append(names, file.Name)
		}
	} else {
		const database = "/usr/share/zoneinfo"
		require.NoError(t, filepath.WalkDir(database, func(path string, _ fs.DirEntry, err error) error {
			name, _ := filepath.Rel(database, path)
			if strings.HasPrefix(name, "posix/") || strings.HasPrefix(name, "right/") || strings.HasPrefix(name, "local") {
				return err
			}
			names = append(names, name)
			return err
		}))
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		_, err := time.LoadLocation(name)
		return err != nil || name == "." || strings.HasSuffix(name, "/")
	})
	require.Greater(t, len(names), 400)
	return names
}

const firstYear, lastYear = 2000, 2040

// eachZone runs a test in every zone: once for those that have had the same clocks in the years that the tests look at.
func eachZone(t *testing.T, test func(t *testing.T, z *time.Location, segments []segment)) {
	t.Helper()
	from, to := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, -7), time.Date(lastYear+1, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 7)
	same := map[string]bool{}
	for _, name := range zoneNames(t) {
		z := zone(t, name)
		segments := segmentsOf(z, from, to)
		if clocks := fmt.Sprint(segments); !same[clocks] {
			same[clocks] = true
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, z, segments)
			})
		}
	}
	require.Greater(t, len(same), 100)
}

// In every zone, around every change of its clocks in 40 years, a day and an hour happen when the clocks show them.
func TestEveryChangeOfClocks(t *testing.T) {
	t.Parallel()
	eachZone(t, func(t *testing.T, z *time.Location, segments []segment) {
		for i, s := range segments[1:] {
			// The schedules' time of day is in the hour that clocks leave out or show twice.
			near := segments[max(0, i-1):min(len(segments), i+4)]
			at := s.from.Add(max(s.offset, segments[i].offset)).Add(-17 * time.Minute)
			requireDates(t, near, z, at.AddDate(0, 0, -2), at.AddDate(0, 0, 3), Schedule{Every: "day", At: at.Format(timeOfDay)})
			requireDates(t, near, z, at.AddDate(0, 0, -1), at.AddDate(0, 0, 1), Schedule{Every: "hour", At: at.Format(timeOfDay), SubDaily: true})
		}
	})
}

// requireDates compares a schedule that starts on a local date with the calendar that walks every day.
func requireDates(t *testing.T, segments []segment, z *time.Location, anchor, end time.Time, s Schedule) {
	t.Helper()
	s.Start = anchor.Format(time.DateOnly)
	began, _ := bruteInstant(segments, anchor.AddDate(0, 0, -2))
	c, err := New(s, z, began)
	require.NoError(t, err)
	form := "20060102"
	if s.SubDaily {
		form = "20060102T1504"
	}
	want := bruteOccurrences(segments, bruteWalls(s, anchor, end.AddDate(0, 0, 2)), form)
	last, _ := bruteInstant(segments, end)
	want = slices.DeleteFunc(want, func(o Occurrence) bool { return !o.At.Before(last) })
	var got []Occurrence
	for o := range c.After(time.Time{}) {
		if !o.At.Before(last) {
			break
		}
		got = append(got, o)
	}
	for _, o := range got[:min(100, len(got))] {
		if next, ok := c.Next(o.At.Add(-1)); !ok || next != o {
			require.Equal(t, o, next, "%+v in %s", s, z)
		}
	}
	if !slices.Equal(want, got) { // require.Equal would be most of the test's time
		require.Equal(t, text(want), text(got), "%+v in %s", s, z)
	}
}
