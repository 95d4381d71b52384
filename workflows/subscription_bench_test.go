package workflows_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

const (
	subNone       = workflows.SubscriptionNoActionNeeded
	subAction     = workflows.SubscriptionRequiresAction
	subMethod     = workflows.SubscriptionRequiresPaymentMethod
	subProcessing = workflows.SubscriptionProcessing
	subReady      = workflows.SubscriptionReady
	subRisk       = workflows.SubscriptionAtRisk
	subPaid       = workflows.SubscriptionReadyAndPaid
	subEnded      = workflows.SubscriptionEnded

	setupWantsMethod = activities.SetupIntentRequiresPaymentMethod
	setupWantsAction = activities.SetupIntentRequiresAction
	setupCanceled    = activities.SetupIntentCanceled
)

// hooks is how Stripe's webhooks arrive.
type hooks string

const (
	hooksNormal  hooks = "normal"
	hooksLost    hooks = "lost"
	hooksDoubled hooks = "doubled"
	// hooksLate come up to six hours late, in any order.
	hooksLate hooks = "late"
)

func allHooks() []hooks { return []hooks{hooksNormal, hooksLost, hooksDoubled, hooksLate} }

// subscriptionBench is a DeferredSubscription under test.
type subscriptionBench struct {
	*bench
	hooks  hooks
	random *rand.Rand
	events int
	// left is the status after the end.
	left workflows.SubscriptionStatus
}

func newSubscriptionBench(t tb, change ...func(*fakeSubscription)) *subscriptionBench {
	t.Helper()
	b := &subscriptionBench{bench: newBench(t), hooks: hooksNormal, random: rand.New(rand.NewPCG(1, 2))}
	b.stripe.subscribes(change...)
	return b
}

// trialOf is a subscription whose trial lasts so long.
func trialOf(d time.Duration) func(*fakeSubscription) {
	return func(s *fakeSubscription) {
		s.Status, s.TrialEnd = activities.SubscriptionTrialing, s.PeriodEnd.Add(d-30*day)
		s.PeriodEnd = s.TrialEnd
	}
}

// status is a subscription in this status of Stripe's.
func inStatus(status activities.SubscriptionStatus) func(*fakeSubscription) {
	return func(s *fakeSubscription) { s.Status = status }
}

// pending gives the subscription a pending SetupIntent. One that wants a method finds no default to confirm it with.
func (b *subscriptionBench) pending(status activities.SetupIntentStatus) string {
	b.Helper()
	var id string
	b.stripe.edit(func() {
		if status == setupWantsMethod {
			b.stripe.customers["cus_1"].DefaultPaymentMethod = ""
		}
		id = b.stripe.pends(status)
	})
	return id
}

// refused gives the subscription a pending SetupIntent that its default method was refused for.
func (b *subscriptionBench) refused(code string) string {
	var id string
	b.stripe.edit(func() {
		id = b.stripe.pends(setupWantsMethod)
		b.stripe.setups[id].LastError = activities.Codes{Code: "card_declined", DeclineCode: code}
	})
	return id
}

func subscriptionInput(change ...func(*workflows.DeferredSubscriptionInput)) workflows.DeferredSubscriptionInput {
	in := workflows.DeferredSubscriptionInput{
		Reference: theSubscription, Customer: "cus_1", TimeZone: "Europe/Berlin", Policy: dunning.DefaultSubscriptionPolicy(),
	}
	for _, c := range change {
		c(&in)
	}
	return in
}

func defaultOnCustomer(in *workflows.DeferredSubscriptionInput) {
	in.DefaultOn = workflows.DefaultOnCustomer
}

// watch runs the workflow to its end, and checks what must hold at every end.
func (b *subscriptionBench) watch(in workflows.DeferredSubscriptionInput) workflows.DeferredSubscriptionResult {
	b.Helper()
	require.NoError(b, execute(b.bench, workflows.TypeDeferredSubscription, in))
	var res workflows.DeferredSubscriptionResult
	require.NoError(b, b.env.GetWorkflowResult(&res))
	require.True(b, res.State.Ended(), res.State)
	b.left = b.status()
	require.Equal(b, res.State, b.left.State)
	b.requireKeys()
	b.requireNoSecrets()
	require.Less(b, b.largestState, 6<<10)
	require.Zero(b, b.openSessions(), "no session is open at the end")
	if sub := b.stripe.subscription(); res.Reason != workflows.SubscriptionReasonUnwatched && (sub == nil || sub.Status.Ended()) {
		b.requireNothingPends()
	}
	return res
}

// requireNothingPends: whatever the subscription ever waited for cannot be finished by anybody any more, or is with the bank.
func (b *subscriptionBench) requireNothingPends() {
	b.Helper()
	for _, si := range b.left.SetupIntents {
		if now := b.stripe.setups[si.ID]; now != nil {
			require.False(b, cancellable(now.Status), "%s is left in %s", si.ID, now.Status)
			require.Equal(b, now.Status, si.Status, "the status in which %s was left", si.ID)
		}
	}
	if si := b.stripe.setups[b.lastPending()]; si != nil {
		require.False(b, cancellable(si.Status), "%s is left in %s", si.ID, si.Status)
	}
}

func (b *subscriptionBench) lastPending() string {
	if s := b.stripe.subscription(); s != nil {
		return s.pending
	}
	return ""
}

var subscriptionKey = regexp.MustCompile(`^subscription:sub_1:1768478400:[a-z_]+:[0-9]+(:(setup_intent|subscription|customer))?$`)

// requireKeys: a key names the workflow and the operation, and stands for one request with one set of values.
func (b *subscriptionBench) requireKeys() {
	b.Helper()
	sent := map[string]string{}
	for _, w := range b.stripe.writes {
		require.Regexp(b, subscriptionKey, w.Key)
		what := w.Op + " " + w.What
		if before, ok := sent[w.Key]; ok {
			require.Equal(b, before, what, "%s is sent with other values", w.Key)
		}
		sent[w.Key] = what
	}
}

// wrote lists the writes of an operation, without repetitions under one key.
func (b *subscriptionBench) wrote(op string) []string {
	var all, keys []string
	for _, w := range b.stripe.writes {
		if w.Op == op && !slices.Contains(keys, w.Key) {
			all, keys = append(all, w.What), append(keys, w.Key)
		}
	}
	return all
}

func (b *subscriptionBench) status() workflows.SubscriptionStatus {
	b.Helper()
	v, err := b.env.QueryWorkflow(workflows.QueryStatus)
	require.NoError(b, err)
	var s workflows.SubscriptionStatus
	require.NoError(b, v.Get(&s))
	return s
}

// where is a state, a need and a reason.
type where struct {
	state  workflows.SubscriptionState
	need   workflows.SubscriptionNeed
	reason string
}

// expect checks state, need and reason at a time.
func (b *subscriptionBench) expect(at time.Duration, want where) {
	b.at(at, func() {
		s := b.status()
		require.Equal(b, want, where{s.State, s.Need, s.Reason}, "after %s", at)
	})
}

// happens lets something change at Stripe, and Stripe tell of it.
func (b *subscriptionBench) happens(at time.Duration, event string, change func()) {
	b.at(at, func() {
		b.stripe.edit(change)
		b.tells(event)
	})
}

// tells sends a webhook on its way.
func (b *subscriptionBench) tells(event string) {
	b.events++
	id, object := fmt.Sprint("evt_", b.events), theSubscription
	if strings.HasPrefix(event, "invoice.") {
		object = "in_x"
	}
	send := func() { b.signal(id, event, object) }
	switch b.hooks {
	case hooksNormal:
		send()
	case hooksDoubled:
		send()
		send()
		b.later(time.Minute, func() { send(); b.signal(id+"_again", event, object) })
	case hooksLate:
		b.later(time.Duration(b.random.Int64N(int64(6*hour))), send)
	case hooksLost:
	}
}

// later is at, counted from now.
func (b *subscriptionBench) later(d time.Duration, do func()) {
	b.at(b.env.Now().Sub(b.start)+d, do)
}

// deleted ends the subscription.
func (b *subscriptionBench) deleted(at time.Duration) {
	b.happens(at, "customer.subscription.deleted", func() { b.stripe.subscription().Status = activities.SubscriptionCanceled })
}

// challenged is the customer at the bank's challenge: the page runs confirmCardSetup with the pending SetupIntent's client
// secret.
func (b *subscriptionBench) challenged(at time.Duration, passed bool) {
	status, event := setupWantsMethod, "setup_intent.setup_failed"
	if passed {
		status, event = succeeded, "customer.subscription.updated"
	}
	b.happens(at, event, func() {
		si := b.stripe.pendingSetup()
		require.NotNil(b, si)
		require.Equal(b, setupWantsAction, si.Status)
		b.stripe.turns(si, status)
	})
}

// banked settles the pending SetupIntent that is with the bank.
func (b *subscriptionBench) banked(at time.Duration, ok bool) {
	b.happens(at, "customer.subscription.updated", func() {
		status := setupWantsMethod
		if ok {
			status = succeeded
		}
		b.stripe.turns(b.stripe.pendingSetup(), status)
	})
}

// savesAt lets the customer press the button and finish the session with a method, a minute later.
func (b *subscriptionBench) savesAt(at time.Duration, method string) {
	b.at(at, func() { b.open() })
	b.at(at+time.Minute, func() {
		require.True(b, b.stripe.saves(succeeded, method), "no session is open after %s", at)
		b.tells("checkout.session.completed")
	})
}

// trialEnds moves the subscription into its first paid period: its invoice is a draft for an hour, then Stripe collects it.
func (b *subscriptionBench) trialEnds(at time.Duration, amount int64) {
	b.happens(at, "customer.subscription.updated", func() {
		s := b.stripe.subscription()
		s.Status, s.PeriodEnd = activities.SubscriptionActive, b.env.Now().Add(30*day)
		b.stripe.bills(activities.Invoice{AmountDue: amount, Status: activities.InvoiceDraft})
	})
}

// newestInvoice is the one that the last trialEnds or bills made.
func (b *subscriptionBench) newestInvoice() *activities.Invoice {
	return b.stripe.subscription().invoices[0]
}

// invoicePaid lets the newest invoice be paid, whoever does it.
func (b *subscriptionBench) invoicePaid(at time.Duration) {
	b.happens(at, "invoice.paid", func() {
		in := b.newestInvoice()
		in.Status, in.Attempted, in.NextPaymentAttempt, in.Payment = activities.InvoicePaid, true, time.Time{}, activities.PaymentIntentSucceeded
		in.PaidAt = b.stripe.now()
		b.stripe.subscription().Status = activities.SubscriptionActive
	})
}

// invoiceFails lets Stripe fail to collect the newest invoice; it tries again after the time given, 0 is never.
func (b *subscriptionBench) invoiceFails(at, again time.Duration) {
	b.happens(at, "invoice.payment_failed", func() {
		in := b.newestInvoice()
		in.Status, in.Attempted, in.NextPaymentAttempt = activities.InvoiceOpen, true, time.Time{}
		in.Payment = activities.PaymentIntentRequiresPaymentMethod
		if again > 0 {
			in.NextPaymentAttempt = b.env.Now().Add(again)
		}
		b.stripe.subscription().Status = activities.SubscriptionPastDue
	})
}

// sent are the messages to the customer and the events for the app: kind and time since the start.
func (b *subscriptionBench) sent() []string {
	b.stripe.told() // sorts
	var all []string
	for i, n := range b.stripe.deliveries {
		text := string(n.Kind) + " " + b.stripe.delivered[i].Sub(b.start).Round(time.Second).String()
		if n.Reminder {
			text += " reminder"
		}
		if n.Reason != "" && !n.Kind.ForCustomer() {
			text += " " + n.Reason
		}
		all = append(all, text)
	}
	return all
}

// presses lets the customer press the button at a time, and checks the answer.
func (b *subscriptionBench) presses(at time.Duration, want workflows.OpenCheckoutResponse) {
	var pressed *reply[workflows.OpenCheckoutResponse]
	b.at(at, func() { pressed = b.open() })
	b.at(at+21*time.Second, func() {
		require.True(b, pressed.done, "the press after %s is answered", at)
		require.NoError(b, pressed.refused())
		require.Equal(b, want, pressed.value, "the press after %s", at)
	})
}

// counted are what makes a history long.
type counted struct{ activities, timers int }

// events is about how many events the activities and timers make, with the workflow tasks between.
func (c *counted) events() int { return 6*c.activities + 5*c.timers }

// counting counts activities and timers over all runs.
func (b *subscriptionBench) counting() *counted {
	c := &counted{}
	b.prepare = func(env *testsuite.TestWorkflowEnvironment) {
		env.SetOnActivityStartedListener(func(*activity.Info, context.Context, converter.EncodedValues) { c.activities++ })
		env.SetOnTimerScheduledListener(func(string, time.Duration) { c.timers++ })
	}
	b.newRun(b.start)
	b.runs = 1
	return c
}
