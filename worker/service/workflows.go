package service

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// temporalWorkflows lets activities reach offsession's other workflows through Temporal.
type temporalWorkflows struct {
	client client.Client
	// taskQueue is the main one, on which payments are started.
	taskQueue string
}

var _ activities.Workflows = temporalWorkflows{}

// PaymentEnded signals an owner's present run.
func (t temporalWorkflows) PaymentEnded(ctx context.Context, owner string, in activities.PaymentEndedInput) error {
	return t.signal(ctx, owner, workflows.SignalPaymentEnded, workflows.PaymentEnded{
		Reference:     in.Reference,
		State:         workflows.PaymentState(in.State),
		PaymentIntent: in.PaymentIntent,
		PaymentMethod: in.PaymentMethod,
		DeclineCode:   in.DeclineCode,
	})
}

// PaymentMethodSaved signals an owner's present run.
func (t temporalWorkflows) PaymentMethodSaved(ctx context.Context, owner string, in activities.PaymentMethodSavedInput) error {
	return t.signal(ctx, owner, workflows.SignalPaymentMethodSaved, workflows.PaymentMethodSaved{
		Reference:     in.Reference,
		State:         workflows.SetupState(in.State),
		PaymentMethod: in.PaymentMethod,
	})
}

func (t temporalWorkflows) signal(ctx context.Context, workflowID, name string, arg any) error {
	if err := t.client.SignalWorkflow(ctx, workflowID, "", name, arg); err != nil {
		return orNotFound("signal "+name, err)
	}
	return nil
}

// Owned describes a workflow and asks it for its status, which an ended one answers too. One that did not end by itself is
// not asked: what it would say is not kept by anybody.
func (t temporalWorkflows) Owned(ctx context.Context, workflowID string) (activities.OwnedWorkflow, error) {
	described, err := t.client.DescribeWorkflow(ctx, workflowID, "")
	if err != nil {
		return activities.OwnedWorkflow{}, orNotFound("describe", err)
	}
	if lost(described.Status) {
		sa := described.TypedSearchAttributes
		o := activities.OwnedWorkflow{Lost: true, Ended: true}
		o.State, _ = sa.GetKeyword(workflows.SearchState)
		o.Customer, _ = sa.GetKeyword(workflows.SearchCustomer)
		o.Amount, _ = sa.GetInt64(workflows.SearchAmount)
		o.Currency, _ = sa.GetKeyword(workflows.SearchCurrency)
		return o, nil
	}
	answer, err := t.client.QueryWorkflow(ctx, workflowID, "", workflows.QueryStatus)
	if err != nil {
		return activities.OwnedWorkflow{}, orNotFound("query "+workflows.QueryStatus, err)
	}
	if workflowID == workflows.SavePaymentMethodID(workflows.ReferenceOf(workflowID)) {
		var s workflows.SetupStatus
		if err := answer.Get(&s); err != nil {
			return activities.OwnedWorkflow{}, fmt.Errorf("read the status: %w", err)
		}
		return ownedSetup(s), nil
	}
	var s workflows.PaymentStatus
	if err := answer.Get(&s); err != nil {
		return activities.OwnedWorkflow{}, fmt.Errorf("read the status: %w", err)
	}
	return ownedPayment(s), nil
}

// lost reports whether a workflow was stopped from outside, or failed.
func lost(s enumspb.WorkflowExecutionStatus) bool {
	switch s {
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, enumspb.WORKFLOW_EXECUTION_STATUS_FAILED,
		enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return true
	case enumspb.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
		enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW,
		enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED:
	}
	return false
}

func ownedPayment(s workflows.PaymentStatus) activities.OwnedWorkflow {
	o := activities.OwnedWorkflow{
		State: string(s.State), Ended: s.State.Ended(), Owner: s.Owner,
		Customer: s.Customer, Amount: s.Amount, Currency: s.Currency,
	}
	if s.State == workflows.PaymentPaid {
		o.PaymentIntent, o.PaymentMethod = s.PaymentIntent, s.PaymentMethod
	} else if n := len(s.Attempts); n > 0 {
		o.DeclineCode = s.Attempts[n-1].Reason()
	}
	if len(s.Attempts) > 0 && s.Attempts[0].Number == 1 {
		first := s.Attempts[0]
		o.FirstAttempt = &activities.ChargeResult{
			Outcome: first.Outcome, PaymentIntent: s.PaymentIntent, PaymentMethod: first.PaymentMethod, Codes: first.Codes,
		}
	}
	return o
}

func ownedSetup(s workflows.SetupStatus) activities.OwnedWorkflow {
	return activities.OwnedWorkflow{
		State: string(s.State), Ended: s.State.Ended(), Owner: s.Owner,
		Customer: s.Customer, PaymentMethod: s.PaymentMethod,
	}
}

// Instruct sends an Update and waits until it is carried out, for as long as the context lasts.
func (t temporalWorkflows) Instruct(ctx context.Context, in activities.InstructInput) (activities.InstructResult, error) {
	handle, err := t.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID:   in.WorkflowID,
		UpdateID:     in.RequestID,
		UpdateName:   in.Update,
		Args:         []any{workflows.Operation{Actor: in.Actor, Reason: in.Reason, PaymentMethod: in.PaymentMethod}},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	var answer workflows.OperationResponse
	if err == nil {
		err = handle.Get(ctx, &answer)
	}
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok && app.Type() == workflows.RefusedError {
		return activities.InstructResult{}, &activities.RefusedUpdateError{Message: app.Message()}
	}
	if err != nil {
		return activities.InstructResult{}, orNotFound("update "+in.Update, err)
	}
	return activities.InstructResult{State: answer.State, Pending: answer.Pending}, nil
}

// orNotFound tells a workflow that does not run, or is not remembered, from one that cannot be reached.
func orNotFound(what string, err error) error {
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return fmt.Errorf("%s: %w", what, activities.ErrWorkflowNotFound)
	}
	return fmt.Errorf("%s: %w", what, err)
}
