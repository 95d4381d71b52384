package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// The price, and the parameters with which apps make subscriptions whose first invoice takes no money.
const subscriptionAmount = 1500

var (
	trial      = []string{"trial_period_days", "14"}
	incomplete = []string{"payment_behavior", "default_incomplete"}
)

// subscriber is a customer who has a subscription at Stripe.
type subscriber struct {
	*site
	// reference names the customer: mails go to its address.
	reference string
	customer  string
	// method is the customer's default; empty without one.
	method string
	id     string
	// clock is the test clock that moves the subscription, at now; empty without one.
	clock string
	now   time.Time
}

// refusedCard is a card that has become one that cannot be set up after it was saved.
const refusedCard = "refused"

// subscriber makes a customer whose default payment method is the test token; without one when it is empty.
func (s *site) subscriber(token string, fields ...string) *subscriber {
	s.t.Helper()
	u := &subscriber{site: s, reference: s.reference()}
	u.signUp(token, fields...)
	return u
}

// onTestClock is the same on a test clock.
func (s *site) onTestClock(token string) *subscriber {
	s.t.Helper()
	u := &subscriber{site: s, reference: s.reference(), now: time.Now().Truncate(time.Second)}
	u.clock = s.stripe(http.MethodPost, "/v1/test_helpers/test_clocks", form("frozen_time", strconv.FormatInt(u.now.Unix(), 10)))["id"].(string)
	u.signUp(token, "test_clock", u.clock)
	return u
}

func (u *subscriber) signUp(token string, fields ...string) {
	u.t.Helper()
	customer := fieldsOf(append([]string{"email", email(u.reference)}, fields...)...)
	u.customer = u.stripe(http.MethodPost, "/v1/customers", customer)["id"].(string)
	switch token {
	case "":
		return
	case refusedCard:
		u.method = u.attach(u.customer, visa)
		u.control("/payment_methods/"+u.method+"/automatic_update", map[string]string{"token": "pm_card_visa_chargeDeclined"})
	default:
		u.method = u.attach(u.customer, token)
	}
	u.stripe(http.MethodPost, "/v1/customers/"+u.customer, form("invoice_settings[default_payment_method]", u.method))
}

// fieldsOf are pairs of names and values.
func fieldsOf(pairs ...string) url.Values {
	fields := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		fields.Set(pairs[i], pairs[i+1])
	}
	return fields
}

// subscribes makes the subscription, at a price per month unless the fields name another.
func (u *subscriber) subscribes(fields ...[]string) *subscriber {
	u.t.Helper()
	all := fieldsOf("customer", u.customer, "items[0][quantity]", "1")
	for _, pairs := range fields {
		maps.Copy(all, fieldsOf(pairs...))
	}
	if !all.Has("items[0][price]") {
		all.Set("items[0][price]", u.price("unit_amount", strconv.Itoa(subscriptionAmount)))
	} else {
		all.Del("items[0][quantity]")
	}
	u.id = u.stripe(http.MethodPost, "/v1/subscriptions", all)["id"].(string)
	return u
}

// price makes one per month in usd.
func (s *site) price(fields ...string) string {
	s.t.Helper()
	p := fieldsOf(append([]string{"currency", "usd", "product_data[name]", "Tea club", "recurring[interval]", "month"}, fields...)...)
	return s.stripe(http.MethodPost, "/v1/prices", p)["id"].(string)
}

// passes moves the test clock on, with everything that becomes due meanwhile.
func (u *subscriber) passes(d time.Duration) {
	u.t.Helper()
	u.now = u.now.Add(d)
	path := "/v1/test_helpers/test_clocks/" + u.clock
	u.stripe(http.MethodPost, path+"/advance", form("frozen_time", strconv.FormatInt(u.now.Unix(), 10)))
	eventually(u.t, func() error {
		if status := u.stripe(http.MethodGet, path, nil)["status"]; status != "ready" {
			return fmt.Errorf("the clock is %v", status)
		}
		return nil
	})
}

const aDay = 24 * time.Hour

// watched starts watching the subscription.
func (u *subscriber) watched(change ...func(*client.WatchSubscriptionParams)) *subscriber {
	u.t.Helper()
	p := client.WatchSubscriptionParams{Subscription: u.id, Description: "Tea club"}
	for _, c := range change {
		c(&p)
	}
	_, err := u.client.WatchSubscription(u.t.Context(), p)
	require.NoError(u.t, err)
	return u
}

// shows waits until the watch is as it should be.
func (u *subscriber) shows(check func(client.Subscription) error) client.Subscription {
	u.t.Helper()
	var shown client.Subscription
	eventually(u.t, func() error {
		var err error
		if shown, err = u.client.Subscription(u.t.Context(), u.id); err != nil {
			return err
		}
		if err := check(shown); err != nil {
			return fmt.Errorf("%w: %+v", err, shown)
		}
		return nil
	})
	return shown
}

// is waits until the watch is in a state with a need.
func (u *subscriber) is(state workflows.SubscriptionState, need workflows.SubscriptionNeed) client.Subscription {
	u.t.Helper()
	return u.shows(func(shown client.Subscription) error {
		if shown.State != state || shown.Need != need || shown.ReadAt.IsZero() {
			return fmt.Errorf("%s is %s (%s), not %s (%s)", u.id, shown.State, shown.Need, state, need)
		}
		return nil
	})
}

// ends waits for the end of the watch, with the last message on its way.
func (u *subscriber) ends(state workflows.SubscriptionState, reason string) client.Subscription {
	u.t.Helper()
	shown := u.shows(func(shown client.Subscription) error {
		if !shown.State.Ended() {
			return errNotYet
		}
		return nil
	})
	require.Equal(u.t, state, shown.State, "%+v", shown)
	require.Equal(u.t, reason, shown.Reason, "%+v", shown)
	u.completes(u.workflow())
	return shown
}

func (u *subscriber) workflow() string { return workflows.SubscriptionID(u.id) }

// link is the customer's.
func (u *subscriber) link() string {
	u.t.Helper()
	return u.shows(func(shown client.Subscription) error {
		if shown.Link == "" {
			return errNotYet
		}
		return nil
	}).Link
}

// atStripe reads the subscription with its pending SetupIntent.
func (u *subscriber) atStripe() map[string]any {
	u.t.Helper()
	return u.stripe(http.MethodGet, "/v1/subscriptions/"+u.id+"?expand[]=pending_setup_intent", nil)
}

// pending is the pending SetupIntent; nil when there is none.
func (u *subscriber) pending() map[string]any {
	u.t.Helper()
	pending, _ := u.atStripe()["pending_setup_intent"].(map[string]any)
	return pending
}

// setupIntents are all of the customer's.
func (u *subscriber) setupIntents() []map[string]any {
	u.t.Helper()
	return u.listed("/v1/setup_intents?limit=100&customer=" + u.customer)
}

func (s *site) listed(path string) []map[string]any {
	s.t.Helper()
	var list []map[string]any
	for _, object := range s.stripe(http.MethodGet, path, nil)["data"].([]any) {
		list = append(list, object.(map[string]any))
	}
	return list
}

// ours reports whether offsession has made an object.
func ours(object map[string]any) bool {
	metadata, _ := object["metadata"].(map[string]any)
	return metadata["offsession_workflow_id"] != nil
}

// closed checks with Stripe's side that nothing waits for the customer any more. The SetupIntent of a Checkout Session ends
// with that.
func (u *subscriber) closed() {
	u.t.Helper()
	for _, setup := range u.setupIntents() {
		if ours(setup) {
			continue
		}
		require.Contains(u.t, []any{"succeeded", "canceled"}, setup["status"], "%v", setup)
	}
	for _, session := range u.listed("/v1/checkout/sessions?limit=100&customer=" + u.customer) {
		require.NotEqual(u.t, "open", session["status"], "%v", session)
	}
}

// ready asks whether to give access, again while no worker answers.
func (u *subscriber) ready() bool {
	u.t.Helper()
	var ready bool
	eventually(u.t, func() error {
		var err error
		ready, err = u.client.Ready(u.t.Context(), u.id)
		return err
	})
	return ready
}

// mails are how many messages the customer has got.
func (u *subscriber) mails() int { return len(stack.Mailbox.Mails(email(u.reference))) }

// asksBank presses the button and answers the bank's question with pass or fail, as Stripe.js does in the browser. It answers
// the HTTP status.
func (u *subscriber) asksBank(link string, result stripesandbox.Authentication) int {
	u.t.Helper()
	pressed := u.press(link)
	require.Equal(u.t, "open", pressed.Answer, "%+v", pressed)
	require.Equal(u.t, "confirm", pressed.Mode, "%+v", pressed)
	body, err := json.Marshal(map[string]any{"key": pressed.PublishableKey, "client_secret": pressed.ClientSecret, "authenticate": result})
	require.NoError(u.t, err)
	a := u.http(http.MethodPost, u.sandbox.URL+"/_sandbox/elements/confirm_setup", http.Header{"Content-Type": {"application/json"}}, string(body))
	return a.status
}

// saves opens Checkout by the button and saves a card there.
func (u *subscriber) saves(link string, p purchase) {
	u.t.Helper()
	pressed := u.press(link)
	require.Equal(u.t, "open", pressed.Answer, "%+v", pressed)
	require.Equal(u.t, "setup", pressed.Mode, "%+v", pressed)
	u.pay(pressed.SessionID, p)
}

// paysInvoice is a customer whom the button leads to Stripe's page of the invoice, and who pays there; without a card by going
// on with the bank's question.
func (u *subscriber) paysInvoice(link string, p purchase) {
	u.t.Helper()
	pressed := u.press(link)
	require.Equal(u.t, "open", pressed.Answer, "%+v", pressed)
	require.Equal(u.t, "invoice", pressed.Mode, "%+v", pressed)
	require.Equal(u.t, u.openInvoice()["hosted_invoice_url"], pressed.URL)
	require.EqualValues(u.t, subscriptionAmount, pressed.Amount)
	page := u.http(http.MethodGet, pressed.URL, nil, "")
	require.Equal(u.t, http.StatusOK, page.status)
	require.Contains(u.t, page.body, "15.00 USD")
	body, err := json.Marshal(p)
	require.NoError(u.t, err)
	u.call(http.MethodPost, pressed.URL+"/pay", "application/json", string(body))
}

// openInvoice is the only one.
func (u *subscriber) openInvoice() map[string]any {
	u.t.Helper()
	open := u.listed("/v1/invoices?status=open&subscription=" + u.id)
	require.Len(u.t, open, 1)
	return open[0]
}

// paidInvoices are those above zero.
func (u *subscriber) paidInvoices() []map[string]any {
	u.t.Helper()
	return slices.DeleteFunc(u.listed("/v1/invoices?limit=100&status=paid&subscription="+u.id), func(inv map[string]any) bool {
		return inv["amount_paid"] == 0.0
	})
}

// cancels ends the subscription at Stripe.
func (u *subscriber) cancels() {
	u.t.Helper()
	u.stripe(http.MethodDelete, "/v1/subscriptions/"+u.id, nil)
}

// statusOf is the status of an object; empty without one.
func statusOf(object map[string]any) string {
	status, _ := object["status"].(string)
	return status
}

// delivered waits until no webhook of the site is on its way.
func (s *site) delivered() {
	s.t.Helper()
	eventually(s.t, func() error {
		for _, event := range s.listed("/v1/events?limit=100&delivery_success=false") {
			return fmt.Errorf("%v is on its way", event["type"])
		}
		return nil
	})
}
