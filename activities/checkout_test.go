package activities_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func TestOpenCheckoutSession(t *testing.T) {
	t.Parallel()
	in := activities.OpenCheckoutInput{
		Mode: activities.CheckoutModePayment, UI: activities.CheckoutUICustom, WorkflowID: "payment:inv-1", Reference: "inv-1", Owner: "agreement:a", Customer: "cus_1",
		Currency: "usd", Amount: 1099, Description: "Gym", Metadata: map[string]string{"order": "7"}, ExpiresAt: now.Add(35 * time.Minute),
		LinkExpires: now, IdempotencyKey: "payment:inv-1:open_checkout:1",
	}
	s := &stripeStub{open: func(r activities.CreateCheckoutSessionRequest) (activities.CheckoutSession, error) {
		require.Equal(t, activities.CreateCheckoutSessionRequest{
			Mode: in.Mode, UI: in.UI, Customer: "cus_1", Currency: "usd", Amount: 1099, Description: "Gym", ReturnURL: "https://pay.test/c/x/return",
			Metadata: map[string]string{
				"order": "7", "offsession_workflow_id": "payment:inv-1", "offsession_reference": "inv-1", "offsession_owner": "agreement:a",
			},
			ExpiresAt: in.ExpiresAt, IdempotencyKey: in.IdempotencyKey,
		}, r)
		return activities.CheckoutSession{ID: "cs_1", ExpiresAt: in.ExpiresAt}, nil
	}}
	res, err := do(t, &run{}, s.activities().Checkouts.OpenCheckoutSession, in)
	require.NoError(t, err)
	require.Equal(t, activities.OpenCheckoutResult{Session: "cs_1", ExpiresAt: in.ExpiresAt}, res)

	for _, codes := range []activities.Codes{{Code: "amount_too_small"}, {}} {
		s.open = func(activities.CreateCheckoutSessionRequest) (activities.CheckoutSession, error) {
			return activities.CheckoutSession{}, &activities.StripeError{Kind: activities.StripeRefused, Codes: codes}
		}
		res, err = do(t, &run{}, s.activities().Checkouts.OpenCheckoutSession, in)
		require.NoError(t, err)
		require.NotEmpty(t, res.Refused)
	}
	s.open = func(activities.CreateCheckoutSessionRequest) (activities.CheckoutSession, error) {
		return activities.CheckoutSession{}, fail(activities.StripeUnknown)
	}
	_, err = do(t, &run{}, s.activities().Checkouts.OpenCheckoutSession, in)
	requireError(t, err, activities.ErrorStripeUnavailable, true)

	noLink := activities.New(activities.Ports{CheckoutSessions: &stripeStub{open: func(r activities.CreateCheckoutSessionRequest) (activities.CheckoutSession, error) {
		require.Equal(t, "https://shop.test/back", r.ReturnURL)
		return activities.CheckoutSession{ID: "cs_1"}, nil
	}}, Links: stubLinks(""), ReturnURL: "https://shop.test/back"})
	_, err = do(t, &run{}, noLink.Checkouts.OpenCheckoutSession, in)
	require.NoError(t, err)
}

func TestReadChosenMethod(t *testing.T) {
	t.Parallel()
	card := activities.PaymentMethod{ID: "pm_1", Customer: "cus_1", Stamp: "fp", Type: "card", Brand: "visa", Last4: "4242", ExpMonth: 4, ExpYear: 2027}
	chosen := activities.ReadMethodResult{PaymentMethod: "pm_1", Stamp: "fp", Type: "card", Brand: "visa", Last4: "4242", ExpMonth: 4, ExpYear: 2027}
	for name, test := range map[string]struct {
		named     string
		customer  activities.Customer
		method    activities.PaymentMethod
		err       error
		methodErr error
		want      activities.ReadMethodResult
		typ       string
	}{
		"named":                 {named: "pm_1", method: card, want: chosen},
		"default":               {customer: activities.Customer{DefaultPaymentMethod: "pm_1"}, method: card, want: chosen},
		"no default":            {},
		"detached":              {named: "pm_1", method: activities.PaymentMethod{ID: "pm_1"}},
		"another customer's":    {named: "pm_1", method: activities.PaymentMethod{ID: "pm_1", Customer: "cus_2"}},
		"gone":                  {named: "pm_1", methodErr: failParam(activities.StripeMissing, "payment_method")},
		"customer deleted":      {named: "pm_1", customer: activities.Customer{Deleted: true}, want: activities.ReadMethodResult{CustomerDeleted: true}},
		"customer missing":      {named: "pm_1", err: fail(activities.StripeMissing), want: activities.ReadMethodResult{CustomerDeleted: true}},
		"no answer":             {err: fail(activities.StripeUnknown), typ: activities.ErrorStripeUnavailable},
		"no answer, the method": {named: "pm_1", methodErr: fail(activities.StripeUnknown), typ: activities.ErrorStripeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stripeStub{
				customer: func(string) (activities.Customer, error) { return test.customer, test.err },
				method:   func(string) (activities.PaymentMethod, error) { return test.method, test.methodErr },
			}
			got, err := do(t, &run{}, s.activities().Payments.ReadChosenMethod, activities.ReadMethodInput{Customer: "cus_1", PaymentMethod: test.named})
			if test.typ != "" {
				requireError(t, err, test.typ, true)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

// channel is a notifier that fails a number of times.
type channel struct {
	name  string
	fails []error
	got   []string
}

func (c *channel) Channel() string { return c.name }

func (c *channel) Deliver(_ context.Context, n activities.Notification) error {
	c.got = append(c.got, n.ID)
	if len(c.fails) > 0 {
		err := c.fails[0]
		c.fails = c.fails[1:]
		return err
	}
	return nil
}

func TestNotify(t *testing.T) {
	t.Parallel()
	n := activities.Notification{ID: "payment:inv-1:payment_paid:1", Kind: activities.NotifyPaymentPaid}
	notify := func(r *run, channels ...activities.Notifier) error {
		fn := (&stripeStub{}).activities(channels...).Notifications.Notify
		_, err := r.env(t, fn).ExecuteActivity(fn, n)
		return err //nolint:wrapcheck // the activity's own
	}
	mail, hook := &channel{name: "mail"}, &channel{name: "hook", fails: []error{errors.New("connection refused by jane@example.com")}}
	r := &run{}
	err := notify(r, mail, hook)
	requireError(t, err, activities.ErrorUndelivered, true)
	require.NotContains(t, err.Error(), "jane", "a channel's own words stay out of history")
	require.Equal(t, []string{`["mail"]`}, r.beats)
	require.NoError(t, notify(&run{attempt: 2, scheduled: now, details: []string{"mail"}}, mail, hook))
	require.Equal(t, []string{n.ID}, mail.got, "what was taken is not sent again")
	require.Equal(t, []string{n.ID, n.ID}, hook.got, "with the same id")

	require.NoError(t, notify(&run{attempt: 2, scheduled: now}, mail, hook), "without details everything is sent again")
	require.Len(t, mail.got, 2)

	lost := &channel{name: "mail", fails: []error{&activities.UndeliverableError{Reason: "no_address"}}}
	hook = &channel{name: "hook"}
	requireError(t, notify(&run{}, lost, hook), activities.ErrorUndeliverable, false)
	require.Len(t, hook.got, 1, "the other channel has it")
}
