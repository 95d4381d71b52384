package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// TestAgreementsDueAtOnce: a hundred agreements are due in the same moment, answers of Stripe are lost, some cards have too
// little money, and the worker is killed with SIGKILL in the middle. Each is charged once.
func TestAgreementsDueAtOnce(t *testing.T) {
	t.Parallel()
	m := manyAgreements{site: newSite(t, siteOptions{withoutWorker: true, withoutWeb: true}), patience: 2 * patience}
	m.webhooks(stripesandbox.WebhookBehaviour{Mode: stripesandbox.WebhooksLost})
	m.loseAnswers(100)
	// Their first charges are due when the worker comes.
	m.start(100, nil)
	worker := m.worker()
	m.paid(25, "")
	worker.kill()
	m.worker()
	m.check(func(client.Agreement) int { return 1 })
}

// manyAgreements are agreements of one site.
type manyAgreements struct {
	*site
	references []string
	// patience is for all of them to be charged once.
	patience time.Duration
}

// loseAnswers breaks one in five of so many charges. What Stripe has stored as a fault is not among them: a card with too
// little money would be tried again ten minutes later.
func (m *manyAgreements) loseAnswers(charges int) {
	m.t.Helper()
	for i, kind := range []stripesandbox.FaultKind{
		stripesandbox.FaultDropAfter, stripesandbox.FaultDropBefore, stripesandbox.Fault503, stripesandbox.FaultBrokenJSON,
	} {
		m.fault(stripesandbox.Fault{Method: http.MethodPost, Path: "/v1/payment_intents", Kind: kind, Times: charges / 20, Probability: 0.3, Seed: uint64(i)})
	}
}

// start starts n agreements with customers of their own; every tenth has too little money at first.
func (m *manyAgreements) start(n int, change func(*client.AgreementParams)) {
	m.t.Helper()
	name := m.reference()
	m.references = make([]string, n)
	work, errs := make(chan int), make(chan error, n)
	for range 8 {
		go func() {
			for i := range work {
				token := visa
				if i%10 == 0 {
					token = oneSoftDecline
				}
				p := m.agreement(fmt.Sprintf("%s-%d", name, i), token)
				if change != nil {
					change(&p)
				}
				m.references[i] = p.Reference
				_, err := m.client.StartAgreement(m.t.Context(), p)
				errs <- err
			}
		}()
	}
	for i := range n {
		work <- i
	}
	close(work)
	for range n {
		require.NoError(m.t, <-errs)
	}
}

// paid waits until Stripe has taken so many payments whose reference ends so.
func (m *manyAgreements) paid(want int, suffix string) {
	m.t.Helper()
	err := within(m.patience, func() error {
		taken := 0
		for reference, payment := range m.sandbox.Ledger("").References {
			if strings.HasSuffix(reference, suffix) {
				taken += payment.NetSuccesses
			}
		}
		if taken < want {
			return fmt.Errorf("%d of %d payments have been taken", taken, want)
		}
		return nil
	})
	require.NoError(m.t, err)
}

// check waits until every agreement knows that all charges it should have made are paid, and compares with Stripe's side.
func (m *manyAgreements) check(charges func(client.Agreement) int) {
	m.t.Helper()
	waiting, sum := slices.Clone(m.references), 0
	err := within(m.patience, func() error {
		for len(waiting) > 0 {
			a, err := m.client.Agreement(m.t.Context(), waiting[0])
			if err != nil {
				return err
			}
			want := charges(a)
			if a.Paid != want || a.Charges != want || a.State != workflows.AgreementActive || len(a.Payments) != want {
				return fmt.Errorf("%w: %+v", errNotYet, a)
			}
			waiting, sum = waiting[1:], sum+want
		}
		return nil
	})
	require.NoError(m.t, err)
	ledger := m.sandbox.Ledger("")
	require.Empty(m.t, ledger.PaidMoreThanOnce)
	require.Empty(m.t, ledger.KeysReused)
	require.Len(m.t, ledger.References, sum, "nothing but what the agreements charged")
	for reference, payment := range ledger.References {
		require.Equal(m.t, 1, payment.NetSuccesses, "%s: %+v", reference, payment)
		require.Len(m.t, payment.PaymentIntents, 1, reference)
	}
	m.t.Logf("%d agreements, %d payments, each taken once", len(m.references), sum)
}
