package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

const (
	// mostPerCustomer bounds how many workflows one event of a customer reaches.
	mostPerCustomer = 100
	// listPage is the largest page that Temporal's visibility answers by default. It is larger than mostPerCustomer
	// because the oldest come first, and visibility answers the newest first.
	listPage = 1000
	// minutesApart is between the attempts of one customer's open payments, when one event triggers several.
	minutesApart = 10
)

// Adopt starts watching a subscription that has an open pending SetupIntent and is not watched yet, and reports whether it
// did; it asks Stripe, whatever the event says. A second call for the same subscription is harmless.
type Adopt func(ctx context.Context, subscription string) (bool, error)

// Router brings Stripe's events to the running workflows they concern, as signals. The webhook receiver and a replay of
// missed events use the same one. It is safe for concurrent use.
type Router struct {
	temporal Temporal
	stripe   Stripe
	adopt    Adopt
	log      *slog.Logger
}

// NewRouter routes to the workflows of one Temporal namespace. It starts none, except by adopt, which is nil when
// subscriptions are not adopted.
func NewRouter(temporal Temporal, stripe Stripe, adopt Adopt, logger *slog.Logger) *Router {
	return &Router{temporal: temporal, stripe: stripe, adopt: adopt, log: logger}
}

// Route signals the workflows that the event concerns and answers how many have accepted it; one that was started for it
// counts. An event that concerns none, because it is foreign or all has ended, delivers 0 and is no error. After an error the
// event should come again: Temporal or Stripe did not answer, and some of the signals may have been accepted. A second delivery of an event is
// harmless, the workflows know its id.
func (r *Router) Route(ctx context.Context, e activities.Event) (int, error) {
	switch classOf(e.Type) {
	case eventOfWay:
		if strings.HasPrefix(e.Type, "payment_intent.") {
			// The first attempt of an agreement's or a run's payment has no workflow of its own, and answers by itself:
			// its events would only cost the owner a workflow task per charge.
			return r.toFirst(ctx, e, e.WorkflowID)
		}
		return r.toFirst(ctx, e, e.WorkflowID, e.Owner)
	case eventOfMoneyBack:
		if strings.HasPrefix(e.Type, "charge.dispute.") {
			return r.toPaymentAndOwner(ctx, e)
		}
		return r.toPayment(ctx, e)
	case eventOfCustomer:
		return r.toCustomer(ctx, e)
	case eventOfSubscription:
		return r.toSubscription(ctx, e)
	case eventForeign:
	}
	return 0, nil
}

// toFirst signals the first of the workflows named that runs: the one that made the object, or the one it was started for.
func (r *Router) toFirst(ctx context.Context, e activities.Event, ids ...string) (int, error) {
	for _, id := range ids {
		if id == "" {
			continue
		}
		accepted, err := r.signal(ctx, id, e, 0)
		if err != nil {
			return 0, err
		}
		if accepted {
			return 1, nil
		}
	}
	return 0, nil
}

func (r *Router) toPayment(ctx context.Context, e activities.Event) (int, error) {
	if n, err := r.toFirst(ctx, e, e.WorkflowID, e.Owner); n > 0 || err != nil {
		return n, err
	}
	workflowID, owner, err := r.payerOf(ctx, e)
	if err != nil {
		return 0, err
	}
	return r.toFirst(ctx, e, workflowID, owner)
}

// toPaymentAndOwner signals both: a payment that still runs must not keep from its agreement what stops the agreement.
func (r *Router) toPaymentAndOwner(ctx context.Context, e activities.Event) (int, error) {
	workflowID, owner, err := r.payerOf(ctx, e)
	if err != nil {
		return 0, err
	}
	toPayment, paymentErr := r.toFirst(ctx, e, workflowID)
	toOwner, ownerErr := r.toFirst(ctx, e, owner)
	return toPayment + toOwner, errors.Join(paymentErr, ownerErr)
}

// payerOf reads, off the PaymentIntent that the event names, the workflow that made it and that one's owner. Both are
// empty when the event names none, or none of this account.
func (r *Router) payerOf(ctx context.Context, e activities.Event) (workflowID, owner string, err error) {
	if e.PaymentIntent == "" {
		return "", "", nil
	}
	pi, err := r.stripe.PaymentIntent(ctx, e.PaymentIntent)
	if activities.IsStripeError(err, activities.StripeMissing) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("read %s of event %s: %w", e.PaymentIntent, e.ID, err)
	}
	return pi.Metadata[activities.MetadataWorkflowID], pi.Metadata[activities.MetadataOwner], nil
}

// toSubscription signals whoever watches the subscription. Most are watched by nobody: that costs one signal.
func (r *Router) toSubscription(ctx context.Context, e activities.Event) (int, error) {
	if !objectID.MatchString(e.Subscription) {
		return 0, nil // an invoice of no subscription
	}
	n, err := r.toFirst(ctx, e, workflows.SubscriptionID(e.Subscription))
	if n > 0 || err != nil || r.adopt == nil || !adopting[e.Type] {
		return n, err
	}
	adopted, err := r.adopt(ctx, e.Subscription)
	if err != nil {
		return 0, fmt.Errorf("adopt %s: %w", e.Subscription, err)
	}
	if adopted {
		r.log.InfoContext(ctx, "subscription adopted", "subscription", e.Subscription, "event_id", e.ID, "event_type", e.Type)
		return 1, nil
	}
	return 0, nil
}

// toCustomer signals every open workflow of the customer, at most mostPerCustomer. Payments are ranked by start time:
// should the event make them charge, they do so one after the other.
func (r *Router) toCustomer(ctx context.Context, e activities.Event) (int, error) {
	customer, err := r.customerOf(ctx, e)
	if err != nil || customer == "" {
		return 0, err
	}
	open, err := r.openWorkflows(ctx, customer)
	if err != nil {
		return 0, fmt.Errorf("list the open workflows of %s: %w", customer, err)
	}

	var errs []error
	delivered, rank := 0, 0
	for _, w := range open {
		delay := 0
		if w.GetType().GetName() == workflows.TypeCollectPayment {
			delay = minutesApart * rank
			rank++
		}
		accepted, err := r.signal(ctx, w.GetExecution().GetWorkflowId(), e, delay)
		if err != nil {
			errs = append(errs, err)
		}
		if accepted {
			delivered++
		}
	}
	return delivered, errors.Join(errs...)
}

// customerOf answers "" when the event names no customer.
func (r *Router) customerOf(ctx context.Context, e activities.Event) (string, error) {
	if e.PreviousCustomer != "" {
		return e.PreviousCustomer, nil
	}
	if e.Customer != "" || e.PaymentMethod == "" {
		return e.Customer, nil
	}
	// A mandate names the method only.
	pm, err := r.stripe.PaymentMethod(ctx, e.PaymentMethod)
	if activities.IsStripeError(err, activities.StripeMissing) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s of event %s: %w", e.PaymentMethod, e.ID, err)
	}
	return pm.Customer, nil
}

// objectID is what Stripe's ids are made of. It keeps everything out of a query that could end its quotation.
var objectID = regexp.MustCompile(`^[A-Za-z0-9_.@-]{1,255}$`)

// visibilityLag is how long a run that has continued as new counts as running: visibility tells of its end before it
// knows the next run, just when a charge has been made and Stripe may have news of the customer's card.
const visibilityLag = time.Minute

// openWorkflows lists the customer's running workflows, oldest first.
func (r *Router) openWorkflows(ctx context.Context, customer string) ([]*workflowpb.WorkflowExecutionInfo, error) {
	if !objectID.MatchString(customer) {
		return nil, nil
	}
	list, err := r.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: listPage,
		Query: fmt.Sprintf("%s = '%s' AND (ExecutionStatus = 'Running' OR ExecutionStatus = 'ContinuedAsNew' AND CloseTime > '%s')",
			workflows.SearchCustomer.GetName(), customer, time.Now().Add(-visibilityLag).UTC().Format(time.RFC3339)),
	})
	if err != nil {
		return nil, err
	}
	listed := map[string]bool{}
	open := slices.DeleteFunc(list.GetExecutions(), func(w *workflowpb.WorkflowExecutionInfo) bool {
		id, status := w.GetExecution().GetWorkflowId(), w.GetStatus()
		again := listed[id]
		listed[id] = true
		return again || status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING && status != enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW
	})
	slices.SortStableFunc(open, func(a, b *workflowpb.WorkflowExecutionInfo) int {
		if c := startOf(a).Compare(startOf(b)); c != 0 {
			return c
		}
		return strings.Compare(a.GetExecution().GetWorkflowId(), b.GetExecution().GetWorkflowId())
	})
	return open[:min(len(open), mostPerCustomer)], nil
}

func startOf(w *workflowpb.WorkflowExecutionInfo) time.Time { return w.GetStartTime().AsTime() }

// signal reports whether a running workflow has the event now. It is no error when none runs, or when Temporal refuses
// the signal for good: coming again would not help, and the workflow polls.
func (r *Router) signal(ctx context.Context, workflowID string, e activities.Event, delayMinutes int) (bool, error) {
	err := r.temporal.SignalWorkflow(ctx, workflowID, "", workflows.SignalStripeEvent, workflows.StripeEvent{
		ID: e.ID, Type: e.Type, ObjectID: e.ObjectID, DelayMinutes: delayMinutes,
	})
	var notFound *serviceerror.NotFound
	var invalid *serviceerror.InvalidArgument
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &notFound):
		return false, nil
	case errors.As(err, &invalid):
		r.log.WarnContext(ctx, "signal refused", "workflow_id", workflowID, "event_id", e.ID, "event_type", e.Type, "error", err)
		return false, nil
	}
	return false, fmt.Errorf("signal %s: %w", workflowID, err)
}
