package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/internal/stripesandbox/sandboxtest"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/starter/serve"
	"github.com/offsession/offsession/worker/service"
)

// patience is for one thing to happen. It is never waited for: two slow cores under the race detector need some. It is above the
// longest start-to-close time (110 s): a busy development server may lose an activity task on its way to the worker, and
// then gives it out again only after that time.
const patience = 3 * time.Minute

// The cards of https://docs.stripe.com/testing, and those that only the sandbox has.
const (
	goodCard        = "4242424242424242"
	declinedCard    = "4000000000009995"
	alwaysAuthCard  = "4000002760003184"
	visa            = "pm_card_visa"
	lostCard        = "pm_sandbox_decline_lost_card"
	oneSoftDecline  = "pm_sandbox_decline_insufficient_funds_times_1"
	twoSoftDeclines = "pm_sandbox_decline_insufficient_funds_times_2"
	setupAuthCard   = "pm_card_authenticationRequiredOnSetup"
	authCard        = "pm_card_authenticationRequired"
	bankAccount     = "pm_usBankAccount_success"
)

// site is one merchant's installation: a Stripe account, worker and web, on the Temporal server that all share.
type site struct {
	t       *testing.T
	config  config.Config
	sandbox *stripesandbox.Server
	client  *client.Client
}

// sharedSite is the one that all tests share. Nothing may be broken or counted there.
func sharedSite(t *testing.T) *site {
	t.Helper()
	return &site{t: t, config: stack.Config, sandbox: stack.Sandbox, client: offs}
}

// siteOptions say what a site of its own is like. The zero value has a worker and a web server in this process.
type siteOptions struct {
	change        func(*config.Config)
	sandbox       stripesandbox.Config
	withoutWorker bool
	withoutWeb    bool
}

// newSite opens a site with its own sandbox and task queue; it is closed with the test.
func newSite(t *testing.T, o siteOptions) *site {
	t.Helper()
	s := &site{t: t, config: stack.Config}
	s.config.TaskQueue = nextReference("queue")
	s.config.Listen = freeAddress(t)
	s.config.PublicURL = "http://" + s.config.Listen
	o.sandbox.AsyncDelay = cmp.Or(o.sandbox.AsyncDelay, -1)
	o.sandbox.WebhookRetry = 200 * time.Millisecond
	o.sandbox.Logger = logger("sandbox")
	o.sandbox.Middleware = sandboxtest.Check(t)
	o.sandbox.Webhooks = []stripesandbox.WebhookEndpoint{{URL: s.config.PublicURL + "/webhooks/stripe", Secret: s.config.StripeWebhookSecrets[0]}}
	var err error
	// The test's own context ends before its cleanups run, the worker's last words need the sandbox.
	s.sandbox, err = stripesandbox.Start(context.WithoutCancel(t.Context()), "127.0.0.1:0", o.sandbox)
	require.NoError(t, err)
	t.Cleanup(func() {
		s.sandbox.Close()
		require.NoError(t, checkLedger(s.sandbox.Ledger("")))
	})
	s.config.StripeAPIBase = s.sandbox.URL
	if o.change != nil {
		o.change(&s.config)
	}
	if !o.withoutWorker {
		inProcess(t, func(ctx context.Context, ready func()) error {
			return service.Run(ctx, service.Config{Config: s.config, Logger: logger("worker"), Ready: ready})
		})
	}
	if !o.withoutWeb {
		inProcess(t, func(ctx context.Context, ready func()) error {
			return serve.Run(ctx, serve.Config{Config: s.config, Logger: logger("web"), Ready: func(string) { ready() }})
		})
	}
	s.client, err = client.FromConfig(s.config, logger("client"))
	require.NoError(t, err)
	t.Cleanup(s.client.Close)
	return s
}

// with is the same site for another test.
func (s *site) with(t *testing.T) *site {
	t.Helper()
	other := *s
	other.t = t
	return &other
}

// inProcess runs a part until the test ends.
func inProcess(t *testing.T, part func(ctx context.Context, ready func()) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- part(ctx, sync.OnceFunc(func() { close(ready) })) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- nil
		require.NoError(t, err)
		t.Fatal("the part ended by itself")
	case <-time.After(patience):
		t.Fatal("the part did not become ready")
	}
}

func logger(part string) *slog.Logger {
	return slog.New(slog.NewTextHandler(logFile, nil)).With("part", part)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

var (
	references  atomic.Int64
	notAllowed  = regexp.MustCompile(`[^A-Za-z0-9.-]+`)
	testStarted = time.Now().Unix()
)

// nextReference is one that no other test has.
func nextReference(name string) string {
	return fmt.Sprintf("%s-%d-%d", name, testStarted, references.Add(1))
}

// reference is one that no other test has, with the test's name.
func (s *site) reference() string {
	name := notAllowed.ReplaceAllString(strings.TrimPrefix(s.t.Name(), "Test"), "-")
	return nextReference(strings.Trim(name[:min(len(name), 80)], "-"))
}

// stripe calls the sandbox's API and answers the object; it fails the test when Stripe refuses.
func (s *site) stripe(method, path string, form url.Values) map[string]any {
	s.t.Helper()
	return s.call(method, s.sandbox.URL+path, "application/x-www-form-urlencoded", form.Encode())
}

// control calls a control route of the sandbox.
func (s *site) control(path string, body any) map[string]any {
	s.t.Helper()
	text, err := json.Marshal(body)
	require.NoError(s.t, err)
	return s.call(http.MethodPost, s.sandbox.URL+"/_sandbox"+path, "application/json", string(text))
}

func (s *site) call(method, address, kind, body string) map[string]any {
	s.t.Helper()
	header := http.Header{"Content-Type": {kind}, "Authorization": {"Bearer " + stripesandbox.DefaultAPIKey}}
	a := s.http(method, address, header, body)
	require.Less(s.t, a.status, 300, "%s %s: %s", method, address, a.body)
	var object map[string]any
	require.NoError(s.t, json.Unmarshal([]byte(a.body), &object))
	return object
}

// form is one with a single field.
func form(name, value string) url.Values { return url.Values{name: {value}} }

// errNotYet is for what has not happened yet.
var errNotYet = errors.New("not yet")

// answer is that of an HTTP request.
type answer struct {
	status int
	header http.Header
	body   string
}

// http makes a request and follows no redirect.
func (s *site) http(method, address string, header http.Header, body string) answer {
	s.t.Helper()
	a, err := request(s.t.Context(), method, address, header, body)
	require.NoError(s.t, err)
	return a
}

var httpClient = &http.Client{
	Timeout:       patience,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func request(ctx context.Context, method, address string, header http.Header, body string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	maps.Copy(req.Header, header)
	res, err := httpClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return answer{status: res.StatusCode, header: res.Header, body: string(text)}, err
}

// email is the address that a reference's customer has.
func email(reference string) string { return reference + "@example.com" }

// customer makes a Stripe customer with the address of a reference.
func (s *site) customer(reference string) string {
	s.t.Helper()
	return s.stripe(http.MethodPost, "/v1/customers", url.Values{"email": {email(reference)}})["id"].(string)
}

// customerWith makes a customer who has saved a payment method, one of Stripe's test tokens.
func (s *site) customerWith(reference, token string) (customer, method string) {
	s.t.Helper()
	customer = s.customer(reference)
	return customer, s.attach(customer, token)
}

func (s *site) attach(customer, token string) string {
	s.t.Helper()
	return s.stripe(http.MethodPost, "/v1/payment_methods/"+token+"/attach", url.Values{"customer": {customer}})["id"].(string)
}

// fault breaks requests to come.
func (s *site) fault(f stripesandbox.Fault) {
	s.t.Helper()
	f.Times = max(f.Times, 1)
	s.control("/faults", f)
}

func (s *site) webhooks(b stripesandbox.WebhookBehaviour) {
	s.t.Helper()
	s.control("/webhooks", b)
}

// requests is the log of the calls to Stripe's API.
func (s *site) requests() []stripesandbox.Request {
	s.t.Helper()
	a := s.http(http.MethodGet, s.sandbox.URL+"/_sandbox/requests", nil, "")
	var list []stripesandbox.Request
	require.NoError(s.t, json.Unmarshal([]byte(a.body), &list))
	return list
}

// writes are the calls that change something at Stripe.
func (s *site) writes() []stripesandbox.Request {
	s.t.Helper()
	var list []stripesandbox.Request
	for _, r := range s.requests() {
		if r.Method != http.MethodGet {
			list = append(list, r)
		}
	}
	return list
}
