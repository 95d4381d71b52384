package client

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

func params(change ...func(*PaymentParams)) PaymentParams {
	p := PaymentParams{Reference: "order-17", Customer: "cus_1", PaymentMethod: "pm_1", Amount: 1099, Currency: "USD"}
	for _, c := range change {
		c(&p)
	}
	return p
}

// start lets Temporal accept one start and hands back what was sent.
func start(t *testing.T, b bundle, p PaymentParams) (sdk.StartWorkflowOptions, workflows.CollectPaymentInput) {
	t.Helper()
	return accepted[workflows.CollectPaymentInput](t, b, workflows.TypeCollectPayment, workflows.PaymentID(p.Reference), func() (Started, error) { return b.StartPayment(t.Context(), p) })
}

func TestStartPayment(t *testing.T) {
	t.Parallel()
	options, in := start(t, setup(t), params())
	require.Equal(t, workflows.CollectPaymentInput{
		Reference: "order-17", Customer: "cus_1", PaymentMethod: "pm_1", Amount: 1099, Currency: "usd", TimeZone: "UTC",
		CheckoutUI: activities.CheckoutUICustom, Events: workflows.EventsExceptions, Policy: dunning.DefaultPolicy(),
	}.Short(), in)
	require.Equal(t, "payment:order-17", options.ID)
	require.Equal(t, "offsession", options.TaskQueue)
	onlyOnce(t, options)
	require.Equal(t, "$10.99", options.StaticSummary)
	state, _ := options.TypedSearchAttributes.GetKeyword(workflows.SearchState)
	require.Equal(t, "charging", state)

	memo, err := json.Marshal(options.Memo)
	require.NoError(t, err)
	require.JSONEq(t, `{"offsession_input":{"customer":"cus_1","payment_method":"pm_1","amount":1099,"currency":"usd","policy":"824192ee68df"}}`, string(memo),
		"the memo holds little: a payment's history must stay small. The fingerprint stays as long as the default policy does")
}

func TestStartPaymentResolves(t *testing.T) {
	t.Parallel()
	policy := dunning.DefaultPolicy()
	policy.MaxAttempts = 2
	due := time.Date(2126, 1, 31, 10, 0, 0, 987, time.FixedZone("", 3600)).AddDate(-50, 0, 0)

	_, in := start(t, setup(t), params(func(p *PaymentParams) {
		p.Customer, p.PaymentMethod = "cus_berlin", ""
		p.Currency, p.Amount = "jPy", 1099
		p.Due, p.Policy = due, &policy
		p.Events, p.CheckoutUI = workflows.EventsAll, activities.CheckoutUIHosted
	}))
	require.Equal(t, "Europe/Berlin", in.TimeZone)
	require.Equal(t, "jpy", in.Currency)
	require.Equal(t, due.Truncate(time.Second).UTC(), in.Due)
	require.Equal(t, 2, in.Policy.MaxAttempts)
	require.Equal(t, workflows.EventsAll, in.Events)
	require.Equal(t, activities.CheckoutUIHosted, in.CheckoutUI)

	zones := []struct {
		name, customer, given, ours, want string
	}{
		{"Given", "cus_berlin", "Asia/Tokyo", "Asia/Seoul", "Asia/Tokyo"},
		{"Customer", "cus_berlin", "", "Asia/Seoul", "Europe/Berlin"},
		{"CustomerUnusable", "cus_nowhere", "", "Asia/Seoul", "Asia/Seoul"},
		{"Ours", "cus_1", "", "Asia/Seoul", "Asia/Seoul"},
		{"Nobody", "cus_1", "", "", ""}, // which is UTC
	}
	for _, test := range zones {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *Options) { o.TimeZone = test.ours })
			_, in := start(t, b, params(func(p *PaymentParams) { p.Customer, p.PaymentMethod, p.TimeZone = test.customer, "", test.given }))
			require.Equal(t, test.want, in.TimeZone)
		})
	}
}

func TestStartPaymentAgain(t *testing.T) {
	t.Parallel()
	policy := dunning.DefaultPolicy()
	policy.MaxAttempts = 2
	due := time.Now().Add(time.Hour)
	tests := []struct {
		name   string
		before func(*PaymentParams)
		now    func(*PaymentParams)
		want   string // "" is: the same payment
	}{
		{"Same", nil, nil, ""},
		{"SameInOtherWords", nil, func(p *PaymentParams) {
			d := dunning.DefaultPolicy()
			p.Currency, p.TimeZone, p.Policy, p.Events = "usd", "UTC", &d, workflows.EventsExceptions
		}, ""},
		{"SameWithEverything", func(p *PaymentParams) {
			p.Due, p.Policy, p.Metadata = due, &policy, map[string]string{"a": "1", "b": "2"}
		}, func(p *PaymentParams) {
			p.Due, p.Policy, p.Metadata = due.UTC(), &policy, map[string]string{"b": "2", "a": "1"}
		}, ""},
		{"Amount", nil, func(p *PaymentParams) { p.Amount = 2000 }, "another amount: it was 1099, now it is 2000"},
		{"FirstOfTwo", nil, func(p *PaymentParams) { p.Amount, p.Customer, p.PaymentMethod = 2000, "cus_berlin", "" }, `another customer: it was "cus_1", now it is "cus_berlin"`},
		{"Currency", nil, func(p *PaymentParams) { p.Currency = "eur" }, `another currency: it was "usd", now it is "eur"`},
		{"Method", nil, func(p *PaymentParams) { p.PaymentMethod = "" }, `another payment_method: it was "pm_1", now it is not set`},
		{"Due", nil, func(p *PaymentParams) { p.Due = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) }, `another due: it was not set, now it is "2020-01-01T00:00:00Z"`},
		{"TimeZoneDefaulted", func(p *PaymentParams) { p.TimeZone = "Asia/Tokyo" }, nil, `another time_zone: it was "Asia/Tokyo", now it is "UTC"`},
		{"Metadata", func(p *PaymentParams) { p.Metadata = map[string]string{"a": "1"} }, func(p *PaymentParams) { p.Metadata = map[string]string{"a": "2"} }, `another metadata.a: it was "1", now it is "2"`},
		{"MetadataGone", func(p *PaymentParams) { p.Metadata = map[string]string{"a": "1"} }, nil, `another metadata: it was {"a":"1"}, now it is not set`},
		{"Policy", nil, func(p *PaymentParams) { p.Policy = &policy }, `another policy: it was "824192ee68df", now it is "49d7f1c8b8cf"`},
		{"Events", nil, func(p *PaymentParams) { p.Events = workflows.EventsAll }, `another events: it was "exceptions", now it is "all"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			apply := func(f func(*PaymentParams)) PaymentParams {
				if f == nil {
					return params()
				}
				return params(f)
			}
			options, _ := start(t, setup(t), apply(test.before))

			b := setup(t)
			b.describes(t, "payment:order-17", options.Memo[workflows.MemoInput], "paid")
			b.temporal.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).
				Return(nil, serviceerror.NewWorkflowExecutionAlreadyStarted("", "", ""))
			started, err := b.StartPayment(t.Context(), apply(test.now))
			if test.want == "" {
				require.NoError(t, err)
				require.Equal(t, Started{WorkflowID: "payment:order-17", RunID: "run-existing", AlreadyStarted: true}, started)
				return
			}
			var refused *RefusedError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, `reference "order-17" is used already, with `+test.want, refused.Message)
		})
	}
}

// A release with another default policy must find the policy of payments that older ones started, not its own.
func TestMemoOutlivesDefaults(t *testing.T) {
	t.Parallel()
	older := dunning.DefaultPolicy()
	older.CustomerWindow = dunning.Days(9)
	in := workflows.CollectPaymentInput{Reference: "r", Policy: older}
	memo, err := starts.FirstOfPayment(in)
	require.NoError(t, err)
	for _, test := range []struct {
		policy    dunning.Policy
		different bool
	}{{older, false}, {dunning.DefaultPolicy(), true}} {
		in.Policy = test.policy
		repeat, err := starts.FirstOfPayment(in)
		require.NoError(t, err)
		require.Contains(t, repeat, "policy", "whether it is today's default or not")
		diff, different, err := starts.Differ(memo, repeat, starts.PaymentDefaults())
		require.NoError(t, err)
		require.Equal(t, test.different, different)
		require.Equal(t, test.different, diff.Field == "policy")
	}
}

func TestStartPaymentForeignWorkflow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.describes(t, "payment:order-17", nil, "")
	b.temporal.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).
		Return(nil, serviceerror.NewWorkflowExecutionAlreadyStarted("", "", ""))
	_, err := b.StartPayment(t.Context(), params())
	var refused *RefusedError
	require.ErrorAs(t, err, &refused)
	require.Contains(t, refused.Message, "payment:order-17 exists, and was not started by offsession")
}

func TestStartPaymentAsksStripe(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, customer, method string
		field, message         string
	}{
		{"UnknownCustomer", "cus_unknown", "", "customer", `customer: "cus_unknown"; Stripe has no such customer`},
		{"DeletedCustomer", "cus_deleted", "", "customer", `customer: "cus_deleted"; this customer was deleted`},
		{"UnknownMethod", "cus_1", "pm_unknown", "payment_method", `payment_method: "pm_unknown"; Stripe has no such payment method`},
		{"ForeignMethod", "cus_1", "pm_foreign", "payment_method", `payment_method: "pm_foreign"; it belongs to another customer; must be attached to cus_1`},
		{"LooseMethod", "cus_1", "pm_loose", "payment_method", `payment_method: "pm_loose"; it is not attached to a customer; must be attached to cus_1`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := params(func(p *PaymentParams) { p.Customer, p.PaymentMethod = test.customer, test.method })
			b := setup(t)
			b.knowsNo("payment:order-17")
			_, err := b.StartPayment(t.Context(), p)
			var invalid *InvalidError
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, test.field, invalid.Field)
			require.Contains(t, err.Error(), test.message)

			// A repeat of a payment that was started while Stripe still knew them is that payment.
			options, _ := start(t, setup(t, withoutStripe), p)
			b = setup(t)
			b.describes(t, "payment:order-17", options.Memo[workflows.MemoInput], "paid")
			started, err := b.StartPayment(t.Context(), p)
			require.NoError(t, err)
			require.True(t, started.AlreadyStarted)
		})
	}

	t.Run("StripeDown", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.stripe.err = &activities.StripeError{Kind: activities.StripeUnknown, HTTPStatus: 503}
		_, err := b.StartPayment(t.Context(), params())
		require.ErrorIs(t, err, b.stripe.err)
		require.False(t, isInvalid(err))
	})
}

func TestStartPaymentTemporalDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	down := errors.New("down")
	b.temporal.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil, down)
	_, err := b.StartPayment(t.Context(), params())
	require.ErrorIs(t, err, down)
	require.ErrorContains(t, err, "payment:order-17")
}

func TestStartPaymentRefusesBadInput(t *testing.T) {
	t.Parallel()
	keys := map[string]string{}
	for len(keys) < 47 {
		keys["k"+strings.Repeat("x", len(keys)%30)+string(rune('a'+len(keys)/30))] = "v"
	}
	tests := []struct {
		name   string
		change func(*PaymentParams)
		want   []string // field and part of the message, one pair per mistake
	}{
		{"ReferenceEmpty", func(p *PaymentParams) { p.Reference = "" }, []string{"reference", `""`}},
		{"ReferenceSpace", func(p *PaymentParams) { p.Reference = "a b" }, []string{"reference", `"a b"`}},
		{"ReferenceTilde", func(p *PaymentParams) { p.Reference = "gym~20260131" }, []string{"reference", `"gym~20260131"`}},
		{"ReferenceLong", func(p *PaymentParams) { p.Reference = strings.Repeat("r", 121) }, []string{"reference", "1 to 120 characters"}},
		{"CustomerEmpty", func(p *PaymentParams) { p.Customer = "" }, []string{"customer", "cus_…"}},
		{"CustomerIsMethod", func(p *PaymentParams) { p.Customer = "pm_1" }, []string{"customer", `"pm_1"`}},
		{"CustomerIsMail", func(p *PaymentParams) { p.Customer = "a@example.com" }, []string{"customer", `"a@example.com"`}},
		{"CustomerQuote", func(p *PaymentParams) { p.Customer = "cus_1' OR '1" }, []string{"customer", "cus_1' OR"}},
		{"MethodIsCustomer", func(p *PaymentParams) { p.PaymentMethod = "cus_1" }, []string{"payment_method", `"cus_1"`}},
		{"AmountZero", func(p *PaymentParams) { p.Amount = 0 }, []string{"amount", "0 USD must be positive"}},
		{"AmountNegative", func(p *PaymentParams) { p.Amount = -5 }, []string{"amount", "-5 USD must be positive"}},
		{"AmountHuge", func(p *PaymentParams) { p.Amount = 1 << 62 }, []string{"amount", "too large"}},
		{"AmountThirdDecimal", func(p *PaymentParams) { p.Currency, p.Amount = "kwd", 1001 }, []string{"amount", "multiple of 10"}},
		{"CurrencyUnknown", func(p *PaymentParams) { p.Currency = "zzz" }, []string{"currency", `"zzz"`}},
		{"CurrencyEmpty", func(p *PaymentParams) { p.Currency = "" }, []string{"currency", `""`}},
		{"CurrencyAndAmount", func(p *PaymentParams) { p.Currency, p.Amount = "zzz", 0 }, []string{"currency", `"zzz"`, "amount", `"0"`}},
		{"DueFar", func(p *PaymentParams) { p.Due = time.Now().AddDate(100, 0, 1) }, []string{"due", "within 100 years"}},
		{"DescriptionLong", func(p *PaymentParams) { p.Description = strings.Repeat("d", 1001) }, []string{"description", "at most 1000"}},
		{"DescriptionLines", func(p *PaymentParams) { p.Description = "a\nb" }, []string{"description", "on one line"}},
		{"SuffixLong", func(p *PaymentParams) { p.StatementSuffix = strings.Repeat("S", 23) }, []string{"statement_suffix", "1 to 22"}},
		{"SuffixForbidden", func(p *PaymentParams) { p.StatementSuffix = "GYM*17" }, []string{"statement_suffix", `"GYM*17"`}},
		{"SuffixDigits", func(p *PaymentParams) { p.StatementSuffix = "12345" }, []string{"statement_suffix", "at least one letter"}},
		{"SuffixNotLatin", func(p *PaymentParams) { p.StatementSuffix = "GYMé" }, []string{"statement_suffix", "Latin"}},
		{"MetadataMany", func(p *PaymentParams) { p.Metadata = keys }, []string{"metadata", "at most 46 keys"}},
		{"MetadataOurs", func(p *PaymentParams) { p.Metadata = map[string]string{"offsession_owner": "x"} }, []string{"metadata", `"offsession_owner"`}},
		{"MetadataKeyLong", func(p *PaymentParams) { p.Metadata = map[string]string{strings.Repeat("k", 41): "v"} }, []string{"metadata", "1 to 40"}},
		{"MetadataKeyBrackets", func(p *PaymentParams) { p.Metadata = map[string]string{"a[b]": "v"} }, []string{"metadata", "square brackets"}},
		{"MetadataValueLong", func(p *PaymentParams) { p.Metadata = map[string]string{"k": strings.Repeat("v", 501)} }, []string{"metadata", "1 to 500"}},
		{"MetadataValueEmpty", func(p *PaymentParams) { p.Metadata = map[string]string{"k": ""} }, []string{"metadata", "1 to 500"}},
		{"TimeZone", func(p *PaymentParams) { p.TimeZone = "Europe/Bonn" }, []string{"time_zone", `"Europe/Bonn"`}},
		{"Events", func(p *PaymentParams) { p.Events = "some" }, []string{"events", "must be all or exceptions"}},
		{"CheckoutUI", func(p *PaymentParams) { p.CheckoutUI = "embedded" }, []string{"checkout_ui", "must be custom or hosted"}},
		{"Policy", func(p *PaymentParams) {
			d := dunning.DefaultPolicy()
			d.MaxAttempts, p.Policy = 9, &d
		}, []string{"policy", "max_attempts: 9"}},
		{"AllAtOnce", func(p *PaymentParams) {
			*p = PaymentParams{Reference: "a b", Customer: "x y", Amount: -1, Currency: "usd"}
		},
			[]string{"reference", "a b", "customer", "x y", "amount", "-1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t) // the mock fails the test when anything is sent to Temporal
			b.stripe.err = errors.New("nothing reaches Stripe")
			_, err := b.StartPayment(t.Context(), params(test.change))
			joined, ok := err.(interface{ Unwrap() []error })
			require.True(t, ok, "%v", err)
			mistakes := joined.Unwrap()
			require.Len(t, mistakes, len(test.want)/2, "%v", err)
			for n, mistake := range mistakes {
				var invalid *InvalidError
				require.ErrorAs(t, mistake, &invalid)
				require.Equal(t, test.want[2*n], invalid.Field)
				require.Contains(t, invalid.Message, test.want[2*n+1])
				require.True(t, strings.HasPrefix(invalid.Message, invalid.Field), invalid.Message)
				require.Less(t, len(invalid.Message), 500)
			}
		})
	}
}

func TestNewRefusesBadOptions(t *testing.T) {
	t.Parallel()
	_, err := New(mocks.NewClient(t), Options{TimeZone: "Europe/Bonn", CheckoutUI: "embedded"})
	require.ErrorContains(t, err, `time_zone: "Europe/Bonn"`)
	require.ErrorContains(t, err, `checkout_ui: "embedded"`)
}
