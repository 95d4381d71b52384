//go:build long

package workflows_test

const subscriptionRounds = 50
