package stripesandbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestSubscriptionRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, token, behaviour string
		status                 int
		code, declineCode      string
		kind                   stripe.ErrorType
	}{
		{"no method", "", "allow_incomplete", 400, "resource_missing", "", "invalid_request_error"},
		{"no method", "", "error_if_incomplete", 400, "resource_missing", "", "invalid_request_error"},
		{"3D Secure", "pm_card_authenticationRequired", "error_if_incomplete", 402, "subscription_payment_intent_requires_action", "", "card_error"},
		{"declined", "pm_card_chargeCustomerFail", "error_if_incomplete", 402, "card_declined", "generic_decline", "card_error"},
	} {
		t.Run(tc.name+" "+tc.behaviour, func(t *testing.T) {
			t.Parallel()
			b := newBilling(t, stripesandbox.Config{})
			cus, price := b.payer(tc.token), b.monthly(1200)
			before := b.events()
			_, err := b.subscribe(cus, price, behaviour(tc.behaviour))
			se := stripeError(t, err)
			require.Equal(t, tc.status, se.HTTPStatusCode)
			require.EqualValues(t, tc.code, se.Code)
			require.EqualValues(t, tc.declineCode, se.DeclineCode)
			require.Equal(t, tc.kind, se.Type)
			require.Equal(t, before, b.events(), "nothing was made")
			for _, path := range []string{"/v1/subscriptions?status=all", "/v1/invoices", "/v1/payment_intents"} {
				require.Empty(t, b.raw(http.MethodGet, path, "").at(t, "data"), path)
			}
		})
	}
}

func TestRefusedSubscriptionLeavesNoPrice(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	price := b.raw(http.MethodGet, "/v1/prices/"+b.monthly(1200), "")
	params := []string{
		"customer", b.payer(""), "items[0][price_data][product]", price.at(t, "product").(string), "items[0][price_data][currency]", "usd",
		"items[0][price_data][unit_amount]", "700", "items[0][price_data][recurring][interval]", "month",
	}
	prices := func() []any { return b.raw(http.MethodGet, "/v1/prices", "").at(t, "data").([]any) }
	require.Equal(t, http.StatusBadRequest, b.post("/v1/subscriptions", params...).status, "it has no method")
	require.Len(t, prices(), 1)
	require.Equal(t, http.StatusOK, b.post("/v1/subscriptions", append(params, "payment_behavior", "default_incomplete")...).status)
	require.Len(t, prices(), 2)
}

// debit pays the first invoice from a bank account.
func (b billing) debit(sub *stripe.Subscription, token string) {
	b.t.Helper()
	a := b.post("/v1/payment_intents/"+b.intentOf(sub.LatestInvoice.ID)+"/confirm", "payment_method", token, "mandate_data[customer_acceptance][type]", "offline")
	require.Equal(b.t, "processing", a.at(b.t, "status"))
}

func TestIncompleteSubscription(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		do     func(b billing, sub *stripe.Subscription)
		status stripe.SubscriptionStatus
	}{
		{"paid on session", func(b billing, sub *stripe.Subscription) {
			_, err := b.V1PaymentIntents.Confirm(b.t.Context(), b.intentOf(sub.LatestInvoice.ID), &stripe.PaymentIntentConfirmParams{PaymentMethod: stripe.String("pm_card_visa")})
			require.NoError(b.t, err)
		}, "active"},
		{"paid after 3D Secure", func(b billing, sub *stripe.Subscription) {
			intent := b.intentOf(sub.LatestInvoice.ID)
			pi, err := b.V1PaymentIntents.Confirm(b.t.Context(), intent, &stripe.PaymentIntentConfirmParams{PaymentMethod: stripe.String("pm_card_authenticationRequired")})
			require.NoError(b.t, err)
			require.Equal(b.t, stripe.PaymentIntentStatusRequiresAction, pi.Status)
			require.Equal(b.t, http.StatusOK, b.control("/payment_intents/"+intent+"/authenticate", map[string]string{"result": "pass"}).status)
		}, "active"},
		{"a debit under way", func(b billing, sub *stripe.Subscription) {
			b.debit(sub, "pm_usBankAccount_processing")
		}, "active"},
		{"a debit that fails", func(b billing, sub *stripe.Subscription) {
			b.debit(sub, "pm_usBankAccount_insufficientFunds")
			b.pass(2 * time.Minute)
		}, "past_due"},
		{"just before it expires", func(b billing, _ *stripe.Subscription) { b.pass(23*time.Hour - time.Second) }, "incomplete"},
		{"not paid in time", func(b billing, _ *stripe.Subscription) { b.pass(23 * time.Hour) }, "incomplete_expired"},
		{"canceled", func(b billing, sub *stripe.Subscription) {
			_, err := b.V1Subscriptions.Cancel(b.t.Context(), sub.ID, nil)
			require.NoError(b.t, err)
		}, "incomplete_expired"},
		{"its invoice voided", func(b billing, sub *stripe.Subscription) {
			_, err := b.V1Invoices.VoidInvoice(b.t.Context(), sub.LatestInvoice.ID, nil)
			require.NoError(b.t, err)
		}, "incomplete_expired"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBilling(t, stripesandbox.Config{})
			sub := b.subscribed(b.payer(""), b.monthly(1200), behaviour("default_incomplete"), func(p *stripe.SubscriptionCreateParams) {
				p.PaymentSettings = &stripe.SubscriptionCreatePaymentSettingsParams{SaveDefaultPaymentMethod: stripe.String("on_subscription")}
			})
			tc.do(b, sub)
			after := b.subscription(sub.ID)
			require.Equal(t, tc.status, after.Status)
			switch tc.status {
			case "active":
				if tc.name != "a debit under way" {
					require.NotNil(t, after.DefaultPaymentMethod, "saved with the paid invoice")
					require.Equal(t, stripe.InvoiceStatusPaid, after.LatestInvoice.Status)
				}
				require.Equal(t, "incomplete", b.last("customer.subscription.updated").Data.PreviousAttributes["status"])
			case "incomplete_expired":
				require.Equal(t, stripe.InvoiceStatusVoid, after.LatestInvoice.Status)
				require.NotZero(t, after.CanceledAt)
				pi, err := b.V1PaymentIntents.Retrieve(t.Context(), b.intentOf(after.LatestInvoice.ID), nil)
				require.NoError(t, err)
				require.Equal(t, stripe.PaymentIntentStatusCanceled, pi.Status)
				require.NotContains(t, b.events(sub.ID), "customer.subscription.deleted")
			}
		})
	}
}

func TestSubscriptionCanceled(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	sub := b.subscribed(b.payer("pm_card_visa"), b.monthly(1200))
	canceled, err := b.V1Subscriptions.Cancel(t.Context(), sub.ID, &stripe.SubscriptionCancelParams{
		CancellationDetails: &stripe.SubscriptionCancelCancellationDetailsParams{Comment: stripe.String("Too much tea"), Feedback: stripe.String("unused")},
	})
	require.NoError(t, err)
	require.Equal(t, stripe.SubscriptionStatusCanceled, canceled.Status)
	require.Equal(t, b.wall.now().Unix(), canceled.CanceledAt)
	require.Equal(t, b.wall.now().Unix(), canceled.EndedAt)
	require.EqualValues(t, "cancellation_requested", canceled.CancellationDetails.Reason)
	require.EqualValues(t, "unused", canceled.CancellationDetails.Feedback)
	require.Equal(t, "customer.subscription.deleted", b.events(sub.ID)[len(b.events(sub.ID))-1])

	_, err = b.V1Subscriptions.Cancel(t.Context(), sub.ID, nil)
	require.Equal(t, http.StatusNotFound, stripeError(t, err).HTTPStatusCode)
	require.EqualValues(t, "resource_missing", stripeError(t, err).Code)
	_, err = b.V1Subscriptions.Update(t.Context(), sub.ID, &stripe.SubscriptionUpdateParams{Description: stripe.String("x")})
	require.Equal(t, http.StatusBadRequest, stripeError(t, err).HTTPStatusCode)
	_, err = b.V1Subscriptions.Resume(t.Context(), sub.ID, nil)
	require.Equal(t, http.StatusBadRequest, stripeError(t, err).HTTPStatusCode)
	changed, err := b.V1Subscriptions.Update(t.Context(), sub.ID, &stripe.SubscriptionUpdateParams{
		Metadata:            map[string]string{"a": "b"},
		CancellationDetails: &stripe.SubscriptionUpdateCancellationDetailsParams{Feedback: stripe.String("too_expensive")},
	})
	require.NoError(t, err)
	require.Equal(t, "b", changed.Metadata["a"])
	require.EqualValues(t, "too_expensive", changed.CancellationDetails.Feedback)
	before := b.events()
	b.pass(70 * day)
	require.Equal(t, before, b.events(), "it is over")
}

func TestSubscriptionCanceledLater(t *testing.T) {
	t.Parallel()
	b := newBilling(t, stripesandbox.Config{})
	sub := b.subscribed(b.payer("pm_card_visa"), b.monthly(1200))
	end := sub.Items.Data[0].CurrentPeriodEnd
	planned, err := b.V1Subscriptions.Update(t.Context(), sub.ID, &stripe.SubscriptionUpdateParams{CancelAtPeriodEnd: new(true)})
	require.NoError(t, err)
	require.Equal(t, end, planned.CancelAt)
	require.NotZero(t, planned.CanceledAt)
	taken, err := b.V1Subscriptions.Update(t.Context(), sub.ID, &stripe.SubscriptionUpdateParams{CancelAtPeriodEnd: new(false)})
	require.NoError(t, err)
	require.Zero(t, taken.CancelAt)
	require.Zero(t, taken.CanceledAt)
	b.pass(32 * day)
	require.Equal(t, stripe.SubscriptionStatusActive, b.subscription(sub.ID).Status)
	_, err = b.V1Subscriptions.Update(t.Context(), sub.ID, &stripe.SubscriptionUpdateParams{CancelAtPeriodEnd: new(true)})
	require.NoError(t, err)
	b.pass(31 * day)
	ended := b.subscription(sub.ID)
	require.Equal(t, stripe.SubscriptionStatusCanceled, ended.Status)
	require.Equal(t, ended.Items.Data[0].CurrentPeriodEnd, ended.EndedAt)

	at := b.wall.now().Add(80 * day).Unix()
	other := b.subscribed(b.payer("pm_card_visa"), b.monthly(900), func(p *stripe.SubscriptionCreateParams) { p.CancelAt = &at })
	require.Equal(t, at, other.CancelAt)
	b.pass(17*day - 2*time.Second)
	require.Equal(t, stripe.SubscriptionStatusActive, b.subscription(other.ID).Status)
	b.pass(2 * time.Second)
	require.Equal(t, stripe.SubscriptionStatusCanceled, b.subscription(other.ID).Status)
	require.Equal(t, at, b.subscription(other.ID).EndedAt)
}

func TestPausedSubscriptionResumes(t *testing.T) {
	t.Parallel()
	paused := func(t *testing.T) (billing, *stripe.Subscription) {
		b := newBilling(t, stripesandbox.Config{})
		sub := b.subscribed(b.payer(""), b.monthly(1200), trialDays(3), missingMethod("pause"))
		b.pass(4 * day)
		require.Equal(t, stripe.SubscriptionStatusPaused, b.subscription(sub.ID).Status)
		return b, sub
	}
	resume := func(b billing, id string) *stripe.Subscription {
		p := &stripe.SubscriptionResumeParams{}
		p.AddExpand("pending_setup_intent")
		p.AddExpand("latest_invoice")
		sub, err := b.V1Subscriptions.Resume(b.t.Context(), id, p)
		require.NoError(b.t, err)
		return sub
	}
	t.Run("paid", func(t *testing.T) {
		t.Parallel()
		b, sub := paused(t)
		b.makeDefault(sub.Customer.ID, b.saved(sub.Customer.ID, "pm_card_visa"))
		b.pass(90 * day)
		require.Equal(t, sub.LatestInvoice.ID, b.subscription(sub.ID).LatestInvoice.ID, "a paused one is not billed")
		resumed := resume(b, sub.ID)
		require.Equal(t, stripe.SubscriptionStatusActive, resumed.Status)
		require.Equal(t, stripe.InvoiceStatusPaid, resumed.LatestInvoice.Status)
		require.Equal(t, resumed.BillingCycleAnchor, resumed.Items.Data[0].CurrentPeriodStart)
		require.Contains(t, b.events(sub.ID), "customer.subscription.resumed")
		b.pass(32 * day)
		require.NotEqual(t, resumed.LatestInvoice.ID, b.subscription(sub.ID).LatestInvoice.ID, "it is billed again")
	})
	t.Run("paid later", func(t *testing.T) {
		t.Parallel()
		b, sub := paused(t)
		resumed := resume(b, sub.ID)
		require.Equal(t, stripe.SubscriptionStatusPaused, resumed.Status)
		_, err := b.V1Invoices.Pay(t.Context(), resumed.LatestInvoice.ID, &stripe.InvoicePayParams{PaymentMethod: stripe.String(b.saved(sub.Customer.ID, "pm_card_visa"))})
		require.NoError(t, err)
		require.Equal(t, stripe.SubscriptionStatusActive, b.subscription(sub.ID).Status)
	})
	t.Run("not paid", func(t *testing.T) {
		t.Parallel()
		b, sub := paused(t)
		resumed := resume(b, sub.ID)
		b.pass(day)
		after := b.subscription(sub.ID)
		require.Equal(t, stripe.SubscriptionStatusPaused, after.Status)
		require.Equal(t, resumed.LatestInvoice.ID, after.LatestInvoice.ID)
		require.Equal(t, stripe.InvoiceStatusVoid, after.LatestInvoice.Status)
	})
	t.Run("nothing due", func(t *testing.T) {
		t.Parallel()
		b, sub := paused(t)
		require.Equal(t, http.StatusOK, b.post("/v1/customers/"+sub.Customer.ID, "balance", "-9000").status)
		resumed := resume(b, sub.ID)
		require.Equal(t, stripe.SubscriptionStatusActive, resumed.Status)
		require.Equal(t, stripe.SetupIntentStatusRequiresPaymentMethod, resumed.PendingSetupIntent.Status)
	})
	t.Run("one that is not paused", func(t *testing.T) {
		t.Parallel()
		b := newBilling(t, stripesandbox.Config{})
		sub := b.subscribed(b.payer("pm_card_visa"), b.monthly(1200))
		_, err := b.V1Subscriptions.Resume(t.Context(), sub.ID, nil)
		require.Equal(t, http.StatusBadRequest, stripeError(t, err).HTTPStatusCode)
	})
}
