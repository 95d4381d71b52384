package workflows_test

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/dunning"
)

// answer is the bank's word on one attempt, and how it comes back.
type answer struct {
	status activities.PaymentIntentStatus
	codes  activities.Codes
	kind   activities.StripeErrorKind
	param  string
	// lost: Stripe carries the request out, but the answer does not arrive. dropped: it does not arrive at Stripe.
	lost, dropped bool
	// delay: the connection is lost at once, and Stripe carries the request out so much later.
	delay time.Duration
	// fault: Stripe answers 500 and stores that, whether or not it has carried the request out.
	fault bool
	// bare: the error does not name the PaymentIntent.
	bare bool
	// during runs while the charge is under way.
	during func()
}

// send is one request to charge, as Stripe saw it.
type send struct {
	At            time.Time
	Key           string
	PaymentIntent string
	PaymentMethod string
	Metadata      map[string]string
}

func approved() answer { return answer{status: activities.PaymentIntentSucceeded} }

func declinedWith(code string) answer {
	return answer{kind: activities.StripeDeclined, codes: activities.Codes{Code: "card_declined", DeclineCode: code}}
}

func authRequired() answer {
	return answer{kind: activities.StripeDeclined, codes: activities.Codes{Code: "authentication_required", DeclineCode: "authentication_required"}}
}

func bankDebit() answer { return answer{status: activities.PaymentIntentProcessing} }

func wantsAction() answer { return answer{status: activities.PaymentIntentRequiresAction} }

func failsWith(kind activities.StripeErrorKind) answer { return answer{kind: kind} }

func lostAfter(a answer) answer { a.lost = true; return a }

func lateBy(d time.Duration, a answer) answer { a.delay = d; return a }

func storedFault(a answer) answer { a.fault = true; return a }

func dropped() answer { return answer{dropped: true} }

func while(a answer, do func()) answer { a.during = do; return a }

func (f *fakeStripe) CreatePaymentIntent(_ context.Context, r activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error) {
	return f.charge(r.IdempotencyKey, r.PaymentMethod, "", r.Metadata, func() *activities.PaymentIntent {
		id := f.id("pi")
		f.opens(id, r.Metadata[activities.MetadataReference])
		pi := &activities.PaymentIntent{
			ID: id, Status: activities.PaymentIntentRequiresConfirmation, Amount: r.Amount, Currency: r.Currency,
			Customer: r.Customer, Created: f.now(), Metadata: maps.Clone(r.Metadata),
		}
		f.add(pi)
		return pi
	})
}

func (f *fakeStripe) ConfirmPaymentIntent(_ context.Context, r activities.ConfirmPaymentIntentRequest) (activities.PaymentIntent, error) {
	return f.charge(r.IdempotencyKey, r.PaymentMethod, r.PaymentIntent, nil, func() *activities.PaymentIntent {
		if f.owner(r.PaymentIntent) != nil {
			f.t.Errorf("%s belongs to a session and must not be confirmed", r.PaymentIntent)
		}
		f.opens(r.PaymentIntent, f.intents[r.PaymentIntent].Metadata[activities.MetadataReference])
		return f.intents[r.PaymentIntent]
	})
}

func (f *fakeStripe) add(pi *activities.PaymentIntent) {
	f.intents[pi.ID] = pi
	f.order = append([]string{pi.ID}, f.order...)
}

func (f *fakeStripe) charge(key, method, intent string, metadata map[string]string, target func() *activities.PaymentIntent) (activities.PaymentIntent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	f.sends = append(f.sends, send{At: f.now(), Key: key, PaymentIntent: intent, PaymentMethod: method, Metadata: metadata})
	sent := len(f.sends) - 1
	if err := f.down["charge"]; err != nil {
		return activities.PaymentIntent{}, err
	}
	if stored, ok := f.keys[key]; ok {
		switch {
		case stored.params != intent+" "+method:
			return activities.PaymentIntent{}, stripeError(activities.StripeKeyReused)
		case stored.running:
			return activities.PaymentIntent{}, stripeError(activities.StripeKeyInUse)
		case stored.fault:
			return activities.PaymentIntent{}, stripeError(activities.StripeStoredFault)
		}
		return stored.res, stored.err
	}
	if err := f.uncharged(method); err != nil {
		return activities.PaymentIntent{}, err
	}
	a := approved()
	if len(f.script) > 0 {
		a, f.script = f.script[0], f.script[1:]
	}
	if a.during != nil {
		f.mu.Unlock()
		a.during()
		f.mu.Lock()
	}
	if a.dropped {
		return activities.PaymentIntent{}, stripeError(activities.StripeUnknown)
	}
	if a.kind != "" && a.kind != activities.StripeDeclined {
		refusal := &activities.StripeError{Kind: a.kind, Codes: a.codes, Param: a.param}
		if pi := f.intents[intent]; pi != nil {
			// As Stripe shows it: with the method of the attempt before.
			shown := *pi
			refusal.PaymentIntent = &shown
		}
		return activities.PaymentIntent{}, refusal
	}
	f.refuseFinalNo(method, key)
	stored := &storedAnswer{params: intent + " " + method, running: true}
	f.keys[key] = stored
	execute := func() {
		stored.running, stored.fault = false, a.fault
		if a.status == "" && a.kind == "" {
			return // a fault before anything was carried out
		}
		pi := target()
		f.sends[sent].PaymentIntent = pi.ID
		stored.res, stored.err = f.apply(pi, method, a)
	}
	if a.delay > 0 {
		f.late = append(f.late, lateRequest{due: f.now().Add(a.delay), run: execute})
		return activities.PaymentIntent{}, stripeError(activities.StripeUnknown)
	}
	execute()
	if a.lost || a.fault {
		return activities.PaymentIntent{}, stripeError(activities.StripeUnknown)
	}
	return stored.res, stored.err
}

// apply is what a confirm does to a PaymentIntent.
func (f *fakeStripe) apply(pi *activities.PaymentIntent, method string, a answer) (activities.PaymentIntent, error) {
	switch pi.Status {
	case activities.PaymentIntentSucceeded, activities.PaymentIntentCanceled, activities.PaymentIntentProcessing, activities.PaymentIntentRequiresCapture:
		cp := *pi
		return activities.PaymentIntent{}, &activities.StripeError{Kind: activities.StripeWrongState, PaymentIntent: &cp}
	case activities.PaymentIntentRequiresPaymentMethod, activities.PaymentIntentRequiresConfirmation, activities.PaymentIntentRequiresAction:
	}
	pi.PaymentMethod, pi.PaymentMethodStamp = method, f.stamp(method)
	if a.kind == activities.StripeDeclined {
		// A second authentication refusal in a row leaves no trace: with its answer lost, nobody can know of it.
		again := pi.LastError == a.codes && a.codes.Code == "authentication_required"
		pi.Status, pi.LastError = activities.PaymentIntentRequiresPaymentMethod, a.codes
		if a.codes.Code != "authentication_required" {
			pi.LatestCharge, pi.ChargedAt = f.id("ch"), f.now()
		}
		class, _ := dunning.ClassOf(dunning.Failure{Outcome: dunning.OutcomeDeclined, Code: a.codes.Code, DeclineCode: a.codes.DeclineCode, AdviceCode: a.codes.AdviceCode})
		if !class.Retryable() && !again {
			f.finalNo[f.cardOf(method, pi.Metadata[activities.MetadataReference])] = true
		}
		if a.bare {
			return activities.PaymentIntent{}, &activities.StripeError{Kind: activities.StripeDeclined, Codes: a.codes}
		}
		cp := *pi
		return activities.PaymentIntent{}, &activities.StripeError{Kind: activities.StripeDeclined, Codes: a.codes, PaymentIntent: &cp}
	}
	pi.Status, pi.LastError = a.status, activities.Codes{}
	if a.status == activities.PaymentIntentSucceeded || a.status == activities.PaymentIntentProcessing {
		pi.LatestCharge, pi.ChargedAt = f.id("ch"), f.now()
	}
	return *pi, nil
}

func (f *fakeStripe) stamp(method string) string {
	if m := f.methods[method]; m != nil {
		return m.Stamp
	}
	return ""
}

// cardOf is a card with its present data, as one payment sees it: the next month's payment may try a card again that
// refused this one.
func (f *fakeStripe) cardOf(method, reference string) string {
	return method + " " + f.stamp(method) + " " + reference
}

// refuseFinalNo fails the test when a card is charged again that has said a final no.
func (f *fakeStripe) refuseFinalNo(method, key string) {
	if f.finalNo[f.cardOf(method, strings.Split(key, ":")[1])] {
		f.t.Errorf("%s: %s is charged again after a final no", f.now().Format(time.RFC3339), method)
	}
}

func (f *fakeStripe) PaymentIntent(_ context.Context, id string) (activities.PaymentIntent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("PaymentIntent"); err != nil {
		return activities.PaymentIntent{}, err
	}
	pi, ok := f.intents[id]
	if !ok {
		return activities.PaymentIntent{}, &activities.StripeError{Kind: activities.StripeMissing, Param: "intent"}
	}
	return *pi, nil
}

func (f *fakeStripe) PaymentIntentsByReference(_ context.Context, customer, reference string) ([]activities.PaymentIntent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("PaymentIntentsByReference"); err != nil {
		return nil, err
	}
	if f.customers[customer] == nil {
		return nil, &activities.StripeError{Kind: activities.StripeMissing, Param: "customer"}
	}
	var found []activities.PaymentIntent
	for _, id := range f.order {
		if pi := f.intents[id]; pi.Customer == customer && pi.Metadata[activities.MetadataReference] == reference {
			found = append(found, *pi)
		}
	}
	return found, nil
}

func (f *fakeStripe) CancelPaymentIntent(_ context.Context, id, key string) (activities.PaymentIntent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closes = append(f.closes, key)
	if err := f.enter("CancelPaymentIntent"); err != nil {
		return activities.PaymentIntent{}, err
	}
	pi := f.intents[id]
	owner := f.owner(id)
	switch pi.Status {
	case activities.PaymentIntentSucceeded, activities.PaymentIntentProcessing, activities.PaymentIntentCanceled:
		return activities.PaymentIntent{}, stripeError(activities.StripeWrongState)
	case activities.PaymentIntentRequiresPaymentMethod, activities.PaymentIntentRequiresConfirmation,
		activities.PaymentIntentRequiresAction, activities.PaymentIntentRequiresCapture:
	}
	if owner != nil && owner.Status != activities.CheckoutExpired {
		return activities.PaymentIntent{}, stripeError(activities.StripeWrongState)
	}
	pi.Status = activities.PaymentIntentCanceled
	return *pi, nil
}

func (f *fakeStripe) RefundPaymentIntent(_ context.Context, intent, key string, _ map[string]string) (activities.Refund, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refunds = append(f.refunds, key)
	if err := f.enter("RefundPaymentIntent"); err != nil {
		return activities.Refund{}, err
	}
	if !strings.Contains(key, intent) {
		f.t.Errorf("refund key %s does not name %s", key, intent)
	}
	pi := f.intents[intent]
	if pi.AmountRefunded > 0 {
		return activities.Refund{}, stripeError(activities.StripeWrongState)
	}
	if f.refundsAs == "succeeded" || f.refundsAs == "pending" {
		pi.AmountRefunded = pi.Amount
	}
	return activities.Refund{ID: f.id("re"), Status: f.refundsAs}, nil
}
