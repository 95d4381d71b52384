package manifest

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"time"

	"github.com/offsession/offsession/activities"
)

// reportHead is what a JSON report begins with.
type reportHead struct {
	Run       string    `json:"run"`
	Manifest  string    `json:"manifest"`
	State     string    `json:"state,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
}

// reportRow is a row of a JSON report: the columns of the other.
type reportRow struct {
	Row           *int                     `json:"row,omitempty"`
	Line          int                      `json:"line"`
	Reference     string                   `json:"reference"`
	Customer      string                   `json:"customer"`
	PaymentMethod string                   `json:"payment_method,omitempty"`
	Amount        int64                    `json:"amount,omitempty"`
	Currency      string                   `json:"currency,omitempty"`
	Outcome       activities.ChargeOutcome `json:"outcome"`
	PaymentIntent string                   `json:"payment_intent,omitempty"`
	ChargedMethod string                   `json:"charged_method,omitempty"`
	Code          string                   `json:"code,omitempty"`
	DeclineCode   string                   `json:"decline_code,omitempty"`
	AdviceCode    string                   `json:"advice_code,omitempty"`
	HandedOver    bool                     `json:"handed_over"`
	Adopted       bool                     `json:"adopted"`
	Settled       *string                  `json:"settled,omitempty"`
}

// reportWriter writes both reports, side by side.
type reportWriter struct {
	folder    folder
	csv, json *outFile
	records   *csv.Writer
	rows      int
}

// WriteReport implements activities.RunFiles.
func (m *Files) WriteReport(ctx context.Context, r activities.ReportRequest) (activities.RunReport, error) {
	at, err := m.open(ctx, r.RunFile)
	if err != nil {
		return activities.RunReport{}, err
	}
	w := &reportWriter{folder: at}
	if w.csv, err = at.create(ctx, at.reportCSV(), typeCSV); err != nil {
		return activities.RunReport{}, err
	}
	defer w.csv.abort()
	if w.json, err = at.create(ctx, at.reportJSON(), typeJSON); err != nil {
		return activities.RunReport{}, err
	}
	defer w.json.abort()
	if err := w.begin(r); err != nil {
		return activities.RunReport{}, err
	}
	totals := activities.RunTotals{}
	for result, err := range m.Results(ctx, r.RunFile) {
		if err != nil {
			return activities.RunReport{}, err
		}
		settled := ""
		if r.Settled != nil && result.HandedOver {
			if settled, err = r.Settled(ctx, result.Reference); err != nil {
				return activities.RunReport{}, err
			}
		}
		if err := w.add(result, settled, r.Settled != nil); err != nil {
			return activities.RunReport{}, err
		}
		totals.Add(result.Outcome, result.Currency, activities.RunTotal{Rows: 1, Amount: result.Amount})
		if r.Progress != nil && w.rows%perProgress == 0 {
			r.Progress(w.rows)
		}
	}
	if err := w.end(totals); err != nil {
		return activities.RunReport{}, err
	}
	at.removeLeftovers()
	return activities.RunReport{CSV: at.shown(at.reportCSV()), JSON: at.shown(at.reportJSON()), Rows: w.rows, Totals: totals}, nil
}

func (w *reportWriter) begin(r activities.ReportRequest) error {
	header := reportHeader()
	if r.Settled != nil {
		header = append(header, "settled")
	}
	w.records = csv.NewWriter(w.csv)
	head, err := json.Marshal(reportHead{
		Run: w.folder.run, Manifest: w.folder.shown(w.folder.manifest()), State: r.State, CreatedAt: r.CreatedAt.UTC(), EndedAt: r.EndedAt.UTC(),
	})
	if err != nil {
		return err
	}
	// The rows follow within the same object.
	_, err = w.json.Write(append(head[:len(head)-1], `,"rows":[`...))
	return w.folder.failed("write", w.folder.reportJSON(), errors.Join(err, w.records.Write(header)))
}

func (w *reportWriter) add(r activities.RowResult, settled string, withSettled bool) error {
	record := reportRecord(r)
	row := reportRow{
		Line: r.Line, Reference: r.Reference, Customer: r.Customer, PaymentMethod: r.PaymentMethod, Amount: r.Amount, Currency: r.Currency,
		Outcome: r.Outcome, PaymentIntent: r.PaymentIntent, ChargedMethod: r.ChargedMethod, Code: r.Code, DeclineCode: r.DeclineCode,
		AdviceCode: r.AdviceCode, HandedOver: r.HandedOver, Adopted: r.Adopted,
	}
	if r.Row >= 0 {
		row.Row = &r.Row
	}
	if withSettled {
		record, row.Settled = append(record, settled), &settled
	}
	text, err := json.Marshal(row)
	if err != nil {
		return err
	}
	separator := ",\n"
	if w.rows == 0 {
		separator = "\n"
	}
	w.rows++
	_, err = w.json.WriteString(separator)
	if err == nil {
		_, err = w.json.Write(text)
	}
	return w.folder.failed("write", w.folder.beside("report"), errors.Join(err, w.records.Write(record)))
}

func (w *reportWriter) end(totals activities.RunTotals) error {
	text, err := json.Marshal(totals)
	if err != nil {
		return err
	}
	w.records.Flush()
	_, err = w.json.WriteString("\n],\"totals\":" + string(text) + "}\n")
	if err := w.folder.failed("write", w.folder.beside("report"), errors.Join(err, w.records.Error())); err != nil {
		return err
	}
	if err := w.csv.commit(); err != nil {
		return err
	}
	return w.json.commit()
}
