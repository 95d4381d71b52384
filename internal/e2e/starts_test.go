package e2e

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// TestPaymentStartsOnce: the same call answers the same workflow, open or closed; another value is refused and named.
func TestPaymentStartsOnce(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	params := s.params(s.reference(), visa)
	params.Due = time.Now().Add(time.Hour)
	params.Metadata = map[string]string{"order": "17"}
	first, err := s.client.StartPayment(t.Context(), params)
	require.NoError(t, err)
	require.False(t, first.AlreadyStarted)

	same := func() {
		again, err := s.client.StartPayment(t.Context(), params)
		require.NoError(t, err)
		require.Equal(t, client.Started{WorkflowID: first.WorkflowID, RunID: first.RunID, AlreadyStarted: true}, again)
	}
	different := func() {
		stranger, strangersCard := s.customerWith("stranger", visa)
		for field, change := range map[string]func(*client.PaymentParams){
			"amount":           func(p *client.PaymentParams) { p.Amount++ },
			"currency":         func(p *client.PaymentParams) { p.Currency = "eur" },
			"customer":         func(p *client.PaymentParams) { p.Customer, p.PaymentMethod = stranger, strangersCard },
			"payment_method":   func(p *client.PaymentParams) { p.PaymentMethod = "" },
			"due":              func(p *client.PaymentParams) { p.Due = p.Due.Add(time.Second) },
			"description":      func(p *client.PaymentParams) { p.Description = "Plan, February" },
			"metadata.order":   func(p *client.PaymentParams) { p.Metadata = map[string]string{"order": "18"} },
			"events":           func(p *client.PaymentParams) { p.Events = workflows.EventsAll },
			"policy":           func(p *client.PaymentParams) { policy := quick(); policy.MaxAttempts--; p.Policy = &policy },
			"time_zone":        func(p *client.PaymentParams) { p.TimeZone = "Asia/Tokyo" },
			"checkout_ui":      func(p *client.PaymentParams) { p.CheckoutUI = "hosted" },
			"statement_suffix": func(p *client.PaymentParams) { p.StatementSuffix = "PLAN" },
		} {
			other := params
			change(&other)
			_, err := s.client.StartPayment(t.Context(), other)
			var refused *client.RefusedError
			require.ErrorAs(t, err, &refused, field)
			require.Contains(t, err.Error(), "another "+field+":")
		}
	}
	same()
	different()

	_, err = s.client.RetryPayment(t.Context(), params.Reference, byHand)
	require.NoError(t, err)
	s.ended(params.Reference, workflows.PaymentPaid)
	require.NoError(t, temporal.GetWorkflow(t.Context(), first.WorkflowID, "").Get(t.Context(), nil))
	same()
	different()
	s.paidOnce(params.Reference)
}

// TestManyStartOnePayment: two servers of an app get the same order.
func TestManyStartOnePayment(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	params := s.params(s.reference(), visa)
	var (
		all     sync.WaitGroup
		mu      sync.Mutex
		started []client.Started
	)
	for range 6 {
		all.Go(func() {
			one, err := s.client.StartPayment(t.Context(), params)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("start: %v", err)
			}
			started = append(started, one)
		})
	}
	all.Wait()
	fresh := 0
	for _, one := range started {
		require.Equal(t, started[0].RunID, one.RunID)
		if !one.AlreadyStarted {
			fresh++
		}
	}
	require.Equal(t, 1, fresh)
	s.ended(params.Reference, workflows.PaymentPaid)
	s.paidOnce(params.Reference)
}

// TestSaveStartsOnce is the same for saving a payment method, which is an Update-with-Start.
func TestSaveStartsOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{})
	params := client.SavePaymentMethodParams{Reference: s.reference(), Customer: s.customer("saver")}
	var (
		all     sync.WaitGroup
		mu      sync.Mutex
		started []client.StartedSave
	)
	for range 4 {
		all.Go(func() {
			one, err := s.client.SavePaymentMethod(t.Context(), params)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("start: %v", err)
			}
			started = append(started, one)
		})
	}
	all.Wait()
	again, err := s.client.SavePaymentMethod(t.Context(), params)
	require.NoError(t, err)
	require.True(t, again.AlreadyStarted)
	for _, one := range append(started, again) {
		require.Equal(t, started[0].RunID, one.RunID)
		require.Equal(t, started[0].SessionID, one.SessionID)
		require.Equal(t, started[0].Link, one.Link)
	}
	other := params
	other.KeepDefault = true
	_, err = s.client.SavePaymentMethod(t.Context(), other)
	var refused *client.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Contains(t, err.Error(), "another keep_default: it was")

	s.pay(again.SessionID, purchase{Number: goodCard})
	s.usable(s.saveEnds(params.Reference, workflows.SetupSaved))
	require.NoError(t, temporal.GetWorkflow(t.Context(), again.WorkflowID, "").Get(t.Context(), nil))
	closed, err := s.client.SavePaymentMethod(t.Context(), params)
	require.NoError(t, err)
	require.Equal(t, again.RunID, closed.RunID)
	require.Empty(t, closed.SessionID, "there is nothing left to open")
	sessions := 0
	for _, r := range s.writes() {
		if r.Method == http.MethodPost && r.Path == "/v1/checkout/sessions" {
			sessions++
		}
	}
	require.Equal(t, 1, sessions)
}

// TestListBySearchAttributes: what operators look for in the Temporal UI, and `payment list`.
func TestListBySearchAttributes(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	paid := s.params(s.reference(), visa)
	s.start(paid)
	s.ended(paid.Reference, workflows.PaymentPaid)
	asked := s.params(s.reference(), lostCard)
	s.start(asked)
	s.becomes(asked.Reference, workflows.PaymentAwaitingCustomer)
	later := paid
	later.Reference, later.Due = s.reference(), time.Now().Add(time.Hour).Truncate(time.Second)
	s.start(later)

	list := func(filter client.PaymentFilter) map[string]client.PaymentSummary {
		found := map[string]client.PaymentSummary{}
		for summary, err := range s.client.ListPayments(t.Context(), filter) {
			require.NoError(t, err)
			found[summary.Reference] = summary
		}
		return found
	}
	// Visibility is a moment behind.
	eventually(t, func() error {
		byCustomer := list(client.PaymentFilter{Customer: paid.Customer})
		if len(byCustomer) != 2 || byCustomer[paid.Reference].State != workflows.PaymentPaid {
			return errNotYet
		}
		if _, ok := list(client.PaymentFilter{State: workflows.PaymentAwaitingCustomer})[asked.Reference]; !ok {
			return errNotYet
		}
		return nil
	})
	both := list(client.PaymentFilter{State: workflows.PaymentScheduled, Customer: paid.Customer})
	require.Len(t, both, 1)
	require.WithinDuration(t, later.Due, both[later.Reference].NextActionAt, 0)
	require.Equal(t, int64(1099), both[later.Reference].Amount)
	require.Equal(t, "usd", both[later.Reference].Currency)
	all := list(client.PaymentFilter{Customer: asked.Customer})
	require.Equal(t, "lost_card", all[asked.Reference].DeclineCode)
	require.True(t, list(client.PaymentFilter{Customer: paid.Customer})[paid.Reference].NextActionAt.IsZero(), "what has ended has no next action")
	_, err := s.client.CancelPayment(t.Context(), later.Reference, byHand)
	require.NoError(t, err)
}
