package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/workflows"
)

func TestStateOfANewerWorkerIsNotTouched(t *testing.T) {
	t.Parallel()
	require.Panics(t, func() { workflows.CheckVersion(2, 1) })
	require.NotPanics(t, func() { workflows.CheckVersion(1, 1) })
}
