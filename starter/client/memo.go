package client

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

// first is a workflow's normalised first input as it stands in its memo, by JSON field. A field that has a common value is
// left out, so that a memo costs little, and so is the reference, which is part of the workflow id. A dunning policy is its
// fingerprint.
type first map[string]json.RawMessage

// policyField is the JSON field of a policy, in any input that has one.
const policyField = "policy"

// fingerprint stands for a JSON value: 48 bits of its hash tell a policy from any other that somebody uses instead.
func fingerprint(value json.RawMessage) json.RawMessage {
	sum := sha256.Sum256(value)
	return json.RawMessage(strconv.Quote(hex.EncodeToString(sum[:6])))
}

// firstOf compacts an input. Both arguments are the same struct; defaults has the values that are left out. Memos outlive
// releases, which read a missing field as its value in defaults: these must never change, whatever becomes of the defaults
// of calls.
func firstOf(input, defaults any) (first, error) {
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

func fields(input any) (first, error) {
	data, err := json.Marshal(input)
	if err != nil {
		return nil, fmt.Errorf("encode the input: %w", err)
	}
	var f first
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("encode the input: %w", err)
	}
	return f, nil
}

// firstIn reads the first input from the memo of an existing workflow. The error says when there is none, which means
// that something else than offsession started it.
func firstIn(memo *commonpb.Memo) (first, error) {
	payload, ok := memo.GetFields()[workflows.MemoInput]
	if !ok {
		return nil, fmt.Errorf("its memo has no %s", workflows.MemoInput)
	}
	var f first
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &f); err != nil {
		return nil, fmt.Errorf("read %s of its memo: %w", workflows.MemoInput, err)
	}
	return f, nil
}

// memoCall is the memo key of a name for the call that started a workflow by Update-with-Start, which does not tell its
// caller whether it started anything.
const memoCall = "offsession_call"

// callIn reads the name of the call that started the workflow; "" when its memo has none.
func callIn(memo *commonpb.Memo) string {
	payload, ok := memo.GetFields()[memoCall]
	if !ok {
		return ""
	}
	var call string
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &call); err != nil {
		return ""
	}
	return call
}

// difference is the first field in which two inputs differ.
type difference struct {
	field         string
	existing, now string
}

// differ finds the first difference, in the order of the fields of the struct that defaults is. A field that is left
// out on one side is shown with its default.
func differ(existing, now first, defaults any) (difference, bool, error) {
	d, err := fields(defaults)
	if err != nil {
		return difference{}, false, err
	}
	valueOf := func(f first, name string) (any, error) {
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
			return difference{}, false, fmt.Errorf("read %s of the first input", name)
		}
		if diff, found := differValue(name, a, b); found {
			return diff, true, nil
		}
	}
	return difference{}, false, nil
}

// differValue goes into objects, so that the message names metadata.order and not the whole metadata.
func differValue(name string, a, b any) (difference, bool) {
	objectA, okA := a.(map[string]any)
	objectB, okB := b.(map[string]any)
	if !okA || !okB {
		if reflect.DeepEqual(a, b) {
			return difference{}, false
		}
		return difference{field: name, existing: show(a), now: show(b)}, true
	}
	keys := maps.Clone(objectA)
	maps.Copy(keys, objectB)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if diff, found := differValue(name+"."+key, objectA[key], objectB[key]); found {
			return diff, true
		}
	}
	return difference{}, false
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

// fieldNames lists a struct's JSON names in the order of its fields, without the reference.
func fieldNames(t reflect.Type) []string {
	var names []string
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" && name != "-" && name != "reference" {
			names = append(names, name)
		}
	}
	return names
}
