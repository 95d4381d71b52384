package sandboxtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stripe/stripe-mock/embedded"
)

// description is Stripe's OpenAPI description. It is large, most of it is about things
// that no test touches, and under the race detector it takes seconds to load: schemas and
// operations are decoded when they are first needed.
type description struct {
	raw     map[string]json.RawMessage
	schemas sync.Map // name -> *openapi3.Schema
	routes  map[int][]*route
}

// route is a path of the description, such as /v1/customers/{customer}.
type route struct {
	path     string
	segments []string
	methods  map[string]*operation
}

// operation has the schema of a route's answers. Errors look the same everywhere.
type operation struct {
	once   sync.Once
	raw    json.RawMessage
	schema *openapi3.SchemaRef
}

// stripe returns the description that the module stripe-mock carries.
var stripe = sync.OnceValue(load)

func load() *description {
	var doc struct {
		Paths      map[string]map[string]json.RawMessage `json:"paths"`
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(embedded.OpenAPISpec, &doc); err != nil {
		panic("sandboxtest: Stripe's description: " + err.Error())
	}
	d := &description{raw: doc.Components.Schemas, routes: make(map[int][]*route)}
	for path, methods := range doc.Paths {
		r := &route{path: path, segments: strings.Split(path, "/"), methods: make(map[string]*operation)}
		for method, raw := range methods {
			r.methods[strings.ToUpper(method)] = &operation{raw: raw}
		}
		d.routes[len(r.segments)] = append(d.routes[len(r.segments)], r)
	}
	return d
}

// find returns what the description says about a request; nil when it does not know it.
func (d *description) find(method, path string) (*route, *operation) {
	segments := strings.Split(path, "/")
	var found *route
	for _, r := range d.routes[len(segments)] {
		if r.methods[method] != nil && r.fits(segments) && (found == nil || r.literals() > found.literals()) {
			found = r
		}
	}
	if found == nil {
		return nil, nil
	}
	return found, found.methods[method]
}

func (r *route) fits(segments []string) bool {
	for i, want := range r.segments {
		if want != segments[i] && (!strings.HasPrefix(want, "{") || segments[i] == "") {
			return false
		}
	}
	return true
}

// literals counts the segments that are no wildcards: /v1/charges/search comes before
// /v1/charges/{charge}.
func (r *route) literals() int {
	n := 0
	for _, segment := range r.segments {
		if !strings.HasPrefix(segment, "{") {
			n++
		}
	}
	return n
}

// answer returns the schema of an answer that is no error.
func (o *operation) answer() *openapi3.SchemaRef {
	o.once.Do(func() {
		var doc struct {
			Responses map[string]struct {
				Content map[string]struct {
					Schema *openapi3.SchemaRef `json:"schema"`
				} `json:"content"`
			} `json:"responses"`
		}
		if err := json.Unmarshal(o.raw, &doc); err != nil {
			panic("sandboxtest: an operation of Stripe's description: " + err.Error())
		}
		o.schema = doc.Responses["200"].Content["application/json"].Schema
	})
	return o.schema
}

const refPrefix = "#/components/schemas/"

// errorSchema is that of every answer that is an error.
var errorSchema = &openapi3.SchemaRef{Ref: refPrefix + "error"}

// resolve returns the schema of a reference, and its name when it has one.
func (d *description) resolve(ref *openapi3.SchemaRef) (*openapi3.Schema, string) {
	name, ok := strings.CutPrefix(ref.Ref, refPrefix)
	if !ok {
		return ref.Value, ""
	}
	schema, ok := d.schema(name)
	if !ok {
		panic(fmt.Sprintf("sandboxtest: Stripe's description has no schema %q", name))
	}
	return schema, name
}

// schema returns the component with this name, if there is one.
func (d *description) schema(name string) (*openapi3.Schema, bool) {
	if known, ok := d.schemas.Load(name); ok {
		return known.(*openapi3.Schema), true //nolint:forcetypeassert // nothing else is stored
	}
	raw, ok := d.raw[name]
	if !ok {
		return nil, false
	}
	var ref openapi3.SchemaRef
	if err := json.Unmarshal(raw, &ref); err != nil {
		panic(fmt.Sprintf("sandboxtest: schema %q of Stripe's description: %v", name, err))
	}
	known, _ := d.schemas.LoadOrStore(name, ref.Value)
	return known.(*openapi3.Schema), true //nolint:forcetypeassert // nothing else is stored
}
