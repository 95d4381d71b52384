package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func TestSetSubscriptionDefault(t *testing.T) {
	t.Parallel()
	const (
		onSubscription = "default sub_1 pm_9 k:subscription"
		onCustomer     = "default cus_1 pm_9 k:customer"
		read           = "read sub_1"
		method         = "read pm_9"
	)
	invalid := failParam(activities.StripeInvalid, "")
	for name, test := range map[string]struct {
		sub, customer bool
		// subErr and customerErr answer the writes.
		subErr, customerErr error
		// own and customers are the defaults that are read back.
		own, customers string
		status         activities.SubscriptionStatus
		method         activities.PaymentMethod
		methodErr      error
		refused, typ   string
		retried        bool
		overtaken      bool
		calls          []string
	}{
		"subscription": {sub: true, own: "pm_9", customers: "pm_1", calls: []string{onSubscription, read}},
		"customer":     {customer: true, customers: "pm_9", calls: []string{onCustomer, read}},
		"both":         {sub: true, customer: true, own: "pm_9", customers: "pm_9", calls: []string{onSubscription, onCustomer, read}},

		"detached":               {sub: true, customer: true, subErr: failParam(activities.StripeMissing, "payment_method"), refused: activities.CodePaymentMethodUnusable, calls: []string{onSubscription}},
		"another's, by customer": {customer: true, customerErr: failParam(activities.StripeMissing, "payment_method"), refused: activities.CodePaymentMethodUnusable, calls: []string{onCustomer}},
		"its type does not fit":  {sub: true, subErr: &activities.StripeError{Kind: activities.StripeInvalid, Param: "default_payment_method", Codes: activities.Codes{Code: "parameter_invalid"}}, refused: "parameter_invalid", calls: []string{onSubscription}},
		"declined":               {sub: true, subErr: &activities.StripeError{Kind: activities.StripeDeclined, Codes: activities.Codes{Code: "card_declined", DeclineCode: "lost_card"}}, refused: "lost_card", calls: []string{onSubscription}},
		"detached at once":       {sub: true, customers: "pm_1", method: activities.PaymentMethod{ID: "pm_9"}, refused: activities.CodePaymentMethodUnusable, calls: []string{onSubscription, read, method}},
		"another's by now":       {sub: true, own: "pm_1", method: activities.PaymentMethod{ID: "pm_9", Customer: "cus_2"}, refused: activities.CodePaymentMethodUnusable, calls: []string{onSubscription, read, method}},
		"gone at once":           {sub: true, methodErr: failParam(activities.StripeMissing, "payment_method"), refused: activities.CodePaymentMethodUnusable, calls: []string{onSubscription, read, method}},
		"ended":                  {sub: true, customer: true, subErr: invalid, status: activities.SubscriptionCanceled, refused: "canceled", calls: []string{onSubscription, read}},
		"ended with its write":   {sub: true, own: "pm_9", status: activities.SubscriptionIncompleteExpired, refused: "incomplete_expired", calls: []string{onSubscription, read}},

		"stored fault, written":      {sub: true, customer: true, subErr: fail(activities.StripeStoredFault), own: "pm_9", customers: "pm_9", calls: []string{onSubscription, onCustomer, read}},
		"key reused, written":        {customer: true, customerErr: fail(activities.StripeKeyReused), customers: "pm_9", calls: []string{onCustomer, read}},
		"stored fault, not written":  {sub: true, subErr: fail(activities.StripeStoredFault), own: "pm_1", method: activities.PaymentMethod{ID: "pm_9", Customer: "cus_1"}, typ: activities.ErrorStripeFaultStored, calls: []string{onSubscription, read, method}},
		"only one of both written":   {sub: true, customer: true, customerErr: fail(activities.StripeStoredFault), own: "pm_9", customers: "pm_1", method: activities.PaymentMethod{ID: "pm_9", Customer: "cus_1"}, typ: activities.ErrorStripeFaultStored, calls: []string{onSubscription, onCustomer, read, method}},
		"another default by now":     {sub: true, own: "pm_1", method: activities.PaymentMethod{ID: "pm_9", Customer: "cus_1"}, overtaken: true, calls: []string{onSubscription, read, method}},
		"method cannot be read":      {sub: true, own: "pm_1", methodErr: fail(activities.StripeUnknown), typ: activities.ErrorStripeUnavailable, retried: true, calls: []string{onSubscription, read, method}},
		"no answer":                  {sub: true, customer: true, subErr: fail(activities.StripeUnknown), typ: activities.ErrorStripeUnavailable, retried: true, calls: []string{onSubscription}},
		"no answer to the second":    {sub: true, customer: true, customerErr: fail(activities.StripeUnknown), typ: activities.ErrorStripeUnavailable, retried: true, calls: []string{onSubscription, onCustomer}},
		"rate limited":               {sub: true, subErr: fail(activities.StripeRateLimited), typ: activities.ErrorStripeRateLimited, retried: true, calls: []string{onSubscription}},
		"unauthorized":               {sub: true, subErr: fail(activities.StripeUnauthorized), typ: activities.ErrorStripeUnauthorized, calls: []string{onSubscription}},
		"invalid":                    {sub: true, customer: true, subErr: invalid, method: activities.PaymentMethod{ID: "pm_9", Customer: "cus_1"}, typ: activities.ErrorStripeInvalid, calls: []string{onSubscription, read, method}},
		"no such customer":           {customer: true, customerErr: failParam(activities.StripeMissing, "customer"), method: activities.PaymentMethod{ID: "pm_9", Customer: "cus_1"}, typ: activities.ErrorCustomerMissing, calls: []string{onCustomer, read, method}},
		"an adapter of another kind": {sub: true, subErr: errPort, typ: activities.ErrorStripeInvalid, calls: []string{onSubscription}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sub := subscriptionOf(nil)
			sub.DefaultPaymentMethod, sub.CustomerDefault = test.own, test.customers
			if test.status != "" {
				sub.Status = test.status
			}
			s := subscriptionStub(sub)
			s.subDflt = func(string, string, string) error { return test.subErr }
			s.dflt = func(string, string, string) error { return test.customerErr }
			s.method = func(string) (activities.PaymentMethod, error) { return test.method, test.methodErr }
			got, err := do(t, &run{}, s.activities().Subscriptions.SetSubscriptionDefault, activities.SetSubscriptionDefaultInput{
				Subscription: "sub_1", Customer: "cus_1", PaymentMethod: "pm_9", OnSubscription: test.sub, OnCustomer: test.customer, IdempotencyKey: "k",
			})
			require.Equal(t, test.calls, s.calls)
			if test.typ != "" {
				requireError(t, err, test.typ, test.retried)
				return
			}
			require.NoError(t, err)
			require.Equal(t, activities.SetSubscriptionDefaultResult{Refused: test.refused, Overtaken: test.overtaken}, got)
		})
	}
}

func TestSetSubscriptionDefaultReadBackFails(t *testing.T) {
	t.Parallel()
	s := &stripeStub{
		subDflt: func(string, string, string) error { return nil },
		sub: func(string) (activities.Subscription, error) {
			return activities.Subscription{}, fail(activities.StripeUnknown)
		},
	}
	_, err := do(t, &run{}, s.activities().Subscriptions.SetSubscriptionDefault, activities.SetSubscriptionDefaultInput{
		Subscription: "sub_1", Customer: "cus_1", PaymentMethod: "pm_9", OnSubscription: true, IdempotencyKey: "k",
	})
	requireError(t, err, activities.ErrorStripeUnavailable, true)
}
