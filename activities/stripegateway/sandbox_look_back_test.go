package stripegateway_test

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/stripesandbox"
)

// ledger is a customer of many payments, whose references rows name.
type ledger struct {
	sandbox
	customer, visa, declines, debit string
	rows                            []activities.RunRow
}

func newLedger(t *testing.T) *ledger {
	t.Helper()
	l := &ledger{sandbox: newSandbox(t)}
	l.customer, l.visa = l.customerWith("pm_card_visa")
	l.declines = l.attached("pm_card_chargeCustomerFail", l.customer)
	l.debit = l.attached("pm_usBankAccount_success", l.customer)
	return l
}

// row adds a row of 10.99, of the customer.
func (l *ledger) row(reference string) {
	l.rows = append(l.rows, activities.RunRow{
		Line: len(l.rows) + 2, Reference: reference, Customer: l.customer, PaymentMethod: l.visa, Amount: 1099, Currency: "usd",
	})
}

func (l *ledger) all() iter.Seq2[activities.RunRow, error] { return sequence(l.rows) }

func sequence[T any](list []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, item := range list {
			if !yield(item, nil) {
				return
			}
		}
	}
}

// charges makes a PaymentIntent with the reference, whatever comes of it, and answers its id.
func (l *ledger) charges(reference, method string, change ...func(*activities.CreatePaymentIntentRequest)) string {
	l.t.Helper()
	r := l.charge(l.customer, method)
	r.Metadata = map[string]string{activities.MetadataReference: reference, activities.MetadataOwner: "billing-run:july"}
	for _, c := range change {
		c(&r)
	}
	intent, err := l.CreatePaymentIntent(l.t.Context(), r)
	if err == nil {
		return intent.ID
	}
	return requireKind(l.t, activities.StripeDeclined, err).PaymentIntent.ID
}

// creates makes a PaymentIntent that is not confirmed.
func (l *ledger) creates(reference string, form url.Values) string {
	l.t.Helper()
	for name, value := range map[string]string{"amount": "1099", "currency": "usd", "customer": l.customer, "metadata[" + activities.MetadataReference + "]": reference} {
		if !form.Has(name) {
			form.Set(name, value)
		}
	}
	id, ok := l.api("payment_intents", form)["id"].(string)
	require.True(l.t, ok)
	return id
}

func (l *ledger) cancels(intent string) string {
	l.t.Helper()
	_, err := l.CancelPaymentIntent(l.t.Context(), intent, l.key())
	require.NoError(l.t, err)
	return intent
}

func (l *ledger) lookBack(since time.Time) ([]activities.KnownRow, activities.LookedBack) {
	l.t.Helper()
	var known []activities.KnownRow
	back, err := activities.LookBack(l.t.Context(), l, activities.LookBackRequest{Rows: l.all(), Since: since, Found: func(k activities.KnownRow) error {
		known = append(known, k)
		return nil
	}})
	require.NoError(l.t, err)
	return known, back
}

// TestLookBackOverAnAccount: what becomes of rows whose references were used before: the same on the day itself and two days later,
// when Stripe has forgotten the keys.
func TestLookBackOverAnAccount(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	amount := func(amount int64) func(*activities.CreatePaymentIntentRequest) {
		return func(r *activities.CreatePaymentIntentRequest) { r.Amount = amount }
	}
	type want struct {
		outcome activities.ChargeOutcome
		intent  string
	}
	wants := map[string]want{}
	expect := func(reference string, outcome activities.ChargeOutcome, intent string) {
		l.row(reference)
		if outcome != "" {
			wants[reference] = want{outcome, intent}
		}
	}
	paid := l.charge(l.customer, l.visa)
	paid.Metadata = map[string]string{activities.MetadataReference: "paid"}
	first, err := l.CreatePaymentIntent(t.Context(), paid)
	require.NoError(t, err)

	expect("never used", "", "")
	expect("paid", activities.ChargeSucceeded, first.ID)
	expect("processing", activities.ChargeProcessing, l.charges("processing", l.debit))
	expect("canceled", activities.ChargeCanceled, l.cancels(l.charges("canceled", l.declines)))
	expect("declined", activities.ChargeUnknown, l.charges("declined", l.declines))
	expect("unconfirmed", activities.ChargeUnknown, l.creates("unconfirmed", url.Values{"payment_method": {l.visa}}))
	expect("without method", activities.ChargeUnknown, l.creates("without method", url.Values{}))
	threeDS := l.attached("pm_card_authenticationRequired", l.customer)
	expect("asks bank", activities.ChargeUnknown, l.creates("asks bank", url.Values{
		"payment_method": {threeDS}, "confirm": {"true"}, "payment_method_types[]": {"card"},
	}))
	l.cancels(l.charges("canceled, then paid", l.declines))
	expect("canceled, then paid", activities.ChargeSucceeded, l.charges("canceled, then paid", l.visa))
	earlier := l.charges("paid twice", l.visa)
	l.pass(time.Second)
	l.charges("paid twice", l.visa)
	expect("paid twice", activities.ChargeUnknown, earlier)
	expect("paid and open", activities.ChargeUnknown, l.charges("paid and open", l.visa))
	l.charges("paid and open", l.declines)
	expect("other amount", activities.ChargeConflict, l.charges("other amount", l.visa, amount(1098)))
	expect("other currency", activities.ChargeConflict, l.creates("other currency", url.Values{"currency": {"eur"}}))
	stranger, method := l.customerWith("pm_card_visa")
	expect("other customer", activities.ChargeConflict, l.charges("other customer", method, func(r *activities.CreatePaymentIntentRequest) { r.Customer = stranger }))
	l.charges("one of two other", l.visa, amount(500))
	expect("one of two other", activities.ChargeConflict, l.charges("one of two other", l.visa))
	l.charges("in no row", l.visa)

	check := func(more int) {
		t.Helper()
		known, back := l.lookBack(time.Now().Add(-time.Hour))
		require.Equal(t, 19+more, back.Seen)
		require.Len(t, known, len(wants))
		for n, k := range known {
			row := l.rows[k.Row]
			expected, actual := wants[row.Reference], want{k.Outcome, k.PaymentIntent}
			require.Equal(t, expected, actual, row.Reference)
			require.True(t, k.Adopted)
			require.True(t, n == 0 || known[n-1].Row < k.Row, "in the order of the rows")
		}
		require.Equal(t, activities.RunTotals{
			activities.ChargeSucceeded: {"usd": {Rows: 2, Amount: 2198}}, activities.ChargeProcessing: {"usd": {Rows: 1, Amount: 1099}},
			activities.ChargeCanceled: {"usd": {Rows: 1, Amount: 1099}}, activities.ChargeUnknown: {"usd": {Rows: 6, Amount: 6594}},
			activities.RowRejected: {"usd": {Rows: 4, Amount: 4396}},
		}, back.Found)
	}
	check(0)

	l.pass(48 * time.Hour)
	paid.Metadata = map[string]string{activities.MetadataReference: "paid under the same key"}
	second, err := l.CreatePaymentIntent(t.Context(), paid)
	require.NoError(t, err)
	require.NotEqual(t, first.ID, second.ID, "Stripe has forgotten the key: only a look-back can tell")
	check(1)
}

// TestLookBackWindow: what is older than Since is not seen.
func TestLookBackWindow(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.row("old")
	l.row("new")
	old := l.charges("old", l.visa)
	l.pass(36 * 24 * time.Hour)
	l.charges("new", l.visa)
	made, err := l.PaymentIntent(t.Context(), old)
	require.NoError(t, err)
	for name, test := range map[string]struct {
		since time.Time
		found int
	}{
		"All":         {made.Created, 2},
		"ASecondLate": {made.Created.Add(time.Second), 1},
		"35Days":      {made.Created.AddDate(0, 0, 1), 1},
		"Nothing":     {made.Created.AddDate(0, 0, 40), 0},
	} {
		known, back := l.lookBack(test.since)
		require.Len(t, known, test.found, name)
		require.Equal(t, test.found, back.Seen, name)
	}
}

// TestLookBackOverPages: with several pages and faults on each request of the list, every PaymentIntent is seen once.
func TestLookBackOverPages(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	const payments = 230
	for n := range payments {
		reference := "inv-" + strconv.Itoa(n)
		l.row(reference)
		l.creates(reference, url.Values{})
	}
	for _, kind := range []stripesandbox.FaultKind{
		stripesandbox.FaultRateLimit, stripesandbox.FaultKeyInUse, stripesandbox.Fault500Before, stripesandbox.Fault503,
		stripesandbox.FaultDropAfter, stripesandbox.FaultBrokenJSON,
	} {
		status, answer := l.control("faults", map[string]any{"kind": kind, "times": 1, "skip": 1, "path": "/v1/payment_intents", "method": http.MethodGet})
		require.Equal(t, http.StatusOK, status, "%v", answer)
		known, back := l.lookBack(time.Now().Add(-time.Hour))
		require.Equal(t, payments, back.Seen, kind)
		require.Len(t, known, payments, kind)
		for n, k := range known {
			require.Equal(t, n, k.Row)
		}
	}
	l.fault(stripesandbox.FaultAuth401)
	_, err := activities.LookBack(t.Context(), l, activities.LookBackRequest{Rows: l.all()})
	requireKind(t, activities.StripeUnauthorized, err)
}

// TestAccountPaymentIntentsGoOn: a list goes on after any PaymentIntent, and asks for no more than is taken.
func TestAccountPaymentIntentsGoOn(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	var made []string
	for range 5 {
		made = append([]string{l.creates("r", url.Values{})}, made...)
	}
	list := func(ctx context.Context, after string) (ids []string) {
		for intent, err := range l.AccountPaymentIntents(ctx, time.Now().Add(-time.Hour), after) {
			require.NoError(t, err)
			ids = append(ids, intent.ID)
		}
		return ids
	}
	require.Equal(t, made, list(t.Context(), ""))
	require.Equal(t, made[2:], list(t.Context(), made[1]))
	require.Empty(t, list(t.Context(), made[4]))
	for intent, err := range l.AccountPaymentIntents(t.Context(), time.Time{}, "") {
		require.NoError(t, err)
		require.Equal(t, made[0], intent.ID)
		break
	}
	for _, err := range l.AccountPaymentIntents(t.Context(), time.Now().Add(-time.Hour), "pi_unknown") {
		requireKind(t, activities.StripeMissing, err)
	}
}
