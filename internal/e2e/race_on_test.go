//go:build race

package e2e

// raceFlags build the commands like the tests themselves.
var raceFlags = []string{"-race"}

// adoptedAtOnce is how many subscriptions one command adopts: the race detector makes each of them several times as dear.
const adoptedAtOnce = 150
