package client

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// reportFiles are a run's files, of which only the results can be read.
type reportFiles struct {
	activities.RunFiles
	asked   activities.RunFile
	results []activities.RowResult
	err     error
}

func (f *reportFiles) Results(_ context.Context, file activities.RunFile) iter.Seq2[activities.RowResult, error] {
	f.asked = file
	return func(yield func(activities.RowResult, error) bool) {
		for _, result := range f.results {
			if !yield(result, nil) {
				return
			}
		}
		if f.err != nil {
			yield(activities.RowResult{}, f.err)
		}
	}
}

// july is a run that has ended.
func july(change ...func(*workflows.RunStatus)) workflows.RunStatus {
	status := workflows.RunStatus{
		Reference: "july", State: workflows.RunCompleted, Manifest: "file:///july.csv", Summary: &activities.ManifestSummary{Rows: 1},
		StartedAt: time.Date(2026, 7, 31, 9, 0, 0, 0, time.UTC),
	}
	for _, c := range change {
		c(&status)
	}
	return status
}

func setupReconcile(t *testing.T, results ...activities.RowResult) (bundle, *reportFiles) {
	t.Helper()
	files := &reportFiles{results: results}
	b := setup(t, func(o *Options) { o.RunFiles = files })
	b.stripe.intents = map[string][]activities.PaymentIntent{"inv-1": {{
		ID: "pi_1", Status: activities.PaymentIntentSucceeded, Customer: "cus_1", Amount: 1099, Currency: "usd",
		Created:  time.Date(2026, 7, 31, 10, 0, 0, 0, time.UTC),
		Metadata: map[string]string{activities.MetadataReference: "inv-1", activities.MetadataOwner: "billing-run:july"},
	}}}
	return b, files
}

func paidRow(amount int64) activities.RowResult {
	return activities.RowResult{
		RunRow:  activities.RunRow{Line: 2, Reference: "inv-1", Customer: "cus_1", Amount: amount, Currency: "usd"},
		Outcome: activities.ChargeSucceeded, PaymentIntent: "pi_1",
	}
}

func TestReconcileRun(t *testing.T) {
	t.Parallel()
	b, files := setupReconcile(t, paidRow(1100))
	b.answers(t, "billing-run:july", july())
	b.describes(t, "billing-run:july", map[string]any{"look_back_days": 3}, "completed")
	var found []RunFinding
	got, err := b.ReconcileRun(t.Context(), ReconcileParams{Reference: "july", Finding: func(f RunFinding) error {
		found = append(found, f)
		return nil
	}})
	require.NoError(t, err)
	require.Equal(t, activities.RunFile{URL: "file:///july.csv", Run: "july"}, files.asked)
	require.Equal(t, time.Date(2026, 7, 31, 8, 0, 0, 0, time.UTC), got.Since)
	require.Equal(t, 1, got.Rows)
	require.Equal(t, 1, got.PaymentIntents)
	require.Equal(t, 1, got.Differences)
	require.Equal(t, []RunFinding{{Kind: activities.FindingAmount, Line: 2, Reference: "inv-1", PaymentIntent: "pi_1", Report: "1100", Stripe: "1099"}}, found)
}

func TestReconcileRunThatIsForgotten(t *testing.T) {
	t.Parallel()
	b, files := setupReconcile(t, paidRow(1099))
	b.queried("billing-run:july").Return(nil, errNotFound)
	p := ReconcileParams{Reference: "july"}
	_, err := b.ReconcileRun(t.Context(), p)
	require.ErrorIs(t, err, ErrNotFound)

	p.Manifest = "s3://bucket/july.csv"
	_, err = b.ReconcileRun(t.Context(), p)
	require.ErrorContains(t, err, "since")

	p.Since = time.Date(2026, 7, 30, 0, 0, 0, 0, time.UTC)
	got, err := b.ReconcileRun(t.Context(), p)
	require.NoError(t, err)
	require.Equal(t, activities.RunFile{URL: "s3://bucket/july.csv", Run: "july"}, files.asked)
	require.Zero(t, got.Differences)
	require.Equal(t, p.Since, got.Since)
}

func TestReconcileRunRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status workflows.RunStatus
		err    error
		says   string
	}{
		"StillCharging":  {status: july(func(s *workflows.RunStatus) { s.State = workflows.RunCharging }), says: "is charging"},
		"NeverRead":      {status: july(func(s *workflows.RunStatus) { s.State, s.Summary = workflows.RunCanceled, nil }), says: "has no report"},
		"FilesElsewhere": {status: july(), err: activities.ErrManifestMissing, says: "where the workers run"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, files := setupReconcile(t)
			files.err = test.err
			b.answers(t, "billing-run:july", test.status)
			b.describes(t, "billing-run:july", map[string]any{}, "completed").Maybe()
			_, err := b.ReconcileRun(t.Context(), ReconcileParams{Reference: "july"})
			require.ErrorAs(t, err, new(*RefusedError))
			require.ErrorContains(t, err, test.says)
		})
	}
	t.Run("FilesBroken", func(t *testing.T) {
		t.Parallel()
		b, files := setupReconcile(t)
		files.err = errors.New("unexpected end")
		b.answers(t, "billing-run:july", july())
		b.describes(t, "billing-run:july", map[string]any{}, "completed")
		_, err := b.ReconcileRun(t.Context(), ReconcileParams{Reference: "july"})
		require.ErrorContains(t, err, "unexpected end")
	})
	t.Run("WithoutFiles", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, err := b.ReconcileRun(t.Context(), ReconcileParams{Reference: "july"})
		require.ErrorContains(t, err, "Options.RunFiles")
	})
}
