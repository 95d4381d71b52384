// Package web is the HTTP side of offsession: the receiver of Stripe's webhooks and the pages on which a customer saves
// a card or pays.
//
// Two rules hold for everything here. A webhook is a hint: it makes a running workflow read the object again, its body
// is never believed, and it never starts a workflow. And a GET only reads: mail programs fetch every link, so that only
// POST /c/{token}/session acts.
//
// The link's token is the customer's only credential. There are no cookies; tokens, client secrets and e-mail addresses
// are not logged.
package web
