// Package service is the worker as a function: what the worker command runs, and what a process that is everything at
// once runs beside other parts.
package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/manifest"
	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/link"
	"github.com/offsession/offsession/workflows"
)

// Config is what Run needs.
type Config struct {
	config.Config
	// Logger defaults to slog.Default().
	Logger *slog.Logger
	// Ready is called once both task queues are polled; may be nil.
	Ready func()
}

// Run runs workflows and activities until ctx is done, then lets activities under way finish and returns nil. It returns
// an error when it cannot start, or when Temporal refuses the worker for good.
func Run(ctx context.Context, c Config) error {
	logger := cmp.Or(c.Logger, slog.Default())
	ports, err := newPorts(c.Config, logger)
	if err != nil {
		return err
	}
	observed, err := observe(ctx, &c.Config, logger)
	if err != nil {
		return err
	}
	defer observed.close() //nolint:contextcheck // ctx is done by then

	tc, err := c.DialTemporal(ctx, logger)
	if err != nil {
		return err
	}
	defer tc.Close()
	if err := prepareNamespace(ctx, tc, c.Temporal.Namespace, logger); err != nil {
		return err
	}

	deployment, err := deploymentOptions(ctx, tc, c.Config, logger)
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ports.Workflows = temporalWorkflows{client: tc, taskQueue: c.TaskQueue}
	workers := newWorkers(tc, c.Config, activities.New(ports), deployment, cancel)
	defer stopAll(workers)
	for _, w := range workers {
		if err := w.Start(); err != nil {
			return fmt.Errorf("start the worker: %w", err)
		}
	}
	if deployment.UseVersioning {
		warnUnlessCurrent(ctx, tc, deployment.Version, logger)
	}
	logger.Info("worker ready", "task_queue", c.TaskQueue, "stripe_writes_queue", workflows.StripeWritesQueue(c.TaskQueue),
		"namespace", c.Temporal.Namespace, "temporal_address", c.Temporal.HostPort, "version", config.Version())
	if c.Ready != nil {
		c.Ready()
	}

	<-ctx.Done()
	if fatal := context.Cause(ctx); !errors.Is(fatal, context.Canceled) && !errors.Is(fatal, context.DeadlineExceeded) {
		return fmt.Errorf("the worker cannot go on: %w", fatal)
	}
	logger.Info("worker stopping: activities under way may finish", "at_most", stopTimeout)
	return nil
}

// newPorts makes what the activities work through: Stripe and the channels of messages. Temporal is not reached yet.
func newPorts(c config.Config, logger *slog.Logger) (activities.Ports, error) {
	gateway, err := stripegateway.New(stripegateway.Config{APIKey: c.StripeAPIKey, APIBase: c.StripeAPIBase, Logger: logger})
	if err != nil {
		return activities.Ports{}, fmt.Errorf("set up the Stripe client: %w", err)
	}
	links := link.NewMinter(c.PublicURL, c.LinkSecrets)
	notifiers, err := newNotifiers(c, gateway, links, logger)
	if err != nil {
		return activities.Ports{}, err
	}
	amounts, err := newAmountSource(c)
	if err != nil {
		return activities.Ports{}, err
	}
	return activities.Ports{
		PaymentIntents:   gateway,
		CheckoutSessions: gateway,
		SetupIntents:     gateway,
		PaymentMethods:   gateway,
		Customers:        gateway,
		Refunds:          gateway,
		Disputes:         gateway,
		Mandates:         gateway,
		Subscriptions:    gateway,
		Invoices:         gateway,

		AccountPaymentIntents: gateway,
		Links:                 links,
		Notifiers:             notifiers,
		Amounts:               amounts,
		RunFiles:              manifest.New(),
		RunRateLimit:          c.RunRateLimit(),
		Live:                  c.Live(),
		ReturnURL:             cmp.Or(c.ReturnURL, c.PublicURL),
	}, nil
}

// newWorkers makes a worker per task queue. fatal ends both.
func newWorkers(
	tc client.Client, c config.Config, acts *activities.Activities, deployment worker.DeploymentOptions, fatal context.CancelCauseFunc,
) []worker.Worker {
	main := worker.New(tc, c.TaskQueue, mainOptions(deployment, fatal))
	workflows.Register(main)
	acts.RegisterMain(main)

	writes := worker.New(tc, workflows.StripeWritesQueue(c.TaskQueue), stripeWritesOptions(c.ReservedCapacity(), deployment, fatal))
	acts.RegisterStripeWrites(writes)
	return []worker.Worker{main, writes}
}

// stopAll stops them side by side, so that the wait for activities is one, not two.
func stopAll(workers []worker.Worker) {
	var wg sync.WaitGroup
	for _, w := range workers {
		wg.Go(w.Stop)
	}
	wg.Wait()
}
