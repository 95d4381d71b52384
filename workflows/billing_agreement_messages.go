package workflows

import (
	"time"

	"github.com/offsession/offsession/workflows/calendar"
)

// The Updates of a BillingAgreement, beside cancel and change_payment_method. The Update id is the caller's: the same id
// is answered the same for the last 50 ids, also after continue-as-new.
const (
	// UpdatePause stops charging, until a time if one is given.
	UpdatePause = "pause"
	// UpdateResume goes on after a pause or a stop; its CatchUp says what becomes of the dates that passed.
	UpdateResume = "resume"
	// UpdateSkipNext leaves the next date out.
	UpdateSkipNext = "skip_next"
	// UpdateChangeAmount changes what the dates from now on charge.
	UpdateChangeAmount = "change_amount"
	// UpdateChangeSchedule changes the dates from now on.
	UpdateChangeSchedule = "change_schedule"
	// UpdateChargeNow makes one charge at once, beside the schedule.
	UpdateChargeNow = "charge_now"
)

// OpenPayments says what cancelling an agreement does with payments that are still being collected.
type OpenPayments string

// The choices of OpenPayments.
const (
	// OpenPaymentsCollect (default) goes on collecting them: they are owed.
	OpenPaymentsCollect OpenPayments = "collect"
	// OpenPaymentsWriteOff writes them off. A payment that a bank is working on cannot be.
	OpenPaymentsWriteOff OpenPayments = "write_off"
)

// AgreementOperation is the argument of a BillingAgreement's Updates.
type AgreementOperation struct {
	// Actor is who asks, 1 to 80 characters; Reason is why, 1 to 200 characters. No personal data in either.
	Actor  string `json:"actor"`
	Reason string `json:"reason"`
	// RequestID becomes the Update's id and is not part of the argument: 1 to 64 of A-Z a-z 0-9 . _ -. The same id again
	// is answered the same and does nothing. Required for charge_now; one is made up for the others when it is empty.
	RequestID string `json:"-"`
	// Until (pause) is when the pause ends by itself, UTC; zero when an operator resumes.
	Until time.Time `json:"until,omitzero"`
	// CatchUp (resume) says which of the dates that passed are charged; empty is none.
	CatchUp CatchUp `json:"catch_up,omitempty"`
	// Amount (change_amount, charge_now) is in minor units; 0 in charge_now takes the agreement's.
	Amount int64 `json:"amount,omitempty"`
	// Currency (change_amount, charge_now) must be the agreement's when given.
	Currency string `json:"currency,omitempty"`
	// Description (charge_now) replaces the agreement's on this payment.
	Description string `json:"description,omitempty"`
	// Schedule (change_schedule) is the new one.
	Schedule *calendar.Schedule `json:"schedule,omitempty"`
	// PaymentMethod (change_payment_method) is the new method; SaveCard asks the customer for one instead.
	PaymentMethod string `json:"payment_method,omitempty"`
	SaveCard      bool   `json:"save_card,omitempty"`
	// AtPeriodEnd (cancel) ends the agreement at its next due date, without charging that.
	AtPeriodEnd bool `json:"at_period_end,omitempty"`
	// OpenPayments (cancel) is collect or write_off; empty is collect.
	OpenPayments OpenPayments `json:"open_payments,omitempty"`
}

// AgreementResponse answers a BillingAgreement's Updates.
type AgreementResponse struct {
	// State is the agreement's state after the Update.
	State AgreementState `json:"state"`
	// NextDueAt is the next date that will be charged, UTC; zero when there is none.
	NextDueAt time.Time `json:"next_due_at,omitzero"`
	// Payment (charge_now) is the payment's reference, PaymentState what became of it so far.
	Payment      string                `json:"payment,omitempty"`
	PaymentState AgreementPaymentState `json:"payment_state,omitempty"`
	// SavePaymentMethod (change_payment_method) is the reference of the SavePaymentMethod that asks the customer.
	SavePaymentMethod string `json:"save_payment_method,omitempty"`
	// NotWrittenOff (cancel) are payments that could not be written off; they are still collected.
	NotWrittenOff []string `json:"not_written_off,omitempty"`
	// Pending says that Stripe has not answered within 20 s: what was asked for goes on.
	Pending bool `json:"pending,omitempty"`
}
