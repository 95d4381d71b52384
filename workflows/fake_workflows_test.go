package workflows_test

import (
	"context"
	"sync"
	"time"

	"github.com/offsession/offsession/activities"
)

// fakeWorkflows are offsession's other workflows, as the activities see them: owners that are told, payments and setups
// that are read and instructed.
type fakeWorkflows struct {
	activities.Workflows

	mu  sync.Mutex
	now func() time.Time

	// failing is the answer to every call while it is set. lost is how many of the next signals arrive without their
	// sender hearing of it.
	failing error
	lost    int
	// gone are the ids that do not run any more, and are not remembered.
	gone map[string]bool
	// owned is what Owned answers by workflow id; others are not found.
	owned map[string]activities.OwnedWorkflow
	// instruct answers Instruct; nil accepts everything.
	instruct func(activities.InstructInput) (activities.InstructResult, error)
	// onEnded and onSaved deliver a signal; nil keeps it in the lists alone.
	onEnded func(activities.PaymentEndedInput)
	onSaved func(activities.PaymentMethodSavedInput)

	// calls counts all calls; ended, saved and instructed are those that arrived, toldAt when the first two did.
	calls      int
	ended      []activities.PaymentEndedInput
	saved      []activities.PaymentMethodSavedInput
	toldAt     []time.Time
	instructed []activities.InstructInput
}

func newFakeWorkflows(now func() time.Time) *fakeWorkflows {
	return &fakeWorkflows{now: now, gone: map[string]bool{}, owned: map[string]activities.OwnedWorkflow{}}
}

var _ activities.Workflows = (*fakeWorkflows)(nil)

// edit changes what the others do while a workflow runs.
func (f *fakeWorkflows) edit(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// enter counts a call and answers why it does not arrive.
func (f *fakeWorkflows) enter(workflowID string) error {
	f.calls++
	if f.failing != nil {
		return f.failing
	}
	if f.gone[workflowID] {
		return activities.ErrWorkflowNotFound
	}
	return nil
}

// deliver notes a signal that arrives. It reports whether its sender hears of that.
func (f *fakeWorkflows) deliver(owner string, note func()) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(owner); err != nil {
		return err
	}
	note()
	f.toldAt = append(f.toldAt, f.now())
	if f.lost > 0 {
		f.lost--
		return context.DeadlineExceeded
	}
	return nil
}

func (f *fakeWorkflows) PaymentEnded(_ context.Context, owner string, in activities.PaymentEndedInput) error {
	arrived := false
	err := f.deliver(owner, func() { f.ended, arrived = append(f.ended, in), true })
	if arrived && f.onEnded != nil {
		f.onEnded(in)
	}
	return err
}

func (f *fakeWorkflows) PaymentMethodSaved(_ context.Context, owner string, in activities.PaymentMethodSavedInput) error {
	arrived := false
	err := f.deliver(owner, func() { f.saved, arrived = append(f.saved, in), true })
	if arrived && f.onSaved != nil {
		f.onSaved(in)
	}
	return err
}

func (f *fakeWorkflows) Owned(_ context.Context, workflowID string) (activities.OwnedWorkflow, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(workflowID); err != nil {
		return activities.OwnedWorkflow{}, err
	}
	o, ok := f.owned[workflowID]
	if !ok {
		return activities.OwnedWorkflow{}, activities.ErrWorkflowNotFound
	}
	return o, nil
}

func (f *fakeWorkflows) Instruct(_ context.Context, in activities.InstructInput) (activities.InstructResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.enter(in.WorkflowID); err != nil {
		return activities.InstructResult{}, err
	}
	f.instructed = append(f.instructed, in)
	if f.instruct == nil {
		return activities.InstructResult{}, nil
	}
	return f.instruct(in)
}
