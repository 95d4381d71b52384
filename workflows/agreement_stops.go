package workflows

import (
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/dunning"
)

// remindEvery is how often the app is told that an agreement stands still and nobody has said until when.
const remindEvery = 30 * 24 * time.Hour

// stop keeps the agreement from charging until a person has looked at it, and tells the app why.
func (a *billingAgreement) stop(ctx workflow.Context, reason string) {
	switch a.st.State {
	case AgreementSavingCard, AgreementSettling, AgreementCompleted, AgreementCanceled:
		return // nothing is charged, or there is nothing to charge yet: the first charge finds out
	case AgreementNeedsAttention:
		if a.st.Reason == reason {
			return
		}
		if !mendedByMethod(a.st.Reason) {
			a.st.Before = &standstill{State: a.st.State, Reason: a.st.Reason}
		}
	case AgreementPaused:
		a.st.Before = &standstill{State: a.st.State, Reason: a.st.Reason, Until: a.st.PausedUntil}
	case AgreementActive, AgreementOnHold:
	}
	a.move(ctx, AgreementNeedsAttention, reason)
	workflow.GetLogger(ctx).Warn("agreement needs attention", "attention", reason)
	a.tellPaused(ctx)
}

// mendedByMethod reports whether another payment method takes a stop's cause away.
func mendedByMethod(reason string) bool {
	return reason == AgreementReasonMethodDetached || reason == AgreementReasonMandateInactive
}

// mended takes a stop back whose cause is gone, and leaves what stood still before as it was: that is a person's matter.
func (a *billingAgreement) mended(ctx workflow.Context) {
	before := a.st.Before
	switch {
	case before == nil:
		a.goOn(ctx)
	case before.State == AgreementNeedsAttention:
		a.st.Before = nil
		a.move(ctx, AgreementNeedsAttention, before.Reason)
		a.tellPaused(ctx)
	case before.Until.IsZero() || before.Until.After(workflow.Now(ctx)):
		a.pause(ctx, before.Until, before.Reason)
	default:
		a.resumeAt(ctx, before.Until, CatchUpNone)
	}
}

// goOn resumes by itself what a stop had interrupted, when the cause is mended. Dates that passed follow the input's
// catch-up.
func (a *billingAgreement) goOn(ctx workflow.Context) {
	a.move(ctx, AgreementActive, "")
	a.cycleDone = true
	if a.st.Next == nil && a.begun() {
		a.planNext(ctx)
	}
}

// lookBack finds out whether this reference had an earlier life, of which Temporal knows nothing any more.
func (a *billingAgreement) lookBack(ctx workflow.Context) {
	found, err := execute(ctx, lookUpOptions, payments.LookBackOwner, activities.LookBackOwnerInput{
		Customer: a.in.Customer, Owner: AgreementID(a.in.Reference), Reference: a.in.Reference,
	})
	a.st.LookedBack = true
	if err != nil {
		// Stripe does not let us look. Every charge looks for itself, which fails just as safely.
		workflow.GetLogger(ctx).Warn("earlier payments not looked for", "error_type", errorType(err))
		a.st.Earlier, a.st.NowsUnknown = true, true
		return
	}
	a.st.Earlier, a.st.Nows = found.Found, found.LastNow
}

// followHints re-reads what the events are about. What an event says is not believed.
func (a *billingAgreement) followHints(ctx workflow.Context) {
	hints := a.st.Hints
	a.st.Hints = nil
	for _, h := range hints {
		switch {
		case strings.HasPrefix(h.Type, "charge.dispute."):
			a.readDispute(ctx, h.ObjectID)
		case h.Type == "mandate.updated":
			a.readMandate(ctx, h.ObjectID)
		case h.Type == "customer.deleted", strings.HasPrefix(h.Type, "payment_method.") && h.ObjectID == a.st.Method:
			a.st.CardDue = true
		}
	}
}

// readDispute stops the agreement when one of its payments is disputed. A lost event is made up for by the next charge,
// which looks itself.
func (a *billingAgreement) readDispute(ctx workflow.Context, id string) {
	d, err := execute(ctx, readOptions, payments.ReadDispute, activities.ReadDisputeInput{Dispute: id})
	switch {
	case err != nil:
		workflow.GetLogger(ctx).Warn("dispute not read", "dispute", id, "error_type", errorType(err))
	case d.Owner != AgreementID(a.in.Reference), slices.Contains(a.st.Disputed, d.PaymentIntent):
	case d.Status == "won", d.Status == "warning_closed", d.Status == "":
	default:
		a.disputed(ctx, d.PaymentIntent)
	}
}

// disputed stops the agreement for disputes that no operator knows of yet.
func (a *billingAgreement) disputed(ctx workflow.Context, intents ...string) {
	for _, intent := range intents {
		if !slices.Contains(a.st.Disputes, intent) {
			a.st.Disputes = keepLast(append(a.st.Disputes, intent), disputesKept)
		}
	}
	a.stop(ctx, AgreementReasonDisputed)
}

// acknowledge notes that an operator has resumed knowing of the disputes. Once they are too many to list, those of all
// payments made so far count as known: further ones of them are heard of by webhook.
func (a *billingAgreement) acknowledge(ctx workflow.Context) {
	a.st.Disputed = append(a.st.Disputed, a.st.Disputes...)
	if len(a.st.Disputed) > disputesKept {
		a.st.DisputedBefore = workflow.Now(ctx).UTC()
		a.st.Disputed = keepLast(a.st.Disputed, disputesKept)
	}
	a.st.Disputes = nil
}

// readMandate stops the agreement when its mandate is not active any more. A lost event is made up for by the next
// charge, which the bank refuses.
func (a *billingAgreement) readMandate(ctx workflow.Context, id string) {
	m, err := execute(ctx, readOptions, setups.ReadMandate, activities.ReadMandateInput{Mandate: id})
	switch {
	case err != nil:
		workflow.GetLogger(ctx).Warn("mandate not read", "mandate", id, "error_type", errorType(err))
	case m.Status == "inactive" && m.PaymentMethod == a.st.Method:
		a.stop(ctx, AgreementReasonMandateInactive)
	}
}

// pause stops charging, until a time if one is given.
func (a *billingAgreement) pause(ctx workflow.Context, until time.Time, reason string) {
	a.move(ctx, AgreementPaused, reason)
	a.st.PausedUntil = until
	a.tellPaused(ctx)
}

// resumeAt goes on charging. The dates before the cut follow the mode.
func (a *billingAgreement) resumeAt(ctx workflow.Context, cut time.Time, mode CatchUp) {
	a.st.CardDue = true // what happened to it meanwhile stopped nothing
	a.goOn(ctx)
	if a.st.State == AgreementActive && a.begun() {
		a.leaveOut(ctx, cut, mode)
	}
}

// consentRevoked reports whether the bank says that the customer does not want to be charged any more.
func consentRevoked(c activities.Codes) bool {
	return dunning.ConsentRevoked(dunning.Failure{
		Outcome: dunning.OutcomeDeclined, Code: c.Code, DeclineCode: c.DeclineCode,
		AdviceCode: c.AdviceCode, NetworkAdviceCode: c.NetworkAdviceCode, NetworkDeclineCode: c.NetworkDeclineCode,
	})
}
