package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/workflows"
)

// RunFinding is one thing that Stripe has otherwise than a run's report, or that became of a payment since.
type RunFinding = activities.RunFinding

// ReconcileParams asks to compare a run's report with Stripe. Reference is required.
type ReconcileParams struct {
	Reference string
	// Manifest is the URL of the run's manifest; only needed when Temporal does not know the run any more.
	Manifest string
	// Since is from when on Stripe's PaymentIntents are listed. Defaults to the run's start, and for rows that it found charged
	// before, to the beginning of its look-back. Required when Temporal does not know the run any more.
	Since time.Time
	// Progress is called now and then with the PaymentIntents listed and the rows compared so far; may be nil.
	Progress func(paymentIntents, rows int)
	// Finding is called for each; may be nil. Its error ends the comparison.
	Finding func(RunFinding) error
}

// Reconciled is the sum of a comparison. The report is right when Differences is 0.
type Reconciled struct {
	Reference string `json:"reference"`
	Manifest  string `json:"manifest"`
	// Since is from when on Stripe's PaymentIntents were listed, UTC.
	Since time.Time `json:"since"`
	activities.RunReconciled
}

// startSlack is how far Stripe's clock may be behind Temporal's.
const startSlack = time.Hour

// ReconcileRun compares the report of a run that has ended with Stripe's own PaymentIntents, row by row, and names every
// difference. It changes nothing, holds 16 bytes per row, and lists all PaymentIntents that the account has made since the run
// began: 100 per request. This program must reach the run's files, and needs Options.RunFiles and Options.Stripe.
//
// Payments that the run handed over and that were paid since, and refunds, are findings and no differences. The error is
// ErrNotFound when Temporal does not know the run and p.Manifest is empty.
func (c *Client) ReconcileRun(ctx context.Context, p ReconcileParams) (Reconciled, error) {
	switch {
	case c.options.RunFiles == nil:
		return Reconciled{}, errWithoutRunFiles
	case c.options.Stripe == nil:
		return Reconciled{}, &RefusedError{Message: "this client cannot ask Stripe: it was made without Options.Stripe"}
	}
	out := Reconciled{Reference: p.Reference, Manifest: p.Manifest, Since: p.Since}
	adoptedSince := p.Since
	run, err := c.Run(ctx, p.Reference)
	switch {
	case err == nil:
		if err := reportable(run); err != nil {
			return Reconciled{}, err
		}
		out.Manifest = run.Manifest
		if p.Since.IsZero() {
			lookBack, err := c.lookBackOf(ctx, run)
			if err != nil {
				return Reconciled{}, err
			}
			out.Since = run.StartedAt.Add(-startSlack)
			adoptedSince = out.Since.AddDate(0, 0, -lookBack)
		}
	case !errors.Is(err, ErrNotFound) || p.Manifest == "":
		return Reconciled{}, err
	case p.Since.IsZero():
		var i invalid
		i.add("since", "", "required, because Temporal does not know the run any more: when it was started, or before")
		return Reconciled{}, i.result()
	}

	file := activities.RunFile{URL: out.Manifest, Run: p.Reference}
	out.RunReconciled, err = activities.ReconcileRun(ctx, c.options.Stripe, c.options.Stripe, activities.ReconcileRequest{
		Owner: workflows.BillingRunID(p.Reference), Rows: c.options.RunFiles.Results(ctx, file),
		Since: out.Since, AdoptedSince: adoptedSince, Progress: p.Progress, Finding: p.Finding,
	})
	if errors.Is(err, activities.ErrManifestMissing) || errors.Is(err, activities.ErrManifestUnreadable) {
		return Reconciled{}, &RefusedError{Message: fmt.Sprintf("the files of run %q cannot be read from here (%v); run this where the workers run", p.Reference, err)}
	}
	if err != nil {
		return Reconciled{}, fmt.Errorf("reconcile run %q: %w", p.Reference, err)
	}
	return out, nil
}

// reportable refuses a run whose report is not complete yet.
func reportable(run Run) error {
	switch {
	case run.Reason == ReasonWorkflowTerminated:
		return nil
	case !run.State.Ended():
		return &RefusedError{Message: fmt.Sprintf("run %q is %s: its report can be compared when it has ended", run.Reference, run.State)}
	case run.Summary == nil:
		return &RefusedError{Message: fmt.Sprintf("run %q has no report: its manifest was never read", run.Reference)}
	}
	return nil
}

// lookBackOf is how many days the run looked back.
func (c *Client) lookBackOf(ctx context.Context, run Run) (int, error) {
	description, found, err := c.describe(ctx, run.WorkflowID)
	if err != nil || !found {
		return starts.RunDefaults().LookBackDays, err
	}
	input, err := starts.FirstIn(description.Memo)
	if err != nil {
		return 0, notOurs(run.WorkflowID, err)
	}
	days := starts.RunDefaults().LookBackDays
	if text, ok := input["look_back_days"]; ok {
		if err := json.Unmarshal(text, &days); err != nil {
			return 0, fmt.Errorf("read the memo of %s: %w", run.WorkflowID, err)
		}
	}
	return days, nil
}
