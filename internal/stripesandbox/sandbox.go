package stripesandbox

import (
	"cmp"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Keys that the sandbox accepts unless Config says otherwise. They are no secrets.
const (
	DefaultAPIKey  = "sk_test_sandbox"
	PublishableKey = "pk_test_sandbox"
)

// APIVersion is the Stripe API version that the sandbox speaks.
const APIVersion = "2025-08-27.basil"

// Config is what a Sandbox starts with. The zero value is usable.
type Config struct {
	// APIKey is the secret key that calls must carry. Defaults to DefaultAPIKey.
	APIKey string
	// Webhooks are endpoints that exist from the start. More can be created through
	// POST /v1/webhook_endpoints.
	Webhooks []WebhookEndpoint
	// WebhookRetry is the wait after a webhook's first failed delivery; it doubles with
	// each one after that, up to an hour. Defaults to one second.
	WebhookRetry time.Duration
	// AsyncDelay is how long a bank debit stays processing, and a delayed refund pending.
	// Defaults to 2 seconds. Negative: until POST /_sandbox/payment_intents/{id}/settle.
	AsyncDelay time.Duration
	// Clock tells the time before POST /_sandbox/clock has moved it. Defaults to time.Now.
	Clock func() time.Time
	// Seed makes ids repeatable. Zero draws one at random.
	Seed uint64
	// MaxEvents bounds the events kept for GET /v1/events; the oldest go first.
	// Defaults to 100,000.
	MaxEvents int
	// AfterRetries is what becomes of a subscription when the last automatic attempt to
	// collect an invoice has failed. Defaults to AfterRetriesCancel.
	AfterRetries AfterRetries
	// RateLimit is off unless it is set.
	RateLimit RateLimit
	// PublicURL is where browsers reach the sandbox, without a trailing slash. It is the
	// base of the url of hosted sessions. SetPublicURL changes it.
	PublicURL string
	// Data is a file in which everything is kept across restarts, made when it is not
	// there. Empty: in memory. What the file says goes before Seed, and endpoints of
	// Webhooks replace those in it with the same URL.
	Data string
	// Logger receives failed deliveries and server errors. Defaults to slog.Default.
	Logger *slog.Logger
	// Middleware wraps the handler, for recorders. Defaults to none.
	Middleware func(http.Handler) http.Handler
}

// AfterRetries is an account's setting for subscriptions that cannot be collected.
type AfterRetries string

// The settings. The invoice stays open with each.
const (
	AfterRetriesCancel  AfterRetries = "cancel"
	AfterRetriesUnpaid  AfterRetries = "unpaid"
	AfterRetriesPastDue AfterRetries = "past_due"
)

// WebhookEndpoint is where events are delivered to.
type WebhookEndpoint struct {
	URL string
	// Secret signs the deliveries (whsec_…). Empty: one is drawn.
	Secret string
	// EnabledEvents are event types, or "*". Empty means all.
	EnabledEvents []string
}

// Sandbox is one simulated Stripe account. It is an http.Handler and safe for
// concurrent use.
type Sandbox struct {
	cfg     Config
	router  router
	control http.Handler
	handler http.Handler // serve, wrapped in Config.Middleware
	faults  faults
	limits  *limits
	traffic traffic
	log     requestLog
	sender  *sender
	offset  atomic.Int64 // how far POST /_sandbox/clock has moved the time

	mu        sync.Mutex // guards everything below
	store     *store
	keys      *keyStore
	events    *eventLog
	locks     locks
	due       *dueItems
	scheduled uint64 // items ever put into due
	ledger    ledger
	source    *rand.PCG
	random    *rand.Rand // draws from source
	publicURL string
	journal   *journal  // nil when everything is in memory only
	file      *dataFile // likewise
	broken    error     // why nothing can be written any more: memory is ahead of the file
	outbox    []planned // go out when this critical section has been written
	planned   uint64    // deliveries ever planned
}

// New returns a Sandbox that delivers webhooks until Close. Only Config.Data can make it
// fail.
func New(cfg Config) (*Sandbox, error) {
	cfg.APIKey = cmp.Or(cfg.APIKey, DefaultAPIKey)
	cfg.WebhookRetry = cmp.Or(cfg.WebhookRetry, time.Second)
	cfg.AsyncDelay = cmp.Or(cfg.AsyncDelay, 2*time.Second)
	cfg.AfterRetries = cmp.Or(cfg.AfterRetries, AfterRetriesCancel)
	cfg.MaxEvents = cmp.Or(cfg.MaxEvents, 100_000)
	cfg.Seed = cmp.Or(cfg.Seed, rand.Uint64())
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	source := rand.NewPCG(cfg.Seed, 0)
	s := &Sandbox{
		cfg:       cfg,
		router:    newRouter(routes()),
		store:     newStore(),
		keys:      newKeyStore(),
		events:    newEventLog(cfg.MaxEvents),
		locks:     make(locks),
		due:       newDueItems(),
		ledger:    newLedger(),
		source:    source,
		random:    rand.New(source),
		publicURL: strings.TrimSuffix(cfg.PublicURL, "/"),
	}
	s.limits = newLimits(cfg.RateLimit, s.router)
	s.sender = newSender(s)
	s.control = s.newControl()
	s.handler = http.HandlerFunc(s.serve)
	if cfg.Middleware != nil {
		s.handler = cfg.Middleware(s.handler)
	}
	if cfg.Data != "" {
		if err := s.open(cfg.Data); err != nil {
			return nil, err
		}
	}
	if err := s.locked(func(c *call) {
		for _, endpoint := range cfg.Webhooks {
			c.setWebhookEndpoint(endpoint)
		}
	}); err != nil {
		return nil, err
	}
	go s.sender.run()
	return s, nil
}

// Close stops webhook delivery, waits for deliveries under way and closes the data file.
// A second call does nothing. Requests are still answered afterwards, but nothing can be
// changed any more when there is a data file.
func (s *Sandbox) Close() {
	s.sender.stop()
	s.closeFile()
}

// SetPublicURL changes Config.PublicURL, for servers that learn their address late.
func (s *Sandbox) SetPublicURL(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publicURL = strings.TrimSuffix(url, "/")
}

// ServeHTTP answers Stripe's API under /v1, the control routes under /_sandbox and the
// stand-in for Stripe.js.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Sandbox) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/_sandbox/"):
		s.serveControl(w, r)
	case r.URL.Path == "/stripe.js" || r.URL.Path == "/basil/stripe.js":
		serveStripeJS(w, r)
	default:
		s.serveAPI(w, r)
	}
}

// now is the sandbox's time.
func (s *Sandbox) now() time.Time { return s.cfg.Clock().Add(time.Duration(s.offset.Load())) }

// locked runs fn in the critical section, after whatever has become due. An error is
// section's.
func (s *Sandbox) locked(fn func(c *call)) error {
	return s.section(func() { fn(&call{sandbox: s, now: s.runDue()}) })
}
