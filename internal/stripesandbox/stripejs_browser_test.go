package stripesandbox_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/chromium"
	"github.com/offsession/offsession/internal/stripesandbox"
)

// ending is what a promise of the stand-in ends with.
type ending struct {
	Type    string `json:"type"`
	Session struct {
		ID     string `json:"id"`
		Status struct {
			Type          string `json:"type"`
			PaymentStatus string `json:"paymentStatus"` //nolint:tagliatelle // Stripe.js names it so
		} `json:"status"`
		Email string `json:"email"`
	} `json:"session"`
	SetupIntent   *intent `json:"setupIntent"`   //nolint:tagliatelle // Stripe.js names it so
	PaymentIntent *intent `json:"paymentIntent"` //nolint:tagliatelle // Stripe.js names it so
	Error         *struct {
		Type        string `json:"type"`
		Code        string `json:"code"`
		DeclineCode string `json:"decline_code"`
		Message     string `json:"message"`
		Failed      struct {
			DeclineCode string `json:"declineCode"` //nolint:tagliatelle // Stripe.js names it so
		} `json:"paymentFailed"` //nolint:tagliatelle // Stripe.js names it so
		SetupIntent   *intent `json:"setup_intent"`
		PaymentIntent *intent `json:"payment_intent"`
	} `json:"error"`
}

type intent struct {
	ID            string         `json:"id"`
	Status        string         `json:"status"`
	PaymentMethod string         `json:"payment_method"`
	Customer      string         `json:"customer"`
	Metadata      map[string]any `json:"metadata"`
}

// TestStripeJSInBrowser has pages of another origin call the stand-in for Stripe.js, in Chromium.
func TestStripeJSInBrowser(t *testing.T) {
	t.Parallel()
	browser := chromium.Start(t)
	b := newBundle(t, stripesandbox.Config{})
	site := shop(t, b.srv.URL)

	open := func(t *testing.T) *chromium.Tab {
		t.Helper()
		tab := browser.Open(t, site+"/form")
		tab.See("h1", "Shop")
		chromium.Evaluate[bool](tab, `(window.stripe = Stripe("pk_test_sandbox"), true)`)
		return tab
	}
	// begin starts a call without waiting for its end, which is read by ended.
	begin := func(tab *chromium.Tab, call string) {
		t.Helper()
		chromium.Evaluate[bool](tab, "(window.ended = "+call+", true)")
	}
	ended := func(tab *chromium.Tab) ending {
		t.Helper()
		return chromium.Evaluate[ending](tab, "ended")
	}
	setupIntent := func(t *testing.T, token string) *stripe.SetupIntent {
		t.Helper()
		cus := b.customer()
		si, err := b.V1SetupIntents.Create(t.Context(), &stripe.SetupIntentCreateParams{
			Customer: &cus, PaymentMethod: &token, Metadata: map[string]string{"offsession_reference": "s-1"},
		})
		require.NoError(t, err)
		return si
	}
	quoted := func(text string) string { return `"` + text + `"` }

	t.Run("initCheckout pays after a decline", func(t *testing.T) {
		t.Parallel()
		tab := open(t)
		cs := b.paymentSession(nil)
		chromium.Evaluate[bool](tab, `stripe.initCheckout({fetchClientSecret: async () => `+quoted(cs.ClientSecret)+`}).then((made) => {
			window.checkout = made;
			window.heard = [];
			checkout.on("change", (session) => heard.push(session.status.type));
			const element = checkout.createPaymentElement();
			for (const name of ["ready", "change"]) element.on(name, (event) => heard.push(name + " " + event.elementType));
			element.mount("#payment-element");
			return true;
		})`)
		tab.Visible("#sandbox-card")
		tab.Shoot("element")
		require.Equal(t, "$20.00", chromium.Evaluate[string](tab, "checkout.session().total.total.amount"))
		require.Equal(t, 100, chromium.Evaluate[int](tab, "checkout.session().minorUnitsAmountDivisor"))
		require.Equal(t, "March", chromium.Evaluate[string](tab, "checkout.session().lineItems[0].name"))

		begin(tab, `checkout.updateEmail("no address")`)
		require.Equal(t, "invalidEmail", ended(tab).Error.Code)
		begin(tab, `checkout.updateEmail("buyer@example.com")`)
		require.Equal(t, "buyer@example.com", ended(tab).Session.Email)

		tab.Fill("#sandbox-card", insufficientCard)
		begin(tab, `checkout.confirm({redirect: "if_required"})`)
		refused := ended(tab)
		require.Equal(t, "error", refused.Type)
		require.Equal(t, "paymentFailed", refused.Error.Code)
		require.Equal(t, "insufficient_funds", refused.Error.Failed.DeclineCode)
		require.Equal(t, "Your card has insufficient funds.", chromium.Evaluate[string](tab, "checkout.session().lastPaymentError.message"))

		tab.Fill("#sandbox-card", alwaysAuth)
		begin(tab, `checkout.confirm({redirect: "if_required"})`)
		tab.Visible("#sandbox-challenge")
		tab.Shoot("challenge")
		tab.Click("#sandbox-challenge-fail")
		refused = ended(tab)
		require.Contains(t, refused.Error.Message, "unable to authenticate")

		begin(tab, `checkout.confirm({redirect: "if_required"})`)
		tab.Click("#sandbox-challenge-pass")
		paid := ended(tab)
		require.Equal(t, "success", paid.Type)
		require.Equal(t, "complete", paid.Session.Status.Type)
		require.Equal(t, "paid", paid.Session.Status.PaymentStatus)
		require.Equal(t, stripe.CheckoutSessionPaymentStatusPaid, b.session(cs.ID).PaymentStatus)
		heard := chromium.Evaluate[[]string](tab, "heard")
		require.Subset(t, heard, []string{"ready payment", "change payment", "open", "complete"})
		tab.Fine()
	})

	t.Run("confirm leaves for the returnUrl unless told otherwise", func(t *testing.T) {
		t.Parallel()
		tab := open(t)
		cs := b.setupSession(nil)
		chromium.Evaluate[bool](tab, `stripe.initCheckout({fetchClientSecret: async () => `+quoted(cs.ClientSecret)+`}).then((checkout) => {
			checkout.createPaymentElement().mount(document.querySelector("#payment-element"));
			void checkout.confirm({returnUrl: "`+site+`/back?session={CHECKOUT_SESSION_ID}", email: "buyer@example.com"});
			return true;
		})`)
		tab.See("#where", "/back?session="+cs.ID)
		require.Equal(t, stripe.CheckoutSessionStatusComplete, b.session(cs.ID).Status)
		tab.Fine()
	})

	t.Run("confirmCardSetup with a challenge that is passed", func(t *testing.T) {
		t.Parallel()
		tab := open(t)
		si := setupIntent(t, "pm_card_authenticationRequired")
		begin(tab, "stripe.confirmCardSetup("+quoted(si.ClientSecret)+")")
		tab.Visible("#sandbox-challenge")
		require.Equal(t, "sandbox-challenge-pass", chromium.Evaluate[string](tab, "document.activeElement.shadowRoot.activeElement.id"), "the dialog has the focus")
		tab.Press("\r")
		passed := ended(tab)
		require.Nil(t, passed.Error)
		require.Equal(t, "succeeded", passed.SetupIntent.Status)
		require.Equal(t, si.ID, passed.SetupIntent.ID)
		require.NotEmpty(t, passed.SetupIntent.PaymentMethod)
		require.Empty(t, passed.SetupIntent.Customer, "no business of the browser")
		require.Nil(t, passed.SetupIntent.Metadata)
		begin(tab, "stripe.retrieveSetupIntent("+quoted(si.ClientSecret)+")")
		require.Equal(t, "succeeded", ended(tab).SetupIntent.Status)
		tab.Fine()
	})

	for _, end := range []string{"fail", "cancel", "Escape"} {
		t.Run("confirmCardSetup with a challenge that ends with "+end, func(t *testing.T) {
			t.Parallel()
			tab := open(t)
			si := setupIntent(t, "pm_card_authenticationRequired")
			begin(tab, "stripe.confirmCardSetup("+quoted(si.ClientSecret)+")")
			if end == "Escape" {
				tab.Visible("#sandbox-challenge")
				tab.Press("\u001b")
			} else {
				tab.Click("#sandbox-challenge-" + end)
			}
			failed := ended(tab)
			require.Nil(t, failed.SetupIntent)
			require.Equal(t, "setup_intent_authentication_failure", failed.Error.Code)
			require.Equal(t, "invalid_request_error", failed.Error.Type)
			require.Equal(t, "requires_payment_method", failed.Error.SetupIntent.Status)
			require.Empty(t, failed.Error.SetupIntent.Customer)
			require.Nil(t, failed.Error.SetupIntent.Metadata)
			// The same intent with another card.
			begin(tab, "stripe.confirmCardSetup("+quoted(si.ClientSecret)+`, {payment_method: "pm_card_visa"})`)
			require.Equal(t, "succeeded", ended(tab).SetupIntent.Status)
			tab.Fine()
		})
	}

	t.Run("confirmCardSetup tells of declines, wrong secrets and unanswered challenges", func(t *testing.T) {
		t.Parallel()
		tab := open(t)
		si := setupIntent(t, "pm_card_authenticationRequired")
		begin(tab, "stripe.confirmCardSetup("+quoted(si.ClientSecret)+", {}, {handleActions: false})")
		require.Equal(t, "requires_action", ended(tab).SetupIntent.Status)
		begin(tab, "stripe.confirmCardSetup("+quoted(si.ClientSecret)+`, {payment_method: "pm_card_visa_chargeDeclinedInsufficientFunds"})`)
		declined := ended(tab).Error
		require.Equal(t, "card_error", declined.Type)
		require.Equal(t, "card_declined", declined.Code)
		require.Equal(t, "insufficient_funds", declined.DeclineCode)
		require.Equal(t, "Your card has insufficient funds.", declined.Message)
		require.Equal(t, "requires_payment_method", declined.SetupIntent.Status)
		for _, call := range []string{"confirmCardSetup", "retrieveSetupIntent", "confirmCardPayment", "retrievePaymentIntent"} {
			begin(tab, "stripe."+call+"("+quoted(si.ID+"_secret_wrong")+")")
			wrong := ended(tab)
			require.Nil(t, wrong.SetupIntent)
			require.Equal(t, "resource_missing", wrong.Error.Code, call)
		}
		tab.Fine()
	})

	t.Run("confirmCardPayment recovers a payment whose bank wanted the customer", func(t *testing.T) {
		t.Parallel()
		tab := open(t)
		cus := b.customer()
		pm := b.saved(cus, "pm_card_authenticationRequired")
		_, err := b.charge(cus, pm)
		pi := stripeError(t, err).PaymentIntent
		require.Equal(t, stripe.PaymentIntentStatusRequiresPaymentMethod, pi.Status)
		begin(tab, "stripe.confirmCardPayment("+quoted(pi.ClientSecret)+", {payment_method: "+quoted(pm)+"})")
		tab.Click("#sandbox-challenge-fail")
		require.Equal(t, "payment_intent_authentication_failure", ended(tab).Error.Code)
		begin(tab, "stripe.confirmCardPayment("+quoted(pi.ClientSecret)+", {payment_method: "+quoted(pm)+"})")
		tab.Click("#sandbox-challenge-pass")
		paid := ended(tab).PaymentIntent
		require.Equal(t, pi.ID, paid.ID)
		require.Equal(t, "succeeded", paid.Status)
		require.Empty(t, paid.Customer)
		begin(tab, "stripe.retrievePaymentIntent("+quoted(pi.ClientSecret)+")")
		require.Equal(t, "succeeded", ended(tab).PaymentIntent.Status)
		tab.Fine()
	})

	t.Run("what a page does wrong is thrown", func(t *testing.T) {
		t.Parallel()
		tab := open(t)
		thrown := func(call string) string {
			t.Helper()
			return chromium.Evaluate[string](tab, "(async () => "+call+")().then(() => 'nothing', (error) => error.name + ': ' + error.message)")
		}
		require.Contains(t, thrown(`Stripe("")`), "IntegrationError: Missing value for Stripe()")
		require.Contains(t, thrown(`Stripe("sk_test_sandbox")`), "IntegrationError: You should not use your secret key")
		require.Contains(t, thrown(`stripe.initCheckout({fetchClientSecret: async () => "cs_test_x_secret_y"})`), "does not match")
		cs := b.setupSession(nil)
		require.Contains(t, thrown(`stripe.initCheckout({fetchClientSecret: async () => `+quoted(cs.ClientSecret)+`}).then((checkout) => checkout.confirm())`), "createPaymentElement must be called")
		tab.Fine()
	})
}
