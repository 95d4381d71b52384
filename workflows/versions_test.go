package workflows_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// onlyIn says which of the SDK's functions are called in one file alone.
var onlyIn = map[string]string{
	"GetVersion":                       "versions.go", // the list of all changes of commands
	"NewContinueAsNewError":            "continue_as_new.go",
	"NewContinueAsNewErrorWithOptions": "continue_as_new.go", // nobody forgets to upgrade
}

func TestVersioningIsInOnePlace(t *testing.T) {
	t.Parallel()
	files := 0
	require.NoError(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		require.Empty(t, misplaced(t, path, nil))
		return nil
	}))
	require.Greater(t, files, 20)

	const wrong = `package workflows
		func f(ctx workflow.Context) int { return int(workflow.GetVersion(ctx, "x", workflow.DefaultVersion, 1)) }`
	require.Equal(t, []string{"change.go:2:49: GetVersion belongs in versions.go"}, misplaced(t, "change.go", wrong))
	require.Empty(t, misplaced(t, "versions.go", wrong))
}

// misplaced answers where a file uses a function that belongs in another. source is nil for the file's own.
func misplaced(t *testing.T, path string, source any) []string {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, source, parser.SkipObjectResolution)
	require.NoError(t, err)
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		if use, ok := n.(*ast.SelectorExpr); ok {
			if place := onlyIn[use.Sel.Name]; place != "" && place != path {
				found = append(found, fmt.Sprintf("%s: %s belongs in %s", set.Position(use.Pos()), use.Sel.Name, place))
			}
		}
		return true
	})
	return found
}
