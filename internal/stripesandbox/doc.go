// Package stripesandbox is a stateful double of the Stripe API for the life of a saved
// payment method: set up, charge off-session, decline, recover, refund. It speaks
// Stripe's own wire format (API version 2025-08-27.basil), keeps its state in memory,
// remembers idempotency keys, signs and delivers webhooks, and has control routes under
// /_sandbox for what a test or a demo needs on top: the buyer, faults, the clock and a
// ledger of what was really paid.
//
// Everything happens in one critical section: a call's effect, the answer stored under
// its idempotency key and the events it causes appear together or not at all. Resources
// are immutable once stored, a change stores a new version, so events and stored answers
// keep what they showed without copying it.
//
// One file holds one resource. A new endpoint is a row in routes.go, its parameters, and
// a handler; a new resource adds a struct with a render method and a row in expand.go.
package stripesandbox
