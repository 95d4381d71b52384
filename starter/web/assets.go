package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
)

//go:embed assets/app.js assets/style.css
var assetFiles embed.FS

// assets are the files that pages load. Their names contain a hash of the content: browsers keep them for good, and a
// new version has a new name.
type assets struct {
	script, style string
	files         map[string][]byte
}

func loadAssets() (assets, error) {
	a := assets{files: make(map[string][]byte)}
	for file, name := range map[string]*string{"app.js": &a.script, "style.css": &a.style} {
		content, err := assetFiles.ReadFile("assets/" + file)
		if err != nil {
			return assets{}, err
		}
		sum := sha256.Sum256(content)
		extension := path.Ext(file)
		*name = strings.TrimSuffix(file, extension) + "." + hex.EncodeToString(sum[:6]) + extension
		a.files[*name] = content
	}
	return a, nil
}

func (a assets) serve(w http.ResponseWriter, r *http.Request) {
	content, ok := a.files[r.PathValue("file")]
	if !ok {
		writeText(w, http.StatusNotFound, "no such file")
		return
	}
	kind := "text/javascript; charset=utf-8"
	if path.Ext(r.PathValue("file")) == ".css" {
		kind = "text/css; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(content) // the client is gone when this fails
}
