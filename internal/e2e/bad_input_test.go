package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"github.com/offsession/offsession/workflows"
)

// TestBadInput: exit code, the message names field and value, nothing that writes reaches Stripe, nothing starts.
func TestBadInput(t *testing.T) {
	t.Parallel()
	s := newSite(t, siteOptions{withoutWorker: true, withoutWeb: true})
	customer, method := s.customerWith("known", visa)
	_, strangersMethod := s.customerWith("stranger", visa)
	deleted := s.customer("deleted")
	s.stripe(http.MethodDelete, "/v1/customers/"+deleted, nil)
	writes := len(s.writes())
	dir := t.TempDir()
	policy := func(text string) string {
		file, err := os.CreateTemp(dir, "*.yaml")
		require.NoError(t, err)
		defer file.Close()
		_, err = file.WriteString(text)
		require.NoError(t, err)
		return file.Name()
	}
	tests := []struct {
		name string
		args []string // more than a good start; the last of a flag counts
		want []string
	}{
		{"unknown currency", []string{"--currency", "zzz"}, []string{"--currency", `"zzz"`}},
		{"amount 0", []string{"--amount", "0"}, []string{"--amount", "0 USD must be positive"}},
		{"amount negative", []string{"--amount", "-1099"}, []string{"--amount", "-1099 USD must be positive"}},
		{"amount of 99 digits", []string{"--amount", strings.Repeat("9", 99)}, []string{"--amount", "99999", "too large"}},
		{"amount fractional", []string{"--amount", "10.99"}, []string{"--amount", `"10.99"`}},
		{"amount with too many decimals for the currency", []string{"--amount", "1001", "--currency", "kwd"}, []string{"--amount", "1001", "multiple of 10"}},
		{"customer unknown", []string{"--customer", "cus_unknown"}, []string{"--customer", `"cus_unknown"`, "no such customer"}},
		{"customer deleted", []string{"--customer", deleted}, []string{"--customer", deleted, "deleted"}},
		{"customer of another kind", []string{"--customer", method}, []string{"--customer", method}},
		{"payment method unknown", []string{"--payment-method", "pm_unknown"}, []string{"--payment-method", `"pm_unknown"`}},
		{"payment method of another customer", []string{"--payment-method", strangersMethod}, []string{"--payment-method", strangersMethod, "belongs to another customer"}},
		{"reference with a space", []string{"--reference", "a b"}, []string{"--reference", `"a b"`}},
		{"reference of 121 characters", []string{"--reference", strings.Repeat("r", 121)}, []string{"--reference", "rrr"}},
		{"reference with a tilde", []string{"--reference", "a~b"}, []string{"--reference", `"a~b"`}},
		{"due beyond 100 years", []string{"--due", "2199-01-01T00:00:00Z"}, []string{"--due", "2199-01-01T00:00:00Z", "100 years"}},
		{"due without a zone", []string{"--due", "2026-12-01 09:00"}, []string{"--due", `"2026-12-01 09:00"`}},
		{"policy with an unknown key", []string{"--policy", policy("max_tries: 3\n")}, []string{"--policy", "max_tries", "line 1"}},
		{"policy with a negative wait", []string{"--policy", policy("soft: {after: [-2d], at: '09:00'}\n")}, []string{"--policy", "soft.after[0]: -2d"}},
		{"policy of 9 attempts", []string{"--policy", policy("max_attempts: 9\n")}, []string{"--policy", "max_attempts: 9"}},
		{"policy that is not there", []string{"--policy", filepath.Join(dir, "nowhere")}, []string{"--policy", "nowhere"}},
		{"unknown flag", []string{"--amuont", "3"}, []string{"--amuont"}},
		{"all at once", []string{"--reference", "a b", "--amount", "0", "--currency", "usd", "--customer", "x y"}, []string{`"a b"`, "0 USD", `"x y"`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := s.with(t)
			reference := s.reference()
			r := s.starter(append(paymentArgs(reference, customer, "--payment-method", method), test.args...)...)
			require.Equal(t, misused, r.code, r.stderr)
			require.Empty(t, r.stdout)
			for _, want := range test.want {
				require.Contains(t, r.stderr, want)
			}
			_, err := temporal.DescribeWorkflow(t.Context(), workflows.PaymentID(reference), "")
			var missing *serviceerror.NotFound
			require.ErrorAs(t, err, &missing)
			require.Len(t, s.writes(), writes)
		})
	}
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"save-card", "start", "--reference", "x"}, misused, "exactly one of"},
		{[]string{"save-card", "start", "--reference", "x", "--create-customer", "--notify"}, misused, "--notify"},
		{[]string{"save-card", "start", "--reference", "x", "--attach-to", "cus_unknown"}, misused, `--attach-to: "cus_unknown"`},
		{[]string{"save-card", "start", "--reference", "x", "--customer", customer, "--currency", "zzz"}, misused, `"zzz"`},
		{[]string{"save-card", "start", "--reference", "x", "--customer", customer, "--deadline", "-3d"}, misused, "-3d"},
		{[]string{"payment", "cancel", "x"}, misused, "--actor"},
		{[]string{"payment", "cancel", "x", "--actor", strings.Repeat("a", 81), "--reason", "x"}, misused, "--actor"},
		{[]string{"payment", "reschedule", "x", "--actor", "a", "--reason", "x", "--due", "2020-01-01T00:00:00Z"}, misused, "--due"},
		{[]string{"payment", "list", "--state", "late"}, misused, `--state: "late"`},
		{[]string{"events", "replay", "--since", "90d"}, misused, "--since"},
		{[]string{"payment", "show", "x", "--output", "xml"}, misused, `--output: "xml"`},
		{[]string{"paymnet"}, misused, `did you mean "payment"?`},
	} {
		r := s.starter(test.args...)
		require.Equal(t, test.code, r.code, "%v: %s", test.args, r.stderr)
		require.Contains(t, r.stderr, test.want, test.args)
	}
	require.Len(t, s.writes(), writes)
}

// TestUsedReference: the same command with another value is refused, and the payment stays as it is.
func TestUsedReference(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	reference := s.reference()
	customer, method := s.customerWith(reference, visa)
	s.json("workflow_id", paymentArgs(reference, customer, "--payment-method", method)...)
	s.ended(reference, workflows.PaymentPaid)
	for _, change := range [][]string{{"--amount", "1100"}, {"--currency", "eur"}, {"--payment-method", s.attach(customer, visa)}, {"--description", "x"}} {
		r := s.starter(append(paymentArgs(reference, customer, "--payment-method", method), change...)...)
		require.Equal(t, refused, r.code)
		require.Contains(t, r.stderr, strings.ReplaceAll(strings.TrimPrefix(change[0], "--"), "-", "_"))
		require.Contains(t, r.stderr, reference)
	}
	s.paidOnce(reference)
}

// TestConfiguration: what is missing or wrong in the environment is told at once, with exit code 2, and no secret with it.
func TestConfiguration(t *testing.T) {
	t.Parallel()
	s := sharedSite(t)
	r := runStarter(t, nil, "serve")
	require.Equal(t, misused, r.code)
	for _, name := range []string{"STRIPE_API_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET", "OFFSESSION_LINK_SECRET"} {
		require.Contains(t, r.stderr, name+": not set")
	}
	r = runStarter(t, append(s.environment(), "STRIPE_API_KEY=sk_live_hush", "STRIPE_PUBLISHABLE_KEY=pk_live_hush", "OFFSESSION_TIME_ZONE=Mars"), paymentArgs("x", "cus_1")...)
	require.Equal(t, misused, r.code)
	require.Contains(t, r.stderr, "STRIPE_ALLOW_LIVE=true")
	require.Contains(t, r.stderr, "STRIPE_API_BASE")
	require.Contains(t, r.stderr, `OFFSESSION_TIME_ZONE: "Mars"`)
	require.NotContains(t, r.stderr, "hush")

	r = runStarter(t, append(s.environment(), "TEMPORAL_ADDRESS="+freeAddress(t)), "payment", "show", "x")
	require.Equal(t, failed, r.code)
	require.Contains(t, r.stderr, "cannot reach Temporal at 127.0.0.1:")

	r = runStarter(t, nil, "--version")
	require.Equal(t, done, r.code)
	require.Contains(t, r.stdout, "starter version ")
	r = runStarter(t, nil, "--help")
	require.Equal(t, done, r.code)
	for _, command := range []string{"save-card", "payment", "serve", "sandbox", "events", "dev", "demo"} {
		require.Contains(t, r.stdout, command)
	}
	for _, command := range []string{"start", "show", "explain", "list", "retry", "reschedule", "change-card", "write-off", "cancel"} {
		r = runStarter(t, nil, "payment", command, "--help")
		require.Equal(t, done, r.code)
		require.Contains(t, r.stdout, "Examples:")
	}
}
