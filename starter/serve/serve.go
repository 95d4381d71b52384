// Package serve is `starter serve` as a function: what the command runs, and what a process that is everything at once
// runs beside other parts.
package serve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/link"
	"github.com/offsession/offsession/starter/web"
)

// drainTimeout lets requests under way finish: a press of the customer's button waits up to 25 s for its workflow.
const drainTimeout = 30 * time.Second

// Config is what Run needs.
type Config struct {
	config.Config
	// Logger defaults to slog.Default().
	Logger *slog.Logger
	// Ready is called with the address once requests are taken; may be nil.
	Ready func(address string)
}

// Run serves the webhook receiver and the customer pages until ctx is done, then lets requests under way finish and
// returns nil. It returns an error when it cannot start.
func Run(ctx context.Context, c Config) error {
	logger := cmp.Or(c.Logger, slog.Default())
	gateway, err := stripegateway.New(stripegateway.Config{APIKey: c.StripeAPIKey, APIBase: c.StripeAPIBase, Logger: logger})
	if err != nil {
		return fmt.Errorf("set up the Stripe client: %w", err)
	}
	temporal, err := c.DialTemporal(ctx, logger)
	if err != nil {
		return err
	}
	defer temporal.Close()
	adopt, err := Adopt(c.Config, temporal, gateway)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	handler, err := web.New(web.Config{
		Temporal:        temporal,
		Stripe:          gateway,
		ParseEvent:      stripegateway.ParseEvent,
		Adopt:           adopt,
		Links:           link.NewMinter(c.PublicURL, c.LinkSecrets),
		PublishableKey:  c.StripePublishableKey,
		StripeJSURL:     c.StripeJSURL(),
		StripeAPIOrigin: c.StripeAPIBase,
		WebhookSecrets:  c.StripeWebhookSecrets,
		AppReturnURL:    c.ReturnURL,
		Logger:          logger,
		Registry:        registry,
	})
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("OFFSESSION_LISTEN: %w", err)
	}
	server := web.NewHTTPServer(c.Listen, handler)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	logger.Info("web ready", "address", listener.Addr().String(), "public_url", c.PublicURL, "webhooks", c.PublicURL+"/webhooks/stripe")
	if c.Ready != nil {
		c.Ready(listener.Addr().String())
	}
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	logger.Info("web stopping: requests under way are answered", "at_most", drainTimeout)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := server.Shutdown(drain); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop serving: %w", err)
	}
	return nil
}
