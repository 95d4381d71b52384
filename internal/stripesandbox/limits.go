package stripesandbox

import (
	"math"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// RateLimit is how many requests a second are let in; zero is no limit. As much as a
// second's worth may come at once. With either, a PaymentIntent also takes no more than
// a thousand updates an hour. https://docs.stripe.com/rate-limits
type RateLimit struct {
	Global   float64 // of all requests
	Endpoint float64 // of those with the same method and path, whatever ids the path has
}

// maxUpdates of one PaymentIntent in an hour.
const maxUpdates = 1000

// Why a request was refused, as Stripe-Rate-Limited-Reason says it.
const (
	reasonGlobal   = "global-rate"
	reasonEndpoint = "endpoint-rate"
	reasonResource = "resource-specific"
)

// limits stands in front of the API: what it refuses has not reached the idempotency
// keys. It is nil when nothing is limited.
type limits struct {
	global    *rate.Limiter // nil: without limit
	endpoints map[*route]*rate.Limiter

	mu      sync.Mutex
	hour    int64
	updates map[string]int // by PaymentIntent, within the hour
}

func newLimits(cfg RateLimit, rt router) *limits {
	if cfg.Global <= 0 && cfg.Endpoint <= 0 {
		return nil
	}
	l := &limits{endpoints: make(map[*route]*rate.Limiter), updates: make(map[string]int)}
	if cfg.Global > 0 {
		l.global = newLimiter(cfg.Global)
	}
	if cfg.Endpoint > 0 {
		for _, group := range rt {
			for _, r := range group {
				l.endpoints[r.route] = newLimiter(cfg.Endpoint)
			}
		}
	}
	return l
}

func newLimiter(perSecond float64) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), int(max(1, math.Ceil(perSecond))))
}

// refuse returns the reason not to let a request in, empty when there is none.
func (l *limits) refuse(q *apiRequest, now time.Time) string {
	switch {
	case l == nil:
		return ""
	case l.global != nil && !l.global.AllowN(now, 1):
		return reasonGlobal
	case l.endpoints[q.route] != nil && !l.endpoints[q.route].AllowN(now, 1):
		return reasonEndpoint
	case !l.update(q, now):
		return reasonResource
	}
	return ""
}

func (l *limits) update(q *apiRequest, now time.Time) bool {
	if q.route == nil || q.route.kind != "payment_intent" || q.method != http.MethodPost || len(q.ids) == 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if hour := now.Unix() / 3600; hour != l.hour {
		l.hour = hour
		clear(l.updates)
	}
	if l.updates[q.ids[0]] >= maxUpdates {
		return false
	}
	l.updates[strings.Clone(q.ids[0])]++
	return true
}

func rateLimited() *apiError {
	return &apiError{Status: http.StatusTooManyRequests, Type: typeInvalidRequest, Code: "rate_limit", Message: "Request rate limit exceeded."}
}
