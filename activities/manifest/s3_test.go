package manifest_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/manifest"
)

// s3 is an S3 over HTTP with the bucket invoices, and the query of its URLs.
func s3(t *testing.T, before func(w http.ResponseWriter, r *http.Request) bool) (backend *s3mem.Backend, query string) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
	backend = s3mem.New()
	require.NoError(t, backend.CreateBucket("invoices"))
	fake := gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if before == nil || !before(w, r) {
			fake.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return backend, "?region=eu-central-1&use_path_style=true&endpoint=" + url.QueryEscape(server.URL)
}

func upload(t *testing.T, backend *s3mem.Backend, key, content string) {
	t.Helper()
	_, err := backend.PutObject("invoices", key, map[string]string{}, strings.NewReader(content), int64(len(content)), nil)
	require.NoError(t, err)
}

func download(t *testing.T, backend *s3mem.Backend, key string) string {
	t.Helper()
	object, err := backend.GetObject("invoices", key, nil)
	require.NoError(t, err)
	content, err := io.ReadAll(object.Contents)
	require.NoError(t, err)
	return string(content)
}

func TestS3(t *testing.T) {
	backend, query := s3(t, nil)
	upload(t, backend, "2026/july.csv.gz", zip(t, small+"cus_9,d,0,usd,,,\n"))
	f := activities.RunFile{URL: "s3://invoices/2026/july.csv.gz" + query, Run: run}
	summary := normalise(t, f, 2)
	require.Equal(t, 3, summary.Rows)
	require.Equal(t, normalise(t, put(t, "a.csv", small), 3).Fingerprint, summary.Fingerprint)

	m := manifest.New()
	lookBack(t, m, f)
	pages, err := m.Pages(t.Context(), f, 0, 10)
	require.NoError(t, err)
	rows, err := m.Rows(t.Context(), f, pages[1])
	require.NoError(t, err)
	require.Equal(t, allRows(t.Context(), t, m, f)[2:], rows)
	require.NoError(t, m.WriteKnown(t.Context(), f, sequence([]activities.KnownRow{{Row: 0}}, nil)))
	pages, err = m.Pages(t.Context(), f, 0, 10)
	require.NoError(t, err)
	known, err := m.Known(t.Context(), f, pages[0])
	require.NoError(t, err)
	require.Len(t, known, 1)
	require.NoError(t, m.WriteCheckpoint(t.Context(), f, pages[1], []byte("x")))
	data, err := m.Checkpoint(t.Context(), f, pages[1])
	require.NoError(t, err)
	require.Equal(t, "x", string(data))
	require.NoError(t, m.WriteCheckpoint(t.Context(), f, pages[1], nil))
	data, err = m.Checkpoint(t.Context(), f, pages[1])
	require.NoError(t, err)
	require.Nil(t, data)
	require.NoError(t, m.WriteResults(t.Context(), f, pages[1], []activities.RowResult{{Row: 2, RunRow: rows[0], Outcome: activities.ChargeSucceeded}}))
	report, err := m.WriteReport(t.Context(), activities.ReportRequest{RunFile: f})
	require.NoError(t, err)
	require.Equal(t, "s3://invoices/2026/july.csv.gz.july.report.csv", report.CSV, "without the query")
	require.Equal(t, 4, report.Rows)
	require.Equal(t, 5, strings.Count(download(t, backend, "2026/july.csv.gz.july.report.csv"), "\n"))
	require.Contains(t, download(t, backend, "2026/july.csv.gz.july.rejects.csv"), "0 USD must be positive")
	require.NotContains(t, download(t, backend, "2026/july.csv.gz.july.report.json"), "endpoint")
}

// TestS3LargeFile goes through an upload in parts.
func TestS3LargeFile(t *testing.T) {
	backend, query := s3(t, nil)
	var rows strings.Builder
	rows.WriteString(header)
	for i := range 9000 {
		rows.WriteString("r" + strings.Repeat("0", i%7) + string(rune('a'+i%26)) + strings.Repeat("x", i/26%100) + "-" + strings.Repeat("z", i/2600) + ",cus_1,1,usd," + strings.Repeat("y", 999) + ",\n")
	}
	upload(t, backend, "large.csv", rows.String())
	f := activities.RunFile{URL: "s3://invoices/large.csv" + query, Run: run}
	summary := normalise(t, f, 100)
	require.Greater(t, len(download(t, backend, "large.csv.july.rows")), 8<<20)
	require.Len(t, allRows(t.Context(), t, manifest.New(), f), summary.Rows)
}

func TestS3Errors(t *testing.T) {
	answer := func(status int, code string) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("x-amz-request-id", "A301B404")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>hunter2</Message></Error>")
			return true
		}
	}
	for name, test := range map[string]struct {
		url    string
		answer func(w http.ResponseWriter, r *http.Request) bool
		is     error // nil: a fault
		err    string
	}{
		"NoFile":    {"s3://invoices/none.csv", nil, activities.ErrManifestMissing, "there is no such manifest: s3://invoices/none.csv"},
		"NoBucket":  {"s3://none/july.csv", nil, activities.ErrManifestMissing, "there is no such manifest: s3://none/july.csv"},
		"Denied":    {"s3://invoices/july.csv", answer(http.StatusForbidden, "AccessDenied"), activities.ErrManifestUnreadable, "the manifest cannot be read: no permission to read s3://invoices/july.csv"},
		"WrongKey":  {"s3://invoices/july.csv", answer(http.StatusForbidden, "InvalidAccessKeyId"), activities.ErrManifestUnreadable, "the manifest cannot be read: no permission to read s3://invoices/july.csv"},
		"Elsewhere": {"s3://invoices/july.csv", answer(http.StatusMovedPermanently, "PermanentRedirect"), activities.ErrManifestUnreadable, "the manifest cannot be read: the bucket of s3://invoices/july.csv is in another region; write ?region=… into its URL"},
		"Fault":     {"s3://invoices/july.csv", answer(http.StatusNotImplemented, "NotImplemented"), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, query := s3(t, test.answer)
			_, err := manifest.New().Normalise(t.Context(), activities.NormaliseRequest{RunFile: activities.RunFile{URL: test.url + query, Run: run}})
			if test.is == nil {
				require.Error(t, err)
				require.NotErrorIs(t, err, activities.ErrManifestMissing, "a request id with 301 in it is no missing bucket")
				require.NotErrorIs(t, err, activities.ErrManifestUnreadable)
				require.NotContains(t, err.Error(), "endpoint=")
				return
			}
			require.ErrorIs(t, err, test.is)
			require.EqualError(t, err, test.err)
		})
	}
	t.Run("NoCredentials", func(t *testing.T) {
		_, query := s3(t, nil)
		t.Setenv("AWS_ACCESS_KEY_ID", "")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "")
		t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
		t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
		t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
		f := activities.RunFile{URL: "s3://invoices/july.csv" + query, Run: run}
		_, err := manifest.New().Normalise(t.Context(), activities.NormaliseRequest{RunFile: f})
		require.ErrorIs(t, err, activities.ErrManifestUnreadable)
		require.ErrorContains(t, err, "no credentials for S3")
		f.URL += "&anonymous=true"
		_, err = manifest.New().Normalise(t.Context(), activities.NormaliseRequest{RunFile: f})
		require.NotErrorIs(t, err, activities.ErrManifestUnreadable)
		f.URL = "s3://invoices/july.csv"
		t.Setenv("AWS_REGION", "")
		_, err = manifest.New().Normalise(t.Context(), activities.NormaliseRequest{RunFile: f})
		require.ErrorContains(t, err, "no region for S3")
	})
}

// A report whose upload is refused is not there at all; what was there before stays.
func TestS3Full(t *testing.T) {
	full := false
	backend, query := s3(t, func(w http.ResponseWriter, r *http.Request) bool {
		if !full || r.Method == http.MethodGet {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.Copy(w, bytes.NewBufferString("<Error><Code>QuotaExceeded</Code></Error>"))
		return true
	})
	upload(t, backend, "july.csv", small)
	f := activities.RunFile{URL: "s3://invoices/july.csv" + query, Run: run}
	normalise(t, f, 2)
	full = true
	_, err := manifest.New().WriteReport(t.Context(), activities.ReportRequest{RunFile: f})
	require.ErrorContains(t, err, "QuotaExceeded")
	_, err = backend.GetObject("invoices", "july.csv.july.report.csv", nil)
	require.Error(t, err)
	full = false
	report, err := manifest.New().WriteReport(t.Context(), activities.ReportRequest{RunFile: f})
	require.NoError(t, err)
	require.Equal(t, 3, report.Rows)
}
