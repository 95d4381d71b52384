package stripesandbox

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every row of FIDELITY.md has one of the three verdicts, and names tests that exist.
func TestFidelity(t *testing.T) {
	t.Parallel()
	tests := testNames(t, "*_test.go", "*/*_test.go")
	table, err := os.ReadFile("FIDELITY.md")
	require.NoError(t, err)
	verdict := regexp.MustCompile(`^(as Stripe|simplified|unknown)\b`)
	name := regexp.MustCompile("`(?:Test|Fuzz)[A-Za-z0-9]+`")
	rows := 0
	for line := range strings.Lines(string(table)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| What ") {
			continue
		}
		rows++
		require.Len(t, cells, 3, "%s", line)
		require.Regexp(t, verdict, strings.TrimSpace(cells[1]), "%s", line)
		found := name.FindAllString(cells[2], -1)
		require.NotEmpty(t, found, "no test: %s", line)
		for _, test := range found {
			require.Contains(t, tests, strings.Trim(test, "`"), "%s", line)
		}
	}
	require.Positive(t, rows)
}

func testNames(t *testing.T, patterns ...string) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			for _, decl := range parsed.Decls {
				if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil {
					names[fn.Name.Name] = true
				}
			}
		}
	}
	return names
}
