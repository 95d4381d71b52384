package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"github.com/offsession/offsession/workflows"
)

// agreementKeys are those that scripts find in every answer about an agreement.
const agreementKeys = "reference workflow_id state customer payment_method amount currency next_due_at next_action_at payments link"

// definition writes a definition whose first charge is now; the lines given replace those with the same key.
func (s *site) definition(customer, method string, lines ...string) string {
	s.t.Helper()
	keys := []string{
		"customer: " + customer, "payment_method: " + method, "amount: 1099", "currency: usd", "description: Gym", "time_zone: Europe/Berlin",
		"schedule: {every: month, on: 31, start: " + monthlyFrom(40).Start + "}", "first_charge: now", "max_amount_per_charge: 5000",
		"policy: {soft: {after: [1h]}, issuer: {after: [1h]}, customer_window: 1h, reminders: []}",
	}
	for _, line := range lines {
		key, value, _ := strings.Cut(line, ":")
		keys = slices.DeleteFunc(keys, func(k string) bool { return strings.HasPrefix(k, key+":") })
		if strings.TrimSpace(value) != "" {
			keys = append(keys, line)
		}
	}
	path := filepath.Join(s.t.TempDir(), "agreement.yaml")
	require.NoError(s.t, os.WriteFile(path, []byte(strings.Join(keys, "\n")), 0o600))
	return path
}

func agreementArgs(command, reference string, more ...string) []string {
	return append(append([]string{"agreement", command, reference}, byHandFlags...), more...)
}

// operate runs a command that changes an agreement, and answers what it printed.
func (s *site) operate(command, reference string, more ...string) map[string]any {
	s.t.Helper()
	return s.json(agreementKeys, agreementArgs(command, reference, more...)...)
}

// TestAgreementCommands is the life of an agreement by the command line.
func TestAgreementCommands(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	reference := s.reference()
	customer, method := s.customerWith(reference, visa)
	file := s.definition(customer, method)
	start := []string{"agreement", "start", "--reference", reference, "--file", file}
	started := s.json(agreementKeys+" run_id", start...)
	require.Equal(t, "agreement:"+reference, started["workflow_id"])
	require.Equal(t, true, s.json("already_started", start...)["already_started"])
	s.latest(reference, 1, workflows.AgreementPaymentPaid)
	r := s.starter("agreement", "start", "--reference", reference, "--file", s.definition(customer, method, "amount: 1100"))
	require.Equal(t, refused, r.code)
	require.Contains(t, r.stderr, "another amount: it was 1099, now it is 1100")

	shown := s.json(agreementKeys, "agreement", "show", reference)
	require.Equal(t, "active", shown["state"])
	require.Equal(t, method, shown["payment_method"])
	payment := shown["payments"].([]any)[0].(map[string]any)
	require.Equal(t, "paid", payment["state"])
	require.Contains(t, payment["payment_intent"], "pi_")
	s.paidOnce(payment["reference"].(string))
	text := s.says("$10.99", "agreement", "show", reference)
	require.Contains(t, text, payment["reference"])
	require.Contains(t, text, "every month on 31")
	s.says("paid", "payment", "show", payment["reference"].(string))

	// Visibility is a moment behind.
	eventually(t, func() error {
		r := s.starter("agreement", "list", "--customer", customer, "--state", "active", "--output", "json")
		var list []map[string]any
		if err := json.Unmarshal([]byte(r.stdout), &list); err != nil || len(list) != 1 {
			return fmt.Errorf("%w: %s %s", errNotYet, r.stdout, r.stderr)
		}
		require.Equal(t, reference, list[0]["reference"])
		require.Equal(t, shown["next_action_at"], list[0]["next_action_at"])
		return nil
	})
	s.says("no agreements", "agreement", "list", "--customer", customer, "--state", "paused")

	until := time.Now().AddDate(0, 0, 7).UTC().Truncate(time.Second).Format(time.RFC3339)
	paused := s.operate("pause", reference, "--until", until)
	require.Equal(t, "paused", paused["state"])
	require.Equal(t, until, paused["paused_until"])
	require.Equal(t, refused, s.starter(agreementArgs("charge-now", reference, "--request-id", "while-paused")...).code)
	require.Equal(t, "active", s.operate("resume", reference)["state"])
	r = s.starter(agreementArgs("resume", reference)...)
	require.Equal(t, refused, r.code)
	require.Contains(t, r.stderr, "it does not stand still")

	skipped := s.operate("skip", reference, "--request-id", "skip-one")
	require.Greater(t, skipped["next_due_at"], shown["next_due_at"])
	require.Equal(t, skipped["next_due_at"], s.operate("skip", reference, "--request-id", "skip-one")["next_due_at"], "the same request skips no other date")

	require.InDelta(t, 1299, s.operate("change", reference, "--amount", "1299")["amount"], 0)
	r = s.starter(agreementArgs("change", reference, "--amount", "1299", "--currency", "eur")...)
	require.Equal(t, refused, r.code)
	require.Contains(t, r.stderr, `"eur"`)
	r = s.starter(agreementArgs("change", reference, "--amount", "5001")...)
	require.Equal(t, refused, r.code)
	require.Contains(t, r.stderr, "5001 is above the agreement's max_amount_per_charge of 5000")
	dates := filepath.Join(t.TempDir(), "schedule.yaml")
	require.NoError(t, os.WriteFile(dates, []byte("rrule: FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24\nat: \"10:30\"\n"), 0o600))
	changed := s.operate("change", reference, "--schedule", dates)
	require.Contains(t, changed["next_due_at"], "-12-24T09:30:00Z")
	other := s.attach(customer, "pm_card_mastercard")
	require.Equal(t, other, s.operate("change", reference, "--payment-method", other)["payment_method"])

	// One payment per request id, in whatever run of the workflow it comes.
	charge := agreementArgs("charge-now", reference, "--request-id", "locker-key", "--amount", "500", "--description", "Locker key")
	runs := s.runs(reference)
	first := s.json(agreementKeys+" payment payment_state", charge...)
	require.Equal(t, reference+"~now1", first["payment"])
	require.Equal(t, "paid", first["payment_state"])
	eventually(t, func() error {
		if s.runs(reference) == runs {
			return errNotYet
		}
		return nil
	})
	for range 2 {
		again := s.json(agreementKeys+" payment payment_state", charge...)
		require.Equal(t, first["payment"], again["payment"])
		require.Equal(t, "paid", again["payment_state"])
	}
	require.Equal(t, reference+"~now2", s.json("payment", agreementArgs("charge-now", reference, "--request-id", "another-key", "--amount", "500")...)["payment"])
	for _, k := range []string{"~now1", "~now2"} {
		s.paidOnce(reference + k)
	}
	require.Empty(t, s.sandbox.Ledger(reference+"~now3").References)
	intent := s.intent(s.sandbox.Ledger(reference + "~now1").References[reference+"~now1"].PaymentIntents[0])
	require.Equal(t, "Locker key", intent["description"])
	require.Equal(t, other, intent["payment_method"])

	canceled := s.operate("cancel", reference, "--at", "period-end")
	require.Equal(t, "active", canceled["state"])
	require.Equal(t, changed["next_due_at"], canceled["cancel_at"])
	require.Nil(t, canceled["next_due_at"], "that date is not charged")
	require.Equal(t, "canceled", s.operate("cancel", reference)["state"])
	require.Contains(t, s.says("canceled", "agreement", "show", reference), "Operations")
	for _, args := range [][]string{
		agreementArgs("pause", reference), agreementArgs("resume", reference), agreementArgs("skip", reference),
		agreementArgs("change", reference, "--amount", "1399"), agreementArgs("charge-now", reference, "--request-id", "too-late"),
	} {
		r := s.starter(args...)
		require.Equal(t, refused, r.code, args)
		require.Contains(t, r.stderr, "has ended as canceled", args)
	}
	for _, args := range [][]string{{"agreement", "show", "nobody"}, agreementArgs("pause", "nobody"), agreementArgs("charge-now", "nobody", "--request-id", "x")} {
		r := s.starter(args...)
		require.Equal(t, notFound, r.code, args)
		require.Contains(t, r.stderr, "nobody")
	}
}

// TestAgreementCancelWithOpenPayment: what is owed is collected on, or written off.
func TestAgreementCancelWithOpenPayment(t *testing.T) {
	t.Parallel()
	for open, want := range map[string]workflows.PaymentState{"collect": workflows.PaymentPaid, "write-off": workflows.PaymentUncollectible} {
		t.Run(open, func(t *testing.T) {
			t.Parallel()
			s := sharedSite(t)
			reference := s.reference()
			customer, method := s.customerWith(reference, lostCard)
			s.json(agreementKeys, "agreement", "start", "--reference", reference, "--file", s.definition(customer, method))
			payment := s.latest(reference, 1, workflows.AgreementPaymentCollecting)
			s.becomes(payment.Reference, workflows.PaymentAwaitingCustomer)
			shown := s.json(agreementKeys, "agreement", "show", reference)["payments"].([]any)[0].(map[string]any)
			require.Equal(t, "awaiting_customer", shown["payment_state"])
			link := shown["link"].(string)
			require.Equal(t, "canceled", s.operate("cancel", reference, "--open-payments", open)["state"])
			if open == "collect" {
				s.becomes(payment.Reference, workflows.PaymentAwaitingCustomer)
				s.payByLink(link, purchase{Number: goodCard})
			}
			s.ended(payment.Reference, want)
			s.nothingOpen(payment.Reference)
			require.Equal(t, "canceled", s.json(agreementKeys, "agreement", "show", reference)["state"])
		})
	}
}

// TestAgreementPreview: dates and amounts, with neither Temporal nor Stripe nor any configuration.
func TestAgreementPreview(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	file := s.definition("cus_1", "pm_1", "schedule: {every: month, on: 31, start: 2027-01-31}", "first_charge:")
	r := runStarter(t, nil, "agreement", "preview", file, "--next", "24", "--from", "2027-01-01", "--reference", "gym-17", "--output", "json")
	require.Equal(t, done, r.code, r.stderr)
	var preview struct {
		Dates []struct {
			Reference string    `json:"reference"`
			Local     string    `json:"local"`
			DueAt     time.Time `json:"due_at"`
			Amount    int64     `json:"amount"`
		} `json:"dates"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &preview))
	require.Len(t, preview.Dates, 24)
	for i, want := range []string{"2027-01-31T09:00:00+01:00", "2027-02-28T09:00:00+01:00", "2027-03-31T09:00:00+02:00", "2027-04-30T09:00:00+02:00"} {
		require.Equal(t, want, preview.Dates[i].Local)
		require.Equal(t, "gym-17~"+strings.ReplaceAll(want[:10], "-", ""), preview.Dates[i].Reference)
		require.EqualValues(t, 1099, preview.Dates[i].Amount)
		require.Equal(t, time.UTC, preview.Dates[i].DueAt.Location())
	}
	r = runStarter(t, nil, "agreement", "preview", file, "--next", "2", "--from", "2027-01-01")
	require.Equal(t, done, r.code, r.stderr)
	require.Contains(t, r.stdout, "Sun 2027-01-31 09:00 CET")
	require.Contains(t, r.stdout, "2027-02-28 08:00:00")
	require.Contains(t, r.stdout, "$10.99")
}

// TestAgreementBadInput: exit code 2, the message names field and value, nothing that writes reaches Stripe, nothing starts.
func TestAgreementBadInput(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{withoutWorker: true, withoutWeb: true})
	customer, method := s.customerWith("known", visa)
	_, strangersMethod := s.customerWith("stranger", visa)
	deleted := s.customer("deleted")
	s.stripe(http.MethodDelete, "/v1/customers/"+deleted, nil)
	writes := len(s.writes())
	schedule := func(text string) []string { return []string{"schedule: {" + text + "}"} }
	for _, test := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"never fires: dates that are over", schedule("dates: [2020-01-01, 2020-02-01]"), []string{"schedule", "2020-02-01"}},
		{"never fires: 30 February", schedule(`rrule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"`), []string{"schedule.rrule", "BYMONTHDAY=30"}},
		{"skips short months without a word", schedule(`rrule: "FREQ=MONTHLY;BYMONTHDAY=31"`), []string{"schedule.rrule", "skip_short_months"}},
		{"more than once an hour: rule", schedule(`rrule: "FREQ=MINUTELY;INTERVAL=30", sub_daily: true`), []string{"schedule.rrule", "MINUTELY"}},
		{"more than once an hour: dates", schedule(`dates: ["2099-01-01T09:00", "2099-01-01T09:30"], sub_daily: true`), []string{"schedule.dates[1]", "2099-01-01T09:30", "an hour"}},
		{"more than once a day without sub_daily", schedule("every: hour"), []string{"schedule.every", `"hour"`, "sub_daily"}},
		{"ends before it starts", schedule("every: month, start: 2099-02-01, until: 2099-01-01"), []string{"schedule.until", "2099-01-01"}},
		{"ended long ago", schedule("every: month, until: 2020-01-01"), []string{"schedule.until", "2020-01-01"}},
		{"unknown zone", []string{"time_zone: Europe/Atlantis"}, []string{"time_zone", "Europe/Atlantis"}},
		{"rule with a part nobody knows", schedule(`rrule: "FREQ=DAILY;BYMOON=FULL"`), []string{"schedule.rrule", "BYMOON"}},
		{"rule with a start of its own", schedule(`rrule: "DTSTART:20270101T090000Z RRULE:FREQ=DAILY"`), []string{"schedule.rrule", "DTSTART"}},
		{"rule that is none", schedule(`rrule: "every tuesday"`), []string{"schedule.rrule", "EVERY TUESDAY"}},
		{"two kinds of schedule", schedule("every: month, dates: [2099-01-01]"), []string{"schedule", "every and dates"}},
		{"no schedule", []string{"schedule:"}, []string{"schedule", "every, rrule and dates"}},
		{"day that does not exist", schedule("every: month, on: 32"), []string{"schedule.on", "32"}},
		{"amount above the ceiling", []string{"amount: 5001"}, []string{"amount", "5001", "max_amount_per_charge", "5000"}},
		{"amount negative", []string{"amount: -1"}, []string{"amount", "-1"}},
		{"amount as a fraction", []string{"amount: 10.99"}, []string{"10.99", "line"}},
		{"amount twice", []string{"amount_from: webhook"}, []string{"amount", "1099", "amount_from"}},
		{"amount missing", []string{"amount:"}, []string{"amount", "amount_from"}},
		{"currency unknown", []string{"currency: zzz"}, []string{"currency", "zzz"}},
		{"customer unknown", []string{"customer: cus_unknown"}, []string{"customer", "cus_unknown", "no such customer"}},
		{"customer deleted", []string{"customer: " + deleted}, []string{"customer", deleted}},
		{"payment method of another customer", []string{"payment_method: " + strangersMethod}, []string{"payment_method", strangersMethod}},
		{"neither method nor save_card", []string{"payment_method:"}, []string{"payment_method", "save_card"}},
		{"both method and save_card", []string{"save_card: true"}, []string{"payment_method", "save_card"}},
		{"catch_up unknown", []string{"catch_up: some"}, []string{"catch_up", "some"}},
		{"unknown key", []string{"amuont: 3"}, []string{"amuont", "line"}},
		{"all at once", []string{"currency: zzz", "time_zone: Mars", "schedule: {every: fortnight}"}, []string{"zzz", "Mars", "fortnight"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := s.with(t)
			reference := s.reference()
			r := s.starter("agreement", "start", "--reference", reference, "--file", s.definition(customer, method, test.lines...))
			require.Equal(t, misused, r.code, r.stderr)
			require.Empty(t, r.stdout)
			for _, want := range test.want {
				require.Contains(t, r.stderr, want)
			}
			_, err := temporal.DescribeWorkflow(t.Context(), workflows.AgreementID(reference), "")
			var missing *serviceerror.NotFound
			require.ErrorAs(t, err, &missing)
			require.Len(t, s.writes(), writes)
		})
	}
	file := s.definition(customer, method)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"agreement", "start", "--file", file}, "reference"},
		{[]string{"agreement", "start", "--reference", strings.Repeat("r", 101), "--file", file}, "rrr"},
		{[]string{"agreement", "start", "--reference", "a~b", "--file", file}, `"a~b"`},
		{[]string{"agreement", "start", "--reference", "x"}, "--file"},
		{[]string{"agreement", "start", "--reference", "x", "--file", "nowhere.yaml"}, "nowhere.yaml"},
		{[]string{"agreement", "pause", "x"}, "--actor"},
		{agreementArgs("pause", "x", "--until", "2020-01-01T00:00:00Z"), "2020-01-01T00:00:00Z"},
		{agreementArgs("resume", "x", "--catch-up", "some"), `"some"`},
		{agreementArgs("change", "x"), "exactly one of"},
		{agreementArgs("change", "x", "--amount", "1", "--payment-method", "pm_1"), "exactly one of"},
		{agreementArgs("change", "x", "--amount", "-1"), "-1"},
		{agreementArgs("charge-now", "x"), "--request-id"},
		{agreementArgs("charge-now", "x", "--request-id", "a b"), `"a b"`},
		{agreementArgs("charge-now", "x", "--request-id", "a", "--amount", "0"), `"0"`},
		{agreementArgs("cancel", "x", "--open-payments", "forget"), `"forget"`},
		{agreementArgs("cancel", "x", "--at", "noon"), `"noon"`},
		{[]string{"agreement", "list", "--state", "late"}, `"late"`},
		{[]string{"agreement", "preview", file, "--next", "0"}, "--next"},
	} {
		r := s.starter(test.args...)
		require.Equal(t, misused, r.code, "%v: %s", test.args, r.stderr)
		require.Contains(t, r.stderr, test.want, test.args)
	}
	require.Len(t, s.writes(), writes)
}
