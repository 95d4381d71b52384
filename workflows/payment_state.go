package workflows

// PaymentState is where a payment stands.
type PaymentState string

// The states of a payment.
const (
	PaymentScheduled        PaymentState = "scheduled"
	PaymentCharging         PaymentState = "charging"
	PaymentProcessing       PaymentState = "processing"
	PaymentRetryScheduled   PaymentState = "retry_scheduled"
	PaymentAwaitingCustomer PaymentState = "awaiting_customer"
	PaymentNeedsAttention   PaymentState = "needs_attention"
)

// The ends of a payment.
const (
	PaymentPaid          PaymentState = "paid"
	PaymentUncollectible PaymentState = "uncollectible"
	PaymentCanceled      PaymentState = "canceled"
)

// Ended reports whether the state is an end.
func (s PaymentState) Ended() bool {
	return s == PaymentPaid || s == PaymentUncollectible || s == PaymentCanceled
}
