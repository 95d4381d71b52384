package stripegateway_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/stripesandbox"
)

// price makes one of 12.00 a month, unless form says otherwise.
func (s sandbox) price(form url.Values) string {
	s.t.Helper()
	all := url.Values{"currency": {"usd"}, "unit_amount": {"1200"}, "recurring[interval]": {"month"}, "product_data[name]": {"Tea club"}}
	maps.Copy(all, form)
	return s.api("prices", all)["id"].(string)
}

// subscribe makes a subscription to 12.00 a month, unless form names other items.
func (s sandbox) subscribe(customer string, form url.Values) string {
	s.t.Helper()
	all := url.Values{"customer": {customer}, "payment_behavior": {"default_incomplete"}}
	maps.Copy(all, form)
	if !all.Has("items[0][price]") {
		all.Set("items[0][price]", s.price(nil))
	}
	return s.api("subscriptions", all)["id"].(string)
}

// payer is a customer whose default is the test token; without one when it is empty.
func (s sandbox) payer(token string) (customer, method string) {
	s.t.Helper()
	if token == "" {
		customer, err := s.CreateCustomer(s.t.Context(), nil, s.key())
		require.NoError(s.t, err)
		return customer, ""
	}
	customer, method = s.customerWith(token)
	require.NoError(s.t, s.SetDefaultPaymentMethod(s.t.Context(), customer, method, s.key()))
	return customer, method
}

// refusingPayer has a card that has become, after it was saved, one that cannot be set up any more.
func (s sandbox) refusingPayer() (customer, method string) {
	s.t.Helper()
	customer, method = s.payer("pm_card_visa")
	s.becomes(method, "pm_card_visa_chargeDeclined")
	return customer, method
}

func (s sandbox) becomes(method, token string) {
	s.t.Helper()
	status, answer := s.control("payment_methods/"+method+"/automatic_update", map[string]string{"token": token})
	require.Equal(s.t, http.StatusOK, status, "%v", answer)
}

func (s sandbox) pass(d time.Duration) {
	s.t.Helper()
	status, answer := s.control("clock", map[string]string{"advance": d.String()})
	require.Equal(s.t, http.StatusOK, status, "%v", answer)
}

func (s sandbox) subscription(id string) activities.Subscription {
	s.t.Helper()
	sub, err := s.Subscription(s.t.Context(), id)
	require.NoError(s.t, err)
	return sub
}

// TestSubscriptionWithNothingDue: whatever the reason why the first invoice takes no money, the pending SetupIntent says what the
// customer's method still needs.
func TestSubscriptionWithNothingDue(t *testing.T) {
	t.Parallel()
	reasons := map[string]func(s sandbox, customer string) url.Values{
		"trial": func(sandbox, string) url.Values { return url.Values{"trial_period_days": {"14"}} },
		"coupon": func(s sandbox, _ string) url.Values {
			coupon, _ := s.api("coupons", url.Values{"percent_off": {"100"}, "duration": {"once"}})["id"].(string)
			return url.Values{"discounts[0][coupon]": {coupon}}
		},
		"usage": func(s sandbox, _ string) url.Values {
			meter, _ := s.api("billing/meters", url.Values{
				"display_name": {"Calls"}, "event_name": {"calls"}, "default_aggregation[formula]": {"sum"},
			})["id"].(string)
			return url.Values{"items[0][price]": {s.price(url.Values{
				"unit_amount": {"2"}, "recurring[usage_type]": {"metered"}, "recurring[meter]": {meter},
			})}}
		},
		"credit": func(s sandbox, customer string) url.Values {
			s.api("customers/"+customer, url.Values{"balance": {"-5000"}})
			return nil
		},
	}
	payers := map[string]struct {
		payer func(s sandbox) (customer, method string)
		want  *activities.SetupIntent
	}{
		"a usable card":    {func(s sandbox) (string, string) { return s.payer("pm_card_visa") }, nil},
		"3D Secure":        {func(s sandbox) (string, string) { return s.payer("pm_card_authenticationRequiredOnSetup") }, &activities.SetupIntent{Status: activities.SetupIntentRequiresAction, NextAction: "use_stripe_sdk"}},
		"a declining card": {sandbox.refusingPayer, &activities.SetupIntent{Status: activities.SetupIntentRequiresPaymentMethod, LastError: activities.Codes{Code: "card_declined", DeclineCode: "generic_decline", NetworkDeclineCode: "01"}}},
		"no method":        {func(s sandbox) (string, string) { return s.payer("") }, &activities.SetupIntent{Status: activities.SetupIntentRequiresPaymentMethod}},
	}
	for reason, form := range reasons {
		for payer, test := range payers {
			t.Run(reason+", "+payer, func(t *testing.T) {
				t.Parallel()
				s := newSandbox(t)
				customer, method := test.payer(s)

				sub := s.subscription(s.subscribe(customer, form(s, customer)))
				require.Equal(t, map[bool]activities.SubscriptionStatus{true: activities.SubscriptionTrialing, false: activities.SubscriptionActive}[reason == "trial"], sub.Status)
				require.Equal(t, reason == "trial", !sub.TrialEnd.IsZero())
				require.Equal(t, customer, sub.Customer)
				require.Equal(t, "usd", sub.Currency)
				require.Empty(t, sub.DefaultPaymentMethod)
				require.Equal(t, method, sub.CustomerDefault)
				require.False(t, sub.SendInvoice)
				require.False(t, sub.CustomerDeleted)
				require.False(t, sub.Free)
				require.Zero(t, sub.TestClock)
				require.True(t, sub.PeriodEnd.After(time.Now().Add(13*24*time.Hour)), sub.PeriodEnd)
				require.Equal(t, time.UTC, sub.PeriodEnd.Location())
				if test.want == nil {
					require.Nil(t, sub.PendingSetupIntent)
					return
				}
				require.NotNil(t, sub.PendingSetupIntent)
				want := *test.want
				want.ID, want.Customer = sub.PendingSetupIntent.ID, customer
				if want.Status == activities.SetupIntentRequiresAction {
					want.PaymentMethod = method
				} else {
					want.LastErrorMethod = method
				}
				require.Equal(t, want, undated(t, *sub.PendingSetupIntent))
				read, err := s.SetupIntent(t.Context(), want.ID)
				require.NoError(t, err)
				require.Equal(t, *sub.PendingSetupIntent, read, "read by itself it is the same")
			})
		}
	}
}

func TestSubscriptionIsFree(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, _ := s.payer("")
	sub := s.subscription(s.subscribe(customer, url.Values{"items[0][price]": {s.price(url.Values{"unit_amount": {"0"}})}}))
	require.True(t, sub.Free)
	require.Equal(t, activities.SubscriptionActive, sub.Status)
	require.Nil(t, sub.PendingSetupIntent)

	sub = s.subscription(s.subscribe(customer, url.Values{
		"items[0][price]": {s.price(url.Values{"unit_amount": {"0"}})}, "items[1][price]": {s.price(nil)}, "trial_period_days": {"3"},
	}))
	require.False(t, sub.Free, "one price takes money")
}

func TestSubscriptionSendsInvoices(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, _ := s.payer("")
	sub := s.subscription(s.subscribe(customer, url.Values{"payment_behavior": nil, "collection_method": {"send_invoice"}, "days_until_due": {"14"}}))
	require.True(t, sub.SendInvoice)
	require.Nil(t, sub.PendingSetupIntent)
}

// TestSubscriptionEnds: its pending SetupIntent stays as it is, also when the customer is deleted.
func TestSubscriptionEnds(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, method := s.payer("pm_card_authenticationRequiredOnSetup")
	trial := url.Values{"trial_period_days": {"14"}, "default_payment_method": {method}}
	canceled, orphan := s.subscribe(customer, trial), s.subscribe(customer, trial)

	s.call(http.MethodDelete, "subscriptions/"+canceled, nil)
	sub := s.subscription(canceled)
	require.True(t, sub.Status.Ended())
	require.Equal(t, activities.SetupIntentRequiresAction, sub.PendingSetupIntent.Status)
	require.False(t, sub.CustomerDeleted)
	require.Equal(t, method, sub.DefaultPaymentMethod)

	s.call(http.MethodDelete, "customers/"+customer, nil)
	sub = s.subscription(orphan)
	require.Equal(t, activities.SubscriptionCanceled, sub.Status)
	require.True(t, sub.CustomerDeleted)
	require.Equal(t, customer, sub.Customer)
	require.Empty(t, sub.CustomerDefault)
	require.Equal(t, activities.SetupIntentRequiresAction, sub.PendingSetupIntent.Status)
}

// clock makes a test clock and a customer on it, without a method.
func (s sandbox) clock(frozen time.Time) (clock, customer string) {
	s.t.Helper()
	clock, _ = s.api("test_helpers/test_clocks", url.Values{"frozen_time": {strconv.FormatInt(frozen.Unix(), 10)}})["id"].(string)
	customer, _ = s.api("customers", url.Values{"test_clock": {clock}})["id"].(string)
	return clock, customer
}

func TestSubscriptionOnATestClock(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	frozen := time.Date(2027, 5, 3, 12, 0, 0, 0, time.UTC)
	_, customer := s.clock(frozen)
	id := s.subscribe(customer, url.Values{"trial_period_days": {"14"}})

	sub := s.subscription(id)
	require.Equal(t, frozen, sub.TestClock)
	require.Equal(t, frozen.AddDate(0, 0, 14), sub.TrialEnd)
	require.Equal(t, frozen.AddDate(0, 0, 14), sub.PeriodEnd)

	now := time.Date(2026, 3, 1, 9, 0, 0, 500, time.UTC)
	r, err := activities.ReadSubscription(t.Context(), s, id, now)
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 3, 15, 9, 0, 0, 0, time.UTC), r.TrialEnd, "14 days from now, as from the clock")
	require.Equal(t, r.TrialEnd, r.PeriodEnd)
}

func TestSubscriptionRefused(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	ctx := t.Context()
	customer, method := s.payer("pm_card_visa")
	_, foreign := s.customerWith("pm_card_visa")
	_, detached := s.customerWith("pm_card_visa")
	s.api("payment_methods/"+detached+"/detach", nil)
	id := s.subscribe(customer, url.Values{"trial_period_days": {"14"}})
	set := func(id, method string) error {
		return s.SetSubscriptionDefaultPaymentMethod(ctx, id, method, s.key())
	}
	for name, test := range map[string]struct {
		err   error
		param string
	}{
		"unknown":                    {failed(s.Subscription(ctx, "sub_none")), "subscription"},
		"default, unknown":           {set("sub_none", method), "subscription"},
		"default, another's method":  {set(id, foreign), "payment_method"},
		"default, detached method":   {set(id, detached), "payment_method"},
		"default, unknown method":    {set(id, "pm_none"), "payment_method"},
		"invoice, unknown":           {failed(s.Invoice(ctx, "in_none")), "invoice"},
		"address of unknown invoice": {failed(s.InvoiceURL(ctx, "in_none")), "invoice"},
	} {
		require.Equal(t, test.param, requireKind(t, activities.StripeMissing, test.err).Param, name)
	}
	for name, test := range map[string]struct {
		err   error
		param string
	}{
		"no id":                       {failed(s.Subscription(ctx, "")), "subscription"},
		"default, no id":              {set("", method), "subscription"},
		"default, no method":          {set(id, ""), "payment_method"},
		"default, no key":             {s.SetSubscriptionDefaultPaymentMethod(ctx, id, method, ""), "idempotency_key"},
		"invoices of all":             {failed(s.SubscriptionInvoices(ctx, "")), "subscription"},
		"invoice, no id":              {failed(s.Invoice(ctx, "")), "invoice"},
		"address of no invoice":       {failed(s.InvoiceURL(ctx, "")), "invoice"},
		"setups of all customers":     {failed(s.SetupIntentsOf(ctx, "", method)), "customer"},
		"setups of all methods":       {failed(s.SetupIntentsOf(ctx, customer, "")), "payment_method"},
		"confirm, no id":              {failed(s.ConfirmSetupIntent(ctx, "", method, s.key())), "setup_intent"},
		"confirm, no method":          {failed(s.ConfirmSetupIntent(ctx, "seti_1", "", s.key())), "payment_method"},
		"confirm, no key":             {failed(s.ConfirmSetupIntent(ctx, "seti_1", method, "")), "idempotency_key"},
		"secret of no SetupIntent":    {failed(s.SetupIntentSecret(ctx, "")), "setup_intent"},
		"default of one that is over": {setOnEnded(s, customer, method), ""},
	} {
		require.Equal(t, test.param, requireKind(t, activities.StripeInvalid, test.err).Param, name)
	}
	require.Empty(t, s.subscription(id).DefaultPaymentMethod)
}

func setOnEnded(s sandbox, customer, method string) error {
	id := s.subscribe(customer, url.Values{"trial_period_days": {"14"}})
	s.call(http.MethodDelete, "subscriptions/"+id, nil)
	return s.SetSubscriptionDefaultPaymentMethod(s.t.Context(), id, method, s.key())
}

func TestSubscriptionDefaultIsSet(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, first := s.payer("pm_card_visa")
	second, err := s.AttachPaymentMethod(t.Context(), "pm_card_mastercard", customer, s.key())
	require.NoError(t, err)
	id, key := s.subscribe(customer, url.Values{"trial_period_days": {"14"}}), s.key()

	for range 2 {
		require.NoError(t, s.SetSubscriptionDefaultPaymentMethod(t.Context(), id, second.ID, key))
		sub := s.subscription(id)
		require.Equal(t, second.ID, sub.DefaultPaymentMethod)
		require.Equal(t, first, sub.CustomerDefault)
	}
	requireKind(t, activities.StripeKeyReused, s.SetSubscriptionDefaultPaymentMethod(t.Context(), id, first, key))
}

// TestListSubscriptions: newest first, over more than a page, without those that have ended, and with a pause between two pages.
func TestListSubscriptions(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	wire := &recorder{next: http.DefaultTransport}
	g := newGatewayWith(t, s.base, wire)
	price := s.price(nil)
	customer, method := s.payer("pm_card_authenticationRequiredOnSetup")
	trial := url.Values{"items[0][price]": {price}, "trial_period_days": {"14"}}
	var open []string
	for range 103 {
		open = append([]string{s.subscribe(customer, trial)}, open...)
	}
	s.call(http.MethodDelete, "subscriptions/"+open[3], nil)
	expired := s.subscribe(customer, url.Values{"items[0][price]": {price}})
	s.call(http.MethodDelete, "subscriptions/"+expired, nil)
	require.Equal(t, activities.SubscriptionIncompleteExpired, s.subscription(expired).Status)
	open = append(open[:3], open[4:]...)

	pauses := 0
	pause := func(context.Context) error {
		pauses++
		require.Len(t, wire.requests(), pauses, "before the next request")
		return nil
	}
	var listed []string
	for sub, err := range g.ListSubscriptions(t.Context(), pause) {
		require.NoError(t, err)
		require.Equal(t, activities.SetupIntentRequiresAction, sub.PendingSetupIntent.Status)
		require.Equal(t, method, sub.CustomerDefault)
		listed = append(listed, sub.ID)
	}
	require.Equal(t, open, listed)
	require.Equal(t, 1, pauses)
	require.Len(t, wire.requests(), 2)

	for range g.ListSubscriptions(t.Context(), nil) {
		break
	}
	require.Len(t, wire.requests(), 3, "the rest is not asked for")

	// An error ends the list: that of the pause, and Stripe's.
	stopped := errors.New("no more")
	var failures []error
	count := func(pause func(context.Context) error) (found int) {
		failures = nil
		for _, err := range g.ListSubscriptions(t.Context(), pause) {
			if err != nil {
				failures = append(failures, err)
				continue
			}
			found++
		}
		return found
	}
	require.Equal(t, 99, count(func(context.Context) error { return stopped }), "the page with one that expired")
	require.Equal(t, []error{stopped}, failures)
	s.fault(stripesandbox.Fault503)
	require.Zero(t, count(nil))
	require.Len(t, failures, 1)
	requireKind(t, activities.StripeUnknown, failures[0])
}
