package client

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
	"github.com/offsession/offsession/workflows/dunning"
)

func TestParseAgreement(t *testing.T) {
	t.Parallel()
	const file = `
customer: cus_123
payment_method: pm_123        # or save_card: true
amount: 1099
currency: usd
time_zone: Europe/Berlin
schedule: {every: month, on: 31, at: "09:00", start: 2026-01-31}
catch_up: latest
while_in_dunning: continue
policy:
  soft: {at: "10:30"}
  customer_window: 7d
  final_action: pause
`
	policy := dunning.DefaultPolicy()
	policy.Soft.At, policy.CustomerWindow, policy.FinalAction = "10:30", dunning.Days(7), dunning.FinalPause
	policy.Reminders = []dunning.Duration{dunning.Days(3)}
	want := AgreementParams{
		Customer: "cus_123", PaymentMethod: "pm_123", Amount: 1099, Currency: "usd", TimeZone: "Europe/Berlin",
		Schedule: calendar.Schedule{Every: "month", On: "31", At: "09:00", Start: "2026-01-31"},
		CatchUp:  workflows.CatchUpLatest, WhileInDunning: workflows.DunningContinue, Policy: &policy,
	}
	got, err := ParseAgreement([]byte(file))
	require.NoError(t, err)
	require.Equal(t, want, got)

	asJSON, err := json.Marshal(map[string]any{
		"customer": "cus_123", "payment_method": "pm_123", "amount": 1099, "currency": "usd", "time_zone": "Europe/Berlin",
		"schedule": map[string]any{"every": "month", "on": 31, "at": "09:00", "start": "2026-01-31"}, "catch_up": "latest", "while_in_dunning": "continue",
		"policy": map[string]any{"soft": map[string]any{"at": "10:30"}, "customer_window": "7d", "final_action": "pause"},
	})
	require.NoError(t, err)
	got, err = ParseAgreement(asJSON)
	require.NoError(t, err)
	require.Equal(t, want, got)

	none, err := ParseAgreement([]byte("customer: cus_123\n"))
	require.NoError(t, err)
	require.Nil(t, none.Policy, "the default of the day on which it starts")
}

func TestParseAgreementRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, file, want string }{
		{"UnknownKey", "customer: cus_1\ncatchup: all\n", `agreement: line 2: unknown field "catchup"`},
		{"Reference", "reference: gym-17\n", `agreement: line 1: unknown field "reference"`},
		{"UnknownKeyOfSchedule", "schedule:\n  every: month\n  day: 31\n", `agreement: line 3: unknown field "day"`},
		{"UnknownKeyOfPolicy", "customer: cus_1\npolicy:\n  soft:\n    afer: [1d]\n", `agreement: line 4: unknown field "afer"`},
		{"KeyTwice", "amount: 1\namount: 2\n", `agreement: line 2: mapping key "amount" already defined at [1:1]`},
		{"SecondDocument", "amount: 1\n---\namount: 2\n", "agreement: line 2: more than one YAML document; exactly one is allowed"},
		{"FractionOfACent", "customer: cus_1\namount: 10.99\n", "agreement: line 2: amount: 10.99; must be a whole number in decimal digits"},
		{"Octal", "amount: 0100\n", "agreement: line 1: amount: 0100; must be a whole number in decimal digits"},
		{"FractionBelow", "schedule: {interval: 1.5}\npolicy:\n  max_attempts: 2.5\n", "agreement: line 1: schedule.interval: 1.5; must be a whole number in decimal digits\nline 3: policy.max_attempts: 2.5; must be a whole number in decimal digits"},
		{"Text", "amount: ten\n", `agreement: line 1: "ten"; must be a whole number`},
		{"Bool", "save_card: yes\n", `agreement: line 1: "yes"; must be true or false`},
		{"Size", strings.Repeat("# long\n", 10000), "agreement: 70000 bytes; at most 65536"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseAgreement([]byte(test.file))
			require.EqualError(t, err, test.want)
			require.Zero(t, got)
		})
	}
}

func TestParseSchedule(t *testing.T) {
	t.Parallel()
	schedule, err := ParseSchedule([]byte("every: month\non: last business day\n"))
	require.NoError(t, err)
	require.Equal(t, calendar.Schedule{Every: "month", On: "last business day"}, schedule)
	_, err = ParseSchedule([]byte("every: month\nday: 31\n"))
	require.EqualError(t, err, `schedule: line 2: unknown field "day"`)
}

// What people copy from the README works, and shows every key that there is.
func TestReadmeDefinition(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(readme), "```yaml\n# agreement.yaml")
	require.True(t, found)
	example, _, _ := strings.Cut(rest, "```")
	example = "# agreement.yaml" + example

	p, err := ParseAgreement([]byte(example))
	require.NoError(t, err)
	_, err = Preview(p, noon, 24)
	require.NoError(t, err)
	schema := schemaFile(t, "starter/client/agreement.schema.json")
	require.True(t, accepts(t, compiled(t, "starter/client/agreement.schema.json"), example))
	for _, key := range keysOf(schema["properties"].(map[string]any)) {
		require.Regexp(t, `(?m)\b`+key+`:`, example)
	}
}
