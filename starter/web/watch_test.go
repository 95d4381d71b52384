package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/workflows"
)

// watch is a shop with a subscription in the sandbox, and a workflow that acts like the one that watches it.
type watch struct {
	*shop
	workflowID, subscription, customer string
	writes                             int
	// busy: Stripe is about to collect the invoice.
	busy bool
	// asksAgain is a card that the bank asks about when the pending SetupIntent is confirmed with it, in place of the one
	// that was saved: the sandbox's bank does not ask twice about one card.
	asksAgain string
}

// newWatch makes a subscription whose customer's saved card is the one given; a trial of no days takes money at once.
func newWatch(t *testing.T, card string, trialDays int) *watch {
	t.Helper()
	w := &watch{shop: newShop(t, nil)}
	w.ui = activities.CheckoutUICustom
	w.look = w.read
	w.bundle.temporal.onUpdate = w.press

	w.customer = w.post("/v1/customers", url.Values{"email": {"customer@example.com"}})
	if card != "" {
		w.makeDefault(card)
	}
	price := w.post("/v1/prices", url.Values{
		"currency": {"usd"}, "unit_amount": {"1900"}, "recurring[interval]": {"month"}, "product_data[name]": {"Plan Gold"},
	})
	order := url.Values{"customer": {w.customer}, "items[0][price]": {price}, "payment_behavior": {"default_incomplete"}}
	if trialDays > 0 {
		order.Set("trial_period_days", fmt.Sprint(trialDays))
	} else {
		order.Set("payment_behavior", "allow_incomplete")
	}
	w.subscription = w.post("/v1/subscriptions", order)
	w.workflowID = workflows.SubscriptionID(w.subscription)
	w.read(t.Context(), true)
	return w
}

// makeDefault saves another card and makes it the customer's default.
func (w *watch) makeDefault(card string) {
	w.t.Helper()
	w.post("/v1/customers/"+w.customer, url.Values{"invoice_settings[default_payment_method]": {w.saved(card)}})
}

func (w *watch) saved(card string) string {
	w.t.Helper()
	return w.post("/v1/payment_methods/"+card+"/attach", url.Values{"customer": {w.customer}})
}

// post sends a form to the sandbox and answers the id of the object.
func (w *watch) post(path string, form url.Values) string {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.sandbox+path, strings.NewReader(form.Encode()))
	require.NoError(w.t, err)
	r.Header.Set("Authorization", "Bearer "+stripesandbox.DefaultAPIKey)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(r)
	require.NoError(w.t, err)
	defer response.Body.Close()
	var object struct {
		ID    string `json:"id"`
		Error any    `json:"error"`
	}
	require.NoError(w.t, json.NewDecoder(response.Body).Decode(&object))
	require.Nil(w.t, object.Error)
	return object.ID
}

func (w *watch) setupIntent() activities.SetupIntent {
	w.t.Helper()
	sub, err := w.gateway.Subscription(w.t.Context(), w.subscription)
	require.NoError(w.t, err)
	require.NotNil(w.t, sub.PendingSetupIntent)
	return *sub.PendingSetupIntent
}

func (w *watch) loseWebhooks(lose bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.webhooksAreLost = lose
}

func (w *watch) page() string { return w.link(w.workflowID) }

// read is the workflow looking at Stripe: it puts in place what was saved, and shows what is needed now.
func (w *watch) read(ctx context.Context, pressed bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.subscription == "" || (w.webhooksAreLost && !pressed) {
		return false
	}
	reading, err := w.readAt(ctx)
	if err != nil {
		return false
	}
	if w.putInPlace(ctx, reading) {
		reading, err = w.readAt(ctx)
	}
	if err != nil {
		return false
	}
	status := statusOf(reading)
	w.bundle.temporal.set(w.workflowID, status)
	return status.Need == ""
}

func (w *watch) readAt(ctx context.Context) (activities.SubscriptionReading, error) {
	return activities.ReadSubscription(ctx, w.gateway, w.subscription, time.Now())
}

func (w *watch) putInPlace(ctx context.Context, reading activities.SubscriptionReading) bool {
	if w.session == "" {
		return false
	}
	cs, err := w.gateway.CheckoutSession(ctx, w.session)
	if err != nil || cs.Status != activities.CheckoutComplete {
		return false
	}
	w.session = ""
	w.writes++
	method, key := cs.SetupIntent.PaymentMethod, fmt.Sprintf("write:%d:", w.writes)
	if err := w.gateway.SetSubscriptionDefaultPaymentMethod(ctx, w.subscription, method, key+"default"); err != nil {
		return false
	}
	if w.asksAgain != "" {
		method = w.asksAgain
	}
	_, err = w.gateway.ConfirmSetupIntent(ctx, reading.SetupIntent, method, key+"confirm")
	return err == nil
}

// statusOf is what the workflow would answer; only what the page goes by.
func statusOf(r activities.SubscriptionReading) workflows.SubscriptionStatus {
	s := workflows.SubscriptionStatus{
		State: ready, Status: r.Status, SetupIntentStatus: r.SetupStatus, PendingSetupIntent: r.SetupIntent,
		Invoice: r.Invoice, Amount: r.InvoiceAmount, Currency: r.Currency, TrialEnd: r.TrialEnd, ReadAt: time.Now(),
		TimeZone: "Europe/Berlin", Description: "Plan Gold",
	}
	switch {
	case r.PaidInvoice != "":
		s.State = workflows.SubscriptionReadyAndPaid
	case r.Invoice != "":
		s.State, s.Need = workflows.SubscriptionRequiresAction, workflows.NeedInvoicePaid
	case r.SetupStatus == activities.SetupIntentRequiresAction:
		s.State, s.Need = workflows.SubscriptionRequiresAction, workflows.NeedConfirmation
	case r.SetupStatus == activities.SetupIntentRequiresPaymentMethod:
		s.State, s.Need = workflows.SubscriptionRequiresPaymentMethod, workflows.NeedPaymentMethod
	}
	return s
}

// press is open_checkout.
func (w *watch) press(ctx context.Context, _ string, r workflows.OpenCheckoutRequest) (workflows.OpenCheckoutResponse, error) {
	w.read(ctx, true)
	reading, err := w.readAt(ctx)
	if err != nil {
		return workflows.OpenCheckoutResponse{}, err
	}
	w.mu.Lock()
	w.pressed++
	w.version = r.ConsentVersion
	busy := w.busy
	w.mu.Unlock()
	status := statusOf(reading)
	answer := workflows.OpenCheckoutResponse{Answer: workflows.CheckoutReady, State: string(status.State)}
	switch status.Need {
	case workflows.NeedConfirmation:
		answer.SetupIntent = reading.SetupIntent
	case workflows.NeedPaymentMethod:
		answer.SessionID, err = w.openForm(ctx)
	case workflows.NeedInvoicePaid:
		if answer.Invoice = reading.Invoice; busy {
			answer.Answer, answer.Invoice = workflows.CheckoutBusy, ""
		}
	case workflows.NeedBank:
		answer.Answer = workflows.CheckoutProcessing
	case "":
		answer.Answer = workflows.CheckoutDone
	}
	return answer, err
}

func (w *watch) openForm(ctx context.Context) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.session != "" {
		return w.session, nil
	}
	cs, err := w.gateway.CreateCheckoutSession(ctx, activities.CreateCheckoutSessionRequest{
		Mode: activities.CheckoutModeSetup, UI: w.ui, Currency: "usd", PaymentMethodTypes: []string{"card"}, Customer: w.customer,
		ReturnURL: w.page() + "/return", IdempotencyKey: fmt.Sprintf("open:%d", w.pressed),
	})
	w.session = cs.ID
	return cs.ID, err
}
