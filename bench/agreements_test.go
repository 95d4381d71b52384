package bench

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/activities/stripegateway"
	"github.com/offsession/offsession/internal/devstack"
	offsession "github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
)

const (
	cycleRounds   = 3
	perCycleRound = 100
	// openAgreements is what the memory is measured at: as many as a worker keeps in its cache by default.
	openAgreements = 10_000
	minimalQueue   = "minimal"
)

// BenchmarkAgreementCycle measures the CPU time, of all processes, that a cycle of an agreement takes: timer, charge and
// continue-as-new, beside the smallest workflow that does these three things. All of a round are due at the same minute;
// what an idle stack uses in the same time is subtracted. Rounds of both alternate, and the medians are compared.
func BenchmarkAgreementCycle(b *testing.B) {
	s := startStack(b)
	s.loseWebhooks(b)
	s.startMinimal(b)
	for b.Loop() {
		var minimal, agreement []float64
		for round := range cycleRounds {
			minimal = append(minimal, s.cyclesCPU(b, "MinimalCycle", 1, func(ctx context.Context, i int, p payer, due time.Time) error {
				_, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: fmt.Sprintf("minimal-%d-%d", round, i), TaskQueue: minimalQueue},
					"MinimalCycle", minimalInput{Key: fmt.Sprintf("minimal-%d-%d", round, i), Customer: p.customer, Method: p.method, Due: due})
				return err
			}))
			agreement = append(agreement, s.cyclesCPU(b, workflows.TypeBillingAgreement, 2, func(ctx context.Context, i int, p payer, due time.Time) error {
				_, err := s.client.StartAgreement(ctx, offsession.AgreementParams{
					Reference: fmt.Sprintf("cycle-%d-%d", round, i), Customer: p.customer, PaymentMethod: p.method, Amount: chargedAmount, Currency: "usd",
					TimeZone: "UTC", FirstCharge: workflows.FirstChargeNow,
					Schedule: calendar.Schedule{Dates: []string{due.Format("2006-01-02T15:04"), due.AddDate(0, 0, 1).Format("2006-01-02T15:04")}, SubDaily: true},
				})
				return err
			}))
		}
		b.Logf("CPU-ms per cycle: minimal %.1f, agreement %.1f", minimal, agreement)
		b.ReportMetric(median(minimal), "minimal-CPU-ms")
		b.ReportMetric(median(agreement), "agreement-CPU-ms")
		b.ReportMetric(median(agreement)/median(minimal), "xMinimal")
		events, bytes := s.cycleRun(b, workflows.AgreementID("cycle-0-0"))
		b.ReportMetric(events, "events")
		b.ReportMetric(bytes, "history-bytes")
	}
}

// minimalInput is what the smallest workflow carries.
type minimalInput struct {
	Key, Customer, Method string
	Due                   time.Time
	Cycle                 int
}

// startMinimal runs a worker of the smallest workflow that charges once per cycle: at once, when it is due, and tomorrow.
func (s *stack) startMinimal(b *testing.B) {
	b.Helper()
	w := worker.New(s.temporal, minimalQueue, worker.Options{DisableEagerActivities: true})
	w.RegisterActivityWithOptions(func(ctx context.Context, in minimalInput) (string, error) {
		pi, err := s.gateway.CreatePaymentIntent(ctx, activities.CreatePaymentIntentRequest{
			Amount: chargedAmount, Currency: "usd", Customer: in.Customer, PaymentMethod: in.Method, IdempotencyKey: fmt.Sprintf("%s-%d", in.Key, in.Cycle),
		})
		return pi.ID, err
	}, activity.RegisterOptions{Name: "charge"})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context, in minimalInput) error {
		if in.Cycle > 0 {
			if err := workflow.Sleep(ctx, in.Due.Sub(workflow.Now(ctx))); err != nil {
				return err
			}
			in.Due = in.Due.AddDate(0, 0, 1)
		}
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		if err := workflow.ExecuteActivity(ctx, "charge", in).Get(ctx, nil); err != nil {
			return err
		}
		in.Cycle++
		return workflow.NewContinueAsNewError(ctx, "MinimalCycle", in)
	}, workflow.RegisterOptions{Name: "MinimalCycle"})
	require.NoError(b, w.Start())
	b.Cleanup(w.Stop)
}

// cyclesCPU starts a round of workflows, whose first charge is made at once, and answers the CPU time in ms that the
// second one of each takes. runs is how often each continues as new before that: an agreement begins in a run of its own.
func (s *stack) cyclesCPU(b *testing.B, workflowType string, runs int64, start func(ctx context.Context, i int, p payer, due time.Time) error) float64 {
	b.Helper()
	// Far enough ahead for all of them to be asleep, and for the idle stack to be measured.
	due := time.Now().UTC().Add(65 * time.Second).Truncate(time.Minute).Add(time.Minute)
	before := s.continued(b, workflowType)
	customers := make([]payer, perCycleRound)
	for i := range customers {
		customers[i] = newPayer(b, s.gateway, fmt.Sprintf("%s-%d-%d", workflowType, due.Unix(), i))
	}
	inParallel(b, starters, perCycleRound, func(ctx context.Context, i int) error { return start(ctx, i, customers[i], due) })
	s.awaitContinued(b, workflowType, before+runs*perCycleRound)
	require.Less(b, time.Now(), due.Add(-25*time.Second), "this machine is too slow for so many")
	time.Sleep(time.Until(due.Add(-21 * time.Second)))
	idleFrom := treeCPU(b, os.Getpid())
	time.Sleep(time.Until(due.Add(-time.Second)))
	from := treeCPU(b, os.Getpid())
	idle := (from - idleFrom) / 20
	s.awaitContinued(b, workflowType, before+(runs+1)*perCycleRound)
	time.Sleep(2 * time.Second) // the next timers
	took := time.Since(due.Add(-time.Second))
	return ((treeCPU(b, os.Getpid()) - from) - time.Duration(float64(idle)*took.Seconds())).Seconds() * 1000 / perCycleRound
}

func (s *stack) continued(b *testing.B, workflowType string) int64 {
	b.Helper()
	n, err := s.temporal.CountWorkflow(b.Context(), &workflowservice.CountWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'ContinuedAsNew'", workflowType),
	})
	require.NoError(b, err)
	return n.GetCount()
}

func (s *stack) awaitContinued(b *testing.B, workflowType string, n int64) {
	b.Helper()
	require.Eventually(b, func() bool { return s.continued(b, workflowType) >= n }, 3*time.Minute, 500*time.Millisecond)
}

// cycleRun answers the events and bytes of the run of an agreement in which it slept and charged.
func (s *stack) cycleRun(b *testing.B, workflowID string) (events, bytes float64) {
	b.Helper()
	list, err := s.temporal.ListWorkflow(b.Context(), &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowId = '%s' AND ExecutionStatus = 'ContinuedAsNew'", workflowID),
	})
	require.NoError(b, err)
	require.Len(b, list.GetExecutions(), 3)
	run := list.GetExecutions()[0] // the newest first
	require.Equal(b, enums.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW, run.GetStatus())
	return float64(run.GetHistoryLength()), float64(run.GetHistorySizeBytes())
}

// BenchmarkOpenAgreements measures what the worker's resident memory grows by for each agreement that sleeps until its
// next date.
func BenchmarkOpenAgreements(b *testing.B) {
	started, err := devstack.Start(b.Context(), devstack.Options{WithoutWorker: true, StripeRate: stripeRate})
	require.NoError(b, err)
	b.Cleanup(started.Stop)
	s := &stack{Stack: started, gateway: newGateway(b, started)}
	s.loseWebhooks(b)
	temporal, err := started.Config.DialTemporal(b.Context(), quiet)
	require.NoError(b, err)
	b.Cleanup(temporal.Close)
	c, err := offsession.New(temporal, offsession.Options{})
	require.NoError(b, err)
	p := newPayer(b, s.gateway, "open")
	for b.Loop() {
		w := startProcess(b, started, "worker", []string{"OFFSESSION_METRICS_LISTEN=127.0.0.1:19465"})
		w.awaitHealthy(b, "http://127.0.0.1:19465")
		time.Sleep(10 * time.Second)
		empty := w.resident(b)
		began := time.Now()
		inParallel(b, starters, openAgreements, func(ctx context.Context, i int) error {
			_, err := c.StartAgreement(ctx, offsession.AgreementParams{
				Reference: fmt.Sprintf("open-%d", i), Customer: p.customer, PaymentMethod: p.method, Amount: chargedAmount, Currency: "usd",
				Schedule: calendar.Schedule{Every: "year"},
			})
			return err
		})
		w.awaitIdle(b)
		open := w.resident(b)
		b.Logf("worker with no agreement %.1f MB, with %d %.1f MB; all asleep after %s", empty, openAgreements, open, time.Since(began).Round(time.Second))
		b.ReportMetric((open-empty)*1024/openAgreements, "kB/agreement")
		w.stop()
	}
}

// awaitIdle waits until the process has used less than 5 % of a core for ten seconds.
func (p *process) awaitIdle(b *testing.B) {
	b.Helper()
	used := func() time.Duration {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		require.NoError(b, err)
		_, rest, _ := strings.Cut(string(data), ") ")
		fields := strings.Fields(rest)
		var user, system int64
		_, err = fmt.Sscan(fields[11]+" "+fields[12], &user, &system)
		require.NoError(b, err)
		return time.Duration(user+system) * 10 * time.Millisecond
	}
	for deadline := time.Now().Add(20 * time.Minute); ; {
		from := used()
		time.Sleep(10 * time.Second)
		if used()-from < 500*time.Millisecond {
			return
		}
		require.Less(b, time.Now(), deadline, "the worker does not come to rest")
	}
}

func newGateway(b *testing.B, started *devstack.Stack) *stripegateway.Gateway {
	b.Helper()
	gateway, err := stripegateway.New(stripegateway.Config{APIKey: started.Config.StripeAPIKey, APIBase: started.Config.StripeAPIBase, Logger: quiet})
	require.NoError(b, err)
	return gateway
}
