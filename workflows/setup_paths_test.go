package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

func TestSetupOpensASession(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change   func(*workflows.SavePaymentMethodInput)
		customer string
	}{
		"custom, with customer": {change: func(*workflows.SavePaymentMethodInput) {}, customer: "cus_1"},
		"hosted":                {change: func(in *workflows.SavePaymentMethodInput) { in.CheckoutUI = activities.CheckoutUIHosted }, customer: "cus_1"},
		"attach to":             {change: attachesTo},
		"create customer":       {change: createsCustomer},
		"other methods": {change: func(in *workflows.SavePaymentMethodInput) {
			in.Currency, in.PaymentMethodTypes = "eur", []string{"card", "sepa_debit"}
		}, customer: "cus_1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			in := setupWith(test.change)
			b.finishes(hour, succeeded, "pm_new")
			b.save(in)
			require.Equal(t, []activities.CreateCheckoutSessionRequest{{
				Mode: activities.CheckoutModeSetup, UI: in.CheckoutUI, Customer: test.customer, Currency: in.Currency,
				PaymentMethodTypes: in.PaymentMethodTypes, ReturnURL: "https://" + linkHost + "/c/" + setupID + "/return",
				Metadata:       map[string]string{"offsession_workflow_id": setupID, "offsession_reference": "card-1"},
				IdempotencyKey: setupID + ":open_checkout:1",
			}}, b.stripe.opened)
		})
	}
}

// TestSetupIsAttachedAlready: Stripe, or somebody else, was faster: nothing is attached twice.
func TestSetupIsAttachedAlready(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stripe.methods["pm_new"] = &activities.PaymentMethod{ID: "pm_new", Type: "card", Customer: "cus_1"}
	b.finishes(hour, succeeded, "pm_new")
	require.Equal(t, workflows.SetupSaved, b.save(setupWith(attachesTo)).State)
	require.Zero(t, b.stripe.called("AttachPaymentMethod"))
}

// TestSetupPressesAnswerOneSession: the presses that come with the start, and later ones.
func TestSetupPressesAnswerOneSession(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var first, second, later *reply[workflows.OpenCheckoutResponse]
	b.at(0, func() { first = b.open() })
	b.at(0, func() { second = b.open() })
	b.at(hour, func() { later = b.open() })
	b.at(hour+time.Second, func() {
		require.Equal(t, workflows.OpenCheckoutResponse{Answer: workflows.CheckoutReady, SessionID: "cs_1", State: "open"}, first.value)
		require.Less(t, first.after, time.Second)
		require.Equal(t, first.value, second.value)
		require.Equal(t, first.value, later.value)
	})
	b.at(30*time.Second, func() {
		require.Zero(t, b.stripe.called("CheckoutSession"), "a session opened in this moment has nothing to tell")
	})
	b.finishes(2*hour, succeeded, "pm_new")
	require.Equal(t, "v1", b.save(setupInput()).ConsentVersion)
	require.Len(t, b.stripe.opened, 1)
}

// TestSetupConsent: the text that the customer saw last counts, and one who came by another page does not undo it.
func TestSetupConsent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	consent := func(version string) func() {
		return func() {
			r := &reply[workflows.OpenCheckoutResponse]{b: b, began: b.env.Now()}
			b.env.UpdateWorkflow(workflows.UpdateOpenCheckout, "", r, workflows.OpenCheckoutRequest{ConsentVersion: version})
		}
	}
	b.at(hour, consent("v7"))
	b.at(2*hour, consent("v8"))
	b.at(3*hour, consent(""))
	b.finishes(4*hour, succeeded, "pm_new")
	require.Equal(t, "v8", b.save(setupInput()).ConsentVersion)
}

// TestSetupTellsTheApp: card_saved goes to the app alone, and only when it asks for it.
func TestSetupTellsTheApp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.finishes(hour, succeeded, "pm_new")
	b.save(setupWith(createsCustomer, func(in *workflows.SavePaymentMethodInput) { in.Events = workflows.EventsAll }))
	require.Equal(t, []activities.Notification{{
		ID: setupID + ":card_saved:saved", Kind: activities.NotifyCardSaved, WorkflowID: setupID, Reference: "card-1",
		Customer: "cus_new_3", At: b.stripe.deliveries[0].At, State: "saved", PaymentMethod: "pm_new",
		Deadline: b.stripe.deliveries[0].Deadline, TimeZone: "Europe/Berlin",
	}}, b.stripe.deliveries)
}

// TestSetupRefusesBadInput: clients check first; what comes by other means ends at once.
func TestSetupRefusesBadInput(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*workflows.SavePaymentMethodInput){
		"reference": func(in *workflows.SavePaymentMethodInput) { in.Reference = "a b" },
		"time_zone": func(in *workflows.SavePaymentMethodInput) { in.TimeZone = "Mars/Olympus" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			require.ErrorContains(t, execute(b, workflows.TypeSavePaymentMethod, setupWith(change)), name)
			require.Empty(t, b.stripe.calls)
		})
	}
}
