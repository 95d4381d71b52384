package main

import (
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// An invoice is charged under the reference invoice-<id>, whichever run it is in. What it asks for must not change once it
// has a run.
const schema = `
CREATE TABLE IF NOT EXISTS invoices (
  id INTEGER PRIMARY KEY,
  customer TEXT NOT NULL,             -- Stripe's cus_…
  amount INTEGER NOT NULL,            -- in minor units
  currency TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'open', -- open, collecting, paid, unpaid, rejected
  payment_intent TEXT NOT NULL DEFAULT '',
  run TEXT                            -- the billing run that charges it, or has
);
CREATE TABLE IF NOT EXISTS runs (reference TEXT PRIMARY KEY);`

func open(ctx context.Context, path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("tables in %s: %w", path, err), db.Close())
	}
	return db, nil
}

// export gives the run all invoices that have none, and writes its manifest; "" when there is nothing to charge.
//
// Which invoices a run has is decided once, in one transaction, the first time: exported again, the file is the same to
// the byte, and an invoice that came later waits for the next run.
func export(ctx context.Context, db *sql.DB, dir, run string) (manifest string, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return "", fmt.Errorf("export: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing, after the commit
	added, err := tx.ExecContext(ctx, `INSERT INTO runs (reference) VALUES (?) ON CONFLICT DO NOTHING`, run)
	if err != nil {
		return "", fmt.Errorf("export: %w", err)
	}
	if first, err := added.RowsAffected(); err != nil || first == 1 {
		if _, err := tx.ExecContext(ctx, `UPDATE invoices SET run = ? WHERE run IS NULL`, run); err != nil {
			return "", fmt.Errorf("export: %w", err)
		}
	}
	records, err := rows(ctx, tx, run)
	if err != nil {
		return "", fmt.Errorf("export: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return "", fmt.Errorf("export: %w", err)
	}
	if len(records) == 0 {
		return "", nil
	}
	manifest = manifestOf(dir, run)
	return manifest, write(manifest, append([][]string{{"reference", "customer", "amount", "currency"}}, records...))
}

func manifestOf(dir, run string) string { return filepath.Join(dir, run+".csv") }

// unbooked are the runs of which nobody has booked yet what became of their invoices, oldest first.
func unbooked(ctx context.Context, db *sql.DB) (references []string, err error) {
	found, err := db.QueryContext(ctx,
		`SELECT reference FROM runs WHERE EXISTS (SELECT 1 FROM invoices WHERE run = reference AND state = 'open') ORDER BY runs.rowid`)
	if err != nil {
		return nil, fmt.Errorf("runs that are not booked: %w", err)
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var reference string
		if err := found.Scan(&reference); err != nil {
			return nil, fmt.Errorf("runs that are not booked: %w", err)
		}
		references = append(references, reference)
	}
	return references, found.Err() //nolint:wrapcheck // it says it all
}

// giveBack leaves the invoices of a run that ended before it could charge any to the next one.
func giveBack(ctx context.Context, db *sql.DB, run string) error {
	if _, err := db.ExecContext(ctx, `UPDATE invoices SET run = NULL WHERE run = ? AND state = 'open'`, run); err != nil {
		return fmt.Errorf("give back the invoices of run %s: %w", run, err)
	}
	return nil
}

// rows are the lines of a run's manifest, always in the same order.
func rows(ctx context.Context, tx *sql.Tx, run string) (records [][]string, err error) {
	found, err := tx.QueryContext(ctx, `SELECT id, customer, amount, currency FROM invoices WHERE run = ? ORDER BY id`, run)
	if err != nil {
		return nil, err //nolint:wrapcheck // export says what for
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var id, amount int64
		var customer, currency string
		if err := found.Scan(&id, &customer, &amount, &currency); err != nil {
			return nil, err //nolint:wrapcheck // as above
		}
		records = append(records, []string{referenceOf(id), customer, strconv.FormatInt(amount, 10), currency})
	}
	return records, found.Err() //nolint:wrapcheck // as above
}

func referenceOf(invoice int64) string { return fmt.Sprintf("invoice-%d", invoice) }

// write writes the file whole or not at all: a worker may read it at any moment.
func write(path string, records [][]string) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".manifest-*")
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // nothing, after the rename
	if err := errors.Join(csv.NewWriter(file).WriteAll(records), file.Chmod(0o644), file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	return nil
}

// book writes into the table what the report says became of each invoice.
func book(ctx context.Context, db *sql.DB, run string, report io.ReadCloser) (err error) {
	defer func() { err = errors.Join(err, report.Close()) }()
	lines := csv.NewReader(report)
	header, err := lines.Read()
	if err != nil {
		return fmt.Errorf("read the report: %w", err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("book: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	for {
		line, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return tx.Commit() //nolint:wrapcheck // it says it all
		}
		if err != nil {
			return fmt.Errorf("read the report: %w", err)
		}
		row := map[string]string{}
		for i, name := range header {
			row[name] = line[i]
		}
		// An invoice that was booked before, and settled since, stays as it is.
		if _, err := tx.ExecContext(ctx, `UPDATE invoices SET state = ?, run = ?, payment_intent = ? WHERE 'invoice-' || id = ? AND run = ? AND state = 'open'`,
			state(row), runAfter(row, run), row["payment_intent"], row["reference"], run); err != nil {
			return fmt.Errorf("book: %w", err)
		}
	}
}

// state is an invoice's after the run: offsession goes on with what was handed over.
func state(row map[string]string) string {
	switch {
	case row["outcome"] == "succeeded":
		return "paid"
	case row["handed_over"] == "true":
		return "collecting"
	case row["outcome"] == "not_charged":
		return "open"
	default:
		return "rejected" // somebody must look: the row, or an earlier use of its reference, is wrong
	}
}

// runAfter is none for an invoice that the run ended without: the next one has it.
func runAfter(row map[string]string, run string) any {
	if row["outcome"] == "not_charged" {
		return nil
	}
	return run
}
