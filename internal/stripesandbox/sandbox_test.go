package stripesandbox_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/internal/stripesandbox/sandboxtest"
)

// bundle is a sandbox of its own for one test, with Stripe's typed client and raw HTTP.
type bundle struct {
	*stripe.Client
	t   *testing.T
	srv *stripesandbox.Server
}

func newBundle(t *testing.T, cfg stripesandbox.Config) *bundle {
	t.Helper()
	if cfg.AsyncDelay == 0 {
		cfg.AsyncDelay = time.Minute
	}
	cfg.Middleware = sandboxtest.Check(t)
	srv, err := stripesandbox.Start(t.Context(), "127.0.0.1:0", cfg)
	require.NoError(t, err)
	t.Cleanup(srv.Close)
	return &bundle{Client: clientFor(srv.URL), t: t, srv: srv}
}

func clientFor(address string) *stripe.Client {
	return stripe.NewClient(stripesandbox.DefaultAPIKey, stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
		URL:               stripe.String(address),
		HTTPClient:        &http.Client{Timeout: 30 * time.Second},
		MaxNetworkRetries: stripe.Int64(0),
		EnableTelemetry:   new(false),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
	})))
}

// answer is a raw HTTP answer.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	require.NoError(t, json.Unmarshal(a.body, &v), string(a.body))
	return v
}

// at follows a dotted path through the JSON of the answer.
func (a answer) at(t *testing.T, path string) any {
	t.Helper()
	var v any = a.json(t)
	for name := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		require.True(t, ok, "%s in %s", path, a.body)
		v = m[name]
	}
	return v
}

func (b *bundle) send(method, path, form string, header ...string) (answer, error) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.srv.URL+path, strings.NewReader(form))
	require.NoError(b.t, err)
	req.Header.Set("Authorization", "Bearer "+stripesandbox.DefaultAPIKey)
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, body}, err
}

// raw is send for calls that get an answer.
func (b *bundle) raw(method, path, form string, header ...string) answer {
	b.t.Helper()
	a, err := b.send(method, path, form, header...)
	require.NoError(b.t, err)
	return a
}

// post sends a form given as name, value, name, value and so on.
func (b *bundle) post(path string, pairs ...string) answer {
	b.t.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return b.raw(http.MethodPost, path, values.Encode())
}

// control calls a route under /_sandbox with a JSON body.
func (b *bundle) control(path string, body any) answer {
	b.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(b.t, err)
	resp, err := http.Post(b.srv.URL+"/_sandbox"+path, "application/json", bytes.NewReader(text))
	require.NoError(b.t, err)
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	require.NoError(b.t, err)
	return answer{resp.StatusCode, resp.Header, out}
}

func (b *bundle) pay(session string, in stripesandbox.Payment) answer {
	b.t.Helper()
	return b.control("/checkout/"+session+"/pay", in)
}

func (b *bundle) customer() string {
	b.t.Helper()
	cus, err := b.V1Customers.Create(b.t.Context(), &stripe.CustomerCreateParams{Email: stripe.String("jane@example.com")})
	require.NoError(b.t, err)
	return cus.ID
}

// saved attaches a test token to a customer.
func (b *bundle) saved(customer, token string) string {
	b.t.Helper()
	pm, err := b.V1PaymentMethods.Attach(b.t.Context(), token, &stripe.PaymentMethodAttachParams{Customer: &customer})
	require.NoError(b.t, err)
	return pm.ID
}

// charge creates and confirms a PaymentIntent off session.
func (b *bundle) charge(customer, pm string) (*stripe.PaymentIntent, error) {
	return b.V1PaymentIntents.Create(b.t.Context(), &stripe.PaymentIntentCreateParams{
		Amount: stripe.Int64(1099), Currency: stripe.String("usd"), Customer: &customer, PaymentMethod: &pm,
		OffSession: new(true), Confirm: new(true),
		Metadata: map[string]string{"offsession_reference": "inv-1"},
	})
}

// stripeError is err as Stripe's; it fails the test when it is none.
func stripeError(t *testing.T, err error) *stripe.Error {
	t.Helper()
	var se *stripe.Error
	require.ErrorAs(t, err, &se)
	return se
}

// events returns the types of all events about objects with this id, oldest first.
func (b *bundle) events(ids ...string) []string {
	b.t.Helper()
	var types []string
	params := &stripe.EventListParams{}
	params.Limit = stripe.Int64(100)
	for e, err := range b.V1Events.List(b.t.Context(), params) {
		require.NoError(b.t, err)
		if len(ids) == 0 || slices.Contains(ids, e.Data.Object["id"].(string)) {
			types = append(types, string(e.Type))
		}
	}
	slices.Reverse(types)
	return types
}
