package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/starter/client"
)

// command runs the program with an environment in which nothing is set but what is given, and no Temporal answers.
func command(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		for _, prefix := range []string{"STRIPE_", "OFFSESSION_", "TEMPORAL_", "NOTIFY_", "SMTP_"} {
			if strings.HasPrefix(name, prefix) {
				t.Setenv(name, "")
			}
		}
	}
	t.Setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
	for name, value := range env {
		t.Setenv(name, value)
	}
	var out, err bytes.Buffer
	code = run(t.Context(), args, &out, &err)
	return code, out.String(), err.String()
}

func paymentStart(more ...string) []string {
	return append([]string{"payment", "start", "--reference", "order-17", "--customer", "cus_1", "--amount", "1099", "--currency", "usd"}, more...)
}

func saveStart(more ...string) []string {
	return append([]string{"save-card", "start", "--reference", "s1"}, more...)
}

func operate(name string, more ...string) []string {
	return append([]string{"payment", name, "order-17"}, more...)
}

func runStart(more ...string) []string {
	return append([]string{"run", "start", "--reference", "july-2026", "--manifest", "s3://b/july.csv"}, more...)
}

func runDo(name string, more ...string) []string {
	return append([]string{"run", name, "july-2026"}, more...)
}

func TestWrongUsage(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	unknownKey := file("unknown.yaml", "max_attempts: 3\nmax_tries: 3\n")
	negative := file("negative.yaml", "soft: {after: [-2d], at: '09:00'}\n")
	nine := file("nine.yaml", "max_attempts: 9\n")
	late := file("late.yaml", "at_risk: 91d\n")
	actor := []string{"--actor", "me", "--reason", "test"}

	tests := []struct {
		name string
		args []string
		want []string // a line each
	}{
		{"NoCommand", nil, []string{"starter needs a command: save-card, payment, agreement, run, schedule, subscription, serve, sandbox, events"}},
		{"UnknownCommand", []string{"paymnet"}, []string{`unknown command "starter paymnet", did you mean "payment"?`}},
		{"UnknownSubcommand", []string{"payment", "refund"}, []string{`unknown command "starter payment refund"`}},
		{"NoSubcommand", []string{"save-card"}, []string{"starter save-card needs a command: start, show, cancel"}},
		{"UnknownFlag", paymentStart("--amuont", "3"), []string{"unknown flag: --amuont; see starter payment start --help"}},
		{"FlagWithoutValue", []string{"payment", "start", "--amount"}, []string{"flag needs an argument: --amount"}},
		{"Output", []string{"payment", "list", "--output", "xml"}, []string{`--output: "xml"; must be text or json`}},
		{"Argument", paymentStart("order-18"), []string{`unexpected argument "order-18"`}},
		{"NoReference", []string{"payment", "show"}, []string{"starter payment show needs a reference"}},
		{"TwoReferences", []string{"payment", "show", "a", "b"}, []string{`unexpected argument "b"`}},
		{"ShowReference", []string{"payment", "show", "a b"}, []string{`reference: "a b" is not allowed`}},
		{"ExplainReference", []string{"payment", "explain", strings.Repeat("r", 121)}, []string{"1 to 120 characters"}},

		{"ReferenceMissing", []string{"payment", "start", "--customer", "cus_1", "--amount", "1", "--currency", "usd"}, []string{`--reference: "" is not allowed`}},
		{"ReferenceSpace", paymentStart("--reference", "a b"), []string{`--reference: "a b" is not allowed; use 1 to 120`}},
		{"ReferenceLong", paymentStart("--reference", strings.Repeat("r", 121)), []string{"--reference: "}},
		{"ReferenceTilde", paymentStart("--reference", "gym~20260101"), []string{`--reference: "gym~20260101"`}},
		{"Customer", paymentStart("--customer", "pm_1"), []string{`--customer: "pm_1"; must be the id of a Stripe customer`}},
		{"PaymentMethod", paymentStart("--payment-method", "cus_1"), []string{`--payment-method: "cus_1"; must be the id of a Stripe payment method`}},
		{"AmountMissing", []string{"payment", "start", "--reference", "r", "--customer", "cus_1", "--currency", "usd"}, []string{"--amount: empty"}},
		{"AmountZero", paymentStart("--amount", "0"), []string{"--amount: 0 USD must be positive"}},
		{"AmountNegative", paymentStart("--amount", "-5"), []string{"--amount: -5 USD must be positive"}},
		{"AmountFraction", paymentStart("--amount", "10.99"), []string{`--amount: "10.99" is not a whole number`}},
		{"AmountHuge", paymentStart("--amount", strings.Repeat("9", 99)), []string{"--amount: ", "is too large"}},
		{"AmountDigits", paymentStart("--amount", "9999999999999"), []string{"--amount: 9999999999999 USD is too large"}},
		{"AmountWords", paymentStart("--amount", "ten"), []string{`--amount: "ten"`}},
		{"Currency", paymentStart("--currency", "zzz"), []string{`--currency: "zzz" is not a currency that Stripe charges in`}},
		{"Due", paymentStart("--due", "tomorrow"), []string{`--due: "tomorrow"; must be a time in RFC 3339`}},
		{"DueNoZone", paymentStart("--due", "2026-12-01T09:00:00"), []string{`--due: "2026-12-01T09:00:00"`}},
		{"DueFar", paymentStart("--due", "2999-01-01T00:00:00Z"), []string{`--due: "2999-01-01T00:00:00Z"; must be within 100 years`}},
		{"PolicyMissing", paymentStart("--policy", filepath.Join(dir, "nowhere.yaml")), []string{"--policy: open ", "nowhere.yaml"}},
		{"PolicyUnknownKey", paymentStart("--policy", unknownKey), []string{"--policy: " + unknownKey, "max_tries"}},
		{"PolicyNegative", paymentStart("--policy", negative), []string{"--policy: ", "soft.after[0]: -2d"}},
		{"PolicyNineAttempts", paymentStart("--policy", nine), []string{"--policy: ", "max_attempts: 9"}},
		{"MetadataForm", paymentStart("--metadata", "order"), []string{`--metadata: "order"; must be key=value`}},
		{"MetadataTwice", paymentStart("--metadata", "a=1", "--metadata", "a=2"), []string{`--metadata: "a=2"`}},
		{"MetadataOurs", paymentStart("--metadata", "offsession_owner=x"), []string{`--metadata: "offsession_owner"; keys must not start with offsession_`}},
		{"Description", paymentStart("--description", strings.Repeat("d", 1001)), []string{"--description: ", "at most 1000"}},
		{"StatementSuffix", paymentStart("--statement-suffix", "A*B"), []string{`--statement-suffix: "A*B"`}},
		{"TimeZone", paymentStart("--time-zone", "Mars"), []string{`--time-zone: "Mars"; must be a name of the IANA`}},
		{"Events", paymentStart("--events", "some"), []string{`--events: "some"; must be all or exceptions`}},
		{"CheckoutUI", paymentStart("--checkout-ui", "embedded"), []string{`--checkout-ui: "embedded"; must be custom or hosted`}},
		{"SeveralForms", paymentStart("--amount", "x", "--due", "y", "--metadata", "z"), []string{`--amount: "x"`, `--due: "y"`, `--metadata: "z"`}},
		{"SeveralValues", paymentStart("--amount", "0", "--reference", "a b", "--events", "some"), []string{"--reference:", "--amount:", "--events:"}},

		{"Deployment", []string{"deploy", "show", "--deployment", "a.b"}, []string{`--deployment: "a.b"; must be 1 to 100 letters`}},
		{"DeploymentMissing", []string{"deploy", "set-current"}, []string{`--deployment: ""; must be`, `--build-id: ""; must be`}},
		{"DeployWait", []string{"deploy", "set-current", "--wait", "-1s"}, []string{"--wait: -1s; must not be negative"}},
		{"DeployCommand", []string{"deploy"}, []string{"starter deploy needs a command: set-current, show"}},

		{"SaveNobody", saveStart(), []string{"--customer: ", "exactly one of customer, attach_to and create_customer"}},
		{"SaveTwo", saveStart("--customer", "cus_1", "--create-customer"), []string{"--customer: ", "exactly one of"}},
		{"SaveAttachTo", saveStart("--attach-to", "x y"), []string{`--attach-to: "x y"`}},
		{"SaveNotifyNobody", saveStart("--create-customer", "--notify"), []string{"--notify: ", "needs customer or attach_to"}},
		{"SaveCurrency", saveStart("--customer", "cus_1", "--currency", "zzz"), []string{`--currency: "zzz"`}},
		{"SaveType", saveStart("--customer", "cus_1", "--payment-method-type", "Karte!"), []string{`"Karte!"`}},
		{"SaveReminder", saveStart("--customer", "cus_1", "--notify", "--reminder", "soon"), []string{`--reminder: "soon" is not a wait`}},
		{"SaveReminderLate", saveStart("--customer", "cus_1", "--notify", "--reminder", "20d"), []string{`"20d"; must be more than 0`}},
		{"SaveDeadline", saveStart("--customer", "cus_1", "--deadline", "never"), []string{`--deadline: "never" is not a wait`}},
		{"SaveDeadlineZero", saveStart("--customer", "cus_1", "--deadline", "0s"), []string{`--deadline: "0s"; must be more than 0`}},
		{"SaveDeadlineNegative", saveStart("--customer", "cus_1", "--deadline", "-1d"), []string{`--deadline: "-1d"; must be more than 0`}},
		{"SaveTimeZone", saveStart("--customer", "cus_1", "--time-zone", "Mars"), []string{`--time-zone: "Mars"`}},
		{"SaveEvents", saveStart("--customer", "cus_1", "--events", "some"), []string{`--events: "some"`}},
		{"SaveCheckoutUI", saveStart("--customer", "cus_1", "--checkout-ui", "x"), []string{`--checkout-ui: "x"`}},
		{"SaveShow", []string{"save-card", "show", "a b"}, []string{`reference: "a b"`}},
		{"SaveCancel", []string{"save-card", "cancel", "s1", "--actor", "", "--reason", ""}, []string{`--actor: ""`, `--reason: ""`}},

		{"RetryNoActor", operate("retry", "--reason", "x"), []string{`--actor: ""; must have 1 to 80 characters`}},
		{"RetryLongActor", operate("retry", "--actor", strings.Repeat("a", 81), "--reason", "x"), []string{"--actor: "}},
		{"RetryLongReason", operate("retry", "--actor", "x", "--reason", strings.Repeat("a", 201)), []string{"--reason: ", "1 to 200"}},
		{"WriteOffNoReason", operate("write-off", "--actor", "x"), []string{"--reason: "}},
		{"CancelNoReason", operate("cancel", "--actor", "x"), []string{"--reason: "}},
		{"RescheduleNoDue", operate("reschedule", actor...), []string{`--due: ""; must be given`}},
		{"RescheduleDue", operate("reschedule", append(actor, "--due", "later")...), []string{`--due: "later"`}},
		{"ReschedulePast", operate("reschedule", append(actor, "--due", "2020-01-01T00:00:00Z")...), []string{`--due: "2020-01-01T00:00:00Z"; must be in the future`}},
		{"RescheduleFar", operate("reschedule", append(actor, "--due", "2999-01-01T00:00:00Z")...), []string{"--due: ", "within 100 years"}},
		{"ChangeCardNone", operate("change-card", actor...), []string{`--payment-method: ""`}},
		{"ListState", []string{"payment", "list", "--state", "late"}, []string{`--state: "late"; must be one of scheduled, charging`}},
		{"ListCustomer", []string{"payment", "list", "--customer", "x' OR '1'='1"}, []string{"--customer: "}},

		{"SubscriptionCommand", []string{"subscription"}, []string{"starter subscription needs a command: watch, show, explain, list, ready, adopt-all, unwatch"}},
		{"SubscriptionCancel", []string{"subscription", "cancel", "sub_1"}, []string{`unknown command "starter subscription cancel"`}},
		{"WatchNothing", []string{"subscription", "watch"}, []string{"starter subscription watch needs a reference: starter subscription watch SUB"}},
		{"WatchPolicyMissing", []string{"subscription", "watch", "sub_1", "--policy", filepath.Join(dir, "nowhere.yaml")}, []string{"--policy: open ", "nowhere.yaml"}},
		{"WatchPolicyOfPayments", []string{"subscription", "watch", "sub_1", "--policy", nine}, []string{"--policy: " + nine, `unknown field "max_attempts"`}},
		{"WatchPolicyNegative", []string{"subscription", "watch", "sub_1", "--policy", late}, []string{"--policy: ", "at_risk: 91d; must be more than 0 and at most 90d"}},
		{"WatchUnconfigured", []string{"subscription", "watch", "sub_1"}, []string{"STRIPE_API_KEY: not set; starter subscription needs"}},
		{"SubscriptionReadyUnconfigured", []string{"subscription", "ready", "sub_1"}, []string{"STRIPE_API_KEY: not set; starter subscription needs"}},
		{"AdoptAllUnconfigured", []string{"subscription", "adopt-all"}, []string{"STRIPE_API_KEY: not set; starter subscription needs"}},
		{"AdoptAllBoth", []string{"subscription", "adopt-all", "--yes", "--dry-run"}, []string{"--yes: must not be given with --dry-run"}},
		{"AdoptAllArgument", []string{"subscription", "adopt-all", "sub_1"}, []string{`unexpected argument "sub_1"`}},
		{"AdoptAllRate", []string{"subscription", "adopt-all", "--rate", "fast"}, []string{`invalid argument "fast" for "--rate"`}},
		{"AdoptAllRateZero", []string{"subscription", "adopt-all", "--rate", "0"}, []string{`--rate: "0"; must be more than 0`}},
		{"SubscriptionShow", []string{"subscription", "show", "gym-17"}, []string{`subscription: "gym-17"; must be the id of a Stripe subscription, sub_…`}},
		{"SubscriptionExplain", []string{"subscription", "explain", "cus_1"}, []string{`subscription: "cus_1"`}},
		{"SubscriptionListState", []string{"subscription", "list", "--state", "late"}, []string{`--state: "late"; must be one of no_action_needed, requires_action`}},
		{"SubscriptionListCustomer", []string{"subscription", "list", "--customer", "x' OR '1'='1"}, []string{"--customer: "}},
		{"UnwatchNoActor", []string{"subscription", "unwatch", "sub_1", "--reason", "x"}, []string{`--actor: ""; must have 1 to 80 characters`}},
		{"Unwatch", []string{"subscription", "unwatch", "in_1", "--actor", "x", "--reason", "x"}, []string{`subscription: "in_1"`}},

		{"RunCommand", []string{"run"}, []string{"starter run needs a command: validate, start, approve, set-rate, show, list, report"}},
		{"RunReference", runStart("--reference", "a b"), []string{`--reference: "a b" is not allowed; use 1 to 120`}},
		{"RunReferenceDot", runStart("--reference", "../x"), []string{`--reference: "../x"`}},
		{"RunManifest", []string{"run", "start", "--reference", "r"}, []string{`--manifest: ""; must be the URL of a file`}},
		{"RunManifestScheme", runStart("--manifest", "https://example.com/x.csv"), []string{`--manifest: "https://example.com/x.csv"; must be one of`}},
		{"RunManifestFolder", runStart("--manifest", "s3://bucket/"), []string{"--manifest: ", "must name a file"}},
		{"RunManifestDate", runStart("--manifest", "s3://bucket/{{date}}.csv"), []string{"--manifest: ", "only schedules"}},
		{"RunArgument", runStart("july.csv"), []string{`unexpected argument "july.csv"`}},
		{"RunRate", runStart("--rate", "fast"), []string{"--rate"}},
		{"RunRateZero", runStart("--rate", "0"), []string{`--rate: "0"; must be charges per second, more than 0`}},
		{"RunRateNegative", runStart("--rate", "-1"), []string{`--rate: "-1"; must be charges per second`}},
		{"RunRateNaN", runStart("--rate", "NaN"), []string{`--rate: "NaN"`}},
		{"RunRateInf", runStart("--rate", "Inf"), []string{`--rate: "+Inf"`}},
		{"RunConcurrent", runStart("--concurrent"), []string{`--rate: ""; must be given with concurrent`}},
		{"RunPageSizeZero", runStart("--page-size", "0"), []string{`--page-size: "0"; must be 1 to 500`}},
		{"RunPageSize", runStart("--page-size", "501"), []string{`--page-size: "501"; must be 1 to 500`}},
		{"RunWindowZero", runStart("--window", "0"), []string{`--window: "0"; must be 1 to 64`}},
		{"RunWindow", runStart("--window", "-1"), []string{`--window: "-1"; must be 1 to 64`}},
		{"RunOnInvalid", runStart("--on-invalid", "ignore"), []string{`--on-invalid: "ignore"; must be one of stop, skip`}},
		{"RunOnInvalidEmpty", runStart("--on-invalid", ""), []string{`--on-invalid: ""; must be stop or skip`}},
		{"RunLookBack", runStart("--look-back", "35"), []string{`--look-back: "35"; must be days, such as 35d`}},
		{"RunLookBackZero", runStart("--look-back", "0d"), []string{`--look-back: "0d"; must be days`}},
		{"RunLookBackFar", runStart("--look-back", "401d"), []string{`--look-back: "401d"; must be 1d to 400d`}},
		{"RunLookBackHours", runStart("--look-back", "48h"), []string{`--look-back: "48h"; must be days`}},
		{"RunDeclineRateZero", runStart("--max-decline-rate", "0"), []string{`--max-decline-rate: "0"; must be a part of the rows`}},
		{"RunDeclineRatePercent", runStart("--max-decline-rate", "40"), []string{`--max-decline-rate: "40"; must be a part of the rows`}},
		{"RunTotalForm", runStart("--max-total", "5000"), []string{`--max-total: "5000"; must be CUR=AMOUNT`}},
		{"RunTotalTwice", runStart("--max-total", "usd=1", "--max-total", "USD=2"), []string{`--max-total: "USD=2"; must be`}},
		{"RunTotalFraction", runStart("--max-total", "usd=50.5"), []string{`--max-total: "usd=50.5"`}},
		{"RunTotalZero", runStart("--max-total", "usd=0"), []string{`--max-total: "usd=0"; must be positive`}},
		{"RunTotalCurrency", runStart("--max-total", "zzz=5"), []string{`--max-total: "zzz=5"; must name a currency`}},
		{"RunPolicy", runStart("--policy", unknownKey), []string{"--policy: " + unknownKey, "max_tries"}},
		{"RunEvents", runStart("--events", "some"), []string{`--events: "some"; must be all or exceptions`}},
		{"RunCheckoutUI", runStart("--checkout-ui", "embedded"), []string{`--checkout-ui: "embedded"; must be custom or hosted`}},
		{"RunTimeZone", runStart("--time-zone", "Mars"), []string{`--time-zone: "Mars"`}},
		{"RunStatementSuffix", runStart("--statement-suffix", "A*B"), []string{`--statement-suffix: "A*B"`}},
		{"RunSeveral", runStart("--look-back", "x", "--max-total", "y", "--window", "0"), []string{"--look-back:", "--max-total:", "--window:"}},
		{"RunDryRunAndWait", runStart("--dry-run", "--wait"), []string{"--dry-run: must not be given with --wait"}},
		{"RunDryRunUnconfigured", runStart("--dry-run"), []string{"STRIPE_API_KEY: not set; this command of starter run needs"}},
		{"RunValidateNoManifest", []string{"run", "validate"}, []string{`--manifest: ""; must be the URL of a file`}},
		{"RunShowReference", []string{"run", "show", "a b"}, []string{`reference: "a b" is not allowed`}},
		{"RunShowNoReference", []string{"run", "show"}, []string{"starter run show needs a reference"}},
		{"RunListState", []string{"run", "list", "--state", "late"}, []string{`--state: "late"; must be one of validating, awaiting_approval`}},
		{"RunNobody", runDo("pause"), []string{`--actor: ""; must have 1 to 80`, `--reason: ""; must have 1 to 200`}},
		{"RunFingerprint", runDo("approve", append(actor, "--fingerprint", "yes")...), []string{`--fingerprint: "yes"; must be the fingerprint`}},
		{"RunNoFingerprint", runDo("approve", actor...), []string{`--fingerprint: ""`}},
		{"RunSetRate", runDo("set-rate", actor...), []string{`--rate: "0"; must be charges per second, more than 0`}},
		{"RunResumeTotal", runDo("resume", append(actor, "--max-total", "5")...), []string{`--max-total: "5"; must be CUR=AMOUNT`}},

		{"ReplaySince", []string{"events", "replay", "--since", "yesterday"}, []string{`--since: "yesterday" is not a wait`}},
		{"ReplaySinceFar", []string{"events", "replay", "--since", "31d"}, []string{`--since: "31d"; must be more than 0 and at most 30d`}},
		{"ReplaySinceNegative", []string{"events", "replay", "--since", "-1h"}, []string{`--since: "-1h"`}},
		{"SandboxListen", []string{"sandbox", "--listen", "12111"}, []string{`--listen: "12111"; must be host:port`}},
		{"SandboxRateZero", []string{"sandbox", "--rate-limit", "0"}, []string{`--rate-limit: "0"; must be requests per second`}},
		{"SandboxRateEmpty", []string{"sandbox", "--rate-limit", ""}, []string{`--rate-limit: ""`}},
		{"SandboxRateNegative", []string{"sandbox", "--rate-limit", "global=-5"}, []string{`--rate-limit: "global=-5"`}},
		{"SandboxRateNaN", []string{"sandbox", "--rate-limit", "endpoint=NaN"}, []string{`--rate-limit: "endpoint=NaN"`}},
		{"SandboxRateInf", []string{"sandbox", "--rate-limit", "inf"}, []string{`--rate-limit: "inf"`}},
		{"SandboxRateName", []string{"sandbox", "--rate-limit", "account=5"}, []string{`--rate-limit: "account=5"`}},
		{"SandboxRateTwice", []string{"sandbox", "--rate-limit", "5,global=6"}, []string{`--rate-limit: "5,global=6"`}},
		{"SandboxAuditURL", []string{"sandbox", "audit", "--url", "localhost"}, []string{`--url: "localhost"; must be an absolute`}},
		{"SandboxAuditArgument", []string{"sandbox", "audit", "order-17"}, []string{`unexpected argument "order-17"`}},
		{"SandboxSubcommand", []string{"sandbox", "adit"}, []string{`unexpected argument "adit"`}},
		{"SandboxURL", []string{"sandbox", "--webhook-url", "localhost"}, []string{`--webhook-url: "localhost"`}},
		{"SandboxPublicURL", []string{"sandbox", "--public-url", "localhost"}, []string{`--public-url: "localhost"`}},
		{"SandboxSecret", []string{"sandbox", "--webhook-url", "http://x", "--webhook-secret", "y"}, []string{`--webhook-secret: "y"; must start with whsec_`}},
		{"SandboxSecretAlone", []string{"sandbox", "--webhook-secret", "whsec_y"}, []string{"--webhook-secret: given 1 times, --webhook-url 0 times"}},
		{"ServeArgument", []string{"serve", ":80"}, []string{`unexpected argument ":80"`}},
		{"ServeUnconfigured", []string{"serve"}, []string{"STRIPE_API_KEY: not set", "STRIPE_PUBLISHABLE_KEY: not set", "STRIPE_WEBHOOK_SECRET: not set", "OFFSESSION_LINK_SECRET: not set"}},
		{"ReplayUnconfigured", []string{"events", "replay"}, []string{"STRIPE_API_KEY: not set"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := command(t, nil, test.args...)
			require.Equal(t, exitUsage, code, stderr)
			require.Empty(t, stdout)
			for _, want := range test.want {
				require.Contains(t, stderr, want)
			}
			require.NotContains(t, stderr, "Usage:", "a mistake is a line, not a page")
			for line := range strings.Lines(stderr) {
				require.True(t, strings.HasPrefix(line, "starter: "), line)
			}
			require.Less(t, len(stderr), 1500)
		})
	}
}

// With a key, the values are checked before anybody is asked.
func TestWrongUsageOfWhatAsksStripe(t *testing.T) {
	watch := func(more ...string) []string { return append([]string{"subscription", "watch", "sub_1"}, more...) }
	for _, test := range []struct {
		name string
		args []string
		want []string
	}{
		{"WatchInvoice", []string{"subscription", "watch", "in_1"}, []string{`subscription: "in_1"; must be the id of a Stripe subscription, sub_…`}},
		{"WatchDefaultOn", watch("--default-on", "both"), []string{`--default-on: "both"; must be one of subscription, customer`}},
		{"WatchType", watch("--payment-method-type", "Karte!"), []string{`"Karte!"; must be Stripe's name of a payment method type`}},
		{"WatchCheckoutUI", watch("--checkout-ui", "embedded"), []string{`--checkout-ui: "embedded"; must be custom or hosted`}},
		{"WatchTimeZone", watch("--time-zone", "Mars"), []string{`--time-zone: "Mars"`}},
		{"WatchDescription", watch("--description", "a\nb"), []string{"--description: ", "on one line"}},
		{"WatchSeveral", watch("--default-on", "both", "--time-zone", "Mars"), []string{"--default-on:", "--time-zone:"}},
		{"Ready", []string{"subscription", "ready", "cus_1"}, []string{`subscription: "cus_1"`}},
		{"Rate", []string{"subscription", "adopt-all", "--rate", "-1"}, []string{`--rate: "-1"; must be requests per second, more than 0 and at most 100`}},
		{"RateNaN", []string{"subscription", "adopt-all", "--rate", "NaN"}, []string{`--rate: "NaN"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := command(t, map[string]string{"STRIPE_API_KEY": "sk_test_1", "STRIPE_API_BASE": "http://127.0.0.1:1"}, test.args...)
			require.Equal(t, exitUsage, code, stderr)
			require.Empty(t, stdout)
			for _, want := range test.want {
				require.Contains(t, stderr, want)
			}
		})
	}
}

func TestConfigurationIsReportedWhole(t *testing.T) {
	code, _, stderr := command(t, map[string]string{"OFFSESSION_TIME_ZONE": "Mars", "STRIPE_API_KEY": "sk_live_hunter2", "STRIPE_RATE_LIMIT": "0"}, "payment", "list")
	require.Equal(t, exitUsage, code)
	for _, name := range []string{"OFFSESSION_TIME_ZONE", "STRIPE_RATE_LIMIT", "STRIPE_ALLOW_LIVE=true"} {
		require.Contains(t, stderr, name)
	}
	require.NotContains(t, stderr, "hunter2")
}

func TestTemporalOutOfReach(t *testing.T) {
	for _, args := range [][]string{
		paymentStart(), {"payment", "show", "r"}, {"payment", "list"}, operate("cancel", "--actor", "x", "--reason", "x"), {"save-card", "show", "r"},
	} {
		code, stdout, stderr := command(t, nil, args...)
		require.Equal(t, exitFailed, code)
		require.Empty(t, stdout)
		require.Contains(t, stderr, "starter: cannot reach Temporal at 127.0.0.1:1: ")
		require.Equal(t, 1, strings.Count(stderr, "\n"))
	}
}

func TestHelpAndVersion(t *testing.T) {
	code, stdout, _ := command(t, nil, "--version")
	require.Equal(t, exitDone, code)
	require.Contains(t, stdout, "starter version ")

	for _, cmd := range newRoot(&app{}).Commands() {
		for _, sub := range append(cmd.Commands(), cmd) {
			args := slices.Concat(strings.Fields(sub.CommandPath())[1:], []string{"--help"})
			code, stdout, stderr := command(t, nil, args...)
			require.Equal(t, exitDone, code, args)
			require.Empty(t, stderr)
			require.Contains(t, stdout, "--output", args)
			if sub.Name() != "help" && !sub.HasSubCommands() {
				require.Contains(t, stdout, "Examples:", args)
			}
		}
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	invalid := &client.InvalidError{Field: "amount", Message: "amount: 0"}
	for _, test := range []struct {
		err  error
		code int
	}{
		{errors.New("down"), exitFailed},
		{usagef("x"), exitUsage},
		{errors.Join(invalid, invalid), exitUsage},
		{fmt.Errorf("payment %q: %w", "r", client.ErrNotFound), exitNotFound},
		{fmt.Errorf("x: %w", &client.RefusedError{Message: "no"}), exitRefused},
	} {
		require.Equal(t, test.code, exitCode(test.err), test.err)
	}
}
