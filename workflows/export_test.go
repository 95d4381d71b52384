package workflows

import "go.temporal.io/sdk/temporal"

// PaymentMoves is the table of moves.
func PaymentMoves() map[PaymentState][]PaymentState { return paymentMoves }

// PollDelay is the gap before poll n.
var PollDelay = pollDelay

// The test environment gives up after ten tries where Temporal goes on for ever, unless it is told a number.
func init() {
	for _, policy := range []*temporal.RetryPolicy{patient, prompt, daily} {
		policy.MaximumAttempts = 1_000_000
	}
}
