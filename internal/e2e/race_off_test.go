//go:build !race

package e2e

// raceFlags build the commands like the tests themselves.
var raceFlags []string

// adoptedAtOnce is how many subscriptions one command adopts.
const adoptedAtOnce = 500
