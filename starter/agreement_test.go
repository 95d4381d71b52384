package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
)

func exampleAgreement() client.Agreement {
	return client.Agreement{
		AgreementStatus: workflows.AgreementStatus{
			Reference: "gym-17", State: workflows.AgreementActive, Customer: "cus_1", PaymentMethod: "pm_1",
			Card:   workflows.AgreementCard{Type: "card", Brand: "visa", Last4: "4242", ExpMonth: 12, ExpYear: 2030},
			Amount: 1099, Currency: "usd", MaxAmountPerCharge: 2000, MaxAmountPerMonth: 5000, Description: "Membership", TimeZone: "Europe/Berlin",
			Schedule:  calendar.Schedule{Every: "month", On: "31", At: "12:00", Count: 24},
			StartedAt: noon.AddDate(0, -2, 0), NextDueAt: noon.AddDate(0, 0, 30), NextActionAt: noon.AddDate(0, 0, 30), Charges: 3, Paid: 1,
			Payments: []workflows.AgreementPayment{
				{Reference: "gym-17~20251231", DueAt: noon.AddDate(0, -2, 0), State: workflows.AgreementPaymentSkipped, Reason: "skip_next"},
				{Reference: "gym-17~20260131", DueAt: noon.AddDate(0, -1, 0), State: workflows.AgreementPaymentPaid, Amount: 1099, PaymentIntent: "pi_1"},
				{Reference: "gym-17~20260228", DueAt: noon, State: workflows.AgreementPaymentCollecting, Reason: "declined", Amount: 1099, PaymentIntent: "pi_2"},
			},
			Audit: []workflows.AuditEntry{{At: noon, Update: "skip_next", Actor: "support", Reason: "asked", State: "active"}},
		},
		WorkflowID: "agreement:gym-17",
	}
}

// fakeAgreements knows one agreement, and the payment that it is collecting.
type fakeAgreements struct {
	agreement  client.Agreement
	payment    client.Payment
	err        error
	paymentErr error
}

func (f fakeAgreements) Agreement(context.Context, string) (client.Agreement, error) {
	return f.agreement, f.err
}

func (f fakeAgreements) Payment(_ context.Context, reference string) (client.Payment, error) {
	if f.paymentErr == nil && reference != "gym-17~20260228" {
		return client.Payment{}, errors.New("not asked for: " + reference)
	}
	return f.payment, f.paymentErr
}

// agreementsInTurn answers one after the other, then nothing more.
type agreementsInTurn struct {
	fakeAgreements
	answers []client.Agreement
}

func (f *agreementsInTurn) Agreement(context.Context, string) (client.Agreement, error) {
	if len(f.answers) == 0 {
		return client.Agreement{}, errors.New("asked once too often")
	}
	next := f.answers[0]
	f.answers = f.answers[1:]
	return next, nil
}

func collecting() client.Payment {
	p := client.Payment{Link: "https://pay.example.com/c/x"}
	p.State, p.NextActionAt = workflows.PaymentRetryScheduled, noon.AddDate(0, 0, 2)
	return p
}

func TestAgreementText(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	a := &app{stdout: &out, stderr: &errs, output: outputText}
	require.NoError(t, a.showAgreement(t.Context(), fakeAgreements{agreement: exampleAgreement(), payment: collecting()}, "gym-17"))
	require.Empty(t, errs.String())
	require.Equal(t, `Agreement gym-17: active
  customer        cus_1
  payment method  pm_1 (visa card •••• 4242, expires 12/2030)
  amount          $10.99 (1099 usd)
  at most         $20.00 per charge, $50.00 per month
  description     Membership
  schedule        every month on 31 at 12:00, 24 times, Europe/Berlin
  next charge     2026-03-31 14:00:00 Europe/Berlin (2026-03-31 12:00:00 UTC)
  next action     2026-03-31 14:00:00 Europe/Berlin (2026-03-31 12:00:00 UTC)
  charges         3, of which 1 paid
  started         2026-01-01 13:00:00 Europe/Berlin (2026-01-01 12:00:00 UTC)

Payments
  reference        due                                                          amount             state                         next action                                                  payment intent
  gym-17~20251231  2026-01-01 13:00:00 Europe/Berlin (2026-01-01 12:00:00 UTC)  -                  skipped (skip_next)           -                                                            -
  gym-17~20260131  2026-02-01 13:00:00 Europe/Berlin (2026-02-01 12:00:00 UTC)  $10.99 (1099 usd)  paid                          -                                                            pi_1
  gym-17~20260228  2026-03-01 13:00:00 Europe/Berlin (2026-03-01 12:00:00 UTC)  $10.99 (1099 usd)  collecting (retry_scheduled)  2026-03-03 13:00:00 Europe/Berlin (2026-03-03 12:00:00 UTC)  pi_2

Operations
  at                                                           what       by       why    then
  2026-03-01 13:00:00 Europe/Berlin (2026-03-01 12:00:00 UTC)  skip_next  support  asked  active
`, out.String())
}

func TestAgreementTextOfOtherStates(t *testing.T) {
	t.Parallel()
	paused := exampleAgreement()
	paused.State, paused.Reason, paused.PausedUntil, paused.CancelAt = workflows.AgreementPaused, "payment_failed", noon, noon.AddDate(0, 1, 0)
	text := agreementText(showAgreement(paused))
	require.Contains(t, text, "Agreement gym-17: paused (payment_failed)\n")
	require.Contains(t, text, "  next date, not charged  2026-03-31 14:00:00 Europe/Berlin")
	require.Contains(t, text, "  paused until            2026-03-01 13:00:00 Europe/Berlin")
	require.Contains(t, text, "  ends                    2026-04-01 14:00:00 Europe/Berlin")
	require.Contains(t, text, "collecting (declined)", "when its own workflow is not asked")

	saving := client.Agreement{Link: "https://pay.example.com/c/y"}
	saving.Reference, saving.State, saving.AmountFrom, saving.Currency = "gym-17", workflows.AgreementSavingCard, workflows.AmountFromWebhook, "usd"
	saving.Schedule = calendar.Schedule{RRule: "FREQ=DAILY", Until: "2026-12-31"}
	require.Equal(t, `Agreement gym-17: saving_card
  customer saves a method  https://pay.example.com/c/y
  amount                   asked from the app, usd
  schedule                 by FREQ=DAILY until 2026-12-31
  charges                  0, of which 0 paid
`, agreementText(showAgreement(saving)))

	var terminated client.Agreement
	terminated.Reference, terminated.State, terminated.Reason = "gym-17", workflows.AgreementNeedsAttention, client.ReasonWorkflowTerminated
	require.Equal(t, "Agreement gym-17: needs_attention (workflow_terminated)\n  charges  0, of which 0 paid\n", agreementText(showAgreement(terminated)))
}

func TestAgreementJSON(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := &app{stdout: &out, output: outputJSON}
	require.NoError(t, a.showAgreement(t.Context(), fakeAgreements{agreement: exampleAgreement(), payment: collecting()}, "gym-17"))
	var got map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	require.Equal(t, "active", got["state"])
	require.Equal(t, "2026-03-31T12:00:00Z", got["next_due_at"])
	require.Equal(t, "pm_1", got["payment_method"])
	require.Equal(t, map[string]any{
		"reference": "gym-17~20260228", "due_at": "2026-03-01T12:00:00Z", "state": "collecting", "reason": "declined", "amount": 1099., "payment_intent": "pi_2",
		"payment_state": "retry_scheduled", "next_action_at": "2026-03-03T12:00:00Z", "link": "https://pay.example.com/c/x",
	}, got["payments"].([]any)[2])
	require.Equal(t, map[string]any{"every": "month", "on": 31., "at": "12:00", "count": 24.}, got["schedule"])

	// Scripts read these keys without asking first whether they are there.
	empty := encoded(t, showAgreement(client.Agreement{}))
	for key, want := range map[string]any{"state": "", "next_due_at": nil, "next_action_at": nil, "payment_method": "", "payments": []any{}, "link": "", "workflow_id": ""} {
		require.Contains(t, empty, key)
		require.Equal(t, want, empty[key], key)
	}
	skipped := encoded(t, showAgreement(exampleAgreement()))["payments"].([]any)[0].(map[string]any)
	require.Zero(t, skipped["amount"])
	require.Empty(t, skipped["payment_intent"])
}

// A payment whose workflow does not answer is shown as the agreement knows it.
func TestAgreementShowWithoutItsPayment(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		note string
	}{{fmt.Errorf("payment: %w", client.ErrNotFound), ""}, {errors.New("payment:gym-17~20260228 does not answer"), "note: payment:gym-17~20260228 does not answer\n"}} {
		var out, errs bytes.Buffer
		a := &app{stdout: &out, stderr: &errs, output: outputText}
		require.NoError(t, a.showAgreement(t.Context(), fakeAgreements{agreement: exampleAgreement(), paymentErr: test.err}, "gym-17"))
		require.Contains(t, out.String(), "collecting (declined)")
		require.Equal(t, test.note, errs.String())
	}
	var out bytes.Buffer
	err := (&app{stdout: &out, output: outputText}).showAgreement(t.Context(), fakeAgreements{err: client.ErrNotFound}, "gym-17")
	require.ErrorIs(t, err, client.ErrNotFound)
	require.Empty(t, out.String())
}

func TestAgreementOperationAnswer(t *testing.T) {
	t.Parallel()
	agreement := exampleAgreement()
	agreement.Link = "https://pay.example.com/c/y"
	answer := client.AgreementAnswer{
		State: workflows.AgreementOnHold, NextDueAt: noon, Payment: "gym-17~now1", PaymentState: workflows.AgreementPaymentPaid,
		SavePaymentMethod: "gym-17~card1", NotWrittenOff: []string{"gym-17~20260228"},
	}
	var out, errs bytes.Buffer
	require.NoError(t, (&app{stdout: &out, output: outputText}).answerOperation(t.Context(), fakeAgreements{agreement: agreement}, "gym-17", answer))
	require.Equal(t, `gym-17: on_hold
  payment                   gym-17~now1: paid
  customer saves a method   https://pay.example.com/c/y
  next charge               2026-03-01 13:00:00 Europe/Berlin (2026-03-01 12:00:00 UTC)
  could not be written off  gym-17~20260228
`, out.String())

	out.Reset()
	require.NoError(t, (&app{stdout: &out, output: outputJSON}).answerOperation(t.Context(), fakeAgreements{agreement: agreement}, "gym-17", answer))
	var got map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	for key, want := range map[string]any{
		"state": "on_hold", "next_due_at": "2026-03-01T12:00:00Z", "payment": "gym-17~now1", "payment_state": "paid", "save_payment_method": "gym-17~card1",
		"not_written_off": []any{"gym-17~20260228"}, "payment_method": "pm_1", "customer": "cus_1",
	} {
		require.Equal(t, want, got[key], key)
	}
	require.Len(t, got["payments"], 3)

	// What has been done is told, also when the agreement cannot be read any more.
	out.Reset()
	gone := fakeAgreements{err: errors.New("agreement:gym-17 does not answer")}
	require.NoError(t, (&app{stdout: &out, stderr: &errs, output: outputText}).answerOperation(t.Context(), gone, "gym-17",
		client.AgreementAnswer{State: workflows.AgreementCanceled, Pending: true}))
	require.Equal(t, "gym-17: canceled, Stripe has not answered yet; the operation goes on\n", out.String())
	require.Equal(t, "note: agreement:gym-17 does not answer\n", errs.String())
}

func TestAgreementStartAnswer(t *testing.T) {
	t.Parallel()
	p := client.AgreementParams{Reference: "gym-17", Customer: "cus_1", PaymentMethod: "pm_1", Amount: 1099, Currency: "usd"}
	started := client.Started{WorkflowID: "agreement:gym-17", RunID: "run-1"}
	var out, errs bytes.Buffer
	require.NoError(t, (&app{stdout: &out, output: outputText}).answerStart(t.Context(), fakeAgreements{agreement: exampleAgreement()}, p, started))
	require.Equal(t, `agreement:gym-17 started (run run-1)
  state        active
  next charge  2026-03-31 14:00:00 Europe/Berlin (2026-03-31 12:00:00 UTC)
`, out.String())

	// It waits for the customer's link, which comes a moment later.
	saving := exampleAgreement()
	saving.State, saving.NextDueAt = workflows.AgreementSavingCard, time.Time{}
	asked := saving
	asked.SavePaymentMethod, asked.Link = "gym-17~card1", "https://pay.example.com/c/y"
	out.Reset()
	require.NoError(t, (&app{stdout: &out, output: outputText}).answerStart(t.Context(), &agreementsInTurn{answers: []client.Agreement{saving, asked}}, p, started))
	require.Equal(t, "agreement:gym-17 started (run run-1)\n  state                    saving_card\n  customer saves a method  https://pay.example.com/c/y\n", out.String())

	for _, test := range []struct {
		name                 string
		saveCard, already    bool
		state, paymentMethod string
	}{{"New", false, false, "active", "pm_1"}, {"NewWithCard", true, false, "saving_card", "pm_1"}, {"Again", false, true, "", "pm_1"}} {
		out.Reset()
		errs.Reset()
		p.SaveCard, started.AlreadyStarted = test.saveCard, test.already
		nobody := fakeAgreements{err: errors.New("nobody answers")}
		require.NoError(t, (&app{stdout: &out, stderr: &errs, output: outputJSON}).answerStart(t.Context(), nobody, p, started), test.name)
		require.Contains(t, errs.String(), "note: started, but no worker has answered yet (nobody answers); ask again with starter agreement show gym-17")
		var got map[string]any
		require.NoError(t, json.Unmarshal(out.Bytes(), &got))
		for key, want := range map[string]any{
			"workflow_id": "agreement:gym-17", "run_id": "run-1", "state": test.state, "next_due_at": nil, "payment_method": test.paymentMethod, "payments": []any{},
		} {
			require.Contains(t, got, key)
			require.Equal(t, want, got[key], key)
		}
	}
}

func TestAgreementListText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "no agreements", agreementListText(nil))
	require.Equal(t, `reference  state                         amount                   customer  next action
gym-17     active                        $10.99 (1099 usd)        cus_1     2026-03-01 12:00:00 UTC
usage-1    needs_attention (Terminated)  asked from the app, usd  cus_2     -
`, agreementListText([]client.AgreementSummary{
		{Reference: "gym-17", State: workflows.AgreementActive, Amount: 1099, Currency: "usd", Customer: "cus_1", NextActionAt: noon},
		{Reference: "usage-1", State: workflows.AgreementNeedsAttention, ExecutionStatus: "Terminated", Currency: "usd", Customer: "cus_2"},
	}))
}

const agreementFile = "customer: cus_1\npayment_method: pm_1\namount: 1099\ncurrency: usd\ntime_zone: Europe/Berlin\nmax_amount_per_month: 2000\nschedule: {every: week, interval: 2, on: saturday, start: 2026-01-31}\n"

func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agreement.yaml")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// Preview works where neither Temporal nor Stripe is.
func TestAgreementPreview(t *testing.T) {
	file := writeFile(t, agreementFile)
	code, stdout, stderr := command(t, nil, "agreement", "preview", file, "--next", "5", "--from", "2026-02-20", "--reference", "gym-17")
	require.Equal(t, exitDone, code, stderr)
	require.Empty(t, stderr)
	require.Equal(t, `#  local (Europe/Berlin)      UTC                  amount             reference
1  Sat 2026-02-28 09:00 CET   2026-02-28 08:00:00  $10.99 (1099 usd)  gym-17~20260228
2  Sat 2026-03-14 09:00 CET   2026-03-14 08:00:00  $10.99 (1099 usd)  gym-17~20260314
3  Sat 2026-03-28 09:00 CET   2026-03-28 08:00:00  $10.99 (1099 usd)  gym-17~20260328
4  Sat 2026-04-11 09:00 CEST  2026-04-11 07:00:00  $10.99 (1099 usd)  gym-17~20260411
5  Sat 2026-04-25 09:00 CEST  2026-04-25 07:00:00  $10.99 (1099 usd)  gym-17~20260425
note: 2026-03: with 2026-03-28T09:00:00+01:00, the charges of the month are $21.98, above max_amount_per_month ($20.00): the agreement would stop there and need attention
note: 2026-04: with 2026-04-25T09:00:00+02:00, the charges of the month are $21.98, above max_amount_per_month ($20.00): the agreement would stop there and need attention
`, stdout)

	code, stdout, stderr = command(t, nil, "agreement", "preview", "--file", file, "--from", "2026-02-28T07:59:59Z", "--output", "json")
	require.Equal(t, exitDone, code, stderr)
	var got client.AgreementPreview
	require.NoError(t, json.Unmarshal([]byte(stdout), &got))
	require.Len(t, got.Dates, 24)
	require.Equal(t, client.PreviewDate{Reference: "20260228", DueAt: time.Date(2026, 2, 28, 8, 0, 0, 0, time.UTC), Local: "2026-02-28T09:00:00+01:00", Amount: 1099}, got.Dates[0])

	asked := writeFile(t, strings.Replace(agreementFile, "amount: 1099", "amount_from: webhook", 1))
	_, stdout, _ = command(t, nil, "agreement", "preview", asked, "--next", "1", "--from", "2026-02-28")
	require.Contains(t, stdout, "1  Sat 2026-02-28 09:00 CET  2026-02-28 08:00:00  asked from the app  20260228\nnote: the app is asked for each amount when it is charged\n")
}

func TestAgreementWrongUsage(t *testing.T) {
	good := writeFile(t, agreementFile)
	fraction := writeFile(t, strings.Replace(agreementFile, "1099", "10.99", 1))
	unknown := writeFile(t, agreementFile+"catchup: all\n")
	values := writeFile(t, "customer: x y\npayment_method: cus_1\nsave_card: true\namount: 6000\nmax_amount_per_charge: 5000\ncurrency: usd\ntime_zone: Mars\nschedule: {every: never}\nnotice_days: 99\npolicy: {max_attempts: 9}\n")
	schedule := writeFile(t, "every: month\non: 32\n")
	who := []string{"--actor", "me", "--reason", "test"}
	op := func(name string, more ...string) []string {
		return append(append([]string{"agreement", name, "gym-17"}, more...), who...)
	}
	start := func(more ...string) []string { return append([]string{"agreement", "start"}, more...) }

	for _, test := range []struct {
		name string
		args []string
		want []string // a line each
	}{
		{"NoCommand", []string{"agreement"}, []string{"starter agreement needs a command: start, show, preview, list, pause, resume, skip, change, charge-now, cancel"}},
		{"NoFile", start("--reference", "gym-17"), []string{`--file: ""; must be the definition`}},
		{"FileMissing", start("--reference", "gym-17", "--file", "/nowhere.yaml"), []string{"--file: open /nowhere.yaml"}},
		{"Fraction", start("--reference", "gym-17", "--file", fraction), []string{"--file: " + fraction + ": agreement: line 3: amount: 10.99; must be a whole number"}},
		{"UnknownKey", start("--reference", "gym-17", "--file", unknown), []string{`agreement: line 8: unknown field "catchup"`}},
		{"NoReference", start("--file", good), []string{`--reference: "" is not allowed; use 1 to 100`}},
		{"Tilde", start("--reference", "gym~17", "--file", good), []string{`--reference: "gym~17"`}},
		{"AllValues", start("--reference", "gym-17", "--file", values), []string{
			`customer: "x y"`, `payment_method: "cus_1"; must be exactly one of`, `amount: "6000"; must be at most max_amount_per_charge, 5000`, `time_zone: "Mars"`,
			`notice_days: "99"; must be 0 to 60`, "policy.max_attempts: 9; must be 1 to 8",
		}},
		{"StartArgument", start("gym-17"), []string{`unexpected argument "gym-17"`}},
		{"PreviewNothing", []string{"agreement", "preview"}, []string{"starter agreement preview needs one definition file"}},
		{"PreviewTwice", []string{"agreement", "preview", good, "--file", good}, []string{"needs one definition file"}},
		{"PreviewFraction", []string{"agreement", "preview", fraction}, []string{"line 3: amount: 10.99"}},
		{"PreviewNext", []string{"agreement", "preview", good, "--next", "0"}, []string{`--next: "0"; must be 1 to 5000`}},
		{"PreviewFrom", []string{"agreement", "preview", good, "--from", "soon"}, []string{`--from: "soon"; must be a date such as 2026-12-01, or a time in RFC 3339`}},
		{"PreviewZone", []string{"agreement", "preview", values, "--from", "2026-01-01"}, []string{`time_zone: "Mars"`}},
		{"ShowNothing", []string{"agreement", "show"}, []string{"starter agreement show needs a reference"}},
		{"ShowReference", []string{"agreement", "show", "a b"}, []string{`reference: "a b" is not allowed`}},
		{"ListState", []string{"agreement", "list", "--state", "late"}, []string{`--state: "late"; must be one of saving_card, active`}},
		{"ListCustomer", []string{"agreement", "list", "--customer", "x' OR '1'='1"}, []string{"--customer: "}},
		{"Nobody", []string{"agreement", "skip", "gym-17"}, []string{`--actor: ""; must have 1 to 80`, `--reason: ""; must have 1 to 200`}},
		{"RequestID", op("skip", "--request-id", "a b"), []string{`--request-id: "a b"; must have 1 to 64`}},
		{"Until", op("pause", "--until", "later"), []string{`--until: "later"; must be a date`}},
		{"UntilPast", op("pause", "--until", "2020-01-01T00:00:00Z"), []string{`--until: "2020-01-01T00:00:00Z"; must be in the future`}},
		{"CatchUp", op("resume", "--catch-up", "some"), []string{`--catch-up: "some"; must be one of all, latest, none`}},
		{"ChangeNothing", op("change"), []string{"give exactly one of --amount, --schedule, --payment-method and --save-card; there were 0"}},
		{"ChangeTwo", op("change", "--amount", "5", "--save-card"), []string{"there were 2 (amount, save-card)"}},
		{"ChangeCurrencyAlone", op("change", "--save-card", "--currency", "eur"), []string{`--currency: "eur"; goes with --amount only`}},
		{"ChangeAmount", op("change", "--amount", "12.99"), []string{`--amount: "12.99" is not a whole number`}},
		{"ChangeAmountZero", op("change", "--amount", "0"), []string{`--amount: "0"; must be positive`}},
		{"ChangeCurrency", op("change", "--amount", "5", "--currency", "zzz"), []string{`--currency: "zzz"`}},
		{"ChangeSchedule", op("change", "--schedule", schedule), []string{`schedule.on: "32"; must be 1 to 31`}},
		{"ChangeScheduleFile", op("change", "--schedule", good), []string{"--schedule: " + good + ": schedule: line "}},
		{"ChangeMethod", op("change", "--payment-method", "cus_1"), []string{`--payment-method: "cus_1"`}},
		{"ChangeMethodEmpty", op("change", "--payment-method", ""), []string{`--payment-method: ""`}},
		{"ChargeNow", op("charge-now"), []string{`--request-id: ""; must be given, so that a repeat of the call does not charge twice`}},
		{"ChargeNowAmount", op("charge-now", "--request-id", "r", "--amount", "0"), []string{`--amount: "0"; must be positive`}},
		{"ChargeNowNegative", op("charge-now", "--request-id", "r", "--amount", "-5"), []string{`--amount: "-5"; must be positive`}},
		{"CancelAt", op("cancel", "--at", "tomorrow", "--open-payments", "forget"), []string{
			`--at: "tomorrow"; must be now or period-end`, `--open-payments: "forget"; must be collect or write-off`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := command(t, nil, test.args...)
			require.Equal(t, exitUsage, code, stderr)
			require.Empty(t, stdout)
			for _, want := range test.want {
				require.Contains(t, stderr, want)
			}
			for line := range strings.Lines(stderr) {
				require.True(t, strings.HasPrefix(line, "starter: "), line)
			}
		})
	}
}

func TestAgreementWithoutTemporal(t *testing.T) {
	file := writeFile(t, agreementFile)
	for _, args := range [][]string{
		{"agreement", "start", "--reference", "gym-17", "--file", file}, {"agreement", "show", "gym-17"}, {"agreement", "list"},
		{"agreement", "pause", "gym-17", "--until", "2090-01-01", "--actor", "x", "--reason", "x"},
		{"agreement", "change", "gym-17", "--amount", "5", "--actor", "x", "--reason", "x"},
	} {
		code, stdout, stderr := command(t, nil, args...)
		require.Equal(t, exitFailed, code, args)
		require.Empty(t, stdout)
		require.Contains(t, stderr, "starter: cannot reach Temporal at 127.0.0.1:1: ")
	}
}

// A date without a time is its first moment where the customer is.
func TestParseLocal(t *testing.T) {
	t.Parallel()
	apia, err := zoneOf(t.Context(), fakeAgreements{agreement: client.Agreement{AgreementStatus: workflows.AgreementStatus{TimeZone: "Pacific/Apia"}}}, "gym-17")
	require.NoError(t, err)
	zone := func() (*time.Location, error) { return apia, nil }
	at, err := parseLocal("until", "2026-03-01", zone)
	require.NoError(t, err)
	require.Equal(t, "2026-02-28T11:00:00Z", at.UTC().Format(time.RFC3339))
	at, err = parseLocal("until", "2026-03-01T00:00:00Z", nil)
	require.NoError(t, err)
	require.Equal(t, noon.Add(-12*time.Hour), at.UTC())
	_, err = parseLocal("until", "2026-03-01", func() (*time.Location, error) { return nil, client.ErrNotFound })
	require.ErrorIs(t, err, client.ErrNotFound)
}
