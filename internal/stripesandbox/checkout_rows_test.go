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

// sessionEvents returns the types of all events about a session, its intents, their
// charges, and attached payment methods, oldest first.
func (b *bundle) sessionEvents(cs *stripe.CheckoutSession) []string {
	b.t.Helper()
	ids := []any{cs.ID}
	if cs.PaymentIntent != nil {
		ids = append(ids, cs.PaymentIntent.ID)
	}
	if cs.SetupIntent != nil {
		ids = append(ids, cs.SetupIntent.ID)
	}
	var types []string
	params := &stripe.EventListParams{}
	params.Limit = stripe.Int64(100)
	for e, err := range b.V1Events.List(b.t.Context(), params) {
		require.NoError(b.t, err)
		o := e.Data.Object
		if slices.Contains(ids, o["id"]) || (o["payment_intent"] != nil && slices.Contains(ids, o["payment_intent"])) || e.Type == "payment_method.attached" {
			types = append(types, string(e.Type))
		}
	}
	slices.Reverse(types)
	return types
}

// TestCheckoutRows is the table of a Checkout Session's transitions.
func TestCheckoutRows(t *testing.T) {
	t.Parallel()
	const completed, expired = "checkout.session.completed", "checkout.session.expired"
	for _, tc := range []struct {
		name     string
		mode     string
		customer bool
		save     bool
		token    string // what the buyer pays with; empty: nothing
		expire   bool
		wait     time.Duration
		status   int // of the buyer's step
		state    stripe.CheckoutSessionStatus
		payment  stripe.CheckoutSessionPaymentStatus
		events   []string
	}{
		{name: "created, setup mode", mode: "setup", state: "open", payment: "no_payment_required", events: []string{"setup_intent.created"}},
		{name: "created, payment mode", mode: "payment", state: "open", payment: "unpaid"},
		{
			name: "buyer finishes, setup mode", mode: "setup", token: "pm_card_visa", status: 200, state: "complete", payment: "no_payment_required",
			events: []string{"setup_intent.created", "setup_intent.succeeded", completed},
		},
		{
			name: "buyer finishes, setup mode with customer", mode: "setup", customer: true, token: "pm_card_visa", status: 200,
			state: "complete", payment: "no_payment_required",
			events: []string{"setup_intent.created", "payment_method.attached", "setup_intent.succeeded", completed},
		},
		{
			name: "buyer finishes, setup mode with bank debit", mode: "setup", customer: true, token: "pm_usBankAccount_success", status: 200,
			state: "complete", payment: "no_payment_required",
			events: []string{"setup_intent.created", "payment_method.attached", "setup_intent.succeeded", completed},
		},
		{
			name: "card declined in setup mode", mode: "setup", customer: true, token: "pm_card_visa_chargeDeclined", status: 402,
			state: "open", payment: "no_payment_required", events: []string{"setup_intent.created", "setup_intent.setup_failed"},
		},
		{
			name: "buyer finishes, payment mode, card", mode: "payment", token: "pm_card_visa", status: 200, state: "complete", payment: "paid",
			events: []string{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded", completed},
		},
		{
			name: "buyer finishes, payment mode, card that is saved", mode: "payment", customer: true, save: true, token: "pm_card_visa", status: 200,
			state: "complete", payment: "paid",
			events: []string{"payment_intent.created", "payment_method.attached", "charge.succeeded", "payment_intent.succeeded", completed},
		},
		{
			name: "buyer finishes, payment mode, ACH", mode: "payment", token: "pm_usBankAccount_success", status: 200, state: "complete", payment: "unpaid",
			events: []string{"payment_intent.created", "charge.pending", "payment_intent.processing", completed},
		},
		{
			name: "days later the debit succeeds", mode: "payment", token: "pm_usBankAccount_success", wait: time.Hour, status: 200,
			state: "complete", payment: "paid",
			events: []string{
				"payment_intent.created", "charge.pending", "payment_intent.processing", completed,
				"charge.succeeded", "payment_intent.succeeded", "checkout.session.async_payment_succeeded",
			},
		},
		{
			name: "days later the debit fails", mode: "payment", token: "pm_usBankAccount_insufficientFunds", wait: time.Hour, status: 200,
			state: "complete", payment: "unpaid",
			events: []string{
				"payment_intent.created", "charge.pending", "payment_intent.processing", completed,
				"charge.failed", "payment_intent.payment_failed", "checkout.session.async_payment_failed",
			},
		},
		{
			name: "card declined in payment mode", mode: "payment", token: "pm_card_visa_chargeDeclined", status: 402, state: "open", payment: "unpaid",
			events: []string{"payment_intent.created", "charge.failed", "payment_intent.payment_failed"},
		},
		{name: "expires_at reached", mode: "payment", wait: 24 * time.Hour, state: "expired", payment: "unpaid", events: []string{expired}},
		{
			name: "expired by the API, setup mode", mode: "setup", expire: true, state: "expired", payment: "no_payment_required",
			events: []string{"setup_intent.created", expired},
		},
		{
			name: "expired by the API, after a decline", mode: "payment", token: "pm_card_visa_chargeDeclined", expire: true, status: 402,
			state: "expired", payment: "unpaid",
			events: []string{"payment_intent.created", "charge.failed", "payment_intent.payment_failed", expired},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBundle(t, stripesandbox.Config{})
			change := func(p *stripe.CheckoutSessionCreateParams) {
				p.PaymentMethodTypes = stripe.StringSlice([]string{"card", "us_bank_account"})
				p.PaymentIntentData = nil
				if tc.customer {
					p.Customer = new(b.customer())
				}
				if tc.save {
					p.PaymentIntentData = &stripe.CheckoutSessionCreatePaymentIntentDataParams{SetupFutureUsage: stripe.String("off_session")}
				}
			}
			create := b.paymentSession
			if tc.mode == "setup" {
				create = b.setupSession
			}
			created := create(change)
			require.Nil(t, created.PaymentIntent, "minted when the buyer first pays")
			require.Equal(t, tc.mode == "setup", created.SetupIntent != nil)
			require.EqualValues(t, 24*60*60, created.ExpiresAt-created.Created)
			if tc.token != "" {
				answer := b.pay(created.ID, stripesandbox.Payment{PaymentMethod: tc.token, Email: "jane@example.com"})
				require.Equal(t, tc.status, answer.status, string(answer.body))
			}
			if tc.expire {
				_, err := b.V1CheckoutSessions.Expire(t.Context(), created.ID, nil)
				require.NoError(t, err)
			}
			if tc.wait > 0 {
				require.NoError(t, b.srv.AdvanceClock(tc.wait))
			}
			cs := b.session(created.ID)
			require.Equal(t, tc.state, cs.Status)
			require.Equal(t, tc.payment, cs.PaymentStatus)
			require.Equal(t, tc.events, b.sessionEvents(cs))
			require.Equal(t, tc.state == stripe.CheckoutSessionStatusOpen, cs.ClientSecret != "")
			require.Equal(t, tc.customer, cs.Customer != nil)
			if tc.state == stripe.CheckoutSessionStatusOpen {
				return
			}
			// Final: no way leads back.
			require.Equal(t, http.StatusBadRequest, b.pay(cs.ID, stripesandbox.Payment{PaymentMethod: "pm_card_visa", Email: "jane@example.com"}).status)
			_, err := b.V1CheckoutSessions.Expire(t.Context(), cs.ID, nil)
			require.Equal(t, http.StatusBadRequest, stripeError(t, err).HTTPStatusCode)
			require.Contains(t, stripeError(t, err).Msg, "`"+string(tc.state)+"`")
			require.Equal(t, tc.events, b.sessionEvents(b.session(cs.ID)))
		})
	}
}

// TestUIModes is the table of what each ui_mode requires, returns and refuses.
func TestUIModes(t *testing.T) {
	t.Parallel()
	const back = "https://shop.example/back?session={CHECKOUT_SESSION_ID}"
	b := newBundle(t, stripesandbox.Config{})
	for _, tc := range []struct {
		mode    string
		needed  []string
		missing string // param of the error when nothing is given; empty: nothing is required
		url     bool
		refused map[string]string
	}{
		{
			mode: "hosted", needed: []string{"success_url", back}, missing: "success_url", url: true,
			refused: map[string]string{"return_url": back, "redirect_on_completion": "always"},
		},
		{
			mode: "embedded", needed: []string{"return_url", back}, missing: "return_url",
			refused: map[string]string{"success_url": back, "cancel_url": back},
		},
		{
			mode: "custom", needed: []string{"return_url", back},
			refused: map[string]string{
				"success_url": back, "cancel_url": back, "custom_fields[0][key]": "a", "custom_text[submit][message]": "a", "after_expiration[recovery][enabled]": "true",
			},
		},
	} {
		t.Run(tc.mode, func(t *testing.T) {
			t.Parallel()
			base := []string{"mode", "setup", "currency", "usd", "ui_mode", tc.mode}
			bare := b.post("/v1/checkout/sessions", base...)
			if tc.missing == "" {
				require.Equal(t, http.StatusOK, bare.status, string(bare.body))
			} else {
				require.Equal(t, "parameter_missing", code(t, bare))
				require.Equal(t, tc.missing, bare.at(t, "error.param"))
			}
			given := append(slices.Clone(base), tc.needed...)
			made := b.post("/v1/checkout/sessions", given...)
			require.Equal(t, http.StatusOK, made.status, string(made.body))
			require.Equal(t, tc.url, made.at(t, "url") != nil)
			require.Equal(t, !tc.url, made.at(t, "client_secret") != nil)
			for name, value := range tc.refused {
				a := b.post("/v1/checkout/sessions", append(slices.Clone(given), name, value)...)
				require.Equal(t, http.StatusBadRequest, a.status, name)
				require.Contains(t, name, a.at(t, "error.param"), "by name")
			}
		})
	}
	hosted := b.post("/v1/checkout/sessions", "mode", "setup", "currency", "usd", "success_url", back, "cancel_url", back)
	require.Equal(t, "hosted", hosted.at(t, "ui_mode"), "the default")
	require.Equal(t, back, hosted.at(t, "cancel_url"), "optional")
	require.Equal(t, http.StatusOK, b.post("/v1/checkout/sessions", "mode", "setup", "currency", "usd", "ui_mode", "embedded", "redirect_on_completion", "never").status)
	for _, later := range []string{"hosted_page", "embedded_page", "elements"} {
		require.Equal(t, "ui_mode", b.post("/v1/checkout/sessions", "mode", "setup", "currency", "usd", "ui_mode", later).at(t, "error.param"), "of a later API version")
	}
}

func TestSetupModeRefusals(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	for name, value := range map[string]string{
		"line_items[0][quantity]": "1", "allow_promotion_codes": "true", "payment_intent_data[description]": "x", "discounts[0][coupon]": "x",
		"submit_type": "pay", "invoice_creation[enabled]": "true", "automatic_tax[enabled]": "true",
	} {
		a := b.post("/v1/checkout/sessions", "mode", "setup", "ui_mode", "custom", "currency", "usd", name, value)
		require.Equal(t, http.StatusBadRequest, a.status, name)
		refused := a.at(t, "error.param").(string)
		require.Contains(t, name, refused)
		require.Equal(t, "You can not pass `"+refused+"` in `setup` mode.", a.at(t, "error.message"))
	}
	data := b.post("/v1/checkout/sessions", "mode", "setup", "ui_mode", "custom", "currency", "usd", "metadata[of]", "session",
		"setup_intent_data[description]", "Gym", "setup_intent_data[metadata][of]", "intent", "expand[0]", "setup_intent")
	require.Equal(t, "Gym", data.at(t, "setup_intent.description"))
	require.Equal(t, "intent", data.at(t, "setup_intent.metadata.of"), "the session's metadata stays its own")
	require.Equal(t, "mode", b.post("/v1/checkout/sessions", "mode", "subscription", "ui_mode", "custom").at(t, "error.param"))
}

func TestExpiryWindow(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Second)
	b := newBundle(t, stripesandbox.Config{Clock: func() time.Time { return now }})
	for at, ok := range map[time.Duration]bool{
		30*time.Minute - time.Second: false, 30 * time.Minute: true, 24 * time.Hour: true, 24*time.Hour + time.Second: false, -time.Hour: false,
	} {
		a := b.post("/v1/checkout/sessions", "mode", "setup", "ui_mode", "custom", "currency", "usd", "expires_at", strconv.FormatInt(now.Add(at).Unix(), 10))
		require.Equal(t, ok, a.status == http.StatusOK, at)
		if !ok {
			require.Equal(t, "expires_at", a.at(t, "error.param"))
		}
	}
}

// TestSessionOwnsItsIntent: an intent of a session is not to be touched by itself.
func TestSessionOwnsItsIntent(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	setup, payment := b.setupSession(nil), b.paymentSession(nil)
	require.Equal(t, http.StatusPaymentRequired, b.pay(payment.ID, stripesandbox.Payment{PaymentMethod: "pm_card_visa_chargeDeclined", Email: "a@b.example"}).status)
	for path, want := range map[string]string{
		"/v1/setup_intents/" + setup.SetupIntent.ID:                     "setup_intent_unexpected_state",
		"/v1/payment_intents/" + b.session(payment.ID).PaymentIntent.ID: "payment_intent_unexpected_state",
	} {
		require.Equal(t, want, code(t, b.post(path+"/confirm", "payment_method", "pm_card_visa")))
		require.Equal(t, want, code(t, b.post(path+"/cancel")))
	}
	require.Equal(t, stripe.CheckoutSessionStatusOpen, b.session(payment.ID).Status)

	si := "/v1/setup_intents/" + setup.SetupIntent.ID
	before := b.raw(http.MethodGet, si, "").body
	for _, change := range [][]string{
		{"customer", b.customer()}, {"payment_method", "pm_card_visa"}, {"payment_method_types[]", "sepa_debit"},
		{"payment_method_data[type]", "card", "payment_method_data[card][token]", "tok_visa"},
	} {
		require.Equal(t, "setup_intent_unexpected_state", code(t, b.post(si, change...)), change)
	}
	require.JSONEq(t, string(before), string(b.raw(http.MethodGet, si, "").body))
	require.Equal(t, "1", b.post(si, "metadata[ticket]", "1").at(t, "metadata.ticket"))
}

func TestLineItemsArePaged(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cs := b.paymentSession(func(p *stripe.CheckoutSessionCreateParams) {
		for i := range 11 {
			item := *p.LineItems[0]
			item.Quantity = new(int64(i + 3))
			p.LineItems = append(p.LineItems, &item)
		}
	})
	get := func(query string) (ids []string, more bool) {
		a := b.raw(http.MethodGet, "/v1/checkout/sessions/"+cs.ID+"/line_items?"+query, "")
		require.Equal(t, http.StatusOK, a.status, string(a.body))
		for _, o := range a.at(t, "data").([]any) {
			ids = append(ids, o.(map[string]any)["id"].(string))
		}
		return ids, a.at(t, "has_more").(bool)
	}
	all, more := get("limit=100")
	require.Len(t, all, 12)
	require.False(t, more)
	for query, want := range map[string]struct {
		ids  []string
		more bool
	}{
		"":                                    {all[:10], true},
		"starting_after=" + all[9]:            {all[10:], false},
		"limit=2&starting_after=" + all[3]:    {all[4:6], true},
		"limit=2&ending_before=" + all[3]:     {all[1:3], true},
		"ending_before=" + all[3]:             {all[:3], false},
		"limit=1&starting_after=" + all[10]:   {all[11:], false},
		"limit=100&ending_before=" + all[11]:  {all[:11], false},
		"limit=100&starting_after=" + all[11]: {nil, false},
	} {
		ids, more := get(query)
		require.Equal(t, want.ids, ids, query)
		require.Equal(t, want.more, more, query)
	}
	require.Equal(t, "resource_missing", code(t, b.raw(http.MethodGet, "/v1/checkout/sessions/"+cs.ID+"/line_items?starting_after=li_none", "")))
	bad := b.post("/v1/checkout/sessions", "mode", "payment", "ui_mode", "custom", "line_items[0][quantity]", "0",
		"line_items[0][price_data][currency]", "usd", "line_items[0][price_data][unit_amount]", "500", "line_items[0][price_data][product_data][name]", "x")
	require.Equal(t, "line_items[0][quantity]", bad.at(t, "error.param"))
}

// TestSavedMethodsAreOffered: a customer can pay with what is saved, by the page.
func TestSavedMethodsAreOffered(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	pm, debit := b.saved(cus, "pm_card_visa"), b.saved(cus, "pm_sepaDebit_success_de")
	cs := b.paymentSession(func(p *stripe.CheckoutSessionCreateParams) { p.Customer = &cus })
	page := string(b.raw(http.MethodGet, "/_sandbox/checkout/"+cs.ID, "").body)
	require.Contains(t, page, `value="`+pm+`"`)
	require.NotContains(t, page, debit, "not in this currency")
	other := b.paymentSession(nil)
	require.NotContains(t, string(b.raw(http.MethodGet, "/_sandbox/checkout/"+other.ID, "").body), pm)
	require.Equal(t, http.StatusOK, b.pay(cs.ID, stripesandbox.Payment{PaymentMethod: pm}).status)
	require.Equal(t, pm, b.session(cs.ID).PaymentIntent.PaymentMethod.ID)
}
