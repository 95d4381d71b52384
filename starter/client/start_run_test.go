package client

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

func runParams(change ...func(*RunParams)) RunParams {
	p := RunParams{Reference: "july-2026", Manifest: "file:///data/july.csv"}
	for _, c := range change {
		if c != nil {
			c(&p)
		}
	}
	return p
}

// startRun lets Temporal accept one start and hands back what was sent.
func startRun(t *testing.T, b bundle, p RunParams) (sdk.StartWorkflowOptions, workflows.BillingRunInput) {
	t.Helper()
	return accepted[workflows.BillingRunInput](t, b, workflows.TypeBillingRun, workflows.BillingRunID(p.Reference), func() (Started, error) { return b.StartRun(t.Context(), p) })
}

func TestStartRun(t *testing.T) {
	t.Parallel()
	options, in := startRun(t, setup(t), runParams(func(p *RunParams) {
		p.Rate, p.PageSize, p.LookBackDays, p.MaxTotal, p.TimeZone, p.StatementSuffix = 15, 50, 90, map[string]int64{"USD": 5000000}, "Europe/Berlin", "JULY"
	}))
	require.Equal(t, workflows.BillingRunInput{
		Reference: "july-2026", Manifest: "file:///data/july.csv", Rate: 15, PageSize: 50, LookBackDays: 90, MaxTotal: map[string]int64{"usd": 5000000},
		TimeZone: "Europe/Berlin", StatementSuffix: "JULY", Policy: dunning.DefaultPolicy(),
	}.Short(), in)
	require.Equal(t, "billing-run:july-2026", options.ID)
	require.Equal(t, "offsession", options.TaskQueue)
	onlyOnce(t, options)
	require.NotEmpty(t, options.StaticSummary)
	state, _ := options.TypedSearchAttributes.GetKeyword(workflows.SearchState)
	require.Equal(t, "validating", state)
	run, _ := options.TypedSearchAttributes.GetKeyword(workflows.SearchRun)
	require.Equal(t, "july-2026", run)
	reference, _ := options.TypedSearchAttributes.GetKeyword(workflows.SearchReference)
	require.Equal(t, "july-2026", reference)

	memo, err := json.Marshal(options.Memo)
	require.NoError(t, err)
	require.JSONEq(t, `{"offsession_input":{"manifest":"file:///data/july.csv","rate":15,"page_size":50,"look_back_days":90,"max_total":{"usd":5000000},
		"time_zone":"Europe/Berlin","statement_suffix":"JULY","policy":"824192ee68df"}}`, string(memo))
}

// What a call leaves out comes from the client's options, and is frozen.
func TestStartRunResolves(t *testing.T) {
	t.Parallel()
	_, in := startRun(t, setup(t, func(o *Options) { o.CheckoutUI, o.TimeZone = activities.CheckoutUIHosted, "Asia/Seoul" }), runParams())
	require.Equal(t, activities.CheckoutUIHosted, in.CheckoutUI)
	require.Equal(t, "Asia/Seoul", in.TimeZone)
}

func TestStartRunAgain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		before, now func(*RunParams)
		want        string // "" is: the same run
	}{
		{"Same", nil, nil, ""},
		{"SameInOtherWords", func(p *RunParams) { p.MaxTotal = map[string]int64{"usd": 5} }, func(p *RunParams) {
			d := dunning.DefaultPolicy()
			p.PageSize, p.Window, p.OnInvalid, p.LookBackDays, p.MaxDeclineRate = 100, 16, workflows.OnInvalidStop, 35, 0.4
			p.TimeZone, p.CheckoutUI, p.Events, p.Policy = "UTC", activities.CheckoutUICustom, workflows.EventsExceptions, &d
			p.MaxTotal = map[string]int64{"USD": 5}
		}, ""},
		{"Manifest", nil, func(p *RunParams) { p.Manifest = "file:///data/august.csv" }, `another manifest: it was "file:///data/july.csv", now it is "file:///data/august.csv"`},
		{"Rate", nil, func(p *RunParams) { p.Rate = 5 }, "another rate: it was not set, now it is 5"},
		{"PageSize", nil, func(p *RunParams) { p.PageSize = 50 }, "another page_size: it was 100, now it is 50"},
		{"OnInvalid", nil, func(p *RunParams) { p.OnInvalid = workflows.OnInvalidSkip }, `another on_invalid: it was "stop", now it is "skip"`},
		{"MaxTotal", func(p *RunParams) { p.MaxTotal = map[string]int64{"usd": 5} }, func(p *RunParams) { p.MaxTotal = map[string]int64{"usd": 6} }, "another max_total.usd: it was 5, now it is 6"},
		{"Approve", func(p *RunParams) { p.Approve = true }, nil, "another approve: it was true, now it is not set"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			options, _ := startRun(t, setup(t), runParams(test.before))
			b := setup(t)
			b.describes(t, "billing-run:july-2026", options.Memo[workflows.MemoInput], "charging")
			b.temporal.On("ExecuteWorkflow", mock.Anything, mock.Anything, mock.Anything, mock.Anything).
				Return(nil, serviceerror.NewWorkflowExecutionAlreadyStarted("", "", ""))
			started, err := b.StartRun(t.Context(), runParams(test.now))
			if test.want == "" {
				require.NoError(t, err)
				require.Equal(t, Started{WorkflowID: "billing-run:july-2026", RunID: "run-existing", AlreadyStarted: true}, started)
				return
			}
			var refused *RefusedError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, `reference "july-2026" is used already, with `+test.want, refused.Message)
		})
	}
}

func TestStartRunRefusesBadInput(t *testing.T) {
	t.Parallel()
	manifest := func(url string) func(*RunParams) { return func(p *RunParams) { p.Manifest = url } }
	rate := func(rate float64) func(*RunParams) { return func(p *RunParams) { p.Rate = rate } }
	total := func(totals map[string]int64) func(*RunParams) { return func(p *RunParams) { p.MaxTotal = totals } }
	tests := []struct {
		name   string
		change func(*RunParams)
		want   []string // field and part of the message, one pair per mistake
	}{
		{"ReferenceEmpty", func(p *RunParams) { p.Reference = "" }, []string{"reference", `""`}},
		{"ReferenceTilde", func(p *RunParams) { p.Reference = "july~1" }, []string{"reference", `"july~1"`}},
		{"ReferenceDot", func(p *RunParams) { p.Reference = "../july" }, []string{"reference", `"../july"`}},
		{"ReferenceHidden", func(p *RunParams) { p.Reference = ".july" }, []string{"reference", "no dot at the beginning"}},
		{"ReferenceLong", func(p *RunParams) { p.Reference = strings.Repeat("r", 121) }, []string{"reference", "1 to 120 characters"}},

		{"NoManifest", manifest(""), []string{"manifest", "must be the URL of a file"}},
		{"ManifestPath", manifest("july.csv"), []string{"manifest", "must be a URL with a scheme"}},
		{"ManifestRelative", manifest("file://july.csv"), []string{"manifest", "must have three slashes"}},
		{"ManifestOpaque", manifest("file:july.csv"), []string{"manifest", "must be a URL, such as"}},
		{"ManifestScheme", manifest("https://example.com/july.csv"), []string{"manifest", "must be one of file, s3"}},
		{"ManifestSlashes", manifest("s3://b/a//x.csv"), []string{"manifest", "must not have two slashes in a row"}},
		{"ManifestDots", manifest("s3://b/../x.csv"), []string{"manifest", "must not have .. in it"}},
		{"ManifestFragment", manifest("s3://b/x.csv#1"), []string{"manifest", "must have no #"}},
		{"ManifestQuery", manifest("file:///data/x.csv?y"), []string{"manifest", "must have no ?"}},
		{"ManifestControl", manifest("s3://b/a%0Ab.csv"), []string{"manifest", "must not have characters"}},
		{"ManifestEnd", manifest("s3://b/july.xlsx"), []string{"manifest", "must name a file whose name ends in .csv"}},
		{"ManifestLikeRun", func(p *RunParams) { p.Reference, p.Manifest = "july.csv", "s3://b/july.csv" }, []string{"manifest", "must not have the run's reference"}},
		{"ManifestNoURL", manifest("s3://bucket/%zz"), []string{"manifest", "must be a URL: invalid URL escape"}},
		{"ManifestBucket", manifest("s3://bucket"), []string{"manifest", "must name a file"}},
		{"ManifestNoBucket", manifest("s3:///july.csv"), []string{"manifest", "must name a bucket"}},
		{"ManifestFolder", manifest("file:///data/"), []string{"manifest", "must name a file"}},
		{"ManifestDate", manifest("s3://bucket/{{date}}.csv"), []string{"manifest", "only schedules fill in dates"}},
		{"ManifestLong", manifest("s3://bucket/" + strings.Repeat("x", 1200)), []string{"manifest", "must be a URL"}},

		{"RateNegative", rate(-1), []string{"rate", `"-1"; must be charges per second, more than 0`}},
		{"RateNaN", rate(math.NaN()), []string{"rate", `"NaN"`}},
		{"RateInfinite", rate(math.Inf(1)), []string{"rate", `"+Inf"`}},
		{"ConcurrentWithoutRate", func(p *RunParams) { p.Concurrent = true }, []string{"rate", "must be given with concurrent"}},
		{"PageSizeNegative", func(p *RunParams) { p.PageSize = -1 }, []string{"page_size", `"-1"; must be 1 to 500`}},
		{"PageSizeLarge", func(p *RunParams) { p.PageSize = 501 }, []string{"page_size", `"501"; must be 1 to 500`}},
		{"WindowLarge", func(p *RunParams) { p.Window = 65 }, []string{"window", `"65"; must be 1 to 64`}},
		{"OnInvalid", func(p *RunParams) { p.OnInvalid = "ignore" }, []string{"on_invalid", "must be one of stop, skip"}},
		{"LookBackFar", func(p *RunParams) { p.LookBackDays = 401 }, []string{"look_back", `"401d"; must be 1d to 400d`}},
		{"LookBackNegative", func(p *RunParams) { p.LookBackDays = -1 }, []string{"look_back", `"-1d"`}},
		{"DeclineRateAboveOne", func(p *RunParams) { p.MaxDeclineRate = 40 }, []string{"max_decline_rate", `"40"; must be a part of the rows`}},
		{"DeclineRateNegative", func(p *RunParams) { p.MaxDeclineRate = -0.1 }, []string{"max_decline_rate", `"-0.1"`}},
		{"DeclineRateNaN", func(p *RunParams) { p.MaxDeclineRate = math.NaN() }, []string{"max_decline_rate", `"NaN"`}},
		{"TotalCurrency", total(map[string]int64{"zzz": 5}), []string{"max_total", `"zzz=5"; must name a currency`}},
		{"TotalZero", total(map[string]int64{"usd": 0}), []string{"max_total", `"usd=0"; must be positive`}},
		{"TotalNegative", total(map[string]int64{"usd": -5}), []string{"max_total", `"usd=-5"; must be positive`}},
		{"TotalTwice", total(map[string]int64{"usd": 5, "USD": 6}), []string{"max_total", `must name each currency once`}},
		{"TimeZone", func(p *RunParams) { p.TimeZone = "Europe/Bonn" }, []string{"time_zone", `"Europe/Bonn"`}},
		{"CheckoutUI", func(p *RunParams) { p.CheckoutUI = "embedded" }, []string{"checkout_ui", "must be custom or hosted"}},
		{"Events", func(p *RunParams) { p.Events = "some" }, []string{"events", "must be all or exceptions"}},
		{"StatementSuffix", func(p *RunParams) { p.StatementSuffix = "JULY*1" }, []string{"statement_suffix", `"JULY*1"`}},
		{"Policy", func(p *RunParams) { d := dunning.DefaultPolicy(); d.MaxAttempts = 9; p.Policy = &d }, []string{"policy.max_attempts", "9"}},
		{"Several", func(p *RunParams) { p.Reference, p.Manifest, p.Window = "a b", "", -1 }, []string{"reference", `"a b"`, "manifest", "must be the URL", "window", `"-1"`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := setup(t).StartRun(t.Context(), runParams(test.change))
			mistakesAre(t, err, test.want)
		})
	}
}

// A password in a URL is neither sent nor shown.
func TestManifestWithCredentials(t *testing.T) {
	t.Parallel()
	_, err := setup(t).StartRun(t.Context(), runParams(func(p *RunParams) { p.Manifest = "s3://user:hunter2@bucket/july.csv" }))
	mistakesAre(t, err, []string{"manifest", "must have no credentials"})
	require.NotContains(t, err.Error(), "hunter2")
}
