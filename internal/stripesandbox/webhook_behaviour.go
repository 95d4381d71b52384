package stripesandbox

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// WebhookMode is how deliveries behave.
type WebhookMode string

// The modes of POST /_sandbox/webhooks.
const (
	WebhooksNormal     WebhookMode = "normal"
	WebhooksLost       WebhookMode = "lost"       // not sent; the events stay undelivered
	WebhooksDuplicated WebhookMode = "duplicated" // sent twice
	WebhooksDelayed    WebhookMode = "delayed"    // sent after delay_ms
	WebhooksShuffled   WebhookMode = "shuffled"   // each sent at a random moment within window_ms, so in another order
	WebhooksStale      WebhookMode = "stale"      // held back until delay_ms after the next event of the same object has arrived
)

var webhookModes = []WebhookMode{WebhooksNormal, WebhooksLost, WebhooksDuplicated, WebhooksDelayed, WebhooksShuffled, WebhooksStale}

// WebhookBehaviour is the body of POST /_sandbox/webhooks. It counts for events that
// happen from then on; what an earlier one held back is sent.
type WebhookBehaviour struct {
	Mode     WebhookMode `json:"mode"`
	DelayMS  int         `json:"delay_ms,omitempty"`
	WindowMS int         `json:"window_ms,omitempty"`
	// Types are the event types that meet the mode; empty means all. The others are
	// delivered normally.
	Types []string `json:"types,omitempty"`
	// Probability is the share of events that meet the mode; zero means all.
	Probability float64 `json:"probability,omitempty"`
	// Seed makes chance repeatable: the same seed and events, the same deliveries.
	Seed uint64 `json:"seed,omitempty"`
}

func (b WebhookBehaviour) validate() error {
	switch {
	case !slices.Contains(webhookModes, b.Mode):
		return fmt.Errorf("mode %q is none of %v", b.Mode, webhookModes)
	case b.Mode == WebhooksDelayed && b.DelayMS <= 0:
		return fmt.Errorf("delay_ms is %d, it must be positive for delayed", b.DelayMS)
	case b.DelayMS < 0 || (b.DelayMS > 0 && b.Mode != WebhooksDelayed && b.Mode != WebhooksStale):
		return fmt.Errorf("delay_ms is %d, it must be positive and is for delayed and stale only", b.DelayMS)
	case (b.Mode == WebhooksShuffled) != (b.WindowMS > 0):
		return fmt.Errorf("window_ms is %d, it must be positive for shuffled and absent otherwise", b.WindowMS)
	case b.Probability < 0 || b.Probability > 1:
		return fmt.Errorf("probability is %g, it must be between 0 and 1", b.Probability)
	}
	return nil
}

func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }

// behaviour is a WebhookBehaviour at work.
type behaviour struct {
	WebhookBehaviour
	random *rand.Rand
}

func newBehaviour(b WebhookBehaviour) *behaviour {
	return &behaviour{b, rand.New(rand.NewPCG(b.Seed, 0))}
}

// plan returns how long each delivery of an event waits: none when it is lost, two when
// it is duplicated. held says that it waits for the next event of its object on top.
func (b *behaviour) plan(eventType string) (waits []time.Duration, held bool) {
	if len(b.Types) > 0 && !slices.Contains(b.Types, eventType) || b.Probability > 0 && b.random.Float64() >= b.Probability {
		return []time.Duration{0}, false
	}
	switch b.Mode {
	case WebhooksLost:
		return nil, false
	case WebhooksDuplicated:
		return []time.Duration{0, 0}, false
	case WebhooksDelayed:
		return []time.Duration{milliseconds(b.DelayMS)}, false
	case WebhooksShuffled:
		return []time.Duration{time.Duration(b.random.Int64N(int64(milliseconds(b.WindowMS))))}, false
	case WebhooksStale:
		return []time.Duration{milliseconds(b.DelayMS)}, true
	case WebhooksNormal:
	}
	return []time.Duration{0}, false
}
