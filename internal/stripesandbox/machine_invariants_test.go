package stripesandbox_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// invariants are what holds after each call, whatever the calls were. They look at the
// answers of the API alone.
type invariants struct {
	get      func(path string) []byte
	newest   string            // event
	statuses map[string]string // the last that an event told, by id
	final    map[string]string // intents that have come to their end, as they were then
	charged  map[string]bool   // charges seen
	burnt    map[string]bool   // methods that must not be used again
	ended    map[string]string // statuses of sessions
	parsed   map[parsedKey]any
}

type parsedKey struct {
	kind reflect.Type
	text string
}

// parsed returns what an answer, or an object of it, says. check reads everything after
// each step, little of which has changed: the same text is parsed once. Under the race
// detector that takes most of the time. What is returned must not be changed.
func parsed[T any](t *rapid.T, i *invariants, text []byte) T {
	kind := reflect.TypeFor[T]()
	if known, ok := i.parsed[parsedKey{kind, string(text)}]; ok {
		return known.(T)
	}
	var value T
	require.NoError(t, json.Unmarshal(text, &value), "%s", text)
	if i.parsed == nil {
		i.parsed = map[parsedKey]any{}
	}
	i.parsed[parsedKey{kind, string(text)}] = value
	return value
}

// page is one of a list.
type page struct {
	Data    []json.RawMessage `json:"data"`
	HasMore bool              `json:"has_more"`
}

type shownEvent struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Created int64  `json:"created"`
	Pending int    `json:"pending_webhooks"`
	Request struct {
		ID  string `json:"id"`
		Key string `json:"idempotency_key"`
	} `json:"request"`
	Data struct {
		Object json.RawMessage `json:"object"`
	} `json:"data"`
}

type shownObject struct {
	ID           string `json:"id"`
	Object       string `json:"object"`
	Status       string `json:"status"`
	Customer     string `json:"customer"`
	Charge       string `json:"charge"`
	Amount       int    `json:"amount"`
	Received     int    `json:"amount_received"`
	Refunded     int    `json:"amount_refunded"`
	Method       string `json:"payment_method"`
	Intent       string `json:"payment_intent"`
	LatestCharge string `json:"latest_charge"`
	PayStatus    string `json:"payment_status"`
	Expires      int64  `json:"expires_at"`
}

func listed[T any](t *rapid.T, i *invariants, path string) []T {
	all := parsed[page](t, i, i.get(path))
	require.False(t, all.HasMore, "%s: more than a page", path)
	return as[T](t, i, all.Data)
}

// newEvents returns the events since it was asked last, oldest first.
func (i *invariants) newEvents(t *rapid.T) []shownEvent {
	path := "/v1/events?limit=100"
	if i.newest != "" {
		path += "&ending_before=" + i.newest
	}
	events := listed[shownEvent](t, i, path)
	slices.Reverse(events)
	if len(events) > 0 {
		i.newest = events[len(events)-1].ID
	}
	return events
}

// The ways that an intent and a session can go. An event may also tell of the same status
// again.
var arrows = map[string][]string{
	"":                {needsMethod, needsConfirmation},
	needsMethod:       {needsMethod, needsConfirmation, needsAction, processing, succeeded, canceled},
	needsConfirmation: {needsMethod, needsConfirmation, needsAction, processing, succeeded, canceled},
	needsAction:       {needsMethod, needsConfirmation, needsAction, processing, succeeded, canceled},
	processing:        {needsMethod, succeeded},
	succeeded:         {},
	canceled:          {},
}

var paths = map[string]string{
	"payment_intent": "payment_intents", "setup_intent": "setup_intents", "charge": "charges", "refund": "refunds",
	"payment_method": "payment_methods", "checkout.session": "checkout/sessions", "dispute": "disputes",
}

// checkEvents holds the events of one call against the objects that they tell of.
func (i *invariants) checkEvents(t *rapid.T, events []shownEvent, at int64, request, key string, endpoints map[string][]string) {
	if i.statuses == nil {
		i.statuses = map[string]string{}
	}
	last := map[string]shownEvent{}
	for _, e := range events {
		o := parsed[shownObject](t, i, e.Data.Object)
		last[o.ID] = e
		if o.Object == "payment_intent" || o.Object == "setup_intent" {
			require.Contains(t, arrows[i.statuses[o.ID]], o.Status, "%s was %s", e.Type, i.statuses[o.ID])
			i.statuses[o.ID] = o.Status
		}
		require.Equal(t, request, e.Request.ID, e.Type)
		require.Equal(t, key, e.Request.Key, e.Type)
		if at != 0 {
			require.Equal(t, at, e.Created, e.Type)
		}
		wanted := 0
		for _, enabled := range endpoints {
			if slices.Contains(enabled, "*") || slices.Contains(enabled, e.Type) {
				wanted++
			}
		}
		require.Equal(t, wanted, e.Pending, e.Type)
	}
	for id, e := range last {
		o := parsed[shownObject](t, i, e.Data.Object)
		if o.Object == "charge" && e.Type != "charge.refunded" {
			continue // a dispute or a failed refund that came with it has changed it since
		}
		now := strings.TrimSpace(string(i.get("/v1/" + paths[o.Object] + "/" + id)))
		if at == 0 && now != string(e.Data.Object) {
			// Many things happened while the clock moved; what the last event of an intent told still stands.
			stands := parsed[shownObject](t, i, []byte(now))
			require.Equal(t, o.Status, stands.Status, e.Type)
			continue
		}
		require.Equal(t, now, string(e.Data.Object), "%s is not what GET answers", e.Type)
	}
}

// check compares everything that lists show with the model, and with itself.
func (m *machine) check(t *rapid.T) {
	i := m.invariants
	if i.final == nil {
		i.final, i.charged, i.burnt, i.ended = map[string]string{}, map[string]bool{}, map[string]bool{}, map[string]string{}
	}
	raw := listed[json.RawMessage](t, i, "/v1/payment_intents?limit=100")
	charges := map[string][]shownObject{} // by payment
	for _, ch := range listed[shownObject](t, i, "/v1/charges?limit=100") {
		charges[ch.Intent] = append(charges[ch.Intent], ch)
		m.checkCharge(t, ch)
	}
	refunded := map[string]int{}
	for _, r := range listed[shownObject](t, i, "/v1/refunds?limit=100") {
		if r.Status != "failed" {
			refunded[r.Charge] += r.Amount
		}
	}
	require.Len(t, raw, len(m.payments))
	ledger := m.s.Ledger("ref").References["ref"]
	if ledger == nil {
		ledger = &stripesandbox.LedgerReference{}
	}
	paid, tries := 0, 0
	for n, pi := range m.payments {
		shown := m.checkIntent(t, raw[len(raw)-1-n], pi.id, pi.status, pi.method, pi.customer)
		require.Equal(t, pi.amount, shown.Amount)
		tries += pi.tries
		received, successes := 0, 0
		for _, ch := range charges[pi.id] {
			require.Equal(t, refunded[ch.ID], ch.Refunded)
			require.LessOrEqual(t, ch.Refunded, ch.Amount)
			if ch.Status == succeeded {
				successes++
				received += ch.Amount
				paid++
				require.Equal(t, pi.charge.refunded, ch.Refunded)
				require.Equal(t, ch.ID, shown.LatestCharge)
				require.True(t, slices.ContainsFunc(ledger.Successes, func(s stripesandbox.LedgerSuccess) bool {
					return s.Charge == ch.ID && s.PaymentIntent == pi.id && int(s.Amount) == ch.Amount && int(s.Refunded) == ch.Refunded
				}), "the ledger has the charge")
			}
		}
		require.LessOrEqual(t, successes, 1, "paid twice")
		require.Equal(t, pi.status == succeeded, successes == 1, "succeeded without a charge, or a charge without success")
		require.Equal(t, shown.Received, received)
	}
	require.Len(t, ledger.Successes, paid)
	require.Len(t, ledger.Attempts, tries)
	raw = listed[json.RawMessage](t, i, "/v1/setup_intents?limit=100")
	require.Len(t, raw, len(m.setups))
	for n, si := range m.setups {
		m.checkIntent(t, raw[len(raw)-1-n], si.id, si.status, si.method, si.customer)
	}
	m.checkSessions(t)
	for _, pm := range m.methods {
		shown := parsed[shownObject](t, i, i.get("/v1/payment_methods/"+pm.id))
		require.Equal(t, pm.customer, shown.Customer)
		if pm.burnt {
			i.burnt[pm.id] = true
		}
	}
}

// checkCharge is about charges that were not there before.
func (m *machine) checkCharge(t *rapid.T, ch shownObject) {
	if m.charged[ch.ID] {
		return
	}
	m.charged[ch.ID] = true
	require.False(t, m.burnt[ch.Method], "%s was used up before", ch.Method)
	pm := parsed[shownObject](t, m.invariants, m.get("/v1/payment_methods/"+ch.Method))
	if pm.Customer != "" {
		require.Equal(t, pm.Customer, ch.Customer, "a charge of somebody else's method")
	}
}

func (m *machine) checkIntent(t *rapid.T, raw json.RawMessage, id, status string, method *modelMethod, customer string) shownObject {
	shown := parsed[shownObject](t, m.invariants, raw)
	require.Equal(t, id, shown.ID, "listed newest first")
	require.Equal(t, status, shown.Status, id)
	require.Equal(t, customer, shown.Customer)
	if method == nil {
		require.Empty(t, shown.Method)
	} else if status != canceled {
		require.Equal(t, method.id, shown.Method)
	}
	if status == succeeded || status == canceled {
		if was, known := m.final[id]; known {
			require.Equal(t, was, string(raw), "it had come to its end")
		} else {
			require.False(t, status == succeeded && shown.Object == "setup_intent" && m.burnt[shown.Method], "set up with a method that was used up")
		}
		m.final[id] = string(raw)
	} else {
		require.NotContains(t, m.final, id, "it had come to its end")
	}
	return shown
}

func (m *machine) checkSessions(t *rapid.T) {
	shown := listed[shownObject](t, m.invariants, "/v1/checkout/sessions?limit=100")
	require.Len(t, shown, len(m.sessions))
	for n, cs := range m.sessions {
		got := shown[len(shown)-1-n]
		require.Equal(t, cs.id, got.ID, "listed newest first")
		require.Equal(t, cs.status, got.Status)
		require.Equal(t, cs.payStatus, got.PayStatus)
		require.Equal(t, cs.expires.Unix(), got.Expires)
		if was := m.ended[cs.id]; was == "complete" || was == "expired" {
			require.Equal(t, was, got.Status, "it had come to its end")
		}
		m.ended[cs.id] = got.Status
		if got.Status == "open" {
			require.Greater(t, got.Expires, m.now.Unix())
		}
		if cs.payment != nil {
			pi := parsed[shownObject](t, m.invariants, m.get("/v1/payment_intents/"+got.Intent))
			require.Equal(t, got.PayStatus == "paid", pi.Status == succeeded)
			if got.Status == "expired" {
				require.Equal(t, needsMethod, pi.Status, "nothing is paid through an expired session")
			}
		}
	}
}
