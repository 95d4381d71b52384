package config

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

const (
	linkSecret   = "0123456789abcdef0123456789abcdef"
	amountSecret = "whsec_OTg3NjU0MzIxMDk4NzY1NDMyMTA5ODc2"
)

// setEnv makes the variables given the only ones that Load sees.
func setEnv(t *testing.T, env map[string]string) {
	t.Helper()
	kind := reflect.TypeFor[variables]()
	for field := range kind.Fields() {
		unset(t, field.Tag.Get("envconfig"))
	}
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "TEMPORAL_") {
			unset(t, name)
		}
	}
	t.Setenv("TEMPORAL_CONFIG_FILE", "")
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	for name, value := range env {
		t.Setenv(name, value)
	}
}

// unset removes a variable until the test ends.
func unset(t *testing.T, name string) {
	t.Helper()
	t.Setenv(name, "")
	require.NoError(t, os.Unsetenv(name))
}

func TestLoadDefaults(t *testing.T) {
	setEnv(t, nil)
	c, err := Load(ForClient)
	require.NoError(t, err)

	require.Equal(t, "localhost:7233", c.Temporal.HostPort)
	require.Equal(t, "default", c.Temporal.Namespace)
	c.Temporal.HostPort, c.Temporal.Namespace = "", ""
	require.Equal(t, Config{
		StripeAPIBase:   "https://api.stripe.com",
		StripeRateLimit: 20,
		TaskQueue:       "offsession",
		Listen:          "127.0.0.1:8080",
		PublicURL:       "http://127.0.0.1:8080",
		CheckoutUI:      activities.CheckoutUICustom,
		TimeZone:        "UTC",
		LogLevel:        slog.LevelInfo,
	}, c)
	require.InDelta(t, 5, c.ReservedCapacity(), 0)
	require.InDelta(t, 15, c.RunRateLimit(), 0)
	require.False(t, c.Live())
}

func TestLoadEverything(t *testing.T) {
	setEnv(t, map[string]string{
		"STRIPE_API_KEY":                 "rk_live_1",
		"STRIPE_PUBLISHABLE_KEY":         "pk_live_1",
		"STRIPE_WEBHOOK_SECRET":          "whsec_a, whsec_b",
		"STRIPE_API_BASE":                "https://api.stripe.com/",
		"STRIPE_ALLOW_LIVE":              "true",
		"STRIPE_RATE_LIMIT":              "80.5",
		"OFFSESSION_TASK_QUEUE":          "billing",
		"OFFSESSION_DEPLOYMENT":          "billing-eu",
		"OFFSESSION_BUILD_ID":            "v1.4.0+2",
		"OFFSESSION_LISTEN":              ":9000",
		"OFFSESSION_PUBLIC_URL":          "https://pay.example.com/",
		"OFFSESSION_RETURN_URL":          "https://app.example.com/done?x=1",
		"OFFSESSION_LINK_SECRET":         linkSecret + "," + strings.Repeat("x", 32),
		"OFFSESSION_CHECKOUT_UI":         "hosted",
		"OFFSESSION_TIME_ZONE":           "Europe/Berlin",
		"OFFSESSION_ADOPT_SUBSCRIPTIONS": "true",
		"OFFSESSION_METRICS_LISTEN":      "127.0.0.1:9090",
		"OFFSESSION_LOG_LEVEL":           "debug",
		"OFFSESSION_LOG_FORMAT":          "json",
		"SMTP_URL":                       "smtps://user:pass@mail.example.com:465",
		"NOTIFY_FROM":                    "Billing <billing@example.com>",
		"NOTIFY_WEBHOOK_URL":             "https://app.example.com/hooks",
		"NOTIFY_WEBHOOK_SECRET":          "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
		"AMOUNT_WEBHOOK_URL":             "https://app.example.com/amounts",
		"AMOUNT_WEBHOOK_SECRET":          "whsec_OTg3NjU0MzIxMDk4NzY1NDMyMTA5ODc2",
		"TEMPORAL_ADDRESS":               "temporal.example.com:7233",
		"TEMPORAL_NAMESPACE":             "billing",
	})
	for _, process := range []Process{ForClient, ForSubscriptions, ForRuns, ForEvents, ForServe, ForWorker} {
		c, err := Load(process)
		require.NoError(t, err)
		require.Equal(t, "temporal.example.com:7233", c.Temporal.HostPort)
		require.Equal(t, "billing", c.Temporal.Namespace)
		c.Temporal.HostPort, c.Temporal.Namespace = "", ""
		require.Equal(t, Config{
			StripeAPIKey:         "rk_live_1",
			StripePublishableKey: "pk_live_1",
			StripeWebhookSecrets: []string{"whsec_a", "whsec_b"},
			StripeAPIBase:        "https://api.stripe.com",
			StripeRateLimit:      80.5,
			TaskQueue:            "billing",
			Deployment:           "billing-eu",
			BuildID:              "v1.4.0+2",
			Listen:               ":9000",
			PublicURL:            "https://pay.example.com",
			ReturnURL:            "https://app.example.com/done?x=1",
			LinkSecrets:          []string{linkSecret, strings.Repeat("x", 32)},
			CheckoutUI:           activities.CheckoutUIHosted,
			TimeZone:             "Europe/Berlin",
			AdoptSubscriptions:   true,
			MetricsListen:        "127.0.0.1:9090",
			SMTPURL:              "smtps://user:pass@mail.example.com:465",
			NotifyFrom:           "Billing <billing@example.com>",
			NotifyWebhookURL:     "https://app.example.com/hooks",
			NotifyWebhookSecret:  "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
			AmountWebhookURL:     "https://app.example.com/amounts",
			AmountWebhookSecret:  "whsec_OTg3NjU0MzIxMDk4NzY1NDMyMTA5ODc2",
			LogLevel:             slog.LevelDebug,
			LogJSON:              true,
		}, c)
	}
}

func TestEmptyCountsAsNotSet(t *testing.T) {
	env := map[string]string{}
	kind := reflect.TypeFor[variables]()
	for field := range kind.Fields() {
		env[field.Tag.Get("envconfig")] = ""
	}
	setEnv(t, env)
	c, err := Load(ForClient)
	require.NoError(t, err)
	require.Equal(t, "offsession", c.TaskQueue)
	require.InDelta(t, 20, c.StripeRateLimit, 0)
}

func TestLoadRefuses(t *testing.T) {
	tests := []struct {
		name    string
		process Process
		env     map[string]string
		want    []string // all of them, one mistake each
	}{
		{"WorkerNeedsKey", ForWorker, nil, []string{"STRIPE_API_KEY: not set; the worker needs"}},
		{"RunsNeedKey", ForRuns, nil, []string{"STRIPE_API_KEY: not set; this command of starter run needs"}},
		{"SubscriptionsNeedKey", ForSubscriptions, nil, []string{"STRIPE_API_KEY: not set; starter subscription needs"}},
		{"EventsNeedKey", ForEvents, nil, []string{"STRIPE_API_KEY: not set; starter events needs"}},
		{"ServeNeedsFour", ForServe, nil, []string{
			"STRIPE_API_KEY: not set; starter serve needs", "STRIPE_PUBLISHABLE_KEY: not set", "STRIPE_WEBHOOK_SECRET: not set", "OFFSESSION_LINK_SECRET: not set",
		}},
		{"LiveNotAllowed", ForClient, map[string]string{
			"STRIPE_API_KEY": "sk_live_1", "STRIPE_WEBHOOK_SECRET": "whsec_a", "OFFSESSION_LINK_SECRET": linkSecret,
			"OFFSESSION_PUBLIC_URL": "https://pay.example.com",
		}, []string{"STRIPE_API_KEY: a live key (sk_live_…); set STRIPE_ALLOW_LIVE=true"}},
		{"LiveElsewhere", ForClient, map[string]string{
			"STRIPE_API_KEY": "rk_live_1", "STRIPE_ALLOW_LIVE": "true", "STRIPE_WEBHOOK_SECRET": "whsec_a", "OFFSESSION_LINK_SECRET": linkSecret,
			"STRIPE_API_BASE": "http://127.0.0.1:12111", "OFFSESSION_PUBLIC_URL": "https://pay.example.com",
		}, []string{`STRIPE_API_BASE: "http://127.0.0.1:12111"; with a live key only https://api.stripe.com is allowed`}},
		{"LiveForgeable", ForWorker, map[string]string{"STRIPE_API_KEY": "sk_live_1", "STRIPE_ALLOW_LIVE": "true"}, []string{
			"STRIPE_WEBHOOK_SECRET: not set; a live key needs it", "OFFSESSION_LINK_SECRET: not set; a live key needs it",
			"OFFSESSION_PUBLIC_URL: not set; with a live key it must be the https:// address",
		}},
		{"LiveInTheClear", ForServe, map[string]string{
			"STRIPE_API_KEY": "sk_live_1", "STRIPE_PUBLISHABLE_KEY": "pk_live_1", "STRIPE_ALLOW_LIVE": "true", "STRIPE_WEBHOOK_SECRET": "whsec_a",
			"OFFSESSION_LINK_SECRET": linkSecret, "OFFSESSION_PUBLIC_URL": "HTTP://pay.example.com", "OFFSESSION_RETURN_URL": "http://app.example.com/?key=hunter2",
			"NOTIFY_WEBHOOK_URL": "http://user:hunter2@app.example.com", "NOTIFY_WEBHOOK_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
		}, []string{
			`OFFSESSION_PUBLIC_URL: "http://pay.example.com"; with a live key only https:// is allowed`,
			`OFFSESSION_RETURN_URL: "http://app.example.com/?…"; with a live key only https:// is allowed`,
			`NOTIFY_WEBHOOK_URL: "http://…@app.example.com"; with a live key only https:// is allowed`,
		}},
		{"LivePublicURLWrong", ForClient, map[string]string{
			"STRIPE_API_KEY": "sk_live_1", "STRIPE_ALLOW_LIVE": "true", "STRIPE_WEBHOOK_SECRET": "whsec_a", "OFFSESSION_LINK_SECRET": linkSecret,
			"OFFSESSION_PUBLIC_URL": "pay.example.com",
		}, []string{`OFFSESSION_PUBLIC_URL: "pay.example.com"; must be an absolute http`}},
		{"ModesMixed", ForClient, map[string]string{"STRIPE_API_KEY": "sk_test_1", "STRIPE_PUBLISHABLE_KEY": "pk_live_1"},
			[]string{"STRIPE_PUBLISHABLE_KEY: pk_live_…; must be of the same mode as STRIPE_API_KEY (sk_test_…)"}},
		{"PublishableAsSecret", ForClient, map[string]string{"STRIPE_API_KEY": "pk_test_1"}, []string{"STRIPE_API_KEY: a publishable key (pk_test_…)"}},
		{"SecretAsPublishable", ForClient, map[string]string{"STRIPE_PUBLISHABLE_KEY": "sk_test_1"}, []string{"STRIPE_PUBLISHABLE_KEY: not a publishable key"}},
		{"NoKey", ForClient, map[string]string{"STRIPE_API_KEY": "hunter2"}, []string{"STRIPE_API_KEY: not a key of Stripe's"}},
		{"KeyWithLineEnd", ForClient, map[string]string{"STRIPE_API_KEY": "sk_test_1\n"}, []string{"STRIPE_API_KEY: contains a space, a line end"}},
		{"WebhookSecret", ForClient, map[string]string{"STRIPE_WEBHOOK_SECRET": "whsec_a,hunter2"}, []string{"STRIPE_WEBHOOK_SECRET: secret 2 of 2"}},
		{"LinkSecretShort", ForClient, map[string]string{"OFFSESSION_LINK_SECRET": "hunter2"}, []string{"OFFSESSION_LINK_SECRET: secret 1 of 1: link secret: 7 characters, at least 16"}},
		{"APIBase", ForClient, map[string]string{"STRIPE_API_BASE": "api.stripe.com"}, []string{`STRIPE_API_BASE: "api.stripe.com"; must be an absolute http`}},
		{"AllowLive", ForClient, map[string]string{"STRIPE_ALLOW_LIVE": "yes"}, []string{`STRIPE_ALLOW_LIVE: "yes"; must be true or false`}},
		{"RateZero", ForClient, map[string]string{"STRIPE_RATE_LIMIT": "0"}, []string{`STRIPE_RATE_LIMIT: "0"; must be a number`}},
		{"RateNegative", ForClient, map[string]string{"STRIPE_RATE_LIMIT": "-1"}, []string{`STRIPE_RATE_LIMIT: "-1"`}},
		{"RateNaN", ForClient, map[string]string{"STRIPE_RATE_LIMIT": "NaN"}, []string{`STRIPE_RATE_LIMIT: "NaN"`}},
		{"RateInfinite", ForClient, map[string]string{"STRIPE_RATE_LIMIT": "Inf"}, []string{`STRIPE_RATE_LIMIT: "Inf"`}},
		{"RateWords", ForClient, map[string]string{"STRIPE_RATE_LIMIT": "many"}, []string{`STRIPE_RATE_LIMIT: "many"`}},
		{"TaskQueue", ForClient, map[string]string{"OFFSESSION_TASK_QUEUE": "my queue"}, []string{`OFFSESSION_TASK_QUEUE: "my queue"`}},
		{"TaskQueuePartition", ForClient, map[string]string{"OFFSESSION_TASK_QUEUE": "/_sys/x"}, []string{`OFFSESSION_TASK_QUEUE: "/_sys/x"`}},
		{"Deployment", ForClient, map[string]string{"OFFSESSION_DEPLOYMENT": "billing.eu"}, []string{`OFFSESSION_DEPLOYMENT: "billing.eu"; must be 1 to 100 letters, digits, - and _`}},
		{"DeploymentReserved", ForClient, map[string]string{"OFFSESSION_DEPLOYMENT": "__billing"}, []string{`OFFSESSION_DEPLOYMENT: "__billing"`}},
		{"DeploymentLong", ForClient, map[string]string{"OFFSESSION_DEPLOYMENT": strings.Repeat("d", 101)}, []string{`OFFSESSION_DEPLOYMENT: "ddd`}},
		{"BuildID", ForClient, map[string]string{"OFFSESSION_BUILD_ID": "v1 $(id)"}, []string{`OFFSESSION_BUILD_ID: "v1 $(id)"; must be 1 to 100 letters, digits, and . _ + -`}},
		{"Listen", ForClient, map[string]string{"OFFSESSION_LISTEN": "8080"}, []string{`OFFSESSION_LISTEN: "8080"; must be host:port`}},
		{"ListenPort", ForClient, map[string]string{"OFFSESSION_LISTEN": ":99999"}, []string{`OFFSESSION_LISTEN: ":99999"; must be host:port`}},
		{"MetricsListen", ForClient, map[string]string{"OFFSESSION_METRICS_LISTEN": ":http"}, []string{`OFFSESSION_METRICS_LISTEN: ":http"`}},
		{"PublicURL", ForClient, map[string]string{"OFFSESSION_PUBLIC_URL": "ftp://x"}, []string{`OFFSESSION_PUBLIC_URL: "ftp://x"`}},
		{"PublicURLQuery", ForClient, map[string]string{"OFFSESSION_PUBLIC_URL": "https://x/?key=hunter2"}, []string{`OFFSESSION_PUBLIC_URL: "https://x/?…"`}},
		{"ReturnURL", ForClient, map[string]string{"OFFSESSION_RETURN_URL": "/done"}, []string{`OFFSESSION_RETURN_URL: "/done"`}},
		{"CheckoutUI", ForClient, map[string]string{"OFFSESSION_CHECKOUT_UI": "embedded"}, []string{`OFFSESSION_CHECKOUT_UI: "embedded"; must be custom or hosted`}},
		{"TimeZone", ForClient, map[string]string{"OFFSESSION_TIME_ZONE": "Europe/Bonn"}, []string{`OFFSESSION_TIME_ZONE: "Europe/Bonn"; must be a name of the IANA`}},
		{"TimeZoneLocal", ForClient, map[string]string{"OFFSESSION_TIME_ZONE": "Local"}, []string{`OFFSESSION_TIME_ZONE: "Local"`}},
		{"AdoptSubscriptions", ForClient, map[string]string{"OFFSESSION_ADOPT_SUBSCRIPTIONS": "yes"}, []string{`OFFSESSION_ADOPT_SUBSCRIPTIONS: "yes"; must be true or false`}},
		{"LogLevel", ForClient, map[string]string{"OFFSESSION_LOG_LEVEL": "loud"}, []string{`OFFSESSION_LOG_LEVEL: "loud"; must be debug, info, warn or error`}},
		{"LogFormat", ForClient, map[string]string{"OFFSESSION_LOG_FORMAT": "xml"}, []string{`OFFSESSION_LOG_FORMAT: "xml"; must be text or json`}},
		{"SMTPURL", ForClient, map[string]string{"SMTP_URL": "mail://user:hunter2@host", "NOTIFY_FROM": "a@example.com"}, []string{`SMTP_URL: "mail://…@host"; must be smtp://`}},
		{"SMTPURLBroken", ForClient, map[string]string{"SMTP_URL": "smtp://user:hunter2@host:25 x", "NOTIFY_FROM": "a@example.com"}, []string{`SMTP_URL: "…@host:25 x"`}},
		{"SMTPURLPort", ForClient, map[string]string{"SMTP_URL": "smtp://host:0", "NOTIFY_FROM": "a@example.com"}, []string{`SMTP_URL: "smtp://host:0"`}},
		{"SMTPURLUserAlone", ForClient, map[string]string{"SMTP_URL": "smtp://hunter2@host", "NOTIFY_FROM": "a@example.com"}, []string{`SMTP_URL: "smtp://…@host"; user and password go together`}},
		{"SMTPWithoutFrom", ForClient, map[string]string{"SMTP_URL": "smtp://localhost:25"}, []string{"NOTIFY_FROM: not set; with SMTP_URL"}},
		{"NotifyFrom", ForClient, map[string]string{"NOTIFY_FROM": "billing"}, []string{`NOTIFY_FROM: "billing"; must be a mail address`}},
		{"NotifyWebhookURL", ForClient, map[string]string{"NOTIFY_WEBHOOK_URL": "app", "NOTIFY_WEBHOOK_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"}, []string{`NOTIFY_WEBHOOK_URL: "app"`}},
		{"NotifyWebhookNoSecret", ForClient, map[string]string{"NOTIFY_WEBHOOK_URL": "https://x"}, []string{"NOTIFY_WEBHOOK_SECRET: not set; with NOTIFY_WEBHOOK_URL"}},
		{"NotifyWebhookSecret", ForClient, map[string]string{"NOTIFY_WEBHOOK_SECRET": "hunter2"}, []string{"NOTIFY_WEBHOOK_SECRET: not a secret of Standard Webhooks"}},
		{"NotifyWebhookSecretShort", ForClient, map[string]string{"NOTIFY_WEBHOOK_SECRET": "whsec_aHVudGVyMg=="}, []string{"NOTIFY_WEBHOOK_SECRET: not a secret"}},
		{"AmountWebhookURL", ForClient, map[string]string{"AMOUNT_WEBHOOK_URL": "app", "AMOUNT_WEBHOOK_SECRET": amountSecret}, []string{`AMOUNT_WEBHOOK_URL: "app"; must be an absolute https`}},
		{"AmountWebhookInTheClear", ForClient, map[string]string{"AMOUNT_WEBHOOK_URL": "http://user:hunter2@app.example.com/?key=hunter2", "AMOUNT_WEBHOOK_SECRET": amountSecret},
			[]string{`AMOUNT_WEBHOOK_URL: "http://…@app.example.com/?…"; must be an absolute https:// address (http:// to this machine alone)`}},
		{"AmountWebhookNoSecret", ForClient, map[string]string{"AMOUNT_WEBHOOK_URL": "https://x"}, []string{"AMOUNT_WEBHOOK_SECRET: not set; with AMOUNT_WEBHOOK_URL"}},
		{"AmountWebhookNoURL", ForClient, map[string]string{"AMOUNT_WEBHOOK_SECRET": amountSecret}, []string{"AMOUNT_WEBHOOK_URL: not set; with AMOUNT_WEBHOOK_SECRET"}},
		{"AmountWebhookSecret", ForClient, map[string]string{"AMOUNT_WEBHOOK_URL": "https://x", "AMOUNT_WEBHOOK_SECRET": "whsec_hunter2"},
			[]string{"AMOUNT_WEBHOOK_SECRET: not a secret of Standard Webhooks"}},
		{"AmountWebhookBoth", ForWorker, map[string]string{"STRIPE_API_KEY": "sk_test_1", "AMOUNT_WEBHOOK_URL": "ftp://x", "AMOUNT_WEBHOOK_SECRET": "hunter2"},
			[]string{"AMOUNT_WEBHOOK_URL:", "AMOUNT_WEBHOOK_SECRET:"}},
		{"TemporalProfile", ForClient, map[string]string{"TEMPORAL_PROFILE": "nowhere"}, []string{"TEMPORAL_*:"}},
		{"TemporalTLS", ForClient, map[string]string{"TEMPORAL_TLS_CLIENT_CERT_PATH": "/nowhere.pem"}, []string{"TEMPORAL_*:"}},
		{"AllAtOnce", ForWorker, map[string]string{
			"STRIPE_RATE_LIMIT": "x", "OFFSESSION_TIME_ZONE": "x", "OFFSESSION_LOG_LEVEL": "x", "OFFSESSION_LISTEN": "x",
			"OFFSESSION_DEPLOYMENT": "x.y", "OFFSESSION_BUILD_ID": "-",
		}, []string{"STRIPE_RATE_LIMIT:", "OFFSESSION_DEPLOYMENT:", "OFFSESSION_BUILD_ID:", "OFFSESSION_LISTEN:", "OFFSESSION_TIME_ZONE:", "OFFSESSION_LOG_LEVEL:", "STRIPE_API_KEY: not set"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			setEnv(t, test.env)
			_, err := Load(test.process)
			require.Error(t, err)
			lines := strings.Split(err.Error(), "\n")
			require.Len(t, lines, len(test.want), "one line per mistake:\n%s", err)
			for i, want := range test.want {
				require.Contains(t, lines[i], want)
			}
			require.NotContains(t, err.Error(), "hunter2", "no secret is repeated")
		})
	}
}

// The app may run beside the worker; even with a live key nothing leaves the machine then.
func TestAmountWebhookOnThisMachine(t *testing.T) {
	for _, address := range []string{"http://127.0.0.1:3000/amounts", "http://[::1]:3000", "http://localhost/amounts", "https://app.example.com"} {
		setEnv(t, map[string]string{"AMOUNT_WEBHOOK_URL": address, "AMOUNT_WEBHOOK_SECRET": amountSecret})
		c, err := Load(ForClient)
		require.NoError(t, err)
		require.Equal(t, address, c.AmountWebhookURL)
	}
}

func TestStripeJSURL(t *testing.T) {
	t.Parallel()
	require.Empty(t, Config{StripeAPIBase: DefaultAPIBase}.StripeJSURL())
	require.Equal(t, "http://127.0.0.1:12111/basil/stripe.js", Config{StripeAPIBase: "http://127.0.0.1:12111"}.StripeJSURL())
}

func TestLogger(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logger := Config{LogLevel: slog.LevelWarn, LogJSON: true}.Logger(&out)
	logger.Info("quiet")
	logger.Warn("loud", "workflow_id", "payment:r")
	require.Contains(t, out.String(), `"msg":"loud","workflow_id":"payment:r"}`)
	require.NotContains(t, out.String(), "quiet")

	out.Reset()
	Config{}.Logger(&out).Info("told")
	require.Contains(t, out.String(), "level=INFO msg=told")
}

func TestDialTemporalSaysWhere(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	setEnv(t, map[string]string{"TEMPORAL_ADDRESS": address})
	c, err := Load(ForClient)
	require.NoError(t, err)
	c.Temporal.ConnectionOptions.GetSystemInfoTimeout = 200 * time.Millisecond

	_, err = c.DialTemporal(t.Context(), slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "cannot reach Temporal at "+address+": ")
	require.NotContains(t, err.Error(), "\n")
}
