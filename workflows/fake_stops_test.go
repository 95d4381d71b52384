package workflows_test

import (
	"context"
	"iter"
	"time"

	"github.com/offsession/offsession/activities"
)

// What may stop an agreement: disputes, mandates, customers and methods that go away, cards that change.

func (f *fakeStripe) Dispute(_ context.Context, id string) (activities.Dispute, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Dispute"); err != nil {
		return activities.Dispute{}, err
	}
	d, ok := f.disputes[id]
	if !ok {
		return activities.Dispute{}, &activities.StripeError{Kind: activities.StripeMissing, Param: "dispute"}
	}
	return *d, nil
}

func (f *fakeStripe) Mandate(_ context.Context, id string) (activities.Mandate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("Mandate"); err != nil {
		return activities.Mandate{}, err
	}
	m, ok := f.mandates[id]
	if !ok {
		return activities.Mandate{}, &activities.StripeError{Kind: activities.StripeMissing, Param: "mandate"}
	}
	return *m, nil
}

func (f *fakeStripe) ListPaymentIntents(_ context.Context, r activities.ListPaymentIntentsRequest) iter.Seq2[activities.PaymentIntent, error] {
	return func(yield func(activities.PaymentIntent, error) bool) {
		list, err := f.listed(r)
		if err != nil {
			yield(activities.PaymentIntent{}, err)
			return
		}
		for _, pi := range list {
			if !yield(pi, nil) {
				return
			}
		}
	}
}

func (f *fakeStripe) listed(r activities.ListPaymentIntentsRequest) ([]activities.PaymentIntent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("ListPaymentIntents"); err != nil {
		return nil, err
	}
	if f.customers[r.Customer] == nil {
		return nil, &activities.StripeError{Kind: activities.StripeMissing, Param: "customer"}
	}
	var list []activities.PaymentIntent
	past := r.After == ""
	for _, id := range f.order {
		pi := *f.intents[id]
		if !past {
			past = id == r.After
			continue
		}
		if pi.Customer != r.Customer {
			continue
		}
		pi.PaymentMethodStamp = "" // as Stripe leaves the method unexpanded
		if !r.Charges {
			pi.ChargedAt, pi.AmountRefunded, pi.Disputed = time.Time{}, 0, false
		}
		list = append(list, pi)
	}
	return list, nil
}

// uncharged is Stripe's no to a method that was detached, or whose customer was deleted: nothing is tried.
func (f *fakeStripe) uncharged(method string) error {
	m := f.methods[method]
	switch {
	case m == nil:
	case m.Customer == "":
		return &activities.StripeError{Kind: activities.StripeMissing, Param: "payment_method"}
	case f.customers[m.Customer] != nil && f.customers[m.Customer].Deleted:
		return &activities.StripeError{Kind: activities.StripeMissing, Param: "customer"}
	}
	return nil
}

// dispute lets the cardholder complain about a payment, and answers the dispute's id.
func (f *fakeStripe) dispute(intent string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	pi := f.intents[intent]
	pi.Disputed = true
	id := f.id("du")
	f.disputes[id] = &activities.Dispute{ID: id, Status: "needs_response", PaymentIntent: intent, Metadata: pi.Metadata}
	return id
}

// mandate gives a method the customer's permission to debit it.
func (f *fakeStripe) mandate(id, method string) {
	f.edit(func() { f.mandates[id] = &activities.Mandate{ID: id, Status: "active", PaymentMethod: method} })
}

// inactivateMandate takes the permission back.
func (f *fakeStripe) inactivateMandate(id string) {
	f.edit(func() { f.mandates[id].Status = "inactive" })
}

// detach takes a method away from its customer. Stripe lets nobody attach or charge it again, and no customer has it as
// default any more.
func (f *fakeStripe) detach(method string) {
	f.edit(func() {
		m := f.methods[method]
		if c := f.customers[m.Customer]; c != nil && c.DefaultPaymentMethod == method {
			c.DefaultPaymentMethod = ""
		}
		m.Customer = ""
	})
}

// deleteCustomer deletes a customer; what is attached to it cannot be charged any more.
func (f *fakeStripe) deleteCustomer(id string) {
	f.edit(func() { f.customers[id].Deleted, f.customers[id].DefaultPaymentMethod = true, "" })
}

// updateCard is the network putting another expiry on a saved card.
func (f *fakeStripe) updateCard(method string, month, year int64) {
	f.edit(func() {
		m := f.methods[method]
		m.ExpMonth, m.ExpYear, m.Stamp = month, year, f.id("stamp")
	})
}
