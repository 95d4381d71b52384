package devstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseTemporalVersion(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		out  string
		want temporalVersion
		err  string
	}{
		{out: "temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)\n", want: temporalVersion{1, 5, 1}},
		{out: "temporal version v1.10.0\n", want: temporalVersion{1, 10, 0}},
		{out: "a warning first\ntemporal version 2.0.13 (Server 1.40.0)\n", want: temporalVersion{2, 0, 13}},
		{out: "temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)\n", want: temporalVersion{}},
		{out: "tctl version 1.18.0\n", err: `its version reads "tctl version 1.18.0\n"`},
		{out: "temporal version unknown\n", err: "no Temporal CLI"},
		{out: "", err: "no Temporal CLI"},
	} {
		version, err := parseTemporalVersion(tc.out)
		if tc.err != "" {
			require.ErrorContains(t, err, tc.err)
			continue
		}
		require.NoError(t, err, tc.out)
		require.Equal(t, tc.want, version, tc.out)
	}
}

func TestOldestTemporalIsThePinnedOne(t *testing.T) {
	t.Parallel()
	goMod, err := os.ReadFile("../../tools/temporal/go.mod")
	require.NoError(t, err)
	pin := regexp.MustCompile(`github.com/temporalio/cli v(\S+)`).FindSubmatch(goMod)
	require.NotNil(t, pin)
	require.Equal(t, string(pin[1]), oldestTemporal.String())
}

// fakeTemporal writes a file that holds what the CLI's --version would print. It is read, not run: running a file
// just written fails now and then when another test starts a process at that moment.
func fakeTemporal(t *testing.T, path, version string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("temporal version "+version+" (Server 1.29.1, UI 2.42.1)\n"), 0o600))
	return path
}

func TestFindTemporalOrder(t *testing.T) {
	t.Parallel()
	offline := errors.New("no route to the internet")
	for _, tc := range []struct {
		name string
		// versions of what is there, empty for nothing
		onPath, laterOnPath, cached, built string
		// what a download and a build would leave
		download, build string
		outside         bool // of the repository
		want            string
		says            []string
		silent          bool
		err             string
	}{
		{name: "PATH first", onPath: "1.5.1", cached: "1.9.0", built: "1.5.1", want: "first/temporal", silent: true},
		{name: "next on PATH when the first is old", onPath: "1.4.9", laterOnPath: "1.6.0", cached: "1.9.0", want: "second/temporal", silent: true},
		{name: "the SDK's cache when PATH is old", onPath: "1.5.0", cached: "1.9.0", built: "1.5.1", want: "cache", silent: true},
		{name: "built before", built: "1.5.1", download: "1.9.0", want: "repo/.bin/temporal", silent: true},
		{
			name: "download before build", onPath: "1.0.0", built: "1.4.0", download: "1.9.0", build: "1.5.1", want: "cache",
			says: []string{"first/temporal is v1.0.0, older than v1.5.1", ".bin/temporal is v1.4.0, older", "fetching"},
		},
		{
			name: "build when offline", onPath: "0.0.0-DEV", build: "1.5.1", want: "repo/.bin/temporal",
			says: []string{"is v0.0.0, older", "no download: no route to the internet", "building"},
		},
		{
			name: "build when the download is too old", download: "1.5.0", build: "1.5.1", want: "repo/.bin/temporal",
			says: []string{"no download: ", "cache is v1.5.0, older than v1.5.1", "building"},
		},
		{name: "built one too old", build: "1.5.0", err: "just built: "},
		{name: "build fails", err: "build the Temporal CLI from tools/temporal", says: []string{"it broke"}},
		{name: "offline outside the repository", outside: true, err: "none could be downloaded: no route to the internet"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for path, version := range map[string]string{
				"first/temporal": tc.onPath, "second/temporal": tc.laterOnPath, "cache": tc.cached, "repo/.bin/temporal": tc.built,
			} {
				if version != "" {
					fakeTemporal(t, filepath.Join(dir, path), version)
				}
			}
			buildScript := "echo it broke; exit 1\n"
			if tc.build != "" {
				product := fakeTemporal(t, filepath.Join(dir, "product"), tc.build)
				buildScript = fmt.Sprintf("echo building $1\nmkdir -p '%[1]s/.bin'\ncp '%[2]s' '%[1]s/.bin/temporal'\n", filepath.Join(dir, "repo"), product)
			}
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "repo/tools"), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "repo/tools/build.sh"), []byte(buildScript), 0o600))

			var log bytes.Buffer
			f := temporalFinder{
				searchPath: filepath.Join(dir, "first") + string(os.PathListSeparator) + filepath.Join(dir, "second"),
				cached:     filepath.Join(dir, "cache"),
				root:       filepath.Join(dir, "repo"),
				log:        &log,
				version: func(_ context.Context, path string) (string, error) {
					out, err := os.ReadFile(path)
					return string(out), err
				},
				download: func(context.Context) error {
					if tc.download == "" {
						return offline
					}
					fakeTemporal(t, filepath.Join(dir, "cache"), tc.download)
					return nil
				},
			}
			if tc.outside {
				f.root = ""
			}
			path, err := f.find(t.Context())
			for _, text := range tc.says {
				require.Contains(t, log.String(), text)
			}
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, filepath.Join(dir, tc.want), path)
			if tc.silent {
				require.Empty(t, log.String())
			}
		})
	}
}

func TestFindTemporalPassesOverWhatCannotRun(t *testing.T) {
	t.Parallel()
	f := temporalFinder{version: printedVersion}
	dir := t.TempDir()
	require.ErrorContains(t, f.newEnough(t.Context(), dir), "permission denied")
	plain := filepath.Join(dir, "plain")
	require.NoError(t, os.WriteFile(plain, nil, 0o600))
	require.ErrorContains(t, f.newEnough(t.Context(), plain), "permission denied")
	require.ErrorContains(t, f.newEnough(t.Context(), inPath(t, "false")), "exit status 1")
	require.ErrorContains(t, f.newEnough(t.Context(), inPath(t, "echo")), "no Temporal CLI")
	require.ErrorIs(t, f.newEnough(t.Context(), filepath.Join(dir, "absent")), os.ErrNotExist)
}

func inPath(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	require.NoError(t, err)
	return path
}
