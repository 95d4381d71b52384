package stripesandbox

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPreviousAttributes(t *testing.T) {
	t.Parallel()
	const everything = `{"a":1,"b":"x,\"}","c":{"d":[1,{"e":2}],"f":null},"g":[],"h":{},"i":true}`
	for _, tc := range []struct {
		name, old, now string
		want           map[string]string
	}{
		{"nothing", everything, everything, nil},
		{"values", `{"a":1,"b":"x","c":null}`, `{"a":2,"b":"y\"","c":[1,2]}`, map[string]string{"a": "1", "b": `"x"`, "c": "null"}},
		{"only what changed in an object", `{"a":{"b":1,"c":2,"d":{"e":3,"f":4}}}`, `{"a":{"b":1,"c":5,"d":{"e":3,"f":6}}}`, map[string]string{"a": `{"c":2,"d":{"f":4}}`}},
		{"added and removed", `{"a":{"b":1},"x":1}`, `{"a":{"c":1},"y":1}`, map[string]string{"a": `{"b":1,"c":null}`, "x": "1", "y": "null"}},
		{"an object for null", `{"a":null}`, `{"a":{"b":1}}`, map[string]string{"a": "null"}},
		{"null for an object", `{"a":{"b":1}}`, `{"a":null}`, map[string]string{"a": `{"b":1}`}},
		{"lists as a whole", `{"a":[{"b":1},{"c":2}]}`, `{"a":[{"b":1}]}`, map[string]string{"a": `[{"b":1},{"c":2}]`}},
		{"names that JSON escapes", `{"m":{"a\"b\\":"1"}}`, `{"m":{"a\"b\\":"2"}}`, map[string]string{"m": `{"a\"b\\":"1"}`}},
	} {
		require.Equal(t, tc.want, previousAttributes(given(tc.old), given(tc.now)), tc.name)
	}
}

// given is an object of which only the JSON is known.
type given string

func (g given) render(w *writer) { w.buf = append(w.buf, g...) }
