package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/link"
	"github.com/offsession/offsession/starter/web"
)

// drainTimeout lets requests under way finish: a press of the customer's button waits up to 25 s for its workflow.
const drainTimeout = 30 * time.Second

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
	logger := cfg.Logger(a.stderr)
	gateway, err := stripegateway.New(stripegateway.Config{APIKey: cfg.StripeAPIKey, APIBase: cfg.StripeAPIBase, Logger: logger})
	if err != nil {
		return fmt.Errorf("set up the Stripe client: %w", err)
	}
	temporal, err := cfg.DialTemporal(ctx, logger)
	if err != nil {
		return err
	}
	defer temporal.Close()
	handler, err := web.New(web.Config{
		Temporal:        temporal,
		Stripe:          gateway,
		ParseEvent:      stripegateway.ParseEvent,
		Links:           link.NewMinter(cfg.PublicURL, cfg.LinkSecrets),
		PublishableKey:  cfg.StripePublishableKey,
		StripeJSURL:     cfg.StripeJSURL(),
		StripeAPIOrigin: cfg.StripeAPIBase,
		WebhookSecrets:  cfg.StripeWebhookSecrets,
		AppReturnURL:    cfg.ReturnURL,
		Logger:          logger,
	})
	if err != nil {
		return err
	}

	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("OFFSESSION_LISTEN: %w", err)
	}
	server := web.NewHTTPServer(cfg.Listen, handler)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	now := serving{Listen: listener.Addr().String(), PublicURL: cfg.PublicURL, WebhookURL: cfg.PublicURL + "/webhooks/stripe"}
	if err := a.answer(now, func() string {
		return fmt.Sprintf("serving on %s, for customers at %s/c/…, for Stripe at %s", now.Listen, now.PublicURL, now.WebhookURL)
	}); err != nil {
		return err
	}

	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	logger.Info("stopping: requests under way are answered", "at_most", drainTimeout)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := server.Shutdown(drain); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop serving: %w", err)
	}
	return nil
}
