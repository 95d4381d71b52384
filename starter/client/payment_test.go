package client

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

var (
	noon    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	linkEnd = time.Date(2126, 3, 1, 12, 0, 0, 0, time.UTC)
)

func TestPayment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	status := workflows.PaymentStatus{Reference: "order-17", State: workflows.PaymentAwaitingCustomer, Customer: "cus_1", Amount: 1099, Currency: "usd", LinkExpires: linkEnd}
	b.answers(t, "payment:order-17", status)
	p, err := b.Payment(t.Context(), "order-17")
	require.NoError(t, err)
	require.Equal(t, Payment{PaymentStatus: status, WorkflowID: "payment:order-17", Link: "https://pay.example.com/c/payment:order-17/2126-03-01"}, p)
}

// TestPaymentWithOwner: the owner has one place in what an app reads, and in its JSON.
func TestPaymentWithOwner(t *testing.T) {
	t.Parallel()
	b := setup(t)
	status := workflows.PaymentStatus{Reference: "gym-17~20260301", State: workflows.PaymentProcessing, Owner: "agreement:gym-17"}
	b.answers(t, "payment:gym-17~20260301", status)
	p, err := b.Payment(t.Context(), "gym-17~20260301")
	require.NoError(t, err)
	require.Equal(t, "agreement:gym-17", p.Owner)
	text, err := json.Marshal(p)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(text), `"owner":"agreement:gym-17"`))
}

func TestPaymentWithoutWorkflow(t *testing.T) {
	t.Parallel()
	intent := func(id string, status activities.PaymentIntentStatus, created time.Time) activities.PaymentIntent {
		return activities.PaymentIntent{ID: id, Status: status, Amount: 1099, Currency: "usd", Customer: "cus_1", PaymentMethod: "pm_1", Created: created,
			Metadata: map[string]string{activities.MetadataAttempt: "1", activities.MetadataOwner: "agreement:gym-17"}}
	}
	declined := intent("pi_declined", activities.PaymentIntentRequiresPaymentMethod, noon)
	declined.LastError = activities.Codes{Code: "card_declined", DeclineCode: "insufficient_funds"}
	tests := []struct {
		name    string
		found   []activities.PaymentIntent
		state   workflows.PaymentState
		intent  string
		outcome activities.ChargeOutcome // of the last attempt
	}{
		{"Paid", []activities.PaymentIntent{intent("pi_1", activities.PaymentIntentSucceeded, noon)}, workflows.PaymentPaid, "pi_1", activities.ChargeSucceeded},
		{"PaidBeforeTheNewest", []activities.PaymentIntent{
			intent("pi_2", activities.PaymentIntentCanceled, noon.Add(time.Hour)), intent("pi_1", activities.PaymentIntentSucceeded, noon),
		}, workflows.PaymentPaid, "pi_1", activities.ChargeCanceled},
		{"Processing", []activities.PaymentIntent{intent("pi_1", activities.PaymentIntentProcessing, noon)}, workflows.PaymentProcessing, "pi_1", activities.ChargeProcessing},
		{"NewestDecides", []activities.PaymentIntent{
			intent("pi_1", activities.PaymentIntentCanceled, noon), intent("pi_2", activities.PaymentIntentProcessing, noon.Add(time.Hour)),
		}, workflows.PaymentProcessing, "pi_2", activities.ChargeProcessing},
		{"Canceled", []activities.PaymentIntent{intent("pi_1", activities.PaymentIntentCanceled, noon)}, workflows.PaymentCanceled, "pi_1", activities.ChargeCanceled},
		{"Declined", []activities.PaymentIntent{declined}, workflows.PaymentNeedsAttention, "pi_declined", activities.ChargeDeclined},
		{"Authentication", []activities.PaymentIntent{intent("pi_1", activities.PaymentIntentRequiresAction, noon)}, workflows.PaymentNeedsAttention, "pi_1", activities.ChargeNeedsCustomer},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.stripe.intents = map[string][]activities.PaymentIntent{"gym-17~20260301": test.found}
			b.queried("payment:gym-17~20260301").Return(nil, errNotFound)
			p, err := b.Payment(t.Context(), "gym-17~20260301")
			require.NoError(t, err)
			require.Equal(t, test.state, p.State)
			require.Equal(t, test.intent, p.PaymentIntent)
			require.Equal(t, "agreement:gym-17", p.Owner)
			require.Equal(t, int64(1099), p.Amount)
			require.Empty(t, p.Link)
			require.Len(t, p.Attempts, len(test.found))
			require.Equal(t, test.outcome, p.Attempts[len(p.Attempts)-1].Outcome)
			require.Equal(t, test.state == workflows.PaymentNeedsAttention, p.Reason == "no_workflow")
		})
	}

	for name, option := range map[string]func(*Options){"NotInStripe": func(*Options) {}, "NoStripe": withoutStripe} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, option)
			b.queried("payment:gone").Return(nil, errNotFound)
			_, err := b.Payment(t.Context(), "gone")
			require.ErrorIs(t, err, ErrNotFound)
			require.ErrorContains(t, err, `payment "gone"`)
		})
	}
}

func TestPaymentNobodyAnswers(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{
		"NoPoller": serviceerror.NewFailedPrecondition("no poller seen for task queue recently, worker may be down"),
		"Timeout":  serviceerror.NewDeadlineExceeded("context deadline exceeded"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.queried("payment:order-17").Return(nil, cause)
			_, err := b.Payment(t.Context(), "order-17")
			require.ErrorIs(t, err, cause)
			require.ErrorContains(t, err, `payment:order-17 does not answer; is a worker running on task queue "offsession"?`)
		})
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	op := Operation{Actor: "ops", Reason: "asked by phone"}
	due := time.Now().Add(time.Hour)
	tests := []struct {
		name string
		call func(bundle) (Answer, error)
		want sdk.UpdateWorkflowOptions
	}{
		{"Retry", func(b bundle) (Answer, error) { return b.RetryPayment(t.Context(), "r", op) },
			sdk.UpdateWorkflowOptions{WorkflowID: "payment:r", UpdateName: "retry", Args: []any{op}}},
		{"Reschedule", func(b bundle) (Answer, error) {
			return b.ReschedulePayment(t.Context(), "r", Operation{Actor: "ops", Reason: "asked by phone", Due: due})
		}, sdk.UpdateWorkflowOptions{WorkflowID: "payment:r", UpdateName: "reschedule", Args: []any{Operation{Actor: "ops", Reason: "asked by phone", Due: due.UTC().Truncate(time.Second)}}}},
		{"ChangeMethod", func(b bundle) (Answer, error) {
			b.answers(t, "payment:r", workflows.PaymentStatus{Customer: "cus_1"})
			return b.ChangePaymentMethod(t.Context(), "r", Operation{Actor: "ops", Reason: "asked by phone", PaymentMethod: "pm_1"})
		}, sdk.UpdateWorkflowOptions{WorkflowID: "payment:r", UpdateName: "change_payment_method", Args: []any{Operation{Actor: "ops", Reason: "asked by phone", PaymentMethod: "pm_1"}}}},
		{"WriteOff", func(b bundle) (Answer, error) { return b.WriteOffPayment(t.Context(), "gym~20260301", op) },
			sdk.UpdateWorkflowOptions{WorkflowID: "payment:gym~20260301", UpdateName: "write_off", Args: []any{op}}},
		{"Cancel", func(b bundle) (Answer, error) { return b.CancelPayment(t.Context(), "r", op) },
			sdk.UpdateWorkflowOptions{WorkflowID: "payment:r", UpdateName: "cancel", Args: []any{op}}},
		{"CancelSave", func(b bundle) (Answer, error) { return b.CancelSavePaymentMethod(t.Context(), "r", op) },
			sdk.UpdateWorkflowOptions{WorkflowID: "save-payment-method:r", UpdateName: "cancel", Args: []any{op}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			test.want.WaitForStage = sdk.WorkflowUpdateStageCompleted
			b.temporal.On("UpdateWorkflow", mock.Anything, test.want).Return(handle(t, Answer{State: "canceled", Pending: true}, nil), nil)
			answer, err := test.call(b)
			require.NoError(t, err)
			require.Equal(t, Answer{State: "canceled", Pending: true}, answer)
		})
	}
}

func TestOperationRefused(t *testing.T) {
	t.Parallel()
	op := Operation{Actor: "ops", Reason: "asked by phone"}
	no := temporal.NewNonRetryableApplicationError("retry is not possible while processing", workflows.RefusedError, nil)
	tests := []struct {
		name  string
		setup func(bundle)
		want  string // of the refusal; "" is: not found
	}{
		{"ByWorkflow", func(b bundle) {
			b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(handle(t, nil, no), nil)
		}, "retry is not possible while processing"},
		{"Ended", func(b bundle) {
			b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, errNotFound)
			b.describes(t, "payment:r", nil, "paid")
		}, "payment:r has ended as paid"},
		{"OnlyInStripe", func(b bundle) {
			b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, errNotFound)
			b.knowsNo("payment:r")
			b.stripe.intents = map[string][]activities.PaymentIntent{"r": {{ID: "pi_1", Status: activities.PaymentIntentSucceeded}}}
		}, `payment "r" is paid in Stripe (pi_1), and no workflow runs for it`},
		{"Nowhere", func(b bundle) {
			b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, errNotFound)
			b.knowsNo("payment:r")
		}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			test.setup(b)
			_, err := b.RetryPayment(t.Context(), "r", op)
			if test.want == "" {
				require.ErrorIs(t, err, ErrNotFound)
				return
			}
			var refused *RefusedError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, test.want, refused.Message)
		})
	}

	t.Run("NobodyAnswers", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.temporal.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(nil, sdk.NewWorkflowUpdateServiceTimeoutOrCanceledError(context.DeadlineExceeded))
		_, err := b.RetryPayment(t.Context(), "r", op)
		require.ErrorContains(t, err, "is a worker running on task queue")
	})
}

func TestOperationInvalid(t *testing.T) {
	t.Parallel()
	long := make([]byte, 201)
	for i := range long {
		long[i] = 'x'
	}
	tests := []struct {
		name  string
		call  func(bundle) (Answer, error)
		field string
	}{
		{"NoActor", func(b bundle) (Answer, error) { return b.RetryPayment(t.Context(), "r", Operation{Reason: "x"}) }, "actor"},
		{"BlankActor", func(b bundle) (Answer, error) {
			return b.RetryPayment(t.Context(), "r", Operation{Actor: " ", Reason: "x"})
		}, "actor"},
		{"LongActor", func(b bundle) (Answer, error) {
			return b.RetryPayment(t.Context(), "r", Operation{Actor: string(long[:81]), Reason: "x"})
		}, "actor"},
		{"LongReason", func(b bundle) (Answer, error) {
			return b.CancelPayment(t.Context(), "r", Operation{Actor: "x", Reason: string(long)})
		}, "reason"},
		{"Reference", func(b bundle) (Answer, error) {
			return b.CancelPayment(t.Context(), "a b", Operation{Actor: "x", Reason: "x"})
		}, "reference"},
		{"NoDue", func(b bundle) (Answer, error) {
			return b.ReschedulePayment(t.Context(), "r", Operation{Actor: "x", Reason: "x"})
		}, "due"},
		{"PastDue", func(b bundle) (Answer, error) {
			return b.ReschedulePayment(t.Context(), "r", Operation{Actor: "x", Reason: "x", Due: noon.AddDate(-10, 0, 0)})
		}, "due"},
		{"FarDue", func(b bundle) (Answer, error) {
			return b.ReschedulePayment(t.Context(), "r", Operation{Actor: "x", Reason: "x", Due: time.Now().AddDate(101, 0, 0)})
		}, "due"},
		{"NoMethod", func(b bundle) (Answer, error) {
			return b.ChangePaymentMethod(t.Context(), "r", Operation{Actor: "x", Reason: "x"})
		}, "payment_method"},
		{"ForeignMethod", func(b bundle) (Answer, error) {
			b.answers(t, "payment:r", workflows.PaymentStatus{Customer: "cus_1"})
			return b.ChangePaymentMethod(t.Context(), "r", Operation{Actor: "x", Reason: "x", PaymentMethod: "pm_foreign"})
		}, "payment_method"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := test.call(setup(t))
			var invalid *InvalidError
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, test.field, invalid.Field)
		})
	}
}

func TestListPayments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const query = "WorkflowType = 'CollectPayment' AND ExecutionStatus != 'ContinuedAsNew' AND OffsessionState = 'paid' AND ExecutionStatus IN ('Running', 'Completed') AND OffsessionCustomer = 'cus_1'"
	execution := func(reference string) *workflow.WorkflowExecutionInfo {
		return &workflow.WorkflowExecutionInfo{
			Execution: &common.WorkflowExecution{WorkflowId: "payment:" + reference},
			StartTime: timestamppb.New(noon),
			SearchAttributes: &common.SearchAttributes{IndexedFields: map[string]*common.Payload{
				"OffsessionState": payload(t, "paid"), "OffsessionCustomer": payload(t, "cus_1"), "OffsessionAmount": payload(t, 1099),
				"OffsessionCurrency": payload(t, "usd"), "OffsessionNextActionAt": payload(t, noon),
			}},
		}
	}
	page := func(token string, references ...string) *workflowservice.ListWorkflowExecutionsResponse {
		r := &workflowservice.ListWorkflowExecutionsResponse{NextPageToken: []byte(token)}
		for _, reference := range references {
			r.Executions = append(r.Executions, execution(reference))
		}
		return r
	}
	b.temporal.On("ListWorkflow", mock.Anything, mock.Anything).Return(func(_ context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
		if r.GetQuery() != query {
			return nil, errors.New("query: " + r.GetQuery())
		}
		if len(r.GetNextPageToken()) == 0 {
			return page("more", "a", "b"), nil
		}
		return page("", "c"), nil
	})
	var got []PaymentSummary
	for p, err := range b.ListPayments(t.Context(), PaymentFilter{State: workflows.PaymentPaid, Customer: "cus_1"}) {
		require.NoError(t, err)
		got = append(got, p)
	}
	require.Len(t, got, 3)
	require.Equal(t, PaymentSummary{Reference: "c", WorkflowID: "payment:c", State: workflows.PaymentPaid, Customer: "cus_1",
		Amount: 1099, Currency: "usd", NextActionAt: noon, StartedAt: noon}, got[2])

	attention, err := paymentQuery(PaymentFilter{State: workflows.PaymentNeedsAttention})
	require.NoError(t, err)
	require.Contains(t, attention, "AND (OffsessionState = 'needs_attention' OR ExecutionStatus IN ('Terminated', 'Failed', 'TimedOut', 'Canceled'))")
	terminated := execution("d")
	terminated.Status = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
	require.Equal(t, workflows.PaymentNeedsAttention, summaryOf(terminated).State)
	require.Equal(t, "Terminated", summaryOf(terminated).ExecutionStatus)

	for _, filter := range []PaymentFilter{{State: "late"}, {Customer: "x' OR '1'='1"}} {
		for _, err := range setup(t).ListPayments(t.Context(), filter) {
			var invalid *InvalidError
			require.ErrorAs(t, err, &invalid)
		}
	}
}
