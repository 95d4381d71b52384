package definition_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/workflows/definition"
)

type file struct {
	Name  string            `yaml:"name"`
	Count int64             `yaml:"count"`
	Ask   bool              `yaml:"ask"`
	Rule  *rule             `yaml:"rule"`
	Texts map[string]string `yaml:"texts"`
}

type rule struct {
	Days []int `yaml:"days"`
	At   on    `yaml:"at"`
}

type on string

func TestRead(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, data string
		want       file
	}{
		{"Empty", "", file{Name: "default"}},
		{"Comment", "# nothing", file{Name: "default"}},
		{"YAML", "name: gym\ncount: 3\nask: true\nrule:\n  days: [1, 31]\n  at: 31\n", file{Name: "gym", Count: 3, Ask: true, Rule: &rule{Days: []int{1, 31}, At: "31"}}},
		{"JSON", "{\n\t\"count\": 3,\n\t\"rule\": {\"at\": \"last\"}\n}", file{Name: "default", Count: 3, Rule: &rule{At: "last"}}},
		{"FractionsAsTexts", "texts: {version: 1.5}\nrule: {at: 1.5}", file{Name: "default", Texts: map[string]string{"version": "1.5"}, Rule: &rule{At: "1.5"}}},
		{"Anchors", "rule: {days: [&day 3, *day]}", file{Name: "default", Rule: &rule{Days: []int{3, 3}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := file{Name: "default"}
			require.NoError(t, definition.Read([]byte(tt.data), &got))
			require.Equal(t, tt.want, got)
		})
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, data, want string }{
		{"UnknownKey", "name: x\nnames: y\n", `line 2: unknown field "names"`},
		{"UnknownKeyBelow", "rule:\n  days: [2]\n  day: 3\n", `line 3: unknown field "day"`},
		{"KeyTwice", "name: a\nname: b\n", `line 2: mapping key "name" already defined at [1:1]`},
		{"KeyTwiceJSON", "{\"name\": \"a\",\n\"name\": \"b\"}", `line 2: mapping key "name" already defined at [1:2]`},
		{"SecondDocument", "name: a\n---\nname: b\n", "line 2: more than one YAML document; exactly one is allowed"},
		{"NotYAML", "rule: [\n", "line 1: sequence end token ']' not found"},
		{"List", "- name\n", "line 1: sequence was used where mapping is expected"},
		{"Fraction", "name: x\ncount: 10.99\n", "line 2: count: 10.99; must be a whole number in decimal digits"},
		{"Exponent", "count: 1e3\n", "line 1: count: 1e3; must be a whole number in decimal digits"},
		{"SeveralFractions", "count: 1.5\nrule:\n  days:\n    - 1\n    - 2.5\n", "line 1: count: 1.5; must be a whole number in decimal digits\nline 5: rule.days[1]: 2.5; must be a whole number in decimal digits"},
		{"FractionByAlias", "count: &a 1.5\nrule: {days: [*a]}\n", "line 1: count: 1.5; must be a whole number in decimal digits\nline 1: rule.days[0]: 1.5; must be a whole number in decimal digits"},
		{"Octal", "count: 010\n", "line 1: count: 010; must be a whole number in decimal digits"},
		{"Hexadecimal", "count: 0x10\n", "line 1: count: 0x10; must be a whole number in decimal digits"},
		{"Quoted", "count: '17'\n", "line 1: count: 17; must be a whole number in decimal digits"},
		{"FractionAfterQuestionMark", "? count\n: 1.5\n", "line 2: count: 1.5; must be a whole number in decimal digits"},
		{"FractionByMerge", "<<: {count: 1.5}\n", "line 1: count: 1.5; must be a whole number in decimal digits"},
		{"Words", "count: many\n", `line 1: "many"; must be a whole number`},
		{"WordsForBool", "\nask: yes\n", `line 2: "yes"; must be true or false`},
		{"TextForMapping", "rule: monthly\n", "line 1: string was used where mapping is expected"},
		{"TooLarge", "count: 99999999999999999999\n", "line 1: 99999999999999999999 is too large"},
		{"Size", strings.Repeat("# long\n", 10000), "70000 bytes; at most 65536"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := file{Name: "default"}
			require.EqualError(t, definition.Read([]byte(tt.data), &got), tt.want)
			require.Equal(t, file{Name: "default"}, got)
		})
	}
}
