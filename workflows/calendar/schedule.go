package calendar

import (
	"cmp"
	"strings"
)

// Schedule says on which local dates a charge is due. Exactly one of Every, RRule and Dates is set.
type Schedule struct {
	// Every is hour, day, week, month or year: an anchor style schedule, always computed from the anchor. The first date is
	// the first that fits on or after the anchor; Interval counts from there. Hours need SubDaily.
	Every string `json:"every,omitempty" yaml:"every,omitempty"`
	// Interval is every how many of them, 1 to 1000; 0 is 1.
	Interval int `json:"interval,omitempty" yaml:"interval,omitempty"`
	// On says which day: of a month 1 to 31 (31 is the last day of shorter months too), "last", "first business day", "last
	// business day" (Monday to Friday; public holidays are not looked at) or "2nd tuesday", "last friday"; of a week
	// "monday"; of a year "02-29" (the 28th in other years). Empty takes the anchor's.
	On On `json:"on,omitzero" yaml:"on,omitempty"`
	// RRule is an RFC 5545 recurrence rule without DTSTART, to the letter. The anchor, at At, is its DTSTART, and is a date
	// only where the rule has it. COUNT and UNTIL may be in it instead of beside it.
	RRule string `json:"rrule,omitempty" yaml:"rrule,omitempty"`
	// SkipShortMonths accepts a rule that has no date in some months or years.
	SkipShortMonths bool `json:"skip_short_months,omitempty" yaml:"skip_short_months,omitempty"`
	// Dates are local times, 2006-01-02T15:04 or 2006-01-02, in rising order, at most 200.
	Dates []string `json:"dates,omitempty" yaml:"dates,omitempty"`
	// At is the local time of day, 15:04; empty is 09:00. A schedule by the hour starts at it. A rule takes from it what its
	// BYHOUR and BYMINUTE do not say.
	At string `json:"at,omitempty" yaml:"at,omitempty"`
	// Start is the first local date that can be due, 2006-01-02, and the anchor; empty is the agreement's own first day.
	Start string `json:"start,omitempty" yaml:"start,omitempty"`
	// Until is the last local date that can be due; empty for no end.
	Until string `json:"until,omitempty" yaml:"until,omitempty"`
	// Count is how many dates there are from Start on, those before the agreement's own start included; without Start it
	// counts from the agreement's own start. 0 is no end, 1000 the most; Until can be as far as
	// one likes.
	Count int `json:"count,omitempty" yaml:"count,omitempty"`
	// SubDaily allows more than one charge on a local date.
	SubDaily bool `json:"sub_daily,omitempty" yaml:"sub_daily,omitempty"`
}

const (
	maxInterval = 1000
	maxCount    = 1000
	maxDates    = 200
	maxRule     = 500
	// maxYears is how long timers of the workflow engine can be.
	maxYears  = 100
	defaultAt = "09:00"
	timeOfDay = "15:04"
	localTime = "2006-01-02T15:04"
)

// Canonical returns the schedule with its defaults left out and words spelled one way, so that two ways to write the same
// schedule are equal as JSON.
func (s Schedule) Canonical() Schedule {
	s.Every = strings.ToLower(strings.TrimSpace(s.Every))
	s.On = s.On.canonical()
	s.RRule = canonicalRule(s.RRule)
	if s.Interval == 1 {
		s.Interval = 0
	}
	if s.At == defaultAt {
		s.At = ""
	}
	return s
}

func (s Schedule) at() string    { return cmp.Or(s.At, defaultAt) }
func (s Schedule) interval() int { return cmp.Or(s.Interval, 1) }
