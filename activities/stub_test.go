package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/offsession/offsession/activities"
)

// stripeStub answers each call as its test says, and notes the calls in order. A call that the test does not expect
// panics.
type stripeStub struct {
	calls []string

	create   func(activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error)
	confirm  func(activities.ConfirmPaymentIntentRequest) (activities.PaymentIntent, error)
	intent   func(id string) (activities.PaymentIntent, error)
	list     func(customer, reference string) ([]activities.PaymentIntent, error)
	cancel   func(id, key string) (activities.PaymentIntent, error)
	open     func(activities.CreateCheckoutSessionRequest) (activities.CheckoutSession, error)
	session  func(id string) (activities.CheckoutSession, error)
	owners   func(intent string) ([]activities.CheckoutSession, error)
	expire   func(id, key string) (activities.CheckoutSession, error)
	cancelSI func(id, key string) (activities.SetupIntent, error)
	method   func(id string) (activities.PaymentMethod, error)
	attach   func(id, customer, key string) (activities.PaymentMethod, error)
	customer func(id string) (activities.Customer, error)
	make     func(metadata map[string]string, key string) (string, error)
	dflt     func(customer, method, key string) error
	refund   func(intent, key string, metadata map[string]string) (activities.Refund, error)
	dispute  func(id string) (activities.Dispute, error)
	mandate  func(id string) (activities.Mandate, error)
	listed   func(activities.ListPaymentIntentsRequest) iter.Seq2[activities.PaymentIntent, error]

	setup     func(id string) (activities.SetupIntent, error)
	confirmSI func(id, method, key string) (activities.SetupIntent, error)
	setups    func(customer, method string) ([]activities.SetupIntent, error)
	sub       func(id string) (activities.Subscription, error)
	subDflt   func(id, method, key string) error
	invoices  func(subscription string) ([]activities.Invoice, error)
	invoice   func(id string) (activities.Invoice, error)
}

func (s *stripeStub) CreatePaymentIntent(_ context.Context, r activities.CreatePaymentIntentRequest) (activities.PaymentIntent, error) {
	s.calls = append(s.calls, "create "+r.IdempotencyKey)
	return s.create(r)
}

func (s *stripeStub) ConfirmPaymentIntent(_ context.Context, r activities.ConfirmPaymentIntentRequest) (activities.PaymentIntent, error) {
	s.calls = append(s.calls, "confirm "+r.IdempotencyKey)
	return s.confirm(r)
}

func (s *stripeStub) PaymentIntent(_ context.Context, id string) (activities.PaymentIntent, error) {
	s.calls = append(s.calls, "read "+id)
	return s.intent(id)
}

func (s *stripeStub) PaymentIntentsByReference(_ context.Context, customer, reference string) ([]activities.PaymentIntent, error) {
	s.calls = append(s.calls, "list "+customer+" "+reference)
	return s.list(customer, reference)
}

func (s *stripeStub) CancelPaymentIntent(_ context.Context, id, key string) (activities.PaymentIntent, error) {
	s.calls = append(s.calls, "cancel "+id+" "+key)
	return s.cancel(id, key)
}

func (s *stripeStub) CreateCheckoutSession(_ context.Context, r activities.CreateCheckoutSessionRequest) (activities.CheckoutSession, error) {
	s.calls = append(s.calls, "open "+r.IdempotencyKey)
	return s.open(r)
}

func (s *stripeStub) CheckoutSession(_ context.Context, id string) (activities.CheckoutSession, error) {
	s.calls = append(s.calls, "read "+id)
	return s.session(id)
}

func (s *stripeStub) CheckoutSessionsByPaymentIntent(_ context.Context, intent string) ([]activities.CheckoutSession, error) {
	s.calls = append(s.calls, "sessions of "+intent)
	return s.owners(intent)
}

func (s *stripeStub) ExpireCheckoutSession(_ context.Context, id, key string) (activities.CheckoutSession, error) {
	s.calls = append(s.calls, "expire "+id+" "+key)
	return s.expire(id, key)
}

func (s *stripeStub) SetupIntent(_ context.Context, id string) (activities.SetupIntent, error) {
	s.calls = append(s.calls, "read "+id)
	return s.setup(id)
}

func (s *stripeStub) ConfirmSetupIntent(_ context.Context, id, method, key string) (activities.SetupIntent, error) {
	s.calls = append(s.calls, "confirm "+id+" "+method+" "+key)
	return s.confirmSI(id, method, key)
}

func (s *stripeStub) SetupIntentsOf(_ context.Context, customer, method string) ([]activities.SetupIntent, error) {
	s.calls = append(s.calls, "setups of "+customer+" "+method)
	return s.setups(customer, method)
}

func (s *stripeStub) Subscription(_ context.Context, id string) (activities.Subscription, error) {
	s.calls = append(s.calls, "read "+id)
	return s.sub(id)
}

func (s *stripeStub) SetSubscriptionDefaultPaymentMethod(_ context.Context, id, method, key string) error {
	s.calls = append(s.calls, "default "+id+" "+method+" "+key)
	return s.subDflt(id, method, key)
}

func (s *stripeStub) SubscriptionInvoices(_ context.Context, subscription string) ([]activities.Invoice, error) {
	s.calls = append(s.calls, "invoices of "+subscription)
	return s.invoices(subscription)
}

func (s *stripeStub) Invoice(_ context.Context, id string) (activities.Invoice, error) {
	s.calls = append(s.calls, "read "+id)
	return s.invoice(id)
}

func (s *stripeStub) CancelSetupIntent(_ context.Context, id, key string) (activities.SetupIntent, error) {
	s.calls = append(s.calls, "cancel "+id+" "+key)
	return s.cancelSI(id, key)
}

func (s *stripeStub) PaymentMethod(_ context.Context, id string) (activities.PaymentMethod, error) {
	s.calls = append(s.calls, "read "+id)
	return s.method(id)
}

func (s *stripeStub) AttachPaymentMethod(_ context.Context, id, customer, key string) (activities.PaymentMethod, error) {
	s.calls = append(s.calls, "attach "+id+" "+customer+" "+key)
	return s.attach(id, customer, key)
}

func (s *stripeStub) Customer(_ context.Context, id string) (activities.Customer, error) {
	s.calls = append(s.calls, "read "+id)
	return s.customer(id)
}

func (s *stripeStub) CreateCustomer(_ context.Context, metadata map[string]string, key string) (string, error) {
	s.calls = append(s.calls, "create customer "+key)
	return s.make(metadata, key)
}

func (s *stripeStub) SetDefaultPaymentMethod(_ context.Context, customer, method, key string) error {
	s.calls = append(s.calls, "default "+customer+" "+method+" "+key)
	return s.dflt(customer, method, key)
}

func (s *stripeStub) CustomerContact(context.Context, string) (activities.CustomerContact, error) {
	panic("activities do not read addresses")
}

func (s *stripeStub) RefundPaymentIntent(_ context.Context, intent, key string, metadata map[string]string) (activities.Refund, error) {
	s.calls = append(s.calls, "refund "+intent+" "+key)
	return s.refund(intent, key, metadata)
}

func (s *stripeStub) Dispute(_ context.Context, id string) (activities.Dispute, error) {
	s.calls = append(s.calls, "read "+id)
	return s.dispute(id)
}

func (s *stripeStub) Mandate(_ context.Context, id string) (activities.Mandate, error) {
	s.calls = append(s.calls, "read "+id)
	return s.mandate(id)
}

func (s *stripeStub) ListPaymentIntents(_ context.Context, r activities.ListPaymentIntentsRequest) iter.Seq2[activities.PaymentIntent, error] {
	s.calls = append(s.calls, "list "+r.Customer+" after "+r.After)
	return s.listed(r)
}

type stubLinks string

func (l stubLinks) Link(string, time.Time) string { return string(l) }

var now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func (s *stripeStub) activities(notifiers ...activities.Notifier) *activities.Activities {
	return activities.New(activities.Ports{
		PaymentIntents: s, CheckoutSessions: s, SetupIntents: s, PaymentMethods: s, Customers: s, Refunds: s,
		Disputes: s, Mandates: s, Subscriptions: s, Invoices: s,
		Links: stubLinks("https://pay.test/c/x"), Notifiers: notifiers, ReturnURL: "https://shop.test/back",
		Now: func() time.Time { return now },
	})
}

// run is how Temporal runs an activity: a later attempt than the first, with or without what the one before left behind.
type run struct {
	attempt   int32
	scheduled time.Time
	details   any
	// deadline is how long the activity may run; within is a context that ends it. Both may be unset.
	deadline time.Duration
	within   context.Context
	// heartbeat is the timeout; 0 is none.
	heartbeat time.Duration
	// beats are the heartbeats that were sent, at beatsAt; one without details is "".
	beats   []string
	beatsAt []time.Time
}

// beatsMu guards the beats of a run while its activity is under way.
var beatsMu sync.Mutex

// firstBeat is the activity's first heartbeat.
func (r *run) firstBeat() string {
	beatsMu.Lock()
	defer beatsMu.Unlock()
	return r.beats[0]
}

// last is what the activity's last heartbeat left behind; nil when there was none.
func (r *run) last() any {
	if len(r.beats) == 0 || r.beats[len(r.beats)-1] == "" {
		return nil
	}
	return json.RawMessage(r.beats[len(r.beats)-1])
}

// do runs an activity and decodes its result.
func do[In, Out any](t *testing.T, r *run, fn func(context.Context, In) (Out, error), in In) (Out, error) {
	t.Helper()
	var out Out
	value, err := r.env(t, fn).ExecuteActivity(fn, in)
	if err == nil {
		require.NoError(t, value.Get(&out))
	}
	return out, err
}

func (r *run) env(t *testing.T, fn any) *testsuite.TestActivityEnvironment {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&attemptInterceptor{run: r}}})
	if r.details != nil {
		env.SetHeartbeatDetails(r.details)
	}
	env.RegisterActivity(fn)
	return env
}

// attemptInterceptor makes an activity believe that it is a later attempt.
type attemptInterceptor struct {
	interceptor.WorkerInterceptorBase
	run *run
}

func (i *attemptInterceptor) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &attemptInbound{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, run: i.run}
}

type attemptInbound struct {
	interceptor.ActivityInboundInterceptorBase
	run *run
}

func (i *attemptInbound) Init(outbound interceptor.ActivityOutboundInterceptor) error {
	return i.Next.Init(&attemptOutbound{ActivityOutboundInterceptorBase: interceptor.ActivityOutboundInterceptorBase{Next: outbound}, run: i.run}) //nolint:wrapcheck // it is Temporal's
}

func (i *attemptInbound) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if i.run.deadline > 0 {
		limited, cancel := context.WithTimeout(ctx, i.run.deadline)
		defer cancel()
		ctx = limited
	}
	if i.run.within != nil {
		ending, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(i.run.within, cancel)() //nolint:contextcheck // it is the test's
		ctx = ending
	}
	return i.Next.ExecuteActivity(ctx, in) //nolint:wrapcheck // it is the activity's
}

type attemptOutbound struct {
	interceptor.ActivityOutboundInterceptorBase
	run *run
}

func (o *attemptOutbound) GetInfo(ctx context.Context) activity.Info {
	info := o.Next.GetInfo(ctx)
	if o.run.attempt > 0 {
		info.Attempt, info.ScheduledTime = o.run.attempt, o.run.scheduled
	}
	info.HeartbeatTimeout = o.run.heartbeat
	return info
}

func (o *attemptOutbound) RecordHeartbeat(ctx context.Context, details ...any) {
	told := ""
	if len(details) > 0 {
		told = toJSON(details[0])
	}
	beatsMu.Lock()
	o.run.beats, o.run.beatsAt = append(o.run.beats, told), append(o.run.beatsAt, time.Now())
	beatsMu.Unlock()
	o.Next.RecordHeartbeat(ctx, details...)
}

// requireError checks the type of an activity's error, and whether Temporal tries again.
func requireError(t *testing.T, err error, typ string, retried bool) {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, typ, app.Type())
	require.Equal(t, retried, !app.NonRetryable())
}

func fail(kind activities.StripeErrorKind) error { return &activities.StripeError{Kind: kind} }

var errPort = errors.New("nil pointer in an adapter")

func failParam(kind activities.StripeErrorKind, param string) error {
	return &activities.StripeError{Kind: kind, Param: param}
}
