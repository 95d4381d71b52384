package demo

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

const (
	trialDays = 14
	// invoiceDraft is a little more than the hour for which Stripe keeps the invoice of a new period as a draft.
	invoiceDraft = 2 * time.Hour
)

func subscriptionReady(v *visit) error {
	t, err := v.beginTrial()
	if err != nil {
		return err
	}
	if err := v.expectAccess(t.subscription, false); err != nil {
		return err
	}
	mail, err := v.watch(t)
	if err != nil {
		return err
	}
	if err := v.confirmSetup(mail); err != nil {
		return err
	}
	v.say("the customer pressed the button and approved the card in the bank's app; nothing is charged")
	ready, err := v.awaitSubscription(t.subscription, func(s client.Subscription) bool { return s.State == workflows.SubscriptionReady })
	if err != nil {
		return err
	}
	setup, err := v.expectSetup(ready, activities.SetupIntentSucceeded)
	if err != nil {
		return err
	}
	v.say("subscription:%s is %s: %s has succeeded", t.subscription, ready.State, setup)
	if err := v.expectAccess(t.subscription, true); err != nil {
		return err
	}
	if err := v.endTrial(t); err != nil {
		return err
	}
	v.say("the trial ended (its test clock went %d days ahead); Stripe collects the first invoice", trialDays)
	paid, err := v.awaitSubscription(t.subscription, func(s client.Subscription) bool { return s.State.Ended() })
	if err != nil {
		return err
	}
	v.say("starter subscription show %s: %s, Stripe's status is %s", t.subscription, paid.State, paid.Status)
	v.ended(paid.WorkflowID, string(workflows.SubscriptionReadyAndPaid), string(paid.State), paid.PaymentMethod)
	return nil
}

func subscriptionCanceled(v *visit) error {
	t, err := v.beginTrial()
	if err != nil {
		return err
	}
	if _, err := v.watch(t); err != nil {
		return err
	}
	if err := v.send(http.MethodDelete, "/v1/subscriptions/"+t.subscription, nil, nil); err != nil {
		return err
	}
	v.say("the customer did not confirm, and the app canceled the subscription; Stripe leaves the SetupIntent open")
	over, err := v.awaitSubscription(t.subscription, func(s client.Subscription) bool { return s.State.Ended() })
	if err != nil {
		return err
	}
	setup, err := v.expectSetup(over, activities.SetupIntentCanceled)
	if err != nil {
		return err
	}
	v.say("subscription:%s is %s (%s): %s is canceled", t.subscription, over.State, over.Reason, setup)
	v.ended(over.WorkflowID, string(workflows.SubscriptionEnded), string(over.State), setup+" canceled")
	return nil
}

// trial is a subscription that takes no money yet.
type trial struct {
	subscription, clock string
	ends                time.Time
}

// beginTrial does what the app does when somebody subscribes with a card that the bank wants to confirm. The test clock is
// there for the trial to be over soon.
func (v *visit) beginTrial() (trial, error) {
	now := time.Now()
	t := trial{ends: now.AddDate(0, 0, trialDays)}
	var err error
	if t.clock, err = v.stripe("/v1/test_helpers/test_clocks", url.Values{"frozen_time": {unix(now)}}); err != nil {
		return t, err
	}
	customer, err := v.stripe("/v1/customers", url.Values{
		"email": {v.email()}, "metadata[time_zone]": {"Europe/Berlin"}, "test_clock": {t.clock},
	})
	if err != nil {
		return t, err
	}
	method, err := v.stripe("/v1/payment_methods/pm_card_authenticationRequiredOnSetup/attach", url.Values{"customer": {customer}})
	if err != nil {
		return t, err
	}
	product, err := v.stripe("/v1/products", url.Values{"name": {"Plan"}})
	if err != nil {
		return t, err
	}
	t.subscription, err = v.stripe("/v1/subscriptions", url.Values{
		"customer": {customer}, "default_payment_method": {method}, "trial_end": {unix(t.ends)}, "payment_behavior": {"default_incomplete"},
		"trial_settings[end_behavior][missing_payment_method]": {"cancel"},
		"payment_settings[save_default_payment_method]":        {"on_subscription"},
		"items[0][price_data][currency]":                       {"usd"},
		"items[0][price_data][unit_amount]":                    {"1099"},
		"items[0][price_data][product]":                        {product},
		"items[0][price_data][recurring][interval]":            {"month"},
	})
	if err != nil {
		return t, err
	}
	v.say("the app made %s with a trial of %d days; the customer's bank wants to confirm the card", t.subscription, trialDays)
	return t, nil
}

// watch starts the watch, and waits for the mail in which the customer is asked.
func (v *visit) watch(t trial) (link string, err error) {
	if _, err := v.Client.WatchSubscription(v.ctx, client.WatchSubscriptionParams{Subscription: t.subscription, Description: "Plan"}); err != nil {
		return "", fmt.Errorf("watch subscription: %w", err)
	}
	mail, err := v.Stack.Mailbox.Await(v.ctx, v.email(), 1)
	if err != nil {
		return "", fmt.Errorf("mail: %w", err)
	}
	v.say("subscription:%s is watched; mail to the customer: %q", t.subscription, mail.Subject)
	return mail.Link(), nil
}

// expectAccess asks whether the app should give access.
func (v *visit) expectAccess(subscription string, want bool) error {
	got, err := v.Client.Ready(v.ctx, subscription)
	if err != nil {
		return fmt.Errorf("ready: %w", err)
	}
	if got != want {
		return fmt.Errorf("ready: %s is %t", subscription, got)
	}
	v.say("Ready(%s): %t; Stripe itself says trialing", subscription, got)
	return nil
}

// expectSetup asks Stripe about the one SetupIntent that the subscription waited for.
func (v *visit) expectSetup(s client.Subscription, want activities.SetupIntentStatus) (id string, err error) {
	if len(s.SetupIntents) != 1 {
		return "", fmt.Errorf("%s waited for %d SetupIntents", s.Reference, len(s.SetupIntents))
	}
	id = s.SetupIntents[0].ID
	var setup struct {
		Status activities.SetupIntentStatus `json:"status"`
	}
	if err := v.send(http.MethodGet, "/v1/setup_intents/"+id, nil, &setup); err != nil {
		return id, err
	}
	if setup.Status != want {
		return id, fmt.Errorf("%s is %s, not %s", id, setup.Status, want)
	}
	return id, nil
}

// endTrial moves the test clock past the trial's end.
func (v *visit) endTrial(t trial) error {
	_, err := v.stripe("/v1/test_helpers/test_clocks/"+t.clock+"/advance", url.Values{"frozen_time": {unix(t.ends.Add(invoiceDraft))}})
	return err
}

// awaitSubscription waits until the watched subscription is as it should be.
func (v *visit) awaitSubscription(subscription string, as func(client.Subscription) bool) (client.Subscription, error) {
	return await(v, subscription, v.Client.Subscription, as)
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
