package stripesandbox

import "encoding/base64"

// list is one page, newest first. https://docs.stripe.com/api/pagination
type list struct {
	url     string
	data    []object
	hasMore bool
	search  bool
}

func (l *list) render(w *writer) {
	expand := w.expand.child("data")
	w.open("")
	if l.search {
		w.str("object", "search_result")
	} else {
		w.str("object", "list")
	}
	w.key("data")
	w.buf = append(w.buf, '[')
	for _, o := range l.data {
		w.expand = expand
		o.render(w)
	}
	w.buf = append(w.buf, ']')
	w.boolean("has_more", l.hasMore)
	if l.search {
		w.opt("next_page", l.nextPage())
	}
	w.str("url", l.url)
	w.close()
}

// nextPage is the cursor of a search: unlike a list's it is opaque.
func (l *list) nextPage() string {
	if !l.hasMore {
		return ""
	}
	last, _ := l.data[len(l.data)-1].(resource)
	return base64.RawURLEncoding.EncodeToString([]byte(last.head().ID))
}

const (
	defaultPage = 10
	maxPage     = 100
)

func pageSize(p *params) (int, *apiError) {
	if !p.has("limit") {
		return defaultPage, nil
	}
	n := p.integer("limit")
	switch {
	case n < 1:
		return 0, invalidCode("parameter_invalid_integer", "limit", "This value must be greater than or equal to 1.")
	case n > maxPage:
		return 0, invalidCode("parameter_invalid_integer", "limit", "This value must be less than or equal to 100.")
	}
	return int(n), nil
}

// onClocks are the kinds whose created can be a test clock's time.
var onClocks = map[string]bool{"subscription": true, "invoice": true, "invoiceitem": true}

// page lists the ids that pass keep, by the caller's limit, cursors and created range.
func page[T resource](c *call, name string, ids []string, keep func(T) bool) (*list, *apiError) {
	after, before := c.params.str("starting_after"), c.params.str("ending_before")
	if after != "" && before != "" {
		return nil, invalidCode("parameters_exclusive", "ending_before", "You may only specify one of these parameters: ending_before, starting_after.")
	}
	return pageAt(c, name, ids, after, before, keep)
}

func pageAt[T resource](c *call, name string, ids []string, after, before string, keep func(T) bool) (*list, *apiError) {
	limit, err := pageSize(c.params)
	if err != nil {
		return nil, err
	}
	out := &list{url: c.path}
	matches := func(r T) bool { return inRange(r.head().Created, c.params) && (keep == nil || keep(r)) }
	st := c.sandbox.store
	if before != "" {
		r, ok := lookup[T](st, before)
		if !ok {
			return nil, noSuch(name, before, "ending_before")
		}
		for i := st.position(ids, r.head().Seq+1); i < len(ids) && !out.hasMore; i++ {
			if next, _ := lookup[T](st, ids[i]); matches(next) {
				out.hasMore = out.push(next, limit)
			}
		}
		// Collected oldest first, shown newest first.
		for i, j := 0, len(out.data)-1; i < j; i, j = i+1, j-1 {
			out.data[i], out.data[j] = out.data[j], out.data[i]
		}
		return out, nil
	}
	from := len(ids)
	if after != "" {
		r, ok := lookup[T](st, after)
		if !ok {
			return nil, noSuch(name, after, "starting_after")
		}
		from = st.position(ids, r.head().Seq)
	}
	oldest := oldestWanted(c.params)
	for i := from - 1; i >= 0 && !out.hasMore; i-- {
		next, _ := lookup[T](st, ids[i])
		if next.head().Created < oldest && !onClocks[name] {
			break // the ids are in order of creation: all others are older still
		}
		if matches(next) {
			out.hasMore = out.push(next, limit)
		}
	}
	return out, nil
}

// push adds o while there is room and reports whether there was none.
func (l *list) push(o object, limit int) (full bool) {
	if len(l.data) == limit {
		return true
	}
	l.data = append(l.data, o)
	return false
}

func inRange(created int64, p *params) bool {
	f := p.field("created")
	if f == nil {
		return true
	}
	if f.sub == nil {
		return f.value == "" || created == p.integer("created")
	}
	r := f.sub
	return (!r.has("gt") || created > r.integer("gt")) &&
		(!r.has("gte") || created >= r.integer("gte")) &&
		(!r.has("lt") || created < r.integer("lt")) &&
		(!r.has("lte") || created <= r.integer("lte"))
}

func oldestWanted(p *params) int64 {
	r := p.sub("created")
	return max(r.integer("gt"), r.integer("gte"))
}
