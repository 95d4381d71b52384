package workflows

import (
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/dunning"
)

// attemptsApart is between the attempts of several open payments that one new card triggers, oldest first.
const attemptsApart = 10 * time.Minute

// startChild starts a workflow that outlives this one, and waits until it has started. Its error says that the id is taken.
func (a *billingAgreement) startChild(ctx workflow.Context, workflowType, id string, attributes temporal.SearchAttributes, summary string, input any) error {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		ParentClosePolicy:     enumspb.PARENT_CLOSE_POLICY_ABANDON,
		TypedSearchAttributes: attributes,
		StaticSummary:         summary,
	})
	return workflow.ExecuteChildWorkflow(ctx, workflowType, input).GetChildWorkflowExecution().Get(ctx, nil)
}

// keepPayment adds a payment to those that are shown.
func (a *billingAgreement) keepPayment(p keptPayment) {
	a.st.Payments = keepLast(append(a.st.Payments, p), agreementPayments)
}

func (a *billingAgreement) dropPayment(reference string) {
	a.st.Payments = slices.DeleteFunc(a.st.Payments, func(p keptPayment) bool { return p.Key == a.keyOf(reference) })
}

// setPayment changes a payment that is still shown.
func (a *billingAgreement) setPayment(reference string, state AgreementPaymentState, reason, intent string) {
	for i := range a.st.Payments {
		if p := &a.st.Payments[i]; p.Key == a.keyOf(reference) {
			p.State, p.Reason = state, reason
			if intent != "" {
				p.Intent = intent
			}
		}
	}
}

// paymentState is what became of a payment; empty when it is not shown any more.
func (a *billingAgreement) paymentState(reference string) AgreementPaymentState {
	for _, p := range a.st.Payments {
		if p.Key == a.keyOf(reference) {
			return p.State
		}
	}
	return ""
}

// planCheck reads what this workflow has started once a day, in case a signal is lost.
func (a *billingAgreement) planCheck(ctx workflow.Context) {
	if a.st.CheckAt.IsZero() {
		a.st.CheckAt = workflow.Now(ctx).Add(pollDelay(len(pollDelays), a.in.Reference)).UTC()
	}
}

func (a *billingAgreement) checkAt() time.Time {
	if len(a.st.Open) == 0 && !a.st.AskOpen {
		return time.Time{}
	}
	return a.st.CheckAt
}

// checkOpen reads the workflows that this one started.
func (a *billingAgreement) checkOpen(ctx workflow.Context) {
	a.st.CheckAt = time.Time{}
	a.planCheck(ctx)
	for _, open := range slices.Clone(a.st.Open) {
		reference := a.paymentReference(open.Key)
		found, err := execute(ctx, readOptions, handovers.ReadOwned, activities.ReadOwnedInput{WorkflowID: PaymentID(reference)})
		if err != nil {
			workflow.GetLogger(ctx).Warn("open payment not read", "reference", reference, "error_type", errorType(err))
			return
		}
		found.Lost = found.Lost || !found.Found
		a.follow(ctx, reference, found.OwnedWorkflow)
	}
	if !a.st.AskOpen {
		return
	}
	reference := a.askReference(a.st.CardAsks)
	found, err := execute(ctx, readOptions, handovers.ReadOwned, activities.ReadOwnedInput{WorkflowID: SavePaymentMethodID(reference)})
	switch {
	case err != nil:
		workflow.GetLogger(ctx).Warn("saving a payment method not read", "reference", reference, "error_type", errorType(err))
	case found.Lost || !found.Found:
		a.methodSaved(ctx, PaymentMethodSaved{Reference: reference, State: SetupCanceled})
	case found.Ended:
		a.methodSaved(ctx, PaymentMethodSaved{Reference: reference, State: SetupState(found.State), PaymentMethod: found.PaymentMethod})
	}
}

// follow takes over what was read of a payment's workflow.
func (a *billingAgreement) follow(ctx workflow.Context, reference string, found activities.OwnedWorkflow) {
	switch {
	case found.Lost:
		if i := a.openIndex(reference); i >= 0 {
			a.st.Open = slices.Delete(a.st.Open, i, i+1)
			a.setPayment(reference, AgreementPaymentLost, "", "")
			a.stop(ctx, AgreementReasonPaymentLost)
		}
	case found.Ended:
		a.paymentEnded(ctx, PaymentEnded{
			Reference: reference, State: PaymentState(found.State), PaymentIntent: found.PaymentIntent,
			PaymentMethod: found.PaymentMethod, DeclineCode: found.DeclineCode,
		})
	}
}

func (a *billingAgreement) openIndex(reference string) int {
	return slices.IndexFunc(a.st.Open, func(o openPayment) bool { return o.Key == a.keyOf(reference) })
}

// paymentEnded follows the end of a payment, once.
func (a *billingAgreement) paymentEnded(ctx workflow.Context, ended PaymentEnded) {
	i := a.openIndex(ended.Reference)
	if i < 0 || !ended.State.Ended() {
		return
	}
	open := a.st.Open[i]
	a.st.Open = slices.Delete(a.st.Open, i, i+1)
	a.setPayment(ended.Reference, AgreementPaymentState(ended.State), ended.DeclineCode, ended.PaymentIntent)
	workflow.GetLogger(ctx).Info("payment ended", "reference", ended.Reference, "state", ended.State)
	if ended.State == PaymentPaid {
		a.st.Paid++
		if ended.PaymentMethod != "" && ended.PaymentMethod != a.st.Method {
			a.changeMethod(ctx, ended.PaymentMethod)
		}
	} else {
		a.giveBack(open.Month, open.Amount)
	}
	if a.st.State == AgreementOnHold && len(a.st.Open) < openPaymentsMost && (a.in.WhileInDunning != DunningHold || len(a.st.Open) == 0) {
		a.move(ctx, AgreementActive, "")
	}
	if ended.State == PaymentUncollectible {
		a.finalAction(ctx)
	}
	if a.st.State != AgreementSettling && !a.st.State.Ended() && consentRevoked(activities.Codes{Code: ended.DeclineCode, DeclineCode: ended.DeclineCode}) {
		a.stop(ctx, AgreementReasonConsentRevoked)
	}
}

// finalAction does with the agreement what the policy says after a payment became uncollectible.
func (a *billingAgreement) finalAction(ctx workflow.Context) {
	if a.writingOff {
		return // the operator cancels the agreement anyway
	}
	charging := a.st.State == AgreementActive || a.st.State == AgreementOnHold
	switch a.in.Policy.FinalAction {
	case dunning.FinalUncollectible:
	case dunning.FinalPause:
		if charging {
			a.pause(ctx, time.Time{}, AgreementReasonPaymentFailed)
		}
	case dunning.FinalCancel:
		if !a.st.State.Ended() && a.st.State != AgreementSettling {
			a.end(ctx, AgreementCanceled, AgreementReasonPaymentFailed)
		}
	case dunning.FinalNeedsAttention:
		if charging {
			a.stop(ctx, AgreementReasonPaymentFailed)
		}
	}
}

// changeOpenPayments gives the open payments the agreement's new card: each tries it, one per ten minutes, oldest first.
func (a *billingAgreement) changeOpenPayments(ctx workflow.Context, method string) {
	open := slices.Clone(a.st.Open)
	if len(open) == 0 {
		return
	}
	change := a.st.MethodChanges
	a.undelivered++
	workflow.GoNamed(ctx, "change-open-payments", func(ctx workflow.Context) {
		defer func() { a.undelivered-- }()
		for i, o := range open {
			if i > 0 {
				if err := workflow.NewTimerWithOptions(ctx, attemptsApart, workflow.TimerOptions{Summary: "between two attempts"}).Get(ctx, nil); err != nil {
					return
				}
			}
			reference := a.paymentReference(o.Key)
			if a.openIndex(reference) < 0 || a.st.Method != method {
				continue
			}
			res, err := execute(ctx, notifyOptions, handovers.Instruct, activities.InstructInput{
				WorkflowID: PaymentID(reference), Update: UpdateChangePaymentMethod, PaymentMethod: method,
				RequestID: fmt.Sprintf("%s:method:%d", AgreementID(a.in.Reference), change),
				Actor:     actorAgreement, Reason: "the agreement's payment method has changed",
			})
			if err != nil || res.Refused != "" {
				workflow.GetLogger(ctx).Warn("open payment did not take the new payment method", "reference", reference, "refused", res.Refused, "error_type", errorType(err))
			}
		}
	})
}

// actorAgreement signs what an agreement asks of its payments.
const actorAgreement = "agreement"
