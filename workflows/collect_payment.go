package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/dunning"
)

// paymentStateVersion is raised when the meaning of a field of paymentState changes.
const paymentStateVersion = 1

// paymentState is everything a CollectPayment knows, and all that continue-as-new carries over.
type paymentState struct {
	entityState
	Version   int          `json:"version"`
	State     PaymentState `json:"state"`
	StartedAt time.Time    `json:"started_at"`
	// Reason is why the payment needs attention.
	Reason string `json:"attention,omitempty"`
	// NextAt is the next automatic attempt; zero when none is planned.
	NextAt time.Time `json:"next_at,omitzero"`
	// NotBefore keeps the next attempt away from a request that Stripe may still be executing.
	NotBefore time.Time `json:"not_before,omitzero"`
	// Rescheduled is the time an operator moved the next attempt to: no event brings it forward.
	Rescheduled time.Time `json:"rescheduled,omitzero"`
	// Method is the one that replaced the input's.
	Method string `json:"method,omitempty"`

	// Number is the last attempt's; Reached counts those that reached the bank; Retries counts those the policy
	// planned since the method changed; NotTaken counts those in a row that Stripe did not carry out; Faults counts how
	// often in a row the next one was put off because Stripe did not answer.
	Number   int `json:"number,omitempty"`
	Reached  int `json:"reached,omitempty"`
	Retries  int `json:"retries,omitempty"`
	NotTaken int `json:"not_taken,omitempty"`
	Faults   int `json:"faults,omitempty"`
	// LookedBack says that the reference is known to be unused, LookUpDue that Stripe must be asked what became of the
	// last attempt before anything new is sent.
	LookedBack bool `json:"looked_back,omitempty"`
	LookUpDue  bool `json:"look_up_due,omitempty"`
	// Intent is the PaymentIntent that the next attempt confirms; empty creates one. Mark is how it looks now.
	Intent string                `json:"intent,omitempty"`
	Mark   activities.IntentMark `json:"mark,omitzero"`
	// Attempts are the last ones.
	Attempts []Attempt `json:"attempts,omitempty"`
	// LastClass, FailedMethod and FailedStamp describe the last decline.
	LastClass    dunning.Class `json:"last_class,omitempty"`
	FailedMethod string        `json:"failed_method,omitempty"`
	FailedStamp  string        `json:"failed_stamp,omitempty"`
	// FinalNos are the cards that said a final no: none is charged again while its data is the same.
	FinalNos []failedCard `json:"final_nos,omitempty"`

	// Ways are the PaymentIntents and Sessions made for this payment: all that are not closed, and the last that are.
	Ways []wayState `json:"ways,omitempty"`
	// Closes and Checkouts count writes, for their keys.
	Closes    int `json:"closes,omitempty"`
	Checkouts int `json:"checkouts,omitempty"`
	// Session is the open Checkout Session. Return is the state to go back to when it is over, or when a way that could
	// not be closed is closed.
	Session        string       `json:"session,omitempty"`
	SessionExpires time.Time    `json:"session_expires,omitzero"`
	Return         PaymentState `json:"return,omitempty"`
	ReturnReason   string       `json:"return_reason,omitempty"`
	// EndAs is the end that waits for a way to be closed.
	EndAs PaymentState `json:"end_as,omitempty"`

	// AskedAt is when the customer was last asked to act, Deadline until when.
	AskedAt   time.Time                   `json:"asked_at,omitzero"`
	Deadline  time.Time                   `json:"deadline,omitzero"`
	AskKind   activities.NotificationKind `json:"ask_kind,omitempty"`
	Reminders int                         `json:"reminders,omitempty"`
	// Occasion counts what the customer or the app is told of since the last attempt, so that no two messages share an id.
	Occasion int `json:"occasion,omitempty"`
	// Told says that the customer heard of a failure, Exception that not all went well at once.
	Told      bool `json:"told,omitempty"`
	Exception bool `json:"exception,omitempty"`
	// MessagesFrom is until when the customer is told nothing; Held is the newest message that waits for it.
	MessagesFrom time.Time                `json:"messages_from,omitzero"`
	Held         *activities.Notification `json:"held,omitempty"`

	ProcessingSince time.Time `json:"processing_since,omitzero"`
	// MethodDue asks to read the method when no session is open; an attempt that follows waits MethodDelay minutes.
	MethodDue   bool `json:"method_due,omitempty"`
	MethodDelay int  `json:"method_delay,omitempty"`

	Refunds       []Refund `json:"refunds,omitempty"`
	RefundRetries int      `json:"refund_retries,omitempty"`
	PaidIntent    string   `json:"paid_intent,omitempty"`
	PaidMethod    string   `json:"paid_method,omitempty"`
}

// failedCard is a payment method and the stamp of its data.
type failedCard struct {
	Method string `json:"method"`
	Stamp  string `json:"stamp,omitempty"`
}

// collectPayment is one run of the workflow.
type collectPayment struct {
	entity
	in   CollectPaymentInput
	st   *paymentState
	zone *time.Location
	// given is the first attempt that the owner made, until this run has taken it over.
	given *AttemptOne
}

// CollectPayment collects one amount owed: it waits until the payment is due, charges off-session, follows the dunning
// policy, and lets the customer pay in a Checkout Session. It ends as paid, uncollectible or canceled, and then every
// way to pay but the one that paid is closed. It fails only when its input is wrong.
func CollectPayment(ctx workflow.Context, in CollectPaymentInput) (CollectPaymentResult, error) {
	p, err := newCollectPayment(ctx, in)
	if err != nil {
		return CollectPaymentResult{}, err
	}
	// Nothing that is under way is abandoned by a cancellation: it is a request like any other.
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if err := p.handleMessages(ctx); err != nil {
		return CollectPaymentResult{}, err
	}
	p.listen(ctx)
	if p.given != nil {
		p.takeOver(detached, p.given.ChargeResult)
	}
	again, err := p.mainLoop(detached, p)
	switch {
	case err != nil:
		return CollectPaymentResult{}, err
	case again:
		return CollectPaymentResult{}, continueAsNew(ctx, TypeCollectPayment, p.carry())
	}
	return p.result(), nil
}

func newCollectPayment(ctx workflow.Context, in CollectPaymentInput) (*collectPayment, error) {
	in = in.full()
	zone, err := loadZone(in.TimeZone)
	if err != nil {
		return nil, err
	}
	if err := checkWorkflowReference(in.Reference); err != nil {
		return nil, invalidInput(err)
	}
	st := in.Carried
	if st == nil {
		now := workflow.Now(ctx).UTC()
		st = &paymentState{Version: paymentStateVersion, State: PaymentScheduled, StartedAt: now, NextAt: now}
		if in.Due.After(st.NextAt) {
			st.NextAt = in.Due.UTC()
		}
	}
	checkVersion(st.Version, paymentStateVersion)
	given := in.AttemptOne
	if given != nil {
		st.MessagesFrom = given.MessagesFrom
	}
	if given != nil && given.Outcome == activities.ChargeHeld {
		given = nil // nothing was sent: the first attempt is still to be made
	}
	in.Carried, in.AttemptOne = nil, nil
	p := &collectPayment{in: in, st: st, zone: zone, given: given}
	p.entity = entity{entityState: &st.entityState, published: readPublished(ctx)}
	if given != nil {
		p.begin(*given)
	}
	return p, nil
}

func (p *collectPayment) ended() bool { return p.st.State.Ended() }

// actNow reads the method that an event was about, as soon as no session is open.
func (p *collectPayment) actNow(ctx workflow.Context) bool {
	if !p.st.MethodDue || p.st.Session != "" {
		return false
	}
	p.checkMethod(ctx)
	return true
}

func (p *collectPayment) carry() CollectPaymentInput {
	in := p.in.Short()
	in.Carried = p.st
	return in
}

func (p *collectPayment) result() CollectPaymentResult {
	r := CollectPaymentResult{
		State:         p.st.State,
		PaymentIntent: p.st.PaidIntent,
		Attempts:      p.st.Number,
	}
	if p.st.PaidMethod != p.in.PaymentMethod {
		r.PaymentMethod = p.st.PaidMethod
	}
	return r
}

func (p *collectPayment) nextWake() (time.Time, string) {
	at, what := p.nextStep()
	if p.holdsMessage() && (at.IsZero() || p.st.MessagesFrom.Before(at)) {
		return p.st.MessagesFrom, "tell the customer"
	}
	return at, what
}

// nextStep is when the payment itself goes on.
func (p *collectPayment) nextStep() (time.Time, string) {
	switch p.st.State {
	case PaymentScheduled:
		return p.st.NextAt, "charge when due"
	case PaymentRetryScheduled:
		return later(p.st.NextAt, p.st.NotBefore), "next attempt"
	case PaymentProcessing:
		return earliest(p.st.PollAt, p.st.ProcessingSince.Add(processingPatience)), "ask Stripe about the bank's answer"
	case PaymentAwaitingCustomer:
		if p.st.Session != "" {
			return earliest(p.st.PollAt, p.st.SessionExpires), "ask Stripe about the checkout"
		}
		return earliest(p.st.PollAt, p.nextReminder(), p.st.Deadline), "customer's time to act"
	case PaymentNeedsAttention:
		return p.st.PollAt, "ask Stripe again"
	case PaymentCharging, PaymentPaid, PaymentUncollectible, PaymentCanceled:
	}
	return time.Time{}, ""
}

func (p *collectPayment) actDue(ctx workflow.Context) {
	now := workflow.Now(ctx)
	if p.holdsMessage() && !now.Before(p.st.MessagesFrom) {
		p.tellHeld(ctx)
		return
	}
	switch p.st.State {
	case PaymentScheduled, PaymentRetryScheduled:
		p.attempt(ctx)
	case PaymentProcessing, PaymentNeedsAttention:
		p.poll(ctx)
	case PaymentAwaitingCustomer:
		reminder := p.nextReminder()
		switch {
		case p.st.Session != "":
			p.poll(ctx)
		case !now.Before(p.st.Deadline):
			p.giveUp(ctx)
		case !reminder.IsZero() && !now.Before(reminder):
			p.remind(ctx)
		default:
			p.poll(ctx)
			p.st.MethodDue = true
		}
	case PaymentCharging, PaymentPaid, PaymentUncollectible, PaymentCanceled:
	}
}

func (p *collectPayment) attributes() publishedAttributes {
	a := publishedAttributes{state: string(p.st.State), nextAction: p.nextAction(), customer: p.in.Customer}
	if at := p.lastAttempt(); at != nil {
		a.declineCode = at.Reason()
	}
	return a
}

// nextAction is the next step that matters to people: an attempt, a deadline. Polls are not news; what needs attention
// waits for a person.
func (p *collectPayment) nextAction() time.Time {
	switch p.st.State {
	case PaymentScheduled, PaymentRetryScheduled:
		return later(p.st.NextAt, p.st.NotBefore)
	case PaymentCharging:
		return p.published.nextAction
	case PaymentProcessing:
		return p.st.ProcessingSince.Add(processingPatience)
	case PaymentAwaitingCustomer:
		if p.st.Session != "" {
			return p.st.SessionExpires
		}
		return p.st.Deadline
	case PaymentNeedsAttention, PaymentPaid, PaymentUncollectible, PaymentCanceled:
	}
	return time.Time{}
}

// status answers QueryStatus.
func (p *collectPayment) status() (PaymentStatus, error) {
	s := PaymentStatus{
		Reference:     p.in.Reference,
		State:         p.st.State,
		Reason:        p.st.Reason,
		Customer:      p.in.Customer,
		Amount:        p.in.Amount,
		Currency:      p.in.Currency,
		Description:   p.in.Description,
		TimeZone:      p.in.TimeZone,
		PaymentIntent: p.st.Intent,
		PaymentMethod: p.method(),
		Session:       p.st.Session,
		Owner:         p.in.Owner,
		Attempts:      p.st.Attempts,
		Refunds:       p.st.Refunds,
		NextActionAt:  p.nextAction(),
		Deadline:      p.st.Deadline,
		LinkExpires:   p.linkExpires(),
		Audit:         p.st.Audit,
		Undelivered:   p.st.Undelivered,
	}
	if p.st.State == PaymentPaid {
		s.PaymentIntent, s.PaymentMethod = p.st.PaidIntent, p.st.PaidMethod
	}
	if s.Attempts == nil {
		s.Attempts = []Attempt{}
	}
	if s.Refunds == nil {
		s.Refunds = []Refund{}
	}
	return s, nil
}

// method is the one the next attempt charges; empty is the customer's default.
func (p *collectPayment) method() string {
	if p.st.Method != "" {
		return p.st.Method
	}
	return p.in.PaymentMethod
}

// linkExpires is 30 days past the last time at which the customer can act, as far as it is known now.
func (p *collectPayment) linkExpires() time.Time {
	from := later(later(p.st.StartedAt, p.in.Due), p.st.NextAt)
	if at := p.lastAttempt(); at != nil {
		from = later(from, at.At)
	}
	return later(p.st.Deadline, p.in.Policy.Deadline(from, p.zone)).Add(linkGrace).UTC()
}

// lastAttempt is the newest attempt, nil before the first.
func (p *collectPayment) lastAttempt() *Attempt {
	if n := len(p.st.Attempts); n > 0 {
		return &p.st.Attempts[n-1]
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// earliest is the first of the times that are set.
func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
