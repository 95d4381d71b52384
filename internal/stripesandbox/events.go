package stripesandbox

import (
	"slices"
	"strings"
)

// event is a frozen picture of an object, made in the critical section of the change
// that it tells of. https://docs.stripe.com/api/events
type event struct {
	header
	Type      string
	Object    object            `json:"-"`                 // packer.encode keeps it
	Previous  map[string]string `json:"previous,omitzero"` // previous_attributes: name -> JSON
	RequestID string            `json:"request_id,omitzero"`
	Key       string            `json:"key,omitzero"`
	Pending   []string          `json:"pending,omitzero"` // endpoints that have not answered 2xx yet
}

// objectID is the id of what the event tells of.
func (e *event) objectID() string {
	if r, ok := e.Object.(resource); ok {
		return r.head().ID
	}
	return ""
}

func (e *event) render(w *writer) {
	w.open("")
	w.str("id", e.ID)
	w.str("object", "event")
	w.str("api_version", APIVersion)
	w.integer("created", e.Created)
	w.open("data")
	w.embed("object", e.Object)
	if e.Previous != nil {
		w.open("previous_attributes")
		for _, name := range sortedKeys(e.Previous) {
			w.raw(name, e.Previous[name])
		}
		w.close()
	}
	w.close()
	w.boolean("livemode", false)
	w.integer("pending_webhooks", int64(len(e.Pending)))
	w.open("request")
	w.opt("id", e.RequestID)
	w.opt("idempotency_key", e.Key)
	w.close()
	w.str("type", e.Type)
	w.close()
}

// eventLog counts the events kept, to bound them.
type eventLog struct{ max int }

func newEventLog(limit int) *eventLog { return &eventLog{max: limit} }

// emit records an event and hands it to the webhook sender.
func (c *call) emit(eventType string, o object) { c.emitChange(eventType, o, nil) }

func (c *call) emitChange(eventType string, o object, previous map[string]string) {
	if c.held != nil {
		c.held.events = append(c.held.events, heldEvent{eventType, o, previous})
		return
	}
	s := c.sandbox
	e := &event{
		header: c.newHeader("evt_", nil), Type: eventType, Object: o, Previous: previous, RequestID: c.requestID, Key: c.key,
		Pending: c.subscribed(eventType),
	}
	s.store.add("event", e)
	s.dropOldEvents()
	s.sender.enqueue(e, s.now())
}

// heldEvents are events that wait for one that is to be told before them.
type heldEvents struct {
	call   *call
	events []heldEvent
}

type heldEvent struct {
	eventType string
	object    object
	previous  map[string]string
}

// holdEvents keeps what is emitted from now on until release.
func (c *call) holdEvents() *heldEvents {
	c.held = &heldEvents{call: c}
	return c.held
}

// releaseAfter emits an event of a new object, and then what was held, without the
// changes of that object: its event shows it as it has become.
func (h *heldEvents) releaseAfter(eventType string, o object, changes string) {
	h.call.held = nil
	h.call.emit(eventType, o)
	for _, e := range h.events {
		if e.eventType != changes {
			h.call.emitChange(e.eventType, e.object, e.previous)
		}
	}
}

// dropOldEvents keeps the log within bounds, a tenth at a time so that it stays cheap.
func (s *Sandbox) dropOldEvents() {
	key := indexKey{kind: "event"}
	ids := s.store.indexes[key]
	if len(ids) <= s.events.max+s.events.max/10 {
		return
	}
	s.store.removeOldest(key.kind, len(ids)-s.events.max)
}

var eventRoutes = []route{
	{method: "GET", pattern: "/v1/events", kind: "event", list: true, handle: listEvents, fields: listFields.with(fields{
		"type": text, "types": texts, "delivery_success": boolean,
	})},
	{method: "GET", pattern: "/v1/events/{}", kind: "event", handle: func(c *call) (object, *apiError) {
		return resourceAt[*event](c, 0, "event", "id")
	}},
}

func listEvents(c *call) (object, *apiError) {
	types, one := c.params.strings("types"), c.params.str("type")
	if types != nil && one != "" {
		return nil, invalidCode("parameters_exclusive", "types", "You may only specify one of these parameters: type, types.")
	}
	group, isGroup := strings.CutSuffix(one, "*") // such as customer.subscription.*
	delivery := c.params.str("delivery_success")
	return result(page(c, "event", c.sandbox.store.indexes[indexKey{kind: "event"}], func(e *event) bool {
		switch {
		case types != nil && !slices.Contains(types, e.Type):
			return false
		case isGroup && !strings.HasPrefix(e.Type, group), !isGroup && one != "" && one != e.Type:
			return false
		}
		return delivery == "" || (delivery == "true") == (len(e.Pending) == 0)
	}))
}
