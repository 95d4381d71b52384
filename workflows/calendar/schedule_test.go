package calendar

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

func TestOnIsWrittenOneWay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		yaml, json []string
		want       string
	}{
		{[]string{"31", "'31'", `"31"`, "+31", "' 31 '"}, []string{"31", `"31"`, `" 31"`}, `{"on":31}`},
		{[]string{"1", "'01'"}, []string{"1", `"01"`}, `{"on":1}`},
		{[]string{"last", "LAST", "last day", "' Last  Day'"}, []string{`"last"`, `"LAST DAY"`}, `{"on":"last"}`},
		{[]string{"2nd tuesday", "Second Tuesday", "2ND  TUESDAY"}, []string{`"second tuesday"`}, `{"on":"2nd tuesday"}`},
		{[]string{"1st monday", "first Monday"}, []string{`"First Monday"`}, `{"on":"1st monday"}`},
		{[]string{"first business day", "First Business Day"}, []string{`"first business  day"`}, `{"on":"first business day"}`},
		{[]string{"last friday"}, []string{`"Last Friday"`}, `{"on":"last friday"}`},
		{[]string{"monday", "Monday"}, []string{`"MONDAY"`}, `{"on":"monday"}`},
		{[]string{"02-29", "'02-29'"}, []string{`"02-29"`}, `{"on":"02-29"}`},
		{[]string{"''", `""`}, []string{`""`}, `{}`},
		{[]string{"1.5"}, []string{"1.5"}, `{"on":"1.5"}`}, // refused later, with the other mistakes
	} {
		var all []Schedule
		for _, text := range tt.yaml {
			all = append(all, parse(t, "on: "+text), parse(t, "{on: "+text+"}"))
		}
		for _, text := range tt.json {
			var s Schedule
			require.NoError(t, json.Unmarshal([]byte(`{"on":`+text+`}`), &s))
			all = append(all, s, parse(t, `{"on":`+text+`}`))
		}
		for _, s := range all {
			b, err := json.Marshal(s)
			require.NoError(t, err)
			require.Equal(t, tt.want, string(b), "%v %v", tt.yaml, tt.json)
			b, err = yaml.Marshal(s)
			require.NoError(t, err)
			require.Equal(t, s, parse(t, string(b)), string(b))
		}
	}
}

func TestOnOfAProgramIsWrittenOneWay(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(Schedule{Every: "month", On: " Last  Friday"})
	require.NoError(t, err)
	require.JSONEq(t, `{"every":"month","on":"last friday"}`, string(b))
}

func TestOnIsANumberOrWords(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"true", "[31]", `{"day":31}`} {
		var s Schedule
		require.EqualError(t, json.Unmarshal([]byte(`{"on":`+text+`}`), &s), "on: "+text+"; must be a number or words")
		err := yaml.Unmarshal([]byte("every: month\non: "+text), &s)
		require.ErrorContains(t, err, "line 2: on: ")
		require.ErrorContains(t, err, "; must be a number or words")
	}
}

func TestSchedulesThatMeanTheSameAreEqualAsJSON(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ a, b string }{
		{"{every: month, on: 31}", "{every: Month, on: '31', interval: 1, at: '09:00'}"},
		{"{every: month, on: 2nd tuesday, count: 0}", "{every: month, on: Second Tuesday, sub_daily: false}"},
		{"{rrule: FREQ=DAILY}", "{rrule: 'rrule:freq=daily ', interval: 1}"},
	} {
		a, err := json.Marshal(parse(t, tt.a).Canonical())
		require.NoError(t, err)
		b, err := json.Marshal(parse(t, tt.b).Canonical())
		require.NoError(t, err)
		require.Equal(t, string(a), string(b))
	}
}

func TestScheduleAsJSON(t *testing.T) {
	t.Parallel()
	s := Schedule{
		Every: "month", Interval: 2, On: "31", RRule: "FREQ=DAILY", SkipShortMonths: true, Dates: []string{"2026-01-31"}, At: "10:00",
		Start: "2026-01-31", Until: "2027-01-31", Count: 3, SubDaily: true,
	}
	b, err := json.Marshal(s)
	require.NoError(t, err)
	require.JSONEq(t, `{"every":"month","interval":2,"on":31,"rrule":"FREQ=DAILY","skip_short_months":true,"dates":["2026-01-31"],"at":"10:00",
		"start":"2026-01-31","until":"2027-01-31","count":3,"sub_daily":true}`, string(b))
	var back Schedule
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, s, back)

	b, err = json.Marshal(Occurrence{At: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC), Key: "20260131"})
	require.NoError(t, err)
	require.JSONEq(t, `{"at":"2026-01-31T08:00:00Z","key":"20260131"}`, string(b))
}
