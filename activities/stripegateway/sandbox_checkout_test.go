package stripegateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func (s sandbox) setupSession(ui activities.CheckoutUI, customer string) activities.CreateCheckoutSessionRequest {
	return activities.CreateCheckoutSessionRequest{
		Mode: activities.CheckoutModeSetup, UI: ui, Customer: customer, Currency: "usd", PaymentMethodTypes: []string{"card"},
		ReturnURL: "https://shop.example/c/t/return", Metadata: map[string]string{activities.MetadataWorkflowID: "save-payment-method:x"},
		IdempotencyKey: s.key(),
	}
}

func (s sandbox) paymentSession(ui activities.CheckoutUI, customer string) activities.CreateCheckoutSessionRequest {
	r := s.setupSession(ui, customer)
	r.Mode, r.PaymentMethodTypes = activities.CheckoutModePayment, nil
	r.Amount, r.Description = 1099, "Invoice 17"
	r.Metadata = map[string]string{activities.MetadataReference: "inv-17"}
	return r
}

// buyer pays a session as a person would on its page.
func (s sandbox) buyer(session, token string) (status int) {
	s.t.Helper()
	status, _ = s.control("checkout/"+session+"/pay", map[string]any{"payment_method": token, "email": "buyer@example.com"})
	return status
}

func TestCheckoutSavesAMethod(t *testing.T) {
	t.Parallel()
	for _, ui := range []activities.CheckoutUI{activities.CheckoutUICustom, activities.CheckoutUIHosted} {
		for _, withCustomer := range []bool{true, false} {
			t.Run(string(ui)+map[bool]string{true: " with customer", false: ""}[withCustomer], func(t *testing.T) {
				t.Parallel()
				s := newSandbox(t)
				ctx := t.Context()
				customer, err := s.CreateCustomer(ctx, map[string]string{"time_zone": "Europe/Berlin"}, s.key())
				require.NoError(t, err)
				request := s.setupSession(ui, "")
				if withCustomer {
					request.Customer = customer
				}
				request.ExpiresAt = time.Now().Add(time.Hour).Truncate(time.Second)

				opened, err := s.CreateCheckoutSession(ctx, request)
				require.NoError(t, err)
				require.Equal(t, activities.CheckoutOpen, opened.Status)
				require.Equal(t, activities.CheckoutModeSetup, opened.Mode)
				require.Equal(t, request.Customer, opened.Customer)
				require.True(t, request.ExpiresAt.Equal(opened.ExpiresAt))
				require.Nil(t, opened.PaymentIntent)
				again, err := s.CreateCheckoutSession(ctx, request)
				require.NoError(t, err)
				require.Equal(t, opened, again)

				secret, err := s.CheckoutSecret(ctx, opened.ID)
				require.NoError(t, err)
				require.Equal(t, ui == activities.CheckoutUICustom, strings.Contains(secret.ClientSecret, "_secret_"))
				require.Equal(t, ui == activities.CheckoutUIHosted, secret.URL != "")

				require.NotNil(t, opened.SetupIntent)
				requireKind(t, activities.StripeWrongState, failed(s.CancelSetupIntent(ctx, opened.SetupIntent.ID, s.key())))

				require.Equal(t, http.StatusPaymentRequired, s.buyer(opened.ID, "pm_card_visa_chargeDeclinedLostCard"))
				refused, err := s.CheckoutSession(ctx, opened.ID)
				require.NoError(t, err)
				require.Equal(t, activities.CheckoutOpen, refused.Status)
				require.Equal(t, "lost_card", refused.SetupIntent.LastError.DeclineCode)
				require.Equal(t, "41", refused.SetupIntent.LastError.NetworkDeclineCode)

				require.Equal(t, http.StatusOK, s.buyer(opened.ID, "pm_card_visa"))
				complete, err := s.CheckoutSession(ctx, opened.ID)
				require.NoError(t, err)
				require.Equal(t, activities.CheckoutComplete, complete.Status)
				require.False(t, complete.Paid)
				require.Equal(t, activities.SetupIntentSucceeded, complete.SetupIntent.Status)
				require.NotEmpty(t, complete.SetupIntent.PaymentMethod)
				read, err := s.SetupIntent(ctx, complete.SetupIntent.ID)
				require.NoError(t, err)
				require.Equal(t, *complete.SetupIntent, read)

				pm, err := s.PaymentMethod(ctx, complete.SetupIntent.PaymentMethod)
				require.NoError(t, err)
				require.Equal(t, request.Customer, pm.Customer)
				key := s.key()
				for range 2 {
					pm, err = s.AttachPaymentMethod(ctx, pm.ID, customer, key)
					require.NoError(t, err)
					require.Equal(t, customer, pm.Customer)
				}
				require.Equal(t, "visa", pm.Brand)
				require.Equal(t, "4242", pm.Last4)
				require.NoError(t, s.SetDefaultPaymentMethod(ctx, customer, pm.ID, s.key()))
				saved, err := s.Customer(ctx, customer)
				require.NoError(t, err)
				require.Equal(t, activities.Customer{ID: customer, DefaultPaymentMethod: pm.ID, TimeZone: "Europe/Berlin"}, saved)

				paid, err := s.CreatePaymentIntent(ctx, s.charge(customer, pm.ID))
				require.NoError(t, err)
				require.Equal(t, activities.PaymentIntentSucceeded, paid.Status)
			})
		}
	}
}

func TestCheckoutTakesAPayment(t *testing.T) {
	t.Parallel()
	for _, ui := range []activities.CheckoutUI{activities.CheckoutUICustom, activities.CheckoutUIHosted} {
		t.Run(string(ui), func(t *testing.T) {
			t.Parallel()
			s := newSandbox(t)
			ctx := t.Context()
			customer, err := s.CreateCustomer(ctx, nil, s.key())
			require.NoError(t, err)
			opened, err := s.CreateCheckoutSession(ctx, s.paymentSession(ui, customer))
			require.NoError(t, err)
			require.Equal(t, activities.CheckoutModePayment, opened.Mode)
			require.Nil(t, opened.PaymentIntent, "there is none before the buyer tries")
			require.Nil(t, opened.SetupIntent)
			secret, err := s.CheckoutSecret(ctx, opened.ID)
			require.NoError(t, err)
			require.Equal(t, ui == activities.CheckoutUIHosted, secret.URL != "")

			require.Equal(t, http.StatusPaymentRequired, s.buyer(opened.ID, "pm_card_visa_chargeDeclinedInsufficientFunds"))
			tried, err := s.CheckoutSession(ctx, opened.ID)
			require.NoError(t, err)
			require.Equal(t, activities.CheckoutOpen, tried.Status)
			require.NotNil(t, tried.PaymentIntent)
			require.Equal(t, "insufficient_funds", tried.PaymentIntent.LastError.DeclineCode)
			require.Equal(t, "51", tried.PaymentIntent.LastError.NetworkDeclineCode)
			require.NotEmpty(t, tried.PaymentIntent.LatestCharge)

			// The session's PaymentIntent cannot be cancelled, and is found by its reference and leads to its session.
			requireKind(t, activities.StripeWrongState, failed(s.CancelPaymentIntent(ctx, tried.PaymentIntent.ID, s.key())))
			found, err := s.PaymentIntentsByReference(ctx, customer, "inv-17")
			require.NoError(t, err)
			require.Len(t, found, 1)
			require.Equal(t, *tried.PaymentIntent, found[0])
			owners, err := s.CheckoutSessionsByPaymentIntent(ctx, found[0].ID)
			require.NoError(t, err)
			require.Equal(t, []activities.CheckoutSession{tried}, owners)

			require.Equal(t, http.StatusOK, s.buyer(opened.ID, "pm_card_visa"))
			complete, err := s.CheckoutSession(ctx, opened.ID)
			require.NoError(t, err)
			require.Equal(t, activities.CheckoutComplete, complete.Status)
			require.True(t, complete.Paid)
			require.Equal(t, activities.PaymentIntentSucceeded, complete.PaymentIntent.Status)
			require.EqualValues(t, 1099, complete.PaymentIntent.Amount)
			requireKind(t, activities.StripeWrongState, failed(s.ExpireCheckoutSession(ctx, opened.ID, s.key())))

			// The method that paid is saved for the charges to come.
			require.Equal(t, customer, complete.Customer)
			pm, err := s.PaymentMethod(ctx, complete.PaymentIntent.PaymentMethod)
			require.NoError(t, err)
			require.Equal(t, customer, pm.Customer)
			require.Equal(t, pm.Stamp, complete.PaymentIntent.PaymentMethodStamp)
			next, err := s.CreatePaymentIntent(ctx, s.charge(customer, pm.ID))
			require.NoError(t, err)
			require.Equal(t, activities.PaymentIntentSucceeded, next.Status)
		})
	}
}

func TestExpiredSessionKeepsItsPaymentIntent(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	ctx := t.Context()
	customer, err := s.CreateCustomer(ctx, nil, s.key())
	require.NoError(t, err)
	opened, err := s.CreateCheckoutSession(ctx, s.paymentSession(activities.CheckoutUICustom, customer))
	require.NoError(t, err)
	require.Equal(t, http.StatusPaymentRequired, s.buyer(opened.ID, "pm_card_visa_chargeDeclined"))
	expired, err := s.ExpireCheckoutSession(ctx, opened.ID, s.key())
	require.NoError(t, err)
	require.Equal(t, activities.CheckoutExpired, expired.Status)
	require.NotNil(t, expired.PaymentIntent)
	require.Equal(t, activities.PaymentIntentRequiresPaymentMethod, expired.PaymentIntent.Status)
	secret, err := s.CheckoutSecret(ctx, opened.ID)
	require.NoError(t, err)
	require.Empty(t, secret.URL)
	require.NotEqual(t, http.StatusOK, s.buyer(opened.ID, "pm_card_visa"))
}
