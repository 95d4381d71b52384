package starts

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"github.com/offsession/offsession/workflows"
)

// First is a workflow's normalised first input as it stands in its memo, by JSON field. A field that has a common value is
// left out, so that a memo costs little, and so is the reference, which is part of the workflow id. A dunning policy is its
// fingerprint.
type First map[string]json.RawMessage

// policyField is the JSON field of a policy, in any input that has one.
const policyField = "policy"

// fingerprint stands for a JSON value: 48 bits of its hash tell a policy from any other that somebody uses instead.
func fingerprint(value json.RawMessage) json.RawMessage {
	sum := sha256.Sum256(value)
	return json.RawMessage(strconv.Quote(hex.EncodeToString(sum[:6])))
}

// FirstOf compacts an input. Both arguments are the same struct; defaults has the values that are left out. Memos outlive
// releases, which read a missing field as its value in defaults: these must never change, whatever becomes of the defaults
// of calls.
func FirstOf(input, defaults any) (First, error) {
	f, err := fields(input)
	if err != nil {
		return nil, err
	}
	d, err := fields(defaults)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(f, func(name string, value json.RawMessage) bool {
		return name == "reference" || bytes.Equal(value, d[name])
	})
	if policy, ok := f[policyField]; ok {
		f[policyField] = fingerprint(policy)
	}
	return f, nil
}

func fields(input any) (First, error) {
	data, err := json.Marshal(input)
	if err != nil {
		return nil, fmt.Errorf("encode the input: %w", err)
	}
	var f First
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("encode the input: %w", err)
	}
	return f, nil
}

// FirstIn reads the first input from the memo of an existing workflow. The error says when there is none, which means
// that something else than offsession started it.
func FirstIn(memo *commonpb.Memo) (First, error) {
	payload, ok := memo.GetFields()[workflows.MemoInput]
	if !ok {
		return nil, fmt.Errorf("its memo has no %s", workflows.MemoInput)
	}
	var f First
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &f); err != nil {
		return nil, fmt.Errorf("read %s of its memo: %w", workflows.MemoInput, err)
	}
	return f, nil
}

// Difference is the first field in which two inputs differ.
type Difference struct {
	Field         string
	Existing, Now string
}

// String is "another amount: it was 1099, now it is 2000".
func (d Difference) String() string {
	return fmt.Sprintf("another %s: it was %s, now it is %s", d.Field, d.Existing, d.Now)
}

// Differ finds the first difference, in the order of the fields of the struct that defaults is. A field that is left
// out on one side is shown with its default.
func Differ(existing, now First, defaults any) (Difference, bool, error) {
	d, err := fields(defaults)
	if err != nil {
		return Difference{}, false, err
	}
	valueOf := func(f First, name string) (any, error) {
		raw := cmp.Or(string(f[name]), string(d[name]), "null")
		decoder := json.NewDecoder(strings.NewReader(raw))
		decoder.UseNumber()
		var value any
		err := decoder.Decode(&value)
		return value, err
	}
	for _, name := range fieldNames(reflect.TypeOf(defaults)) {
		a, errA := valueOf(existing, name)
		b, errB := valueOf(now, name)
		if errA != nil || errB != nil {
			return Difference{}, false, fmt.Errorf("read %s of the first input", name)
		}
		if diff, found := differValue(name, a, b); found {
			return diff, true, nil
		}
	}
	return Difference{}, false, nil
}

// differValue goes into objects, so that the message names metadata.order and not the whole metadata.
func differValue(name string, a, b any) (Difference, bool) {
	objectA, okA := a.(map[string]any)
	objectB, okB := b.(map[string]any)
	if !okA || !okB {
		if reflect.DeepEqual(a, b) {
			return Difference{}, false
		}
		return Difference{Field: name, Existing: show(a), Now: show(b)}, true
	}
	keys := maps.Clone(objectA)
	maps.Copy(keys, objectB)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if diff, found := differValue(name+"."+key, objectA[key], objectB[key]); found {
			return diff, true
		}
	}
	return Difference{}, false
}

func show(value any) string {
	if value == nil {
		return "not set"
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "?"
	}
	return clip(string(text))
}

// clip keeps a message readable when a value is very long.
func clip(s string) string {
	const most = 140
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(s[:40], ""), len(s))
}

// fieldNames lists a struct's JSON names in the order of its fields, without the reference.
func fieldNames(t reflect.Type) []string {
	var names []string
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Anonymous && name == "" {
			names = append(names, fieldNames(field.Type)...)
		}
		if name != "" && name != "-" && name != "reference" {
			names = append(names, name)
		}
	}
	return names
}
