package client

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// bundle is a client on a mocked Temporal and a small Stripe.
type bundle struct {
	*Client
	temporal *mocks.Client
	stripe   *fakeStripe
}

func setup(t *testing.T, options ...func(*Options)) bundle {
	t.Helper()
	b := bundle{temporal: mocks.NewClient(t), stripe: &fakeStripe{
		customers: map[string]activities.Customer{
			"cus_1":       {ID: "cus_1"},
			"cus_berlin":  {ID: "cus_berlin", TimeZone: "Europe/Berlin"},
			"cus_nowhere": {ID: "cus_nowhere", TimeZone: "Europe/Bonn"},
			"cus_deleted": {ID: "cus_deleted", Deleted: true},
		},
		methods: map[string]activities.PaymentMethod{
			"pm_1":       {ID: "pm_1", Customer: "cus_1"},
			"pm_foreign": {ID: "pm_foreign", Customer: "cus_berlin"},
			"pm_loose":   {ID: "pm_loose"},
		},
	}}
	o := Options{Stripe: b.stripe, Links: fakeLinks{}}
	for _, set := range options {
		set(&o)
	}
	var err error
	b.Client, err = New(b.temporal, o)
	require.NoError(t, err)
	return b
}

// accepted lets Temporal accept one start, and hands back what was sent.
func accepted[In any](t *testing.T, b bundle, workflowType, id string, start func() (Started, error)) (options sdk.StartWorkflowOptions, in In) {
	t.Helper()
	run := mocks.NewWorkflowRun(t)
	run.On("GetID").Return(id)
	run.On("GetRunID").Return("run-1")
	b.temporal.On("ExecuteWorkflow", mock.Anything, mock.Anything, workflowType, mock.Anything).Return(run, nil).Once().Run(func(args mock.Arguments) {
		options, in = args.Get(1).(sdk.StartWorkflowOptions), args.Get(3).(In)
	})
	started, err := start()
	require.NoError(t, err)
	require.Equal(t, Started{WorkflowID: id, RunID: "run-1"}, started)
	return options, in
}

// onlyOnce checks that a workflow is started once for ever, and ends by itself alone.
func onlyOnce(t *testing.T, options sdk.StartWorkflowOptions) {
	t.Helper()
	require.Equal(t, enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL, options.WorkflowIDConflictPolicy)
	require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE, options.WorkflowIDReusePolicy)
	require.True(t, options.WorkflowExecutionErrorWhenAlreadyStarted)
	require.Nil(t, options.RetryPolicy)
	require.Zero(t, options.WorkflowExecutionTimeout)
	require.Zero(t, options.WorkflowRunTimeout)
}

// listFails checks what a list says when Temporal does not answer.
func listFails[T any](t *testing.T, what string, list func(b bundle) iter.Seq2[T, error]) {
	t.Helper()
	down := errors.New("down")
	b := setup(t)
	b.temporal.On("ListWorkflow", mock.Anything, mock.Anything).Return(nil, down)
	for _, err := range list(b) {
		require.ErrorIs(t, err, down)
		require.ErrorContains(t, err, what)
	}
}

func withoutStripe(o *Options) { o.Stripe = nil }

type fakeLinks struct{}

func (fakeLinks) Link(workflowID string, expires time.Time) string {
	return "https://pay.example.com/c/" + workflowID + "/" + expires.UTC().Format(time.DateOnly)
}

// fakeStripe knows some customers, methods and payments; err is its answer to everything when set.
type fakeStripe struct {
	customers map[string]activities.Customer
	methods   map[string]activities.PaymentMethod
	intents   map[string][]activities.PaymentIntent
	err       error
	fakeSubscriptions
}

// fakeSubscriptions knows some subscriptions, with their invoices by subscription, and setups by payment method. Listed are
// those in the order given, two to a page, then listErr.
type fakeSubscriptions struct {
	subscriptions map[string]activities.Subscription
	invoices      map[string][]activities.Invoice
	setups        map[string][]activities.SetupIntent
	listed        []activities.Subscription
	listErr       error
	subErr        map[string]error
	// reads are the subscriptions asked for one by one.
	reads []string
}

func (f *fakeSubscriptions) Subscription(_ context.Context, id string) (activities.Subscription, error) {
	f.reads = append(f.reads, id)
	return look(f.subErr[id], f.subscriptions, id)
}

func (f *fakeSubscriptions) SubscriptionInvoices(_ context.Context, subscription string) ([]activities.Invoice, error) {
	return f.invoices[subscription], nil
}

func (f *fakeSubscriptions) Invoice(_ context.Context, id string) (activities.Invoice, error) {
	for _, invoices := range f.invoices {
		for _, invoice := range invoices {
			if invoice.ID == id {
				return invoice, nil
			}
		}
	}
	return activities.Invoice{}, &activities.StripeError{Kind: activities.StripeMissing}
}

func (f *fakeSubscriptions) SetupIntentsOf(_ context.Context, _, paymentMethod string) ([]activities.SetupIntent, error) {
	return f.setups[paymentMethod], nil
}

func (f *fakeSubscriptions) ListSubscriptions(ctx context.Context, pause func(context.Context) error) iter.Seq2[activities.Subscription, error] {
	return func(yield func(activities.Subscription, error) bool) {
		for i, sub := range f.listed {
			if !yield(sub, nil) {
				return
			}
			if i%2 == 0 {
				continue
			}
			if err := pause(ctx); err != nil {
				yield(activities.Subscription{}, err)
				return
			}
		}
		if f.listErr != nil {
			yield(activities.Subscription{}, f.listErr)
		}
	}
}

func (f *fakeStripe) Customer(_ context.Context, id string) (activities.Customer, error) {
	return look(f.err, f.customers, id)
}

func (f *fakeStripe) PaymentMethod(_ context.Context, id string) (activities.PaymentMethod, error) {
	return look(f.err, f.methods, id)
}

func (f *fakeStripe) SearchPaymentIntents(_ context.Context, reference string) ([]activities.PaymentIntent, error) {
	return f.intents[reference], f.err
}

func (f *fakeStripe) PaymentIntent(_ context.Context, id string) (activities.PaymentIntent, error) {
	for _, intents := range f.intents {
		for _, intent := range intents {
			if intent.ID == id {
				return intent, f.err
			}
		}
	}
	return activities.PaymentIntent{}, &activities.StripeError{Kind: activities.StripeMissing, HTTPStatus: 404}
}

func (f *fakeStripe) AccountPaymentIntents(_ context.Context, since time.Time, _ string) iter.Seq2[activities.PaymentIntent, error] {
	return func(yield func(activities.PaymentIntent, error) bool) {
		if f.err != nil {
			yield(activities.PaymentIntent{}, f.err)
			return
		}
		for _, reference := range slices.Sorted(maps.Keys(f.intents)) {
			for _, intent := range f.intents[reference] {
				if !intent.Created.Before(since) && !yield(intent, nil) {
					return
				}
			}
		}
	}
}

func look[T any](err error, known map[string]T, id string) (T, error) {
	found, ok := known[id]
	switch {
	case err != nil:
		return found, err
	case !ok:
		return found, &activities.StripeError{Kind: activities.StripeMissing, HTTPStatus: 404}
	}
	return found, nil
}

var (
	errNotFound       = serviceerror.NewNotFound("workflow not found for ID")
	errAlreadyStarted = serviceerror.NewWorkflowExecutionAlreadyStarted("", "", "")
)

// payloadOf is what Temporal keeps of a value.
func payloadOf(value any) (string, error) {
	p, err := converter.GetDefaultDataConverter().ToPayload(value)
	return string(p.GetData()), err
}

func payload(t *testing.T, value any) *commonpb.Payload {
	t.Helper()
	p, err := converter.GetDefaultDataConverter().ToPayload(value)
	require.NoError(t, err)
	return p
}

// describes makes Temporal know a workflow with this memo and state.
func (b bundle) describes(t *testing.T, workflowID string, input any, state string) *mock.Call {
	t.Helper()
	var d sdk.WorkflowExecutionDescription
	d.WorkflowExecution.ID, d.WorkflowExecution.RunID = workflowID, "run-existing"
	if input != nil {
		d.Memo = &commonpb.Memo{Fields: map[string]*commonpb.Payload{workflows.MemoInput: payload(t, input)}}
	}
	d.TypedSearchAttributes = temporal.NewSearchAttributes(workflows.SearchState.ValueSet(state))
	return b.temporal.On("DescribeWorkflow", mock.Anything, workflowID, "").Return(&d, nil)
}

func (b bundle) knowsNo(workflowID string) *mock.Call {
	return b.temporal.On("DescribeWorkflow", mock.Anything, workflowID, "").Return(nil, errNotFound)
}

// answers makes the workflow's status query answer this.
func (b bundle) answers(t *testing.T, workflowID string, status any) *mock.Call {
	t.Helper()
	value := sdk.NewValue(&commonpb.Payloads{Payloads: []*commonpb.Payload{payload(t, status)}})
	return b.queried(workflowID).Return(&sdk.QueryWorkflowWithOptionsResponse{QueryResult: value}, nil)
}

// queried is the query of the workflow's status.
func (b bundle) queried(workflowID string) *mock.Call {
	return b.temporal.On("QueryWorkflowWithOptions", mock.Anything, &sdk.QueryWorkflowWithOptionsRequest{
		WorkflowID: workflowID, QueryType: workflows.QueryStatus,
		QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY,
	})
}

// terminated makes the workflow one that was terminated while it was in this state, with this memo.
func (b bundle) terminated(t *testing.T, workflowID string, input any, state string) {
	t.Helper()
	b.queried(workflowID).Return(&sdk.QueryWorkflowWithOptionsResponse{
		QueryRejected: &querypb.QueryRejected{Status: enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED},
	}, nil).Maybe()
	call := b.describes(t, workflowID, input, state).Maybe()
	d := call.ReturnArguments.Get(0).(*sdk.WorkflowExecutionDescription)
	d.Status = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
	d.TypedSearchAttributes = temporal.NewSearchAttributes(workflows.SearchState.ValueSet(state), workflows.SearchCustomer.ValueSet("cus_1"),
		workflows.SearchCurrency.ValueSet("usd"), workflows.SearchAmount.ValueSet(1099))
}

// handle is an Update's handle with this answer.
func handle(t *testing.T, answer any, err error) *mocks.WorkflowUpdateHandle {
	t.Helper()
	h := mocks.NewWorkflowUpdateHandle(t)
	data, encodeErr := json.Marshal(answer)
	require.NoError(t, encodeErr)
	h.On("Get", mock.Anything, mock.Anything).Return(func(_ context.Context, into any) error {
		if err != nil {
			return err
		}
		return json.Unmarshal(data, into)
	})
	return h
}
