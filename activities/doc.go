// Package activities holds everything offsession does outside of Temporal's history: one activity per file, each with
// the ports it needs as small interfaces. Adapters (stripegateway, notifier) implement the ports and are wired in by
// the worker.
//
// Three rules hold for every activity here:
//
//   - A second run of the same task is harmless. Stripe writes carry an idempotency key that is part of the input.
//   - An answer of the world, a decline included, is a result. An error means "we do not know" (retryable) or "we are
//     wrong" (final); errors.go makes them all.
//   - Inputs and results go into Temporal's history and hold ids, codes, amounts and states only: no client secret,
//     link, address, name or text from Stripe.
package activities
