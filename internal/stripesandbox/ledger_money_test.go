package stripesandbox_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/stripesandbox"
)

func TestLedgerCountsMoneyNotHolds(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	form := []string{
		"amount", "1000", "currency", "usd", "confirm", "true", "off_session", "true", "customer", cus, "payment_method", b.saved(cus, "pm_card_visa"),
		"metadata[offsession_reference]", "inv-1",
	}
	held := b.post("/v1/payment_intents", append(form, "capture_method", "manual")...).at(t, "id").(string)
	b.post("/v1/payment_intents", form...)
	got := b.srv.Ledger("")
	require.Empty(t, got.PaidMoreThanOnce, "a hold takes nothing")
	require.Equal(t, stripesandbox.LedgerSum{Taken: 1000}, got.Currencies["usd"])

	require.Equal(t, http.StatusOK, b.keyed("c", "/v1/payment_intents/"+held+"/capture", "amount_to_capture=300").status)
	got = b.srv.Ledger("inv-1")
	require.Equal(t, []string{"inv-1"}, got.PaidMoreThanOnce)
	require.Equal(t, stripesandbox.LedgerSum{Taken: 1300}, got.Currencies["usd"], "what was not captured is no refund")
	require.Equal(t, http.StatusOK, b.keyed("r", "/v1/refunds", "payment_intent="+held).status)
	got = b.srv.Ledger("inv-1")
	require.Empty(t, got.PaidMoreThanOnce)
	require.Equal(t, stripesandbox.LedgerSum{Taken: 1300, Refunded: 300}, got.Currencies["usd"])
}

func TestLedgerRemembersTheReferenceThatWasPaid(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	form := "amount=1000&currency=usd&confirm=true&off_session=true&metadata[offsession_reference]=p&customer=" + cus + "&payment_method=" + b.saved(cus, "pm_card_visa")
	b.keyed("1", "/v1/payment_intents", form)
	second := b.keyed("2", "/v1/payment_intents", form).at(t, "id").(string)
	b.keyed("3", "/v1/payment_intents/"+second, "metadata[offsession_reference]=q")
	require.Equal(t, []string{"p"}, b.srv.Ledger("").PaidMoreThanOnce)
	require.Equal(t, []string{"p"}, b.srv.Ledger("p").PaidMoreThanOnce)
	require.Contains(t, b.srv.Ledger("").References, "q")
	require.Zero(t, b.srv.Ledger("q").References["q"].NetSuccesses)
}
