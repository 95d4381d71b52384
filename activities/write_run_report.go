package activities

import "context"

// WriteRunReport joins the results of the pages. Running it again writes it anew. Errors: ErrorRunFiles, retried.
func (b *BillingRuns) WriteRunReport(ctx context.Context, in WriteRunReportInput) (RunReport, error) {
	defer beat(ctx)()
	report, err := b.ports.RunFiles.WriteReport(ctx, ReportRequest{
		RunFile:   in.RunFile,
		CreatedAt: in.CreatedAt,
		EndedAt:   in.EndedAt,
		State:     in.State,
	})
	if err != nil {
		return RunReport{}, runFilesFailed(ctx, "write the report", err)
	}
	return report, nil
}
