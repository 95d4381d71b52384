package sandboxtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	rightBody = `{"id":"cus_1","object":"customer","created":1,"livemode":false,"default_source":null,"email":null,"shipping":null,"invoice_settings":{"custom_fields":null,"default_payment_method":null,"footer":null,"rendering_options":null}}`
	wrongBody = `{"id":"cus_1","object":"customer","created":1,"livemode":false,"colour":"red"}`
)

// fakeSandbox answers what the test wants it to.
type fakeSandbox struct {
	body   string
	status int
	events []string // pages of GET /v1/events
	faults []string // requests of /_sandbox/faults
}

func (f *fakeSandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/v1/events":
		page := f.events[0]
		f.events = f.events[1:]
		_, _ = w.Write([]byte(page))
	case "/v1/drop":
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
		panic(http.ErrAbortHandler)
	case "/_sandbox/faults":
		f.faults = append(f.faults, r.Method)
	default:
		w.WriteHeader(f.status)
		_, _ = w.Write([]byte(f.body))
	}
}

const noEvents = `{"object":"list","url":"/v1/events","has_more":false,"data":[]}`

func eventPage(more bool, objects ...string) string {
	for i, object := range objects {
		objects[i] = fmt.Sprintf(`{"id":"evt_%d","object":"event","api_version":null,"created":1,"livemode":false,"pending_webhooks":0,"request":null,"type":"customer.created","data":{"object":%s}}`, i, object)
	}
	return fmt.Sprintf(`{"object":"list","url":"/v1/events","has_more":%t,"data":[%s]}`, more, strings.Join(objects, ","))
}

func call(t *testing.T, h http.Handler, method, path, body string) {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer sk_test_x")
	h.ServeHTTP(httptest.NewRecorder(), r)
}

func TestValidator(t *testing.T) {
	t.Parallel()
	right := fakeSandbox{status: http.StatusOK, body: rightBody, events: []string{noEvents}}
	for _, tc := range []struct {
		name    string
		sandbox func(f *fakeSandbox)
		fault   string
		want    []string
	}{
		{name: "right", sandbox: func(*fakeSandbox) {}},
		{name: "wrong", sandbox: func(f *fakeSandbox) { f.body = wrongBody }, want: []string{"GET /v1/customers/{customer} -> 200: /colour: ", "(2 times)"}},
		{name: "cut", sandbox: func(f *fakeSandbox) { f.body = rightBody[:40] }, want: []string{"the body is no JSON"}},
		{name: "cut on demand", sandbox: func(f *fakeSandbox) { f.body = rightBody[:40] }, fault: "broken_json"},
		{name: "another fault", sandbox: func(f *fakeSandbox) { f.body = rightBody[:40] }, fault: "slow", want: []string{"the body is no JSON"}},
		{name: "error", sandbox: func(f *fakeSandbox) { f.body, f.status = `{"error":{}}`, 404 }, want: []string{"/error/type: the field is required"}},
		{name: "event", sandbox: func(f *fakeSandbox) { f.events = []string{eventPage(false, rightBody, wrongBody)} }, want: []string{"/data/*/data/object/colour"}},
		{name: "event on a later page", sandbox: func(f *fakeSandbox) {
			f.events = []string{eventPage(true, rightBody), eventPage(false, wrongBody)}
		}, want: []string{"/data/*/data/object/colour"}},
		{name: "no events", sandbox: func(f *fakeSandbox) { f.events = []string{"{"} }, want: []string{"at the end of the test"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			sandbox := right
			tc.sandbox(&sandbox)
			v := new(Validator)
			h := v.Middleware(&sandbox)
			if tc.fault != "" {
				call(t, h, http.MethodPost, "/_sandbox/faults", `{"kind":"`+tc.fault+`"}`)
			}
			// The key comes from a call that worked; its answer is the one that is looked at.
			v.key = "Bearer sk_test_x"
			for _, id := range []string{"cus_1", "cus_1", "cus_2"} {
				call(t, h, http.MethodGet, "/v1/customers/"+id, "")
			}
			err := v.Finish()
			require.Contains(t, sandbox.faults, http.MethodDelete, "no fault may hit the look at the events")
			if tc.want == nil {
				require.NoError(t, err)
				return
			}
			for _, want := range tc.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

// What comes after the end of the test must not be reported: there is no test any more.
func TestValidatorIgnoresWhatComesLate(t *testing.T) {
	t.Parallel()
	v := new(Validator)
	h := v.Middleware(&fakeSandbox{status: http.StatusOK, body: wrongBody})
	require.NoError(t, v.Finish())
	call(t, h, http.MethodGet, "/v1/customers/cus_1", "")
	require.Empty(t, v.found)
}

// A connection that a fault closes has no answer, and can still be hijacked.
func TestValidatorLetsConnectionsDrop(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(Check(t)(&fakeSandbox{events: []string{noEvents}}))
	t.Cleanup(srv.Close)
	_, err := http.Get(srv.URL + "/v1/drop")
	require.ErrorContains(t, err, "EOF")
}
