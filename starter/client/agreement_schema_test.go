package client

import (
	"bytes"
	"encoding/json"
	"os"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
	"github.com/offsession/offsession/workflows/dunning"
)

// schemaRoot is where the $id of every schema in the repository begins.
const schemaRoot = "https://github.com/offsession/offsession/"

// schemaFile reads a schema of the repository, with every $ref replaced by what it means.
func schemaFile(t *testing.T, name string) map[string]any {
	t.Helper()
	data, err := os.ReadFile(path.Join("../..", name))
	require.NoError(t, err)
	var schema map[string]any
	require.NoError(t, json.Unmarshal(data, &schema))
	require.Equal(t, schemaRoot+name, schema["$id"])
	defs, _ := schema["$defs"].(map[string]any)
	resolved, ok := resolve(t, schema, defs).(map[string]any)
	require.True(t, ok)
	return resolved
}

func resolve(t *testing.T, node any, defs map[string]any) any {
	t.Helper()
	switch node := node.(type) {
	case []any:
		for i := range node {
			node[i] = resolve(t, node[i], defs)
		}
	case map[string]any:
		ref, _ := node["$ref"].(string)
		if file, ok := strings.CutPrefix(ref, schemaRoot); ok {
			return schemaFile(t, file)
		}
		if name, ok := strings.CutPrefix(ref, "#/$defs/"); ok {
			require.Contains(t, defs, name)
			return resolve(t, defs[name], defs)
		}
		for key, value := range node {
			node[key] = resolve(t, value, defs)
		}
	}
	return node
}

// compiled is a schema of the repository, with those that it refers to.
func compiled(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	for _, file := range []string{"starter/client/agreement.schema.json", "workflows/calendar/schedule.schema.json", "workflows/dunning/policy.schema.json"} {
		data, err := os.Open(path.Join("../..", file))
		require.NoError(t, err)
		schema, err := jsonschema.UnmarshalJSON(data)
		require.NoError(t, err)
		require.NoError(t, data.Close())
		require.NoError(t, compiler.AddResource(schemaRoot+file, schema))
	}
	schema, err := compiler.Compile(schemaRoot + name)
	require.NoError(t, err)
	return schema
}

// accepts reports whether the schema takes a definition.
func accepts(t *testing.T, schema *jsonschema.Schema, definition string) bool {
	t.Helper()
	var value any
	require.NoError(t, yaml.Unmarshal([]byte(definition), &value))
	asJSON, err := json.Marshal(value)
	require.NoError(t, err)
	value, err = jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	require.NoError(t, err)
	return schema.Validate(value) == nil
}

func keysOf[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// yamlKeys are the keys that a struct is read from.
func yamlKeys(t reflect.Type) []string {
	var keys []string
	for field := range t.Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("yaml"), ","); name != "-" {
			keys = append(keys, name)
		}
	}
	slices.Sort(keys)
	return keys
}

// The schema is for editors; it must not know other keys, choices, limits or defaults than the code.
func TestSchemaAgreesWithParams(t *testing.T) {
	t.Parallel()
	agreement := schemaFile(t, "starter/client/agreement.schema.json")
	properties := agreement["properties"].(map[string]any)
	require.Equal(t, yamlKeys(reflect.TypeFor[AgreementParams]()), keysOf(properties))
	require.Equal(t, false, agreement["additionalProperties"])
	schedule := properties["schedule"].(map[string]any)
	require.Equal(t, yamlKeys(reflect.TypeFor[calendar.Schedule]()), keysOf(schedule["properties"].(map[string]any)))
	require.Equal(t, false, schedule["additionalProperties"])
	require.Equal(t, yamlKeys(reflect.TypeFor[dunning.Policy]()), keysOf(properties["policy"].(map[string]any)["properties"].(map[string]any)))

	// The workflow's input has the same names; the reference is not part of a file.
	var input []string
	for field := range reflect.TypeFor[workflows.BillingAgreementInput]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "reference" && name != "carried" {
			input = append(input, name)
		}
	}
	slices.Sort(input)
	require.Equal(t, input, keysOf(properties))

	for key, want := range map[string][]any{
		"amount_from":      {string(workflows.AmountFromWebhook)},
		"first_charge":     {string(workflows.FirstChargeScheduled), string(workflows.FirstChargeNow)},
		"catch_up":         {string(workflows.CatchUpAll), string(workflows.CatchUpLatest), string(workflows.CatchUpNone)},
		"while_in_dunning": {string(workflows.DunningContinue), string(workflows.DunningHold)},
		"checkout_ui":      {string(activities.CheckoutUICustom), string(activities.CheckoutUIHosted)},
		"events":           {string(workflows.EventsAll), string(workflows.EventsExceptions)},
	} {
		require.Equal(t, want, properties[key].(map[string]any)["enum"], key)
	}
	defaults := encodedInput(t, AgreementParams{Amount: 1, NoticeDays: 0})
	for key, property := range properties {
		if value, ok := property.(map[string]any)["default"]; ok && defaults[key] != nil {
			require.Equal(t, defaults[key], value, key)
		}
	}
	for key, want := range map[string]any{
		"notice_days.maximum": float64(maxNoticeDays), "description.maxLength": float64(activities.MaxDescription), "statement_suffix.maxLength": float64(maxSuffix),
		"metadata.maxProperties": float64(activities.MaxMetadata), "payment_method_types.maxItems": float64(maxMethodTypes),
		"payment_method.pattern": activities.PaymentMethodPattern, "customer.pattern": activities.CustomerPattern,
	} {
		property, limit, _ := strings.Cut(key, ".")
		require.Equal(t, want, properties[property].(map[string]any)[limit], key)
	}
}

// encodedInput are the values that a definition leads to.
func encodedInput(t *testing.T, p AgreementParams) map[string]any {
	t.Helper()
	data, err := json.Marshal(p.input())
	require.NoError(t, err)
	var values map[string]any
	require.NoError(t, json.Unmarshal(data, &values))
	return values
}

// Schema and code say the same about a definition, wherever a schema can tell.
func TestSchemaAndCodeAcceptTheSame(t *testing.T) {
	t.Parallel()
	const valid = "customer: cus_1\npayment_method: pm_1\namount: 1099\ncurrency: usd\nschedule: {every: month, on: 31}\n"
	without := func(key string) string {
		var lines []string
		for line := range strings.Lines(valid) {
			if !strings.HasPrefix(line, key+":") {
				lines = append(lines, line)
			}
		}
		return strings.Join(lines, "")
	}
	schema := compiled(t, "starter/client/agreement.schema.json")
	for _, test := range []struct {
		name, definition string
		good             bool
	}{
		{"Minimal", valid, true},
		{"Hours", without("schedule") + "schedule: {every: hour, interval: 6, at: '00:00', sub_daily: true}", true},
		{"Words", without("schedule") + "schedule: {every: month, on: last business day, start: 2026-01-31, count: 3}", true},
		{"Rule", without("schedule") + "schedule: {rrule: 'FREQ=WEEKLY;BYDAY=MO', until: 2090-01-01}", true},
		{"Dates", without("schedule") + "schedule: {dates: ['2090-01-01T09:00', 2090-01-02]}", true},
		{"SaveCard", without("payment_method") + "save_card: true", true},
		{"SaveNoCard", valid + "save_card: false", true},
		{"AmountFrom", without("amount") + "amount_from: webhook\nmax_amount_per_month: 5000", true},
		{"JustBelowItsCeilings", valid + "max_amount_per_charge: 1099\nmax_amount_per_month: 1099", true},
		{"Policy", valid + "policy: {final_action: cancel, soft: {after: [1d]}}", true},
		{"Choices", valid + "catch_up: none\nwhile_in_dunning: hold\nfirst_charge: now\nnotice_days: 60\nevents: all\ncheckout_ui: hosted", true},
		{"Texts", valid + "metadata: {plan: gold}\ndescription: Membership\nstatement_suffix: GYM\npayment_method_types: [card, sepa_debit]\ntime_zone: Asia/Tokyo", true},

		{"NoCustomer", without("customer"), false},
		{"NoCurrency", without("currency"), false},
		{"NoSchedule", without("schedule"), false},
		{"NoMethod", without("payment_method"), false},
		{"MethodAndCard", valid + "save_card: true", false},
		{"NoMethodNoCard", without("payment_method") + "save_card: false", false},
		{"NoAmount", without("amount"), false},
		{"AmountTwice", valid + "amount_from: webhook", false},
		{"AmountZero", without("amount") + "amount: 0", false},
		{"AmountFraction", without("amount") + "amount: 10.99", false},
		{"AmountText", without("amount") + "amount: '1099'", false},
		{"Reference", valid + "reference: gym-17", false},
		{"UnknownKey", valid + "catchup: all", false},
		{"UnknownScheduleKey", without("schedule") + "schedule: {every: month, day: 31}", false},
		{"UnknownPolicyKey", valid + "policy: {retries: 3}", false},
		{"TwoSchedules", without("schedule") + "schedule: {every: month, rrule: FREQ=DAILY}", false},
		{"EmptySchedule", without("schedule") + "schedule: {}", false},
		{"Every", without("schedule") + "schedule: {every: fortnight}", false},
		{"At", without("schedule") + "schedule: {every: day, at: '9:00'}", false},
		{"On", without("schedule") + "schedule: {every: month, on: 32}", false},
		{"Interval", without("schedule") + "schedule: {every: day, interval: 1001}", false},
		{"Count", without("schedule") + "schedule: {every: day, count: 10001}", false},
		{"NoDates", without("schedule") + "schedule: {dates: []}", false},
		{"CatchUp", valid + "catch_up: some", false},
		{"NoticeDays", valid + "notice_days: 61", false},
		{"Ceiling", valid + "max_amount_per_charge: -1", false},
		{"FinalAction", valid + "policy: {final_action: refund}", false},
		{"MetadataValue", valid + "metadata: {plan: ''}", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, err := ParseAgreement([]byte(test.definition))
			if err == nil {
				_, err = Preview(p, noon, 1)
			}
			require.Equal(t, test.good, err == nil, "the code: %v", err)
			require.Equal(t, test.good, accepts(t, schema, test.definition), "the schema")
		})
	}
}
