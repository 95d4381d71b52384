package stripesandbox_test

import (
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"
)

var usageCalls = map[string]typedCall{
	"POST /v1/coupons": {"V1Coupons.Create", func(b billing) {
		c := must(b.V1Coupons.Create(b.t.Context(), &stripe.CouponCreateParams{
			PercentOff: new(12.5), Duration: stripe.String("repeating"), DurationInMonths: stripe.Int64(3),
		}))
		require.InDelta(b.t, 12.5, c.PercentOff, 0)
		require.Equal(b.t, stripe.CouponDurationRepeating, c.Duration)
		require.True(b.t, c.Valid)
	}},
	"GET /v1/coupons": {"V1Coupons.List", func(b billing) {
		three(func() { b.oneOff() })
		require.Len(b.t, all(b.V1Coupons.List(b.t.Context(), &stripe.CouponListParams{ListParams: pageSize()})), 3)
	}},
	"GET /v1/coupons/{}": {"V1Coupons.Retrieve", func(b billing) {
		require.EqualValues(b.t, 100, must(b.V1Coupons.Retrieve(b.t.Context(), b.oneOff(), nil)).AmountOff)
	}},
	"POST /v1/coupons/{}": {"V1Coupons.Update", func(b billing) {
		require.Equal(b.t, "Spring", must(b.V1Coupons.Update(b.t.Context(), b.oneOff(), &stripe.CouponUpdateParams{Name: stripe.String("Spring")})).Name)
	}},
	"DELETE /v1/coupons/{}": {"V1Coupons.Delete", func(b billing) {
		require.True(b.t, must(b.V1Coupons.Delete(b.t.Context(), b.oneOff(), nil)).Deleted)
	}},

	"POST /v1/billing/meters": {"V1BillingMeters.Create", func(b billing) {
		m := b.visits()
		require.Equal(b.t, stripe.BillingMeterStatusActive, m.Status)
		require.Equal(b.t, stripe.BillingMeterDefaultAggregationFormulaSum, m.DefaultAggregation.Formula)
	}},
	"GET /v1/billing/meters": {"V1BillingMeters.List", func(b billing) {
		b.visits()
		require.Len(b.t, all(b.V1BillingMeters.List(b.t.Context(), &stripe.BillingMeterListParams{ListParams: pageSize(), Status: stripe.String("active")})), 1)
	}},
	"GET /v1/billing/meters/{}": {"V1BillingMeters.Retrieve", func(b billing) {
		require.Equal(b.t, "visits", must(b.V1BillingMeters.Retrieve(b.t.Context(), b.visits().ID, nil)).EventName)
	}},
	"POST /v1/billing/meters/{}": {"V1BillingMeters.Update", func(b billing) {
		require.Equal(b.t, "Gym", must(b.V1BillingMeters.Update(b.t.Context(), b.visits().ID, &stripe.BillingMeterUpdateParams{DisplayName: stripe.String("Gym")})).DisplayName)
	}},
	"POST /v1/billing/meters/{}/deactivate": {"V1BillingMeters.Deactivate", func(b billing) {
		m := must(b.V1BillingMeters.Deactivate(b.t.Context(), b.visits().ID, nil))
		require.Equal(b.t, stripe.BillingMeterStatusInactive, m.Status)
		require.Positive(b.t, m.StatusTransitions.DeactivatedAt)
	}},
	"POST /v1/billing/meters/{}/reactivate": {"V1BillingMeters.Reactivate", func(b billing) {
		id := must(b.V1BillingMeters.Deactivate(b.t.Context(), b.visits().ID, nil)).ID
		require.Equal(b.t, stripe.BillingMeterStatusActive, must(b.V1BillingMeters.Reactivate(b.t.Context(), id, nil)).Status)
	}},
	"POST /v1/billing/meter_events": {"V1BillingMeterEvents.Create", func(b billing) {
		b.visits()
		require.Equal(b.t, "3", b.visit(b.customer()).Payload["value"])
	}},
	"GET /v1/billing/meters/{}/event_summaries": {"V1BillingMeterEventSummaries.List", func(b billing) {
		meter, cus := b.visits().ID, b.customer()
		b.visit(cus)
		b.visit(cus)
		minute := b.wall.now().Unix() / 60 * 60
		sums := all(b.V1BillingMeterEventSummaries.List(b.t.Context(), &stripe.BillingMeterEventSummaryListParams{
			ID: &meter, Customer: &cus, StartTime: new(minute - 60), EndTime: new(minute + 60),
		}))
		require.Len(b.t, sums, 1)
		require.InDelta(b.t, 6, sums[0].AggregatedValue, 0)
	}},

	"POST /v1/customers/{}/balance_transactions": {"V1CustomerBalanceTransactions.Create", func(b billing) {
		require.EqualValues(b.t, -500, b.credit(b.customer()).EndingBalance)
	}},
	"GET /v1/customers/{}/balance_transactions": {"V1CustomerBalanceTransactions.List", func(b billing) {
		cus := b.customer()
		three(func() { b.credit(cus) })
		list := all(b.V1CustomerBalanceTransactions.List(b.t.Context(), &stripe.CustomerBalanceTransactionListParams{ListParams: pageSize(), Customer: &cus}))
		require.Len(b.t, list, 3)
		require.EqualValues(b.t, -1500, list[0].EndingBalance)
	}},
	"GET /v1/customers/{}/balance_transactions/{}": {"V1CustomerBalanceTransactions.Retrieve", func(b billing) {
		cus := b.customer()
		params := &stripe.CustomerBalanceTransactionRetrieveParams{Customer: &cus}
		params.AddExpand("customer")
		got := must(b.V1CustomerBalanceTransactions.Retrieve(b.t.Context(), b.credit(cus).ID, params))
		require.EqualValues(b.t, -500, got.Customer.Balance)
	}},
	"POST /v1/customers/{}/balance_transactions/{}": {"V1CustomerBalanceTransactions.Update", func(b billing) {
		cus := b.customer()
		got := must(b.V1CustomerBalanceTransactions.Update(b.t.Context(), b.credit(cus).ID, &stripe.CustomerBalanceTransactionUpdateParams{Customer: &cus, Description: stripe.String("sorry")}))
		require.Equal(b.t, "sorry", got.Description)
	}},
}

func (b billing) oneOff() string {
	return must(b.V1Coupons.Create(b.t.Context(), &stripe.CouponCreateParams{AmountOff: stripe.Int64(100), Currency: stripe.String("usd"), Duration: stripe.String("once")})).ID
}

func (b billing) visits() *stripe.BillingMeter {
	return must(b.V1BillingMeters.Create(b.t.Context(), &stripe.BillingMeterCreateParams{
		DisplayName: stripe.String("Visits"), EventName: stripe.String("visits"),
		DefaultAggregation: &stripe.BillingMeterCreateDefaultAggregationParams{Formula: stripe.String("sum")},
	}))
}

func (b billing) visit(cus string) *stripe.BillingMeterEvent {
	return must(b.V1BillingMeterEvents.Create(b.t.Context(), &stripe.BillingMeterEventCreateParams{
		EventName: stripe.String("visits"), Payload: map[string]string{"stripe_customer_id": cus, "value": "3"},
	}))
}

func (b billing) credit(cus string) *stripe.CustomerBalanceTransaction {
	return must(b.V1CustomerBalanceTransactions.Create(b.t.Context(), &stripe.CustomerBalanceTransactionCreateParams{
		Customer: &cus, Amount: stripe.Int64(-500), Currency: stripe.String("usd"),
	}))
}
