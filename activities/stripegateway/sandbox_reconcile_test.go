package stripegateway_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/stripesandbox"
)

// report is a ledger with what a run's report says of its rows.
type report struct {
	*ledger
	results []activities.RowResult
}

// says adds a row of 10.99 to the report, as the run july would have.
func (r *report) says(reference string, outcome activities.ChargeOutcome, intent string, change ...func(*activities.RowResult)) {
	r.row(reference)
	result := activities.RowResult{Row: len(r.results), RunRow: r.rows[len(r.rows)-1], Outcome: outcome, PaymentIntent: intent}
	switch outcome {
	case activities.ChargeSucceeded, activities.ChargeCanceled, activities.RowNotCharged, activities.RowRejected:
	default:
		result.HandedOver = true
	}
	for _, c := range change {
		c(&result)
	}
	r.results = append(r.results, result)
}

func (r *report) reconcile() (activities.RunReconciled, []activities.RunFinding) {
	r.t.Helper()
	var found []activities.RunFinding
	sum, err := activities.ReconcileRun(r.t.Context(), r, r, activities.ReconcileRequest{
		Owner: "billing-run:july", Rows: sequence(r.results), Since: time.Now().Add(-time.Hour), AdoptedSince: time.Now().AddDate(0, 0, -35),
		Finding: func(f activities.RunFinding) error {
			found = append(found, f)
			return nil
		},
	})
	require.NoError(r.t, err)
	require.Equal(r.t, len(r.results), sum.Rows)
	differences := 0
	for _, f := range found {
		if f.Kind.Difference() {
			differences++
		}
	}
	require.Equal(r.t, differences, sum.Differences)
	return sum, found
}

func (r *report) refunds(intent string, form url.Values) {
	r.t.Helper()
	form.Set("payment_intent", intent)
	r.api("refunds", form)
}

func otherOwner(r *activities.CreatePaymentIntentRequest) {
	r.Metadata[activities.MetadataOwner] = "billing-run:june"
}

// TestReconcileFinds: each kind of difference, made by hand, is found; what became of a payment later is none.
func TestReconcileFinds(t *testing.T) {
	t.Parallel()
	type kind = activities.RunFindingKind
	for name, test := range map[string]struct {
		make func(r *report)
		want []kind
		// total is that of usd.
		total activities.RunReconciledTotal
	}{
		"Nothing": {
			make: func(r *report) {
				r.says("a", activities.ChargeSucceeded, r.charges("a", r.visa))
				r.says("b", activities.ChargeDeclined, r.charges("b", r.declines))
				r.says("c", activities.ChargeProcessing, r.charges("c", r.debit))
				r.says("d", activities.ChargeDeclined, "") // it had no payment method
				r.says("e", activities.RowNotCharged, "")
				r.says("f", activities.RowRejected, "")
				r.says("g", activities.ChargeUnknown, "")
				r.charges("h", r.visa, otherOwner)
				r.charges("e", r.visa, otherOwner)
			},
			total: activities.RunReconciledTotal{Report: rowsOf1099(1), Stripe: rowsOf1099(1)},
		},
		"AChargeTheReportDoesNotHave": {
			make:  func(r *report) { r.charges("x", r.visa) },
			want:  []kind{activities.FindingNotReported},
			total: activities.RunReconciledTotal{Stripe: rowsOf1099(1)},
		},
		"AFailedChargeTheReportDoesNotHave": {
			make: func(r *report) { r.charges("x", r.declines) },
			want: []kind{activities.FindingNotReported},
		},
		"AChargeOfARowNotCharged": {
			make: func(r *report) {
				r.charges("a", r.visa)
				r.says("a", activities.RowNotCharged, "")
			},
			want:  []kind{activities.FindingNotReported},
			total: activities.RunReconciledTotal{Stripe: rowsOf1099(1)},
		},
		"AChargeOfARowRejected": {
			make: func(r *report) {
				r.charges("a", r.visa)
				r.says("a", activities.RowRejected, "")
			},
			want:  []kind{activities.FindingNotReported},
			total: activities.RunReconciledTotal{Stripe: rowsOf1099(1)},
		},
		"NotAtStripe": {
			make:  func(r *report) { r.says("a", activities.ChargeSucceeded, "pi_gone") },
			want:  []kind{activities.FindingNotAtStripe},
			total: activities.RunReconciledTotal{Report: rowsOf1099(1)},
		},
		"AnotherPaymentIntent": {
			make: func(r *report) {
				r.charges("a", r.visa)
				r.says("a", activities.ChargeSucceeded, "pi_gone")
			},
			want:  []kind{activities.FindingNotAtStripe},
			total: activities.RunReconciledTotal{Report: rowsOf1099(1), Stripe: rowsOf1099(1)},
		},
		"Amount": {
			make: func(r *report) {
				r.says("a", activities.ChargeSucceeded, r.charges("a", r.visa, func(c *activities.CreatePaymentIntentRequest) { c.Amount = 1098 }))
			},
			want:  []kind{activities.FindingAmount},
			total: activities.RunReconciledTotal{Report: rowsOf1099(1), Stripe: activities.RunTotal{Rows: 1, Amount: 1098}},
		},
		"Currency": {
			make: func(r *report) {
				r.says("a", activities.ChargeSucceeded, r.charges("a", r.visa, func(c *activities.CreatePaymentIntentRequest) { c.Currency = "eur" }))
			},
			want:  []kind{activities.FindingCurrency},
			total: activities.RunReconciledTotal{Report: rowsOf1099(1)},
		},
		"Customer": {
			make: func(r *report) {
				customer, method := r.customerWith("pm_card_visa")
				r.says("a", activities.ChargeSucceeded, r.charges("a", method, func(c *activities.CreatePaymentIntentRequest) { c.Customer = customer }))
			},
			want:  []kind{activities.FindingCustomer},
			total: activities.RunReconciledTotal{Report: rowsOf1099(1), Stripe: rowsOf1099(1)},
		},
		"Reference": {
			make: func(r *report) { r.says("a", activities.ChargeSucceeded, r.charges("b", r.visa)) },
			// The charge of b is the run's, too.
			want:  []kind{activities.FindingNotReported, activities.FindingReference},
			total: activities.RunReconciledTotal{Report: rowsOf1099(1), Stripe: rowsOf1099(2)},
		},
		"SucceededOnlyInTheReport": {
			make:  func(r *report) { r.says("a", activities.ChargeSucceeded, r.charges("a", r.declines)) },
			want:  []kind{activities.FindingStatus},
			total: activities.RunReconciledTotal{Report: rowsOf1099(1)},
		},
		"CanceledOnlyInTheReport": {
			make:  func(r *report) { r.says("a", activities.ChargeCanceled, r.charges("a", r.visa)) },
			want:  []kind{activities.FindingStatus},
			total: activities.RunReconciledTotal{Stripe: rowsOf1099(1)},
		},
		"TwoSuccesses": {
			make: func(r *report) {
				r.says("a", activities.ChargeSucceeded, r.charges("a", r.visa))
				r.charges("a", r.visa, otherOwner)
			},
			want:  []kind{activities.FindingChargedTwice},
			total: activities.RunReconciledTotal{Report: rowsOf1099(1), Stripe: rowsOf1099(2)},
		},
		"TwoSuccessesOneGivenBack": {
			make: func(r *report) {
				r.says("a", activities.ChargeSucceeded, r.charges("a", r.visa))
				r.refunds(r.charges("a", r.visa), url.Values{})
			},
			want:  []kind{activities.FindingRefunded},
			total: activities.RunReconciledTotal{Report: rowsOf1099(1), Stripe: rowsOf1099(1), Refunded: rowsOf1099(1)},
		},
		"Refunded": {
			make: func(r *report) {
				intent := r.charges("a", r.visa)
				r.refunds(intent, url.Values{"amount": {"99"}})
				r.says("a", activities.ChargeSucceeded, intent)
			},
			want: []kind{activities.FindingRefunded},
			total: activities.RunReconciledTotal{
				Report: rowsOf1099(1), Stripe: rowsOf1099(1), Refunded: activities.RunTotal{Rows: 1, Amount: 99},
			},
		},
		"SettledLaterByTheSamePaymentIntent": {
			make: func(r *report) {
				intent := r.charges("a", r.declines)
				_, err := r.ConfirmPaymentIntent(r.t.Context(), activities.ConfirmPaymentIntentRequest{PaymentIntent: intent, PaymentMethod: r.visa, IdempotencyKey: r.key()})
				require.NoError(r.t, err)
				r.says("a", activities.ChargeDeclined, intent)
			},
			want:  []kind{activities.FindingSettled},
			total: activities.RunReconciledTotal{Settled: rowsOf1099(1)},
		},
		"SettledLaterByAnother": {
			make: func(r *report) {
				r.says("a", activities.ChargeDeclined, r.cancels(r.charges("a", r.declines)))
				r.charges("a", r.visa)
			},
			want:  []kind{activities.FindingSettled},
			total: activities.RunReconciledTotal{Settled: rowsOf1099(1)},
		},
		"SettledWithoutAHandover": {
			make: func(r *report) {
				r.says("a", activities.ChargeDeclined, r.cancels(r.charges("a", r.declines)), func(row *activities.RowResult) { row.HandedOver = false })
				r.charges("a", r.visa)
			},
			want:  []kind{activities.FindingStatus},
			total: activities.RunReconciledTotal{Stripe: rowsOf1099(1)},
		},
		"AdoptedFromBefore": {
			make: func(r *report) {
				intent := r.charges("a", r.visa, otherOwner)
				r.charges("a", r.declines, otherOwner)
				r.says("a", activities.ChargeSucceeded, intent, func(row *activities.RowResult) { row.Adopted = true })
			},
			total: activities.RunReconciledTotal{Report: rowsOf1099(1), Stripe: rowsOf1099(1)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &report{ledger: newLedger(t)}
			test.make(r)
			sum, found := r.reconcile()
			kinds := make([]kind, 0, len(found))
			for _, f := range found {
				kinds = append(kinds, f.Kind)
			}
			require.ElementsMatch(t, test.want, kinds, "%v", found)
			require.Equal(t, test.total, sum.Currencies["usd"])
		})
	}
}

func rowsOf1099(n int) activities.RunTotal {
	return activities.RunTotal{Rows: n, Amount: 1099 * int64(n)}
}

// TestReconcileNamesWhatItFinds: a finding says where, and both sides.
func TestReconcileNamesWhatItFinds(t *testing.T) {
	t.Parallel()
	r := &report{ledger: newLedger(t)}
	a := r.charges("a", r.visa, func(c *activities.CreatePaymentIntentRequest) { c.Amount = 1098 })
	r.says("a", activities.ChargeSucceeded, a)
	b := r.charges("b", r.visa)
	r.says("b", activities.RowNotCharged, "")
	c := r.charges("c", r.visa)
	second := r.charges("c", r.visa, otherOwner)
	r.says("c", activities.ChargeSucceeded, c)
	_, found := r.reconcile()
	require.ElementsMatch(t, []activities.RunFinding{
		{Kind: activities.FindingAmount, Line: 2, Reference: "a", PaymentIntent: a, Report: "1099", Stripe: "1098"},
		{
			Kind: activities.FindingNotReported, Line: 3, Reference: "b", PaymentIntent: b, Report: "not_charged",
			Stripe: fmt.Sprintf("succeeded 1099 usd of %s", r.customer),
		},
		{Kind: activities.FindingChargedTwice, Line: 4, Reference: "c", PaymentIntent: c, Report: second, Stripe: c},
	}, found)
}

// TestReconcileReadsWhatIsNotListed: a row that was adopted is found however old its PaymentIntent is, and faults that pass do not
// hold the comparison up.
func TestReconcileReadsWhatIsNotListed(t *testing.T) {
	t.Parallel()
	r := &report{ledger: newLedger(t)}
	r.says("a", activities.ChargeSucceeded, r.charges("a", r.visa, otherOwner))
	r.results[0].Adopted = true
	old, err := r.PaymentIntent(t.Context(), r.results[0].PaymentIntent)
	require.NoError(t, err)
	for _, kind := range []stripesandbox.FaultKind{stripesandbox.FaultRateLimit, stripesandbox.Fault503} {
		status, answer := r.control("faults", map[string]any{"kind": kind, "times": 1, "method": http.MethodGet})
		require.Equal(t, http.StatusOK, status, "%v", answer)
	}
	since := old.Created.AddDate(0, 1, 0)
	sum, err := activities.ReconcileRun(t.Context(), r, r, activities.ReconcileRequest{
		Owner: "billing-run:july", Rows: sequence(r.results), Since: since, AdoptedSince: since.AddDate(0, 0, -10),
	})
	require.NoError(t, err)
	require.Zero(t, sum.PaymentIntents)
	require.Zero(t, sum.Differences)
	require.Equal(t, rowsOf1099(1), sum.Currencies["usd"].Stripe)
}

// TestReconcileListsBeforeTheRun: with rows that were adopted, from the beginning of the look-back on.
func TestReconcileListsBeforeTheRun(t *testing.T) {
	t.Parallel()
	for name, adopted := range map[string]bool{"Adopted": true, "Charged": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &report{ledger: newLedger(t)}
			r.charges("a", r.visa, otherOwner)
			r.pass(48 * time.Hour)
			r.says("a", activities.ChargeSucceeded, r.charges("a", r.visa), func(row *activities.RowResult) { row.Adopted = adopted })
			since := time.Now().Add(24 * time.Hour)
			sum, err := activities.ReconcileRun(t.Context(), r, r, activities.ReconcileRequest{
				Owner: "billing-run:july", Rows: sequence(r.results), Since: since, AdoptedSince: since.AddDate(0, 0, -10),
			})
			require.NoError(t, err)
			require.Equal(t, map[bool]int{true: 2, false: 1}[adopted], sum.PaymentIntents)
			require.Equal(t, map[bool]int{true: 1, false: 0}[adopted], sum.Findings[activities.FindingChargedTwice])
		})
	}
}
