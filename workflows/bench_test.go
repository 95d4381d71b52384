package workflows_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

// tb is what the bench needs of a test, or of a property's check.
type tb interface {
	require.TestingT
	Helper()
}

// bench is one workflow under test: the time-skipping environment, a Stripe, and the real activities between them.
type bench struct {
	tb
	env    *testsuite.TestWorkflowEnvironment
	stripe *fakeStripe
	start  time.Time
	// plan is what happens at which time, over all runs of the workflow.
	plan []*planned
	live bool
	// runs counts the runs: every continue-as-new begins another.
	runs int
	// outage is how long nothing runs after the present run.
	outage time.Duration
	// carried is the size of what the last continue-as-new handed over, in bytes; state is the part that is no input, and
	// largestState the size of the largest one.
	carried      int
	state        []byte
	largestState int
	// ports changes what the activities work through.
	ports func(activities.Ports) activities.Ports
	// prepare is done with the environment of every run.
	prepare func(*testsuite.TestWorkflowEnvironment)
	// spill is everything that went into history.
	spill *payloads
}

type planned struct {
	at   time.Time
	do   func()
	done bool
}

// payloads keeps everything that is written to history.
type payloads struct {
	converter.DataConverter
	mu   sync.Mutex
	text []string
}

func (p *payloads) ToPayload(v any) (*commonpb.Payload, error) {
	payload, err := p.DataConverter.ToPayload(v)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = append(p.text, string(payload.GetData()))
	return payload, err //nolint:wrapcheck // it is the converter's
}

func (p *payloads) ToPayloads(values ...any) (*commonpb.Payloads, error) {
	all := &commonpb.Payloads{}
	for _, v := range values {
		payload, err := p.ToPayload(v)
		if err != nil {
			return nil, err
		}
		all.Payloads = append(all.Payloads, payload)
	}
	return all, nil
}

func newBench(t tb) *bench {
	t.Helper()
	b := &bench{tb: t, start: time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC), spill: &payloads{DataConverter: converter.GetDefaultDataConverter()}}
	b.stripe = newFakeStripe(t, func() time.Time { return b.env.Now() })
	b.newRun(b.start)
	return b
}

// newRun begins a run of the workflow with the same Stripe, as continue-as-new does.
func (b *bench) newRun(at time.Time) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(moveRecorder{})))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.SetStartTime(at)
	env.SetDataConverter(b.spill)
	// On a busy machine a workflow may stand still for a second without being stuck.
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
	// A payment can wait for a person for years.
	env.SetWorkflowRunTimeout(200 * 365 * 24 * time.Hour)
	b.env = env
	b.runs++
	ports := b.stripe.ports()
	if b.ports != nil {
		ports = b.ports(ports)
	}
	acts := activities.New(ports)
	acts.RegisterMain(env)
	acts.RegisterStripeWrites(env)
	workflows.Register(env)
	if b.prepare != nil {
		b.prepare(env)
	}
	if b.live {
		b.armAll()
	}
}

func (b *bench) armAll() {
	b.live = true
	for _, p := range b.plan {
		b.arm(p)
	}
}

func (b *bench) arm(p *planned) {
	if p.done {
		return
	}
	wait := p.at.Sub(b.env.Now())
	late := wait < 0 || wait == 0 && b.runs > 1
	var do func()
	do = func() {
		switch {
		case p.done:
		case late && !b.begun():
			b.env.RegisterDelayedCallback(do, time.Millisecond)
		default:
			p.done = true
			p.do()
		}
	}
	if late {
		wait = time.Millisecond // it happened before this run, in an outage, and meets it when it has begun
	}
	b.env.RegisterDelayedCallback(do, wait)
}

// begun reports whether the run has had its first workflow task: before it takes no messages.
func (b *bench) begun() bool {
	_, err := b.env.QueryWorkflow(workflows.QueryStatus)
	return err == nil
}

// at runs something when so much time has passed since the start.
func (b *bench) at(d time.Duration, do func()) {
	p := &planned{at: b.start.Add(d), do: do}
	b.plan = append(b.plan, p)
	if b.live {
		b.arm(p)
	}
}

// continueAsNew suggests it at the time given, and wakes the workflow with an event that is nobody's.
func (b *bench) continueAsNew(d time.Duration) {
	b.at(d, func() {
		b.env.SetContinueAsNewSuggested(true)
		b.signal("evt_wake_"+d.String(), "invoice.created", "in_1")
	})
}

// execute runs a workflow through every continue-as-new to its end, or to an error.
func execute[In any](b *bench, workflowType string, in In) error {
	b.Helper()
	b.armAll()
	for {
		b.env.ExecuteWorkflow(workflowType, in)
		require.True(b, b.env.IsWorkflowCompleted())
		err := b.env.GetWorkflowError()
		var again *workflow.ContinueAsNewError
		if !errors.As(err, &again) {
			return err
		}
		b.noteCarried(again.Input.GetPayloads()[0].GetData())
		var next In
		require.NoError(b, b.spill.FromPayloads(again.Input, &next))
		in = next
		b.newRun(b.env.Now().Add(b.outage))
		b.outage = 0
	}
}

func (b *bench) noteCarried(input []byte) {
	b.Helper()
	var next struct {
		Carried json.RawMessage `json:"carried"`
	}
	require.NoError(b, json.Unmarshal(input, &next))
	b.carried, b.state = len(input), next.Carried
	b.largestState = max(b.largestState, len(b.state))
}

func paymentInput() workflows.CollectPaymentInput {
	return workflows.CollectPaymentInput{
		Reference: "inv-1", Customer: "cus_1", PaymentMethod: "pm_card", Amount: 1099, Currency: "usd",
		TimeZone: "Europe/Berlin", CheckoutUI: activities.CheckoutUICustom, Events: workflows.EventsExceptions,
		Policy: dunning.DefaultPolicy(),
	}
}

// asksAtOnce is a policy that asks the customer after the first decline, whatever it was.
func asksAtOnce(in *workflows.CollectPaymentInput) {
	in.Policy.Soft.After, in.Policy.Issuer.After = nil, nil
}

// collect runs the payment to its end, and checks what must hold at every end.
func (b *bench) collect(in workflows.CollectPaymentInput) workflows.CollectPaymentResult {
	b.Helper()
	require.NoError(b, execute(b, workflows.TypeCollectPayment, in))
	var res workflows.CollectPaymentResult
	require.NoError(b, b.env.GetWorkflowResult(&res))
	require.True(b, res.State.Ended(), res.State)
	require.Zero(b, b.stripe.openWays(), "no way to pay may be open at the end")
	if res.State == workflows.PaymentPaid {
		require.Equal(b, in.Amount, b.stripe.taken(), "paid exactly once")
	} else {
		require.Zero(b, b.stripe.taken(), "nothing is taken")
	}
	b.requireNoSecrets()
	return res
}

// requireNoSecrets looks through everything that went into history.
func (b *bench) requireNoSecrets() {
	b.Helper()
	for _, text := range b.spill.text {
		if strings.Contains(text, linkHost) || slices.ContainsFunc(partsOfSecrets, func(part string) bool { return strings.Contains(text, part) }) {
			require.NotContains(b, text, linkHost)
			require.NotRegexp(b, secret, text)
		}
	}
}

// partsOfSecrets has a part of everything that secret matches: looking for these first is many times faster.
var partsOfSecrets = []string{"secret", "whsec", "k_test_", "k_live_", "eyJhbGci", "http", "@"}

// signal tells the workflow of an event.
func (b *bench) signal(id, typ, object string) {
	b.event(workflows.StripeEvent{ID: id, Type: typ, ObjectID: object})
}

func (b *bench) event(ev workflows.StripeEvent) {
	b.env.SignalWorkflow(workflows.SignalStripeEvent, ev)
}

// reply collects the answer of an Update.
type reply[T any] struct {
	value    T
	err      error
	rejected error
	done     bool
	after    time.Duration
	began    time.Time
	b        *bench
}

func (r *reply[T]) Accept() {}

func (r *reply[T]) Reject(err error) { r.rejected, r.done = err, true }

func (r *reply[T]) Complete(v any, err error) {
	r.done, r.err, r.after = true, err, r.b.env.Now().Sub(r.began)
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
	r := &reply[workflows.OpenCheckoutResponse]{b: b, began: b.env.Now()}
	b.env.UpdateWorkflow(workflows.UpdateOpenCheckout, "", r, workflows.OpenCheckoutRequest{ConsentVersion: "v1"})
	return r
}

func (b *bench) update(name string, op workflows.Operation) *reply[workflows.OperationResponse] {
	r := &reply[workflows.OperationResponse]{b: b, began: b.env.Now()}
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

// expect checks the payment's state at a time.
func (b *bench) expect(at time.Duration, state workflows.PaymentState, reason string) {
	b.at(at, func() {
		s := b.payment()
		require.Equal(b, state, s.State, "after %s (%s)", at, s.Reason)
		require.Equal(b, reason, s.Reason, "after %s", at)
	})
}

// outcomes are the attempts' outcomes as the status tells them.
func outcomes(s workflows.PaymentStatus) []activities.ChargeOutcome {
	var all []activities.ChargeOutcome
	for _, a := range s.Attempts {
		all = append(all, a.Outcome)
	}
	return all
}

// chargeKeys are the keys of the attempts numbered.
func chargeKeys(numbers ...string) []string {
	keys := make([]string, len(numbers))
	for i, n := range numbers {
		keys[i] = "payment:inv-1:charge:" + n
	}
	return keys
}

// distinct leaves out repetitions.
func distinct(keys []string) []string { return slices.Compact(slices.Clone(keys)) }

var _ tb = (*testing.T)(nil)
