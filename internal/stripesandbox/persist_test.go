package stripesandbox_test

import (
	"path/filepath"
	"testing"

	"github.com/offsession/offsession/internal/stripesandbox"
)

// reopen ends the sandbox of b and starts one on the same data file.
func (b *bundle) reopen(cfg stripesandbox.Config) *bundle {
	b.t.Helper()
	b.srv.Close()
	return newBundle(b.t, cfg)
}

func dataPath(t *testing.T) string { return filepath.Join(t.TempDir(), "sandbox.db") }
