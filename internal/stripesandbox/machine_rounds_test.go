//go:build !long && !race

package stripesandbox_test

// machineRounds times 100 sequences of about 30 calls are made.
const machineRounds = 3

// billingRounds is the same for subscriptions and invoices.
const billingRounds = 1
