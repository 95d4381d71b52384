//go:build long

package workflows_test

const (
	agreementRounds = 50
	agreementDays   = 60
)
