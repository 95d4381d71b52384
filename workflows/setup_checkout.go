package workflows

import (
	"cmp"
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

// nextActionMicrodeposits is a SetupIntent that waits for the customer to name the amounts they received.
const nextActionMicrodeposits = "verify_with_microdeposits"

// openSession opens a Checkout Session in setup mode; none is open.
func (s *savePaymentMethod) openSession(ctx workflow.Context) {
	s.st.Checkouts++
	id := SavePaymentMethodID(s.in.Reference)
	res, err := execute(ctx, setupSessionOptions, checkouts.OpenCheckoutSession, activities.OpenCheckoutInput{
		Mode:               activities.CheckoutModeSetup,
		UI:                 s.in.CheckoutUI,
		WorkflowID:         id,
		Reference:          s.in.Reference,
		Owner:              s.in.Owner,
		Customer:           s.in.Customer,
		Currency:           s.in.Currency,
		PaymentMethodTypes: s.in.PaymentMethodTypes,
		LinkExpires:        s.linkExpires().Truncate(time.Second),
		IdempotencyKey:     fmt.Sprintf("%s:open_checkout:%d", id, s.st.Checkouts),
	})
	if err != nil || res.Refused != "" {
		// No session: the next press, or the next poll, takes the next key.
		reason := res.Refused
		if err != nil {
			reason = attentionReason(err)
		}
		s.attention(ctx, reason)
		return
	}
	s.st.Session, s.st.OpenedAt = res.Session, workflow.Now(ctx).UTC()
	if s.st.State == SetupNeedsAttention {
		s.st.State, s.st.Reason = SetupOpen, ""
	}
	s.restartPolls(ctx, s.in.Reference)
}

// attention leaves the setup to a person. What could not be done, opening or closing a session or keeping what was saved,
// is tried again at the polls.
func (s *savePaymentMethod) attention(ctx workflow.Context, reason string) {
	if s.st.State != SetupNeedsAttention {
		s.restartPolls(ctx, s.in.Reference)
	}
	s.st.State, s.st.Reason = SetupNeedsAttention, reason
	workflow.GetLogger(ctx).Warn("saving a payment method needs attention", "attention", reason)
}

// poll reads the session and follows what it has become.
func (s *savePaymentMethod) poll(ctx workflow.Context) {
	s.polled(ctx, s.in.Reference)
	switch {
	case s.st.EndAs != "":
		s.endWhenClosed(ctx, s.st.EndAs)
		return
	case s.st.Session == "" && s.st.State == SetupNeedsAttention:
		s.openSession(ctx)
		return
	case s.st.Session == "":
		s.st.PollAt = time.Time{}
		return
	}
	r, err := execute(ctx, readOptions, setups.ReadSetup, s.st.Session)
	if err != nil {
		workflow.GetLogger(ctx).Warn("session not read", "error_type", errorType(err))
		return
	}
	s.follow(ctx, r)
}

// follow moves on by what a reading of the session shows.
func (s *savePaymentMethod) follow(ctx workflow.Context, r activities.SetupReading) {
	switch r.SessionStatus {
	case activities.CheckoutOpen:
	case activities.CheckoutExpired:
		s.sessionOver()
	case activities.CheckoutComplete:
		switch {
		case r.Status == activities.SetupIntentSucceeded:
			s.keep(ctx, r)
		case beingVerified(r):
			s.verify(ctx)
		default:
			s.askAgain(ctx, cmp.Or(r.Reason(), activities.CodePaymentMethodUnusable))
		}
	}
}

// beingVerified: the bank, or the customer with the amounts received, still has to confirm.
func beingVerified(r activities.SetupReading) bool {
	return r.SessionStatus == activities.CheckoutComplete && (r.Status == activities.SetupIntentProcessing ||
		r.Status == activities.SetupIntentRequiresAction && r.NextAction == nextActionMicrodeposits)
}

// sessionOver: the customer's next press opens a new session.
func (s *savePaymentMethod) sessionOver() {
	s.st.Session, s.st.PollAt = "", time.Time{}
}

// verify waits for the bank, or for the customer to confirm microdeposits.
func (s *savePaymentMethod) verify(ctx workflow.Context) {
	if s.st.State == SetupVerifying {
		return
	}
	s.st.State, s.st.Reason, s.st.EndAs = SetupVerifying, "", ""
	s.st.VerifyingSince = workflow.Now(ctx).UTC()
	s.restartPolls(ctx, s.in.Reference)
}

// askAgain goes back to open with a new session, while there is time: what was saved cannot be used.
func (s *savePaymentMethod) askAgain(ctx workflow.Context, reason string) {
	s.sessionOver()
	s.st.State, s.st.Reason, s.st.VerifyingSince = SetupOpen, reason, time.Time{}
	s.st.OpenDue = workflow.Now(ctx).Before(s.deadline())
}

// keep makes sure that the saved method belongs to the customer, makes it the default, and ends.
func (s *savePaymentMethod) keep(ctx workflow.Context, r activities.SetupReading) {
	if r.Method.ID == "" {
		s.askAgain(ctx, activities.CodePaymentMethodUnusable)
		return
	}
	customer, err := s.ensureCustomer(ctx)
	if err != nil {
		s.attention(ctx, attentionReason(err))
		return
	}
	method := r.Method
	switch {
	case method.Customer == customer:
	case method.Customer != "" || s.in.Customer != "":
		// Attached to somebody else, or detached right after Stripe attached it: Stripe does not let it be used again.
		s.askAgain(ctx, activities.CodePaymentMethodUnusable)
		return
	default:
		res, err := execute(ctx, writeOptions, setups.AttachPaymentMethod, activities.AttachInput{
			PaymentMethod: method.ID, Customer: customer, IdempotencyKey: s.writeKey("attach"),
		})
		if err != nil {
			s.attention(ctx, attentionReason(err))
			return
		}
		if res.Refused != "" {
			s.askAgain(ctx, res.Refused)
			return
		}
		method = res.Method
	}
	if !s.in.KeepDefault {
		err := perform(ctx, writeOptions, setups.SetDefaultPaymentMethod, activities.SetDefaultInput{
			Customer: customer, PaymentMethod: method.ID, IdempotencyKey: s.writeKey("set_default"),
		})
		if err != nil {
			s.attention(ctx, attentionReason(err))
			return
		}
	}
	s.st.Saved = SavePaymentMethodResult{
		Customer: customer, PaymentMethod: method.ID, Type: method.Type, Brand: method.Brand, Last4: method.Last4,
		ExpMonth: method.ExpMonth, ExpYear: method.ExpYear, Mandate: r.Mandate, ConsentVersion: s.st.ConsentVersion,
	}
	s.end(ctx, SetupSaved)
}

// ensureCustomer answers the customer to attach to, creating one when the input asks for it.
func (s *savePaymentMethod) ensureCustomer(ctx workflow.Context) (string, error) {
	if c := s.customer(); c != "" {
		return c, nil
	}
	id := SavePaymentMethodID(s.in.Reference)
	c, err := execute(ctx, writeOptions, setups.CreateCustomer, activities.CreateCustomerInput{
		WorkflowID: id, Reference: s.in.Reference, IdempotencyKey: fmt.Sprintf("%s:create_customer:%d", id, s.st.SpentKeys+1),
	})
	if err != nil {
		// A lost answer may have made one: the same key finds it, as long as the key is good for anything.
		if attentionReason(err) == ReasonStripeFaults {
			s.st.SpentKeys++
		}
		return "", err
	}
	s.st.Customer = c
	return c, nil
}

// writeKey is a new key for a write.
func (s *savePaymentMethod) writeKey(operation string) string {
	s.st.Writes++
	return fmt.Sprintf("%s:%s:%d", SavePaymentMethodID(s.in.Reference), operation, s.st.Writes)
}

// endWhenClosed ends without a saved method, once the session is closed: a method saved meanwhile wins. What cannot be
// closed is tried again at the polls.
func (s *savePaymentMethod) endWhenClosed(ctx workflow.Context, as SetupState) {
	if s.st.Session == "" {
		s.end(ctx, as)
		return
	}
	s.st.EndAs = as
	// What the customer finished in time is verified after the deadline, also when no webhook told of it.
	inTime := as == SetupAbandoned && s.st.VerifyingSince.IsZero()
	r, err := execute(ctx, closeOptions, setups.CloseSetup, activities.CloseSetupInput{
		Session: s.st.Session, SessionOnly: inTime, IdempotencyKey: s.writeKey("close"),
	})
	switch {
	case err != nil:
		s.notClosed(ctx, attentionReason(err))
	case r.SessionStatus == activities.CheckoutOpen:
		s.notClosed(ctx, ReasonStripeFaults)
	case r.SessionStatus == activities.CheckoutComplete && r.Status == activities.SetupIntentSucceeded:
		s.keep(ctx, r)
		if s.st.State.Ended() || as == SetupAbandoned && s.st.State == SetupNeedsAttention && workflow.Now(ctx).Before(s.lastDay()) {
			return
		}
		// What was saved cannot be used or kept, and the time is over.
		s.st.OpenDue = false
		s.end(ctx, as)
	case inTime && beingVerified(r):
		s.verify(ctx)
	default:
		s.end(ctx, as)
	}
}

// notClosed waits for the session to be closed, but not for ever: it cannot take money, and expires by itself.
func (s *savePaymentMethod) notClosed(ctx workflow.Context, reason string) {
	s.attention(ctx, reason)
	if !workflow.Now(ctx).Before(s.lastDay()) {
		workflow.GetLogger(ctx).Warn("session not closed", "session_id", s.st.Session)
		s.end(ctx, s.st.EndAs)
	}
}

// end closes the books.
func (s *savePaymentMethod) end(ctx workflow.Context, as SetupState) {
	s.st.State, s.st.Reason, s.st.EndAs = as, "", ""
	s.sessionOver()
	if as == SetupSaved && s.in.Events == EventsAll {
		n := s.message(ctx, activities.NotifyCardSaved, "saved")
		n.Link, n.LinkExpires = false, time.Time{}
		s.tell(ctx, n)
	}
	s.tellOwner(ctx)
}
