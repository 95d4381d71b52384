package workflows

import "go.temporal.io/sdk/temporal"

// PaymentMoves is the table of moves.
func PaymentMoves() map[PaymentState][]PaymentState { return paymentMoves }

// AgreementMoves is the table of an agreement's moves.
func AgreementMoves() map[AgreementState][]AgreementState { return agreementMoves }

// SubscriptionMoves is the table of a subscription's moves.
func SubscriptionMoves() map[SubscriptionState][]SubscriptionState { return subscriptionMoves }

// RunMoves is the table of a billing run's moves.
func RunMoves() map[RunState][]RunState { return runMoves }

// PollDelay is the gap before poll n.
var PollDelay = pollDelay

// RetryForever tells the test environment a number of tries: it gives up after ten where Temporal goes on for ever.
func RetryForever() {
	for _, policy := range []*temporal.RetryPolicy{patient, prompt, daily, pageRetries} {
		policy.MaximumAttempts = 1_000_000
	}
}

// CheckVersion refuses a carried state that a newer worker wrote.
var CheckVersion = checkVersion
