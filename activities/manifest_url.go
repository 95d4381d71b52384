package activities

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"
)

// maxManifestURL is as long as the longest name of an object in S3, and a bucket.
const maxManifestURL = 1200

// manifestNames are how the names of manifests end.
var manifestNames = []string{".csv", ".csv.gz", ".jsonl", ".jsonl.gz"}

// CheckManifestURL takes a manifest's URL apart, and checks all that its form tells about whether a run can read it: a run's URL cannot
// be changed. schemes are those of the storage that there is; run is the run's reference, empty when that is made later. The error
// says what the URL must be, and repeats nothing that could be a secret. Whether there is such a file is not asked.
func CheckManifestURL(manifest, run string, schemes []string) (*url.URL, error) {
	u, err := url.Parse(manifest)
	if err != nil {
		if escape, ok := errors.AsType[url.EscapeError](err); ok {
			return nil, fmt.Errorf("must be a URL: %w; a %% in a name is written %%25", escape)
		}
		return nil, errors.New("must be a URL, such as file:///data/july.csv or s3://bucket/july.csv")
	}
	var rule string
	switch local := u.Scheme == "file"; {
	case len(manifest) > maxManifestURL:
		rule = fmt.Sprintf("must be a URL of at most %d characters", maxManifestURL)
	case u.Scheme == "":
		rule = "must be a URL with a scheme, such as file:///data/july.csv: all workers read it, whatever their working directory is"
	case !slices.Contains(schemes, u.Scheme):
		rule = "must be one of " + strings.Join(slices.Sorted(slices.Values(schemes)), ", ") + "; other storage needs its driver imported, see the README"
	case u.User != nil:
		rule = "must have no credentials: Temporal's history keeps it; workers have their own"
	case u.Opaque != "":
		rule = "must be a URL, such as file:///data/july.csv or s3://bucket/july.csv, with // after the scheme"
	case u.Fragment != "" || strings.HasSuffix(manifest, "#"):
		rule = "must have no #; in a name it is written %23"
	case local && u.Host != "" && u.Host != "localhost":
		rule = "must have three slashes, file:///data/july.csv, and an absolute path"
	case local && (u.RawQuery != "" || u.ForceQuery):
		rule = "must have no ?; in a name it is written %3F"
	case !local && u.Host == "":
		rule = "must name a bucket, s3://bucket/july.csv"
	default:
		rule = manifestPathRule(u.Path, run)
	}
	if rule != "" {
		return nil, errors.New(rule)
	}
	return u, nil
}

// manifestPathRule is the rule that a path breaks; empty when there is none.
func manifestPathRule(p, run string) string {
	if strings.Trim(p, "/") == "" || strings.HasSuffix(p, "/") {
		return "must name a file, not a folder or a bucket"
	}
	for segment := range strings.SplitSeq(p[1:], "/") {
		switch segment {
		case "":
			return "must not have two slashes in a row in its path"
		case ".", "..":
			return fmt.Sprintf("must not have %s in it; write the whole path", segment)
		}
	}
	if strings.ContainsFunc(p, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar || r == '\\' }) {
		return "must not have characters that names cannot have"
	}
	name := path.Base(p)
	switch {
	case name == run:
		return "must not have the run's reference as name, which is that of the folder for the run's pages beside it"
	case !slices.ContainsFunc(manifestNames, func(end string) bool { return strings.HasSuffix(strings.ToLower(name), end) }):
		return "must name a file whose name ends in .csv, .csv.gz, .jsonl or .jsonl.gz"
	}
	return ""
}
