package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/offsession/offsession/activities"
)

// DryRun is what a run would do.
type DryRun struct {
	ManifestSummary
	// Listed are the PaymentIntents that Stripe listed, and Known the rows whose reference one of them carries, by what became of
	// it: they are not charged again. Rejected there are rows whose reference was used with another customer, amount or currency.
	Listed int                  `json:"payment_intents_listed"`
	Known  activities.RunTotals `json:"known"`
	// ToCharge are the rows that are left, and Seconds the time that they take at Rate, in charges per second.
	ToCharge int     `json:"to_charge"`
	Rate     float64 `json:"rate"`
	Seconds  int     `json:"seconds"`
}

// DryRun reads the manifest of a run as the run would, asks Stripe which of its references were used before, and counts how long
// the rest will take. Nothing is written, and Temporal is not asked. It needs Options.RunFiles and Options.Account. Rows that are
// not allowed are no error: the summary counts them. Errors are those of StartRun, ValidateManifest and Stripe.
func (c *Client) DryRun(ctx context.Context, p RunParams, watch ManifestWatch) (DryRun, error) {
	in, err := c.checkedRun(p)
	if err != nil {
		return DryRun{}, err
	}
	if c.options.Account == nil {
		return DryRun{}, &RefusedError{Message: "a dry run asks Stripe what was charged before, and this client has no Stripe; set STRIPE_API_KEY, or Options.Account"}
	}
	request := activities.NormaliseRequest{RunFile: activities.RunFile{URL: in.Manifest, Run: in.Reference}, Problem: watch.Problem, Progress: watch.Rows}
	summary, err := c.readManifest(ctx, request)
	if err != nil {
		return DryRun{}, err
	}
	found, err := activities.LookBack(ctx, c.options.Account, activities.LookBackRequest{
		Rows: c.goodRows(ctx, request.RunFile), Since: time.Now().AddDate(0, 0, -in.LookBackDays), Progress: watch.Listed,
	})
	if err != nil {
		return DryRun{}, fmt.Errorf("look back over Stripe's PaymentIntents: %w", err)
	}
	dry := DryRun{ManifestSummary: summary, Listed: found.Seen, Known: found.Found, ToCharge: summary.Rows, Rate: cmp.Or(in.Rate, c.options.RunRate)}
	for outcome := range found.Found {
		dry.ToCharge -= found.Found.Rows(outcome)
	}
	dry.Seconds = int(math.Ceil(float64(dry.ToCharge) / dry.Rate))
	return dry, nil
}

// goodRows reads the rows of a manifest that are allowed. There is no copy of them: the manifest itself is read each time.
func (c *Client) goodRows(ctx context.Context, file activities.RunFile) iter.Seq2[activities.RunRow, error] {
	return func(yield func(activities.RunRow, error) bool) {
		enough := errors.New("not taken any more")
		_, err := c.readManifest(ctx, activities.NormaliseRequest{RunFile: file, Row: func(row activities.RunRow) error {
			if !yield(row, nil) {
				return enough
			}
			return nil
		}})
		if err != nil && !errors.Is(err, enough) {
			yield(activities.RunRow{}, err)
		}
	}
}
