package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"
)

// agreementMoves lists every change of state that an agreement can make; anything else is a bug, and stops the workflow's
// task until the code is mended. doc.go draws the same table.
var agreementMoves = map[AgreementState][]AgreementState{
	AgreementSavingCard:     {AgreementActive, AgreementCanceled},
	AgreementActive:         {AgreementOnHold, AgreementPaused, AgreementNeedsAttention, AgreementSettling, AgreementCanceled},
	AgreementOnHold:         {AgreementActive, AgreementPaused, AgreementNeedsAttention, AgreementSettling, AgreementCanceled},
	AgreementPaused:         {AgreementActive, AgreementNeedsAttention, AgreementCanceled},
	AgreementNeedsAttention: {AgreementActive, AgreementPaused, AgreementCanceled},
	AgreementSettling:       {AgreementCompleted, AgreementCanceled},
}

// move changes the state along the table.
func (a *billingAgreement) move(ctx workflow.Context, to AgreementState, reason string) {
	if a.st.State != to && !slices.Contains(agreementMoves[a.st.State], to) {
		panic(fmt.Sprintf("agreement cannot go from %s to %s", a.st.State, to))
	}
	workflow.GetLogger(ctx).Debug("agreement moved", "from", a.st.State, "to", to, "because", reason)
	a.st.State, a.st.Reason = to, reason
	a.st.PausedUntil, a.st.RemindAt = time.Time{}, time.Time{}
	if to != AgreementNeedsAttention {
		a.st.Before = nil
	}
}

// end ends the agreement, asks the customer for nothing more, and tells the app.
func (a *billingAgreement) end(ctx workflow.Context, as AgreementState, reason string) {
	a.move(ctx, as, reason)
	a.st.CancelAt = time.Time{}
	a.cancelOpenAsk(ctx)
	a.tellEnded(ctx)
}
