package workflows

import (
	"cmp"
	"slices"
	"time"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/calendar"
	"github.com/offsession/offsession/workflows/dunning"
)

// AgreementState is where a billing agreement stands.
type AgreementState string

// The states of a BillingAgreement.
const (
	// AgreementSavingCard: the customer has not saved a payment method yet; nothing can be charged.
	AgreementSavingCard AgreementState = "saving_card"
	// AgreementActive: the next due date is charged.
	AgreementActive AgreementState = "active"
	// AgreementOnHold: a due date waits for a payment that is in dunning (while_in_dunning: hold).
	AgreementOnHold AgreementState = "on_hold"
	// AgreementPaused: an operator, or the final action of a failed payment, has paused it. Nothing is charged.
	AgreementPaused AgreementState = "paused"
	// AgreementNeedsAttention: only a person can resolve it; Reason says what. Nothing is charged.
	AgreementNeedsAttention AgreementState = "needs_attention"
	// AgreementSettling: there are no more dates; the last payments are still being collected.
	AgreementSettling AgreementState = "settling"
)

// The ends of a BillingAgreement.
const (
	AgreementCompleted AgreementState = "completed"
	AgreementCanceled  AgreementState = "canceled"
)

// Ended reports whether the state is an end.
func (s AgreementState) Ended() bool { return s == AgreementCompleted || s == AgreementCanceled }

// The reasons for which an agreement is paused, needs attention or ended.
const (
	// AgreementReasonCustomerDeleted: the customer does not exist any more.
	AgreementReasonCustomerDeleted = "customer_deleted"
	// AgreementReasonMethodDetached: the payment method was detached; the customer is asked for another one.
	AgreementReasonMethodDetached = "payment_method_detached"
	// AgreementReasonConsentRevoked: the customer has revoked the authorization at the bank.
	AgreementReasonConsentRevoked = "consent_revoked"
	// AgreementReasonMandateInactive: the mandate is not active any more.
	AgreementReasonMandateInactive = "mandate_inactive"
	// AgreementReasonDisputed: a payment of this agreement is disputed.
	AgreementReasonDisputed = "dispute_opened"
	// AgreementReasonCeilingPerCharge and AgreementReasonCeilingPerMonth: the amount is above what the customer agreed to.
	AgreementReasonCeilingPerCharge = "ceiling_per_charge"
	AgreementReasonCeilingPerMonth  = "ceiling_per_month"
	// AgreementReasonAmountUnknown: the app has not said for a day what to charge, or not in a usable way.
	AgreementReasonAmountUnknown = "amount_unknown"
	// AgreementReasonReferenceConflict: Stripe knows the payment's reference with other values, or another workflow has it.
	AgreementReasonReferenceConflict = "reference_conflict"
	// AgreementReasonPaymentFailed: a payment became uncollectible, and the policy's final action stops the agreement.
	AgreementReasonPaymentFailed = "payment_failed"
	// AgreementReasonPaymentLost: the workflow of a payment was terminated or failed; nobody follows the payment.
	AgreementReasonPaymentLost = "payment_workflow_lost"
	// AgreementReasonCardNotSaved: the customer has not saved a payment method in time; the agreement never began.
	AgreementReasonCardNotSaved = "card_not_saved"
)

// CatchUp says which missed dates are charged.
type CatchUp string

// The choices of CatchUp.
const (
	CatchUpAll    CatchUp = "all"
	CatchUpLatest CatchUp = "latest"
	CatchUpNone   CatchUp = "none"
)

// WhileInDunning says what a due date does while an earlier payment is still being collected.
type WhileInDunning string

// The choices of WhileInDunning.
const (
	// DunningContinue (default) charges it.
	DunningContinue WhileInDunning = "continue"
	// DunningHold keeps it until the earlier payment has ended; dates that passed meanwhile follow CatchUp.
	DunningHold WhileInDunning = "hold"
)

// FirstCharge says when the first charge is made.
type FirstCharge string

// The choices of FirstCharge.
const (
	// FirstChargeScheduled (default): on the schedule's first date.
	FirstChargeScheduled FirstCharge = "scheduled"
	// FirstChargeNow: as soon as there is a payment method; the schedule's date on the same local day is the same charge.
	FirstChargeNow FirstCharge = "now"
)

// AmountFrom says where the amount of a charge comes from.
type AmountFrom string

// AmountFromWebhook asks the app, at charge time, what to charge.
const AmountFromWebhook AmountFrom = "webhook"

// BillingAgreementInput is a customer's standing permission. Everything in it is frozen at start; what Updates change is
// in the carried state. In memos a missing field means its default.
type BillingAgreementInput struct {
	// Reference is the caller's own id, at most 100 characters, spent for ever.
	Reference string `json:"reference"`
	// Customer is the Stripe customer, cus_….
	Customer string `json:"customer"`
	// PaymentMethod is the saved method, pm_…, attached to the customer; empty with SaveCard.
	PaymentMethod string `json:"payment_method,omitempty"`
	// SaveCard asks the customer for a payment method first.
	SaveCard bool `json:"save_card,omitempty"`
	// Amount is what each date charges, in minor units of Currency; 0 with AmountFrom.
	Amount     int64      `json:"amount,omitempty"`
	AmountFrom AmountFrom `json:"amount_from,omitempty"`
	// Currency is an ISO 4217 code in lower case. It never changes.
	Currency string `json:"currency"`
	// MaxAmountPerCharge and MaxAmountPerMonth are ceilings agreed with the customer, in minor units; 0 is none. A month is
	// a calendar month in TimeZone, and counts the payments first sent in it, but those that have ended unpaid.
	MaxAmountPerCharge int64 `json:"max_amount_per_charge,omitempty"`
	MaxAmountPerMonth  int64 `json:"max_amount_per_month,omitempty"`
	// TimeZone is the customer's IANA zone, resolved at start; empty is UTC.
	TimeZone       string            `json:"time_zone,omitempty"`
	Schedule       calendar.Schedule `json:"schedule"`
	FirstCharge    FirstCharge       `json:"first_charge,omitempty"`
	CatchUp        CatchUp           `json:"catch_up,omitempty"`
	WhileInDunning WhileInDunning    `json:"while_in_dunning,omitempty"`
	// NoticeDays is how many days before each charge the customer is told of it; 0 does not tell.
	NoticeDays int `json:"notice_days,omitempty"`
	// Description stands on the PaymentIntents and in messages to the customer.
	Description string `json:"description,omitempty"`
	// StatementSuffix is Stripe's statement_descriptor_suffix.
	StatementSuffix string `json:"statement_suffix,omitempty"`
	// Metadata is put on the PaymentIntents beside offsession's own.
	Metadata map[string]string `json:"metadata,omitempty"`
	// PaymentMethodTypes are those that the customer can save with SaveCard; empty is card.
	PaymentMethodTypes []string `json:"payment_method_types,omitempty"`
	// CheckoutUI is how the customer saves a method, and pays after a failure; empty is custom.
	CheckoutUI activities.CheckoutUI `json:"checkout_ui,omitempty"`
	// Events says what the app's webhook is told; empty is exceptions.
	Events Events `json:"events,omitempty"`
	// Policy is the dunning policy of every payment; its final action also says what becomes of the agreement.
	Policy dunning.Policy `json:"policy"`
	// Carried is the state handed over by continue-as-new; nil at start.
	Carried *agreementState `json:"carried,omitempty"`
}

// defaultMethodType is what customers can save when the input does not say.
const defaultMethodType = "card"

// Short leaves out what an empty field means anyway: every input stays in Temporal for years.
func (in BillingAgreementInput) Short() BillingAgreementInput {
	in.TimeZone = leaveOut(in.TimeZone, utc)
	in.FirstCharge = leaveOut(in.FirstCharge, FirstChargeScheduled)
	in.CatchUp = leaveOut(in.CatchUp, CatchUpLatest)
	in.WhileInDunning = leaveOut(in.WhileInDunning, DunningContinue)
	in.CheckoutUI = leaveOut(in.CheckoutUI, activities.CheckoutUICustom)
	in.Events = leaveOut(in.Events, EventsExceptions)
	in.Policy.FinalAction = leaveOut(in.Policy.FinalAction, dunning.FinalUncollectible)
	in.Policy.MaxAttempts = leaveOut(in.Policy.MaxAttempts, dunning.MaxAttempts)
	if slices.Equal(in.PaymentMethodTypes, []string{defaultMethodType}) {
		in.PaymentMethodTypes = nil
	}
	return in
}

// full is the opposite of Short.
func (in BillingAgreementInput) full() BillingAgreementInput {
	in.TimeZone = cmp.Or(in.TimeZone, utc)
	in.FirstCharge = cmp.Or(in.FirstCharge, FirstChargeScheduled)
	in.CatchUp = cmp.Or(in.CatchUp, CatchUpLatest)
	in.WhileInDunning = cmp.Or(in.WhileInDunning, DunningContinue)
	in.CheckoutUI = cmp.Or(in.CheckoutUI, activities.CheckoutUICustom)
	in.Events = cmp.Or(in.Events, EventsExceptions)
	in.Policy.FinalAction = cmp.Or(in.Policy.FinalAction, dunning.FinalUncollectible)
	in.Policy.MaxAttempts = cmp.Or(in.Policy.MaxAttempts, dunning.MaxAttempts)
	if len(in.PaymentMethodTypes) == 0 {
		in.PaymentMethodTypes = []string{defaultMethodType}
	}
	return in
}

// leaveOut is value, or nothing when it is the one that nothing means.
func leaveOut[T comparable](value, meant T) T {
	if value == meant {
		var nothing T
		return nothing
	}
	return value
}

// BillingAgreementResult is how an agreement ended.
type BillingAgreementResult struct {
	// State is completed or canceled.
	State AgreementState `json:"state"`
	// Reason is a code; empty when the schedule came to its end or an operator canceled.
	Reason string `json:"reason,omitempty"`
	// Charges counts the due dates (and charges at once) that were sent to Stripe, Paid those that were paid.
	Charges int `json:"charges,omitempty"`
	Paid    int `json:"paid,omitempty"`
}

// AgreementStatus answers QueryStatus of a BillingAgreement.
type AgreementStatus struct {
	Reference string         `json:"reference"`
	State     AgreementState `json:"state"`
	// Reason is a code: why it is paused, needs attention or ended.
	Reason   string `json:"reason,omitempty"`
	Customer string `json:"customer"`
	// PaymentMethod is the one that the next date charges; Card describes it as last read.
	PaymentMethod string        `json:"payment_method"`
	Card          AgreementCard `json:"card,omitzero"`
	// Amount is that of the next date, in minor units; 0 when the app is asked for it.
	Amount             int64             `json:"amount"`
	AmountFrom         AmountFrom        `json:"amount_from,omitempty"`
	Currency           string            `json:"currency"`
	MaxAmountPerCharge int64             `json:"max_amount_per_charge,omitempty"`
	MaxAmountPerMonth  int64             `json:"max_amount_per_month,omitempty"`
	Description        string            `json:"description,omitempty"`
	TimeZone           string            `json:"time_zone"`
	Schedule           calendar.Schedule `json:"schedule"`
	// StartedAt anchors a schedule that has no start of its own, UTC.
	StartedAt time.Time `json:"started_at"`
	// NextDueAt is the next date that will be charged, UTC; zero when there is none.
	NextDueAt time.Time `json:"next_due_at,omitzero"`
	// NextActionAt is when the workflow acts next by itself, UTC; zero when it has ended.
	NextActionAt time.Time `json:"next_action_at,omitzero"`
	// PausedUntil is when a pause ends by itself; CancelAt when the agreement ends.
	PausedUntil time.Time `json:"paused_until,omitzero"`
	CancelAt    time.Time `json:"cancel_at,omitzero"`
	// SavePaymentMethod is the reference of the SavePaymentMethod that asks the customer for a method, while one is open.
	SavePaymentMethod string `json:"save_payment_method,omitempty"`
	// Charges and Paid count all payments since the start; Payments are the last 12, oldest first.
	Charges  int                `json:"charges"`
	Paid     int                `json:"paid"`
	Payments []AgreementPayment `json:"payments"`
	// Audit is what operators asked for, oldest first.
	Audit []AuditEntry `json:"audit,omitempty"`
	// Undelivered are the messages that could not be delivered within a day, by id.
	Undelivered []string `json:"undelivered,omitempty"`
}

// AgreementCard is what is known of the payment method in use.
type AgreementCard struct {
	Type     string `json:"type,omitempty"`
	Brand    string `json:"brand,omitempty"`
	Last4    string `json:"last4,omitempty"`
	ExpMonth int64  `json:"exp_month,omitempty"`
	ExpYear  int64  `json:"exp_year,omitempty"`
}

// AgreementPaymentState is what became of one due date.
type AgreementPaymentState string

// The states of an agreement's payment.
const (
	// AgreementPaymentCharging: the first attempt is under way.
	AgreementPaymentCharging AgreementPaymentState = "charging"
	// AgreementPaymentCollecting: a CollectPayment has it.
	AgreementPaymentCollecting    AgreementPaymentState = "collecting"
	AgreementPaymentPaid          AgreementPaymentState = "paid"
	AgreementPaymentUncollectible AgreementPaymentState = "uncollectible"
	AgreementPaymentCanceled      AgreementPaymentState = "canceled"
	// AgreementPaymentLost: its workflow was terminated or failed.
	AgreementPaymentLost AgreementPaymentState = "lost"
	// AgreementPaymentSkipped: the date was not charged; Reason says why (skip_next, paused, missed, nothing_due, …).
	AgreementPaymentSkipped AgreementPaymentState = "skipped"
)

// AgreementPayment is what became of one due date, or of one charge at once.
type AgreementPayment struct {
	// Reference is the payment's: <agreement>~<date>, or <agreement>~now<k>.
	Reference string                `json:"reference"`
	DueAt     time.Time             `json:"due_at"`
	State     AgreementPaymentState `json:"state"`
	Reason    string                `json:"reason,omitempty"`
	// Amount is in minor units; 0 for a skipped date.
	Amount        int64  `json:"amount,omitempty"`
	PaymentIntent string `json:"payment_intent,omitempty"`
}
