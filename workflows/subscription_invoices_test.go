package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// unpaid is where a subscription stands whose invoice Stripe could not collect.
func unpaid() where {
	return where{subRisk, workflows.NeedInvoicePaid, workflows.SubscriptionReasonInvoiceUnpaid}
}

// paying is the answer to a press that leads to the invoice.
func paying(invoice string) workflows.OpenCheckoutResponse {
	return workflows.OpenCheckoutResponse{Answer: workflows.CheckoutReady, Invoice: invoice, State: string(subRisk)}
}

// TestSubscriptionInvoiceUnpaid: the customer is told and sent to the invoice; whoever pays it, that is the end.
func TestSubscriptionInvoiceUnpaid(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]time.Duration{"Stripe tries again": 3 * day, "Stripe does not try again": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSubscriptionBench(t, trialOf(14*day))
			b.trialEnds(14*day, 1200)
			b.expect(14*day+30*time.Minute, where{state: subNone})
			b.invoiceFails(14*day+hour, again)
			b.expect(14*day+hour+time.Minute, unpaid())
			b.at(14*day+2*hour, func() {
				s := b.status()
				require.Equal(t, "in_1", s.Invoice)
				require.EqualValues(t, 1200, s.Amount)
				require.Equal(t, "usd", s.Currency)
				require.False(t, s.Ready)
			})
			b.presses(14*day+2*hour, paying("in_1"))
			b.invoicePaid(17*day + hour)
			res := b.watch(subscriptionInput())
			require.Equal(t, workflows.DeferredSubscriptionResult{State: subPaid, PaymentMethod: "pm_card", Invoice: "in_1"}, res)
			sent := b.sent()
			require.Contains(t, sent, "subscription_invoice_unpaid 337h0m0s")
			require.Contains(t, sent, "subscription_at_risk 337h0m0s invoice_unpaid")
			for _, n := range b.stripe.deliveries {
				require.True(t, n.TrialEnd.IsZero(), "the trial is over")
				if n.Kind != activities.NotifySubscriptionReady {
					require.EqualValues(t, 1200, n.Amount)
					require.Equal(t, "usd", n.Currency)
				}
			}
			require.Empty(t, b.ops())
		})
	}
}

// TestSubscriptionInvoiceLeft: an invoice that nobody has to pay any more is not asked for.
func TestSubscriptionInvoiceLeft(t *testing.T) {
	t.Parallel()
	for _, status := range []activities.InvoiceStatus{activities.InvoiceVoid, activities.InvoiceUncollectible} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			b := newSubscriptionBench(t, trialOf(14*day))
			b.trialEnds(14*day, 1200)
			b.invoiceFails(14*day+hour, 0)
			b.happens(15*day, "invoice.voided", func() {
				in := b.newestInvoice()
				in.Status, in.Payment = status, activities.PaymentIntentCanceled
				b.stripe.subscription().Status = activities.SubscriptionActive
			})
			b.expect(15*day+time.Minute, where{state: subReady})
			b.presses(16*day, nothingToDo(subReady))
			b.happens(44*day, "invoice.created", func() { b.stripe.bills(activities.Invoice{AmountDue: 900, Status: activities.InvoiceDraft}) })
			b.invoicePaid(44*day + hour)
			require.Equal(t, "in_2", b.watch(subscriptionInput()).Invoice)
			require.LessOrEqual(t, len(b.customersTimes()), 2, "the messages stop with the need")
		})
	}
}

// TestSubscriptionInvoiceOldestFirst: of several unpaid invoices the customer is led to the oldest.
func TestSubscriptionInvoiceOldestFirst(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(14*day))
	b.trialEnds(14*day, 1200)
	b.invoiceFails(14*day+hour, 0)
	b.trialEnds(44*day, 1300)
	b.invoiceFails(44*day+hour, 0)
	b.presses(45*day, paying("in_1"))
	b.happens(46*day, "invoice.voided", func() { b.stripe.subscription().invoices[1].Status = activities.InvoiceVoid })
	b.presses(47*day, paying("in_2"))
	b.invoicePaid(48 * day)
	require.Equal(t, "in_2", b.watch(subscriptionInput()).Invoice)
	require.GreaterOrEqual(t, b.heard(activities.NotifySubscriptionInvoiceUnpaid), 2)
}

// TestSubscriptionInvoiceWithTheBank: while the bank works on the payment there is nothing to do.
func TestSubscriptionInvoiceWithTheBank(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(14*day))
	b.trialEnds(14*day, 1200)
	b.happens(14*day+hour, "invoice.updated", func() {
		in := b.newestInvoice()
		in.Status, in.Attempted, in.Payment = activities.InvoiceOpen, true, activities.PaymentIntentProcessing
	})
	b.expect(14*day+hour+time.Minute, where{state: subProcessing, need: workflows.NeedBank})
	b.presses(15*day, workflows.OpenCheckoutResponse{Answer: workflows.CheckoutProcessing, State: string(subProcessing)})
	b.invoiceFails(18*day, 0)
	b.expect(18*day+time.Minute, unpaid())
	b.invoicePaid(19 * day)
	require.Equal(t, subPaid, b.watch(subscriptionInput()).State)
}

// TestSubscriptionInvoiceActionRequired: the invoice's own page asks for the challenge as well.
func TestSubscriptionInvoiceActionRequired(t *testing.T) {
	t.Parallel()
	b := newSubscriptionBench(t, trialOf(14*day))
	b.trialEnds(14*day, 1200)
	b.invoiceFails(14*day+hour, 0)
	b.happens(14*day+hour, "invoice.payment_action_required", func() { b.newestInvoice().Payment = activities.PaymentIntentRequiresAction })
	b.presses(14*day+2*hour, paying("in_1"))
	b.invoicePaid(14*day + 3*hour)
	require.Equal(t, subPaid, b.watch(subscriptionInput()).State)
	require.Equal(t, 1, b.heard(activities.NotifySubscriptionInvoiceUnpaid))
}

// TestSubscriptionGuardWindow: around the time at which Stripe itself tries to collect, nobody is sent to the invoice and
// nobody is reminded, so that no customer pays twice.
func TestSubscriptionGuardWindow(t *testing.T) {
	t.Parallel()
	busy := workflows.OpenCheckoutResponse{Answer: workflows.CheckoutBusy, State: string(subRisk)}
	const failed = 14*day + hour
	t.Run("Stripe's attempt pays", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(14*day))
		b.trialEnds(14*day, 1200)
		b.invoiceFails(failed, 2*day)
		b.presses(failed+2*day-11*time.Minute, paying("in_1"))
		b.presses(failed+2*day-9*time.Minute, busy)
		b.presses(failed+2*day+5*time.Minute, busy)
		b.invoicePaid(failed + 2*day + 10*time.Minute)
		require.Equal(t, subPaid, b.watch(subscriptionInput()).State)
	})
	t.Run("Stripe's attempt fails and moves", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(14*day))
		b.trialEnds(14*day, 1200)
		b.invoiceFails(failed, 2*day)
		b.presses(failed+2*day-time.Minute, busy)
		b.invoiceFails(failed+2*day+5*time.Minute, 3*day)
		b.presses(failed+2*day+6*time.Minute, paying("in_1"))
		b.presses(failed+5*day, busy)
		b.invoicePaid(failed + 5*day + 6*time.Minute)
		require.Equal(t, subPaid, b.watch(subscriptionInput()).State)
	})
	t.Run("Stripe's attempt does not come", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(14*day))
		b.trialEnds(14*day, 1200)
		b.invoiceFails(failed, 2*day)
		b.presses(failed+2*day+59*time.Minute, busy)
		b.presses(failed+2*day+61*time.Minute, paying("in_1"))
		b.invoicePaid(failed + 3*day)
		require.Equal(t, subPaid, b.watch(subscriptionInput()).State)
	})
	t.Run("a reminder waits", func(t *testing.T) {
		t.Parallel()
		b := newSubscriptionBench(t, trialOf(14*day))
		b.trialEnds(14*day, 1200)
		b.invoiceFails(failed, day+5*time.Minute)
		b.invoiceFails(failed+day+10*time.Minute, 0)
		b.invoicePaid(failed + 2*day)
		require.Equal(t, subPaid, b.watch(subscriptionInput()).State)
		times := b.customersTimes()
		require.Len(t, times, 2)
		require.Equal(t, failed, times[0])
		require.InDelta(t, (failed + day + 10*time.Minute).Minutes(), times[1].Minutes(), 60, "it is sent when Stripe has tried")
		require.GreaterOrEqual(t, times[1], failed+day+10*time.Minute)
	})
}

// TestSubscriptionYearOfAFreePlan: twelve invoices of nothing, then the first that takes money. Nobody hears of anything, and
// watching it stays cheap.
func TestSubscriptionYearOfAFreePlan(t *testing.T) {
	t.Parallel()
	for _, arrive := range []hooks{hooksNormal, hooksLost} {
		t.Run("webhooks "+string(arrive), func(t *testing.T) {
			t.Parallel()
			b := newSubscriptionBench(t)
			b.hooks = arrive
			count := b.counting()
			for month := range 12 {
				at := time.Duration(30*(month+1)) * day
				b.happens(at, "invoice.created", func() {
					b.stripe.bills(activities.Invoice{AmountDue: 0})
					b.stripe.subscription().PeriodEnd = b.env.Now().Add(30 * day)
				})
				b.at(at, func() {
					b.tells("invoice.finalized")
					b.tells("invoice.paid")
					b.tells("customer.subscription.updated")
				})
			}
			b.expect(200*day, where{state: subNone})
			b.trialEnds(390*day, 1200)
			b.invoicePaid(390*day + hour)
			res := b.watch(subscriptionInput())
			require.Equal(t, workflows.DeferredSubscriptionResult{State: subPaid, PaymentMethod: "pm_card", Invoice: "in_13"}, res)
			require.Empty(t, b.sent())
			t.Logf("%d activities, %d timers, about %d events, %d runs", count.activities, count.timers, count.events(), b.runs)
			require.Less(t, count.events(), 12_000)
			require.LessOrEqual(t, b.runs, 13)
		})
	}
}
