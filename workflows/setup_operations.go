package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"
)

// handleMessages sets up the query and the Updates, before anything blocks.
func (s *savePaymentMethod) handleMessages(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, QueryStatus, s.status); err != nil {
		return fmt.Errorf("query %s: %w", QueryStatus, err)
	}
	if err := workflow.SetUpdateHandler(ctx, UpdateOpenCheckout, s.handleOpenCheckout); err != nil {
		return fmt.Errorf("update %s: %w", UpdateOpenCheckout, err)
	}
	err := workflow.SetUpdateHandlerWithOptions(ctx, UpdateCancel, s.handleCancel, workflow.UpdateHandlerOptions{
		Validator: func(_ workflow.Context, op Operation) error { return checkOperation(op) },
	})
	if err != nil {
		return fmt.Errorf("update %s: %w", UpdateCancel, err)
	}
	return nil
}

func (s *savePaymentMethod) handleOpenCheckout(ctx workflow.Context, in OpenCheckoutRequest) (OpenCheckoutResponse, error) {
	c := s.press(in)
	done, err := s.wait(ctx, c)
	if err != nil {
		return OpenCheckoutResponse{}, err
	}
	if !done {
		return OpenCheckoutResponse{Answer: CheckoutPending, State: string(s.st.State)}, nil
	}
	return c.answer, nil
}

func (s *savePaymentMethod) handleCancel(ctx workflow.Context, op Operation) (OperationResponse, error) {
	done, err := s.submit(ctx, &command{update: UpdateCancel, op: op})
	if err != nil {
		return OperationResponse{}, err
	}
	return OperationResponse{State: string(s.st.State), Pending: !done || !s.st.State.Ended()}, nil
}

// carryOut does what an Update asks for, in the main loop, and answers it.
func (s *savePaymentMethod) carryOut(ctx workflow.Context, c *command) {
	switch c.update {
	case UpdateOpenCheckout:
		s.openCheckout(ctx, c.open)
		c.answer = s.checkoutAnswer()
	case UpdateCancel:
		if !s.st.State.Ended() {
			s.restartPolls(ctx, s.in.Reference)
			s.endWhenClosed(ctx, SetupCanceled)
		}
		s.recordAudit(ctx, c, string(s.st.State))
	}
	c.done = true
}

// openCheckout re-reads the open session, and opens one when none is open.
func (s *savePaymentMethod) openCheckout(ctx workflow.Context, in OpenCheckoutRequest) {
	if s.st.State.Ended() {
		return
	}
	if in.ConsentVersion != "" {
		s.st.ConsentVersion = in.ConsentVersion
	}
	// The customer has come back: what became of the session decides. One opened just now has nothing to tell.
	if s.st.Session != "" && workflow.Now(ctx).After(s.st.OpenedAt) {
		s.st.Poll = 0
		s.poll(ctx)
	}
	inTime := workflow.Now(ctx).Before(s.deadline())
	if s.st.Session == "" && inTime && (s.st.State == SetupOpen || s.st.State == SetupNeedsAttention) {
		s.st.OpenDue = false
		s.openSession(ctx)
	}
}

// checkoutAnswer says what the customer can do in the present state.
func (s *savePaymentMethod) checkoutAnswer() OpenCheckoutResponse {
	r := OpenCheckoutResponse{State: string(s.st.State)}
	switch s.st.State {
	case SetupSaved:
		r.Answer = CheckoutDone
	case SetupAbandoned, SetupCanceled:
		r.Answer = CheckoutClosed
	case SetupVerifying:
		r.Answer = CheckoutProcessing
	case SetupNeedsAttention:
		r.Answer = CheckoutClosed
	case SetupOpen:
		r.Answer = CheckoutPending
		if s.st.Session != "" {
			r.Answer, r.SessionID = CheckoutReady, s.st.Session
		}
	}
	return r
}
