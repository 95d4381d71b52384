package sandboxtest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
)

// difference is where a value is not as its schema says.
type difference struct {
	pointer  string // RFC 6901
	schema   string // the named schema that the value, or what it is in, should be
	property string // below it: outcome, or items.data
	reason   string
}

func (d difference) String() string {
	return fmt.Sprintf("%s: %s (%s.%s)", d.pointer, d.reason, d.schema, d.property)
}

// unknownField is the reason of fields that an object's schema does not name.
const unknownField = "the description does not know the field"

// check compares JSON values with schemas. It walks through objects, lists and anyOf
// itself and leaves single values to kin-openapi: that tries every branch of an anyOf,
// twice, at each level of an expanded answer, and does not say why none fits. It is also
// stricter: fields that an object's schema does not name are differences.
type check struct {
	*description
	found []difference
}

// place is where in the value, and in the description, the walk is.
type place struct {
	pointer, schema, property string
	// partial is inside previous_attributes: it has the changed fields only, and null for
	// those that were not there before, such as new keys of metadata.
	partial bool
}

func (p place) in(name string) place {
	p.pointer += "/" + name
	if p.property != "" {
		p.property += "."
	}
	p.property += name
	return p
}

func (p place) at(i int) place {
	p.pointer += "/" + strconv.Itoa(i)
	return p
}

func (c *check) differ(p place, format string, args ...any) {
	pointer := p.pointer
	if pointer == "" {
		pointer = "/"
	}
	c.found = append(c.found, difference{pointer, p.schema, p.property, fmt.Sprintf(format, args...)})
}

func (c *check) visit(p place, ref *openapi3.SchemaRef, value any) {
	schema, name := c.resolve(ref)
	if name != "" {
		p.schema, p.property = name, ""
	}
	switch {
	case value == nil:
		if !schema.Nullable && !p.partial {
			c.differ(p, "null, but the field is not nullable")
		}
	case len(schema.AnyOf) > 0:
		c.visitAnyOf(p, schema.AnyOf, value)
	default:
		c.visitPlain(p, schema, value)
	}
	if name == "event" {
		c.visitEvent(p, value)
	}
}

func (c *check) visitPlain(p place, schema *openapi3.Schema, value any) {
	object, isObject := value.(map[string]any)
	list, isList := value.([]any)
	switch {
	case isObject && schema.Type.Is(openapi3.TypeObject):
		c.visitObject(p, schema, object)
	case isList && schema.Type.Is(openapi3.TypeArray):
		for i, item := range list {
			c.visit(p.at(i), schema.Items, item)
		}
	case fits(schema, value):
	default:
		if err := schema.VisitJSON(value); err != nil {
			reason := err.Error()
			if schemaError, ok := errors.AsType[*openapi3.SchemaError](err); ok {
				reason = schemaError.Reason
			}
			c.differ(p, "%s: %s", describe(value), reason)
		}
	}
}

// fits says of the most common values that they are right, a hundred times sooner than
// kin-openapi.
func fits(schema *openapi3.Schema, value any) bool {
	if schema.Pattern != "" || schema.Min != nil || schema.Max != nil {
		return false
	}
	if len(schema.Enum) > 0 && !slices.Contains(schema.Enum, value) {
		return false
	}
	switch value := value.(type) {
	case string:
		return schema.Type.Is(openapi3.TypeString) && (schema.MaxLength == nil || uint64(len(value)) <= *schema.MaxLength)
	case bool:
		return schema.Type.Is(openapi3.TypeBoolean)
	case float64:
		return schema.Type.Is(openapi3.TypeInteger) && value == math.Trunc(value)
	default:
		return false
	}
}

// isRight is visit's shortest way, for the fields that most of an object are: nobody needs to know where they are.
func isRight(ref *openapi3.SchemaRef, value any) bool {
	switch {
	case ref.Ref != "":
		return false
	case value == nil:
		return ref.Value.Nullable
	default:
		return len(ref.Value.AnyOf) == 0 && fits(ref.Value, value)
	}
}

func (c *check) visitObject(p place, schema *openapi3.Schema, value map[string]any) {
	extra := schema.AdditionalProperties
	for name := range value {
		switch property := schema.Properties[name]; {
		case property != nil && isRight(property, value[name]):
		case property != nil:
			c.visit(p.in(name), property, value[name])
		case extra.Schema != nil:
			c.visit(p.in(name), extra.Schema, value[name])
		case len(schema.Properties) > 0 || extra.Has != nil && !*extra.Has:
			c.differ(p.in(name), unknownField)
		}
	}
	if p.partial {
		return
	}
	for _, name := range schema.Required {
		if _, ok := value[name]; !ok {
			c.differ(p.in(name), "the field is required, and missing")
		}
	}
}

// visitAnyOf goes on with the branch that is meant: the id of a relation or the expanded
// object, and the object of the kind that it says it is.
func (c *check) visitAnyOf(p place, branches []*openapi3.SchemaRef, value any) {
	var meant []*openapi3.SchemaRef
	for _, branch := range branches {
		if schema, _ := c.resolve(branch); c.isMeant(schema, value) {
			meant = append(meant, branch)
		}
	}
	if len(meant) == 1 {
		c.visit(p, meant[0], value)
		return
	}
	for _, branch := range meant {
		attempt := check{description: c.description}
		attempt.visit(p, branch, value)
		if len(attempt.found) == 0 {
			return
		}
	}
	c.differ(p, "%s is none of what the field can be", describe(value))
}

func (c *check) isMeant(schema *openapi3.Schema, value any) bool {
	object, isObject := value.(map[string]any)
	if !isObject {
		return !schema.Type.Is(openapi3.TypeObject) && len(schema.AnyOf) == 0
	}
	if len(schema.AnyOf) > 0 {
		return slices.ContainsFunc(schema.AnyOf, func(ref *openapi3.SchemaRef) bool {
			branch, _ := c.resolve(ref)
			return c.isMeant(branch, value)
		})
	}
	if !schema.Type.Is(openapi3.TypeObject) {
		return false
	}
	if kind := schema.Properties["object"]; kind != nil && len(kind.Value.Enum) > 0 && !slices.Contains(kind.Value.Enum, object["object"]) {
		return false
	}
	deleted, _ := object["deleted"].(bool)
	return slices.Contains(schema.Required, "deleted") == deleted
}

// visitEvent checks the object that an event tells of: the description leaves it open.
func (c *check) visitEvent(p place, value any) {
	event, _ := value.(map[string]any)
	data, _ := event["data"].(map[string]any)
	object, _ := data["object"].(map[string]any)
	kind, _ := object["object"].(string)
	p = p.in("data")
	if _, known := c.schema(kind); !known {
		c.differ(p.in("object"), "an object of kind %q, which the description does not know", kind)
		return
	}
	ref := &openapi3.SchemaRef{Ref: refPrefix + kind}
	c.visit(p.in("object"), ref, object)
	if previous, ok := data["previous_attributes"]; ok {
		p = p.in("previous_attributes")
		p.partial = true
		c.visit(p, ref, previous)
	}
}

func describe(value any) string {
	switch value := value.(type) {
	case map[string]any:
		return fmt.Sprintf("an object of kind %v", value["object"])
	case []any:
		return "a list"
	default:
		return fmt.Sprintf("%.100v", value)
	}
}
