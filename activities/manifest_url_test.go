package activities_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
)

// TestManifestURLs are those that client and workers accept, and those that neither does.
func TestManifestURLs(t *testing.T) {
	t.Parallel()
	const run = "july.csv"
	for manifest, want := range map[string]string{
		"file:///data/july-2026.csv":                             "",
		"file://localhost/data/july-2026.csv":                    "",
		"file:///data/july%20v1.2%25.CSV.gz":                     "",
		"file:///july.jsonl":                                     "",
		"s3://bucket/july.jsonl.gz?region=eu-central-1":          "",
		"s3://bucket/2026/july-2026.csv":                         "",
		"":                                                       "must be a URL with a scheme",
		"july.csv":                                               "must be a URL with a scheme",
		"https://user:hunter2@example.com/a.csv":                 "must be one of file, s3; other storage",
		"ftp://example.com/july.csv":                             "must be one of file, s3; other storage",
		"file://july.csv":                                        "must have three slashes",
		"file://./july.csv":                                      "must have three slashes",
		"file:july.csv":                                          "must be a URL, such as",
		"file:///data/../july-2026.csv":                          "must not have .. in it",
		"file:///data/./july-2026.csv":                           "must not have . in it",
		"file:///data/..%2Fjuly-2026.csv":                        "must not have .. in it",
		"file:///data//july-2026.csv":                            "must not have two slashes in a row",
		"s3://b/a//x.csv":                                        "must not have two slashes in a row",
		"s3://b/a/../x.csv":                                      "must not have .. in it",
		"file:///data/":                                          "must name a file, not a folder",
		"s3://bucket":                                            "must name a file, not a folder",
		"s3://bucket/":                                           "must name a file, not a folder",
		"s3:///july-2026.csv":                                    "must name a bucket",
		"file:///data/july-2026.csv?x=hunter2":                   "must have no ?",
		"file:///data/july-2026.csv?":                            "must have no ?",
		"file:///data/july-2026.csv#2":                           "must have no #",
		"s3://b/x.csv#":                                          "must have no #",
		"file:///data/100%.csv":                                  `invalid URL escape "%.c"; a % in a name is written %25`,
		"file:///data/a%00.csv":                                  "must not have characters",
		"file:///data/a%5Cb.csv":                                 "must not have characters",
		"s3://b/a%0Ab.csv":                                       "must not have characters",
		"file:///data/a\x7f.csv":                                 "must be a URL, such as",
		"s3://key:hunter2@bucket/july-2026.csv":                  "must have no credentials",
		"s3://key:hunter2/july-2026.csv":                         "must be a URL, such as",
		"file:///data/july-2026.txt":                             "must name a file whose name ends in",
		"file:///data/july-2026.gz":                              "must name a file whose name ends in",
		"file:///data/july.csv":                                  "must not have the run's reference as name",
		"s3://bucket/" + strings.Repeat("x", 1200) + "/july.csv": "at most 1200 characters",
	} {
		u, err := activities.CheckManifestURL(manifest, run, []string{"s3", "file"})
		if want == "" {
			require.NoError(t, err, manifest)
			require.NotEmpty(t, u.Path)
			continue
		}
		require.ErrorContains(t, err, want, manifest)
		require.NotContains(t, err.Error(), "hunter2")
	}
}
