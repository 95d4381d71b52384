// Package sandboxtest holds the sandbox to Stripe's own OpenAPI description, which the
// module stripe-mock carries: whatever a sandbox answers in a test, and every event that
// it records, must be as that says. Set stripesandbox.Config.Middleware to Check(t); where
// no test is at hand, such as in TestMain, to the Middleware of a Validator.
package sandboxtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Check returns a middleware for the sandboxes of a test, which fails at its end when one of
// them has answered, or recorded an event, otherwise than Stripe would.
func Check(tb testing.TB) func(http.Handler) http.Handler {
	tb.Helper()
	v := new(Validator)
	tb.Cleanup(func() {
		if err := v.Finish(); err != nil {
			tb.Error(err)
		}
	})
	return v.Middleware
}

// Validator collects what sandboxes answer otherwise than Stripe would. The zero value is
// ready to use.
type Validator struct {
	mu        sync.Mutex
	finished  bool
	sandboxes []http.Handler
	key       string // the Authorization of a call that was answered
	// mayBeCut: the test has asked for answers that end in the middle.
	mayBeCut bool
	seen     map[uint64]bool // answers that were checked already
	found    map[string]int  // differences, and how often each was met
	order    []string
}

// Middleware checks what next answers under /v1.
func (v *Validator) Middleware(next http.Handler) http.Handler {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sandboxes = append(v.sandboxes, next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/v1/"):
			rec := &recorder{ResponseWriter: w}
			next.ServeHTTP(rec, r)
			if rec.status != 0 {
				v.answered(r, rec)
			}
		case r.URL.Path == "/_sandbox/faults":
			v.watchFaults(r)
			fallthrough
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// watchFaults notes whether the test asks for answers that are cut.
func (v *Validator) watchFaults(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), &failed{err}))
	if bytes.Contains(body, []byte("broken_json")) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.mayBeCut = true
	}
}

// failed ends a body that was read before as it did end.
type failed struct{ err error }

func (f *failed) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}

// recorder keeps an answer. What a fault hijacks and cuts off has no status.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	r.body.Write(b)
	return r.ResponseWriter.Write(b) //nolint:wrapcheck // it stands in for it
}

var hashSeed = maphash.MakeSeed()

func (v *Validator) answered(r *http.Request, rec *recorder) {
	var h maphash.Hash
	h.SetSeed(hashSeed)
	_, _ = fmt.Fprintf(&h, "%s %s %d\n", r.Method, r.URL.Path, rec.status)
	h.Write(rec.body.Bytes())
	sum := h.Sum64()

	v.mu.Lock()
	known := v.finished || v.seen[sum]
	mayBeCut := v.mayBeCut
	if v.seen == nil {
		v.seen = make(map[uint64]bool)
	}
	v.seen[sum] = true
	if rec.status == http.StatusOK {
		v.key = r.Header.Get("Authorization")
	}
	v.mu.Unlock()
	if known {
		return
	}
	v.report(stripe().check(r.Method, r.URL.Path, rec.status, rec.Header(), rec.body.Bytes(), mayBeCut)...)
}

// check returns in which ways an answer is not as the description says.
func (d *description) check(method, path string, status int, header http.Header, body []byte, mayBeCut bool) []string {
	var found []string
	add := func(name, format string, args ...any) {
		found = append(found, fmt.Sprintf("%s %s -> %d: ", method, name, status)+fmt.Sprintf(format, args...))
	}
	if got := header.Get("Content-Type"); got != "application/json" {
		add(path, "Content-Type is %q", got)
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		if !mayBeCut {
			add(path, "the body is no JSON (%v), and the test has asked for no such fault: %.200s", err, body)
		}
		return found
	}
	c := &check{description: d}
	name := path
	schema := undocumentedAnswer(method, path)
	if route, op := d.find(method, path); route != nil {
		name, schema = route.path, op.answer()
	}
	switch {
	case status >= http.StatusBadRequest:
		schema = errorSchema
	case schema == nil:
		add(path, "the description does not know the route")
		return found
	}
	c.visit(place{}, schema, value)
	slices.SortFunc(c.found, func(a, b difference) int { return strings.Compare(a.pointer, b.pointer) })
	for _, difference := range c.found {
		add(name, "%s", difference)
	}
	return found
}

var listIndex = regexp.MustCompile(`/\d+`)

func (v *Validator) report(differences ...string) {
	if len(differences) == 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.found == nil {
		v.found = make(map[string]int)
	}
	for _, difference := range differences {
		difference = listIndex.ReplaceAllString(difference, "/*")
		if v.found[difference]++; v.found[difference] == 1 {
			v.order = append(v.order, difference)
		}
	}
}

// Finish checks the events that the sandboxes have recorded and returns all differences.
// What is answered afterwards is not looked at.
func (v *Validator) Finish() error {
	v.mu.Lock()
	sandboxes, key := v.sandboxes, v.key
	v.mu.Unlock()
	if key != "" {
		for _, sandbox := range sandboxes {
			v.checkEvents(sandbox, key)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.finished = true
	var errs []error
	for _, difference := range v.order {
		errs = append(errs, fmt.Errorf("%s (%d times)", difference, v.found[difference]))
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("the sandbox is not as Stripe's OpenAPI description says:\n%w", errors.Join(errs...))
}

// checkEvents reads all events. Faults that no request has met are removed before, and a
// sandbox that limits the rate of requests gets its time moved.
func (v *Validator) checkEvents(sandbox http.Handler, key string) {
	ask := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
		r.Header.Set("Authorization", key)
		w := httptest.NewRecorder()
		sandbox.ServeHTTP(w, r)
		return w
	}
	ask(http.MethodDelete, "/_sandbox/faults", "")
	query := url.Values{"limit": {"100"}}
	for {
		w := ask(http.MethodGet, "/v1/events?"+query.Encode(), "")
		if w.Code == http.StatusTooManyRequests {
			ask(http.MethodPost, "/_sandbox/clock", `{"advance":"1m"}`)
			w = ask(http.MethodGet, "/v1/events?"+query.Encode(), "")
		}
		v.report(stripe().check(http.MethodGet, "/v1/events", w.Code, w.Header(), w.Body.Bytes(), false)...)
		var page struct {
			Data []struct {
				ID string `json:"id"`
			} `json:"data"`
			HasMore bool `json:"has_more"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK {
			v.report(fmt.Sprintf("GET /v1/events -> %d at the end of the test: %s", w.Code, w.Body))
			return
		}
		if !page.HasMore {
			return
		}
		query.Set("starting_after", page.Data[len(page.Data)-1].ID)
	}
}
