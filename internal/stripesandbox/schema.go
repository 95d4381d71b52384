package stripesandbox

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

type kind int

const (
	kindString kind = iota
	kindInteger
	kindBoolean
	kindObject
	kindList
	kindMetadata
	kindRange // a number, or an object of gt, gte, lt, lte
	kindAny   // accepted as Stripe does, but without effect here
)

// field describes one parameter that an endpoint takes.
type field struct {
	kind     kind
	required bool
	enum     []string
	fields   fields
	item     *field
}

// fields is what an endpoint, or an object parameter, takes by name.
type fields map[string]field

var (
	text      = field{kind: kindString}
	integer   = field{kind: kindInteger}
	boolean   = field{kind: kindBoolean}
	metadata  = field{kind: kindMetadata}
	timeRange = field{kind: kindRange}
	ignored   = field{kind: kindAny}
	texts     = listOf(text)
)

func required(f field) field {
	f.required = true
	return f
}

func oneOf(values ...string) field { return field{kind: kindString, enum: values} }
func listOf(item field) field      { return field{kind: kindList, item: &item} }
func objectOf(f fields) field      { return field{kind: kindObject, fields: f} }

// with returns f with more fields.
func (f fields) with(more fields) fields {
	all := maps.Clone(f)
	maps.Copy(all, more)
	return all
}

// ignoring returns f with parameters that Stripe takes and the sandbox has no use for.
func (f fields) ignoring(names ...string) fields {
	all := maps.Clone(f)
	for _, name := range names {
		all[name] = ignored
	}
	return all
}

// cursorFields are the parameters of every list, listFields of those that can be
// narrowed by when things were created.
var (
	cursorFields = fields{"limit": integer, "starting_after": text, "ending_before": text}
	listFields   = cursorFields.with(fields{"created": timeRange})
)

// check refuses unknown and missing parameters and wrong types, the first by name.
func (f fields) check(p *params, path string) *apiError {
	if p != nil {
		for _, name := range slices.Sorted(maps.Keys(p.fields)) {
			full := paramPath(path, name)
			spec, ok := f[name]
			if path == "" && name == "expand" {
				spec, ok = texts, true
			}
			if !ok {
				return unknownParam(full)
			}
			if err := spec.check(p.fields[name], full); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if f[name].required && !p.has(name) {
			return missingParam(paramPath(path, name))
		}
	}
	return nil
}

func paramPath(path, name string) string {
	if path == "" {
		return name
	}
	return path + "[" + name + "]"
}

func (f field) check(p *param, path string) *apiError {
	if p.value == "" && p.sub == nil {
		return nil // empty is unset, whatever the type
	}
	switch f.kind {
	case kindString:
		return f.checkString(p, path)
	case kindInteger:
		return checkInteger(p, path)
	case kindBoolean:
		if p.value != "true" && p.value != "false" {
			return invalidParam(path, "Invalid boolean: "+p.value)
		}
	case kindObject:
		if p.sub == nil {
			return invalidParam(path, "Invalid object")
		}
		return f.fields.check(p.sub, path)
	case kindList:
		return f.checkList(p, path)
	case kindMetadata:
		return checkMetadata(p, path)
	case kindRange:
		if p.sub == nil {
			return checkInteger(p, path)
		}
		return fields{"gt": integer, "gte": integer, "lt": integer, "lte": integer}.check(p.sub, path)
	case kindAny:
	}
	return nil
}

// maxText bounds strings, in characters.
const maxText = 5000

func (f field) checkString(p *param, path string) *apiError {
	if p.sub != nil {
		return invalidParam(path, "Invalid string: {}")
	}
	if utf8.RuneCountInString(p.value) > maxText {
		r := []rune(p.value)
		return invalidParam(path, fmt.Sprintf("Invalid string: %s...%s; must be at most %d characters", string(r[:7]), string(r[len(r)-7:]), maxText))
	}
	if len(f.enum) > 0 && !slices.Contains(f.enum, p.value) {
		return invalidParam(path, "Invalid "+path+": must be one of "+strings.Join(f.enum, ", "))
	}
	return nil
}

func checkInteger(p *param, path string) *apiError {
	if _, err := strconv.ParseInt(p.value, 10, 64); err != nil || p.sub != nil {
		return invalidCode("parameter_invalid_integer", path, "Invalid integer: "+p.value)
	}
	return nil
}

func (f field) checkList(p *param, path string) *apiError {
	if p.sub == nil {
		return invalidParam(path, "Invalid array")
	}
	for _, name := range slices.Sorted(maps.Keys(p.sub.fields)) {
		if _, err := strconv.Atoi(name); err != nil {
			return invalidParam(path, "Invalid array")
		}
		if err := f.item.check(p.sub.fields[name], paramPath(path, name)); err != nil {
			return err
		}
	}
	return nil
}

// Limits of metadata: https://docs.stripe.com/api/metadata
const (
	maxMetadataKeys  = 50
	maxMetadataKey   = 40
	maxMetadataValue = 500
)

func checkMetadata(p *param, path string) *apiError {
	if p.sub == nil {
		return invalidParam(path, "Invalid object")
	}
	if len(p.sub.fields) > maxMetadataKeys {
		return invalidParam(path, "Metadata can have at most 50 keys")
	}
	for _, key := range slices.Sorted(maps.Keys(p.sub.fields)) {
		value := p.sub.fields[key]
		switch {
		case value.sub != nil:
			return invalidParam(paramPath(path, key), "Metadata values must be strings")
		case len(key) > maxMetadataKey:
			return invalidParam(path, "Metadata keys can be up to 40 characters long")
		case len(value.value) > maxMetadataValue:
			return invalidParam(paramPath(path, key), "Metadata values can be up to 500 characters long")
		}
	}
	return nil
}
