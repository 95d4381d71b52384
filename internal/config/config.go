package config

import (
	"cmp"
	"errors"
	"log/slog"
	"net/url"
	"strings"

	"github.com/kelseyhightower/envconfig"
	"go.temporal.io/sdk/client"

	"github.com/offsession/offsession/activities"
)

// Defaults of variables that are not set.
const (
	DefaultTaskQueue = "offsession"
	DefaultListen    = "127.0.0.1:8080"
	DefaultAPIBase   = "https://api.stripe.com"
	DefaultTimeZone  = "UTC"
	// DefaultRateLimit is far below what Stripe allows a live account (100/s) and just below the 25/s of test mode,
	// https://docs.stripe.com/rate-limits.
	DefaultRateLimit = 20
)

// Config is what an offsession process knows of its surroundings. Load makes one from the environment.
type Config struct {
	// StripeAPIKey is STRIPE_API_KEY, a secret (sk_…) or restricted (rk_…) key.
	StripeAPIKey string
	// StripePublishableKey is STRIPE_PUBLISHABLE_KEY, pk_…, for the customer's browser.
	StripePublishableKey string
	// StripeWebhookSecrets is STRIPE_WEBHOOK_SECRET, a comma list: while a secret is rolled, both are valid.
	StripeWebhookSecrets []string
	// StripeAPIBase is STRIPE_API_BASE without a final slash.
	StripeAPIBase string
	// StripeRateLimit is STRIPE_RATE_LIMIT, the account's budget in writes per second.
	StripeRateLimit float64

	// Temporal is the connection (TEMPORAL_*); HostPort and Namespace are always set.
	Temporal client.Options
	// TaskQueue is OFFSESSION_TASK_QUEUE, the main queue; the rate-limited one is named after it.
	TaskQueue string
	// Deployment is OFFSESSION_DEPLOYMENT, the name of the Worker Deployment; empty runs workers without versioning.
	Deployment string
	// BuildID is OFFSESSION_BUILD_ID, which names this build of the worker; empty lets the worker name it.
	BuildID string

	// Listen is OFFSESSION_LISTEN, the address of `starter serve`.
	Listen string
	// PublicURL is OFFSESSION_PUBLIC_URL without a final slash: under which address customers reach `starter serve`.
	// When it is not set, it is http:// and Listen. A live key needs one with https.
	PublicURL string
	// ReturnURL is OFFSESSION_RETURN_URL, the app's own page after ours; may be empty.
	ReturnURL string
	// LinkSecrets is OFFSESSION_LINK_SECRET, a comma list: links are signed with the first, all are accepted. Without
	// one there are no links.
	LinkSecrets []string
	// CheckoutUI is OFFSESSION_CHECKOUT_UI.
	CheckoutUI activities.CheckoutUI
	// TimeZone is OFFSESSION_TIME_ZONE, for customers whose zone nobody knows.
	TimeZone string
	// AdoptSubscriptions is OFFSESSION_ADOPT_SUBSCRIPTIONS: a webhook starts watching a subscription whose pending SetupIntent
	// is open.
	AdoptSubscriptions bool
	// MetricsListen is OFFSESSION_METRICS_LISTEN, the address of the worker's /healthz and /metrics; empty for none.
	MetricsListen string

	// SMTPURL is SMTP_URL; empty sends no mail.
	SMTPURL string
	// NotifyFrom is NOTIFY_FROM, the sender of mails.
	NotifyFrom string
	// NotifyWebhookURL is NOTIFY_WEBHOOK_URL; empty posts nothing to the app.
	NotifyWebhookURL string
	// NotifyWebhookSecret is NOTIFY_WEBHOOK_SECRET, whsec_… as in Standard Webhooks.
	NotifyWebhookSecret string
	// AmountWebhookURL is AMOUNT_WEBHOOK_URL, where the app says what agreements charge that ask it; empty asks nobody.
	AmountWebhookURL string
	// AmountWebhookSecret is AMOUNT_WEBHOOK_SECRET, whsec_… as in Standard Webhooks.
	AmountWebhookSecret string

	// LogLevel is OFFSESSION_LOG_LEVEL.
	LogLevel slog.Level
	// LogJSON says that OFFSESSION_LOG_FORMAT is json, not text.
	LogJSON bool
}

// Process is what the environment is read for. It decides which variables must be set; all that are set are checked
// in any case.
type Process string

// The processes.
const (
	// ForClient is for starting and steering workflows: only Temporal is needed. With STRIPE_API_KEY, customers and
	// payment methods are checked too; with OFFSESSION_LINK_SECRET, links are made.
	ForClient Process = "this command"
	// ForSubscriptions is ForClient for what only Stripe can answer about a subscription.
	ForSubscriptions Process = "starter subscription"
	// ForRuns is ForClient for what only Stripe can answer about a billing run.
	ForRuns Process = "this command of starter run"
	// ForEvents reads Stripe's events.
	ForEvents Process = "starter events"
	// ForServe receives webhooks and serves the customer pages.
	ForServe Process = "starter serve"
	// ForWorker runs workflows and talks to Stripe.
	ForWorker Process = "the worker"
)

// Load reads the environment for a process. The error joins every mistake; each names the variable, its value unless
// it is a secret, and what is allowed.
func Load(process Process) (Config, error) {
	var v variables
	if err := envconfig.Process("", &v); err != nil {
		return Config{}, err
	}
	r := &reader{}
	c := Config{
		StripeAPIKey:         r.secretKey("STRIPE_API_KEY", v.StripeAPIKey),
		StripePublishableKey: r.publishableKey("STRIPE_PUBLISHABLE_KEY", v.StripePublishableKey),
		StripeWebhookSecrets: r.webhookSecrets("STRIPE_WEBHOOK_SECRET", v.StripeWebhookSecret),
		StripeAPIBase:        r.baseURL("STRIPE_API_BASE", cmp.Or(v.StripeAPIBase, DefaultAPIBase)),
		StripeRateLimit:      r.rate("STRIPE_RATE_LIMIT", v.StripeRateLimit),
		Temporal:             r.temporal(),
		TaskQueue:            r.taskQueue("OFFSESSION_TASK_QUEUE", cmp.Or(v.TaskQueue, DefaultTaskQueue)),
		Deployment:           r.deployment("OFFSESSION_DEPLOYMENT", v.Deployment),
		BuildID:              r.buildID("OFFSESSION_BUILD_ID", v.BuildID),
		Listen:               r.address("OFFSESSION_LISTEN", cmp.Or(v.Listen, DefaultListen)),
		PublicURL:            r.baseURL("OFFSESSION_PUBLIC_URL", v.PublicURL),
		ReturnURL:            r.pageURL("OFFSESSION_RETURN_URL", v.ReturnURL),
		LinkSecrets:          r.linkSecrets("OFFSESSION_LINK_SECRET", v.LinkSecret),
		CheckoutUI:           r.checkoutUI("OFFSESSION_CHECKOUT_UI", v.CheckoutUI),
		TimeZone:             r.timeZone("OFFSESSION_TIME_ZONE", cmp.Or(v.TimeZone, DefaultTimeZone)),
		AdoptSubscriptions:   r.flag("OFFSESSION_ADOPT_SUBSCRIPTIONS", v.AdoptSubscriptions),
		MetricsListen:        r.address("OFFSESSION_METRICS_LISTEN", v.MetricsListen),
		SMTPURL:              r.smtpURL("SMTP_URL", v.SMTPURL),
		NotifyFrom:           r.mailAddress("NOTIFY_FROM", v.NotifyFrom),
		NotifyWebhookURL:     r.pageURL("NOTIFY_WEBHOOK_URL", v.NotifyWebhookURL),
		NotifyWebhookSecret:  r.appSecret("NOTIFY_WEBHOOK_SECRET", v.NotifyWebhookSecret),
		AmountWebhookURL:     r.secureURL("AMOUNT_WEBHOOK_URL", v.AmountWebhookURL),
		AmountWebhookSecret:  r.appSecret("AMOUNT_WEBHOOK_SECRET", v.AmountWebhookSecret),
		LogLevel:             r.logLevel("OFFSESSION_LOG_LEVEL", v.LogLevel),
		LogJSON:              r.logFormat("OFFSESSION_LOG_FORMAT", v.LogFormat),
	}
	allowLive := r.flag("STRIPE_ALLOW_LIVE", v.StripeAllowLive)

	r.needs(process, v)
	r.together(v)
	r.live(c, v, allowLive)
	c.PublicURL = cmp.Or(c.PublicURL, "http://"+c.Listen)
	if err := errors.Join(r.mistakes...); err != nil {
		return Config{}, err
	}
	return c, nil
}

// needs reports what the process cannot do without.
func (r *reader) needs(process Process, v variables) {
	needed := func(name, value, why string) {
		if value == "" {
			r.wrong("%s: not set; %s needs %s", name, process, why)
		}
	}
	switch process {
	case ForClient:
	case ForSubscriptions, ForRuns, ForEvents, ForWorker:
		needed("STRIPE_API_KEY", v.StripeAPIKey, "a secret or restricted key (sk_test_…, rk_test_…)")
	case ForServe:
		needed("STRIPE_API_KEY", v.StripeAPIKey, "a secret or restricted key (sk_test_…, rk_test_…)")
		needed("STRIPE_PUBLISHABLE_KEY", v.StripePublishableKey, "the publishable key (pk_test_…) for the customer pages")
		needed("STRIPE_WEBHOOK_SECRET", v.StripeWebhookSecret, "the signing secret (whsec_…) of the webhook endpoint")
		needed("OFFSESSION_LINK_SECRET", v.LinkSecret, "a long random text to sign links with")
	}
}

// together reports variables that make sense only with another one.
func (r *reader) together(v variables) {
	if v.SMTPURL != "" && v.NotifyFrom == "" {
		r.wrong("NOTIFY_FROM: not set; with SMTP_URL it must be the sender's address, such as billing@example.com")
	}
	if v.NotifyWebhookURL != "" && v.NotifyWebhookSecret == "" {
		r.wrong("NOTIFY_WEBHOOK_SECRET: not set; with NOTIFY_WEBHOOK_URL it must be the secret that messages are signed with, whsec_ and 24 to 64 bytes in base64")
	}
	if v.AmountWebhookURL != "" && v.AmountWebhookSecret == "" {
		r.wrong("AMOUNT_WEBHOOK_SECRET: not set; with AMOUNT_WEBHOOK_URL it must be the secret that requests are signed with, whsec_ and 24 to 64 bytes in base64")
	}
	if v.AmountWebhookURL == "" && v.AmountWebhookSecret != "" {
		r.wrong("AMOUNT_WEBHOOK_URL: not set; with AMOUNT_WEBHOOK_SECRET it must be the https:// address at which the app says what to charge")
	}
	if isLive(v.StripePublishableKey) != isLive(v.StripeAPIKey) && v.StripePublishableKey != "" && v.StripeAPIKey != "" {
		r.wrong("STRIPE_PUBLISHABLE_KEY: %s…; must be of the same mode as STRIPE_API_KEY (%s…)", keyPrefix(v.StripePublishableKey), keyPrefix(v.StripeAPIKey))
	}
}

// live refuses a live key unless nothing suggests that it got here by mistake, and nobody could forge a webhook or a
// link, and customers and messages travel encrypted.
func (r *reader) live(c Config, v variables, allowed bool) {
	if !isLive(c.StripeAPIKey) {
		return
	}
	if !allowed {
		r.wrong("STRIPE_API_KEY: a live key (%s…); set STRIPE_ALLOW_LIVE=true to take real money", keyPrefix(c.StripeAPIKey))
	}
	if c.StripeAPIBase != DefaultAPIBase {
		r.wrong("STRIPE_API_BASE: %q; with a live key only %s is allowed", c.StripeAPIBase, DefaultAPIBase)
	}
	if len(c.StripeWebhookSecrets) == 0 {
		r.wrong("STRIPE_WEBHOOK_SECRET: not set; a live key needs it")
	}
	if len(c.LinkSecrets) == 0 {
		r.wrong("OFFSESSION_LINK_SECRET: not set; a live key needs it")
	}
	if v.PublicURL == "" {
		r.wrong("OFFSESSION_PUBLIC_URL: not set; with a live key it must be the https:// address under which customers reach starter serve")
	}
	for _, address := range []struct{ name, url string }{
		{"OFFSESSION_PUBLIC_URL", c.PublicURL}, {"OFFSESSION_RETURN_URL", c.ReturnURL}, {"NOTIFY_WEBHOOK_URL", c.NotifyWebhookURL},
	} {
		if u, err := url.Parse(address.url); err == nil && u.Scheme == "http" {
			r.wrong("%s: %q; with a live key only https:// is allowed", address.name, redacted(address.url))
		}
	}
}

// ReservedCapacity is the part of StripeRateLimit, in writes per second, that automatic charge attempts of single
// payments share: a quarter.
func (c Config) ReservedCapacity() float64 { return c.StripeRateLimit / 4 }

// RunRateLimit is the rest, in rows per second: what all billing runs together may send.
func (c Config) RunRateLimit() float64 { return c.StripeRateLimit - c.ReservedCapacity() }

// Live says that the key moves real money.
func (c Config) Live() bool { return isLive(c.StripeAPIKey) }

// StripeJSURL is where the customer's browser loads Stripe.js from, when that is not Stripe's own server; else "". Stripe
// demands that its script comes from itself (https://docs.stripe.com/js/including). Whatever STRIPE_API_BASE names
// instead of Stripe, the sandbox above all, is no Stripe and serves a script of its own, which talks to itself.
func (c Config) StripeJSURL() string {
	if c.StripeAPIBase == DefaultAPIBase {
		return ""
	}
	return c.StripeAPIBase + "/basil/stripe.js"
}

func isLive(key string) bool {
	return strings.HasPrefix(key, "sk_live_") || strings.HasPrefix(key, "rk_live_") || strings.HasPrefix(key, "pk_live_")
}

// keyPrefix is the part of a Stripe key that says its kind and mode, such as sk_test_. It is no secret.
func keyPrefix(key string) string {
	for _, p := range []string{"sk_test_", "rk_test_", "pk_test_", "sk_live_", "rk_live_", "pk_live_"} {
		if strings.HasPrefix(key, p) {
			return p
		}
	}
	return ""
}
