// Package client starts, watches and steers offsession's workflows from Go. An app that bills with offsession imports
// this package; the starter command is built on it.
//
// [Dial] reads the same environment variables as the worker; [New] takes a Temporal client that the app already has.
// Every method is safe for concurrent use. Amounts are integers in Stripe's minor units, times are UTC.
//
// Starting is idempotent by the caller's reference: the same call again answers the payment, the agreement or the run that
// exists, and a call with other values is refused. A reference is spent for ever.
//
// Operations say who asks and why. Those of an agreement take a RequestID: a repeat with the same id is answered the same
// and does nothing more.
//
// Errors: [ErrNotFound], [*RefusedError] when the state or an earlier start does not allow what was asked,
// [*InvalidError] for each value that is not allowed (several are joined); anything else is a fault on the way.
package client
