package stripegateway_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/stripesandbox"
)

func (s sandbox) owned(customer, method, reference string) activities.PaymentIntent {
	s.t.Helper()
	request := s.charge(customer, method)
	request.Metadata = map[string]string{
		activities.MetadataWorkflowID: "payment:" + reference, activities.MetadataReference: reference, activities.MetadataOwner: "agreement:gym",
	}
	pi, err := s.CreatePaymentIntent(s.t.Context(), request)
	require.NoError(s.t, err)
	return pi
}

// dispute is the cardholder's complaint; it answers the dispute's id.
func (s sandbox) dispute(intent string) string {
	s.t.Helper()
	status, answer := s.control("payment_intents/"+intent+"/dispute", nil)
	require.Equal(s.t, http.StatusOK, status, "%v", answer)
	return answer["id"].(string)
}

// eventsOf are the events of the types given, oldest first.
func (s sandbox) eventsOf(types ...string) []activities.Event {
	s.t.Helper()
	var events []activities.Event
	for event, err := range s.Events(s.t.Context(), time.Now().Add(-time.Hour), types) {
		require.NoError(s.t, err)
		events = append(events, event)
	}
	slices.Reverse(events)
	return events
}

func TestDisputesOfAPayment(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, method := s.customerWith("pm_card_visa")
	pi := s.owned(customer, method, "gym~20260131")
	require.False(t, pi.Disputed)
	id := s.dispute(pi.ID)

	d, err := s.Dispute(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, activities.Dispute{ID: id, Status: "needs_response", PaymentIntent: pi.ID, Metadata: pi.Metadata}, d)
	read, err := s.PaymentIntent(t.Context(), pi.ID)
	require.NoError(t, err)
	require.True(t, read.Disputed)

	s.api("disputes/"+id+"/close", url.Values{})
	d, err = s.Dispute(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, "lost", d.Status)
	events := s.eventsOf("charge.dispute.created", "charge.dispute.closed")
	require.Len(t, events, 2)
	for _, event := range events {
		require.Equal(t, id, event.ObjectID)
		require.Equal(t, pi.ID, event.PaymentIntent, "by which the router finds payment and agreement")
	}
	requireKind(t, activities.StripeMissing, failed(s.Dispute(t.Context(), "du_none")))
	requireKind(t, activities.StripeInvalid, failed(s.Dispute(t.Context(), "")))
}

func TestMandates(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	customer, err := s.CreateCustomer(t.Context(), nil, s.key())
	require.NoError(t, err)
	s.api("setup_intents", url.Values{
		"customer": {customer}, "payment_method": {"pm_usBankAccount_success"}, "confirm": {"true"}, "payment_method_types[]": {"us_bank_account"},
		"mandate_data[customer_acceptance][type]": {"offline"},
	})
	saved := s.eventsOf("setup_intent.succeeded")
	require.Len(t, saved, 1)
	setup, err := s.SetupIntent(t.Context(), saved[0].ObjectID)
	require.NoError(t, err)
	require.NotEmpty(t, setup.Mandate)

	m, err := s.Mandate(t.Context(), setup.Mandate)
	require.NoError(t, err)
	require.Equal(t, activities.Mandate{ID: setup.Mandate, Status: "active", PaymentMethod: setup.PaymentMethod}, m)
	status, answer := s.control("mandates/"+setup.Mandate+"/inactivate", nil)
	require.Equal(t, http.StatusOK, status, "%v", answer)
	m, err = s.Mandate(t.Context(), setup.Mandate)
	require.NoError(t, err)
	require.Equal(t, "inactive", m.Status)
	events := s.eventsOf("mandate.updated")
	require.Len(t, events, 1)
	require.Equal(t, setup.Mandate, events[0].ObjectID)
	require.Equal(t, setup.PaymentMethod, events[0].PaymentMethod, "by which the router finds the customer")

	// A charge says so too, should the event be lost.
	refused := requireKind(t, activities.StripeMissing, failed(s.CreatePaymentIntent(t.Context(), s.charge(customer, setup.PaymentMethod))))
	require.Equal(t, "payment_method", refused.Param)
	require.Equal(t, "payment_intent_mandate_invalid", refused.Codes.Code)

	requireKind(t, activities.StripeMissing, failed(s.Mandate(t.Context(), "mandate_none")))
	requireKind(t, activities.StripeInvalid, failed(s.Mandate(t.Context(), "")))
}

// TestListPaymentIntents: newest first, over more than a page, from where an earlier list ended, one request per page.
func TestListPaymentIntents(t *testing.T) {
	t.Parallel()
	s := newSandbox(t)
	wire := &recorder{next: http.DefaultTransport}
	g := newGatewayWith(t, s.base, wire)
	customer, method := s.customerWith("pm_card_visa")
	var made []string
	for range 103 {
		made = append([]string{s.owned(customer, method, "gym~now1").ID}, made...)
	}
	other, othersMethod := s.customerWith("pm_card_visa")
	s.owned(other, othersMethod, "gym~now1")
	s.dispute(made[1])

	list := func(r activities.ListPaymentIntentsRequest, most int) []activities.PaymentIntent {
		var listed []activities.PaymentIntent
		for pi, err := range g.ListPaymentIntents(t.Context(), r) {
			require.NoError(t, err)
			if listed = append(listed, pi); len(listed) == most {
				break
			}
		}
		return listed
	}
	ids := func(list []activities.PaymentIntent) []string {
		out := make([]string, len(list))
		for i, pi := range list {
			out[i] = pi.ID
		}
		return out
	}

	all := list(activities.ListPaymentIntentsRequest{Customer: customer}, 0)
	require.Equal(t, made, ids(all))
	require.Len(t, wire.requests(), 2)
	require.Equal(t, "agreement:gym", all[0].Metadata[activities.MetadataOwner])
	require.NotEmpty(t, all[0].LatestCharge)
	require.False(t, all[1].Disputed, "without the charges nobody knows")

	newest := list(activities.ListPaymentIntentsRequest{Customer: customer, Charges: true}, 100)
	require.Len(t, wire.requests(), 3, "a hundred are one page")
	require.Equal(t, made[:100], ids(newest))
	require.False(t, newest[0].Disputed)
	require.True(t, newest[1].Disputed)
	require.False(t, newest[0].ChargedAt.IsZero())

	require.Equal(t, made[101:], ids(list(activities.ListPaymentIntentsRequest{Customer: customer, After: made[100]}, 0)))
	require.Empty(t, list(activities.ListPaymentIntentsRequest{Customer: customer, After: made[102]}, 0))

	for _, err := range g.ListPaymentIntents(t.Context(), activities.ListPaymentIntentsRequest{}) {
		require.Equal(t, "customer", requireKind(t, activities.StripeInvalid, err).Param, "everybody's would be listed")
	}
	s.fault(stripesandbox.Fault503)
	failures := 0
	for pi, err := range g.ListPaymentIntents(t.Context(), activities.ListPaymentIntentsRequest{Customer: customer}) {
		requireKind(t, activities.StripeUnknown, err)
		require.Empty(t, pi.ID)
		failures++
	}
	require.Equal(t, 1, failures, "an error ends the list")
}
