package activities

import (
	"context"
	"encoding/json"
	"errors"
)

// ReadRunPages reads a part of the index, less than asked for when that is long: a part that is not there any more counts as changed. Errors: ErrorRunFiles, retried.
func (b *BillingRuns) ReadRunPages(ctx context.Context, in ReadRunPagesInput) (ReadRunPagesResult, error) {
	pages, err := b.ports.RunFiles.Pages(ctx, in.RunFile, in.From, in.Count)
	switch {
	case errors.Is(err, ErrRunFileChanged):
		return ReadRunPagesResult{Changed: true}, nil
	case err != nil:
		return ReadRunPagesResult{}, runFilesFailed(ctx, "read the index of the pages", err)
	}
	return ReadRunPagesResult{Pages: withinAnswer(pages)}, nil
}

// answerMost is how many bytes of the index are given at a time: Temporal takes 2 MB, and a page of rows that span several lines
// has a long entry.
const answerMost = 1 << 20

// withinAnswer are the first pages that are not too much for an answer; at least one.
func withinAnswer(pages []RunPage) []RunPage {
	size := 0
	for i, page := range pages {
		data, err := json.Marshal(page)
		if size += len(data); i > 0 && (err != nil || size > answerMost) {
			return pages[:i]
		}
	}
	return pages
}
