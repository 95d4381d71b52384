package main

import (
	"time"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
)

// runCounts are the rows of a run by outcome, in JSON. Scripts find every documented key in it.
type runCounts struct {
	// Rows are all rows of the manifest, those that are not allowed included; RowsDone have an outcome.
	Rows          int `json:"rows"`
	RowsDone      int `json:"rows_done"`
	Succeeded     int `json:"succeeded"`
	Declined      int `json:"declined"`
	Refused       int `json:"refused"`
	NeedsCustomer int `json:"needs_customer"`
	Processing    int `json:"processing"`
	Unknown       int `json:"unknown"`
	Canceled      int `json:"canceled"`
	Rejected      int `json:"rejected"`
	NotCharged    int `json:"not_charged"`
	// AmountByCurrency has, by currency, the total of the manifest's good rows and the sum of each outcome, in minor units.
	AmountByCurrency map[string]map[string]int64 `json:"amount_by_currency"`
}

// runOutcomes are the outcomes that rows can have, from the best to the worst.
var runOutcomes = []activities.ChargeOutcome{
	activities.ChargeSucceeded, activities.ChargeProcessing, activities.ChargeNeedsCustomer, activities.ChargeDeclined, activities.ChargeRefused,
	activities.ChargeUnknown, activities.ChargeCanceled, activities.RowRejected, activities.RowNotCharged,
}

func countRows(summary *client.ManifestSummary, totals activities.RunTotals) runCounts {
	counts := runCounts{
		Succeeded: totals.Rows(activities.ChargeSucceeded), Declined: totals.Rows(activities.ChargeDeclined), Refused: totals.Rows(activities.ChargeRefused),
		NeedsCustomer: totals.Rows(activities.ChargeNeedsCustomer), Processing: totals.Rows(activities.ChargeProcessing), Unknown: totals.Rows(activities.ChargeUnknown),
		Canceled: totals.Rows(activities.ChargeCanceled), Rejected: totals.Rows(activities.RowRejected), NotCharged: totals.Rows(activities.RowNotCharged),
		AmountByCurrency: map[string]map[string]int64{},
	}
	sums := func(currency string) map[string]int64 {
		if counts.AmountByCurrency[currency] == nil {
			all := map[string]int64{"total": 0}
			for _, outcome := range runOutcomes {
				all[string(outcome)] = 0
			}
			counts.AmountByCurrency[currency] = all
		}
		return counts.AmountByCurrency[currency]
	}
	for outcome, byCurrency := range totals {
		counts.RowsDone += totals.Rows(outcome)
		for currency, total := range byCurrency {
			if currency != "" { // rows whose currency is none
				sums(currency)[string(outcome)] += total.Amount
			}
		}
	}
	counts.RowsDone -= counts.NotCharged
	if summary == nil {
		return counts
	}
	counts.Rows = summary.Rows + summary.Rejected
	counts.Rejected = max(counts.Rejected, summary.Rejected)
	for currency, total := range summary.Totals {
		sums(currency)["total"] = total
	}
	return counts
}

// shownRun is a run in JSON.
type shownRun struct {
	client.Run
	runCounts
	Reason  string               `json:"reason"`
	EndedAt *time.Time           `json:"ended_at"`
	Totals  activities.RunTotals `json:"totals"`
	// NextActionAt is null when the run does nothing by itself.
	NextActionAt *time.Time `json:"next_action_at"`
	// Why says in words why it stands as it does, Command what goes on; empty when it goes on by itself.
	Why     string `json:"why,omitempty"`
	Command string `json:"command,omitempty"`
	// Pending says that an operation goes on: pages under way finish first.
	Pending bool `json:"pending,omitempty"`
}

func showRun(run client.Run) shownRun {
	s := shownRun{
		Run: run, runCounts: countRows(run.Summary, run.Totals), Reason: run.Reason, EndedAt: unlessZero(run.EndedAt),
		Totals: run.Totals, NextActionAt: unlessZero(run.NextActionAt),
	}
	if s.Totals == nil {
		s.Totals = activities.RunTotals{}
	}
	s.Why, s.Command = whyAndHow(run)
	return s
}

// answered puts an operation's answer in place of what was read after it.
func (s shownRun) answered(answer client.RunAnswer) shownRun {
	if s.State != answer.State {
		s.State, s.Reason, s.Why, s.Command = answer.State, "", "", ""
	}
	s.Pending = answer.Pending
	return s
}
