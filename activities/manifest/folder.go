package manifest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/aws/smithy-go"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/offsession/offsession/activities"
)

// folder is where a run's files are, opened.
type folder struct {
	location
	bucket *blob.Bucket
}

// read opens a part of a file; a length below zero reads to its end.
func (f folder) read(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	r, err := f.bucket.NewRangeReader(ctx, key, offset, length, nil)
	if err != nil {
		return nil, f.failed("read", key, err)
	}
	return r, nil
}

// readRunFile is read for what the run itself wrote: it must be there.
func (f folder) readRunFile(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	r, err := f.read(ctx, key, offset, length)
	if isMissing(err) {
		return nil, fmt.Errorf("%w: %s is not there; with file:// every worker needs the same directory", activities.ErrRunFileChanged, f.shown(key))
	}
	return r, err
}

// readAll reads a small file; nil when there is none.
func (f folder) readAll(ctx context.Context, key string) ([]byte, error) {
	r, err := f.read(ctx, key, 0, -1)
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // only read
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, f.failed("read", key, err)
	}
	return data, nil
}

// remove removes a file, if there is one.
func (f folder) remove(ctx context.Context, key string) error {
	if err := f.failed("remove", key, f.bucket.Delete(ctx, key)); err != nil && !isMissing(err) {
		return err
	}
	return nil
}

// write writes a file, whole or not at all.
func (f folder) write(ctx context.Context, key, contentType string, content func(w *bufio.Writer) error) error {
	file, err := f.create(ctx, key, contentType)
	if err != nil {
		return err
	}
	defer file.abort()
	if err := content(file.Writer); err != nil {
		return err
	}
	return file.commit()
}

// outFile is a file that is being written. Nobody sees it before commit.
type outFile struct {
	*bufio.Writer
	folder folder
	key    string
	blob   *blob.Writer
	cancel context.CancelFunc
	disk   *os.File // nil unless it is file://
	done   bool
}

const (
	bufferSize = 64 << 10
	// An S3 upload holds partSize in memory for each of partsAtOnce; it takes at most 10,000 parts.
	partSize    = 8 << 20
	partsAtOnce = 2
)

func (f folder) create(ctx context.Context, key, contentType string) (*outFile, error) {
	out := &outFile{folder: f, key: key}
	ctx, out.cancel = context.WithCancel(ctx)
	w, err := f.bucket.NewWriter(ctx, key, &blob.WriterOptions{
		ContentType: contentType, BufferSize: partSize, MaxConcurrency: partsAtOnce,
		BeforeWrite: func(as func(any) bool) error { as(&out.disk); return nil },
	})
	if err != nil {
		out.cancel()
		return nil, f.failed("write", key, err)
	}
	out.blob, out.Writer = w, bufio.NewWriterSize(w, bufferSize)
	return out, nil
}

// commit makes it visible. What a power failure after it could take from a disk is there.
func (o *outFile) commit() error {
	err := o.Flush()
	if err == nil && o.disk != nil {
		err = o.disk.Sync()
	}
	if err != nil {
		o.abort()
		return o.folder.failed("write", o.key, err)
	}
	o.done = true
	defer o.cancel()
	if err := o.blob.Close(); err != nil {
		return o.folder.failed("write", o.key, err)
	}
	if o.disk != nil {
		return o.folder.failed("write", o.key, syncDirectory(o.disk.Name()))
	}
	return nil
}

// abort leaves nothing behind; after commit it does nothing.
func (o *outFile) abort() {
	if o.done {
		return
	}
	o.done = true
	o.cancel() // Close does not finish then
	_ = o.blob.Close()
}

// syncDirectory makes the name of a file last.
func syncDirectory(name string) error {
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // only read
	return dir.Sync()
}

// failed says what could not be done with which file. The cause keeps its type; its text stays free of the URL's query, which no
// driver repeats once a bucket is open.
func (f folder) failed(verb, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", verb, f.shown(key), err)
}

// isMissing says that there is no such file, or bucket. The S3 driver's own classification takes any error with 301 in its text,
// such as in a request id, for a missing bucket: a report would say "not charged" for a fault then.
func isMissing(err error) bool {
	var service smithy.APIError
	var operation *smithy.OperationError
	switch {
	case err == nil:
		return false
	case errors.As(err, &service):
		code := service.ErrorCode()
		return code == "NoSuchKey" || code == "NoSuchBucket" || code == "NotFound"
	case errors.As(err, &operation):
		return false
	}
	return gcerrors.Code(err) == gcerrors.NotFound || errors.Is(err, fs.ErrNotExist)
}

// isDenied says that asking again will not help either.
func isDenied(err error) bool {
	if service, ok := errors.AsType[smithy.APIError](err); ok {
		switch service.ErrorCode() {
		case "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AccountProblem", "AllAccessDisabled":
			return true
		}
		return false
	}
	return gcerrors.Code(err) == gcerrors.PermissionDenied || errors.Is(err, fs.ErrPermission)
}

// isElsewhere says that the bucket is in another region.
func isElsewhere(err error) bool {
	var service smithy.APIError
	if !errors.As(err, &service) {
		return false
	}
	switch service.ErrorCode() {
	case "PermanentRedirect", "MovedPermanently", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		return true
	}
	return false
}
