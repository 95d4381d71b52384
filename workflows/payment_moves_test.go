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
	what, moved := strings.CutSuffix(r.Message, " moved")
	if !moved {
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
	movesMade.Store(what+" "+from+" "+to, true)
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
		for what, moves := range map[string]map[string][]string{
			"payment": names(workflows.PaymentMoves()), "agreement": names(workflows.AgreementMoves()), "subscription": names(workflows.SubscriptionMoves()),
			"billing run": names(workflows.RunMoves()),
		} {
			for from, targets := range moves {
				for _, to := range targets {
					if _, made := movesMade.Load(what + " " + from + " " + to); !made {
						fmt.Fprintf(os.Stderr, "no test moves one %s from %s to %s\n", what, from, to)
						code = 1
					}
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
	for heading, moves := range map[string]map[string][]string{
		"Moves of a payment": names(workflows.PaymentMoves()), "Moves of an agreement": names(workflows.AgreementMoves()),
		"Moves of a subscription": names(workflows.SubscriptionMoves()),
		"Moves of a billing run":  names(workflows.RunMoves()),
	} {
		_, section, found := strings.Cut(string(doc), "// # "+heading+"\n")
		require.True(t, found, heading)
		section, _, _ = strings.Cut(section, "// # ")
		drawn := map[string][]string{}
		for _, line := range regexp.MustCompile(`(?m)^//\t(\w+) +to (.*)$`).FindAllStringSubmatch(section, -1) {
			drawn[line[1]] = strings.Fields(line[2])
		}
		require.Equal(t, moves, drawn, "doc.go draws other %s", heading)
	}
}

// names is a table of moves as strings.
func names[S ~string](moves map[S][]S) map[string][]string {
	table := map[string][]string{}
	for from, targets := range moves {
		for _, to := range targets {
			table[string(from)] = append(table[string(from)], string(to))
		}
	}
	return table
}
