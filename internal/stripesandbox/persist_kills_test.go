//go:build !long

package stripesandbox_test

// kills is how often the sandbox of TestKilledInTheMiddle is killed.
const kills = 10
