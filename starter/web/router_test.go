package web_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/web"
	"github.com/offsession/offsession/workflows"
)

var errDown = serviceerror.NewUnavailable("connection refused")

func newRouter() (*web.Router, *fakeTemporal, *fakeStripe) {
	temporal, stripe := &fakeTemporal{signalErr: map[string]error{}}, &fakeStripe{}
	return web.NewRouter(temporal, stripe, nil, slog.New(slog.DiscardHandler)), temporal, stripe
}

func TestEventsOfAWayReachTheirWorkflow(t *testing.T) {
	t.Parallel()
	for _, eventType := range []string{
		"checkout.session.completed", "checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed", "checkout.session.expired",
		"setup_intent.succeeded", "setup_intent.setup_failed", "setup_intent.requires_action", "setup_intent.canceled",
		"payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.processing", "payment_intent.requires_action", "payment_intent.canceled",
	} {
		router, temporal, _ := newRouter()
		temporal.set("payment:r1", nil)
		n, err := router.Route(t.Context(), activities.Event{ID: "evt_1", Type: eventType, ObjectID: "obj_1", WorkflowID: "payment:r1"})
		require.NoError(t, err, eventType)
		require.Equal(t, 1, n, eventType)
		require.Equal(t, []signal{{"payment:r1", workflows.StripeEvent{ID: "evt_1", Type: eventType, ObjectID: "obj_1"}}}, temporal.sent())
	}
}

// TestWhoHearsOfAPayment: which of a payment and the agreement it came from are told, by who of them runs.
func TestWhoHearsOfAPayment(t *testing.T) {
	t.Parallel()
	const payment, owner = "payment:a~20260101", "agreement:a"
	labels := map[string]string{activities.MetadataWorkflowID: payment, activities.MetadataOwner: owner}
	session := activities.Event{ID: "evt_1", Type: "checkout.session.completed", WorkflowID: payment, Owner: owner}
	refund := activities.Event{ID: "evt_1", Type: "charge.refunded", PaymentIntent: "pi_1"}
	warning := activities.Event{ID: "evt_1", Type: "radar.early_fraud_warning.created", PaymentIntent: "pi_1"}
	dispute := activities.Event{ID: "evt_1", Type: "charge.dispute.created", PaymentIntent: "pi_1"}
	closed := activities.Event{ID: "evt_1", Type: "charge.dispute.closed", PaymentIntent: "pi_1"}
	intent := func(eventType string) activities.Event {
		return activities.Event{ID: "evt_1", Type: eventType, WorkflowID: payment, Owner: owner}
	}
	both, neither := []string{payment, owner}, []string(nil)
	onlyPayment, onlyOwner := []string{payment}, []string{owner}
	for name, c := range map[string]struct {
		event   activities.Event
		running []string
		want    []string
	}{
		"a session, both run":              {session, both, onlyPayment},
		"a session, only the owner runs":   {session, onlyOwner, onlyOwner},
		"a session, neither runs":          {session, neither, neither},
		"a refund, both run":               {refund, both, onlyPayment},
		"a refund, only the owner runs":    {refund, onlyOwner, onlyOwner},
		"a warning, only the owner runs":   {warning, onlyOwner, onlyOwner},
		"a dispute, both run":              {dispute, both, both},
		"a dispute, only the owner runs":   {dispute, onlyOwner, onlyOwner},
		"a dispute, only the payment runs": {dispute, onlyPayment, onlyPayment},
		"a dispute, neither runs":          {dispute, neither, neither},
		"a dispute that ends":              {closed, both, both},
		"succeeded, the payment runs":      {intent("payment_intent.succeeded"), both, onlyPayment},
		"succeeded, charged inline":        {intent("payment_intent.succeeded"), onlyOwner, neither},
		"failed, charged inline":           {intent("payment_intent.payment_failed"), onlyOwner, neither},
		"processing, charged inline":       {intent("payment_intent.processing"), onlyOwner, neither},
		"requires action, charged inline":  {intent("payment_intent.requires_action"), onlyOwner, neither},
		"canceled, charged inline":         {intent("payment_intent.canceled"), onlyOwner, neither},
		"canceled, the payment alone runs": {intent("payment_intent.canceled"), onlyPayment, onlyPayment},
		"a dispute that names no payment":  {activities.Event{ID: "evt_1", Type: "charge.dispute.created"}, both, neither},
		"a dispute of another account's":   {activities.Event{ID: "evt_1", Type: "charge.dispute.created", PaymentIntent: "pi_x"}, both, neither},
		"a dispute's own metadata is not ours": {
			activities.Event{ID: "evt_1", Type: "charge.dispute.created", PaymentIntent: "pi_x", WorkflowID: payment, Owner: owner}, both, neither,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			router, temporal, stripe := newRouter()
			stripe.intents = map[string]activities.PaymentIntent{"pi_1": {Metadata: labels}}
			for _, id := range c.running {
				temporal.set(id, nil)
			}
			n, err := router.Route(t.Context(), c.event)
			require.NoError(t, err)
			require.Equal(t, len(c.want), n)
			var got []string
			for _, s := range temporal.sent() {
				got = append(got, s.workflowID)
			}
			require.Equal(t, c.want, got)
		})
	}
}

// TestADisputeReachesTheAgreementThoughItsPaymentIsDeaf: what fails is tried again by Stripe, what came through stays.
func TestADisputeReachesTheAgreementThoughItsPaymentIsDeaf(t *testing.T) {
	t.Parallel()
	router, temporal, stripe := newRouter()
	stripe.intents = map[string]activities.PaymentIntent{"pi_1": {Metadata: map[string]string{
		activities.MetadataWorkflowID: "payment:a~20260101", activities.MetadataOwner: "agreement:a",
	}}}
	temporal.set("agreement:a", nil)
	temporal.signalErr["payment:a~20260101"] = errDown
	n, err := router.Route(t.Context(), activities.Event{ID: "evt_1", Type: "charge.dispute.created", ObjectID: "du_1", PaymentIntent: "pi_1"})
	require.ErrorIs(t, err, errDown)
	require.Equal(t, 1, n)
	require.Equal(t, []signal{{"agreement:a", workflows.StripeEvent{ID: "evt_1", Type: "charge.dispute.created", ObjectID: "du_1"}}}, temporal.sent())
}

func TestForeignEventsAskNobody(t *testing.T) {
	t.Parallel()
	for _, event := range []activities.Event{
		{ID: "evt_1", Type: "payment_intent.succeeded"},
		{ID: "evt_2", Type: "invoice.paid", WorkflowID: "payment:r1"},
		{ID: "evt_3", Type: "customer.subscription.updated", Subscription: "sub_1", Customer: "cus_1"},
		{ID: "evt_8", Type: "customer.subscription.pending_update_applied", Subscription: "sub_watched"},
		{ID: "evt_9", Type: "invoice.created", Subscription: "sub_watched"},
		{ID: "evt_4", Type: "charge.refunded"},
		{ID: "evt_5", Type: "payment_method.attached"},
		{ID: "evt_6", Type: "customer.updated", Customer: "cus_1' OR WorkflowId != '"},
		{ID: "evt_7", Type: ""},
	} {
		router, temporal, stripe := newRouter()
		temporal.set("payment:r1", nil)
		temporal.set("subscription:sub_watched", nil)
		stripe.err = errors.New("must not be asked")
		n, err := router.Route(t.Context(), event)
		require.NoError(t, err, event.Type)
		require.Zero(t, n)
		require.Empty(t, temporal.sent())
		require.Empty(t, temporal.lists)
	}
}

func TestMoneyBackGoesByThePaymentIntent(t *testing.T) {
	t.Parallel()
	for _, eventType := range []string{
		"charge.dispute.created", "charge.dispute.closed", "charge.refunded", "refund.created", "refund.updated", "refund.failed", "radar.early_fraud_warning.created",
	} {
		router, temporal, stripe := newRouter()
		temporal.set("payment:r1", nil)
		stripe.intents = map[string]activities.PaymentIntent{"pi_1": {Metadata: map[string]string{activities.MetadataWorkflowID: "payment:r1"}}}
		n, err := router.Route(t.Context(), activities.Event{ID: "evt_1", Type: eventType, ObjectID: "dp_1", PaymentIntent: "pi_1"})
		require.NoError(t, err, eventType)
		require.Equal(t, 1, n, eventType)
		require.Equal(t, "dp_1", temporal.sent()[0].event.ObjectID)
	}
}

func TestMoneyBackOfOthers(t *testing.T) {
	t.Parallel()
	event := activities.Event{ID: "evt_1", Type: "charge.dispute.created", PaymentIntent: "pi_1"}

	t.Run("an own refund needs no read", func(t *testing.T) {
		t.Parallel()
		router, temporal, stripe := newRouter()
		temporal.set("payment:r1", nil)
		stripe.err = errors.New("must not be asked")
		n, err := router.Route(t.Context(), activities.Event{ID: "evt_1", Type: "refund.updated", WorkflowID: "payment:r1", PaymentIntent: "pi_1"})
		require.NoError(t, err)
		require.Equal(t, 1, n)
	})
	t.Run("its owner hears of it", func(t *testing.T) {
		t.Parallel()
		router, temporal, stripe := newRouter()
		temporal.set("agreement:a", nil)
		stripe.intents = map[string]activities.PaymentIntent{"pi_1": {Metadata: map[string]string{
			activities.MetadataWorkflowID: "payment:a~20260101", activities.MetadataOwner: "agreement:a",
		}}}
		n, err := router.Route(t.Context(), event)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.Equal(t, "agreement:a", temporal.sent()[0].workflowID)
	})
	t.Run("a PaymentIntent that is not ours", func(t *testing.T) {
		t.Parallel()
		router, _, stripe := newRouter()
		stripe.intents = map[string]activities.PaymentIntent{"pi_1": {}}
		n, err := router.Route(t.Context(), event)
		require.NoError(t, err)
		require.Zero(t, n)
	})
	t.Run("a PaymentIntent of another account", func(t *testing.T) {
		t.Parallel()
		router, _, _ := newRouter()
		n, err := router.Route(t.Context(), event)
		require.NoError(t, err)
		require.Zero(t, n)
	})
	t.Run("Stripe does not answer", func(t *testing.T) {
		t.Parallel()
		router, _, stripe := newRouter()
		stripe.err = &activities.StripeError{Kind: activities.StripeUnknown}
		_, err := router.Route(t.Context(), event)
		require.True(t, activities.IsStripeError(err, activities.StripeUnknown), "%v", err)
	})
}

// execution is a row of visibility, started so many minutes after the first.
func execution(id, workflowType string, minute int) *workflowpb.WorkflowExecutionInfo {
	return &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: id},
		Type:      &commonpb.WorkflowType{Name: workflowType},
		StartTime: timestamppb.New(time.Date(2026, 3, 1, 12, minute, 0, 0, time.UTC)),
		Status:    enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
	}
}

func TestEventsOfACustomerReachAllOpenWorkflowsOldestFirst(t *testing.T) {
	t.Parallel()
	for _, event := range []activities.Event{
		{Type: "payment_method.attached", Customer: "cus_1"},
		{Type: "payment_method.updated", Customer: "cus_1"},
		{Type: "payment_method.automatically_updated", Customer: "cus_1"},
		{Type: "payment_method.detached", PreviousCustomer: "cus_1"},
		{Type: "mandate.updated", PaymentMethod: "pm_1"},
		{Type: "customer.updated", Customer: "cus_1", WorkflowID: "save-payment-method:long-ago"},
		{Type: "customer.deleted", Customer: "cus_1"},
	} {
		t.Run(event.Type, func(t *testing.T) {
			t.Parallel()
			event.ID = "evt_1"
			router, temporal, stripe := newRouter()
			stripe.methods = map[string]activities.PaymentMethod{"pm_1": {Customer: "cus_1"}}
			temporal.listed = []*workflowpb.WorkflowExecutionInfo{
				execution("payment:new", workflows.TypeCollectPayment, 9),
				execution("agreement:a", workflows.TypeBillingAgreement, 5),
				execution("save-payment-method:s", workflows.TypeSavePaymentMethod, 4),
				execution("payment:gone", workflows.TypeCollectPayment, 3),
				execution("payment:old", workflows.TypeCollectPayment, 1),
			}
			for _, id := range []string{"payment:new", "payment:old", "save-payment-method:s", "agreement:a"} {
				temporal.set(id, nil)
			}
			n, err := router.Route(t.Context(), event)
			require.NoError(t, err)
			require.Equal(t, 4, n, "one has ended since it was listed")

			hint := func(delay int) workflows.StripeEvent {
				return workflows.StripeEvent{ID: "evt_1", Type: event.Type, DelayMinutes: delay}
			}
			require.Equal(t, []signal{
				{"payment:old", hint(0)}, {"save-payment-method:s", hint(0)}, {"agreement:a", hint(0)}, {"payment:new", hint(20)},
			}, temporal.sent(), "payments are 10 minutes apart, by their rank among payments")
			require.Len(t, temporal.lists, 1)
			require.Regexp(t, `^OffsessionCustomer = 'cus_1' AND \(ExecutionStatus = 'Running' OR ExecutionStatus = 'ContinuedAsNew' AND CloseTime > '[0-9TZ:-]{20}'\)$`, temporal.lists[0].GetQuery())
		})
	}
}

// Visibility knows the end of a run before it knows the next one, and for a moment both.
func TestEventsOfACustomerReachAWorkflowThatContinuesAsNewOnce(t *testing.T) {
	t.Parallel()
	continued := execution("agreement:a", workflows.TypeBillingAgreement, 4)
	continued.Status = enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW
	for name, listed := range map[string][]*workflowpb.WorkflowExecutionInfo{
		"the old run alone": {continued},
		"both runs":         {execution("agreement:a", workflows.TypeBillingAgreement, 5), continued},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			router, temporal, _ := newRouter()
			temporal.listed = listed
			temporal.set("agreement:a", nil)
			n, err := router.Route(t.Context(), activities.Event{ID: "evt_1", Type: "payment_method.detached", PreviousCustomer: "cus_1"})
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.Len(t, temporal.sent(), 1)
		})
	}
}

func TestOneEventReachesAtMostAHundredWorkflows(t *testing.T) {
	t.Parallel()
	router, temporal, _ := newRouter()
	for i := range 130 {
		id := fmt.Sprintf("payment:%03d", i)
		temporal.listed = append(temporal.listed, execution(id, workflows.TypeCollectPayment, 200-i))
		temporal.set(id, nil)
	}
	n, err := router.Route(t.Context(), activities.Event{ID: "evt_1", Type: "customer.updated", Customer: "cus_1"})
	require.NoError(t, err)
	require.Equal(t, 100, n)
	sent := temporal.sent()
	require.Equal(t, "payment:129", sent[0].workflowID, "the oldest")
	require.Equal(t, "payment:030", sent[99].workflowID)
	require.Equal(t, 990, sent[99].event.DelayMinutes)
}

func TestOneDeafWorkflowDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	router, temporal, _ := newRouter()
	temporal.listed = []*workflowpb.WorkflowExecutionInfo{
		execution("payment:a", workflows.TypeCollectPayment, 1), execution("payment:b", workflows.TypeCollectPayment, 2),
	}
	temporal.set("payment:a", nil)
	temporal.set("payment:b", nil)
	temporal.signalErr["payment:a"] = errDown
	n, err := router.Route(t.Context(), activities.Event{ID: "evt_1", Type: "customer.updated", Customer: "cus_1"})
	require.ErrorIs(t, err, errDown)
	require.Equal(t, 1, n)
	require.Equal(t, "payment:b", temporal.sent()[0].workflowID)
}

func TestWhatTemporalSaysAboutASignal(t *testing.T) {
	t.Parallel()
	event := activities.Event{ID: "evt_1", Type: "checkout.session.completed", WorkflowID: "payment:r1", Owner: "agreement:a"}
	for name, c := range map[string]struct {
		err       error
		delivered int
		again     bool
	}{
		"accepted":                      {nil, 1, false},
		"ended":                         {serviceerror.NewNotFound("workflow execution already completed"), 1, false},
		"refused for good":              {serviceerror.NewInvalidArgument("exceeded workflow execution limit for signal events"), 1, false},
		"unavailable":                   {errDown, 0, true},
		"busy":                          {serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT, "slow down"), 0, true},
		"namespace missing":             {serviceerror.NewNamespaceNotFound("default"), 0, true},
		"not allowed":                   {serviceerror.NewPermissionDenied("no", ""), 0, true},
		"no answer before the deadline": {serviceerror.NewDeadlineExceeded("late"), 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			router, temporal, _ := newRouter()
			temporal.set("payment:r1", nil)
			temporal.set("agreement:a", nil)
			temporal.signalErr["payment:r1"] = c.err
			n, err := router.Route(t.Context(), event)
			require.Equal(t, c.delivered, n)
			if c.again {
				require.ErrorIs(t, err, c.err)
				return
			}
			require.NoError(t, err)
		})
	}
}

func TestVisibilityThatDoesNotAnswerIsAnError(t *testing.T) {
	t.Parallel()
	router, temporal, _ := newRouter()
	temporal.down = errDown
	_, err := router.Route(t.Context(), activities.Event{ID: "evt_1", Type: "customer.updated", Customer: "cus_1"})
	require.ErrorIs(t, err, errDown)
}
