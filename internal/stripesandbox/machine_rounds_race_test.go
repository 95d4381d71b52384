//go:build !long && race

package stripesandbox_test

// The race detector makes each call ten times slower, and a sequence has no races.
const machineRounds, billingRounds = 1, 1
