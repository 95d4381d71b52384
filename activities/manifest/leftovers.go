package manifest

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"time"

	"gocloud.dev/blob/fileblob"
)

// leftoverAge is how long nobody has written to a temporary file that is removed: who still writes one does so all the time.
const leftoverAge = 10 * time.Minute

// temporary is how the names of temporary files end, which are otherwise those of the files.
var temporary = regexp.MustCompile(`^(.+)\.[0-9a-f]+\.tmp$`)

// removeLeftovers removes the temporary files that killed processes have left of the run's files on a disk. Nobody reads them:
// what cannot be removed stays.
func (f folder) removeLeftovers() {
	if f.scheme != fileblob.Scheme {
		return
	}
	ours := map[string]bool{}
	for _, key := range []string{f.copied(), f.index(), f.rejects(), f.reportCSV(), f.reportJSON()} {
		ours[path.Base(key)] = true
	}
	dir := filepath.FromSlash(f.dir)
	removeOld(dir, func(name string) bool { return ours[name] })
	all := func(string) bool { return true }
	own := filepath.Join(dir, f.run)
	lives, err := os.ReadDir(own)
	if err != nil {
		return // there is no such directory yet
	}
	for _, life := range lives {
		for _, within := range []string{"", "known", "pages"} {
			removeOld(filepath.Join(own, life.Name(), within), all)
		}
	}
}

// removeOld removes the temporary files of those that are ours.
func removeOld(dir string, ours func(name string) bool) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // it is none, or not there yet
	}
	for _, entry := range entries {
		match := temporary.FindStringSubmatch(entry.Name())
		if match == nil || !ours(match[1]) {
			continue
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() && time.Since(info.ModTime()) > leftoverAge {
			_ = os.Remove(filepath.Join(dir, entry.Name()))
		}
	}
}
