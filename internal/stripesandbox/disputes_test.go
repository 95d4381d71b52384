package stripesandbox_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/stripe/stripe-go/v82"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// disputed makes a charge that is disputed and returns the dispute.
func (b *bundle) disputed() *stripe.Dispute {
	b.t.Helper()
	cus := b.customer()
	pi, err := b.charge(cus, b.saved(cus, "pm_card_createDispute"))
	require.NoError(b.t, err)
	for d, err := range b.V1Disputes.List(b.t.Context(), &stripe.DisputeListParams{PaymentIntent: &pi.ID}) {
		require.NoError(b.t, err)
		return d
	}
	b.t.Fatal("no dispute")
	return nil
}

func TestDisputesAreDecidedByTheirEvidence(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, evidence string
		submit         bool
		wait           time.Duration
		answered, end  stripe.DisputeStatus
		events         []string
	}{
		{"winning", "winning_evidence", true, time.Minute, "under_review", "won", []string{"charge.dispute.updated", "charge.dispute.closed"}},
		{"losing", "losing_evidence", true, time.Minute, "under_review", "lost", []string{"charge.dispute.updated", "charge.dispute.closed"}},
		{"any other stays under review", "we did send it", true, 30 * 24 * time.Hour, "under_review", "under_review", []string{"charge.dispute.updated"}},
		{"staged, not submitted", "winning_evidence", false, time.Minute, "needs_response", "needs_response", []string{"charge.dispute.updated"}},
		{"never submitted", "winning_evidence", false, 7 * 24 * time.Hour, "needs_response", "lost", []string{"charge.dispute.updated", "charge.dispute.closed"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var wall standing
			b := newBundle(t, stripesandbox.Config{Clock: wall.now})
			d := b.disputed()
			require.Equal(t, stripe.DisputeStatusNeedsResponse, d.Status)
			require.Equal(t, wall.now().Add(7*24*time.Hour).Unix(), d.EvidenceDetails.DueBy)
			answered, err := b.V1Disputes.Update(t.Context(), d.ID, &stripe.DisputeUpdateParams{
				Evidence: &stripe.DisputeUpdateEvidenceParams{UncategorizedText: &tc.evidence, CustomerName: stripe.String("Jane")}, Submit: &tc.submit,
			})
			require.NoError(t, err)
			require.Equal(t, tc.answered, answered.Status)
			require.Equal(t, "Jane", answered.Evidence.CustomerName)
			require.True(t, answered.EvidenceDetails.HasEvidence)
			wall.pass(tc.wait)
			end, err := b.V1Disputes.Retrieve(t.Context(), d.ID, nil)
			require.NoError(t, err)
			require.Equal(t, tc.end, end.Status)
			require.Equal(t, append([]string{"charge.dispute.created"}, tc.events...), b.events(d.ID))
		})
	}
}

func TestAnyPaymentCanBeDisputed(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	cus := b.customer()
	pi, err := b.charge(cus, b.saved(cus, "pm_card_visa"))
	require.NoError(t, err)
	opened := b.control("/payment_intents/"+pi.ID+"/dispute", nil)
	require.Equal(t, http.StatusOK, opened.status)
	require.Equal(t, "needs_response", opened.at(t, "status"))
	require.Equal(t, pi.ID, opened.at(t, "payment_intent"))
	id := opened.at(t, "id").(string)
	require.Equal(t, []string{"charge.dispute.created"}, b.events(id))
	read, err := b.V1PaymentIntents.Retrieve(t.Context(), pi.ID, &stripe.PaymentIntentRetrieveParams{Expand: stripe.StringSlice([]string{"latest_charge"})})
	require.NoError(t, err)
	require.True(t, read.LatestCharge.Disputed)

	require.Equal(t, http.StatusBadRequest, b.control("/payment_intents/"+pi.ID+"/dispute", nil).status, "once")
	require.Equal(t, http.StatusNotFound, b.control("/payment_intents/pi_none/dispute", nil).status)
	_, err = b.charge(cus, b.saved(cus, "pm_card_chargeCustomerFail"))
	declined := stripeError(t, err).PaymentIntent.ID
	require.Equal(t, "payment_intent_unexpected_state", code(t, b.control("/payment_intents/"+declined+"/dispute", nil)), "a decline took no money")
}

func TestDisputesAreClosed(t *testing.T) {
	t.Parallel()
	b := newBundle(t, stripesandbox.Config{})
	first, second := b.disputed(), b.disputed()
	closed, err := b.V1Disputes.Close(t.Context(), first.ID, nil)
	require.NoError(t, err)
	require.Equal(t, stripe.DisputeStatusLost, closed.Status)
	require.Equal(t, []string{"charge.dispute.created", "charge.dispute.closed"}, b.events(first.ID))
	for _, path := range []string{"/v1/disputes/" + first.ID + "/close", "/v1/disputes/" + first.ID} {
		a := b.post(path, "expand[0]", "charge")
		require.Equal(t, http.StatusBadRequest, a.status)
		require.Contains(t, a.at(t, "error.message"), "already closed")
	}
	require.Equal(t, http.StatusNotFound, b.post("/v1/disputes/du_none").status)
	require.Equal(t, "parameter_unknown", code(t, b.post("/v1/disputes/"+second.ID, "evidence[nothing]", "x")))
	noted := b.post("/v1/disputes/"+second.ID, "metadata[ticket]", "1", "expand[0]", "charge")
	require.Equal(t, "needs_response", noted.at(t, "status"), "metadata is no answer")
	require.Equal(t, true, noted.at(t, "charge.disputed"))
	for query, want := range map[string]int{"": 2, "charge=" + first.Charge.ID: 1, "payment_intent=" + second.PaymentIntent.ID: 1, "charge=" + first.Charge.ID + "&payment_intent=" + second.PaymentIntent.ID: 0} {
		require.Len(t, b.raw(http.MethodGet, "/v1/disputes?"+query, "").at(t, "data"), want, query)
	}
}
