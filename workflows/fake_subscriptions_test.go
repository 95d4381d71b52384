package workflows_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/offsession/offsession/activities"
)

// fakeSubscription is a subscription, its pending SetupIntent's id and its invoices, newest first.
type fakeSubscription struct {
	activities.Subscription
	pending  string
	invoices []*activities.Invoice
}

// bankWord is what a bank says to one confirmation of a SetupIntent: a status, or a decline.
type bankWord struct {
	status activities.SetupIntentStatus
	codes  activities.Codes
}

func accepts() bankWord { return bankWord{status: activities.SetupIntentSucceeded} }

func asksForMore() bankWord { return bankWord{status: activities.SetupIntentRequiresAction} }

func takesTime() bankWord { return bankWord{status: activities.SetupIntentProcessing} }

func says(code string) bankWord {
	return bankWord{codes: activities.Codes{Code: "card_declined", DeclineCode: code}}
}

// answeredWrite is what Stripe remembers under the key of a write: the values, and the answer.
type answeredWrite struct {
	op, what string
	err      error
}

var (
	_ activities.Subscriptions      = (*fakeStripe)(nil)
	_ activities.Invoices           = (*fakeStripe)(nil)
	_ activities.SubscriptionReader = (*fakeStripe)(nil)
)

func missing(param string) error {
	return &activities.StripeError{Kind: activities.StripeMissing, Param: param}
}

func (f *fakeStripe) Subscription(_ context.Context, id string) (activities.Subscription, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Subscription"); err != nil {
		return activities.Subscription{}, err
	}
	s, ok := f.subscriptions[id]
	if !ok {
		return activities.Subscription{}, missing("id")
	}
	shown := s.Subscription
	if c := f.customers[s.Customer]; c == nil || c.Deleted {
		shown.CustomerDeleted = true
	} else {
		shown.CustomerDefault = c.DefaultPaymentMethod
	}
	if si := f.setups[s.pending]; si != nil {
		expanded := *si
		shown.PendingSetupIntent = &expanded
	}
	return shown, nil
}

func (f *fakeStripe) SetSubscriptionDefaultPaymentMethod(_ context.Context, id, method, key string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.written("SetSubscriptionDefaultPaymentMethod", "default on subscription", key, id+" "+method, func() error {
		s, ok := f.subscriptions[id]
		switch {
		case !ok:
			return missing("id")
		case s.Status.Ended():
			return stripeError(activities.StripeWrongState)
		case f.methods[method] == nil || f.methods[method].Customer != s.Customer:
			return missing("default_payment_method")
		}
		s.DefaultPaymentMethod = method
		return nil
	})
}

func (f *fakeStripe) SubscriptionInvoices(_ context.Context, subscription string) ([]activities.Invoice, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("SubscriptionInvoices"); err != nil {
		return nil, err
	}
	s, ok := f.subscriptions[subscription]
	if !ok {
		return nil, missing("subscription")
	}
	var list []activities.Invoice
	for _, in := range s.invoices[:min(len(s.invoices), 100)] {
		listed := *in
		listed.Payment = ""
		list = append(list, listed)
	}
	return list, nil
}

func (f *fakeStripe) Invoice(_ context.Context, id string) (activities.Invoice, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Invoice"); err != nil {
		return activities.Invoice{}, err
	}
	for _, s := range f.subscriptions {
		for _, in := range s.invoices {
			if in.ID == id {
				return *in, nil
			}
		}
	}
	return activities.Invoice{}, missing("invoice")
}

func (f *fakeStripe) ConfirmSetupIntent(_ context.Context, id, method, key string) (activities.SetupIntent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.written("ConfirmSetupIntent", "confirm", key, id+" "+method, func() error {
		si := f.setups[id]
		switch {
		case si == nil:
			return missing("intent")
		case !cancellable(si.Status):
			return stripeError(activities.StripeWrongState)
		case f.methods[method] == nil || f.methods[method].Customer != si.Customer:
			return missing("payment_method")
		}
		if f.ofSession(id) != nil {
			f.t.Errorf("%s belongs to a session and must not be confirmed", id)
		}
		word := accepts()
		if len(f.bank) > 0 {
			word, f.bank = f.bank[0], f.bank[1:]
		}
		return f.confirmed(si, method, word)
	})
	if err != nil {
		return activities.SetupIntent{}, err
	}
	return *f.setups[id], nil
}

// confirmed is what a bank's word makes of a SetupIntent.
func (f *fakeStripe) confirmed(si *activities.SetupIntent, method string, word bankWord) error {
	if word.status == "" {
		si.Status, si.PaymentMethod, si.NextAction = activities.SetupIntentRequiresPaymentMethod, "", ""
		si.LastError, si.LastErrorMethod = word.codes, method
		return &activities.StripeError{Kind: activities.StripeDeclined, HTTPStatus: 402, Codes: word.codes}
	}
	si.Status, si.PaymentMethod, si.NextAction, si.LastError, si.LastErrorMethod = word.status, method, "", activities.Codes{}, ""
	switch word.status {
	case activities.SetupIntentRequiresAction:
		si.NextAction = "use_stripe_sdk"
	case activities.SetupIntentSucceeded:
		f.waitsNoLonger(si.ID)
	case activities.SetupIntentProcessing, activities.SetupIntentRequiresPaymentMethod,
		activities.SetupIntentRequiresConfirmation, activities.SetupIntentCanceled:
	}
	return nil
}

// waitsNoLonger takes a SetupIntent that has succeeded off its subscription.
func (f *fakeStripe) waitsNoLonger(setupIntent string) {
	for _, s := range f.subscriptions {
		if s.pending == setupIntent {
			s.pending = ""
		}
	}
}

func (f *fakeStripe) SetupIntentsOf(_ context.Context, customer, method string) ([]activities.SetupIntent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("SetupIntentsOf"); err != nil {
		return nil, err
	}
	if f.customers[customer] == nil {
		return nil, missing("customer")
	}
	var list []activities.SetupIntent
	for _, si := range f.setups {
		if si.Customer == customer && si.PaymentMethod == method {
			list = append(list, *si)
		}
	}
	slices.SortFunc(list, func(a, b activities.SetupIntent) int { return idNumber(b.ID) - idNumber(a.ID) })
	return list[:min(len(list), 100)], nil
}

// idNumber is the number in an id: newer objects have higher ones.
func idNumber(id string) int {
	n := 0
	for _, r := range id {
		if r >= '0' && r <= '9' {
			n = 10*n + int(r-'0')
		}
	}
	return n
}

// written carries a write out once per key: a second request with the same key gets the first one's answer. "answer of
// <method>" faults let it through and lose the answer.
func (f *fakeStripe) written(method, op, key, what string, do func() error) error {
	f.write(op, key, what)
	if err := f.enter(method); err != nil {
		return err
	}
	if before, ok := f.answered[key]; ok {
		if before.op != op || before.what != what {
			f.t.Errorf("%s: %s is sent as %s %s and as %s %s", f.now().Format(time.RFC3339), key, before.op, before.what, op, what)
			return stripeError(activities.StripeKeyReused)
		}
		return before.err
	}
	err := do()
	f.answered[key] = answeredWrite{op: op, what: what, err: err}
	if lost := f.answerLost(method); lost != nil {
		return lost
	}
	return err
}

// answerLost is the error that a caller gets instead of the answer; nil when the answer arrives.
func (f *fakeStripe) answerLost(method string) error {
	q := f.faults["answer of "+method]
	if len(q) == 0 {
		return nil
	}
	f.faults["answer of "+method] = q[1:]
	return q[0]
}

func cancellable(status activities.SetupIntentStatus) bool {
	return status == activities.SetupIntentRequiresPaymentMethod || status == activities.SetupIntentRequiresConfirmation ||
		status == activities.SetupIntentRequiresAction
}

// ofSession is the session that made the SetupIntent; nil when there is none.
func (f *fakeStripe) ofSession(setupIntent string) *fakeSession {
	for _, s := range f.sessions {
		if s.SetupIntent != nil && s.SetupIntent.ID == setupIntent {
			return s
		}
	}
	return nil
}

// The hands of customers, banks, apps and of Stripe's billing.

// theSubscription is what the tests watch.
const theSubscription = "sub_1"

// subscribes makes the subscription, active and of cus_1, whose default is pm_card.
func (f *fakeStripe) subscribes(change ...func(*fakeSubscription)) *fakeSubscription {
	s := &fakeSubscription{Subscription: activities.Subscription{
		ID: theSubscription, Customer: "cus_1", Status: activities.SubscriptionActive, Currency: "usd", PeriodEnd: f.now().Add(30 * 24 * time.Hour),
	}}
	f.subscriptions[s.ID] = s
	for _, c := range change {
		c(s)
	}
	return s
}

// subscription is the one that the tests watch.
func (f *fakeStripe) subscription() *fakeSubscription { return f.subscriptions[theSubscription] }

// pends gives the subscription a pending SetupIntent, and answers its id.
func (f *fakeStripe) pends(status activities.SetupIntentStatus) string {
	si := &activities.SetupIntent{ID: f.id("seti"), Customer: f.subscription().Customer, Created: f.now()}
	f.setups[si.ID] = si
	f.subscription().pending = si.ID
	f.turns(si, status)
	return si.ID
}

// turns brings a SetupIntent into a status as the customer or the bank does.
func (f *fakeStripe) turns(si *activities.SetupIntent, status activities.SetupIntentStatus) {
	method := f.subscription().DefaultPaymentMethod
	if c := f.customers[f.subscription().Customer]; method == "" && c != nil {
		method = c.DefaultPaymentMethod
	}
	switch status {
	case activities.SetupIntentRequiresPaymentMethod:
		if si.PaymentMethod != "" {
			method = si.PaymentMethod
		}
		word := bankWord{codes: activities.Codes{Code: "setup_intent_authentication_failure"}}
		if method == "" {
			word.codes = activities.Codes{} // nothing was ever tried
		}
		_ = f.confirmed(si, method, word)
	case activities.SetupIntentRequiresConfirmation, activities.SetupIntentRequiresAction, activities.SetupIntentProcessing,
		activities.SetupIntentSucceeded:
		_ = f.confirmed(si, method, bankWord{status: status})
	case activities.SetupIntentCanceled:
		si.Status = status
	}
}

// pendingSetup is the SetupIntent that the subscription waits for; nil when none.
func (f *fakeStripe) pendingSetup() *activities.SetupIntent {
	return f.setups[f.subscription().pending]
}

// bills makes an invoice, the newest.
func (f *fakeStripe) bills(in activities.Invoice) *activities.Invoice {
	s := f.subscription()
	in.ID, in.Currency = f.id("in"), s.Currency
	if in.AmountDue == 0 && in.Status == "" {
		in.Status = activities.InvoicePaid
	}
	if in.Status == activities.InvoicePaid && in.PaidAt.IsZero() {
		in.PaidAt = f.now()
	}
	s.invoices = append([]*activities.Invoice{&in}, s.invoices...)
	return &in
}

// describeSubscription is what Stripe holds of it, for a failed property.
func (f *fakeStripe) describeSubscription() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.subscription()
	if s == nil {
		return "no subscription"
	}
	text := fmt.Sprintf("%+v pending %s\n", s.Subscription, s.pending)
	for _, in := range s.invoices {
		text += fmt.Sprintf("%+v\n", *in)
	}
	for _, si := range f.setups {
		text += fmt.Sprintf("%+v\n", *si)
	}
	for _, w := range f.writes {
		text += fmt.Sprintf("%s %s %s %s\n", w.At.Format(time.RFC3339), w.Op, w.Key, w.What)
	}
	return text
}

// setupIDs are those of all SetupIntents, oldest first.
func (f *fakeStripe) setupIDs() []string {
	return slices.SortedFunc(maps.Keys(f.setups), func(a, b string) int { return idNumber(a) - idNumber(b) })
}
