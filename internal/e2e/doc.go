// Package e2e tests the whole product as its users meet it: the built worker and starter, a real Temporal server, the
// Stripe sandbox over HTTP, a real mail server, signed webhooks and Chromium. It has tests only. What takes longer than
// a few minutes has the build tag "long".
package e2e
