package client

import (
	"context"
	"regexp"
	"strings"

	sdk "go.temporal.io/sdk/client"

	"github.com/offsession/offsession/workflows"
)

// RunOperation says who asks for a change of a run and why; both are required and must not hold personal data. The other fields
// are for the operations that need them.
type RunOperation = workflows.RunOperation

// RunAnswer says where the run stands after an operation. Pending means that pages under way finish first.
type RunAnswer = workflows.RunResponse

// fingerprintForm is what a person may copy of a fingerprint.
var fingerprintForm = regexp.MustCompile(`^[0-9a-f]{12,64}$`)

// ApproveRun lets a run that awaits approval charge what op.Fingerprint names: the SHA-256 of the manifest's rows, or at least
// its first 12 characters. It is refused when that is not what the run has read. A second call changes nothing.
func (c *Client) ApproveRun(ctx context.Context, reference string, op RunOperation) (RunAnswer, error) {
	var i invalid
	fingerprint := strings.ToLower(op.Fingerprint)
	if !fingerprintForm.MatchString(fingerprint) {
		i.add("fingerprint", op.Fingerprint, "must be the fingerprint that the run shows, or at least its first 12 characters")
	}
	return c.operateRun(ctx, reference, workflows.UpdateApprove, op, RunOperation{Fingerprint: fingerprint}, &i)
}

// SetRunRate changes the pace to op.Rate charges per second, from the next pages on. It is refused above what the worker's
// STRIPE_RATE_LIMIT leaves for runs.
func (c *Client) SetRunRate(ctx context.Context, reference string, op RunOperation) (RunAnswer, error) {
	var i invalid
	checkRate(&i, op.Rate)
	return c.operateRun(ctx, reference, workflows.UpdateSetRate, op, RunOperation{Rate: op.Rate}, &i)
}

// PauseRun stops the run until ResumeRun: no further page begins, and pages under way finish. A second call changes nothing.
func (c *Client) PauseRun(ctx context.Context, reference string, op RunOperation) (RunAnswer, error) {
	return c.operateRun(ctx, reference, workflows.UpdatePause, op, RunOperation{}, new(invalid))
}

// ResumeRun goes on after a pause, or after a person has mended what the run could not go on with; a manifest that could not be
// read, or was not allowed, is read again. op.MaxTotal replaces the run's for the currencies in it.
func (c *Client) ResumeRun(ctx context.Context, reference string, op RunOperation) (RunAnswer, error) {
	var i invalid
	totals := lowerCurrencies(op.MaxTotal)
	checkMaxTotal(&i, totals)
	return c.operateRun(ctx, reference, workflows.UpdateResume, op, RunOperation{MaxTotal: totals}, &i)
}

// CancelRun ends the run: pages that are being charged finish, and the rest is reported as not charged. Payments that the run has
// handed over go on by themselves. It refunds nothing.
func (c *Client) CancelRun(ctx context.Context, reference string, op RunOperation) (RunAnswer, error) {
	return c.operateRun(ctx, reference, workflows.UpdateCancel, op, RunOperation{}, new(invalid))
}

// operateRun sends an Update with who and why from op, and the rest from argument; i has the mistakes found so far.
func (c *Client) operateRun(ctx context.Context, reference, update string, op, argument RunOperation, i *invalid) (RunAnswer, error) {
	if err := checkKnownRun(reference); err != nil {
		return RunAnswer{}, err
	}
	checkWho(i, op.Actor, op.Reason)
	if err := i.result(); err != nil {
		return RunAnswer{}, err
	}
	argument.Actor, argument.Reason = op.Actor, op.Reason
	var answer RunAnswer
	err := c.update(ctx, sdk.UpdateWorkflowOptions{WorkflowID: workflows.BillingRunID(reference), UpdateName: update, Args: []any{argument}}, &answer)
	return answer, err
}

// checkKnownRun checks the reference of a run that exists; those that schedules make are as callers'.
func checkKnownRun(reference string) error {
	var i invalid
	i.err("reference", reference, workflows.CheckRunReference(reference))
	return i.result()
}
