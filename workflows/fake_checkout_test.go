package workflows_test

import (
	"context"
	"fmt"
	"time"

	"github.com/offsession/offsession/activities"
)

const sessionLeast = 30 * time.Minute

func (f *fakeStripe) CreateCheckoutSession(_ context.Context, r activities.CreateCheckoutSessionRequest) (activities.CheckoutSession, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opened = append(f.opened, r)
	f.write("open", r.IdempotencyKey, fmt.Sprint(r))
	if err := f.enter("CreateCheckoutSession"); err != nil {
		return activities.CheckoutSession{}, err
	}
	for _, s := range f.sessions {
		if s.key == r.IdempotencyKey {
			s.seen = true
			return f.copySession(s), nil
		}
	}
	expires := r.ExpiresAt
	switch c := f.customers[r.Customer]; {
	case r.Customer != "" && (c == nil || c.Deleted):
		return activities.CheckoutSession{}, missing("customer")
	case expires.IsZero():
		expires = f.now().Add(24 * time.Hour)
	case expires.Before(f.now().Add(sessionLeast)):
		return activities.CheckoutSession{}, &activities.StripeError{Kind: activities.StripeInvalid, Param: "expires_at"}
	}
	s := &fakeSession{key: r.IdempotencyKey, CheckoutSession: activities.CheckoutSession{
		ID: f.id("cs"), Mode: r.Mode, Status: activities.CheckoutOpen, Customer: r.Customer, ExpiresAt: expires,
	}}
	if r.Mode == activities.CheckoutModeSetup {
		if open := f.openSession(); open != nil {
			f.t.Errorf("%s: a second session opens while %s is open", f.now().Format(time.RFC3339), open.ID)
		}
		s.SetupIntent = &activities.SetupIntent{
			ID: f.id("seti"), Status: activities.SetupIntentRequiresPaymentMethod, Customer: r.Customer,
			WorkflowID: r.Metadata[activities.MetadataWorkflowID], Created: f.now(),
		}
		f.setups[s.SetupIntent.ID] = s.SetupIntent
	} else {
		f.opens(s.ID, "")
	}
	f.sessions[s.ID] = s
	if err := f.answerLost("CreateCheckoutSession"); err != nil {
		return activities.CheckoutSession{}, err
	}
	s.seen = true
	return f.copySession(s), nil
}

// copySession is what an answer contains: nothing that changes later.
func (f *fakeStripe) copySession(s *fakeSession) activities.CheckoutSession {
	cp := s.CheckoutSession
	if s.PaymentIntent != nil {
		pi := *s.PaymentIntent
		cp.PaymentIntent = &pi
	}
	if s.SetupIntent != nil {
		si := *s.SetupIntent
		cp.SetupIntent = &si
	}
	return cp
}

func (f *fakeStripe) CheckoutSession(_ context.Context, id string) (activities.CheckoutSession, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("CheckoutSession"); err != nil {
		return activities.CheckoutSession{}, err
	}
	s, ok := f.sessions[id]
	if !ok {
		return activities.CheckoutSession{}, &activities.StripeError{Kind: activities.StripeMissing, Param: "session"}
	}
	return f.copySession(s), nil
}

func (f *fakeStripe) CheckoutSessionsByPaymentIntent(_ context.Context, intent string) ([]activities.CheckoutSession, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("CheckoutSessionsByPaymentIntent"); err != nil {
		return nil, err
	}
	if s := f.owner(intent); s != nil {
		return []activities.CheckoutSession{f.copySession(s)}, nil
	}
	return nil, nil
}

func (f *fakeStripe) ExpireCheckoutSession(_ context.Context, id, key string) (activities.CheckoutSession, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closes = append(f.closes, key)
	f.write("expire", key, id)
	if err := f.enter("ExpireCheckoutSession"); err != nil {
		return activities.CheckoutSession{}, err
	}
	s := f.sessions[id]
	if s.Status != activities.CheckoutOpen {
		return activities.CheckoutSession{}, stripeError(activities.StripeWrongState)
	}
	s.Status = activities.CheckoutExpired
	return f.copySession(s), f.answerLost("ExpireCheckoutSession")
}

func (f *fakeStripe) SetupIntent(_ context.Context, id string) (activities.SetupIntent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("SetupIntent"); err != nil {
		return activities.SetupIntent{}, err
	}
	si, ok := f.setups[id]
	if !ok {
		return activities.SetupIntent{}, missing("intent")
	}
	return *si, nil
}

func (f *fakeStripe) CancelSetupIntent(_ context.Context, id, key string) (activities.SetupIntent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closes = append(f.closes, key)
	f.write("cancel", key, id)
	if err := f.enter("CancelSetupIntent"); err != nil {
		return activities.SetupIntent{}, err
	}
	si := f.setups[id]
	if si == nil {
		return activities.SetupIntent{}, missing("intent")
	}
	if s := f.ofSession(id); s != nil && s.Status == activities.CheckoutOpen {
		return activities.SetupIntent{}, stripeError(activities.StripeWrongState)
	}
	switch si.Status {
	case activities.SetupIntentSucceeded, activities.SetupIntentProcessing, activities.SetupIntentCanceled:
		return activities.SetupIntent{}, stripeError(activities.StripeWrongState)
	case activities.SetupIntentRequiresPaymentMethod, activities.SetupIntentRequiresConfirmation, activities.SetupIntentRequiresAction:
	}
	si.Status = activities.SetupIntentCanceled
	return *si, f.answerLost("CancelSetupIntent")
}

func (f *fakeStripe) PaymentMethod(_ context.Context, id string) (activities.PaymentMethod, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("PaymentMethod"); err != nil {
		return activities.PaymentMethod{}, err
	}
	m, ok := f.methods[id]
	if !ok {
		return activities.PaymentMethod{}, &activities.StripeError{Kind: activities.StripeMissing, Param: "payment_method"}
	}
	return *m, nil
}

func (f *fakeStripe) AttachPaymentMethod(_ context.Context, id, customer, key string) (activities.PaymentMethod, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.write("attach", key, id+" "+customer)
	if err := f.enter("AttachPaymentMethod"); err != nil {
		return activities.PaymentMethod{}, err
	}
	if c := f.customers[customer]; c == nil || c.Deleted {
		return activities.PaymentMethod{}, &activities.StripeError{Kind: activities.StripeMissing, Param: "customer"}
	}
	f.methods[id].Customer = customer
	return *f.methods[id], nil
}

func (f *fakeStripe) Customer(_ context.Context, id string) (activities.Customer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Customer"); err != nil {
		return activities.Customer{}, err
	}
	c, ok := f.customers[id]
	if !ok {
		return activities.Customer{}, &activities.StripeError{Kind: activities.StripeMissing, Param: "customer"}
	}
	return *c, nil
}

func (f *fakeStripe) CreateCustomer(_ context.Context, metadata map[string]string, key string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.write("create", key, fmt.Sprint(metadata))
	if err := f.enter("CreateCustomer"); err != nil {
		return "", err
	}
	if made := f.created[key]; made != "" {
		return made, nil
	}
	id := f.id("cus_new")
	f.customers[id], f.created[key] = &activities.Customer{ID: id}, id
	return id, f.answerLost("CreateCustomer")
}

func (f *fakeStripe) SetDefaultPaymentMethod(_ context.Context, customer, method, key string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.write("default", key, customer+" "+method)
	if err := f.enter("SetDefaultPaymentMethod"); err != nil {
		return err
	}
	c := f.customers[customer]
	switch {
	case c == nil || c.Deleted:
		return missing("customer")
	case f.methods[method] == nil || f.methods[method].Customer != customer:
		return missing("invoice_settings[default_payment_method]")
	}
	c.DefaultPaymentMethod = method
	return f.answerLost("SetDefaultPaymentMethod")
}

func (f *fakeStripe) CustomerContact(context.Context, string) (activities.CustomerContact, error) {
	return activities.CustomerContact{}, nil
}

// write notes a request that changes something around a setup.
func (f *fakeStripe) write(op, key, what string) {
	f.writes = append(f.writes, write{At: f.now(), Op: op, Key: key, What: what})
}
