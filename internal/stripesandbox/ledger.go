package stripesandbox

// referenceKey is the metadata by which the ledger tells payments apart.
const referenceKey = "offsession_reference"

// ledger remembers what the resources themselves do not: who tried what, and how.
type ledger struct {
	attempts        map[string][]LedgerAttempt // by PaymentIntent, only those with a reference
	postsWithoutKey int
	reusedKeys      map[string]bool
}

func newLedger() ledger {
	return ledger{attempts: make(map[string][]LedgerAttempt), reusedKeys: make(map[string]bool)}
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
	c.sandbox.ledger.attempts[pi.ID] = append(c.sandbox.ledger.attempts[pi.ID], a)
	c.sandbox.journal.attempt(a)
}
