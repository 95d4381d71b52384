package client

import (
	"context"
	"iter"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/manifest"
)

func withRunFiles(o *Options) { o.RunFiles = manifest.New() }

// manifestFile writes a manifest and answers its URL.
func manifestFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}

// beside lists what stands beside a manifest, and itself.
func beside(t *testing.T, manifest string) []string {
	t.Helper()
	u, err := url.Parse(manifest)
	require.NoError(t, err)
	entries, err := os.ReadDir(filepath.Dir(filepath.FromSlash(u.Path)))
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

const julyCSV = `reference,customer,payment_method,amount,currency
inv-1,cus_1,pm_1,1000,usd
inv-2,cus_2,,2000,usd
inv-3,cus_3,,10.99,usd
inv-4,cus_4,,500,jpy
inv-1,cus_5,,700,usd
`

// Neither Temporal nor Stripe is there.
func TestValidateManifest(t *testing.T) {
	t.Parallel()
	july := manifestFile(t, "july.csv", julyCSV)
	c, err := New(nil, Options{RunFiles: manifest.New()})
	require.NoError(t, err)
	var problems []ManifestProblem
	summary, err := c.ValidateManifest(t.Context(), july, ManifestWatch{Problem: func(p ManifestProblem) { problems = append(problems, p) }})
	require.NoError(t, err)
	require.Equal(t, 3, summary.Rows)
	require.Equal(t, 2, summary.Rejected)
	require.Equal(t, map[string]int64{"usd": 3000, "jpy": 500}, summary.Totals)
	require.Len(t, summary.Fingerprint, 64)
	require.Len(t, problems, 2)
	require.Equal(t, 4, problems[0].Line)
	require.Equal(t, "amount", problems[0].Column)
	require.Equal(t, "10.99", problems[0].Value)
	require.Equal(t, 6, problems[1].Line)
	require.Contains(t, problems[1].Rule, "2", "the other line of the same reference")
	require.Equal(t, []string{"july.csv"}, beside(t, july), "nothing was written")

	jsonl := manifestFile(t, "july.jsonl", `{"reference":"inv-1","customer":"cus_1","payment_method":"pm_1","amount":1000,"currency":"usd"}
{"reference":"inv-2","customer":"cus_2","amount":2000,"currency":"usd"}
{"reference":"inv-4","customer":"cus_4","amount":500,"currency":"jpy"}
`)
	same, err := c.ValidateManifest(t.Context(), jsonl, ManifestWatch{})
	require.NoError(t, err)
	require.Equal(t, summary.Fingerprint, same.Fingerprint, "the rows alone make the fingerprint")
}

func TestValidateManifestRefuses(t *testing.T) {
	t.Parallel()
	c := setup(t, withRunFiles).Client
	july := manifestFile(t, "july.csv", julyCSV)
	for _, test := range []struct{ name, url, want string }{
		{"Path", "july.csv", "must be a URL with a scheme"},
		{"Scheme", "gs://bucket/july.csv", "must be one of file, s3"},
		{"Missing", strings.ReplaceAll(july, "july.csv", "june.csv"), "there is no such manifest"},
		{"NoDirectory", "file:///nowhere/july.csv", "there is no such manifest"},
		{"Dots", strings.ReplaceAll(july, "july.csv", "x/../july.csv"), "write the whole path"},
		{"BrokenGzip", manifestFile(t, "july.csv.gz", "no gzip"), "the manifest cannot be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := c.ValidateManifest(t.Context(), test.url, ManifestWatch{})
			var invalid *InvalidError
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, "manifest", invalid.Field)
			require.Contains(t, invalid.Message, test.want)
		})
	}
	_, err := setup(t).ValidateManifest(t.Context(), july, ManifestWatch{})
	require.ErrorIs(t, err, errWithoutRunFiles)
}

// account lists PaymentIntents, then fails with err.
type account struct {
	intents []activities.PaymentIntent
	err     error
	since   time.Time
}

func (a *account) AccountPaymentIntents(_ context.Context, since time.Time, _ string) iter.Seq2[activities.PaymentIntent, error] {
	a.since = since
	return func(yield func(activities.PaymentIntent, error) bool) {
		for _, intent := range a.intents {
			if !yield(intent, nil) {
				return
			}
		}
		if a.err != nil {
			yield(activities.PaymentIntent{}, a.err)
		}
	}
}

func paidBefore(reference, customer string, amount int64) activities.PaymentIntent {
	return activities.PaymentIntent{
		ID: "pi_" + reference, Status: activities.PaymentIntentSucceeded, Customer: customer, Amount: amount, Currency: "usd", Created: noon,
		Metadata: map[string]string{activities.MetadataReference: reference},
	}
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	july := manifestFile(t, "july.csv", julyCSV)
	intents := &account{intents: []activities.PaymentIntent{paidBefore("inv-1", "cus_1", 1000), paidBefore("inv-2", "cus_2", 1999), paidBefore("inv-9", "cus_9", 1)}}
	c, err := New(nil, Options{RunFiles: manifest.New(), Account: intents})
	require.NoError(t, err)
	problems := 0
	dry, err := c.DryRun(t.Context(), runParams(func(p *RunParams) { p.Manifest, p.Rate, p.LookBackDays = july, 0.4, 90 }),
		ManifestWatch{Problem: func(ManifestProblem) { problems++ }})
	require.NoError(t, err)
	require.Equal(t, 2, problems, "each once, however often the file is read")
	require.Equal(t, 3, dry.Rows)
	require.Equal(t, 3, dry.Listed)
	require.Equal(t, activities.RunTotals{
		activities.ChargeSucceeded: {"usd": {Rows: 1, Amount: 1000}}, activities.RowRejected: {"usd": {Rows: 1, Amount: 2000}},
	}, dry.Known, "the second was used with another amount")
	require.Equal(t, 1, dry.ToCharge)
	require.Equal(t, 3, dry.Seconds, "a row at 0.4 a second takes 2.5 s")
	require.WithinDuration(t, time.Now().AddDate(0, 0, -90), intents.since, time.Minute)
	require.Equal(t, []string{"july.csv"}, beside(t, july), "nothing was written")

	for _, test := range []struct {
		name string
		ours float64
		want float64
	}{{"Default", 0, 15}, {"Ours", 30, 30}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, err := New(nil, Options{RunFiles: manifest.New(), Account: &account{}, RunRate: test.ours})
			require.NoError(t, err)
			dry, err := c.DryRun(t.Context(), runParams(func(p *RunParams) { p.Manifest = july }), ManifestWatch{})
			require.NoError(t, err)
			require.InDelta(t, test.want, dry.Rate, 0)
			require.Equal(t, 1, dry.Seconds)
		})
	}
}

func TestDryRunRefuses(t *testing.T) {
	t.Parallel()
	july := manifestFile(t, "july.csv", julyCSV)
	params := runParams(func(p *RunParams) { p.Manifest = july })
	_, err := setup(t, withRunFiles).DryRun(t.Context(), params, ManifestWatch{})
	var refused *RefusedError
	require.ErrorAs(t, err, &refused)
	require.Contains(t, refused.Message, "set STRIPE_API_KEY")

	denied := &activities.StripeError{Kind: activities.StripeUnauthorized, HTTPStatus: 401}
	c, err := New(nil, Options{RunFiles: manifest.New(), Account: &account{err: denied}})
	require.NoError(t, err)
	_, err = c.DryRun(t.Context(), params, ManifestWatch{})
	require.ErrorIs(t, err, denied)

	_, err = c.DryRun(t.Context(), runParams(func(p *RunParams) { p.Window = 65 }), ManifestWatch{})
	mistakesAre(t, err, []string{"window", `"65"`})
	_, err = c.DryRun(t.Context(), runParams(func(p *RunParams) { p.Manifest = july + ".gone" }), ManifestWatch{})
	require.True(t, isInvalid(err))
}
