package stripesandbox

import (
	"net/http"
	"time"
)

// Statuses of test clocks.
const (
	clockReady     = "ready"
	clockAdvancing = "advancing"
)

// testClock: https://docs.stripe.com/api/test_clocks/object
//
// It moves the subscriptions and invoices of its customers and nothing else: call.now is
// the sandbox's time everywhere, and what a clock moves asks call.timeOf instead.
type testClock struct {
	header
	Name         string
	FrozenTime   int64
	Target       int64 // of the advance under way
	DeletesAfter int64
	Status       string
	Deleted      bool
}

func (o *testClock) render(w *writer) {
	w.open("")
	w.str("id", o.ID)
	w.str("object", "test_helpers.test_clock")
	if o.Deleted {
		w.boolean("deleted", true)
		w.close()
		return
	}
	w.integer("created", o.Created)
	w.integer("deletes_after", o.DeletesAfter)
	w.integer("frozen_time", o.FrozenTime)
	w.boolean("livemode", false)
	w.opt("name", o.Name)
	w.str("status", o.Status)
	w.open("status_details")
	if o.Status == clockAdvancing {
		w.open("advancing")
		w.integer("target_frozen_time", o.Target)
		w.close()
	}
	w.close()
	w.close()
}

var testClockRoutes = []route{
	{method: "POST", pattern: "/v1/test_helpers/test_clocks", kind: "test_helpers.test_clock", handle: createTestClock, fields: fields{
		"frozen_time": required(integer), "name": text,
	}},
	{method: "GET", pattern: "/v1/test_helpers/test_clocks", kind: "test_helpers.test_clock", list: true, handle: listTestClocks, fields: cursorFields},
	{method: "GET", pattern: "/v1/test_helpers/test_clocks/{}", kind: "test_helpers.test_clock", handle: func(c *call) (object, *apiError) {
		return result(c.testClock(c.ids[0]))
	}},
	{method: "DELETE", pattern: "/v1/test_helpers/test_clocks/{}", kind: "test_helpers.test_clock", handle: deleteTestClock},
	{method: "POST", pattern: "/v1/test_helpers/test_clocks/{}/advance", kind: "test_helpers.test_clock", handle: advanceTestClock, fields: fields{
		"frozen_time": required(integer),
	}},
}

const (
	customersPerClock = 3
	// clockLife is how long after its frozen time a clock says that it will be deleted.
	clockLife = 7 * 24 * time.Hour
	// clockDelay is how long an advance takes, so that its caller has to wait for it as
	// at Stripe, where it takes seconds.
	clockDelay = 50 * time.Millisecond
)

// testClock returns one that exists and is not deleted.
func (c *call) testClock(id string) (*testClock, *apiError) {
	o, err := named[*testClock](c, id, "test_helpers.test_clock", "test_clock")
	if err == nil && o.Deleted {
		return nil, noSuch("test_helpers.test_clock", id, "test_clock")
	}
	return o, err
}

// timeOf is the time of a test clock, and the sandbox's own when clock is empty. While
// something happens on the clock it is the time at which that was due.
func (c *call) timeOf(clock string) time.Time {
	if o, ok := lookup[*testClock](c.sandbox.store, clock); ok {
		return time.Unix(o.FrozenTime, 0).UTC()
	}
	return c.now
}

// scheduleOn is schedule by a test clock's time; by the sandbox's own when clock is empty.
func (c *call) scheduleOn(clock string, at time.Time, action dueAction, id string) {
	o, ok := lookup[*testClock](c.sandbox.store, clock)
	switch {
	case !ok:
		c.schedule(at, action, id)
	case o.Status == clockReady && at.Unix() <= o.FrozenTime:
		c.schedule(c.now, action, id) // the clock will not pass it any more
	default:
		c.push(dueItem{at: at, action: action, id: id, clock: clock})
	}
}

// clockBusy refuses to change what an advancing test clock moves.
func (c *call) clockBusy(clock string) *apiError {
	o, ok := lookup[*testClock](c.sandbox.store, clock)
	if !ok || o.Status != clockAdvancing {
		return nil
	}
	err := invalidRequest("Test clock advancement underway - cannot perform modifications: " + clock)
	err.Status = http.StatusTooManyRequests
	return err
}

func createTestClock(c *call) (object, *apiError) {
	frozen := c.params.integer("frozen_time")
	if frozen < 0 || frozen > endOfTime.Unix() {
		return nil, invalidCode("parameter_invalid_integer", "frozen_time", "Invalid timestamp: must be a positive integer, and before the year 2200.")
	}
	o := &testClock{
		header: c.newHeader("clock_", nil), Name: c.params.str("name"), FrozenTime: frozen,
		DeletesAfter: frozen + int64(clockLife.Seconds()), Status: clockReady,
	}
	c.sandbox.store.add("test_helpers.test_clock", o)
	c.emit("test_helpers.test_clock.created", o)
	return o, nil
}

func listTestClocks(c *call) (object, *apiError) {
	return result(page(c, "test_helpers.test_clock", c.sandbox.store.indexes[indexKey{kind: "test_helpers.test_clock"}], func(o *testClock) bool {
		return !o.Deleted
	}))
}

// advanceTestClock only begins: what is due on the clock happens after the answer.
func advanceTestClock(c *call) (object, *apiError) {
	o, err := c.testClock(c.ids[0])
	if err == nil {
		err = c.clockBusy(o.ID)
	}
	if err != nil {
		return nil, err
	}
	target := c.params.integer("frozen_time")
	if target <= o.FrozenTime {
		return nil, invalidParam("frozen_time", "The frozen time must be after the test clock's current frozen time.")
	}
	if target > endOfTime.Unix() {
		return nil, invalidParam("frozen_time", "The frozen time must be before the year 2200.")
	}
	if furthest, why := c.furthestAdvance(o); time.Unix(target, 0).After(furthest) {
		return nil, invalidParam("frozen_time", "The frozen time cannot be more than "+why+" after the test clock's current frozen time.")
	}
	o = update(c, o, func(o *testClock) { o.Status, o.Target = clockAdvancing, target })
	c.emitChange("test_helpers.test_clock.advancing", o, map[string]string{"status": jsonText(clockReady)})
	c.schedule(c.now.Add(clockDelay), dueAdvanceClock, o.ID)
	return o, nil
}

// furthestAdvance is how far one call may move a clock: two intervals of the shortest
// subscription on it, two years when there is none.
func (c *call) furthestAdvance(o *testClock) (time.Time, string) {
	now := time.Unix(o.FrozenTime, 0).UTC()
	furthest, why := now.AddDate(2, 0, 0), "two years"
	for i, r := range c.intervalsOn(o.ID) {
		if twice := r.boundary(now, 2); i == 0 || twice.Before(furthest) {
			furthest, why = twice, "two intervals of the shortest subscription"
		}
	}
	return furthest, why
}

// intervalsOn returns how often the subscriptions on a test clock are billed.
func (c *call) intervalsOn(clock string) []*recurring {
	var intervals []*recurring
	for _, cus := range c.sandbox.store.indexes[indexKey{"customer", clock}] {
		for _, id := range c.sandbox.store.indexes[indexKey{"subscription", cus}] {
			if sub, ok := lookup[*subscription](c.sandbox.store, id); ok && !sub.over() {
				intervals = append(intervals, sub.recurring())
			}
		}
	}
	return intervals
}

// advanceDue carries an advance out: what is due on the clock happens in order, each
// thing at its own time by the clock.
func (c *call) advanceDue(id string) {
	o, ok := lookup[*testClock](c.sandbox.store, id)
	if !ok || o.Status != clockAdvancing {
		return
	}
	for {
		item, ok := c.sandbox.due.next(id, time.Unix(o.Target, 0))
		if !ok {
			break
		}
		o = update(c, o, func(o *testClock) { o.FrozenTime = max(o.FrozenTime, item.at.Unix()) })
		c.do(item)
	}
	o = update(c, o, func(o *testClock) { o.FrozenTime, o.Status = o.Target, clockReady })
	c.emitChange("test_helpers.test_clock.ready", o, map[string]string{"status": jsonText(clockAdvancing)})
}

// deleteTestClock also deletes the clock's customers, and nothing happens on it any more.
func deleteTestClock(c *call) (object, *apiError) {
	o, err := c.testClock(c.ids[0])
	if err == nil {
		err = c.clockBusy(o.ID)
	}
	if err != nil {
		return nil, err
	}
	st := c.sandbox.store
	for _, id := range st.indexes[indexKey{"customer", o.ID}] {
		if cus, ok := lookup[*customer](st, id); ok && !cus.Deleted {
			c.deleteCustomer(cus)
		}
	}
	c.sandbox.due.drop(o.ID)
	c.emit("test_helpers.test_clock.deleted", o)
	return update(c, o, func(o *testClock) { o.Deleted = true }), nil
}
