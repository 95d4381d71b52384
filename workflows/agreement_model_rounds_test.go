//go:build !long

package workflows_test

// agreementRounds times 100 sequences are made, each over so many days.
const (
	agreementRounds = 1
	agreementDays   = 35
)
