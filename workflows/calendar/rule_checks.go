package calendar

import (
	"slices"
	"time"

	"github.com/teambition/rrule-go"
)

// never says why a rule has no date at all, as far as that can be told without looking for one: the library would look
// for ever, or long.
func (r *rule) never() string {
	o := r.opts
	if o.Freq == rrule.HOURLY && o.Byhour != nil {
		reached := false
		for n := range 24 {
			reached = reached || slices.Contains(o.Byhour, (r.dtstart.Hour()+n*o.Interval)%24)
		}
		if !reached {
			return "BYHOUR is not among the hours that INTERVAL reaches from the schedule's time of day"
		}
	}
	most := len(o.Byhour)
	switch o.Freq {
	case rrule.DAILY:
	case rrule.WEEKLY:
		most *= len(o.Byweekday)
	case rrule.MONTHLY:
		most *= 31
	case rrule.YEARLY:
		most *= 366
	case rrule.HOURLY, rrule.MINUTELY, rrule.SECONDLY: // of which the parser lets only hours pass
		most = 1
	}
	if o.Bysetpos != nil && !slices.ContainsFunc(o.Bysetpos, func(n int) bool { return max(n, -n) <= most }) {
		return "BYSETPOS is larger than the number of dates in a period"
	}
	return r.neverOnAnyDay()
}

// neverOnAnyDay asks for the days of a rule in years instead of shorter periods, where the library finds them sooner.
func (r *rule) neverOnAnyDay() string {
	o := r.opts
	if o.Freq == rrule.YEARLY || !r.canSkip() {
		return ""
	}
	if o.Bymonth == nil {
		o.Bymonth = allMonths // numbers in BYDAY count in months
	}
	o.Freq, o.Interval, o.Bysetpos, o.Byhour = rrule.YEARLY, 1, nil, []int{0}
	year := time.Date(r.dtstart.Year(), time.January, 1, 0, 0, 0, 0, time.UTC)
	for range r.run(o, year, year) {
		return ""
	}
	return "no day is in all of its parts"
}

var allMonths = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}

// skips says in which months or years a rule has fewer dates than in others, or none; empty when it has no such.
func (r *rule) skips() string {
	if !r.canSkip() {
		return ""
	}
	o := r.opts
	ofYear := o.Freq == rrule.YEARLY && (o.Bysetpos != nil || o.Byyearday != nil || o.Byweekno != nil || o.Bymonth == nil && r.numbered())
	sample := r.sample()
	needed := 1
	if r.even() {
		for _, year := range sample {
			for period, n := range year {
				if (period == 0) == ofYear && (ofYear || r.reaches(time.Month(period))) {
					needed = max(needed, n)
				}
			}
		}
	}
	for _, year := range sample {
		for period, n := range year {
			switch {
			case n >= needed || (period == 0) != ofYear:
			case ofYear:
				return "years"
			case r.reaches(time.Month(period)):
				return "months, such as some " + time.Month(period).String()
			}
		}
	}
	return ""
}

// even reports whether people expect as many dates in each period: not of the Mondays in a month, and not of a Friday the
// 13th.
func (r *rule) even() bool {
	o := r.opts
	return o.Bysetpos == nil && o.Byweekno == nil && (o.Byweekday == nil || o.Bymonthday == nil && r.numbered() && !r.mixed)
}

// sample counts the dates that the rule has in years of all kinds (0) and in their months (1 to 12).
func (r *rule) sample() [][13]int {
	o := r.opts
	o.Interval = 1
	if o.Bysetpos == nil {
		o.Byhour = []int{0}
	}
	if o.Freq == rrule.DAILY || o.Freq == rrule.HOURLY {
		o.Freq, o.Bysetpos, o.Byhour = rrule.MONTHLY, nil, []int{0} // the same days, found sooner
	}
	// Leap years and others, beginning on each weekday, are all in any 28 years within a century; without weekdays 4 do.
	years := 28
	if o.Byweekday == nil && o.Byweekno == nil {
		years = 4
	}
	from := time.Date(2001, time.January, 1, 0, 0, 0, 0, time.UTC)
	counts := make([][13]int, years)
	for t := range r.run(o, from, from) {
		year := t.Year() - from.Year()
		if year >= years {
			break
		}
		counts[year][0]++
		counts[year][t.Month()]++
	}
	return counts
}

// canSkip is false for the many rules of which it is plain that they have a date in each of their months.
func (r *rule) canSkip() bool {
	o := r.opts
	kinds := 0
	for _, list := range [][]int{o.Bymonthday, o.Byyearday, o.Byweekno} {
		if list != nil {
			kinds++
		}
	}
	if o.Byweekday != nil && o.Byweekno == nil {
		kinds++
	}
	if o.Freq == rrule.WEEKLY || o.Freq >= rrule.DAILY && o.Bymonthday == nil && o.Byyearday == nil {
		return false
	}
	beyond := func(list []int, most int) bool {
		return slices.ContainsFunc(list, func(n int) bool { return max(n, -n) > most })
	}
	return kinds > 1 || o.Bysetpos != nil || o.Bymonth != nil && (o.Byweekno != nil || o.Byyearday != nil) ||
		beyond(o.Bymonthday, 28) || beyond(o.Byyearday, 365) ||
		slices.ContainsFunc(o.Byweekday, func(d rrule.Weekday) bool { return max(d.N(), -d.N()) > 4 })
}

// reaches reports whether the rule means to have a date in a month.
func (r *rule) reaches(month time.Month) bool {
	o := r.opts
	if o.Bymonth != nil && !slices.Contains(o.Bymonth, int(month)) {
		return false
	}
	if o.Freq != rrule.MONTHLY {
		return true
	}
	for n := range 12 {
		if (int(r.dtstart.Month())-1+n*o.Interval)%12+1 == int(month) {
			return true
		}
	}
	return false
}
