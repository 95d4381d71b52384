package activities_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// workflowsStub answers every call with the same error, and notes what it got.
type workflowsStub struct {
	activities.Workflows

	err   error
	calls []any
	owned activities.OwnedWorkflow
	res   activities.InstructResult
}

func (s *workflowsStub) note(workflowID string, in any) error {
	s.calls = append(s.calls, workflowID, in)
	return s.err
}

func (s *workflowsStub) PaymentEnded(_ context.Context, owner string, in activities.PaymentEndedInput) error {
	return s.note(owner, in)
}

func (s *workflowsStub) PaymentMethodSaved(_ context.Context, owner string, in activities.PaymentMethodSavedInput) error {
	return s.note(owner, in)
}

func (s *workflowsStub) Owned(_ context.Context, workflowID string) (activities.OwnedWorkflow, error) {
	return s.owned, s.note(workflowID, nil)
}

func (s *workflowsStub) Instruct(_ context.Context, in activities.InstructInput) (activities.InstructResult, error) {
	return s.res, s.note(in.WorkflowID, in)
}

func (s *workflowsStub) handovers() *activities.Handovers {
	return activities.New(activities.Ports{Workflows: s}).Handovers
}

var (
	errGone        = fmt.Errorf("signal payment_ended: %w", activities.ErrWorkflowNotFound)
	errUnavailable = errors.New("connection refused")
)

func TestTellOwner(t *testing.T) {
	t.Parallel()
	ended := activities.PaymentEndedInput{Owner: "agreement:a", Reference: "a~20260101", State: "paid", PaymentIntent: "pi_1", PaymentMethod: "pm_2"}
	saved := activities.PaymentMethodSavedInput{Owner: "agreement:a", Reference: "a~card1", State: "saved", PaymentMethod: "pm_2"}
	for name, test := range map[string]struct {
		err   error
		again bool
	}{
		"told":                            {},
		"the owner has ended":             {err: errGone},
		"Temporal does not answer, again": {err: errUnavailable, again: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &workflowsStub{err: test.err}
			for _, tell := range []func() error{
				func() error {
					_, err := (&run{}).env(t, s.handovers().TellPaymentEnded).ExecuteActivity(s.handovers().TellPaymentEnded, ended)
					return err
				},
				func() error {
					_, err := (&run{}).env(t, s.handovers().TellPaymentMethodSaved).ExecuteActivity(s.handovers().TellPaymentMethodSaved, saved)
					return err
				},
			} {
				err := tell()
				if test.again {
					requireError(t, err, activities.ErrorWorkflowUnavailable, true)
				} else {
					require.NoError(t, err)
				}
			}
			require.Equal(t, []any{"agreement:a", ended, "agreement:a", saved}, s.calls)
		})
	}
}

func TestReadOwned(t *testing.T) {
	t.Parallel()
	in := activities.ReadOwnedInput{WorkflowID: "payment:a~20260101"}
	s := &workflowsStub{owned: activities.OwnedWorkflow{State: "paid", Ended: true, Customer: "cus_1", Amount: 1099, Currency: "usd"}}
	res, err := do(t, &run{}, s.handovers().ReadOwned, in)
	require.NoError(t, err)
	require.Equal(t, activities.ReadOwnedResult{Found: true, OwnedWorkflow: s.owned}, res)
	require.Equal(t, []any{"payment:a~20260101", nil}, s.calls)

	res, err = do(t, &run{}, (&workflowsStub{err: errGone, owned: s.owned}).handovers().ReadOwned, in)
	require.NoError(t, err)
	require.Equal(t, activities.ReadOwnedResult{}, res)

	_, err = do(t, &run{}, (&workflowsStub{err: errUnavailable}).handovers().ReadOwned, in)
	requireError(t, err, activities.ErrorWorkflowUnavailable, true)
}

func TestInstruct(t *testing.T) {
	t.Parallel()
	in := activities.InstructInput{
		WorkflowID: "payment:a~20260101", Update: "change_payment_method", RequestID: "r1", Actor: "agreement", Reason: "new card", PaymentMethod: "pm_2",
	}
	accepted := activities.InstructResult{State: "retry_scheduled", Pending: true}
	for name, test := range map[string]struct {
		err  error
		want activities.InstructResult
	}{
		"accepted": {want: accepted},
		"refused":  {err: fmt.Errorf("update: %w", &activities.RefusedUpdateError{Message: "the payment is paid"}), want: activities.InstructResult{Refused: "the payment is paid"}},
		"ended":    {err: errGone, want: activities.InstructResult{Ended: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &workflowsStub{err: test.err, res: accepted}
			res, err := do(t, &run{}, s.handovers().Instruct, in)
			require.NoError(t, err)
			require.Equal(t, test.want, res)
			require.Equal(t, []any{"payment:a~20260101", in}, s.calls)
		})
	}
	_, err := do(t, &run{}, (&workflowsStub{err: errUnavailable}).handovers().Instruct, in)
	requireError(t, err, activities.ErrorWorkflowUnavailable, true)
}
