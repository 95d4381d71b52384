package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/starter/serve"
)

// serving is what a server prints once it listens.
type serving struct {
	Listen     string `json:"listen"`
	PublicURL  string `json:"public_url"`
	WebhookURL string `json:"webhook_url"`
}

func newServe(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Receive Stripe's webhooks and serve the customer pages",
		Long: `Listens on OFFSESSION_LISTEN for POST /webhooks/stripe, the customer pages /c/…, /healthz, /readyz and /metrics.
Needs STRIPE_API_KEY, STRIPE_PUBLISHABLE_KEY, STRIPE_WEBHOOK_SECRET and OFFSESSION_LINK_SECRET. Stops on SIGTERM when the
requests under way are answered.`,
		Example: "  OFFSESSION_LISTEN=127.0.0.1:8080 OFFSESSION_PUBLIC_URL=https://pay.example.com starter serve",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(config.ForServe)
			if err != nil {
				return usage(err)
			}
			return a.serve(cmd.Context(), cfg)
		},
	}
}

func (a *app) serve(ctx context.Context, cfg config.Config) error {
	var failed error
	err := serve.Run(ctx, serve.Config{Config: cfg, Logger: cfg.Logger(a.stderr), Ready: func(address string) {
		now := serving{Listen: address, PublicURL: cfg.PublicURL, WebhookURL: cfg.PublicURL + "/webhooks/stripe"}
		failed = a.answer(now, func() string {
			return fmt.Sprintf("serving on %s, for customers at %s/c/…, for Stripe at %s", now.Listen, now.PublicURL, now.WebhookURL)
		})
	}})
	return errors.Join(err, failed)
}
