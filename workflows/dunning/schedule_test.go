package dunning

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const localForm = "2006-01-02 15:04:05 MST"

// retryAt is when a soft decline at a local time is tried again.
func retryAt(t *testing.T, r Retries, zoneName, failedAt string) string {
	t.Helper()
	loc := zone(t, zoneName)
	now, err := time.ParseInLocation("2006-01-02 15:04", failedAt, loc)
	require.NoError(t, err)
	p := DefaultPolicy()
	p.Soft = r
	d := Decide(p, History{Attempts: 1}, declined("insufficient_funds"), now.UTC(), loc, "r-1")
	require.Equal(t, ActionRetry, d.Action)
	at := d.At
	if r.After[0].IsDays() {
		at = at.Add(-jitter("r-1"))
	}
	return at.In(loc).Format(localForm)
}

func TestRetriesInDays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, zone, failedAt string
		days                 int
		at                   string
		want                 string
	}{
		{"the next morning", "Europe/Berlin", "2026-11-22 11:00", 1, "09:00", "2026-11-23 09:00:00 CET"},
		{"late in the evening: still the next date", "Europe/Berlin", "2026-11-22 23:59", 1, "09:00", "2026-11-23 09:00:00 CET"},
		{"just after midnight: the date of the customer counts", "Europe/Berlin", "2026-11-23 00:01", 1, "09:00", "2026-11-24 09:00:00 CET"},
		{"end of a month", "Europe/Berlin", "2026-11-30 12:00", 2, "09:00", "2026-12-02 09:00:00 CET"},
		{"end of a year", "America/New_York", "2026-12-30 12:00", 3, "18:30", "2027-01-02 18:30:00 EST"},
		{"end of February", "Europe/Berlin", "2027-02-27 12:00", 2, "09:00", "2027-03-01 09:00:00 CET"},
		{"leap day", "Europe/Berlin", "2028-02-28 12:00", 1, "09:00", "2028-02-29 09:00:00 CET"},
		{"across the clocks going forward: 23 hours less", "Europe/Berlin", "2027-03-27 12:00", 2, "09:00", "2027-03-29 09:00:00 CEST"},
		{"across the clocks going back", "Europe/Berlin", "2027-10-30 12:00", 2, "09:00", "2027-11-01 09:00:00 CET"},
		{"Berlin 02:30 does not exist: forward", "Europe/Berlin", "2027-03-27 12:00", 1, "02:30", "2027-03-28 03:30:00 CEST"},
		{"Berlin 02:00 does not exist: forward", "Europe/Berlin", "2027-03-27 12:00", 1, "02:00", "2027-03-28 03:00:00 CEST"},
		{"Berlin 03:00 exists", "Europe/Berlin", "2027-03-27 12:00", 1, "03:00", "2027-03-28 03:00:00 CEST"},
		{"Berlin 02:30 twice: first", "Europe/Berlin", "2027-10-30 12:00", 1, "02:30", "2027-10-31 02:30:00 CEST"},
		{"New York 02:30 does not exist: forward", "America/New_York", "2027-03-13 12:00", 1, "02:30", "2027-03-14 03:30:00 EDT"},
		{"New York 01:30 twice: first", "America/New_York", "2026-10-31 12:00", 1, "01:30", "2026-11-01 01:30:00 EDT"},
		{"half an hour at Lord Howe", "Australia/Lord_Howe", "2027-10-02 12:00", 1, "02:15", "2027-10-03 02:45:00 +11"},
		{"a whole day missing at Apia", "Pacific/Apia", "2011-12-29 12:00", 1, "09:00", "2011-12-31 09:00:00 +14"},
		{"midnight does not exist in Cairo", "Africa/Cairo", "2027-04-29 12:00", 1, "00:00", "2027-04-30 01:00:00 EEST"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, retryAt(t, Retries{After: []Duration{Days(tt.days)}, At: tt.at}, tt.zone, tt.failedAt))
		})
	}
}

func TestRetriesBelowADayAreExact(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		wait           time.Duration
		failedAt, want string
	}{
		{2 * time.Second, "2026-11-22 11:00", "2026-11-22 11:00:02 CET"},
		{36 * time.Hour, "2026-11-22 11:00", "2026-11-23 23:00:00 CET"},
		{24 * time.Hour, "2027-03-27 12:00", "2027-03-28 13:00:00 CEST"}, // 24 hours are not a day
	} {
		r := Retries{After: []Duration{Exactly(tt.wait)}, At: "09:00", Paydays: []int{15}}
		require.Equal(t, tt.want, retryAt(t, r, "Europe/Berlin", tt.failedAt))
	}
}

func TestPaydays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, failedAt string
		paydays        []int
		want           string
	}{
		{"on the date itself", "2026-11-13 11:00", []int{1, 15}, "2026-11-15 09:00:00 CET"},
		{"forward to the next", "2026-11-11 11:00", []int{1, 15}, "2026-11-15 09:00:00 CET"},
		{"seven days away", "2026-11-06 11:00", []int{15}, "2026-11-15 09:00:00 CET"},
		{"eight days away is too far", "2026-11-05 11:00", []int{15}, "2026-11-07 09:00:00 CET"},
		{"into the next month", "2026-11-26 11:00", []int{1}, "2026-12-01 09:00:00 CET"},
		{"the nearest of several, in any order", "2026-11-26 11:00", []int{1, 30, 29}, "2026-11-29 09:00:00 CET"},
		{"31 is the last day of November", "2026-11-26 11:00", []int{31}, "2026-11-30 09:00:00 CET"},
		{"31 is the last day of February", "2027-02-22 11:00", []int{31}, "2027-02-28 09:00:00 CET"},
		{"30 in February of a leap year", "2028-02-24 11:00", []int{30}, "2028-02-29 09:00:00 CET"},
		{"28 is not the last day of a leap February", "2028-02-27 11:00", []int{28}, "2028-02-29 09:00:00 CET"},
		{"30 in a month of 31", "2026-12-27 11:00", []int{30}, "2026-12-30 09:00:00 CET"},
		{"none asked for", "2026-11-11 11:00", nil, "2026-11-13 09:00:00 CET"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := Retries{After: []Duration{Days(2)}, At: "09:00", Paydays: tt.paydays}
			require.Equal(t, tt.want, retryAt(t, r, "Europe/Berlin", tt.failedAt))
		})
	}
}

// A wait that the card network demands moves a retry on by whole days, so that it stays at the policy's hour.
func TestNetworkWaitKeepsTheLocalHour(t *testing.T) {
	t.Parallel()
	p := DefaultPolicy()
	p.Soft = Retries{After: []Duration{Days(1)}, At: "09:00"}
	for network, want := range map[string]string{
		"24": "2026-11-23 09:00",
		"25": "2026-11-24 09:00", // the 23rd, 09:00, would be 22 hours after
		"26": "2026-11-25 09:00",
		"30": "2026-12-03 09:00",
	} {
		f := declined("insufficient_funds")
		f.NetworkAdviceCode = network
		d := Decide(p, History{Attempts: 1}, f, sunday, zone(t, "Europe/Berlin"), "r-1")
		require.Equal(t, want, d.At.Add(-jitter("r-1")).In(zone(t, "Europe/Berlin")).Format("2006-01-02 15:04"), network)
	}
	p.Soft.Paydays = []int{27}
	f := declined("insufficient_funds")
	f.NetworkAdviceCode = "26"
	require.Equal(t, "2026-11-27", Decide(p, History{Attempts: 1}, f, sunday, nil, "r-1").At.Format(time.DateOnly), "first the wait, then the payday")
}

func TestJitterSpreadsOverHalfAnHour(t *testing.T) {
	t.Parallel()
	require.Equal(t, 5*time.Minute+55*time.Second, jitter("r-1"), "the same in every process, for ever")
	minutes := map[int]bool{}
	for i := range 1000 {
		j := jitter("invoice-" + strconv.Itoa(i))
		require.GreaterOrEqual(t, j, time.Duration(0))
		require.Less(t, j, maxJitter)
		minutes[int(j.Minutes())] = true
	}
	require.Len(t, minutes, 30, "a thousand payments use every minute")
}

// instant agrees with the zone wherever a local time exists, and is never earlier than it where it does not.
func TestInstant(t *testing.T) {
	t.Parallel()
	names := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca", "Asia/Kathmandu", "Pacific/Apia"}
	zones := map[string]*time.Location{}
	for _, name := range names {
		zones[name] = zone(t, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		loc := zones[rapid.SampledFrom(names).Draw(t, "zone")]
		wall := time.Unix(rapid.Int64Range(1_000_000_000, 2_500_000_000).Draw(t, "wall"), 0).UTC()
		got := instant(wall, loc)
		shown, err := time.ParseInLocation(time.DateTime, wall.Format(time.DateTime), loc)
		require.NoError(t, err)
		if shown.Format(time.DateTime) == wall.Format(time.DateTime) { // it exists, once or twice
			require.Equal(t, wall.Format(time.DateTime), got.In(loc).Format(time.DateTime))
			require.False(t, got.After(shown), "the first of two")
			return
		}
		require.Greater(t, got.In(loc).Format(time.DateTime), wall.Format(time.DateTime))
	})
}
