package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func examplePayment() client.Payment {
	return client.Payment{
		PaymentStatus: workflows.PaymentStatus{
			Reference: "order-17", State: workflows.PaymentRetryScheduled, Customer: "cus_1", Amount: 1099, Currency: "usd", TimeZone: "Europe/Berlin",
			PaymentIntent: "pi_1", NextActionAt: noon.AddDate(0, 0, 2),
			Attempts: []workflows.Attempt{{
				Number: 1, At: noon, Outcome: activities.ChargeDeclined, Codes: activities.Codes{Code: "card_declined", DeclineCode: "insufficient_funds"},
				Rule: "class.soft", Explanation: "too little money; tried again in 2 days",
			}},
			Refunds: []workflows.Refund{},
			Audit:   []workflows.AuditEntry{{At: noon, Update: "reschedule", Actor: "support", Reason: "asked", State: "retry_scheduled"}},
		},
		WorkflowID: "payment:order-17", Link: "https://pay.example.com/c/x",
	}
}

func TestPaymentText(t *testing.T) {
	t.Parallel()
	require.Equal(t, `Payment order-17: retry_scheduled
  amount          $10.99 (1099 usd)
  customer        cus_1
  payment intent  pi_1
  payment method  customer's default
  next action     2026-03-03 13:00:00 Europe/Berlin (2026-03-03 12:00:00 UTC)
  link            https://pay.example.com/c/x

Attempts
  #  at                                                           outcome   code                advice  rule
  1  2026-03-01 13:00:00 Europe/Berlin (2026-03-01 12:00:00 UTC)  declined  insufficient_funds  -       class.soft

Operations
  at                                                           what        by       why    then
  2026-03-01 13:00:00 Europe/Berlin (2026-03-01 12:00:00 UTC)  reschedule  support  asked  retry_scheduled
`, paymentText(examplePayment()))
}

func TestPaymentJSON(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, (&app{stdout: &out, output: outputJSON}).answer(showPayment(examplePayment()), nil))
	var got map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	for _, key := range []string{"state", "amount", "currency", "payment_intent", "attempts", "refunds", "next_action_at", "link", "owner", "workflow_id", "reference"} {
		require.Contains(t, got, key)
	}
	attempt, ok := got["attempts"].([]any)[0].(map[string]any)
	require.True(t, ok)
	require.Equal(t, map[string]any{
		"number": 1., "at": "2026-03-01T12:00:00Z", "outcome": "declined", "code": "card_declined", "decline_code": "insufficient_funds", "advice_code": "",
		"rule": "class.soft", "reason": "too little money; tried again in 2 days",
	}, attempt)
}

func TestExplanation(t *testing.T) {
	t.Parallel()
	require.Equal(t, `Payment order-17: retry_scheduled
  Attempt 1, 2026-03-01 13:00:00 Europe/Berlin (2026-03-01 12:00:00 UTC): declined (insufficient_funds). too little money; tried again in 2 days. [class.soft]
  The next attempt is at 2026-03-03 13:00:00 Europe/Berlin (2026-03-03 12:00:00 UTC).
`, explanationText(explain(examplePayment())))
}

// Every state and outcome has words.
func TestExplanationIsComplete(t *testing.T) {
	t.Parallel()
	for _, state := range []workflows.PaymentState{
		workflows.PaymentScheduled, workflows.PaymentCharging, workflows.PaymentProcessing, workflows.PaymentRetryScheduled, workflows.PaymentAwaitingCustomer,
		workflows.PaymentNeedsAttention, workflows.PaymentPaid, workflows.PaymentUncollectible, workflows.PaymentCanceled,
	} {
		p := examplePayment()
		p.State = state
		require.NotEmpty(t, nextText(p), state)
	}
	for _, outcome := range []activities.ChargeOutcome{
		activities.ChargeSucceeded, activities.ChargeProcessing, activities.ChargeRefused, activities.ChargeNeedsCustomer, activities.ChargeUnknown,
		activities.ChargeNotTaken, activities.ChargeCanceled, activities.ChargeConflict, activities.ChargeHeld,
	} {
		require.NotEqual(t, string(outcome), outcomeText(workflows.Attempt{Outcome: outcome}))
	}
}

func TestSavedText(t *testing.T) {
	t.Parallel()
	require.Equal(t, `Saving a payment method, s1: saved
  customer        cus_1
  payment method  pm_1 (visa card •••• 4242, expires 12/2030)
  deadline        2026-03-01 12:00:00 UTC
`, savedText(client.SavedPaymentMethod{SetupStatus: workflows.SetupStatus{
		Reference: "s1", Deadline: noon, TimeZone: "UTC",
		SavePaymentMethodResult: workflows.SavePaymentMethodResult{State: workflows.SetupSaved, Customer: "cus_1", PaymentMethod: "pm_1", Type: "card", Brand: "visa", Last4: "4242", ExpMonth: 12, ExpYear: 2030},
	}}))
}
