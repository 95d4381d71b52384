package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// TestRunIsReset: an operator resets a run that has charged its pages. The customer of a row without a payment method has paid
// meanwhile, and could be charged by now: nothing is taken twice.
func TestRunIsReset(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{})
	rows := s.rows(6)
	row := &rows[3]
	row.customer, row.method, row.want = s.customer(row.reference), "", activities.ChargeDeclined
	r := s.bill(rows).start()
	r.ends(workflows.RunCompleted, patience)
	p := s.becomes(row.reference, workflows.PaymentAwaitingCustomer)
	s.payByLink(p.Link, purchase{Number: goodCard})
	s.ended(row.reference, workflows.PaymentPaid)
	s.stripe(http.MethodPost, "/v1/customers/"+row.customer, form("invoice_settings[default_payment_method]", s.attach(row.customer, visa)))

	// The page is given out again.
	id := workflows.BillingRunID(r.Reference)
	history := s.temporal.GetWorkflowHistory(t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	var before int64
	for {
		event, err := history.Next()
		require.NoError(t, err)
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			before = event.GetEventId()
		}
		if event.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName() == "ChargePage" {
			break
		}
	}
	_, err := s.temporal.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: s.config.Temporal.Namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id},
		Reason: "a test", WorkflowTaskFinishEventId: before, RequestId: "reset",
	})
	require.NoError(t, err)
	require.NoError(t, s.temporal.GetWorkflow(t.Context(), id, "").Get(t.Context(), nil))

	for _, line := range r.report(r.ends(workflows.RunCompleted, patience)) {
		require.Equal(t, line.want, line.outcome, "%+v", line)
		require.Equal(t, line.reference == row.reference, line.handedOver, "%+v", line)
		s.paidOnce(line.reference)
	}
	require.NoError(t, checkLedger(s.sandbox.Ledger("")))
}
