package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// The exit codes of starter.
const (
	done     = 0
	failed   = 1
	misused  = 2
	notFound = 3
	refused  = 4
)

// ran is how a command ended.
type ran struct {
	code           int
	stdout, stderr string
}

// starter runs the built command as a user does, with the site's configuration and nothing else.
func (s *site) starter(args ...string) ran {
	s.t.Helper()
	return runStarter(s.t, s.environment(), args...)
}

func runStarter(t *testing.T, env []string, args ...string) ran {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), starterBinary, args...)
	cmd.Env = env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	require.NotContains(t, stderr.String(), "DATA RACE")
	return ran{code: cmd.ProcessState.ExitCode(), stdout: stdout.String(), stderr: stderr.String()}
}

// json runs a command that must succeed, and answers what it printed. Every key named must be there.
func (s *site) json(keys string, args ...string) map[string]any {
	s.t.Helper()
	r := s.starter(append(args, "--output", "json")...)
	require.Equal(s.t, done, r.code, r.stderr)
	var object map[string]any
	require.NoError(s.t, json.Unmarshal([]byte(r.stdout), &object), r.stdout)
	have := slices.Collect(maps.Keys(object))
	for key := range strings.FieldsSeq(keys) {
		require.Contains(s.t, have, key, r.stdout)
	}
	return object
}

// says runs a command that must succeed, and checks what it tells a person.
func (s *site) says(want string, args ...string) string {
	s.t.Helper()
	r := s.starter(args...)
	require.Equal(s.t, done, r.code, r.stderr)
	require.Contains(s.t, r.stdout, want)
	return r.stdout
}

func paymentArgs(reference, customer string, more ...string) []string {
	return append([]string{"payment", "start", "--reference", reference, "--customer", customer, "--amount", "1099", "--currency", "usd"}, more...)
}

var byHandFlags = []string{"--actor", "e2e", "--reason", "a test"}

func operationArgs(name, reference string, more ...string) []string {
	return append(append([]string{"payment", name, reference}, byHandFlags...), more...)
}

func TestSaveCardCommands(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	reference := s.reference()
	start := []string{"save-card", "start", "--reference", reference, "--create-customer"}
	started := s.json("workflow_id run_id session_id link", start...)
	require.Equal(t, "save-payment-method:"+reference, started["workflow_id"])
	require.NotContains(t, started, "already_started")
	again := s.json("workflow_id run_id session_id link already_started", start...)
	require.Equal(t, started["session_id"], again["session_id"])
	require.Contains(t, s.says(reference, start...), started["link"])

	shown := s.json("state session_id link", "save-card", "show", reference)
	require.Equal(t, "open", shown["state"])
	require.Equal(t, started["link"], shown["link"])
	s.pay(started["session_id"].(string), purchase{Number: goodCard, Email: email(reference)})
	s.saveEnds(reference, workflows.SetupSaved)
	shown = s.json("state customer payment_method brand last4 exp_month exp_year", "save-card", "show", reference)
	require.Equal(t, "saved", shown["state"])
	require.Equal(t, "4242", shown["last4"])
	s.says("4242", "save-card", "show", reference)

	canceled := s.reference()
	s.json("workflow_id", "save-card", "start", "--reference", canceled, "--customer", s.customer(canceled), "--notify", "--checkout-ui", "hosted", "--deadline", "3d")
	require.NotEmpty(t, s.mail(canceled, 1))
	require.Equal(t, "canceled", s.json("state", append([]string{"save-card", "cancel", canceled}, byHandFlags...)...)["state"])
	s.says("canceled", "save-card", "show", canceled)

	// Without the link secret there are no links.
	env := slices.DeleteFunc(s.environment(), func(v string) bool { return strings.HasPrefix(v, "OFFSESSION_LINK_SECRET=") })
	r := runStarter(t, env, "save-card", "show", reference, "--output", "json")
	require.Equal(t, done, r.code)
	require.Contains(t, r.stdout, `"link": ""`)
}

func TestPaymentCommands(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	reference := s.reference()
	customer, method := s.customerWith(reference, oneSoftDecline)
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	require.NoError(t, os.WriteFile(policy, []byte("soft: {after: [1h]}\nissuer: {after: [1h]}\ncustomer_window: 1h\nreminders: []\n"), 0o600))
	start := paymentArgs(reference, customer, "--payment-method", method, "--policy", policy, "--description", "Plan, January",
		"--metadata", "order=17", "--time-zone", "Europe/Berlin", "--events", "all", "--statement-suffix", "PLAN", "--due", "2020-01-31T09:00:00Z")
	r := s.starter(append(start, "--output", "json")...)
	require.Equal(t, done, r.code, r.stderr)
	require.Contains(t, r.stderr, "--due 2020-01-31T09:00:00Z is in the past: charging now")
	var started map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &started))
	require.Equal(t, "payment:"+reference, started["workflow_id"])
	require.NotEmpty(t, started["run_id"])
	require.Equal(t, true, s.json("workflow_id run_id already_started", start...)["already_started"])
	r = s.starter(append(start, "--amount", "1100")...)
	require.Equal(t, refused, r.code)
	require.Contains(t, r.stderr, "another amount: it was 1099, now it is 1100")

	s.becomes(reference, workflows.PaymentRetryScheduled)
	shown := s.json("state amount currency payment_intent attempts refunds next_action_at link owner", "payment", "show", reference)
	require.Equal(t, "retry_scheduled", shown["state"])
	require.Equal(t, []any{}, shown["refunds"], "a list, also when it is empty")
	require.InDelta(t, 1099, shown["amount"], 0)
	attempt := shown["attempts"].([]any)[0].(map[string]any)
	for _, key := range []string{"number", "at", "outcome", "decline_code", "rule", "reason"} {
		require.Contains(t, attempt, key)
	}
	require.Equal(t, "insufficient_funds", attempt["decline_code"])
	require.Contains(t, s.says("retry_scheduled", "payment", "show", reference), "$10.99")
	s.says("declined (insufficient_funds)", "payment", "explain", reference)
	require.NotEmpty(t, s.json("reference state decisions next", "payment", "explain", reference)["decisions"])

	inTwoDays := time.Now().AddDate(0, 0, 2).UTC().Truncate(time.Second)
	require.Equal(t, "retry_scheduled", s.json("state", operationArgs("reschedule", reference, "--due", inTwoDays.Format(time.RFC3339))...)["state"])
	require.Equal(t, inTwoDays.Format(time.RFC3339), s.json("next_action_at", "payment", "show", reference)["next_action_at"])

	// Visibility is a moment behind.
	eventually(t, func() error {
		r := s.starter("payment", "list", "--state", "retry_scheduled", "--customer", customer, "--output", "json")
		var list []map[string]any
		if err := json.Unmarshal([]byte(r.stdout), &list); err != nil || len(list) != 1 {
			return fmt.Errorf("%w: %s %s", errNotYet, r.stdout, r.stderr)
		}
		for _, key := range []string{"reference", "state", "amount", "currency", "customer", "next_action_at"} {
			require.Contains(t, list[0], key)
		}
		return nil
	})
	require.Contains(t, s.says("retry_scheduled", "payment", "list", "--customer", customer), reference)
	s.says("no payments", "payment", "list", "--customer", customer, "--state", "canceled")

	s.says("", operationArgs("retry", reference)...)
	s.ended(reference, workflows.PaymentPaid)
	s.paidOnce(reference)
	s.says("Operations", "payment", "show", reference)
	r = s.starter(operationArgs("retry", reference)...)
	require.Equal(t, refused, r.code)
	require.Contains(t, r.stderr, "paid")
	intent := s.stripe(http.MethodGet, "/v1/payment_intents/"+s.sandbox.Ledger(reference).References[reference].PaymentIntents[0], nil)
	require.Equal(t, "Plan, January", intent["description"])
	require.Equal(t, "17", intent["metadata"].(map[string]any)["order"])

	// Another card for a payment that waits for its customer.
	reference = s.reference()
	customer, method = s.customerWith(reference, lostCard)
	s.json("workflow_id", paymentArgs(reference, customer, "--payment-method", method)...)
	s.becomes(reference, workflows.PaymentAwaitingCustomer)
	r = s.starter(operationArgs("retry", reference)...)
	require.Equal(t, refused, r.code)
	require.Contains(t, r.stderr, "change the payment method first")
	require.Contains(t, s.says("is asked", "payment", "explain", reference), "lost_card")
	s.says("", operationArgs("change-card", reference, "--payment-method", s.attach(customer, visa))...)
	s.ended(reference, workflows.PaymentPaid)

	// Given up, and taken back.
	for end, command := range map[string]string{"uncollectible": "write-off", "canceled": "cancel"} {
		reference := s.reference()
		customer, method := s.customerWith(reference, lostCard)
		s.json("workflow_id", paymentArgs(reference, customer, "--payment-method", method)...)
		s.becomes(reference, workflows.PaymentAwaitingCustomer)
		require.Equal(t, end, s.json("state", operationArgs(command, reference)...)["state"])
		s.says(end, "payment", "show", reference)
		s.nothingOpen(reference)
	}

	for _, args := range [][]string{{"payment", "show", "nobody"}, {"payment", "explain", "nobody"}, operationArgs("cancel", "nobody"), {"save-card", "show", "nobody"}} {
		r := s.starter(args...)
		require.Equal(t, notFound, r.code, args)
		require.Contains(t, r.stderr, "nobody")
		require.Empty(t, r.stdout)
	}
}

// TestPaymentThatOnlyStripeKnows: no workflow, as for a payment that an agreement took or whose retention is over.
func TestPaymentThatOnlyStripeKnows(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	reference := s.reference()
	customer, method := s.customerWith(reference, visa)
	s.stripe(http.MethodPost, "/v1/payment_intents", map[string][]string{
		"amount": {"1099"}, "currency": {"usd"}, "customer": {customer}, "payment_method": {method}, "confirm": {"true"}, "off_session": {"true"},
		"metadata[offsession_reference]": {reference}, "metadata[offsession_owner]": {"agreement:gym-17"}, "metadata[offsession_attempt]": {"1"},
	})
	shown := s.json("state amount currency payment_intent attempts owner", "payment", "show", reference)
	require.Equal(t, "paid", shown["state"])
	require.Equal(t, "agreement:gym-17", shown["owner"])
	r := s.starter(operationArgs("retry", reference)...)
	require.Equal(t, refused, r.code)
	require.Contains(t, r.stderr, "no workflow runs for it")

	// Started again by mistake, it is found before anything is sent, and adopted.
	s.json("workflow_id", paymentArgs(reference, customer, "--payment-method", method)...)
	s.ended(reference, workflows.PaymentPaid)
	s.paidOnce(reference)
	require.Len(t, s.sandbox.Ledger(reference).References[reference].PaymentIntents, 1)
}

// TestEventsReplay delivers what was lost while nobody received webhooks.
func TestEventsReplay(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{withoutWeb: true})
	s.webhooks(stripesandbox.WebhookBehaviour{Mode: stripesandbox.WebhooksLost})
	debit := s.charge(bankAccount)
	p := s.becomes(debit, workflows.PaymentProcessing)
	s.control("/payment_intents/"+p.PaymentIntent+"/settle", map[string]string{"outcome": "succeeded"})
	save := client.SavePaymentMethodParams{Reference: s.reference(), CreateCustomer: true}
	s.pay(s.save(save).SessionID, purchase{Number: goodCard, Email: email(save.Reference)})

	replayed := s.json("seen delivered", "events", "replay", "--since", "1h")
	require.Positive(t, replayed["delivered"])
	require.GreaterOrEqual(t, replayed["seen"], replayed["delivered"])
	s.ended(debit, workflows.PaymentPaid)
	s.saveEnds(save.Reference, workflows.SetupSaved)
	s.paidOnce(debit)
	eventually(t, func() error { // once they have closed
		if s.json("seen delivered", "events", "replay")["delivered"] != 0.0 {
			return errNotYet
		}
		return nil
	})
	s.says("events seen, 0 delivered", "events", "replay", "--since", "1h")
}

// TestServers: sandbox, serve and worker as processes of their own, stopped as an init system does.
func TestServers(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{withoutWorker: true, withoutWeb: true})
	address := freeAddress(t)
	sandbox := s.launch("Stripe sandbox on", starterBinary, "sandbox", "--listen", address,
		"--webhook-url", s.config.PublicURL+"/webhooks/stripe", "--webhook-secret", s.config.StripeWebhookSecrets[0])
	s.config.StripeAPIBase = "http://" + address
	serve := s.launch("serving on", starterBinary, "serve")
	worker := s.worker()

	reference := s.reference()
	a := s.http(http.MethodPost, s.config.StripeAPIBase+"/v1/customers", http.Header{"Authorization": {"Bearer " + stripesandbox.DefaultAPIKey}}, "")
	var customer struct {
		ID string `json:"id"`
	}
	require.NoError(t, json.Unmarshal([]byte(a.body), &customer))
	started := s.json("session_id link", "save-card", "start", "--reference", reference, "--customer", customer.ID, "--output", "json")
	require.Equal(t, http.StatusOK, s.visit(http.MethodGet, started["link"].(string), nil, "").status)
	a = s.http(http.MethodPost, s.config.StripeAPIBase+"/_sandbox/checkout/"+started["session_id"].(string)+"/pay",
		http.Header{"Content-Type": {"application/json"}}, `{"number":"4242424242424242","email":"a@example.com"}`)
	require.Equal(t, http.StatusOK, a.status, a.body)
	eventually(t, func() error { // by webhook
		if s.json("state", "save-card", "show", reference)["state"] != "saved" {
			return errNotYet
		}
		return nil
	})
	s.json("workflow_id", paymentArgs(reference, customer.ID)...)
	eventually(t, func() error {
		if s.json("state", "payment", "show", reference)["state"] != "paid" {
			return errNotYet
		}
		return nil
	})
	for name, p := range map[string]*process{"sandbox": sandbox, "serve": serve, "worker": worker} {
		require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM), name)
		<-p.ended
		require.Equal(t, 0, p.cmd.ProcessState.ExitCode(), name)
	}
}

// TestPortInUse: dev and demo listen on addresses of their own, which somebody else may have.
func TestPortInUse(t *testing.T) {
	t.Parallel()
	const mailAddress = "127.0.0.1:1025"
	// Whoever has it: now it is taken.
	if listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", mailAddress); err == nil {
		defer listener.Close()
	}
	for _, command := range []string{"dev", "demo"} {
		r := runStarter(t, []string{"TMPDIR=" + t.TempDir()}, command)
		require.Equal(t, failed, r.code, r.stderr)
		require.Contains(t, r.stderr, mailAddress)
		require.Contains(t, r.stderr, "in use")
	}
}
