package manifest

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"strconv"

	"github.com/offsession/offsession/activities"
)

const (
	// maxRows is what a manifest may have: more than a year's work at 15 rows a second would not be one run.
	maxRows = 10_000_000
	// firstProblems is how many a summary repeats.
	firstProblems = 20
	// perProgress is how many rows are read between two calls of Progress.
	perProgress = 5000
)

// rowReader reads the rows of a manifest; io.EOF ends them, a *brokenError says that they cannot be told apart.
type rowReader interface {
	next(row *rawRow) error
}

// normalisation is one reading of a manifest.
type normalisation struct {
	request activities.NormaliseRequest
	folder  folder
	summary activities.ManifestSummary
	check   *checker
	out     *copyWriter // nil when nothing is written
	rejects *rejectsWriter
	rows    hash.Hash
	text    []byte
}

// Normalise implements activities.RunFiles.
func (m *Files) Normalise(ctx context.Context, r activities.NormaliseRequest) (activities.ManifestSummary, error) {
	at, err := m.open(ctx, r.RunFile)
	if err != nil {
		return activities.ManifestSummary{}, err
	}
	in, err := at.readManifest(ctx)
	if err != nil {
		return activities.ManifestSummary{}, err
	}
	defer in.close()

	n := &normalisation{request: r, folder: at, check: newChecker(), rows: sha256.New()}
	n.summary.Totals, n.summary.Counts = map[string]int64{}, map[string]int{}
	if !r.CheckOnly {
		at.removeLeftovers()
		n.rejects = &rejectsWriter{folder: at}
		defer n.rejects.abort()
		if n.out, err = newCopyWriter(ctx, at, max(1, r.PageSize)); err != nil {
			return activities.ManifestSummary{}, err
		}
		defer n.out.abort()
	}
	if err := n.readAll(ctx, in); err != nil {
		return n.broken(ctx, in, err)
	}
	n.summary.Fingerprint = hex.EncodeToString(n.rows.Sum(nil))
	if n.out != nil {
		if err := n.out.commit(); err != nil {
			return activities.ManifestSummary{}, err
		}
		n.summary.Pages = n.out.page.Number
		if err := n.rejects.commit(ctx); err != nil {
			return activities.ManifestSummary{}, err
		}
	}
	return n.summary, nil
}

func (n *normalisation) readAll(ctx context.Context, in *source) error {
	if err := skipBOM(in.Reader); err != nil {
		return err
	}
	var rows rowReader = &jsonlRows{r: in.Reader}
	if !in.jsonl {
		var headerErr error
		csv, err := newCSVRows(in.Reader, func(line int, column, value, rule string) {
			p := activities.RunProblem{Line: line, Column: column, Value: shorten(value), Rule: rule}
			headerErr = errors.Join(headerErr, n.tell(ctx, p, rawRow{}))
		})
		if err != nil || headerErr != nil {
			return errors.Join(err, headerErr)
		}
		rows = csv
	}
	var raw rawRow
	for read := 1; ; read++ {
		err := rows.next(&raw)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case read > maxRows:
			return &brokenError{line: raw.line, rule: fmt.Sprintf("a manifest has at most %d rows", maxRows)}
		}
		if err := n.take(ctx, &raw); err != nil {
			return err
		}
		if read%perProgress == 0 {
			if n.request.Progress != nil {
				n.request.Progress(read)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
}

// take takes one row.
func (n *normalisation) take(ctx context.Context, raw *rawRow) error {
	row := n.check.check(raw)
	if len(raw.problems) > 0 {
		n.summary.Rejected++
		for _, p := range raw.problems {
			if err := n.tell(ctx, p, *raw); err != nil {
				return err
			}
		}
		return nil
	}
	if n.summary.Totals[row.Currency] > math.MaxInt64-row.Amount {
		return &brokenError{line: raw.line, rule: "the sum of the amounts is beyond what can be counted"}
	}
	n.summary.Rows++
	n.summary.Totals[row.Currency] += row.Amount
	n.summary.Counts[row.Currency]++
	if n.request.Row != nil {
		if err := n.request.Row(row); err != nil {
			return err
		}
	}
	n.text = append(appendRow(n.text[:0], row), '\n')
	_, _ = n.rows.Write(n.text) // a hash has no errors
	if n.out == nil {
		return nil
	}
	return n.out.add(n.text, row.Line, row.Amount, row.Currency)
}

// tell passes a problem on.
func (n *normalisation) tell(ctx context.Context, p activities.RunProblem, raw rawRow) error {
	if len(n.summary.Problems) < firstProblems {
		n.summary.Problems = append(n.summary.Problems, p)
	}
	if n.request.Problem != nil {
		n.request.Problem(p)
	}
	if n.rejects == nil {
		return nil
	}
	return n.rejects.add(ctx, p, raw)
}

// broken ends a reading that could not come to the end: nothing is written, except what is wrong.
func (n *normalisation) broken(ctx context.Context, in *source, err error) (activities.ManifestSummary, error) {
	var broken *brokenError
	switch {
	case errors.As(err, &broken):
	case in.raw.fault != nil && errors.Is(err, in.raw.fault):
		return activities.ManifestSummary{}, n.folder.failed("read", n.folder.manifest(), err)
	case isGzip(err):
		return activities.ManifestSummary{}, in.reason(n.folder, err)
	default:
		return activities.ManifestSummary{}, err
	}
	if err := n.tell(ctx, activities.RunProblem{Line: broken.line, Rule: broken.rule}, rawRow{}); err != nil {
		return activities.ManifestSummary{}, err
	}
	if n.rejects != nil {
		if err := n.rejects.commit(ctx); err != nil {
			return activities.ManifestSummary{}, err
		}
	}
	summary := activities.ManifestSummary{Problems: n.summary.Problems}
	return summary, unreadable("%v", broken)
}

// rejectsWriter writes the rows that are not allowed, from the first on.
type rejectsWriter struct {
	folder folder
	out    *outFile
	csv    *csv.Writer
}

func rejectsHeader() []string {
	return []string{"line", "column", "value", "rule", "reference", "customer", "payment_method", "amount", "currency"}
}

func (r *rejectsWriter) add(ctx context.Context, p activities.RunProblem, raw rawRow) error {
	if r.out == nil {
		out, err := r.folder.create(ctx, r.folder.rejects(), typeCSV)
		if err != nil {
			return err
		}
		r.out, r.csv = out, csv.NewWriter(out)
		if err := r.csv.Write(rejectsHeader()); err != nil {
			return r.folder.failed("write", r.folder.rejects(), err)
		}
	}
	record := []string{strconv.Itoa(p.Line), p.Column, p.Value, p.Rule}
	for _, c := range []column{columnReference, columnCustomer, columnPaymentMethod, columnAmount, columnCurrency} {
		record = append(record, shorten(raw.values[c]))
	}
	return r.folder.failed("write", r.folder.rejects(), r.csv.Write(record))
}

// commit writes the file; without any row it removes an earlier one.
func (r *rejectsWriter) commit(ctx context.Context) error {
	if r.out == nil {
		return r.folder.remove(ctx, r.folder.rejects())
	}
	r.csv.Flush()
	if err := r.csv.Error(); err != nil {
		return r.folder.failed("write", r.folder.rejects(), err)
	}
	return r.out.commit()
}

func (r *rejectsWriter) abort() {
	if r.out != nil {
		r.out.abort()
	}
}

func isGzip(err error) bool {
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, io.ErrUnexpectedEOF) || isFlate(err)
}

func isFlate(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.As(err, &corrupt)
}
