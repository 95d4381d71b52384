package activities_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func TestReadDispute(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		dispute activities.Dispute
		err     error
		want    activities.ReadDisputeResult
		typ     string
	}{
		"an agreement's": {
			dispute: activities.Dispute{ID: "du_1", Status: "lost", PaymentIntent: "pi_1", Metadata: map[string]string{activities.MetadataOwner: "agreement:a"}},
			want:    activities.ReadDisputeResult{Status: "lost", PaymentIntent: "pi_1", Owner: "agreement:a"},
		},
		"nobody's":  {dispute: activities.Dispute{ID: "du_1", Status: "needs_response"}, want: activities.ReadDisputeResult{Status: "needs_response"}},
		"none":      {err: fail(activities.StripeMissing)},
		"no answer": {err: fail(activities.StripeUnknown), typ: activities.ErrorStripeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stripeStub{dispute: func(string) (activities.Dispute, error) { return test.dispute, test.err }}
			got, err := do(t, &run{}, s.activities().Payments.ReadDispute, activities.ReadDisputeInput{Dispute: "du_1"})
			require.Equal(t, []string{"read du_1"}, s.calls)
			if test.typ != "" {
				requireError(t, err, test.typ, true)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestReadMandate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mandate activities.Mandate
		err     error
		want    activities.ReadMandateResult
		typ     string
	}{
		"inactive": {
			mandate: activities.Mandate{ID: "mandate_1", Status: "inactive", PaymentMethod: "pm_1"},
			want:    activities.ReadMandateResult{Status: "inactive", PaymentMethod: "pm_1"},
		},
		"none":      {err: fail(activities.StripeMissing)},
		"no answer": {err: fail(activities.StripeUnknown), typ: activities.ErrorStripeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stripeStub{mandate: func(string) (activities.Mandate, error) { return test.mandate, test.err }}
			got, err := do(t, &run{}, s.activities().Setups.ReadMandate, activities.ReadMandateInput{Mandate: "mandate_1"})
			require.Equal(t, []string{"read mandate_1"}, s.calls)
			if test.typ != "" {
				requireError(t, err, test.typ, true)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

var lookBackOwnerInput = activities.LookBackOwnerInput{Customer: "cus_1", Owner: "agreement:gym", Reference: "gym"}

// TestLookBackOwner: payments of an agreement are known by their owner, or by their reference.
func TestLookBackOwner(t *testing.T) {
	t.Parallel()
	of := func(owner, reference string) activities.PaymentIntent {
		return activities.PaymentIntent{ID: "pi", Metadata: map[string]string{activities.MetadataOwner: owner, activities.MetadataReference: reference}}
	}
	for name, test := range map[string]struct {
		list []activities.PaymentIntent
		err  error
		want activities.LookBackOwnerResult
		typ  string
	}{
		"none":                  {},
		"no such customer":      {err: failParam(activities.StripeMissing, "customer")},
		"a foreign one":         {list: []activities.PaymentIntent{{ID: "pi"}}},
		"of other agreements":   {list: []activities.PaymentIntent{of("agreement:gym2", "gym2~now7"), of("", "gym"), of("agreement:g", "g~gym~now3")}},
		"by owner":              {list: []activities.PaymentIntent{of("agreement:gym", "")}, want: activities.LookBackOwnerResult{Found: true}},
		"by reference":          {list: []activities.PaymentIntent{of("", "gym~20260131")}, want: activities.LookBackOwnerResult{Found: true}},
		"charged at once":       {list: []activities.PaymentIntent{of("", "gym~now2"), of("", "gym~now11"), of("", "gym~now9")}, want: activities.LookBackOwnerResult{Found: true, LastNow: 11}},
		"not a charge at once":  {list: []activities.PaymentIntent{of("", "gym~nowhere"), of("", "gym~now-1"), of("", "gym~now99999999999")}, want: activities.LookBackOwnerResult{Found: true}},
		"no answer on the way":  {list: []activities.PaymentIntent{of("", "gym~now2")}, err: fail(activities.StripeUnknown), typ: activities.ErrorStripeUnavailable},
		"too many on the way":   {err: fail(activities.StripeRateLimited), typ: activities.ErrorStripeRateLimited},
		"a date and one at now": {list: []activities.PaymentIntent{of("agreement:gym", "gym~now1"), of("agreement:gym", "gym~20260131")}, want: activities.LookBackOwnerResult{Found: true, LastNow: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &stripeStub{listed: func(r activities.ListPaymentIntentsRequest) iter.Seq2[activities.PaymentIntent, error] {
				require.Equal(t, activities.ListPaymentIntentsRequest{Customer: "cus_1"}, r)
				return intents(test.err, test.list...)
			}}
			got, err := do(t, &run{}, s.activities().Payments.LookBackOwner, lookBackOwnerInput)
			if test.typ != "" {
				requireError(t, err, test.typ, true)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

// TestLookBackOwnerGoesOn: an answer that is lost half-way costs one page, however long the list is.
func TestLookBackOwnerGoesOn(t *testing.T) {
	t.Parallel()
	first := make([]activities.PaymentIntent, 250)
	for i := range first {
		first[i] = activities.PaymentIntent{ID: fmt.Sprintf("pi_%d", i), Metadata: map[string]string{activities.MetadataReference: "gym~now5"}}
	}
	rest := activities.PaymentIntent{ID: "pi_rest", Metadata: map[string]string{activities.MetadataReference: "gym~now3"}}
	s := &stripeStub{listed: func(r activities.ListPaymentIntentsRequest) iter.Seq2[activities.PaymentIntent, error] {
		if r.After == "pi_249" {
			return intents(nil, rest)
		}
		return intents(fail(activities.StripeUnknown), first...)
	}}
	died := &run{}
	_, err := do(t, died, s.activities().Payments.LookBackOwner, lookBackOwnerInput)
	requireError(t, err, activities.ErrorStripeUnavailable, true)
	require.Equal(t, []string{
		`{"after":"pi_99","found":true,"last_now":5}`, `{"after":"pi_199","found":true,"last_now":5}`, `{"after":"pi_249","found":true,"last_now":5}`,
	}, died.beats, "at each page, and at the end")

	again := &run{attempt: 2, scheduled: now, details: json.RawMessage(died.beats[2])}
	got, err := do(t, again, s.activities().Payments.LookBackOwner, lookBackOwnerInput)
	require.NoError(t, err)
	require.Equal(t, activities.LookBackOwnerResult{Found: true, LastNow: 5}, got, "what was found before counts")

	s.calls = nil
	_, err = do(t, &run{attempt: 2, scheduled: now, details: 5}, s.activities().Payments.LookBackOwner, lookBackOwnerInput)
	require.Error(t, err)
	require.Equal(t, []string{"list cus_1 after "}, s.calls, "details that cannot be read begin anew")
}
