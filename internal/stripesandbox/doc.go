// Package stripesandbox is a stateful double of the Stripe API for the life of a saved
// payment method: set up, charge off-session, decline, recover, refund. It speaks
// Stripe's own wire format (API version 2025-08-27.basil), keeps its state in memory or in
// a file, remembers idempotency keys, and signs and delivers webhooks.
//
// # Control routes
//
// What a test or a demo needs on top of Stripe's API is under /_sandbox. These routes
// take and answer JSON and need no key.
//
//	GET    /health                             is it alive
//	POST   /checkout/{id}/pay                  the buyer: a Payment; the session, or the error that the page would show
//	GET    /checkout/{id}                      the buyer's page, which is the url of hosted sessions
//	POST   /invoice/{id}/pay                   the customer pays an open invoice: a Payment; the invoice, or the error
//	GET    /invoice/{id}                       the hosted invoice page
//	GET    /                                   a page with open sessions and invoices, and recent payments
//	POST   /payment_intents/{id}/authenticate  {"result": "pass"|"fail"}: the end of 3D Secure
//	POST   /setup_intents/{id}/authenticate    the same
//	POST   /payment_intents/{id}/settle        the bank's answer to a debit: {"outcome": "succeeded"|"failed", "failure_code"}
//	POST   /payment_intents/{id}/dispute       the cardholder disputes the payment
//	POST   /mandates/{id}/inactivate           the customer or the bank withdraws a mandate
//	POST   /payment_methods/{id}/automatic_update  {"token": "pm_card_visa", "exp_month", "exp_year"}: the network replaced the card
//	POST   /faults                             a Fault for the next requests; GET lists, DELETE removes
//	POST   /webhooks                           a WebhookBehaviour: lost, duplicated, delayed, shuffled, stale
//	POST   /events/{id}/resend                 deliver an event once more
//	POST   /clock                              {"advance": "25h"}: move the sandbox's time; GET tells it
//	GET    /ledger?reference=R                 a Ledger: what was really paid; starter sandbox audit prints it
//	GET    /requests                           the recent Requests; DELETE forgets them
//
// /basil/stripe.js is a stand-in for Stripe.js for pages that run against the sandbox.
//
// # Test payment methods
//
// Stripe's own tokens and numbers behave as https://docs.stripe.com/testing says. Tokens
// that start with pm_sandbox_ are this sandbox's alone:
//
//	pm_sandbox_decline_<code>[_advice_<advice>][_networkadvice_<nn>][_times_<n>]
//	pm_sandbox_authenticate[_times_<n>]
//	pm_sandbox_setup_processing, pm_sandbox_setup_processing_fails
//
// The first can be attached, and then its off-session charges are declined with the code
// n times, or always, before they succeed. The bank of the second wants 3D Secure for n
// off-session charges, or always, before it lets them pass. Setting up the third, bank
// accounts, is processing before it succeeds or fails.
//
// # How it is built
//
// Everything happens in one critical section: a call's effect, the answer stored under
// its idempotency key and the events it causes appear together or not at all. Resources
// are immutable once stored, a change stores a new version, so events and stored answers
// keep what they showed without copying it.
//
// With Config.Data a critical section's changes are collected in a journal and written to
// a SQLite file in one transaction before the lock is let go: memory stays what is worked
// with, the file is only read at the start. A type that store.add gets to see needs
// exported fields and a row in storedKinds.
//
// One file holds one resource. A new endpoint is a row in the routes of its resource,
// the parameters it takes, and a handler; a new resource adds a struct with a render
// method and a row in expandable.
package stripesandbox
