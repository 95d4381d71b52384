package main

import (
	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

func newRunReport(a *app) *cobra.Command {
	var p client.RunReportParams
	cmd := &cobra.Command{
		Use:   "report REFERENCE",
		Short: "Write the report of a run again",
		Long: `Joins what the pages of a run have written into its report beside the manifest, CSV and JSON, row by row: what became of each, and
totals by outcome and currency. A run writes its report itself at its end; this writes it again, or, while the run goes on, as far
as it is. The command reads and writes the run's files from this machine. --settled adds what has become, until now, of the
rows that were handed over to payments of their own. When Temporal does not know the run any more, --manifest says where its
files are.`,
		Example: `  starter run report july-2026
  starter run report july-2026 --settled --output json
  starter run report july-2026 --manifest s3://bucket/july.csv`,
		Args: oneReference,
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Reference = args[0]
			if p.Manifest != "" {
				var err error
				if p.Manifest, err = manifestURL(p.Manifest); err != nil {
					return err
				}
			}
			return a.withClient(func(c *client.Client) error {
				report, err := c.WriteRunReport(cmd.Context(), p)
				if err != nil {
					return err
				}
				run, err := c.Run(cmd.Context(), p.Reference)
				if err != nil {
					a.note("note: %v; the report is made of the run's files alone", err)
					run.Reference, run.Manifest, run.WorkflowID = p.Reference, p.Manifest, workflows.BillingRunID(p.Reference)
				}
				run.Totals, run.ReportCSV, run.ReportJSON = report.Totals, report.CSV, report.JSON
				shown := showRun(run)
				shown.Rows = report.Rows
				return a.answer(shown, func() string { return reportText(shown) })
			})
		},
	}
	cmd.Flags().StringVar(&p.Manifest, "manifest", "", "the run's manifest, when Temporal does not know the run any more")
	cmd.Flags().BoolVar(&p.Settled, "settled", false, "add the present state of rows that were handed over; asks Temporal, and Stripe for those it has forgotten")
	return cmd
}

func reportText(s shownRun) string {
	title := "Report of run " + s.Reference
	if s.State != "" {
		title += ": " + s.stateText()
	}
	return title + "\n" + facts("CSV", s.ReportCSV, "JSON", s.ReportJSON) + outcomesText(s)
}
