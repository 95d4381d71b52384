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

func TestDefaultPolicyIsValidAndSmall(t *testing.T) {
	t.Parallel()
	p := DefaultPolicy()
	require.NoError(t, p.Validate())
	b, err := json.Marshal(p)
	require.NoError(t, err)
	require.Less(t, len(b), 300, "it is in the input of every workflow: %s", b)
	var back Policy
	require.NoError(t, json.Unmarshal(b, &back))
	require.Equal(t, p, back)

	DefaultPolicy().Soft.After[0] = Days(59)
	require.Equal(t, p, DefaultPolicy(), "no two callers share a slice")
}

func TestWindowOfTheCustomer(t *testing.T) {
	t.Parallel()
	berlin := zone(t, "Europe/Berlin")
	asked := time.Date(2027, 3, 20, 9, 6, 0, 0, berlin)
	require.Equal(t, "2027-04-03 09:06:00 CEST", DefaultPolicy().Deadline(asked, berlin).In(berlin).Format(localForm))
	times := DefaultPolicy().ReminderTimes(asked, berlin)
	require.Len(t, times, 3)
	require.Equal(t, "2027-03-23 09:06:00 CET", times[0].In(berlin).Format(localForm))
	require.Equal(t, "2027-03-27 09:06:00 CET", times[1].In(berlin).Format(localForm))
	require.Equal(t, "2027-04-01 09:06:00 CEST", times[2].In(berlin).Format(localForm))
}

func TestParsePolicy(t *testing.T) {
	t.Parallel()
	changed := func(change func(*Policy)) Policy {
		p := DefaultPolicy()
		change(&p)
		return p
	}
	seconds := changed(func(p *Policy) {
		p.Name = "demo"
		p.Soft.After = []Duration{Exactly(2 * time.Second), Exactly(4 * time.Second)}
		p.CustomerWindow = Exactly(10 * time.Second)
		p.Reminders = []Duration{Exactly(3 * time.Second)}
	})
	for _, tt := range []struct {
		name, file string
		want       Policy
	}{
		{"empty", "", DefaultPolicy()},
		{"only a comment", "# nothing\n", DefaultPolicy()},
		{"one key", "name: gym\n", changed(func(p *Policy) { p.Name = "gym" })},
		{"one key of a schedule keeps the others", "soft:\n  at: 10:30\n", changed(func(p *Policy) { p.Soft.At = "10:30" })},
		{"a list replaces the default's", "soft:\n  after: [1d]\n", changed(func(p *Policy) { p.Soft.After = []Duration{Days(1)} })},
		{"no retries", "issuer: {after: []}", changed(func(p *Policy) { p.Issuer.After = []Duration{} })},
		{"no reminders", "reminders: []", changed(func(p *Policy) { p.Reminders = []Duration{} })},
		{"a short window drops the default reminders that come too late", "customer_window: 7d", changed(func(p *Policy) {
			p.CustomerWindow = Days(7)
			p.Reminders = []Duration{Days(3)}
		})},
		{"paydays", "soft: {paydays: [1, 15]}", changed(func(p *Policy) { p.Soft.Paydays = []int{1, 15} })},
		{"no time of day is needed for waits below a day", "soft: {after: [2s], at: ''}", changed(func(p *Policy) {
			p.Soft = Retries{After: []Duration{Exactly(2 * time.Second)}}
		})},
		{"YAML", "name: demo\nsoft:\n  after: [2s, 4s]\ncustomer_window: 10s\nreminders:\n  - 3s\n", seconds},
		{"JSON", `{"name": "demo", "soft": {"after": ["2s", "4s"]}, "customer_window": "10s", "reminders": ["3s"]}`, seconds},
		{"JSON with tabs", "{\n\t\"name\": \"demo\",\n\t\"soft\": {\n\t\t\"after\": [\"2s\", \"4s\"]\n\t},\n\t\"customer_window\": \"10s\",\n\t\"reminders\": [\"3s\"]\n}\n", seconds},
		{"JSON of the default", mustJSON(DefaultPolicy()), DefaultPolicy()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParsePolicy([]byte(tt.file))
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, file, message string }{
		{"unknown key", "name: x\nretrys: 3\n", `policy: line 2: unknown field "retrys"`},
		{"unknown key below", "soft:\n  after: [2d]\n  unit: 3d\n", `policy: line 3: unknown field "unit"`},
		{"unknown key in JSON", "{\n\t\"soft\": {\n\t\t\"After\": [\"2d\"]\n\t}\n}", `policy: line 3: unknown field "After"`},
		{"a key twice", "name: a\nname: b\n", `policy: line 2: mapping key "name" already defined at [1:1]`},
		{"not YAML", "soft: [\n", `policy: line 1: sequence end token ']' not found`},
		{"a list", "- soft\n", `policy: line 1: sequence was used where mapping is expected`},
		{"two documents", "name: a\n---\nname: b\n", `policy: line 2: more than one YAML document; exactly one is allowed`},
		{"bad wait", "soft:\n  after:\n    - 2d\n    - 3 days\n", `policy: line 4: "3 days" is not a wait such as 2d, 36h or 90s`},
		{"wait without unit", "customer_window: 14", `policy: line 1: "14" is not a wait such as 2d, 36h or 90s`},
		{"wait of another kind", "customer_window: [14d]", `policy: line 1: "[14d]" is not a wait such as 2d, 36h or 90s`},
		{"negative wait", "soft: {after: [2d, -3d]}", `policy: soft.after[1]: -3d; must be more than 0 and at most 60d`},
		{"zero wait", "issuer: {after: [0s]}", `policy: issuer.after[0]: 0s; must be more than 0 and at most 60d`},
		{"very long wait", "issuer: {after: [61d]}", `policy: issuer.after[0]: 61d; must be more than 0 and at most 60d`},
		{"9 attempts", "max_attempts: 9", `policy: max_attempts: 9; must be 1 to 8`},
		{"0 attempts", "max_attempts: 0", `policy: max_attempts: 0; must be 1 to 8`},
		{"half attempts", "max_attempts: 3.7", `policy: line 1: max_attempts: 3.7; must be a whole number in decimal digits`},
		{"attempts in words", "max_attempts: many", `policy: line 1: "many"; must be a whole number`},
		{"9 retries", "soft: {after: [1d, 1d, 1d, 1d, 1d, 1d, 1d, 1d, 1d]}", `policy: soft.after: 9 retries; at most 7, since the first attempt counts too`},
		{"8 retries", "soft: {after: [1d, 1d, 1d, 1d, 1d, 1d, 1d, 1d]}", `policy: soft.after: 8 retries; at most 7, since the first attempt counts too`},
		{"bad hour that nothing looks at", "soft: {after: [2s], at: noon}", `policy: soft.at: "noon"; must be a local time such as 09:00`},
		{"bad hour", "soft: {at: '25:00'}", `policy: soft.at: "25:00"; must be a local time such as 09:00`},
		{"short hour", "soft: {at: '9:00'}", `policy: soft.at: "9:00"; must be a local time such as 09:00`},
		{"no hour", "soft: {at: ''}", `policy: soft.at: ""; must be a local time such as 09:00`},
		{"paydays", "issuer: {paydays: [0, 15, 32]}", "policy: issuer.paydays[0]: 0; must be 1 to 31\nissuer.paydays[2]: 32; must be 1 to 31"},
		{"half a payday", "soft: {paydays: [1, 1.5]}\nissuer: {paydays: [2.5]}", "policy: line 1: soft.paydays[1]: 1.5; must be a whole number in decimal digits\nline 2: issuer.paydays[0]: 2.5; must be a whole number in decimal digits"},
		{"window", "customer_window: 91d\nreminders: []", `policy: customer_window: 91d; must be more than 0 and at most 90d`},
		{"no window", "customer_window: 0s\nreminders: []", `policy: customer_window: 0s; must be more than 0 and at most 90d`},
		{"reminder too late", "reminders: [14d]", `policy: reminders[0]: 14d; must be less than customer_window (14d)`},
		{"reminder too early", "reminders: [0s]", `policy: reminders[0]: 0s; must be more than 0`},
		{"reminders out of order", "reminders: [3d, 72h]", `policy: reminders[1]: 72h; must be more than the one before (3d)`},
		{"reminders without end", "reminders: [1d, 2d, 3d, 4d, 5d, 6d, 7d, 8d, 9d, 10d, 11d]", `policy: reminders: 11 entries; at most 10`},
		{"name", "name: " + strings.Repeat("ä", 61), `policy: name: 61 characters; at most 60`},
		{"final action", "final_action: refund", `policy: final_action: "refund"; must be one of ["uncollectible" "pause" "cancel" "needs_attention"]`},
		{"size", strings.Repeat("# long\n", 10000), `policy: 70000 bytes; at most 65536`},
		{
			"every mistake at once", "soft: {after: [-2d]}\nmax_attempts: 9\nfinal_action: ''\n",
			"policy: soft.after[0]: -2d; must be more than 0 and at most 60d\nmax_attempts: 9; must be 1 to 8\nfinal_action: \"\"; must be one of [\"uncollectible\" \"pause\" \"cancel\" \"needs_attention\"]",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParsePolicy([]byte(tt.file))
			require.EqualError(t, err, tt.message)
			require.Zero(t, got)
		})
	}
}

func TestPolicyReadsBackWhatItWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawPolicy(t)
		b, err := yaml.Marshal(p)
		require.NoError(t, err)
		got, err := ParsePolicy(b)
		require.NoError(t, err, "%s", b)
		require.Equal(t, mustJSON(p), mustJSON(got))

		var fromJSON Policy
		require.NoError(t, json.Unmarshal([]byte(mustJSON(p)), &fromJSON))
		require.Equal(t, mustJSON(p), mustJSON(fromJSON))
	})
}

// The schema is for editors; it must not know other keys or defaults than the code.
func TestSchemaAgreesWithPolicy(t *testing.T) {
	t.Parallel()
	type node struct {
		AdditionalProperties *bool                      `json:"additionalProperties"` //nolint:tagliatelle // JSON Schema's name
		Properties           map[string]json.RawMessage `json:"properties"`
		Defs                 map[string]json.RawMessage `json:"$defs"`
		Default              json.RawMessage            `json:"default"`
		Pattern              string                     `json:"pattern"`
		Minimum              int                        `json:"minimum"`
		Maximum              int                        `json:"maximum"`
		MaxItems             int                        `json:"maxItems"`  //nolint:tagliatelle // JSON Schema's name
		MaxLength            int                        `json:"maxLength"` //nolint:tagliatelle // JSON Schema's name
		Enum                 []string                   `json:"enum"`
		Items                json.RawMessage            `json:"items"`
	}
	parse := func(raw []byte) (n node) {
		require.NoError(t, json.Unmarshal(raw, &n))
		return n
	}
	file, err := os.ReadFile("policy.schema.json")
	require.NoError(t, err)
	schema := parse(file)
	retries := parse(schema.Defs["retries"])

	for _, pair := range []struct {
		schema node
		typ    reflect.Type
	}{{schema, reflect.TypeFor[Policy]()}, {retries, reflect.TypeFor[Retries]()}} {
		var inSchema, inJSON, inYAML []string
		for key := range pair.schema.Properties {
			inSchema = append(inSchema, key)
		}
		for field := range pair.typ.Fields() {
			inJSON = append(inJSON, strings.Split(field.Tag.Get("json"), ",")[0])
			inYAML = append(inYAML, strings.Split(field.Tag.Get("yaml"), ",")[0])
		}
		slices.Sort(inSchema)
		slices.Sort(inJSON)
		slices.Sort(inYAML)
		require.Equal(t, inJSON, inSchema)
		require.Equal(t, inYAML, inSchema)
		require.False(t, *pair.schema.AdditionalProperties)
	}

	var defaults map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(mustJSON(DefaultPolicy())), &defaults))
	for key, value := range defaults {
		require.JSONEq(t, string(value), string(parse(schema.Properties[key]).Default), key)
	}

	attempts := parse(schema.Properties["max_attempts"])
	require.Equal(t, []int{1, MaxAttempts}, []int{attempts.Minimum, attempts.Maximum})
	require.Equal(t, maxNameLength, parse(schema.Properties["name"]).MaxLength)
	require.Equal(t, maxReminders, parse(schema.Properties["reminders"]).MaxItems)
	var actions []string
	for _, a := range FinalActions() {
		actions = append(actions, string(a))
	}
	require.Equal(t, actions, parse(schema.Properties["final_action"]).Enum)
	require.Equal(t, MaxAttempts-1, parse(retries.Properties["after"]).MaxItems)
	paydays := parse(parse(retries.Properties["paydays"]).Items)
	require.Equal(t, []int{1, 31}, []int{paydays.Minimum, paydays.Maximum})

	wait := regexp.MustCompile(parse(schema.Defs["duration"]).Pattern)
	for _, s := range []string{"2d", "36h", "1h30m", "1.5s", "100µs"} {
		require.Regexp(t, wait, s)
	}
	for _, s := range []string{"", "2", "d", "-2d", "1d12h", "2 d"} {
		require.NotRegexp(t, wait, s)
	}
	at := regexp.MustCompile(parse(retries.Properties["at"]).Pattern)
	for _, s := range []string{"00:00", "09:00", "23:59"} {
		require.Regexp(t, at, s)
	}
	for _, s := range []string{"24:00", "9:00", "09:60", "09:00:00"} {
		require.NotRegexp(t, at, s)
	}
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func FuzzParsePolicy(f *testing.F) {
	for _, seed := range []string{
		"", "name: x", mustJSON(DefaultPolicy()), "soft: {after: [2s], paydays: [31]}", "soft:\n  after:\n  - -2d",
		"a: &a [*a]", "? x : y", "max_attempts: 1e3", "reminders: [&x 1d, *x]", "---\n...\n---", "{\"soft\":{\"after\":[\"2d\"]}}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParsePolicy(data)
		if err != nil {
			require.Zero(t, p)
			require.True(t, strings.HasPrefix(err.Error(), "policy: "), "%v", err)
			return
		}
		require.NoError(t, p.Validate())
		again, err := ParsePolicy([]byte(mustJSON(p)))
		require.NoError(t, err)
		if len(p.Reminders) > 0 && len(p.Soft.After) > 0 && len(p.Issuer.After) > 0 {
			require.Equal(t, mustJSON(p), mustJSON(again))
		}
	})
}
