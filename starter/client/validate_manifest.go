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

// ManifestCheck says which manifest to check, and whom to tell meanwhile.
type ManifestCheck struct {
	// Manifest is the URL of the file, as in RunParams.
	Manifest string
	// Problem is called for each problem, in the order of the lines; may be nil.
	Problem func(ManifestProblem)
	// Progress is called now and then with the rows read so far; may be nil.
	Progress func(rows int)
}

// ValidateManifest reads a manifest as a run would, and writes nothing. It asks neither Temporal nor Stripe, and needs
// Options.RunFiles. Rows that are not allowed are no error: the summary counts them. An error that is an InvalidError says that
// there is no such file, or that it cannot be read at all.
func (c *Client) ValidateManifest(ctx context.Context, check ManifestCheck) (ManifestSummary, error) {
	var i invalid
	checkManifest(&i, check.Manifest)
	if err := i.result(); err != nil {
		return ManifestSummary{}, err
	}
	if c.options.RunFiles == nil {
		return ManifestSummary{}, errWithoutRunFiles
	}
	summary, err := c.options.RunFiles.Normalise(ctx, activities.NormaliseRequest{
		RunFile: activities.RunFile{URL: check.Manifest, Run: "validate"}, PageSize: workflows.RunPageSize, CheckOnly: true,
		Problem: check.Problem, Progress: check.Progress,
	})
	if err != nil {
		return ManifestSummary{}, manifestError(check.Manifest, err)
	}
	return summary, nil
}

var errWithoutRunFiles = &RefusedError{Message: "this client cannot read manifests: it was made without Options.RunFiles"}

// manifestError is an InvalidError when another URL, or another file, is what helps.
func manifestError(manifest string, err error) error {
	if errors.Is(err, activities.ErrManifestMissing) || errors.Is(err, activities.ErrManifestUnreadable) {
		return &InvalidError{Field: "manifest", Value: clip(manifest), Message: fmt.Sprintf("manifest: %q; %v", clip(manifest), err)}
	}
	return fmt.Errorf("read the manifest: %w", err)
}
