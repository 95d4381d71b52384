package client

import (
	"encoding/csv"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/manifest"
	"github.com/offsession/offsession/workflows"
)

// chargedRun has a manifest of four good rows and two that are not allowed, in pages of two rows: the first page is charged, one
// row of it was handed over.
func chargedRun(t *testing.T) (url string, summary activities.ManifestSummary) {
	t.Helper()
	url = manifestFile(t, "july.csv", julyCSV+"inv-6,cus_6,,900,usd\n")
	files, file := manifest.New(), activities.RunFile{URL: url, Run: "july-2026"}
	summary, err := files.Normalise(t.Context(), activities.NormaliseRequest{RunFile: file, PageSize: 2})
	require.NoError(t, err)
	require.NoError(t, files.WriteKnown(t.Context(), file, func(func(activities.KnownRow, error) bool) {}))
	pages, err := files.Pages(t.Context(), file, 0, 10)
	require.NoError(t, err)
	require.Len(t, pages, 2)
	rows, err := files.Rows(t.Context(), file, pages[0])
	require.NoError(t, err)
	require.NoError(t, files.WriteResults(t.Context(), file, pages[0], []activities.RowResult{
		{Row: 0, RunRow: rows[0], Outcome: activities.ChargeSucceeded, PaymentIntent: "pi_1", ChargedMethod: "pm_1"},
		{Row: 1, RunRow: rows[1], Outcome: activities.ChargeDeclined, PaymentIntent: "pi_2", Codes: activities.Codes{DeclineCode: "insufficient_funds"}, HandedOver: true},
	}))
	return url, summary
}

// column reads a report's column by reference.
func column(t *testing.T, report, name string) map[string]string {
	t.Helper()
	u, err := url.Parse(report)
	require.NoError(t, err)
	file, err := os.Open(filepath.FromSlash(u.Path))
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	records, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	at := -1
	for i, header := range records[0] {
		if header == name {
			at = i
		}
	}
	require.GreaterOrEqual(t, at, 0, "no column %s", name)
	values := map[string]string{}
	for _, record := range records[1:] {
		if record[2] != "" {
			values[record[2]+"@"+record[1]] = record[at]
		}
	}
	return values
}

func TestWriteRunReport(t *testing.T) {
	t.Parallel()
	july, summary := chargedRun(t)
	b := setup(t, withRunFiles)
	b.answers(t, julyID, workflows.RunStatus{Reference: "july-2026", State: workflows.RunPaused, Manifest: july, Summary: &summary, StartedAt: noon})
	report, err := b.WriteRunReport(t.Context(), RunReportParams{Reference: "july-2026"})
	require.NoError(t, err)
	require.Equal(t, 6, report.Rows)
	require.Equal(t, activities.RunTotal{Rows: 1, Amount: 1000}, report.Totals[activities.ChargeSucceeded]["usd"])
	require.Equal(t, activities.RunTotal{Rows: 1, Amount: 900}, report.Totals[activities.RowNotCharged]["usd"], "of a run that goes on, what is not done yet")
	require.Equal(t, 2, report.Totals.Rows(activities.RowRejected))
	outcomes := column(t, report.CSV, "outcome")
	require.Equal(t, "succeeded", outcomes["inv-1@2"])
	require.Equal(t, "declined", outcomes["inv-2@3"])
	require.Equal(t, "rejected", outcomes["inv-3@4"])
	require.Equal(t, "not_charged", outcomes["inv-6@7"])

	again, err := b.WriteRunReport(t.Context(), RunReportParams{Reference: "july-2026"})
	require.NoError(t, err)
	require.Equal(t, report, again)
}

func TestWriteRunReportOfATerminatedRun(t *testing.T) {
	t.Parallel()
	july, _ := chargedRun(t)
	options, _ := startRun(t, setup(t), runParams(func(p *RunParams) { p.Manifest = july }))
	b := setup(t, withRunFiles)
	b.terminated(t, julyID, options.Memo[workflows.MemoInput], "charging")
	report, err := b.WriteRunReport(t.Context(), RunReportParams{Reference: "july-2026"})
	require.NoError(t, err)
	require.Equal(t, 6, report.Rows)
}

// When the retention is over, the files are all that is left of a run.
func TestWriteRunReportOfAForgottenRun(t *testing.T) {
	t.Parallel()
	july, _ := chargedRun(t)
	b := setup(t, withRunFiles)
	b.queried(julyID).Return(nil, errNotFound)
	report, err := b.WriteRunReport(t.Context(), RunReportParams{Reference: "july-2026", Manifest: july})
	require.NoError(t, err)
	require.Equal(t, 6, report.Rows)
	require.Equal(t, "succeeded", column(t, report.CSV, "outcome")["inv-1@2"])
	u, err := url.Parse(report.JSON)
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.FromSlash(u.Path))
	require.NoError(t, err)
	var head map[string]any
	require.NoError(t, json.Unmarshal(text, &head))
	require.NotContains(t, head, "state")
	require.NotContains(t, head, "created_at")

	_, err = b.WriteRunReport(t.Context(), RunReportParams{Reference: "july-2026", Manifest: "gs://bucket/july.csv"})
	require.ErrorAs(t, err, new(*InvalidError))
	other := setup(t, withRunFiles)
	other.queried("billing-run:june-2026").Return(nil, errNotFound)
	_, err = other.WriteRunReport(t.Context(), RunReportParams{Reference: "june-2026", Manifest: july})
	require.ErrorIs(t, err, activities.ErrRunFileChanged, "no files of such a run are there")
}

// What has become of a row that was handed over: visibility knows payments that have ended, their workflows those that go on, and
// Stripe those that Temporal has forgotten.
func TestWriteRunReportSettled(t *testing.T) {
	t.Parallel()
	july, summary := chargedRun(t)
	listed := func(state string) *workflowservice.ListWorkflowExecutionsResponse {
		return &workflowservice.ListWorkflowExecutionsResponse{Executions: []*workflowpb.WorkflowExecutionInfo{{
			Execution: &commonpb.WorkflowExecution{WorkflowId: "payment:inv-2"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED,
			SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{"OffsessionState": payload(t, state)}},
		}}}
	}
	none := &workflowservice.ListWorkflowExecutionsResponse{}
	for _, test := range []struct {
		name  string
		list  *workflowservice.ListWorkflowExecutionsResponse
		setup func(*testing.T, bundle)
		want  string
	}{
		{"Ended", listed("paid"), func(*testing.T, bundle) {}, "paid"},
		{"GoesOn", none, func(t *testing.T, b bundle) { t.Helper(); b.describes(t, "payment:inv-2", nil, "awaiting_customer") }, "awaiting_customer"},
		{"NotYetListed", listed("charging"), func(t *testing.T, b bundle) { t.Helper(); b.describes(t, "payment:inv-2", nil, "uncollectible") }, "uncollectible"},
		{"Terminated", none, func(t *testing.T, b bundle) { t.Helper(); b.terminated(t, "payment:inv-2", nil, "charging") }, "needs_attention"},
		{"Forgotten", none, func(_ *testing.T, b bundle) {
			b.knowsNo("payment:inv-2")
			b.stripe.intents = map[string][]activities.PaymentIntent{"inv-2": {{ID: "pi_2", Status: activities.PaymentIntentSucceeded}}}
		}, "paid"},
		{"Nowhere", none, func(_ *testing.T, b bundle) { b.knowsNo("payment:inv-2") }, "not_found"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, withRunFiles)
			b.temporal.On("ListWorkflow", mock.Anything, &workflowservice.ListWorkflowExecutionsRequest{
				Query: "WorkflowType = 'CollectPayment' AND ExecutionStatus = 'Completed' AND OffsessionRun = 'july-2026'",
			}).Return(test.list, nil)
			test.setup(t, b)
			settle, err := b.settled(t.Context(), "july-2026")
			require.NoError(t, err)
			state, err := settle(t.Context(), "inv-2")
			require.NoError(t, err)
			require.Equal(t, test.want, state)
		})
	}
	t.Run("InTheReport", func(t *testing.T) {
		t.Parallel()
		b := setup(t, withRunFiles)
		b.answers(t, julyID, workflows.RunStatus{Reference: "july-2026", State: workflows.RunCompleted, Manifest: july, Summary: &summary})
		b.temporal.On("ListWorkflow", mock.Anything, mock.Anything).Return(listed("paid"), nil)
		report, err := b.WriteRunReport(t.Context(), RunReportParams{Reference: "july-2026", Settled: true})
		require.NoError(t, err)
		settled := column(t, report.CSV, "settled")
		require.Equal(t, "paid", settled["inv-2@3"])
		require.Empty(t, settled["inv-1@2"], "it was not handed over")
	})
	t.Run("ForgottenAndNoStripe", func(t *testing.T) {
		t.Parallel()
		b := setup(t, withRunFiles, withoutStripe)
		b.knowsNo("payment:inv-2")
		_, err := b.paymentState(t.Context(), "inv-2")
		var refused *RefusedError
		require.ErrorAs(t, err, &refused)
		require.Contains(t, refused.Message, "has left Temporal's retention")
	})
}

func TestWriteRunReportRefuses(t *testing.T) {
	t.Parallel()
	july, summary := chargedRun(t)
	for _, test := range []struct {
		name    string
		options []func(*Options)
		status  workflows.RunStatus
		want    string
	}{
		{"NotReadYet", []func(*Options){withRunFiles}, workflows.RunStatus{State: workflows.RunValidating, Manifest: july},
			`run "july-2026" has no report yet: it is validating, and its manifest has not been read`},
		{"ElsewhereFiles", []func(*Options){withRunFiles}, workflows.RunStatus{
			Reference: "july-2026", State: workflows.RunCompleted, Manifest: strings.ReplaceAll(july, "july.csv", "nowhere/july.csv"), Summary: &summary,
		}, "run this where the workers run"},
		{"NoRunFiles", nil, workflows.RunStatus{State: workflows.RunCompleted, Manifest: july, Summary: &summary}, "made without Options.RunFiles"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, test.options...)
			b.answers(t, julyID, test.status)
			_, err := b.WriteRunReport(t.Context(), RunReportParams{Reference: "july-2026"})
			var refused *RefusedError
			require.ErrorAs(t, err, &refused)
			require.Contains(t, refused.Message, test.want)
		})
	}
	b := setup(t, withRunFiles)
	b.queried(julyID).Return(nil, errNotFound)
	_, err := b.WriteRunReport(t.Context(), RunReportParams{Reference: "july-2026"})
	require.ErrorIs(t, err, ErrNotFound)
}
