package calendar

import (
	"iter"
	"slices"
	"time"
)

// steps are local times at a fixed distance: hours, days and weeks.
type steps struct {
	first time.Time
	step  time.Duration
}

func (s steps) from(wall time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		next := s.first
		if passed := wall.Sub(s.first); passed > 0 {
			next = next.Add((passed + s.step - 1).Truncate(s.step))
		}
		for yield(next) {
			next = next.Add(s.step)
		}
	}
}

// months are local times in every so many months, always computed from the first.
type months struct {
	first time.Time // the 1st of the first month, at the time of day
	step  int
	day   dayOfMonth
}

func (m months) in(period int) time.Time {
	month := m.first.AddDate(0, period*m.step, 0)
	return month.AddDate(0, 0, m.day(month.Year(), month.Month())-1)
}

func (m months) from(wall time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		passed := (wall.Year()-m.first.Year())*12 + int(wall.Month()-m.first.Month())
		for period := max(0, passed/m.step); ; period++ {
			if next := m.in(period); !next.Before(wall) && !yield(next) {
				return
			}
		}
	}
}

// list are local times one by one.
type list []time.Time

func (l list) from(wall time.Time) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		first, _ := slices.BinarySearchFunc(l, wall, time.Time.Compare)
		for _, next := range l[first:] {
			if !yield(next) {
				return
			}
		}
	}
}

const day = 24 * time.Hour

// everyWalls are the local times of an anchor style schedule; false when on is not a day of its period. anchor is the local
// date and time that it is computed from.
func everyWalls(every string, interval int, on On, anchor time.Time) (walls, bool) {
	clock := anchor.Sub(dayOf(anchor))
	monthly := func(month time.Month, step int, day dayOfMonth) walls {
		m := months{first: time.Date(anchor.Year(), month, 1, 0, 0, 0, 0, time.UTC).Add(clock), step: 1, day: day}
		if every == everyYear {
			m.step = 12
		}
		if m.in(0).Before(anchor) {
			m.first = m.first.AddDate(0, m.step, 0)
		}
		m.step = step
		return m
	}
	switch every {
	case everyHour:
		return steps{anchor, time.Duration(interval) * time.Hour}, on == ""
	case everyDay:
		return steps{anchor, time.Duration(interval) * day}, on == ""
	case everyWeek:
		weekday, ok := on.weekday(anchor)
		first := anchor.AddDate(0, 0, daysUntil(anchor.Weekday(), weekday))
		return steps{first, time.Duration(interval) * 7 * day}, ok
	case everyMonth:
		days, ok := on.monthDay(anchor)
		if !ok {
			return nil, false
		}
		return monthly(anchor.Month(), interval, days), true
	default:
		month, days, ok := on.yearDay(anchor)
		if !ok {
			return nil, false
		}
		return monthly(month, 12*interval, days), true
	}
}
