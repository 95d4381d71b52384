package stripegateway_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func TestSubscriptionRead(t *testing.T) {
	t.Parallel()
	const customer = `"customer":{"id":"cus_1","object":"customer","email":"buyer@example.com","invoice_settings":{"default_payment_method":"pm_2"},"default_source":"card_2"}`
	read := func(t *testing.T, fields string) (activities.Subscription, error) {
		t.Helper()
		return newGateway(t, serve(t, http.StatusOK, nil, `{"id":"sub_1","object":"subscription",`+fields+`}`)).Subscription(t.Context(), "sub_1")
	}

	full, err := read(t, `"status":"trialing","currency":"eur","collection_method":"charge_automatically","trial_end":1760000000,`+customer+`,
		"default_payment_method":"pm_1","default_source":"card_1","test_clock":{"id":"clock_1","object":"test_helpers.test_clock","frozen_time":1750000000},
		"items":{"object":"list","data":[{"id":"si_1","current_period_end":1760000300},{"id":"si_2","current_period_end":1760000100},{"id":"si_3","current_period_end":1760000200}]},
		"pending_setup_intent":{"id":"seti_1","object":"setup_intent","created":1755000000,"status":"requires_payment_method","customer":"cus_1","client_secret":"seti_1_secret_hush",
		"metadata":{"offsession_workflow_id":"subscription:sub_1"},"last_setup_error":{"code":"card_declined","decline_code":"lost_card",
		"advice_code":"do_not_try_again","network_decline_code":"41","message":"Hush.","payment_method":{"id":"pm_9","object":"payment_method"}}}`)
	require.NoError(t, err)
	require.Equal(t, activities.Subscription{
		ID: "sub_1", Customer: "cus_1", Status: activities.SubscriptionTrialing, Currency: "eur", TrialEnd: time.Unix(1760000000, 0).UTC(),
		PeriodEnd: time.Unix(1760000100, 0).UTC(), DefaultPaymentMethod: "pm_1", CustomerDefault: "pm_2", TestClock: time.Unix(1750000000, 0).UTC(),
		PendingSetupIntent: &activities.SetupIntent{
			ID: "seti_1", Status: activities.SetupIntentRequiresPaymentMethod, Created: time.Unix(1755000000, 0).UTC(), Customer: "cus_1", WorkflowID: "subscription:sub_1", LastErrorMethod: "pm_9",
			LastError: activities.Codes{Code: "card_declined", DeclineCode: "lost_card", AdviceCode: "do_not_try_again", NetworkDeclineCode: "41"},
		},
	}, full)

	sources, err := read(t, `"status":"active","customer":{"id":"cus_1","object":"customer","default_source":"card_2"},"default_source":{"id":"card_1","object":"card"}`)
	require.NoError(t, err)
	require.Equal(t, activities.Subscription{
		ID: "sub_1", Customer: "cus_1", Status: activities.SubscriptionActive, DefaultPaymentMethod: "card_1", CustomerDefault: "card_2",
	}, sources)

	// It ends at cancel_at; an end of period alone is that of its items.
	const ending = `"status":"active","customer":{"id":"cus_1","object":"customer"},"items":{"object":"list","data":[{"id":"si_1","current_period_end":1760000300}]}`
	for fields, want := range map[string]int64{
		`,"cancel_at":1760000500,"cancel_at_period_end":true`: 1760000500,
		`,"cancel_at":null,"cancel_at_period_end":true`:       1760000300,
	} {
		sub, err := read(t, ending+fields)
		require.NoError(t, err)
		require.Equal(t, time.Unix(want, 0).UTC(), sub.CancelsAt)
	}
	goesOn, err := read(t, ending)
	require.NoError(t, err)
	require.Zero(t, goesOn.CancelsAt)

	deleted, err := read(t, `"status":"canceled","customer":{"id":"cus_1","object":"customer","deleted":true}`)
	require.NoError(t, err)
	require.Equal(t, activities.Subscription{ID: "sub_1", Customer: "cus_1", Status: activities.SubscriptionCanceled, CustomerDeleted: true}, deleted)

	// What was not expanded would look as if it were not there: deciding by it would be deciding blindly.
	for name, fields := range map[string]string{
		"SetupIntent": `"status":"active",` + customer + `,"pending_setup_intent":"seti_1"`,
		"customer":    `"status":"active","customer":"cus_1"`,
		"no customer": `"status":"active"`,
		"test clock":  `"status":"active",` + customer + `,"test_clock":"clock_1"`,
		"no status":   customer,
	} {
		_, err := read(t, fields)
		require.True(t, activities.IsStripeError(err, activities.StripeUnknown), "%s: %v", name, err)
	}
}

// TestFree: only a price that is certain never to take money.
func TestFree(t *testing.T) {
	t.Parallel()
	item := func(price string) string { return `{"id":"si_1","price":{` + price + `}}` }
	const licensed = `,"billing_scheme":"per_unit","recurring":{"usage_type":"licensed"}`
	zero := item(`"unit_amount":0,"unit_amount_decimal":"0"` + licensed)
	for name, test := range map[string]struct {
		items string
		free  bool
	}{
		"zero":                         {`"data":[` + zero + `]`, true},
		"all zero":                     {`"data":[` + zero + `,` + zero + `]`, true},
		"one takes money":              {`"data":[` + zero + `,` + item(`"unit_amount":1,"unit_amount_decimal":"1"`+licensed) + `]`, false},
		"a fraction of a cent":         {`"data":[` + item(`"unit_amount":null,"unit_amount_decimal":"0.5"`+licensed) + `]`, false},
		"zero for each use":            {`"data":[` + item(`"unit_amount":0,"unit_amount_decimal":"0","billing_scheme":"per_unit","recurring":{"usage_type":"metered"}`) + `]`, false},
		"tiers":                        {`"data":[` + item(`"unit_amount":null,"unit_amount_decimal":null,"billing_scheme":"tiered","recurring":{"usage_type":"licensed"}`) + `]`, false},
		"more items than Stripe sends": {`"has_more":true,"data":[` + zero + `]`, false},
		"no items":                     {`"data":[]`, false},
		"no price":                     {`"data":[{"id":"si_1"}]`, false},
	} {
		g := newGateway(t, serve(t, http.StatusOK, nil, fmt.Sprintf(
			`{"id":"sub_1","object":"subscription","status":"active","customer":{"id":"cus_1","object":"customer"},"items":{"object":"list",%s}}`, test.items)))
		sub, err := g.Subscription(t.Context(), "sub_1")
		require.NoError(t, err, name)
		require.Equal(t, test.free, sub.Free, name)
	}
}

func TestInvoiceRead(t *testing.T) {
	t.Parallel()
	read := func(t *testing.T, payments string) (activities.Invoice, error) {
		t.Helper()
		return newGateway(t, serve(t, http.StatusOK, nil, `{"id":"in_1","object":"invoice","status":"open","amount_due":1200,"amount_remaining":200,"currency":"eur",
			"customer_email":"buyer@example.com","hosted_invoice_url":"https://invoice.example/hush","attempted":true,"next_payment_attempt":1760000000,"status_transitions":{"paid_at":1750000000},
			"payments":`+payments+`}`)).Invoice(t.Context(), "in_1")
	}
	payment := func(isDefault bool, created int, intent string) string {
		return fmt.Sprintf(`{"id":"inpay_1","object":"invoice_payment","is_default":%t,"created":%d,"payment":{"type":"payment_intent","payment_intent":%s}}`, isDefault, created, intent)
	}
	intent := func(status string) string {
		return `{"id":"pi_1","object":"payment_intent","status":"` + status + `"}`
	}
	for name, test := range map[string]struct {
		payments string
		want     activities.PaymentIntentStatus
	}{
		"none":                        {``, ""},
		"one":                         {payment(true, 1, intent("processing")), activities.PaymentIntentProcessing},
		"the newest":                  {payment(true, 1, intent("canceled")) + `,` + payment(true, 2, intent("requires_action")), activities.PaymentIntentRequiresAction},
		"the newest, listed first":    {payment(true, 2, intent("requires_action")) + `,` + payment(true, 1, intent("canceled")), activities.PaymentIntentRequiresAction},
		"Stripe's, not the app's":     {payment(true, 1, intent("requires_action")) + `,` + payment(false, 2, intent("succeeded")), activities.PaymentIntentRequiresAction},
		"Stripe's, listed last":       {payment(false, 2, intent("succeeded")) + `,` + payment(true, 1, intent("requires_action")), activities.PaymentIntentRequiresAction},
		"the app's, when it is alone": {payment(false, 2, intent("succeeded")), activities.PaymentIntentSucceeded},
		"a charge of old times":       {`{"id":"inpay_1","object":"invoice_payment","is_default":true,"payment":{"type":"charge","charge":"ch_1"}}`, ""},
	} {
		inv, err := read(t, `{"object":"list","data":[`+test.payments+`]}`)
		require.NoError(t, err, name)
		require.Equal(t, activities.Invoice{
			ID: "in_1", Status: activities.InvoiceOpen, AmountDue: 1200, Currency: "eur", Attempted: true,
			NextPaymentAttempt: time.Unix(1760000000, 0).UTC(), PaidAt: time.Unix(1750000000, 0).UTC(), Payment: test.want,
		}, inv, name)
	}
	for name, payments := range map[string]string{
		"payments":      `null`,
		"PaymentIntent": `{"object":"list","data":[` + payment(true, 1, `"pi_1"`) + `]}`,
	} {
		_, err := read(t, payments)
		require.True(t, activities.IsStripeError(err, activities.StripeUnknown), "%s was not expanded: %v", name, err)
	}
}
