package workflows

import (
	"cmp"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

// setupStateVersion is raised when the meaning of a field of setupState changes.
const setupStateVersion = 1

// verifyingPatience is how long a bank account may be verified (microdeposits, processing).
const verifyingPatience = 14 * 24 * time.Hour

// setupState is everything a SavePaymentMethod knows, and all that continue-as-new carries over.
type setupState struct {
	entityState
	Version int        `json:"version"`
	State   SetupState `json:"state"`
	// Reason is a code: why the customer is asked again, or why a person must look.
	Reason    string    `json:"reason,omitempty"`
	StartedAt time.Time `json:"started_at"`
	// Session is the session that something can still come of; Checkouts counts those opened, Writes the other writes.
	Session   string    `json:"session,omitempty"`
	OpenedAt  time.Time `json:"opened_at,omitzero"`
	Checkouts int       `json:"checkouts,omitempty"`
	Writes    int       `json:"writes,omitempty"`
	// SpentKeys counts the keys under which a customer could not be created and never can be.
	SpentKeys int `json:"spent_keys,omitempty"`
	// EndAs is the end that waits for the session to be closed.
	EndAs SetupState `json:"end_as,omitempty"`
	// OpenDue asks to open a session without waiting for the customer's press.
	OpenDue bool `json:"open_due,omitempty"`
	// Customer is the one that was created for the method.
	Customer       string                  `json:"customer,omitempty"`
	VerifyingSince time.Time               `json:"verifying_since,omitzero"`
	Reminders      int                     `json:"reminders,omitempty"`
	ConsentVersion string                  `json:"consent_version,omitempty"`
	Saved          SavePaymentMethodResult `json:"saved,omitzero"`
}

// savePaymentMethod is one run of the workflow.
type savePaymentMethod struct {
	entity
	in   SavePaymentMethodInput
	st   *setupState
	zone *time.Location
}

// SavePaymentMethod saves one payment method for later off-session charges: it opens a Checkout Session in setup mode,
// waits for the customer, attaches the method and makes it the default. It ends as saved, abandoned or canceled. It fails
// only when its input is wrong.
func SavePaymentMethod(ctx workflow.Context, in SavePaymentMethodInput) (SavePaymentMethodResult, error) {
	s, err := newSavePaymentMethod(ctx, in)
	if err != nil {
		return SavePaymentMethodResult{}, err
	}
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if err := s.handleMessages(ctx); err != nil {
		return SavePaymentMethodResult{}, err
	}
	s.listen(ctx)
	if s.st.Checkouts == 0 && s.in.Notify {
		s.tell(detached, s.message(ctx, activities.NotifySetupLink, "link"))
	}
	again, err := s.mainLoop(detached, s)
	switch {
	case err != nil:
		return SavePaymentMethodResult{}, err
	case again:
		return SavePaymentMethodResult{}, continueAsNew(ctx, TypeSavePaymentMethod, s.carry())
	}
	return s.result(), nil
}

func newSavePaymentMethod(ctx workflow.Context, in SavePaymentMethodInput) (*savePaymentMethod, error) {
	zone, err := loadZone(in.TimeZone)
	if err != nil {
		return nil, err
	}
	if err := checkWorkflowReference(in.Reference); err != nil {
		return nil, invalidInput(err)
	}
	st := in.Carried
	if st == nil {
		st = &setupState{Version: setupStateVersion, State: SetupOpen, StartedAt: workflow.Now(ctx).UTC(), OpenDue: true}
	}
	checkVersion(st.Version, setupStateVersion)
	in.Carried = nil
	s := &savePaymentMethod{in: in, st: st, zone: zone}
	s.entity = entity{entityState: &st.entityState, published: readPublished(ctx)}
	return s, nil
}

func (s *savePaymentMethod) ended() bool { return s.st.State.Ended() }

// actNow opens the session that the workflow starts with, and the one after a method that cannot be used.
func (s *savePaymentMethod) actNow(ctx workflow.Context) bool {
	if !s.st.OpenDue {
		return false
	}
	s.st.OpenDue = false
	s.openSession(ctx)
	return true
}

// followHints re-reads the session, whatever the events were about.
func (s *savePaymentMethod) followHints(ctx workflow.Context) {
	s.st.Hints = nil
	s.st.Poll = 0
	s.poll(ctx)
}

func (s *savePaymentMethod) carry() SavePaymentMethodInput {
	in := s.in
	in.Carried = s.st
	return in
}

func (s *savePaymentMethod) result() SavePaymentMethodResult {
	r := s.st.Saved
	r.State = s.st.State
	return r
}

func (s *savePaymentMethod) nextWake() (time.Time, string) {
	if s.st.State == SetupVerifying {
		return earliest(s.st.PollAt, s.st.VerifyingSince.Add(verifyingPatience)), "ask Stripe about the verification"
	}
	return earliest(s.st.PollAt, s.nextReminder(), s.lastDay()), "customer's time to save a method"
}

func (s *savePaymentMethod) actDue(ctx workflow.Context) {
	now := workflow.Now(ctx)
	reminder := s.nextReminder()
	switch {
	case s.st.State == SetupVerifying && !now.Before(s.st.VerifyingSince.Add(verifyingPatience)),
		s.st.State != SetupVerifying && !now.Before(s.lastDay()):
		s.endWhenClosed(ctx, cmp.Or(s.st.EndAs, SetupAbandoned))
	case !reminder.IsZero() && !now.Before(reminder):
		// After a verification or a long outage one reminder stands for all that were missed.
		for next := reminder; !next.IsZero() && !next.After(now); next = s.nextReminder() {
			s.st.Reminders++
		}
		s.tell(ctx, s.message(ctx, activities.NotifySetupReminder, fmt.Sprintf("%d", s.st.Reminders)))
	default:
		s.poll(ctx)
	}
}

// deadline is until when the customer can save a method.
func (s *savePaymentMethod) deadline() time.Time {
	return s.in.Deadline.After(s.st.StartedAt, s.zone)
}

// lastDay is when the workflow gives up: when the customer's time is over, or later when it is only that Stripe does not
// let us keep what was saved, or close the session.
func (s *savePaymentMethod) lastDay() time.Time {
	last := s.deadline()
	if s.st.State != SetupNeedsAttention || s.st.Session == "" {
		return last
	}
	if verified := s.st.VerifyingSince.Add(verifyingPatience); !s.st.VerifyingSince.IsZero() && verified.After(last) {
		last = verified
	}
	return last.Add(verifyingPatience)
}

// nextReminder is when the customer is reminded next; zero when no more, or there is nobody to tell and nothing to do.
func (s *savePaymentMethod) nextReminder() time.Time {
	if !s.in.Notify || s.st.State != SetupOpen || s.st.Reminders >= len(s.in.Reminders) {
		return time.Time{}
	}
	return s.in.Reminders[s.st.Reminders].After(s.st.StartedAt, s.zone)
}

func (s *savePaymentMethod) linkExpires() time.Time {
	return s.deadline().Add(linkGrace).UTC()
}

func (s *savePaymentMethod) attributes() publishedAttributes {
	a := publishedAttributes{state: string(s.st.State), customer: s.customer()}
	switch s.st.State {
	case SetupOpen, SetupNeedsAttention:
		a.nextAction = s.lastDay()
	case SetupVerifying:
		a.nextAction = s.st.VerifyingSince.Add(verifyingPatience)
	case SetupSaved, SetupAbandoned, SetupCanceled:
	}
	return a
}

// customer is the one the method is, or will be, attached to; "" while it has not been created.
func (s *savePaymentMethod) customer() string {
	if c := s.in.knownCustomer(); c != "" {
		return c
	}
	return s.st.Customer
}

// status answers QueryStatus.
func (s *savePaymentMethod) status() (SetupStatus, error) {
	r := SetupStatus{
		Reference:               s.in.Reference,
		SavePaymentMethodResult: s.result(),
		Reason:                  s.st.Reason,
		Currency:                s.in.Currency,
		TimeZone:                s.in.TimeZone,
		Description:             s.in.Description,
		Owner:                   s.in.Owner,
		Deadline:                s.deadline().UTC(),
		LinkExpires:             s.linkExpires(),
		Audit:                   s.st.Audit,
		Undelivered:             s.st.Undelivered,
	}
	r.Customer = s.customer()
	if !s.st.State.Ended() {
		r.Session = s.st.Session
		r.NextActionAt, _ = s.nextWake()
		r.NextActionAt = r.NextActionAt.UTC()
	}
	return r, nil
}

// message is a message about saving the method. Its id is stable per kind and occasion.
func (s *savePaymentMethod) message(ctx workflow.Context, kind activities.NotificationKind, occasion string) activities.Notification {
	return activities.Notification{
		ID:            fmt.Sprintf("%s:%s:%s", SavePaymentMethodID(s.in.Reference), kind, occasion),
		Kind:          kind,
		WorkflowID:    SavePaymentMethodID(s.in.Reference),
		Reference:     s.in.Reference,
		Customer:      s.customer(),
		At:            workflow.Now(ctx).UTC(),
		State:         string(s.st.State),
		Description:   s.in.Description,
		PaymentMethod: s.st.Saved.PaymentMethod,
		Owner:         s.in.Owner,
		Deadline:      s.deadline().UTC(),
		TimeZone:      s.in.TimeZone,
		Link:          true,
		LinkExpires:   s.linkExpires(),
	}
}

// tellOwner tells the agreement that asked for the method how saving it has ended.
func (s *savePaymentMethod) tellOwner(ctx workflow.Context) {
	if s.in.Owner == "" {
		return
	}
	s.beforeEnd(ctx, "tell owner", func(ctx workflow.Context) {
		err := perform(ctx, ownerOptions, handovers.TellPaymentMethodSaved, activities.PaymentMethodSavedInput{
			Owner:         s.in.Owner,
			Reference:     s.in.Reference,
			State:         string(s.st.State),
			PaymentMethod: s.st.Saved.PaymentMethod,
		})
		if err != nil {
			workflow.GetLogger(ctx).Error("owner not told", "owner", s.in.Owner, "error_type", errorType(err))
		}
	})
}
