package stripesandbox

import "time"

// timeOf is the time of a test clock, and the sandbox's own when clock is empty.
func (c *call) timeOf(clock string) time.Time {
	return c.now
}

// scheduleOn is schedule by a test clock's time; by the sandbox's own when clock is empty.
func (c *call) scheduleOn(clock string, at time.Time, action dueAction, id string) {
	c.schedule(at, action, id)
}
