package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

// deferredSubscription is one run of the workflow.
type deferredSubscription struct {
	entity
	in   DeferredSubscriptionInput
	st   *subscriptionState
	zone *time.Location
	// asks end the tries to deliver what the customer is asked for.
	asks []workflow.CancelFunc
}

// DeferredSubscription watches a Stripe subscription whose first invoice takes no money, until it can be charged and has been:
// it brings the customer to confirm or to replace the payment method, and closes what is left open when the subscription ends.
// It makes no subscription, pays no invoice and creates no PaymentIntent: Stripe does. It ends as ready_and_paid or ended, and
// fails only when its input is wrong. https://docs.stripe.com/billing/subscriptions/deferred-payment
func DeferredSubscription(ctx workflow.Context, in DeferredSubscriptionInput) (DeferredSubscriptionResult, error) {
	d, err := newDeferredSubscription(ctx, in)
	if err != nil {
		return DeferredSubscriptionResult{}, err
	}
	detached, _ := workflow.NewDisconnectedContext(ctx)
	if err := d.handleMessages(ctx); err != nil {
		return DeferredSubscriptionResult{}, err
	}
	d.listen(ctx)
	again, err := d.mainLoop(detached, d)
	switch {
	case err != nil:
		return DeferredSubscriptionResult{}, err
	case again:
		return DeferredSubscriptionResult{}, continueAsNew(ctx, TypeDeferredSubscription, d.carry())
	}
	return d.result(), nil
}

func newDeferredSubscription(ctx workflow.Context, in DeferredSubscriptionInput) (*deferredSubscription, error) {
	in = in.full()
	zone, err := loadZone(in.TimeZone)
	if err != nil {
		return nil, err
	}
	if err := checkWorkflowReference(in.Reference); err != nil {
		return nil, invalidInput(err)
	}
	st := in.Carried
	if st == nil {
		st = &subscriptionState{
			Version: subscriptionStateVersion, State: SubscriptionNoActionNeeded, StartedAt: workflow.Now(ctx).UTC(), LookDue: true,
			entityState: entityState{Poll: beforeFirstPoll},
		}
	}
	checkVersion(st.Version, subscriptionStateVersion)
	in.Carried = nil
	d := &deferredSubscription{in: in, st: st, zone: zone}
	d.entity = entity{entityState: &st.entityState, published: readPublished(ctx)}
	return d, nil
}

func (d *deferredSubscription) ended() bool { return d.st.State.Ended() }

// actNow reads the subscription for the first time, and once more when what was read while closing asks for it.
func (d *deferredSubscription) actNow(ctx workflow.Context) bool {
	if !d.st.LookDue {
		return false
	}
	d.st.LookDue = false
	d.look(ctx)
	return true
}

// followHints re-reads the subscription, whatever the events were about.
func (d *deferredSubscription) followHints(ctx workflow.Context) {
	for _, h := range d.st.Hints {
		if h.Type == eventTrialWillEnd {
			d.st.TrialWillEnd = true
		}
	}
	d.st.Hints = nil
	d.st.Poll = beforeFirstPoll
	d.look(ctx)
}

// eventTrialWillEnd comes three days before a trial ends, or at once when it is shorter or is ended early.
// https://docs.stripe.com/billing/subscriptions/trials
const eventTrialWillEnd = "customer.subscription.trial_will_end"

func (d *deferredSubscription) carry() DeferredSubscriptionInput {
	in := d.in.Short()
	in.Carried = d.st
	return in
}

func (d *deferredSubscription) result() DeferredSubscriptionResult {
	r := DeferredSubscriptionResult{
		State: d.st.State, Reason: d.st.Reason, PaymentMethod: d.st.Reading.PaymentMethod, SetupIntents: d.st.Setups,
	}
	if d.st.State == SubscriptionReadyAndPaid {
		r.Invoice = d.st.Reading.PaidInvoice
	}
	return r
}

// nextWake is the next poll, message to the customer, day from which the subscription is at risk, or end of a period. While
// closing it is the poll alone.
func (d *deferredSubscription) nextWake() (time.Time, string) {
	poll, message := d.st.PollAt, d.nextMessage()
	if d.st.EndAs != "" {
		return poll, "close what is left open"
	}
	next := earliest(poll, message, d.riskDue(), d.periodDue())
	switch {
	case next.Equal(message):
		return next, "tell the customer"
	case next.Equal(poll):
		return next, "ask Stripe about the subscription"
	default:
		return next, "end of the trial or the period"
	}
}

func (d *deferredSubscription) actDue(ctx workflow.Context) {
	now := workflow.Now(ctx)
	due := func(t time.Time) bool { return !t.IsZero() && !now.Before(t) }
	switch {
	case d.st.EndAs != "":
		d.look(ctx)
	case due(d.nextMessage()):
		d.remind(ctx)
	case due(d.periodDue()):
		// Stripe makes the next invoice now, and tries to collect it within hours: look often.
		d.st.PeriodLooked, d.st.PeriodLookAt = d.st.Reading.PeriodEnd, now.UTC()
		d.st.Poll = beforeFirstPoll
		d.look(ctx)
	case due(d.riskDue()):
		d.st.RiskLooked = d.st.Reading.TrialEnd
		d.settle(ctx)
	default:
		d.look(ctx)
	}
}

// riskDue is when a subscription that waits for its customer, or for the bank, is at risk; zero when that has been looked at.
func (d *deferredSubscription) riskDue() time.Time {
	end := trialEnd(d.st.Reading)
	if d.st.Need == "" || end.IsZero() || d.st.RiskLooked.Equal(end) {
		return time.Time{}
	}
	return d.in.Policy.RiskAt(end, d.zone)
}

// periodDue is when Stripe makes the next invoice; zero when that has been looked at.
func (d *deferredSubscription) periodDue() time.Time {
	end := d.st.Reading.PeriodEnd
	if d.st.PeriodLooked.Equal(end) || !d.st.ReadAt.Before(end) {
		return time.Time{}
	}
	// Many periods end in one second, and an invoice stays a draft for an hour. A test clock's end moves with every reading.
	end = end.Add(jitter(periodJitter, d.in.Reference))
	if again := d.st.PeriodLookAt.Add(periodApart); end.Before(again) {
		return again
	}
	return end
}

const (
	// periodJitter spreads what is read when a period ends.
	periodJitter = 30 * time.Minute
	// periodApart is the least time between two such readings.
	periodApart = time.Hour
)

func (d *deferredSubscription) attributes() publishedAttributes {
	a := publishedAttributes{state: string(d.st.State), customer: d.in.Customer}
	switch {
	case d.st.State.Ended():
	case d.st.EndAs != "":
		a.nextAction = d.st.PollAt
	default:
		a.nextAction = earliest(d.nextMessage(), d.riskDue(), d.periodDue())
		if a.nextAction.IsZero() {
			a.nextAction = d.st.PollAt
		}
	}
	return a
}

// status answers QueryStatus.
func (d *deferredSubscription) status() (SubscriptionStatus, error) {
	r := d.st.Reading
	s := SubscriptionStatus{
		Reference:          d.in.Reference,
		State:              d.st.State,
		Reason:             d.st.Reason,
		Need:               d.st.Need,
		Customer:           d.in.Customer,
		Status:             r.Status,
		Ready:              r.Ready(),
		PendingSetupIntent: r.SetupIntent,
		SetupIntentStatus:  r.SetupStatus,
		PaymentMethod:      r.PaymentMethod,
		Invoice:            r.Invoice,
		Amount:             r.InvoiceAmount,
		Currency:           r.Currency,
		NextPaymentAttempt: r.NextPaymentAttempt,
		TrialEnd:           r.TrialEnd,
		PeriodEnd:          r.PeriodEnd,
		CancelsAt:          r.CancelsAt,
		ReadAt:             d.st.ReadAt,
		DefaultOn:          d.in.DefaultOn,
		TimeZone:           d.in.TimeZone,
		Description:        d.in.Description,
		Session:            d.st.Session,
		AskedAt:            d.st.AskedAt,
		Messages:           d.st.Messages,
		SetupIntents:       d.st.Setups,
		Steps:              append([]SubscriptionStep{}, d.st.Steps...),
		LinkExpires:        d.linkExpires(),
		Audit:              d.st.Audit,
		Undelivered:        d.st.Undelivered,
	}
	if !d.st.State.Ended() {
		next, _ := d.nextWake()
		s.NextActionAt, s.NextMessageAt = next.UTC(), d.nextMessage()
	}
	return s, nil
}

// linkLife is how long a link outlives what is known to come: the subscription may wait for a year.
const linkLife = 30 * 24 * time.Hour

// linkExpires moves on with every reading.
func (d *deferredSubscription) linkExpires() time.Time {
	last := d.st.StartedAt
	for _, t := range []time.Time{d.st.ReadAt, d.st.Reading.TrialEnd, d.st.Reading.PeriodEnd} {
		if t.After(last) {
			last = t
		}
	}
	return last.Add(linkLife + linkGrace).UTC().Truncate(time.Second)
}

// fault notes that Stripe could not be asked, or did not carry out what was wanted. It is tried again within the hour: what only
// takes time, the activity has tried for minutes. Anything else is shown as well, since a person must mend it.
func (d *deferredSubscription) fault(ctx workflow.Context, what string, err error) {
	reason := attentionReason(err)
	workflow.GetLogger(ctx).Warn("subscription: "+what+" failed", "error_type", errorType(err))
	d.st.Fault = reason
	d.pollSoon(ctx)
}

// pollSoon makes the next poll come within an hour. Not ever again in minutes: a key that Stripe does not accept fails all
// subscriptions, for as long as it takes a person.
func (d *deferredSubscription) pollSoon(ctx workflow.Context) {
	d.st.Poll = min(d.st.Poll, soonPoll)
	d.st.PollAt = workflow.Now(ctx).Add(pollDelay(d.st.Poll, d.in.Reference)).UTC()
}

// beforeFirstPoll makes the poll after the next look come in a minute.
const beforeFirstPoll = -1

// soonPoll is the number of the last poll that comes soon.
const soonPoll = 3

// subscriptions is for reading one with its invoices.
var subscriptions *activities.DeferredSubscriptions
