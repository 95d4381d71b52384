package stripesandbox_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/internal/stripesandbox/sandboxtest"
)

// TestBillingMachine sends random sequences of calls about subscriptions and invoices,
// and holds what the API shows after each of them against the invariants of
// billing_invariants_test.go. There is no model: too much of what Stripe does here is
// its own choice.
func TestBillingMachine(t *testing.T) {
	t.Parallel()
	for i := range billingRounds {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			validated := sandboxtest.Check(t)
			rapid.Check(t, func(t *rapid.T) {
				m := newBillingMachine(t, validated)
				t.Repeat(map[string]func(*rapid.T){"": m.check, "step": oneOf(m.actions()...)})
			})
		})
	}
}

type billingMachine struct {
	*machine
	billingInvariants
	t       *rapid.T
	plans   [][]string // prices that go together on a subscription
	coupons []string
}

func newBillingMachine(t *rapid.T, validated func(http.Handler) http.Handler) *billingMachine {
	start := time.Unix(1_800_000_000, 0)
	s, err := stripesandbox.New(stripesandbox.Config{
		Seed: 1, AsyncDelay: asyncDelay, Logger: slog.New(slog.DiscardHandler), Clock: func() time.Time { return start },
		Middleware: func(next http.Handler) http.Handler {
			checked := validated(next)
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get(unchecked) == "" {
					checked.ServeHTTP(w, r)
				} else {
					next.ServeHTTP(w, r)
				}
			})
		},
	})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	m := &billingMachine{machine: &machine{t: t, s: s, model: model{now: start}}, t: t, billingInvariants: newBillingInvariants()}
	m.invariants = &invariants{get: m.read}
	m.control("/webhooks", map[string]any{"mode": "lost"})
	meter := m.made("/v1/billing/meters", form("display_name", "Cups", "event_name", "cups", "default_aggregation[formula]", "sum"))
	price := func(amount, interval, meter string) string {
		usage := ""
		if meter != "" {
			usage = "metered"
		}
		return m.made("/v1/prices", form("currency", "usd", "unit_amount", amount, "product_data[name]", "Tea",
			"recurring[interval]", interval, "recurring[usage_type]", usage, "recurring[meter]", meter))
	}
	month, dear, week, metered := price("1200", "month", ""), price("2500", "month", ""), price("400", "week", ""), price("7", "month", meter)
	m.plans = [][]string{{month}, {dear}, {week}, {metered}, {month, metered}, {dear, month}, {price("0", "month", "")}}
	for _, coupon := range []url.Values{
		form("percent_off", "33.33", "duration", "once"),
		form("amount_off", "700", "currency", "usd", "duration", "repeating", "duration_in_months", "2"),
		form("percent_off", "100", "duration", "once"),
		form("percent_off", "25", "duration", "forever", "max_redemptions", "2"),
	} {
		m.coupons = append(m.coupons, m.made("/v1/coupons", coupon))
	}
	m.createCustomer(t)
	m.createCustomer(t)
	return m
}

// unchecked is the header of calls whose answers are not held against the description:
// check reads everything after each step, and it has been answered before.
const unchecked = "Unchecked"

func (m *billingMachine) read(path string) []byte {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+stripesandbox.DefaultAPIKey)
	r.Header.Set(unchecked, "true")
	w := httptest.NewRecorder()
	m.s.ServeHTTP(w, r)
	return w.Body.Bytes()
}

// made is the id of a new object.
func (m *billingMachine) made(path string, values url.Values) string {
	w := m.do(http.MethodPost, path, values, "")
	require.Equal(m.t, http.StatusOK, w.Code, w.Body.String())
	return decode(m.t, w.Body.Bytes())["id"].(string)
}

// note keeps the answer of a call for check.
func (m *billingMachine) note(t *rapid.T, path string, w *httptest.ResponseRecorder) bool {
	require.Less(t, w.Code, http.StatusInternalServerError, "%s: %s", path, w.Body)
	m.last = fmt.Sprintf("%s: %d %s", path, w.Code, w.Body)
	m.refused = strings.Contains(path, "/v1/") && w.Code != http.StatusOK && w.Code != http.StatusPaymentRequired
	return w.Code == http.StatusOK
}

func (m *billingMachine) post(t *rapid.T, path string, values url.Values) bool {
	return m.note(t, path, m.do(http.MethodPost, path, values, ""))
}

// billingCards are all ways in which a card can answer.
var billingCards = []string{
	"", "pm_card_visa", "pm_card_visa", "pm_card_visa", "pm_card_authenticationRequired", "pm_card_authenticationRequiredOnSetup",
	"pm_card_authenticationRequiredSetupForOffSession", "pm_card_chargeCustomerFail", "pm_card_visa_chargeCustomerFailLostCard",
	"pm_card_threeDSecureRequiredChargeDeclined", "pm_card_createDispute", "pm_card_refundFail", "pm_sandbox_decline_insufficient_funds_times_1",
	"pm_usBankAccount_success", "pm_usBankAccount_insufficientFunds",
}

func of(t *rapid.T, name string, from ...string) string { return rapid.SampledFrom(from).Draw(t, name) }

func (m *billingMachine) createCustomer(t *rapid.T) {
	token, clock := of(t, "card", billingCards...), ""
	if rapid.IntRange(0, 2).Draw(t, "on a test clock") == 0 {
		if len(m.clocks) == 0 {
			m.clocks = append(m.clocks, m.made("/v1/test_helpers/test_clocks", form("frozen_time", fmt.Sprint(m.now.Unix()))))
		}
		clock = m.clocks[0]
	}
	asDefault := token
	if token != "" && rapid.IntRange(0, 3).Draw(t, "only attached") == 0 {
		asDefault = ""
	}
	w := m.do(http.MethodPost, "/v1/customers", form("payment_method", token, "invoice_settings[default_payment_method]", asDefault,
		"test_clock", clock, "balance", of(t, "balance", "", "", "-600", "-5000", "30")), "")
	if m.note(t, "/v1/customers", w) { // the test clock may be advancing
		m.customers = append(m.customers, decode(t, w.Body.Bytes())["id"].(string))
	}
}

// owners are the customers that have methods.
func (m *billingMachine) owners() []string {
	return slices.DeleteFunc(slices.Clone(m.customers), func(id string) bool { return len(m.owned[id]) == 0 })
}

// own is one of the customer's methods.
func (m *billingMachine) own(t *rapid.T, customer string) string {
	return pick(t, "method", m.owned[customer]).ID
}

func (m *billingMachine) attach(t *rapid.T) {
	cus, token := pick(t, "customer", m.customers), of(t, "card", billingCards[1:]...)
	m.post(t, "/v1/payment_methods/"+token+"/attach", form("customer", cus))
}

func (m *billingMachine) setDefault(t *rapid.T) {
	cus := pick(t, "customer", m.owners())
	m.post(t, "/v1/customers/"+cus, url.Values{"invoice_settings[default_payment_method]": {m.own(t, cus)}})
}

func (m *billingMachine) credit(t *rapid.T) {
	cus := pick(t, "customer", m.customers)
	m.post(t, "/v1/customers/"+cus+"/balance_transactions", form("amount", of(t, "amount", "-900", "-2500", "450"), "currency", "usd"))
}

func (m *billingMachine) detach(t *rapid.T) {
	m.post(t, "/v1/payment_methods/"+m.own(t, pick(t, "customer", m.owners()))+"/detach", nil)
}

func (m *billingMachine) subscribe(t *rapid.T) {
	cus := pick(t, "customer", m.customers)
	values := form("customer", cus, "payment_behavior", of(t, "behaviour", "", "default_incomplete", "error_if_incomplete"),
		"off_session", of(t, "off session", "", "true"), "trial_period_days", of(t, "trial", "", "", "", "2", "14"),
		"trial_settings[end_behavior][missing_payment_method]", of(t, "missing", "", "cancel", "pause", "create_invoice"),
		"discounts[0][coupon]", pick(t, "coupon", append(slices.Clone(m.coupons), "", "", "", "")), "cancel_at_period_end", of(t, "ends", "", "", "", "true"),
		"payment_settings[save_default_payment_method]", of(t, "save", "", "on_subscription"))
	if rapid.IntRange(0, 5).Draw(t, "sent") == 0 {
		values.Set("collection_method", "send_invoice")
		values.Set("days_until_due", "5")
	}
	plan := pick(t, "plan", m.plans)
	for i, price := range plan {
		values.Set(fmt.Sprintf("items[%d][price]", i), price)
	}
	if rapid.IntRange(0, 5).Draw(t, "price data") == 0 {
		at := fmt.Sprintf("items[%d][price_data]", len(plan))
		values.Set(at+"[currency]", of(t, "currency", "usd", "usd", "eur"))
		values.Set(at+"[unit_amount]", "990")
		values.Set(at+"[product_data][name]", "Cake")
		values.Set(at+"[recurring][interval]", "month")
	}
	if len(plan) == 1 && plan[0] != m.plans[3][0] {
		values.Set("items[0][quantity]", of(t, "quantity", "1", "3"))
	}
	if len(m.owned[cus]) > 0 && rapid.IntRange(0, 3).Draw(t, "own default") == 0 {
		values.Set("default_payment_method", m.own(t, cus))
	}
	m.post(t, "/v1/subscriptions", values)
}

func (m *billingMachine) update(t *rapid.T) {
	sub := pick(t, "subscription", m.subs)
	item, clock := sub.Items.Data[0], m.timeOf(sub.TestClock)
	values := url.Values{}
	changes := []string{"quantity", "price", "end", "end at", "trial now", "trial", "metadata", "coupon", "nothing"}
	if len(m.owned[sub.Customer]) > 0 {
		changes = append(changes, "method")
	}
	switch of(t, "change", changes...) {
	case "quantity":
		values = form("items[0][id]", item.ID, "items[0][quantity]", of(t, "quantity", "0", "2", "5"))
	case "price":
		values = form("items[0][id]", item.ID, "items[0][price]", pick(t, "plan", m.plans)[0], "payment_behavior", of(t, "behaviour", "", "default_incomplete", "error_if_incomplete"))
	case "method":
		values = url.Values{"default_payment_method": {m.own(t, sub.Customer)}}
	case "end":
		values = form("cancel_at_period_end", of(t, "ends", "true", "false"))
	case "end at":
		values = form("cancel_at", fmt.Sprint(clock.Add(time.Duration(rapid.IntRange(-1, 50).Draw(t, "days"))*day).Unix()))
	case "trial now":
		values = form("trial_end", "now", "payment_behavior", of(t, "behaviour", "", "default_incomplete", "error_if_incomplete"))
	case "trial":
		values = form("trial_end", fmt.Sprint(clock.Add(time.Duration(rapid.IntRange(1, 20).Draw(t, "days"))*day).Unix()), "payment_behavior", of(t, "behaviour", "", "default_incomplete"))
	case "metadata":
		values = form("metadata[tea]", of(t, "tea", "green", "black"))
	case "coupon":
		values = form("discounts[0][coupon]", pick(t, "coupon", m.coupons))
	}
	m.post(t, "/v1/subscriptions/"+sub.ID, values)
}

func (m *billingMachine) cancel(t *rapid.T) {
	sub := pick(t, "subscription", m.subs)
	path := "/v1/subscriptions/" + sub.ID
	m.note(t, "DELETE "+path, m.do(http.MethodDelete, path+"?"+form("invoice_now", of(t, "bill usage", "", "true"), "cancellation_details[comment]", of(t, "comment", "", "too hot")).Encode(), nil, ""))
}

func (m *billingMachine) resume(t *rapid.T) {
	paused := slices.DeleteFunc(slices.Clone(m.subs), func(sub billedSubscription) bool { return sub.Status != "paused" })
	if len(paused) == 0 {
		paused = m.subs
	}
	m.post(t, "/v1/subscriptions/"+pick(t, "subscription", paused).ID+"/resume", form("billing_cycle_anchor", of(t, "anchor", "", "now", "unchanged")))
}

func (m *billingMachine) invoice(t *rapid.T) billedInvoice {
	if unpaid := slices.DeleteFunc(slices.Clone(m.invoices), func(inv billedInvoice) bool { return inv.over() }); len(unpaid) > 0 && rapid.IntRange(0, 5).Draw(t, "any") > 0 {
		return pick(t, "invoice", unpaid)
	}
	return pick(t, "invoice", m.invoices)
}

func (m *billingMachine) payInvoice(t *rapid.T) {
	inv := m.invoice(t)
	values := form("off_session", of(t, "off session", "", "false"))
	with := []string{"default", "default", "token", "out of band"}
	if len(m.owned[inv.Customer]) > 0 {
		with = append(with, "own")
	}
	switch of(t, "with", with...) {
	case "own":
		values.Set("payment_method", m.own(t, inv.Customer))
	case "token":
		values.Set("payment_method", of(t, "card", billingCards[1:]...))
	case "out of band":
		values = form("paid_out_of_band", "true")
		if m.post(t, "/v1/invoices/"+inv.ID+"/pay", values) {
			m.outOfBand[inv.ID] = true
		}
		return
	}
	m.post(t, "/v1/invoices/"+inv.ID+"/pay", values)
}

func (m *billingMachine) voidInvoice(t *rapid.T) {
	m.post(t, "/v1/invoices/"+m.invoice(t).ID+"/void", nil)
}

func (m *billingMachine) finalizeInvoice(t *rapid.T) {
	m.post(t, "/v1/invoices/"+m.invoice(t).ID+"/finalize", form("auto_advance", of(t, "auto advance", "", "true", "false")))
}

func (m *billingMachine) buyerPays(t *rapid.T) {
	path := "/invoice/" + m.invoice(t).ID + "/pay"
	m.note(t, path, m.control(path, stripesandbox.Payment{
		PaymentMethod: of(t, "card", billingCards...), Authenticate: stripesandbox.Authentication(of(t, "authenticate", "pass", "fail", "abandon")),
	}))
}

// challenges are the paths that answer 3D Secure of a payment or a setup.
func (m *billingMachine) challenges() []string {
	var open []string
	for kind, list := range map[string][]shownObject{"payment_intents": m.payments, "setup_intents": m.setups} {
		for _, o := range list {
			if o.Status == needsAction {
				open = append(open, "/"+kind+"/"+o.ID+"/authenticate")
			}
		}
	}
	slices.Sort(open)
	return open
}

func (m *billingMachine) challenge(t *rapid.T) {
	path := pick(t, "challenge", m.challenges())
	m.note(t, path, m.control(path, map[string]string{"result": of(t, "result", "pass", "pass", "fail")}))
}

func (m *billingMachine) finishSetup(t *rapid.T) {
	path := "/v1/setup_intents/" + pick(t, "setup", m.setups).ID
	if rapid.IntRange(0, 3).Draw(t, "cancel") == 0 {
		m.post(t, path+"/cancel", nil)
		return
	}
	m.post(t, path+"/confirm", form("payment_method", of(t, "card", billingCards...), mandateType, "offline"))
}

func (m *billingMachine) use(t *rapid.T) {
	cus, cups := pick(t, "customer", m.customers), rapid.IntRange(1, 200).Draw(t, "cups")
	if m.post(t, "/v1/billing/meter_events", form("event_name", "cups", "payload[stripe_customer_id]", cus, "payload[value]", fmt.Sprint(cups))) {
		m.used[cus] += cups
	}
}

func (m *billingMachine) refund(t *rapid.T) {
	m.post(t, "/v1/refunds", form("charge", pick(t, "charge", m.charges).ID, "amount", of(t, "amount", "", "100")))
}

func (m *billingMachine) moveClock(t *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{
		time.Minute, time.Hour, 23 * time.Hour, day - time.Second, 3 * day, 7 * day, 8*day + time.Hour, 31 * day, 70 * day,
	}).Draw(t, "by")
	require.True(t, m.note(t, "clock", m.control("/clock", map[string]string{"advance": d.String()})))
	m.now = m.now.Add(d)
}

func (m *billingMachine) moveTestClock(t *rapid.T) {
	id := pick(t, "clock", m.clocks)
	d := rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, day, 3 * day, 7 * day, 14 * day, 40 * day}).Draw(t, "by")
	if !m.post(t, "/v1/test_helpers/test_clocks/"+id+"/advance", form("frozen_time", fmt.Sprint(m.timeOf(id).Add(d).Unix()))) {
		return
	}
	if rapid.IntRange(0, 3).Draw(t, "still advancing") == 0 {
		return
	}
	require.True(t, m.note(t, "clock", m.control("/clock", map[string]string{"advance": "1s"})))
	m.now = m.now.Add(time.Second)
}

// remove deletes a customer or a test clock, now and then.
func (m *billingMachine) remove(t *rapid.T) {
	switch n := rapid.IntRange(0, 15).Draw(t, "remove"); {
	case n == 0 && len(m.customers) > 0:
		cus := pick(t, "customer", m.customers)
		m.note(t, "DELETE "+cus, m.do(http.MethodDelete, "/v1/customers/"+cus, nil, ""))
	case n == 1 && len(m.clocks) > 0:
		clock := pick(t, "clock", m.clocks)
		if m.note(t, "DELETE "+clock, m.do(http.MethodDelete, "/v1/test_helpers/test_clocks/"+clock, nil, "")) {
			m.clocks = nil
		}
	}
}
