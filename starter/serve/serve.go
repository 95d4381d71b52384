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
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/link"
	"github.com/offsession/offsession/starter/web"
)

// shutdownTimeout is how long requests under way may take after the end was asked for. An Update takes 20 s at most.
const shutdownTimeout = 25 * time.Second

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
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	handler, err := web.New(web.Config{
		Temporal:        temporal,
		Stripe:          gateway,
		ParseEvent:      stripegateway.ParseEvent,
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
	logger.Info("web ready", "address", listener.Addr().String(), "public_url", c.PublicURL, "webhooks", strings.TrimSuffix(c.PublicURL, "/")+"/webhooks/stripe")
	if c.Ready != nil {
		c.Ready(listener.Addr().String())
	}
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(stopCtx); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("requests were cut off: %w", err)
	}
	return nil
}
