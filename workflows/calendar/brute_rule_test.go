package calendar

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// bruteRule is a recurrence rule, read from its text.
type bruteRule struct {
	freq     string
	interval int
	wkst     time.Weekday
	lists    map[string][]int
	days     []bruteDay
	dtstart  time.Time
}

type bruteDay struct {
	n       int
	weekday time.Weekday
}

var bruteDays = []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

func readBrute(text string, anchor time.Time) *bruteRule {
	r := &bruteRule{interval: 1, wkst: time.Monday, lists: map[string][]int{}}
	for part := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "FREQ":
			r.freq = value
		case "INTERVAL":
			r.interval, _ = strconv.Atoi(value)
		case "WKST":
			r.wkst = time.Weekday(slices.Index(bruteDays, value))
		case "BYDAY":
			for day := range strings.SplitSeq(value, ",") {
				n, _ := strconv.Atoi(day[:len(day)-2])
				r.days = append(r.days, bruteDay{n, time.Weekday(slices.Index(bruteDays, day[len(day)-2:]))})
			}
		default:
			for number := range strings.SplitSeq(value, ",") {
				n, _ := strconv.Atoi(number)
				r.lists[name] = append(r.lists[name], n)
			}
		}
	}
	r.complete(anchor)
	return r
}

// complete takes from DTSTART what the rule does not say.
func (r *bruteRule) complete(anchor time.Time) {
	hour, minute := anchor.Hour(), anchor.Minute()
	if list := r.lists["BYMINUTE"]; list != nil {
		minute = list[0]
	}
	if list := r.lists["BYHOUR"]; list != nil && r.freq != "HOURLY" {
		hour = slices.Min(list)
	}
	r.dtstart = time.Date(anchor.Year(), anchor.Month(), anchor.Day(), hour, minute, 0, 0, time.UTC)
	if r.lists["BYMONTHDAY"] != nil || r.lists["BYYEARDAY"] != nil || r.days != nil {
		return
	}
	switch {
	case r.freq == "WEEKLY", r.freq == "YEARLY" && r.lists["BYWEEKNO"] != nil:
		r.days = []bruteDay{{0, anchor.Weekday()}}
	case r.freq == "MONTHLY", r.freq == "YEARLY":
		r.lists["BYMONTHDAY"] = []int{anchor.Day()}
		if r.freq == "YEARLY" && r.lists["BYMONTH"] == nil {
			r.lists["BYMONTH"] = []int{int(anchor.Month())}
		}
	}
}

// walls walks every hour from the beginning of DTSTART's period, collects those of each period that fit, and picks BYSETPOS.
func (r *bruteRule) walls(end time.Time) []time.Time {
	minute := time.Duration(r.dtstart.Minute()) * time.Minute
	first := r.beginning(r.dtstart.Truncate(time.Hour))
	period := r.period(first)
	var walls, set []time.Time
	for day := first.Truncate(24 * time.Hour); day.Before(end); day = day.AddDate(0, 0, 1) {
		fits := r.fits(day)
		for hour := range 24 {
			t := day.Add(time.Duration(hour) * time.Hour)
			if hour > 0 && r.freq != "HOURLY" && !fits || t.Before(first) {
				continue
			}
			if p := r.period(t); p != period {
				if (period-r.period(first))%r.interval == 0 {
					walls = append(walls, r.picked(set)...)
				}
				period, set = p, nil
			}
			if fits && r.fitsHour(hour) {
				set = append(set, t.Add(minute))
			}
		}
	}
	return walls // the last period is not complete
}

func (r *bruteRule) picked(set []time.Time) []time.Time {
	var picked []time.Time
	for i, t := range set {
		positions := r.lists["BYSETPOS"]
		if (positions == nil || slices.Contains(positions, i+1) || slices.Contains(positions, i-len(set))) && !t.Before(r.dtstart) {
			picked = append(picked, t)
		}
	}
	return picked
}

func (r *bruteRule) beginning(t time.Time) time.Time {
	if r.freq != "HOURLY" {
		t = t.Truncate(24 * time.Hour)
	}
	for r.freq == "WEEKLY" && t.Weekday() != r.wkst || r.freq == "MONTHLY" && t.Day() != 1 || r.freq == "YEARLY" && t.YearDay() != 1 {
		t = t.AddDate(0, 0, -1)
	}
	return t
}

// period numbers the periods of a frequency.
func (r *bruteRule) period(t time.Time) int {
	hours := int(t.Sub(bruteFrom) / time.Hour)
	switch r.freq {
	case "YEARLY":
		return t.Year()
	case "MONTHLY":
		return t.Year()*12 + int(t.Month())
	case "WEEKLY":
		return int(r.beginning(t).Sub(bruteFrom)/time.Hour) / 24 / 7
	case "DAILY":
		return hours / 24
	}
	return hours
}

func (r *bruteRule) fitsHour(hour int) bool {
	if list := r.lists["BYHOUR"]; list != nil {
		return slices.Contains(list, hour)
	}
	return r.freq == "HOURLY" || hour == r.dtstart.Hour()
}

func (r *bruteRule) fits(day time.Time) bool {
	in := func(name string, positive, negative int) bool {
		list := r.lists[name]
		return list == nil || slices.Contains(list, positive) || negative < 0 && slices.Contains(list, negative)
	}
	lastOfMonth := time.Date(day.Year(), day.Month()+1, 0, 0, 0, 0, 0, time.UTC)
	lastOfYear := time.Date(day.Year(), 12, 31, 0, 0, 0, 0, time.UTC)
	if !in("BYMONTH", int(day.Month()), 0) || !in("BYMONTHDAY", day.Day(), day.Day()-lastOfMonth.Day()-1) ||
		!in("BYYEARDAY", day.YearDay(), day.YearDay()-lastOfYear.YearDay()-1) || r.days != nil && !r.fitsWeekday(day) {
		return false
	}
	if r.lists["BYWEEKNO"] == nil {
		return true
	}
	week, weeks := r.week(day)
	return in("BYWEEKNO", week, week-weeks-1)
}

func (r *bruteRule) fitsWeekday(day time.Time) bool {
	first := time.Date(day.Year(), day.Month(), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1)
	if r.freq == "YEARLY" && r.lists["BYMONTH"] == nil {
		first = time.Date(day.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
		last = first.AddDate(1, 0, -1)
	}
	if !slices.ContainsFunc(r.days, func(d bruteDay) bool { return d.weekday == day.Weekday() }) {
		return false
	}
	position, size := 0, 0
	for d := first; !d.After(last); d = d.AddDate(0, 0, 1) {
		if d.Weekday() == day.Weekday() {
			size++
			if !d.After(day) {
				position++
			}
		}
	}
	return slices.ContainsFunc(r.days, func(d bruteDay) bool {
		return d.weekday == day.Weekday() && (d.n == 0 || d.n == position || d.n == position-size-1)
	})
}

// week is the number of a day's week, and how many its year has: week 1 is the first with four days in the year.
func (r *bruteRule) week(day time.Time) (number, of int) {
	for day.Weekday() != r.wkst {
		day = day.AddDate(0, 0, -1)
	}
	year := day.AddDate(0, 0, 3).Year()
	for d := day; d.AddDate(0, 0, 3).Year() == year; d = d.AddDate(0, 0, -7) {
		number++
	}
	of = number
	for d := day.AddDate(0, 0, 7); d.AddDate(0, 0, 3).Year() == year; d = d.AddDate(0, 0, 7) {
		of++
	}
	return number, of
}
