package stripesandbox

// price: https://docs.stripe.com/api/prices/object
type price struct {
	header
	Product    string
	Currency   string
	UnitAmount int64 // minor units
	Recurring  *recurring
	Nickname   string
	LookupKey  string
	Active     bool
}

// recurring is how often a price is billed, and what its quantity is. It is nil for
// prices that are paid once.
type recurring struct {
	Interval      string // day, week, month or year
	IntervalCount int64
	UsageType     string // licensed or metered
	Meter         string // of a metered price
}
