package sandboxtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../../.."

// unchecked are functions that start a sandbox without Check or a Validator, and why.
var unchecked = map[string]string{
	"internal/stripesandbox/persist_kill_test.go beVictim": "it is killed before anybody can ask what was found",
}

// Every function of a test that starts a sandbox also names this package, or sets a
// Middleware that its file has from here: nobody tests against answers that are not
// compared with Stripe's description. Benchmarks may.
func TestEverySandboxIsChecked(t *testing.T) {
	t.Parallel()
	found := make(map[string]bool)
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "bench" || entry.Name() == "node_modules" || len(entry.Name()) > 2 && entry.Name()[0] == '.'):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || !starts(file.Name.Name, fn) {
				continue
			}
			name := strings.TrimPrefix(filepath.ToSlash(path), root+"/") + " " + fn.Name.Name
			found[name] = true
			if _, excused := unchecked[name]; !excused {
				require.True(t, mentions(fn, "sandboxtest") || mentions(file, "sandboxtest") && setsMiddleware(fn),
					"%s starts a sandbox that nobody checks: set stripesandbox.Config.Middleware to sandboxtest.Check(t) there", name)
			}
		}
		return nil
	}))
	require.Contains(t, found, "internal/stripesandbox/sandbox_test.go newBundle")
	require.Contains(t, found, "internal/e2e/main_test.go run")
	for name := range unchecked {
		require.Contains(t, found, name, "no longer needed")
	}
}

// starts reports whether a function of this package starts a sandbox, or a stack with one.
func starts(pkg string, fn *ast.FuncDecl) bool {
	found := false
	ast.Inspect(fn, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		switch f := call.Fun.(type) {
		case *ast.SelectorExpr:
			from, _ := f.X.(*ast.Ident)
			found = found || from != nil && (from.Name == "stripesandbox" && (f.Sel.Name == "Start" || f.Sel.Name == "New") ||
				from.Name == "devstack" && f.Sel.Name == "Start")
		case *ast.Ident:
			found = found || pkg == "stripesandbox" && (f.Name == "Start" || f.Name == "New")
		}
		return true
	})
	return found
}

func setsMiddleware(fn *ast.FuncDecl) bool {
	found := false
	ast.Inspect(fn, func(n ast.Node) bool {
		if pair, ok := n.(*ast.KeyValueExpr); ok {
			key, _ := pair.Key.(*ast.Ident)
			found = found || key != nil && key.Name == "Middleware"
		}
		return true
	})
	return found
}

func mentions(in ast.Node, pkg string) bool {
	found := false
	ast.Inspect(in, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			from, _ := selector.X.(*ast.Ident)
			found = found || from != nil && from.Name == pkg
		}
		return true
	})
	return found
}
