package stripesandbox

import (
	"strconv"
	"time"
)

// meterEvent: https://docs.stripe.com/api/billing/meter-event/object
type meterEvent struct {
	header
	EventName  string
	Identifier string
	Payload    pairs
	Timestamp  int64
	Value      int64
}

func (o *meterEvent) render(w *writer) {
	w.open("")
	w.str("object", "billing.meter_event")
	w.integer("created", o.Created)
	w.str("event_name", o.EventName)
	w.str("identifier", o.Identifier)
	w.boolean("livemode", false)
	w.open("payload")
	for _, p := range o.Payload {
		w.mapEntry(p.Key, p.Value)
	}
	w.close()
	w.integer("timestamp", o.Timestamp)
	w.close()
}

// Limits of meter events.
// https://docs.stripe.com/billing/subscriptions/usage-based/recording-usage-api
const (
	identifierLife   = 24 * time.Hour
	oldestMeterEvent = 35 * 24 * time.Hour
	newestMeterEvent = 5 * time.Minute
)

func createMeterEvent(c *call) (object, *apiError) {
	p := c.params
	o := &meterEvent{
		header: c.newHeader("mevt_", nil), EventName: p.str("event_name"), Identifier: p.str("identifier"),
		Payload: pairs(nil).changedBy(p.sub("payload")),
	}
	m, ok := c.meterFor(o.EventName)
	if !ok {
		return nil, invalidParam("event_name", `No active meter found for event name "`+o.EventName+`".`)
	}
	cus, err := c.meteredCustomer(o.Payload.get(m.CustomerKey), m.CustomerKey)
	if err != nil {
		return nil, err
	}
	if err := o.setValue(m); err != nil {
		return nil, err
	}
	if err := o.setTimestamp(p, c.timeOf(cus.TestClock)); err != nil {
		return nil, err
	}
	if o.Identifier == "" {
		o.Identifier = c.random(32)
	}
	known := "identifier " + o.Identifier
	if c.identifierUsed(known) {
		return nil, invalidParam("identifier", "An event already exists with identifier "+o.Identifier+".")
	}
	c.sandbox.store.add("billing.meter_event", o, m.ID+" "+cus.ID, known)
	return o, nil
}

func (c *call) identifierUsed(known string) bool {
	ids := c.sandbox.store.indexes[indexKey{"billing.meter_event", known}]
	if len(ids) == 0 {
		return false
	}
	latest, _ := lookup[*meterEvent](c.sandbox.store, ids[len(ids)-1])
	return c.now.Sub(time.Unix(latest.Created, 0)) < identifierLife
}

func (c *call) meteredCustomer(id, key string) (*customer, *apiError) {
	param := paramPath("payload", key)
	if id == "" {
		return nil, invalidCode("meter_event_no_customer_defined", param, "Your meter event does not name its customer in payload["+key+"].")
	}
	cus, err := c.customer(id, param)
	if err != nil {
		err.Code = "meter_event_customer_not_found"
	}
	return cus, inParam(err)
}

func (o *meterEvent) setValue(m *meter) *apiError {
	text, param := o.Payload.get(m.ValueKey), paramPath("payload", m.ValueKey)
	if m.Formula == "count" {
		return nil
	}
	if text == "" {
		return invalidCode("meter_event_value_not_found", param, "Your meter event has no value in "+param+".")
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return invalidCode("meter_event_invalid_value", param, "The value of a meter event must be a whole number: "+text)
	}
	o.Value = value
	return nil
}

func (o *meterEvent) setTimestamp(p *params, now time.Time) *apiError {
	o.Timestamp = now.Unix()
	if !p.has("timestamp") {
		return nil
	}
	o.Timestamp = p.integer("timestamp")
	switch at := time.Unix(o.Timestamp, 0); {
	case at.Before(now.Add(-oldestMeterEvent)):
		return invalidCode("timestamp_too_far_in_past", "timestamp", "The timestamp must be within the past 35 days.")
	case at.After(now.Add(newestMeterEvent)):
		return invalidCode("timestamp_in_future", "timestamp", "The timestamp must not be more than 5 minutes in the future.")
	}
	return nil
}

// meterSummary: https://docs.stripe.com/api/billing/meter-event-summary/object
type meterSummary struct {
	id, meter  string
	start, end int64
	value      int64
}

func (o meterSummary) render(w *writer) {
	w.open("")
	w.str("id", o.id)
	w.str("object", "billing.meter_event_summary")
	w.integer("aggregated_value", o.value)
	w.integer("end_time", o.end)
	w.boolean("livemode", false)
	w.str("meter", o.meter)
	w.integer("start_time", o.start)
	w.close()
}

// summaryWindows are the lengths of value_grouping_window in seconds. Without one, times
// need only be whole minutes.
var summaryWindows = map[string]int64{"": 60, "hour": 3600, "day": 86400}

// listSummaries is computed for every call and fits one page of Stripe's: its cursors
// have nothing to point at.
func listSummaries(c *call) (object, *apiError) {
	m, err := resourceAt[*meter](c, 0, "billing.meter", "id")
	if err != nil {
		return nil, err
	}
	p := c.params
	if _, err := c.customer(p.str("customer"), "customer"); err != nil {
		return nil, inParam(err)
	}
	limit, err := pageSize(p)
	if err != nil {
		return nil, err
	}
	start, end, window := p.integer("start_time"), p.integer("end_time"), p.str("value_grouping_window")
	step := summaryWindows[window]
	for _, name := range []string{"start_time", "end_time"} {
		if p.integer(name)%step != 0 {
			return nil, invalidParam(name, "The "+name+" must be aligned with "+windowName(window)+" boundaries.")
		}
	}
	if start < 0 || end > endOfTime.Unix() {
		return nil, invalidParam("start_time", "The time range must lie between 1970 and 2200.")
	}
	if end <= start {
		return nil, invalidParam("end_time", "The end_time must be after the start_time.")
	}
	if window == "" {
		step = end - start
	}
	if (end-start)/step > maxSummaries {
		return nil, invalidParam("end_time", "The time range is too long for "+windowName(window)+" windows.")
	}
	out := &list{url: c.path}
	for from := end - step; from >= start && !out.hasMore; from -= step {
		value := c.aggregate(m, p.str("customer"), from, from+step)
		if value != 0 || window == "" {
			id := "mtrusg_test_" + c.random(idLength)
			out.hasMore = out.push(meterSummary{id: id, meter: m.ID, start: from, end: from + step, value: value}, limit)
		}
	}
	return out, nil
}

// maxSummaries bounds the windows that one call looks at: over a year of hours.
const maxSummaries = 10_000

func windowName(window string) string {
	if window == "" {
		return "minute"
	}
	return window
}
