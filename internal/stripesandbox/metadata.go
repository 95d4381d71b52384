package stripesandbox

import (
	"slices"
	"strings"
	"unique"
)

// pairs is metadata in the order of its keys. It is never changed once stored. A map
// would take four times the memory, and every payment has one.
// https://docs.stripe.com/api/metadata
type pairs []pair

type pair struct{ Key, Value string }

func (m pairs) find(key string) (int, bool) {
	return slices.BinarySearchFunc(m, key, func(p pair, key string) int { return strings.Compare(p.Key, key) })
}

// get returns the value of key, "" when there is none: no key has an empty value.
func (m pairs) get(key string) string {
	if at, found := m.find(key); found {
		return m[at].Value
	}
	return ""
}

// metadata returns old changed by the metadata sent: an empty value removes its key, an
// empty metadata removes all. old itself is never changed.
func (p *params) metadata(old pairs) pairs {
	f := p.field("metadata")
	if f == nil {
		return old
	}
	if f.sub == nil {
		return nil
	}
	return old.changedBy(f.sub)
}

// changedBy returns m with the values sent: an empty one removes its key.
func (m pairs) changedBy(sent *params) pairs {
	if sent == nil {
		return m
	}
	merged := make(pairs, 0, len(m)+len(sent.fields))
	for _, kept := range m {
		if sent.fields[kept.Key] == nil {
			merged = append(merged, kept)
		}
	}
	for key, value := range sent.fields {
		if value.value != "" {
			// Cut loose from the request's body, which would be kept with them.
			merged = append(merged, pair{unique.Make(key).Value(), strings.Clone(value.value)})
		}
	}
	slices.SortFunc(merged, func(a, b pair) int { return strings.Compare(a.Key, b.Key) })
	return merged
}
