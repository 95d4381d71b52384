package workflows

import (
	"slices"
	"time"

	"github.com/offsession/offsession/workflows/calendar"
)

// agreementStateVersion is raised when the meaning of a field of agreementState changes.
const agreementStateVersion = 1

const (
	// agreementPayments and answeredRequests bound what is carried over.
	agreementPayments = 12
	answeredRequests  = 50
	// openPaymentsMost is how many payments of one agreement are collected at a time. More wait, whatever the input says:
	// their customer does not pay.
	openPaymentsMost = 20
	// disputesKept bounds the disputes that an operator has acknowledged.
	disputesKept = 10
)

// agreementState is everything a BillingAgreement knows, and all that continue-as-new carries over.
type agreementState struct {
	entityState
	Version   int            `json:"version"`
	State     AgreementState `json:"state"`
	Reason    string         `json:"why,omitempty"`
	StartedAt time.Time      `json:"started_at"`
	// BeganAt is when there was a payment method: no date before it is charged. StartedAt anchors the schedule.
	BeganAt time.Time `json:"began_at,omitzero"`
	// LookedBack says that earlier payments with this reference were looked for; Earlier that there are some, so that
	// every charge looks back before it sends.
	LookedBack bool `json:"looked_back,omitempty"`
	Earlier    bool `json:"earlier,omitempty"`
	// NowsUnknown says that nobody could tell which charges at once that earlier life made.
	NowsUnknown bool `json:"nows_unknown,omitempty"`

	// ChangedAt is when the input's schedule was replaced: it anchors the new one.
	ChangedAt time.Time `json:"changed_at,omitzero"`
	// Next is the next due date; nil when there is none. It is computed once per cycle: a later release, or another time
	// zone database, does not move it.
	Next *calendar.Occurrence `json:"next,omitempty"`
	// NoticeAt and CardNoticeAt are when the customer is told of Next, or that the card will have expired by then.
	NoticeAt     time.Time `json:"notice_at,omitzero"`
	CardNoticeAt time.Time `json:"card_notice_at,omitzero"`
	// UsedUntil is the last due instant that was charged or left out: no date up to it is used again. UsedDay is its local
	// day.
	UsedUntil time.Time `json:"used_until,omitzero"`
	// PeriodFrom is where the period begins that the next date charges for.
	PeriodFrom time.Time `json:"period_from,omitzero"`
	UsedDay    string    `json:"used_day,omitempty"`
	// LateMode says what becomes of dates that passed while nothing was charged, after a resume; empty is the input's.
	LateMode CatchUp `json:"late_mode,omitempty"`

	// Amount replaces the input's.
	Amount int64 `json:"amount,omitempty"`
	// Month is the local month, 200601, to which MonthSum belongs: what was charged in it.
	Month    string `json:"month,omitempty"`
	MonthSum int64  `json:"month_sum,omitempty"`
	// AmountTries counts how often the app did not say what to charge; AmountAt is the next try, AmountSince the first.
	AmountTries int       `json:"amount_tries,omitempty"`
	AmountAt    time.Time `json:"amount_at,omitzero"`
	AmountSince time.Time `json:"amount_since,omitzero"`

	// Method is the payment method in use, Card what it is; CardDue asks to read it.
	Method  string        `json:"method,omitempty"`
	Card    AgreementCard `json:"card,omitzero"`
	CardDue bool          `json:"card_due,omitempty"`
	// CardAsks counts the SavePaymentMethods started, AskOpen says that the last one is open. MethodChanges counts changes.
	CardAsks      int  `json:"card_asks,omitempty"`
	AskOpen       bool `json:"ask_open,omitempty"`
	MethodChanges int  `json:"method_changes,omitempty"`
	// CardNoticed is the card whose expiry the customer was told of, Noticed the date.
	CardNoticed string `json:"card_noticed,omitempty"`
	Noticed     string `json:"noticed,omitempty"`

	PausedUntil time.Time `json:"paused_until,omitzero"`
	// Before is what stood still already when the agreement was stopped.
	Before   *standstill `json:"before,omitempty"`
	CancelAt time.Time   `json:"cancel_at,omitzero"`
	// RemindAt is when the app is told again that the agreement stands still; Told counts the messages, for their ids.
	RemindAt time.Time `json:"remind_at,omitzero"`
	Told     int       `json:"told,omitempty"`
	// CheckAt is when the workflows that this one started are read.
	CheckAt time.Time `json:"check_at,omitzero"`

	// Charges and Paid count payments, Nows the charges at once.
	Charges int `json:"charges,omitempty"`
	Paid    int `json:"paid,omitempty"`
	Nows    int `json:"nows,omitempty"`
	// Payments are the last ones, Open those that a CollectPayment has.
	Payments []keptPayment `json:"payments,omitempty"`
	Open     []openPayment `json:"open,omitempty"`
	// Disputed are PaymentIntents whose dispute an operator knows of, and DisputedBefore that of all older ones, once they
	// are many. Disputes are those that stopped the agreement.
	Disputed       []string  `json:"disputed,omitempty"`
	DisputedBefore time.Time `json:"disputed_before,omitzero"`
	Disputes       []string  `json:"disputes,omitempty"`

	// Requests are the last Updates that were answered.
	Requests []answeredRequest `json:"requests,omitempty"`

	// Ended and Saved are signals not yet followed.
	Ended []PaymentEnded       `json:"ended,omitempty"`
	Saved []PaymentMethodSaved `json:"saved,omitempty"`
}

// standstill is a pause, or a stop that a person must look at.
type standstill struct {
	State  AgreementState `json:"state"`
	Reason string         `json:"why,omitempty"`
	Until  time.Time      `json:"until,omitzero"`
}

// openPayment is a payment that a CollectPayment has. Key is the part of its reference after the tilde.
type openPayment struct {
	Key    string `json:"k"`
	Amount int64  `json:"a"`
	Month  string `json:"m"`
}

// keepLast drops all but the last n.
func keepLast[T any](list []T, n int) []T {
	if len(list) <= n {
		return list
	}
	return slices.Clone(list[len(list)-n:])
}
