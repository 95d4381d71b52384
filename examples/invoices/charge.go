package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// start has a manifest charged. Again it answers the same run: nothing is charged twice.
func start(ctx context.Context, billing *client.Client, reference, manifest string) error {
	address := url.URL{Scheme: "file", Path: manifest}
	if _, err := billing.StartRun(ctx, client.RunParams{Reference: reference, Manifest: address.String()}); err != nil {
		return fmt.Errorf("start the run: %w", err)
	}
	return nil
}

// finish books the runs that have been started, oldest first, when they end. One that stands still is an error, and what waits behind
// it is left to another night.
func finish(ctx context.Context, db *sql.DB, billing *client.Client, dir string, references []string) error {
	var still error
	for _, reference := range references {
		look := billing.WaitRun
		if still != nil {
			look = billing.Run
		}
		run, err := look(ctx, reference)
		switch {
		case err != nil:
			return errors.Join(still, fmt.Errorf("wait for the run: %w", err))
		case run.NeedsPerson():
			still = errors.Join(still, fmt.Errorf("%w: run %s is %s (%s); see starter run show %s", errNeedsPerson, reference, run.State, run.Reason, reference))
			continue
		case !run.State.Ended():
			continue
		}
		if run.LookedBack == nil { // canceled before it could charge anything
			err = giveBack(ctx, db, reference)
		} else {
			err = bookReport(ctx, db, reference, run, manifestOf(dir, reference))
		}
		if err != nil {
			return errors.Join(still, err)
		}
	}
	return still
}

func bookReport(ctx context.Context, db *sql.DB, reference string, run client.Run, manifest string) error {
	report, err := os.Open(manifest + "." + reference + ".report.csv") //nolint:gosec // it is beside the manifest
	if err != nil {
		return fmt.Errorf("run %s is %s; starter run report %s writes its report: %w", reference, run.State, reference, err)
	}
	return book(ctx, db, reference, report)
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
