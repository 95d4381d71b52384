package manifest_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/manifest"
)

// mostHeap is how large the heap may get whatever a manifest holds.
const mostHeap = 64 << 20

// TestMemory runs in a process of its own, whose heap no other test makes larger.
func TestMemory(t *testing.T) {
	const inside = "OFFSESSION_TEST_MEMORY"
	if dir := os.Getenv(inside); dir != "" {
		hostile(t, dir)
		return
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestMemory$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+t.TempDir())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "--- PASS")
}

// hostile reads what somebody might write who wants the reader to take more memory than there is.
func hostile(t *testing.T, dir string) {
	t.Helper()
	const bomb = 40 // members of 2 MiB
	line := func(n int) func() string { return func() string { return strings.Repeat("x", n) } }
	for _, test := range []struct {
		name, file string
		// The file is a beginning, what follows it so many times, and an end.
		begin    string
		repeated func() string
		times    int
		end      string
		readable bool
	}{
		{"LongLine", "a.jsonl", `{"reference":"`, line(1 << 16), tenMB >> 16, `"}`, true},
		{"LongLineOfCSV", "a.csv", header, line(1 << 16), 3 << 20 >> 16, "", true},
		{"LongQuotedLine", "a.csv", header + `"`, line(1 << 16), 3 << 20 >> 16, "", false},
		{"ManyColumns", "a.csv", "", func() string { return "column," }, 100_000, "", false},
		{"ManyKeys", "a.jsonl", "{", func() string { return `"":1,` }, 200_000, `"":1}`, true},
		{"ManyValues", "a.jsonl", `{"metadata":{`, func() string { return `"":1,` }, 200_000, `"":1}}`, true},
		{"ManyNests", "a.jsonl", `{"metadata":`, func() string { return "[" }, 1_000_000, "", true},
		{"BombOfLines", "a.jsonl.gz", "", func() string { return zip(t, strings.Repeat("x", 2<<20-1)+"\n") }, bomb, "", true},
	} {
		path := filepath.Join(dir, test.file)
		file, err := os.Create(path)
		require.NoError(t, err)
		w, repeated := bufio.NewWriter(file), test.repeated()
		_, _ = w.WriteString(test.begin) // its errors are those of Flush
		for range test.times {
			_, _ = w.WriteString(repeated)
		}
		_, _ = w.WriteString(test.end)
		require.NoError(t, w.Flush())
		require.NoError(t, file.Close())
		runtime.GC() // what was made for the file
		problems := 0
		_, err = manifest.New().Normalise(t.Context(), activities.NormaliseRequest{
			RunFile: activities.RunFile{URL: "file://" + path, Run: run}, PageSize: 100, Problem: func(p activities.RunProblem) {
				require.Positive(t, p.Line, test.name)
				problems++
			},
		})
		if test.readable {
			require.NoError(t, err, test.name)
		} else {
			require.ErrorIs(t, err, activities.ErrManifestUnreadable, test.name)
		}
		require.Positive(t, problems, test.name)
		require.LessOrEqual(t, problems, 2+100, test.name)
		var heap runtime.MemStats
		runtime.ReadMemStats(&heap)
		t.Logf("%s: %d problems, heap of %d KiB", test.name, problems, heap.HeapSys>>10)
		// The largest size that it has had.
		require.Less(t, heap.HeapSys, uint64(mostHeap), test.name)
	}
}
