package e2e

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// TestRunBrake: a run that goes wrong pauses itself, and sends nothing more until it is resumed. Then it goes on where it was.
func TestRunBrake(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		rows   func(s *runSite) []billed
		before func(s *runSite)
		change func(*client.RunParams)
		reason string
		code   string
		// most is how many rows have been sent by then at most.
		most   int
		resume client.RunOperation
		// history is the name under which the run's is recorded, if it is.
		history string
	}{
		{
			name: "more than 40 percent of the first 200 are declined",
			rows: func(s *runSite) []billed { return s.rows(300, spread(150, declinedRow)...) },
			// No other page begins before these have been judged.
			reason: workflows.RunReasonDeclineRate, most: 200,
		},
		{
			name: "20 in a row fail alike",
			rows: func(s *runSite) []billed {
				rows := s.rows(100)
				for i := 30; i < 55; i++ {
					rows[i].amount, rows[i].want = 20, activities.ChargeRefused
				}
				return rows
			},
			reason: workflows.RunReasonFailingAlike, code: "amount_too_small", most: 100,
		},
		{
			name: "Stripe does not know the key",
			rows: func(s *runSite) []billed { return s.rows(300) },
			before: func(s *runSite) {
				s.fault(stripesandbox.Fault{Method: http.MethodPost, Path: "/v1/payment_intents", Kind: stripesandbox.FaultAuth401, Skip: 50, Times: 10_000})
			},
			reason: workflows.RunReasonUnauthorized, most: 50,
		},
		{
			name: "the key may not charge", history: "billing_run_unauthorized",
			rows: func(s *runSite) []billed { return s.rows(60) },
			before: func(s *runSite) {
				s.fault(stripesandbox.Fault{Method: http.MethodPost, Path: "/v1/payment_intents", Kind: stripesandbox.Fault403, Skip: 10, Times: 10_000})
			},
			reason: workflows.RunReasonUnauthorized, most: 10,
		},
		{
			name: "the sum would pass its limit",
			rows: func(s *runSite) []billed {
				rows := s.rows(100)
				for i := range rows {
					rows[i].amount = 1000
				}
				return rows
			},
			change: func(p *client.RunParams) { p.PageSize, p.MaxTotal = 10, map[string]int64{"usd": 39_999, "eur": 1} },
			reason: workflows.RunReasonMaxTotal, code: "usd", most: 30,
			resume: client.RunOperation{MaxTotal: map[string]int64{"usd": 100_000}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newRunSite(t, siteOptions{withoutWeb: true})
			r := s.bill(test.rows(s))
			if test.change != nil {
				test.change(&r.RunParams)
			}
			if test.before != nil {
				test.before(s)
			}
			r.start()
			paused := r.standsStill(workflows.RunPaused, test.reason)
			require.Equal(t, test.code, paused.ReasonCode)
			sent := s.sends()
			require.LessOrEqual(t, r.charged(), test.most)
			// Those who were charged in vain hear nothing of it: it may be our own fault.
			for _, row := range r.rows {
				if row.want == declinedRow.want && s.sandbox.Ledger(row.reference).References[row.reference] != nil {
					s.becomes(row.reference, workflows.PaymentAwaitingCustomer)
					break
				}
			}
			require.Empty(t, r.mailed())
			require.Equal(t, sent, s.sends(), "something was sent while the run was paused")

			s.http(http.MethodDelete, s.sandbox.URL+"/_sandbox/faults", nil, "")
			op := runOperation()
			op.MaxTotal = test.resume.MaxTotal
			_, err := s.client.ResumeRun(t.Context(), r.Reference, op)
			require.NoError(t, err)
			shown := r.ends(workflows.RunCompleted, patience)
			report := r.accounts(shown)
			as(t, report)
			r.handedOver(report)
			require.Empty(t, r.mailed())
			for reference, did := range s.sandbox.Ledger("").References {
				require.Len(t, did.PaymentIntents, 1, reference)
			}
			if test.history != "" {
				recordFrom(t, s.temporal, workflows.BillingRunID(r.Reference), test.history)
			}
		})
	}
}

// mailed are the customers of the run that have got a message.
func (r *billingRun) mailed() []string {
	r.t.Helper()
	customers := map[string]bool{}
	for _, row := range r.rows {
		customers[row.customer] = true
	}
	var got []string
	for _, id := range slices.Sorted(maps.Keys(customers)) {
		address, _ := r.stripe(http.MethodGet, "/v1/customers/"+id, nil)["email"].(string)
		if len(stack.Mailbox.Mails(address)) > 0 {
			got = append(got, address)
		}
	}
	return got
}
