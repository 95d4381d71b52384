package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
)

// look reads the subscription and follows what it has become; while it is ending, it closes what is left open.
func (d *deferredSubscription) look(ctx workflow.Context) {
	d.polled(ctx, d.in.Reference)
	if d.st.EndAs != "" {
		d.close(ctx)
		return
	}
	// Every write changes what can be read; there are three at most on the way from a saved method to a confirmed one.
	for range 4 {
		if !d.read(ctx) {
			break
		}
		if again := d.follow(ctx); !again {
			break
		}
	}
	if d.st.EndAs != "" || d.st.State.Ended() {
		return
	}
	d.settle(ctx)
	if d.sessionRefused() && d.st.Fault == "" {
		d.openSession(ctx) // or the customer's button stays without use
	}
	if d.atRest(ctx) {
		d.st.Poll = max(d.st.Poll, dailyPoll)
		d.st.PollAt = workflow.Now(ctx).Add(pollDelay(d.st.Poll, d.in.Reference)).UTC()
	}
}

// dailyPoll is the number of the first poll that comes a day after the one before.
const dailyPoll = 7

// invoiceTime is how long after the end of a period an invoice may take until it is known what became of it.
const invoiceTime = 6 * time.Hour

// atRest reports whether nothing is under way that could change soon: a poll a day is enough then.
func (d *deferredSubscription) atRest(ctx workflow.Context) bool {
	return d.st.Need == "" && d.st.Fault == "" && d.st.Session == "" && d.st.Reading.Invoice == "" &&
		!d.st.Reading.Missing && !workflow.Now(ctx).Before(d.st.PeriodLookAt.Add(invoiceTime))
}

// read reads the subscription. False: Stripe could not be asked.
func (d *deferredSubscription) read(ctx workflow.Context) bool {
	r, err := execute(ctx, subscriptionReadOptions, subscriptions.ReadSubscription, d.in.Reference)
	if err != nil {
		d.fault(ctx, "reading it", err)
		d.holdMessages(ctx, faultHold)
		return false
	}
	d.st.Fault = ""
	now, first := workflow.Now(ctx).UTC(), d.st.ReadAt.IsZero()
	if r.Missing && !first {
		// Perhaps the worker's key is another account's: what was known is kept for a while.
		if d.st.MissingSince.IsZero() {
			d.st.MissingSince = now
		}
		d.st.Reading.Missing = true
		return true
	}
	d.st.Reading, d.st.ReadAt, d.st.MissingSince = r, now, time.Time{}
	if need := needOf(r); first && need != "" && (r.PaidInvoice == "" || need == NeedInvoicePaid || r.SetupIntent == "" || r.OnTestClock) {
		// It was paid for before something new was needed.
		d.st.PaidBefore = r.LastPaid
	}
	d.noteSetup(r)
	return true
}

// missingPatience is how long a subscription may be missing that Stripe has told of before.
const missingPatience = 3 * 24 * time.Hour

// noteSetup remembers the pending SetupIntent: it must not be left open when the subscription ends.
func (d *deferredSubscription) noteSetup(r activities.SubscriptionReading) {
	if r.SetupIntent == "" {
		return
	}
	if len(d.st.Setups) == 0 || d.st.Setups[len(d.st.Setups)-1].ID != r.SetupIntent {
		d.st.Refused, d.st.DefaultThen = nil, r.PaymentMethod
	}
	if m := r.RefusedMethod; m != "" && !slices.Contains(d.st.Refused, m) {
		d.st.Refused = keepLast(append(d.st.Refused, m), refusedMethods)
	}
	i := slices.IndexFunc(d.st.Setups, func(s SubscriptionSetup) bool { return s.ID == r.SetupIntent })
	if i >= 0 {
		d.st.Setups[i].Status = r.SetupStatus
		return
	}
	d.st.Setups = keepLast(append(d.st.Setups, SubscriptionSetup{ID: r.SetupIntent, Status: r.SetupStatus}), subscriptionSetups)
}

// triedWith names a SetupIntent and the method that it was confirmed with.
func triedWith(setupIntent, paymentMethod string) string { return setupIntent + " " + paymentMethod }

// follow does what the reading asks for. True: something was written, and the subscription must be read again.
func (d *deferredSubscription) follow(ctx workflow.Context) (again bool) {
	r := d.st.Reading
	switch {
	case r.Missing:
		if d.st.MissingSince.IsZero() || !workflow.Now(ctx).Before(d.st.MissingSince.Add(missingPatience)) {
			d.endWhenClosed(ctx, SubscriptionEnded, SubscriptionReasonMissing)
		}
		return false
	case r.Status == activities.SubscriptionIncompleteExpired:
		d.endWhenClosed(ctx, SubscriptionEnded, SubscriptionReasonIncompleteExpired)
		return false
	case r.Status.Ended():
		d.endWhenClosed(ctx, SubscriptionEnded, SubscriptionReasonCanceled)
		return false
	}
	d.closeObsolete(ctx)
	d.followSetup(ctx)
	if d.st.Session != "" && d.st.Saved == "" {
		d.followSession(ctx)
	}
	d.dropOvertaken()
	if d.st.Saved != "" && d.putInPlace(ctx) {
		return true
	}
	if r.PaidInvoice != "" && r.PaidInvoice != d.st.PaidBefore {
		d.endWhenClosed(ctx, SubscriptionReadyAndPaid, "")
		return false
	}
	return d.st.Saved == "" && d.defaultUntried() && d.confirm(ctx, r.PaymentMethod, false)
}

// defaultUntried reports whether the pending SetupIntent waits for, or with, another method than the default, which may be what
// it needs: the app, or Stripe's customer portal, has changed it.
func (d *deferredSubscription) defaultUntried() bool {
	r := d.st.Reading
	if r.PaymentMethod == "" || slices.Contains(d.st.Refused, r.PaymentMethod) || d.st.Tried == triedWith(r.SetupIntent, r.PaymentMethod) {
		return false
	}
	switch needOf(r) {
	case NeedPaymentMethod:
		return r.SetupStatus == activities.SetupIntentRequiresPaymentMethod
	case NeedConfirmation:
		// Not the default that there was: the customer may be at the bank with another one, on the app's own page.
		return r.SetupMethod != "" && r.SetupMethod != r.PaymentMethod && r.PaymentMethod != d.st.DefaultThen
	case "", NeedBank, NeedInvoicePaid:
		return false
	}
	return false
}

// closeObsolete cancels the SetupIntents that were pending once and are not any more: nobody would ever confirm them.
func (d *deferredSubscription) closeObsolete(ctx workflow.Context) {
	for i := range d.st.Setups {
		if s := &d.st.Setups[i]; s.ID != d.st.Reading.SetupIntent {
			d.cancelSetup(ctx, s)
		}
	}
}

// followSetup takes the method of a SetupIntent that has just been found to have succeeded, when nothing that can be charged is the
// default: on the app's own page it is confirmed with a new card, and Stripe does not promise to make that the default.
func (d *deferredSubscription) followSetup(ctx workflow.Context) {
	r := d.st.Reading
	if d.st.Follow == "" || d.st.Saved != "" || r.PaymentMethod != "" && !slices.Contains(d.st.Refused, r.PaymentMethod) {
		d.st.Follow = ""
		return
	}
	method, err := execute(ctx, readOptions, subscriptions.ReadSetupMethod, d.st.Follow)
	if err != nil {
		d.fault(ctx, "reading what its SetupIntent has set up", err)
		return
	}
	d.st.Follow = ""
	if method.ID != "" && method.Customer == d.in.Customer {
		d.st.Saved, d.st.SavedOver = method.ID, r.PaymentMethod
	}
}

// dropOvertaken forgets what was saved when somebody has chosen another default since.
func (d *deferredSubscription) dropOvertaken() {
	if now := d.st.Reading.PaymentMethod; now != "" && now != d.st.SavedOver && now != d.st.Saved {
		d.st.Saved = ""
	}
}

// cancelSetup cancels a SetupIntent where its status allows, and notes in which it was left. False: it could not be done now.
func (d *deferredSubscription) cancelSetup(ctx workflow.Context, s *SubscriptionSetup) bool {
	if s.Status == "" || s.Status == activities.SetupIntentSucceeded || s.Status == activities.SetupIntentCanceled {
		return true
	}
	status, err := execute(ctx, closeOptions, subscriptions.CancelSetup, activities.CancelSetupInput{
		SetupIntent: s.ID, IdempotencyKey: d.writeKey("cancel_setup"),
	})
	switch {
	case err != nil:
		d.fault(ctx, "canceling its SetupIntent", err)
		return false
	case setupOpen(status):
		d.st.Fault = ReasonStripeFaults
		d.pollSoon(ctx)
		return false
	}
	s.Status = status
	if status == activities.SetupIntentSucceeded {
		d.st.Follow = s.ID
	}
	if s.ID == d.st.Reading.SetupIntent {
		d.st.Reading.SetupStatus = status
	}
	return true
}

// settle decides need and state by what was read last, and tells whom it concerns.
func (d *deferredSubscription) settle(ctx workflow.Context) {
	now := workflow.Now(ctx).UTC()
	if !d.st.ReadAt.IsZero() && !d.st.Reading.Missing {
		need := needOf(d.st.Reading)
		if need == NeedPaymentMethod && !d.st.VerifyingSince.IsZero() {
			need = NeedBank
		}
		d.needs(ctx, need)
	}
	d.st.TrialAtRisk = d.trialEnding(now)
	state, reason := d.stateOf(now)
	d.move(ctx, state, reason)
	d.tellApp(ctx)
	if at := d.nextMessage(); !at.IsZero() && !at.After(now) {
		d.tellCustomer(ctx)
	}
	if d.st.Fault == "" {
		d.st.TrialWillEnd = false
	}
}

// needs notes what is needed, and for which invoice or SetupIntent: another one is another thing to ask for.
func (d *deferredSubscription) needs(ctx workflow.Context, need SubscriptionNeed) {
	id := ""
	switch need {
	case NeedInvoicePaid:
		id = d.st.Reading.Invoice
	case NeedConfirmation, NeedPaymentMethod:
		id = d.st.Reading.SetupIntent
	case NeedBank, "":
	}
	if need != d.st.Need || id != d.st.NeedID {
		d.withdrawMessages()
		d.st.Need, d.st.NeedID, d.st.AskedAt, d.st.Messages = need, id, workflow.Now(ctx).UTC(), 0
		d.st.RiskLooked = time.Time{}
	}
	if need != NeedPaymentMethod {
		d.st.NoSession = ""
	}
	if need == "" {
		d.st.Unusable = ""
	} else {
		d.st.Asked, d.st.ReadyTold = true, false
	}
	if !need.asksCustomer() {
		d.st.AskedFor, d.st.AskedID = "", ""
	}
}
