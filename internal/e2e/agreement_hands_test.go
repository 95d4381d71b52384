package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
)

// agreement describes one whose first charge is now and whose next date is 20 days ahead, with a policy of seconds.
func (s *site) agreement(reference, token string) client.AgreementParams {
	s.t.Helper()
	customer, method := s.customerWith(reference, token)
	policy := quick()
	return client.AgreementParams{
		Reference: reference, Customer: customer, PaymentMethod: method, Amount: 1099, Currency: "usd", Description: "Gym",
		TimeZone: "Europe/Berlin", Schedule: monthlyFrom(20), FirstCharge: workflows.FirstChargeNow, Policy: &policy,
	}
}

// monthlyFrom is a schedule whose first date is so many days ahead.
func monthlyFrom(days int) calendar.Schedule {
	return calendar.Schedule{Every: "month", Start: time.Now().AddDate(0, 0, days).UTC().Format(time.DateOnly)}
}

// agree starts an agreement.
func (s *site) agree(p client.AgreementParams) string {
	s.t.Helper()
	_, err := s.client.StartAgreement(s.t.Context(), p)
	require.NoError(s.t, err)
	return p.Reference
}

// agreed starts an agreement whose first charge is now.
func (s *site) agreed(token string) string {
	s.t.Helper()
	return s.agree(s.agreement(s.reference(), token))
}

// agreementHas waits until an agreement is as it should be.
func (s *site) agreementHas(reference string, check func(client.Agreement) error) client.Agreement {
	s.t.Helper()
	var a client.Agreement
	eventually(s.t, func() error {
		var err error
		if a, err = s.client.Agreement(s.t.Context(), reference); err != nil {
			return err
		}
		if err := check(a); err != nil {
			return fmt.Errorf("%w: %+v", err, a)
		}
		return nil
	})
	return a
}

// agreementIs waits until an agreement is in a state for a reason.
func (s *site) agreementIs(reference string, want workflows.AgreementState, reason string) client.Agreement {
	s.t.Helper()
	return s.agreementHas(reference, func(a client.Agreement) error {
		if a.State != want || a.Reason != reason {
			return fmt.Errorf("%s is %s (%s), not %s (%s)", reference, a.State, a.Reason, want, reason)
		}
		return nil
	})
}

// agreementEnds waits for an agreement's end.
func (s *site) agreementEnds(reference string, want workflows.AgreementState, reason string) client.Agreement {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	a, err := s.client.WaitAgreement(ctx, reference)
	require.NoError(s.t, err)
	require.Equal(s.t, want, a.State, "%+v", a)
	require.Equal(s.t, reason, a.Reason, "%+v", a)
	return a
}

// agreementLink waits until a customer is asked for a payment method, and answers where.
func (s *site) agreementLink(reference string) string {
	s.t.Helper()
	return s.agreementHas(reference, func(a client.Agreement) error {
		if a.Link == "" {
			return errNotYet
		}
		return nil
	}).Link
}

// latest waits until the last payment of an agreement is the number n (from 1), in a state, and answers it.
func (s *site) latest(reference string, n int, want workflows.AgreementPaymentState) workflows.AgreementPayment {
	s.t.Helper()
	a := s.agreementHas(reference, func(a client.Agreement) error {
		if len(a.Payments) != n || a.Payments[n-1].State != want {
			return fmt.Errorf("%s has no payment %d that is %s", reference, n, want)
		}
		return nil
	})
	return a.Payments[n-1]
}

// operation is one by hand, under a request id of its own.
func operation() client.AgreementOperation {
	return client.AgreementOperation{Actor: "e2e", Reason: "a test", RequestID: nextReference("request")}
}

// requireRefused checks that what was asked for was refused, and why.
func requireRefused(t *testing.T, err error, why string) {
	t.Helper()
	var refusal *client.RefusedError
	require.ErrorAs(t, err, &refusal)
	require.Contains(t, refusal.Message, why)
}

// chargeNow charges at once, and answers the payment's reference.
func (s *site) chargeNow(reference string) client.AgreementAnswer {
	s.t.Helper()
	answer, err := s.client.ChargeNow(s.t.Context(), reference, operation())
	require.NoError(s.t, err)
	require.True(s.t, strings.HasPrefix(answer.Payment, reference+"~now"), "%+v", answer)
	return answer
}

// intent is a PaymentIntent.
func (s *site) intent(id string) map[string]any {
	s.t.Helper()
	return s.stripe(http.MethodGet, "/v1/payment_intents/"+id, nil)
}

// runs counts an agreement's runs, one per cycle.
func (s *site) runs(reference string) int {
	t := s.t
	t.Helper()
	id, n := workflows.AgreementID(reference), 0
	for run := ""; ; n++ {
		description, err := temporal.DescribeWorkflowExecution(t.Context(), id, run)
		require.NoError(t, err)
		info := description.GetWorkflowExecutionInfo()
		if info.GetFirstRunId() == info.GetExecution().GetRunId() {
			return n + 1
		}
		history, err := historyOf(t.Context(), id, info.GetExecution().GetRunId())
		require.NoError(t, err)
		run = history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId()
	}
}
