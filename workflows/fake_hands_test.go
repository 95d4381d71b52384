package workflows_test

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/offsession/offsession/activities"
)

// The hands of customers, banks and people at Stripe's dashboard, and what a test can see.

// edit changes any object under the lock.
func (f *fakeStripe) edit(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	change()
}

// openSession is the session that the customer sees; nil when none is open.
func (f *fakeStripe) openSession() *fakeSession {
	for _, s := range f.sessions {
		if s.Status == activities.CheckoutOpen && s.seen && s.ExpiresAt.After(f.now()) {
			return s
		}
	}
	return nil
}

// pay lets the customer try to pay in the open session; requires_payment_method is a declined try, after which the
// session stays open. It reports whether there was a session.
func (f *fakeStripe) pay(reference string, status activities.PaymentIntentStatus) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	s := f.openSession()
	if s == nil || s.Mode != activities.CheckoutModePayment {
		return false
	}
	if s.PaymentIntent == nil {
		s.PaymentIntent = &activities.PaymentIntent{
			ID: f.id("pi"), Amount: 1099, Currency: "usd", Customer: s.Customer, Created: f.now(),
			Metadata: map[string]string{activities.MetadataReference: reference},
		}
		f.add(s.PaymentIntent)
	}
	pi := s.PaymentIntent
	pi.Status, pi.PaymentMethod = status, "pm_buyer"
	switch status {
	case activities.PaymentIntentSucceeded, activities.PaymentIntentProcessing:
		pi.LatestCharge, pi.ChargedAt = f.id("ch"), f.now()
		s.Status, s.Paid = activities.CheckoutComplete, status == activities.PaymentIntentSucceeded
	case activities.PaymentIntentRequiresPaymentMethod:
		pi.LatestCharge, pi.ChargedAt = f.id("ch"), f.now()
		pi.LastError = activities.Codes{Code: "card_declined", DeclineCode: "generic_decline"}
	case activities.PaymentIntentRequiresAction, activities.PaymentIntentRequiresConfirmation,
		activities.PaymentIntentRequiresCapture, activities.PaymentIntentCanceled:
	}
	return true
}

// bankAnswers settles everything that a bank works on.
func (f *fakeStripe) bankAnswers(ok bool) {
	f.edit(func() {
		for id, pi := range f.intents {
			if pi.Status != activities.PaymentIntentProcessing {
				continue
			}
			pi.Status = activities.PaymentIntentRequiresPaymentMethod
			pi.LastError = activities.Codes{Code: "payment_intent_payment_attempt_failed", DeclineCode: "insufficient_funds"}
			if ok {
				pi.Status, pi.LastError = activities.PaymentIntentSucceeded, activities.Codes{}
			}
			if s := f.owner(id); s != nil {
				s.Paid = ok
			}
		}
	})
}

// known puts a PaymentIntent of an earlier life of the reference into the account.
func (f *fakeStripe) known(status activities.PaymentIntentStatus, change ...func(*activities.PaymentIntent)) *activities.PaymentIntent {
	pi := &activities.PaymentIntent{
		ID: f.id("pi"), Status: status, Amount: 1099, Currency: "usd", Customer: "cus_1", Created: f.now(), PaymentMethod: "pm_card",
		PaymentMethodStamp: "stamp1", Metadata: map[string]string{activities.MetadataReference: "inv-1"},
	}
	if status == activities.PaymentIntentSucceeded || status == activities.PaymentIntentProcessing {
		pi.LatestCharge, pi.ChargedAt = f.id("ch"), f.now()
	}
	for _, c := range change {
		c(pi)
	}
	f.add(pi)
	return pi
}

// saves lets the customer finish the open setup session.
func (f *fakeStripe) saves(status activities.SetupIntentStatus, method string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	s := f.openSession()
	if s == nil {
		return false
	}
	s.Status = activities.CheckoutComplete
	s.SetupIntent.Status, s.SetupIntent.PaymentMethod, s.SetupIntent.Mandate = status, method, "mandate_1"
	if _, ok := f.methods[method]; !ok && method != "" {
		f.methods[method] = &activities.PaymentMethod{ID: method, Type: "card", Customer: s.Customer, Brand: "visa", Last4: "4242", ExpMonth: 12, ExpYear: 2031}
	}
	return true
}

// openWays counts what can still take money.
func (f *fakeStripe) openWays() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	return len(slices.DeleteFunc(f.payable("", ""), func(id string) bool {
		pi := f.intents[id]
		return pi != nil && pi.Status == activities.PaymentIntentSucceeded
	}))
}

// taken sums what was charged and not refunded.
func (f *fakeStripe) taken() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	var sum int64
	for _, pi := range f.intents {
		if pi.Status == activities.PaymentIntentSucceeded {
			sum += pi.Amount - pi.AmountRefunded
		}
	}
	return sum
}

func (f *fakeStripe) keysSent() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	keys := make([]string, len(f.sends))
	for i, s := range f.sends {
		keys[i] = s.Key
	}
	return keys
}

// called counts the calls of a port method.
func (f *fakeStripe) called(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.calls {
		if c == method {
			n++
		}
	}
	return n
}

// told lists the messages delivered by time; those of one moment by id, since they go out at once.
func (f *fakeStripe) told() []activities.NotificationKind {
	f.mu.Lock()
	defer f.mu.Unlock()
	sort.Stable(byTime{f})
	kinds := make([]activities.NotificationKind, len(f.deliveries))
	for i, n := range f.deliveries {
		kinds[i] = n.Kind
	}
	return kinds
}

type byTime struct{ f *fakeStripe }

func (s byTime) Len() int { return len(s.f.deliveries) }

func (s byTime) Less(i, j int) bool {
	if !s.f.delivered[i].Equal(s.f.delivered[j]) {
		return s.f.delivered[i].Before(s.f.delivered[j])
	}
	return s.f.deliveries[i].ID < s.f.deliveries[j].ID
}

func (s byTime) Swap(i, j int) {
	s.f.deliveries[i], s.f.deliveries[j] = s.f.deliveries[j], s.f.deliveries[i]
	s.f.delivered[i], s.f.delivered[j] = s.f.delivered[j], s.f.delivered[i]
}

// describe is what Stripe holds, for a failed property.
func (f *fakeStripe) describe() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var text strings.Builder
	for _, id := range f.order {
		pi := f.intents[id]
		fmt.Fprintf(&text, "%s %s refunded %d", id, pi.Status, pi.AmountRefunded)
		if s := f.owner(id); s != nil {
			fmt.Fprintf(&text, " of %s", s.ID)
		}
		text.WriteString("\n")
	}
	for id, s := range f.sessions {
		fmt.Fprintf(&text, "%s %s until %s\n", id, s.Status, s.ExpiresAt)
	}
	for _, s := range f.sends {
		fmt.Fprintf(&text, "%s %s %s %s\n", s.At, s.Key, s.PaymentIntent, s.PaymentMethod)
	}
	return text.String()
}
