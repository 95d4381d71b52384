package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

// processingPatience is how long a bank may take: SEPA debits up to 14 business days.
const processingPatience = 21 * 24 * time.Hour

// wayState is a way to pay and what is known of it.
type wayState struct {
	activities.Way
	State activities.WayState `json:"state"`
	// PaymentIntent is the way's own, or the one its session made.
	PaymentIntent string    `json:"payment_intent,omitempty"`
	PaymentMethod string    `json:"payment_method,omitempty"`
	ChargedAt     time.Time `json:"charged_at,omitzero"`
	// Refunded says that the way took money and gave it back.
	Refunded bool `json:"refunded,omitempty"`
}

// waysVerdict is what all ways together say.
type waysVerdict int

const (
	waysClosed waysVerdict = iota
	waysOpen
	waysProcessing
	waysPaid
)

// waysMost bounds what is carried over: beyond it, the oldest closed way is forgotten.
const waysMost = 40

// addWay remembers a PaymentIntent or Session; one that is known stays as it is.
func (p *collectPayment) addWay(kind activities.WayKind, id string) {
	if p.wayOf(kind, id) != nil {
		return
	}
	if len(p.st.Ways) >= waysMost {
		closed := func(w wayState) bool { return w.State == activities.WayClosed }
		if i := slices.IndexFunc(p.st.Ways, closed); i >= 0 {
			p.st.Ways = slices.Delete(p.st.Ways, i, i+1)
		}
	}
	w := wayState{Way: activities.Way{Kind: kind, ID: id}, State: activities.WayOpen}
	if kind == activities.WayPaymentIntent {
		w.PaymentIntent = id
	}
	p.st.Ways = append(p.st.Ways, w)
}

func (p *collectPayment) wayOf(kind activities.WayKind, id string) *wayState {
	for i := range p.st.Ways {
		if p.st.Ways[i].Kind == kind && p.st.Ways[i].ID == id {
			return &p.st.Ways[i]
		}
	}
	return nil
}

// setIntent notes a PaymentIntent's state as an answer of Stripe told it.
func (p *collectPayment) setIntent(id string, state activities.WayState) {
	p.addWay(activities.WayPaymentIntent, id)
	p.wayOf(activities.WayPaymentIntent, id).State = state
	if state == activities.WayClosed {
		p.forget(activities.WayPaymentIntent, id)
	}
}

// observe notes what a reading shows.
func (p *collectPayment) observe(r activities.WayReading) {
	p.addWay(r.Kind, r.ID)
	w := p.wayOf(r.Kind, r.ID)
	w.State = r.State
	if r.PaymentIntent != "" {
		w.PaymentIntent = r.PaymentIntent
	}
	if r.PaymentMethod != "" {
		w.PaymentMethod = r.PaymentMethod
	}
	if !r.ChargedAt.IsZero() {
		w.ChargedAt = r.ChargedAt
	}
	w.Refunded = w.Refunded || r.Refunded
	if r.State == activities.WayClosed {
		p.forget(r.Kind, r.ID)
	}
}

// forget drops a closed way from where it is used next.
func (p *collectPayment) forget(kind activities.WayKind, id string) {
	if kind == activities.WayPaymentIntent && p.st.Intent == id {
		p.st.Intent, p.st.Mark = "", activities.IntentMark{}
	}
	if kind == activities.WayCheckoutSession && p.st.Session == id {
		p.st.Session, p.st.SessionExpires = "", time.Time{}
	}
}

// settled reports whether nothing more can come of the way.
func (w wayState) settled() bool {
	return w.State == activities.WayClosed || w.State == activities.WayPaid && w.Refunded
}

// anyOpenWay reports whether something could still be paid, or is being paid.
func (p *collectPayment) anyOpenWay() bool {
	return slices.ContainsFunc(p.st.Ways, func(w wayState) bool { return !w.settled() })
}

// closedIntents are the PaymentIntents that can never be paid.
func (p *collectPayment) closedIntents() []string {
	var ids []string
	for _, w := range p.st.Ways {
		if w.State == activities.WayClosed && w.PaymentIntent != "" {
			ids = append(ids, w.PaymentIntent)
		}
	}
	return ids
}

// verdict judges all ways but the one excepted, as long as that is merely open. A payment counts even when it was given
// back: it was taken.
func (p *collectPayment) verdict(except string) waysVerdict {
	v := waysClosed
	for _, w := range p.st.Ways {
		switch w.State {
		case activities.WayPaid:
			v = max(v, waysPaid)
		case activities.WayProcessing:
			v = max(v, waysProcessing)
		case activities.WayOpen:
			if w.ID != except {
				v = max(v, waysOpen)
			}
		case activities.WayClosed:
		}
	}
	return v
}

// closeWays closes every open way but the one excepted, each by a write and a read, and says what they have become. What
// a bank is working on is left to it.
func (p *collectPayment) closeWays(ctx workflow.Context, except string) waysVerdict {
	for _, w := range slices.Clone(p.st.Ways) {
		if w.State == activities.WayOpen && w.ID != except {
			p.closeWay(ctx, w.Way)
		}
	}
	return p.verdict(except)
}

func (p *collectPayment) closeWay(ctx workflow.Context, w activities.Way) {
	p.st.Closes++
	r, err := execute(ctx, closeOptions, payments.CloseWay, activities.CloseWayInput{
		Way:            w,
		IdempotencyKey: fmt.Sprintf("%s:close:%d", PaymentID(p.in.Reference), p.st.Closes),
	})
	if err != nil {
		workflow.GetLogger(ctx).Warn("way to pay not closed", "way", w.ID, "error_type", errorType(err))
		return
	}
	p.observe(r)
}

// wayStuck waits until a way that could not be closed is closed; then the payment goes back to where it stands now.
func (p *collectPayment) wayStuck(ctx workflow.Context) {
	next, back, reason := p.st.NextAt, p.st.Return, p.st.ReturnReason
	if back == "" {
		back, reason = p.st.State, p.st.Reason
	}
	p.attention(ctx, ReasonWayNotClosed)
	p.st.NextAt, p.st.Return, p.st.ReturnReason = next, back, reason
}

// readWays reads every way that something can still come of.
func (p *collectPayment) readWays(ctx workflow.Context) ([]activities.WayReading, error) {
	var ask []activities.Way
	for _, w := range p.st.Ways {
		if !w.settled() {
			ask = append(ask, w.Way)
		}
	}
	if len(ask) == 0 {
		return nil, nil
	}
	readings, err := execute(ctx, readOptions, payments.ReadWays, ask)
	if err != nil {
		return nil, err
	}
	for _, r := range readings {
		p.observe(r)
	}
	return readings, nil
}

// settle ends a payment that was paid, once every other way is closed. When two ways took the money, the earlier
// charge is kept and the other refunded in full.
func (p *collectPayment) settle(ctx workflow.Context) {
	p.closeWays(ctx, "")
	paid, err := p.paidWays(ctx)
	if err != nil {
		p.wayStuck(ctx)
		return
	}
	for _, duplicate := range paid[1:] {
		if !duplicate.Refunded && !p.refund(ctx, duplicate) {
			p.attention(ctx, ReasonDuplicateNotRefunded)
			return
		}
	}
	p.st.PaidIntent, p.st.PaidMethod = paid[0].PaymentIntent, paid[0].PaymentMethod
	if at := p.lastAttempt(); at != nil && at.Outcome == activities.ChargeProcessing && p.st.PaidIntent == p.st.Intent {
		at.Outcome = activities.ChargeSucceeded
	}
	switch p.verdictOfOthers() {
	case waysProcessing:
		p.enterProcessing(ctx)
	case waysOpen:
		p.wayStuck(ctx)
	case waysClosed, waysPaid:
		p.end(ctx, PaymentPaid)
	}
}

// verdictOfOthers judges the ways that did not take the money.
func (p *collectPayment) verdictOfOthers() waysVerdict {
	v := waysClosed
	for _, w := range p.st.Ways {
		switch {
		case w.State == activities.WayClosed, w.State == activities.WayPaid, w.PaymentIntent == p.st.PaidIntent:
		case w.State == activities.WayProcessing:
			v = max(v, waysProcessing)
		default:
			v = max(v, waysOpen)
		}
	}
	return v
}

// paidWays are the distinct payments that took money, at least one: first the one to keep, which is the earliest charge
// of those that nobody gave back.
func (p *collectPayment) paidWays(ctx workflow.Context) ([]wayState, error) {
	paid := p.distinctPaid()
	if len(paid) < 2 {
		return paid, nil
	}
	ways := make([]activities.Way, len(paid))
	for i, w := range paid {
		ways[i] = w.Way
	}
	readings, err := execute(ctx, readOptions, payments.ReadWays, ways)
	if err != nil {
		return nil, err
	}
	for _, r := range readings {
		p.observe(r)
	}
	paid = p.distinctPaid()
	slices.SortStableFunc(paid, func(a, b wayState) int {
		if a.Refunded != b.Refunded {
			if a.Refunded {
				return 1
			}
			return -1
		}
		return a.ChargedAt.Compare(b.ChargedAt)
	})
	return paid, nil
}

func (p *collectPayment) distinctPaid() []wayState {
	var paid []wayState
	for _, w := range p.st.Ways {
		known := slices.ContainsFunc(paid, func(o wayState) bool { return o.PaymentIntent == w.PaymentIntent })
		if w.State == activities.WayPaid && !known {
			paid = append(paid, w)
		}
	}
	return paid
}

// refund gives a duplicate back. It reports whether that is done.
func (p *collectPayment) refund(ctx workflow.Context, w wayState) bool {
	res, err := execute(ctx, writeOptions, payments.RefundDuplicate, activities.RefundInput{
		Reference:     p.in.Reference,
		Owner:         p.in.Owner,
		PaymentIntent: w.PaymentIntent,
		Retry:         p.st.RefundRetries,
	})
	if err != nil {
		res.Status = errorType(err)
	}
	i := slices.IndexFunc(p.st.Refunds, func(r Refund) bool { return r.PaymentIntent == w.PaymentIntent })
	if i < 0 {
		p.st.Refunds = append(p.st.Refunds, Refund{PaymentIntent: w.PaymentIntent})
		i = len(p.st.Refunds) - 1
	}
	p.st.Refunds[i].Status = res.Status
	if res.Refund != "" {
		p.st.Refunds[i].Refund = res.Refund
	}
	if err != nil || !res.Done {
		return false
	}
	for j := range p.st.Ways {
		if p.st.Ways[j].PaymentIntent == w.PaymentIntent {
			p.st.Ways[j].Refunded = true
		}
	}
	return true
}

// endWhenClosed ends without a payment, once what may still run is known and every way is closed: a payment found on
// the way wins, and a bank that is working on one keeps it from ending. After an error nothing has changed.
func (p *collectPayment) endWhenClosed(ctx workflow.Context, as PaymentState) error {
	if p.mayStillRun(ctx) {
		p.st.LookUpDue = true
		p.wayStuck(ctx)
		p.st.EndAs = as
		p.st.PollAt = p.st.NotBefore
		return nil
	}
	if p.st.LookUpDue || !p.st.LookedBack {
		// Before the first attempt nothing was sent: then a Stripe that does not answer is no reason to go on.
		if err := p.lookUpFirst(ctx, false); err != nil && p.st.Number > 0 {
			return err
		}
		if p.st.State.Ended() || p.st.State == PaymentProcessing {
			return nil
		}
	}
	for _, w := range slices.Clone(p.st.Ways) {
		if w.State == activities.WayOpen || w.State == activities.WayProcessing {
			p.closeWay(ctx, w.Way) // Stripe cancels some debits while the bank works on them
		}
	}
	switch p.verdict("") {
	case waysPaid:
		p.settle(ctx)
	case waysProcessing:
		p.enterProcessing(ctx)
	case waysOpen:
		p.wayStuck(ctx)
		p.st.EndAs = as
	case waysClosed:
		p.end(ctx, as)
	}
	return nil
}

// end closes the books.
func (p *collectPayment) end(ctx workflow.Context, as PaymentState) {
	p.st.NextAt, p.st.PollAt = time.Time{}, time.Time{}
	p.move(ctx, as)
	p.tellEnd(ctx)
	p.tellOwner(ctx)
}

// enterProcessing waits for a bank.
func (p *collectPayment) enterProcessing(ctx workflow.Context) {
	if p.st.State == PaymentProcessing || p.st.Reason == ReasonProcessingTooLong {
		return
	}
	if p.st.ProcessingSince.IsZero() {
		p.st.ProcessingSince = workflow.Now(ctx).UTC()
	}
	p.move(ctx, PaymentProcessing)
	p.restartPolls(ctx, p.in.Reference)
	p.st.Exception = true
	p.st.Occasion++
	p.tellProcessing(ctx)
}
