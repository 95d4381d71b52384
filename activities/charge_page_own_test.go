package activities_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// TestPageFindsItsOwn: a page that looks back finds what an earlier run of it has sent. That is the row's own outcome, and not an earlier
// use of its reference.
func TestPageFindsItsOwn(t *testing.T) {
	t.Parallel()
	const own, theirs = "billing-run:july", "billing-run:june"
	no := activities.Codes{Code: "card_declined", DeclineCode: "insufficient_funds"}
	type row struct {
		outcome         activities.ChargeOutcome
		codes           activities.Codes
		adopted, handed bool
	}
	for name, test := range map[string]struct {
		status activities.PaymentIntentStatus
		owner  string
		failed activities.Codes
		want   row
	}{
		"succeeded":              {activities.PaymentIntentSucceeded, own, activities.Codes{}, row{outcome: activities.ChargeSucceeded}},
		"succeeded, another's":   {activities.PaymentIntentSucceeded, theirs, activities.Codes{}, row{outcome: activities.ChargeSucceeded, adopted: true}},
		"processing":             {activities.PaymentIntentProcessing, own, activities.Codes{}, row{outcome: activities.ChargeProcessing, handed: true}},
		"declined":               {activities.PaymentIntentRequiresPaymentMethod, own, no, row{outcome: activities.ChargeDeclined, codes: no, handed: true}},
		"declined, another's":    {activities.PaymentIntentRequiresPaymentMethod, theirs, no, row{outcome: activities.ChargeUnknown, adopted: true, handed: true}},
		"declined, then cleared": {activities.PaymentIntentCanceled, own, no, row{outcome: activities.ChargeDeclined, codes: no, handed: true}},
		"canceled":               {activities.PaymentIntentCanceled, own, activities.Codes{}, row{outcome: activities.ChargeCanceled, adopted: true}},
		"not confirmed":          {activities.PaymentIntentRequiresConfirmation, own, activities.Codes{}, row{outcome: activities.ChargeUnknown, handed: true}},
	} {
		for _, closing := range []bool{false, true} {
			t.Run(map[bool]string{false: name, true: name + ", closing"}[closing], func(t *testing.T) {
				t.Parallel()
				b := newPageBench(1)
				b.clock(now)
				b.in.LookedBackAt, b.in.Closing = now.Add(-activities.KeyTrust-time.Hour), closing
				sent := now.Add(-time.Hour)
				b.files.checkpoint = []byte(`{"row":0,"first_sent_at":"` + sent.Format(time.RFC3339) + `"}`)
				b.stripe.found = map[string][]activities.PaymentIntent{"r0": {{
					ID: "pi_r0", Status: test.status, Customer: "cus_0", Amount: 100, Currency: "usd", PaymentMethod: "pm_0", LatestCharge: "ch_1",
					LastError: test.failed, Metadata: map[string]string{activities.MetadataReference: "r0", activities.MetadataOwner: test.owner},
				}}}
				_, err := do(t, &run{}, b.runs.ChargePage, b.in)
				require.NoError(t, err)
				require.Empty(t, b.stripe.sent)
				got := b.files.results[0]
				require.Equal(t, test.want, row{got.Outcome, got.Codes, got.Adopted, got.HandedOver})
				require.Equal(t, "pi_r0", got.PaymentIntent)
				if handover, ok := b.workflows.started["r0"]; ok && !got.Adopted && got.Outcome == activities.ChargeUnknown {
					require.Equal(t, sent, handover.Result.FirstSentAt)
				}
			})
		}
	}
}
