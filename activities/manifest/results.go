package manifest

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows/money"
)

// The columns of a report, and of a page's results.
func reportHeader() []string {
	return []string{
		"row", "line", "reference", "customer", "payment_method", "amount", "currency", "outcome", "payment_intent", "charged_method",
		"code", "decline_code", "advice_code", "handed_over", "adopted",
	}
}

func reportRecord(r activities.RowResult) []string {
	row := ""
	if r.Row >= 0 {
		row = strconv.Itoa(r.Row)
	}
	amount := ""
	if r.Amount != 0 {
		amount = strconv.FormatInt(r.Amount, 10)
	}
	return []string{
		row, strconv.Itoa(r.Line), r.Reference, r.Customer, r.PaymentMethod, amount, r.Currency, string(r.Outcome), r.PaymentIntent, r.ChargedMethod,
		r.Code, r.DeclineCode, r.AdviceCode, strconv.FormatBool(r.HandedOver), strconv.FormatBool(r.Adopted),
	}
}

// WriteResults implements activities.RunFiles.
func (m *Files) WriteResults(ctx context.Context, f activities.RunFile, p activities.RunPage, results []activities.RowResult) error {
	at, err := m.openPage(ctx, f, p)
	if err != nil {
		return err
	}
	results = slices.Clone(results)
	slices.SortFunc(results, func(a, b activities.RowResult) int { return cmp.Compare(a.Row, b.Row) })
	for i, r := range results {
		if r.Row < p.FirstRow || r.Row >= p.FirstRow+p.Rows || i > 0 && r.Row == results[i-1].Row {
			return fmt.Errorf("row %d is not one of page %d, or is there twice", r.Row, p.Number)
		}
	}
	key := at.results(p.Number)
	return at.write(ctx, key, typeCSV, func(w *bufio.Writer) error {
		out := csv.NewWriter(w)
		records := [][]string{reportHeader()}
		for _, r := range results {
			records = append(records, reportRecord(r))
		}
		return at.failed("write", key, out.WriteAll(records))
	})
}

// Results implements activities.RunFiles.
func (m *Files) Results(ctx context.Context, f activities.RunFile) iter.Seq2[activities.RowResult, error] {
	return func(yield func(activities.RowResult, error) bool) {
		at, err := m.open(ctx, f)
		if err != nil {
			yield(activities.RowResult{}, err)
			return
		}
		for results, err := range at.allResults(ctx) {
			if err != nil {
				yield(activities.RowResult{}, err)
				return
			}
			for _, r := range results {
				if !yield(r, nil) {
					return
				}
			}
		}
		for r, err := range at.rejected(ctx) {
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// loading is a page whose results are being read.
type loading struct {
	results []activities.RowResult
	err     error
	done    chan struct{}
}

// allResults reads the results of all pages in their order, some at a time: each is a file of its own.
func (f folder) allResults(ctx context.Context) iter.Seq2[[]activities.RowResult, error] {
	return func(yield func([]activities.RowResult, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		queue := make(chan *loading, atOnce)
		go func() {
			defer close(queue)
			for page, err := range f.copyPages(ctx) {
				l := &loading{err: err, done: make(chan struct{})}
				select {
				case queue <- l:
				case <-ctx.Done():
					return
				}
				if err != nil {
					close(l.done)
					return
				}
				go func() {
					defer close(l.done)
					l.results, l.err = f.pageResults(ctx, page)
				}()
			}
		}()
		defer func() {
			cancel()
			for l := range queue {
				<-l.done
			}
		}()
		for l := range queue {
			<-l.done
			if !yield(l.results, l.err) || l.err != nil {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// pageResults joins the rows of a page with what became of them.
func (f folder) pageResults(ctx context.Context, page copyPage) ([]activities.RowResult, error) {
	f, err := f.of(page.RunPage)
	if err != nil {
		return nil, err
	}
	key := f.results(page.Number)
	text, err := f.readAll(ctx, key)
	if err != nil {
		return nil, err
	}
	results := make([]activities.RowResult, page.Rows)
	for i, row := range page.rows {
		results[i] = activities.RowResult{Row: page.FirstRow + i, RunRow: row, Outcome: activities.RowNotCharged}
	}
	if text == nil {
		return results, nil
	}
	in := csv.NewReader(bytes.NewReader(text))
	if header, err := in.Read(); err != nil || !slices.Equal(header, reportHeader()) {
		return nil, f.changed(key)
	}
	for last := -1; ; {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return results, nil
		}
		if err != nil {
			return nil, f.changed(key)
		}
		row, err := strconv.Atoi(record[0])
		i := row - page.FirstRow
		if err != nil || i <= last || i >= page.Rows || !takeResult(&results[i], record) {
			return nil, f.changed(key)
		}
		last = i
	}
}

// takeResult takes what became of a row from its record, if it is the same row.
func takeResult(r *activities.RowResult, record []string) bool {
	if r.Reference != record[2] || r.Customer != record[3] || strconv.FormatInt(r.Amount, 10) != record[5] || r.Currency != record[6] {
		return false
	}
	handedOver, err := strconv.ParseBool(record[13])
	adopted, err2 := strconv.ParseBool(record[14])
	if err != nil || err2 != nil || record[7] == "" {
		return false
	}
	r.Outcome = activities.ChargeOutcome(record[7])
	r.PaymentIntent, r.ChargedMethod = record[8], record[9]
	r.Codes = activities.Codes{Code: record[10], DeclineCode: record[11], AdviceCode: record[12]}
	r.HandedOver, r.Adopted = handedOver, adopted
	return true
}

// rejected reads the rows of the manifest that were not allowed. They have no number, and only those of their values that are
// worth something.
func (f folder) rejected(ctx context.Context) iter.Seq2[activities.RowResult, error] {
	return func(yield func(activities.RowResult, error) bool) {
		key := f.rejects()
		r, err := f.read(ctx, key, 0, -1)
		if isMissing(err) {
			return
		}
		if err != nil {
			yield(activities.RowResult{}, err)
			return
		}
		defer func() { _ = r.Close() }() // only read
		in := csv.NewReader(bufio.NewReaderSize(r, bufferSize))
		if header, err := in.Read(); err != nil || !slices.Equal(header, rejectsHeader()) {
			yield(activities.RowResult{}, f.changed(key))
			return
		}
		for last := 0; ; {
			record, err := in.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			var form *csv.ParseError
			switch {
			case errors.As(err, &form):
				yield(activities.RowResult{}, f.changed(key))
				return
			case err != nil:
				yield(activities.RowResult{}, f.failed("read", key, err))
				return
			}
			line, err := strconv.Atoi(record[0])
			if err != nil {
				yield(activities.RowResult{}, f.changed(key))
				return
			}
			if line == last { // one more problem of the same row
				continue
			}
			last = line
			if !yield(rejectedRow(line, record), nil) {
				return
			}
		}
	}
}

func rejectedRow(line int, record []string) activities.RowResult {
	row := activities.RunRow{Line: line, Reference: record[4], Customer: record[5], PaymentMethod: record[6]}
	// What Stripe could not charge counts as nothing.
	if currency, err := money.NormalizeCurrency(record[8]); err == nil {
		row.Currency = currency
		if amount, err := money.ParseAmount(record[7]); err == nil && money.Check(amount, currency) == nil {
			row.Amount = amount
		}
	}
	return activities.RowResult{Row: -1, RunRow: row, Outcome: activities.RowRejected}
}
