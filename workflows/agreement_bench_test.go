package workflows_test

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
	"github.com/offsession/offsession/workflows/dunning"
)

// agreementBench is a BillingAgreement under test. The workflows that it starts are kept, not run: what becomes of them
// is the test's to say. They run for real in the tests against a server.
type agreementBench struct {
	*bench
	family *family
	amount *fakeAmounts
	// last is the status after the end.
	last workflows.AgreementStatus
}

// family are the workflows that an agreement has started, as the activities see them.
type family struct {
	activities.Workflows

	mu       sync.Mutex
	bench    *bench
	payments map[string]*workflows.CollectPaymentInput
	setups   map[string]*workflows.SavePaymentMethodInput
	order    []string
	known    map[string]activities.OwnedWorkflow
	sent     []activities.InstructInput
	refuse   map[string]string
}

func newAgreementBench(t tb) *agreementBench {
	t.Helper()
	b := &agreementBench{bench: newBench(t)}
	b.family = &family{
		bench: b.bench, payments: map[string]*workflows.CollectPaymentInput{}, setups: map[string]*workflows.SavePaymentMethodInput{},
		known: map[string]activities.OwnedWorkflow{}, refuse: map[string]string{},
	}
	b.amount = newFakeAmounts(t, answersAmount(1099))
	b.ports = func(p activities.Ports) activities.Ports {
		p.Workflows, p.Amounts = b.family, b.amount
		return p
	}
	b.prepare = func(env *testsuite.TestWorkflowEnvironment) {
		env.OnWorkflow(workflows.TypeCollectPayment, mock.Anything, mock.Anything).Return(b.family.startPayment)
		env.OnWorkflow(workflows.TypeSavePaymentMethod, mock.Anything, mock.Anything).Return(b.family.startSetup)
	}
	b.newRun(b.start)
	b.runs = 1
	return b
}

func (f *family) startPayment(_ workflow.Context, in workflows.CollectPaymentInput) (workflows.CollectPaymentResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.payments[in.Reference] = &in
	f.order = append(f.order, in.Reference)
	f.known[workflows.PaymentID(in.Reference)] = activities.OwnedWorkflow{
		State: "retry_scheduled", Customer: in.Customer, Amount: in.Amount, Currency: in.Currency, Owner: in.Owner,
	}
	return workflows.CollectPaymentResult{}, nil
}

func (f *family) startSetup(_ workflow.Context, in workflows.SavePaymentMethodInput) (workflows.SavePaymentMethodResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.setups[in.Reference] = &in
	f.order = append(f.order, in.Reference)
	f.known[workflows.SavePaymentMethodID(in.Reference)] = activities.OwnedWorkflow{State: "open", Customer: in.Customer}
	return workflows.SavePaymentMethodResult{}, nil
}

// ends lets a payment end, and tells the agreement unless the signal is lost.
func (f *family) ends(ended workflows.PaymentEnded, lost bool) {
	f.mu.Lock()
	id := workflows.PaymentID(ended.Reference)
	w := f.known[id]
	w.State, w.Ended, w.PaymentMethod, w.DeclineCode = string(ended.State), true, ended.PaymentMethod, ended.DeclineCode
	f.known[id] = w
	f.mu.Unlock()
	if !lost {
		f.bench.env.SignalWorkflow(workflows.SignalPaymentEnded, ended)
	}
}

// saved lets the customer save a method.
func (f *family) saved(saved workflows.PaymentMethodSaved, lost bool) {
	f.mu.Lock()
	id := workflows.SavePaymentMethodID(saved.Reference)
	w := f.known[id]
	w.State, w.Ended, w.PaymentMethod = string(saved.State), true, saved.PaymentMethod
	f.known[id] = w
	f.mu.Unlock()
	if !lost {
		f.bench.env.SignalWorkflow(workflows.SignalPaymentMethodSaved, saved)
	}
}

func (f *family) PaymentEnded(context.Context, string, activities.PaymentEndedInput) error {
	return nil
}

func (f *family) PaymentMethodSaved(context.Context, string, activities.PaymentMethodSavedInput) error {
	return nil
}

func (f *family) Owned(_ context.Context, id string) (activities.OwnedWorkflow, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w, ok := f.known[id]
	if !ok {
		return w, activities.ErrWorkflowNotFound
	}
	return w, nil
}

func (f *family) Instruct(_ context.Context, in activities.InstructInput) (activities.InstructResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, in)
	if why := f.refuse[in.WorkflowID]; why != "" {
		return activities.InstructResult{}, &activities.RefusedUpdateError{Message: why}
	}
	w := f.known[in.WorkflowID]
	switch in.Update {
	case workflows.UpdateWriteOff:
		w.State, w.Ended = "uncollectible", true
	case workflows.UpdateCancel:
		w.State, w.Ended = "canceled", true
	}
	f.known[in.WorkflowID] = w
	return activities.InstructResult{State: w.State}, nil
}

func agreementInput() workflows.BillingAgreementInput {
	return workflows.BillingAgreementInput{
		Reference: "gym-17", Customer: "cus_1", PaymentMethod: "pm_card", Amount: 1099, Currency: "usd", TimeZone: "Europe/Berlin",
		Schedule: calendar.Schedule{Every: "month", On: "31", At: "09:00", Count: 3},
		Policy:   dunning.DefaultPolicy(),
	}
}

// agree runs the agreement through all its cycles to its end.
func (b *agreementBench) agree(in workflows.BillingAgreementInput) workflows.BillingAgreementResult {
	b.Helper()
	require.NoError(b, execute(b.bench, workflows.TypeBillingAgreement, in))
	var res workflows.BillingAgreementResult
	require.NoError(b, b.env.GetWorkflowResult(&res))
	require.True(b, res.State.Ended(), res.State)
	b.last = b.status()
	b.requireNoSecrets()
	return res
}

func (b *agreementBench) status() workflows.AgreementStatus {
	b.Helper()
	v, err := b.env.QueryWorkflow(workflows.QueryStatus)
	require.NoError(b, err)
	var s workflows.AgreementStatus
	require.NoError(b, v.Get(&s))
	return s
}

// expectState checks the agreement's state at a time.
func (b *agreementBench) expectState(at time.Duration, state workflows.AgreementState, reason string) {
	b.at(at, func() {
		s := b.status()
		require.Equal(b, state, s.State, "after %s (%s)", at, s.Reason)
		require.Equal(b, reason, s.Reason, "after %s", at)
	})
}

// operate sends an Update under an id.
func (b *agreementBench) operate(update, id string, op workflows.AgreementOperation) *reply[workflows.AgreementResponse] {
	r := &reply[workflows.AgreementResponse]{b: b.bench, began: b.env.Now()}
	op.Actor, op.Reason = cmp.Or(op.Actor, "ops"), cmp.Or(op.Reason, "test")
	b.env.UpdateWorkflow(update, id, r, op)
	return r
}

// day is noon UTC of a date, as time since the bench's start.
func (b *agreementBench) day(date string) time.Duration {
	b.Helper()
	d, err := time.Parse("2006-01-02", date)
	require.NoError(b, err)
	return d.Add(12 * time.Hour).Sub(b.start)
}

// charged lists the references of the charges sent, without repetitions of a key.
func (b *agreementBench) charged() []string {
	var refs []string
	for _, s := range b.stripe.sends {
		if ref := s.Metadata[activities.MetadataReference]; len(refs) == 0 || refs[len(refs)-1] != ref {
			refs = append(refs, ref)
		}
	}
	return refs
}

// states are the states of the payments shown, by reference.
func states(s workflows.AgreementStatus) map[string]workflows.AgreementPaymentState {
	m := map[string]workflows.AgreementPaymentState{}
	for _, p := range s.Payments {
		m[p.Reference] = p.State
	}
	return m
}

// lose terminates a workflow: nobody follows it any more.
func (f *family) lose(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.known[id]
	w.Lost = true
	f.known[id] = w
}
