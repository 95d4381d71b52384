package activities

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"time"
)

// RunFile names a run's manifest, and by that all files that belong to the run.
type RunFile struct {
	// URL is the manifest's: file:///data/july.csv, s3://bucket/july.jsonl.gz.
	URL string `json:"url"`
	// Run is the run's reference. It is part of the names of the files beside the manifest.
	Run string `json:"run"`
	// Life tells runs with the same reference apart, of which Temporal has forgotten the earlier ones: the id of the workflow's
	// first run. Empty is the latest, for those who only read.
	Life string `json:"life,omitempty"`
}

// RunRow is one row of a manifest, normalised.
type RunRow struct {
	// Line is where the row begins in the manifest, from 1. It is not in the copy, whose bytes depend on the rows alone.
	Line      int    `json:"line,omitempty"`
	Reference string `json:"reference"`
	Customer  string `json:"customer"`
	// PaymentMethod is empty for the customer's default.
	PaymentMethod string `json:"payment_method,omitempty"`
	// Amount is in minor units of Currency.
	Amount      int64             `json:"amount"`
	Currency    string            `json:"currency"`
	Description string            `json:"description,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
}

// RunProblem is one thing that is wrong with a manifest.
type RunProblem struct {
	// Line is where the row begins, from 1; 0 for the file as a whole.
	Line   int    `json:"line,omitempty"`
	Column string `json:"column,omitempty"`
	// Value is what stands there, shortened.
	Value string `json:"value,omitempty"`
	// Rule says what is allowed.
	Rule string `json:"rule"`
}

// RunPage is one page of a run's normalised copy: an entry of its index.
type RunPage struct {
	// RunLife is the Life of the run whose page it is.
	RunLife string `json:"run_life,omitempty"`
	// Number counts from 0, FirstRow (of the whole copy) as well.
	Number   int `json:"page"`
	FirstRow int `json:"first_row"`
	Rows     int `json:"rows"`
	// Offset and Length are where it stands in the copy, in bytes. Checksum is the SHA-256 of those, in hex.
	Offset   int64  `json:"offset"`
	Length   int64  `json:"length"`
	Checksum string `json:"checksum"`
	// Totals counts its rows by currency.
	Totals map[string]RunTotal `json:"totals"`
	// Lines says where its rows begin in the manifest: each pair is a row of the page (from 0) and its line (from 1), and the rows
	// up to the next pair follow it line by line.
	Lines [][2]int `json:"lines,omitempty"`
	// Known is how many of its rows the look-back found charged, or otherwise used, before. KnownSum is the checksum of what it
	// found.
	Known    int    `json:"known,omitempty"`
	KnownSum string `json:"known_sum,omitempty"`
}

// NormaliseRequest asks to read and check a manifest.
type NormaliseRequest struct {
	RunFile
	// PageSize is the rows per page.
	PageSize int
	// CheckOnly writes nothing.
	CheckOnly bool
	// Problem is called for each problem, in the order of the lines; may be nil.
	Problem func(RunProblem)
	// Row is called for each good row, in the order of the lines, and its error ends the reading; may be nil. A dry run reads the
	// rows by it, since there is no copy.
	Row func(RunRow) error
	// Progress is called now and then with the rows read so far; may be nil.
	Progress func(rows int)
}

// ManifestSummary is what a manifest holds.
type ManifestSummary struct {
	// Rows are the good ones, Rejected those with a problem.
	Rows     int `json:"rows"`
	Rejected int `json:"rejected,omitempty"`
	Pages    int `json:"pages,omitempty"`
	// Totals is the sum of the good rows by currency, in minor units; Counts are the rows by currency.
	Totals map[string]int64 `json:"totals,omitempty"`
	Counts map[string]int   `json:"counts,omitempty"`
	// Fingerprint is the SHA-256 of the normalised copy, in hex. It depends on the rows alone: not on page size, format,
	// column order or compression.
	Fingerprint string `json:"fingerprint,omitempty"`
	// Problems are the first 20.
	Problems []RunProblem `json:"problems,omitempty"`
}

// KnownRow is a row that the look-back found used before: nothing is sent for it, except by a CollectPayment.
type KnownRow struct {
	// Row counts from 0 in the whole copy.
	Row int `json:"row"`
	ChargeResult
}

// RowResult is what became of a row, as it stands in the report.
type RowResult struct {
	Row int
	RunRow
	// Outcome is the charge's, or RowRejected or RowNotCharged.
	Outcome       ChargeOutcome
	PaymentIntent string
	// ChargedMethod is the payment method that was charged, or would have been.
	ChargedMethod string
	Codes
	// HandedOver says that a CollectPayment goes on with it.
	HandedOver bool
	// Adopted says that it was charged before: nothing was sent.
	Adopted bool
}

// The outcomes that only rows of a run have.
const (
	// RowRejected: the row was not charged because it is not allowed, or its reference was used with other values.
	RowRejected ChargeOutcome = "rejected"
	// RowNotCharged: the run ended before.
	RowNotCharged ChargeOutcome = "not_charged"
)

// RunTotals counts rows and sums amounts (minor units) by outcome and currency.
type RunTotals map[ChargeOutcome]map[string]RunTotal

// RunTotal is a number of rows and the sum of their amounts, in minor units.
type RunTotal struct {
	Rows   int   `json:"rows"`
	Amount int64 `json:"amount"`
}

// Add counts rows with one outcome and currency.
func (t RunTotals) Add(outcome ChargeOutcome, currency string, more RunTotal) {
	if t[outcome] == nil {
		t[outcome] = map[string]RunTotal{}
	}
	sum := t[outcome][currency]
	t[outcome][currency] = RunTotal{Rows: sum.Rows + more.Rows, Amount: sum.Amount + more.Amount}
}

// Merge adds all of another's.
func (t RunTotals) Merge(other RunTotals) {
	for _, outcome := range SortedKeys(other) {
		for _, currency := range SortedKeys(other[outcome]) {
			t.Add(outcome, currency, other[outcome][currency])
		}
	}
}

// Equal reports whether both count the same rows and sums. Of rejected rows nothing but their number is compared: what they should
// have charged may be unknown.
func (t RunTotals) Equal(other RunTotals) bool {
	for _, outcome := range append(SortedKeys(t), SortedKeys(other)...) {
		if outcome == RowRejected {
			continue
		}
		for _, currency := range append(SortedKeys(t[outcome]), SortedKeys(other[outcome])...) {
			if t[outcome][currency] != other[outcome][currency] {
				return false
			}
		}
	}
	return t.Rows(RowRejected) == other.Rows(RowRejected)
}

// Missing are the rows of a manifest with these counts and sums by currency that have no outcome yet: they are RowNotCharged.
func (t RunTotals) Missing(counts map[string]int, sums map[string]int64) RunTotals {
	missing := RunTotals{}
	for _, currency := range SortedKeys(counts) {
		left := RunTotal{Rows: counts[currency], Amount: sums[currency]}
		for _, outcome := range SortedKeys(t) {
			left.Rows -= t[outcome][currency].Rows
			left.Amount -= t[outcome][currency].Amount
		}
		if left.Rows != 0 {
			missing.Add(RowNotCharged, currency, left)
		}
	}
	return missing
}

// All are the rows of every outcome and currency.
func (t RunTotals) All() int {
	n := 0
	for _, outcome := range SortedKeys(t) {
		n += t.Rows(outcome)
	}
	return n
}

// Rows are those with an outcome, of all currencies.
func (t RunTotals) Rows(outcome ChargeOutcome) int {
	n := 0
	for _, currency := range SortedKeys(t[outcome]) {
		n += t[outcome][currency].Rows
	}
	return n
}

// SortedKeys are a map's keys in an order that is the same whenever a workflow is replayed.
func SortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m)) //workflowcheck:ignore sorted
}

// ReportRequest asks for a run's report: the pages' results joined.
type ReportRequest struct {
	RunFile
	// CreatedAt and EndedAt are the run's, UTC; State is how it ended.
	CreatedAt time.Time
	EndedAt   time.Time
	State     string
	// Settled answers the present state of a row that was handed over; nil leaves the column out.
	Settled func(ctx context.Context, reference string) (state string, _ error)
	// Progress is called now and then with the rows written so far; may be nil.
	Progress func(rows int)
}

// RunReport says where the report is, and what it adds up to.
type RunReport struct {
	CSV    string    `json:"csv"`
	JSON   string    `json:"json"`
	Rows   int       `json:"rows"`
	Totals RunTotals `json:"totals"`
}

// The errors of RunFiles; anything else is a fault that is tried again.
var (
	// ErrManifestMissing: there is no such file. For file:// it may be another machine's.
	ErrManifestMissing = errors.New("there is no such manifest")
	// ErrManifestUnreadable: the URL, its credentials or the file's form do not allow reading it at all; trying again does not help.
	ErrManifestUnreadable = errors.New("the manifest cannot be read")
	// ErrRunFileChanged: a file of the run is not any more what was written.
	ErrRunFileChanged = errors.New("a file of the run has changed")
)

// RunFiles reads a run's manifest, and keeps what belongs to the run beside it:
//
//	<manifest>.<run>.rows      the normalised copy, a JSON object per line
//	<manifest>.<run>.index     a JSON object per page (RunPage)
//	<manifest>.<run>.rejects.csv  the rows that are not allowed: line, column, value, rule
//	<run>/<life>/known/index.jsonl   the index again, with what the look-back found: the pages are given out from it
//	<run>/<life>/known/<page>.<sum>.jsonl  what it found, for the pages with any (KnownRow)
//	<run>/<life>/pages/<page>.csv    what became of the rows of a page
//	<run>/<life>/pages/<page>.checkpoint.jsonl  how far a page has come that was stopped
//	<manifest>.<run>.report.csv, .report.json
//
// Every file is written whole or not at all, and writing it again replaces it. What an earlier run with the same reference has left
// in the folder of its own life is never read again.
type RunFiles interface { //nolint:interfacebloat // one folder, and every file in it
	// Normalise reads the manifest once, streaming, and writes copy, index and rejects, unless its context has ended.
	Normalise(ctx context.Context, r NormaliseRequest) (ManifestSummary, error)
	// Pages reads entries of the index that WriteKnown wrote, at most count from page number from on.
	Pages(ctx context.Context, f RunFile, from, count int) ([]RunPage, error)
	// Rows reads a page's rows, and compares its checksum.
	Rows(ctx context.Context, f RunFile, p RunPage) ([]RunRow, error)
	// AllRows reads the copy from its beginning, with a row's number (from 0) first. The first error ends the sequence.
	AllRows(ctx context.Context, f RunFile) iter.Seq2[RunRow, error]
	// WriteKnown writes what a look-back found, ordered by row, and an index of its own that says how many there are per page: an
	// attempt of Normalise that comes late does not change that one. There may be as many as there are rows: it never holds more
	// than a page of them. An error in the sequence ends it, and is returned: what it wrote before stays. Called again it replaces
	// that as a whole.
	WriteKnown(ctx context.Context, f RunFile, known iter.Seq2[KnownRow, error]) error
	// Known reads what the look-back found for a page; when it is not any more what was written, the error is ErrRunFileChanged.
	Known(ctx context.Context, f RunFile, p RunPage) ([]KnownRow, error)
	// WriteCheckpoint keeps how far a page has come, for whoever goes on with it; what it holds is the caller's own. Called again
	// it replaces the earlier one; nil removes it, also when there is none.
	WriteCheckpoint(ctx context.Context, f RunFile, p RunPage, data []byte) error
	// Checkpoint reads it; nil when there is none.
	Checkpoint(ctx context.Context, f RunFile, p RunPage) ([]byte, error)
	// WriteResults writes what became of a page's rows.
	WriteResults(ctx context.Context, f RunFile, p RunPage, results []RowResult) error
	// Results reads the results of all pages, in order of the rows, and the rejected ones of the manifest at the end. Rows
	// of pages without results are RowNotCharged.
	Results(ctx context.Context, f RunFile) iter.Seq2[RowResult, error]
	// WriteReport joins Results into a CSV and a JSON file.
	WriteReport(ctx context.Context, r ReportRequest) (RunReport, error)
}
