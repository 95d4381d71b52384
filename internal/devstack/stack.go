package devstack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/starter/serve"
	"github.com/offsession/offsession/worker/service"
	"github.com/offsession/offsession/workflows"
)

// The secrets of a stack on one machine. They protect nothing: everything listens on the loopback interface.
const (
	webhookSecret = "whsec_development" //nolint:gosec // see above
	linkSecret    = "a development link secret: not for production"
	mailFrom      = "offsession demo <billing@example.com>"
)

// defaultStripeRate is the budget of a stack on one machine, in writes per second: the sandbox sets no limit.
const defaultStripeRate = 200

// Options say where a stack listens. The zero value takes free ports, and has no Temporal UI.
type Options struct {
	// TemporalAddress, WebAddress, SandboxAddress and MailAddress are host:port; each defaults to 127.0.0.1:0.
	TemporalAddress string
	WebAddress      string
	SandboxAddress  string
	MailAddress     string
	// UIPort is the Temporal UI's; 0 for none.
	UIPort int
	// Sandbox is changed for tests; webhooks and addresses are set by the stack.
	Sandbox stripesandbox.Config
	// StripeRate is STRIPE_RATE_LIMIT, in writes per second; 200 when it is 0.
	StripeRate float64
	// WithoutWorker leaves the worker to the caller, who starts one with Env.
	WithoutWorker bool
	// Progress gets a line per part that is up; Log gets what the parts log. Both default to io.Discard.
	Progress io.Writer
	Log      io.Writer
}

// Stack is everything the product needs, running on this machine.
type Stack struct {
	Temporal *Temporal
	Sandbox  *stripesandbox.Server
	Mailbox  *Mailbox
	// WebURL is the address of `starter serve`.
	WebURL string
	// Config is what a further process of the stack is configured with; Env is the same as environment variables.
	Config config.Config

	stops []func()
	once  sync.Once

	failed chan error
}

// Start starts all parts in order, and returns when they are ready. ctx bounds the start; Stop ends them. The error
// says which part did not start; the others are stopped then.
func Start(ctx context.Context, o Options) (*Stack, error) {
	o.Progress, o.Log = cmp.Or(o.Progress, io.Discard), cmp.Or(o.Log, io.Discard)
	s := &Stack{failed: make(chan error, 2)}
	if err := s.start(ctx, o); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context, o Options) error {
	logger := slog.New(slog.NewTextHandler(o.Log, &slog.HandlerOptions{Level: slog.LevelInfo}))
	progress := func(format string, args ...any) { _, _ = fmt.Fprintf(o.Progress, format+"\n", args...) }

	var err error
	if s.Mailbox, err = StartMailbox(ctx, local(o.MailAddress)); err != nil {
		return err
	}
	s.stops = append(s.stops, s.Mailbox.Close)

	web, err := listen(ctx, local(o.WebAddress))
	if err != nil {
		return fmt.Errorf("web: %w", err)
	}
	s.WebURL = "http://" + web
	o.Sandbox.Webhooks = append(o.Sandbox.Webhooks, stripesandbox.WebhookEndpoint{URL: s.WebURL + "/webhooks/stripe", Secret: webhookSecret})
	if o.Sandbox.Logger == nil {
		o.Sandbox.Logger = logger.With("part", "sandbox")
	}
	// The sandbox outlives the context of the start.
	if s.Sandbox, err = stripesandbox.Start(context.WithoutCancel(ctx), local(o.SandboxAddress), o.Sandbox); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	s.stops = append(s.stops, s.Sandbox.Close)
	progress("Stripe sandbox   %s", s.Sandbox.URL)

	s.Temporal, err = StartTemporal(ctx, TemporalOptions{
		Address: local(o.TemporalAddress), UIPort: o.UIPort, SearchAttributes: workflows.SearchAttributeKeys(), Log: o.Log,
	})
	if err != nil {
		return err
	}
	s.stops = append(s.stops, func() { _ = s.Temporal.Stop() })
	progress("Temporal         %s", s.Temporal.Address)
	if s.Temporal.UIURL != "" {
		progress("Temporal UI      %s", s.Temporal.UIURL)
	}

	s.Config = s.config(web)
	s.Config.StripeRateLimit = cmp.Or(o.StripeRate, defaultStripeRate)
	if !o.WithoutWorker {
		if err := s.run(ctx, func(ctx context.Context, ready func()) error {
			return service.Run(ctx, service.Config{Config: s.Config, Logger: logger.With("part", "worker"), Ready: ready})
		}); err != nil {
			return fmt.Errorf("worker: %w", err)
		}
		progress("worker           task queues %s, %s", s.Config.TaskQueue, workflows.StripeWritesQueue(s.Config.TaskQueue))
	}
	if err := s.run(ctx, func(ctx context.Context, ready func()) error {
		return serve.Run(ctx, serve.Config{Config: s.Config, Logger: logger.With("part", "web"), Ready: func(string) { ready() }})
	}); err != nil {
		return fmt.Errorf("web: %w", err)
	}
	progress("web              %s", s.WebURL)
	progress("mail             %s (kept in memory)", s.Mailbox.URL)
	return nil
}

// config is what every process of the stack is configured with.
func (s *Stack) config(web string) config.Config {
	return config.Config{
		StripeAPIKey:         stripesandbox.DefaultAPIKey,
		StripePublishableKey: "pk_test_sandbox",
		StripeWebhookSecrets: []string{webhookSecret},
		StripeAPIBase:        s.Sandbox.URL,
		Temporal:             sdk.Options{HostPort: s.Temporal.Address, Namespace: s.Temporal.Namespace},
		TaskQueue:            config.DefaultTaskQueue,
		Listen:               web,
		PublicURL:            s.WebURL,
		LinkSecrets:          []string{linkSecret},
		CheckoutUI:           activities.CheckoutUICustom,
		TimeZone:             config.DefaultTimeZone,
		SMTPURL:              s.Mailbox.URL,
		NotifyFrom:           mailFrom,
	}
}

// Env is the stack's configuration as NAME=value, sorted by name, for processes started beside it.
func (s *Stack) Env() []string {
	env := map[string]string{
		"STRIPE_API_KEY":         s.Config.StripeAPIKey,
		"STRIPE_PUBLISHABLE_KEY": s.Config.StripePublishableKey,
		"STRIPE_WEBHOOK_SECRET":  webhookSecret,
		"STRIPE_API_BASE":        s.Config.StripeAPIBase,
		"STRIPE_RATE_LIMIT":      fmt.Sprint(s.Config.StripeRateLimit),
		"TEMPORAL_ADDRESS":       s.Temporal.Address,
		"TEMPORAL_NAMESPACE":     s.Temporal.Namespace,
		"OFFSESSION_PUBLIC_URL":  s.WebURL,
		"OFFSESSION_LISTEN":      s.Config.Listen,
		"OFFSESSION_LINK_SECRET": linkSecret,
		"SMTP_URL":               s.Mailbox.URL,
		"NOTIFY_FROM":            mailFrom,
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// Client answers a client of the stack. The caller closes it.
func (s *Stack) Client() (*client.Client, error) {
	return client.FromConfig(s.Config, slog.New(slog.DiscardHandler))
}

// WorkflowURL is a workflow's page in the Temporal UI; without a UI, the workflow's id.
func (s *Stack) WorkflowURL(workflowID string) string {
	if s.Temporal.UIURL == "" {
		return workflowID
	}
	return s.Temporal.UIURL + "/namespaces/" + s.Temporal.Namespace + "/workflows/" + url.PathEscape(workflowID)
}

// Failed answers the error of a part that ended by itself.
func (s *Stack) Failed() <-chan error { return s.failed }

// Stop ends all parts, the last started first. A second call does nothing.
func (s *Stack) Stop() {
	s.once.Do(func() {
		for _, stop := range slices.Backward(s.stops) {
			stop()
		}
	})
}

// run starts a part in this process and returns when it is ready.
func (s *Stack) run(ctx context.Context, part func(ctx context.Context, ready func()) error) error {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- part(running, sync.OnceFunc(func() { close(ready) })) }()
	select {
	case <-ready:
	case err := <-ended:
		cancel()
		return cmp.Or(err, errors.New("ended by itself"))
	case <-ctx.Done():
		cancel()
		return ctx.Err()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := <-ended; err != nil {
			s.failed <- err
		}
	}()
	s.stops = append(s.stops, func() {
		cancel()
		select {
		case <-done:
		case <-time.After(time.Minute):
		}
	})
	return nil
}

func local(address string) string { return cmp.Or(address, "127.0.0.1:0") }

// listen finds a free port for an address that ends in :0, and checks that another is free.
func listen(ctx context.Context, address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("address %q: %w", address, err)
	}
	port, err = freePort(ctx, host, port)
	if err != nil {
		return "", fmt.Errorf("listen on %s: %w", address, err)
	}
	return net.JoinHostPort(host, port), nil
}
