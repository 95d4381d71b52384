package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// charge has the manifest charged, and answers its report. Again it answers the same run: nothing is charged twice.
func charge(ctx context.Context, billing *client.Client, reference, manifest string) (io.ReadCloser, error) {
	address := url.URL{Scheme: "file", Path: manifest}
	if _, err := billing.StartRun(ctx, client.RunParams{Reference: reference, Manifest: address.String()}); err != nil {
		return nil, fmt.Errorf("start the run: %w", err)
	}
	run, err := billing.WaitRun(ctx, reference)
	if err != nil {
		return nil, fmt.Errorf("wait for the run: %w", err)
	}
	if run.NeedsPerson() {
		return nil, fmt.Errorf("%w: run %s is %s (%s); see starter run show %s", errNeedsPerson, reference, run.State, run.Reason, reference)
	}
	report, err := url.Parse(run.ReportCSV)
	if err != nil {
		return nil, fmt.Errorf("address of the report: %w", err)
	}
	file, err := os.Open(report.Path)
	if err != nil {
		return nil, fmt.Errorf("open the report: %w", err)
	}
	return file, nil
}

var errNeedsPerson = errors.New("the run stands still")

// settle asks what has become of the invoices that were not paid at once: retries and messages go on for weeks.
func settle(ctx context.Context, db *sql.DB, billing *client.Client) error {
	ids, err := collecting(ctx, db)
	if err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	for _, id := range ids {
		payment, err := billing.Payment(ctx, referenceOf(id))
		if err != nil {
			return fmt.Errorf("settle invoice %d: %w", id, err)
		}
		if !payment.State.Ended() {
			continue
		}
		state := "unpaid"
		if payment.State == workflows.PaymentPaid {
			state = "paid"
		}
		if _, err := db.ExecContext(ctx, `UPDATE invoices SET state = ?, payment_intent = ? WHERE id = ?`, state, payment.PaymentIntent, id); err != nil {
			return fmt.Errorf("settle invoice %d: %w", id, err)
		}
	}
	return nil
}

func collecting(ctx context.Context, db *sql.DB) (ids []int64, err error) {
	rows, err := db.QueryContext(ctx, `SELECT id FROM invoices WHERE state = 'collecting' ORDER BY id`)
	if err != nil {
		return nil, err //nolint:wrapcheck // settle says what for
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err //nolint:wrapcheck // as above
		}
		ids = append(ids, id)
	}
	return ids, rows.Err() //nolint:wrapcheck // as above
}
