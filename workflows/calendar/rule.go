package calendar

import (
	"iter"
	"slices"
	"time"

	"github.com/teambition/rrule-go"
)

// rule is a recurrence rule with every part that it takes from its DTSTART made explicit, so that the library can begin in
// any period of it and need not count up from the first.
type rule struct {
	opts    rrule.ROption
	dtstart time.Time
	// shift is how many years later the library works: it looks for a date until the year 9999, which takes long for a rule
	// that has none. The calendar, weekdays included, repeats every 400 years.
	shift int
	// mixed is set where BYDAY has weekdays both with and without a number.
	mixed bool
}

const (
	cycle       = 400
	libraryEnds = rrule.MAXYEAR
)

func newRule(opts rrule.ROption, anchor time.Time, endYear int) *rule {
	r := &rule{opts: opts, shift: (libraryEnds - endYear) / cycle * cycle}
	o := &r.opts
	o.Bysecond = []int{0}
	if o.Byminute == nil {
		o.Byminute = []int{anchor.Minute()}
	}
	hour := anchor.Hour()
	if o.Freq != rrule.HOURLY {
		if o.Byhour == nil {
			o.Byhour = []int{hour}
		}
		hour = o.Byhour[0]
	}
	r.dtstart = dayOf(anchor).Add(time.Duration(hour)*time.Hour + time.Duration(o.Byminute[0])*time.Minute)
	r.days()
	return r
}

// days fills in the days that the rule takes from DTSTART.
func (r *rule) days() {
	o := &r.opts
	none := o.Bymonthday == nil && o.Byyearday == nil && o.Byweekday == nil
	weekday := []rrule.Weekday{weekdayOpts[(int(r.dtstart.Weekday())+6)%7]}
	switch {
	case none && o.Freq == rrule.YEARLY && o.Byweekno != nil, none && o.Freq == rrule.WEEKLY:
		o.Byweekday = weekday
	case none && o.Freq == rrule.YEARLY:
		o.Bymonthday = []int{r.dtstart.Day()}
		if o.Bymonth == nil {
			o.Bymonth = []int{int(r.dtstart.Month())}
		}
	case none && o.Freq == rrule.MONTHLY:
		o.Bymonthday = []int{r.dtstart.Day()}
	}
	if !r.numbered() {
		return
	}
	// The library asks for days that are in both of MO,2TU; they are those in either.
	most := 53
	if o.Freq == rrule.MONTHLY || o.Bymonth != nil {
		most = 5
	}
	var days []rrule.Weekday
	for _, day := range o.Byweekday {
		if day.N() != 0 {
			days = append(days, day)
			continue
		}
		r.mixed = true
		for n := 1; n <= most; n++ {
			days = append(days, day.Nth(n))
		}
	}
	o.Byweekday = days
}

func (r *rule) numbered() bool {
	return slices.ContainsFunc(r.opts.Byweekday, func(d rrule.Weekday) bool { return d.N() != 0 })
}

func (r *rule) from(wall time.Time) iter.Seq[time.Time] {
	if wall.Before(r.dtstart) {
		wall = r.dtstart
	}
	return r.run(r.opts, r.period(wall), wall)
}

// run lets the library find the dates of a rule that begins with a period.
func (r *rule) run(opts rrule.ROption, period, wall time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		opts.Dtstart = period.AddDate(r.shift, 0, 0)
		library, err := rrule.NewRRule(opts) //workflowcheck:ignore it looks at the clock only when there is no Dtstart
		if err != nil {
			return // the parser has checked more than the library does
		}
		next := library.Iterator()
		for {
			t, ok := next()
			if !ok {
				return
			}
			if t = t.AddDate(-r.shift, 0, 0); !t.Before(wall) && !yield(t) {
				return
			}
		}
	}
}

// period is the beginning of the period, of those that the rule's interval allows, in which wall lies, or of the last
// before. A first week or month counts from its beginning, as RFC 5545 wants it for BYSETPOS.
func (r *rule) period(wall time.Time) time.Time {
	first, interval := r.dtstart, r.opts.Interval
	whole := func(passed int) int { return passed / interval * interval }
	hours := func(from time.Time) int { return int(wall.Sub(from) / time.Hour) }
	switch r.opts.Freq {
	case rrule.YEARLY:
		return time.Date(first.Year()+whole(wall.Year()-first.Year()), time.January, 1, 0, 0, 0, 0, time.UTC)
	case rrule.MONTHLY:
		months := (wall.Year()-first.Year())*12 + int(wall.Month()-first.Month())
		return time.Date(first.Year(), first.Month()+time.Month(whole(months)), 1, 0, 0, 0, 0, time.UTC)
	case rrule.WEEKLY:
		sunday := (int(first.Weekday()) + 6) % 7 // Monday is 0
		week := dayOf(first).AddDate(0, 0, -((sunday - r.opts.Wkst.Day() + 7) % 7))
		return week.AddDate(0, 0, 7*whole(hours(week)/24/7))
	case rrule.DAILY:
		return dayOf(first).AddDate(0, 0, whole(hours(dayOf(first))/24))
	case rrule.HOURLY, rrule.MINUTELY, rrule.SECONDLY: // of which the parser lets only hours pass
	}
	first = first.Truncate(time.Hour)
	return first.Add(time.Duration(whole(hours(first))) * time.Hour)
}
