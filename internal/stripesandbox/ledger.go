package stripesandbox

import (
	"maps"
	"slices"
	"time"
)

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

// attempted notes a try to take a payment.
func (c *call) attempted(pi *paymentIntent, outcome string, failure *apiError) {
	if pi.Metadata.get(referenceKey) == "" {
		return
	}
	a := LedgerAttempt{At: c.now, IdempotencyKey: c.key, PaymentIntent: pi.ID, Outcome: outcome, Checkout: pi.Session != ""}
	if failure != nil {
		a.Code, a.DeclineCode = failure.Code, failure.DeclineCode
	}
	c.sandbox.ledger.attempts[pi.ID] = append(c.sandbox.ledger.attempts[pi.ID], a)
}

// Ledger is what was really paid. Amounts are in minor units.
type Ledger struct {
	References map[string]*LedgerReference `json:"references"`
	// PaidMoreThanOnce names the references with more than one success, refunds considered.
	PaidMoreThanOnce []string `json:"paid_more_than_once"`
	// PostsWithoutKey counts POST requests that carried no idempotency key.
	PostsWithoutKey int `json:"posts_without_key"`
	// KeysReused are idempotency keys that were sent again with other parameters.
	KeysReused []string `json:"keys_reused_with_other_params"`
}

// LedgerReference is one payment, by its offsession_reference.
type LedgerReference struct {
	PaymentIntents []string        `json:"payment_intents"`
	Attempts       []LedgerAttempt `json:"attempts"`
	Successes      []LedgerSuccess `json:"successes"`
	// NetSuccesses are the successes that were not refunded in full.
	NetSuccesses int `json:"net_successes"`
}

// LedgerAttempt is one try to take the payment.
type LedgerAttempt struct {
	At             time.Time `json:"at"`
	IdempotencyKey string    `json:"idempotency_key"`
	PaymentIntent  string    `json:"payment_intent"`
	Outcome        string    `json:"outcome"` // succeeded, processing, requires_action or failed
	Code           string    `json:"code,omitempty"`
	DeclineCode    string    `json:"decline_code,omitempty"`
	Checkout       bool      `json:"checkout"` // by the buyer, in a Checkout Session
}

// LedgerSuccess is money taken.
type LedgerSuccess struct {
	PaymentIntent string `json:"payment_intent"`
	Charge        string `json:"charge"`
	Amount        int64  `json:"amount"`
	Currency      string `json:"currency"`
	Refunded      int64  `json:"refunded"`
}

// Ledger returns the ledger, of one reference or, when it is empty, of all.
func (s *Sandbox) Ledger(reference string) Ledger {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runDue()
	out := Ledger{
		References: make(map[string]*LedgerReference), PaidMoreThanOnce: []string{},
		PostsWithoutKey: s.ledger.postsWithoutKey, KeysReused: slices.Sorted(maps.Keys(s.ledger.reusedKeys)),
	}
	if out.KeysReused == nil {
		out.KeysReused = []string{}
	}
	for _, id := range s.store.indexes[indexKey{kind: "payment_intent"}] {
		pi, _ := lookup[*paymentIntent](s.store, id)
		name := pi.Metadata.get(referenceKey)
		if name == "" || (reference != "" && name != reference) {
			continue
		}
		ref := out.References[name]
		if ref == nil {
			ref = &LedgerReference{PaymentIntents: []string{}, Attempts: []LedgerAttempt{}, Successes: []LedgerSuccess{}}
			out.References[name] = ref
		}
		ref.PaymentIntents = append(ref.PaymentIntents, id)
		ref.Attempts = append(ref.Attempts, s.ledger.attempts[id]...)
		if pi.Status == statusSucceeded {
			ch, _ := lookup[*charge](s.store, pi.LatestCharge)
			ref.Successes = append(ref.Successes, LedgerSuccess{PaymentIntent: id, Charge: ch.ID, Amount: ch.Amount, Currency: ch.Currency, Refunded: ch.Refunded})
			if ch.Refunded < ch.Amount {
				ref.NetSuccesses++
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(out.References)) {
		if out.References[name].NetSuccesses > 1 {
			out.PaidMoreThanOnce = append(out.PaidMoreThanOnce, name)
		}
	}
	return out
}
