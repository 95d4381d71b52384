package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
)

// runsInput is a payment that a billing run hands over, whose customer is told nothing for half an hour.
func (b *bench) runsInput() workflows.CollectPaymentInput {
	in := paymentInput()
	in.Owner = workflows.BillingRunID("july")
	in = b.handOver(in)
	in.AttemptOne.MessagesFrom = b.start.Add(30 * time.Minute)
	return in
}

// customersTold are the messages to the customer, by the time since the start.
func (b *bench) customersTold() map[activities.NotificationKind]time.Duration {
	all := map[activities.NotificationKind]time.Duration{}
	for i, n := range b.stripe.deliveries {
		if _, again := all[n.Kind]; !again && n.Kind.ForCustomer() && !n.AppOnly {
			all[n.Kind] = b.stripe.delivered[i].Sub(b.start).Round(time.Minute)
		}
	}
	return all
}

// TestRunsExceptionsWaitWithTheirMessages: until the brake of the run has judged its rows, no customer hears of a failure. What has
// passed meanwhile is never told.
func TestRunsExceptionsWaitWithTheirMessages(t *testing.T) {
	t.Parallel()
	const needed, retry, action = activities.NotifyPaymentMethodNeeded, activities.NotifyPaymentRetryScheduled, activities.NotifyPaymentActionRequired
	type told = map[activities.NotificationKind]time.Duration
	tests := map[string]struct {
		script []answer
		before func(b *bench)
		end    workflows.PaymentState
		told   told
	}{
		"a retry is told later": {
			script: []answer{declinedWith("do_not_honor"), approved()}, end: workflows.PaymentPaid,
			told: told{retry: 30 * time.Minute, activities.NotifyPaymentRecovered: 3 * day},
		},
		"the customer is asked later": {
			script: []answer{declinedWith("stolen_card")}, end: workflows.PaymentUncollectible,
			told: told{needed: 30 * time.Minute, activities.NotifyPaymentUncollectible: 14 * day},
		},
		"the bank wants the customer": {
			script: []answer{authRequired()}, end: workflows.PaymentUncollectible,
			told: told{action: 30 * time.Minute, activities.NotifyPaymentUncollectible: 14 * day},
		},
		"asked later, over a continue-as-new": {
			script: []answer{declinedWith("stolen_card")}, end: workflows.PaymentUncollectible,
			before: func(b *bench) { b.continueAsNew(10 * time.Minute) },
			told:   told{needed: 30 * time.Minute, activities.NotifyPaymentUncollectible: 14 * day},
		},
		"canceled before: nobody hears of it": {
			script: []answer{declinedWith("stolen_card")}, end: workflows.PaymentCanceled,
			before: func(b *bench) { b.at(10*time.Minute, func() { b.update(cancel, workflows.Operation{}) }) },
			told:   told{},
		},
		"written off before: the app alone hears of it": {
			script: []answer{declinedWith("stolen_card")}, end: workflows.PaymentUncollectible,
			before: func(b *bench) { b.at(10*time.Minute, func() { b.update("write_off", workflows.Operation{}) }) },
			told:   told{},
		},
		"paid before by an operator's retry: nobody hears of it": {
			script: []answer{declinedWith("do_not_honor"), approved()}, end: workflows.PaymentPaid,
			before: func(b *bench) { b.at(10*time.Minute, func() { b.update("retry", workflows.Operation{}) }) },
			told:   told{},
		},
		"tried again before: the newer failure is told": {
			script: []answer{declinedWith("do_not_honor"), declinedWith("stolen_card")}, end: workflows.PaymentUncollectible,
			before: func(b *bench) { b.at(10*time.Minute, func() { b.update("retry", workflows.Operation{}) }) },
			told:   told{needed: 30 * time.Minute, activities.NotifyPaymentUncollectible: 14 * day},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.stripe.script = test.script
			if test.before != nil {
				test.before(b)
			}
			require.Equal(t, test.end, b.collect(b.runsInput()).State)
			got := b.customersTold()
			for kind, at := range test.told {
				require.Contains(t, got, kind)
				if at < day {
					require.Equal(t, at, got[kind], kind)
				} else {
					require.GreaterOrEqual(t, got[kind], at-day, kind)
				}
				delete(got, kind)
			}
			delete(got, needed) // after the first failure the policy may end with asking
			require.Empty(t, got)
			require.Empty(t, b.stripe.others.ended, "a run is not told")
		})
	}
}

// TestRunsRefusedRows: what is a final error of the charge activity elsewhere comes from a run as a refusal with a code, and needs
// the attention that the error would.
func TestRunsRefusedRows(t *testing.T) {
	t.Parallel()
	for code, reason := range map[string]string{
		activities.CodeCustomerMissing: workflows.ReasonCustomerDeleted,
		activities.CodeInvalidRequest:  workflows.ReasonInvalidRequest,
		"parameter_unknown":            workflows.ReasonInvalidRequest,
		"amount_too_small":             workflows.ReasonRefused,
	} {
		b := newBench(t)
		in := paymentInput()
		in.Owner = workflows.BillingRunID("july")
		in.AttemptOne = &workflows.AttemptOne{At: b.start, ChargeResult: activities.ChargeResult{
			Outcome: activities.ChargeRefused, Codes: activities.Codes{Code: code},
		}}
		b.expect(time.Hour, workflows.PaymentNeedsAttention, reason)
		b.stripe.script = []answer{approved()}
		if code == activities.CodeCustomerMissing {
			b.at(2*time.Hour, func() { b.update("write_off", workflows.Operation{}) })
			require.Equal(t, workflows.PaymentUncollectible, b.collect(in).State, code)
			require.Empty(t, b.stripe.sends)
			continue
		}
		b.at(2*time.Hour, func() { b.update("retry", workflows.Operation{}) })
		require.Equal(t, workflows.PaymentPaid, b.collect(in).State, code)
		require.Equal(t, chargeKeys("2"), b.stripe.keysSent(), "a new attempt, after a look-back")
	}
}
