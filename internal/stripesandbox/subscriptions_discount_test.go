package stripesandbox_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestCouponsOnInvoices(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		coupon []string
		trial  int64
		want   []int64 // totals, the first invoice first
		kept   int     // discounts of the subscription afterwards
	}{
		{"once", []string{"percent_off", "25", "duration", "once"}, 0, []int64{900, 1200, 1200}, 0},
		{"once, after a trial", []string{"percent_off", "25", "duration", "once"}, 14, []int64{0, 900, 1200}, 0},
		{"two months", []string{"percent_off", "50", "duration", "repeating", "duration_in_months", "2"}, 0, []int64{600, 600, 1200}, 0},
		{"forever", []string{"amount_off", "300", "currency", "usd", "duration", "forever"}, 0, []int64{900, 900, 900}, 1},
		{"more than the amount", []string{"amount_off", "5000", "currency", "usd", "duration", "forever"}, 0, []int64{0, 0, 0}, 1},
		{"rounded", []string{"percent_off", "33.33", "duration", "forever"}, 0, []int64{800, 800, 800}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBilling(t, stripesandbox.Config{})
			id := b.coupon(tc.coupon...)
			sub := b.subscribed(b.payer("pm_card_visa"), b.monthly(1200), couponed(id), func(p *stripe.SubscriptionCreateParams) {
				if tc.trial > 0 {
					p.TrialPeriodDays = &tc.trial
				}
			})
			b.pass(63 * day)
			var totals []int64
			for _, inv := range b.invoices(sub.ID)[:3] {
				totals = append(totals, inv.Total)
				require.Equal(t, inv.Total, inv.AmountPaid)
				off := int64(0)
				for _, d := range inv.TotalDiscountAmounts {
					off += d.Amount
				}
				require.Equal(t, inv.Subtotal-inv.Total, off)
			}
			require.Equal(t, tc.want, totals)
			p := &stripe.SubscriptionRetrieveParams{}
			p.AddExpand("discounts")
			after, err := b.V1Subscriptions.Retrieve(t.Context(), sub.ID, p)
			require.NoError(t, err)
			require.Len(t, after.Discounts, tc.kept)
			for _, d := range after.Discounts {
				require.Equal(t, id, d.Coupon.ID)
				require.Equal(t, sub.ID, d.Subscription)
			}
			used, err := b.V1Coupons.Retrieve(t.Context(), id, nil)
			require.NoError(t, err)
			require.EqualValues(t, 1, used.TimesRedeemed)
		})
	}
}

func TestCouponsRefused(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	cus, price := b.payer("pm_card_visa"), b.monthly(1200)
	last := b.coupon("percent_off", "10", "duration", "once", "max_redemptions", "1")
	b.subscribed(cus, price, couponed(last))
	euro := b.coupon("amount_off", "100", "currency", "eur", "duration", "once")
	gone := b.coupon("percent_off", "10", "duration", "once")
	require.Equal(t, http.StatusOK, b.raw(http.MethodDelete, "/v1/coupons/"+gone, "").status)
	for id, code := range map[string]any{last: "coupon_expired", euro: nil, gone: "resource_missing"} {
		a := b.post("/v1/subscriptions", "customer", cus, "items[0][price]", price, "discounts[0][coupon]", id)
		require.Equal(t, http.StatusBadRequest, a.status)
		require.Equal(t, code, a.at(t, "error.code"))
		require.Equal(t, "discounts[0][coupon]", a.at(t, "error.param"))
	}
}

// Two discounts are taken one after the other, and shared out over the lines exactly.
func TestCouponsShared(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	half := b.coupon("percent_off", "50", "duration", "forever")
	five := b.coupon("amount_off", "500", "currency", "usd", "duration", "forever")
	sub := b.subscribed(b.payer("pm_card_visa"), b.monthly(1001), func(p *stripe.SubscriptionCreateParams) {
		p.Items = append(p.Items, &stripe.SubscriptionCreateItemParams{Price: stripe.String(b.monthly(333)), Quantity: stripe.Int64(2)})
		p.Discounts = []*stripe.SubscriptionCreateDiscountParams{{Coupon: &half}, {Coupon: &five}}
	})
	inv := sub.LatestInvoice
	require.EqualValues(t, 1667, inv.Subtotal)
	require.EqualValues(t, 1667-834-500, inv.Total)
	off := map[string]int64{}
	for _, l := range inv.Lines.Data {
		left := l.Amount
		for _, d := range l.DiscountAmounts {
			off[d.Discount.ID] += d.Amount
			left -= d.Amount
		}
		require.GreaterOrEqual(t, left, int64(0))
	}
	for _, d := range inv.TotalDiscountAmounts {
		require.Equal(t, d.Amount, off[d.Discount.ID])
	}
	removed := b.post("/v1/subscriptions/"+sub.ID, "discounts", "")
	require.Empty(t, removed.at(t, "discounts"))
	b.pass(32 * day)
	require.EqualValues(t, 1667, b.subscription(sub.ID).LatestInvoice.Total)
}

func TestUsageIsBilledWhenThePeriodIsOver(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	cus := b.payer("pm_card_visa")
	use := func(n, at int64) {
		a := b.post("/v1/billing/meter_events", "event_name", "cups", "timestamp", strconv.FormatInt(at, 10),
			"payload[value]", strconv.FormatInt(n, 10), "payload[stripe_customer_id]", cus)
		require.Equal(t, http.StatusOK, a.status, string(a.body))
	}
	sub := b.subscribed(cus, b.metered(b.meter("cups", "sum"), 25), func(p *stripe.SubscriptionCreateParams) {
		p.Items = append(p.Items, &stripe.SubscriptionCreateItemParams{Price: stripe.String(b.monthly(1000))})
	})
	require.EqualValues(t, 1000, sub.LatestInvoice.Total)
	start, end := sub.Items.Data[0].CurrentPeriodStart, sub.Items.Data[0].CurrentPeriodEnd
	b.pass(10 * day)
	use(7, start+5)
	use(3, start+9*86400)
	b.pass(20*day + time.Hour)
	inv := b.subscription(sub.ID).LatestInvoice
	require.EqualValues(t, 1000+10*25, inv.AmountPaid)
	require.EqualValues(t, 10, inv.Lines.Data[0].Quantity)
	require.Equal(t, start, inv.Lines.Data[0].Period.Start)
	require.Equal(t, end, inv.Lines.Data[0].Period.End)
	require.Equal(t, end, inv.Lines.Data[1].Period.Start, "the licensed price is paid in advance")

	use(4, end+10)
	_, err := b.V1Subscriptions.Update(t.Context(), sub.ID, &stripe.SubscriptionUpdateParams{CancelAtPeriodEnd: new(true)})
	require.NoError(t, err)
	b.pass(32 * day)
	last := b.subscription(sub.ID)
	require.Equal(t, stripe.SubscriptionStatusCanceled, last.Status)
	require.EqualValues(t, 100, last.LatestInvoice.AmountPaid, "what was used before the end")
}
