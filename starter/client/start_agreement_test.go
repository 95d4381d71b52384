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

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
	"github.com/offsession/offsession/workflows/dunning"
)

func agreementParams(change ...func(*AgreementParams)) AgreementParams {
	p := AgreementParams{
		Reference: "gym-17", Customer: "cus_1", PaymentMethod: "pm_1", Amount: 1099, Currency: "USD",
		Schedule: calendar.Schedule{Every: "month", On: "31", At: "09:00"},
	}
	for _, c := range change {
		if c != nil {
			c(&p)
		}
	}
	return p
}

// startAgreement lets Temporal accept one start and hands back what was sent.
func startAgreement(t *testing.T, b bundle, p AgreementParams) (sdk.StartWorkflowOptions, workflows.BillingAgreementInput) {
	t.Helper()
	return accepted[workflows.BillingAgreementInput](t, b, workflows.TypeBillingAgreement, workflows.AgreementID(p.Reference), func() (Started, error) { return b.StartAgreement(t.Context(), p) })
}

func TestStartAgreement(t *testing.T) {
	t.Parallel()
	options, in := startAgreement(t, setup(t), agreementParams(func(p *AgreementParams) { p.TimeZone = "Europe/Berlin" }))
	require.Equal(t, workflows.BillingAgreementInput{
		Reference: "gym-17", Customer: "cus_1", PaymentMethod: "pm_1", Amount: 1099, Currency: "usd", TimeZone: "Europe/Berlin",
		Schedule: calendar.Schedule{Every: "month", On: "31"}, Policy: dunning.DefaultPolicy(),
	}.Short(), in)
	require.Equal(t, "agreement:gym-17", options.ID)
	require.Equal(t, "offsession", options.TaskQueue)
	onlyOnce(t, options)
	require.Equal(t, "$10.99 every month on 31", options.StaticSummary)

	attributes := options.TypedSearchAttributes
	state, _ := attributes.GetKeyword(workflows.SearchState)
	require.Equal(t, "active", state)
	next, ok := attributes.GetTime(workflows.SearchNextActionAt)
	require.True(t, ok)
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	require.Equal(t, "09:00", next.In(berlin).Format("15:04"))
	require.Equal(t, 1, next.In(berlin).AddDate(0, 0, 1).Day(), "the last day of a month")
	amount, _ := attributes.GetInt64(workflows.SearchAmount)
	require.Equal(t, int64(1099), amount)

	memo, err := json.Marshal(options.Memo)
	require.NoError(t, err)
	require.JSONEq(t, `{"offsession_input":{"customer":"cus_1","payment_method":"pm_1","amount":1099,"currency":"usd","time_zone":"Europe/Berlin",
		"schedule":{"every":"month","on":31},"policy":"824192ee68df"}}`, string(memo), "the memo is carried through years of runs: it holds little")
}

func TestStartAgreementResolves(t *testing.T) {
	t.Parallel()
	_, in := startAgreement(t, setup(t, func(o *Options) { o.CheckoutUI = activities.CheckoutUIHosted }), agreementParams(func(p *AgreementParams) {
		p.Customer, p.PaymentMethod, p.SaveCard = "cus_berlin", "", true
		p.AmountFrom, p.Amount = workflows.AmountFromWebhook, 0
	}))
	require.Equal(t, "Europe/Berlin", in.TimeZone)
	require.Equal(t, activities.CheckoutUIHosted, in.CheckoutUI)
	require.True(t, in.SaveCard)

	for _, test := range []struct {
		name, customer, given, ours, want string
	}{
		{"Given", "cus_berlin", "Asia/Tokyo", "Asia/Seoul", "Asia/Tokyo"},
		{"Customer", "cus_berlin", "", "Asia/Seoul", "Europe/Berlin"},
		{"Ours", "cus_1", "", "Asia/Seoul", "Asia/Seoul"},
		{"Nobody", "cus_1", "", "", ""}, // which is UTC
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *Options) { o.TimeZone = test.ours })
			_, in := startAgreement(t, b, agreementParams(func(p *AgreementParams) {
				p.Customer, p.PaymentMethod, p.SaveCard, p.TimeZone = test.customer, "", true, test.given
			}))
			require.Equal(t, test.want, in.TimeZone)
		})
	}
}

// What the Temporal UI and its filters show of an agreement that has just started.
func TestAgreementStartsAs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name           string
		change         func(*AgreementParams)
		state, summary string
		next           bool
	}{
		{"SavingCard", func(p *AgreementParams) { p.PaymentMethod, p.SaveCard = "", true }, "saving_card", "$10.99 every month on 31", false},
		{"FirstChargeNow", func(p *AgreementParams) { p.FirstCharge = workflows.FirstChargeNow }, "active", "$10.99 every month on 31", false},
		{"AmountFromApp", func(p *AgreementParams) { p.Amount, p.AmountFrom = 0, workflows.AmountFromWebhook }, "active", "amount from the app every month on 31", true},
		{"Weeks", func(p *AgreementParams) { p.Schedule = calendar.Schedule{Every: "week", Interval: 2, On: "Monday"} }, "active", "$10.99 every 2 weeks on monday", true},
		{"Rule", func(p *AgreementParams) { p.Schedule = calendar.Schedule{RRule: "FREQ=DAILY"} }, "active", "$10.99 by FREQ=DAILY", true},
		{"Dates", func(p *AgreementParams) { p.Schedule = calendar.Schedule{Dates: []string{"2090-01-01", "2091-01-01"}} }, "active", "$10.99 on 2 dates", true},
		{"Date", func(p *AgreementParams) { p.Schedule = calendar.Schedule{Dates: []string{"2090-01-01"}} }, "active", "$10.99 on 2090-01-01", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			options, _ := startAgreement(t, setup(t), agreementParams(test.change))
			state, _ := options.TypedSearchAttributes.GetKeyword(workflows.SearchState)
			require.Equal(t, test.state, state)
			require.Equal(t, test.summary, options.StaticSummary)
			_, next := options.TypedSearchAttributes.GetTime(workflows.SearchNextActionAt)
			require.Equal(t, test.next, next)
		})
	}
}

func TestStartAgreementAgain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		before, now func(*AgreementParams)
		want        string // "" is: the same agreement
	}{
		{"Same", nil, nil, ""},
		{"SameInOtherWords", nil, func(p *AgreementParams) {
			d := dunning.DefaultPolicy()
			p.Currency, p.TimeZone, p.Policy, p.Events = "usd", "UTC", &d, workflows.EventsExceptions
			p.CatchUp, p.WhileInDunning, p.FirstCharge = workflows.CatchUpLatest, workflows.DunningContinue, workflows.FirstChargeScheduled
			p.PaymentMethodTypes, p.CheckoutUI = []string{"card"}, activities.CheckoutUICustom
			p.Schedule = calendar.Schedule{Every: "Month", On: " 31 ", Interval: 1}
		}, ""},
		{"Amount", nil, func(p *AgreementParams) { p.Amount = 2000 }, "another amount: it was 1099, now it is 2000"},
		{"Currency", nil, func(p *AgreementParams) { p.Currency = "eur" }, `another currency: it was "usd", now it is "eur"`},
		{"Ceiling", nil, func(p *AgreementParams) { p.MaxAmountPerMonth = 5000 }, "another max_amount_per_month: it was not set, now it is 5000"},
		{"Schedule", nil, func(p *AgreementParams) { p.Schedule.On = "15" }, "another schedule.on: it was 31, now it is 15"},
		{"FirstOfTwo", nil, func(p *AgreementParams) { p.NoticeDays, p.CatchUp = 3, workflows.CatchUpNone }, `another catch_up: it was "latest", now it is "none"`},
		{"Types", func(p *AgreementParams) { p.PaymentMethodTypes = []string{"card", "sepa_debit"} }, nil, `another payment_method_types: it was ["card","sepa_debit"], now it is ["card"]`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			options, _ := startAgreement(t, setup(t), agreementParams(test.before))
			b := setup(t)
			b.describes(t, "agreement:gym-17", options.Memo[workflows.MemoInput], "active")
			b.temporal.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).
				Return(nil, serviceerror.NewWorkflowExecutionAlreadyStarted("", "", ""))
			started, err := b.StartAgreement(t.Context(), agreementParams(test.now))
			if test.want == "" {
				require.NoError(t, err)
				require.Equal(t, Started{WorkflowID: "agreement:gym-17", RunID: "run-existing", AlreadyStarted: true}, started)
				return
			}
			var refused *RefusedError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, `reference "gym-17" is used already, with `+test.want, refused.Message)
		})
	}
}

// Years later the dates of a definition lie in the past, the customer is deleted: a repeat is still that agreement.
func TestStartAgreementAgainWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	over := agreementParams(func(p *AgreementParams) { p.Schedule = calendar.Schedule{Dates: []string{"2020-01-31", "2020-02-29"}} })
	input, err := starts.FirstOf(over.input(), agreementDefaults())
	require.NoError(t, err)
	b := setup(t)
	b.describes(t, "agreement:gym-17", input, "completed")
	started, err := b.StartAgreement(t.Context(), over)
	require.NoError(t, err)
	require.True(t, started.AlreadyStarted)

	b = setup(t)
	b.knowsNo("agreement:gym-17")
	_, err = b.StartAgreement(t.Context(), over)
	require.ErrorContains(t, err, `schedule.dates: "2020-02-29"; must have a date after`)
	require.True(t, isInvalid(err))

	gone := agreementParams(func(p *AgreementParams) { p.Customer, p.PaymentMethod, p.SaveCard = "cus_deleted", "", true })
	options, _ := startAgreement(t, setup(t, withoutStripe), gone)
	b = setup(t)
	b.describes(t, "agreement:gym-17", options.Memo[workflows.MemoInput], "active")
	started, err = b.StartAgreement(t.Context(), gone)
	require.NoError(t, err)
	require.True(t, started.AlreadyStarted)
}

func TestStartAgreementAsksStripe(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, customer, method, message string }{
		{"UnknownCustomer", "cus_unknown", "", `customer: "cus_unknown"; Stripe has no such customer`},
		{"DeletedCustomer", "cus_deleted", "", `customer: "cus_deleted"; this customer was deleted`},
		{"ForeignMethod", "cus_1", "pm_foreign", `payment_method: "pm_foreign"; it belongs to another customer`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.knowsNo("agreement:gym-17")
			_, err := b.StartAgreement(t.Context(), agreementParams(func(p *AgreementParams) {
				p.Customer, p.PaymentMethod, p.SaveCard = test.customer, test.method, test.method == ""
			}))
			require.True(t, isInvalid(err))
			require.ErrorContains(t, err, test.message)
		})
	}
}

func TestStartAgreementRefusesBadInput(t *testing.T) {
	t.Parallel()
	schedule := func(s calendar.Schedule) func(*AgreementParams) { return func(p *AgreementParams) { p.Schedule = s } }
	tests := []struct {
		name   string
		change func(*AgreementParams)
		want   []string // field and part of the message, one pair per mistake
	}{
		{"ReferenceEmpty", func(p *AgreementParams) { p.Reference = "" }, []string{"reference", `""`}},
		{"ReferenceTilde", func(p *AgreementParams) { p.Reference = "gym~1" }, []string{"reference", `"gym~1"`}},
		{"ReferenceLong", func(p *AgreementParams) { p.Reference = strings.Repeat("r", 101) }, []string{"reference", "1 to 100 characters"}},
		{"Customer", func(p *AgreementParams) { p.Customer = "pm_1" }, []string{"customer", `"pm_1"`}},
		{"NoMethod", func(p *AgreementParams) { p.PaymentMethod = "" }, []string{"payment_method", "or save_card: true"}},
		{"MethodAndCard", func(p *AgreementParams) { p.SaveCard = true }, []string{"payment_method", "exactly one of payment_method and save_card"}},
		{"Method", func(p *AgreementParams) { p.PaymentMethod = "cus_1" }, []string{"payment_method", `"cus_1"`}},
		{"NoAmount", func(p *AgreementParams) { p.Amount = 0 }, []string{"amount", "or amount_from: webhook"}},
		{"AmountNegative", func(p *AgreementParams) { p.Amount = -5 }, []string{"amount", "-5 USD must be positive"}},
		{"AmountTwice", func(p *AgreementParams) { p.AmountFrom = workflows.AmountFromWebhook }, []string{"amount", "exactly one of amount and amount_from"}},
		{"AmountFrom", func(p *AgreementParams) { p.Amount, p.AmountFrom = 0, "file" }, []string{"amount_from", `"file"; must be webhook`}},
		{"AmountYen", func(p *AgreementParams) { p.Currency, p.Amount = "isk", 1050 }, []string{"amount", "multiple of 100"}},
		{"Currency", func(p *AgreementParams) { p.Currency = "zzz" }, []string{"currency", `"zzz"`}},
		{"AboveCharge", func(p *AgreementParams) { p.MaxAmountPerCharge = 1098 }, []string{"amount", `"1099"; must be at most max_amount_per_charge, 1098`}},
		{"AboveMonth", func(p *AgreementParams) { p.MaxAmountPerMonth = 1000 }, []string{"amount", `"1099"; must be at most max_amount_per_month, 1000`}},
		{"CeilingNegative", func(p *AgreementParams) { p.MaxAmountPerCharge = -1 }, []string{"max_amount_per_charge", "-1 USD must be positive"}},
		{"CeilingHuge", func(p *AgreementParams) { p.MaxAmountPerMonth = 1 << 62 }, []string{"max_amount_per_month", "too large"}},
		{"TimeZone", func(p *AgreementParams) { p.TimeZone = "Europe/Bonn" }, []string{"time_zone", `"Europe/Bonn"`}},
		{"FirstCharge", func(p *AgreementParams) { p.FirstCharge = "soon" }, []string{"first_charge", "must be one of scheduled, now"}},
		{"CatchUp", func(p *AgreementParams) { p.CatchUp = "some" }, []string{"catch_up", "must be one of all, latest, none"}},
		{"WhileInDunning", func(p *AgreementParams) { p.WhileInDunning = "stop" }, []string{"while_in_dunning", "must be one of continue, hold"}},
		{"NoticeLate", func(p *AgreementParams) { p.NoticeDays = 61 }, []string{"notice_days", `"61"; must be 0 to 60`}},
		{"NoticeNegative", func(p *AgreementParams) { p.NoticeDays = -1 }, []string{"notice_days", "must be 0 to 60"}},
		{"Description", func(p *AgreementParams) { p.Description = "a\nb" }, []string{"description", "on one line"}},
		{"StatementSuffix", func(p *AgreementParams) { p.StatementSuffix = "GYM*17" }, []string{"statement_suffix", `"GYM*17"`}},
		{"Metadata", func(p *AgreementParams) { p.Metadata = map[string]string{"offsession_owner": "x"} }, []string{"metadata", `"offsession_owner"`}},
		{"MethodTypes", func(p *AgreementParams) { p.PaymentMethodTypes = []string{"Karte!"} }, []string{"payment_method_types", `"Karte!"`}},
		{"CheckoutUI", func(p *AgreementParams) { p.CheckoutUI = "embedded" }, []string{"checkout_ui", "must be custom or hosted"}},
		{"Events", func(p *AgreementParams) { p.Events = "some" }, []string{"events", "must be all or exceptions"}},
		{"Policy", func(p *AgreementParams) {
			d := dunning.DefaultPolicy()
			d.MaxAttempts, d.FinalAction, p.Policy = 9, "refund", &d
		}, []string{"policy.max_attempts", "9; must be 1 to 8", "policy.final_action", `"refund"; must be one of`}},

		{"NoSchedule", schedule(calendar.Schedule{}), []string{"schedule", "one of every, rrule and dates"}},
		{"TwoSchedules", schedule(calendar.Schedule{Every: "day", RRule: "FREQ=DAILY"}), []string{"schedule", "exactly one of them"}},
		{"Every", schedule(calendar.Schedule{Every: "fortnight"}), []string{"schedule.every", `"fortnight"`}},
		{"NeverFires", schedule(calendar.Schedule{RRule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}), []string{"schedule.rrule", ""}},
		{"TooOften", schedule(calendar.Schedule{RRule: "FREQ=MINUTELY", SubDaily: true}), []string{"schedule.rrule", "MINUTELY"}},
		{"UnsupportedPart", schedule(calendar.Schedule{RRule: "FREQ=DAILY;BYEASTER=1"}), []string{"schedule.rrule", "BYEASTER"}},
		{"EndsBeforeItStarts", schedule(calendar.Schedule{Every: "day", Start: "2090-01-31", Until: "2090-01-01"}), []string{"schedule.until", `"2090-01-01"`}},
		{"SeveralInSchedule", schedule(calendar.Schedule{Every: "week", On: "31", At: "9"}), []string{"schedule.at", `"9"`, "schedule.on", `"31"`}},

		{"AllAtOnce", func(p *AgreementParams) {
			*p = AgreementParams{Reference: "a b", Customer: "x y", SaveCard: true, Amount: -1, Currency: "usd", NoticeDays: 90, Schedule: calendar.Schedule{Every: "never"}}
		}, []string{"reference", "a b", "customer", "x y", "amount", "-1", "notice_days", "90", "schedule.every", `"never"`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t) // the mock fails the test when anything is sent to Temporal
			b.stripe.err = errors.New("nothing reaches Stripe")
			_, err := b.StartAgreement(t.Context(), agreementParams(test.change))
			mistakesAre(t, err, test.want)
		})
	}
}

// mistakesAre demands one InvalidError per pair of field and part of the message.
func mistakesAre(t *testing.T, err error, want []string) {
	t.Helper()
	joined, ok := err.(interface{ Unwrap() []error })
	require.True(t, ok, "%v", err)
	mistakes := joined.Unwrap()
	require.Len(t, mistakes, len(want)/2, "%v", err)
	for n, mistake := range mistakes {
		var invalid *InvalidError
		require.ErrorAs(t, mistake, &invalid)
		require.Equal(t, want[2*n], invalid.Field)
		require.Contains(t, invalid.Message, want[2*n+1])
		require.True(t, strings.HasPrefix(invalid.Message, invalid.Field), invalid.Message)
		require.Less(t, len(invalid.Message), 500)
	}
}
