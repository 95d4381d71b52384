package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/money"
)

// runs is what the commands need of the client.
type runs interface {
	Run(ctx context.Context, reference string) (client.Run, error)
}

func newRunShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show REFERENCE",
		Short: "Show where a run stands",
		Long: `Shows a run with its totals by outcome and currency, its pace and what operators asked for, and, when it stands still, why, and the
command that goes on. It asks the workflow once, whatever the run's size. The rows that did not succeed are payments of their own:
in the Temporal UI, OffsessionRun = "REFERENCE" lists them.`,
		Example: `  starter run show july-2026
  starter run show july-2026 --output json`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(func(c *client.Client) error {
				run, err := c.Run(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				shown := showRun(run)
				return a.answer(shown, func() string { return runText(shown) })
			})
		},
	}
}

func runText(s shownRun) string {
	text := fmt.Sprintf("Run %s: %s\n", s.Reference, s.stateText()) + facts(
		"why", s.Why,
		"goes on with", s.Command,
		"manifest", s.Manifest,
		"from schedule", s.Schedule,
		"rows", rowsText(s),
		"fingerprint", fingerprintOf(s.Run),
		"already used", lookedBackText(s.LookedBack),
		"done", doneText(s),
		"unattended", unattendedText(s),
		"pace", paceText(s),
		"remaining", remainingText(s.RemainingSeconds),
		"at most", totalsText(s.MaxTotal),
		"started", timeText(s.StartedAt, ""),
		"charging since", timeText(s.ChargingSince, ""),
		"ended", timeText(s.Run.EndedAt, ""),
		"next action", timeText(s.Run.NextActionAt, ""),
		"report", strings.Join(withoutEmpty(s.ReportCSV, s.ReportJSON), ", "),
		"not delivered", strings.Join(s.Undelivered, ", "),
	)
	if s.Summary != nil {
		text += problemsText(s.Summary.Problems, s.Summary.Rejected)
	}
	return text + outcomesText(s) + auditText(s.Audit, "")
}

func withoutEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(text string) bool { return text == "" })
}

func rowsText(s shownRun) string {
	if s.Summary == nil {
		return ""
	}
	text := fmt.Sprintf("%d, together %s", s.Summary.Rows, totalsText(s.Summary.Totals))
	if s.Summary.Rejected > 0 {
		text += fmt.Sprintf("; %d more are not allowed", s.Summary.Rejected)
	}
	return text
}

func fingerprintOf(run client.Run) string {
	if run.Summary == nil {
		return ""
	}
	return run.Summary.Fingerprint
}

func lookedBackText(found *activities.LookBackRunResult) string {
	if found == nil {
		return ""
	}
	return knownText(found.Found, found.Seen)
}

func doneText(s shownRun) string {
	if s.Rows == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d rows (%d %%), %s", s.RowsDone, s.Rows, percent(s.RowsDone, s.Rows), counted(s.PagesDone, "page"))
}

// unattendedText tells of rows with which nobody goes on.
func unattendedText(s shownRun) string {
	if s.Unattended == 0 {
		return ""
	}
	return counted(s.Unattended, "row") + " neither charged nor handed over to a payment that goes on: see the report"
}

func percent(part, whole int) int {
	if whole == 0 {
		return 0
	}
	return part * 100 / whole //nolint:mnd // per cent
}

func paceText(s shownRun) string {
	if s.Rate == 0 || s.State.Ended() {
		return ""
	}
	text := rateText(s.Rate)
	if s.WantedRate > s.Rate {
		text += " instead of " + rateText(s.WantedRate)
	}
	if s.RateLimited > 0 {
		text += fmt.Sprintf("; Stripe answered 429 (too many requests) %d times", s.RateLimited)
	}
	return text
}

// rateText is a pace with three digits: "14.2/s".
func rateText(rate float64) string { return fmt.Sprintf("%.3g/s", rate) }

func remainingText(seconds int) string {
	if seconds == 0 {
		return ""
	}
	return (time.Duration(seconds) * time.Second).String()
}

// totalsText is "$50,000.00 (5000000 usd), €2,000.00 (200000 eur)", by currency.
func totalsText(totals map[string]int64) string {
	parts := make([]string, 0, len(totals))
	for _, currency := range slices.Sorted(maps.Keys(totals)) {
		parts = append(parts, amountText(totals[currency], currency))
	}
	return strings.Join(parts, ", ")
}

// problemsText lists the problems that a run keeps of its manifest, which are the first ones, without values.
func problemsText(problems []client.ManifestProblem, rejected int) string {
	if len(problems) == 0 {
		return ""
	}
	var text strings.Builder
	text.WriteString("\nNot allowed in the manifest\n")
	for _, problem := range problems {
		text.WriteString("  " + problemPlace(problem) + ": " + problem.Rule + "\n")
	}
	if more := rejected - len(problems); more > 0 {
		fmt.Fprintf(&text, "  and %d more\n", more)
	}
	text.WriteString("  starter run validate lists all, with their values\n")
	return text.String()
}

// outcomesText is a table of rows and sums, by outcome and currency.
func outcomesText(s shownRun) string {
	currencies := slices.Sorted(maps.Keys(s.AmountByCurrency))
	rows := []string{strings.Join(append([]string{"  outcome", "rows"}, currencies...), "\t")}
	for _, outcome := range slices.SortedFunc(maps.Keys(s.Totals), byOutcome) {
		cells := []string{"  " + string(outcome), fmt.Sprint(s.Totals.Rows(outcome))}
		for _, currency := range currencies {
			cell := "-"
			if sum, ok := s.Totals[outcome][currency]; ok {
				cell = money.Format(sum.Amount, currency, "en")
			}
			cells = append(cells, cell)
		}
		rows = append(rows, strings.Join(cells, "\t"))
	}
	if len(rows) == 1 {
		return ""
	}
	return "\nRows\n" + table(rows...)
}

// byOutcome orders outcomes from the best to the worst.
func byOutcome(a, b activities.ChargeOutcome) int {
	place := func(o activities.ChargeOutcome) int {
		if n := slices.Index(runOutcomes, o); n >= 0 {
			return n
		}
		return len(runOutcomes)
	}
	if d := place(a) - place(b); d != 0 {
		return d
	}
	return strings.Compare(string(a), string(b))
}

// stateText is the state with its reason.
func (s shownRun) stateText() string { return stateText(string(s.State), s.Reason) }

// whyAndHow says in words why a run stands as it does, and the command that goes on; empty when it goes on by itself.
func whyAndHow(run client.Run) (why, command string) {
	const who = " --actor A --reason X"
	switch run.State {
	case workflows.RunValidating:
		if run.Reason == workflows.RunReasonManifestMissing {
			return "the manifest is not there yet; it is looked for until its deadline", ""
		}
		return "the manifest is read and checked, and Stripe is asked which references were used before", ""
	case workflows.RunAwaitingApproval:
		return "somebody must approve what it has read, within a week", fmt.Sprintf("starter run approve %s --fingerprint %s%s", run.Reference, fingerprintOf(run), who)
	case workflows.RunQueued:
		if run.WaitsFor == "" {
			return "another run goes first", ""
		}
		return fmt.Sprintf("run %s goes first", run.WaitsFor), ""
	case workflows.RunPaused, workflows.RunNeedsAttention:
		command = fmt.Sprintf("starter run resume %s%s", run.Reference, who)
		switch run.Reason {
		case workflows.RunReasonMaxTotal:
			command = fmt.Sprintf("starter run resume %s --max-total %s=AMOUNT%s", run.Reference, cmp.Or(run.ReasonCode, "CUR"), who)
		case workflows.RunReasonMaxTotalRequired:
			command = fmt.Sprintf("starter run resume %s --max-total CUR=AMOUNT%s", run.Reference, who)
		case client.ReasonWorkflowTerminated:
			command = fmt.Sprintf("starter run report %s", run.Reference)
		}
		return runReasonText(run), command
	case workflows.RunCompleted:
		switch {
		case run.Reason == workflows.RunReasonReportDiffers:
			return runReasonText(run), "starter run reconcile " + run.Reference
		case run.ReportCSV == "":
			return "its report could not be written; what it is made of is there", "starter run report " + run.Reference
		}
	case workflows.RunCharging, workflows.RunReporting, workflows.RunCanceled:
	}
	return runReasonText(run), ""
}

// runReasonText is a run's reason in words.
func runReasonText(run client.Run) string {
	switch run.Reason {
	case workflows.RunReasonOperator:
		return "an operator asked for it"
	case workflows.RunReasonUnauthorized:
		return withDetail("Stripe does not accept the workers' key for this (401 or 403): check STRIPE_API_KEY and its permissions, then resume", run.ReasonCode)
	case workflows.RunReasonFailingAlike:
		return fmt.Sprintf("%d rows in a row failed with %s, which is no decline: find its cause, then resume", activities.StreakLimit, dash(run.ReasonCode))
	case workflows.RunReasonDeclineRate:
		return "more of the last rows failed than max-decline-rate allows: look at them, then resume or cancel"
	case workflows.RunReasonMaxTotal:
		return fmt.Sprintf("the next page would pass the max-total of %s", cmp.Or(run.ReasonCode, "a currency"))
	case workflows.RunReasonMaxTotalRequired:
		return "with a live key every currency of the manifest needs a max-total"
	case workflows.RunReasonManifestMissing:
		return "there is no such manifest: put it there, where all workers can read it, then resume"
	case workflows.RunReasonManifestUnreadable:
		return withDetail("the manifest cannot be read: check its URL, the workers' credentials and the form of the file, then resume", run.ReasonCode)
	case workflows.RunReasonManifestInvalid:
		return "rows of the manifest are not allowed, and nothing was charged: correct the file, then resume; or cancel"
	case workflows.RunReasonFilesChanged:
		return "a file of the run is not any more what the run wrote: put it back, then resume; or cancel"
	case workflows.RunReasonFilesUnavailable:
		return "the run's files cannot be read or written, which is tried again by itself: mend the storage"
	case workflows.RunReasonPageFailed:
		return withDetail("a page could not be charged because of a fault of ours: see the workers' log, then resume", run.ReasonCode)
	case workflows.RunReasonPageSlow:
		return "a page is not done half an hour after it should be; the run goes on by itself when it is: do the workers run?"
	case workflows.RunReasonReportDiffers:
		return "its report does not add up to what it has counted, which only a fault of ours can cause: see the workers' log, and compare with Stripe"
	case workflows.RunReasonNotApproved:
		return "nobody approved it within a week"
	case client.ReasonWorkflowTerminated:
		return "its workflow did not end by itself; nobody charges the rest any more"
	}
	return run.Reason
}

func withDetail(text, detail string) string {
	if detail == "" {
		return text
	}
	return text + " (" + detail + ")"
}
