package activities_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// account is a Stripe account's PaymentIntents, newest first. faults are answered before the PaymentIntent with that place.
type account struct {
	intents []activities.PaymentIntent
	faults  map[int][]error
	asked   []string
	since   time.Time
}

func (a *account) AccountPaymentIntents(_ context.Context, since time.Time, after string) iter.Seq2[activities.PaymentIntent, error] {
	a.asked, a.since = append(a.asked, after), since
	return func(yield func(activities.PaymentIntent, error) bool) {
		from := 0
		if after != "" {
			from = 1 + slices.IndexFunc(a.intents, func(i activities.PaymentIntent) bool { return i.ID == after })
		}
		for n := from; n <= len(a.intents); n++ {
			if faults := a.faults[n]; len(faults) > 0 {
				a.faults[n] = faults[1:]
				yield(activities.PaymentIntent{}, faults[0])
				return
			}
			if n < len(a.intents) && !yield(a.intents[n], nil) {
				return
			}
		}
	}
}

// used is a PaymentIntent with the reference, as the rows of rowsOf have them.
func used(id, reference string, status activities.PaymentIntentStatus, change ...func(*activities.PaymentIntent)) activities.PaymentIntent {
	i := activities.PaymentIntent{
		ID: id, Status: status, Amount: 1099, Currency: "usd", Customer: "cus_" + reference, PaymentMethod: "pm_1", LatestCharge: "ch_" + id,
		Metadata: map[string]string{activities.MetadataReference: reference, activities.MetadataOwner: "billing-run:july"},
	}
	for _, c := range change {
		c(&i)
	}
	return i
}

func rowsOf(references ...string) iter.Seq2[activities.RunRow, error] {
	return func(yield func(activities.RunRow, error) bool) {
		for n, reference := range references {
			row := activities.RunRow{Line: n + 2, Reference: reference, Customer: "cus_" + reference, Amount: 1099, Currency: "usd"}
			if !yield(row, nil) {
				return
			}
		}
	}
}

func lookBack(t *testing.T, a *account, rows iter.Seq2[activities.RunRow, error]) ([]activities.KnownRow, activities.LookedBack) {
	t.Helper()
	var known []activities.KnownRow
	back, err := activities.LookBack(t.Context(), a, activities.LookBackRequest{Rows: rows, Since: now, Found: func(k activities.KnownRow) error {
		known = append(known, k)
		return nil
	}})
	require.NoError(t, err)
	return known, back
}

// TestLookBackAdopts: what becomes of a row by what its reference was used for.
func TestLookBackAdopts(t *testing.T) {
	t.Parallel()
	at := func(minutes int) func(*activities.PaymentIntent) {
		return func(i *activities.PaymentIntent) { i.ChargedAt = now.Add(time.Duration(minutes) * time.Minute) }
	}
	other := func(change func(*activities.PaymentIntent)) func(*activities.PaymentIntent) { return change }
	for name, test := range map[string]struct {
		found   []activities.PaymentIntent
		outcome activities.ChargeOutcome
		intent  string
		total   activities.ChargeOutcome
	}{
		"Nothing":      {found: []activities.PaymentIntent{used("pi_1", "else", activities.PaymentIntentSucceeded)}},
		"NoReference":  {found: []activities.PaymentIntent{used("pi_1", "", activities.PaymentIntentSucceeded)}},
		"Succeeded":    {found: []activities.PaymentIntent{used("pi_1", "r", activities.PaymentIntentSucceeded)}, outcome: activities.ChargeSucceeded, intent: "pi_1"},
		"Processing":   {found: []activities.PaymentIntent{used("pi_1", "r", activities.PaymentIntentProcessing)}, outcome: activities.ChargeProcessing, intent: "pi_1"},
		"Canceled":     {found: []activities.PaymentIntent{used("pi_1", "r", activities.PaymentIntentCanceled)}, outcome: activities.ChargeCanceled, intent: "pi_1"},
		"Declined":     {found: []activities.PaymentIntent{used("pi_1", "r", activities.PaymentIntentRequiresPaymentMethod)}, outcome: activities.ChargeUnknown, intent: "pi_1"},
		"Confirmation": {found: []activities.PaymentIntent{used("pi_1", "r", activities.PaymentIntentRequiresConfirmation)}, outcome: activities.ChargeUnknown, intent: "pi_1"},
		"Action":       {found: []activities.PaymentIntent{used("pi_1", "r", activities.PaymentIntentRequiresAction)}, outcome: activities.ChargeUnknown, intent: "pi_1"},
		"OtherAmount": {
			found:   []activities.PaymentIntent{used("pi_1", "r", activities.PaymentIntentSucceeded, other(func(i *activities.PaymentIntent) { i.Amount++ }))},
			outcome: activities.ChargeConflict, intent: "pi_1", total: activities.RowRejected,
		},
		"OtherCurrency": {
			found:   []activities.PaymentIntent{used("pi_1", "r", activities.PaymentIntentSucceeded, other(func(i *activities.PaymentIntent) { i.Currency = "eur" }))},
			outcome: activities.ChargeConflict, intent: "pi_1", total: activities.RowRejected,
		},
		"OtherCustomer": {
			found:   []activities.PaymentIntent{used("pi_1", "r", activities.PaymentIntentCanceled, other(func(i *activities.PaymentIntent) { i.Customer = "cus_2" }))},
			outcome: activities.ChargeConflict, intent: "pi_1", total: activities.RowRejected,
		},
		"OneOfTwoHasOthers": {
			found: []activities.PaymentIntent{
				used("pi_2", "r", activities.PaymentIntentSucceeded),
				used("pi_1", "r", activities.PaymentIntentCanceled, other(func(i *activities.PaymentIntent) { i.Amount = 5 })),
			},
			outcome: activities.ChargeConflict, intent: "pi_2", total: activities.RowRejected,
		},
		"CanceledThenSucceeded": {
			found: []activities.PaymentIntent{
				used("pi_2", "r", activities.PaymentIntentSucceeded), used("pi_1", "r", activities.PaymentIntentCanceled),
			},
			outcome: activities.ChargeSucceeded, intent: "pi_2",
		},
		"TwoSucceeded": {
			found: []activities.PaymentIntent{
				used("pi_2", "r", activities.PaymentIntentSucceeded, at(2)), used("pi_1", "r", activities.PaymentIntentSucceeded, at(1)),
			},
			outcome: activities.ChargeUnknown, intent: "pi_1",
		},
		"SucceededAndOpen": {
			found: []activities.PaymentIntent{
				used("pi_2", "r", activities.PaymentIntentRequiresPaymentMethod), used("pi_1", "r", activities.PaymentIntentSucceeded),
			},
			outcome: activities.ChargeUnknown, intent: "pi_1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			known, back := lookBack(t, &account{intents: test.found}, rowsOf("a", "r", "z"))
			require.Equal(t, len(test.found), back.Seen)
			if test.outcome == "" {
				require.Empty(t, known)
				require.Empty(t, back.Found)
				return
			}
			require.Len(t, known, 1)
			require.Equal(t, 1, known[0].Row)
			require.Equal(t, test.outcome, known[0].Outcome)
			require.Equal(t, test.intent, known[0].PaymentIntent)
			require.True(t, known[0].Adopted)
			if test.total == "" {
				test.total = test.outcome
			}
			require.Equal(t, activities.RunTotals{test.total: {"usd": {Rows: 1, Amount: 1099}}}, back.Found)
		})
	}
}

// TestLookBackFindsEach: among many rows and PaymentIntents every one is found, in the order of the rows.
func TestLookBackFindsEach(t *testing.T) {
	t.Parallel()
	const rows = 3000
	references := make([]string, rows)
	a := &account{}
	for n := range references {
		references[n] = fmt.Sprintf("inv-%04d", n)
		if n%3 == 0 {
			a.intents = append(a.intents, used(fmt.Sprintf("pi_%d", n), references[n], activities.PaymentIntentSucceeded))
		}
	}
	slices.Reverse(a.intents)
	known, back := lookBack(t, a, rowsOf(references...))
	require.Equal(t, rows/3, back.Seen)
	require.Len(t, known, rows/3)
	for n, k := range known {
		require.Equal(t, 3*n, k.Row)
		require.Equal(t, fmt.Sprintf("pi_%d", 3*n), k.PaymentIntent)
	}
	require.Equal(t, now, a.since)
}

// TestLookBackGoesOnAfterFaults: a fault that passes costs time, and nothing that was found.
func TestLookBackGoesOnAfterFaults(t *testing.T) {
	t.Parallel()
	intents := []activities.PaymentIntent{
		used("pi_3", "c", activities.PaymentIntentSucceeded), used("pi_2", "b", activities.PaymentIntentSucceeded), used("pi_1", "a", activities.PaymentIntentSucceeded),
	}
	t.Run("Passing", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			a := &account{intents: intents, faults: map[int][]error{
				0: {fail(activities.StripeRateLimited)}, 2: {fail(activities.StripeUnknown), fail(activities.StripeKeyInUse)}, 3: {fail(activities.StripeUnknown)},
			}}
			start := time.Now()
			known, back := lookBack(t, a, rowsOf("a", "b", "c"))
			require.Len(t, known, 3)
			require.Equal(t, 3, back.Seen, "none is counted twice")
			require.Equal(t, []string{"", "", "pi_2", "pi_2", "pi_1"}, a.asked)
			require.Equal(t, 250*4*time.Millisecond+250*time.Millisecond, time.Since(start), "a pause doubles until something was read")
		})
	})
	t.Run("Lasting", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			a := &account{intents: intents, faults: map[int][]error{1: slices.Repeat([]error{fail(activities.StripeUnknown)}, 1000)}}
			waits := 0
			_, err := activities.LookBack(t.Context(), a, activities.LookBackRequest{Rows: rowsOf("a"), Progress: func(int) { waits++ }})
			require.True(t, activities.IsStripeError(err, activities.StripeUnknown))
			require.Equal(t, len(a.asked)-1, waits, "every pause is a sign of life")
		})
	})
	t.Run("Final", func(t *testing.T) {
		t.Parallel()
		a := &account{intents: intents, faults: map[int][]error{1: {fail(activities.StripeUnauthorized)}}}
		_, err := activities.LookBack(t.Context(), a, activities.LookBackRequest{Rows: rowsOf("a")})
		require.True(t, activities.IsStripeError(err, activities.StripeUnauthorized))
		require.Len(t, a.asked, 1)
	})
	t.Run("Stopped", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		a := &account{faults: map[int][]error{0: {fail(activities.StripeUnknown)}}}
		_, err := activities.LookBack(ctx, a, activities.LookBackRequest{Rows: rowsOf("a"), Progress: func(int) { cancel() }})
		require.ErrorIs(t, err, context.Canceled)
	})
}

// knownFiles are a run's files, of which only what a look-back needs works.
type knownFiles struct {
	activities.RunFiles
	rows   iter.Seq2[activities.RunRow, error]
	known  []activities.KnownRow
	broken error
}

func (f *knownFiles) AllRows(context.Context, activities.RunFile) iter.Seq2[activities.RunRow, error] {
	return f.rows
}

func (f *knownFiles) WriteKnown(_ context.Context, _ activities.RunFile, known iter.Seq2[activities.KnownRow, error]) error {
	f.known = nil
	for k, err := range known {
		if err != nil {
			return err
		}
		f.known = append(f.known, k)
	}
	return f.broken
}

// openPayments is a Temporal with these payments open, or one that does not answer.
type openPayments struct {
	activities.Workflows

	open []activities.OpenPayment
	err  error
}

func (o openPayments) OpenPayments(context.Context) iter.Seq2[activities.OpenPayment, error] {
	return func(yield func(activities.OpenPayment, error) bool) {
		for _, open := range o.open {
			if !yield(open, nil) {
				return
			}
		}
		if o.err != nil {
			yield(activities.OpenPayment{}, o.err)
		}
	}
}

// TestLookBackRunLeavesOpenPayments: a payment that is open may make its PaymentIntent at any moment. Nothing is sent beside it.
func TestLookBackRunLeavesOpenPayments(t *testing.T) {
	t.Parallel()
	of := func(reference string, amount int64) activities.OpenPayment {
		return activities.OpenPayment{Reference: reference, Customer: "cus_" + reference, Amount: amount, Currency: "usd"}
	}
	f := &knownFiles{rows: rowsOf("new", "open", "other", "paid", "paying", "asked", "gone")}
	ports := activities.Ports{
		AccountPaymentIntents: &account{intents: []activities.PaymentIntent{
			used("pi_6", "gone", activities.PaymentIntentCanceled),
			used("pi_5", "asked", activities.PaymentIntentRequiresPaymentMethod), used("pi_4", "asked", activities.PaymentIntentCanceled),
			used("pi_3", "paying", activities.PaymentIntentCanceled), used("pi_2", "paying", activities.PaymentIntentCanceled),
			used("pi_1", "paid", activities.PaymentIntentSucceeded),
		}},
		RunFiles: f,
		Workflows: openPayments{open: []activities.OpenPayment{
			of("open", 1099), of("other", 1), of("paid", 1099), of("elsewhere", 1099), of("paying", 1099), of("asked", 1099),
		}},
	}
	in := activities.LookBackRunInput{RunFile: activities.RunFile{URL: "file:///july.csv", Run: "july"}, Since: now.Add(-time.Hour)}
	_, err := do(t, &run{}, activities.New(ports).Runs.LookBackRun, in)
	require.NoError(t, err)
	require.Equal(t, []activities.KnownRow{
		{Row: 1, ChargeResult: activities.ChargeResult{Outcome: activities.ChargeUnknown, Adopted: true}},
		{Row: 2, ChargeResult: activities.ChargeResult{Outcome: activities.ChargeConflict, Adopted: true}},
		{Row: 3, ChargeResult: activities.ChargeResult{Outcome: activities.ChargeSucceeded, PaymentIntent: "pi_1", PaymentMethod: "pm_1", Adopted: true}},
		// Its customer has pressed "pay": the PaymentIntents of the attempts are canceled, and the Checkout Session makes another.
		{Row: 4, ChargeResult: activities.ChargeResult{Outcome: activities.ChargeUnknown, Adopted: true}},
		{Row: 5, ChargeResult: activities.ChargeResult{
			Outcome: activities.ChargeUnknown, PaymentIntent: "pi_5", PaymentMethod: "pm_1", LatestCharge: "ch_pi_5", Adopted: true,
		}},
		{Row: 6, ChargeResult: activities.ChargeResult{
			Outcome: activities.ChargeCanceled, PaymentIntent: "pi_6", PaymentMethod: "pm_1", LatestCharge: "ch_pi_6", Adopted: true,
		}},
	}, f.known)

	ports.Workflows = openPayments{err: fmt.Errorf("%w: down", activities.ErrOpenPayments)}
	_, err = do(t, &run{}, activities.New(ports).Runs.LookBackRun, in)
	requireError(t, err, activities.ErrorWorkflowUnavailable, true)
}

func TestLookBackRun(t *testing.T) {
	t.Parallel()
	in := activities.LookBackRunInput{RunFile: activities.RunFile{URL: "file:///july.csv", Run: "july"}, Since: now.Add(-time.Hour)}
	start := func(a *account, f *knownFiles) func(context.Context, activities.LookBackRunInput) (activities.LookBackRunResult, error) {
		return activities.New(activities.Ports{AccountPaymentIntents: a, RunFiles: f, Workflows: openPayments{}, Now: func() time.Time { return now }}).Runs.LookBackRun
	}
	many := make([]activities.PaymentIntent, 250)
	for n := range many {
		many[n] = used(fmt.Sprintf("pi_%d", n), fmt.Sprintf("r%d", n), activities.PaymentIntentSucceeded)
	}

	t.Run("WritesWhatItFound", func(t *testing.T) {
		t.Parallel()
		a, f, r := &account{intents: many}, &knownFiles{rows: rowsOf("x", "r7", "r9", "y")}, &run{}
		res, err := do(t, r, start(a, f), in)
		require.NoError(t, err)
		require.Equal(t, activities.LookBackRunResult{
			At: now, Seen: 250, Found: activities.RunTotals{activities.ChargeSucceeded: {"usd": {Rows: 2, Amount: 2198}}},
		}, res)
		require.Equal(t, in.Since, a.since.UTC())
		require.Equal(t, []activities.KnownRow{
			{Row: 1, ChargeResult: activities.ChargeResult{Outcome: activities.ChargeSucceeded, PaymentIntent: "pi_7", PaymentMethod: "pm_1", Adopted: true}},
			{Row: 2, ChargeResult: activities.ChargeResult{Outcome: activities.ChargeSucceeded, PaymentIntent: "pi_9", PaymentMethod: "pm_1", Adopted: true}},
		}, f.known)
		require.Equal(t, []string{`{"seen":100}`, `{"seen":200}`, `{"seen":250}`}, r.beats)
	})
	for name, test := range map[string]struct {
		account *account
		files   *knownFiles
		typ     string
		retried bool
	}{
		"BadKey": {&account{faults: map[int][]error{0: {fail(activities.StripeUnauthorized)}}}, &knownFiles{rows: rowsOf("r")}, activities.ErrorStripeUnauthorized, false},
		"RowsCannotBeRead": {&account{}, &knownFiles{rows: func(yield func(activities.RunRow, error) bool) {
			yield(activities.RunRow{}, errors.New("s3: 503"))
		}}, activities.ErrorRunFiles, true},
		"CannotWrite": {&account{}, &knownFiles{rows: rowsOf("r"), broken: errors.New("disk full")}, activities.ErrorRunFiles, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := do(t, &run{}, start(test.account, test.files), in)
			requireError(t, err, test.typ, test.retried)
		})
	}
	t.Run("TheFilesHaveChanged", func(t *testing.T) {
		t.Parallel()
		f := &knownFiles{rows: rowsOf("r"), broken: fmt.Errorf("%w: july.rows", activities.ErrRunFileChanged)}
		res, err := do(t, &run{}, start(&account{}, f), in)
		require.NoError(t, err)
		require.Equal(t, activities.LookBackRunResult{Changed: true}, res)
	})
}
