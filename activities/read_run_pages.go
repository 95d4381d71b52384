package activities

import (
	"context"
	"errors"
)

// ReadRunPages reads a part of the index: a part that is not there any more counts as changed. Errors: ErrorRunFiles, retried.
func (b *BillingRuns) ReadRunPages(ctx context.Context, in ReadRunPagesInput) (ReadRunPagesResult, error) {
	pages, err := b.ports.RunFiles.Pages(ctx, in.RunFile, in.From, in.Count)
	switch {
	case errors.Is(err, ErrRunFileChanged):
		return ReadRunPagesResult{Changed: true}, nil
	case err != nil:
		return ReadRunPagesResult{}, runFilesFailed(ctx, "read the index of the pages", err)
	}
	return ReadRunPagesResult{Pages: pages}, nil
}
