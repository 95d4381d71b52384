package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

// owns is what an owner makes: a payment, whose first attempt it makes itself, or a payment method to save.
type owns struct {
	Queue   string
	Payment *workflows.CollectPaymentInput
	Save    *workflows.SavePaymentMethodInput
}

// told is what it hears of it.
type told struct {
	Payment *workflows.PaymentEnded
	Saved   *workflows.PaymentMethodSaved
}

// ownerWorkflow is an agreement reduced to its hand-over.
func ownerWorkflow(ctx workflow.Context, in owns) (told, error) {
	child := workflow.ChildWorkflowOptions{TaskQueue: in.Queue, ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON}
	if in.Save != nil {
		child.WorkflowID, child.TypedSearchAttributes = workflows.SavePaymentMethodID(in.Save.Reference), in.Save.StartSearchAttributes()
		started := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, child), workflows.TypeSavePaymentMethod, in.Save)
		if err := started.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
			return told{}, err
		}
		var saved workflows.PaymentMethodSaved
		workflow.GetSignalChannel(ctx, workflows.SignalPaymentMethodSaved).Receive(ctx, &saved)
		return told{Saved: &saved}, nil
	}
	p := *in.Payment
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{TaskQueue: workflows.StripeWritesQueue(in.Queue), StartToCloseTimeout: 45 * time.Second})
	var (
		payments *activities.Payments
		ended    workflows.PaymentEnded
	)
	p.AttemptOne = &workflows.AttemptOne{At: workflow.Now(ctx)}
	err := workflow.ExecuteActivity(ctx, payments.Charge, activities.ChargeInput{
		Reference: p.Reference, Attempt: 1, Owner: p.Owner, Amount: p.Amount, Currency: p.Currency, Customer: p.Customer,
		PaymentMethod: p.PaymentMethod, Description: p.Description,
	}).Get(ctx, &p.AttemptOne.ChargeResult)
	if err != nil {
		return told{}, err
	}
	child.WorkflowID, child.TypedSearchAttributes = workflows.PaymentID(p.Reference), p.StartSearchAttributes(workflow.Now(ctx))
	started := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, child), workflows.TypeCollectPayment, p.Short())
	if err := started.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
		return told{}, err
	}
	workflow.GetSignalChannel(ctx, workflows.SignalPaymentEnded).Receive(ctx, &ended)
	return told{Payment: &ended}, nil
}

// asks is a call of an activity between workflows.
type asks struct {
	Queue    string
	Read     *activities.ReadOwnedInput
	Instruct *activities.InstructInput
}

type answered struct {
	Read     activities.ReadOwnedResult
	Instruct activities.InstructResult
}

// askWorkflow runs one activity on the worker's queue.
func askWorkflow(ctx workflow.Context, in asks) (answered, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{TaskQueue: in.Queue, StartToCloseTimeout: 40 * time.Second, ScheduleToCloseTimeout: 80 * time.Second})
	var (
		handovers *activities.Handovers
		a         answered
		err       error
	)
	if in.Read != nil {
		err = workflow.ExecuteActivity(ctx, handovers.ReadOwned, in.Read).Get(ctx, &a.Read)
	} else {
		err = workflow.ExecuteActivity(ctx, handovers.Instruct, in.Instruct).Get(ctx, &a.Instruct)
	}
	return a, err
}

// owners runs the workflows above on a queue of the test's own.
type owners struct {
	*site
	queue string
}

func (s *site) owners() owners {
	s.t.Helper()
	o := owners{site: s, queue: nextReference("owners")}
	w := worker.New(temporal, o.queue, worker.Options{})
	w.RegisterWorkflowWithOptions(ownerWorkflow, workflow.RegisterOptions{Name: "Owner"})
	w.RegisterWorkflowWithOptions(askWorkflow, workflow.RegisterOptions{Name: "Ask"})
	require.NoError(s.t, w.Start())
	s.t.Cleanup(w.Stop)
	return o
}

// charges starts an owner that makes the first attempt of a payment of today, and hands it over.
func (o owners) charges(token string) (workflows.CollectPaymentInput, sdk.WorkflowRun) {
	o.t.Helper()
	agreement := o.reference()
	customer, method := o.customerWith(agreement, token)
	in := workflows.CollectPaymentInput{
		Reference: agreement + "~20260101", Owner: workflows.AgreementID(agreement), Customer: customer, PaymentMethod: method,
		Amount: 1099, Currency: "usd", Description: "Plan, January", TimeZone: config.DefaultTimeZone, Policy: quick(),
	}
	return in, o.run(in.Owner, "Owner", owns{Queue: o.config.TaskQueue, Payment: &in})
}

func (o owners) run(id, name string, in any) sdk.WorkflowRun {
	o.t.Helper()
	run, err := temporal.ExecuteWorkflow(o.t.Context(), sdk.StartWorkflowOptions{ID: id, TaskQueue: o.queue}, name, in)
	require.NoError(o.t, err)
	return run
}

// hears waits for what an owner is told.
func (o owners) hears(run sdk.WorkflowRun) told {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	var heard told
	require.NoError(o.t, run.Get(ctx, &heard))
	return heard
}

func (o owners) ask(in asks) answered {
	o.t.Helper()
	in.Queue = o.config.TaskQueue
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	var a answered
	require.NoError(o.t, o.run(nextReference("ask"), "Ask", in).Get(ctx, &a))
	return a
}

func (o owners) read(workflowID string) activities.ReadOwnedResult {
	o.t.Helper()
	return o.ask(asks{Read: &activities.ReadOwnedInput{WorkflowID: workflowID}}).Read
}

func (o owners) instruct(in activities.InstructInput) activities.InstructResult {
	o.t.Helper()
	in.Actor, in.Reason = "agreement", "a test"
	return o.ask(asks{Instruct: &in}).Instruct
}

// completes waits until a workflow has closed.
func (s *site) completes(workflowID string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	require.NoError(s.t, temporal.GetWorkflow(ctx, workflowID, "").Get(ctx, nil))
}

// TestHandedOverPayment: an agreement's attempt is declined, the payment goes on by itself under its own link, the
// customer pays with another card, and the agreement hears of it.
func TestHandedOverPayment(t *testing.T) {
	t.Parallel()
	o := sharedSite(t).owners()
	in, owner := o.charges(lostCard)
	waiting := o.becomes(in.Reference, workflows.PaymentAwaitingCustomer)
	require.Len(t, waiting.Attempts, 1)
	require.Equal(t, activities.ChargeDeclined, waiting.Attempts[0].Outcome)

	shown := o.json("state amount currency payment_intent attempts refunds next_action_at link owner", "payment", "show", in.Reference)
	require.Equal(t, in.Owner, shown["owner"])
	require.NotEmpty(t, shown["link"])
	o.says(in.Owner, "payment", "show", in.Reference)
	o.says("lost_card", "payment", "explain", in.Reference)
	listed := o.starter("payment", "list", "--customer", in.Customer)
	require.Equal(t, done, listed.code, listed.stderr)
	require.Contains(t, listed.stdout, in.Reference)

	mailed := o.mail(agreementOf(in), 1)
	o.payByLink(mailed, purchase{Number: goodCard})
	heard := o.hears(owner).Payment
	require.NotNil(t, heard)
	paid := o.ended(in.Reference, workflows.PaymentPaid)
	require.Equal(t, in.Owner, paid.Owner)
	require.NotEqual(t, in.PaymentMethod, paid.PaymentMethod)
	require.Equal(t, workflows.PaymentEnded{
		Reference: in.Reference, State: workflows.PaymentPaid, PaymentIntent: paid.PaymentIntent, PaymentMethod: paid.PaymentMethod,
	}, *heard)
	o.paidOnce(in.Reference)
	o.nothingOpen(in.Reference)
	for _, id := range o.sandbox.Ledger(in.Reference).References[in.Reference].PaymentIntents {
		metadata := o.stripe(http.MethodGet, "/v1/payment_intents/"+id, nil)["metadata"].(map[string]any)
		require.Equal(t, in.Owner, metadata[activities.MetadataOwner], id)
	}
	record(t, workflows.PaymentID(in.Reference), "collect_payment_handed_over")
}

func agreementOf(in workflows.CollectPaymentInput) string { return workflows.ReferenceOf(in.Owner) }

// TestHandedOverEnds: what the owner hears of the other ends, and that operators reach a handed-over payment by its
// reference like any other.
func TestHandedOverEnds(t *testing.T) {
	t.Parallel()
	o := sharedSite(t).owners()
	for _, test := range []struct {
		name, token string
		operation   []string
		want        workflows.PaymentEnded
	}{
		{"paid at once", visa, nil, workflows.PaymentEnded{State: workflows.PaymentPaid}},
		{"paid after retries", twoSoftDeclines, nil, workflows.PaymentEnded{State: workflows.PaymentPaid}},
		{"written off", lostCard, []string{"write-off"}, workflows.PaymentEnded{State: workflows.PaymentUncollectible, DeclineCode: "lost_card"}},
		{"canceled", lostCard, []string{"cancel"}, workflows.PaymentEnded{State: workflows.PaymentCanceled, DeclineCode: "lost_card"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := owners{site: o.with(t), queue: o.queue}
			in, owner := o.charges(test.token)
			if len(test.operation) > 0 {
				o.becomes(in.Reference, workflows.PaymentAwaitingCustomer)
				o.says("", operationArgs(test.operation[0], in.Reference)...)
			}
			heard := *o.hears(owner).Payment
			if test.want.State == workflows.PaymentPaid {
				test.want.PaymentIntent = o.ended(in.Reference, workflows.PaymentPaid).PaymentIntent
				o.paidOnce(in.Reference)
			}
			test.want.Reference = in.Reference
			require.Equal(t, test.want, heard)
			o.nothingOpen(in.Reference)
			o.completes(workflows.PaymentID(in.Reference))
		})
	}
}

// TestOwnedSavePaymentMethod: an agreement asks for a payment method, and hears which one was saved.
func TestOwnedSavePaymentMethod(t *testing.T) {
	t.Parallel()
	o := sharedSite(t).owners()
	agreement := o.reference()
	in := workflows.SavePaymentMethodInput{
		Reference: agreement + "~card1", Owner: workflows.AgreementID(agreement), Customer: o.customer(agreement), Currency: "usd",
		PaymentMethodTypes: []string{"card"}, CheckoutUI: activities.CheckoutUICustom, Notify: true, Reminders: []dunning.Duration{},
		Deadline: dunning.Exactly(time.Hour), TimeZone: config.DefaultTimeZone, Events: workflows.EventsExceptions,
	}
	owner := o.run(in.Owner, "Owner", owns{Queue: o.config.TaskQueue, Save: &in})
	link := o.mail(agreement, 1)
	id := workflows.SavePaymentMethodID(in.Reference)
	open := o.read(id)
	require.Equal(t, activities.ReadOwnedResult{Found: true, OwnedWorkflow: activities.OwnedWorkflow{
		State: "open", Customer: in.Customer, Owner: in.Owner,
	}}, open)
	o.payByLink(link, purchase{Number: goodCard})
	heard := *o.hears(owner).Saved
	saved := o.saveEnds(in.Reference, workflows.SetupSaved)
	require.Equal(t, in.Owner, saved.Owner)
	require.Equal(t, workflows.PaymentMethodSaved{Reference: in.Reference, State: workflows.SetupSaved, PaymentMethod: saved.PaymentMethod}, heard)
	o.completes(id)
	require.Equal(t, activities.ReadOwnedResult{Found: true, OwnedWorkflow: activities.OwnedWorkflow{
		State: "saved", Ended: true, Customer: in.Customer, Owner: in.Owner, PaymentMethod: saved.PaymentMethod,
	}}, o.read(id))
	record(t, id, "save_payment_method_owned")
}

// TestReadOwned: what an agreement reads of its payments, open, ended, stopped from outside and unknown.
func TestReadOwned(t *testing.T) {
	t.Parallel()
	o := sharedSite(t).owners()
	require.Equal(t, activities.ReadOwnedResult{}, o.read("payment:nobody~20260101"))

	in, owner := o.charges(lostCard)
	id := workflows.PaymentID(in.Reference)
	o.becomes(in.Reference, workflows.PaymentAwaitingCustomer)
	want := activities.ReadOwnedResult{Found: true, OwnedWorkflow: activities.OwnedWorkflow{
		State: "awaiting_customer", Customer: in.Customer, Amount: 1099, Currency: "usd", Owner: in.Owner, DeclineCode: "lost_card",
	}}
	require.Equal(t, want, o.read(id))

	o.payByLink(o.mail(agreementOf(in), 1), purchase{Number: goodCard})
	o.hears(owner)
	o.completes(id)
	paid := o.ended(in.Reference, workflows.PaymentPaid)
	want.State, want.Ended, want.DeclineCode = "paid", true, ""
	want.PaymentIntent, want.PaymentMethod = paid.PaymentIntent, paid.PaymentMethod
	require.Equal(t, want, o.read(id), "also after its end")

	in, _ = o.charges(lostCard)
	id = workflows.PaymentID(in.Reference)
	o.becomes(in.Reference, workflows.PaymentAwaitingCustomer)
	require.NoError(t, temporal.TerminateWorkflow(t.Context(), id, "", "a test"))
	require.NoError(t, temporal.TerminateWorkflow(t.Context(), in.Owner, "", "a test"))
	require.Equal(t, activities.ReadOwnedResult{Found: true, OwnedWorkflow: activities.OwnedWorkflow{
		State: "awaiting_customer", Lost: true, Ended: true, Customer: in.Customer, Amount: 1099, Currency: "usd",
	}}, o.read(id))
}

// TestInstruct: an agreement's new card is put in place of an open payment's, once; refusals and ends are answers.
func TestInstruct(t *testing.T) {
	t.Parallel()
	o := sharedSite(t).owners()
	in, owner := o.charges(lostCard)
	o.becomes(in.Reference, workflows.PaymentAwaitingCustomer)
	change := activities.InstructInput{
		WorkflowID: workflows.PaymentID(in.Reference), Update: workflows.UpdateChangePaymentMethod, RequestID: "change-1", PaymentMethod: in.PaymentMethod,
	}
	refused := o.instruct(change)
	require.Contains(t, refused.Refused, "final for this payment method")
	require.Equal(t, refused, o.instruct(change), "the same request has the same answer")
	require.Len(t, o.becomes(in.Reference, workflows.PaymentAwaitingCustomer).Audit, 1, "and is carried out once")

	change.RequestID, change.PaymentMethod = "change-2", "no method"
	require.Contains(t, o.instruct(change).Refused, "is not the id of a payment method")

	change.RequestID, change.PaymentMethod = "change-3", o.attach(in.Customer, visa)
	accepted := o.instruct(change)
	require.Empty(t, accepted.Refused)
	require.False(t, accepted.Ended)
	heard := *o.hears(owner).Payment
	require.Equal(t, workflows.PaymentPaid, heard.State)
	require.Equal(t, change.PaymentMethod, heard.PaymentMethod)
	require.Len(t, o.ended(in.Reference, workflows.PaymentPaid).Attempts, 2)
	o.paidOnce(in.Reference)

	o.completes(change.WorkflowID)
	change.RequestID = "change-4"
	require.Equal(t, activities.InstructResult{Ended: true}, o.instruct(change))
	change.WorkflowID = "payment:nobody~20260101"
	require.Equal(t, activities.InstructResult{Ended: true}, o.instruct(change))
}

// TestOwnerGone: a payment ends also when nobody is there to hear of it.
func TestOwnerGone(t *testing.T) {
	t.Parallel()
	o := sharedSite(t).owners()
	in, _ := o.charges(twoSoftDeclines)
	o.becomesKnown(in.Reference)
	require.NoError(t, temporal.TerminateWorkflow(t.Context(), in.Owner, "", "a test"))
	o.ended(in.Reference, workflows.PaymentPaid)
	o.completes(workflows.PaymentID(in.Reference))
	o.paidOnce(in.Reference)
}

// becomesKnown waits until the payment's workflow runs.
func (o owners) becomesKnown(reference string) {
	o.t.Helper()
	eventually(o.t, func() error {
		if _, err := temporal.DescribeWorkflow(o.t.Context(), workflows.PaymentID(reference), ""); err != nil {
			return fmt.Errorf("payment %s: %w", reference, err)
		}
		return nil
	})
}

// TestHandOverUnknown: the owner sees a fault that Stripe has stored. The payment finds out that the money was taken.
func TestHandOverUnknown(t *testing.T) {
	t.Parallel()
	o := newSite(t, siteOptions{withoutWeb: true}).owners()
	o.fault(stripesandbox.Fault{Method: http.MethodPost, PathPrefix: "/v1/payment_intents", Kind: stripesandbox.Fault500After})
	in, owner := o.charges(visa)
	heard := *o.hears(owner).Payment
	require.Equal(t, workflows.PaymentPaid, heard.State)
	require.NotEmpty(t, heard.PaymentIntent)
	o.paidOnce(in.Reference)
	require.Equal(t, []string{"charge:1"}, slices.Compact(o.chargeKeys(in.Reference)))
}

// TestHandOverKilled kills the worker after the owner's charge and before anybody heard of it: the next one sends the same
// key, Stripe answers what it had answered, and the payment is handed over with that.
func TestHandOverKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{withoutWorker: true})
	first := s.worker()
	o := s.owners()
	s.fault(stripesandbox.Fault{Method: http.MethodPost, PathPrefix: "/v1/payment_intents", Kind: stripesandbox.FaultSlow, DelayMS: 20_000})
	in, owner := o.charges(lostCard)
	eventually(t, func() error {
		if s.sandbox.Ledger(in.Reference).References[in.Reference] == nil {
			return errors.New("not charged yet")
		}
		return nil
	})
	first.kill()
	s.worker()
	waiting := o.becomes(in.Reference, workflows.PaymentAwaitingCustomer)
	require.Equal(t, []string{"charge:1"}, slices.Compact(s.chargeKeys(in.Reference)))
	require.Len(t, s.sandbox.Ledger(in.Reference).References[in.Reference].PaymentIntents, 1)
	o.payByLink(waiting.Link, purchase{Number: goodCard})
	require.Equal(t, workflows.PaymentPaid, o.hears(owner).Payment.State)
	s.paidOnce(in.Reference)
}
