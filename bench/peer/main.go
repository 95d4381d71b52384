// Command peer is what the benchmark of billing runs compares with, each in a process of its own, and the Stripe that
// all of them charge at:
//
//	peer stub ADDRESS            answers like Stripe
//	peer bare STRIPE             32 goroutines that charge, without durability
//	peer river STRIPE POSTGRES   a job of River per charge
//
// The last two read rounds from standard input, "NAME ROWS" a line, charge so many rows, and answer a line.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	command := strings.Join(args[:min(1, len(args))], "")
	switch {
	case command == "stub" && len(args) == 2:
		return serveStub(ctx, args[1])
	case command == "bare" && len(args) == 2:
		charge, err := charger(args[1])
		if err != nil {
			return err
		}
		return rounds(os.Stdin, os.Stdout, func(name string, rows int) error { return bare(ctx, charge, name, rows) })
	case command == "river" && len(args) == 3:
		charge, err := charger(args[1])
		if err != nil {
			return err
		}
		return river(ctx, charge, args[2])
	}
	return errors.New("usage: peer stub ADDRESS | bare STRIPE | river STRIPE POSTGRES")
}

// chargeFunc charges a row of a round.
type chargeFunc func(ctx context.Context, round string, row bench.Row) error

// charger charges through the product's own gateway.
func charger(stripe string) (chargeFunc, error) {
	const key = "sk_test_bench"
	gateway, err := stripegateway.New(stripegateway.Config{APIKey: key, APIBase: stripe, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, round string, row bench.Row) error {
		intent, err := gateway.CreatePaymentIntent(ctx, row.Request(round))
		if err != nil {
			return err
		}
		if intent.Status != activities.PaymentIntentSucceeded {
			return fmt.Errorf("%s is %s", row.Reference, intent.Status)
		}
		return nil
	}, nil
}

// rounds does what is asked for until the input ends.
func rounds(in io.Reader, out io.Writer, do func(name string, rows int) error) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		name, number, _ := strings.Cut(lines.Text(), " ")
		rows, err := strconv.Atoi(number)
		if err != nil {
			return fmt.Errorf("round %q: %w", lines.Text(), err)
		}
		if err := do(name, rows); err != nil {
			return fmt.Errorf("round %s: %w", name, err)
		}
		if _, err := fmt.Fprintln(out, "done"); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
	return lines.Err()
}
