package stripegateway_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/stripesandbox"
)

// pageFiles keeps a page of a run in memory.
type pageFiles struct {
	activities.RunFiles
	rows []activities.RunRow

	mu         sync.Mutex
	checkpoint []byte
	results    []activities.RowResult
}

func (f *pageFiles) Rows(context.Context, activities.RunFile, activities.RunPage) ([]activities.RunRow, error) {
	return f.rows, nil
}

func (f *pageFiles) WriteCheckpoint(_ context.Context, _ activities.RunFile, _ activities.RunPage, data []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.checkpoint = data
	return nil
}

func (f *pageFiles) Checkpoint(context.Context, activities.RunFile, activities.RunPage) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.checkpoint, nil
}

func (f *pageFiles) WriteResults(_ context.Context, _ activities.RunFile, _ activities.RunPage, results []activities.RowResult) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.results = results
	return nil
}

// pagePayments stands for Temporal: it remembers what was handed over.
type pagePayments struct {
	activities.Workflows
	mu      sync.Mutex
	started map[string]activities.PaymentHandover
}

func (p *pagePayments) StartPayment(_ context.Context, h activities.PaymentHandover) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.started == nil {
		p.started = map[string]activities.PaymentHandover{}
	}
	if _, there := p.started[h.Reference]; there {
		return false, nil
	}
	p.started[h.Reference] = h
	return true, nil
}

func (p *pagePayments) Owned(_ context.Context, id string) (activities.OwnedWorkflow, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h, there := p.started[id[len("payment:"):]]
	if !there {
		return activities.OwnedWorkflow{}, activities.ErrWorkflowNotFound
	}
	return activities.OwnedWorkflow{Owner: h.Owner, Customer: h.Customer, Amount: h.Amount, Currency: h.Currency, FirstAttempt: &h.Result}, nil
}

// chargePage runs the activity as Temporal does for the first time.
func (s sandbox) chargePage(files *pageFiles, payments *pagePayments, in activities.ChargePageInput) (activities.ChargePageResult, error) {
	s.t.Helper()
	return s.chargePageOn(activities.New(activities.Ports{PaymentIntents: s, Customers: s, RunFiles: files, Workflows: payments}).Runs, in)
}

// chargePageOn is chargePage on a worker that charges other pages, too.
func (s sandbox) chargePageOn(runs *activities.BillingRuns, in activities.ChargePageInput) (activities.ChargePageResult, error) {
	s.t.Helper()
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(runs.ChargePage)
	value, err := env.ExecuteActivity(runs.ChargePage, in)
	if err != nil {
		return activities.ChargePageResult{}, err //nolint:wrapcheck // the test looks at it
	}
	var res activities.ChargePageResult
	require.NoError(s.t, value.Get(&res))
	return res, nil
}

func pageInput(rows int) activities.ChargePageInput {
	return activities.ChargePageInput{
		RunFile: activities.RunFile{URL: "file:///data/july.csv", Run: "july"}, RunPage: activities.RunPage{Rows: rows},
		T0: time.Now(), Rate: 1000, LookedBackAt: time.Now(),
	}
}

// defaultFor makes the method the customer's default.
func (s sandbox) defaultFor(customer, method string) {
	s.t.Helper()
	require.NoError(s.t, s.SetDefaultPaymentMethod(s.t.Context(), customer, method, s.key()))
}

// TestPageAgainstTheSandbox: every way in which an answer gets lost, and every answer: the account shows each reference at most once,
// and the results say what the account says.
func TestPageAgainstTheSandbox(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	good, goodMethod := s.customerWith("pm_card_visa")
	s.defaultFor(good, goodMethod)
	broke, brokeMethod := s.customerWith("pm_card_chargeCustomerFail")
	bank, bankMethod := s.customerWith("pm_card_authenticationRequired")
	const rows = 40
	files, payments := &pageFiles{}, &pagePayments{}
	want := map[string]activities.ChargeOutcome{}
	for i := range rows {
		row := activities.RunRow{
			Line: i + 2, Reference: fmt.Sprintf("inv-%d", i), Customer: good, PaymentMethod: goodMethod, Amount: 1099, Currency: "usd",
			Description: "July", Metadata: map[string]string{"order": fmt.Sprint(i)},
		}
		want[row.Reference] = activities.ChargeSucceeded
		switch i % 10 {
		case 3:
			row.Customer, row.PaymentMethod = broke, brokeMethod
			want[row.Reference] = activities.ChargeDeclined
		case 5:
			row.Customer, row.PaymentMethod = bank, bankMethod
			want[row.Reference] = activities.ChargeNeedsCustomer
		case 6:
			row.PaymentMethod = ""
		case 7:
			row.Amount = 1
			want[row.Reference] = activities.ChargeRefused
		case 8:
			row.Customer = "cus_nobody"
			want[row.Reference] = activities.ChargeRefused
		case 9:
			row.PaymentMethod = brokeMethod
			want[row.Reference] = activities.ChargeDeclined
		}
		files.rows = append(files.rows, row)
	}
	for _, kind := range []stripesandbox.FaultKind{
		stripesandbox.FaultDropAfter, stripesandbox.FaultBrokenJSON, stripesandbox.FaultDropAfter, stripesandbox.FaultRateLimit,
	} {
		s.faultAt(kind, "payment_intents")
	}
	res, err := s.chargePage(files, payments, pageInput(rows))
	require.NoError(t, err)
	require.Empty(t, res.Stopped)
	require.Equal(t, 1, res.RateLimited)
	for _, row := range files.results {
		require.Equal(t, want[row.Reference], row.Outcome, "%s: %+v", row.Reference, row)
		require.Equal(t, row.Outcome != activities.ChargeSucceeded, row.HandedOver)
	}
	require.Len(t, payments.started, rows-s.requireOnce(files.rows, files.results))

	// The same page again: Stripe keeps its answers, and nothing is taken anew.
	again, err := s.chargePage(files, payments, pageInput(rows))
	require.NoError(t, err)
	require.Equal(t, res.Totals, again.Totals)
	s.requireOnce(files.rows, files.results)
}

// requireOnce compares results with the account, and counts what was taken.
func (s sandbox) requireOnce(rows []activities.RunRow, results []activities.RowResult) (taken int) {
	s.t.Helper()
	paid := map[string][]string{}
	for _, row := range rows {
		if _, known := paid[row.Customer]; known || row.Customer == "cus_nobody" {
			continue
		}
		paid[row.Customer] = nil
		for pi, err := range s.ListPaymentIntents(s.t.Context(), activities.ListPaymentIntentsRequest{Customer: row.Customer}) {
			require.NoError(s.t, err)
			if pi.Status == activities.PaymentIntentSucceeded {
				reference := pi.Metadata[activities.MetadataReference]
				require.Equal(s.t, "billing-run:july", pi.Metadata[activities.MetadataOwner])
				paid[reference] = append(paid[reference], pi.ID)
			}
		}
	}
	for _, row := range results {
		if row.Outcome == activities.ChargeSucceeded {
			taken++
			require.Equal(s.t, []string{row.PaymentIntent}, paid[row.Reference])
		} else {
			require.Empty(s.t, paid[row.Reference])
		}
	}
	return taken
}

// TestPageStoredFaultAgainstTheSandbox: a 500 that Stripe keeps under the key is never sent again; the payment's workflow finds out.
func TestPageStoredFaultAgainstTheSandbox(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, method := s.customerWith("pm_card_visa")
	files, payments := &pageFiles{rows: []activities.RunRow{{Reference: "inv-0", Customer: customer, PaymentMethod: method, Amount: 1099, Currency: "usd"}}}, &pagePayments{}
	s.faultAt(stripesandbox.Fault500After, "payment_intents")
	_, err := s.chargePage(files, payments, pageInput(1))
	require.NoError(t, err)
	handed := payments.started["inv-0"]
	require.Equal(t, activities.ChargeUnknown, handed.Result.Outcome)
	require.False(t, handed.Result.FirstSentAt.IsZero())
	require.Equal(t, activities.ChargeUnknown, files.results[0].Outcome)
}

// TestPageWithAWrongKey stops at the first 401, and goes on where it stopped.
func TestPageWithAWrongKey(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	files, payments := &pageFiles{}, &pagePayments{}
	customer, method := s.customerWith("pm_card_visa")
	for i := range 30 {
		files.rows = append(files.rows, activities.RunRow{Reference: fmt.Sprint("r", i), Customer: customer, PaymentMethod: method, Amount: 1099, Currency: "usd"})
	}
	s.faultAt(stripesandbox.FaultAuth401, "payment_intents")
	res, err := s.chargePage(files, payments, pageInput(30))
	require.NoError(t, err)
	require.Equal(t, activities.StoppedUnauthorized, res.Stopped)
	require.Zero(t, s.requireOnce(files.rows, files.results))

	res, err = s.chargePage(files, payments, pageInput(30))
	require.NoError(t, err)
	require.Empty(t, res.Stopped)
	require.Equal(t, 30, s.requireOnce(files.rows, files.results))
	require.Empty(t, payments.started)
}
