package activities_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

func TestPageCharges(t *testing.T) {
	t.Parallel()
	b := newPageBench(100)
	r := &run{}
	res, err := do(t, r, b.runs.ChargePage, b.in)
	require.NoError(t, err)
	require.Equal(t, activities.RunTotals{activities.ChargeSucceeded: {"usd": {Rows: 100, Amount: 14950}}}, res.Totals)
	require.Empty(t, r.beats, "a page that is done at once costs no heartbeat")
	require.Len(t, b.files.results, 100)
	for i, row := range b.files.results {
		reference := fmt.Sprintf("r%d", i)
		require.Equal(t, activities.RowResult{
			Row: 300 + i, RunRow: b.files.rows[i], Outcome: activities.ChargeSucceeded, PaymentIntent: "pi_" + reference,
			ChargedMethod: fmt.Sprintf("pm_%d", i),
		}, row)
		require.Equal(t, 1, b.stripe.taken[reference])
	}
	require.Empty(t, b.workflows.references())
}

func TestPageHandsOver(t *testing.T) {
	t.Parallel()
	b := newPageBench(10)
	b.stripe.answer = func(r activities.CreatePaymentIntentRequest, _ int) (activities.PaymentIntent, error) {
		return declined(r, activities.Codes{Code: "card_declined", DeclineCode: "insufficient_funds"})
	}
	b.workflows.broken = 1
	res, err := do(t, &run{}, b.runs.ChargePage, b.in)
	require.NoError(t, err)
	require.Equal(t, 10, res.Totals.Rows(activities.ChargeDeclined))
	require.Len(t, b.workflows.references(), 10)
	for _, row := range b.files.results {
		require.True(t, row.HandedOver)
		require.Equal(t, "insufficient_funds", row.DeclineCode)
	}
}

// TestPageInputTravelsWhole: what a page needs of its run's file and of its index gets through Temporal, names that both have as well.
func TestPageInputTravelsWhole(t *testing.T) {
	t.Parallel()
	in := activities.ChargePageInput{
		RunFile: activities.RunFile{URL: "file:///july.csv", Run: "july", Life: "0190"}, RunPage: activities.RunPage{RunLife: "0190", Number: 7, Rows: 3},
		LostSince: now, MessagesWait: time.Minute,
	}
	text, err := json.Marshal(in)
	require.NoError(t, err)
	var out activities.ChargePageInput
	require.NoError(t, json.Unmarshal(text, &out))
	require.Equal(t, in, out)
}
