package activities

import (
	"strings"
	"time"
)

// LocalTime is how people are told a time: "Monday, 5 January 2026 at 09:00 CET"; zones without letters of their own give
// "UTC+04". A zone that does not exist is UTC, which the text names: a time in a zone the customer did not choose would
// mislead. It is empty for the zero time.
func LocalTime(t time.Time, zone string) string {
	if t.IsZero() {
		return ""
	}
	in, err := time.LoadLocation(zone)
	if err != nil {
		in = time.UTC
	}
	t = t.In(in)
	abbreviation := t.Format("MST")
	if strings.HasPrefix(abbreviation, "+") || strings.HasPrefix(abbreviation, "-") {
		abbreviation = "UTC" + abbreviation
	}
	return t.Format("Monday, 2 January 2006 at 15:04 ") + abbreviation
}
