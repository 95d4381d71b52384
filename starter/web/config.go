package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/link"
)

// Stripe's own addresses, used unless Config says otherwise.
const (
	// DefaultStripeJSURL is Stripe.js of the release train that the API version belongs to. It may not be self-hosted.
	// https://docs.stripe.com/js/including
	DefaultStripeJSURL = "https://js.stripe.com/basil/stripe.js"
	// DefaultStripeAPIOrigin is where Stripe.js sends its requests.
	DefaultStripeAPIOrigin = "https://api.stripe.com"
)

// Temporal is the part of Temporal's client.Client that the web uses. It cannot start a workflow.
type Temporal interface {
	SignalWorkflow(ctx context.Context, workflowID, runID, signalName string, arg any) error
	ListWorkflow(ctx context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error)
	QueryWorkflowWithOptions(ctx context.Context, r *client.QueryWorkflowWithOptionsRequest) (*client.QueryWorkflowWithOptionsResponse, error)
	UpdateWorkflow(ctx context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error)
	CheckHealth(ctx context.Context, r *client.CheckHealthRequest) (*client.CheckHealthResponse, error)
}

// Stripe is what the web reads of Stripe. It writes nothing there.
type Stripe interface {
	// CheckoutSecret reads what the customer's browser needs to show a session.
	CheckoutSecret(ctx context.Context, sessionID string) (activities.CheckoutSecret, error)
	PaymentIntent(ctx context.Context, id string) (activities.PaymentIntent, error)
	PaymentMethod(ctx context.Context, id string) (activities.PaymentMethod, error)
	// SetupIntentSecret reads the client secret with which the browser confirms a subscription's pending SetupIntent.
	SetupIntentSecret(ctx context.Context, id string) (string, error)
	// InvoiceURL reads the hosted_invoice_url of an open invoice; empty when it has none.
	InvoiceURL(ctx context.Context, id string) (string, error)
}

// ParseEvent checks the Stripe-Signature header over the raw payload, with each secret in turn, and reads the event.
type ParseEvent func(payload []byte, header string, secrets []string) (activities.Event, error)

// Links checks the token of a customer's link. The errors are link.ErrForged and link.ErrExpired.
type Links interface {
	Verify(token string, now time.Time) (link.Claims, error)
}

// Config is what New needs.
type Config struct {
	Temporal Temporal
	Stripe   Stripe
	// ParseEvent reads the webhooks: stripegateway.ParseEvent.
	ParseEvent ParseEvent
	Links      Links
	// Adopt is the only thing by which a webhook may start a workflow. Nil when subscriptions are not adopted.
	Adopt Adopt
	// PublishableKey is Stripe's pk_…, shown to browsers.
	PublishableKey string
	// StripeJSURL defaults to DefaultStripeJSURL; the sandbox serves a stand-in.
	StripeJSURL string
	// StripeAPIOrigin defaults to DefaultStripeAPIOrigin.
	StripeAPIOrigin string
	// WebhookSecrets are those of the webhook endpoint, more than one while it is rolled. Without any, every webhook is
	// refused.
	WebhookSecrets []string
	// AppReturnURL is the app's own page, shown to the customer after success; optional.
	AppReturnURL string
	// Logger defaults to slog.Default().
	Logger *slog.Logger
	// Registry receives the metrics and is what GET /metrics shows; defaults to a new one.
	Registry *prometheus.Registry
}

// check fills in the defaults and reports every mistake at once.
func (c *Config) check() error {
	var errs []error
	if c.Temporal == nil {
		errs = append(errs, errors.New("web: no Temporal client"))
	}
	if c.Stripe == nil {
		errs = append(errs, errors.New("web: no Stripe gateway"))
	}
	if c.ParseEvent == nil {
		errs = append(errs, errors.New("web: nothing reads the webhooks"))
	}
	if c.Links == nil {
		errs = append(errs, errors.New("web: nothing checks the links"))
	}
	c.StripeJSURL = cmp.Or(c.StripeJSURL, DefaultStripeJSURL)
	c.StripeAPIOrigin = cmp.Or(c.StripeAPIOrigin, DefaultStripeAPIOrigin)
	for _, address := range []struct{ name, value string }{
		{"address of Stripe.js", c.StripeJSURL},
		{"address of Stripe's API", c.StripeAPIOrigin},
		{"return address of the app", c.AppReturnURL},
	} {
		if address.value == "" {
			continue
		}
		if _, err := originOf(address.value); err != nil {
			errs = append(errs, fmt.Errorf("web: %s: %w", address.name, err))
		}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Registry == nil {
		c.Registry = prometheus.NewRegistry()
	}
	return errors.Join(errs...)
}

// originOf answers scheme://host of an absolute http or https address.
func originOf(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("%q is not an address", address)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", fmt.Errorf("%q is not an absolute http or https address", address)
	}
	return u.Scheme + "://" + u.Host, nil
}
