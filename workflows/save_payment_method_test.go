package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

func setupInput() workflows.SavePaymentMethodInput {
	return workflows.SavePaymentMethodInput{
		Reference: "card-1", Customer: "cus_1", Currency: "usd", PaymentMethodTypes: []string{"card"},
		CheckoutUI: activities.CheckoutUICustom, TimeZone: "Europe/Berlin", Events: workflows.EventsExceptions,
		Deadline: dunning.Days(14), Reminders: []dunning.Duration{dunning.Days(2), dunning.Days(7)},
	}
}

// save runs a SavePaymentMethod to its end.
func (b *bench) save(in workflows.SavePaymentMethodInput) workflows.SavePaymentMethodResult {
	b.Helper()
	require.NoError(b, execute(b, workflows.TypeSavePaymentMethod, in))
	var res workflows.SavePaymentMethodResult
	require.NoError(b, b.env.GetWorkflowResult(&res))
	require.True(b, res.State.Ended(), res.State)
	require.Nil(b, b.stripe.openSession(), "no session may be open at the end")
	if res.State == workflows.SetupSaved {
		require.Equal(b, res.Customer, b.stripe.methods[res.PaymentMethod].Customer, "saved means attached")
	} else {
		require.Equal(b, workflows.SavePaymentMethodResult{State: res.State}, res)
	}
	b.requireSetupKeys()
	b.requireNoSecrets()
	return res
}

func (b *bench) setup() workflows.SetupStatus {
	b.Helper()
	v, err := b.env.QueryWorkflow(workflows.QueryStatus)
	require.NoError(b, err)
	var s workflows.SetupStatus
	require.NoError(b, v.Get(&s))
	return s
}

func (b *bench) expectSetup(at time.Duration, state workflows.SetupState, reason string) {
	b.at(at, func() {
		s := b.setup()
		require.Equal(b, state, s.State, "after %s (%s)", at, s.Reason)
		require.Equal(b, reason, s.Reason, "after %s", at)
	})
}

const succeeded = activities.SetupIntentSucceeded

func TestSave(t *testing.T) {
	t.Parallel()
	saved := workflows.SavePaymentMethodResult{
		State: workflows.SetupSaved, Customer: "cus_1", PaymentMethod: "pm_new", Type: "card", Brand: "visa", Last4: "4242",
		ExpMonth: 12, ExpYear: 2031, Mandate: "mandate_1", ConsentVersion: "v1",
	}
	for name, test := range map[string]struct {
		change   func(*workflows.SavePaymentMethodInput)
		customer string
		dflt     string
		attached int
	}{
		"custom, with a customer: Stripe attaches": {customer: "cus_1", dflt: "pm_new"},
		"hosted":              {change: func(in *workflows.SavePaymentMethodInput) { in.CheckoutUI = activities.CheckoutUIHosted }, customer: "cus_1", dflt: "pm_new"},
		"the default is kept": {change: func(in *workflows.SavePaymentMethodInput) { in.KeepDefault = true }, customer: "cus_1", dflt: "pm_card"},
		"attached afterwards": {
			change:   func(in *workflows.SavePaymentMethodInput) { in.Customer, in.AttachTo = "", "cus_1" },
			customer: "cus_1", dflt: "pm_new", attached: 1,
		},
		"to a customer made now": {
			change:   func(in *workflows.SavePaymentMethodInput) { in.Customer, in.CreateCustomer = "", true },
			customer: "cus_new_3", dflt: "pm_new", attached: 1,
		},
	} {
		for _, webhook := range []string{"one", "twice", "lost", "the return page"} {
			t.Run(name+"/webhook: "+webhook, func(t *testing.T) {
				t.Parallel()
				b := newBench(t)
				in := setupInput()
				if test.change != nil {
					test.change(&in)
				}
				b.at(2*time.Minute, func() {
					r := b.open()
					b.env.RegisterDelayedCallback(func() { require.Equal(t, workflows.CheckoutReady, r.value.Answer) }, time.Second)
				})
				done := 8 * time.Minute
				b.at(done, func() { b.stripe.saves(succeeded, "pm_new") })
				var again *reply[workflows.OpenCheckoutResponse]
				switch webhook {
				case "twice":
					b.at(done+2*time.Second, func() { b.signal("evt_1", "checkout.session.completed", "cs_1") })
					fallthrough
				case "one":
					b.at(done+time.Second, func() { b.signal("evt_1", "checkout.session.completed", "cs_1") })
				case "the return page":
					b.at(done+time.Second, func() { again = b.open() })
				}
				if webhook != "lost" {
					b.expectSetup(done+3*time.Second, workflows.SetupSaved, "")
				}
				want := saved
				want.Customer = test.customer
				require.Equal(t, want, b.save(in))
				require.Equal(t, test.dflt, b.stripe.customers[test.customer].DefaultPaymentMethod)
				require.Equal(t, test.customer, b.stripe.methods["pm_new"].Customer)
				require.Equal(t, test.attached, b.stripe.called("AttachPaymentMethod"))
				require.Equal(t, in.Customer, b.stripe.opened[0].Customer)
				require.Equal(t, in.CheckoutUI, b.stripe.opened[0].UI)
				require.Equal(t, "save-payment-method:card-1:open_checkout:1", b.stripe.opened[0].IdempotencyKey)
				require.Equal(t, []string{"card"}, b.stripe.opened[0].PaymentMethodTypes)
				require.Less(t, b.env.Now().Sub(b.start), 2*hour)
				if again != nil {
					require.Equal(t, workflows.CheckoutDone, again.value.Answer)
				}
			})
		}
	}
}

// TestFirstPressAnswersTheSession: the Update that comes with the start.
func TestFirstPressAnswersTheSession(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var first *reply[workflows.OpenCheckoutResponse]
	b.at(0, func() { first = b.open() })
	b.at(time.Minute-time.Second, func() {
		require.Equal(t, workflows.OpenCheckoutResponse{Answer: workflows.CheckoutReady, State: "open", SessionID: b.setup().Session}, first.value)
		require.NotEmpty(t, first.value.SessionID)
	})
	require.Equal(t, workflows.SetupAbandoned, b.save(setupInput()).State)
	require.Equal(t, 1, b.stripe.called("CreateCheckoutSession"))
}

// TestWhatWasSavedCannotBeUsed: the customer is asked again, with a reason, and can save another one.
func TestWhatWasSavedCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		attachTo bool
		status   activities.SetupIntentStatus
		spoil    func(f *fakeStripe)
		reason   string
	}{
		"attach refused": {attachTo: true, status: succeeded, reason: "card_declined", spoil: func(f *fakeStripe) {
			f.faults["AttachPaymentMethod"] = []error{&activities.StripeError{Kind: activities.StripeDeclined, Codes: activities.Codes{Code: "card_declined"}}}
		}},
		"used up": {attachTo: true, status: succeeded, reason: activities.CodePaymentMethodUnusable, spoil: func(f *fakeStripe) {
			f.faults["AttachPaymentMethod"] = []error{&activities.StripeError{Kind: activities.StripeMissing, Param: "payment_method"}}
		}},
		"gone at once":       {status: succeeded, reason: activities.CodePaymentMethodUnusable, spoil: func(f *fakeStripe) { delete(f.methods, "pm_bad") }},
		"detached at once":   {status: succeeded, reason: activities.CodePaymentMethodUnusable, spoil: func(f *fakeStripe) { f.methods["pm_bad"].Customer = "" }},
		"somebody else's":    {attachTo: true, status: succeeded, reason: activities.CodePaymentMethodUnusable, spoil: func(f *fakeStripe) { f.methods["pm_bad"].Customer = "cus_2" }},
		"the setup failed":   {status: activities.SetupIntentRequiresPaymentMethod, reason: "setup_intent_authentication_failure", spoil: func(*fakeStripe) {}},
		"the setup canceled": {status: activities.SetupIntentCanceled, reason: activities.CodePaymentMethodUnusable, spoil: func(*fakeStripe) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			in := setupInput()
			if test.attachTo {
				in.Customer, in.AttachTo = "", "cus_1"
			}
			b.at(hour, func() {
				b.stripe.saves(test.status, "pm_bad")
				b.stripe.edit(func() {
					for _, si := range b.stripe.setups {
						si.LastError.Code = test.reason
					}
					test.spoil(b.stripe)
				})
				b.signal("evt_1", "checkout.session.completed", "cs_1")
			})
			b.expectSetup(hour+time.Minute, workflows.SetupOpen, test.reason)
			b.at(hour+time.Minute, func() { require.NotEmpty(t, b.setup().Session) })
			b.at(2*hour, func() {
				b.stripe.saves(succeeded, "pm_good")
				b.signal("evt_2", "checkout.session.completed", "cs_2")
			})
			res := b.save(in)
			require.Equal(t, workflows.SetupSaved, res.State)
			require.Equal(t, "pm_good", res.PaymentMethod)
			require.Equal(t, "pm_good", b.stripe.customers["cus_1"].DefaultPaymentMethod)
			require.Len(t, b.stripe.sessions, 2)
		})
	}
}

// TestSessionExpiresAndIsReopened by the customer's press, days later; reminders and the deadline.
func TestSessionExpiresAndIsReopened(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	in := setupInput()
	in.Notify, in.Events = true, workflows.EventsAll
	b.at(30*hour, func() { require.Empty(t, b.setup().Session) })
	b.at(8*day, func() { b.open() })
	b.at(8*day+time.Minute, func() {
		require.NotEmpty(t, b.setup().Session)
		b.stripe.saves(succeeded, "pm_new")
	})
	require.Equal(t, workflows.SetupSaved, b.save(in).State)
	require.Equal(t, []activities.NotificationKind{
		activities.NotifySetupLink, activities.NotifySetupReminder, activities.NotifySetupReminder, activities.NotifyCardSaved,
	}, b.stripe.told())
	require.Equal(t, "save-payment-method:card-1:setup_reminder:2", b.stripe.deliveries[2].ID)
	require.Equal(t, b.start.Add(7*day), b.stripe.delivered[2].UTC())
	require.Equal(t, "save-payment-method:card-1:open_checkout:2", b.stripe.opened[1].IdempotencyKey)
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	t.Run("abandoned", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.at(14*day-hour, func() { b.open() })
		require.Equal(t, workflows.SavePaymentMethodResult{State: workflows.SetupAbandoned}, b.save(setupInput()))
		require.Equal(t, b.start.Add(14*day), b.env.Now().UTC())
		require.Nil(t, b.stripe.openSession())
	})
	t.Run("saved at the last second wins", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.at(14*day-hour, func() { b.open() })
		b.at(14*day-time.Second, func() { b.stripe.saves(succeeded, "pm_new") })
		require.Equal(t, workflows.SetupSaved, b.save(setupInput()).State)
	})
	t.Run("saved, but its customer was deleted: not for ever", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		in := setupInput()
		in.Customer, in.AttachTo = "", "cus_1"
		b.at(13*day, func() { b.open() })
		b.at(13*day+hour, func() {
			b.stripe.saves(succeeded, "pm_new")
			b.stripe.edit(func() { b.stripe.customers["cus_1"].Deleted = true })
		})
		b.expectSetup(20*day, workflows.SetupNeedsAttention, workflows.ReasonCustomerDeleted)
		require.Equal(t, workflows.SetupAbandoned, b.save(in).State)
		require.Equal(t, b.start.Add(28*day), b.env.Now().UTC())
		require.Less(t, b.stripe.called("AttachPaymentMethod"), 40, "no busy loop")
	})
}

// TestVerifying: bank accounts take days.
func TestVerifying(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status activities.SetupIntentStatus
		action string
		later  activities.SetupIntentStatus
		end    workflows.SetupState
		closed activities.SetupIntentStatus
	}{
		"processing, succeeds":    {status: activities.SetupIntentProcessing, later: succeeded, end: workflows.SetupSaved, closed: succeeded},
		"processing, never ends":  {status: activities.SetupIntentProcessing, end: workflows.SetupAbandoned, closed: activities.SetupIntentProcessing},
		"microdeposits, succeeds": {status: activities.SetupIntentRequiresAction, action: "verify_with_microdeposits", later: succeeded, end: workflows.SetupSaved, closed: succeeded},
		"microdeposits, never":    {status: activities.SetupIntentRequiresAction, action: "verify_with_microdeposits", end: workflows.SetupAbandoned, closed: activities.SetupIntentCanceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			first := func() *activities.SetupIntent { return b.stripe.setups["seti_2"] }
			b.at(hour, func() {
				b.stripe.saves(test.status, "pm_new")
				b.stripe.edit(func() { first().NextAction = test.action })
			})
			var pressed *reply[workflows.OpenCheckoutResponse]
			b.at(3*day, func() { pressed = b.open() })
			b.expectSetup(5*day, workflows.SetupVerifying, "")
			if test.later != "" {
				b.at(10*day, func() { b.stripe.edit(func() { first().Status = test.later }) })
			}
			require.Equal(t, test.end, b.save(setupInput()).State)
			require.Equal(t, workflows.CheckoutProcessing, pressed.value.Answer)
			require.Equal(t, test.closed, first().Status)
			if test.end == workflows.SetupAbandoned {
				require.WithinDuration(t, b.start.Add(14*day+hour), b.env.Now(), hour, "14 days after the verification began")
			}
		})
	}
	t.Run("fails after days: asked again", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.at(hour, func() { b.stripe.saves(activities.SetupIntentProcessing, "pm_new") })
		b.at(5*day, func() {
			b.stripe.edit(func() { b.stripe.setups["seti_2"].Status = activities.SetupIntentRequiresPaymentMethod })
			b.signal("evt_1", "setup_intent.setup_failed", "seti_2")
		})
		b.expectSetup(5*day+time.Minute, workflows.SetupOpen, activities.CodePaymentMethodUnusable)
		b.at(5*day+time.Minute, func() { b.stripe.saves(succeeded, "pm_new2") })
		require.Equal(t, workflows.SetupSaved, b.save(setupInput()).State)
	})
}
