package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// dryRun is what a run would do, in JSON.
type dryRun struct {
	checkedManifest
	// Listed are the PaymentIntents that Stripe listed, Known the rows that they were made for, by what became of them.
	Listed int                  `json:"payment_intents_listed"`
	Known  activities.RunTotals `json:"known"`
	// ToCharge are the rows that are left; they take Seconds at Rate.
	ToCharge int     `json:"to_charge"`
	Rate     float64 `json:"rate"`
	Seconds  int     `json:"seconds"`
}

func (d dryRun) text() string {
	return d.checkedManifest.text(
		"already used", knownText(d.Known, d.Listed),
		"to charge", strings.Join(withoutEmpty(counted(d.ToCharge, "row"), remainingText(d.Seconds)), ", ")+" at "+rateText(d.Rate),
	) + "This was a dry run: nothing was written, started or charged\n"
}

// knownText says what Stripe had of the rows' references before.
func knownText(known activities.RunTotals, listed int) string {
	parts := []string{}
	rows := 0
	for _, outcome := range slices.SortedFunc(maps.Keys(known), byOutcome) {
		rows += known.Rows(outcome)
		parts = append(parts, fmt.Sprintf("%d %s", known.Rows(outcome), outcome))
	}
	if rows == 0 {
		return fmt.Sprintf("no row, by %s in Stripe", counted(listed, "PaymentIntent"))
	}
	return fmt.Sprintf("%s (%s), by %s in Stripe; not charged again", counted(rows, "row"), strings.Join(parts, ", "), counted(listed, "PaymentIntent"))
}

// dryRunner is what a dry run needs of the client.
type dryRunner interface {
	DryRun(ctx context.Context, p client.RunParams, watch client.ManifestWatch) (client.DryRun, error)
}

// dryRun prints what a run would do. Problems are a failure when the run would stop at them.
func (a *app) dryRun(ctx context.Context, c dryRunner, p client.RunParams) error {
	list := newProblemList(a)
	defer list.progress.clear()
	found, err := c.DryRun(ctx, p, list.watch())
	checked := checkedAs(p.Manifest, found.ManifestSummary, list.count)
	if _, invalid := errors.AsType[*client.InvalidError](err); invalid && list.count > 0 { // it cannot be read to its end
		return list.end(checked, func() string { return checked.text() })
	}
	if err != nil {
		return err
	}
	dry := dryRun{
		checkedManifest: checked,
		Listed:          found.Listed, Known: found.Known, ToCharge: found.ToCharge, Rate: found.Rate, Seconds: found.Seconds,
	}
	err = list.end(dry, dry.text)
	if p.OnInvalid == workflows.OnInvalidSkip && errors.Is(err, errProblems) && dry.Rejected > 0 {
		return nil
	}
	return err
}
