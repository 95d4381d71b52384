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

func (b *bundle) setupSession(change func(*stripe.CheckoutSessionCreateParams)) *stripe.CheckoutSession {
	b.t.Helper()
	params := &stripe.CheckoutSessionCreateParams{
		Mode: stripe.String("setup"), UIMode: stripe.String("custom"), Currency: stripe.String("usd"),
		ReturnURL: stripe.String("https://shop.example/return?session={CHECKOUT_SESSION_ID}"),
	}
	if change != nil {
		change(params)
	}
	cs, err := b.V1CheckoutSessions.Create(b.t.Context(), params)
	require.NoError(b.t, err)
	return cs
}

func (b *bundle) paymentSession(change func(*stripe.CheckoutSessionCreateParams)) *stripe.CheckoutSession {
	b.t.Helper()
	params := &stripe.CheckoutSessionCreateParams{
		Mode: stripe.String("payment"), UIMode: stripe.String("custom"), ReturnURL: stripe.String("https://shop.example/return"),
		LineItems: []*stripe.CheckoutSessionCreateLineItemParams{{
			Quantity: stripe.Int64(2),
			PriceData: &stripe.CheckoutSessionCreateLineItemPriceDataParams{
				Currency: stripe.String("usd"), UnitAmount: stripe.Int64(1000),
				ProductData: &stripe.CheckoutSessionCreateLineItemPriceDataProductDataParams{Name: stripe.String("March")},
			},
		}},
		PaymentIntentData: &stripe.CheckoutSessionCreatePaymentIntentDataParams{
			SetupFutureUsage: stripe.String("off_session"), Metadata: map[string]string{"offsession_reference": "inv-1"},
		},
	}
	if change != nil {
		change(params)
	}
	cs, err := b.V1CheckoutSessions.Create(b.t.Context(), params)
	require.NoError(b.t, err)
	return cs
}

func (b *bundle) session(id string) *stripe.CheckoutSession {
	b.t.Helper()
	params := &stripe.CheckoutSessionRetrieveParams{}
	params.AddExpand("setup_intent.payment_method")
	params.AddExpand("payment_intent.latest_charge")
	cs, err := b.V1CheckoutSessions.Retrieve(b.t.Context(), id, params)
	require.NoError(b.t, err)
	return cs
}

func TestSetupSessionWithCustomer(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	cs := b.setupSession(func(p *stripe.CheckoutSessionCreateParams) {
		p.Customer = &cus
		p.SetupIntentData = &stripe.CheckoutSessionCreateSetupIntentDataParams{Metadata: map[string]string{"offsession_reference": "s-1"}}
	})
	require.Equal(t, stripe.CheckoutSessionStatusOpen, cs.Status)
	require.Equal(t, stripe.CheckoutSessionPaymentStatusNoPaymentRequired, cs.PaymentStatus)
	require.NotEmpty(t, cs.ClientSecret)
	require.Empty(t, cs.URL)
	require.NotNil(t, cs.SetupIntent)

	require.Equal(t, http.StatusOK, b.pay(cs.ID, stripesandbox.Payment{Number: "4242 4242 4242 4242"}).status)
	done := b.session(cs.ID)
	require.Equal(t, stripe.CheckoutSessionStatusComplete, done.Status)
	require.Equal(t, stripe.SetupIntentStatusSucceeded, done.SetupIntent.Status)
	require.Equal(t, "s-1", done.SetupIntent.Metadata["offsession_reference"])
	pm := done.SetupIntent.PaymentMethod
	require.Equal(t, cus, pm.Customer.ID)
	require.Equal(t, []string{"setup_intent.created", "payment_method.attached", "setup_intent.succeeded", "checkout.session.completed"},
		b.events(cs.ID, done.SetupIntent.ID, pm.ID))

	owner, err := b.V1Customers.Retrieve(t.Context(), cus, nil)
	require.NoError(t, err)
	require.Nil(t, owner.InvoiceSettings.DefaultPaymentMethod, "Checkout makes no default")
	_, err = b.charge(cus, pm.ID)
	require.NoError(t, err)
}

func TestSetupSessionWithoutCustomer(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cs := b.setupSession(nil)
	require.Equal(t, "email", b.pay(cs.ID, stripesandbox.Payment{Number: "4242424242424242"}).at(t, "error.param"))
	require.Equal(t, http.StatusOK, b.pay(cs.ID, stripesandbox.Payment{Number: "4242424242424242", Email: "jane@example.com"}).status)
	done := b.session(cs.ID)
	require.Nil(t, done.Customer)
	require.Equal(t, "jane@example.com", done.CustomerDetails.Email)
	require.Nil(t, done.SetupIntent.PaymentMethod.Customer)
	require.Equal(t, []string{"setup_intent.created", "setup_intent.succeeded", "checkout.session.completed"}, b.events(cs.ID, done.SetupIntent.ID))

	cus := b.customer()
	attached, err := b.V1PaymentMethods.Attach(t.Context(), done.SetupIntent.PaymentMethod.ID, &stripe.PaymentMethodAttachParams{Customer: &cus})
	require.NoError(t, err)
	require.Equal(t, done.SetupIntent.PaymentMethod.ID, attached.ID)
}

func TestSetupSessionStaysOpenAfterARefusal(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	cs := b.setupSession(func(p *stripe.CheckoutSessionCreateParams) { p.Customer = &cus })
	refused := b.pay(cs.ID, stripesandbox.Payment{Number: "4000000000009995"})
	require.Equal(t, http.StatusPaymentRequired, refused.status)
	require.Equal(t, "insufficient_funds", refused.at(t, "error.decline_code"))
	open := b.session(cs.ID)
	require.Equal(t, stripe.CheckoutSessionStatusOpen, open.Status)
	require.Equal(t, stripe.SetupIntentStatusRequiresPaymentMethod, open.SetupIntent.Status)
	require.Equal(t, stripe.DeclineCodeInsufficientFunds, open.SetupIntent.LastSetupError.DeclineCode)

	failed := b.pay(cs.ID, stripesandbox.Payment{Number: "4000002500003155", Authenticate: stripesandbox.AuthenticationFailed})
	require.Equal(t, "setup_intent_authentication_failure", failed.at(t, "error.code"))
	require.Equal(t, http.StatusOK, b.pay(cs.ID, stripesandbox.Payment{Number: "4000002500003155"}).status)
	require.Equal(t, []string{
		"setup_intent.created", "setup_intent.setup_failed", "setup_intent.requires_action", "setup_intent.setup_failed",
		"setup_intent.requires_action", "setup_intent.succeeded", "checkout.session.completed",
	}, b.events(cs.ID, cs.SetupIntent.ID))
	_, err := b.charge(cus, b.session(cs.ID).SetupIntent.PaymentMethod.ID)
	require.NoError(t, err, "set up now, no authentication off session")
}

func TestPaymentSession(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	cs := b.paymentSession(func(p *stripe.CheckoutSessionCreateParams) { p.Customer = &cus })
	require.Nil(t, cs.PaymentIntent)
	require.EqualValues(t, 2000, cs.AmountTotal)
	require.Equal(t, stripe.CheckoutSessionPaymentStatusUnpaid, cs.PaymentStatus)

	refused := b.pay(cs.ID, stripesandbox.Payment{Number: "4000000000000002"})
	require.Equal(t, http.StatusPaymentRequired, refused.status)
	require.Equal(t, "card_declined", refused.at(t, "error.code"))
	open := b.session(cs.ID)
	require.Equal(t, stripe.CheckoutSessionStatusOpen, open.Status)
	pi := open.PaymentIntent
	require.Equal(t, stripe.PaymentIntentStatusRequiresPaymentMethod, pi.Status)
	require.Equal(t, "inv-1", pi.Metadata["offsession_reference"])

	_, err := b.V1PaymentIntents.Cancel(t.Context(), pi.ID, nil)
	require.Equal(t, http.StatusBadRequest, stripeError(t, err).HTTPStatusCode, "only the session may be closed")

	require.Equal(t, http.StatusOK, b.pay(cs.ID, stripesandbox.Payment{PaymentMethod: "pm_card_visa"}).status)
	done := b.session(cs.ID)
	require.Equal(t, stripe.CheckoutSessionStatusComplete, done.Status)
	require.Equal(t, stripe.CheckoutSessionPaymentStatusPaid, done.PaymentStatus)
	require.Equal(t, pi.ID, done.PaymentIntent.ID, "one PaymentIntent per session")
	require.Equal(t, []string{
		"payment_intent.created", "payment_intent.payment_failed", "payment_intent.succeeded", "checkout.session.completed",
	}, b.events(cs.ID, pi.ID))
	pm, err := b.V1PaymentMethods.Retrieve(t.Context(), done.PaymentIntent.PaymentMethod.ID, nil)
	require.NoError(t, err)
	require.Equal(t, cus, pm.Customer.ID, "setup_future_usage saves the card")

	again := b.pay(cs.ID, stripesandbox.Payment{PaymentMethod: "pm_card_visa"})
	require.Equal(t, http.StatusBadRequest, again.status)
	_, err = b.V1CheckoutSessions.Expire(t.Context(), cs.ID, nil)
	require.Contains(t, stripeError(t, err).Msg, "`complete`")
}

func TestSessionExpiry(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	byHand := b.paymentSession(func(p *stripe.CheckoutSessionCreateParams) { p.Customer = &cus })
	expired, err := b.V1CheckoutSessions.Expire(t.Context(), byHand.ID, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.CheckoutSessionStatusExpired, expired.Status)

	soon := b.paymentSession(func(p *stripe.CheckoutSessionCreateParams) {
		p.Customer = &cus
		p.ExpiresAt = new(time.Now().Add(35 * time.Minute).Unix())
	})
	challenge := b.pay(soon.ID, stripesandbox.Payment{Number: "4000002760003184", Authenticate: stripesandbox.AuthenticationAbandoned})
	require.Equal(t, "authentication_pending", challenge.at(t, "error.code"))
	require.Equal(t, stripe.PaymentIntentStatusRequiresAction, b.session(soon.ID).PaymentIntent.Status)
	later := b.setupSession(nil)
	require.NoError(t, b.srv.AdvanceClock(36*time.Minute))
	require.Equal(t, stripe.CheckoutSessionStatusExpired, b.session(soon.ID).Status)
	require.Equal(t, stripe.PaymentIntentStatusRequiresPaymentMethod, b.session(soon.ID).PaymentIntent.Status, "no way to pay is left")
	require.Equal(t, []string{"checkout.session.expired"}, b.events(soon.ID))
	require.Equal(t, http.StatusBadRequest, b.pay(soon.ID, stripesandbox.Payment{Number: "4242424242424242"}).status)
	require.Equal(t, stripe.CheckoutSessionStatusOpen, b.session(later.ID).Status)
	require.NoError(t, b.srv.AdvanceClock(24*time.Hour))
	require.Equal(t, stripe.CheckoutSessionStatusExpired, b.session(later.ID).Status)
}

func TestSessionParameters(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	items := []string{
		"line_items[0][quantity]", "1", "line_items[0][price_data][currency]", "usd", "line_items[0][price_data][unit_amount]", "500",
		"line_items[0][price_data][product_data][name]", "March",
	}
	with := func(pairs ...string) []string { return append(append([]string{}, items...), pairs...) }
	in := func(d time.Duration) string { return strconv.FormatInt(time.Now().Add(d).Unix(), 10) }
	for _, tc := range []struct {
		name  string
		pairs []string
		param string // of the error; empty: accepted
	}{
		{"the documented setup example", []string{"mode", "setup", "ui_mode", "custom", "currency", "usd"}, ""},
		{"hosted setup", []string{"mode", "setup", "currency", "usd", "success_url", "https://x.example"}, ""},
		{"embedded setup", []string{"mode", "setup", "currency", "usd", "ui_mode", "embedded", "return_url", "https://x.example"}, ""},
		{"embedded without redirect", []string{"mode", "setup", "currency", "usd", "ui_mode", "embedded", "redirect_on_completion", "never"}, ""},
		{"types instead of currency", []string{"mode", "setup", "ui_mode", "custom", "payment_method_types[0]", "card"}, ""},
		{"hosted payment", with("mode", "payment", "success_url", "https://x.example"), ""},
		{"no mode", []string{"currency", "usd"}, "mode"},
		{"hosted without success_url", []string{"mode", "setup", "currency", "usd"}, "success_url"},
		{"embedded without return_url", []string{"mode", "setup", "currency", "usd", "ui_mode", "embedded"}, "return_url"},
		{"embedded with success_url", []string{"mode", "setup", "currency", "usd", "ui_mode", "embedded", "return_url", "https://x.example", "success_url", "https://x.example"}, "success_url"},
		{"custom with cancel_url", []string{"mode", "setup", "currency", "usd", "ui_mode", "custom", "cancel_url", "https://x.example"}, "cancel_url"},
		{"custom with custom_text", []string{"mode", "setup", "currency", "usd", "ui_mode", "custom", "custom_text[submit][message]", "x"}, "custom_text"},
		{"dahlia's name", []string{"mode", "setup", "currency", "usd", "ui_mode", "elements"}, "ui_mode"},
		{"setup with line_items", with("mode", "setup", "currency", "usd", "ui_mode", "custom"), "line_items"},
		{"setup with payment_intent_data", []string{"mode", "setup", "currency", "usd", "ui_mode", "custom", "payment_intent_data[description]", "x"}, "payment_intent_data"},
		{"setup with promotion codes", []string{"mode", "setup", "currency", "usd", "ui_mode", "custom", "allow_promotion_codes", "true"}, "allow_promotion_codes"},
		{"setup without currency and types", []string{"mode", "setup", "ui_mode", "custom"}, "currency"},
		{"payment without line_items", []string{"mode", "payment", "ui_mode", "custom"}, "line_items"},
		{"payment with setup_intent_data", with("mode", "payment", "ui_mode", "custom", "setup_intent_data[description]", "x"), "setup_intent_data"},
		{"unknown customer", []string{"mode", "setup", "currency", "usd", "ui_mode", "custom", "customer", "cus_none"}, "customer"},
		{"29 minutes", with("mode", "payment", "ui_mode", "custom", "expires_at", in(29*time.Minute)), "expires_at"},
		{"an hour", with("mode", "payment", "ui_mode", "custom", "expires_at", in(time.Hour)), ""},
		{"25 hours", with("mode", "payment", "ui_mode", "custom", "expires_at", in(25*time.Hour)), "expires_at"},
		{"unknown parameter", with("mode", "payment", "ui_mode", "custom", "payment_intent_data[foo]", "x"), "payment_intent_data[foo]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := b.post("/v1/checkout/sessions", tc.pairs...)
			if tc.param == "" {
				require.Equal(t, http.StatusOK, a.status, string(a.body))
				return
			}
			require.GreaterOrEqual(t, a.status, 400)
			require.Equal(t, tc.param, a.at(t, "error.param"), string(a.body))
		})
	}
}

func TestHostedSession(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	a := b.post("/v1/checkout/sessions", "mode", "setup", "currency", "usd", "success_url", "https://x.example/ok?s={CHECKOUT_SESSION_ID}", "customer", b.customer())
	id, page := a.at(t, "id").(string), a.at(t, "url").(string)
	require.Equal(t, b.srv.URL+"/_sandbox/checkout/"+id, page)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

	shown := b.raw(http.MethodGet, "/_sandbox/checkout/"+id, "")
	require.Contains(t, string(shown.body), `value="4000002760003184"`)
	refused, err := client.PostForm(page, map[string][]string{"method": {"4000000000000002"}})
	require.NoError(t, err)
	defer refused.Body.Close()
	require.Equal(t, http.StatusPaymentRequired, refused.StatusCode)
	require.Equal(t, stripe.CheckoutSessionStatusOpen, b.session(id).Status)

	paid, err := client.PostForm(page, map[string][]string{"method": {"4242424242424242"}})
	require.NoError(t, err)
	defer paid.Body.Close()
	require.Equal(t, http.StatusSeeOther, paid.StatusCode)
	require.Equal(t, "https://x.example/ok?s="+id, paid.Header.Get("Location"))
	done := b.session(id)
	require.Equal(t, stripe.CheckoutSessionStatusComplete, done.Status)
	require.Empty(t, done.URL, "only open sessions have a page")
}
