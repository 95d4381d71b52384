//go:build long

package e2e

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

var (
	soakFor      = flag.Duration("soak", 10*time.Minute, "how long the soak test breaks things")
	soakPayments = flag.Int("soak-payments", 300, "how many payments the soak test makes")
	soakSeed     = flag.Uint64("soak-seed", 0, "the soak test's chance; 0 draws one")
)

// quietTime is what the payments have to end once nothing is broken any more: a lost answer is looked up after ten
// minutes, a lost webhook is made good by polls, 1, 5 and 15 minutes apart, and a checkout that a customer left open
// closes after 35.
const quietTime = 50 * time.Minute

// TestSoak runs payments while everything around them fails: the worker is killed with SIGKILL every ten seconds,
// Temporal is restarted, requests to Stripe are lost, doubled and slow, webhooks are lost, doubled and late. In the end
// every payment has ended, none was taken twice, and nothing can be paid any more.
func TestSoak(t *testing.T) {
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-soak-seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0))
	db := filepath.Join(t.TempDir(), "temporal.db")
	server := startTemporal(t, "127.0.0.1:0", db)
	s := newSite(t, siteOptions{
		withoutWorker: true,
		sandbox:       stripesandbox.Config{AsyncDelay: 3 * time.Second},
		change:        func(c *config.Config) { c.Temporal.HostPort = server.Address },
	})
	began := time.Now()
	calm := make(chan struct{})
	time.AfterFunc(*soakFor, func() { close(calm) })
	var all sync.WaitGroup

	// The worker.
	all.Go(func() {
		worker := s.worker()
		for wait(calm, 10*time.Second) {
			worker.kill()
			worker = s.worker()
		}
	})
	// Temporal.
	all.Go(func() {
		if wait(calm, *soakFor/2) {
			t.Log("restarting Temporal")
			_ = server.Stop()
			server = startTemporal(t, server.Address, db)
		}
	})
	// Stripe, and the way there and back.
	faultChance := rand.New(rand.NewPCG(seed, 1))
	all.Go(func() {
		kinds := []stripesandbox.Fault{
			{Kind: stripesandbox.FaultDropBefore}, {Kind: stripesandbox.FaultDropAfter}, {Kind: stripesandbox.Fault503},
			{Kind: stripesandbox.FaultRateLimit}, {Kind: stripesandbox.FaultKeyInUse}, {Kind: stripesandbox.FaultLockTimeout},
			{Kind: stripesandbox.FaultBrokenJSON}, {Kind: stripesandbox.Fault500Before}, {Kind: stripesandbox.Fault500After},
			{Kind: stripesandbox.FaultSlow, DelayMS: 8000}, {Kind: stripesandbox.FaultSlowBefore, DelayMS: 8000},
		}
		paths := []string{"/v1/payment_intents", "/v1/payment_intents/pi_", "/v1/checkout/sessions", "/v1/customers"}
		modes := []stripesandbox.WebhookBehaviour{
			{Mode: stripesandbox.WebhooksNormal}, {Mode: stripesandbox.WebhooksLost},
			{Mode: stripesandbox.WebhooksDuplicated}, {Mode: stripesandbox.WebhooksDelayed, DelayMS: 3000},
		}
		for wait(calm, time.Second) {
			fault := kinds[faultChance.IntN(len(kinds))]
			fault.PathPrefix = paths[faultChance.IntN(len(paths))]
			if fault.PathPrefix == "/v1/customers" {
				fault.Method = http.MethodGet // the others are the test's own
			}
			s.fault(fault)
			if faultChance.IntN(10) == 0 {
				s.webhooks(modes[faultChance.IntN(len(modes))])
			}
		}
		a := s.http(http.MethodDelete, s.sandbox.URL+"/_sandbox/faults", nil, "")
		require.Equal(t, http.StatusNoContent, a.status)
		s.webhooks(stripesandbox.WebhookBehaviour{Mode: stripesandbox.WebhooksNormal})
	})

	// The app.
	tokens := []string{
		visa, visa, visa, oneSoftDecline, twoSoftDeclines, lostCard, authCard, bankAccount, "pm_usBankAccount_insufficientFunds",
		"pm_card_chargeCustomerFail", "pm_sandbox_decline_do_not_honor_times_1", "pm_sandbox_decline_insufficient_funds",
	}
	policy := quick()
	policy.Soft.After = []dunning.Duration{dunning.Exactly(2 * time.Second), dunning.Exactly(5 * time.Second)}
	policy.CustomerWindow = dunning.Exactly(4 * time.Minute)
	references := make([]string, *soakPayments)
	for i := range references {
		token := tokens[chance.IntN(len(tokens))]
		references[i] = fmt.Sprintf("%s-%d", s.reference(), i)
		customer, method := s.customerWith(references[i], token)
		params := client.PaymentParams{Reference: references[i], Customer: customer, PaymentMethod: method, Amount: int64(1000 + i), Currency: "usd", Policy: &policy}
		if chance.IntN(3) == 0 {
			params.Due = time.Now().Add(time.Duration(chance.IntN(60)) * time.Second)
		}
		eventually(t, func() error { // an app repeats what it is not sure of
			_, err := s.client.StartPayment(t.Context(), params)
			return err
		})
		wait(calm, *soakFor*2/3/time.Duration(*soakPayments))
	}
	// The customers: one in four never comes.
	for i, reference := range references {
		if i%4 != 0 {
			all.Go(func() { s.comesAndPays(calm, reference) })
		}
	}
	all.Wait()
	t.Logf("%s of chaos are over", time.Since(began).Round(time.Second))
	s.worker()

	ctx, cancel := context.WithTimeout(t.Context(), quietTime)
	defer cancel()
	ends := map[workflows.PaymentState]int{}
	for _, reference := range references {
		p, err := s.client.Wait(ctx, reference)
		if err != nil {
			p, _ = s.client.Payment(t.Context(), reference)
			t.Errorf("%s has not ended: %+v: %v", reference, p, err)
			continue
		}
		ends[p.State]++
		net := 0
		if paid := s.sandbox.Ledger(reference).References[reference]; paid != nil {
			net = paid.NetSuccesses
		}
		want := 0
		if p.State == workflows.PaymentPaid {
			want = 1
		}
		if net != want {
			t.Errorf("%s is %s and was taken %d times", reference, p.State, net)
		}
		s.nothingOpen(reference)
	}
	require.NoError(t, checkLedger(s.sandbox.Ledger("")))
	t.Logf("after %s: %v", time.Since(began).Round(time.Second), ends)
	require.Positive(t, ends[workflows.PaymentPaid])
	require.Positive(t, ends[workflows.PaymentUncollectible])
}

// comesAndPays is a customer who looks at the link until there is something to pay, and pays.
func (s *site) comesAndPays(calm <-chan struct{}, reference string) {
	ctx := s.t.Context()
	for wait(calm, 5*time.Second) {
		p, err := s.client.Payment(ctx, reference)
		if err == nil && p.State.Ended() {
			return
		}
		if err != nil || p.State != workflows.PaymentAwaitingCustomer {
			continue
		}
		a, err := request(ctx, http.MethodPost, p.Link+"/session", nil, "")
		if err != nil || a.status != http.StatusOK {
			continue
		}
		p, err = s.client.Payment(ctx, reference)
		if err != nil || p.Session == "" {
			continue
		}
		_, _ = request(ctx, http.MethodPost, s.sandbox.URL+"/_sandbox/checkout/"+p.Session+"/pay",
			http.Header{"Content-Type": {"application/json"}}, `{"number":"`+goodCard+`"}`)
	}
}
