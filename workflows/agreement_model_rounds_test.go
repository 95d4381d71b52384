//go:build !long

package workflows_test

// agreementRounds times 100 sequences are made.
const agreementRounds = 1
