package workflows_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
)

// TestAgreementCarriesLittle fills everything that an agreement remembers, with the longest that is allowed: what it
// carries over stays small, and only what is in the log as well is dropped for it.
func TestAgreementCarriesLittle(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		op    workflows.AgreementOperation
		audit int
	}{
		"longest texts": {
			op:    workflows.AgreementOperation{Actor: strings.Repeat("<", 80), Reason: strings.Repeat("\u2028", 200)},
			audit: 1,
		},
		"usual texts": {
			op:    workflows.AgreementOperation{Actor: "support-desk-17", Reason: "customer asked for a break, ticket 4711"},
			audit: 12,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newAgreementBench(t)
			b.stripe.idDigits = 24
			b.stripe.notifyFail = &activities.UndeliverableError{Reason: "receiver is gone"}
			in := agreementInput()
			in.Reference = strings.Repeat("g", 100)
			in.Amount, in.MaxAmountPerMonth = 99_999_999, 999_999_999_999
			in.Schedule = calendar.Schedule{Every: "day", SubDaily: true, Start: "2026-02-01"}
			b.disputedTenTimes(test.op)
			onHold := b.collectsTwenty(in.Reference)
			b.asked(onHold, test.op)
			b.continueAsNew(onHold + 10*day)
			b.at(onHold+11*day, func() { b.operate(workflows.UpdateCancel, "cancel", test.op) })
			b.agree(in)

			var carried struct {
				Seen, Audit, Payments, Open, Disputed, Requests []any
			}
			require.NoError(t, json.Unmarshal(b.state, &carried)) //nolint:musttag // an answeredRequest is packed as text
			require.Len(t, carried.Seen, 50)
			require.Len(t, carried.Payments, 12)
			require.Len(t, carried.Open, 20)
			require.Len(t, carried.Disputed, 10)
			require.Len(t, carried.Requests, 50)
			require.GreaterOrEqual(t, len(carried.Audit), test.audit)
			t.Logf("at most %d bytes, %d entries of the audit trail", b.largestState, len(carried.Audit))
			require.Less(t, b.largestState, carriedMost)
		})
	}
}

// requestID is as long as they may be.
func requestID(name string, i int) string {
	return fmt.Sprintf("%s-%0*d", name, 63-len(name), i)
}

// disputedTenTimes has ten payments made at once, and all of them disputed.
func (b *agreementBench) disputedTenTimes(op workflows.AgreementOperation) {
	for i := range 10 {
		at := time.Duration(i+1) * day
		b.at(at, func() { b.operate(workflows.UpdateChargeNow, requestID("now", i), op) })
		b.at(at+time.Hour, func() {
			id := b.stripe.dispute(b.stripe.order[0])
			b.signal("evt_"+id, "charge.dispute.created", id)
		})
		b.at(at+2*time.Hour, func() { b.operate(workflows.UpdateResume, requestID("resume", i), op) })
	}
}

// collectsTwenty has payments of every day declined, until twenty are open, and tells when they are. The last ones before
// have become uncollectible.
func (b *agreementBench) collectsTwenty(reference string) time.Duration {
	begin := b.day("2026-01-31")
	const days = 19 + 12 + 1
	b.at(begin, func() {
		b.stripe.edit(func() {
			for range days {
				b.stripe.script = append(b.stripe.script, declinedWith("insufficient_funds"))
			}
		})
	})
	for i := range 12 {
		at := begin + time.Duration(20+i)*day
		b.at(at, func() {
			last := b.family.order[len(b.family.order)-1]
			require.Contains(b, last, reference)
			b.family.ends(workflows.PaymentEnded{
				Reference: last, State: workflows.PaymentUncollectible, DeclineCode: strings.Repeat("x", 32),
			}, false)
		})
	}
	b.expectState(begin+(days+2)*day, workflows.AgreementOnHold, "")
	return begin + (days+3)*day
}

// asked sends more Updates and events than are remembered.
func (b *agreementBench) asked(from time.Duration, op workflows.AgreementOperation) {
	for i := range 60 {
		at := from + time.Duration(i)*time.Hour
		b.at(at, func() {
			op.Until = b.env.Now().Add(day)
			b.operate(workflows.UpdatePause, requestID("pause", i), op)
			b.signal(fmt.Sprintf("evt_%024d", i), "customer.updated", "cus_1")
		})
	}
}
