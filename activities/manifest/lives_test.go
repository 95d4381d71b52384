package manifest_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/manifest"
)

// TestLives: a run of whose reference Temporal has forgotten an earlier run takes nothing of what that one left for its own, with
// the same rows or with others.
func TestLives(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]string{"the same rows": small, "others": strings.ReplaceAll(small, ",1099,", ",1100,")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := put(t, "a.csv", small)
			reader := first // whoever has the URL alone
			first.Life = "0190-first"
			later := first
			later.Life = "0190-later"
			m := manifest.New()

			normalise(t, first, 2)
			paid := activities.ChargeResult{Outcome: activities.ChargeSucceeded, PaymentIntent: "pi_1", Adopted: true}
			require.NoError(t, m.WriteKnown(t.Context(), first, sequence([]activities.KnownRow{{Row: 1, ChargeResult: paid}}, nil)))
			pages, err := m.Pages(t.Context(), first, 0, 10)
			require.NoError(t, err)
			rows, err := m.Rows(t.Context(), first, pages[0])
			require.NoError(t, err)
			require.NoError(t, m.WriteResults(t.Context(), first, pages[0], []activities.RowResult{{Row: 0, RunRow: rows[0], Outcome: activities.ChargeSucceeded}}))
			require.NoError(t, m.WriteCheckpoint(t.Context(), first, pages[1], []byte(`{"row":0,"outcome":"succeeded"}`)))

			require.NoError(t, os.WriteFile(strings.TrimPrefix(first.URL, "file://"), []byte(second), 0o600))
			normalise(t, later, 2)
			_, err = m.Pages(t.Context(), later, 0, 10)
			require.ErrorIs(t, err, activities.ErrRunFileChanged, "nothing is given out before the look-back")
			lookBack(t, m, later)
			pages, err = m.Pages(t.Context(), later, 0, 10)
			require.NoError(t, err)
			for _, page := range pages {
				require.Equal(t, later.Life, page.RunLife)
				require.Zero(t, page.Known)
				data, err := m.Checkpoint(t.Context(), later, page)
				require.NoError(t, err)
				require.Nil(t, data)
			}
			for _, f := range []activities.RunFile{later, reader} {
				report, err := m.WriteReport(t.Context(), activities.ReportRequest{RunFile: f})
				require.NoError(t, err)
				require.Equal(t, 3, report.Totals.Rows(activities.RowNotCharged))
			}

			// The copy is the later one's now.
			_, err = m.WriteReport(t.Context(), activities.ReportRequest{RunFile: first})
			require.ErrorIs(t, err, activities.ErrRunFileChanged)
			require.ErrorIs(t, m.WriteKnown(t.Context(), first, sequence(nil, nil)), activities.ErrRunFileChanged)
		})
	}
}

// TestLivesInNames: what an index says cannot lead out of the run's folder.
func TestLivesInNames(t *testing.T) {
	t.Parallel()
	f := put(t, "a.csv", small)
	m := manifest.New()
	for _, life := range []string{"../x", "a/b", "..", "."} {
		_, err := m.Checkpoint(t.Context(), f, activities.RunPage{RunLife: life})
		require.ErrorIs(t, err, activities.ErrRunFileChanged, life)
		f.Life = life
		_, err = m.Normalise(t.Context(), activities.NormaliseRequest{RunFile: f, PageSize: 2})
		require.ErrorIs(t, err, activities.ErrManifestUnreadable, life)
		f.Life = ""
	}
}

// TestNormaliseThatWasGivenUp: an attempt whose context has ended replaces nothing, at whatever row it notices.
func TestNormaliseThatWasGivenUp(t *testing.T) {
	t.Parallel()
	f := put(t, "a.csv", small)
	normalise(t, f, 2)
	before := map[string]string{}
	for _, suffix := range []string{"rows", "index"} {
		text, err := os.ReadFile(beside(f, suffix))
		require.NoError(t, err)
		before[suffix] = string(text)
	}
	require.NoError(t, os.WriteFile(strings.TrimPrefix(f.URL, "file://"), []byte(strings.ReplaceAll(small, ",1099,", ",1100,")+"cus_9,d,-1,usd,,,\n"), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := manifest.New().Normalise(ctx, activities.NormaliseRequest{
		RunFile: f, PageSize: 2, Row: func(row activities.RunRow) error {
			if row.Reference == "c" {
				cancel()
			}
			return nil
		},
	})
	require.ErrorIs(t, err, context.Canceled)
	for suffix, text := range before {
		now, err := os.ReadFile(beside(f, suffix))
		require.NoError(t, err)
		require.Equal(t, text, string(now))
	}
	require.NoFileExists(t, beside(f, "rejects.csv"))
}
