package stripesandbox

import (
	"fmt"
	"math/rand/v2"
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
	Fault424         FaultKind = "424"          // something outside of Stripe failed: nothing happened, nothing stored
	Fault403         FaultKind = "403"          // the key may not do this: nothing happened, nothing stored
	Fault502         FaultKind = "502"          // as 503
	Fault503         FaultKind = "503"          // refused at the door: nothing happened, nothing stored
	Fault504         FaultKind = "504"          // as 503
	FaultRateLimit   FaultKind = "429"          // refused by the rate limiter, not stored
	FaultKeyInUse    FaultKind = "409"          // idempotency_key_in_use, not stored
	FaultLockTimeout FaultKind = "lock_timeout" // 429 of an object locked by another request, not stored
	FaultSlow        FaultKind = "slow"         // it happens at once, the answer comes after delay_ms
	FaultSlowBefore  FaultKind = "slow_before"  // it happens, and is answered, after delay_ms
	FaultBrokenJSON  FaultKind = "broken_json"  // it happened, half of the answer arrives
	FaultAuth401     FaultKind = "auth_401"     // as with a rolled key
)

// FaultKinds are all of them.
var FaultKinds = []FaultKind{
	FaultDropBefore, FaultDropAfter, Fault500Before, Fault500After, Fault403, Fault424, Fault502, Fault503, Fault504, FaultRateLimit, FaultKeyInUse,
	FaultLockTimeout, FaultSlow, FaultSlowBefore, FaultBrokenJSON, FaultAuth401,
}

// Fault breaks requests of the API: those that match Method, Path and PathPrefix, after
// the first Skip of them, and of these the share that Probability says, until Times are
// broken.
type Fault struct {
	Method     string `json:"method,omitempty"`      // empty: any
	Path       string `json:"path,omitempty"`        // exactly; empty: any
	PathPrefix string `json:"path_prefix,omitempty"` // empty: any
	Skip       int    `json:"skip,omitempty"`
	// Times is 1 unless it is given; without end when only Probability is.
	Times       int     `json:"times"`
	Probability float64 `json:"probability,omitempty"` // zero: every one
	// Seed makes chance repeatable: the same seed and requests, the same faults.
	Seed    uint64    `json:"seed,omitempty"`
	Kind    FaultKind `json:"kind"`
	DelayMS int       `json:"delay_ms,omitempty"`
}

func (f Fault) validate() error {
	switch slow := f.Kind == FaultSlow || f.Kind == FaultSlowBefore; {
	case !slices.Contains(FaultKinds, f.Kind):
		return fmt.Errorf("kind %q is none of %v", f.Kind, FaultKinds)
	case f.Times < 0 || (f.Times == 0 && f.Probability == 0):
		return fmt.Errorf("times is %d, it must be at least 1", f.Times)
	case f.Skip < 0:
		return fmt.Errorf("skip is %d, it must not be negative", f.Skip)
	case f.Probability < 0 || f.Probability > 1:
		return fmt.Errorf("probability is %g, it must be between 0 and 1", f.Probability)
	case slow != (f.DelayMS > 0):
		return fmt.Errorf("delay_ms is %d, it must be positive for slow and slow_before and absent otherwise", f.DelayMS)
	}
	return nil
}

// fault is a Fault that a request has met; nil when it met none.
type fault Fault

// faults are the Faults still to come.
type faults struct {
	mu      sync.Mutex
	pending []*pendingFault
}

type pendingFault struct {
	Fault
	random *rand.Rand
}

func (fs *faults) add(f Fault) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.pending = append(fs.pending, &pendingFault{f, rand.New(rand.NewPCG(f.Seed, 0))})
}

func (fs *faults) list() []Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	all := make([]Fault, len(fs.pending))
	for i, f := range fs.pending {
		all[i] = f.Fault
	}
	return all
}

func (fs *faults) clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.pending = nil
}

// take uses up one time of the oldest Fault that breaks this request.
func (fs *faults) take(method, path string) *fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i, f := range fs.pending {
		if !f.breaks(method, path) {
			continue
		}
		if f.Times--; f.Times == 0 {
			fs.pending = slices.Delete(fs.pending, i, i+1)
		}
		f.Times = max(f.Times, 0) // without end
		met := fault(f.Fault)
		return &met
	}
	return nil
}

// breaks counts a request that matches, and reports whether it is one to break.
func (f *pendingFault) breaks(method, path string) bool {
	if (f.Method != "" && f.Method != method) || (f.Path != "" && f.Path != path) || !strings.HasPrefix(path, f.PathPrefix) {
		return false
	}
	if f.Skip > 0 {
		f.Skip--
		return false
	}
	return f.Probability == 0 || f.random.Float64() < f.Probability
}

func (f *fault) is(kind FaultKind) bool { return f != nil && f.Kind == kind }

func (f *fault) delay() time.Duration { return milliseconds(f.DelayMS) }

func unavailable(status int) *apiError {
	return &apiError{Status: status, Type: typeAPI, Message: "Stripe is temporarily unavailable."}
}

// refusal is the answer of what stands in front of the API, nil when it lets pass.
func (f *fault) refusal(key string) *apiError {
	switch {
	case f.is(FaultAuth401):
		return &apiError{Status: http.StatusUnauthorized, Type: typeInvalidRequest, Message: "Invalid API Key provided: ****"}
	case f.is(FaultRateLimit):
		return rateLimited()
	case f.is(FaultLockTimeout):
		return lockTimeout()
	case f.is(FaultKeyInUse):
		return keyInUse(key)
	case f.is(Fault424):
		return &apiError{Status: http.StatusFailedDependency, Type: typeAPI, Message: "A dependency outside of Stripe failed."}
	case f.is(Fault403):
		return &apiError{Status: http.StatusForbidden, Type: typeInvalidRequest, Message: "The provided key does not have the required permissions for this endpoint."}
	case f.is(Fault502):
		return unavailable(http.StatusBadGateway)
	case f.is(Fault503):
		return unavailable(http.StatusServiceUnavailable)
	case f.is(Fault504):
		return unavailable(http.StatusGatewayTimeout)
	}
	return nil
}
