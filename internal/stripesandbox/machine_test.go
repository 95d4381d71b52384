package stripesandbox_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
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

// TestPaymentMachine sends random sequences of calls to a sandbox and to the model of
// machine_model_test.go, and compares after each call: the answer, the events, the state
// of every object, and what must never happen whatever is sent.
func TestPaymentMachine(t *testing.T) {
	t.Parallel()
	for i := range machineRounds {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			validated := sandboxtest.Check(t)
			rapid.Check(t, func(t *rapid.T) {
				m := newMachine(t, validated)
				t.Repeat(map[string]func(*rapid.T){"": m.check, "step": oneOf(m.actions()...)})
			})
		})
	}
}

// sent is a call that was made under a key.
type sent struct {
	key, path string
	form      url.Values
	at        time.Time
	stored    bool
	status    int
	body      []byte
	expect    func() outcome
}

type machine struct {
	model
	*invariants
	t         *rapid.T
	s         *stripesandbox.Sandbox
	customers []string
	history   []*sent
	keys      int
}

// newMachine is given the middleware of sandboxtest.Check.
func newMachine(t *rapid.T, validated func(http.Handler) http.Handler) *machine {
	start := time.Unix(1_800_000_000, 0)
	s, err := stripesandbox.New(stripesandbox.Config{
		Seed: 1, AsyncDelay: asyncDelay, Logger: slog.New(slog.DiscardHandler), Clock: func() time.Time { return start }, Middleware: validated,
	})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	m := &machine{t: t, s: s, model: model{now: start, endpoints: map[string][]string{}}}
	m.invariants = &invariants{get: func(path string) []byte { return m.do(http.MethodGet, path, nil, "").Body.Bytes() }}
	m.control("/webhooks", map[string]any{"mode": "lost"})
	for range 2 {
		w := m.do(http.MethodPost, "/v1/customers", url.Values{"email": {"jane@example.com"}}, "")
		m.customers = append(m.customers, decode(t, w.Body.Bytes())["id"].(string))
	}
	m.newEvents(t)
	return m
}

func decode(t require.TestingT, body []byte) map[string]any {
	var v map[string]any
	require.NoError(t, json.Unmarshal(body, &v), "%s", body)
	return v
}

func (m *machine) do(method, path string, form url.Values, key string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Authorization", "Bearer "+stripesandbox.DefaultAPIKey)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	w := httptest.NewRecorder()
	m.s.ServeHTTP(w, r)
	return w
}

func (m *machine) control(path string, in any) *httptest.ResponseRecorder {
	body, err := json.Marshal(in)
	require.NoError(m.t, err)
	w := httptest.NewRecorder()
	m.s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/_sandbox"+path, bytes.NewReader(body)))
	return w
}

// call makes a call of the API, mostly under a new key.
func (m *machine) call(t *rapid.T, path string, form url.Values, expect func() outcome) {
	key := ""
	if rapid.IntRange(0, 3).Draw(t, "keyed") > 0 {
		m.keys++
		key = fmt.Sprintf("key-%d", m.keys)
	}
	m.send(t, &sent{key: key, path: path, form: form, expect: expect})
}

func (m *machine) send(t *rapid.T, c *sent) {
	w := m.do(http.MethodPost, c.path, c.form, c.key)
	want := c.expect()
	m.compare(t, c.path, w, want, w.Header().Get("Request-Id"), c.key)
	require.Empty(t, w.Header().Get("Idempotent-Replayed"))
	c.at, c.status, c.body = m.now, w.Code, w.Body.Bytes()
	c.stored = w.Code == http.StatusOK || w.Code == http.StatusPaymentRequired || len(want.events) > 0
	if c.key != "" && !slices.Contains(m.history, c) {
		m.history = append(m.history, c)
	}
}

// compare holds the answer and the events of a call against what the model expects, and
// learns the ids of what was made.
func (m *machine) compare(t *rapid.T, path string, w *httptest.ResponseRecorder, want outcome, request, key string) {
	body := w.Body.Bytes()
	require.Equal(t, want.status, w.Code, "%s: %s", path, body)
	answer := decode(t, body)
	shown, prefix := answer, ""
	if want.fails() {
		e := answer["error"].(map[string]any)
		code, _ := e["code"].(string)
		require.Equal(t, want.code, code, "%s: %s", path, body)
		for _, name := range []string{"payment_intent", "setup_intent"} {
			if o, ok := e[name].(map[string]any); ok {
				shown, prefix = o, name
			}
		}
		if pm, ok := e["payment_method"].(map[string]any); ok && want.minted != nil {
			want.minted.id = pm["id"].(string)
		}
	}
	events := m.newEvents(t)
	var types []string
	for _, e := range events {
		types = append(types, e.Type)
	}
	require.Equal(t, want.events, types, "%s: %s", path, body)
	m.checkEvents(t, events, m.now.Unix(), request, key, m.endpoints)
	id, _ := shown["id"].(string)
	switch made := want.made.(type) {
	case *modelPayment:
		if (prefix == "" || prefix == "payment_intent") && made.id == "" && want.status != http.StatusBadRequest {
			made.id = id
			m.payments = append(m.payments, made)
		}
	case *modelSetup:
		if made.id == "" && want.status != http.StatusBadRequest {
			made.id = id
			m.setups = append(m.setups, made)
		}
	case *modelSession:
		if want.status == http.StatusOK {
			made.id = id
			m.sessions = append(m.sessions, made)
		}
	}
	m.learnSession(t)
	if pm := want.minted; pm != nil && want.status != http.StatusBadRequest {
		if pm.id == "" {
			switch {
			case strings.HasPrefix(id, "pm_"):
				pm.id = id
			default:
				pm.id, _ = shown["payment_method"].(string)
			}
		}
		m.learnMethod(t, pm)
	}
}

// learnSession asks for the ids of the intents that a session has made.
func (m *machine) learnSession(t *rapid.T) {
	for _, cs := range m.sessions {
		if (cs.payment == nil || cs.payment.id != "") && (cs.setup == nil || cs.setup.id != "") {
			continue
		}
		shown := decode(t, m.get("/v1/checkout/sessions/"+cs.id))
		if cs.payment != nil {
			cs.payment.id = shown["payment_intent"].(string)
		}
		if cs.setup != nil {
			cs.setup.id = shown["setup_intent"].(string)
		}
	}
}

func (m *machine) learnMethod(t *rapid.T, pm *modelMethod) {
	for _, cs := range m.sessions { // the answer of a buyer's step names no method
		if pm.id == "" && cs.payment != nil && cs.payment.method == pm {
			pm.id, _ = decode(t, m.get("/v1/payment_intents/"+cs.payment.id))["payment_method"].(string)
		}
		if pm.id == "" && cs.setup != nil && cs.setup.method == pm {
			pm.id, _ = decode(t, m.get("/v1/setup_intents/"+cs.setup.id))["payment_method"].(string)
		}
	}
	if pm.id != "" {
		m.methods = append(m.methods, pm)
	}
}

// pick is one of a list that has some: what an action picks from is in its "when".
func pick[T any](t *rapid.T, name string, from []T) T {
	return rapid.SampledFrom(from).Draw(t, name)
}

var modelTokens = slices.Sorted(maps.Keys(modelCards))

func (m *machine) choose(t *rapid.T, orNone bool) methodChoice {
	kinds := []string{"token", "known", "known"}
	if orNone {
		kinds = append(kinds, "none")
	}
	switch kind := rapid.SampledFrom(kinds).Draw(t, "method"); {
	case kind == "none":
		return methodChoice{}
	case kind == "known" && len(m.methods) > 0:
		return methodChoice{known: pick(t, "known method", m.methods)}
	}
	return methodChoice{token: rapid.SampledFrom(modelTokens).Draw(t, "token")}
}

func (m *machine) customer(t *rapid.T) string {
	return rapid.SampledFrom(append(slices.Clone(m.customers), "")).Draw(t, "customer")
}

// form leaves out what is empty, as a client would.
func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	return values
}

// mandateType is given with every confirmation: bank accounts need it, cards do not mind.
const mandateType = "mandate_data[customer_acceptance][type]"

func agreed(confirms bool) string {
	if confirms {
		return "offline"
	}
	return ""
}

func flag(t *rapid.T, name string) (bool, string) {
	if rapid.Bool().Draw(t, name) {
		return true, "true"
	}
	return false, ""
}
