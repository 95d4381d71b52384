package stripesandbox_test

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestSubscriptionUpdate(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	cus := b.payer("pm_card_visa")
	sub := b.subscribed(cus, b.monthly(1200))
	own := b.saved(cus, "pm_card_mastercard")
	p := &stripe.SubscriptionUpdateParams{
		DefaultPaymentMethod: &own, Description: stripe.String("Tea"), Metadata: map[string]string{"plan": "tea"},
		PaymentSettings: &stripe.SubscriptionUpdatePaymentSettingsParams{SaveDefaultPaymentMethod: stripe.String("on_subscription")},
	}
	p.AddExpand("default_payment_method")
	updated, err := b.V1Subscriptions.Update(t.Context(), sub.ID, p)
	require.NoError(t, err)
	require.EqualValues(t, "mastercard", updated.DefaultPaymentMethod.Card.Brand)
	require.Equal(t, map[string]any{
		"default_payment_method": nil, "description": nil, "metadata": map[string]any{"plan": nil},
		"payment_settings": map[string]any{"save_default_payment_method": "off"},
	}, b.last("customer.subscription.updated").Data.PreviousAttributes)
	before := len(b.events(sub.ID))
	_, err = b.V1Subscriptions.Update(t.Context(), sub.ID, &stripe.SubscriptionUpdateParams{Description: stripe.String("Tea")})
	require.NoError(t, err)
	require.Len(t, b.events(sub.ID), before, "nothing changed")
	require.Nil(t, b.post("/v1/subscriptions/"+sub.ID, "default_payment_method", "").at(t, "default_payment_method"))

	item := sub.Items.Data[0]
	more, err := b.V1Subscriptions.Update(t.Context(), sub.ID, &stripe.SubscriptionUpdateParams{Items: []*stripe.SubscriptionUpdateItemParams{
		{ID: &item.ID, Quantity: stripe.Int64(3)}, {Price: stripe.String(b.monthly(100))},
	}})
	require.NoError(t, err)
	require.Len(t, more.Items.Data, 2)
	b.pass(31 * day)
	require.EqualValues(t, 3700, b.subscription(sub.ID).LatestInvoice.Total)
	fewer, err := b.V1Subscriptions.Update(t.Context(), sub.ID, &stripe.SubscriptionUpdateParams{Items: []*stripe.SubscriptionUpdateItemParams{{ID: &item.ID, Deleted: new(true)}}})
	require.NoError(t, err)
	require.Len(t, fewer.Items.Data, 1)

	yearly := b.price(9900, "usd", "year", 1)
	changed, err := b.V1Subscriptions.Update(t.Context(), sub.ID, &stripe.SubscriptionUpdateParams{Items: []*stripe.SubscriptionUpdateItemParams{{ID: &fewer.Items.Data[0].ID, Price: &yearly}}})
	require.NoError(t, err)
	require.Equal(t, changed.BillingCycleAnchor, changed.Items.Data[0].CurrentPeriodStart, "another interval begins at once")
	inv := b.subscription(sub.ID).LatestInvoice
	require.EqualValues(t, "subscription_update", inv.BillingReason)
	require.Equal(t, stripe.InvoiceStatusPaid, inv.Status)
	require.EqualValues(t, 9900, inv.AmountPaid)
}

func TestIncompleteSubscriptionIsNotChanged(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	sub := b.subscribed(b.payer(""), b.monthly(1200), behaviour("default_incomplete"))
	item, path := sub.Items.Data[0].ID, "/v1/subscriptions/"+sub.ID
	for name, params := range map[string][]string{
		"interval": {"items[0][id]", item, "items[0][price]", b.price(9900, "usd", "year", 1), "payment_behavior", "default_incomplete"},
		"quantity": {"items[0][id]", item, "items[0][quantity]", "2"},
		"trial":    {"trial_end", strconv.FormatInt(b.wall.now().Add(9*day).Unix(), 10)},
		"end":      {"cancel_at_period_end", "true"},
	} {
		a := b.post(path, params...)
		require.Equal(t, http.StatusBadRequest, a.status, name+string(a.body))
		require.Equal(t, "invalid_request_error", a.at(t, "error.type"))
	}
	require.Len(t, b.invoices(sub.ID), 1)
	card := b.saved(sub.Customer.ID, "pm_card_visa")
	require.Equal(t, http.StatusOK, b.post(path, "metadata[a]", "b", "default_payment_method", card).status)
	require.Equal(t, "paid", b.post("/v1/invoices/"+sub.LatestInvoice.ID+"/pay").at(t, "status"))
	require.Equal(t, stripe.SubscriptionStatusActive, b.subscription(sub.ID).Status)
	require.Equal(t, http.StatusOK, b.post(path, "items[0][id]", item, "items[0][quantity]", "2").status, "it is complete")
	require.EqualValues(t, 1200, b.paidIn(sub.Customer.ID))
}

func TestPausedSubscriptionIsNotBilledByAChange(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	sub := b.subscribed(b.payer(""), b.monthly(1200), trialDays(3), missingMethod("pause"))
	b.pass(4 * day)
	b.makeDefault(sub.Customer.ID, b.saved(sub.Customer.ID, "pm_card_visa"))
	a := b.post("/v1/subscriptions/"+sub.ID, "items[0][id]", sub.Items.Data[0].ID, "items[0][price]", b.price(9900, "usd", "year", 1))
	require.Equal(t, "paused", a.at(t, "status"))
	require.Zero(t, b.paidIn(sub.Customer.ID))
	_, err := b.V1Subscriptions.Resume(t.Context(), sub.ID, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.SubscriptionStatusActive, b.subscription(sub.ID).Status)
	require.EqualValues(t, 9900, b.paidIn(sub.Customer.ID))
}

func TestSubscriptionTrialBegunLater(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	sub := b.subscribed(b.payer("pm_card_visa"), b.monthly(1200))
	end := b.wall.now().Add(60 * day).Unix()
	_, err := b.V1Subscriptions.Update(t.Context(), sub.ID, &stripe.SubscriptionUpdateParams{TrialEnd: &end})
	require.NoError(t, err)
	trial := b.subscription(sub.ID)
	require.Equal(t, stripe.SubscriptionStatusTrialing, trial.Status)
	require.Zero(t, trial.LatestInvoice.Total)
	b.pass(59 * day)
	require.Len(t, b.invoices(sub.ID), 2)
	b.pass(day + time.Hour)
	require.Equal(t, stripe.SubscriptionStatusActive, b.subscription(sub.ID).Status)
	require.EqualValues(t, 1200, b.subscription(sub.ID).LatestInvoice.AmountPaid)
}

func TestTrialEndedEarlyWithoutPayment(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		token, behaviour string
		status           stripe.SubscriptionStatus
		code             stripe.ErrorCode
	}{
		{"pm_card_visa", "", "active", ""},
		{"", "", "past_due", ""},
		{"pm_card_chargeCustomerFail", "allow_incomplete", "past_due", ""},
		{"pm_card_visa", "default_incomplete", "past_due", ""},
		{"pm_card_authenticationRequired", "error_if_incomplete", "trialing", "subscription_payment_intent_requires_action"},
		{"pm_card_chargeCustomerFail", "error_if_incomplete", "trialing", "card_declined"},
	} {
		t.Run(tc.token+" "+tc.behaviour, func(t *testing.T) {
			t.Parallel()
			b := newBilling(t, stripesandbox.Config{})
			sub := b.subscribed(b.payer(tc.token), b.monthly(1200), trialDays(30))
			p := &stripe.SubscriptionUpdateParams{TrialEndNow: new(true)}
			if tc.behaviour != "" {
				p.PaymentBehavior = &tc.behaviour
			}
			_, err := b.V1Subscriptions.Update(t.Context(), sub.ID, p)
			if tc.code == "" {
				require.NoError(t, err)
			} else {
				require.Equal(t, tc.code, stripeError(t, err).Code)
				require.Equal(t, http.StatusPaymentRequired, stripeError(t, err).HTTPStatusCode)
			}
			require.Equal(t, tc.status, b.subscription(sub.ID).Status)
		})
	}
}

func TestSubscriptionBadInput(t *testing.T) { //nolint:tparallel // each case looks whether it has changed anything
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	cus, price := b.payer("pm_card_visa"), b.monthly(1200)
	other := b.saved(b.customer(), "pm_card_visa")
	sub := b.subscribed(cus, price)
	once := b.post("/v1/prices", "currency", "usd", "unit_amount", "100", "product_data[name]", "Cup").at(t, "id").(string)
	now := b.wall.now()
	unix := func(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
	create := []string{"customer", cus, "items[0][price]", price}
	data := []string{"items[0][price_data][currency]", "usd", "items[0][price_data][product]", "prod_none", "items[0][price_data][unit_amount]", "100"}
	for _, tc := range []struct {
		name   string
		path   string
		params []string
		status int
		code   any
		param  any
	}{
		{"no customer", "", []string{"items[0][price]", price}, 400, "parameter_missing", "customer"},
		{"unknown customer", "", []string{"customer", "cus_none", "items[0][price]", price}, 400, "resource_missing", "customer"},
		{"no items", "", []string{"customer", cus}, 400, "parameter_missing", "items"},
		{"no price", "", []string{"customer", cus, "items[0][quantity]", "1"}, 400, "parameter_missing", "items[0][price]"},
		{"unknown price", "", []string{"customer", cus, "items[0][price]", "price_none"}, 400, "resource_missing", "items[0][price]"},
		{"price that is paid once", "", []string{"customer", cus, "items[0][price]", once}, 400, nil, "items[0][price]"},
		{"no recurring", "", append([]string{"customer", cus}, data...), 400, "parameter_missing", "items[0][price_data][recurring]"},
		{"unknown product", "", append([]string{"customer", cus, "items[0][price_data][recurring][interval]", "month"}, data...), 400, "resource_missing", "items[0][price_data][product]"},
		{"same price twice", "", append([]string{"items[1][price]", price}, create...), 400, nil, "items[1][price]"},
		{"two currencies", "", append([]string{"items[1][price]", b.price(100, "eur", "month", 1)}, create...), 400, nil, "items[1][price]"},
		{"two intervals", "", append([]string{"items[1][price]", b.price(100, "usd", "year", 1)}, create...), 400, nil, "items[1][price]"},
		{"another currency", "", append([]string{"currency", "eur"}, create...), 400, nil, "items[0][price]"},
		{"negative quantity", "", append([]string{"items[0][quantity]", "-1"}, create...), 400, "parameter_invalid_integer", "items[0][quantity]"},
		{"huge quantity", "", append([]string{"items[0][quantity]", "999999"}, create...), 400, "amount_too_large", "items"},
		{"trial in the past", "", append([]string{"trial_end", unix(now.Add(-time.Hour))}, create...), 400, nil, "trial_end"},
		{"endless trial", "", append([]string{"trial_end", unix(now.AddDate(6, 0, 0))}, create...), 400, nil, "trial_end"},
		{"trial of no time", "", append([]string{"trial_end", "soon"}, create...), 400, nil, "trial_end"},
		{"negative trial", "", append([]string{"trial_period_days", "-1"}, create...), 400, "parameter_invalid_integer", "trial_period_days"},
		{"two trials", "", append([]string{"trial_period_days", "3", "trial_end", "now"}, create...), 400, "parameters_exclusive", "trial_period_days"},
		{"unknown coupon", "", append([]string{"discounts[0][coupon]", "none"}, create...), 400, "resource_missing", "discounts[0][coupon]"},
		{"another customer's method", "", append([]string{"default_payment_method", other}, create...), 400, "resource_missing", "default_payment_method"},
		{"unknown method", "", append([]string{"default_payment_method", "pm_none"}, create...), 400, "resource_missing", "default_payment_method"},
		{"end in the past", "", append([]string{"cancel_at", unix(now.Add(-time.Hour))}, create...), 400, nil, "cancel_at"},
		{"two ends", "", append([]string{"cancel_at", unix(now.Add(time.Hour)), "cancel_at_period_end", "true"}, create...), 400, "parameters_exclusive", "cancel_at"},
		{"unknown behaviour", "", append([]string{"payment_behavior", "hope"}, create...), 400, nil, "payment_behavior"},
		{"incomplete trial settings", "", append([]string{"trial_settings[end_behavior]", ""}, create...), 400, "parameter_missing", nil},
		{"unknown parameter", "", append([]string{"colour", "red"}, create...), 400, "parameter_unknown", "colour"},
		{"unknown subscription", "/sub_none", nil, 404, "resource_missing", "id"},
		{"unknown item", "/" + sub.ID, []string{"items[0][id]", "si_none"}, 400, "resource_missing", "items[0][id]"},
		{"all items deleted", "/" + sub.ID, []string{"items[0][id]", sub.Items.Data[0].ID, "items[0][deleted]", "true"}, 400, "parameter_missing", "items"},
		{"update with another customer's method", "/" + sub.ID, []string{"default_payment_method", other}, 400, "resource_missing", "default_payment_method"},
		{"update with a trial in the past", "/" + sub.ID, []string{"trial_end", unix(now.Add(-time.Hour))}, 400, nil, "trial_end"},
		{"update with another currency", "/" + sub.ID, []string{"items[0][price]", b.price(77, "eur", "month", 1)}, 400, nil, "items[1][price]"},
		{"customer changed", "/" + sub.ID, []string{"customer", cus}, 400, "parameter_unknown", "customer"},
		{"resume of one that is not paused", "/" + sub.ID + "/resume", nil, 400, nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := b.subscription(sub.ID).LastResponse.RawJSON
			a := b.post("/v1/subscriptions"+tc.path, tc.params...)
			require.Equal(t, tc.status, a.status, string(a.body))
			require.Equal(t, "invalid_request_error", a.at(t, "error.type"))
			require.Equal(t, tc.code, a.at(t, "error.code"), string(a.body))
			if tc.param != nil {
				require.Equal(t, tc.param, a.at(t, "error.param"), string(a.body))
			}
			require.JSONEq(t, string(before), string(b.subscription(sub.ID).LastResponse.RawJSON), "nothing changed")
			require.Len(t, b.raw(http.MethodGet, "/v1/subscriptions?status=all", "").at(t, "data"), 1)
		})
	}
}

// Updates, payments and renewals that race leave one invoice per period, paid once.
func TestSubscriptionRaces(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	cus := b.payer("pm_card_visa")
	sub := b.subscribed(cus, b.monthly(1200))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			b.post("/v1/subscriptions/"+sub.ID, "metadata[n]", fmt.Sprint(i))
			b.post("/v1/invoices/"+sub.LatestInvoice.ID+"/pay", "off_session", "true")
		})
		all.Go(func() { _ = b.srv.AdvanceClock(15 * day) })
	}
	all.Wait()
	b.pass(time.Hour)
	invoices := b.invoices(sub.ID)
	require.Len(t, invoices, 1+3, "120 days")
	for _, inv := range invoices {
		require.Equal(t, stripe.InvoiceStatusPaid, inv.Status)
		require.Len(t, b.paidCharges(inv.ID), 1)
	}
}

func TestCustomerDeletionEndsSubscriptions(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	cus := b.payer("pm_card_visa")
	sub := b.subscribed(cus, b.monthly(1200))
	_, err := b.V1Customers.Delete(t.Context(), cus, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.SubscriptionStatusCanceled, b.subscription(sub.ID).Status)
	before := b.events()
	b.pass(100 * day)
	require.Equal(t, before, b.events())
}
