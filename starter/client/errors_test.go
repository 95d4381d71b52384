package client

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMistakesInAPartAreNamedOnce(t *testing.T) {
	t.Parallel()
	var i invalid
	i.within("schedule", errors.Join(
		errors.New("at: \"9\"; must be a local time"),
		errors.New("schedule.every: \"often\"; must be one of them"),
		errors.New("schedule: one of them is needed"),
	))
	require.EqualError(t, i.result(), "schedule.at: \"9\"; must be a local time\nschedule.every: \"often\"; must be one of them\nschedule: one of them is needed")
	var first *InvalidError
	require.ErrorAs(t, i.result(), &first)
	require.Equal(t, "schedule.at", first.Field)
}
