package stripegateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/activities"
)

// RequestTimeout bounds one HTTP request to Stripe, its answer included. Stripe answers a charge within seconds; a
// longer wait only delays the repetition with the same idempotency key.
const RequestTimeout = 25 * time.Second

// maxIdleConnections keeps a connection for every concurrent call of a busy worker, so that none pays for a new
// TLS handshake per charge.
const maxIdleConnections = 128

// Config says how to reach Stripe.
type Config struct {
	// APIKey is the secret or restricted key. Required.
	APIKey string
	// APIBase is the address of the API, without /v1. Defaults to Stripe's own.
	APIBase string
	// Transport carries the requests. Defaults to one of the gateway's own, which honours the proxy variables.
	Transport http.RoundTripper
	// Logger gets a line for every answer that is neither success nor an answer about the payment. Defaults to
	// slog.Default().
	Logger *slog.Logger
}

// Gateway implements the Stripe ports of package activities. It is safe for concurrent use.
type Gateway struct {
	client *stripe.Client
	logger *slog.Logger
}

var (
	_ activities.PaymentIntents     = (*Gateway)(nil)
	_ activities.CheckoutSessions   = (*Gateway)(nil)
	_ activities.SetupIntents       = (*Gateway)(nil)
	_ activities.PaymentMethods     = (*Gateway)(nil)
	_ activities.Customers          = (*Gateway)(nil)
	_ activities.Refunds            = (*Gateway)(nil)
	_ activities.Disputes           = (*Gateway)(nil)
	_ activities.Mandates           = (*Gateway)(nil)
	_ activities.Subscriptions      = (*Gateway)(nil)
	_ activities.SubscriptionLister = (*Gateway)(nil)
	_ activities.SubscriptionReader = (*Gateway)(nil)
	_ activities.Invoices           = (*Gateway)(nil)

	_ activities.AccountPaymentIntents = (*Gateway)(nil)
)

// introduceOnce guards stripe.SetAppInfo, which writes package variables of stripe-go.
var introduceOnce sync.Once

// New makes a Gateway. It sends nothing. Its error names the field that cannot be used, never the key.
func New(c Config) (*Gateway, error) {
	if c.APIKey == "" {
		return nil, errors.New("stripe API key is empty")
	}
	if strings.ContainsFunc(c.APIKey, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, errors.New("stripe API key contains a space, line break or non-ASCII character")
	}
	base := c.APIBase
	if base == "" {
		base = stripe.APIURL
	}
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("stripe API base %q is not an http or https address", base)
	}
	transport := c.Transport
	if transport == nil {
		transport = newTransport()
	}
	logger := c.Logger
	if logger == nil {
		logger = slog.Default()
	}

	introduceOnce.Do(func() {
		stripe.SetAppInfo(&stripe.AppInfo{Name: "offsession", URL: "https://github.com/offsession/offsession"})
	})
	return &Gateway{
		logger: logger,
		client: stripe.NewClient(c.APIKey, stripe.WithBackends(stripe.NewBackendsWithConfig(&stripe.BackendConfig{
			URL: stripe.String(base),
			HTTPClient: &http.Client{
				Transport: transport,
				Timeout:   RequestTimeout,
				// Stripe never redirects. Following one could turn a charge into a GET.
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			},
			MaxNetworkRetries: stripe.Int64(0),
			EnableTelemetry:   new(false),
			// stripe-go logs bodies it cannot read and whole error objects, of which it hides client secrets but
			// neither messages nor e-mail addresses. The gateway logs failures itself, by code and request id.
			LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
		}))),
	}, nil
}

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        maxIdleConnections,
		MaxIdleConnsPerHost: maxIdleConnections,
		IdleConnTimeout:     90 * time.Second,
		// Without pings a dead HTTP/2 connection swallows every request until the system gives it up, minutes later.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// required refuses, before anything is sent, an empty value that would change what the request means: an empty id
// turns a read into a list, an empty key makes a write repeatable. Arguments are pairs of name and value.
func required(pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			return &activities.StripeError{Kind: activities.StripeInvalid, Param: pairs[i]}
		}
	}
	return nil
}

// answer turns what stripe-go returned into what the port promises. An answer without the object is as good as none.
func answer[S, T any](g *Gateway, call operation, response S, err error, convert func(S) (T, bool)) (T, error) {
	var none T
	if err != nil {
		return none, g.failure(call, err)
	}
	converted, ok := convert(response)
	if !ok {
		return none, g.failure(call, errIncomplete)
	}
	return converted, nil
}

// optional is nil for an empty string: stripe-go sends a pointer to one as "unset this".
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// optionalList is nil for an empty list, which stripe-go sends as a parameter without value.
func optionalList(list []string) []*string {
	if len(list) == 0 {
		return nil
	}
	return stripe.StringSlice(list)
}

// instant is zero for zero, and UTC otherwise.
func instant(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
