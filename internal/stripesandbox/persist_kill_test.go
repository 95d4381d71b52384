package stripesandbox_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"
	"github.com/stripe/stripe-go/v82/webhook"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// The environment that makes this test binary a sandbox, to be killed.
const (
	victimData = "SANDBOX_TEST_DATA"
	victimHook = "SANDBOX_TEST_HOOK"
)

func TestMain(m *testing.M) {
	if os.Getenv(victimData) == "" {
		os.Exit(m.Run())
	}
	if err := beVictim(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// beVictim serves until it is killed, or its standard input ends.
func beVictim() error {
	srv, err := stripesandbox.Start(context.Background(), "127.0.0.1:0", stripesandbox.Config{
		Data: os.Getenv(victimData), WebhookRetry: 100 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		Webhooks: []stripesandbox.WebhookEndpoint{{URL: os.Getenv(victimHook), Secret: secret}},
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, srv.URL)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// massacre is a sandbox that is killed again and again, and the clients it has.
type massacre struct {
	t        *testing.T
	data     string
	hook     *httptest.Server
	url      string
	victim   *exec.Cmd
	answered chan struct{} // one per answer

	mu      sync.Mutex
	answers map[string]string // by key
	paths   map[string]string // by key
	forms   map[string]string // by key
	arrived map[string]bool   // events, by id
	wrong   []string
}

func (m *massacre) start() {
	m.t.Helper()
	m.victim = exec.CommandContext(m.t.Context(), os.Args[0])
	m.victim.Env = append(os.Environ(), victimData+"="+m.data, victimHook+"="+m.hook.URL)
	m.victim.Stderr = os.Stderr
	_, err := m.victim.StdinPipe() // ends with the test binary, and the victim with it
	require.NoError(m.t, err)
	out, err := m.victim.StdoutPipe()
	require.NoError(m.t, err)
	require.NoError(m.t, m.victim.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(m.t, err, "the sandbox starts on what its predecessor left")
	m.url = strings.TrimSpace(line)
}

func (m *massacre) kill() {
	m.t.Helper()
	require.NoError(m.t, m.victim.Process.Kill())
	require.Error(m.t, m.victim.Wait())
}

// client pays one reference after the other, and repeats what was not answered.
type client struct {
	*massacre
	id   int
	paid int
	pi   string // of the payment under way, "" before it exists
}

func (c *client) reference() string { return fmt.Sprintf("ref-%d-%d", c.id, c.paid) }

// blame notes what was wrong; the clients are no place to end the test from.
func (m *massacre) blame(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wrong = append(m.wrong, fmt.Sprintf(format, args...))
}

// step makes the next request; it reports whether there was a good answer.
func (c *client) step() bool {
	ref := c.reference()
	if c.pi == "" {
		pi, ok := c.send("create-"+ref, "/v1/payment_intents", url.Values{
			"amount": {"1099"}, "currency": {"usd"}, "metadata[offsession_reference]": {ref},
		})
		c.pi = pi.ID
		return ok
	}
	pi, ok := c.send("confirm-"+ref, "/v1/payment_intents/"+c.pi+"/confirm", url.Values{"payment_method": {"pm_card_visa"}, "expand[0]": {"latest_charge"}})
	if ok {
		if pi.Status != stripe.PaymentIntentStatusSucceeded {
			c.blame("%s is %s", ref, pi.Status)
		}
		c.paid, c.pi = c.paid+1, ""
	}
	return ok
}

func (c *client) send(key, path string, form url.Values) (pi stripe.PaymentIntent, ok bool) {
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		c.blame("%s: %s", key, err)
		return pi, false
	}
	req.Header.Set("Authorization", "Bearer "+stripesandbox.DefaultAPIKey)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Idempotency-Key", key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return pi, false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return pi, false
	}
	if err := json.Unmarshal(body, &pi); err != nil || resp.StatusCode != http.StatusOK {
		c.blame("%s: %d %s", key, resp.StatusCode, body)
		return pi, false
	}
	c.mu.Lock()
	c.answers[key], c.paths[key], c.forms[key] = string(body), path, form.Encode()
	c.mu.Unlock()
	c.answered <- struct{}{}
	return pi, true
}

// Whenever the sandbox is killed, what a request did, its stored answer and its events
// are all in the file, or none of them is.
func TestKilledInTheMiddle(t *testing.T) {
	t.Parallel()
	m := &massacre{
		t: t, data: dataPath(t), answered: make(chan struct{}, 100_000), arrived: make(map[string]bool),
		answers: make(map[string]string), paths: make(map[string]string), forms: make(map[string]string),
	}
	m.hook = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		event, err := webhook.ConstructEvent(body, r.Header.Get("Stripe-Signature"), secret)
		if err != nil { // cut off by a kill
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		m.mu.Lock()
		m.arrived[event.ID] = true
		m.mu.Unlock()
	}))
	t.Cleanup(m.hook.Close)
	clients := make([]*client, 8)
	for i := range clients {
		clients[i] = &client{massacre: m, id: i}
	}
	for range kills {
		m.start()
		var wg sync.WaitGroup
		for _, c := range clients {
			wg.Go(func() {
				for c.step() {
				}
			})
		}
		gone := make(chan struct{})
		go func() { wg.Wait(); close(gone) }()
		for range rand.IntN(60) {
			select {
			case <-m.answered:
			case <-gone: // something is wrong
			}
		}
		m.kill()
		<-gone
		require.Empty(t, m.wrong)
	}
	m.start()
	for _, c := range clients {
		for again := true; again; again = c.pi != "" {
			require.True(t, c.step(), "%v", m.wrong)
		}
	}
	m.check(clients)
	m.kill()
}

func (m *massacre) check(clients []*client) {
	t := m.t
	t.Helper()
	api := clientFor(m.url)
	b := &bundle{Client: api, t: t, srv: &stripesandbox.Server{URL: m.url}}
	paid := 0
	var ledger struct {
		References       map[string]stripesandbox.LedgerReference `json:"references"`
		PaidMoreThanOnce []string                                 `json:"paid_more_than_once"`
	}
	require.NoError(t, json.Unmarshal(b.raw(http.MethodGet, "/_sandbox/ledger", "").body, &ledger))
	require.Empty(t, ledger.PaidMoreThanOnce)
	for _, c := range clients {
		paid += c.paid
		for c.paid--; c.paid >= 0; c.paid-- {
			ref := ledger.References[c.reference()]
			require.Len(t, ref.PaymentIntents, 1, c.reference())
			require.Len(t, ref.Attempts, 1, c.reference())
			require.Len(t, ref.Successes, 1, c.reference())
		}
	}
	require.Len(t, ledger.References, paid)
	require.Len(t, m.answers, 2*paid)
	for key, body := range m.answers {
		again := b.keyed(key, m.paths[key], m.forms[key])
		require.Equal(t, body, string(again.body))
		require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	}

	told := make(map[string]int) // type and object -> events
	var ids []string
	events := &stripe.EventListParams{}
	events.Limit = stripe.Int64(100)
	for event, err := range api.V1Events.List(t.Context(), events) {
		require.NoError(t, err)
		told[string(event.Type)+" "+event.Data.Object["id"].(string)]++
		ids = append(ids, event.ID)
	}
	charges := &stripe.ChargeListParams{}
	charges.Limit = stripe.Int64(100)
	n := 0
	for ch, err := range api.V1Charges.List(t.Context(), charges) {
		require.NoError(t, err)
		n++
		require.Equal(t, 1, told["charge.succeeded "+ch.ID])
		require.Equal(t, 1, told["payment_intent.created "+ch.PaymentIntent.ID])
		require.Equal(t, 1, told["payment_intent.succeeded "+ch.PaymentIntent.ID])
	}
	require.Equal(t, paid, n)
	require.Len(t, ids, 3*paid)
	require.Eventually(t, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, id := range ids {
			if !m.arrived[id] {
				return false
			}
		}
		return true
	}, 30*time.Second, 20*time.Millisecond, "every event arrives at last")
}
