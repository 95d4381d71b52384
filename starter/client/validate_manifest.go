package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// ManifestSummary is what a manifest holds.
type ManifestSummary = activities.ManifestSummary

// ManifestProblem is one thing that is wrong with a manifest.
type ManifestProblem = activities.RunProblem

// ManifestWatch is told how far the reading of a manifest is. Each function may be nil.
type ManifestWatch struct {
	// Problem is called for each problem, in the order of the lines.
	Problem func(ManifestProblem)
	// Rows is called now and then with the rows read so far.
	Rows func(rows int)
	// Listed is called now and then with the PaymentIntents that a dry run has listed so far.
	Listed func(intents int)
}

// ValidateManifest reads the manifest at a URL as a run would, and writes nothing. It asks neither Temporal nor Stripe, and needs
// Options.RunFiles. Rows that are not allowed are no error: the summary counts them. An error that is an InvalidError says that
// there is no such file, or that it cannot be read to its end.
func (c *Client) ValidateManifest(ctx context.Context, manifest string, watch ManifestWatch) (ManifestSummary, error) {
	const run = "no-run"
	var i invalid
	checkManifest(&i, manifest, run)
	if err := i.result(); err != nil {
		return ManifestSummary{}, err
	}
	return c.readManifest(ctx, activities.NormaliseRequest{
		RunFile: activities.RunFile{URL: manifest, Run: run}, Problem: watch.Problem, Progress: watch.Rows,
	})
}

// readManifest reads a manifest without writing anything.
func (c *Client) readManifest(ctx context.Context, r activities.NormaliseRequest) (ManifestSummary, error) {
	if c.options.RunFiles == nil {
		return ManifestSummary{}, errWithoutRunFiles
	}
	r.CheckOnly, r.PageSize = true, workflows.RunPageSize
	summary, err := c.options.RunFiles.Normalise(ctx, r)
	switch {
	case errors.Is(err, activities.ErrManifestMissing), errors.Is(err, activities.ErrManifestUnreadable):
		// Another URL, or another file, is what helps. The summary has the problem for which a file cannot be read to its end.
		return summary, &InvalidError{Field: "manifest", Value: clip(r.URL), Message: fmt.Sprintf("manifest: %q; %v", clip(r.URL), err)}
	case err != nil:
		return ManifestSummary{}, fmt.Errorf("read the manifest: %w", err)
	}
	return summary, nil
}

var errWithoutRunFiles = &RefusedError{Message: "this client cannot read manifests: it was made without Options.RunFiles"}
