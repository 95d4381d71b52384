package stripesandbox

import (
	"bytes"
	"maps"
	"slices"
)

// previousAttributes tells how old differed from o, as the previous_attributes of an
// event do: of objects only the parts that changed, null for what was not there. It is
// nil when nothing changed.
func previousAttributes(old, o object) map[string]string {
	changed := previousParts(rendered(old), rendered(o))
	if len(changed) == 0 {
		return nil
	}
	previous := make(map[string]string, len(changed))
	for name, value := range changed {
		previous[name] = string(value)
	}
	return previous
}

func rendered(o object) []byte {
	w := writer{buf: make([]byte, 0, 2048)}
	o.render(&w)
	return w.buf
}

func previousParts(old, now []byte) map[string][]byte {
	before, after := members(old), members(now)
	changed := make(map[string][]byte)
	for name, value := range before {
		switch next := after[name]; {
		case bytes.Equal(value, next):
		case value[0] == '{' && len(next) > 0 && next[0] == '{':
			parts, w := previousParts(value, next), writer{}
			w.open("")
			for _, part := range slices.Sorted(maps.Keys(parts)) {
				w.raw(part, string(parts[part]))
			}
			w.close()
			changed[name] = w.buf
		default:
			changed[name] = value
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			changed[name] = []byte("null")
		}
	}
	return changed
}

// members takes an object apart that this package has rendered, into values by name,
// both as they are in the JSON. Decoding it would take ten times as long, and a year of
// renewals compares thousands of objects.
func members(text []byte) map[string][]byte {
	m := make(map[string][]byte, 40)
	for i := 1; i < len(text) && text[i] == '"'; {
		end := valueEnd(text, i)
		name := string(text[i+1 : end-1])
		i = end + 1 // after the colon
		end = valueEnd(text, i)
		m[name] = text[i:end]
		i = end + 1 // after the comma
	}
	return m
}

// valueEnd is where the JSON value that begins at i ends.
func valueEnd(text []byte, i int) int {
	depth, quoted := 0, false
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			if quoted = !quoted; !quoted && depth == 0 {
				return i + 1
			}
		case quoted:
			if c == '\\' {
				i++
			}
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']' || c == ',':
			if depth == 0 {
				return i
			}
			if c != ',' {
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	return i
}
