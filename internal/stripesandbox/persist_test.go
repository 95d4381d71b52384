package stripesandbox_test

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/internal/stripesandbox/sandboxtest"
)

// reopen ends the sandbox of b and starts one on the same data file.
func (b *bundle) reopen(cfg stripesandbox.Config) *bundle {
	b.t.Helper()
	b.srv.Close()
	return newBundle(b.t, cfg)
}

func dataPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "sandbox ?#%.db") // SQLite must not read it as a URI
}

// must is post for calls that succeed; it returns the id.
func (b *bundle) must(path string, pairs ...string) string {
	b.t.Helper()
	a := b.post(path, pairs...)
	require.Equal(b.t, http.StatusOK, a.status, "%s: %s", path, a.body)
	return a.at(b.t, "id").(string)
}

// ledger is what the ledger says, without the traffic, which is of this run only.
func (b *bundle) ledger() map[string]any {
	b.t.Helper()
	said := b.raw(http.MethodGet, "/_sandbox/ledger", "").json(b.t)
	delete(said, "requests")
	return said
}

// live has something happen to every kind of resource.
func (b *bundle) live() {
	b.t.Helper()
	cus := b.customer()
	card := b.saved(cus, "pm_card_visa")
	paid, err := b.charge(cus, card)
	require.NoError(b.t, err)
	b.must("/v1/refunds", "payment_intent", paid.ID, "amount", "99")
	_, err = b.charge(cus, b.saved(cus, "pm_card_chargeCustomerFail"))
	require.Error(b.t, err)
	_, err = b.charge(cus, b.saved(cus, "pm_sandbox_decline_insufficient_funds_advice_try_again_later_times_2"))
	require.Error(b.t, err)
	_, err = b.charge(cus, b.saved(cus, "pm_card_createDispute"))
	require.NoError(b.t, err)
	b.must("/v1/payment_intents", "amount", "1099", "currency", "usd", "payment_method", "pm_usBankAccount_success",
		"payment_method_types[0]", "us_bank_account", "confirm", "true", "customer", cus, "mandate_data[customer_acceptance][type]", "offline")
	challenged := b.must("/v1/payment_intents", "amount", "1099", "currency", "usd", "payment_method", "pm_card_authenticationRequired", "confirm", "true", "return_url", "https://shop.example.com")
	require.Equal(b.t, http.StatusOK, b.control("/payment_intents/"+challenged+"/authenticate", map[string]string{"result": "pass"}).status)
	b.must("/v1/setup_intents", "customer", cus, "payment_method", "pm_card_mastercard", "confirm", "true", "return_url", "https://shop.example.com")
	b.must("/v1/customers/"+cus, "invoice_settings[default_payment_method]", card, "metadata[a]", "<&> é \u2028", "name", "Zoë \"Z\" <z>")
	b.must("/v1/checkout/sessions", "mode", "payment", "success_url", "https://shop.example.com", "line_items[0][quantity]", "2",
		"line_items[0][price_data][currency]", "usd", "line_items[0][price_data][unit_amount]", "500", "line_items[0][price_data][product_data][name]", "Tea")
	setup := b.must("/v1/checkout/sessions", "mode", "setup", "currency", "usd", "success_url", "https://shop.example.com", "customer", cus)
	require.Equal(b.t, http.StatusOK, b.pay(setup, stripesandbox.Payment{PaymentMethod: "pm_card_visa"}).status)
	b.must("/v1/webhook_endpoints", "url", "http://127.0.0.1:1/hook", "enabled_events[0]", "account.updated")
	gone := b.must("/v1/webhook_endpoints", "url", "http://127.0.0.1:1/gone", "enabled_events[0]", "account.updated")
	require.Equal(b.t, http.StatusOK, b.raw(http.MethodDelete, "/v1/webhook_endpoints/"+gone, "").status)
	detached := b.saved(cus, "pm_card_amex")
	b.must("/v1/payment_methods/" + detached + "/detach")
	product := b.must("/v1/products", "name", "Tea club")
	price := b.must("/v1/prices", "product", product, "currency", "usd", "unit_amount", "1000", "recurring[interval]", "month")
	coupon := b.must("/v1/coupons", "percent_off", "12.5", "duration", "repeating", "duration_in_months", "3")
	b.must("/v1/subscriptions", "customer", cus, "items[0][price]", price, "default_payment_method", card, "discounts[0][coupon]", coupon)
	b.must("/v1/customers/"+cus+"/balance_transactions", "amount", "-500", "currency", "usd")
	calls := "calls_" + coupon
	b.must("/v1/prices", "product", product, "currency", "usd", "unit_amount", "2", "recurring[interval]", "month",
		"recurring[usage_type]", "metered", "recurring[meter]", b.meter(calls, "sum"))
	require.Equal(b.t, http.StatusOK, b.post("/v1/billing/meter_events", "event_name", calls, "payload[stripe_customer_id]", cus, "payload[value]", "7").status)
	clock := b.must("/v1/test_helpers/test_clocks", "frozen_time", "1900000000")
	timed := b.must("/v1/customers", "test_clock", clock, "payment_method", "pm_card_visa", "invoice_settings[default_payment_method]", "pm_card_visa")
	b.must("/v1/subscriptions", "customer", timed, "items[0][price]", price, "trial_period_days", "7")
	b.must("/v1/customers", "email", "gone@example.com")
	require.Equal(b.t, http.StatusOK, b.raw(http.MethodDelete, "/v1/customers/"+b.customer(), "").status)
}

func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	cfg := stripesandbox.Config{Data: dataPath(t)}
	b := newBundle(t, cfg)
	b.live()
	require.NoError(t, b.srv.AdvanceClock(3*time.Minute)) // the debit settles
	b.live()
	b.keyed("k", "/v1/customers", "email=jane@example.com")
	b.keyed("k", "/v1/customers", "email=joe@example.com")
	require.Equal(t, stripesandbox.StoredKinds(), b.srv.Kinds(), "live leaves some of every kind")
	queries := []string{
		"/v1/customers?limit=100", "/v1/events?limit=100", "/v1/payment_intents?limit=100&expand[]=data.latest_charge.refunds&expand[]=data.customer&expand[]=data.payment_method",
		"/v1/charges?limit=100&expand[]=data.payment_intent", "/v1/setup_intents?limit=100", "/v1/checkout/sessions?limit=100", "/v1/refunds?limit=100",
		"/v1/subscriptions?limit=100&expand[]=data.latest_invoice", "/v1/webhook_endpoints?limit=100", "/v1/prices?limit=100&expand[]=data.product",
	}
	before := make(map[string]string)
	for _, query := range queries {
		before[query] = string(b.raw(http.MethodGet, query, "").body)
	}
	picture, ledger := b.srv.Picture(), b.ledger()
	for range 2 {
		b = b.reopen(cfg)
		require.Equal(t, picture, b.srv.Picture())
		for _, query := range queries {
			require.Equal(t, before[query], string(b.raw(http.MethodGet, query, "").body), query)
		}
		require.Equal(t, ledger, b.ledger())
	}
	known := make(map[any]bool)
	for _, event := range b.raw(http.MethodGet, "/v1/events?limit=100", "").at(t, "data").([]any) {
		known[event.(map[string]any)["id"]] = true
	}
	b.live()
	for _, event := range b.raw(http.MethodGet, "/v1/events?limit=50", "").at(t, "data").([]any) {
		require.NotContains(t, known, event.(map[string]any)["id"], "no id comes twice")
	}
}

// What makes a file large is in it as little as can be. Three events, an answer and the
// versions of five resources are 15 KB of JSON.
func TestPaymentsTakeLittleRoom(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{Data: dataPath(t)})
	cus := b.customer()
	before := b.srv.FileSize()
	const payments = 100
	for i := range payments {
		a := b.keyed("key-"+strconv.Itoa(i), "/v1/payment_intents", newPayment+"&expand[0]=latest_charge&metadata[offsession_reference]=order-"+strconv.Itoa(i)+"&customer="+cus)
		require.Equal(t, http.StatusOK, a.status)
	}
	require.Less(t, (b.srv.FileSize()-before)/payments, int64(4096))
}

// The log of events is bounded, and with it what can still be delivered after a restart:
// that is said, as it is nowhere to be seen.
func TestLostDeliveriesAreLogged(t *testing.T) {
	t.Parallel()
	hook := newReceiver(t)
	hook.refuse.Store(1000)
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = log.Close() })
	cfg := hook.config("customer.created")
	cfg.Data, cfg.MaxEvents, cfg.Logger = dataPath(t), 10, slog.New(slog.NewTextHandler(log, nil))
	b := newBundle(t, cfg)
	for range 12 {
		b.customer()
	}
	require.Equal(t, 12, b.srv.Undelivered())
	b = b.reopen(cfg)
	require.Equal(t, 10, b.srv.Undelivered())
	said, err := os.ReadFile(log.Name())
	require.NoError(t, err)
	require.Contains(t, string(said), "webhooks are lost")
	require.Contains(t, string(said), "webhooks=2 events_kept=10")
}

func TestRestartReplaysKeys(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, form string
		fault      stripesandbox.FaultKind
		status     int
	}{
		{"success", newPayment, "", http.StatusOK},
		{"expanded", newPayment + "&description=%3C%26%3E+%C3%A9+%22&expand[0]=latest_charge.refunds&expand[1]=payment_method", "", http.StatusOK},
		{"decline", strings.Replace(newPayment, "pm_card_visa", "pm_card_chargeCustomerFail", 1), "", http.StatusPaymentRequired},
		{"refusal that left a payment", "amount=1099&currency=usd&" + typedForm("000666666661"), "", http.StatusBadRequest},
		{"500 after", newPayment, stripesandbox.Fault500After, http.StatusInternalServerError},
		{"500 before", newPayment, stripesandbox.Fault500Before, http.StatusInternalServerError},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := stripesandbox.Config{Data: dataPath(t)}
			b := newBundle(t, cfg)
			if tc.fault != "" {
				b.control("/faults", stripesandbox.Fault{Kind: tc.fault, Times: 1, Method: http.MethodPost})
			}
			first := b.keyed("k", "/v1/payment_intents", tc.form)
			require.Equal(t, tc.status, first.status, string(first.body))
			payments := b.payments()
			require.Equal(t, http.StatusBadRequest, b.keyed("refused", "/v1/payment_intents", "amount=0&currency=usd").status)
			for range 2 {
				b = b.reopen(cfg)
				second := b.keyed("k", "/v1/payment_intents", tc.form)
				require.Equal(t, "true", second.header.Get("Idempotent-Replayed"))
				require.Equal(t, first.header.Get("Request-Id"), second.header.Get("Original-Request"))
				require.Equal(t, first.status, second.status)
				require.Equal(t, string(first.body), string(second.body))
				require.Equal(t, "idempotency_error", b.keyed("k", "/v1/payment_intents", "amount=1").at(t, "error.type"))
				require.Equal(t, payments, b.payments())
			}
			require.Equal(t, http.StatusOK, b.keyed("refused", "/v1/payment_intents", newPayment).status, "not stored, so not kept")
			require.NoError(t, b.srv.AdvanceClock(25*time.Hour))
			b = b.reopen(cfg)
			require.Empty(t, b.keyed("k", "/v1/payment_intents", tc.form).header.Get("Idempotent-Replayed"), "the clock has kept its place")
			require.Equal(t, payments+2, b.payments())
		})
	}
}

// What was to happen by itself does so after the restart, at the time it was due.
func TestRestartKeepsWhatIsDue(t *testing.T) {
	t.Parallel()
	at := func(wall time.Time) func() time.Time { return func() time.Time { return wall } }
	start := time.Unix(1_800_000_000, 0)
	cfg := stripesandbox.Config{Data: dataPath(t), AsyncDelay: time.Hour, Clock: at(start)}
	b := newBundle(t, cfg)
	cus := b.customer()
	debit := b.must("/v1/payment_intents", "amount", "1099", "currency", "usd", "payment_method", "pm_usBankAccount_success",
		"payment_method_types[0]", "us_bank_account", "confirm", "true", "customer", cus)
	session := b.must("/v1/checkout/sessions", "mode", "setup", "currency", "usd", "success_url", "https://shop.example.com")
	b = b.reopen(cfg)
	require.Equal(t, "processing", b.raw(http.MethodGet, "/v1/payment_intents/"+debit, "").at(t, "status"))
	require.NoError(t, b.srv.AdvanceClock(90*time.Minute))
	require.Equal(t, "succeeded", b.raw(http.MethodGet, "/v1/payment_intents/"+debit, "").at(t, "status"))
	cfg.Clock = at(start.Add(48 * time.Hour)) // it was off for so long
	b = b.reopen(cfg)
	require.Equal(t, "expired", b.raw(http.MethodGet, "/v1/checkout/sessions/"+session, "").at(t, "status"))
	require.Equal(t, []string{"checkout.session.expired"}, b.events(session))
	require.InDelta(t, 5400, b.control("/clock", map[string]string{"advance": "1ns"}).at(t, "advanced_seconds").(float64), 0)
}

func TestDeliveriesGoOutAfterARestart(t *testing.T) {
	t.Parallel()
	hook := newReceiver(t)
	hook.refuse.Store(1000)
	cfg := hook.config("*")
	cfg.Data = dataPath(t)
	b := newBundle(t, cfg)
	b.customer()
	b.customer()
	other := b.must("/v1/webhook_endpoints", "url", hook.URL+"/other", "enabled_events[0]", "*")
	b.customer()
	require.Equal(t, 4, b.srv.Undelivered())
	require.Equal(t, http.StatusOK, b.raw(http.MethodDelete, "/v1/webhook_endpoints/"+other, "").status)
	b = b.reopen(cfg)
	require.Len(t, b.raw(http.MethodGet, "/v1/webhook_endpoints", "").at(t, "data"), 1, "the one of the configuration is known")
	require.Equal(t, 3, b.srv.Undelivered(), "what was for the deleted one is forgotten")
	b.srv.Close() // which ends what is under way
	hook.refuse.Store(0)
	b = newBundle(t, cfg)
	require.NoError(t, b.srv.AdvanceClock(2*time.Hour))
	require.Eventually(t, func() bool { return b.srv.Undelivered() == 0 }, 10*time.Second, 10*time.Millisecond)
	require.Len(t, hook.events, 3)
	b = b.reopen(cfg)
	require.Zero(t, b.srv.Undelivered())
	require.Len(t, b.raw(http.MethodGet, "/v1/events?delivery_success=false", "").at(t, "data"), 1, "of the deleted endpoint")
}

// A transaction that fails takes everything of its request with it.
func TestFailedCommitLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"resources", "entries", "keys", "attempts", "deliveries", "counters"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			hook := newReceiver(t)
			cfg := hook.config("charge.succeeded")
			cfg.Data = dataPath(t)
			// Without the last look at the events, which a broken sandbox refuses too.
			cfg.Middleware = new(sandboxtest.Validator).Middleware
			srv, err := stripesandbox.Start(t.Context(), "127.0.0.1:0", cfg)
			require.NoError(t, err)
			t.Cleanup(srv.Close)
			b := &bundle{Client: clientFor(srv.URL), t: t, srv: srv}
			cus := b.customer()
			form := newPayment + "&customer=" + cus
			before := b.srv.Picture()
			require.NoError(t, b.srv.BreakFile(table))
			failed := b.keyed("k", "/v1/payment_intents", form)
			require.Equal(t, http.StatusInternalServerError, failed.status)
			require.Contains(t, failed.at(t, "error.message"), "needs a restart")
			require.Contains(t, failed.at(t, "error.message"), "the disk is full")
			for _, later := range []answer{
				b.raw(http.MethodGet, "/v1/customers", ""), b.keyed("k", "/v1/payment_intents", form), b.control("/clock", map[string]string{"advance": "1h"}),
				b.raw(http.MethodGet, "/_sandbox/ledger", ""), b.raw(http.MethodGet, "/_sandbox/health", ""),
			} {
				require.GreaterOrEqual(t, later.status, http.StatusBadRequest, string(later.body))
				require.Contains(t, string(later.body), "needs a restart")
			}
			b.srv.Close()
			require.Empty(t, hook.events, "nothing is told of what did not happen")
			b = newBundle(t, cfg)
			require.Equal(t, before, b.srv.Picture())
			again := b.keyed("k", "/v1/payment_intents", form)
			require.Equal(t, http.StatusOK, again.status)
			require.Empty(t, again.header.Get("Idempotent-Replayed"))
			require.Equal(t, 1, b.payments())
			require.EqualValues(t, "charge.succeeded", hook.next(t).Type)
		})
	}
}

func TestDataFileThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	open := func(path string) error {
		s, err := stripesandbox.New(stripesandbox.Config{Data: path, Middleware: sandboxtest.Check(t)})
		if err == nil {
			s.Close()
		}
		return err
	}
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	good := filepath.Join(dir, "good.db")
	require.NoError(t, open(good))
	content, err := os.ReadFile(good)
	require.NoError(t, err)
	newer, foreign := append([]byte{}, content...), append([]byte{}, content...)
	newer[63] = 99
	foreign[68] = 0
	for name, tc := range map[string]struct{ path, want string }{
		"text":           {write("text.db", []byte("dear diary")), "is not a data file of the sandbox"},
		"long text":      {write("long.db", []byte(strings.Repeat("dear diary\n", 100))), "is not a data file of the sandbox"},
		"other database": {write("foreign.db", foreign), "is not a data file of the sandbox"},
		"newer":          {write("newer.db", newer), "schema 99"},
		"directory":      {dir, "is a directory"},
		"no directory":   {filepath.Join(dir, "none", "x.db"), "none"},
		"broken":         {write("broken.db", append(content[:100:100], make([]byte, 10_000)...)), "broken.db"},
	} {
		before, _ := os.ReadFile(tc.path)
		err := open(tc.path)
		require.ErrorContains(t, err, tc.want, name)
		require.ErrorContains(t, err, filepath.Base(tc.path), name)
		after, _ := os.ReadFile(tc.path)
		require.Equal(t, before, after, "%s: left as it was", name)
	}
	require.NoError(t, open(write("empty.db", nil)))

	running, err := stripesandbox.New(stripesandbox.Config{Data: good, Middleware: sandboxtest.Check(t)})
	require.NoError(t, err)
	t.Cleanup(running.Close)
	require.ErrorContains(t, open(good), good+" is in use by another sandbox")
	running.Close()
	require.NoError(t, open(good))
}
