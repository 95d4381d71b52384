package workflows

import (
	"hash/fnv"
	"time"
)

// pollDelays are the gaps between polls: soon after something happened, then rarely. The last one repeats.
var pollDelays = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// pollDelay is the gap before poll n (from 0), up to a tenth longer by a hash of the reference, so that many workflows
// started together do not ask Stripe together.
func pollDelay(n int, reference string) time.Duration {
	d := pollDelays[min(n, len(pollDelays)-1)]
	return d + jitter(d/10, reference)
}

// jitter is a part of most, by a hash of the reference.
func jitter(most time.Duration, reference string) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(reference))
	return time.Duration(uint64(most) * uint64(h.Sum32()%1000) / 1000)
}
