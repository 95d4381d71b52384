package main

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func events(last error, ids ...string) iter.Seq2[activities.Event, error] {
	return func(yield func(activities.Event, error) bool) {
		for _, id := range ids {
			if !yield(activities.Event{ID: id}, nil) {
				return
			}
		}
		if last != nil {
			yield(activities.Event{}, last)
		}
	}
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	route := func(_ context.Context, e activities.Event) (int, error) {
		switch e.ID {
		case "evt_ours":
			return 2, nil
		case "evt_fails":
			return 1, down
		}
		return 0, nil
	}
	logger := slog.New(slog.DiscardHandler)

	done, err := deliver(t.Context(), events(nil, "evt_fails", "evt_ours", "evt_foreign", "evt_fails", "evt_ours"), route, logger)
	require.NoError(t, err)
	require.Equal(t, replayed{Seen: 5, Delivered: 2, Failed: 2}, done, "what fails does not keep the rest from being delivered")
	require.Equal(t, "5 events seen, 2 delivered, 2 failed", done.text())

	done, err = deliver(t.Context(), events(down, "evt_ours"), route, logger)
	require.ErrorIs(t, err, down)
	require.Equal(t, replayed{Seen: 1, Delivered: 1}, done)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = deliver(ctx, events(nil, "evt_fails", "evt_ours"), route, logger)
	require.ErrorIs(t, err, down, "interrupted, it stops")
}
