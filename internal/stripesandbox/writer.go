package stripesandbox

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// object is anything the API answers with. render appends one JSON value.
type object interface{ render(w *writer) }

// resource is an object that is kept in the store. It must not be changed once stored.
type resource interface {
	object
	head() *header
}

// header is what every stored resource has. Seq is its place in the order of creation:
// Created has a resolution of one second, too coarse to sort lists by.
type header struct {
	ID       string `json:"id,omitzero"`
	Seq      uint64 `json:"seq,omitzero"`
	Created  int64  `json:"created,omitzero"`
	Metadata pairs  `json:"metadata,omitzero"`
}

func (h *header) head() *header { return h }

// writer appends Stripe's JSON. It is written by hand rather than by reflection because
// most of Stripe's fields are constant nulls here and rendering happens on every call.
type writer struct {
	buf    []byte
	expand *expansion
	find   func(id string) object
}

// comma parts a value from what stands before it, if anything does.
func (w *writer) comma() {
	if len(w.buf) == 0 {
		return
	}
	switch w.buf[len(w.buf)-1] {
	case '{', '[', ':', ',':
	default:
		w.buf = append(w.buf, ',')
	}
}

func (w *writer) key(name string) {
	w.comma()
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '"', ':')
}

// open starts an object: the value of name, or a bare one when name is empty.
func (w *writer) open(name string) {
	if name == "" {
		w.comma()
	} else {
		w.key(name)
	}
	w.buf = append(w.buf, '{')
}

func (w *writer) close() { w.buf = append(w.buf, '}') }

func (w *writer) str(name, value string) {
	w.key(name)
	w.quote(value)
}

// opt writes value, or null when it is empty.
func (w *writer) opt(name, value string) {
	if value == "" {
		w.null(name)
		return
	}
	w.str(name, value)
}

// present writes value only when it is not empty.
func (w *writer) present(name, value string) {
	if value != "" {
		w.str(name, value)
	}
}

func (w *writer) integer(name string, value int64) {
	w.key(name)
	w.buf = strconv.AppendInt(w.buf, value, 10)
}

// optInteger writes value, or null when it is zero.
func (w *writer) optInteger(name string, value int64) {
	if value == 0 {
		w.null(name)
		return
	}
	w.integer(name, value)
}

func (w *writer) boolean(name string, value bool) {
	w.key(name)
	w.buf = strconv.AppendBool(w.buf, value)
}

func (w *writer) null(names ...string) {
	for _, name := range names {
		w.key(name)
		w.buf = append(w.buf, "null"...)
	}
}

func (w *writer) strings(name string, values []string) {
	w.key(name)
	w.buf = append(w.buf, '[')
	for _, v := range values {
		w.comma()
		w.quote(v)
	}
	w.buf = append(w.buf, ']')
}

// raw writes text, which must be JSON.
func (w *writer) raw(name, text string) {
	w.key(name)
	w.buf = append(w.buf, text...)
}

func (w *writer) metadata(values pairs) {
	w.open("metadata")
	for _, p := range values {
		w.mapEntry(p.Key, p.Value)
	}
	w.close()
}

func (w *writer) mapEntry(key, value string) {
	w.comma()
	w.quote(key)
	w.buf = append(w.buf, ':')
	w.quote(value)
}

// ref writes a relation: null, the id, or the object when the caller asked to expand it.
func (w *writer) ref(name, id string) {
	if id == "" {
		w.null(name)
		return
	}
	sub := w.expand.child(name)
	if sub == nil || w.find == nil {
		w.str(name, id)
		return
	}
	o := w.find(id)
	if o == nil {
		w.str(name, id)
		return
	}
	w.nested(name, o, sub)
}

// refs writes several relations, each as ref does.
func (w *writer) refs(name string, ids []string) {
	sub := w.expand.child(name)
	var all []object
	for _, id := range ids {
		o := object(quoted(id))
		if sub != nil && w.find != nil {
			if found := w.find(id); found != nil {
				o = found
			}
		}
		all = append(all, o)
	}
	w.objects(name, all)
}

// quoted is a relation of which only the id is shown.
type quoted string

func (q quoted) render(w *writer) {
	w.comma()
	w.quote(string(q))
}

// objects writes an array, whose objects expand as the array does.
func (w *writer) objects(name string, all []object) {
	saved, sub := w.expand, w.expand.child(name)
	w.key(name)
	w.buf = append(w.buf, '[')
	for _, o := range all {
		w.expand = sub
		o.render(w)
	}
	w.buf = append(w.buf, ']')
	w.expand = saved
}

// include writes a part that Stripe sends only when it is asked for by expand.
func (w *writer) include(name string, part func() object) {
	if sub := w.expand.child(name); sub != nil {
		w.nested(name, part(), sub)
	}
}

// embed writes an object that is always there in full.
func (w *writer) embed(name string, o object) { w.nested(name, o, nil) }

func (w *writer) nested(name string, o object, expand *expansion) {
	saved := w.expand
	w.expand = expand
	w.key(name)
	o.render(w)
	w.expand = saved
}

func (w *writer) quote(s string) {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			w.quoteSlowly(s)
			return
		}
	}
	w.buf = append(w.buf, '"')
	w.buf = append(w.buf, s...)
	w.buf = append(w.buf, '"')
}

func (w *writer) quoteSlowly(s string) {
	// Marshalling a string cannot fail: invalid UTF-8 is replaced.
	quoted, _ := json.Marshal(s)
	w.buf = append(w.buf, quoted...)
}
