package manifest

import (
	"context"
	"sync"

	"gocloud.dev/blob"

	"github.com/offsession/offsession/activities"
)

// Files reads and writes the files of billing runs. It is safe for use by several goroutines.
type Files struct {
	mu      sync.Mutex
	buckets map[string]*blob.Bucket
}

var _ activities.RunFiles = (*Files)(nil)

// New makes one. Nothing is opened before it is needed, and what is opened is kept open.
func New() *Files { return &Files{buckets: map[string]*blob.Bucket{}} }

// open finds where a run's files are.
func (m *Files) open(ctx context.Context, f activities.RunFile) (folder, error) {
	at, err := locate(f)
	if err != nil {
		return folder{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	bucket := m.buckets[at.bucketURL()]
	if bucket == nil {
		if bucket, err = at.openBucket(ctx); err != nil {
			return folder{}, err
		}
		m.buckets[at.bucketURL()] = bucket
	}
	return folder{location: at, bucket: bucket}, nil
}

// openPage is open for what belongs to a page, and is in the folder of its run's life.
func (m *Files) openPage(ctx context.Context, f activities.RunFile, p activities.RunPage) (folder, error) {
	at, err := m.open(ctx, f)
	if err != nil {
		return folder{}, err
	}
	return at.of(p)
}

// of is the folder of a page's life.
func (f folder) of(p activities.RunPage) (folder, error) {
	if !isLife(p.RunLife) || f.life != "" && f.life != p.RunLife {
		return folder{}, f.changed(f.index())
	}
	f.life = p.RunLife
	return f, nil
}
