package client

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/workflow/v1"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// RunReport says where a run's report is, and what it adds up to.
type RunReport = activities.RunReport

// RunReportParams asks for a report. Reference is required.
type RunReportParams struct {
	Reference string
	// Manifest is the URL of the run's manifest; only needed when Temporal does not know the run any more.
	Manifest string
	// Settled adds a column with the present state of the payments that the run handed over.
	Settled bool
	// Progress is called now and then with the rows written so far; may be nil.
	Progress func(rows int)
}

// WriteRunReport writes the run's report again, from what its pages wrote: this program must reach the run's files, and needs
// Options.RunFiles. Of a run that has not ended it says what was done so far. It can be called at any time, and replaces the
// report that is there. Of a run that Temporal does not know any more the report leaves out its state and times. The error is
// ErrNotFound when Temporal does not know the run and p.Manifest is empty.
func (c *Client) WriteRunReport(ctx context.Context, p RunReportParams) (RunReport, error) {
	request, err := c.reportOf(ctx, p)
	if err != nil {
		return RunReport{}, err
	}
	if c.options.RunFiles == nil {
		return RunReport{}, errWithoutRunFiles
	}
	if p.Settled {
		if request.Settled, err = c.settled(ctx, p.Reference); err != nil {
			return RunReport{}, err
		}
	}
	report, err := c.options.RunFiles.WriteReport(ctx, request)
	if errors.Is(err, activities.ErrManifestMissing) || errors.Is(err, activities.ErrManifestUnreadable) {
		return RunReport{}, &RefusedError{Message: fmt.Sprintf("the files of run %q cannot be read from here (%v); run this where the workers run", p.Reference, err)}
	}
	if err != nil {
		return RunReport{}, fmt.Errorf("write the report of run %q: %w", p.Reference, err)
	}
	return report, nil
}

// reportOf says which report is asked for.
func (c *Client) reportOf(ctx context.Context, p RunReportParams) (activities.ReportRequest, error) {
	run, err := c.Run(ctx, p.Reference)
	switch {
	case errors.Is(err, ErrNotFound) && p.Manifest != "":
		var i invalid
		checkManifest(&i, p.Manifest, p.Reference)
		return activities.ReportRequest{RunFile: activities.RunFile{URL: p.Manifest, Run: p.Reference}, Progress: p.Progress}, i.result()
	case err != nil:
		return activities.ReportRequest{}, err
	case run.Summary == nil && run.Reason != ReasonWorkflowTerminated:
		return activities.ReportRequest{}, &RefusedError{
			Message: fmt.Sprintf("run %q has no report yet: it is %s, and its manifest has not been read", p.Reference, run.State),
		}
	}
	return activities.ReportRequest{
		RunFile:   activities.RunFile{URL: run.Manifest, Run: run.Reference},
		CreatedAt: run.StartedAt, EndedAt: run.EndedAt, State: string(run.State), Progress: p.Progress,
	}, nil
}

// settledNotFound is the state of a payment that neither Temporal nor Stripe knows.
const settledNotFound = "not_found"

// settled answers the present states of a run's payments. Visibility lists those that have ended, many at a time, and an end
// stays; the others are asked one by one.
func (c *Client) settled(ctx context.Context, run string) (func(context.Context, string) (string, error), error) {
	type payment struct{ reference, state string }
	ended := make(map[string]string)
	query := fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Completed' AND %s = '%s'", workflows.TypeCollectPayment, workflows.SearchRun.GetName(), run)
	for p, err := range list(ctx, c, "the run's payments", query, nil, func(execution *workflow.WorkflowExecutionInfo) payment {
		p := payment{reference: workflows.ReferenceOf(execution.GetExecution().GetWorkflowId())}
		readSearchAttribute(execution, workflows.SearchState, &p.state)
		return p
	}) {
		if err != nil {
			return nil, err
		}
		if workflows.PaymentState(p.state).Ended() {
			ended[p.reference] = p.state
		}
	}
	return func(ctx context.Context, reference string) (string, error) {
		if state, ok := ended[reference]; ok {
			return state, nil
		}
		return c.paymentState(ctx, reference)
	}, nil
}

// paymentState is a payment's present state: its workflow's, or what Stripe knows of one that Temporal has forgotten.
func (c *Client) paymentState(ctx context.Context, reference string) (string, error) {
	description, found, err := c.describe(ctx, workflows.PaymentID(reference))
	switch {
	case err != nil:
		return "", err
	case found && unclean(description.Status):
		payment, err := c.terminatedPayment(ctx, reference)
		return string(payment.State), err
	case found:
		state, _ := description.TypedSearchAttributes.GetKeyword(workflows.SearchState)
		return state, nil
	case c.options.Stripe == nil:
		return "", &RefusedError{Message: fmt.Sprintf("payment %q has left Temporal's retention, and this client cannot ask Stripe", reference)}
	}
	payment, err := c.paymentFromStripe(ctx, reference)
	if errors.Is(err, ErrNotFound) {
		return settledNotFound, nil
	}
	return string(payment.State), err
}
