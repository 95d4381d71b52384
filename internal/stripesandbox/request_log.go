package stripesandbox

import (
	"sync"
	"time"
)

// Request is one call of the API, as GET /_sandbox/requests shows it. Status is 0 when
// no answer was sent.
type Request struct {
	Time           time.Time `json:"time"`
	Method         string    `json:"method"`
	Path           string    `json:"path"`
	IdempotencyKey string    `json:"idempotency_key,omitempty"`
	Status         int       `json:"status"`
	Replayed       bool      `json:"replayed"`
}

// maxRequests bounds the log; the oldest entries go first.
const maxRequests = 10_000

// requestLog is a ring of the most recent requests.
type requestLog struct {
	mu      sync.Mutex
	entries []Request
	next    int
}

func (l *requestLog) add(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) < maxRequests {
		l.entries = append(l.entries, r)
		return
	}
	l.entries[l.next] = r
	l.next = (l.next + 1) % maxRequests
}

// list returns the entries, oldest first.
func (l *requestLog) list() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Request, 0, len(l.entries))
	out = append(out, l.entries[l.next:]...)
	return append(out, l.entries[:l.next]...)
}

func (l *requestLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries, l.next = nil, 0
}
