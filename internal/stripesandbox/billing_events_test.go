package stripesandbox_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// billingPaths are those under which the objects of events are found.
var billingPaths = map[string]string{
	"subscription": "subscriptions", "invoice": "invoices", "payment_intent": "payment_intents", "setup_intent": "setup_intents",
	"invoice_payment": "invoice_payments", "refund": "refunds", "coupon": "coupons",
}

// checkBillingEvents holds new events against each other and against what GET answers.
func (m *billingMachine) checkBillingEvents(t *rapid.T) {
	path := "/v1/events?limit=100"
	if m.newest != "" {
		path += "&ending_before=" + m.newest
	}
	events := as[billedEvent](t, m.invariants, m.eventsAfter(t, path))
	if m.refused {
		require.Empty(t, events, "of a call that was refused: %s", m.last)
	}
	latest, paths := map[string]string{}, map[string]string{}
	for _, e := range events {
		m.newest = e.ID
		o := parsed[shownObject](t, m.invariants, e.Data.Object)
		switch o.Object {
		case "subscription":
			m.checkStory(t, e.Type, decode(t, e.Data.Object), e.Data.Previous)
			m.toldText[o.ID] = string(e.Data.Object)
		case "payment_intent", "setup_intent":
			require.Contains(t, arrows[m.statuses[o.ID]], o.Status, "%s was %s", o.ID, m.statuses[o.ID])
			m.statuses[o.ID] = o.Status
		}
		latest[o.ID], paths[o.ID] = string(e.Data.Object), billingPaths[o.Object]
	}
	for _, id := range slices.Sorted(maps.Keys(latest)) {
		if path := paths[id]; path != "" {
			require.Equal(t, strings.TrimSpace(string(m.get("/v1/"+path+"/"+id))), latest[id], "the last event of %s is not what GET answers", id)
		}
	}
}

// eventsAfter lists what is newer than the path's ending_before, oldest first.
func (m *billingMachine) eventsAfter(t *rapid.T, path string) []json.RawMessage {
	start, newest, paged := strings.Cut(path, "&ending_before=")
	var all []json.RawMessage
	for {
		if paged {
			path = start + "&ending_before=" + newest
		}
		var part page
		require.NoError(t, json.Unmarshal(m.do(http.MethodGet, path, nil, "").Body.Bytes(), &part))
		slices.Reverse(part.Data)
		all = append(all, part.Data...)
		if !part.HasMore || !paged {
			return all
		}
		newest = decode(t, all[len(all)-1])["id"].(string)
	}
}

// lives are the ways that a subscription can go.
var lives = map[string][]string{
	"":           {"incomplete", "trialing", "active"},
	"incomplete": {"incomplete", "active", "incomplete_expired"},
	"trialing":   {"trialing", "active", "past_due", "paused", "canceled"},
	"active":     {"active", "past_due", "trialing", "canceled"},
	"past_due":   {"past_due", "active", "canceled"},
	"paused":     {"paused", "active", "canceled"},
	// What they say of themselves can still be changed.
	"canceled":           {"canceled"},
	"incomplete_expired": {"incomplete_expired"},
}

// checkStory is about the events of one subscription: each goes on where the last one
// ended.
func (m *billingMachine) checkStory(t *rapid.T, event string, object, previous map[string]any) {
	id, status := object["id"].(string), object["status"].(string)
	was, known := m.told[id]
	m.told[id] = object
	require.Equal(t, event == "customer.subscription.created", !known, event)
	if !known {
		require.Contains(t, lives[""], status)
		return
	}
	require.Contains(t, lives[was["status"].(string)], status, "was %s", was["status"])
	before := before(object, previous)
	if event == "customer.subscription.deleted" {
		for _, name := range []string{"status", "ended_at", "canceled_at", "cancellation_details"} {
			before[name] = was[name]
		}
	}
	require.Equal(t, was, before, "%s does not go on where the last event ended", event)
}

// before is an object as it was before the event that tells of its change.
func before(object, previous map[string]any) map[string]any {
	was := maps.Clone(object)
	for name, value := range previous {
		part, ok := value.(map[string]any)
		now, isObject := object[name].(map[string]any)
		switch {
		case ok && isObject:
			value = before(now, part)
		case value == nil && name == "tea": // of metadata
			delete(was, name)
			continue
		}
		was[name] = value
	}
	return was
}
