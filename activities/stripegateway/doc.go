// Package stripegateway is offsession's only way to Stripe: it implements the ports of package activities with
// stripe-go, and nothing else in the product imports that library.
//
// It retries nothing itself: the caller's retry policy decides, with the same idempotency key. (Go's net/http repeats a
// request by itself only when a connection kept from before turns out to be dead; that one carries the same key, too.)
// Every error is an *activities.StripeError, made in translate.go from types, codes, parameters and HTTP status alone.
// Stripe's messages and response bodies are never copied or logged, because they may hold client secrets and personal
// data.
package stripegateway
