package dunning

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDefaultSubscriptionPolicyIsValidAndSmall(t *testing.T) {
	t.Parallel()
	p := DefaultSubscriptionPolicy()
	require.NoError(t, p.Validate())
	b := mustJSON(p)
	require.Less(t, len(b), 150, "it is in the input of every workflow: %s", b)
	var back SubscriptionPolicy
	require.NoError(t, json.Unmarshal([]byte(b), &back))
	require.Equal(t, p, back)

	DefaultSubscriptionPolicy().Reminders[0] = Days(59)
	require.Equal(t, p, DefaultSubscriptionPolicy(), "no two callers share a slice")
}

func TestParseSubscriptionPolicy(t *testing.T) {
	t.Parallel()
	changed := func(change func(*SubscriptionPolicy)) SubscriptionPolicy {
		p := DefaultSubscriptionPolicy()
		change(&p)
		return p
	}
	seconds := changed(func(p *SubscriptionPolicy) {
		p.Name = "demo"
		p.Reminders = []Duration{Exactly(2 * time.Second), Exactly(4 * time.Second)}
		p.BeforeTrialEnd = []Duration{Exactly(3 * time.Second)}
		p.AtRisk = Exactly(10 * time.Second)
	})
	for _, tt := range []struct {
		name, file string
		want       SubscriptionPolicy
	}{
		{"empty", "", DefaultSubscriptionPolicy()},
		{"only a comment", "# nothing\n", DefaultSubscriptionPolicy()},
		{"one key", "name: gym\n", changed(func(p *SubscriptionPolicy) { p.Name = "gym" })},
		{"a shorter list replaces the default's", "reminders: [2d]", changed(func(p *SubscriptionPolicy) { p.Reminders = []Duration{Days(2)} })},
		{"a longer list replaces the default's", "before_trial_end: [9d, 7d, 5d, 36h]", changed(func(p *SubscriptionPolicy) {
			p.BeforeTrialEnd = []Duration{Days(9), Days(7), Days(5), Exactly(36 * time.Hour)}
		})},
		{"no reminders after the ask", "reminders: []", changed(func(p *SubscriptionPolicy) { p.Reminders = []Duration{} })},
		{"no reminders before the end", "before_trial_end: []", changed(func(p *SubscriptionPolicy) { p.BeforeTrialEnd = []Duration{} })},
		{"a list without a value", "reminders:\nbefore_trial_end: null\n", DefaultSubscriptionPolicy()},
		{"risk alone", "at_risk: 5d", changed(func(p *SubscriptionPolicy) { p.AtRisk = Days(5) })},
		{"the longest waits", "reminders: [90d]\nat_risk: 90d", changed(func(p *SubscriptionPolicy) { p.Reminders, p.AtRisk = []Duration{Days(90)}, Days(90) })},
		{"YAML", "name: demo\nreminders: [2s, 4s]\nbefore_trial_end:\n  - 3s\nat_risk: 10s\n", seconds},
		{"JSON", `{"name": "demo", "reminders": ["2s", "4s"], "before_trial_end": ["3s"], "at_risk": "10s"}`, seconds},
		{"JSON of the default", mustJSON(DefaultSubscriptionPolicy()), DefaultSubscriptionPolicy()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseSubscriptionPolicy([]byte(tt.file))
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestParseSubscriptionPolicyRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, file, message string }{
		{"unknown key", "name: x\nreminder: 3\n", `policy: line 2: unknown field "reminder"`},
		{"key of the other policy", "customer_window: 14d", `policy: line 1: unknown field "customer_window"`},
		{"a key twice", "name: a\nname: b\n", `policy: line 2: mapping key "name" already defined at [1:1]`},
		{"two documents", "name: a\n---\nname: b\n", `policy: line 2: more than one YAML document; exactly one is allowed`},
		{"a list", "- name\n", `policy: line 1: sequence was used where mapping is expected`},
		{"bad wait", "reminders:\n  - 2d\n  - 3 days\n", `policy: line 3: "3 days" is not a wait such as 2d, 36h or 90s`},
		{"wait without unit", "at_risk: 3", `policy: line 1: "3" is not a wait such as 2d, 36h or 90s`},
		{"zero reminder", "reminders: [0s]", `policy: reminders[0]: 0s; must be more than 0 and at most 90d`},
		{"negative reminder", "before_trial_end: [-1d]", `policy: before_trial_end[0]: -1d; must be more than 0 and at most 90d`},
		{"very late reminder", "reminders: [91d]", `policy: reminders[0]: 91d; must be more than 0 and at most 90d`},
		{"very early reminder", "before_trial_end: [2161h]", `policy: before_trial_end[0]: 2161h; must be more than 0 and at most 90d`},
		{"reminders out of order", "reminders: [3d, 72h]", `policy: reminders[1]: 72h; must be more than the one before (3d)`},
		{"reminders before the end out of order", "before_trial_end: [1d, 3d]", `policy: before_trial_end[1]: 3d; must be less than the one before (1d)`},
		{"the same reminder twice", "before_trial_end: [1d, 24h]", `policy: before_trial_end[1]: 24h; must be less than the one before (1d)`},
		{"reminders without end", "reminders: [1d, 2d, 3d, 4d, 5d, 6d, 7d, 8d, 9d, 10d, 11d]", `policy: reminders: 11 entries; at most 10`},
		{"never at risk", "at_risk: 0s", `policy: at_risk: 0s; must be more than 0 and at most 90d`},
		{"at risk from the start", "at_risk: 91d", `policy: at_risk: 91d; must be more than 0 and at most 90d`},
		{"name", "name: " + strings.Repeat("ä", 61), `policy: name: 61 characters; at most 60`},
		{
			"every mistake at once", "reminders: [-2d]\nbefore_trial_end: [91d]\nat_risk: -1s\n",
			"policy: reminders[0]: -2d; must be more than 0 and at most 90d\nbefore_trial_end[0]: 91d; must be more than 0 and at most 90d\nat_risk: -1s; must be more than 0 and at most 90d",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseSubscriptionPolicy([]byte(tt.file))
			require.EqualError(t, err, tt.message)
			require.Zero(t, got)
		})
	}
}

func TestSubscriptionPolicyReadsBackWhatItWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawSubscriptionPolicy(t)
		b, err := yaml.Marshal(p)
		require.NoError(t, err)
		got, err := ParseSubscriptionPolicy(b)
		require.NoError(t, err, "%s", b)
		require.Equal(t, mustJSON(p), mustJSON(got))

		var fromJSON SubscriptionPolicy
		require.NoError(t, json.Unmarshal([]byte(mustJSON(p)), &fromJSON))
		require.Equal(t, mustJSON(p), mustJSON(fromJSON), "a list that is left out of a workflow's input is empty")
	})
}

// The schema is for editors; it must not know other keys, limits or defaults than the code.
func TestSchemaAgreesWithSubscriptionPolicy(t *testing.T) {
	t.Parallel()
	type node struct {
		AdditionalProperties *bool           `json:"additionalProperties"` //nolint:tagliatelle // JSON Schema's name
		Properties           map[string]node `json:"properties"`
		Defs                 map[string]node `json:"$defs"`
		Default              json.RawMessage `json:"default"`
		Pattern              string          `json:"pattern"`
		MaxItems             int             `json:"maxItems"`  //nolint:tagliatelle // JSON Schema's name
		MaxLength            int             `json:"maxLength"` //nolint:tagliatelle // JSON Schema's name
	}
	file, err := os.ReadFile("subscription_policy.schema.json")
	require.NoError(t, err)
	var schema node
	require.NoError(t, json.Unmarshal(file, &schema))
	require.False(t, *schema.AdditionalProperties)

	var inSchema, inJSON, inYAML []string
	for key := range schema.Properties {
		inSchema = append(inSchema, key)
	}
	for field := range reflect.TypeFor[SubscriptionPolicy]().Fields() {
		inJSON = append(inJSON, strings.Split(field.Tag.Get("json"), ",")[0])
		inYAML = append(inYAML, strings.Split(field.Tag.Get("yaml"), ",")[0])
	}
	require.ElementsMatch(t, inJSON, inSchema)
	require.ElementsMatch(t, inYAML, inSchema)

	var defaults map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(mustJSON(DefaultSubscriptionPolicy())), &defaults))
	require.Len(t, defaults, len(inSchema))
	for key, value := range defaults {
		require.JSONEq(t, string(value), string(schema.Properties[key].Default), key)
	}
	require.Equal(t, maxNameLength, schema.Properties["name"].MaxLength)
	require.Equal(t, maxReminders, schema.Properties["reminders"].MaxItems)
	require.Equal(t, maxReminders, schema.Properties["before_trial_end"].MaxItems)

	wait := regexp.MustCompile(schema.Defs["duration"].Pattern)
	for _, s := range []string{"2d", "36h", "1h30m", "1.5s", "100µs"} {
		require.Regexp(t, wait, s)
	}
	for _, s := range []string{"", "2", "d", "-2d", "1d12h", "2 d"} {
		require.NotRegexp(t, wait, s)
	}
}

func TestDurationBefore(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	at := time.Date(2027, 3, 28, 12, 34, 56, 0, berlin) // the day on which summer time begins
	for _, tt := range []struct {
		name string
		wait Duration
		at   time.Time
		want string
	}{
		{"a day has 23 hours", Days(1), at, "2027-03-27 12:34:56 CET"},
		{"24 hours are 24 hours", Exactly(24 * time.Hour), at, "2027-03-27 11:34:56 CET"},
		{"a local time that does not exist moves forward", Days(1), time.Date(2027, 3, 29, 2, 30, 0, 0, berlin), "2027-03-28 03:30:00 CEST"},
		{"a local time that exists twice is the first", Days(1), time.Date(2026, 10, 26, 2, 30, 0, 0, berlin), "2026-10-25 02:30:00 CEST"},
		{"over a month's end", Days(3), time.Date(2028, 3, 1, 9, 0, 0, 0, berlin), "2028-02-27 09:00:00 CET"},
		{"nothing", Duration{}, at, "2027-03-28 12:34:56 CEST"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := tt.wait.Before(tt.at, berlin)
			require.Equal(t, tt.want, got.In(berlin).Format(localForm))
			require.Equal(t, time.UTC, got.Location())
		})
	}
}

// Where the clocks do not change in between, Before is the way back from After.
func TestDurationBeforeUndoesAfter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		wait, at := drawWait(t, "wait"), drawTime(t, "at")
		require.Equal(t, at.UTC(), wait.Before(wait.After(at, time.UTC), time.UTC))

		zone := drawZone(t)
		before := wait.Before(at, zone)
		require.True(t, before.Before(at) || wait.nominal() < 2*time.Hour, "%s before %s is %s", wait, at, before)
		if wait.IsDays() {
			want := at.In(zone).Format(time.TimeOnly)
			year, month, day := at.In(zone).Date()
			require.Equal(t, time.Date(year, month, day-wait.days, 12, 0, 0, 0, time.UTC).Format(time.DateOnly), before.In(zone).Format(time.DateOnly))
			if clock := before.In(zone).Format(time.TimeOnly); clock != want {
				_, earlier := before.Add(-3 * time.Hour).In(zone).Zone()
				_, later := before.Add(3 * time.Hour).In(zone).Zone()
				require.NotEqual(t, earlier, later, "only where the clocks change can %s not exist", want)
			}
		}
	})
}

func TestNextReminder(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	day := func(month time.Month, d, hour int) time.Time { return time.Date(2027, month, d, hour, 0, 0, 0, berlin) }
	asked := day(time.March, 20, 9)
	policy := DefaultSubscriptionPolicy()
	for _, tt := range []struct {
		name     string
		policy   SubscriptionPolicy
		told     time.Time
		trialEnd time.Time
		want     string // "" is never
	}{
		{"a day after the ask", policy, asked, time.Time{}, "2027-03-21 09:00:00 CET"},
		{"then the third day", policy, day(time.March, 21, 9), time.Time{}, "2027-03-23 09:00:00 CET"},
		{"then a week, by the customer's clock", policy, day(time.March, 23, 9), time.Time{}, "2027-03-27 09:00:00 CET"},
		{"then never, without a trial", policy, day(time.March, 27, 9), time.Time{}, ""},
		{"then before the end of the trial", policy, day(time.March, 27, 9), day(time.April, 10, 15), "2027-04-03 15:00:00 CEST"},
		{"the last one is a day before", policy, day(time.April, 7, 15), day(time.April, 10, 15), "2027-04-09 15:00:00 CEST"},
		{"and none after that", policy, day(time.April, 9, 15), day(time.April, 10, 15), ""},
		{"a short trial's reminders may come first", policy, asked, day(time.March, 22, 7), "2027-03-21 07:00:00 CET"},
		{"one of two on the same day", policy, day(time.March, 21, 7), day(time.March, 22, 7), "2027-03-23 09:00:00 CET"},
		{"20 hours are enough", policy, day(time.March, 20, 13), time.Time{}, "2027-03-21 09:00:00 CET"},
		{"less is not", policy, day(time.March, 20, 13).Add(time.Second), time.Time{}, "2027-03-23 09:00:00 CET"},
		{"one that is overdue is sent", policy, day(time.March, 1, 9), time.Time{}, "2027-03-21 09:00:00 CET"},
		{"of a trial that ends before the ask, none", policy, asked, day(time.March, 20, 15), "2027-03-21 09:00:00 CET"},
		{"none at all", SubscriptionPolicy{AtRisk: Days(3)}, asked, day(time.April, 10, 15), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			next := tt.policy.NextReminder(asked, tt.told, tt.trialEnd, berlin)
			if tt.want == "" {
				require.Zero(t, next)
				return
			}
			require.Equal(t, tt.want, next.In(berlin).Format(localForm))
		})
	}
}

// Whoever sends each reminder when it is due bothers nobody twice within 20 hours, sends each at most once, and comes to
// an end.
func TestRemindersComeToAnEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, zone, asked := drawSubscriptionPolicy(t), drawZone(t), drawTime(t, "asked")
		var trialEnd time.Time
		if rapid.Bool().Draw(t, "trial") {
			trialEnd = asked.Add(time.Duration(rapid.Int64Range(0, int64(120*24*time.Hour)).Draw(t, "trial for")))
		}
		told, sent := asked, 0
		for next := p.NextReminder(asked, told, trialEnd, zone); !next.IsZero(); next = p.NextReminder(asked, told, trialEnd, zone) {
			require.GreaterOrEqual(t, next.Sub(told), remindersApart)
			told = next
			sent++
		}
		require.LessOrEqual(t, sent, len(p.Reminders)+len(p.BeforeTrialEnd))
		if len(p.Reminders) > 0 && p.Reminders[0].nominal() > 24*time.Hour {
			require.Positive(t, sent, "the first is far enough from the ask")
		}
	})
}

func TestRiskAt(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	trialEnd := time.Date(2027, 3, 30, 9, 0, 0, 0, berlin)
	require.Equal(t, "2027-03-27 09:00:00 CET", DefaultSubscriptionPolicy().RiskAt(trialEnd, berlin).In(berlin).Format(localForm), "71 hours before")
	require.Equal(t, "2027-03-27 08:00:00 CET", SubscriptionPolicy{AtRisk: Exactly(72 * time.Hour)}.RiskAt(trialEnd, berlin).In(berlin).Format(localForm))
	apia := zone(t, "Pacific/Apia")
	require.Equal(t, "2012-01-02 12:00:00 +14", DefaultSubscriptionPolicy().RiskAt(time.Date(2012, 1, 5, 12, 0, 0, 0, apia), apia).In(apia).Format(localForm))
}

func drawZone(t *rapid.T) *time.Location {
	name := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"}).Draw(t, "zone")
	zone, err := time.LoadLocation(name)
	require.NoError(t, err)
	return zone
}

func drawTime(t *rapid.T, label string) time.Time {
	return time.Unix(rapid.Int64Range(1_600_000_000, 2_000_000_000).Draw(t, label), 0)
}

func drawWait(t *rapid.T, label string) Duration {
	if rapid.Bool().Draw(t, label+" in days") {
		return Days(rapid.IntRange(1, maxWindow).Draw(t, label))
	}
	return Exactly(time.Duration(rapid.Int64Range(1, int64(maxWindow*24*time.Hour)).Draw(t, label)))
}

func drawSubscriptionPolicy(t *rapid.T) SubscriptionPolicy {
	waits := func(label string) []Duration {
		list := []Duration{}
		for range rapid.IntRange(0, maxReminders).Draw(t, label+" reminders") {
			list = append(list, drawWait(t, label))
		}
		slices.SortFunc(list, func(a, b Duration) int { return int(a.nominal() - b.nominal()) })
		return slices.CompactFunc(list, func(a, b Duration) bool { return a.nominal() == b.nominal() })
	}
	p := SubscriptionPolicy{Name: "drawn", Reminders: waits("after"), BeforeTrialEnd: waits("before"), AtRisk: drawWait(t, "at_risk")}
	slices.Reverse(p.BeforeTrialEnd)
	require.NoError(t, p.Validate())
	return p
}
