package stripesandbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// billing is a bundle for subscriptions, on a clock that stands until it is moved.
type billing struct {
	*bundle
	wall *standing
}

func newBilling(t *testing.T, cfg stripesandbox.Config) billing {
	t.Helper()
	wall := &standing{}
	cfg.Clock = wall.now
	return billing{newBundle(t, cfg), wall}
}

// pass moves the sandbox's clock, with everything that becomes due meanwhile.
func (b billing) pass(d time.Duration) {
	b.t.Helper()
	require.NoError(b.t, b.srv.AdvanceClock(d))
}

const day = 24 * time.Hour

// monthly makes a price per month in usd.
func (b billing) monthly(amount int64) string { return b.price(amount, "usd", "month", 1) }

func (b billing) price(amount int64, currency, interval string, count int64) string {
	b.t.Helper()
	p, err := b.V1Prices.Create(b.t.Context(), &stripe.PriceCreateParams{
		Currency: &currency, UnitAmount: &amount, ProductData: &stripe.PriceCreateProductDataParams{Name: stripe.String("Tea club")},
		Recurring: &stripe.PriceCreateRecurringParams{Interval: &interval, IntervalCount: &count},
	})
	require.NoError(b.t, err)
	return p.ID
}

// metered makes a price per month for each use counted by a meter.
func (b billing) metered(meter string, amount int64) string {
	b.t.Helper()
	p, err := b.V1Prices.Create(b.t.Context(), &stripe.PriceCreateParams{
		Currency: stripe.String("usd"), UnitAmount: &amount, ProductData: &stripe.PriceCreateProductDataParams{Name: stripe.String("Tea by the cup")},
		Recurring: &stripe.PriceCreateRecurringParams{Interval: stripe.String("month"), UsageType: stripe.String("metered"), Meter: &meter},
	})
	require.NoError(b.t, err)
	return p.ID
}

func (b billing) coupon(pairs ...string) string {
	b.t.Helper()
	a := b.post("/v1/coupons", pairs...)
	require.Equal(b.t, http.StatusOK, a.status, string(a.body))
	return a.at(b.t, "id").(string)
}

// payer is a customer whose default payment method is the test token; without one when
// it is empty.
func (b billing) payer(token string) string {
	b.t.Helper()
	cus := b.customer()
	if token != "" {
		b.makeDefault(cus, b.saved(cus, token))
	}
	return cus
}

func (b billing) makeDefault(cus, pm string) {
	b.t.Helper()
	_, err := b.V1Customers.Update(b.t.Context(), cus, &stripe.CustomerUpdateParams{
		InvoiceSettings: &stripe.CustomerUpdateInvoiceSettingsParams{DefaultPaymentMethod: &pm},
	})
	require.NoError(b.t, err)
}

// subscribe creates a subscription to price; more is applied to the parameters.
func (b billing) subscribe(cus, price string, more ...func(*stripe.SubscriptionCreateParams)) (*stripe.Subscription, error) {
	b.t.Helper()
	p := &stripe.SubscriptionCreateParams{Customer: &cus, Items: []*stripe.SubscriptionCreateItemParams{{Price: &price}}}
	p.AddExpand("pending_setup_intent")
	p.AddExpand("latest_invoice.confirmation_secret")
	for _, change := range more {
		change(p)
	}
	return b.V1Subscriptions.Create(b.t.Context(), p)
}

func (b billing) subscribed(cus, price string, more ...func(*stripe.SubscriptionCreateParams)) *stripe.Subscription {
	b.t.Helper()
	sub, err := b.subscribe(cus, price, more...)
	require.NoError(b.t, err)
	return sub
}

// subscription reads one with its relations.
func (b billing) subscription(id string) *stripe.Subscription {
	b.t.Helper()
	p := &stripe.SubscriptionRetrieveParams{}
	p.AddExpand("pending_setup_intent")
	p.AddExpand("latest_invoice.confirmation_secret")
	sub, err := b.V1Subscriptions.Retrieve(b.t.Context(), id, p)
	require.NoError(b.t, err)
	return sub
}

func behaviour(value string) func(*stripe.SubscriptionCreateParams) {
	return func(p *stripe.SubscriptionCreateParams) { p.PaymentBehavior = &value }
}

func trialDays(n int64) func(*stripe.SubscriptionCreateParams) {
	return func(p *stripe.SubscriptionCreateParams) { p.TrialPeriodDays = &n }
}

func missingMethod(value string) func(*stripe.SubscriptionCreateParams) {
	return func(p *stripe.SubscriptionCreateParams) {
		p.TrialSettings = &stripe.SubscriptionCreateTrialSettingsParams{
			EndBehavior: &stripe.SubscriptionCreateTrialSettingsEndBehaviorParams{MissingPaymentMethod: &value},
		}
	}
}

func couponed(id string) func(*stripe.SubscriptionCreateParams) {
	return func(p *stripe.SubscriptionCreateParams) {
		p.Discounts = []*stripe.SubscriptionCreateDiscountParams{{Coupon: &id}}
	}
}

// intentOf is the PaymentIntent behind an invoice.
func (b billing) intentOf(invoice string) string {
	b.t.Helper()
	for p, err := range b.V1InvoicePayments.List(b.t.Context(), &stripe.InvoicePaymentListParams{Invoice: &invoice}) {
		require.NoError(b.t, err)
		return p.Payment.PaymentIntent.ID
	}
	return ""
}

// Nothing is due: the subscription is live at once, and what may be missing for later
// charges is told by pending_setup_intent.
func TestSubscriptionWithNothingDue(t *testing.T) {
	t.Parallel()
	trial := trialDays(14)
	for _, reason := range []struct {
		name   string
		status stripe.SubscriptionStatus
		make   func(b billing, cus string) (price string, more []func(*stripe.SubscriptionCreateParams))
	}{
		{"trial", "trialing", func(b billing, _ string) (string, []func(*stripe.SubscriptionCreateParams)) {
			return b.monthly(1200), []func(*stripe.SubscriptionCreateParams){trial}
		}},
		{"coupon for everything", "active", func(b billing, _ string) (string, []func(*stripe.SubscriptionCreateParams)) {
			return b.monthly(1200), []func(*stripe.SubscriptionCreateParams){couponed(b.coupon("percent_off", "100", "duration", "forever"))}
		}},
		{"usage", "active", func(b billing, _ string) (string, []func(*stripe.SubscriptionCreateParams)) {
			return b.metered(b.meter("cups", "sum"), 25), nil
		}},
		{"credit", "active", func(b billing, cus string) (string, []func(*stripe.SubscriptionCreateParams)) {
			require.Equal(b.t, http.StatusOK, b.post("/v1/customers/"+cus, "balance", "-5000").status)
			return b.monthly(1200), nil
		}},
	} {
		for _, tc := range []struct {
			name, token, behaviour string
			pending                stripe.SetupIntentStatus // empty: null
			events                 []string                 // of the SetupIntent
		}{
			{"a method that needs nothing", "pm_card_visa", "default_incomplete", "", []string{"setup_intent.created", "setup_intent.succeeded"}},
			{"a method that needs nothing", "pm_card_visa", "allow_incomplete", "", []string{"setup_intent.created", "setup_intent.succeeded"}},
			{"3D Secure", "pm_card_authenticationRequired", "default_incomplete", "requires_action", []string{"setup_intent.created", "setup_intent.requires_action"}},
			{"3D Secure", "pm_card_authenticationRequiredOnSetup", "allow_incomplete", "requires_action", []string{"setup_intent.created", "setup_intent.requires_action"}},
			{"no method", "", "default_incomplete", "requires_payment_method", []string{"setup_intent.created"}},
			{"no method", "", "allow_incomplete", "", nil},
		} {
			t.Run(reason.name+" "+tc.name+" "+tc.behaviour, func(t *testing.T) {
				t.Parallel()
				b := newBilling(t, stripesandbox.Config{})
				cus := b.payer(tc.token)
				price, more := reason.make(b, cus)
				before := len(b.events())
				sub := b.subscribed(cus, price, append(more, behaviour(tc.behaviour))...)
				require.Equal(t, reason.status, sub.Status)
				require.Equal(t, stripe.InvoiceStatusPaid, sub.LatestInvoice.Status)
				require.Zero(t, sub.LatestInvoice.AmountDue)
				if tc.pending == "" {
					require.Nil(t, sub.PendingSetupIntent)
				} else {
					require.Equal(t, tc.pending, sub.PendingSetupIntent.Status)
					require.Equal(t, cus, sub.PendingSetupIntent.Customer.ID)
				}
				want := append([]string{"customer.subscription.created", "invoice.created", "invoice.finalized", "invoice.paid", "invoice.payment_succeeded"}, tc.events...)
				if reason.name == "credit" {
					want = append(append(append([]string{}, want[:2]...), "customer.updated"), want[2:]...)
				}
				require.Equal(t, want, b.events()[before:])
			})
		}
	}
}

func TestSubscriptionWithAmountDue(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, token, behaviour string
		offSession             bool
		status                 stripe.SubscriptionStatus
		intent                 stripe.PaymentIntentStatus
	}{
		{"left to the customer", "", "default_incomplete", false, "incomplete", "requires_payment_method"},
		{"left to the customer, with a method", "pm_card_visa", "default_incomplete", false, "incomplete", "requires_confirmation"},
		{"paid", "pm_card_visa", "allow_incomplete", false, "active", "succeeded"},
		{"paid", "pm_card_visa", "error_if_incomplete", false, "active", "succeeded"},
		{"declined", "pm_card_chargeCustomerFail", "allow_incomplete", false, "incomplete", "requires_payment_method"},
		{"3D Secure", "pm_card_authenticationRequired", "allow_incomplete", false, "incomplete", "requires_action"},
		{"3D Secure off session", "pm_card_authenticationRequired", "allow_incomplete", true, "incomplete", "requires_payment_method"},
	} {
		t.Run(tc.name+" "+tc.behaviour, func(t *testing.T) {
			t.Parallel()
			b := newBilling(t, stripesandbox.Config{})
			sub := b.subscribed(b.payer(tc.token), b.monthly(1200), behaviour(tc.behaviour), func(p *stripe.SubscriptionCreateParams) {
				if tc.offSession {
					p.OffSession = new(true)
				}
			})
			require.Equal(t, tc.status, sub.Status)
			require.Nil(t, sub.PendingSetupIntent)
			inv := sub.LatestInvoice
			require.EqualValues(t, 1200, inv.AmountDue)
			pi, err := b.V1PaymentIntents.Retrieve(t.Context(), b.intentOf(inv.ID), nil)
			require.NoError(t, err)
			require.Equal(t, tc.intent, pi.Status)
			require.Equal(t, pi.ClientSecret, inv.ConfirmationSecret.ClientSecret)
			require.EqualValues(t, "off_session", pi.SetupFutureUsage)
			if tc.status == "active" {
				require.Equal(t, stripe.InvoiceStatusPaid, inv.Status)
				require.EqualValues(t, 1200, inv.AmountPaid)
			} else {
				require.Equal(t, stripe.InvoiceStatusOpen, inv.Status)
				require.EqualValues(t, 1200, inv.AmountRemaining)
			}
		})
	}
}
