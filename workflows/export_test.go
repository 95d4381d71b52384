package workflows

// PaymentMoves is the table of moves.
func PaymentMoves() map[PaymentState][]PaymentState { return paymentMoves }

// PollDelay is the gap before poll n.
var PollDelay = pollDelay
