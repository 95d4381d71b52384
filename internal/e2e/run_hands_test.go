package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	sdk "go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// runSite is a site with a namespace of its own: the runs in one go one after the other.
type runSite struct {
	*site
	temporal sdk.Client
}

// newRunSite opens one. Unless the options say otherwise, its runs charge 750 rows per second.
func newRunSite(t *testing.T, o siteOptions) *runSite {
	t.Helper()
	namespace := nextReference("runs")
	change := o.change
	o.change = func(c *config.Config) {
		c.Temporal.Namespace, c.StripeRateLimit = namespace, 1000
		if change != nil {
			change(c)
		}
		addNamespace(t, c.Temporal)
	}
	s := &runSite{site: newSite(t, o)}
	if o.withoutWeb {
		s.webhooks(stripesandbox.WebhookBehaviour{Mode: stripesandbox.WebhooksLost})
	}
	var err error
	s.temporal, err = sdk.Dial(s.config.Temporal)
	require.NoError(t, err)
	t.Cleanup(s.temporal.Close)
	return s
}

// addNamespace makes a namespace with offsession's search attributes.
func addNamespace(t *testing.T, o sdk.Options) {
	t.Helper()
	tc, err := sdk.Dial(sdk.Options{HostPort: o.HostPort, Logger: logger("client")})
	require.NoError(t, err)
	defer tc.Close()
	_, err = tc.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: o.Namespace, WorkflowExecutionRetentionPeriod: durationpb.New(90 * aDay),
	})
	require.NoError(t, err)
	attributes := map[string]enumspb.IndexedValueType{}
	for _, key := range workflows.SearchAttributeKeys() {
		attributes[key.GetName()] = key.GetValueType()
	}
	eventually(t, func() error {
		_, err := tc.OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{
			Namespace: o.Namespace, SearchAttributes: attributes,
		})
		return err
	})
}

// payer is a kind of row: how the customer pays, and what becomes of it.
type payer struct {
	// token is the test payment method; visa when it is empty. bare rows leave it to the customer's default.
	token string
	bare  bool
	// amount is 1000 and the row's number when it is 0.
	amount int64
	want   activities.ChargeOutcome
}

// The kinds of rows that do not succeed.
var (
	declinedRow = payer{token: lostCard, want: activities.ChargeDeclined}
	exceptions  = []payer{
		{token: "pm_sandbox_decline_insufficient_funds_advice_try_again_later", want: activities.ChargeDeclined},
		{token: "pm_sandbox_decline_do_not_honor_advice_do_not_try_again", want: activities.ChargeDeclined},
		declinedRow,
		{amount: 20, want: activities.ChargeRefused}, // below what Stripe charges
		{token: authCard, want: activities.ChargeNeedsCustomer},
		{token: bankAccount, want: activities.ChargeProcessing},
	}
)

// billed is a row of a manifest, and what should become of it.
type billed struct {
	reference, customer, method string
	amount                      int64
	currency                    string
	want                        activities.ChargeOutcome
}

// rows makes n rows; as many of them as there are odd ones, evenly spread, are those, and the others succeed. Customers have
// several rows each.
func (s *runSite) rows(n int, odd ...payer) []billed {
	s.t.Helper()
	const perCustomer = 20
	name := nextReference("row")
	type account struct{ customer, method string }
	shared := map[payer][]account{}
	list := make([]billed, n)
	for i := range list {
		kind := payer{want: activities.ChargeSucceeded, bare: i%7 == 6}
		if k := (i+1)*len(odd)/n - 1; k >= 0 && (i+1)*len(odd)/n > i*len(odd)/n {
			kind = odd[k]
		}
		group := payer{token: kind.token, bare: kind.bare}
		open := shared[group]
		if slot := i % perCustomer; len(open) == 0 || len(open) < perCustomer && slot == 0 {
			reference := fmt.Sprintf("%s-customer-%d-%d", name, len(shared), len(open))
			var a account
			a.customer, a.method = s.customerWith(reference, cmp.Or(kind.token, visa))
			if kind.bare {
				s.stripe("POST", "/v1/customers/"+a.customer, form("invoice_settings[default_payment_method]", a.method))
				a.method = ""
			}
			open = append(open, a)
			shared[group] = open
		}
		a := open[i%len(open)]
		list[i] = billed{
			reference: fmt.Sprintf("%s-%d", name, i), customer: a.customer, method: a.method,
			amount: cmp.Or(kind.amount, int64(1000+i)), currency: "usd", want: kind.want,
		}
	}
	return list
}

// spread is each of the kinds several times.
func spread(times int, kinds ...payer) []payer {
	var all []payer
	for range times {
		all = append(all, kinds...)
	}
	return all
}

// billingRun is a billing run of a test, and its manifest.
type billingRun struct {
	*runSite
	client.RunParams
	path string
	// bucket is where its files are; nil for those in the directory of path.
	bucket *bucket
	rows   []billed
}

// bill writes a manifest in a directory of its own, and describes a run of it.
func (s *runSite) bill(rows []billed) *billingRun {
	s.t.Helper()
	r := &billingRun{runSite: s, rows: rows, path: filepath.Join(s.t.TempDir(), "july.csv")}
	r.write(rows)
	policy := quick()
	r.RunParams = client.RunParams{Reference: nextReference("run"), Manifest: fileURL(r.path), Policy: &policy}
	return r
}

func fileURL(path string) string {
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// write puts the manifest there.
func (r *billingRun) write(rows []billed) {
	r.t.Helper()
	var text strings.Builder
	text.WriteString("reference,customer,payment_method,amount,currency,description\n")
	for _, row := range rows {
		fmt.Fprintf(&text, "%s,%s,%s,%d,%s,\"Usage, July\"\n", row.reference, row.customer, row.method, row.amount, row.currency)
	}
	require.NoError(r.t, os.WriteFile(r.path, []byte(text.String()), 0o600))
}

// start starts the run.
func (r *billingRun) start() *billingRun {
	r.t.Helper()
	_, err := r.client.StartRun(r.t.Context(), r.RunParams)
	require.NoError(r.t, err)
	return r
}

// has waits until the run is as it should be.
func (r *billingRun) has(check func(client.Run) error) client.Run {
	r.t.Helper()
	return r.hasWithin(patience, check)
}

func (r *billingRun) hasWithin(patience time.Duration, check func(client.Run) error) client.Run {
	r.t.Helper()
	var shown client.Run
	err := within(patience, func() error {
		var err error
		if shown, err = r.client.Run(r.t.Context(), r.Reference); err != nil {
			return err
		}
		if err := check(shown); err != nil {
			return fmt.Errorf("%w: %+v", err, shown)
		}
		return nil
	})
	require.NoError(r.t, err)
	return shown
}

// is waits until the run is in a state for a reason.
func (r *billingRun) is(state workflows.RunState, reason string) client.Run {
	r.t.Helper()
	return r.has(func(shown client.Run) error {
		if shown.State != state || shown.Reason != reason {
			return fmt.Errorf("%s is %s (%s), not %s (%s)", r.Reference, shown.State, shown.Reason, state, reason)
		}
		return nil
	})
}

// standsStill waits until a run is in a state and nothing of it is under way.
func (r *billingRun) standsStill(state workflows.RunState, reason string) client.Run {
	r.t.Helper()
	r.is(state, reason)
	return r.has(func(shown client.Run) error {
		if shown.InFlight > 0 {
			return errNotYet
		}
		return nil
	})
}

// ends waits for the run's end.
func (r *billingRun) ends(state workflows.RunState, patience time.Duration) client.Run {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	shown, err := r.client.WaitRun(ctx, r.Reference)
	if err != nil {
		shown, _ = r.client.Run(r.t.Context(), r.Reference)
	}
	require.NoError(r.t, err, "%+v", shown)
	require.Equal(r.t, state, shown.State, "%+v", shown)
	// The state is published before the workflow closes.
	require.NoError(r.t, r.temporal.GetWorkflow(r.t.Context(), workflows.BillingRunID(r.Reference), "").Get(r.t.Context(), nil))
	return shown
}

// charged is the number of the run's references of which Stripe knows.
func (r *billingRun) charged() int {
	n, ledger := 0, r.sandbox.Ledger("")
	for _, row := range r.rows {
		if ledger.References[row.reference] != nil {
			n++
		}
	}
	return n
}

// runOperation is what a person asks for.
func runOperation() client.RunOperation { return client.RunOperation{Actor: "e2e", Reason: "a test"} }

// reported is a row of a report.
type reported struct {
	billed
	outcome                       activities.ChargeOutcome
	intent, chargedMethod         string
	code, declineCode, adviceCode string
	handedOver, adopted           bool
}

// report reads the run's report, whose rows have to be those of the manifest in their order.
func (r *billingRun) report(shown client.Run) []reported {
	r.t.Helper()
	require.NotEmpty(r.t, shown.ReportCSV, "%+v", shown)
	lines, err := csv.NewReader(bytes.NewReader(r.read(shown.ReportCSV))).ReadAll()
	require.NoError(r.t, err)
	columns := map[string]int{}
	for i, name := range lines[0] {
		columns[name] = i
	}
	var list []reported
	for i, line := range lines[1:] {
		cell := func(name string) string {
			at, ok := columns[name]
			require.True(r.t, ok, "no column %s in %v", name, lines[0])
			return line[at]
		}
		amount, err := strconv.ParseInt(cell("amount"), 10, 64)
		require.NoError(r.t, err)
		row := reported{
			billed:  billed{reference: cell("reference"), customer: cell("customer"), method: cell("payment_method"), amount: amount, currency: cell("currency")},
			outcome: activities.ChargeOutcome(cell("outcome")), intent: cell("payment_intent"), chargedMethod: cell("charged_method"),
			code: cell("code"), declineCode: cell("decline_code"), adviceCode: cell("advice_code"),
			handedOver: cell("handed_over") == "true", adopted: cell("adopted") == "true",
		}
		if i < len(r.rows) {
			row.want = r.rows[i].want
			require.Equal(r.t, r.rows[i], row.billed, "row %d", i)
		}
		list = append(list, row)
	}
	require.Len(r.t, list, len(r.rows))
	return list
}

// read reads a file of the run.
func (r *billingRun) read(address string) []byte {
	r.t.Helper()
	if r.bucket != nil {
		return r.bucket.get(r.t, address)
	}
	text, err := os.ReadFile(pathOf(r.t, address))
	require.NoError(r.t, err)
	return text
}

func pathOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	require.Equal(t, "file", u.Scheme, address)
	return u.Path
}

// accounts compares the report with Stripe's side and with the manifest, row by row and in sum. What the payments of exceptions
// have done since does not count. It answers the report.
func (r *billingRun) accounts(shown client.Run) []reported {
	r.t.Helper()
	ledger := r.sandbox.Ledger("")
	require.NoError(r.t, checkLedger(ledger))
	report := r.report(shown)
	totals := activities.RunTotals{}
	for _, row := range report {
		totals.Add(row.outcome, row.currency, activities.RunTotal{Rows: 1, Amount: row.amount})
		require.NoError(r.t, row.agrees(ledger.References[row.reference]))
	}
	require.Equal(r.t, totals, shown.Totals, "the run's totals are not those of its report")
	return report
}

// agrees compares a row with what Stripe did for its reference.
func (row reported) agrees(did *stripesandbox.LedgerReference) error {
	wrong := func(why string) error { return fmt.Errorf("%s: report %+v, Stripe %+v", why, row, did) }
	switch row.outcome {
	case activities.RowNotCharged, activities.RowRejected:
		if did != nil && !row.adopted {
			return wrong("nothing should have been sent")
		}
		return nil
	case activities.ChargeUnknown, activities.ChargeRefused:
		if !row.handedOver {
			return wrong("nobody goes on with it")
		}
		return nil
	default:
	}
	if did == nil || !slices.Contains(did.PaymentIntents, row.intent) {
		return wrong("Stripe does not know the PaymentIntent")
	}
	if row.outcome == activities.ChargeSucceeded {
		if row.handedOver || did.NetSuccesses != 1 || len(did.PaymentIntents) != 1 {
			return wrong("it was not taken once")
		}
		if paid := did.Successes[0]; paid.Amount != row.amount || paid.Currency != row.currency {
			return wrong("another amount was taken")
		}
		return nil
	}
	if !row.handedOver {
		return wrong("nobody goes on with it")
	}
	outcomes := map[activities.ChargeOutcome][]string{
		activities.ChargeDeclined: {"failed"}, activities.ChargeNeedsCustomer: {"failed", "requires_action"}, activities.ChargeProcessing: {"processing"},
	}
	first := did.Attempts[0]
	if !slices.Contains(outcomes[row.outcome], first.Outcome) || first.IdempotencyKey != workflows.PaymentID(row.reference)+":charge:1" ||
		row.code != first.Code || row.declineCode != first.DeclineCode {
		return wrong("the first attempt was another")
	}
	return nil
}

// as checks that every row became what it should.
func as(t *testing.T, report []reported) {
	t.Helper()
	for _, row := range report {
		require.Equal(t, row.want, row.outcome, "%+v", row)
	}
}

// handedOver checks that each row that was handed over has a payment of its own, and no other row has.
func (r *billingRun) handedOver(report []reported) {
	r.t.Helper()
	want := 0
	for _, row := range report {
		if row.handedOver {
			want++
		}
	}
	query := fmt.Sprintf("WorkflowType = '%s' AND %s = '%s'", workflows.TypeCollectPayment, workflows.SearchRun.GetName(), r.Reference)
	var have int64
	err := within(patience, func() error { // visibility is a moment behind
		counted, err := r.temporal.CountWorkflow(r.t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		if have = counted.GetCount(); err == nil && have != int64(want) {
			err = fmt.Errorf("%d payments of their own for %d rows", have, want)
		}
		return err
	})
	require.NoError(r.t, err)
}

// noSignals checks that nobody has signaled the run: a signal per exception would be more than a workflow may get.
func (r *billingRun) noSignals() {
	r.t.Helper()
	for _, history := range r.histories() {
		for _, event := range history.GetEvents() {
			require.NotEqual(r.t, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, event.GetEventType(), "%v", event)
		}
	}
}

// histories are those of the run's workflow, the last first.
func (r *billingRun) histories() []*historypb.History {
	r.t.Helper()
	var list []*historypb.History
	for id := ""; len(list) == 0 || id != ""; {
		history, err := historyFrom(r.t.Context(), r.temporal, workflows.BillingRunID(r.Reference), id)
		require.NoError(r.t, err)
		list = append(list, history)
		id = history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId()
	}
	return list
}
