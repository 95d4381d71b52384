package activities_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// indexed is a run with these pages.
type indexed struct {
	activities.RunFiles

	pages []activities.RunPage
}

func (f indexed) Pages(_ context.Context, _ activities.RunFile, from, count int) ([]activities.RunPage, error) {
	return f.pages[from : from+count], nil
}

// TestReadRunPagesWithinAnswer: an answer stays below what Temporal takes, whatever the rows look like, and all pages come.
func TestReadRunPagesWithinAnswer(t *testing.T) {
	t.Parallel()
	short, long := indexed{pages: make([]activities.RunPage, 300)}, indexed{pages: make([]activities.RunPage, 300)}
	for n := range long.pages {
		short.pages[n].Number, long.pages[n].Number = n, n
		for row := range 500 {
			long.pages[n].Lines = append(long.pages[n].Lines, [2]int{row, 1_000_000 + row*3})
		}
	}
	read := func(f indexed, from int) []activities.RunPage {
		res, err := do(t, &run{}, activities.New(activities.Ports{RunFiles: f}).Runs.ReadRunPages, activities.ReadRunPagesInput{From: from, Count: 300 - from})
		require.NoError(t, err)
		data, err := json.Marshal(res)
		require.NoError(t, err)
		require.Less(t, len(data), 2<<20)
		return res.Pages
	}
	require.Len(t, read(short, 0), 300)
	var all []activities.RunPage
	for len(all) < 300 {
		pages := read(long, len(all))
		require.NotEmpty(t, pages)
		all = append(all, pages...)
	}
	require.Equal(t, long.pages, all)
}
