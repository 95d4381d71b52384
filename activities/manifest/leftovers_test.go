package manifest_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/manifest"
)

// TestLeftovers: temporary files of processes that were killed go when the run writes its copy, or its report; those that are
// being written, and everybody else's, stay.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	long := time.Now().Add(-time.Hour)
	f := put(t, "a.csv", small)
	dir := filepath.Dir(beside(f, "rows"))
	leave := func(name string, at time.Time) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte("half"), 0o600))
		require.NoError(t, os.Chtimes(path, at, at))
	}
	stays := []string{
		"a.csv." + run + ".rows.18a7.tmp.csv", "a.csv.other.rows.18a7.tmp", "a.csv." + run + ".rows.old.tmp", "b.csv." + run + ".rows.18a7.tmp", "18a7.tmp",
	}
	for _, name := range stays {
		leave(name, long)
	}
	young := []string{"a.csv." + run + ".index.18a8.tmp", run + "/pages/1.csv.18a8.tmp"}
	for _, name := range young {
		leave(name, time.Now())
	}
	goes := []string{
		"a.csv." + run + ".rows.18a7.tmp", "a.csv." + run + ".index.18a7.tmp", "a.csv." + run + ".report.csv.18a7.tmp", run + "/pages/0.csv.18a7.tmp",
		run + "/pages/0.checkpoint.jsonl.18a7.tmp", run + "/known/0.jsonl.18a7.tmp", run + "/first/pages/7.csv.18a7.tmp", run + "/first/known/7.jsonl.18a7.tmp",
	}
	for _, write := range []func(){
		func() { normalise(t, f, 2) },
		func() {
			_, err := manifest.New().WriteReport(t.Context(), activities.ReportRequest{RunFile: f})
			require.NoError(t, err)
		},
	} {
		for _, name := range goes {
			leave(name, long)
		}
		write()
		for _, name := range goes {
			require.NoFileExists(t, filepath.Join(dir, name))
		}
		for _, name := range append(stays, young...) {
			require.FileExists(t, filepath.Join(dir, name))
		}
	}
	leave(goes[0], long)
	_, err := manifest.New().Normalise(t.Context(), activities.NormaliseRequest{RunFile: f, CheckOnly: true})
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(dir, goes[0]), "a check changes nothing")
}
