package stripesandbox

import "strings"

// route is one endpoint. Wildcards in the pattern are written {}.
type route struct {
	method  string
	pattern string
	kind    string // of the object it answers with, for expand
	list    bool   // it answers with a list of kind
	fields  fields
	handle  func(*call) (object, *apiError)
}

// router finds routes by method and number of path segments.
type router map[routerKey][]compiledRoute

type routerKey struct {
	method   string
	segments int
}

type compiledRoute struct {
	*route
	segments []string
}

func newRouter(routes []route) router {
	rt := make(router)
	for i := range routes {
		r := &routes[i]
		segments := strings.Split(strings.TrimPrefix(r.pattern, "/v1/"), "/")
		key := routerKey{r.method, len(segments)}
		rt[key] = append(rt[key], compiledRoute{r, segments})
	}
	return rt
}

// match returns the first route that fits, in the order they were given, and the values
// of its wildcards; nil when there is none.
func (rt router) match(method, path string) (*route, []string) {
	rest, ok := strings.CutPrefix(path, "/v1/")
	if !ok {
		return nil, nil
	}
	segments := strings.Split(rest, "/")
	for _, r := range rt[routerKey{method, len(segments)}] {
		if ids, ok := r.match(segments); ok {
			return r.route, ids
		}
	}
	return nil, nil
}

func (r compiledRoute) match(segments []string) ([]string, bool) {
	var ids []string
	for i, want := range r.segments {
		switch {
		case want == "{}" && segments[i] != "":
			ids = append(ids, segments[i])
		case want != segments[i]:
			return nil, false
		}
	}
	return ids, true
}
