//go:build !long

package workflows_test

// subscriptionRounds times 100 sequences are made.
const subscriptionRounds = 1
