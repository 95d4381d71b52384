package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/offsession/offsession/starter/client"
)

// checkedManifest is what a manifest holds, in JSON; its problems stand before it.
type checkedManifest struct {
	// State is valid or invalid.
	State    string `json:"state"`
	Manifest string `json:"manifest"`
	runCounts
	Fingerprint string `json:"fingerprint"`
}

func checkedAs(manifest string, summary client.ManifestSummary, problems int) checkedManifest {
	checked := checkedManifest{State: "valid", Manifest: manifest, runCounts: countRows(&summary, nil), Fingerprint: summary.Fingerprint}
	if problems > 0 {
		checked.State = "invalid"
	}
	return checked
}

// text has room for further facts.
func (c checkedManifest) text(more ...string) string {
	good := c.Rows - c.Rejected
	text := fmt.Sprintf("%s: %s\n", c.Manifest, counted(good, "row"))
	if c.Rejected > 0 {
		text = fmt.Sprintf("%s: %s, and %d not allowed\n", c.Manifest, counted(good, "row"), c.Rejected)
	}
	totals := make(map[string]int64, len(c.AmountByCurrency))
	for currency, sums := range c.AmountByCurrency {
		totals[currency] = sums["total"]
	}
	return text + facts(append([]string{"together", totalsText(totals), "fingerprint", c.Fingerprint}, more...)...)
}

// problemList prints problems as they are found: a manifest of a million rows may have as many. In JSON they are the first key
// of the answer, whose other keys follow at the end.
type problemList struct {
	a        *app
	progress *progress
	count    int
	err      error
}

func newProblemList(a *app) *problemList { return &problemList{a: a, progress: newProgress(a)} }

// watch shows how far the reading is.
func (l *problemList) watch() client.ManifestWatch {
	return client.ManifestWatch{
		Problem: l.add,
		Rows:    func(rows int) { l.progress.show(counted(rows, "row")+" read", time.Now()) },
		Listed:  func(intents int) { l.progress.show(counted(intents, "PaymentIntent")+" of Stripe's seen", time.Now()) },
	}
}

func (l *problemList) add(problem client.ManifestProblem) {
	l.count++
	if l.err != nil {
		return
	}
	l.progress.clear()
	if l.a.output == outputText {
		_, l.err = fmt.Fprintln(l.a.stdout, problemText(problem))
		return
	}
	line, err := encode(problem, "", "")
	if err != nil {
		l.err = err
		return
	}
	before := ",\n    "
	if l.count == 1 {
		before = "{\n  \"problems\": [\n    "
	}
	_, l.err = fmt.Fprintf(l.a.stdout, "%s%s", before, line)
}

// end prints the rest of the answer. The error says that there were problems.
func (l *problemList) end(answer any, text func() string) error {
	l.progress.clear()
	if l.err == nil {
		l.err = l.rest(answer, text)
	}
	if l.err != nil {
		return l.err
	}
	if l.count > 0 {
		return fmt.Errorf("%w: %s", errProblems, counted(l.count, "problem"))
	}
	return nil
}

func (l *problemList) rest(answer any, text func() string) error {
	if l.a.output == outputText {
		return l.a.answer(answer, text)
	}
	object, err := encode(answer, "", "  ")
	if err != nil {
		return err
	}
	before := "\n  ],"
	if l.count == 0 {
		before = "{\n  \"problems\": [],"
	}
	_, err = fmt.Fprintf(l.a.stdout, "%s%s\n", before, object[1:])
	return err
}

// encode is a value in JSON, as answer prints it.
func encode(value any, prefix, indent string) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetIndent(prefix, indent)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// errProblems says that a manifest is not as it should be.
var errProblems = errors.New("the manifest is not allowed")

// problemText is `line 3, amount: "10.99"; must be a whole number`.
func problemText(p client.ManifestProblem) string {
	if p.Column == "" && p.Value == "" {
		return problemPlace(p) + ": " + p.Rule
	}
	return fmt.Sprintf("%s: %q; %s", problemPlace(p), p.Value, p.Rule)
}

// problemPlace is "line 3, amount".
func problemPlace(p client.ManifestProblem) string {
	where := "the file"
	if p.Line > 0 {
		where = fmt.Sprintf("line %d", p.Line)
	}
	if p.Column != "" {
		where += ", " + p.Column
	}
	return where
}
