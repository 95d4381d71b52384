package workflows_test

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/offsession/offsession/activities"
)

// fakeStripe is a small Stripe behind the activities' ports, in the test environment's simulated time. What the bank
// says to the next charges is scripted; everything else follows Stripe's rules: stored keys, one success per
// PaymentIntent, sessions that own their PaymentIntent.
type fakeStripe struct {
	mu  sync.Mutex
	now func() time.Time
	seq int

	intents   map[string]*activities.PaymentIntent
	order     []string
	sessions  map[string]*activities.CheckoutSession
	setups    map[string]*activities.SetupIntent
	methods   map[string]*activities.PaymentMethod
	customers map[string]*activities.Customer
	keys      map[string]func() (activities.PaymentIntent, error)

	// script holds the bank's answers to the next sends of new keys; when it is empty every charge succeeds.
	script []answer
	// faults are returned by the named port method, in order, before it does anything.
	faults map[string][]error

	sends      []send
	calls      []string
	closes     []string
	refunds    []string
	refundFail bool
	deliveries []activities.Notification
	notifyFail error
}

// answer is the bank's word on one attempt.
type answer struct {
	status activities.PaymentIntentStatus
	codes  activities.Codes
	kind   activities.StripeErrorKind
	// lost: Stripe carries the request out, but the answer does not arrive. dropped: it does not arrive at Stripe.
	lost, dropped bool
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

func failsWith(kind activities.StripeErrorKind) answer { return answer{kind: kind} }

func lostAfter(a answer) answer { a.lost = true; return a }

func dropped() answer { return answer{dropped: true} }

func newFakeStripe(now func() time.Time) *fakeStripe {
	return &fakeStripe{
		now:      now,
		intents:  map[string]*activities.PaymentIntent{},
		sessions: map[string]*activities.CheckoutSession{},
		setups:   map[string]*activities.SetupIntent{},
		methods: map[string]*activities.PaymentMethod{
			"pm_card":  {ID: "pm_card", Type: "card", Customer: "cus_1", Brand: "visa", Last4: "4242", ExpMonth: 12, ExpYear: 2030, Stamp: "stamp1"},
			"pm_other": {ID: "pm_other", Type: "card", Customer: "cus_1", Brand: "visa", Last4: "1111", ExpMonth: 12, ExpYear: 2030, Stamp: "stamp2"},
			"pm_alien": {ID: "pm_alien", Type: "card", Customer: "cus_2", Stamp: "stamp3"},
		},
		customers: map[string]*activities.Customer{"cus_1": {ID: "cus_1", DefaultPaymentMethod: "pm_card"}},
		keys:      map[string]func() (activities.PaymentIntent, error){},
		faults:    map[string][]error{},
	}
}

func (f *fakeStripe) ports() activities.Ports {
	return activities.Ports{
		PaymentIntents: f, CheckoutSessions: f, SetupIntents: f, PaymentMethods: f, Customers: f, Refunds: f,
		Links: fakeLinks{}, Notifiers: []activities.Notifier{fakeNotifier{f}}, Now: f.now,
	}
}

type fakeLinks struct{}

func (fakeLinks) Link(workflowID string, _ time.Time) string { return "https://pay.test/c/" + workflowID }

type fakeNotifier struct{ f *fakeStripe }

func (fakeNotifier) Channel() string { return "fake" }

func (n fakeNotifier) Deliver(_ context.Context, m activities.Notification) error {
	n.f.mu.Lock()
	defer n.f.mu.Unlock()
	if n.f.notifyFail != nil {
		return n.f.notifyFail
	}
	n.f.deliveries = append(n.f.deliveries, m)
	return nil
}

func (f *fakeStripe) id(prefix string) string {
	f.seq++
	return fmt.Sprintf("%s_%d", prefix, f.seq)
}

// enter notes a call and answers the fault scripted for it.
func (f *fakeStripe) enter(method string) error {
	f.calls = append(f.calls, method)
	if q := f.faults[method]; len(q) > 0 {
		f.faults[method] = q[1:]
		return q[0]
	}
	return nil
}

func stripeError(kind activities.StripeErrorKind) error { return &activities.StripeError{Kind: kind} }

func (f *fakeStripe) CreatePaymentIntent(_ context.Context, r activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error) {
	return f.charge(r.IdempotencyKey, r.PaymentMethod, r.Metadata, func() *activities.PaymentIntent {
		pi := &activities.PaymentIntent{
			ID: f.id("pi"), Status: activities.PaymentIntentRequiresConfirmation, Amount: r.Amount, Currency: r.Currency,
			Customer: r.Customer, Created: f.now(), Metadata: maps.Clone(r.Metadata),
		}
		f.intents[pi.ID] = pi
		f.order = append([]string{pi.ID}, f.order...)
		return pi
	})
}

func (f *fakeStripe) ConfirmPaymentIntent(_ context.Context, r activities.ConfirmPaymentIntentRequest) (activities.PaymentIntent, error) {
	return f.charge(r.IdempotencyKey, r.PaymentMethod, nil, func() *activities.PaymentIntent { return f.intents[r.PaymentIntent] })
}

func (f *fakeStripe) charge(key, method string, metadata map[string]string, intent func() *activities.PaymentIntent) (activities.PaymentIntent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sends = append(f.sends, send{At: f.now(), Key: key, PaymentMethod: method, Metadata: metadata})
	if stored, ok := f.keys[key]; ok {
		return stored()
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
	switch {
	case a.dropped:
		return activities.PaymentIntent{}, stripeError(activities.StripeUnknown)
	case a.kind != "" && a.kind != activities.StripeDeclined:
		return activities.PaymentIntent{}, &activities.StripeError{Kind: a.kind, Codes: a.codes, Param: a.codes.DeclineCode}
	}
	pi := intent()
	f.sends[len(f.sends)-1].PaymentIntent = pi.ID
	res, err := f.apply(pi, method, a)
	f.keys[key] = func() (activities.PaymentIntent, error) { return res, err }
	if a.lost {
		return activities.PaymentIntent{}, stripeError(activities.StripeUnknown)
	}
	return res, err
}

// apply is what a confirm does to a PaymentIntent.
func (f *fakeStripe) apply(pi *activities.PaymentIntent, method string, a answer) (activities.PaymentIntent, error) {
	if pi.Status == activities.PaymentIntentSucceeded || pi.Status == activities.PaymentIntentCanceled || pi.Status == activities.PaymentIntentProcessing {
		cp := *pi
		return activities.PaymentIntent{}, &activities.StripeError{Kind: activities.StripeWrongState, PaymentIntent: &cp}
	}
	pi.PaymentMethod = method
	if m := f.methods[method]; m != nil {
		pi.PaymentMethodStamp = m.Stamp
	}
	if a.kind == activities.StripeDeclined {
		pi.Status, pi.LastError = activities.PaymentIntentRequiresPaymentMethod, a.codes
		if a.codes.Code != "authentication_required" {
			pi.LatestCharge, pi.ChargedAt = f.id("ch"), f.now()
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
	owned := false
	for _, s := range f.sessions {
		owned = owned || s.PaymentIntent != nil && s.PaymentIntent.ID == id && s.Status == activities.CheckoutOpen
	}
	if owned || pi.Status == activities.PaymentIntentSucceeded || pi.Status == activities.PaymentIntentProcessing || pi.Status == activities.PaymentIntentCanceled {
		return activities.PaymentIntent{}, stripeError(activities.StripeWrongState)
	}
	pi.Status = activities.PaymentIntentCanceled
	return *pi, nil
}

func (f *fakeStripe) CreateCheckoutSession(_ context.Context, r activities.CreateCheckoutSessionRequest) (activities.CheckoutSession, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("CreateCheckoutSession"); err != nil {
		return activities.CheckoutSession{}, err
	}
	for _, s := range f.sessions {
		if s.ID == "cs_"+r.IdempotencyKey {
			return *s, nil
		}
	}
	expires := r.ExpiresAt
	if expires.IsZero() {
		expires = f.now().Add(24 * time.Hour)
	}
	s := &activities.CheckoutSession{ID: "cs_" + r.IdempotencyKey, Mode: r.Mode, Status: activities.CheckoutOpen, Customer: r.Customer, ExpiresAt: expires}
	if r.Mode == activities.CheckoutModeSetup {
		s.SetupIntent = &activities.SetupIntent{ID: f.id("seti"), Status: activities.SetupIntentRequiresPaymentMethod, Customer: r.Customer}
		f.setups[s.SetupIntent.ID] = s.SetupIntent
	}
	f.sessions[s.ID] = s
	return *s, nil
}

func (f *fakeStripe) CheckoutSession(_ context.Context, id string) (activities.CheckoutSession, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("CheckoutSession"); err != nil {
		return activities.CheckoutSession{}, err
	}
	s := f.sessions[id]
	if s.Status == activities.CheckoutOpen && !s.ExpiresAt.After(f.now()) {
		s.Status = activities.CheckoutExpired
	}
	cp := *s
	return cp, nil
}

func (f *fakeStripe) CheckoutSessionsByPaymentIntent(_ context.Context, intent string) ([]activities.CheckoutSession, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []activities.CheckoutSession
	for _, s := range f.sessions {
		if s.PaymentIntent != nil && s.PaymentIntent.ID == intent {
			found = append(found, *s)
		}
	}
	return found, nil
}

func (f *fakeStripe) ExpireCheckoutSession(_ context.Context, id, key string) (activities.CheckoutSession, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closes = append(f.closes, key)
	if err := f.enter("ExpireCheckoutSession"); err != nil {
		return activities.CheckoutSession{}, err
	}
	s := f.sessions[id]
	if s.Status != activities.CheckoutOpen {
		return activities.CheckoutSession{}, stripeError(activities.StripeWrongState)
	}
	s.Status = activities.CheckoutExpired
	return *s, nil
}

func (f *fakeStripe) SetupIntent(_ context.Context, id string) (activities.SetupIntent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return *f.setups[id], nil
}

func (f *fakeStripe) CancelSetupIntent(_ context.Context, id, key string) (activities.SetupIntent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closes = append(f.closes, key)
	si := f.setups[id]
	si.Status = activities.SetupIntentCanceled
	return *si, nil
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

func (f *fakeStripe) AttachPaymentMethod(_ context.Context, id, customer, _ string) (activities.PaymentMethod, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("AttachPaymentMethod"); err != nil {
		return activities.PaymentMethod{}, err
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

func (f *fakeStripe) CreateCustomer(_ context.Context, _ map[string]string, _ string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("CreateCustomer"); err != nil {
		return "", err
	}
	id := f.id("cus_new")
	f.customers[id] = &activities.Customer{ID: id}
	return id, nil
}

func (f *fakeStripe) SetDefaultPaymentMethod(_ context.Context, customer, method, _ string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter("SetDefaultPaymentMethod"); err != nil {
		return err
	}
	f.customers[customer].DefaultPaymentMethod = method
	return nil
}

func (f *fakeStripe) CustomerContact(context.Context, string) (activities.CustomerContact, error) {
	return activities.CustomerContact{}, nil
}

func (f *fakeStripe) RefundPaymentIntent(_ context.Context, intent, key string, _ map[string]string) (activities.Refund, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refunds = append(f.refunds, key)
	if f.refundFail {
		return activities.Refund{}, stripeError(activities.StripeInvalid)
	}
	pi := f.intents[intent]
	pi.AmountRefunded = pi.Amount
	return activities.Refund{ID: f.id("re"), Status: "succeeded"}, nil
}

// The hands of customers and of people at Stripe's dashboard.

// pay finishes the newest open session in payment mode, as a buyer would.
func (f *fakeStripe) pay(reference string, status activities.PaymentIntentStatus) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.sessions {
		if s.Status != activities.CheckoutOpen || s.Mode != activities.CheckoutModePayment {
			continue
		}
		pi := &activities.PaymentIntent{
			ID: f.id("pi"), Status: status, Amount: 1099, Currency: "usd", Customer: s.Customer, PaymentMethod: "pm_buyer",
			LatestCharge: f.id("ch"), ChargedAt: f.now(), Created: f.now(), Metadata: map[string]string{activities.MetadataReference: reference},
		}
		f.intents[pi.ID] = pi
		f.order = append([]string{pi.ID}, f.order...)
		s.PaymentIntent = pi
		s.Status = activities.CheckoutComplete
		s.Paid = status == activities.PaymentIntentSucceeded
	}
}

// edit changes any object under the lock.
func (f *fakeStripe) edit(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// openWays counts what could still take money for the reference: rule "at most one way to pay is open".
func (f *fakeStripe) openWays() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, pi := range f.intents {
		owned := false
		for _, s := range f.sessions {
			owned = owned || s.PaymentIntent != nil && s.PaymentIntent.ID == pi.ID
		}
		if !owned && pi.Status != activities.PaymentIntentCanceled && pi.Status != activities.PaymentIntentSucceeded {
			n++
		}
	}
	for _, s := range f.sessions {
		if s.Mode == activities.CheckoutModePayment && s.Status == activities.CheckoutOpen && s.ExpiresAt.After(f.now()) {
			n++
		}
	}
	return n
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

func (f *fakeStripe) told() []activities.NotificationKind {
	f.mu.Lock()
	defer f.mu.Unlock()
	kinds := make([]activities.NotificationKind, len(f.deliveries))
	for i, n := range f.deliveries {
		kinds[i] = n.Kind
	}
	return kinds
}
