package stripesandbox

import (
	"math"
	"strings"
	"sync"
	"time"
)

// LedgerRequests tells how fast the API was called. A second is one of real time, however
// far POST /_sandbox/clock has moved the sandbox's.
type LedgerRequests struct {
	Total         int     `json:"total"`
	MaxPerSecond  int     `json:"max_per_second"`
	MeanPerSecond float64 `json:"mean_per_second"` // from the first to the last request
	// ByEndpoint counts by method and path, such as "POST /v1/payment_intents/{id}/confirm".
	ByEndpoint map[string]int `json:"by_endpoint"`
}

// traffic counts requests as they come in.
type traffic struct {
	mu            sync.Mutex
	total         int
	first, second int64 // when the first request came, and the last
	inSecond, max int
	endpoints     map[*route]int
}

func (t *traffic) count(r *route, now time.Time) {
	second := now.Unix()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.endpoints == nil {
		t.endpoints, t.first = make(map[*route]int), second
	}
	if second != t.second {
		t.second, t.inSecond = second, 0
	}
	t.inSecond++
	t.max = max(t.max, t.inSecond)
	t.total++
	t.endpoints[r]++
}

func (t *traffic) summary() LedgerRequests {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := LedgerRequests{Total: t.total, MaxPerSecond: t.max, ByEndpoint: make(map[string]int, len(t.endpoints))}
	if t.total > 0 {
		mean := float64(t.total) / float64(max(t.second-t.first, 0)+1)
		out.MeanPerSecond = math.Round(mean*100) / 100
	}
	for r, n := range t.endpoints {
		out.ByEndpoint[r.name()] = n
	}
	return out
}

// name is the endpoint as people write it.
func (r *route) name() string {
	if r == nil {
		return "unknown"
	}
	return r.method + " " + strings.ReplaceAll(r.pattern, "{}", "{id}")
}
