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

// addWay remembers a PaymentIntent or Session; one that is known stays as it is.
func (p *collectPayment) addWay(kind activities.WayKind, id string) {
	if p.wayOf(kind, id) == nil {
		w := wayState{Way: activities.Way{Kind: kind, ID: id}, State: activities.WayOpen}
		if kind == activities.WayPaymentIntent {
			w.PaymentIntent = id
		}
		p.st.Ways = append(p.st.Ways, w)
	}
}

func (p *collectPayment) wayOf(kind activities.WayKind, id string) *wayState {
	for i := range p.st.Ways {
		if p.st.Ways[i].Kind == kind && p.st.Ways[i].ID == id {
			return &p.st.Ways[i]
		}
	}
	return nil
}

// setWay notes a way's state as an answer of Stripe told it.
func (p *collectPayment) setWay(kind activities.WayKind, id string, state activities.WayState) {
	p.addWay(kind, id)
	p.wayOf(kind, id).State = state
	if state == activities.WayClosed {
		p.forget(kind, id)
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
	return w.State == activities.WayClosed || w.Refunded
}

// anyOpenWay reports whether something could still be paid, or is being paid.
func (p *collectPayment) anyOpenWay() bool {
	return slices.ContainsFunc(p.st.Ways, func(w wayState) bool { return !w.settled() })
}

// closedIntents are the PaymentIntents that can never be paid.
func (p *collectPayment) closedIntents() []string {
	var ids []string
	for _, w := range p.st.Ways {
		if w.settled() && w.PaymentIntent != "" {
			ids = append(ids, w.PaymentIntent)
		}
	}
	return ids
}

// verdict judges all ways but the one excepted.
func (p *collectPayment) verdict(except string) waysVerdict {
	v := waysClosed
	for _, w := range p.st.Ways {
		if w.settled() || w.ID == except && w.State == activities.WayOpen {
			continue
		}
		switch w.State {
		case activities.WayPaid:
			v = max(v, waysPaid)
		case activities.WayProcessing:
			v = max(v, waysProcessing)
		case activities.WayOpen:
			v = max(v, waysOpen)
		case activities.WayClosed:
		}
	}
	return v
}

// closeWays closes every open way but the one excepted, each by a write and a read, and says what they have become.
func (p *collectPayment) closeWays(ctx workflow.Context, except string) waysVerdict {
	for _, w := range slices.Clone(p.st.Ways) {
		if w.settled() || w.State == activities.WayPaid || w.ID == except {
			continue
		}
		p.st.Closes++
		r, err := execute(ctx, closeOptions, payments.CloseWay, activities.CloseWayInput{
			Way:            w.Way,
			IdempotencyKey: fmt.Sprintf("%s:close:%d", PaymentID(p.in.Reference), p.st.Closes),
		})
		if err != nil {
			workflow.GetLogger(ctx).Warn("way to pay not closed", "way", w.ID, "error_type", errorType(err))
			continue
		}
		p.observe(r)
	}
	return p.verdict(except)
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
	verdict := p.closeWays(ctx, "")
	paid, err := p.paidWays(ctx)
	if err != nil || len(paid) == 0 {
		p.attention(ctx, ReasonWayNotClosed)
		return
	}
	for _, duplicate := range paid[1:] {
		if !p.refund(ctx, duplicate) {
			p.attention(ctx, ReasonDuplicateNotRefunded)
			p.restartPolls(ctx, p.in.Reference)
			return
		}
	}
	p.st.PaidIntent, p.st.PaidMethod = paid[0].PaymentIntent, paid[0].PaymentMethod
	verdict = p.verdictOfOthers(verdict)
	switch verdict {
	case waysProcessing:
		p.enterProcessing(ctx)
	case waysOpen:
		p.attention(ctx, ReasonWayNotClosed)
	case waysClosed, waysPaid:
		p.end(ctx, PaymentPaid)
	}
}

// verdictOfOthers judges the ways that did not take the money.
func (p *collectPayment) verdictOfOthers(all waysVerdict) waysVerdict {
	if all != waysPaid {
		return all
	}
	v := waysClosed
	for _, w := range p.st.Ways {
		switch {
		case w.settled(), w.State == activities.WayPaid, w.PaymentIntent != "" && w.PaymentIntent == p.st.PaidIntent:
		case w.State == activities.WayProcessing:
			v = max(v, waysProcessing)
		default:
			v = max(v, waysOpen)
		}
	}
	return v
}

// paidWays are the distinct payments that took money and were not given back, the earliest charge first.
func (p *collectPayment) paidWays(ctx workflow.Context) ([]wayState, error) {
	var paid []wayState
	for _, w := range p.st.Ways {
		known := slices.ContainsFunc(paid, func(o wayState) bool { return o.PaymentIntent == w.PaymentIntent })
		if w.State == activities.WayPaid && !w.Refunded && !known {
			paid = append(paid, w)
		}
	}
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
	paid = paid[:0]
	for _, r := range readings {
		p.observe(r)
		if w := p.wayOf(r.Kind, r.ID); !w.Refunded {
			paid = append(paid, *w)
		}
	}
	slices.SortStableFunc(paid, func(a, b wayState) int { return a.ChargedAt.Compare(b.ChargedAt) })
	return paid, nil
}

// refund gives a duplicate back. It reports whether that is done.
func (p *collectPayment) refund(ctx workflow.Context, w wayState) bool {
	res, err := execute(ctx, writeOptions, payments.RefundDuplicate, activities.RefundInput{
		Reference:     p.in.Reference,
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

// endWhenClosed ends without a payment, once every way is closed: a payment found on the way wins.
func (p *collectPayment) endWhenClosed(ctx workflow.Context, as PaymentState) waysVerdict {
	verdict := p.closeWays(ctx, "")
	switch verdict {
	case waysPaid:
		p.settle(ctx)
	case waysProcessing:
		p.enterProcessing(ctx)
	case waysOpen:
		p.st.EndAs = as
		p.attention(ctx, ReasonWayNotClosed)
	case waysClosed:
		p.end(ctx, as)
	}
	return verdict
}

// end closes the books.
func (p *collectPayment) end(ctx workflow.Context, as PaymentState) {
	p.st.NextAt, p.st.PollAt = time.Time{}, time.Time{}
	p.move(as)
	p.tellEnd(ctx)
}

// enterProcessing waits for a bank.
func (p *collectPayment) enterProcessing(ctx workflow.Context) {
	p.st.NextAt = time.Time{}
	if p.st.State == PaymentProcessing {
		return
	}
	if p.st.ProcessingSince.IsZero() {
		p.st.ProcessingSince = workflow.Now(ctx).UTC()
	}
	p.move(PaymentProcessing)
	p.restartPolls(ctx, p.in.Reference)
	p.st.Exception = true
	p.tellProcessing(ctx)
}
