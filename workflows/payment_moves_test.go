package workflows_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/workflows"
)

// moveRecorder is the logger of every workflow under test: it notes which moves were made.
type moveRecorder struct{}

var movesMade sync.Map

func (moveRecorder) Enabled(context.Context, slog.Level) bool { return true }

func (moveRecorder) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "payment moved" {
		return nil
	}
	var from, to string
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "from":
			from = a.Value.String()
		case "to":
			to = a.Value.String()
		}
		return true
	})
	movesMade.Store(from+" "+to, true)
	return nil
}

func (m moveRecorder) WithAttrs([]slog.Attr) slog.Handler { return m }

func (m moveRecorder) WithGroup(string) slog.Handler { return m }

// TestMain fails a full run in which a move of the table was never made: such a move is not needed, or not tested.
func TestMain(m *testing.M) {
	workflows.RetryForever()
	code := m.Run()
	partial := flag.Lookup("test.run").Value.String() != "" || flag.Lookup("test.skip").Value.String() != "" || flag.Lookup("test.list").Value.String() != ""
	if code == 0 && !partial {
		for from, targets := range workflows.PaymentMoves() {
			for _, to := range targets {
				if _, made := movesMade.Load(string(from) + " " + string(to)); !made {
					fmt.Fprintf(os.Stderr, "no test moves a payment from %s to %s\n", from, to)
					code = 1
				}
			}
		}
	}
	os.Exit(code)
}

func TestDocDrawsTheMoves(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	drawn := map[string][]string{}
	for _, line := range regexp.MustCompile(`(?m)^//\t(\w+) +to (.*)$`).FindAllStringSubmatch(string(doc), -1) {
		drawn[line[1]] = strings.Fields(line[2])
	}
	require.Len(t, drawn, len(workflows.PaymentMoves()))
	for from, targets := range workflows.PaymentMoves() {
		var names []string
		for _, to := range targets {
			names = append(names, string(to))
		}
		require.Equal(t, names, drawn[string(from)], "doc.go draws other moves from %s", from)
	}
}
