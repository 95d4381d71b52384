package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/starter/serve"
	"github.com/offsession/offsession/starter/web"
	"github.com/offsession/offsession/workflows/dunning"
)

// maxReplay is how long Stripe keeps events, https://docs.stripe.com/api/events
const maxReplay = 30

// replayed says what became of the events.
type replayed struct {
	// Seen counts Stripe's events, Delivered those that a running workflow has accepted.
	Seen      int `json:"seen"`
	Delivered int `json:"delivered"`
	// Failed counts the events that Temporal or Stripe did not let through; the next replay tries them again.
	Failed int `json:"failed"`
}

func (r replayed) text() string {
	text := fmt.Sprintf("%d events seen, %d delivered", r.Seen, r.Delivered)
	if r.Failed > 0 {
		text += fmt.Sprintf(", %d failed", r.Failed)
	}
	return text
}

func newEventsReplay(a *app) *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use:   "replay --since 24h",
		Short: "Deliver Stripe's recent events once more",
		Long: `Lists the events that Stripe has kept and gives those that concern a running workflow to it, as a webhook would have. For
webhooks that were lost while nobody received them; without it, workflows learn the same by asking Stripe a little later.
A workflow that has seen an event already does nothing. With OFFSESSION_ADOPT_SUBSCRIPTIONS=true, events of subscriptions that
nobody watches start watching them, as webhooks do. An event that cannot be delivered does not stop the others; the
command then ends with 1, and can be repeated.`,
		Example: "  starter events replay --since 24h\n  starter events replay --since 7d --output json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := parseSince(since, time.Now())
			if err != nil {
				return err
			}
			cfg, err := config.Load(config.ForEvents)
			if err != nil {
				return usage(err)
			}
			done, err := a.replay(cmd.Context(), cfg, from)
			if err != nil {
				return fmt.Errorf("after %d events, %d of them delivered: %w; repeat the command", done.Seen, done.Delivered, err)
			}
			if err := a.answer(done, done.text); err != nil {
				return err
			}
			if done.Failed > 0 {
				return fmt.Errorf("%d of %d events could not be delivered; repeat the command", done.Failed, done.Seen)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&since, "since", "24h", "how far back, such as 24h or 7d; Stripe keeps 30 days")
	return cmd
}

func parseSince(text string, now time.Time) (time.Time, error) {
	d, err := dunning.ParseDuration(text)
	if err != nil {
		return time.Time{}, usagef("--since: %w", err)
	}
	back := d.After(now, time.UTC).Sub(now)
	if back <= 0 || back > maxReplay*24*time.Hour {
		return time.Time{}, usagef("--since: %q; must be more than 0 and at most %dd", shorten(text), maxReplay)
	}
	return now.Add(-back), nil
}

func (a *app) replay(ctx context.Context, cfg config.Config, from time.Time) (replayed, error) {
	logger := cfg.Logger(a.stderr)
	gateway, err := stripegateway.New(stripegateway.Config{APIKey: cfg.StripeAPIKey, APIBase: cfg.StripeAPIBase, Logger: logger})
	if err != nil {
		return replayed{}, fmt.Errorf("set up the Stripe client: %w", err)
	}
	temporal, err := cfg.DialTemporal(ctx, logger)
	if err != nil {
		return replayed{}, err
	}
	defer temporal.Close()
	adopt, err := serve.Adopt(cfg, temporal, gateway)
	if err != nil {
		return replayed{}, err
	}
	return deliver(ctx, gateway.Events(ctx, from, nil), web.NewRouter(temporal, gateway, adopt, logger).Route, logger)
}

// deliver routes all events. One that fails is counted and logged, and the next one's turn comes; an error means that the
// list of events could not be read to its end, or that ctx is done.
func deliver(ctx context.Context, events iter.Seq2[activities.Event, error], route func(context.Context, activities.Event) (int, error),
	logger *slog.Logger,
) (replayed, error) {
	var done replayed
	for event, err := range events {
		if err != nil {
			return done, fmt.Errorf("list Stripe's events: %w", err)
		}
		done.Seen++
		accepted, err := route(ctx, event)
		switch {
		case err != nil && ctx.Err() != nil:
			return done, fmt.Errorf("deliver %s (%s): %w", event.ID, event.Type, err)
		case err != nil:
			done.Failed++
			logger.Error("event not delivered", "event_id", event.ID, "event_type", event.Type, "error", err)
		case accepted > 0:
			done.Delivered++
		}
	}
	return done, nil
}
