package calendar

import "time"

// At is the occurrence of a charge that is due now, beside any schedule.
func At(now time.Time, zone *time.Location, subDaily bool) Occurrence {
	layout := "20060102"
	if subDaily {
		layout = "20060102T1504"
	}
	return Occurrence{At: now.UTC(), Key: now.In(zone).Format(layout)}
}
