package calendar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

// Parts of a rule, as RFC 5545 names them.
const (
	partFreq       = "FREQ"
	partInterval   = "INTERVAL"
	partCount      = "COUNT"
	partUntil      = "UNTIL"
	partWkst       = "WKST"
	partByMonth    = "BYMONTH"
	partByWeekNo   = "BYWEEKNO"
	partByYearDay  = "BYYEARDAY"
	partByMonthDay = "BYMONTHDAY"
	partByDay      = "BYDAY"
	partByHour     = "BYHOUR"
	partByMinute   = "BYMINUTE"
	partBySetPos   = "BYSETPOS"
)

var (
	parts = []string{
		partFreq, partInterval, partCount, partUntil, partWkst, partByMonth, partByWeekNo, partByYearDay, partByMonthDay,
		partByDay, partByHour, partByMinute, partBySetPos,
	}
	frequencies = []string{"YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"} // the library's numbers for them
	weekdays    = []string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}
	weekdayOpts = []rrule.Weekday{rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU}
)

// maxWeek leaves out weeks 52 and 53, which the library gets wrong around New Year; -1 is the last week.
const maxWeek = 51

// utcTime is how RFC 5545 writes an UNTIL beside a DTSTART in a time zone.
const utcTime = "20060102T150405Z"

func canonicalRule(text string) string {
	return strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(text)), "RRULE:")
}

// ruleParser reads a rule's parts into the library's options, strictly: the library itself lets mistakes pass.
type ruleParser struct {
	b      *builder
	values map[string]string
	opts   rrule.ROption
}

func (b *builder) rule() {
	b.notWith("rrule", "interval", "on")
	if len(b.RRule) > maxRule {
		b.wrong("rrule", "%d characters; at most %d", len(b.RRule), maxRule)
		return
	}
	p := ruleParser{b: b, values: map[string]string{}}
	for part := range strings.SplitSeq(b.RRule, ";") {
		p.split(part)
	}
	p.read()
	if len(b.mistakes) > 0 {
		return
	}
	p.combinations()
	if len(b.mistakes) > 0 {
		return
	}
	r := newRule(p.opts, b.anchor, b.end.Year())
	if reason := r.never(); reason != "" {
		b.wrong("rrule", "%.80q; must have a date: %s", b.RRule, reason)
		return
	}
	if !b.SkipShortMonths {
		if skipped := r.skips(); skipped != "" {
			b.wrong("rrule", "%.80q; has fewer dates, or none, in some %s: every: month moves a date to the last day of a shorter month, skip_short_months: true accepts the rule",
				b.RRule, skipped)
		}
	}
	b.walls = r
}

func (p *ruleParser) wrong(part, format string, args ...any) {
	p.b.wrong("rrule", "%.40q; %s", part+"="+p.values[part], fmt.Sprintf(format, args...))
}

func (p *ruleParser) split(part string) {
	name, value, found := strings.Cut(part, "=")
	switch {
	case !found || value == "":
		p.b.wrong("rrule", "%.40q; must be a part such as FREQ=MONTHLY", part)
	case !slices.Contains(parts, name):
		p.b.wrong("rrule", "%.40q; is not supported, must be one of %s", part, strings.Join(parts, ", "))
	case p.values[name] != "":
		p.b.wrong("rrule", "%.40q; is there more than once", part)
	default:
		p.values[name] = value
	}
}

func (p *ruleParser) read() {
	freq := slices.Index(frequencies, p.values[partFreq])
	if freq < 0 && p.values[partFreq] == "" {
		p.b.wrong("rrule", "%.40q; FREQ is needed", p.b.RRule)
	} else if freq < 0 {
		p.wrong(partFreq, "must be one of %s: a schedule fires at most once an hour", strings.Join(frequencies, ", "))
	}
	p.opts = rrule.ROption{
		Freq:       rrule.Frequency(freq),
		Interval:   p.number(partInterval, maxInterval, 1),
		Bymonth:    p.numbers(partByMonth, 1, 12, false),
		Byweekno:   p.numbers(partByWeekNo, 1, maxWeek, true),
		Byyearday:  p.numbers(partByYearDay, 1, 366, true),
		Bymonthday: p.numbers(partByMonthDay, 1, 31, true),
		Byweekday:  p.byDay(),
		Byhour:     p.numbers(partByHour, 0, 23, false),
		Byminute:   p.numbers(partByMinute, 0, 59, false),
		Bysetpos:   p.numbers(partBySetPos, 1, 366, true),
	}
	if value := p.values[partWkst]; value != "" {
		i := slices.Index(weekdays, value)
		if i < 0 {
			p.wrong(partWkst, "must be one of %s", strings.Join(weekdays, ", "))
		} else {
			p.opts.Wkst = weekdayOpts[i]
		}
	}
	p.ends()
}

// ends reads COUNT and UNTIL, of which there is one at most, and none where the schedule has its own.
func (p *ruleParser) ends() {
	count, until := p.values[partCount], p.values[partUntil]
	if count != "" && until != "" {
		p.wrong(partCount, "must not be given together with UNTIL")
	}
	for _, part := range []string{partCount, partUntil} {
		if p.values[part] != "" && (p.b.Count != 0 || p.b.Until != "") {
			p.wrong(part, "must not be given together with the schedule's own count or until")
		}
	}
	if count != "" {
		p.b.limit = p.number(partCount, maxCount, 0)
	}
	if until != "" {
		last, err := time.Parse(utcTime, until)
		switch {
		case err != nil:
			p.wrong(partUntil, "must be in UTC, such as 20261231T235959Z, because the rule begins in a time zone; the schedule's own until is a local date")
		case last.Before(p.b.began):
			p.wrong(partUntil, "must not be before the agreement's own start, %s", p.b.began.Format(utcTime))
		case last.Before(func() time.Time { at, _ := Instant(dayOf(p.b.anchor), p.b.zone); return at }()):
			p.wrong(partUntil, "must not be before the first day, %s", p.b.anchor.Format(time.DateOnly))
		default:
			p.b.last = last
		}
	}
}

func (p *ruleParser) number(part string, most, missing int) int {
	value := p.values[part]
	if value == "" {
		return missing
	}
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil || n < 1 || int(n) > most {
		p.wrong(part, "must be 1 to %d", most)
		return missing
	}
	return int(n)
}

// numbers reads a list; in the result each number is there once, in rising order.
func (p *ruleParser) numbers(part string, least, most int, signed bool) []int {
	value := p.values[part]
	if value == "" {
		return nil
	}
	var list []int
	for text := range strings.SplitSeq(value, ",") {
		n, err := strconv.Atoi(text)
		size := n
		if signed {
			size = max(n, -n)
		}
		if err != nil || size < least || size > most || !signed && text[0] == '+' {
			allowed := fmt.Sprintf("%d to %d", least, most)
			if signed {
				allowed += fmt.Sprintf(" or -%d to -%d", most, least)
			}
			p.wrong(part, "%.20q must be %s", text, allowed)
			return nil
		}
		list = append(list, n)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (p *ruleParser) byDay() []rrule.Weekday {
	value := p.values[partByDay]
	if value == "" {
		return nil
	}
	var days []rrule.Weekday
	for text := range strings.SplitSeq(value, ",") {
		at := max(0, len(text)-2)
		i := slices.Index(weekdays, text[at:])
		n, err := 0, error(nil)
		if at > 0 {
			n, err = strconv.Atoi(text[:at])
		}
		if i < 0 || err != nil || at > 0 && n == 0 || max(n, -n) > 53 {
			p.wrong(partByDay, "%.20q must be a weekday such as MO, 2TU or -1FR", text)
			return nil
		}
		if day := weekdayOpts[i].Nth(n); !slices.Contains(days, day) {
			days = append(days, day)
		}
	}
	return days
}

// combinations refuses parts that RFC 5545 does not allow together, and rules that fire too often.
func (p *ruleParser) combinations() {
	freq := p.values[partFreq]
	only := func(part string, allowed ...string) {
		if p.values[part] != "" && !slices.Contains(allowed, freq) {
			p.wrong(part, "must not be given with FREQ=%s", freq)
		}
	}
	only(partByWeekNo, "YEARLY")
	only(partByYearDay, "YEARLY", "HOURLY")
	only(partByMonthDay, "YEARLY", "MONTHLY", "DAILY", "HOURLY")
	numbered, largest := false, 0
	for _, day := range p.opts.Byweekday {
		numbered = numbered || day.N() != 0
		largest = max(largest, day.N(), -day.N())
	}
	switch {
	case numbered && freq != "YEARLY" && freq != "MONTHLY":
		p.wrong(partByDay, "numbers are for FREQ=MONTHLY and FREQ=YEARLY")
	case numbered && p.opts.Byweekno != nil:
		p.wrong(partByDay, "numbers must not be given with BYWEEKNO")
	case largest > 5 && (freq == "MONTHLY" || p.opts.Bymonth != nil):
		p.wrong(partByDay, "a month has at most 5 of a weekday")
	}
	if p.opts.Bysetpos != nil && !slices.ContainsFunc(parts, func(part string) bool {
		return strings.HasPrefix(part, "BY") && part != partBySetPos && p.values[part] != ""
	}) {
		p.wrong(partBySetPos, "must be given with another BY part")
	}
	if len(p.opts.Byminute) > 1 {
		p.wrong(partByMinute, "must be one number: a schedule fires at most once an hour")
	}
	if !p.b.SubDaily && freq == "HOURLY" {
		p.wrong(partFreq, "more than one charge on a local date needs sub_daily: true")
	}
	if !p.b.SubDaily && len(p.opts.Byhour) > 1 {
		p.wrong(partByHour, "more than one charge on a local date needs sub_daily: true")
	}
}
