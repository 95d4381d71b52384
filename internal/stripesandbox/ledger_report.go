package stripesandbox

import (
	"maps"
	"slices"
	"time"
)

// Ledger is what was really paid. Amounts are in minor units.
type Ledger struct {
	References map[string]*LedgerReference `json:"references"`
	// PaidMoreThanOnce names the references with more than one success, refunds considered.
	PaidMoreThanOnce []string `json:"paid_more_than_once"`
	// PaidWithoutReference counts successes whose PaymentIntent names no reference.
	PaidWithoutReference int `json:"paid_without_reference"`
	// Currencies are the sums of all successes, with and without a reference.
	Currencies map[string]LedgerSum `json:"currencies"`
	// PostsWithoutKey counts POST requests that carried no idempotency key.
	PostsWithoutKey int `json:"posts_without_key"`
	// KeysReused are idempotency keys that were sent again with other parameters.
	KeysReused []string `json:"keys_reused_with_other_params"`
	// Requests are those of the whole API, whatever the reference.
	Requests LedgerRequests `json:"requests"`
}

// LedgerSum is what was taken in one currency, and how much of it was given back.
type LedgerSum struct {
	Taken    int64 `json:"taken"`
	Refunded int64 `json:"refunded"`
}

// LedgerReference is one payment, by its offsession_reference.
type LedgerReference struct {
	PaymentIntents []string        `json:"payment_intents"`
	Attempts       []LedgerAttempt `json:"attempts"`
	Successes      []LedgerSuccess `json:"successes"`
	Refunds        []LedgerRefund  `json:"refunds"`
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

// LedgerSuccess is money taken. A bank debit's has no key: no request was its cause.
type LedgerSuccess struct {
	At             time.Time `json:"at"`
	IdempotencyKey string    `json:"idempotency_key"`
	PaymentIntent  string    `json:"payment_intent"`
	Charge         string    `json:"charge"`
	Amount         int64     `json:"amount"`
	Currency       string    `json:"currency"`
	Refunded       int64     `json:"refunded"`
}

// LedgerRefund is one try to give money back.
type LedgerRefund struct {
	At             time.Time `json:"at"`
	IdempotencyKey string    `json:"idempotency_key"`
	Refund         string    `json:"refund"`
	PaymentIntent  string    `json:"payment_intent"`
	Amount         int64     `json:"amount"`
	Currency       string    `json:"currency"`
	Status         string    `json:"status"`
}

// takenPayment is what the ledger knows of one PaymentIntent.
type takenPayment struct {
	intent   *paymentIntent
	attempts []LedgerAttempt
	charges  []*charge // that took money
	refunds  []*refund
}

// references are those that the PaymentIntent has, or had when it was charged: metadata
// may have been changed since.
func (p takenPayment) references() []string {
	var names []string
	for _, ch := range p.charges {
		names = append(names, ch.Metadata.get(referenceKey))
	}
	names = append(names, p.intent.Metadata.get(referenceKey))
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
}

// Ledger returns the ledger, of one reference or, when it is empty, of all.
func (s *Sandbox) Ledger(reference string) Ledger {
	out := Ledger{
		References: make(map[string]*LedgerReference), PaidMoreThanOnce: []string{},
		Currencies: make(map[string]LedgerSum), Requests: s.traffic.summary(),
	}
	var payments []takenPayment
	_ = s.locked(func(*call) { // the route says when this failed
		out.PostsWithoutKey = s.ledger.postsWithoutKey
		out.KeysReused = slices.AppendSeq([]string{}, maps.Keys(s.ledger.reusedKeys))
		payments = s.takenPayments(reference)
	})
	// Nothing that was collected changes any more: the rest need not hold up anyone.
	slices.Sort(out.KeysReused)
	for _, p := range payments {
		out.add(p, reference)
	}
	for name, ref := range out.References {
		if ref.NetSuccesses > 1 {
			out.PaidMoreThanOnce = append(out.PaidMoreThanOnce, name)
		}
	}
	slices.Sort(out.PaidMoreThanOnce)
	return out
}

// takenPayments collects the PaymentIntents of a reference, or all. The caller holds mu.
func (s *Sandbox) takenPayments(reference string) []takenPayment {
	var payments []takenPayment
	for _, id := range s.store.indexes[indexKey{kind: "payment_intent"}] {
		pi, _ := lookup[*paymentIntent](s.store, id)
		p := takenPayment{intent: pi, attempts: s.ledger.attemptsOf(id)}
		for ch, ok := lookup[*charge](s.store, pi.LatestCharge); ok; ch, ok = lookup[*charge](s.store, ch.Previous) {
			if ch.captured() > 0 {
				p.charges = append(p.charges, ch)
			}
		}
		if reference != "" && !slices.Contains(p.references(), reference) {
			continue
		}
		for _, id := range s.store.indexes[indexKey{"refund", id}] {
			r, _ := lookup[*refund](s.store, id)
			p.refunds = append(p.refunds, r)
		}
		payments = append(payments, p)
	}
	return payments
}

// add adds what belongs to a reference, or everything when it is empty.
func (l *Ledger) add(p takenPayment, reference string) {
	for _, ch := range p.charges {
		if reference != "" && ch.Metadata.get(referenceKey) != reference {
			continue
		}
		sum := l.Currencies[ch.Currency]
		sum.Taken += ch.captured()
		sum.Refunded += ch.givenBack()
		l.Currencies[ch.Currency] = sum
		if ch.Metadata.get(referenceKey) == "" {
			l.PaidWithoutReference++
		}
	}
	for _, name := range p.references() {
		if reference == "" || name == reference {
			l.addTo(name, p)
		}
	}
}

func (l *Ledger) addTo(name string, p takenPayment) {
	ref := l.References[name]
	if ref == nil {
		ref = &LedgerReference{PaymentIntents: []string{}, Attempts: []LedgerAttempt{}, Successes: []LedgerSuccess{}, Refunds: []LedgerRefund{}}
		l.References[name] = ref
	}
	ref.PaymentIntents = append(ref.PaymentIntents, p.intent.ID)
	ref.Attempts = append(ref.Attempts, p.attempts...)
	for _, ch := range p.charges {
		if ch.Metadata.get(referenceKey) != name {
			continue
		}
		success := LedgerSuccess{
			At: time.Unix(ch.Created, 0), PaymentIntent: p.intent.ID, Charge: ch.ID, Amount: ch.captured(), Currency: ch.Currency, Refunded: ch.givenBack(),
		}
		for _, a := range p.attempts {
			if a.Outcome == statusSucceeded {
				success.At, success.IdempotencyKey = a.At, a.IdempotencyKey
			}
		}
		ref.Successes = append(ref.Successes, success)
		if success.Refunded < success.Amount {
			ref.NetSuccesses++
		}
	}
	for _, r := range p.refunds {
		ref.Refunds = append(ref.Refunds, LedgerRefund{
			At: time.Unix(r.Created, 0), IdempotencyKey: r.Key, Refund: r.ID, PaymentIntent: p.intent.ID, Amount: r.Amount, Currency: r.Currency, Status: r.Status,
		})
	}
}
