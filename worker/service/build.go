package service

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"sync"

	"github.com/offsession/offsession/internal/config"
)

// buildIDLength: the id stands in five events of every payment's history.
const buildIDLength = 12

// programBuildID is a release's version, else the start of the program's checksum: a commit alone does not tell builds
// apart that were made with changes on top of it. Empty when the program cannot be read.
var programBuildID = sync.OnceValue(func() string {
	if v := config.Version(); v != config.NoVersion && len(v) <= buildIDLength {
		return v
	}
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	file, err := os.Open(path) //nolint:gosec // this program
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }() // only read
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return ""
	}
	return hex.EncodeToString(sum.Sum(nil))[:buildIDLength]
})
