//go:build !long && race

package stripesandbox_test

import flags "flag"

const machineRounds, billingRounds = 1, 1

// The race detector makes each call ten times slower, and a sequence has no races: 30 of them are made, not 100.
var _ = flags.Set("rapid.checks", "30")
