package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// server holds what the handlers share.
type server struct {
	config  Config
	router  *Router
	assets  assets
	metrics *metrics
	log     *slog.Logger
	headers map[string]string
}

// New makes the handler of all routes. The error names every mistake in config.
//
//	POST /webhooks/stripe     Stripe's webhook endpoint
//	GET  /c/{token}           the customer's page; only reads
//	POST /c/{token}/session   the customer's button; the only route that acts
//	GET  /c/{token}/status    where it stands, as JSON
//	GET  /c/{token}/return    where Stripe sends the customer back
//	GET  /assets/{file}       script and style of the pages
//	GET  /healthz, /readyz    the process is alive; Temporal is reachable
//	GET  /metrics             Prometheus
func New(config Config) (http.Handler, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	files, err := loadAssets()
	if err != nil {
		return nil, fmt.Errorf("web: assets: %w", err)
	}
	m, err := newMetrics(config.Registry)
	if err != nil {
		return nil, fmt.Errorf("web: metrics: %w", err)
	}
	s := &server{
		config:  config,
		router:  NewRouter(config.Temporal, config.Stripe, config.Adopt, config.Logger),
		assets:  files,
		metrics: m,
		log:     config.Logger,
		headers: securityHeaders(config),
	}
	if len(config.WebhookSecrets) == 0 {
		s.log.Warn("every webhook will be refused: no webhook secret is configured")
	}

	mux := http.NewServeMux()
	routes := map[string]http.HandlerFunc{
		"POST /webhooks/stripe":   s.receiveWebhook,
		"GET /c/{token}":          s.showPage,
		"POST /c/{token}/session": s.openSession,
		"GET /c/{token}/status":   s.showStatus,
		"GET /c/{token}/return":   s.showReturn,
		"GET /assets/{file}":      s.assets.serve,
		"GET /healthz":            func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") },
		"GET /readyz":             s.ready,
		"GET /metrics":            promhttp.HandlerFor(config.Registry, promhttp.HandlerOpts{}).ServeHTTP,
	}
	for pattern, h := range routes {
		mux.HandleFunc(pattern, h)
	}
	return s.observe(s.secure(mux)), nil
}

// NewHTTPServer serves handler with limits on how long a client may take. An answer may take longer than the 25 s that
// a press of the customer's button waits for its workflow.
func NewHTTPServer(addr string, handler http.Handler) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
	}
}

// writeText answers one line.
func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // the client is gone when this fails
}

// isTooLarge reports whether reading a body failed at its limit.
func isTooLarge(err error) bool {
	var tooLarge *http.MaxBytesError
	return errors.As(err, &tooLarge)
}
