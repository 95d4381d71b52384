package stripesandbox

import (
	"slices"
	"time"
)

// referenceKey is the metadata by which the ledger tells payments apart.
const referenceKey = "offsession_reference"

// ledger remembers what the resources themselves do not: who tried what, and how.
type ledger struct {
	attempts        map[string]*attempt // the last of each PaymentIntent, only those with a reference
	postsWithoutKey int
	reusedKeys      map[string]bool
}

// attempt is a LedgerAttempt in less memory: nearly every payment has one.
type attempt struct {
	at       int64 // Unix nanoseconds
	key      string
	outcome  string
	failure  *attemptFailure
	checkout bool
	before   *attempt
}

type attemptFailure struct{ code, declineCode string }

func newLedger() ledger {
	return ledger{attempts: make(map[string]*attempt), reusedKeys: make(map[string]bool)}
}

// noteReuse notes a key that was sent again with other parameters.
func (s *Sandbox) noteReuse(key string) {
	if !s.ledger.reusedKeys[key] {
		s.ledger.reusedKeys[key] = true
		s.journal.reuse(key)
	}
}

// attempted notes a try to take a payment.
func (c *call) attempted(pi *paymentIntent, outcome string, failure *apiError) {
	if pi.Metadata.get(referenceKey) == "" {
		return
	}
	a := LedgerAttempt{At: c.now, IdempotencyKey: c.key, PaymentIntent: pi.ID, Outcome: outcome, Checkout: pi.Terms.Session != ""}
	if failure != nil {
		a.Code, a.DeclineCode = failure.Code, failure.DeclineCode
	}
	c.sandbox.ledger.add(a)
	c.sandbox.journal.attempt(a)
}

func (l *ledger) add(a LedgerAttempt) {
	last := &attempt{
		at: a.At.UnixNano(), key: a.IdempotencyKey, outcome: a.Outcome, checkout: a.Checkout, before: l.attempts[a.PaymentIntent],
	}
	if a.Code != "" || a.DeclineCode != "" {
		last.failure = &attemptFailure{a.Code, a.DeclineCode}
	}
	l.attempts[a.PaymentIntent] = last
}

// attemptsOf returns the attempts of a PaymentIntent, oldest first.
func (l *ledger) attemptsOf(id string) []LedgerAttempt {
	var all []LedgerAttempt
	for a := l.attempts[id]; a != nil; a = a.before {
		out := LedgerAttempt{At: time.Unix(0, a.at).UTC(), IdempotencyKey: a.key, PaymentIntent: id, Outcome: a.outcome, Checkout: a.checkout}
		if a.failure != nil {
			out.Code, out.DeclineCode = a.failure.code, a.failure.declineCode
		}
		all = append(all, out)
	}
	slices.Reverse(all)
	return all
}
