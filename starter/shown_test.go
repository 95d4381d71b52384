package main

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

func encoded(t *testing.T, value any) map[string]any {
	t.Helper()
	data, err := json.Marshal(value)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(data, &got))
	return got
}

// Scripts read these keys without asking first whether they are there.
func TestEmptyKeysAreShown(t *testing.T) {
	t.Parallel()
	p := encoded(t, showPayment(client.Payment{PaymentStatus: workflows.PaymentStatus{Attempts: []workflows.Attempt{{}}}}))
	for key, empty := range map[string]any{
		"state": "", "amount": 0., "currency": "", "payment_intent": "", "refunds": []any{}, "next_action_at": nil, "link": "", "owner": "",
	} {
		require.Contains(t, p, key)
		require.Equal(t, empty, p[key], key)
	}
	attempt := p["attempts"].([]any)[0].(map[string]any)
	for _, key := range []string{"number", "at", "outcome", "decline_code", "advice_code", "rule", "reason"} {
		require.Contains(t, attempt, key)
	}
	require.Equal(t, []any{}, encoded(t, showPayment(client.Payment{}))["attempts"])

	saved := encoded(t, showSave(client.SavedPaymentMethod{}))
	for _, key := range []string{"state", "customer", "payment_method", "session_id", "link"} {
		require.Contains(t, saved, key)
		require.Empty(t, saved[key])
	}
}

// fakeSetups knows one open setup.
type fakeSetups struct {
	state    workflows.SetupState
	pending  bool
	received client.Operation
}

func (f *fakeSetups) CancelSavePaymentMethod(_ context.Context, _ string, op client.Operation) (client.Answer, error) {
	f.received = op
	if !f.pending {
		f.state = workflows.SetupCanceled
	}
	return client.Answer{State: string(f.state), Pending: f.pending}, nil
}

func (f *fakeSetups) SavedPaymentMethod(_ context.Context, reference string) (client.SavedPaymentMethod, error) {
	s := client.SavedPaymentMethod{Link: "https://pay.example.com/c/x"}
	s.Reference, s.State, s.Customer = reference, f.state, "cus_1"
	return s, nil
}

func TestSaveCardCancel(t *testing.T) {
	t.Parallel()
	cmd := newSaveCardCancel(&app{})
	for flag, want := range map[string]string{"actor": "cli", "reason": "canceled by command"} {
		require.Equal(t, want, cmd.Flags().Lookup(flag).DefValue)
	}

	op := client.Operation{Actor: "cli", Reason: "test"}
	var out bytes.Buffer
	setup := &fakeSetups{state: workflows.SetupOpen}
	require.NoError(t, (&app{stdout: &out, output: outputJSON}).cancelSave(t.Context(), setup, "s1", op))
	require.Equal(t, op, setup.received)
	var got map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	require.Equal(t, "canceled", got["state"])
	require.Equal(t, "cus_1", got["customer"])
	require.Equal(t, "https://pay.example.com/c/x", got["link"])
	for _, key := range []string{"payment_method", "session_id"} {
		require.Contains(t, got, key)
	}

	out.Reset()
	require.NoError(t, (&app{stdout: &out, output: outputText}).cancelSave(t.Context(), &fakeSetups{state: workflows.SetupOpen, pending: true}, "s1", op))
	require.Contains(t, out.String(), "Saving a payment method, s1: open")
	require.Contains(t, out.String(), "Stripe has not answered yet")
}
