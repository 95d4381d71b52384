package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/offsession/offsession/internal/link"
	"github.com/offsession/offsession/workflows"
)

// view is what a customer can be told, whatever the workflow.
type view string

const (
	// viewAct: the customer can save a method or pay.
	viewAct view = "act"
	// viewBusy: an attempt runs at this moment; it takes seconds.
	viewBusy view = "busy"
	// viewProcessing: the bank works on it; it takes hours to days.
	viewProcessing view = "processing"
	// viewDone: saved or paid.
	viewDone view = "done"
	// viewClosed: ended without success.
	viewClosed view = "closed"
	// viewAttention: only the merchant can go on.
	viewAttention view = "attention"
)

// mode is what the customer's button does.
type mode string

const (
	// modeSetup: a payment method is saved, in a Checkout Session.
	modeSetup mode = "setup"
	// modePayment: an amount is paid, in a Checkout Session.
	modePayment mode = "payment"
	// modeConfirm: a subscription's pending SetupIntent is confirmed with the bank, in the browser.
	modeConfirm mode = "confirm"
	// modeInvoice: an invoice is paid on Stripe's page.
	modeInvoice mode = "invoice"
)

// queryTimeout is how long a customer looks at an empty page before being told to try again.
const queryTimeout = 10 * time.Second

// errUnknownWorkflow: the link is ours, but its workflow never existed or is past Temporal's retention.
var errUnknownWorkflow = errors.New("web: no such workflow")

// situation is where a workflow stands for its customer.
type situation struct {
	workflowID string
	mode       mode
	view       view
	state      string
	// ended says that nothing will change any more.
	ended   bool
	session string
	// amount and currency are a payment's, or an invoice's.
	amount   int64
	currency string
	// description says what a payment, or a payment method, is for.
	description string
	// agreed: an agreement asks for the method, and charges it.
	agreed bool
	// brand and last4 are those of a saved card.
	brand, last4 string
	// subscription: a subscription is watched. trialEnd is when its trial ends, in words; empty when it is in none.
	subscription bool
	trialEnd     string
	// canceling: it ends with its period, and is asked for nothing more.
	canceling bool
}

// situationOf checks the token and asks its workflow. It writes nothing: a query leaves no trace in the history.
// The errors are link.ErrForged, link.ErrExpired, errUnknownWorkflow, or Temporal's when it did not answer.
func (s *server) situationOf(ctx context.Context, token string) (situation, error) {
	claims, err := s.config.Links.Verify(token, time.Now())
	if err != nil {
		return situation{}, err
	}
	return s.query(ctx, claims.WorkflowID)
}

func (s *server) query(ctx context.Context, workflowID string) (situation, error) {
	switch reference := workflows.ReferenceOf(workflowID); workflowID {
	case workflows.SavePaymentMethodID(reference):
		return ask(ctx, s.config.Temporal, workflowID, ofSetup)
	case workflows.PaymentID(reference):
		return ask(ctx, s.config.Temporal, workflowID, ofPayment)
	case workflows.SubscriptionID(reference):
		return ask(ctx, s.config.Temporal, workflowID, ofSubscription)
	}
	return situation{}, errUnknownWorkflow
}

// ask queries the workflow for its status, and tells by it where it stands.
func ask[Status any](ctx context.Context, temporal Temporal, workflowID string, of func(Status) situation) (situation, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	answer, err := temporal.QueryWorkflowWithOptions(ctx, &client.QueryWorkflowWithOptionsRequest{
		WorkflowID:           workflowID,
		QueryType:            workflows.QueryStatus,
		QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY,
	})
	if _, ok := errors.AsType[*serviceerror.NotFound](err); ok {
		return situation{}, errUnknownWorkflow
	}
	if err != nil {
		return situation{}, fmt.Errorf("query %s: %w", workflowID, err)
	}
	if answer.QueryRejected != nil {
		// Terminated or failed: the last state it had would promise what nobody keeps any more.
		var status Status
		sit := of(status)
		sit.workflowID, sit.view, sit.state = workflowID, viewAttention, string(workflows.PaymentNeedsAttention)
		return sit, nil
	}
	var status Status
	if err := answer.QueryResult.Get(&status); err != nil {
		return situation{}, fmt.Errorf("read the status of %s: %w", workflowID, err)
	}
	sit := of(status)
	sit.workflowID = workflowID
	return sit, nil
}

func ofSetup(status workflows.SetupStatus) situation {
	sit := situation{
		mode: modeSetup, state: string(status.State), ended: status.State.Ended(), session: status.Session, currency: status.Currency,
		description: status.Description, agreed: status.Owner != "", brand: status.Brand, last4: status.Last4,
	}
	switch status.State {
	case workflows.SetupOpen:
		sit.view = viewAct
	case workflows.SetupVerifying:
		sit.view = viewProcessing
	case workflows.SetupSaved:
		sit.view = viewDone
	case workflows.SetupAbandoned, workflows.SetupCanceled:
		sit.view = viewClosed
	case workflows.SetupNeedsAttention:
		sit.view = viewAttention
	default:
		sit.view = viewAttention
	}
	return sit
}

func ofPayment(status workflows.PaymentStatus) situation {
	sit := situation{
		mode: modePayment, state: string(status.State), ended: status.State.Ended(), session: status.Session,
		amount: status.Amount, currency: status.Currency, description: status.Description,
	}
	switch status.State {
	case workflows.PaymentScheduled, workflows.PaymentRetryScheduled, workflows.PaymentAwaitingCustomer:
		sit.view = viewAct
	case workflows.PaymentCharging:
		sit.view = viewBusy
	case workflows.PaymentProcessing:
		sit.view = viewProcessing
	case workflows.PaymentPaid:
		sit.view = viewDone
	case workflows.PaymentUncollectible, workflows.PaymentCanceled:
		sit.view = viewClosed
	case workflows.PaymentNeedsAttention:
		// Whatever a person has to look at, many of these payments can still be paid.
		sit.view = viewAttention
		if status.CustomerCanPay() {
			sit.view = viewAct
		}
	default:
		sit.view = viewAttention
	}
	return sit
}

// statusOf is the HTTP status for an error of situationOf.
func statusOf(err error) int {
	switch {
	case errors.Is(err, link.ErrExpired):
		return http.StatusGone
	case errors.Is(err, link.ErrForged), errors.Is(err, errUnknownWorkflow):
		return http.StatusNotFound
	}
	return http.StatusServiceUnavailable
}
