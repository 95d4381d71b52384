package manifest_test

import (
	"errors"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/manifest"
)

func sequence(known []activities.KnownRow, end error) iter.Seq2[activities.KnownRow, error] {
	return func(yield func(activities.KnownRow, error) bool) {
		for _, row := range known {
			if !yield(row, nil) {
				return
			}
		}
		if end != nil {
			yield(activities.KnownRow{}, end)
		}
	}
}

func TestKnown(t *testing.T) {
	t.Parallel()
	f := put(t, "a.csv", small)
	summary := normalise(t, f, 1)
	m := manifest.New()
	paid := func(row int) activities.KnownRow {
		return activities.KnownRow{Row: row, ChargeResult: activities.ChargeResult{Outcome: activities.ChargeSucceeded, PaymentIntent: "pi_1", Adopted: true}}
	}
	counts := func() (counts []int) {
		pages, err := m.Pages(t.Context(), f, 0, 10)
		require.NoError(t, err)
		for _, page := range pages {
			known, err := m.Known(t.Context(), f, page)
			require.NoError(t, err)
			require.Len(t, known, page.Known)
			counts = append(counts, page.Known)
		}
		return counts
	}
	require.NoError(t, m.WriteKnown(t.Context(), f, sequence([]activities.KnownRow{paid(0), paid(2)}, nil)))
	require.Equal(t, []int{1, 0, 1}, counts())
	for name, known := range map[string]iter.Seq2[activities.KnownRow, error]{
		"Twice": sequence([]activities.KnownRow{paid(0), paid(0)}, nil), "NotInTheCopy": sequence([]activities.KnownRow{paid(3)}, nil),
		"Error": sequence(nil, errors.New("no answer")),
	} {
		require.Error(t, m.WriteKnown(t.Context(), f, known), name)
		require.Equal(t, []int{1, 0, 1}, counts(), name)
	}
	pages, err := m.Pages(t.Context(), f, 0, 10)
	require.NoError(t, err)
	other := paid(0)
	other.PaymentIntent = "pi_2"
	require.Error(t, m.WriteKnown(t.Context(), f, sequence([]activities.KnownRow{other, paid(2)}, errors.New("given up"))))
	known, err := m.Known(t.Context(), f, pages[0])
	require.NoError(t, err)
	require.Equal(t, []activities.KnownRow{paid(0)}, known, "one that does not come to its end, or comes late, changes nothing")

	require.NoError(t, m.WriteKnown(t.Context(), f, sequence([]activities.KnownRow{paid(1)}, nil)))
	require.Equal(t, []int{0, 1, 0}, counts())
	require.Equal(t, summary.Fingerprint, normalise(t, f, 1).Fingerprint)
	require.Equal(t, []int{0, 1, 0}, counts(), "an attempt to validate that comes late forgets nothing")

	pages, err = m.Pages(t.Context(), f, 0, 10)
	require.NoError(t, err)
	files, err := filepath.Glob(filepath.Join(filepath.Dir(beside(f, "rows")), run, "known", "1.*"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	require.NoError(t, os.WriteFile(files[0], []byte(`{"row":1,"outcome":"succeeded","payment_intent":"pi_7","adopted":true}`+"\n"), 0o600))
	_, err = m.Known(t.Context(), f, pages[1])
	require.ErrorIs(t, err, activities.ErrRunFileChanged)
	require.NoError(t, os.Remove(files[0]))
	_, err = m.Known(t.Context(), f, pages[1])
	require.ErrorIs(t, err, activities.ErrRunFileChanged)
}

func TestCheckpoint(t *testing.T) {
	t.Parallel()
	f := put(t, "a.csv", small)
	m, page := manifest.New(), activities.RunPage{Number: 7}
	for _, want := range [][]byte{nil, []byte("{\"row\":1}\n"), []byte("other"), nil, nil} {
		require.NoError(t, m.WriteCheckpoint(t.Context(), f, page, want))
		got, err := m.Checkpoint(t.Context(), f, page)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// A file of the run that is not any more what was written is told from all other faults.
func TestChangedFiles(t *testing.T) {
	t.Parallel()
	edit := func(suffix, from, to string) func(t *testing.T, f activities.RunFile) {
		return func(t *testing.T, f activities.RunFile) {
			t.Helper()
			text, err := os.ReadFile(beside(f, suffix))
			require.NoError(t, err)
			require.Contains(t, string(text), from)
			require.NoError(t, os.WriteFile(beside(f, suffix), []byte(strings.Replace(string(text), from, to, 1)), 0o600))
		}
	}
	for name, change := range map[string]func(t *testing.T, f activities.RunFile){
		"Amount":   edit("rows", "1099", "9999"),
		"Longer":   edit("rows", "\n", "\n\n"),
		"Appended": edit("rows", "two\\nlines\"}}\n", "two\\nlines\"}}\n{}\n"),
		"NoCopy":   func(t *testing.T, f activities.RunFile) { t.Helper(); require.NoError(t, os.Remove(beside(f, "rows"))) },
		"NoIndex": func(t *testing.T, f activities.RunFile) {
			t.Helper()
			require.NoError(t, os.Remove(beside(f, "index")))
		},
		"Index":     edit("index", `"page":0`, `"page":5`),
		"Checksum":  edit("index", `"checksum":"`, `"checksum":"0`),
		"NotJSON":   edit("index", `{`, `[`),
		"Truncated": edit("rows", "two\\nlines\"}}\n", ""),
		"Results": func(t *testing.T, f activities.RunFile) {
			t.Helper()
			page := filepath.Join(filepath.Dir(beside(f, "rows")), run, "pages", "0.csv")
			require.NoError(t, os.MkdirAll(filepath.Dir(page), 0o700))
			require.NoError(t, os.WriteFile(page, []byte("something else\n"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := put(t, "a.csv", small)
			normalise(t, f, 2)
			change(t, f)
			_, err := manifest.New().WriteReport(t.Context(), activities.ReportRequest{RunFile: f})
			require.ErrorIs(t, err, activities.ErrRunFileChanged)
			require.NoFileExists(t, beside(f, "report.csv"))
			require.NoFileExists(t, beside(f, "report.json"))
		})
	}
}

// TestFullDisk runs in a process of its own, whose files may have 64 KiB: what the kernel refuses to write is refused like on a
// disk that is full.
func TestFullDisk(t *testing.T) {
	const inside = "OFFSESSION_TEST_FULL_DISK"
	if dir := os.Getenv(inside); dir != "" {
		fullDisk(t, dir)
		return
	}
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "--- PASS")
}

func fullDisk(t *testing.T, dir string) {
	t.Helper()
	rows := header
	for letter := range strings.SplitSeq("abcdefghijklmnopqrstuvwxyz", "") {
		rows += letter + ",cus_1,1,usd," + strings.Repeat(letter, 999) + ",\n"
	}
	f := activities.RunFile{URL: "file://" + dir + "/a.csv", Run: run}
	require.NoError(t, os.WriteFile(dir+"/a.csv", []byte(rows), 0o600))
	names := func() (names []string) {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		return names
	}
	// The report's files are smaller than the copy: each is refused in its turn.
	limit := func(bytes uint64) {
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: 1 << 20}))
	}
	m := manifest.New()
	limit(20_000)
	_, err := m.Normalise(t.Context(), activities.NormaliseRequest{RunFile: f, PageSize: 10})
	require.ErrorIs(t, err, syscall.EFBIG)
	require.NotErrorIs(t, err, activities.ErrManifestUnreadable)
	require.Equal(t, []string{"a.csv"}, names(), "nothing half-written is left")

	limit(1 << 20)
	normalise(t, f, 10)
	before := names()
	for _, most := range []uint64{100, 2000} {
		limit(most)
		_, err = m.WriteReport(t.Context(), activities.ReportRequest{RunFile: f})
		require.ErrorIs(t, err, syscall.EFBIG)
		for _, name := range names() {
			require.NotContains(t, name, "tmp")
			require.NotContains(t, name, "report.json")
		}
	}
	require.Subset(t, names(), before)

	// With room again the report can be written again.
	limit(1 << 20)
	report, err := m.WriteReport(t.Context(), activities.ReportRequest{RunFile: f})
	require.NoError(t, err)
	require.Equal(t, 26, report.Rows)
	require.Len(t, names(), len(before)+2)
}
