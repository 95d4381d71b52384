package stripesandbox

import "time"

// usage is what a customer has used of a meter in [from, to).
func (c *call) usage(meter, customer string, from, to time.Time) int64 {
	return 0
}

// checkMeter refuses a meter that a price cannot be backed by; none is fine.
func (c *call) checkMeter(id, param string) *apiError {
	if id == "" {
		return nil
	}
	return noSuch("billing.meter", id, param)
}
