package stripesandbox

import (
	"crypto/subtle"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxBody bounds a request's body.
const maxBody = 1 << 20

// apiRequest is a call of Stripe's API before it is executed.
type apiRequest struct {
	method, path string
	route        *route   // nil when there is none
	ids          []string // the wildcards of the route
	requestID    string
	key          string // only of POST: Stripe ignores it elsewhere
	fingerprint  [16]byte
	values       url.Values
	fault        *fault
}

// reply is an answer. It is kept as objects rather than bytes: they never change, and
// most of them are in the store anyway.
type reply struct {
	obj       object
	expand    *expansion
	found     []expanded // what expand led to, at the time
	requestID string     // of the request that was executed
	status    int
	replayed  bool
	mismatch  bool
}

// expanded is an object, and the id under which expand came upon it.
type expanded struct {
	id     string
	object object
}

func (r reply) body() []byte {
	w := writer{buf: make([]byte, 0, 2048)}
	r.render(&w)
	return append(w.buf, '\n')
}

func (r reply) render(w *writer) {
	w.expand = r.expand
	w.find = func(id string) object {
		for _, e := range r.found {
			if e.id == id {
				return e.object
			}
		}
		return nil
	}
	r.obj.render(w)
}

func (s *Sandbox) serveAPI(w http.ResponseWriter, r *http.Request) {
	q := &apiRequest{method: r.Method, path: r.URL.Path}
	q.route, q.ids = s.router.match(q.method, q.path)
	s.traffic.count(q.route, s.cfg.Clock())
	q.requestID = "req_" + randomText(rand.Uint64, 14)
	received := s.now()
	h := w.Header()
	h.Set("Request-Id", q.requestID)
	h.Set("Stripe-Version", spokenVersion(r))
	key := r.Header.Get("Idempotency-Key")
	if key != "" {
		h.Set("Idempotency-Key", key)
		if r.Method == http.MethodPost {
			q.key = key
		}
	}
	out, keep := s.answer(w, r, q)
	status := 0
	if keep {
		status = out.status
	}
	s.log.add(Request{Time: received, Method: r.Method, Path: r.URL.Path, IdempotencyKey: key, Status: status, Replayed: out.replayed})
	if !keep {
		drop(w)
	}
	writeReply(w, out, q.fault)
}

// rateLimitedReason is the header of a throttled request; a lock_timeout has none.
const rateLimitedReason = "Stripe-Rate-Limited-Reason"

// drop closes the connection in the middle of the answer's first line. Closing it before
// would not reach the caller: Go's http.Transport, for one, sends a POST that carries an
// Idempotency-Key again by itself when a reused connection ends without a single byte.
func drop(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_, _ = conn.Write([]byte("HTTP/1.1 "))
		_ = conn.Close()
	}
	panic(http.ErrAbortHandler)
}

// answer returns the reply, and whether the caller gets to see it.
func (s *Sandbox) answer(w http.ResponseWriter, r *http.Request, q *apiRequest) (reply, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			return q.refuse(&apiError{Status: http.StatusRequestEntityTooLarge, Type: typeInvalidRequest, Message: "Request body is larger than 1 MiB."}), true
		}
		return reply{}, false // the caller went away in the middle of its request
	}
	if err := s.authorize(r); err != nil {
		w.Header().Set("WWW-Authenticate", `Basic realm="Stripe"`)
		return q.refuse(err), true
	}
	if reason := s.limits.refuse(q, s.now()); reason != "" {
		w.Header().Set(rateLimitedReason, reason)
		return q.refuse(rateLimited()), true
	}
	q.fault = s.faults.take(q.method, q.path)
	if q.fault.is(FaultDropBefore) {
		return reply{}, false
	}
	if err := q.fault.refusal(q.key); err != nil {
		if q.fault.is(FaultRateLimit) {
			w.Header().Set(rateLimitedReason, reasonGlobal)
		}
		return q.refuse(err), true
	}
	if err := checkHeaders(r, body); err != nil {
		return q.refuse(err), true
	}
	q.values, err = formValues(r, body)
	if err != nil {
		return q.refuse(invalidRequest("Invalid request: " + err.Error())), true
	}
	out := s.run(q)
	return out, !q.fault.is(FaultDropAfter)
}

func formValues(r *http.Request, body []byte) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if len(body) > 0 {
		sent, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		for key, v := range sent {
			values[key] = append(values[key], v...)
		}
	}
	for key, sent := range values {
		// Two names that JSON cannot carry would become the same one in the answer.
		if !utf8.ValidString(key) || slices.ContainsFunc(sent, func(v string) bool { return !utf8.ValidString(v) }) {
			return nil, errNotUTF8
		}
	}
	return values, nil
}

var errNotUTF8 = errors.New("a parameter is not valid UTF-8")

func (q *apiRequest) refuse(err *apiError) reply {
	err.RequestID = q.requestID
	return reply{status: err.Status, obj: err}
}

func (s *Sandbox) authorize(r *http.Request) *apiError {
	key, _, _ := r.BasicAuth()
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		key = token
	}
	refuse := func(message string) *apiError {
		return &apiError{Status: http.StatusUnauthorized, Type: typeInvalidRequest, Message: message}
	}
	switch {
	case key == "":
		return refuse("You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').")
	case key == PublishableKey:
		err := refuse("This API call cannot be made with a publishable API key. Please use a secret API key.")
		err.Code = "secret_key_required"
		return err
	case subtle.ConstantTimeCompare([]byte(key), []byte(s.cfg.APIKey)) != 1:
		return refuse("Invalid API Key provided: " + mask(key))
	}
	return nil
}

func mask(key string) string {
	if len(key) < 12 {
		return "****"
	}
	return key[:8] + "****" + key[len(key)-4:]
}

// run executes a request. The order of checks is Stripe's: route, key, parameters, and
// then whatever the handler looks at.
func (s *Sandbox) run(q *apiRequest) reply {
	if q.route == nil {
		return q.refuse(q.unrecognized())
	}
	c := &call{sandbox: s, requestID: q.requestID, key: q.key, path: q.path, ids: q.ids}
	expand, invalid := c.prepare(q.route, q)
	if len(q.key) > maxKeyLength {
		return q.refuse(invalidRequest("Idempotency keys can be at most 255 characters long."))
	}
	if q.key != "" {
		q.fingerprint = fingerprint(q.method, q.path, q.values)
	}

	var out reply
	if err := s.section(func() { out = s.runOnce(c, q, expand, invalid) }); err != nil {
		return q.refuse(notStored(err))
	}
	return out
}

// runOnce executes a request unless its key has an answer already. The caller holds mu.
func (s *Sandbox) runOnce(c *call, q *apiRequest, expand *expansion, invalid *apiError) reply {
	var rec *keyRecord
	if q.method == http.MethodPost {
		if q.key == "" {
			s.ledger.postsWithoutKey++
		} else {
			var known *reply
			if rec, known = s.keys.begin(q, s.now()); known != nil {
				if known.mismatch {
					s.noteReuse(q.key)
				}
				return *known
			}
		}
	}
	out := s.executeAlone(c, q, expand, invalid)
	if rec != nil {
		s.keys.finish(q.key, rec, out, c.changed)
	}
	if q.fault.is(FaultSlow) {
		// The effect is there, the answer under way: until then the key is in use.
		if rec != nil {
			rec.running = true
		}
		s.pause(q.fault.delay())
		if rec != nil {
			rec.running = false
		}
	}
	return out
}

// executeAlone executes a request unless a write of the same customer's is under way.
func (s *Sandbox) executeAlone(c *call, q *apiRequest, expand *expansion, invalid *apiError) reply {
	slow := q.fault.is(FaultSlowBefore)
	if slow || len(s.locks) > 0 {
		customer := c.written(q.method)
		if s.locks[customer] > 0 {
			return q.refuse(lockTimeout())
		}
		if slow {
			s.locks.take(customer)
			s.pause(q.fault.delay())
			s.locks.release(customer)
		}
	}
	return s.execute(c, q.route, expand, invalid, q.fault)
}

// pause lets others in while a slow answer waits. The caller holds mu.
func (s *Sandbox) pause(d time.Duration) {
	_ = s.commit() // a failure is met again at the end of the critical section
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-time.After(d):
	case <-s.sender.closing:
	}
}

func (c *call) prepare(rt *route, q *apiRequest) (*expansion, *apiError) {
	p, err := parseParams(q.values)
	if err != nil {
		return nil, err
	}
	c.params = p
	if err := rt.fields.check(p, ""); err != nil {
		return nil, err
	}
	return parseExpand(p.strings("expand"), rt.kind, rt.list)
}

func (s *Sandbox) execute(c *call, rt *route, expand *expansion, invalid *apiError, f *fault) reply {
	out := reply{status: http.StatusOK, requestID: c.requestID}
	fail := func(err *apiError) reply {
		err.RequestID = c.requestID
		out.status, out.obj = err.Status, err
		return out
	}
	if f.is(Fault500Before) {
		return fail(serverError())
	}
	if invalid != nil {
		return fail(invalid)
	}
	c.now = s.runDue()
	s.store.changed = false
	obj, err := rt.handle(c)
	c.changed = s.store.changed
	switch {
	case f.is(Fault500After):
		return fail(serverError())
	case err != nil:
		return fail(err)
	}
	out.obj = obj
	if expand != nil {
		out.expand = expand
		out.found = s.resolve(obj, expand)
	}
	return out
}

// resolve collects what expand leads to, so that the answer can be rendered, and
// rendered again for a replay, outside the critical section.
func (s *Sandbox) resolve(obj object, expand *expansion) []expanded {
	var found []expanded
	seen := make(map[string]object)
	w := writer{buf: make([]byte, 0, 4096), expand: expand, find: func(id string) object {
		if o, ok := seen[id]; ok {
			return o
		}
		o := s.store.find(id)
		if owner, ok := strings.CutPrefix(id, refundsOf); ok {
			o = s.refundList(owner)
		} else if owner, ok := strings.CutPrefix(id, paymentsOf); ok {
			o = s.paymentList(owner)
		} else if owner, ok := strings.CutPrefix(id, subscriptionsOf); ok {
			o = s.subscriptionList(owner)
		}
		if t, ok := s.transaction(id); ok {
			o = t
		}
		seen[id] = o
		found = append(found, expanded{id, o})
		return o
	}}
	obj.render(&w)
	return found
}

func serverError() *apiError {
	return &apiError{Status: http.StatusInternalServerError, Type: typeAPI, Message: "An unknown error occurred."}
}

func writeReply(w http.ResponseWriter, out reply, f *fault) {
	body := out.body()
	if f.is(FaultBrokenJSON) {
		body = body[:len(body)/2]
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if out.replayed {
		h.Set("Idempotent-Replayed", "true")
		h.Set("Original-Request", out.requestID)
	}
	w.WriteHeader(out.status)
	// A caller that went away has nothing left to be told.
	_, _ = w.Write(body) //nolint:gosec // JSON, and named so by its Content-Type
}
