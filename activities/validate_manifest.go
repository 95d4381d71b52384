package activities

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
)

// pageLasts is how long the rows of a page take at most, at the run's rate: what a crashed worker leaves behind is caught up
// with in that time, and a change of the rate is felt after it.
const pageLasts = 10 * time.Second

// fileHeartbeat is how often an activity that reads or writes whole files says that it is alive.
const fileHeartbeat = 10 * time.Second

// ValidateManifest reads and checks a run's manifest, and writes the normalised copy, its index and the rejects. Running it
// again writes them anew. Errors: ErrorRunFiles, retried.
func (b *BillingRuns) ValidateManifest(ctx context.Context, in ValidateManifestInput) (ValidateManifestResult, error) {
	defer beat(ctx)()
	summary, err := b.ports.RunFiles.Normalise(ctx, NormaliseRequest{
		RunFile:  in.RunFile,
		PageSize: effectivePageSize(in.PageSize, in.Rate, b.ports.RunRateLimit),
	})
	// Values of rows may be personal: the rejects file has them.
	for i := range summary.Problems {
		summary.Problems[i].Value = ""
	}
	result := ValidateManifestResult{ManifestSummary: summary, Live: b.ports.Live}
	switch {
	case errors.Is(err, ErrManifestMissing):
		result.Missing = true
	case errors.Is(err, ErrManifestUnreadable):
		result.Unreadable = strings.TrimPrefix(err.Error(), ErrManifestUnreadable.Error()+": ")
	case err != nil:
		return ValidateManifestResult{}, runFilesFailed(ctx, "read the manifest", err)
	}
	return result, nil
}

// effectivePageSize shrinks pages so that none lasts longer than pageLasts.
func effectivePageSize(most int, rate, limit float64) int {
	if rate <= 0 || limit > 0 && rate > limit {
		rate = limit
	}
	if rate <= 0 {
		return max(1, most)
	}
	return max(1, min(most, int(rate*pageLasts.Seconds())))
}

// beat sends heartbeats until the function that it returns is called.
func beat(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(fileHeartbeat)
		defer ticker.Stop()
		for {
			activity.RecordHeartbeat(ctx)
			select {
			case <-ticker.C:
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-stopped
	}
}

// runFilesFailed says in the log which file, and keeps what a storage service says out of histories.
func runFilesFailed(ctx context.Context, what string, err error) error {
	if ctx.Err() == nil {
		activity.GetLogger(ctx).Error("billing run: could not "+what, "error", err)
	}
	return runFilesUnavailable()
}
