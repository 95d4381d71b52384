// Package stripegateway is offsession's only way to Stripe: it implements the ports of package activities with
// stripe-go, and nothing else in the product imports that library.
//
// One HTTP request per call, no retries of its own: the caller's retry policy decides, with the same idempotency key.
// Every error is an *activities.StripeError, made in translate.go from types, codes, parameters and HTTP status alone.
// Stripe's messages and response bodies are never copied or logged, because they may hold client secrets and personal
// data.
package stripegateway
