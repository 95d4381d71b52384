package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/starter/web"
	"github.com/offsession/offsession/workflows"
)

var (
	_ web.Temporal = client.Client(nil)
	_ web.Stripe   = (*stripegateway.Gateway)(nil)
)

func TestEveryMistakeInTheConfigurationIsReported(t *testing.T) {
	t.Parallel()
	_, err := web.New(web.Config{StripeJSURL: "js.stripe.com", StripeAPIOrigin: "ftp://api", AppReturnURL: "javascript:alert(1)"})
	for _, part := range []string{"Temporal", "Stripe gateway", "links", "webhooks", `"js.stripe.com"`, `"ftp://api"`, `"javascript:alert(1)"`} {
		require.ErrorContains(t, err, part)
	}
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	b := newWeb(t)
	b.temporal.set(setupID, setup(workflows.SetupOpen))
	for _, path := range []string{pagePath(t, setupID), pagePath(t, setupID) + "/return", pagePath(t, setupID) + "/status", "/c/forged", "/nowhere", "/healthz"} {
		h := b.do(http.MethodGet, path, "").header
		require.Equal(t, "no-referrer", h.Get("Referrer-Policy"), path)
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		require.Equal(t, "no-store", h.Get("Cache-Control"), path)
		require.Equal(t, "default-src 'none'; script-src 'self' https://js.stripe.com https://*.js.stripe.com; "+
			"frame-src https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com; connect-src 'self' https://api.stripe.com; "+
			"style-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
			h.Get("Content-Security-Policy"), path)
		require.Empty(t, h.Get("Set-Cookie"), path)
		require.Empty(t, h.Get("Access-Control-Allow-Origin"), path)
	}
}

func TestSecurityPolicyWithTheSandbox(t *testing.T) {
	t.Parallel()
	b := newWeb(t, func(c *web.Config) {
		c.StripeJSURL, c.StripeAPIOrigin = "http://127.0.0.1:12111/basil/stripe.js", "http://127.0.0.1:12111"
	})
	policy := b.do(http.MethodGet, "/healthz", "").header.Get("Content-Security-Policy")
	require.Contains(t, policy, "script-src 'self' http://127.0.0.1:12111;")
	require.Contains(t, policy, "frame-src http://127.0.0.1:12111;")
	require.Contains(t, policy, "connect-src 'self' http://127.0.0.1:12111;")
	require.NotContains(t, policy, "stripe.com", "a page of the sandbox reaches nobody else")
}

func TestAssetsAreKeptForGood(t *testing.T) {
	t.Parallel()
	b := newWeb(t)
	b.temporal.set(setupID, setup(workflows.SetupOpen))
	found := regexp.MustCompile(`\.\./(assets/[a-z]+\.[0-9a-f]{12}\.(?:js|css))`).FindAllStringSubmatch(b.do(http.MethodGet, pagePath(t, setupID), "").body, -1)
	require.Len(t, found, 2)
	for _, f := range found {
		answer := b.do(http.MethodGet, "/"+f[1], "")
		require.Equal(t, http.StatusOK, answer.status)
		require.Equal(t, "public, max-age=31536000, immutable", answer.header.Get("Cache-Control"))
		want := "text/javascript; charset=utf-8"
		if strings.HasSuffix(f[1], ".css") {
			want = "text/css; charset=utf-8"
		}
		require.Equal(t, want, answer.header.Get("Content-Type"))
		require.NotEmpty(t, answer.body)
	}
	for _, path := range []string{"/assets/app.js", "/assets/app.000000000000.js", "/assets/..%2fserver.go", "/assets/"} {
		answer := b.do(http.MethodGet, path, "")
		require.Equal(t, http.StatusNotFound, answer.status, path)
		require.Equal(t, "no-store", answer.header.Get("Cache-Control"))
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	b := newWeb(t)
	require.Equal(t, http.StatusOK, b.do(http.MethodGet, "/healthz", "").status)
	require.Equal(t, http.StatusOK, b.do(http.MethodGet, "/readyz", "").status)
	b.temporal.down = errDown
	require.Equal(t, http.StatusOK, b.do(http.MethodGet, "/healthz", "").status, "a restart would not bring Temporal back")
	answer := b.do(http.MethodGet, "/readyz", "")
	require.Equal(t, http.StatusServiceUnavailable, answer.status)
	require.Contains(t, answer.body, "temporal")
}

func TestLogsAndMetricsHoldNoSecret(t *testing.T) {
	t.Parallel()
	b := newWeb(t)
	b.temporal.set(setupID, setup(workflows.SetupOpen))
	path := pagePath(t, setupID)
	for _, route := range []string{"", "/return", "/status", "/nowhere"} {
		b.do(http.MethodGet, path+route, "")
	}
	b.do(http.MethodPost, path+"/session", "")
	b.temporal.down = errDown
	b.do(http.MethodGet, path, "")
	b.do(http.MethodPost, path+"/session", "")

	token := strings.TrimPrefix(path, "/c/")
	shown := b.do(http.MethodGet, "/metrics", "").body
	for _, written := range []string{b.logs.String(), shown} {
		require.NotContains(t, written, token)
		require.NotContains(t, written, token[:40])
		require.NotContains(t, written, "cs_1_secret_x")
		require.Contains(t, written, "GET /c/{token}")
	}
	require.Contains(t, b.logs.String(), `"status":503`)
	require.Contains(t, shown, `offsession_pages_total{view="act"} 2`)
	require.Contains(t, shown, `offsession_pages_total{view="problem"} 1`)
	require.Contains(t, shown, `offsession_checkout_answers_total{answer="open",mode="setup"} 1`)
	require.Contains(t, shown, `offsession_http_request_duration_seconds_count{code="404",route="none"} 1`)
	require.Contains(t, shown, `offsession_http_request_duration_seconds_count{code="200",route="POST /c/{token}/session"} 1`)
}

func TestRegistryOfAProcessThatHasOneAlready(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector())
	b := newWeb(t, func(c *web.Config) { c.Registry = registry })
	require.Contains(t, b.do(http.MethodGet, "/metrics", "").body, "go_goroutines")
}

func TestServerLimitsHowLongAClientTakes(t *testing.T) {
	t.Parallel()
	s := web.NewHTTPServer("127.0.0.1:0", http.NotFoundHandler())
	require.Positive(t, s.ReadHeaderTimeout)
	require.Positive(t, s.ReadTimeout)
	require.Positive(t, s.IdleTimeout)
	require.Greater(t, s.WriteTimeout.Seconds(), 10+25+15.0, "a press of the button may take its query, its Update and its read of Stripe")
}
