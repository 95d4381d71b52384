package stripesandbox_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func (m *machine) attachMethod(t *rapid.T) {
	cus, c := pick(t, "customer", m.customers), m.choose(t, false)
	m.call(t, "/v1/payment_methods/"+c.text()+"/attach", form("customer", cus), func() outcome {
		pm := c.known
		out := ok()
		if pm == nil {
			card := modelCards[c.token]
			pm = &modelMethod{token: c.token, card: card, setUp: card.setUp}
			out.minted = pm
		}
		switch {
		case pm.customer == cus:
			return out
		case pm.customer != "" || pm.burnt:
			return bad("")
		case pm.card.attach != "":
			return out.with(outcome{status: http.StatusPaymentRequired, code: pm.card.attach})
		}
		return out.then(m.attach(pm, cus)...)
	})
}

func (m *machine) detachMethod(t *rapid.T) {
	pm := pick(t, "method", m.methods)
	m.call(t, "/v1/payment_methods/"+pm.id+"/detach", nil, func() outcome {
		if pm.customer == "" {
			return bad("")
		}
		pm.customer, pm.burnt = "", true
		return ok("payment_method.detached")
	})
}

func (m *machine) createPayment(t *rapid.T) {
	cus, c := m.customer(t), m.choose(t, true)
	amount, currency := rapid.IntRange(50, 100).Draw(t, "amount"), rapid.SampledFrom([]string{"usd", "usd", "eur"}).Draw(t, "currency")
	confirm, confirmText := flag(t, "confirm")
	off, offText := flag(t, "off session")
	errorOnAction, errorText := flag(t, "error on action")
	future := rapid.SampledFrom([]string{"", "", "off_session"}).Draw(t, "future usage")
	m.call(t, "/v1/payment_intents", form(
		"amount", fmt.Sprint(amount), "currency", currency, "customer", cus, "payment_method", c.text(), "confirm", confirmText, "off_session", offText,
		"error_on_requires_action", errorText, "setup_future_usage", future, "metadata[offsession_reference]", "ref", mandateType, agreed(confirm),
	), func() outcome {
		pi := &modelPayment{amount: amount, currency: currency, customer: cus, future: future, status: needsMethod}
		if ((off || errorOnAction) && !confirm) || (off && future != "") {
			return bad("")
		}
		used := ok()
		if !c.none() {
			if pi.method, used = m.use(c, cus, currency); used.fails() {
				return used
			}
			pi.status = needsConfirmation
		} else if confirm {
			return bad("payment_intent_unexpected_state")
		}
		used.made = pi
		used = used.then("payment_intent.created")
		if !confirm {
			return used
		}
		return used.with(m.confirm(pi, pi.method, off, errorOnAction))
	})
}

func (m *machine) confirmPayment(t *rapid.T) {
	pi, c := pick(t, "payment", m.payments), m.choose(t, true)
	off, offText := flag(t, "off session")
	errorOnAction, errorText := flag(t, "error on action")
	m.call(t, "/v1/payment_intents/"+pi.id+"/confirm", form(
		"payment_method", c.text(), "off_session", offText, "error_on_requires_action", errorText, mandateType, agreed(true),
	), func() outcome {
		switch {
		case pi.status == succeeded || pi.status == canceled || pi.status == processing || pi.session != nil:
			return bad("payment_intent_unexpected_state")
		case off && pi.future != "":
			return bad("")
		case c.none() && pi.method == nil:
			return bad("payment_intent_unexpected_state")
		}
		choice := c
		if c.none() {
			choice.known = pi.method
		}
		pm, used := m.use(choice, pi.customer, pi.currency)
		if used.fails() {
			return used
		}
		return used.with(m.confirm(pi, pm, off, errorOnAction))
	})
}

func (m *machine) updatePayment(t *rapid.T) {
	pi, c := pick(t, "payment", m.payments), m.choose(t, true)
	amount := rapid.IntRange(50, 100).Draw(t, "amount")
	m.call(t, "/v1/payment_intents/"+pi.id, form("amount", fmt.Sprint(amount), "payment_method", c.text()), func() outcome {
		if pi.status == succeeded || pi.status == canceled || pi.status == processing || pi.session != nil {
			return bad("payment_intent_unexpected_state")
		}
		used := ok()
		if !c.none() {
			var pm *modelMethod
			if pm, used = m.use(c, pi.customer, pi.currency); used.fails() {
				return used
			}
			pi.method, pi.status = pm, needsConfirmation
		}
		pi.amount = amount
		return used
	})
}

func (m *machine) cancelPayment(t *rapid.T) {
	pi := pick(t, "payment", m.payments)
	m.call(t, "/v1/payment_intents/"+pi.id+"/cancel", form("cancellation_reason", "abandoned"), func() outcome {
		if pi.status == succeeded || pi.status == canceled || pi.status == processing || pi.session != nil {
			return bad("payment_intent_unexpected_state")
		}
		pi.status = canceled
		return ok("payment_intent.canceled")
	})
}

// step makes a step that is not a call of Stripe's API: it has no key and no request.
func (m *machine) step(t *rapid.T, path string, in any, want outcome) {
	m.compare(t, path, m.control(path, in), want, "", "")
}

func challengeResult(t *rapid.T) (passed bool, result string) {
	passed = rapid.Bool().Draw(t, "passed")
	return passed, map[bool]string{true: "pass", false: "fail"}[passed]
}

func (m *machine) answerSetup(t *rapid.T) {
	passed, result := challengeResult(t)
	si := pick(t, "setup", m.setups)
	var want outcome
	if si.session != nil && si.status == needsAction {
		want = m.pay(si.session, methodChoice{}, result)
	} else {
		want = m.authenticateSetup(si, passed)
	}
	m.step(t, "/setup_intents/"+si.id+"/authenticate", map[string]string{"result": result}, want)
}

func (m *machine) answerPayment(t *rapid.T) {
	passed, result := challengeResult(t)
	pi := pick(t, "payment", m.payments)
	var want outcome
	if pi.session != nil && pi.status == needsAction {
		want = m.pay(pi.session, methodChoice{}, result)
	} else {
		want = m.authenticate(pi, passed)
	}
	m.step(t, "/payment_intents/"+pi.id+"/authenticate", map[string]string{"result": result}, want)
}

func (m *machine) settleDebit(t *rapid.T) {
	pi, paid := pick(t, "payment", m.payments), rapid.Bool().Draw(t, "paid")
	want := outcome{status: http.StatusConflict, code: "payment_intent_unexpected_state"}
	if pi.status == processing {
		want = ok(m.settle(pi, paid)...)
	}
	m.step(t, "/payment_intents/"+pi.id+"/settle", map[string]string{"outcome": map[bool]string{true: "succeeded", false: "failed"}[paid]}, want)
}

func (m *machine) refundPayment(t *rapid.T) {
	pi, amount := pick(t, "payment", m.payments), rapid.IntRange(-1, 60).Draw(t, "amount")
	text := ""
	if amount >= 0 {
		text = fmt.Sprint(amount)
	}
	m.call(t, "/v1/refunds", form("payment_intent", pi.id, "amount", text), func() outcome { return m.refund(pi, amount) })
}

func (m *machine) createSetup(t *rapid.T) {
	cus, c := m.customer(t), m.choose(t, true)
	confirm, confirmText := flag(t, "confirm")
	m.call(t, "/v1/setup_intents", form("customer", cus, "payment_method", c.text(), "confirm", confirmText, mandateType, agreed(confirm)), func() outcome {
		si := &modelSetup{customer: cus, status: needsMethod}
		used := ok()
		if !c.none() {
			if si.method, used = m.use(c, cus, ""); used.fails() {
				return used
			}
			si.status = needsConfirmation
		} else if confirm {
			return bad("setup_intent_unexpected_state")
		}
		used.made = si
		used = used.then("setup_intent.created")
		if !confirm {
			return used
		}
		return used.with(m.confirmSetup(si, si.method))
	})
}

func (m *machine) confirmSetupIntent(t *rapid.T) {
	si, c := pick(t, "setup", m.setups), m.choose(t, true)
	m.call(t, "/v1/setup_intents/"+si.id+"/confirm", form("payment_method", c.text(), mandateType, agreed(true)), func() outcome {
		if si.status == succeeded || si.status == canceled || si.session != nil || (c.none() && si.method == nil) {
			return bad("setup_intent_unexpected_state")
		}
		choice := c
		if c.none() {
			choice.known = si.method
		}
		pm, used := m.use(choice, si.customer, "")
		if used.fails() {
			return used
		}
		return used.with(m.confirmSetup(si, pm))
	})
}

func (m *machine) cancelSetup(t *rapid.T) {
	si := pick(t, "setup", m.setups)
	m.call(t, "/v1/setup_intents/"+si.id+"/cancel", nil, func() outcome {
		if si.status == succeeded || si.status == canceled || si.session != nil {
			return bad("setup_intent_unexpected_state")
		}
		si.status, si.method = canceled, nil
		return ok("setup_intent.canceled")
	})
}

func (m *machine) openSession(t *rapid.T) {
	cus, mode := m.customer(t), rapid.SampledFrom([]string{"payment", "setup"}).Draw(t, "mode")
	life := rapid.SampledFrom([]time.Duration{30 * time.Minute, 5 * time.Hour, 24 * time.Hour}).Draw(t, "life")
	amount, future := rapid.IntRange(50, 100).Draw(t, "amount"), ""
	if cus != "" && mode == "payment" {
		future = rapid.SampledFrom([]string{"", "off_session"}).Draw(t, "future usage")
	}
	values := form("mode", mode, "customer", cus, "success_url", "https://example.com", "payment_intent_data[setup_future_usage]", future, "currency", "usd")
	if mode == "payment" {
		maps.Copy(values, form("line_items[0][quantity]", "1", "line_items[0][price_data][currency]", "usd", "line_items[0][price_data][product_data][name]", "Tea",
			"line_items[0][price_data][unit_amount]", fmt.Sprint(amount), "payment_intent_data[metadata][offsession_reference]", "ref"))
	}
	expires := m.now.Add(life)
	if expires.Sub(m.now) != 24*time.Hour {
		values.Set("expires_at", fmt.Sprint(expires.Unix()))
	}
	m.call(t, "/v1/checkout/sessions", values, func() outcome {
		cs := &modelSession{mode: mode, status: "open", payStatus: "unpaid", customer: cus, future: future, amount: amount, expires: expires}
		if values.Has("expires_at") && expires.Sub(m.now) < 30*time.Minute {
			return bad("") // sent again later
		}
		if !values.Has("expires_at") {
			cs.expires = m.now.Add(24 * time.Hour)
		}
		m.later(cs.expires.Sub(m.now), func() []string { return m.expire(cs) })
		out := outcome{status: http.StatusOK, made: cs}
		if mode == "setup" {
			cs.payStatus = "no_payment_required"
			cs.setup = &modelSetup{customer: cus, status: needsMethod, session: cs}
			m.setups = append(m.setups, cs.setup)
			return out.then("setup_intent.created")
		}
		return out
	})
}

func (m *machine) paySession(t *rapid.T) {
	cs, c := pick(t, "session", m.sessions), m.choose(t, true)
	authenticate := rapid.SampledFrom([]string{"pass", "fail", "abandon"}).Draw(t, "authenticate")
	m.step(t, "/checkout/"+cs.id+"/pay", stripesandbox.Payment{
		PaymentMethod: c.text(), Email: "jane@example.com", Authenticate: stripesandbox.Authentication(authenticate),
	}, m.pay(cs, c, authenticate))
}

func (m *machine) expireSession(t *rapid.T) {
	cs := pick(t, "session", m.sessions)
	m.call(t, "/v1/checkout/sessions/"+cs.id+"/expire", nil, func() outcome {
		if cs.status != "open" {
			return bad("")
		}
		return ok(m.expire(cs)...)
	})
}

func (m *machine) advanceClock(t *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{
		30 * time.Second, time.Minute, 29 * time.Minute, time.Hour, 11 * time.Hour, 24*time.Hour - time.Second, 24 * time.Hour, 40 * 24 * time.Hour,
	}).Draw(t, "by")
	w := m.control("/clock", map[string]string{"advance": d.String()})
	require.Equal(t, http.StatusOK, w.Code)
	want := m.advance(d)
	events := m.newEvents(t)
	var types []string
	for _, e := range events {
		types = append(types, e.Type)
	}
	require.Equal(t, want, types)
	m.checkEvents(t, events, 0, "", "", m.endpoints)
}

// repeatCall sends a call again, as a client does that has not got the answer.
func (m *machine) repeatCall(t *rapid.T) {
	c := pick(t, "call", m.history)
	if !m.remembers(c) {
		m.send(t, c) // as new
		return
	}
	w := m.do(http.MethodPost, c.path, c.form, c.key)
	require.Equal(t, "true", w.Header().Get("Idempotent-Replayed"))
	require.Equal(t, c.status, w.Code)
	require.Equal(t, string(c.body), w.Body.String())
	require.Empty(t, m.newEvents(t))
}

func (m *machine) remembers(c *sent) bool { return c.stored && m.now.Sub(c.at) < 24*time.Hour }

func (m *machine) remembered() []*sent {
	return slices.DeleteFunc(slices.Clone(m.history), func(c *sent) bool { return !m.remembers(c) })
}

func (m *machine) reuseKey(t *rapid.T) {
	c := pick(t, "call", m.remembered())
	w := m.do(http.MethodPost, c.path, form("description", "another"), c.key)
	require.Equal(t, http.StatusBadRequest, w.Code)
	require.Equal(t, "idempotency_error", decode(t, w.Body.Bytes())["error"].(map[string]any)["type"])
	require.Empty(t, m.newEvents(t))
}

func (m *machine) changeEndpoints(t *rapid.T) {
	ids := slices.Sorted(maps.Keys(m.endpoints))
	if len(ids) == 3 || (len(ids) > 0 && rapid.Bool().Draw(t, "remove")) {
		id := pick(t, "endpoint", ids)
		require.Equal(t, http.StatusOK, m.do(http.MethodDelete, "/v1/webhook_endpoints/"+id, nil, "").Code)
		delete(m.endpoints, id)
		return
	}
	enabled := rapid.SampledFrom([][]string{{"*"}, {"payment_intent.succeeded"}, {"charge.failed", "checkout.session.expired"}}).Draw(t, "enabled")
	w := m.do(http.MethodPost, "/v1/webhook_endpoints", url.Values{"url": {"http://127.0.0.1:9"}, "enabled_events[]": enabled}, "")
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	m.endpoints[decode(t, w.Body.Bytes())["id"].(string)] = enabled
}
