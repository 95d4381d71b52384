package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/offsession/offsession/workflows"
)

// How often a wait looks at a workflow's state: soon at first, since most payments end within seconds, then rarely.
const (
	firstLook  = 200 * time.Millisecond
	lastLook   = 15 * time.Second
	stripeLook = time.Minute
)

// Wait returns when the payment has ended, and how. A payment that is paid, uncollectible or canceled has ended, even
// while its last message to the customer is still being delivered. Give ctx a deadline: dunning takes weeks. The error is
// ErrNotFound when there is no such payment, and ctx's when it is done first.
func (c *Client) Wait(ctx context.Context, reference string) (Payment, error) {
	if err := checkKnownReference(reference); err != nil {
		return Payment{}, err
	}
	workflowID := workflows.PaymentID(reference)
	ended := func(state string) bool { return workflows.PaymentState(state).Ended() }
	for {
		err := c.waitEnded(ctx, workflowID, ended)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return Payment{}, err
		}
		payment, err := c.Payment(ctx, reference)
		if err != nil || payment.State.Ended() {
			return payment, err
		}
		// Stripe knows a payment that no workflow runs for.
		if err := sleep(ctx, stripeLook); err != nil {
			return Payment{}, err
		}
	}
}

// WaitSaved returns when saving the payment method has ended, and how. Give ctx a deadline: the customer has days. The
// error is ErrNotFound when nothing has that reference, and ctx's when it is done first.
func (c *Client) WaitSaved(ctx context.Context, reference string) (SavedPaymentMethod, error) {
	ended := func(state string) bool { return workflows.SetupState(state).Ended() }
	if err := c.waitEnded(ctx, workflows.SavePaymentMethodID(reference), ended); err != nil {
		return SavedPaymentMethod{}, err
	}
	saved, err := c.SavedPaymentMethod(ctx, reference)
	if err == nil && saved.Reason == ReasonWorkflowTerminated {
		err = fmt.Errorf("%s did not end by itself", saved.WorkflowID)
	}
	return saved, err
}

// waitEnded returns when the workflow has closed, or its state is an end. A workflow closes a little after its end, when
// its messages are delivered; its state is a search attribute, which can be looked at but not waited for.
func (c *Client) waitEnded(ctx context.Context, workflowID string, ended func(state string) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	temporal, err := c.connection.get(ctx)
	if err != nil {
		return err
	}
	closed := make(chan error, 1)
	go func() { closed <- temporal.GetWorkflow(ctx, workflowID, "").Get(ctx, nil) }()
	for pause := firstLook; ; pause = min(pause*2, lastLook) {
		select {
		case err := <-closed:
			return endedWith(ctx, workflowID, err)
		case <-time.After(pause):
		}
		description, err := temporal.DescribeWorkflow(ctx, workflowID, "")
		if err != nil {
			if isNotFound(err) {
				return fmt.Errorf("%s: %w", workflowID, ErrNotFound)
			}
			// The other watcher goes on, and says if Temporal is gone for good.
			continue
		}
		if state, ok := description.TypedSearchAttributes.GetKeyword(workflows.SearchState); ok && ended(state) {
			return nil
		}
	}
}

// endedWith says what the end of the watched workflow means.
func endedWith(ctx context.Context, workflowID string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("wait for %s: %w", workflowID, context.Cause(ctx))
	case isNotFound(err):
		return fmt.Errorf("%s: %w", workflowID, ErrNotFound)
	}
	return fmt.Errorf("%s did not end by itself: %w", workflowID, err)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
