package stripesandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// FaultKind is what goes wrong with a request.
type FaultKind string

// The faults. "Before" is before the request had any effect, "after" is after.
const (
	FaultDropBefore  FaultKind = "drop_before"  // connection closed, nothing happened
	FaultDropAfter   FaultKind = "drop_after"   // it happened, connection closed without an answer
	Fault500Before   FaultKind = "500_before"   // nothing happened, the 500 is stored under the key
	Fault500After    FaultKind = "500_after"    // it happened, the 500 is stored under the key
	Fault503         FaultKind = "503"          // refused at the door: nothing happened, nothing stored
	FaultRateLimit   FaultKind = "429"          // refused by the rate limiter, not stored
	FaultKeyInUse    FaultKind = "409"          // idempotency_key_in_use, not stored
	FaultLockTimeout FaultKind = "lock_timeout" // 429 of an object locked by another request, not stored
	FaultSlow        FaultKind = "slow"         // it happens at once, the answer comes after delay_ms
	FaultSlowBefore  FaultKind = "slow_before"  // it happens, and is answered, after delay_ms
	FaultBrokenJSON  FaultKind = "broken_json"  // it happened, half of the answer arrives
	FaultAuth401     FaultKind = "auth_401"     // as with a rolled key
)

var faultKinds = []FaultKind{
	FaultDropBefore, FaultDropAfter, Fault500Before, Fault500After, Fault503, FaultRateLimit, FaultKeyInUse,
	FaultLockTimeout, FaultSlow, FaultSlowBefore, FaultBrokenJSON, FaultAuth401,
}

// Fault breaks the next Times requests of the API that match Method and PathPrefix.
// Empty Method or PathPrefix match all.
type Fault struct {
	Method     string    `json:"method,omitempty"`
	PathPrefix string    `json:"path_prefix,omitempty"`
	Times      int       `json:"times"`
	Kind       FaultKind `json:"kind"`
	DelayMS    int       `json:"delay_ms,omitempty"`
}

func (f Fault) validate() error {
	if !slices.Contains(faultKinds, f.Kind) {
		return fmt.Errorf("kind %q is none of %v", f.Kind, faultKinds)
	}
	if f.Times < 1 {
		return fmt.Errorf("times is %d, it must be at least 1", f.Times)
	}
	if slow := f.Kind == FaultSlow || f.Kind == FaultSlowBefore; slow != (f.DelayMS > 0) {
		return fmt.Errorf("delay_ms is %d, it must be positive for slow and slow_before and absent otherwise", f.DelayMS)
	}
	return nil
}

// fault is a Fault that a request has met; nil when it met none.
type fault Fault

// faults are the Faults still to come.
type faults struct {
	mu      sync.Mutex
	pending []*Fault
}

func (fs *faults) add(f Fault) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.pending = append(fs.pending, &f)
}

func (fs *faults) list() []Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	all := make([]Fault, len(fs.pending))
	for i, f := range fs.pending {
		all[i] = *f
	}
	return all
}

func (fs *faults) clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.pending = nil
}

// take uses up one time of the oldest Fault that matches.
func (fs *faults) take(method, path string) *fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i, f := range fs.pending {
		if (f.Method != "" && f.Method != method) || !strings.HasPrefix(path, f.PathPrefix) {
			continue
		}
		if f.Times--; f.Times == 0 {
			fs.pending = slices.Delete(fs.pending, i, i+1)
		}
		met := fault(*f)
		return &met
	}
	return nil
}

func (f *fault) is(kind FaultKind) bool { return f != nil && f.Kind == kind }

func (f *fault) delay() time.Duration { return time.Duration(f.DelayMS) * time.Millisecond }

// refusal is the answer of what stands in front of the API, nil when it lets pass.
func (f *fault) refusal(key string) *apiError {
	switch {
	case f.is(FaultAuth401):
		return &apiError{Status: http.StatusUnauthorized, Type: typeInvalidRequest, Message: "Invalid API Key provided: ****"}
	case f.is(FaultRateLimit):
		return &apiError{Status: http.StatusTooManyRequests, Type: typeInvalidRequest, Code: "rate_limit", Message: "Request rate limit exceeded."}
	case f.is(FaultLockTimeout):
		return &apiError{
			Status: http.StatusTooManyRequests, Type: typeInvalidRequest, Code: "lock_timeout",
			Message: "This object cannot be accessed right now because another API request or Stripe process is currently accessing it.",
		}
	case f.is(FaultKeyInUse):
		return keyInUse(key)
	case f.is(Fault503):
		return &apiError{Status: http.StatusServiceUnavailable, Type: typeAPI, Message: "Stripe is temporarily unavailable."}
	}
	return nil
}

// rateLimitedReason is the header of a throttled request; a lock_timeout has none.
func (f *fault) rateLimitedReason() string {
	if f.is(FaultRateLimit) {
		return "global-rate"
	}
	return ""
}
