package stripesandbox_test

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestUnknownPathsAndMethods(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	for _, tc := range []struct{ method, path, message string }{
		{"GET", "/v1/unicorns", "Unrecognized request URL (GET: /v1/unicorns). Please see https://stripe.com/docs or we can help at https://support.stripe.com/."},
		{"GET", "/", "(GET: /)"},
		{"GET", "/v1", "(GET: /v1)"},
		{"GET", "/v2/core/events", "(GET: /v2/core/events)"},
		{"DELETE", "/v1/payment_intents/pi_1", "(DELETE: /v1/payment_intents/pi_1)"},
		{"PUT", "/v1/customers/cus_1", "(PUT: /v1/customers/cus_1)"},
		{"PATCH", "/v1/customers", "(PATCH: /v1/customers)"},
		{"GET", "/v1/customers/", "remove the trailing slash"},
		{"GET", "/v1/customers//payment_methods", "(GET: /v1/customers//payment_methods)"},
		{"GET", "/v1/customers/../customers", "(GET: /v1/customers/../customers)"},
		{"GET", "/v1/customers/%2e%2e/customers", "(GET: /v1/customers/../customers)"},
		{"GET", "/v1/customers/cus_1%2Fa%2Fb", "(GET: /v1/customers/cus_1/a/b)"},
		{"GET", "/v1/../_sandbox/ledger", "(GET: /v1/../_sandbox/ledger)"},
		{"GET", "/V1/customers", "(GET: /V1/customers)"},
	} {
		a := b.raw(tc.method, tc.path, "")
		require.Equal(t, http.StatusNotFound, a.status, "%s %s: %s", tc.method, tc.path, a.body)
		e := a.at(t, "error").(map[string]any)
		require.Contains(t, e["message"], tc.message)
		require.Equal(t, "invalid_request_error", e["type"])
		require.NotContains(t, e, "code")
		require.NotContains(t, e, "param")
	}
	for _, path := range []string{"/_sandbox/unicorns", "/_sandbox", "/_sandbox/checkout/%2e%2e%2fetc%2fpasswd"} {
		require.Equal(t, http.StatusNotFound, b.raw(http.MethodGet, path, "").status, path)
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{APIKey: "sk_test_another_one"})
	basic := func(user, password string) string {
		r, err := http.NewRequest(http.MethodGet, "http://x", http.NoBody)
		require.NoError(t, err)
		r.SetBasicAuth(user, password)
		return r.Header.Get("Authorization")
	}
	for _, tc := range []struct {
		name, header  string
		status        int
		code, message string
	}{
		{"bearer", "Bearer sk_test_another_one", 200, "", ""},
		{"basic", basic("sk_test_another_one", ""), 200, "", ""},
		{"none", "", 401, "", "You did not provide an API key."},
		{"empty bearer", "Bearer ", 401, "", "You did not provide an API key."},
		{"empty basic", basic("", "sk_test_another_one"), 401, "", "You did not provide an API key."},
		{"the default of other sandboxes", "Bearer " + stripesandbox.DefaultAPIKey, 401, "", "Invalid API Key provided: sk_test_****dbox"},
		{"live mode", "Bearer sk_live_another_one", 401, "", "Invalid API Key provided: sk_live_****_one"},
		{"restricted", "Bearer rk_test_another_one", 401, "", "Invalid API Key provided: rk_test_****_one"},
		{"short", "Bearer sk", 401, "", "Invalid API Key provided: ****"},
		{"prefix", "Bearer sk_test_another", 401, "", "Invalid API Key provided"},
		{"longer", "Bearer sk_test_another_one1", 401, "", "Invalid API Key provided"},
		{"any case", "bearer sk_test_another_one", 200, "", ""},
		{"no scheme", "sk_test_another_one", 401, "", "You did not provide an API key."},
		{"another scheme", "Digest sk_test_another_one", 401, "", "You did not provide an API key."},
		{"wrong basic", basic("sk_test_wrong_one", "x"), 401, "", "Invalid API Key provided"},
		{"publishable", "Bearer " + stripesandbox.PublishableKey, 401, "secret_key_required", "publishable API key"},
		{"publishable basic", basic(stripesandbox.PublishableKey, ""), 401, "secret_key_required", "publishable API key"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := b.raw(http.MethodGet, "/v1/customers", "", "Authorization", tc.header)
			require.Equal(t, tc.status, a.status, string(a.body))
			if tc.status == http.StatusOK {
				return
			}
			e := a.at(t, "error").(map[string]any)
			require.Equal(t, "invalid_request_error", e["type"])
			require.Contains(t, e["message"], tc.message)
			require.Equal(t, tc.code != "", e["code"] == tc.code)
			require.Equal(t, `Basic realm="Stripe"`, a.header.Get("WWW-Authenticate"))
			require.NotContains(t, string(a.body), "another_one", "a key is not repeated")
		})
	}
	live := b.raw(http.MethodGet, "/v1/checkout/sessions/cs_live_a1", "", "Authorization", "Bearer sk_test_another_one")
	require.Equal(t, http.StatusNotFound, live.status)
	require.Contains(t, live.at(t, "error.message"), "a similar object exists in live mode, but a test mode key was used")
}

func TestVersions(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	for version, want := range map[string]int{
		"":                                   200,
		"2025-08-27.basil":                   200,
		"2025-03-31.basil":                   200, // the same train
		"2024-06-20":                         400,
		"2026-08-26.dahlia":                  400,
		"2025-13-01.basil":                   400,
		"2025-8-27.basil":                    400,
		"basil":                              400,
		"2025-08-27.basil, 2025-08-27.basil": 400,
	} {
		header := []string{"Stripe-Version", version}
		if version == "" {
			header = nil
		}
		a := b.raw(http.MethodGet, "/v1/customers", "", header...)
		require.Equal(t, want, a.status, version)
		if want == http.StatusOK {
			require.Equal(t, cmp.Or(version, stripesandbox.APIVersion), a.header.Get("Stripe-Version"))
			continue
		}
		require.Equal(t, stripesandbox.APIVersion, a.header.Get("Stripe-Version"))
		require.Contains(t, a.at(t, "error.message"), "Invalid Stripe API version: "+version)
	}
}

func TestBodiesThatAreNoForm(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	for _, tc := range []struct {
		name, contentType, body string
		status                  int
		message                 string
	}{
		{"form", "application/x-www-form-urlencoded", "name=Jane", 200, ""},
		{"form with charset", "application/x-www-form-urlencoded; charset=utf-8", "name=Jane", 200, ""},
		{"no type", "", "name=Jane", 200, ""},
		{"nothing at all", "application/json", "", 200, ""},
		{"JSON", "application/json", `{"name":"Jane"}`, 400, "Invalid request: unsupported Content-Type application/json."},
		{"text", "text/plain; charset=utf-8", "name=Jane", 400, "unsupported Content-Type text/plain; charset=utf-8."},
		{"parts", "multipart/form-data; boundary=x", "--x--", 400, "unsupported Content-Type multipart/form-data"},
		{"no media type", "???", "name=Jane", 400, "unsupported Content-Type ???"},
		{"JSON said to be a form", "application/x-www-form-urlencoded", `{"name":"Jane"}`, 400, "Received unknown parameter"},
		{"escape cut off", "application/x-www-form-urlencoded", "name=%4", 400, "Invalid request"},
		{"semicolons", "application/x-www-form-urlencoded", "name=a;email=b", 400, "Invalid request"},
		{"not UTF-8", "application/x-www-form-urlencoded", "name=%ff%fe", 400, "UTF-8"},
		{"name not UTF-8", "application/x-www-form-urlencoded", "%ff=1", 400, "UTF-8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := b.raw(http.MethodPost, "/v1/customers", tc.body, "Content-Type", tc.contentType)
			require.Equal(t, tc.status, a.status, string(a.body))
			if tc.status != http.StatusOK {
				require.Contains(t, a.at(t, "error.message"), tc.message)
			}
		})
	}
}

func TestParameters(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	twice := b.raw(http.MethodPost, "/v1/customers", "name=first&name=last")
	require.Equal(t, "last", twice.at(t, "name"))
	both := b.raw(http.MethodPost, "/v1/customers?name=query&email=q@example.com", "name=body")
	require.Equal(t, []any{"body", "q@example.com"}, []any{both.at(t, "name"), both.at(t, "email")})
	empty := b.raw(http.MethodPost, "/v1/customers", "name=&email=")
	require.Nil(t, empty.at(t, "name"), "empty is unset")
	require.Equal(t, "Jörg 😀", b.post("/v1/customers", "name", "Jörg 😀").at(t, "name"))

	names := url.Values{}
	for i := range 10_000 {
		names.Set(fmt.Sprintf("p%05d", i), "1")
	}
	for _, tc := range []struct {
		name, path, form string
		status           int
		code, param      string
	}{
		{"unknown", "/v1/customers", "colour=red", 400, "parameter_unknown", "colour"},
		{"unknown in an object", "/v1/customers", "invoice_settings[colour]=red", 400, "parameter_unknown", "invoice_settings[colour]"},
		{"unknown in the query of a POST", "/v1/customers?colour=red", "", 400, "parameter_unknown", "colour"},
		{"missing", "/v1/payment_intents", "currency=usd", 400, "parameter_missing", "amount"},
		{"empty is missing", "/v1/payment_intents", "currency=usd&amount=", 400, "parameter_missing", "amount"},
		{"not an integer", "/v1/payment_intents", "currency=usd&amount=10.99", 400, "parameter_invalid_integer", "amount"},
		{"too large an integer", "/v1/payment_intents", "currency=usd&amount=99999999999999999999", 400, "parameter_invalid_integer", "amount"},
		{"object for an integer", "/v1/payment_intents", "currency=usd&amount[a]=1", 400, "parameter_invalid_integer", "amount"},
		{"not a boolean", "/v1/payment_intents", "currency=usd&amount=100&confirm=yes", 400, "", "confirm"},
		{"not an object", "/v1/customers", "invoice_settings=x", 400, "", "invoice_settings"},
		{"not an array", "/v1/customers", "expand=x", 400, "", "expand"},
		{"ten thousand names", "/v1/customers", names.Encode(), 400, "parameter_unknown", "p00000"},
		{"ten thousand times one", "/v1/customers", strings.Repeat("name=x&", 9_999) + "name=y", 200, "", ""},
		{"more than are decoded", "/v1/customers", strings.Repeat("name=x&", 20_000) + "name=y", 400, "", ""},
		{"ten levels", "/v1/customers", "a" + strings.Repeat("[b]", 9) + "=1", 400, "parameter_unknown", "a"},
		{"eleven levels", "/v1/customers", "a" + strings.Repeat("[b]", 10) + "=1", 400, "", "a" + strings.Repeat("[b]", 10)},
		{"a hundred thousand levels", "/v1/customers", "a" + strings.Repeat("[b]", 100_000) + "=1", 400, "", ""},
		{"no name", "/v1/customers", "[a]=1", 400, "", "[a]"},
		{"open bracket", "/v1/customers", "a[=1", 400, "", "a["},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := b.raw(http.MethodPost, tc.path, tc.form)
			require.Equal(t, tc.status, a.status, string(a.body))
			if tc.status == http.StatusOK {
				return
			}
			e := a.at(t, "error").(map[string]any)
			got, _ := e["code"].(string)
			require.Equal(t, tc.code, got, string(a.body))
			if tc.param != "" {
				require.Equal(t, tc.param, e["param"])
			}
		})
	}
}

func TestListParameters(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	one, two := b.customer(), b.customer()
	other := b.post("/v1/payment_intents", "amount", "500", "currency", "usd").at(t, "id").(string)
	for _, tc := range []struct {
		query        string
		status, many int
		code, param  string
	}{
		{"", 200, 2, "", ""},
		{"limit=", 200, 2, "", ""},
		{"limit=1", 200, 1, "", ""},
		{"limit=100", 200, 2, "", ""},
		{"limit=0", 400, 0, "parameter_invalid_integer", "limit"},
		{"limit=-1", 400, 0, "parameter_invalid_integer", "limit"},
		{"limit=101", 400, 0, "parameter_invalid_integer", "limit"},
		{"limit=9223372036854775808", 400, 0, "parameter_invalid_integer", "limit"},
		{"limit=ten", 400, 0, "parameter_invalid_integer", "limit"},
		{"starting_after=" + two, 200, 1, "", ""},
		{"ending_before=" + one, 200, 1, "", ""},
		{"starting_after=" + two + "&ending_before=" + one, 400, 0, "parameters_exclusive", "ending_before"},
		{"starting_after=cus_none", 404, 0, "resource_missing", "starting_after"},
		{"ending_before=cus_none", 404, 0, "resource_missing", "ending_before"},
		{"starting_after=" + other, 404, 0, "resource_missing", "starting_after"}, // of another kind
		{"starting_after[a]=1", 400, 0, "", "starting_after"},
		{"created=1", 200, 0, "", ""},
		{"created[gte]=1&created[lt]=99999999999", 200, 2, "", ""},
		{"created[gt]=99999999999", 200, 0, "", ""},
		{"created[lte]=1", 200, 0, "", ""},
		{"created[gte]=9&created[lte]=1", 200, 0, "", ""},
		{"created[from]=1", 400, 0, "parameter_unknown", "created[from]"},
		{"created[gt]=now", 400, 0, "parameter_invalid_integer", "created[gt]"},
		{"created=now", 400, 0, "parameter_invalid_integer", "created"},
		{"colour=red", 400, 0, "parameter_unknown", "colour"},
	} {
		a := b.raw(http.MethodGet, "/v1/customers?"+tc.query, "")
		require.Equal(t, tc.status, a.status, "%s: %s", tc.query, a.body)
		if tc.status == http.StatusOK {
			require.Len(t, a.at(t, "data"), tc.many, tc.query)
			require.Equal(t, []any{"list", "/v1/customers"}, []any{a.at(t, "object"), a.at(t, "url")})
			continue
		}
		e := a.at(t, "error").(map[string]any)
		got, _ := e["code"].(string)
		require.Equal(t, []any{tc.code, tc.param}, []any{got, e["param"]}, tc.query)
	}
}
