// Command invoices charges an invoice table, night after night, through billing runs.
//
//	go run ./examples/invoices --db invoices.db --dir /data/runs
//
// Start it from cron: it exports the invoices that nobody has charged yet, has them charged as one billing run, and writes
// into the table what became of them. It can be killed and started again at any moment, also several times a night: no
// invoice is charged twice. All workers must see the directory under the same path.
//
// It reads TEMPORAL_ADDRESS and so on as starter does; `make dev` prints them.
package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/offsession/offsession/starter/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "invoices:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("invoices", flag.ContinueOnError)
	path := flags.String("db", "invoices.db", "the SQLite file with the invoice table; made when there is none")
	dir := flags.String("dir", ".", "where manifests and reports go: a directory that all workers see")
	night := flags.String("night", time.Now().UTC().Format(time.DateOnly), "the date of the run, which names it")
	if err := flags.Parse(args); err != nil {
		return err //nolint:wrapcheck // it says it all
	}
	absolute, err := filepath.Abs(*dir)
	if err != nil {
		return fmt.Errorf("directory of the manifests: %w", err)
	}
	db, err := open(ctx, *path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	billing, err := client.Dial(ctx)
	if err != nil {
		return err //nolint:wrapcheck // it says it all
	}
	defer billing.Close()
	return nightly(ctx, db, billing, absolute, *night)
}

// nightly is all that happens in a night. Each step can be repeated. Runs of earlier nights that were not booked yet, since they stood
// still or this program was killed, are booked as well.
func nightly(ctx context.Context, db *sql.DB, billing *client.Client, dir, night string) error {
	if err := settle(ctx, db, billing); err != nil {
		return err
	}
	if _, err := export(ctx, db, dir, "invoices-"+night); err != nil {
		return err
	}
	references, err := unbooked(ctx, db)
	if err != nil {
		return err
	}
	for _, reference := range references {
		manifest, err := export(ctx, db, dir, reference)
		if err != nil {
			return err
		}
		if err := start(ctx, billing, reference, manifest); err != nil {
			return err
		}
	}
	return finish(ctx, db, billing, dir, references)
}
