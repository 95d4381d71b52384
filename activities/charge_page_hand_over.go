package activities

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// handoverTimeout bounds one request to Temporal.
const handoverTimeout = 10 * time.Second

// handOver starts the CollectPayment that goes on with a row, and sees the row to its end. Faults of Temporal, and of Stripe, are
// met with repetitions for as long as the page may work.
func (p *page) handOver(r *pageRow) {
	handover := PaymentHandover{
		ChargeInput:  p.chargeInput(r),
		At:           r.at,
		Result:       r.res,
		Run:          p.in.Run,
		TimeZone:     cmp.Or(p.zone(r), p.in.TimeZone),
		CheckoutUI:   p.in.CheckoutUI,
		Events:       p.in.Events,
		Policy:       p.in.Policy,
		MessagesFrom: p.startedAt.Add(p.in.MessagesWait).UTC(),
	}
	handover.LookBack = false
	for try := 1; ; try++ {
		there, err := p.startPayment(handover)
		if err == nil {
			err = p.meet(r, there)
		}
		switch {
		case err == nil:
			return
		case IsStripeError(err, StripeUnauthorized):
			p.stopFor(StoppedUnauthorized, "")
			return
		}
		if !sleepUntil(p.working, p.ports.Now, p.ports.Now().Add(backoff(try))) {
			return
		}
	}
}

// handOverDue hands a row over if it has an outcome, and that is left to do.
func (p *page) handOverDue(r *pageRow) {
	p.mu.Lock()
	due := r.decided() && !r.done
	p.mu.Unlock()
	if due {
		p.handOver(r)
	}
}

// startPayment answers nil when the CollectPayment was started now, and otherwise the one that was there.
func (p *page) startPayment(handover PaymentHandover) (*OwnedWorkflow, error) {
	p.limits.temporal <- struct{}{}
	defer func() { <-p.limits.temporal }()
	ctx, cancel := context.WithTimeout(p.detached, handoverTimeout)
	defer cancel()
	started, err := p.ports.Workflows.StartPayment(ctx, handover)
	if err != nil || started {
		return nil, err //nolint:wrapcheck // it is repeated, not shown
	}
	owned, err := p.ports.Workflows.Owned(ctx, paymentWorkflow(handover.Reference))
	if err != nil {
		return nil, err //nolint:wrapcheck // it is repeated, not shown
	}
	return &owned, nil
}

// handedOverBefore asks, for a row that an earlier run may have sent, whether that run handed it over too: a CollectPayment may
// have gone on since, and what it did is not under this attempt's key. The row must not be sent then. It has an outcome, unless the
// page stops before; with a payment that was terminated, it must be handed over, which shows that.
func (p *page) handedOverBefore(r *pageRow) bool {
	for try := 1; ; try++ {
		owned, err := p.owned(paymentWorkflow(r.Reference))
		switch {
		case errors.Is(err, ErrWorkflowNotFound):
			return false
		case err == nil && owned.Owner != runOwner+p.in.Run && !owned.Lost, err == nil && !r.sameAs(owned):
			return false // it is not from this run: what it is shows when the row is handed over
		case err == nil:
			p.mu.Lock()
			defer p.mu.Unlock()
			p.changed = true
			r.at = r.progress.FirstSentAt
			if owned.Lost {
				r.res = r.unknown()
				return true
			}
			r.res = ChargeResult{Outcome: ChargeUnknown}
			r.done, r.handedOver = true, true
			if first := owned.FirstAttempt; first != nil && first.Outcome != ChargeNotTaken && first.Outcome != ChargeSucceeded {
				r.res = *first // those two it has found out since: it was handed over as unknown
			}
			return true
		}
		if !sleepUntil(p.sending, p.ports.Now, p.ports.Now().Add(backoff(try))) {
			return true
		}
	}
}

func (p *page) owned(workflowID string) (OwnedWorkflow, error) {
	p.limits.temporal <- struct{}{}
	defer func() { <-p.limits.temporal }()
	ctx, cancel := context.WithTimeout(p.detached, handoverTimeout)
	defer cancel()
	return p.ports.Workflows.Owned(ctx, workflowID) //nolint:wrapcheck // the caller looks at it
}

// paymentWorkflow is the id of the CollectPayment with a reference.
func paymentWorkflow(reference string) string { return "payment:" + reference }

// zone is the customer's own time zone. During an outage of Stripe the run's must do.
func (p *page) zone(r *pageRow) string {
	if r.zoneKnown {
		return r.zone
	}
	c, err := p.readCustomer(r.Customer)
	if err != nil {
		return ""
	}
	return zoneOf(c)
}
