package calendar

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

const schemaFile = "schedule.schema.json"

// onlyNew are the mistakes that a schema cannot see, each by a part of its message.
var onlyNew = []string{
	"must have a date", "has fewer dates", "must be within", "must not be before", "must be after the one before", "at least an hour after",
	"schedule.rrule: ", "more than one charge on a local date needs sub_daily", `schedule.dates[1]: "2026-02-30"`, `schedule.start: "2026-02-29"`, `schedule.on: "02-30"`,
}

func TestSchemaAgreesWithTheCode(t *testing.T) {
	t.Parallel()
	schema, err := jsonschema.NewCompiler().Compile(schemaFile)
	require.NoError(t, err)
	check := func(value any) error {
		b, err := json.Marshal(value)
		require.NoError(t, err)
		asJSON, err := jsonschema.UnmarshalJSON(strings.NewReader(string(b)))
		require.NoError(t, err)
		return schema.Validate(asJSON)
	}
	for _, tt := range accepted {
		require.NoError(t, check(parse(t, tt.schedule).Canonical()), tt.schedule)
	}
	for _, tt := range refused {
		var value any
		require.NoError(t, yaml.Unmarshal([]byte(tt.schedule), &value))
		seen := slices.ContainsFunc(strings.Split(tt.want, "\n"), func(mistake string) bool {
			return !slices.ContainsFunc(onlyNew, func(part string) bool { return strings.Contains(mistake, part) })
		})
		if seen {
			require.Error(t, check(value), "%s: %s", tt.name, tt.schedule)
		}
	}
	require.Error(t, check(map[string]any{"every": "day", "evry": "day"}))
}

func TestSchemaHasEveryKeyAndLimit(t *testing.T) {
	t.Parallel()
	var schema struct {
		Properties map[string]struct {
			Default   any `json:"default"`
			Maximum   int `json:"maximum"`
			MaxItems  int `json:"maxItems"`  //nolint:tagliatelle // JSON Schema's name
			MaxLength int `json:"maxLength"` //nolint:tagliatelle // JSON Schema's name
		} `json:"properties"`
	}
	file, err := os.ReadFile(schemaFile)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(file, &schema))
	var inSchema, inJSON, inYAML []string
	for key := range schema.Properties {
		inSchema = append(inSchema, key)
	}
	for field := range reflect.TypeFor[Schedule]().Fields() {
		inJSON = append(inJSON, strings.Split(field.Tag.Get("json"), ",")[0])
		inYAML = append(inYAML, strings.Split(field.Tag.Get("yaml"), ",")[0])
	}
	require.ElementsMatch(t, inSchema, inJSON)
	require.ElementsMatch(t, inSchema, inYAML)
	p := schema.Properties
	require.Equal(t, []int{maxInterval, maxCount, maxDates, maxRule}, []int{p["interval"].Maximum, p["count"].Maximum, p["dates"].MaxItems, p["rrule"].MaxLength})
	require.Equal(t, defaultAt, p["at"].Default)
}
