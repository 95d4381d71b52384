package workflows

import (
	"cmp"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

// begin puts the payment where it stands after its owner's attempt, before anything is asked or decided.
func (p *collectPayment) begin(one AttemptOne) {
	at := one.At
	if at.IsZero() {
		at = p.st.StartedAt
	}
	p.st.State, p.st.NextAt = PaymentCharging, time.Time{}
	p.st.Number = 1
	p.st.Attempts = []Attempt{{
		Number: 1, At: at.UTC(), Outcome: activities.ChargeUnknown, PaymentMethod: cmp.Or(one.PaymentMethod, p.in.PaymentMethod),
	}}
	// A PaymentIntent, or a request that may have made one, says that the owner made sure of the reference before. Without
	// either the first attempt's key proves nothing.
	p.st.LookedBack = one.PaymentIntent != "" || !one.FirstSentAt.IsZero()
}

// takeOver goes on from the attempt that the owner made. It is never repeated under its key: whoever of the owner's still
// sends it is answered as the first time. The next attempt confirms the same PaymentIntent; where none is known, Stripe is
// looked through first, and again before the next attempt creates one.
func (p *collectPayment) takeOver(ctx workflow.Context, res activities.ChargeResult) {
	switch {
	case res.Outcome == activities.ChargeUnknown && res.Adopted:
		p.findOut(ctx, "", res.PaymentMethod) // there may be others
	case res.Outcome == activities.ChargeUnknown, res.Outcome == activities.ChargeNotTaken:
		p.findOut(ctx, res.PaymentIntent, res.PaymentMethod)
	default:
		p.resolve(ctx, res)
	}
}

// tellOwner tells the owner how its payment has ended. A billing run is not told: it asks, and the signals of its exceptions
// would be more than a history holds.
func (p *collectPayment) tellOwner(ctx workflow.Context) {
	if p.in.Owner == "" || strings.HasPrefix(p.in.Owner, runPrefix) {
		return
	}
	in := activities.PaymentEndedInput{Owner: p.in.Owner, Reference: p.in.Reference, State: string(p.st.State)}
	if p.st.State == PaymentPaid {
		r := p.result()
		in.PaymentIntent, in.PaymentMethod = r.PaymentIntent, r.PaymentMethod
	} else if at := p.lastAttempt(); at != nil {
		in.DeclineCode = at.Reason()
	}
	p.beforeEnd(ctx, "tell owner", func(ctx workflow.Context) {
		if err := perform(ctx, ownerOptions, handovers.TellPaymentEnded, in); err != nil {
			workflow.GetLogger(ctx).Error("owner not told", "owner", in.Owner, "error_type", errorType(err))
		}
	})
}
