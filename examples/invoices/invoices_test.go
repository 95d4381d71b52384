package main

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/internal/devstack"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/internal/stripesandbox/sandboxtest"
	"github.com/offsession/offsession/starter/client"
)

func table(t *testing.T) *sql.DB {
	t.Helper()
	db, err := open(t.Context(), filepath.Join(t.TempDir(), "invoices.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func add(t *testing.T, db *sql.DB, customer string) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), `INSERT INTO invoices (customer, amount, currency) VALUES (?, 1099, 'usd')`, customer)
	require.NoError(t, err)
}

// states are those of all invoices, with their runs, oldest first.
func states(t *testing.T, db *sql.DB) string {
	t.Helper()
	var all string
	require.NoError(t, db.QueryRowContext(t.Context(),
		`SELECT group_concat(state || ' ' || coalesce(run, 'none'), ', ') FROM (SELECT * FROM invoices ORDER BY id)`).Scan(&all))
	return all
}

func TestExportIsTheSameAgain(t *testing.T) {
	t.Parallel()
	db, dir := table(t), t.TempDir()
	manifest, err := export(t.Context(), db, dir, "first")
	require.NoError(t, err)
	require.Empty(t, manifest, "nothing to charge")
	add(t, db, "cus_1")
	manifest, err = export(t.Context(), db, dir, "second")
	require.NoError(t, err)
	before, err := os.ReadFile(manifest)
	require.NoError(t, err)
	require.Equal(t, "reference,customer,amount,currency\ninvoice-1,cus_1,1099,usd\n", string(before))
	add(t, db, "cus_2")
	again, err := export(t.Context(), db, dir, "second")
	require.NoError(t, err)
	after, err := os.ReadFile(again)
	require.NoError(t, err)
	require.Equal(t, string(before), string(after), "what came later waits for the next run")
	require.Equal(t, "open second, open none", states(t, db))
}

type report struct{ *strings.Reader }

func (report) Close() error { return nil }

func TestBook(t *testing.T) {
	t.Parallel()
	db := table(t)
	for range 5 {
		add(t, db, "cus_1")
	}
	_, err := export(t.Context(), db, t.TempDir(), "july")
	require.NoError(t, err)
	text := "reference,outcome,payment_intent,handed_over\ninvoice-1,succeeded,pi_1,false\ninvoice-2,declined,pi_2,true\n" +
		"invoice-3,rejected,,false\ninvoice-4,not_charged,,false\ninvoice-5,processing,pi_5,true\n"
	want := "paid july, collecting july, rejected july, open none, collecting july"
	require.NoError(t, book(t.Context(), db, "july", report{strings.NewReader(text)}))
	require.Equal(t, want, states(t, db))
	require.NoError(t, book(t.Context(), db, "july", report{strings.NewReader(strings.ReplaceAll(text, "succeeded", "rejected"))}))
	require.Equal(t, want, states(t, db), "booked once")
}

// TestNights charges invoices for three nights, the first of which is repeated, on a Temporal server and the sandbox.
func TestNights(t *testing.T) {
	t.Parallel()
	stack, err := devstack.Start(t.Context(), devstack.Options{Sandbox: stripesandbox.Config{Middleware: sandboxtest.Check(t)}})
	require.NoError(t, err)
	t.Cleanup(stack.Stop)
	billing, err := stack.Client()
	require.NoError(t, err)
	t.Cleanup(billing.Close)
	db, dir := table(t), t.TempDir()
	add(t, db, customer(t, stack, "pm_card_visa"))
	add(t, db, customer(t, stack, "pm_sandbox_decline_insufficient_funds_times_1"))
	for range 2 {
		require.NoError(t, nightly(t.Context(), db, billing, dir, "2026-11-22"))
		require.Equal(t, "paid invoices-2026-11-22, collecting invoices-2026-11-22", states(t, db))
	}

	add(t, db, customer(t, stack, "pm_card_visa"))
	require.NoError(t, nightly(t.Context(), db, billing, dir, "2026-11-23"))
	require.Equal(t, "paid invoices-2026-11-22, collecting invoices-2026-11-22, paid invoices-2026-11-23", states(t, db))

	_, err = billing.RetryPayment(t.Context(), "invoice-2", client.Operation{Actor: "test", Reason: "there is money now"})
	require.NoError(t, err)
	_, err = billing.Wait(t.Context(), "invoice-2")
	require.NoError(t, err)
	require.NoError(t, nightly(t.Context(), db, billing, dir, "2026-11-24"))
	require.Equal(t, "paid invoices-2026-11-22, paid invoices-2026-11-22, paid invoices-2026-11-23", states(t, db))

	ledger := stack.Sandbox.Ledger("")
	require.Empty(t, ledger.PaidMoreThanOnce)
	require.Len(t, ledger.References, 3)
	for reference, payment := range ledger.References {
		require.Equal(t, 1, payment.NetSuccesses, reference)
		require.Len(t, payment.PaymentIntents, 1, reference)
	}
}

// TestNightsAfterARunThatStoodStill: what a run of an earlier night has charged in the end is booked by a later night, and the invoices of
// one that was canceled before it charged any are charged by the next.
func TestNightsAfterARunThatStoodStill(t *testing.T) {
	t.Parallel()
	stack, err := devstack.Start(t.Context(), devstack.Options{Sandbox: stripesandbox.Config{Middleware: sandboxtest.Check(t)}})
	require.NoError(t, err)
	t.Cleanup(stack.Stop)
	billing, err := stack.Client()
	require.NoError(t, err)
	t.Cleanup(billing.Close)
	db, dir := table(t), t.TempDir()
	by := client.RunOperation{Actor: "test", Reason: "it was looked at"}
	wrong := func(id int) {
		add(t, db, customer(t, stack, "pm_card_visa"))
		_, err := db.ExecContext(t.Context(), `UPDATE invoices SET currency = 'none' WHERE id = ?`, id)
		require.NoError(t, err)
	}
	correct := func() {
		_, err := db.ExecContext(t.Context(), `UPDATE invoices SET currency = 'usd'`)
		require.NoError(t, err)
	}
	wrong(1)
	require.ErrorIs(t, nightly(t.Context(), db, billing, dir, "2026-11-22"), errNeedsPerson)
	require.Equal(t, "open invoices-2026-11-22", states(t, db))

	correct()
	_, err = export(t.Context(), db, dir, "invoices-2026-11-22")
	require.NoError(t, err)
	_, err = billing.ResumeRun(t.Context(), "invoices-2026-11-22", by)
	require.NoError(t, err)
	wrong(2)
	require.ErrorIs(t, nightly(t.Context(), db, billing, dir, "2026-11-23"), errNeedsPerson)
	require.Equal(t, "paid invoices-2026-11-22, open invoices-2026-11-23", states(t, db))

	correct()
	_, err = billing.CancelRun(t.Context(), "invoices-2026-11-23", by)
	require.NoError(t, err)
	require.NoError(t, nightly(t.Context(), db, billing, dir, "2026-11-24"))
	require.Equal(t, "paid invoices-2026-11-22, open none", states(t, db))
	require.NoError(t, nightly(t.Context(), db, billing, dir, "2026-11-25"))
	require.Equal(t, "paid invoices-2026-11-22, paid invoices-2026-11-25", states(t, db))
	require.Empty(t, stack.Sandbox.Ledger("").PaidMoreThanOnce)
}

// customer is a new one with a default payment method.
func customer(t *testing.T, stack *devstack.Stack, token string) string {
	t.Helper()
	form := url.Values{"payment_method": {token}, "invoice_settings[default_payment_method]": {token}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, stack.Sandbox.URL+"/v1/customers", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+stripesandbox.DefaultAPIKey)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	var made struct {
		ID string `json:"id"`
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&made))
	return made.ID
}
