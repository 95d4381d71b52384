package stripesandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox/sandboxtest"
)

// What a request may allocate: so much, so much per byte of its body, and so much for
// each parameter, of which net/url decodes no more than 10,000. A request of 1 MiB stays
// below 56 MB, whatever is in it; the worst are 10,000 parameters ten levels deep.
const (
	fixedAllocation  = 1 << 20
	allocationFactor = 32
	parameterCost    = 2 << 10
	maxParameters    = 10_000
)

func allocationLimit(body string) uint64 {
	parameters := min(strings.Count(body, "&")+1, maxParameters)
	return uint64(fixedAllocation + allocationFactor*len(body) + parameterCost*parameters)
}

func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// frozen is a sandbox that does the same whenever it is given the same requests.
func frozen(tb testing.TB) *Sandbox {
	tb.Helper()
	s, err := New(Config{
		Seed: 1, AsyncDelay: time.Minute, Logger: slog.New(slog.DiscardHandler),
		Clock: func() time.Time { return time.Unix(1_800_000_000, 0) }, Middleware: sandboxtest.Check(tb),
	})
	require.NoError(tb, err)
	tb.Cleanup(s.Close)
	return s
}

func serve(s *Sandbox, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func formRequest(method, target, form string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(form))
	r.Header.Set("Authorization", "Bearer "+DefaultAPIKey)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// requireAnswer holds for every answer of the API: JSON, each name once in an object, and
// Stripe's error object when it is an error, none of them the server's fault.
func requireAnswer(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	body := w.Body.Bytes()
	require.Less(t, w.Code, http.StatusInternalServerError, "%s", body)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(t, fmt.Sprint(len(body)), w.Header().Get("Content-Length"))
	require.True(t, strings.HasPrefix(w.Header().Get("Request-Id"), "req_"))
	requireJSON(t, body)
	if w.Code < http.StatusBadRequest {
		return
	}
	var answer struct {
		Error struct {
			Type    string `json:"type"`
			Message string `json:"message"`
			URL     string `json:"request_log_url"`
		} `json:"error"`
	}
	require.NoError(t, json.Unmarshal(body, &answer), "%s", body)
	require.Contains(t, []string{typeCard, typeInvalidRequest, typeIdempotency, typeAPI}, answer.Error.Type)
	require.NotEmpty(t, answer.Error.Message)
	require.Contains(t, answer.Error.URL, "/req_")
}

func requireJSON(t *testing.T, body []byte) {
	t.Helper()
	require.True(t, utf8.Valid(body), "%q", body)
	require.True(t, json.Valid(body), "%s", body)
	d := json.NewDecoder(bytes.NewReader(body))
	var seen []map[string]bool // of the objects that are open; nil is a list
	isName := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		in := len(seen) - 1
		switch value := token.(type) {
		case json.Delim:
			switch value {
			case '{':
				seen = append(seen, map[string]bool{})
			case '[':
				seen = append(seen, nil)
			default:
				seen = seen[:in]
			}
		case string:
			if isName {
				require.False(t, seen[in][value], "%q twice in %s", value, body)
				seen[in][value] = true
				isName = false
				continue
			}
		}
		isName = len(seen) > 0 && seen[len(seen)-1] != nil
	}
}

// flatten writes params as a form again.
func flatten(p *params, under string, into url.Values) {
	if p == nil {
		return
	}
	for name, f := range p.fields {
		full := paramPath(under, name)
		if f.sub != nil {
			flatten(f.sub, full, into)
		} else {
			into.Set(full, f.value)
		}
	}
}

func FuzzFormDecoder(f *testing.F) {
	for _, seed := range []string{
		"", "a=1&b=2", "a[b][0][c]=1", "a[]=1&a[]=2", "a[1]=x&a[]=y", "a[2]=x&a[]=y&a[]=z", "a=&a[b]=1", "a&a[]&0&a", "a=0&a[]&a", "a[b]=1&a=", "a=1&a[b]=2", "a=1&a=2",
		"a[", "a]", "[a]", "a[b", "a[b]c", "a[b]c[d]", "a[[b]]", "a[b][", "a[][]", "a[][b]=1&a[][c]=2", "=", "&&&", "%", "%zz", "%00=%00", "a=%ff", "%ff=a", "a;b",
		"metadata[a]=b&metadata=", "a" + strings.Repeat("[b]", 9), "a" + strings.Repeat("[b]", 10), "a[-1]=1", "a[+1]=1", "a[01]=1&a[1]=2", "a[99999999999999999999]=1",
	} {
		f.Add(seed)
	}
	s := frozen(f)
	f.Fuzz(func(t *testing.T, body string) {
		if values, err := url.ParseQuery(body); err == nil {
			if p, refused := parseParams(values); refused == nil {
				once := url.Values{}
				flatten(p, "", once)
				again, refused := parseParams(once)
				require.Nil(t, refused)
				twice := url.Values{}
				flatten(again, "", twice)
				require.Equal(t, once, twice, "written out and read again it is the same")
				for name, sent := range values {
					// The place of a[]=v is the sandbox's choice, and an empty value is as good as none.
					if path, _ := splitKey(name); !slices.Contains(path, "") && sent[len(sent)-1] != "" {
						require.Contains(t, once, name, "nothing is lost")
					}
				}
			}
		}
		for _, path := range []string{"/v1/customers", "/v1/checkout/sessions"} {
			w, r := httptest.NewRecorder(), formRequest(http.MethodPost, path, body)
			used := allocated(func() { s.serveAPI(w, r) }) // without those who look on
			requireAnswer(t, w)
			require.LessOrEqual(t, used, allocationLimit(body), "%d bytes", len(body))
		}
	})
}

// sample is a sandbox with an object of each kind, and their ids by kind.
func sample(tb testing.TB) (*Sandbox, map[string]string) {
	tb.Helper()
	s := frozen(tb)
	ids := map[string]string{"token": "pm_card_visa"}
	post := func(path, form string) map[string]any {
		w := serve(s, formRequest(http.MethodPost, path, form))
		require.Equal(tb, http.StatusOK, w.Code, "%s %s: %s", path, form, w.Body)
		var o map[string]any
		require.NoError(tb, json.Unmarshal(w.Body.Bytes(), &o))
		return o
	}
	cus := post("/v1/customers", "email=jane@example.com&metadata[a]=b")["id"].(string)
	pm := post("/v1/payment_methods/pm_card_createDispute/attach", "customer="+cus)["id"].(string)
	post("/v1/customers/"+cus, "invoice_settings[default_payment_method]="+pm)
	pay := "amount=1099&currency=usd&customer=" + cus + "&payment_method=" + pm + "&metadata[offsession_reference]=inv-1"
	post("/v1/payment_intents", pay)
	post("/v1/payment_intents", "amount=1099&currency=eur&payment_method=pm_sepaDebit_success_de&confirm=true")
	pi := post("/v1/payment_intents", "amount=1099&currency=usd&payment_method=pm_card_visa&confirm=true")["id"].(string)
	post("/v1/refunds", "amount=99&payment_intent="+pi)
	post("/v1/payment_intents", pay+"&confirm=true&off_session=true") // disputed: not refundable
	post("/v1/setup_intents", "confirm=true&customer="+cus+"&payment_method="+pm)
	post("/v1/checkout/sessions", "mode=payment&success_url=https://example.com&line_items[0][quantity]=1&line_items[0][price_data][currency]=usd"+
		"&line_items[0][price_data][unit_amount]=100&line_items[0][price_data][product_data][name]=Tea&customer="+cus)
	post("/v1/checkout/sessions", "mode=setup&ui_mode=custom&currency=usd&customer="+cus)
	post("/v1/webhook_endpoints", "url=http://127.0.0.1:9&enabled_events[]=invoice.paid")
	for key, list := range s.store.indexes {
		if key.owner == "" && len(list) > 0 {
			ids[key.kind] = list[len(list)-1]
		}
	}
	return s, ids
}

func FuzzExpand(f *testing.F) {
	kinds := sortedKinds()
	for i, kind := range kinds {
		f.Add("", i, false)
		for name := range expandable[kind] {
			f.Add(name, i, false)
			f.Add("data."+name, i, true)
			f.Add(name+"."+name, i, false)
			f.Add("customer\n"+name+"\n"+name, i, false)
			f.Add("customer "+name, i, false)
		}
	}
	f.Add("latest_charge.refunds.data.charge", slices.Index(kinds, "payment_intent"), false)
	f.Add("data.data.data.data", 0, true)
	f.Add("....", 0, false)
	f.Add(strings.Repeat("customer\n", 100), 0, false)
	s, ids := sample(f)
	f.Fuzz(func(t *testing.T, text string, at int, inList bool) {
		if at < 0 {
			at = -(at + 1)
		}
		kind := kinds[at%len(kinds)]
		paths := strings.Split(text, "\n")
		var tree *expansion
		var refused *apiError
		used := allocated(func() { tree, refused = parseExpand(paths, kind, inList) })
		require.LessOrEqual(t, used, uint64(fixedAllocation+allocationFactor*len(text)))
		for range 2 { // what was seen before makes no difference
			again, refusedAgain := parseExpand(paths, kind, inList)
			require.Equal(t, refused, refusedAgain)
			require.Equal(t, tree, again)
		}
		for _, path := range paths { // all of them are in order, or the first that is not is named
			if _, alone := parseExpand([]string{path}, kind, inList); alone != nil {
				require.Equal(t, alone, refused)
				break
			}
		}
		if refused != nil {
			require.Equal(t, http.StatusBadRequest, refused.Status)
			require.Equal(t, "expand", refused.Param)
			return
		}
		require.LessOrEqual(t, depth(tree), maxExpandDepth+1)
		o := s.store.find(ids[kind])
		if o == nil {
			return // made by no request: an item of a session
		}
		if inList {
			o = &list{data: []object{o}}
		}
		out := reply{obj: o, expand: tree, found: s.resolve(o, tree)}
		requireJSON(t, out.body())
	})
}

func sortedKinds() []string {
	kinds := make([]string, 0, len(expandable))
	for kind := range expandable {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

func depth(e *expansion) int {
	if e == nil {
		return 0
	}
	deepest := 0
	for _, child := range e.children {
		deepest = max(deepest, depth(child))
	}
	return deepest + 1
}

// In paths and bodies {kind} stands for the id of the object of that kind in sample, and
// a route's bare {} for the one that its path names.
func FuzzAPI(f *testing.F) {
	bodies := []string{
		"", "amount=100&currency=usd", "customer={customer}&payment_method={payment_method}&confirm=true&off_session=true",
		"amount=100&currency=usd&payment_method=pm_card_authenticationRequired&confirm=true", "payment_intent={payment_intent}&amount=1",
		"metadata[a\"b]=1&metadata[\\]=\"&metadata[a]=", "metadata=", "limit=3&created[gte]=1", "expand[]=data.customer", "expand[]=customer&expand[]=latest_charge.refunds",
		"mode=setup&ui_mode=custom&currency=usd", "mode=payment&success_url=x&line_items[0][quantity]=999999&line_items[0][price_data][currency]=jpy" +
			"&line_items[0][price_data][unit_amount]=99999999&line_items[0][price_data][product_data][name]=\"",
		"url=http://127.0.0.1:9/%7f&enabled_events[]=*", "query=status:'succeeded' AND metadata['a']:'b'", "type=card&card[number]=4242424242424242&card[exp_month]=1&card[exp_year]=2030",
		"type=sepa_debit&sepa_debit[iban]=\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"", "payment_method={payment_method}&email=a@b",
	}
	for i, rt := range routes() {
		path := rt.pattern
		for strings.Contains(path, "{}") {
			kind := rt.kind
			if strings.HasPrefix(path, "/v1/customers/{}") {
				kind = "customer"
			}
			path = strings.Replace(path, "{}", "{"+kind+"}", 1)
		}
		f.Add(rt.method, path, bodies[i%len(bodies)], "Idempotency-Key: k")
	}
	for _, body := range bodies {
		for _, path := range []string{"/v1/customers/{customer}", "/v1/payment_intents", "/v1/payment_intents/{payment_intent}/confirm", "/v1/checkout/sessions", "/v1/payment_methods"} {
			f.Add(http.MethodPost, path, body, "")
		}
	}
	f.Add("GET", "/v1/payment_intents?limit=3&created[gte]=1&expand[]=data.customer", "", "Stripe-Version: 2020-08-27")
	f.Add("GET", "/", "", "")
	f.Add("GET", "/v1", "", "")
	f.Add("GET", "/v1/", "", "")
	f.Add("BREW", "/v1/%ff%00\"", "%", "Authorization: Basic AAAA")
	f.Add("POST", "/v1//", "a=b", "Authorization: Bearer \xff\"")
	f.Fuzz(func(t *testing.T, method, target, body, header string) {
		s, ids := sample(t)
		for kind, id := range ids {
			target, body = strings.ReplaceAll(target, "{"+kind+"}", id), strings.ReplaceAll(body, "{"+kind+"}", id)
		}
		at, err := url.ParseRequestURI(target)
		if err != nil || strings.HasPrefix(at.Path, "/_sandbox/") || strings.HasSuffix(at.Path, "/stripe.js") {
			return // not let through by net/http, or not of the API
		}
		r := formRequest(http.MethodPost, "/", body)
		r.Method, r.URL, r.RequestURI = method, at, target
		for line := range strings.Lines(header) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
				r.Header.Set(textproto.TrimString(name), value)
			}
		}
		requireAnswer(t, serve(s, r))
		for _, path := range []string{"/v1/events?limit=100", "/v1/customers?limit=100", "/v1/payment_intents?limit=100&expand[]=data.latest_charge"} {
			after := serve(s, formRequest(http.MethodGet, path, ""))
			require.Equal(t, http.StatusOK, after.Code)
			requireAnswer(t, after)
		}
		s.Close()
	})
}
