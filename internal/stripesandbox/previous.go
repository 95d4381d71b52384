package stripesandbox

import (
	"bytes"
	"encoding/json"
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
	var w writer
	o.render(&w)
	return w.buf
}

func previousParts(old, now []byte) map[string]json.RawMessage {
	before, after := members(old), members(now)
	changed := make(map[string]json.RawMessage)
	for name, value := range before {
		switch next := after[name]; {
		case bytes.Equal(value, next):
		case value[0] == '{' && len(next) > 0 && next[0] == '{':
			// Made of what was valid JSON, so it marshals.
			changed[name], _ = json.Marshal(previousParts(value, next))
		default:
			changed[name] = value
		}
	}
	for name := range after {
		if _, ok := before[name]; !ok {
			changed[name] = json.RawMessage("null")
		}
	}
	return changed
}

func members(text []byte) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	// Only objects of this package's own writer come here.
	_ = json.Unmarshal(text, &m)
	return m
}
