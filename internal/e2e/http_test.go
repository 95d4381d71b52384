package e2e

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/link"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// historyLength is how many events a workflow has.
func historyLength(t *testing.T, workflowID string) int64 {
	t.Helper()
	description, err := temporal.DescribeWorkflowExecution(t.Context(), workflowID, "")
	require.NoError(t, err)
	return description.GetWorkflowExecutionInfo().GetHistoryLength()
}

// TestGetsOnlyRead: scanners and previews fetch every link in a mail, often many times. Nothing may come of it.
func TestGetsOnlyRead(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	payment := s.charge(lostCard)
	// When the mail is delivered, the workflow has nothing left to do.
	paymentLink := s.mail(payment, 1)
	save := client.SavePaymentMethodParams{Reference: s.reference(), Customer: s.customer("nobody"), Deadline: client.DefaultSetupDeadline()}
	saveLink := s.save(save).Link
	ids := []string{workflows.PaymentID(payment), workflows.SavePaymentMethodID(save.Reference)}
	s.settled(ids...)

	var before []int64
	for _, id := range ids {
		before = append(before, historyLength(t, id))
	}
	writes := len(s.writes())
	for _, address := range []string{paymentLink, saveLink} {
		for range 20 {
			a := s.visit(http.MethodGet, address, nil, "")
			require.Equal(t, http.StatusOK, a.status, a.body)
		}
		require.Equal(t, http.StatusOK, s.visit(http.MethodHead, address, nil, "").status)
		for _, purpose := range []http.Header{{"Sec-Purpose": {"prefetch"}}, {"Purpose": {"prefetch"}}, {"User-Agent": {"Slackbot-LinkExpanding 1.0"}}} {
			require.Equal(t, http.StatusOK, s.visit(http.MethodGet, address, purpose, "").status)
		}
		require.Equal(t, http.StatusOK, s.visit(http.MethodGet, address+"/status", nil, "").status)
		require.Equal(t, http.StatusOK, s.visit(http.MethodGet, address+"/return", nil, "").status)
		require.Equal(t, http.StatusMethodNotAllowed, s.http(http.MethodGet, address+"/session", nil, "").status)
	}
	for i, id := range ids {
		require.Equal(t, before[i], historyLength(t, id), id)
	}
	require.Len(t, s.writes(), writes)
}

// settled waits until the workflows have nothing under way: no task, no activity.
func (s *site) settled(ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		settledOn(s.t, temporal, id)
	}
}

// settledOn is the same for a workflow on another server. It answers the present run.
func settledOn(t *testing.T, tc sdk.Client, id string) (run string) {
	t.Helper()
	eventually(t, func() error {
		d, err := tc.DescribeWorkflowExecution(t.Context(), id, "")
		if err != nil {
			return err
		}
		if len(d.GetPendingActivities()) > 0 || d.GetPendingWorkflowTask() != nil {
			return fmt.Errorf("%s is at work", id)
		}
		run = d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
		return nil
	})
	return run
}

// signed is Stripe's signature, https://docs.stripe.com/webhooks#verify-manually
func signed(body, secret string, at time.Time) http.Header {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return http.Header{"Stripe-Signature": {fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))}}
}

// event is a webhook's body about a PaymentIntent of a workflow.
func event(workflowID string) string {
	return fmt.Sprintf(`{"id":"evt_%s","object":"event","api_version":"2025-08-27.basil","type":"payment_intent.succeeded","created":%d,"livemode":false,
		"data":{"object":{"id":"pi_1","object":"payment_intent","metadata":{"offsession_workflow_id":%q}}}}`, nextReference("e"), time.Now().Unix(), workflowID)
}

func TestWebhookReceiver(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	reference := s.charge(lostCard)
	s.becomes(reference, workflows.PaymentAwaitingCustomer)
	secret := s.config.StripeWebhookSecrets[0]
	now := time.Now()
	ours, foreign := event(workflows.PaymentID(reference)), event("")
	tests := []struct {
		name   string
		header http.Header
		body   string
		want   int
	}{
		{"delivered", signed(ours, secret, now), ours, http.StatusOK},
		{"delivered twice", signed(ours, secret, now), ours, http.StatusOK},
		{"concerns nothing here", signed(foreign, secret, now), foreign, http.StatusOK},
		{"a workflow that never was", signed(event("payment:nobody"), secret, now), event("payment:nobody"), http.StatusBadRequest}, // another body than signed
		{"no signature", nil, ours, http.StatusBadRequest},
		{"bad signature", signed(ours, "whsec_other", now), ours, http.StatusBadRequest},
		{"stale signature", signed(ours, secret, now.Add(-10*time.Minute)), ours, http.StatusBadRequest},
		{"not JSON", signed("hello", secret, now), "hello", http.StatusBadRequest},
		{"2 MB", signed(ours, secret, now), ours + strings.Repeat(" ", 2<<20), http.StatusRequestEntityTooLarge},
	}
	for _, test := range tests {
		a := s.visit(http.MethodPost, s.config.PublicURL+"/webhooks/stripe", test.header, test.body)
		require.Equal(t, test.want, a.status, "%s: %s", test.name, a.body)
	}
	require.Equal(t, http.StatusMethodNotAllowed, s.http(http.MethodGet, s.config.PublicURL+"/webhooks/stripe", nil, "").status)
	// Two deliveries of one event are two signals, and one reading at most. The forged claim changed nothing.
	s.settled(workflows.PaymentID(reference))
	require.Equal(t, workflows.PaymentAwaitingCustomer, s.becomes(reference, workflows.PaymentAwaitingCustomer).State)
}

// proxy is a way to Temporal that can be cut.
type proxy struct {
	address  string
	listener net.Listener
	mu       sync.Mutex
	open     []net.Conn
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	p := &proxy{}
	var err error
	p.listener, err = (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p.address = p.listener.Addr().String()
	t.Cleanup(p.cut)
	go func() {
		for {
			in, err := p.listener.Accept()
			if err != nil {
				return
			}
			out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", target)
			if err != nil {
				_ = in.Close()
				continue
			}
			p.mu.Lock()
			p.open = append(p.open, in, out)
			p.mu.Unlock()
			go func() { _, _ = io.Copy(in, out) }()
			go func() { _, _ = io.Copy(out, in) }()
		}
	}()
	return p
}

// cut ends all connections; from then on nobody answers at the address.
func (p *proxy) cut() {
	_ = p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.open {
		_ = conn.Close()
	}
}

// TestTemporalDown: what cannot be kept is not accepted, and the customer is told so.
func TestTemporalDown(t *testing.T) {
	t.Parallel()
	way := newProxy(t, stack.Temporal.Address)
	s := newSite(t, siteOptions{withoutWorker: true, change: func(c *config.Config) { c.Temporal.HostPort = way.address }})
	shared := sharedSite(t)
	reference := shared.charge(lostCard)
	shared.becomes(reference, workflows.PaymentAwaitingCustomer)
	address := link.NewMinter(s.config.PublicURL, s.config.LinkSecrets).Link(workflows.PaymentID(reference), time.Now().Add(time.Hour))
	body := event(workflows.PaymentID(reference))
	webhook := func() int {
		return s.http(http.MethodPost, s.config.PublicURL+"/webhooks/stripe", signed(body, s.config.StripeWebhookSecrets[0], time.Now()), body).status
	}
	require.Equal(t, http.StatusOK, webhook())
	require.Equal(t, http.StatusOK, s.visit(http.MethodGet, address, nil, "").status)

	way.cut()
	var all sync.WaitGroup
	for _, check := range []func(){
		func() { require.Equal(t, http.StatusServiceUnavailable, webhook()) },
		func() {
			a := s.http(http.MethodGet, address, nil, "")
			require.Equal(t, http.StatusServiceUnavailable, a.status)
			require.Contains(t, a.body, "Nothing was charged or changed")
			require.NotEmpty(t, a.header.Get("Retry-After"))
		},
		func() {
			require.Equal(t, http.StatusServiceUnavailable, s.http(http.MethodPost, address+"/session", nil, "").status)
		},
		func() {
			require.Equal(t, http.StatusServiceUnavailable, s.http(http.MethodGet, address+"/status", nil, "").status)
		},
		func() {
			require.Equal(t, http.StatusServiceUnavailable, s.http(http.MethodGet, s.config.PublicURL+"/readyz", nil, "").status)
		},
		func() {
			require.Equal(t, http.StatusOK, s.http(http.MethodGet, s.config.PublicURL+"/healthz", nil, "").status)
		},
	} {
		all.Go(check)
	}
	all.Wait()
}

// TestTokens: a token is the customer's only credential.
func TestTokens(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	reference := s.charge(lostCard)
	id := workflows.PaymentID(reference)
	s.becomes(reference, workflows.PaymentAwaitingCustomer)
	token := func(secret string, method jwt.SigningMethod, workflowID, purpose string, expires time.Time) string {
		claims := jwt.MapClaims{"iss": "offsession", "sub": workflowID, "exp": expires.Unix(), "p": purpose}
		var key any = []byte(secret)
		if method == jwt.SigningMethodNone {
			key = jwt.UnsafeAllowNoneSignatureType
		}
		text, err := jwt.NewWithClaims(method, claims).SignedString(key)
		require.NoError(t, err)
		return text
	}
	secret, soon := s.config.LinkSecrets[0], time.Now().Add(time.Hour)
	good := token(secret, jwt.SigningMethodHS256, id, "customer", soon)
	parts, other := strings.Split(good, "."), strings.Split(token(secret, jwt.SigningMethodHS256, "payment:other", "customer", soon), ".")
	tests := []struct {
		name, token string
		want        int
	}{
		{"ours", good, http.StatusOK},
		{"expired", token(secret, jwt.SigningMethodHS256, id, "customer", time.Now().Add(-time.Minute)), http.StatusGone},
		{"another secret", token("another secret, just as long", jwt.SigningMethodHS256, id, "customer", soon), http.StatusNotFound},
		{"not signed", token("", jwt.SigningMethodNone, id, "customer", soon), http.StatusNotFound},
		{"another method", token(secret, jwt.SigningMethodHS512, id, "customer", soon), http.StatusNotFound},
		{"another purpose", token(secret, jwt.SigningMethodHS256, id, "operator", soon), http.StatusNotFound},
		{"a workflow that never was", token(secret, jwt.SigningMethodHS256, "payment:nobody", "customer", soon), http.StatusNotFound},
		{"a workflow of another kind", token(secret, jwt.SigningMethodHS256, "billing-run:x", "customer", soon), http.StatusNotFound},
		{"another workflow's body under this signature", strings.Join([]string{parts[0], other[1], parts[2]}, "."), http.StatusNotFound},
		{"cut off", good[:len(good)-4], http.StatusNotFound},
		{"rubbish", "x", http.StatusNotFound},
		{"long rubbish", strings.Repeat("a", 8000), http.StatusNotFound},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := s.with(t)
			address := s.config.PublicURL + "/c/" + test.token
			for _, path := range []string{"", "/status", "/return"} {
				require.Equal(t, test.want, s.visit(http.MethodGet, address+path, nil, "").status, path)
			}
			if test.want != http.StatusOK {
				a := s.visit(http.MethodPost, address+"/session", nil, "")
				require.Equal(t, test.want, a.status)
				require.Contains(t, a.body, `"error"`)
				require.NotContains(t, a.body, test.token)
			}
		})
	}
}

// TestSessionRoute: bodies of the button, and its answers.
func TestSessionRoute(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	reference := s.charge(lostCard)
	address := s.mail(reference, 1)
	asJSON := http.Header{"Content-Type": {"application/json"}}
	for _, test := range []struct {
		name, body string
		header     http.Header
		want       int
	}{
		{"not JSON", "x", asJSON, http.StatusBadRequest},
		{"unknown field", `{"amount":1}`, asJSON, http.StatusBadRequest},
		{"two values", `{}{}`, asJSON, http.StatusBadRequest},
		{"consent version", `{"consent_version":"a b"}`, asJSON, http.StatusBadRequest},
		{"another type", `{}`, http.Header{"Content-Type": {"text/plain"}}, http.StatusUnsupportedMediaType},
		{"too large", `{"consent_version":"` + strings.Repeat("a", 5000) + `"}`, asJSON, http.StatusRequestEntityTooLarge},
	} {
		a := s.visit(http.MethodPost, address+"/session", test.header, test.body)
		require.Equal(t, test.want, a.status, "%s: %s", test.name, a.body)
		require.Contains(t, a.body, `"error"`, test.name)
	}

	first := s.press(address)
	require.NotEmpty(t, first.ClientSecret)
	require.Equal(t, sessionAnswer{
		Answer: "open", State: "awaiting_customer", Mode: "payment", SessionID: first.SessionID, ClientSecret: first.ClientSecret,
		PublishableKey: s.config.StripePublishableKey, Amount: 1099, Currency: "usd",
	}, first)
	require.Equal(t, first, s.press(address), "a second press answers the same session")
	var status struct {
		View      string `json:"view"`
		State     string `json:"state"`
		Ended     bool   `json:"ended"`
		SessionID string `json:"session_id"`
	}
	read := func() {
		a := s.visit(http.MethodGet, address+"/status", nil, "")
		require.Equal(t, http.StatusOK, a.status)
		require.NotContains(t, a.body, "client_secret")
		require.NoError(t, json.Unmarshal([]byte(a.body), &status))
	}
	read()
	require.Equal(t, "act", status.View)
	require.Equal(t, first.SessionID, status.SessionID)
	s.pay(first.SessionID, purchase{Number: goodCard})
	s.ended(reference, workflows.PaymentPaid)
	require.Equal(t, "done", s.press(address).Answer)
	read()
	require.True(t, status.Ended)
	require.Equal(t, "paid", status.State)
	require.Contains(t, s.visit(http.MethodGet, address+"/return", nil, "").body, "Paid")
	s.paidOnce(reference)

	canceled := s.charge(lostCard)
	address = s.mail(canceled, 1)
	_, err := s.client.CancelPayment(t.Context(), canceled, byHand)
	require.NoError(t, err)
	require.Equal(t, "closed", s.press(address).Answer)
	require.Contains(t, s.visit(http.MethodGet, address, nil, "").body, "This payment is closed")
}

// TestSecurityHeaders are on every answer.
func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	for _, path := range []string{"/c/x", "/healthz", "/readyz", "/nowhere", "/webhooks/stripe", "/metrics"} {
		a := s.http(http.MethodGet, s.config.PublicURL+path, nil, "")
		require.Equal(t, "no-referrer", a.header.Get("Referrer-Policy"), path)
		require.Equal(t, "no-store", a.header.Get("Cache-Control"), path)
		require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"), path)
		require.Equal(t, "noindex, nofollow", a.header.Get("X-Robots-Tag"), path)
		csp := a.header.Get("Content-Security-Policy")
		require.Contains(t, csp, "default-src 'none'", path)
		require.Contains(t, csp, "frame-ancestors 'none'", path)
		require.NotContains(t, csp, "unsafe", path)
		require.Empty(t, a.header.Values("Set-Cookie"), path)
	}
}
