package main

import (
	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

func newRunReport(a *app) *cobra.Command {
	var settled bool
	cmd := &cobra.Command{
		Use:   "report REFERENCE",
		Short: "Write the report of a run again",
		Long: `Joins what the pages of a run have written into its report beside the manifest, CSV and JSON, row by row: what became of each, and
totals by outcome and currency. A run writes its report itself at its end; this writes it again, or, while the run goes on, as far
as it is. The command reads and writes the run's files from this machine. --settled adds what has become, until now, of the
rows that were handed over to payments of their own.`,
		Example: `  starter run report july-2026
  starter run report july-2026 --settled --output json`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withClient(func(c *client.Client) error {
				report, err := c.WriteRunReport(cmd.Context(), client.RunReportParams{Reference: args[0], Settled: settled})
				if err != nil {
					return err
				}
				run, err := c.Run(cmd.Context(), args[0])
				if err != nil {
					a.note("note: %v", err)
					run.Reference = args[0]
				}
				run.Totals, run.ReportCSV, run.ReportJSON = report.Totals, report.CSV, report.JSON
				shown := showRun(run)
				shown.Rows = report.Rows
				return a.answer(shown, func() string { return reportText(shown) })
			})
		},
	}
	cmd.Flags().BoolVar(&settled, "settled", false, "add the present state of rows that were handed over; asks Temporal, and Stripe for those it has forgotten")
	return cmd
}

func reportText(s shownRun) string {
	return "Report of run " + s.Reference + ": " + s.stateText() + "\n" + facts("CSV", s.ReportCSV, "JSON", s.ReportJSON) + outcomesText(s)
}
