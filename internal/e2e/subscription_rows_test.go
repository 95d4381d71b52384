package e2e

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/workflows"
)

// TestSubscriptionRows makes subscriptions as Stripe's page of deferred payments tells of them, watches them by the command
// line and shows them.
func TestSubscriptionRows(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	coupon := s.stripe("POST", "/v1/coupons", fieldsOf("percent_off", "100", "duration", "once"))["id"].(string)
	meterEvent := "cups_" + strconv.FormatInt(testStarted, 10)
	meter := s.stripe("POST", "/v1/billing/meters", fieldsOf("display_name", "Cups", "event_name", meterEvent, "default_aggregation[formula]", "sum"))["id"].(string)
	usage := []string{"items[0][price]", s.price("unit_amount", "50", "recurring[usage_type]", "metered", "recurring[meter]", meter)}
	free := []string{"items[0][price]", s.price("unit_amount", "0")}
	discount := []string{"discounts[0][coupon]", coupon}
	credit := []string{"balance", strconv.Itoa(-10 * subscriptionAmount)}

	type row struct {
		name, token string
		customer    []string
		fields      [][]string
		// status is Stripe's, pending that of the SetupIntent; empty when there is none.
		status, pending string
		state           workflows.SubscriptionState
		need            workflows.SubscriptionNeed
		ready           bool
	}
	rows := []row{
		{
			name: "amount due now", token: visa, fields: [][]string{incomplete},
			status: "incomplete", state: workflows.SubscriptionRequiresAction, need: workflows.NeedInvoicePaid,
		},
		{
			name: "amount due now, without a method", fields: [][]string{incomplete},
			status: "incomplete", state: workflows.SubscriptionRequiresAction, need: workflows.NeedInvoicePaid,
		},
		{
			name: "trial without a method, and nobody waits for one", fields: [][]string{trial},
			status: "trialing", state: workflows.SubscriptionRequiresPaymentMethod, need: workflows.NeedPaymentMethod, ready: true,
		},
		{name: "free", fields: [][]string{free}, status: "active", state: workflows.SubscriptionNoActionNeeded, ready: true},
		{name: "paid at once", token: visa, status: "active", state: workflows.SubscriptionReadyAndPaid, ready: true},
	}
	for _, kind := range []struct {
		name, status     string
		customer, fields []string
	}{
		{"trial", "trialing", nil, trial},
		{"coupon for everything", "active", nil, discount},
		{"usage", "active", nil, usage},
		{"credit", "active", credit, nil},
	} {
		rows = append(rows,
			row{
				name: kind.name + ", usable card", token: visa, customer: kind.customer, fields: [][]string{kind.fields, incomplete},
				status: kind.status, state: workflows.SubscriptionNoActionNeeded, ready: true,
			},
			row{
				name: kind.name + ", card with 3D Secure", token: authCard, customer: kind.customer, fields: [][]string{kind.fields, incomplete},
				status: kind.status, pending: "requires_action", state: workflows.SubscriptionRequiresAction, need: workflows.NeedConfirmation,
			},
			row{
				name: kind.name + ", refused card", token: refusedCard, customer: kind.customer, fields: [][]string{kind.fields, incomplete},
				status: kind.status, pending: "requires_payment_method",
				state: workflows.SubscriptionRequiresPaymentMethod, need: workflows.NeedPaymentMethod,
			},
			row{
				name: kind.name + ", without a method", customer: kind.customer, fields: [][]string{kind.fields, incomplete},
				status: kind.status, pending: "requires_payment_method",
				state: workflows.SubscriptionRequiresPaymentMethod, need: workflows.NeedPaymentMethod,
			},
		)
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := s.with(t)
			u := s.subscriber(row.token, row.customer...).subscribes(row.fields...)
			require.Equal(t, row.status, u.atStripe()["status"])
			require.Equal(t, row.pending, statusOf(u.pending()))

			u.json("workflow_id run_id link", "subscription", "watch", u.id)
			u.is(row.state, row.need)
			shown := u.json("reference state need customer status ready workflow_id link steps pending_setup_intent setup_intent_status payment_method", "subscription", "show", u.id)
			require.Equal(t, string(row.state), shown["state"])
			require.Equal(t, row.status, shown["status"])
			require.Equal(t, row.ready, shown["ready"])
			require.Equal(t, row.ready, u.ready())
			require.Equal(t, string(row.need), shown["need"])
			require.Equal(t, row.pending, shown["setup_intent_status"])
			pending, _ := u.pending()["id"].(string)
			require.Equal(t, pending, shown["pending_setup_intent"])
			if row.need == "" {
				require.Empty(t, shown["link"])
			} else {
				require.Contains(t, shown["link"], s.config.PublicURL+"/c/")
			}
			if row.status != "incomplete" && row.need != "" {
				u.mail(u.reference, 1) // an incomplete one is left to the app's own page for an hour
			}
		})
	}
}
