package manifest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/s3blob"

	"github.com/offsession/offsession/activities"
)

// location is where a run's files are: a bucket, for file:// the manifest's directory, and what names begin with in it.
type location struct {
	scheme string
	// host and query say which bucket it is; dir is the directory of a file, in which everything else is.
	host, query string
	dir         string
	// prefix is what stands before the names in the bucket: empty, or folders with a slash at the end.
	prefix string
	// name is the manifest's without folders, run the run's reference, life which of the runs with that it is.
	name, run, life string
}

// unreadable is an ErrManifestUnreadable with a reason for people. It must hold no secrets.
func unreadable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", activities.ErrManifestUnreadable, fmt.Sprintf(format, args...))
}

// locate takes a manifest's URL apart. Its errors never repeat the query, nor what could be a password.
func locate(f activities.RunFile) (location, error) {
	if activities.CheckReference(f.Run) != nil || strings.HasPrefix(f.Run, ".") {
		return location{}, unreadable("%q is not the reference of a run", f.Run)
	}
	if !isLife(f.Life) {
		return location{}, unreadable("%q is not the id of a workflow's run", f.Life)
	}
	u, err := activities.CheckManifestURL(f.URL, f.Run, blob.DefaultURLMux().BucketSchemes())
	if err != nil {
		return location{}, unreadable("its URL %v", err)
	}
	at := location{scheme: u.Scheme, host: u.Host, query: u.RawQuery, run: f.Run, life: f.Life}
	dir, name := path.Split(u.Path)
	at.name = name
	if at.scheme == fileblob.Scheme {
		at.host, at.dir = "", dir
	} else {
		at.prefix = strings.TrimPrefix(dir, "/")
	}
	return at, nil
}

// isLife reports whether it can name a folder, or none.
func isLife(life string) bool {
	return life == "" || activities.CheckReference(life) == nil && !strings.HasPrefix(life, ".")
}

// bucketURL is the URL of the bucket alone.
func (l location) bucketURL() string {
	return (&url.URL{Scheme: l.scheme, Host: l.host, Path: l.dir, RawQuery: l.query}).String()
}

// shown is the URL of a file for people, without the query.
func (l location) shown(key string) string {
	return (&url.URL{Scheme: l.scheme, Host: l.host, Path: path.Join("/", l.dir, key)}).String()
}

// Everything beside the manifest is named after it and the run, and nothing else.

func (l location) manifest() string { return l.prefix + l.name }

func (l location) beside(suffix string) string { return l.prefix + l.name + "." + l.run + "." + suffix }

func (l location) copied() string    { return l.beside("rows") }
func (l location) index() string     { return l.beside("index") }
func (l location) rejects() string   { return l.beside("rejects.csv") }
func (l location) reportCSV() string { return l.beside("report.csv") }

func (l location) reportJSON() string { return l.beside("report.json") }

// own is the folder of one life of the run.
func (l location) own(name string) string { return l.prefix + path.Join(l.run, l.life, name) }

func (l location) knownIndex() string { return l.own("known/index.jsonl") }

// known is named after what it holds, too: a look-back that comes late writes beside it, and changes nothing.
func (l location) known(p activities.RunPage) string {
	const enough = 16
	return l.own("known/" + strconv.Itoa(p.Number) + "." + p.KnownSum[:min(enough, len(p.KnownSum))] + ".jsonl")
}

func (l location) results(page int) string { return l.own("pages/" + strconv.Itoa(page) + ".csv") }

func (l location) checkpoint(page int) string {
	return l.own("pages/" + strconv.Itoa(page) + ".checkpoint.jsonl")
}

func (l location) openBucket(ctx context.Context) (*blob.Bucket, error) {
	if l.scheme == fileblob.Scheme {
		// Temporary files are next to the final ones: only within a file system they can take their place at once.
		bucket, err := fileblob.OpenBucket(filepath.FromSlash(l.dir), &fileblob.Options{NoTempDir: true, Metadata: fileblob.MetadataDontWrite})
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("%w: no directory %s on %s", activities.ErrManifestMissing, l.dir, hostname())
		case errors.Is(err, fs.ErrPermission):
			return nil, unreadable("no permission to look into %s", l.dir)
		case err != nil:
			return nil, unreadable("%s is not a directory", l.dir)
		}
		return bucket, nil
	}
	query := l.query
	if l.scheme == s3blob.Scheme && !strings.Contains(query, responseChecksums) {
		// What the run wrote has a checksum of its own. The SDK would log a warning for each object that has none of S3's.
		query = strings.TrimPrefix(query+"&"+responseChecksums+"=when_required", "&")
	}
	bucket, err := blob.DefaultURLMux().OpenBucketURL(ctx, &url.URL{Scheme: l.scheme, Host: l.host, RawQuery: query})
	if err != nil {
		// Its text repeats the query.
		return nil, unreadable("%s://%s cannot be opened; look at the names and values of what follows the ? in its URL", l.scheme, l.host)
	}
	if l.scheme == s3blob.Scheme {
		if err := checkS3(ctx, bucket); err != nil {
			_ = bucket.Close() // nothing was written
			return nil, err
		}
	}
	return bucket, nil
}

// responseChecksums is a parameter of S3 URLs.
const responseChecksums = "response_checksum_validation"

// checkS3 finds out what every request would fail for. The SDK's own errors for these read like faults of the network.
func checkS3(ctx context.Context, bucket *blob.Bucket) error {
	var client *s3.Client
	if !bucket.As(&client) {
		return nil
	}
	options := client.Options()
	if options.Region == "" {
		return unreadable("no region for S3; write ?region=… into its URL, or set AWS_REGION")
	}
	if options.Credentials == nil { // with anonymous=true
		return nil
	}
	if _, err := options.Credentials.Retrieve(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errNoCredentials
	}
	return nil
}

var errNoCredentials = unreadable("no credentials for S3; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile or role, where it is read")

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "this machine"
	}
	return name
}
