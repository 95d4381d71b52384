package workflows_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

// bench is one workflow under test: the time-skipping environment, a Stripe, and the real activities between them.
type bench struct {
	*testing.T
	env    *testsuite.TestWorkflowEnvironment
	stripe *fakeStripe
	start  time.Time
}

func newBench(t *testing.T) *bench {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(30 * time.Second)
	start := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	env.SetStartTime(start)
	// Ten minutes after a lost answer nothing is known but by waiting: give the workflow years.
	env.SetWorkflowRunTimeout(20 * 365 * 24 * time.Hour)
	b := &bench{T: t, env: env, start: start}
	b.stripe = newFakeStripe(func() time.Time { return env.Now() })
	acts := activities.New(b.stripe.ports())
	acts.RegisterMain(env)
	acts.RegisterStripeWrites(env)
	workflows.Register(env)
	return b
}

var _ worker.ActivityRegistry = (*testsuite.TestWorkflowEnvironment)(nil)

func paymentInput() workflows.CollectPaymentInput {
	return workflows.CollectPaymentInput{
		Reference: "inv-1", Customer: "cus_1", PaymentMethod: "pm_card", Amount: 1099, Currency: "usd",
		TimeZone: "Europe/Berlin", CheckoutUI: activities.CheckoutUICustom, Events: workflows.EventsExceptions,
		Policy: dunning.DefaultPolicy(),
	}
}

// collect runs the payment to its end, and checks what must hold at every end.
func (b *bench) collect(in workflows.CollectPaymentInput) workflows.CollectPaymentResult {
	b.Helper()
	b.env.ExecuteWorkflow(workflows.TypeCollectPayment, in)
	require.True(b, b.env.IsWorkflowCompleted())
	require.NoError(b, b.env.GetWorkflowError())
	var res workflows.CollectPaymentResult
	require.NoError(b, b.env.GetWorkflowResult(&res))
	require.True(b, res.State.Ended(), res.State)
	require.Zero(b, b.stripe.openWays(), "no way to pay may be open at the end")
	if res.State == workflows.PaymentPaid {
		require.Equal(b, in.Amount, b.stripe.taken(), "paid exactly once")
	}
	return res
}

// at runs something when so much time has passed.
func (b *bench) at(d time.Duration, do func()) { b.env.RegisterDelayedCallback(do, d) }

// signal tells the workflow of an event.
func (b *bench) signal(id, typ, object string) {
	b.env.SignalWorkflow(workflows.SignalStripeEvent, workflows.StripeEvent{ID: id, Type: typ, ObjectID: object})
}

// reply collects the answer of an Update.
type reply[T any] struct {
	value    T
	err      error
	rejected error
	done     bool
}

func (r *reply[T]) Accept() {}

func (r *reply[T]) Reject(err error) { r.rejected, r.done = err, true }

func (r *reply[T]) Complete(v any, err error) {
	r.done, r.err = true, err
	if t, ok := v.(T); ok {
		r.value = t
	}
}

// refused is the error with which the Update was refused, whenever that was decided.
func (r *reply[T]) refused() error {
	if r.rejected != nil {
		return r.rejected
	}
	return r.err
}

func (b *bench) open() *reply[workflows.OpenCheckoutResponse] {
	r := &reply[workflows.OpenCheckoutResponse]{}
	b.env.UpdateWorkflow(workflows.UpdateOpenCheckout, "", r, workflows.OpenCheckoutRequest{ConsentVersion: "v1"})
	return r
}

func (b *bench) update(name string, op workflows.Operation) *reply[workflows.OperationResponse] {
	r := &reply[workflows.OperationResponse]{}
	if op.Actor == "" {
		op.Actor, op.Reason = "ops", "test"
	}
	b.env.UpdateWorkflow(name, "", r, op)
	return r
}

func (b *bench) payment() workflows.PaymentStatus {
	b.Helper()
	v, err := b.env.QueryWorkflow(workflows.QueryStatus)
	require.NoError(b, err)
	var s workflows.PaymentStatus
	require.NoError(b, v.Get(&s))
	return s
}

func TestPaymentThatSucceedsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	res := b.collect(paymentInput())
	require.Equal(t, workflows.PaymentPaid, res.State)
	require.Empty(t, res.PaymentMethod, "the input says it")
	require.Equal(t, []string{"payment:inv-1:charge:1"}, b.stripe.keysSent())
	require.Empty(t, b.stripe.told(), "nobody is told of what went well, unless the input asks for it")
	require.Equal(t, map[string]string{
		"offsession_workflow_id": "payment:inv-1", "offsession_reference": "inv-1", "offsession_attempt": "1",
	}, b.stripe.sends[0].Metadata)
}

func TestPaymentWaitsUntilDue(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := paymentInput()
	in.Due = b.start.Add(72 * time.Hour)
	in.Events = workflows.EventsAll
	b.at(71*time.Hour, func() { require.Equal(t, workflows.PaymentScheduled, b.payment().State) })
	b.collect(in)
	require.Equal(t, in.Due, b.stripe.sends[0].At.UTC())
	require.Equal(t, []activities.NotificationKind{activities.NotifyPaymentPaid}, b.stripe.told())
}

func TestSoftDeclinesAreRetriedOnTheSameIntent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{declinedWith("insufficient_funds"), declinedWith("insufficient_funds"), approved()}
	res := b.collect(paymentInput())
	require.Equal(t, workflows.PaymentPaid, res.State)
	require.Equal(t, []string{"payment:inv-1:charge:1", "payment:inv-1:charge:2", "payment:inv-1:charge:3"}, b.stripe.keysSent())
	require.Len(t, b.stripe.intents, 1, "every automatic attempt uses one PaymentIntent")
	require.Equal(t, []activities.NotificationKind{activities.NotifyPaymentPaid}, b.stripe.told())
}

func TestHardDeclineThenCustomerPays(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{declinedWith("lost_card")}
	var opened *reply[workflows.OpenCheckoutResponse]
	b.at(24*time.Hour, func() {
		require.Equal(t, workflows.PaymentAwaitingCustomer, b.payment().State)
		opened = b.open()
	})
	b.at(24*time.Hour+5*time.Minute, func() {
		require.Equal(t, workflows.CheckoutReady, opened.value.Answer)
		require.Equal(t, 1, b.stripe.openWays(), "the PaymentIntent was closed before the session was opened")
		b.stripe.pay("inv-1", activities.PaymentIntentSucceeded)
		b.signal("evt_1", "checkout.session.completed", opened.value.SessionID)
	})
	res := b.collect(paymentInput())
	require.Equal(t, workflows.PaymentPaid, res.State)
	require.Equal(t, "pm_buyer", res.PaymentMethod)
	require.Equal(t, []activities.NotificationKind{
		activities.NotifyPaymentMethodNeeded, activities.NotifyPaymentRecovered, activities.NotifyPaymentPaid,
	}, b.stripe.told())
	require.True(t, b.stripe.deliveries[0].Generic, "a lost card is not named to whoever reads the mail")
}

func TestCustomerNeverActs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{authRequired()}
	res := b.collect(paymentInput())
	require.Equal(t, workflows.PaymentUncollectible, res.State)
	require.Equal(t, []string{"payment:inv-1:charge:1"}, b.stripe.keysSent(), "no attempt without the customer")
	require.Equal(t, activities.NotifyPaymentActionRequired, b.stripe.told()[0])
	require.Equal(t, activities.NotifyPaymentUncollectible, b.stripe.told()[len(b.stripe.told())-1])
}

func TestLostAnswerIsRepeatedWithTheSameKey(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.script = []answer{lostAfter(approved())}
	res := b.collect(paymentInput())
	require.Equal(t, workflows.PaymentPaid, res.State)
	require.Equal(t, []string{"payment:inv-1:charge:1", "payment:inv-1:charge:1"}, b.stripe.keysSent())
}
