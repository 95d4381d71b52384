package manifest

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/offsession/offsession/activities"
)

// source is a manifest being read, unpacked.
type source struct {
	*bufio.Reader
	raw   *rawReader
	jsonl bool
}

// rawReader remembers a fault, to tell it from a file that is broken.
type rawReader struct {
	io.ReadCloser
	fault error
}

func (r *rawReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.fault = err
	}
	return n, err
}

// readManifest opens a run's manifest.
func (f folder) readManifest(ctx context.Context) (*source, error) {
	name, packed := strings.CutSuffix(strings.ToLower(f.name), ".gz")
	jsonl := strings.HasSuffix(name, ".jsonl")
	r, err := f.read(ctx, f.manifest(), 0, -1)
	switch {
	case err == nil:
	case isMissing(err) && f.scheme == "file":
		return nil, fmt.Errorf("%w: %s on %s", activities.ErrManifestMissing, f.shown(f.manifest()), hostname())
	case isMissing(err):
		return nil, fmt.Errorf("%w: %s", activities.ErrManifestMissing, f.shown(f.manifest()))
	case isDenied(err):
		return nil, unreadable("no permission to read %s", f.shown(f.manifest()))
	case isElsewhere(err):
		return nil, unreadable("the bucket of %s is in another region; write ?region=… into its URL", f.shown(f.manifest()))
	default:
		return nil, err
	}
	s := &source{raw: &rawReader{ReadCloser: r}, jsonl: jsonl}
	if !packed {
		s.Reader = bufio.NewReaderSize(s.raw, bufferSize)
		return s, nil
	}
	unpacked, err := gzip.NewReader(bufio.NewReaderSize(s.raw, bufferSize))
	if err != nil {
		err = s.reason(f, err)
		s.close()
		return nil, err
	}
	s.Reader = bufio.NewReaderSize(unpacked, bufferSize)
	return s, nil
}

func (s *source) close() { _ = s.raw.Close() } // only read

// reason tells faults of reading from files that are broken.
func (s *source) reason(f folder, err error) error {
	if s.raw.fault != nil {
		return f.failed("read", f.manifest(), s.raw.fault)
	}
	return unreadable("%s is not a whole gzip file: %v", f.shown(f.manifest()), err)
}
