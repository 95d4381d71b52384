package stripesandbox

import "time"

// meter: https://docs.stripe.com/api/billing/meter/object
type meter struct {
	header
	DisplayName   string
	EventName     string
	Formula       string // sum, count or last
	CustomerKey   string // of the payload
	ValueKey      string // of the payload
	TimeWindow    string
	DeactivatedAt int64 // 0 while the meter is active
	Updated       int64
}

func (o *meter) active() bool { return o.DeactivatedAt == 0 }

func (o *meter) status() string {
	if o.active() {
		return "active"
	}
	return "inactive"
}

func (o *meter) render(w *writer) {
	w.open("")
	w.str("id", o.ID)
	w.str("object", "billing.meter")
	w.integer("created", o.Created)
	w.open("customer_mapping")
	w.str("event_payload_key", o.CustomerKey)
	w.str("type", "by_id")
	w.close()
	w.open("default_aggregation")
	w.str("formula", o.Formula)
	w.close()
	w.str("display_name", o.DisplayName)
	w.str("event_name", o.EventName)
	w.opt("event_time_window", o.TimeWindow)
	w.boolean("livemode", false)
	w.str("status", o.status())
	w.open("status_transitions")
	w.optInteger("deactivated_at", o.DeactivatedAt)
	w.close()
	w.integer("updated", o.Updated)
	w.open("value_settings")
	w.str("event_payload_key", o.ValueKey)
	w.close()
	w.close()
}

var meterRoutes = []route{
	{method: "POST", pattern: "/v1/billing/meters", kind: "billing.meter", handle: createMeter, fields: fields{
		"display_name": required(text), "event_name": required(text), "event_time_window": oneOf("day", "hour"),
		"default_aggregation": required(objectOf(fields{"formula": required(oneOf("count", "last", "sum"))})),
		"customer_mapping":    objectOf(fields{"event_payload_key": required(text), "type": required(oneOf("by_id"))}),
		"value_settings":      objectOf(fields{"event_payload_key": required(text)}),
	}},
	{method: "GET", pattern: "/v1/billing/meters", kind: "billing.meter", list: true, handle: listMeters, fields: cursorFields.with(fields{
		"status": oneOf("active", "inactive"),
	})},
	{method: "GET", pattern: "/v1/billing/meters/{}", kind: "billing.meter", handle: func(c *call) (object, *apiError) {
		return resourceAt[*meter](c, 0, "billing.meter", "id")
	}},
	{method: "POST", pattern: "/v1/billing/meters/{}", kind: "billing.meter", handle: updateMeter, fields: fields{"display_name": text}},
	{method: "POST", pattern: "/v1/billing/meters/{}/deactivate", kind: "billing.meter", handle: deactivateMeter},
	{method: "POST", pattern: "/v1/billing/meters/{}/reactivate", kind: "billing.meter", handle: reactivateMeter},
	{method: "GET", pattern: "/v1/billing/meters/{}/event_summaries", kind: "billing.meter_event_summary", list: true, handle: listSummaries, fields: cursorFields.with(fields{
		"customer": required(text), "start_time": required(integer), "end_time": required(integer), "value_grouping_window": oneOf("day", "hour"),
	})},
	{method: "POST", pattern: "/v1/billing/meter_events", kind: "billing.meter_event", handle: createMeterEvent, fields: fields{
		"event_name": required(text), "payload": required(field{kind: kindMetadata}), "identifier": text, "timestamp": integer,
	}},
}

// meterFor returns the active meter that counts events of this name.
func (c *call) meterFor(eventName string) (*meter, bool) {
	for _, id := range c.sandbox.store.indexes[indexKey{kind: "billing.meter"}] {
		if o, _ := lookup[*meter](c.sandbox.store, id); o.EventName == eventName && o.active() {
			return o, true
		}
	}
	return nil, false
}

// checkMeter refuses a meter that a price cannot be backed by; none is fine.
func (c *call) checkMeter(id, param string) *apiError {
	if id == "" {
		return nil
	}
	o, err := named[*meter](c, id, "billing.meter", param)
	if err == nil && !o.active() {
		return invalidParam(param, "The meter "+id+" is inactive. This field only accepts active meters.")
	}
	return inParam(err)
}

func createMeter(c *call) (object, *apiError) {
	p := c.params
	o := &meter{
		header: c.newHeader("mtr_test_", nil), DisplayName: p.str("display_name"), EventName: p.str("event_name"),
		Formula: p.sub("default_aggregation").str("formula"), TimeWindow: p.str("event_time_window"),
		CustomerKey: "stripe_customer_id", ValueKey: "value", Updated: c.now.Unix(),
	}
	if key := p.sub("customer_mapping").str("event_payload_key"); key != "" {
		o.CustomerKey = key
	}
	if key := p.sub("value_settings").str("event_payload_key"); key != "" {
		o.ValueKey = key
	}
	if err := c.eventNameFree(o.EventName); err != nil {
		return nil, err
	}
	c.sandbox.store.add("billing.meter", o)
	c.emit("billing.meter.created", o)
	return o, nil
}

// eventNameFree refuses a second active meter for the same events.
func (c *call) eventNameFree(name string) *apiError {
	if other, taken := c.meterFor(name); taken {
		return invalidParam("event_name", "An active meter ("+other.ID+") with the event name "+name+" already exists.")
	}
	return nil
}

func listMeters(c *call) (object, *apiError) {
	return result(page(c, "billing.meter", c.sandbox.store.indexes[indexKey{kind: "billing.meter"}], func(o *meter) bool {
		return !c.params.has("status") || c.params.str("status") == o.status()
	}))
}

// changeMeter stores a change of the meter that the route names, and tells of it.
func changeMeter(c *call, old *meter, eventType string, change func(*meter)) *meter {
	o := update(c, old, change)
	if previousAttributes(old, o) != nil {
		o = update(c, o, func(o *meter) { o.Updated = c.now.Unix() })
		c.emitChange(eventType, o, previousAttributes(old, o))
	}
	return o
}

func updateMeter(c *call) (object, *apiError) {
	old, err := resourceAt[*meter](c, 0, "billing.meter", "id")
	if err != nil {
		return nil, err
	}
	return changeMeter(c, old, "billing.meter.updated", func(o *meter) {
		if c.params.has("display_name") {
			o.DisplayName = c.params.str("display_name")
		}
	}), nil
}

func deactivateMeter(c *call) (object, *apiError) {
	old, err := resourceAt[*meter](c, 0, "billing.meter", "id")
	if err != nil {
		return nil, err
	}
	if !old.active() {
		return nil, invalidParam("id", "The meter "+old.ID+" is already inactive.")
	}
	return changeMeter(c, old, "billing.meter.deactivated", func(o *meter) { o.DeactivatedAt = c.now.Unix() }), nil
}

func reactivateMeter(c *call) (object, *apiError) {
	old, err := resourceAt[*meter](c, 0, "billing.meter", "id")
	if err != nil {
		return nil, err
	}
	if old.active() {
		return nil, invalidParam("id", "The meter "+old.ID+" is already active.")
	}
	if err := c.eventNameFree(old.EventName); err != nil {
		return nil, err
	}
	return changeMeter(c, old, "billing.meter.reactivated", func(o *meter) { o.DeactivatedAt = 0 }), nil
}

// usage is what a customer has used of a meter in [from, to).
func (c *call) usage(id, customer string, from, to time.Time) int64 {
	o, ok := lookup[*meter](c.sandbox.store, id)
	if !ok {
		return 0
	}
	// Corrections can make a sum negative; nobody is billed less than nothing.
	return max(0, c.aggregate(o, customer, from.Unix(), to.Unix()))
}

// aggregate is the meter's formula over the events of a customer in [from, to).
func (c *call) aggregate(o *meter, customer string, from, to int64) int64 {
	var total, last int64
	for _, id := range c.sandbox.store.indexes[indexKey{"billing.meter_event", o.ID + " " + customer}] {
		e, _ := lookup[*meterEvent](c.sandbox.store, id)
		if e.Timestamp < from || e.Timestamp >= to {
			continue
		}
		switch o.Formula {
		case "sum":
			total += e.Value
		case "count":
			total++
		case "last":
			if e.Timestamp >= last {
				last, total = e.Timestamp, e.Value
			}
		}
	}
	return total
}
