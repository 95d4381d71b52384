package stripegateway_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func TestPendingSetupIntentIsRead(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, method := s.customerWith("pm_card_authenticationRequiredOnSetup")
	require.NoError(t, s.SetDefaultPaymentMethod(t.Context(), customer, method, s.key()))
	id := s.subscribe(customer, url.Values{"trial_period_days": {"14"}})

	sub, err := s.Subscription(t.Context(), id)
	require.NoError(t, err)
	require.NotNil(t, sub.PendingSetupIntent)
	require.Equal(t, activities.SetupIntentRequiresAction, sub.PendingSetupIntent.Status)
}

// price makes one of 12.00 a month, unless form says otherwise.
func (s sandbox) price(form url.Values) string {
	s.t.Helper()
	all := url.Values{"currency": {"usd"}, "unit_amount": {"1200"}, "recurring[interval]": {"month"}, "product_data[name]": {"Tea club"}}
	for name, values := range form {
		all[name] = values
	}
	id, _ := s.api("prices", all)["id"].(string)
	return id
}

// subscribe makes a subscription to one price of 12.00 a month, unless form names other items.
func (s sandbox) subscribe(customer string, form url.Values) string {
	s.t.Helper()
	all := url.Values{"customer": {customer}, "payment_behavior": {"default_incomplete"}}
	for name, values := range form {
		all[name] = values
	}
	if !all.Has("items[0][price]") {
		all.Set("items[0][price]", s.price(nil))
	}
	id, _ := s.api("subscriptions", all)["id"].(string)
	return id
}
