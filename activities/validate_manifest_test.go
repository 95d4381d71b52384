package activities_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/offsession/offsession/activities"
)

// normaliser is a RunFiles that answers Normalise alone.
type normaliser struct {
	activities.RunFiles
	pageSize int
	summary  activities.ManifestSummary
	err      error
}

func (n *normaliser) Normalise(_ context.Context, r activities.NormaliseRequest) (activities.ManifestSummary, error) {
	n.pageSize = r.PageSize
	return n.summary, n.err
}

func validateManifest(t *testing.T, files *normaliser, in activities.ValidateManifestInput) (activities.ValidateManifestResult, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	acts := activities.New(activities.Ports{RunFiles: files, RunRateLimit: 15, Live: true})
	env.RegisterActivity(acts.Runs.ValidateManifest)
	value, err := env.ExecuteActivity(acts.Runs.ValidateManifest, in)
	if err != nil {
		return activities.ValidateManifestResult{}, err
	}
	var result activities.ValidateManifestResult
	require.NoError(t, value.Get(&result))
	return result, nil
}

// A page lasts ten seconds at most, and has no more rows than asked for, and one at least.
func TestValidateManifestPageSize(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		size int
		rate float64
		want int
	}{{100, 0, 100}, {500, 0, 150}, {100, 15, 100}, {100, 2.5, 25}, {100, 1000, 100}, {500, 1000, 150}, {100, 0.01, 1}, {7, 5, 7}} {
		files := &normaliser{}
		_, err := validateManifest(t, files, activities.ValidateManifestInput{PageSize: test.size, Rate: test.rate})
		require.NoError(t, err)
		require.Equal(t, test.want, files.pageSize, "%+v", test)
	}
}

func TestValidateManifestAnswers(t *testing.T) {
	t.Parallel()
	files := &normaliser{summary: activities.ManifestSummary{Rejected: 1, Problems: []activities.RunProblem{{Line: 2, Column: "description", Value: "personal", Rule: "rule"}}}}
	result, err := validateManifest(t, files, activities.ValidateManifestInput{PageSize: 100})
	require.NoError(t, err)
	require.True(t, result.Live)
	require.Equal(t, []activities.RunProblem{{Line: 2, Column: "description", Rule: "rule"}}, result.Problems, "values of rows are not for histories")

	result, err = validateManifest(t, &normaliser{err: fmt.Errorf("%w: file:///x", activities.ErrManifestMissing)}, activities.ValidateManifestInput{})
	require.NoError(t, err)
	require.True(t, result.Missing)

	result, err = validateManifest(t, &normaliser{err: fmt.Errorf("%w: no permission", activities.ErrManifestUnreadable)}, activities.ValidateManifestInput{})
	require.NoError(t, err)
	require.Equal(t, "no permission", result.Unreadable)

	_, err = validateManifest(t, &normaliser{err: errors.New("secret text of a store")}, activities.ValidateManifestInput{})
	var failed *temporal.ApplicationError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, activities.ErrorRunFiles, failed.Type())
	require.False(t, failed.NonRetryable())
	require.NotContains(t, err.Error(), "secret")
}
