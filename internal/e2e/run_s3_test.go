package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// bucketName is the one that there is.
const bucketName = "billing"

// bucket is an S3 over HTTP.
type bucket struct {
	backend *s3mem.Backend
	address string
	// noReports refuses to take reports, as a bucket does that is full.
	noReports atomic.Bool
}

// s3Credentials are those of the fake, as environment.
func s3Credentials() []string {
	return []string{"AWS_ACCESS_KEY_ID=AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY=hunter2", "AWS_EC2_METADATA_DISABLED=true"}
}

func newBucket(t *testing.T) *bucket {
	t.Helper()
	b := &bucket{backend: s3mem.New()}
	require.NoError(t, b.backend.CreateBucket(bucketName))
	fake := gofakes3.New(b.backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b.noReports.Load() && r.Method != http.MethodGet && strings.Contains(r.URL.Path, ".report.") {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>QuotaExceeded</Code></Error>")
			return
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	b.address = server.URL
	return b
}

// url is that of a file in the bucket, with how the bucket is reached.
func (b *bucket) url(key string) string {
	return "s3://" + bucketName + "/" + key + "?region=eu-central-1&use_path_style=true&endpoint=" + url.QueryEscape(b.address)
}

// put packs a file and puts it there.
func (b *bucket) put(t *testing.T, key string, text []byte) {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, err := w.Write(text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	_, err = b.backend.PutObject(bucketName, key, map[string]string{}, &packed, int64(packed.Len()), nil)
	require.NoError(t, err)
}

// get reads the file of a URL.
func (b *bucket) get(t *testing.T, address string) []byte {
	t.Helper()
	key, found := strings.CutPrefix(address, "s3://"+bucketName+"/")
	require.True(t, found, address)
	object, err := b.backend.GetObject(bucketName, key, nil)
	require.NoError(t, err, address)
	text, err := io.ReadAll(object.Contents)
	require.NoError(t, err)
	return text
}

// TestRunFromS3: a manifest in S3 is charged, and its report lies beside it. While the bucket takes no report the run is not lost:
// the report is written again by hand, and by the run itself. It agrees with Stripe until somebody else has a hand in it.
func TestRunFromS3(t *testing.T) {
	t.Parallel()
	s := newRunSite(t, siteOptions{withoutWeb: true})
	r := s.bill(s.rows(20, exceptions...))
	text, err := os.ReadFile(r.path)
	require.NoError(t, err)
	require.NoError(t, os.Remove(r.path))
	r.bucket = newBucket(t)
	r.bucket.put(t, "2026/july.csv.gz", text)
	r.Manifest = r.bucket.url("2026/july.csv.gz")
	with := func(args ...string) ran {
		t.Helper()
		return runStarter(t, append(s.environment(), s3Credentials()...), args...)
	}

	a := runStarter(t, append(s.environment(), "AWS_EC2_METADATA_DISABLED=true"), "run", "validate", "--manifest", r.Manifest)
	require.Equal(t, misused, a.code, a.stderr)
	require.Contains(t, a.stderr, "no credentials for S3; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	a = with("run", "validate", "--manifest", r.bucket.url("2026/june.csv"))
	require.Equal(t, misused, a.code, a.stderr)
	require.Contains(t, a.stderr, "there is no such manifest: s3://billing/2026/june.csv")
	a = with("run", "validate", "--manifest", r.Manifest)
	require.Equal(t, done, a.code, a.stderr)
	require.Contains(t, a.stdout, "20 rows")

	r.bucket.noReports.Store(true)
	a = with("run", "start", "--manifest", r.Manifest, "--reference", r.Reference, "--max-decline-rate", "1")
	require.Equal(t, done, a.code, a.stderr)
	eventually(t, func() error {
		described, err := s.temporal.DescribeWorkflowExecution(t.Context(), workflows.BillingRunID(r.Reference), "")
		if err != nil {
			return err
		}
		for _, pending := range described.GetPendingActivities() {
			if failure := pending.GetLastFailure().GetApplicationFailureInfo(); failure.GetType() == activities.ErrorRunFiles && r.charged() == len(r.rows)-1 {
				return nil
			}
		}
		return fmt.Errorf("%w: %v", errNotYet, described.GetPendingActivities())
	})
	a = with("run", "report", r.Reference)
	require.Equal(t, failed, a.code, a.stderr)
	require.Contains(t, a.stderr, "report.csv")
	require.Contains(t, a.stderr, "QuotaExceeded")
	_, err = r.bucket.backend.GetObject(bucketName, "2026/july.csv.gz."+r.Reference+".report.csv", nil)
	require.Error(t, err, "nothing half-written is there")

	r.bucket.noReports.Store(false)
	a = with("run", "report", r.Reference)
	require.Equal(t, done, a.code, a.stderr)
	byHand := r.bucket.get(t, "s3://billing/2026/july.csv.gz."+r.Reference+".report.csv")
	shown := r.ends(workflows.RunCompleted, patience)
	require.Equal(t, "s3://billing/2026/july.csv.gz."+r.Reference+".report.csv", shown.ReportCSV, "without the query")
	require.Equal(t, string(byHand), string(r.read(shown.ReportCSV)))
	require.NotContains(t, string(r.read(shown.ReportJSON)), "endpoint")
	report := r.accounts(shown)
	as(t, report)
	r.handedOver(report)

	a = with("run", "reconcile", r.Reference)
	require.Equal(t, done, a.code, a.stdout+a.stderr)
	require.Contains(t, a.stdout, "the report and Stripe agree")
	good := r.rows[0]
	stray := s.stripe(http.MethodPost, "/v1/payment_intents", url.Values{
		"amount": {"1000"}, "currency": {"usd"}, "customer": {good.customer}, "payment_method": {good.method}, "confirm": {"true"}, "off_session": {"true"},
		"metadata[offsession_reference]": {"stray"}, "metadata[offsession_owner]": {workflows.BillingRunID(r.Reference)},
		"metadata[offsession_workflow_id]": {"payment:stray"},
	})["id"].(string)
	a = with("run", "reconcile", r.Reference)
	require.Equal(t, failed, a.code, a.stdout+a.stderr)
	require.Contains(t, a.stdout, "stray: at Stripe and not in the report: succeeded 1000 usd of "+good.customer+" ("+stray+")")
	require.Contains(t, a.stderr, "the report and Stripe differ in 1 place")
}
