package sandboxtest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-mock/embedded"
)

// fixtures are stripe-mock's examples of every kind of object.
func fixtures(t *testing.T) map[string]map[string]any {
	t.Helper()
	var doc struct {
		Resources map[string]map[string]any `json:"resources"`
	}
	require.NoError(t, json.Unmarshal(embedded.OpenAPIFixtures, &doc))
	for _, example := range doc.Resources {
		delete(example, "source") // an older field, which the description has left out
	}
	return doc.Resources
}

var jsonHeader = http.Header{"Content-Type": {"application/json"}}

func TestDifferencesAreFound(t *testing.T) {
	t.Parallel()
	examples := fixtures(t)
	customer, intent, event := "/v1/customers/cus_1", "/v1/payment_intents/pi_1", "/v1/events/evt_1"
	set := func(path string, value any) func(map[string]any) {
		return func(o map[string]any) {
			names := strings.Split(path, ".")
			for _, name := range names[:len(names)-1] {
				o = o[name].(map[string]any)
			}
			o[names[len(names)-1]] = value
		}
	}
	remove := func(name string) func(map[string]any) { return func(o map[string]any) { delete(o, name) } }
	for _, tc := range []struct {
		name, kind, path string
		change           func(map[string]any)
		want             string // empty: no difference
	}{
		{"as in the example", "customer", customer, nil, ""},
		{"unknown field", "customer", customer, set("colour", "red"), "/colour: the description does not know the field (customer.colour)"},
		{"unknown field of an object in it", "customer", customer, set("invoice_settings.colour", "red"), "/invoice_settings/colour: the description does not know"},
		{"metadata has any name", "customer", customer, set("metadata.colour", "red"), ""},
		{"metadata has strings", "customer", customer, set("metadata.colour", 1), "/metadata/colour: 1: value must be a string"},
		{"required field is missing", "customer", customer, remove("created"), "/created: the field is required, and missing (customer.created)"},
		{"other field is missing", "customer", customer, remove("balance"), ""},
		{"null", "customer", customer, set("livemode", nil), "/livemode: null, but the field is not nullable"},
		{"nullable", "customer", customer, set("email", nil), ""},
		{"wrong type", "customer", customer, set("created", "now"), "/created: now: value must be an integer"},
		{"enum", "payment_intent", intent, set("status", "paid"), "/status: paid: value is not one of the allowed values"},
		{"relation is an id", "payment_intent", intent, set("customer", "cus_1"), ""},
		{"relation is expanded", "payment_intent", intent, set("customer", examples["customer"]), ""},
		{"relation is expanded and wrong", "payment_intent", intent, set("customer", with(examples["customer"], "created", nil)), "/customer/created: null, but the field is not nullable (customer.created)"},
		{"relation to another kind", "payment_intent", intent, set("customer", examples["charge"]), "/customer: an object of kind charge is none of what the field can be"},
		{"relation is deleted", "payment_intent", intent, set("customer", map[string]any{"id": "cus_1", "object": "customer", "deleted": true}), ""},
		{"relation is a number", "payment_intent", intent, set("customer", 17), "/customer: 17: value must be a string"},
		{"list", "charge", "/v1/charges", nil, "/url: the field is required, and missing"},
		{"event of an object that is wrong", "event", event, set("data.object", with(examples["charge"], "amount", "1")), "/data/object/amount: 1: value must be an integer (charge.amount)"},
		{"event of an unknown kind", "event", event, set("data.object", map[string]any{"object": "unicorn"}), `an object of kind "unicorn"`},
		{"event with the changed fields", "event", event, set("data", map[string]any{"object": examples["charge"], "previous_attributes": map[string]any{"amount": 1}}), ""},
		{"event with new metadata", "event", event, set("data", map[string]any{"object": examples["charge"], "previous_attributes": map[string]any{"metadata": map[string]any{"a": nil}}}), ""},
		{"event with unknown changes", "event", event, set("data", map[string]any{"object": examples["charge"], "previous_attributes": map[string]any{"colour": 1}}), "/data/previous_attributes/colour: the description does not know"},
		{"route that is none", "customer", "/v1/unicorns", nil, "the description does not know the route"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			value := clone(t, examples[tc.kind])
			if tc.kind == "event" && strings.HasPrefix(tc.name, "event") {
				value["data"] = map[string]any{"object": examples["charge"]}
			}
			if tc.change != nil {
				tc.change(value)
			}
			body, err := json.Marshal(value)
			require.NoError(t, err)
			found := strings.Join(stripe().check(http.MethodGet, tc.path, http.StatusOK, jsonHeader, body, false), "\n")
			if tc.want == "" {
				require.Empty(t, found)
				return
			}
			require.Contains(t, found, tc.want)
		})
	}
}

func TestErrorsAreChecked(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"error":{"type":"card_error","code":"card_declined"}}`: "",
		`{"error":{"type":"strange"}}`:                           "/error/type: strange: value is not one of the allowed values",
		`{"error":{"code":"card_declined"}}`:                     "/error/type: the field is required, and missing",
		`{}`:                                                     "/error: the field is required, and missing",
	} {
		for _, path := range []string{"/v1/charges/ch_1", "/v1/unicorns", "/v1/payment_pages/cs_1/confirm"} {
			found := strings.Join(stripe().check(http.MethodPost, path, http.StatusPaymentRequired, jsonHeader, []byte(body), false), "\n")
			if want == "" {
				require.Empty(t, found)
			}
			require.Contains(t, found, want)
		}
	}
}

func TestLiteralPathsComeFirst(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/v1/charges/search":            "/v1/charges/search",
		"/v1/charges/ch_1":              "/v1/charges/{charge}",
		"/v1/customers/cus_1/sources/x": "/v1/customers/{customer}/sources/{id}",
	} {
		found, op := stripe().find(http.MethodGet, path)
		require.Equal(t, want, found.path)
		require.NotNil(t, op.answer())
	}
	found, _ := stripe().find(http.MethodGet, "/v1/charges/")
	require.Nil(t, found)
}

func TestUndocumentedRoutesAreNeeded(t *testing.T) {
	t.Parallel()
	for _, route := range undocumented {
		require.NotEmpty(t, route.why)
		require.Contains(t, stripe().raw, route.schema)
		known, _ := stripe().find(route.method, route.prefix+"id"+route.suffix)
		require.Nil(t, known, "the description has it now: %s %s", route.method, route.prefix)
	}
}

// The walk and kin-openapi's own validation agree on what the latter looks at: everything
// but unknown fields.
func TestAgreesWithKinOpenAPI(t *testing.T) {
	t.Parallel()
	d := load()
	linked := make(map[*openapi3.Schema]bool)
	compared := 0
	agree := func(kind, what string, value map[string]any) {
		ref := &openapi3.SchemaRef{Ref: refPrefix + kind}
		link(d, ref, linked)
		c := &check{description: d}
		c.visit(place{}, ref, value)
		c.found = slices.DeleteFunc(c.found, func(d difference) bool { return d.reason == unknownField })
		err := ref.Value.VisitJSON(value)
		require.Equal(t, err == nil, len(c.found) == 0, "%s %s: %v, but %v", kind, what, err, c.found)
		compared++
	}
	examples := fixtures(t)
	for _, kind := range []string{"customer", "refund", "mandate", "subscription"} {
		example := clone(t, examples[kind])
		agree(kind, "as it is", example)
		for _, name := range slices.Sorted(maps.Keys(example)) {
			agree(kind, "without "+name, with(example, name, nothing))
			for _, value := range []any{nil, "text", 1.5, []any{1.0}, map[string]any{}} {
				agree(kind, name+" changed", with(example, name, value))
			}
		}
	}
	require.Greater(t, compared, 300)
}

// link puts into references what they refer to, as kin-openapi's loader does.
func link(d *description, ref *openapi3.SchemaRef, linked map[*openapi3.Schema]bool) {
	if ref == nil {
		return
	}
	ref.Value, _ = d.resolve(ref)
	if linked[ref.Value] {
		return
	}
	linked[ref.Value] = true
	link(d, ref.Value.Items, linked)
	link(d, ref.Value.AdditionalProperties.Schema, linked)
	for _, branch := range ref.Value.AnyOf {
		link(d, branch, linked)
	}
	for _, property := range ref.Value.Properties {
		link(d, property, linked)
	}
}

var nothing = new(struct{})

// with returns a copy of o with another value under name, or without it.
func with(o map[string]any, name string, value any) map[string]any {
	o = maps.Clone(o)
	o[name] = value
	if value == nothing {
		delete(o, name)
	}
	return o
}

func clone(t *testing.T, o map[string]any) map[string]any {
	t.Helper()
	text, err := json.Marshal(o)
	require.NoError(t, err)
	var copied map[string]any
	require.NoError(t, json.Unmarshal(text, &copied))
	return copied
}
