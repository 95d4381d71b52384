package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// How often a run is looked at while its progress is shown: soon at first, since small runs end within seconds. Each look is a
// query.
const (
	firstRunLook = 200 * time.Millisecond
	lastRunLook  = 2 * time.Second
)

// waitRun shows the progress of a run until it has ended or needs a person, and then where it stands. The error says why it is
// not simply done.
func (a *app) waitRun(ctx context.Context, c runs, started client.Started, reference string) error {
	a.note("%s", strings.TrimRight(startedText(started), "\n"))
	run, err := a.followRun(ctx, c, reference)
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted; run %s goes on: starter run show %s", reference, reference)
	}
	if err != nil {
		return err
	}
	answer := startedRun{started, showRun(run)}
	if err := a.answer(answer, func() string { return runText(answer.shownRun) }); err != nil {
		return err
	}
	return endOfRun(answer.shownRun)
}

// endOfRun is nil when every row was charged, or handed over to a payment that goes on with it, and the report says so.
func endOfRun(s shownRun) error {
	switch {
	case s.NeedsPerson():
		return fmt.Errorf("run %s stands still: %s; %s", s.Reference, s.stateText(), s.Why)
	case s.State == workflows.RunCanceled:
		return fmt.Errorf("run %s is %s", s.Reference, s.stateText())
	case s.Command != "":
		return fmt.Errorf("run %s is %s, but %s: %s", s.Reference, s.stateText(), s.Why, s.Command)
	}
	if s.Unattended > 0 {
		return fmt.Errorf("run %s: %s", s.Reference, unattendedText(s))
	}
	return nil
}

// followRun looks at the run until it stands still. A look that fails is said once, and the next one's turn comes.
func (a *app) followRun(ctx context.Context, c runs, reference string) (client.Run, error) {
	shown := newProgress(a)
	defer shown.clear()
	silent := false
	for pause := firstRunLook; ; pause = min(2*pause, lastRunLook) {
		run, err := c.Run(ctx, reference)
		switch {
		case errors.Is(err, client.ErrNotFound), ctx.Err() != nil:
			return run, err
		case err != nil && !silent:
			silent = true
			shown.clear()
			a.note("note: %v; still waiting", err)
		case err == nil && (run.State.Ended() || run.NeedsPerson()):
			return run, nil
		case err == nil:
			silent = false
			shown.show(progressText(showRun(run), shown.room()), time.Now())
		}
		select {
		case <-ctx.Done():
			return client.Run{}, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// progress is a line that is written over on a terminal, and a line every ten seconds elsewhere.
type progress struct {
	a *app
	// columns measures the terminal; nil when there is none.
	columns func() int
	said    time.Time
	width   int
}

func newProgress(a *app) *progress {
	p := &progress{a: a}
	if file, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		p.columns = func() int { return columnsOf(file) }
	}
	return p
}

func columnsOf(file *os.File) int {
	const usual = 80
	columns, _, err := term.GetSize(int(file.Fd()))
	if err != nil || columns <= 0 {
		return usual
	}
	return columns
}

// typed is what terminals show of Ctrl-C, after the line.
const typed = "^C"

// room is how many characters fit into the line; 0 when there is no end. A line that the terminal breaks could not be written over.
func (p *progress) room() int {
	if p.columns == nil {
		return 0
	}
	return max(1, p.columns()-len(typed)-1)
}

func (p *progress) show(text string, now time.Time) {
	if room := p.room(); room > 0 {
		line := []rune(text)
		line = line[:min(len(line), room)]
		_, _ = fmt.Fprint(p.a.stderr, "\r"+string(line)+strings.Repeat(" ", max(0, min(p.width, room)-len(line))))
		p.width = len(line)
		return
	}
	if p.said.IsZero() || now.Sub(p.said) >= progressEvery {
		p.said = now
		p.a.note("%s", text)
	}
}

// clear takes the line off the terminal.
func (p *progress) clear() {
	if p.width > 0 {
		_, _ = fmt.Fprint(p.a.stderr, "\r"+strings.Repeat(" ", min(p.width, p.room())+len(typed))+"\r")
		p.width = 0
	}
}

// The cells of the bar: all of them, and the fewest that are worth showing.
const (
	barCells    = 20
	fewestCells = 8
)

// progressText is "[#####---------------] 25 %, 250 of 1000 rows, 15/s, 240 succeeded, 8 declined, 50s left". Where there is little
// room, 0 being no limit, the rows are "250/1000", and the bar is shorter or left out.
func progressText(s shownRun, room int) string {
	if s.State != workflows.RunCharging {
		text := s.stateText()
		if s.Why != "" {
			text += ": " + s.Why
		}
		return text
	}
	share := percent(s.RowsDone, s.Rows)
	text := func(rows string) string {
		parts := []string{
			fmt.Sprintf("%d %%", share), rows, rateText(s.Rate), fmt.Sprintf("%d succeeded", s.Succeeded), fmt.Sprintf("%d declined", s.Declined),
		}
		if s.RemainingSeconds > 0 {
			parts = append(parts, remainingText(s.RemainingSeconds)+" left")
		}
		return strings.Join(parts, ", ")
	}
	line, cells := text(fmt.Sprintf("%d of %d rows", s.RowsDone, s.Rows)), barCells
	left := func() int { return room - len("[] ") - len(line) }
	if room > 0 && left() < fewestCells {
		line = text(fmt.Sprintf("%d/%d", s.RowsDone, s.Rows))
	}
	if room > 0 {
		cells = min(cells, left())
	}
	if cells < fewestCells {
		return line
	}
	full := share * cells / 100 //nolint:mnd // per cent
	return fmt.Sprintf("[%s%s] %s", strings.Repeat("#", full), strings.Repeat("-", cells-full), line)
}
