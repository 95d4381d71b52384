package workflows_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/offsession/offsession/activities"
)

// fakeStripe is a small Stripe behind the activities' ports, in the test environment's simulated time. What the bank
// says to the next charges is scripted; everything else follows Stripe's rules: stored keys, one success per
// PaymentIntent, sessions that own their PaymentIntent, clocks that expire them.
//
// It watches two rules at every request: nothing new can be paid while something else can be, and no card is charged
// again after a final no.
type fakeStripe struct {
	t   tb
	mu  sync.Mutex
	now func() time.Time
	seq int
	// idDigits makes ids as long as Stripe's.
	idDigits int

	intents   map[string]*activities.PaymentIntent
	order     []string // newest first
	sessions  map[string]*fakeSession
	setups    map[string]*activities.SetupIntent
	methods   map[string]*activities.PaymentMethod
	customers map[string]*activities.Customer
	disputes  map[string]*activities.Dispute
	mandates  map[string]*activities.Mandate
	// subscriptions are by id; answered are the writes by key.
	subscriptions map[string]*fakeSubscription
	answered      map[string]answeredWrite
	created       map[string]string // customers by the key they were made with
	keys          map[string]*storedAnswer
	late          []lateRequest

	// script holds the bank's answers to the next sends of new keys; when it is empty every charge succeeds.
	script []answer
	// bank holds the words to the next confirmations of SetupIntents; when it is empty every one is accepted.
	bank []bankWord
	// faults are returned by the named port method, in order, before it does anything; nil lets a call pass.
	faults map[string][]error
	// before is called with the number of each call before it is carried out, under the lock.
	before func(call int)
	// down is an outage: every call of the named port method is answered with this error.
	down map[string]error
	// finalNo holds the cards (method and stamp) that said a final no.
	finalNo map[string]bool

	sends      []send
	writes     []write // all that change setups, in order
	calls      []string
	closes     []string
	refunds    []string
	opened     []activities.CreateCheckoutSessionRequest
	deliveries []activities.Notification
	delivered  []time.Time
	tries      int
	notifyFail error
	refundsAs  string // the status of new refunds

	// others are offsession's other workflows, which share this clock.
	others *fakeWorkflows
}

// fakeSession is a session and whether anybody has been told of it: one whose creation was never answered cannot be paid.
type fakeSession struct {
	activities.CheckoutSession
	key  string
	seen bool
}

// write is a request that changes something around a setup.
type write struct {
	At   time.Time
	Op   string
	Key  string
	What string
}

// storedAnswer is what Stripe remembers under an idempotency key.
type storedAnswer struct {
	params  string
	running bool
	fault   bool
	res     activities.PaymentIntent
	err     error
}

// lateRequest is a charge that Stripe carries out long after the connection was lost.
type lateRequest struct {
	due time.Time
	run func()
}

func newFakeStripe(t tb, now func() time.Time) *fakeStripe {
	t.Helper()
	return &fakeStripe{
		t:        t,
		now:      now,
		intents:  map[string]*activities.PaymentIntent{},
		sessions: map[string]*fakeSession{},
		setups:   map[string]*activities.SetupIntent{},
		methods: map[string]*activities.PaymentMethod{
			"pm_card":  {ID: "pm_card", Type: "card", Customer: "cus_1", Brand: "visa", Last4: "4242", ExpMonth: 12, ExpYear: 2030, Stamp: "stamp1"},
			"pm_other": {ID: "pm_other", Type: "card", Customer: "cus_1", Brand: "visa", Last4: "1111", ExpMonth: 12, ExpYear: 2030, Stamp: "stamp2"},
			"pm_alien": {ID: "pm_alien", Type: "card", Customer: "cus_2", Stamp: "stamp3"},
			"pm_buyer": {ID: "pm_buyer", Type: "card", Customer: "cus_1", Stamp: "stamp4"},
		},
		customers:     map[string]*activities.Customer{"cus_1": {ID: "cus_1", DefaultPaymentMethod: "pm_card"}},
		disputes:      map[string]*activities.Dispute{},
		mandates:      map[string]*activities.Mandate{},
		subscriptions: map[string]*fakeSubscription{}, answered: map[string]answeredWrite{},
		created:   map[string]string{},
		keys:      map[string]*storedAnswer{},
		faults:    map[string][]error{},
		down:      map[string]error{},
		finalNo:   map[string]bool{},
		refundsAs: "succeeded",
		others:    newFakeWorkflows(now),
	}
}

func (f *fakeStripe) ports() activities.Ports {
	return activities.Ports{
		PaymentIntents: f, CheckoutSessions: f, SetupIntents: f, PaymentMethods: f, Customers: f, Refunds: f,
		Disputes: f, Mandates: f, Subscriptions: f, Invoices: f, Workflows: f.others,
		Links: fakeLinks{}, Notifiers: []activities.Notifier{fakeNotifier{f}}, Now: func() time.Time { return f.now() },
	}
}

// linkHost is in every customer's link, which must not appear in history.
const linkHost = "pay.test"

type fakeLinks struct{}

func (fakeLinks) Link(workflowID string, _ time.Time) string {
	return "https://" + linkHost + "/c/" + workflowID
}

type fakeNotifier struct{ f *fakeStripe }

func (fakeNotifier) Channel() string { return "fake" }

func (n fakeNotifier) Deliver(_ context.Context, m activities.Notification) error {
	n.f.mu.Lock()
	defer n.f.mu.Unlock()
	n.f.tries++
	if n.f.notifyFail != nil {
		return n.f.notifyFail
	}
	n.f.deliveries = append(n.f.deliveries, m)
	n.f.delivered = append(n.f.delivered, n.f.now())
	return nil
}

func (f *fakeStripe) id(prefix string) string {
	f.seq++
	return fmt.Sprintf("%s_%0*d", prefix, f.idDigits, f.seq)
}

// enter lets time act, notes a call and answers the fault scripted for it.
func (f *fakeStripe) enter(method string) error {
	f.tick()
	f.calls = append(f.calls, method)
	if f.before != nil {
		f.before(len(f.calls))
	}
	if q := f.faults[method]; len(q) > 0 {
		f.faults[method] = q[1:]
		return q[0]
	}
	return f.down[method]
}

// tick expires sessions and carries out late requests whose time has come.
func (f *fakeStripe) tick() {
	for _, s := range f.sessions {
		if s.Status == activities.CheckoutOpen && !s.ExpiresAt.After(f.now()) {
			s.Status = activities.CheckoutExpired
		}
	}
	for i := 0; i < len(f.late); i++ {
		if r := f.late[i]; !r.due.After(f.now()) {
			f.late = slices.Delete(f.late, i, i+1)
			i--
			r.run()
		}
	}
}

func stripeError(kind activities.StripeErrorKind) error { return &activities.StripeError{Kind: kind} }

// opens checks, when something new can be paid, that nothing else can be.
func (f *fakeStripe) opens(what, reference string) {
	if open := f.payable(what, reference); len(open) > 0 {
		f.t.Errorf("%s: %s opens while %s can be paid", f.now().Format(time.RFC3339), what, strings.Join(open, ", "))
	}
}

// payable lists what takes, took or could take the money, but the one excepted: of one payment, or of all when the
// reference is empty.
func (f *fakeStripe) payable(except, reference string) []string {
	var ids []string
	for id, pi := range f.intents {
		kept := pi.Status == activities.PaymentIntentSucceeded && pi.AmountRefunded < pi.Amount
		active := pi.Status != activities.PaymentIntentSucceeded && pi.Status != activities.PaymentIntentCanceled
		if s := f.owner(id); s != nil && s.Status != activities.CheckoutOpen && pi.Status == activities.PaymentIntentRequiresPaymentMethod {
			active = false
		} else if s != nil && s.Status == activities.CheckoutOpen {
			active = false // the session is listed
		}
		other := reference != "" && pi.Metadata[activities.MetadataReference] != reference
		if id != except && !other && (kept || active) {
			ids = append(ids, id)
		}
	}
	for id, s := range f.sessions {
		if s.Mode == activities.CheckoutModePayment && s.Status == activities.CheckoutOpen && s.ExpiresAt.After(f.now()) && s.seen && id != except {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// owner is the session that made the PaymentIntent; nil when we did.
func (f *fakeStripe) owner(intent string) *fakeSession {
	for _, s := range f.sessions {
		if s.PaymentIntent != nil && s.PaymentIntent.ID == intent {
			return s
		}
	}
	return nil
}
