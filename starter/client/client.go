package client

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/manifest"
	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/link"
)

// answerTimeout is how long a workflow may take to answer when the caller's context has no deadline. A workflow answers
// after 20 s at the latest; the rest is for a worker that is busy or just starting.
const answerTimeout = 45 * time.Second

// Stripe is what the client asks Stripe for: reads only. activities/stripegateway's Gateway has it. Errors are
// *activities.StripeError.
type Stripe interface {
	activities.SubscriptionReader
	activities.SubscriptionLister
	activities.AccountPaymentIntents
	activities.PaymentIntentReader
	Customer(ctx context.Context, id string) (activities.Customer, error)
	PaymentMethod(ctx context.Context, id string) (activities.PaymentMethod, error)
	// SearchPaymentIntents finds the PaymentIntents whose metadata offsession_reference is reference, in any order.
	SearchPaymentIntents(ctx context.Context, reference string) ([]activities.PaymentIntent, error)
}

// Options are the settings of New. The zero value works.
type Options struct {
	// TaskQueue is the worker's main task queue, OFFSESSION_TASK_QUEUE. Defaults to "offsession".
	TaskQueue string
	// TimeZone is for customers whose zone is given neither in the call nor in Stripe's customer metadata time_zone.
	// Defaults to UTC.
	TimeZone string
	// CheckoutUI is how customers see Checkout unless a call says otherwise. Defaults to custom.
	CheckoutUI activities.CheckoutUI
	// Links mints the customers' links; nil leaves them empty.
	Links activities.Links
	// Stripe checks that customers and payment methods exist before anything starts, and answers for payments that no
	// workflow knows any more; nil leaves both out, and subscriptions can then be neither watched nor checked.
	Stripe Stripe
	// RunFiles reads manifests and writes reports of billing runs: activities/manifest's New. Nil leaves both to the workers, and
	// ValidateManifest, DryRun, WriteRunReport and ReconcileRun are refused.
	RunFiles activities.RunFiles
	// Account lists what a dry run looks for in Stripe; nil refuses DryRun. activities/stripegateway's Gateway has it.
	Account activities.AccountPaymentIntents
	// RunRate is in charges per second what DryRun counts on when a run names no Rate: three quarters of the workers'
	// STRIPE_RATE_LIMIT. Defaults to 15.
	RunRate float64
}

// Client starts, watches and steers workflows.
type Client struct {
	connection connection
	options    Options
}

// New uses a Temporal client that stays the caller's own: Close does not close it. The error names an option that is
// not allowed.
func New(temporal sdk.Client, options Options) (*Client, error) {
	options.TaskQueue = cmp.Or(options.TaskQueue, config.DefaultTaskQueue)
	options.TimeZone = cmp.Or(options.TimeZone, config.DefaultTimeZone)
	options.CheckoutUI = cmp.Or(options.CheckoutUI, activities.CheckoutUICustom)
	options.RunRate = cmp.Or(options.RunRate, config.Config{StripeRateLimit: config.DefaultRateLimit}.RunRateLimit())
	var i invalid
	checkTimeZone(&i, options.TimeZone)
	checkCheckoutUI(&i, options.CheckoutUI)
	if err := i.result(); err != nil {
		return nil, err
	}
	return &Client{connection: connection{temporal: temporal}, options: options}, nil
}

// Dial connects as the environment says: TEMPORAL_* for the server, OFFSESSION_* for task queue, time zone, links and
// Checkout, STRIPE_API_KEY to check customers and payment methods with Stripe. The error joins every mistake in the
// environment, or says where Temporal was sought. Call Close when done.
func Dial(ctx context.Context) (*Client, error) {
	cfg, err := config.Load(config.ForClient)
	if err != nil {
		return nil, err
	}
	c, err := FromConfig(cfg, slog.Default())
	if err != nil {
		return nil, err
	}
	if _, err := c.connection.get(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// FromConfig is Dial for offsession's own commands, which have read the environment already. It connects when it is
// first used.
func FromConfig(cfg config.Config, logger *slog.Logger) (*Client, error) {
	options := Options{
		TaskQueue: cfg.TaskQueue, TimeZone: cfg.TimeZone, CheckoutUI: cfg.CheckoutUI, RunRate: cfg.RunRateLimit(), RunFiles: manifest.New(),
	}
	if len(cfg.LinkSecrets) > 0 {
		options.Links = link.NewMinter(cfg.PublicURL, cfg.LinkSecrets)
	}
	if cfg.StripeAPIKey != "" {
		gateway, err := stripegateway.New(stripegateway.Config{APIKey: cfg.StripeAPIKey, APIBase: cfg.StripeAPIBase, Logger: logger})
		if err != nil {
			return nil, fmt.Errorf("set up the Stripe client: %w", err)
		}
		options.Stripe, options.Account = gateway, gateway
	}
	c, err := New(nil, options)
	if err != nil {
		return nil, err
	}
	c.connection.dial = func(ctx context.Context) (sdk.Client, error) { return cfg.DialTemporal(ctx, logger) }
	return c, nil
}

// Close closes what Dial opened. A second call does nothing.
func (c *Client) Close() { c.connection.close() }

// link mints the customer's link to a workflow; "" when there are no links, or when it would have expired already.
func (c *Client) link(workflowID string, expires time.Time) string {
	if c.options.Links == nil || !expires.After(time.Now()) {
		return ""
	}
	return c.options.Links.Link(workflowID, expires)
}

// withAnswerTimeout gives a call that waits for a worker a deadline when the caller gave none.
func withAnswerTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, answerTimeout)
}
