package stripesandbox_test

import (
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// invoices are those of a subscription, oldest first.
func (b billing) invoices(sub string) []*stripe.Invoice {
	b.t.Helper()
	var all []*stripe.Invoice
	p := &stripe.InvoiceListParams{Subscription: &sub}
	p.Limit = stripe.Int64(100)
	for inv, err := range b.V1Invoices.List(b.t.Context(), p) {
		require.NoError(b.t, err)
		all = append(all, inv)
	}
	slices.Reverse(all)
	return all
}

// A billing cycle is anchored: the end of a short month does not shorten the later ones.
func TestRenewalDates(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, from, interval string
		count                int64
		want                 []string
	}{
		{"31st", "2025-01-31T10:00:00Z", "month", 1, []string{"2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31", "2025-06-30", "2025-07-31"}},
		{"leap year", "2023-12-30T00:00:00Z", "month", 1, []string{"2024-01-30", "2024-02-29", "2024-03-30"}},
		{"29 February", "2024-02-29T23:59:59Z", "year", 1, []string{"2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29", "2029-02-28"}},
		{"quarters", "2025-11-30T00:00:00Z", "month", 3, []string{"2026-02-28", "2026-05-30", "2026-08-30"}},
		{"weeks", "2025-12-25T12:00:00Z", "week", 2, []string{"2026-01-08", "2026-01-22", "2026-02-05"}},
		{"days", "2026-02-27T12:00:00Z", "day", 1, []string{"2026-02-28", "2026-03-01", "2026-03-02"}},
		{"ten days", "2026-02-27T12:00:00Z", "day", 10, []string{"2026-03-09", "2026-03-19"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			start, err := time.Parse(time.RFC3339, tc.from)
			require.NoError(t, err)
			b := billing{newBundle(t, stripesandbox.Config{Clock: func() time.Time { return start }}), nil}
			sub := b.subscribed(b.payer("pm_card_visa"), b.price(1200, "usd", tc.interval, tc.count))
			now := start
			for _, want := range tc.want {
				end := time.Unix(b.subscription(sub.ID).Items.Data[0].CurrentPeriodEnd, 0).UTC()
				require.Equal(t, want+start.Format("T15:04:05Z"), end.Format("2006-01-02T15:04:05Z"))
				b.pass(end.Sub(now))
				now = end
			}
			require.Len(t, b.invoices(sub.ID), len(tc.want)+1)
		})
	}
}

// Five years in one step are the same as in small ones.
func TestRenewalsOverYears(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	cus := b.payer("pm_card_visa")
	sub := b.subscribed(cus, b.monthly(1200))
	b.pass(5 * 366 * day)
	all := b.invoices(sub.ID)
	require.Len(t, all, 61)
	for i, inv := range all[1:] {
		require.EqualValues(t, "subscription_cycle", inv.BillingReason)
		require.Equal(t, stripe.InvoiceStatusPaid, inv.Status)
		require.Equal(t, inv.Created+3600, inv.StatusTransitions.PaidAt)
		line := inv.Lines.Data[0]
		require.Equal(t, inv.Created, line.Period.Start)
		require.Equal(t, all[i].Lines.Data[0].Period.End, line.Period.Start, "without a gap")
		require.Equal(t, sub.ID, inv.Parent.SubscriptionDetails.Subscription.ID)
		require.EqualValues(t, 1, inv.AttemptCount)
	}
	require.Equal(t, "-0061", all[60].Number[8:])
	paid := 0
	for pi, err := range b.V1PaymentIntents.List(t.Context(), &stripe.PaymentIntentListParams{Customer: &cus}) {
		require.NoError(t, err)
		require.Equal(t, stripe.PaymentIntentStatusSucceeded, pi.Status)
		paid++
	}
	require.Equal(t, 61, paid)
}

// dun lets a renewal fail: the card of the subscription is exchanged behind its back.
func dun(t *testing.T, cfg stripesandbox.Config, token string) (billing, *stripe.Subscription) {
	t.Helper()
	b := newBilling(t, cfg)
	sub := b.subscribed(b.payer("pm_card_visa"), b.monthly(1200))
	if token == "" {
		b.makeDefault(sub.Customer.ID, "")
	} else {
		b.makeDefault(sub.Customer.ID, b.saved(sub.Customer.ID, token))
	}
	b.pass(31*day + time.Hour)
	require.Equal(t, stripe.SubscriptionStatusPastDue, b.subscription(sub.ID).Status)
	return b, sub
}

func TestRenewalFails(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, token string
		events      []string
		charges     int // after all of the attempts
	}{
		{"declined", "pm_card_chargeCustomerFail", []string{"charge.failed", "invoice.payment_failed", "payment_intent.payment_failed", "customer.subscription.updated"}, 4},
		{"3D Secure", "pm_card_authenticationRequired", []string{
			"invoice.payment_action_required", "invoice.payment_failed", "payment_intent.requires_action", "customer.subscription.updated",
		}, 0},
		{"no method", "", []string{"invoice.payment_failed", "customer.subscription.updated"}, 0},
		{"never to be tried again", "pm_sandbox_decline_lost_card", []string{
			"charge.failed", "invoice.payment_failed", "payment_intent.payment_failed", "customer.subscription.updated",
		}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b, sub := dun(t, stripesandbox.Config{}, tc.token)
			require.Equal(t, append([]string{"invoice.finalized", "payment_intent.created"}, tc.events...), b.events()[len(b.events())-2-len(tc.events):])
			inv := b.subscription(sub.ID).LatestInvoice
			first := inv.StatusTransitions.FinalizedAt
			for n, wait := range []int64{3, 4, 7} {
				require.EqualValues(t, n+1, inv.AttemptCount)
				require.Equal(t, first+wait*86400, inv.NextPaymentAttempt)
				b.pass(time.Duration(wait) * day)
				first += wait * 86400
				inv = b.subscription(sub.ID).LatestInvoice
			}
			require.EqualValues(t, 4, inv.AttemptCount)
			require.Zero(t, inv.NextPaymentAttempt)
			require.Equal(t, stripe.InvoiceStatusOpen, inv.Status)
			require.Equal(t, stripe.SubscriptionStatusCanceled, b.subscription(sub.ID).Status)
			require.EqualValues(t, "payment_failed", b.subscription(sub.ID).CancellationDetails.Reason)
			require.Len(t, b.raw(http.MethodGet, "/v1/charges?payment_intent="+b.intentOf(inv.ID), "").at(t, "data"), tc.charges)
		})
	}
}

func TestRenewalRecovers(t *testing.T) {
	t.Parallel()
	for name, settle := range map[string]func(b billing, sub *stripe.Subscription, inv string){
		"by itself with a better card": func(b billing, sub *stripe.Subscription, _ string) {
			b.makeDefault(sub.Customer.ID, b.saved(sub.Customer.ID, "pm_card_visa"))
			b.pass(3 * day)
		},
		"by itself with a method of its own": func(b billing, sub *stripe.Subscription, _ string) {
			pm := b.saved(sub.Customer.ID, "pm_card_visa")
			_, err := b.V1Subscriptions.Update(b.t.Context(), sub.ID, &stripe.SubscriptionUpdateParams{DefaultPaymentMethod: &pm})
			require.NoError(b.t, err)
			b.pass(3 * day)
		},
		"by pay": func(b billing, sub *stripe.Subscription, inv string) {
			paid, err := b.V1Invoices.Pay(b.t.Context(), inv, &stripe.InvoicePayParams{PaymentMethod: stripe.String(b.saved(sub.Customer.ID, "pm_card_visa"))})
			require.NoError(b.t, err)
			require.Equal(b.t, stripe.InvoiceStatusPaid, paid.Status)
		},
		"by its PaymentIntent": func(b billing, sub *stripe.Subscription, inv string) {
			_, err := b.V1PaymentIntents.Confirm(b.t.Context(), b.intentOf(inv), &stripe.PaymentIntentConfirmParams{
				PaymentMethod: stripe.String(b.saved(sub.Customer.ID, "pm_card_visa")),
			})
			require.NoError(b.t, err)
		},
		"outside of Stripe": func(b billing, _ *stripe.Subscription, inv string) {
			_, err := b.V1Invoices.Pay(b.t.Context(), inv, &stripe.InvoicePayParams{PaidOutOfBand: new(true)})
			require.NoError(b.t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, setting := range []stripesandbox.AfterRetries{"", stripesandbox.AfterRetriesUnpaid, stripesandbox.AfterRetriesPastDue} {
				b, sub := dun(t, stripesandbox.Config{AfterRetries: setting}, "pm_card_chargeCustomerFail")
				inv := b.subscription(sub.ID).LatestInvoice.ID
				settle(b, sub, inv)
				after := b.subscription(sub.ID)
				require.Equal(t, stripe.SubscriptionStatusActive, after.Status)
				require.Equal(t, stripe.InvoiceStatusPaid, after.LatestInvoice.Status)
				require.Equal(t, "past_due", b.last("customer.subscription.updated").Data.PreviousAttributes["status"])
				b.pass(20 * day)
				require.Len(t, b.paidCharges(inv), 1, "paid once")
			}
		})
	}
}

// paidCharges are the successful charges of an invoice; one when it was paid elsewhere.
func (b billing) paidCharges(inv string) []string {
	b.t.Helper()
	var ids []string
	intent := b.intentOf(inv)
	for ch, err := range b.V1Charges.List(b.t.Context(), &stripe.ChargeListParams{PaymentIntent: &intent}) {
		require.NoError(b.t, err)
		if ch.Paid {
			ids = append(ids, ch.ID)
		}
	}
	if pi, err := b.V1PaymentIntents.Retrieve(b.t.Context(), intent, nil); err == nil && pi.Status == stripe.PaymentIntentStatusCanceled {
		require.Empty(b.t, ids)
		ids = append(ids, "elsewhere")
	}
	return ids
}

func TestDunningEnds(t *testing.T) {
	t.Parallel()
	for setting, want := range map[stripesandbox.AfterRetries]stripe.SubscriptionStatus{
		"": "canceled", stripesandbox.AfterRetriesCancel: "canceled", stripesandbox.AfterRetriesUnpaid: "unpaid", stripesandbox.AfterRetriesPastDue: "past_due",
	} {
		t.Run(string(setting), func(t *testing.T) {
			t.Parallel()
			b, sub := dun(t, stripesandbox.Config{AfterRetries: setting}, "pm_card_chargeCustomerFail")
			b.pass(14 * day)
			after := b.subscription(sub.ID)
			require.Equal(t, want, after.Status)
			require.Equal(t, stripe.InvoiceStatusOpen, after.LatestInvoice.Status)
			require.False(t, after.LatestInvoice.AutoAdvance)
			b.pass(31 * day)
			latest := b.subscription(sub.ID).LatestInvoice
			switch want {
			case "unpaid":
				require.NotEqual(t, after.LatestInvoice.ID, latest.ID)
				require.Equal(t, stripe.InvoiceStatusDraft, latest.Status, "it is not collected")
				paid, err := b.V1Invoices.Pay(t.Context(), latest.ID, &stripe.InvoicePayParams{PaymentMethod: stripe.String(b.saved(sub.Customer.ID, "pm_card_visa"))})
				require.NoError(t, err)
				require.Equal(t, stripe.InvoiceStatusPaid, paid.Status)
				require.Equal(t, stripe.SubscriptionStatusActive, b.subscription(sub.ID).Status)
			case "past_due":
				require.NotEqual(t, after.LatestInvoice.ID, latest.ID)
				require.Equal(t, stripe.InvoiceStatusOpen, latest.Status)
			default:
				require.Equal(t, after.LatestInvoice.ID, latest.ID)
			}
		})
	}
}

func TestRenewalByTestClock(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	const start = int64(1_600_000_000)
	clock, err := b.V1TestHelpersTestClocks.Create(t.Context(), &stripe.TestHelpersTestClockCreateParams{FrozenTime: stripe.Int64(start)})
	require.NoError(t, err)
	cus := b.post("/v1/customers", "test_clock", clock.ID).at(t, "id").(string)
	b.makeDefault(cus, b.saved(cus, "pm_card_visa"))
	sub := b.subscribed(cus, b.monthly(1200), trialDays(7))
	require.Equal(t, start, sub.Created)
	require.Equal(t, start+7*86400, sub.TrialEnd)
	advance := func(to int64) answer {
		a := b.post("/v1/test_helpers/test_clocks/"+clock.ID+"/advance", "frozen_time", strconv.FormatInt(to, 10))
		if a.status == http.StatusOK {
			require.Equal(t, http.StatusTooManyRequests, b.post("/v1/subscriptions/"+sub.ID, "description", "x").status, "while the clock advances")
			b.pass(time.Second)
		}
		return a
	}
	require.Equal(t, http.StatusBadRequest, advance(start+90*86400).status, "more than two intervals")
	b.pass(30 * day)
	require.Equal(t, stripe.SubscriptionStatusTrialing, b.subscription(sub.ID).Status, "the sandbox's clock does not move it")
	require.Equal(t, http.StatusOK, advance(start+8*86400).status)
	after := b.subscription(sub.ID)
	require.Equal(t, stripe.SubscriptionStatusActive, after.Status)
	require.Equal(t, stripe.InvoiceStatusPaid, after.LatestInvoice.Status)
	require.Equal(t, start+7*86400, after.LatestInvoice.Created)
	require.Equal(t, start+7*86400+3600, after.LatestInvoice.StatusTransitions.PaidAt)
	require.Equal(t, http.StatusOK, advance(start+66*86400).status)
	require.Len(t, b.invoices(sub.ID), 3)
	require.Empty(t, b.raw(http.MethodGet, "/v1/subscriptions", "").at(t, "data"), "those on test clocks are listed by clock or customer")
	require.Len(t, b.raw(http.MethodGet, "/v1/subscriptions?test_clock="+clock.ID, "").at(t, "data"), 1)
}
