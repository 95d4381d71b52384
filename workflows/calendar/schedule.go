package calendar

import (
	"errors"
	"time"
)

// Schedule says on which local dates a charge is due. Exactly one of Every, RRule and Dates is set.
type Schedule struct {
	// Every is hour, day, week, month or year: an anchor style schedule, always computed from the anchor.
	Every string `json:"every,omitempty" yaml:"every,omitempty"`
	// Interval is every how many of them; 0 is 1.
	Interval int `json:"interval,omitempty" yaml:"interval,omitempty"`
	// On says which day: of a month 1 to 31 (31 is the last day of shorter months too), "last", "last business day",
	// "first business day" or "2nd tuesday", "last friday"; of a week "monday"; of a year "02-29" (the 28th in other years)
	// Empty takes the anchor's.
	On On `json:"on,omitzero" yaml:"on,omitempty"`
	// RRule is an RFC 5545 recurrence rule without DTSTART, to the letter.
	RRule string `json:"rrule,omitempty" yaml:"rrule,omitempty"`
	// SkipShortMonths accepts a rule that has no date in some months.
	SkipShortMonths bool `json:"skip_short_months,omitempty" yaml:"skip_short_months,omitempty"`
	// Dates are local times, 2006-01-02T15:04 or 2006-01-02, in rising order.
	Dates []string `json:"dates,omitempty" yaml:"dates,omitempty"`
	// At is the local time of day, 15:04; empty is 09:00. A schedule by the hour starts at it.
	At string `json:"at,omitempty" yaml:"at,omitempty"`
	// Start is the first local date that can be due, 2006-01-02, and the anchor; empty is the agreement's own first day.
	Start string `json:"start,omitempty" yaml:"start,omitempty"`
	// Until is the last local date that can be due; empty for no end.
	Until string `json:"until,omitempty" yaml:"until,omitempty"`
	// Count is how many dates there are; 0 for no end.
	Count int `json:"count,omitempty" yaml:"count,omitempty"`
	// SubDaily allows more than one charge on a local date.
	SubDaily bool `json:"sub_daily,omitempty" yaml:"sub_daily,omitempty"`
}

// On is a day in a period, as written in a schedule: a number or words.
type On string

// Occurrence is one due date.
type Occurrence struct {
	// At is the instant, UTC.
	At time.Time `json:"at"`
	// Key identifies the date in references: 20060102, or 20060102T1504 when the schedule is sub-daily. It is the nominal
	// local time, also when that time does not exist.
	Key string `json:"key"`
}

// Calendar is a schedule in a zone, ready to be asked.
type Calendar struct{}

var errNotBuilt = errors.New("not built")

// New checks a schedule and anchors it: began is the agreement's own start, the anchor and first possible date of a
// schedule that has no start. The error names every mistake.
func New(s Schedule, zone *time.Location, began time.Time) (*Calendar, error) {
	return nil, errNotBuilt
}

// Next is the first due date after the instant given; false when there is none.
func (c *Calendar) Next(after time.Time) (Occurrence, bool) { return Occurrence{}, false }
