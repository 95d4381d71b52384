package workflows_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// subscriptionJudge looks at a subscription's watch from outside: at what Stripe shows, and at what is asked, told and answered.
type subscriptionJudge struct {
	*subscriptionBench
	in workflows.DeferredSubscriptionInput
	// truths are what Stripe showed whenever it was read.
	truths []truth
	// saved are the methods saved in sessions, in order. disturbed says that others have changed a default or taken a method away.
	saved     []string
	disturbed bool
	unwatched bool
	log       func(workflows.SubscriptionStatus)
}

// truth is what Stripe showed at one time.
type truth struct {
	at    time.Time
	ended bool
	ready bool
	need  workflows.SubscriptionNeed
}

func newSubscriptionJudge(b *subscriptionBench, in workflows.DeferredSubscriptionInput) *subscriptionJudge {
	j := &subscriptionJudge{subscriptionBench: b, in: in}
	b.ports = func(p activities.Ports) activities.Ports {
		p.Subscriptions = judgedReads{p.Subscriptions, j}
		return p
	}
	b.newRun(b.start)
	b.runs = 1
	return j
}

// judgedReads notes what each reading shows.
type judgedReads struct {
	activities.Subscriptions
	j *subscriptionJudge
}

func (r judgedReads) Subscription(ctx context.Context, id string) (activities.Subscription, error) {
	s, err := r.Subscriptions.Subscription(ctx, id)
	if err == nil || activities.IsStripeError(err, activities.StripeMissing) {
		r.j.stripe.edit(func() { r.j.truths = append(r.j.truths, r.j.truth()) })
	}
	return s, err //nolint:wrapcheck // it is the port's
}

// truth is what Stripe holds now; under the lock.
func (j *subscriptionJudge) truth() truth {
	s := j.stripe.subscription()
	if s == nil || s.Status.Ended() {
		return truth{at: j.stripe.now(), ended: true}
	}
	method := s.DefaultPaymentMethod
	if c := j.stripe.customers[s.Customer]; method == "" && c != nil && !c.Deleted {
		method = c.DefaultPaymentMethod
	}
	setUp := true
	if si := j.stripe.pendingSetup(); si != nil {
		setUp = si.Status == succeeded || si.Status == setupCanceled && (j.setByUs(method) || j.paid(s))
	}
	runs := s.Status == activities.SubscriptionActive || s.Status == activities.SubscriptionTrialing
	return truth{at: j.stripe.now(), ready: runs && (setUp || s.SendInvoice), need: j.need(s, setUp, method)}
}

// setByUs reports whether one of our sessions has set a method up.
func (j *subscriptionJudge) setByUs(method string) bool {
	for _, s := range j.stripe.sessions {
		if si := s.SetupIntent; si != nil && si.Status == succeeded && si.PaymentMethod == method && method != "" {
			return true
		}
	}
	return false
}

// paid reports whether an invoice has taken money since the pending SetupIntent was made.
func (j *subscriptionJudge) paid(s *fakeSubscription) bool {
	return slices.ContainsFunc(s.invoices, func(in *activities.Invoice) bool {
		return in.AmountDue > 0 && in.Status == activities.InvoicePaid && !in.PaidAt.Before(j.stripe.pendingSetup().Created)
	})
}

// need is what a subscription waits for by Stripe's own account.
func (j *subscriptionJudge) need(s *fakeSubscription, setUp bool, method string) workflows.SubscriptionNeed {
	if s.SendInvoice {
		return ""
	}
	open := slices.DeleteFunc(slices.Clone(s.invoices), func(in *activities.Invoice) bool {
		return in.AmountDue == 0 || in.Status != activities.InvoiceOpen || !in.Attempted && s.Status != activities.SubscriptionIncomplete
	})
	slices.Reverse(open)
	slices.SortStableFunc(open, func(a, b *activities.Invoice) int {
		return -cmp.Compare(fmt.Sprint(a.Attempted), fmt.Sprint(b.Attempted))
	})
	switch {
	case len(open) > 0 && open[0].Payment == activities.PaymentIntentProcessing:
		return workflows.NeedBank
	case len(open) > 0:
		return workflows.NeedInvoicePaid
	}
	if !s.CancelsAt.IsZero() && !s.CancelsAt.After(s.PeriodEnd) {
		return ""
	}
	if si := j.stripe.pendingSetup(); si != nil {
		switch si.Status {
		case setupWantsAction, activities.SetupIntentRequiresConfirmation:
			return workflows.NeedConfirmation
		case setupProcessing:
			return workflows.NeedBank
		case setupWantsMethod:
			return workflows.NeedPaymentMethod
		case succeeded, setupCanceled:
		}
	}
	if !setUp || method == "" && !s.Free {
		return workflows.NeedPaymentMethod
	}
	return ""
}

// awake checks, every day, that the watch comes back by itself, and that what it tells the app is so.
func (j *subscriptionJudge) awake() {
	s := j.status()
	if s.State.Ended() {
		return
	}
	require.Less(j, j.largestState, 6<<10)
	// What is due now may be waiting for Stripe for as long as a key is trusted.
	require.True(j, s.NextActionAt.After(j.env.Now().Add(-activities.KeyTrust-hour)), "%s waits for %s", s.State, s.NextActionAt)
	require.True(j, s.LinkExpires.After(j.env.Now()))
	if s.State == workflows.SubscriptionAtRisk {
		require.NotEmpty(j, s.Reason)
	}
	if seen := j.seenBy(s.ReadAt); s.Ready {
		require.True(j, seen.ready, "it counts as ready since %s, and Stripe showed otherwise", s.ReadAt)
	}
}

// seenBy is what Stripe showed last at a time.
func (j *subscriptionJudge) seenBy(t time.Time) truth {
	var last truth
	for _, seen := range j.truths {
		if !seen.at.After(t) {
			last = seen
		}
	}
	return last
}

// understood: days after the last change and fault, the watch knows what is so, and has put in place what was saved.
func (j *subscriptionJudge) understood() {
	s := j.status()
	if s.State.Ended() {
		return
	}
	var now truth
	var default1, default2 string
	j.stripe.edit(func() {
		now = j.truth()
		default1, default2 = j.stripe.subscription().DefaultPaymentMethod, j.stripe.customers["cus_1"].DefaultPaymentMethod
	})
	j.log(s)
	require.False(j, now.ended, "the subscription has ended, and the watch has not")
	require.Equal(j, now.need, s.Need)
	require.Equal(j, now.ready, s.Ready)
	if last := len(j.saved) - 1; last >= 0 && !j.disturbed {
		require.Contains(j, []string{default1, default2}, j.saved[last], "what was saved last is the default")
		require.True(j, default1 == "" || default1 == j.saved[last], "Stripe charges %s", default1)
	}
}

// verdict is what must hold at the end.
func (j *subscriptionJudge) verdict(res workflows.DeferredSubscriptionResult) {
	s := j.stripe.subscription()
	switch {
	case res.State == subPaid:
		in := s.invoices[slices.IndexFunc(s.invoices, func(in *activities.Invoice) bool { return in.ID == res.Invoice })]
		require.Equal(j, activities.InvoicePaid, in.Status)
		require.Positive(j, in.AmountDue)
	case res.Reason == workflows.SubscriptionReasonMissing:
		require.Nil(j, s)
	case res.Reason == workflows.SubscriptionReasonUnwatched:
		require.True(j, j.unwatched)
	default:
		require.Equal(j, res.Reason, string(s.Status))
		require.True(j, s.Status.Ended())
	}
	if res.Reason != workflows.SubscriptionReasonUnwatched {
		for _, si := range res.SetupIntents {
			require.False(j, cancellable(j.stripe.setups[si.ID].Status), "%s is left open", si.ID)
		}
	}
	// Or confirmed elsewhere, in a SetupIntent that was pending.
	confirmed := slices.Clone(j.saved)
	for _, si := range res.SetupIntents {
		if setup := j.stripe.setups[si.ID]; setup.Status == activities.SetupIntentSucceeded {
			confirmed = append(confirmed, setup.PaymentMethod)
		}
	}
	for _, w := range j.wrote("default on subscription") {
		require.Contains(j, confirmed, w[len(theSubscription)+1:], "only what the customer saved or confirmed is put in place")
	}
	j.messages()
	require.Less(j, len(j.stripe.calls), 10_000, "no busy loop")
	require.Less(j, j.env.Now().Sub(j.start), (subscriptionDays+10)*day)
}

// messages: the customer is told what was so at the last reading, and not too often; nobody is told of what has ended.
func (j *subscriptionJudge) messages() {
	needs := map[activities.NotificationKind]workflows.SubscriptionNeed{
		activities.NotifySubscriptionActionRequired:      workflows.NeedConfirmation,
		activities.NotifySubscriptionPaymentMethodNeeded: workflows.NeedPaymentMethod,
		activities.NotifySubscriptionInvoiceUnpaid:       workflows.NeedInvoicePaid,
	}
	told := slices.Clone(j.stripe.deliveries)
	slices.SortFunc(told, func(a, b activities.Notification) int { return a.At.Compare(b.At) })
	var before activities.Notification
	for _, n := range told {
		if !n.Kind.ForCustomer() {
			continue
		}
		seen := j.seenBy(n.At)
		require.Equal(j, needs[n.Kind], seen.need, "%s at %s", n.Kind, n.At)
		require.False(j, seen.ended, "%s at %s", n.Kind, n.At)
		require.LessOrEqual(j, n.At.Sub(seen.at), 10*time.Minute, "%s at %s relies on an old reading", n.Kind, n.At)
		if n.Reminder {
			require.Equal(j, before.Kind, n.Kind)
			require.GreaterOrEqual(j, n.At.Sub(before.At), 20*hour, "%s at %s", n.Kind, n.At)
		}
		before = n
	}
}
