package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const manifestHeader = "reference,customer,amount,currency\n"

// packed is a text in gzip.
func packed(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

// TestBadManifests: whoever validates a manifest learns line, column, value and rule of all that is wrong with it, and scripts an
// exit code. A dry run says the same.
func TestBadManifests(t *testing.T) {
	stripe := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"object": "list", "data": [], "has_more": false, "url": "/v1/payment_intents"}`))
	}))
	t.Cleanup(stripe.Close)
	long := strings.Repeat("x", 10<<20)
	for _, test := range []struct {
		name, file, text string
		code             int
		want             []string // a line each
	}{
		{"TwiceTheSame", "a.csv", manifestHeader + "a,cus_1,100,usd\nb,cus_1,100,usd\na,cus_2,100,usd\n", exitFailed, []string{
			`line 4, reference: "a"; the reference stands in line 2 already`, "2 rows, and 1 not allowed",
		}},
		{"ThreeTimesTheSame", "a.jsonl", strings.Repeat(`{"reference":"a","customer":"cus_1","amount":1,"currency":"usd"}`+"\n", 3), exitFailed, []string{
			`line 2, reference: "a"; the reference stands in line 1 already`, `line 3, reference: "a"; the reference stands in line 1 already`,
		}},
		{"LongLine", "a.csv", manifestHeader + "a,cus_1,100,usd\n" + long[:2<<20] + ",cus_1,100,usd\nb,cus_1,100,usd\n", exitFailed, []string{
			"line 3: a row must have at most 1048576 bytes", "2 rows, and 1 not allowed",
		}},
		{"LongLineInJSON", "a.jsonl", `{"reference":"` + long + `"}`, exitFailed, []string{"line 1: a row must have at most 1048576 bytes"}},
		{"MixedLineEndsAndBOM", "a.csv", "\ufeffcurrency,amount,customer,reference\r\nusd,100,cus_1,a\nusd,100,cus_1,b\rusd,100,cus_1,c\r\n\r\n", exitDone, []string{"3 rows"}},
		{"NUL", "a.csv", manifestHeader + "a\x00b,cus_1,100,usd\n", exitFailed, []string{"line 2: must not contain NUL bytes"}},
		{"NULInJSON", "a.jsonl", "\x00\n", exitFailed, []string{"line 1: must not contain NUL bytes"}},
		{"NotUTF8", "a.csv", manifestHeader + "a\xff,cus_1,100,usd\n", exitFailed, []string{`line 2, reference: "a\\xff"; use 1 to 120 characters of`}},
		{"UTF16", "a.csv", "\xff\xfer\x00", exitFailed, []string{"line 1: the file is UTF-16; it must be UTF-8"}},
		{"Fraction", "a.csv", manifestHeader + "a,cus_1,10.99,usd\n", exitFailed, []string{`line 2, amount: "10.99"; must be a whole number in minor units`}},
		{"Negative", "a.csv", manifestHeader + "a,cus_1,-5,usd\n", exitFailed, []string{`line 2, amount: "-5"; must be`}},
		{"TooLarge", "a.csv", manifestHeader + "a,cus_1," + strings.Repeat("9", 99) + ",usd\n", exitFailed, []string{`line 2, amount: "999999`}},
		{"Currency", "a.csv", manifestHeader + "a,cus_1,100,dollars\n", exitFailed, []string{`line 2, currency: "dollars"; must be a three-letter code`}},
		{"NoCustomer", "a.csv", manifestHeader + "a,,100,usd\n", exitFailed, []string{`line 2, customer: ""; must be the id of a Stripe customer, cus_…`}},
		{"OurOwnReference", "a.csv", manifestHeader + "gym~20260131,cus_1,100,usd\n", exitFailed, []string{`line 2, reference: "gym~20260131"; use 1 to 120`}},
		{"TooFewValues", "a.csv", manifestHeader + "a,cus_1,100\n", exitFailed, []string{"line 2: the row has 3 values, the first row names 4 columns"}},
		{"QuoteNotClosed", "a.csv", manifestHeader + "a,cus_1,100,\"usd\nb,cus_1,100,usd\n", exitFailed, []string{"line 2: a quote is opened and not closed"}},
		{"UnknownColumn", "a.csv", "reference,customer,amount,currency,colour\na,cus_1,100,usd,red\n", exitFailed, []string{
			"line 1: \"colour\"; column 5 is not one of reference, customer", "line 1: the first row must name the columns",
		}},
		{"MissingColumn", "a.csv", "reference,customer,amount\na,cus_1,100\n", exitFailed, []string{`line 1, currency: ""; the column is missing`}},
		{"Empty", "a.csv", "", exitFailed, []string{"line 1: the file is empty; its first row names the columns"}},
		{"NoRows", "a.csv", manifestHeader, exitDone, []string{"0 rows"}},
		{"PackedWithoutName", "a.csv", packed(t, manifestHeader), exitFailed, []string{"line 1: the file is packed with gzip; its name must end in .gz"}},
		{"TwiceInAPackedOne", "a.csv.gz", packed(t, manifestHeader+"a,cus_1,1,usd\na,cus_2,2,usd\n"), exitFailed, []string{`line 3, reference: "a"; the reference stands in line 2 already`}},
		{"HalfAPackedOne", "a.csv.gz", packed(t, manifestHeader)[:30], exitUsage, []string{"--manifest: ", "is not a whole gzip file"}},
		{"NotPacked", "a.csv.gz", manifestHeader, exitUsage, []string{"--manifest: ", "is not a whole gzip file: gzip: invalid header"}},
		{"AnotherKind", "a.xlsx", "PK", exitUsage, []string{"--manifest: ", "must name a file whose name ends in .csv, .csv.gz, .jsonl or .jsonl.gz"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), test.file)
			require.NoError(t, os.WriteFile(path, []byte(test.text), 0o600))
			env := map[string]string{"STRIPE_API_KEY": "sk_test_1", "STRIPE_API_BASE": stripe.URL}
			for _, args := range [][]string{{"run", "validate"}, {"run", "start", "--reference", "r", "--dry-run"}} {
				args = append(args, "--manifest", path)
				code, stdout, stderr := command(t, env, args...)
				require.Equal(t, test.code, code, stderr)
				require.Less(t, len(stdout)+len(stderr), 2000)
				for _, want := range test.want {
					require.Contains(t, stdout+stderr, want)
				}
				code, stdout, _ = command(t, env, append(args, "--output", "json")...)
				require.Equal(t, test.code, code)
				if code == exitUsage {
					require.Empty(t, stdout)
					continue
				}
				var answer struct {
					State    string           `json:"state"`
					Problems []map[string]any `json:"problems"`
				}
				require.NoError(t, json.Unmarshal([]byte(stdout), &answer), stdout)
				require.Equal(t, map[int]string{exitDone: "valid", exitFailed: "invalid"}[code], answer.State)
				require.Equal(t, code == exitFailed, len(answer.Problems) > 0)
				for _, problem := range answer.Problems {
					require.Positive(t, problem["line"])
					require.NotEmpty(t, problem["rule"])
				}
			}
			entries, err := os.ReadDir(filepath.Dir(path))
			require.NoError(t, err)
			require.Len(t, entries, 1, "nothing is written beside it")
		})
	}
}

// TestManifestURLsThatCannotBeRead: what is wrong with the URL, or with how it is reached, is told without a secret.
func TestManifestURLsThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	credentials := map[string]string{"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "hunter2"}
	without := map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
	for _, test := range []struct {
		name, manifest string
		env            map[string]string
		want           string
	}{
		{"NoFile", filepath.Join(dir, "nothing.csv"), without, "there is no such manifest: file://" + dir + "/nothing.csv on "},
		{"NoDirectory", filepath.Join(dir, "no/such/july.csv"), without, "there is no such manifest: no directory " + dir + "/no/such/ on "},
		{"Directory", dir, without, "must name a file whose name ends in .csv, .csv.gz, .jsonl or .jsonl.gz"},
		{"Folder", "s3://bucket/july/", without, "must name a file"},
		{"HTTP", "http://127.0.0.1:1/july.csv", without, `--manifest: "http://127.0.0.1:1/july.csv"; must be one of file, s3`},
		{"GCS", "gs://bucket/july.csv", without, `--manifest: "gs://bucket/july.csv"; must be one of file, s3`},
		{"Password", "s3://key:hunter2@bucket/july.csv", credentials, "credentials"},
		{"NoCredentials", "s3://bucket/july.csv?region=eu-central-1", without, "no credentials for S3; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"},
		{"NoRegion", "s3://bucket/july.csv", credentials, "no region for S3; write ?region=… into its URL, or set AWS_REGION"},
		{"UnknownParameter", "s3://bucket/july.csv?verbose=yes", credentials, "look at the names and values of what follows the ?"},
		{"Date", "s3://bucket/{{date}}.csv", without, "only schedules"},
	} {
		t.Run(test.name, func(t *testing.T) {
			env := map[string]string{
				"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "", "AWS_SESSION_TOKEN": "", "AWS_EC2_METADATA_DISABLED": "true",
				"AWS_CONFIG_FILE": filepath.Join(dir, "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(dir, "none"),
			}
			maps.Copy(env, test.env)
			for _, output := range []string{"text", "json"} {
				code, stdout, stderr := command(t, env, "run", "validate", "--manifest", test.manifest, "--output", output)
				require.Equal(t, exitUsage, code, stderr)
				require.Empty(t, stdout)
				require.Contains(t, stderr, test.want)
				require.True(t, strings.HasPrefix(stderr, "starter: --manifest: "), stderr)
				require.NotContains(t, stderr, "hunter2")
			}
		})
	}
}
