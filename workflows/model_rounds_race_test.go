//go:build race && !long

package workflows_test

import "flag"

// The race detector makes each step several times slower, and the test environment runs one at a time: of the random
// sequences 40 are made, not 100.
var _ = flag.Set("rapid.checks", "40")

// An outage of months costs a read every ten minutes, each with its repetitions: minutes of a test run.
func init() { longestOutage = 5 * day }
