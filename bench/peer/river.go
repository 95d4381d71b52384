package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	queue "github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/offsession/offsession/bench"
)

// How River is set. The fetch settings are those of its own benchmark command, which has 2,000 workers for jobs that do
// nothing; with a call to Stripe in each, a hundred are faster.
const (
	riverWorkers  = 100
	riverCooldown = 2 * time.Millisecond
	riverPoll     = 20 * time.Millisecond
	riverInsert   = 5000
)

// chargeArgs is a job.
type chargeArgs struct {
	bench.Row

	Round string `json:"round"`
}

// Kind names the jobs.
func (chargeArgs) Kind() string { return "charge" }

type chargeWorker struct {
	queue.WorkerDefaults[chargeArgs]

	charge  chargeFunc
	charged *atomic.Int64
}

// Work charges a row.
func (w *chargeWorker) Work(ctx context.Context, job *queue.Job[chargeArgs]) error {
	if err := w.charge(ctx, job.Args.Round, job.Args.Row); err != nil {
		return err
	}
	w.charged.Add(1)
	return nil
}

func river(ctx context.Context, charge chargeFunc, postgres string) error {
	pool, err := pgxpool.New(ctx, postgres)
	if err != nil {
		return fmt.Errorf("PostgreSQL: %w", err)
	}
	defer pool.Close()
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	workers := queue.NewWorkers()
	w := &chargeWorker{charge: charge, charged: new(atomic.Int64)}
	queue.AddWorker(workers, w)
	client, err := queue.NewClient(driver, &queue.Config{
		Queues:        map[string]queue.QueueConfig{queue.QueueDefault: {MaxWorkers: riverWorkers}},
		FetchCooldown: riverCooldown, FetchPollInterval: riverPoll, Workers: workers,
	})
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	if err := client.Start(ctx); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	err = rounds(os.Stdin, os.Stdout, func(name string, rows int) error {
		w.charged.Store(0)
		for from := 0; from < rows; from += riverInsert {
			jobs := make([]queue.InsertManyParams, 0, riverInsert)
			for i := from; i < min(from+riverInsert, rows); i++ {
				jobs = append(jobs, queue.InsertManyParams{Args: chargeArgs{Row: bench.RowOf(name, i), Round: name}})
			}
			if _, err := client.InsertManyFast(ctx, jobs); err != nil {
				return fmt.Errorf("insert: %w", err)
			}
		}
		for w.charged.Load() < int64(rows) {
			time.Sleep(time.Millisecond)
		}
		// Jobs are noted as completed in batches, a moment after.
		for open := 1; open > 0; time.Sleep(5 * time.Millisecond) {
			if err := pool.QueryRow(ctx, "SELECT count(*) FROM river_job WHERE state <> 'completed'").Scan(&open); err != nil {
				return fmt.Errorf("count: %w", err)
			}
		}
		return nil
	})
	if stopped := client.Stop(context.WithoutCancel(ctx)); err == nil {
		err = stopped
	}
	return err
}
