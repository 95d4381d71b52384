package stripesandbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestBalanceTransactions(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	pi, err := b.charge(cus, b.saved(cus, "pm_card_visa"))
	require.NoError(t, err)
	_, err = b.charge(cus, b.saved(cus, "pm_card_chargeCustomerFail"))
	require.Error(t, err)
	b.held("pm_card_visa")
	debit, err := b.charge(cus, b.saved(cus, "pm_usBankAccount_success"))
	require.NoError(t, err)
	require.Nil(t, b.payment(debit.ID).LatestCharge.BalanceTransaction, "not settled yet")
	require.NoError(t, b.srv.AdvanceClock(time.Hour))
	refund, err := b.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: &pi.ID, Amount: stripe.Int64(99)})
	require.NoError(t, err)

	params := &stripe.ChargeRetrieveParams{}
	params.AddExpand("balance_transaction")
	ch, err := b.V1Charges.Retrieve(t.Context(), pi.LatestCharge.ID, params)
	require.NoError(t, err)
	txn := ch.BalanceTransaction
	require.EqualValues(t, 1099, txn.Amount)
	require.EqualValues(t, 62, txn.Fee, "2.9 % and 30")
	require.EqualValues(t, 1037, txn.Net)
	require.Equal(t, ch.ID, txn.Source.ID)
	read, err := b.V1BalanceTransactions.Retrieve(t.Context(), txn.ID, nil)
	require.NoError(t, err)
	require.Equal(t, txn.Net, read.Net)
	back, err := b.V1BalanceTransactions.Retrieve(t.Context(), refund.BalanceTransaction.ID, nil)
	require.NoError(t, err)
	require.EqualValues(t, -99, back.Net)
	require.EqualValues(t, "refund", back.Type)

	list := func(query string) (ids []string) {
		a := b.raw(http.MethodGet, "/v1/balance_transactions?"+query, "")
		require.Equal(t, http.StatusOK, a.status, string(a.body))
		for _, o := range a.at(t, "data").([]any) {
			ids = append(ids, o.(map[string]any)["id"].(string))
		}
		return ids
	}
	all := list("")
	require.Len(t, all, 3, "neither what was declined nor what is only held")
	require.Equal(t, []string{back.ID, b.payment(debit.ID).LatestCharge.BalanceTransaction.ID, txn.ID}, all, "newest first")
	require.Equal(t, all[1:], list("starting_after="+all[0]))
	require.Equal(t, all[:1], list("ending_before="+all[1]))
	require.Equal(t, all[:1], list("type=refund"))
	require.Equal(t, all[1:2], list("type=payment"))
	require.Equal(t, all[2:], list("source="+ch.ID))
	require.Empty(t, list("currency=eur"))
	for _, unknown := range []string{"/txn_none", "/txn_1CH", "/txn_1RF" + all[0], "?starting_after=txn_none"} {
		require.Equal(t, "resource_missing", code(t, b.raw(http.MethodGet, "/v1/balance_transactions"+unknown, "")), unknown)
	}
}

func TestFailedRefundComesBack(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	pi, err := b.charge(cus, b.saved(cus, "pm_card_refundFail"))
	require.NoError(t, err)
	refund, err := b.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: &pi.ID})
	require.NoError(t, err)
	require.NoError(t, b.srv.AdvanceClock(time.Hour))
	refund, err = b.V1Refunds.Retrieve(t.Context(), refund.ID, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.RefundStatusFailed, refund.Status)
	out, err := b.V1BalanceTransactions.Retrieve(t.Context(), refund.BalanceTransaction.ID, nil)
	require.NoError(t, err)
	in, err := b.V1BalanceTransactions.Retrieve(t.Context(), refund.FailureBalanceTransaction.ID, nil)
	require.NoError(t, err)
	require.Zero(t, out.Net+in.Net)
	require.Zero(t, b.payment(pi.ID).LatestCharge.AmountRefunded)
	_, err = b.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{PaymentIntent: &pi.ID})
	require.NoError(t, err, "it can be tried again")
}

// TestRefundRules is what a refund is refused for.
func TestRefundRules(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	paid, err := b.charge(cus, b.saved(cus, "pm_card_visa"))
	require.NoError(t, err)
	debit, err := b.charge(cus, b.saved(cus, "pm_usBankAccount_processing"))
	require.NoError(t, err)
	_, err = b.charge(cus, b.saved(cus, "pm_card_chargeCustomerFail"))
	declined := stripeError(t, err).PaymentIntent
	for _, tc := range []struct {
		name        string
		params      stripe.RefundCreateParams
		code, param string
	}{
		{"more than was paid", stripe.RefundCreateParams{PaymentIntent: &paid.ID, Amount: stripe.Int64(1100)}, "", "amount"},
		{"nothing", stripe.RefundCreateParams{PaymentIntent: &paid.ID, Amount: stripe.Int64(0)}, "parameter_invalid_integer", "amount"},
		{"no payment", stripe.RefundCreateParams{}, "parameter_missing", "charge"},
		{"unknown payment", stripe.RefundCreateParams{PaymentIntent: stripe.String("pi_none")}, "resource_missing", "payment_intent"},
		{"a debit that is processing", stripe.RefundCreateParams{PaymentIntent: &debit.ID}, "payment_intent_unexpected_state", ""},
		{"the charge of that debit", stripe.RefundCreateParams{Charge: &debit.LatestCharge.ID}, "", ""},
		{"a declined payment", stripe.RefundCreateParams{PaymentIntent: &declined.ID}, "payment_intent_unexpected_state", ""},
		{"all of it", stripe.RefundCreateParams{PaymentIntent: &paid.ID}, "ok", ""},
		{"all of it once more", stripe.RefundCreateParams{PaymentIntent: &paid.ID}, "charge_already_refunded", ""},
		{"a part of what is refunded", stripe.RefundCreateParams{Charge: &paid.LatestCharge.ID, Amount: stripe.Int64(1)}, "charge_already_refunded", ""},
	} {
		refund, err := b.V1Refunds.Create(t.Context(), &tc.params)
		if tc.code == "ok" {
			require.NoError(t, err)
			require.EqualValues(t, 1099, refund.Amount)
			continue
		}
		se := stripeError(t, err)
		require.Equal(t, stripe.ErrorTypeInvalidRequest, se.Type, tc.name)
		require.EqualValues(t, tc.code, se.Code, tc.name)
		require.Equal(t, tc.param, se.Param, tc.name)
	}
	charge := paid.LatestCharge.ID
	for end, evidence := range map[string]string{"needs_response": "", "under_review": "we did send it", "lost": "losing_evidence", "won": "winning_evidence"} {
		d := b.disputed()
		if evidence != "" {
			b.post("/v1/disputes/"+d.ID, "evidence[uncategorized_text]", evidence)
			require.NoError(t, b.srv.AdvanceClock(2*time.Minute))
		}
		read := b.raw(http.MethodGet, "/v1/disputes/"+d.ID, "")
		require.Equal(t, end, read.at(t, "status"))
		require.Equal(t, end == "won", read.at(t, "is_charge_refundable"))
		_, err := b.V1Refunds.Create(t.Context(), &stripe.RefundCreateParams{Charge: &d.Charge.ID})
		if end == "won" {
			require.NoError(t, err)
			continue
		}
		se := stripeError(t, err)
		require.Equal(t, http.StatusBadRequest, se.HTTPStatusCode, end)
		require.Equal(t, stripe.ErrorCodeChargeDisputed, se.Code, end)
	}
	require.Len(t, b.raw(http.MethodGet, "/v1/charges/"+charge+"/refunds", "").at(t, "data"), 1)
	expanded := b.raw(http.MethodGet, "/v1/charges/"+charge+"?expand[]=refunds.data.balance_transaction", "")
	first := expanded.at(t, "refunds.data").([]any)[0].(map[string]any)
	require.EqualValues(t, -1099, first["balance_transaction"].(map[string]any)["amount"])
	noted, err := b.V1Refunds.Update(t.Context(), first["id"].(string), &stripe.RefundUpdateParams{Metadata: map[string]string{"why": "asked"}})
	require.NoError(t, err)
	require.Equal(t, "asked", noted.Metadata["why"])
	require.Equal(t, []string{"refund.created", "refund.updated"}, b.events(noted.ID))
}
