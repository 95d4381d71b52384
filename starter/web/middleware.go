package web

import (
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// securityHeaders are on every answer.
//
// The content security policy allows what Stripe names for Stripe.js (https://docs.stripe.com/security/guide) and
// nothing else; Stripe's fields live in frames of their own and need no style of ours relaxed.
func securityHeaders(c Config) map[string]string {
	stripeJS, _ := originOf(c.StripeJSURL)      // checked by Config.check
	stripeAPI, _ := originOf(c.StripeAPIOrigin) // likewise
	scripts, frames := stripeJS, stripeJS
	if stripeJS == "https://js.stripe.com" {
		scripts = stripeJS + " https://*.js.stripe.com"
		frames = scripts + " https://hooks.stripe.com"
	}
	return map[string]string{
		"Content-Security-Policy": strings.Join([]string{
			"default-src 'none'",
			"script-src 'self' " + scripts,
			"frame-src " + frames,
			"connect-src 'self' " + stripeAPI,
			"style-src 'self'",
			"img-src 'self' data:",
			"form-action 'none'",
			"base-uri 'none'",
			"frame-ancestors 'none'",
		}, "; "),
		"Referrer-Policy":        "no-referrer",
		"X-Content-Type-Options": "nosniff",
		"X-Robots-Tag":           "noindex, nofollow",
		"Cache-Control":          "no-store",
	}
}

func (s *server) secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range s.headers {
			w.Header().Set(name, value)
		}
		next.ServeHTTP(w, r)
	})
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// observe logs and measures by route. A path is never logged: it may hold a customer's token.
func (s *server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &recorder{ResponseWriter: w}
		next.ServeHTTP(rec, r)
		status := rec.status
		if status == 0 {
			status = http.StatusOK
		}
		// The mux has put the pattern on this very request.
		route := r.Pattern
		if route == "" {
			route = "none"
		}
		took := time.Since(start)
		s.metrics.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
		level := slog.LevelDebug
		if status >= http.StatusInternalServerError || strings.Contains(route, "/c/") {
			level = slog.LevelInfo
		}
		s.log.Log(r.Context(), level, "http request",
			"method", r.Method, "route", route, "status", status, "duration_ms", took.Milliseconds())
	})
}
