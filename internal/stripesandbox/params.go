package stripesandbox

import (
	"crypto/sha256"
	"maps"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// params is one level of a decoded form: a[b][0][c]=v becomes a -> b -> 0 -> c.
// All its methods work on nil, which is a level that was not sent.
type params struct {
	fields map[string]*param
	next   int // the first place behind all that were named by a number
}

type param struct {
	value string
	sub   *params
}

// maxParamDepth bounds a[b][c]…; Stripe's own parameters stay below it.
const maxParamDepth = 10

// maxPlaceDigits bounds the place in a list that a[]=v can follow.
const maxPlaceDigits = 9

// parseParams decodes form values the way Stripe does.
func parseParams(values url.Values) (*params, *apiError) {
	root := &params{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		path, ok := splitKey(key)
		if !ok {
			return nil, invalidParam(key, "Invalid parameter name: "+key)
		}
		for _, value := range values[key] {
			if !root.set(path, value) {
				return nil, invalidParam(path[0], "Invalid parameter: "+path[0]+" is given both as a value and as an object")
			}
		}
	}
	return root, nil
}

// splitKey turns a[b][0] into its parts.
func splitKey(key string) ([]string, bool) {
	name, rest, nested := strings.Cut(key, "[")
	path := []string{name}
	if name == "" {
		return nil, false
	}
	for nested {
		part, after, closed := strings.Cut(rest, "]")
		if !closed || len(path) == maxParamDepth || strings.Contains(part, "[") {
			return nil, false
		}
		path = append(path, part)
		if after == "" {
			break
		}
		if after[0] != '[' {
			return nil, false
		}
		rest = after[1:]
	}
	return path, true
}

func (p *params) set(path []string, value string) bool {
	name := path[0]
	if name == "" { // a[]=v: the next free place
		name = strconv.Itoa(p.next)
	}
	if len(name) <= maxPlaceDigits {
		if place, err := strconv.ParseUint(name, 10, 32); err == nil {
			p.next = max(p.next, int(place)+1)
		}
	}
	if p.fields == nil {
		p.fields = make(map[string]*param)
	}
	f := p.fields[name]
	if f == nil {
		f = &param{}
		p.fields[name] = f
		if len(path) == 1 {
			f.value = value
			return true
		}
	}
	if len(path) == 1 {
		f.value = value
		return f.sub == nil
	}
	if f.sub == nil {
		if f.value != "" {
			return false
		}
		f.sub = &params{}
	}
	return f.sub.set(path[1:], value)
}

func (p *params) field(name string) *param {
	if p == nil {
		return nil
	}
	return p.fields[name]
}

// str returns the value, "" when it is unset or empty: Stripe treats both alike.
func (p *params) str(name string) string {
	if f := p.field(name); f != nil {
		return f.value
	}
	return ""
}

// sent reports whether the parameter is there at all, empty or not.
func (p *params) sent(name string) bool { return p.field(name) != nil }

// has reports whether the parameter has a value.
func (p *params) has(name string) bool {
	f := p.field(name)
	return f != nil && (f.value != "" || f.sub != nil)
}

// integer returns a value that the schema has already checked.
func (p *params) integer(name string) int64 {
	n, _ := strconv.ParseInt(p.str(name), 10, 64)
	return n
}

func (p *params) boolean(name string) bool { return p.str(name) == "true" }

func (p *params) sub(name string) *params {
	if f := p.field(name); f != nil {
		return f.sub
	}
	return nil
}

// list returns the elements of a[0], a[1], … in order.
func (p *params) list(name string) []*param {
	sub := p.sub(name)
	if sub == nil {
		return nil
	}
	names := slices.Collect(maps.Keys(sub.fields))
	sort.Slice(names, func(i, j int) bool {
		if len(names[i]) != len(names[j]) {
			return len(names[i]) < len(names[j])
		}
		return names[i] < names[j]
	})
	elements := make([]*param, len(names))
	for i, n := range names {
		elements[i] = sub.fields[n]
	}
	return elements
}

func (p *params) strings(name string) []string {
	var values []string
	for _, f := range p.list(name) {
		if f.value != "" {
			values = append(values, f.value)
		}
	}
	return values
}

// fingerprint is equal for requests to the same endpoint with equal parameters, in
// whatever order they were sent.
func fingerprint(method, path string, values url.Values) [16]byte {
	h := sha256.New()
	h.Write([]byte(method + " " + path + "\n"))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[key] {
			h.Write([]byte(url.QueryEscape(key) + "=" + url.QueryEscape(value) + "&"))
		}
	}
	return [16]byte(h.Sum(nil)[:16])
}
