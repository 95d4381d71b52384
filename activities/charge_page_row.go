package activities

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"
)

// faultPatience is how long the faults of one row are met with repetitions.
const faultPatience = 2 * time.Minute

// chargeInput is the row's attempt: the first of a payment that the run owns.
func (p *page) chargeInput(r *pageRow) ChargeInput {
	return ChargeInput{
		Reference:       r.Reference,
		Attempt:         1,
		Owner:           runOwner + p.in.Run,
		Amount:          r.Amount,
		Currency:        r.Currency,
		Customer:        r.Customer,
		PaymentMethod:   r.PaymentMethod,
		Description:     r.Description,
		StatementSuffix: p.in.StatementSuffix,
		Metadata:        r.Metadata,
		LookBack:        p.ports.Now().Sub(p.in.LookedBackAt) > KeyTrust,
	}
}

// send makes the row's attempt until there is an answer. Its first turn has been taken. It returns false when the page stops
// before.
func (p *page) send(r *pageRow) (ChargeResult, bool) {
	a := attempt{ports: p.ports, in: p.chargeInput(r), progress: r.progress, run: p.info.Attempt, again: !r.progress.FirstSentAt.IsZero()}
	a.sending = func(progress chargeProgress) bool { return p.sent(r, progress) }
	a.record = func(chargeProgress) {}
	var faulty time.Time
	for faults := 0; ; {
		before := sentBefore{first: a.progress.FirstSentAt, last: r.lastSent, guessed: r.guessed}
		res, err := a.make(p.detached)
		p.limits.giveBack()
		switch {
		case err == nil:
			p.pace.answered()
			return res, true
		case errors.Is(err, errNotSent):
			return ChargeResult{}, false
		}
		now := p.ports.Now()
		wait := now
		switch kindOf(err) {
		case StripeUnauthorized:
			p.notSent(r, &a, before)
			p.stopFor(StoppedUnauthorized, "")
			return ChargeResult{}, false
		case StripeRateLimited:
			p.notSent(r, &a, before)
			p.rateLimited(err)
			if isLockTimeout(err) {
				faults++
				wait = now.Add(backoff(faults))
			}
		case StripeUnknown, StripeKeyInUse:
			if faulty.IsZero() {
				faulty = now
			}
			if now.Sub(faulty) >= faultPatience {
				return a.unknown(), true
			}
			faults++
			wait = now.Add(backoff(faults))
		case StripeMissing, StripeInvalid, StripeDeclined, StripeRefused, StripeWrongState, StripeStoredFault, StripeKeyReused:
			p.pace.answered()
			return refusedRow(err), true
		default: // not from Stripe: an adapter is broken, and what it has sent nobody knows
			return a.unknown(), true
		}
		if !sleepUntil(p.sending, p.ports.Now, wait) || !p.takeTurn(p.ports.Now()) {
			return ChargeResult{}, false
		}
	}
}

// takeTurn waits for a connection, and then for the next time to send. It returns false, and has taken nothing, when the page
// stops before. The connection comes first: rows that waited for one must not be sent all at once.
func (p *page) takeTurn(notBefore time.Time) bool {
	if !p.limits.take(p.sending) {
		return false
	}
	at := p.pace.reserve(notBefore, p.ports.Now(), p.interval())
	if !sleepUntil(p.sending, p.ports.Now, at) {
		p.limits.giveBack()
		return false
	}
	return true
}

// sent notes that a row is about to be sent. A default is recorded first, with all others that are known. It returns false when
// nothing may be sent any more: whoever looks at the rows after the sending has ended sees all that was sent.
func (p *page) sent(r *pageRow, progress chargeProgress) bool {
	p.mu.Lock()
	if p.sending.Err() != nil {
		p.mu.Unlock()
		return false
	}
	keep := r.PaymentMethod == "" && r.kept != progress.PaymentMethod
	r.progress, r.lastSent, r.guessed = progress, p.ports.Now().UTC(), false
	p.changed = true
	p.mu.Unlock()
	if keep {
		p.beat(p.detached)
	}
	return true
}

// sentBefore is what was known of a row's sends.
type sentBefore struct {
	first, last time.Time
	guessed     bool
}

// notSent takes back that a row was sent: Stripe did not look at the request. An earlier one it may have.
func (p *page) notSent(r *pageRow, a *attempt, before sentBefore) {
	a.progress.FirstSentAt = before.first
	p.mu.Lock()
	defer p.mu.Unlock()
	r.progress, r.lastSent, r.guessed = a.progress, before.last, before.guessed
}

// rateLimited counts an answer of 429, and slows the run down. A customer that is locked by another request says nothing about
// the pace.
func (p *page) rateLimited(err error) {
	if isLockTimeout(err) {
		return
	}
	p.mu.Lock()
	p.limited++
	p.mu.Unlock()
	p.pace.limited(p.ports.Now())
}

// isLockTimeout reports a 429 because of a locked object. https://docs.stripe.com/rate-limits#object-lock-timeouts
func isLockTimeout(err error) bool {
	se, ok := errors.AsType[*StripeError](err)
	return ok && se.Codes.Code == "lock_timeout"
}

// closeRow settles a row without sending anything. One of which nobody knows whether it was sent waits until Stripe is certain:
// whoever canceled the run does not want it charged, and a CollectPayment might.
func (p *page) closeRow(r *pageRow) {
	if !r.again {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.decide(r, ChargeResult{Outcome: RowNotCharged})
		return
	}
	if p.handedOverBefore(r) {
		p.handOverDue(r)
		return
	}
	res, err := p.lookUp(p.sending, r)
	if p.sending.Err() != nil {
		return
	}
	certain := err == nil && (res.Outcome != "" || p.settled(r))
	switch {
	case !certain && r.guessed:
		p.mu.Lock()
		defer p.mu.Unlock()
		p.stopped = cmp.Or(p.stopped, StoppedUnsettled)
		return
	case !certain:
		res = r.unknown()
	case res.Outcome == "":
		res = ChargeResult{Outcome: RowNotCharged}
	}
	p.mu.Lock()
	p.decide(r, res)
	p.mu.Unlock()
	p.handOverDue(r)
}

// unknown leaves the row's attempt to a look-up.
func (r *pageRow) unknown() ChargeResult {
	return ChargeResult{Outcome: ChargeUnknown, PaymentMethod: r.progress.PaymentMethod, FirstSentAt: r.progress.FirstSentAt}
}

// settled reports whether Stripe cannot be executing the row's requests any more.
func (p *page) settled(r *pageRow) bool { return p.ports.Now().Sub(r.lastSent) >= SettleTime }

// refusedRow is the outcome of a row that Stripe does not want: nothing was charged.
func refusedRow(err error) ChargeResult {
	se, _ := errors.AsType[*StripeError](err)
	codes := se.Codes
	codes.Code = cmp.Or(codes.Code, CodeInvalidRequest)
	if se.Kind == StripeMissing && se.Param == "customer" {
		codes = Codes{Code: CodeCustomerMissing}
	}
	return ChargeResult{Outcome: ChargeRefused, Codes: codes}
}

// stopFor ends the sending of all rows for a reason.
func (p *page) stopFor(reason, code string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopForLocked(reason, code)
}

func (p *page) stopForLocked(reason, code string) {
	if p.stopped == "" {
		p.stopped, p.code = reason, code
	}
	if p.stopSending != nil {
		p.stopSending()
	}
}

// resolveDefaults reads the default methods of the rows that name none, ahead of their times and at the page's pace. The first of
// those rows that is sent records them all: a later run of the page must send the very same, and of the heartbeats of a page it is
// the first that the SDK sends at once.
func (p *page) resolveDefaults(left []*pageRow, slots []time.Time, under *sync.WaitGroup) {
	type reading struct {
		row *pageRow
		at  time.Time
	}
	var readings []reading
	lead := max(0, slots[0].Sub(p.startedAt))
	for i, r := range left {
		if r.progress.PaymentMethod != "" {
			continue
		}
		r.resolved = make(chan struct{})
		readings = append(readings, reading{row: r, at: slots[i].Add(-lead)})
	}
	if len(readings) == 0 {
		return
	}
	under.Go(func() {
		for len(readings) > 0 {
			open := sleepUntil(p.sending, p.ports.Now, readings[0].at)
			n, now := 0, p.ports.Now()
			for n < len(readings) && (!open || !readings[n].at.After(now)) {
				n++
			}
			rows := make([]*pageRow, n)
			for i := range rows {
				rows[i] = readings[i].row
			}
			readings = readings[n:]
			if open {
				p.resolve(rows)
			}
			for _, r := range rows {
				close(r.resolved)
			}
		}
	})
}

// resolve reads the customers of rows side by side. A customer that cannot be read is left to the row's own attempt.
func (p *page) resolve(rows []*pageRow) {
	of := make(map[string][]*pageRow, len(rows))
	for _, r := range rows {
		of[r.Customer] = append(of[r.Customer], r)
	}
	var reads sync.WaitGroup
	for id, theirs := range of {
		reads.Go(func() {
			c, err := p.readCustomer(id)
			if err != nil || c.Deleted {
				if IsStripeError(err, StripeRateLimited) {
					p.rateLimited(err)
				}
				return
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			for _, r := range theirs {
				r.zone, r.zoneKnown = zoneOf(c), true
				r.progress.PaymentMethod, r.resolvedAt = c.DefaultPaymentMethod, p.ports.Now().UTC()
			}
		})
	}
	reads.Wait()
}

// readCustomer reads one while a connection is free for it.
func (p *page) readCustomer(id string) (Customer, error) {
	p.limits.take(p.detached)
	defer p.limits.giveBack()
	ctx, cancel := context.WithTimeout(p.detached, readTimeout)
	defer cancel()
	return p.ports.Customers.Customer(ctx, id) //nolint:wrapcheck // the caller looks at its kind
}

// zoneOf is the customer's own time zone; empty when there is none that exists.
func zoneOf(c Customer) string {
	// LoadLocation gives the machine's own zone for "Local", which is another one elsewhere.
	if _, err := time.LoadLocation(c.TimeZone); err != nil || c.TimeZone == "Local" {
		return ""
	}
	return c.TimeZone
}
