package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/internal/stripesandbox/sandboxtest"
)

// auditedSandbox is a sandbox at a fixed time, and a way to call it.
func auditedSandbox(t *testing.T) (address string, post func(key, path string, pairs ...string) map[string]any) {
	t.Helper()
	srv, err := stripesandbox.Start(t.Context(), "127.0.0.1:0", stripesandbox.Config{
		Clock: func() time.Time { return noon }, Seed: 1, Middleware: sandboxtest.Check(t),
	})
	require.NoError(t, err)
	t.Cleanup(srv.Close)
	return srv.URL, func(key, path string, pairs ...string) map[string]any {
		form := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		req, err := http.NewRequest(http.MethodPost, srv.URL+path, strings.NewReader(form.Encode()))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+stripesandbox.DefaultAPIKey)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if key != "" {
			req.Header.Set("Idempotency-Key", key)
		}
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		var object map[string]any
		require.NoError(t, json.NewDecoder(res.Body).Decode(&object))
		return object
	}
}

func TestSandboxAudit(t *testing.T) {
	address, post := auditedSandbox(t)
	audit := func(more ...string) (int, string, string) {
		code, stdout, stderr := command(t, nil, append([]string{"sandbox", "audit", "--url", address + "/"}, more...)...)
		return code, strings.Join(strings.Fields(stdout), " "), stderr // without the columns' widths
	}
	code, stdout, stderr := audit()
	require.Equal(t, exitDone, code, stderr)
	require.Contains(t, stdout, "references 0, of them 0 paid")
	require.Contains(t, stdout, "taken nothing")

	cus := post("", "/v1/customers")["id"].(string)
	saved := func(token string) string {
		return post("", "/v1/payment_methods/"+token+"/attach", "customer", cus)["id"].(string)
	}
	charge := func(key, reference, method string) map[string]any {
		return post(key, "/v1/payment_intents", "amount", "1099", "currency", "usd", "customer", cus, "payment_method", method,
			"confirm", "true", "off_session", "true", "metadata[offsession_reference]", reference)
	}
	visa := saved("pm_card_visa")
	first := charge("order-17:1", "order-17", visa)["id"].(string)
	charge("order-18:1", "order-18", saved("pm_sandbox_decline_do_not_honor"))
	code, stdout, stderr = audit()
	require.Equal(t, exitDone, code, stderr)
	require.Contains(t, stdout, "references 2, of them 1 paid")
	require.Contains(t, stdout, "taken $10.99 (1099 usd)")
	require.Contains(t, stdout, "POSTs without a key 3")
	require.Regexp(t, `requests 5; at most [1-5] in a second, `, stdout)
	require.Contains(t, stdout, "order-18 0 1 nothing")
	require.Contains(t, stdout, "2 POST /v1/payment_intents")

	charge("order-17:2", "order-17", visa)
	charge("order-17:2", "order-19", visa) // the key of another request
	code, stdout, stderr = audit()
	require.Equal(t, exitFailed, code)
	require.Equal(t, "starter: paid more than once: order-17\n", stderr)
	require.Contains(t, stdout, "paid more than once order-17")
	require.Contains(t, stdout, "keys reused order-17:2")
	require.Contains(t, stdout, "order-17 2 2 $21.98 (2198 usd) nothing")

	code, stdout, _ = audit("--output", "json")
	require.Equal(t, exitFailed, code)
	var ledger stripesandbox.Ledger
	require.NoError(t, json.Unmarshal([]byte(stdout), &ledger))
	require.Equal(t, []string{"order-17"}, ledger.PaidMoreThanOnce)

	code, _, stderr = audit("--reference", "order-18")
	require.Equal(t, exitDone, code, stderr)
	code, _, stderr = audit("--reference", "order-99")
	require.Equal(t, exitNotFound, code)
	require.Equal(t, "starter: reference \"order-99\": not found\n", stderr)

	refund := post("refund-1", "/v1/refunds", "payment_intent", first)["id"].(string)
	code, stdout, stderr = audit("--reference", "order-17")
	require.Equal(t, exitDone, code, "net of refunds it was paid once: "+stderr)
	require.NotContains(t, stdout, "order-18")
	require.Contains(t, stdout, "2026-03-01 12:00:00 UTC succeeded - "+first+" order-17:1")
	require.Contains(t, stdout, "2026-03-01 12:00:00 UTC succeeded $10.99 (1099 usd) "+refund+" refund-1")
}

func TestSandboxAuditListsTheWorstFirst(t *testing.T) {
	t.Parallel()
	ledger := stripesandbox.Ledger{References: make(map[string]*stripesandbox.LedgerReference)}
	for i := range 60 {
		ledger.References[string(rune('A'+i/10))+string(rune('0'+i%10))] = &stripesandbox.LedgerReference{NetSuccesses: i / 59 * 2}
	}
	text := referencesText(ledger)
	require.True(t, strings.HasPrefix(strings.SplitN(text, "\n", 2)[1], "F9 "), text)
	require.Contains(t, text, "and 10 more: --output json has all, --reference one")
}

func TestSandboxAuditWithoutSandbox(t *testing.T) {
	code, _, stderr := command(t, nil, "sandbox", "audit", "--url", "http://127.0.0.1:1")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "no sandbox answers at http://127.0.0.1:1: ")
	require.Contains(t, stderr, "start one with starter sandbox")

	for name, answer := range map[string]http.HandlerFunc{
		"not found":     http.NotFound,
		"page":          func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>hello</html>")) },
		"other JSON":    func(w http.ResponseWriter, _ *http.Request) { writeTestJSON(w, `{"status":"ok"}`) },
		"broken JSON":   func(w http.ResponseWriter, _ *http.Request) { writeTestJSON(w, `{"references":`) },
		"another shape": func(w http.ResponseWriter, _ *http.Request) { writeTestJSON(w, `[]`) },
	} {
		other := httptest.NewServer(answer)
		t.Cleanup(other.Close)
		code, stdout, stderr := command(t, nil, "sandbox", "audit", "--url", other.URL)
		require.Equal(t, exitFailed, code, name)
		require.Empty(t, stdout, name)
		require.Regexp(t, "is no sandbox|read the ledger from", stderr, name)
	}
}

func writeTestJSON(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(text))
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]stripesandbox.RateLimit{
		"100":                     {Global: 100},
		"global=100":              {Global: 100},
		"endpoint=2.5":            {Endpoint: 2.5},
		"global=100,endpoint=25":  {Global: 100, Endpoint: 25},
		"endpoint=25,global=1000": {Global: 1000, Endpoint: 25},
	} {
		got, err := readRateLimit(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
}

func TestOnlyThisMachine(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]bool{
		"127.0.0.1:12111": true, "localhost:0": true, "[::1]:12111": true, "127.8.0.1:1": true,
		":12111": false, "0.0.0.0:12111": false, "[::]:12111": false, "192.168.1.5:12111": false, "myhost:12111": false,
	} {
		require.Equal(t, want, onlyThisMachine(listen), listen)
	}
}
