package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

// environment is the site's configuration for the commands.
func (s *site) environment() []string {
	env := []string{
		"STRIPE_API_KEY=" + s.config.StripeAPIKey,
		"STRIPE_PUBLISHABLE_KEY=" + s.config.StripePublishableKey,
		"STRIPE_WEBHOOK_SECRET=" + strings.Join(s.config.StripeWebhookSecrets, ","),
		"STRIPE_API_BASE=" + s.config.StripeAPIBase,
		fmt.Sprintf("STRIPE_RATE_LIMIT=%g", s.config.StripeRateLimit),
		"TEMPORAL_ADDRESS=" + s.config.Temporal.HostPort,
		"TEMPORAL_NAMESPACE=" + s.config.Temporal.Namespace,
		"OFFSESSION_TASK_QUEUE=" + s.config.TaskQueue,
		"OFFSESSION_LISTEN=" + s.config.Listen,
		"OFFSESSION_PUBLIC_URL=" + s.config.PublicURL,
		"OFFSESSION_LINK_SECRET=" + strings.Join(s.config.LinkSecrets, ","),
		"OFFSESSION_CHECKOUT_UI=" + string(s.config.CheckoutUI),
	}
	if s.config.Deployment != "" {
		env = append(env, "OFFSESSION_DEPLOYMENT="+s.config.Deployment)
	}
	if s.config.SMTPURL != "" {
		env = append(env, "SMTP_URL="+s.config.SMTPURL, "NOTIFY_FROM="+s.config.NotifyFrom)
	}
	return env
}

// process is a command that runs until it is stopped.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// launch starts a command with the site's configuration and returns when it has said that it is ready.
func (s *site) launch(ready, binary string, args ...string) *process {
	s.t.Helper()
	return launch(s.t, s.environment(), ready, binary, args...)
}

func launch(t *testing.T, env []string, ready, binary string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = env
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = cmd.Stdout
	require.NoError(t, cmd.Start())
	p := &process{cmd: cmd, ended: make(chan struct{})}
	said := make(chan struct{})
	go func() {
		defer close(p.ended)
		lines := bufio.NewScanner(stdout)
		for found := false; lines.Scan(); {
			_, _ = fmt.Fprintln(logFile, lines.Text())
			if !found && strings.Contains(lines.Text(), ready) {
				found = true
				close(said)
			}
		}
		_ = cmd.Wait() // a killed process ends with an error
	}()
	t.Cleanup(p.kill)
	select {
	case <-said:
	case <-p.ended:
		t.Fatalf("%s ended before it was ready: see %s", binary, logFile.Name())
	case <-time.After(patience):
		t.Fatalf("%s did not become ready", binary)
	}
	return p
}

// kill is kill -9. A second call does nothing.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

func (s *site) worker() *process {
	s.t.Helper()
	return s.launch("worker ready", workerBinary)
}

// TestWorkerKilled kills the worker with SIGKILL at every point of a charge. Temporal gives the charge to the next worker
// when the start-to-close time of 45 s is over.
func TestWorkerKilled(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		// fault is on creating the PaymentIntent.
		fault stripesandbox.Fault
		token string
		due   time.Duration
		// until says when to kill.
		until func(s *site, reference string) error
		// attempts are the keys that Stripe sees, each once.
		attempts []string
	}{
		{
			name: "before the payment is due", token: visa, due: 20 * time.Second,
			until:    func(s *site, reference string) error { return s.is(reference, workflows.PaymentScheduled) },
			attempts: []string{"charge:1"},
		},
		{
			name: "during the charge, before Stripe does it", token: visa,
			// Stripe is still at it when the next worker sends the same key.
			fault:    stripesandbox.Fault{Kind: stripesandbox.FaultSlowBefore, DelayMS: 50_000},
			until:    func(s *site, reference string) error { return s.sent(reference) },
			attempts: []string{"charge:1"},
		},
		{
			name: "during the charge, after Stripe did it", token: visa,
			fault:    stripesandbox.Fault{Kind: stripesandbox.FaultSlow, DelayMS: 20_000},
			until:    func(s *site, reference string) error { return s.taken(reference) },
			attempts: []string{"charge:1"},
		},
		{
			name: "between two attempts", token: oneSoftDecline,
			until:    func(s *site, reference string) error { return s.is(reference, workflows.PaymentRetryScheduled) },
			attempts: []string{"charge:1", "charge:2"},
		},
		{
			name: "after the charge", token: lostCard,
			until:    func(s *site, reference string) error { return s.is(reference, workflows.PaymentAwaitingCustomer) },
			attempts: []string{"charge:1"},
		},
	}
	cases := sideBySide{t: t}
	defer cases.Wait()
	for _, test := range tests {
		cases.run(test.name, func(t *testing.T) {
			s := newSite(t, siteOptions{withoutWorker: true})
			worker := s.worker()
			params := s.params(s.reference(), test.token)
			params.Policy.Soft.After = []dunning.Duration{dunning.Exactly(20 * time.Second)} // time enough to be seen waiting
			if test.due > 0 {
				params.Due = time.Now().Add(test.due)
			}
			if test.fault.Kind != "" {
				test.fault.Method, test.fault.PathPrefix = http.MethodPost, "/v1/payment_intents"
				s.fault(test.fault)
			}
			s.start(params)
			eventually(t, func() error { return test.until(s, params.Reference) })
			worker.kill()
			s.worker()
			if test.token == lostCard {
				p := s.becomes(params.Reference, workflows.PaymentAwaitingCustomer)
				s.payByLink(p.Link, purchase{Number: goodCard})
			}
			s.ended(params.Reference, workflows.PaymentPaid)
			s.paidOnce(params.Reference)
			require.Equal(t, test.attempts, slices.Compact(s.chargeKeys(params.Reference)))
		})
	}
}

// TestSubscriptionWorkerKilled kills the worker with SIGKILL while it makes a method the default of one subscription, confirms
// the SetupIntent of another and cancels that of a third. Stripe has done all of it; the next worker finds that out when
// Temporal gives it the activities, after up to 105 s.
func TestSubscriptionWorkerKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{withoutWorker: true})
	worker := s.worker()
	slow := func(path string) {
		s.fault(stripesandbox.Fault{Method: http.MethodPost, Path: path, Kind: stripesandbox.FaultSlow, DelayMS: 20_000})
	}
	begin := func() (u *subscriber, pending, link string) {
		u = s.subscriber("").subscribes(trial, incomplete)
		return u, u.pending()["id"].(string), u.watched().mail(u.reference, 1)
	}
	defaulted, first, link := begin()
	slow("/v1/subscriptions/" + defaulted.id)
	defaulted.saves(link, purchase{Number: goodCard})
	confirmed, second, link := begin()
	slow("/v1/setup_intents/" + second + "/confirm")
	confirmed.saves(link, purchase{Number: goodCard})
	canceled, third, _ := begin()
	slow("/v1/setup_intents/" + third + "/cancel")
	canceled.cancels()
	eventually(t, func() error {
		if defaulted.atStripe()["default_payment_method"] == nil || confirmed.pending() != nil || statusOf(canceled.pending()) != "canceled" {
			return errNotYet
		}
		return nil
	})
	worker.kill()
	s.worker()
	for _, u := range []*subscriber{defaulted, confirmed, canceled} {
		require.NoError(t, within(2*patience, func() error {
			shown, err := s.client.Subscription(t.Context(), u.id)
			if err == nil && shown.State != workflows.SubscriptionReady && !shown.State.Ended() {
				err = fmt.Errorf("%w: %+v", errNotYet, shown)
			}
			return err
		}))
	}
	defaulted.isSetUp(first)
	confirmed.isSetUp(second)
	canceled.ends(workflows.SubscriptionEnded, workflows.SubscriptionReasonCanceled)
	canceled.closed()
}

// TestAnswersLost breaks the way to Stripe and back in every manner that shows within a test. The key stays the same.
func TestAnswersLost(t *testing.T) {
	t.Parallel()
	for _, kind := range []stripesandbox.FaultKind{
		stripesandbox.FaultDropBefore, stripesandbox.FaultDropAfter, stripesandbox.Fault503, stripesandbox.FaultRateLimit,
		stripesandbox.FaultKeyInUse, stripesandbox.FaultLockTimeout, stripesandbox.FaultBrokenJSON,
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, siteOptions{withoutWeb: true})
			s.fault(stripesandbox.Fault{Method: http.MethodPost, PathPrefix: "/v1/payment_intents", Kind: kind})
			params := s.params(s.reference(), visa)
			s.start(params)
			p := s.ended(params.Reference, workflows.PaymentPaid)
			require.Len(t, p.Attempts, 1)
			s.paidOnce(params.Reference)
			require.Equal(t, []string{"charge:1", "charge:1"}, s.chargeKeys(params.Reference))
		})
	}
}

// TestStoredFaultIsLookedUp: a 500 that Stripe has stored is what every repeat of the key would get. The look-up finds
// that the money was taken.
func TestStoredFaultIsLookedUp(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{withoutWeb: true})
	s.fault(stripesandbox.Fault{Method: http.MethodPost, PathPrefix: "/v1/payment_intents", Kind: stripesandbox.Fault500After})
	params := s.params(s.reference(), visa)
	s.start(params)
	s.ended(params.Reference, workflows.PaymentPaid)
	s.paidOnce(params.Reference)
	for _, key := range s.chargeKeys(params.Reference) {
		require.Equal(t, "charge:1", key)
	}
}

// TestKeyRolled: Stripe does not know the API key any more. Nothing was charged, and nothing is until a person acts.
func TestKeyRolled(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{withoutWeb: true})
	s.fault(stripesandbox.Fault{Method: http.MethodPost, PathPrefix: "/v1/payment_intents", Kind: stripesandbox.FaultAuth401})
	params := s.params(s.reference(), visa)
	s.start(params)
	p := s.becomes(params.Reference, workflows.PaymentNeedsAttention)
	require.Equal(t, workflows.ReasonUnauthorized, p.Reason)
	require.Empty(t, s.sandbox.Ledger(params.Reference).References)
	require.Equal(t, activities.ChargeUnknown, p.Attempts[0].Outcome, "%+v", p)
}

func (s *site) is(reference string, want workflows.PaymentState) error {
	p, err := s.client.Payment(s.t.Context(), reference)
	if err == nil && p.State != want {
		err = fmt.Errorf("payment %s is %s, not %s", reference, p.State, want)
	}
	return err
}

// sent reports whether a charge has been sent: its fault is used up then.
func (s *site) sent(reference string) error {
	a := s.http(http.MethodGet, s.sandbox.URL+"/_sandbox/faults", nil, "")
	if strings.Contains(a.body, "payment_intents") {
		return fmt.Errorf("nothing was sent for %s", reference)
	}
	return nil
}

// taken reports whether Stripe has taken the money.
func (s *site) taken(reference string) error {
	if paid := s.sandbox.Ledger(reference).References[reference]; paid == nil || paid.NetSuccesses == 0 {
		return errors.New("not taken yet")
	}
	return nil
}

// chargeKeys are the idempotency keys of a payment's automatic attempts that Stripe has seen, without the reference.
func (s *site) chargeKeys(reference string) []string {
	var keys []string
	for _, r := range s.writes() {
		if key, ok := strings.CutPrefix(r.IdempotencyKey, workflows.PaymentID(reference)+":"); ok && strings.HasPrefix(key, "charge:") {
			keys = append(keys, key)
		}
	}
	return keys
}

// TestWorkerConfiguration: every mistake is told at once, and no secret with it.
func TestWorkerConfiguration(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), workerBinary)
	cmd.Env = []string{"STRIPE_API_KEY=sk_live_x", "STRIPE_RATE_LIMIT=-1", "SMTP_URL=smtp://127.0.0.1:1"}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 2, exit.ExitCode())
	for _, want := range []string{"STRIPE_ALLOW_LIVE=true", `STRIPE_RATE_LIMIT: "-1"`, "NOTIFY_FROM: not set"} {
		require.Contains(t, string(out), want)
	}
	require.NotContains(t, string(out), "sk_live_x")
}
