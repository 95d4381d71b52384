package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/internal/config"
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
}

func newEventsReplay(a *app) *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use:   "replay --since 24h",
		Short: "Deliver Stripe's recent events once more",
		Long: `Lists the events that Stripe has kept and gives those that concern a running workflow to it, as a webhook would have. For
webhooks that were lost while nobody received them; without it, workflows learn the same by asking Stripe a little later.
A workflow that has seen an event already does nothing.`,
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
			return a.answer(done, func() string { return fmt.Sprintf("%d events seen, %d delivered", done.Seen, done.Delivered) })
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
	router := web.NewRouter(temporal, gateway, logger)

	var done replayed
	for event, err := range gateway.Events(ctx, from, nil) {
		if err != nil {
			return done, fmt.Errorf("list Stripe's events: %w", err)
		}
		done.Seen++
		accepted, err := router.Route(ctx, event)
		if err != nil {
			return done, fmt.Errorf("deliver %s (%s): %w", event.ID, event.Type, err)
		}
		if accepted > 0 {
			done.Delivered++
		}
	}
	return done, nil
}
