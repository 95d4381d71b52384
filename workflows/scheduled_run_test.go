package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/dunning"
)

// fakeRuns starts runs, or answers err for the first fails calls.
type fakeRuns struct {
	activities.Workflows
	err      error
	fails    int
	already  bool
	attempts int
	started  []activities.StartRunInput
}

func (f *fakeRuns) StartRun(_ context.Context, in activities.StartRunInput) (bool, error) {
	if f.attempts++; f.attempts <= f.fails {
		return false, f.err
	}
	f.started = append(f.started, in)
	return !f.already, nil
}

func scheduledInput() workflows.ScheduledRunInput {
	return workflows.ScheduledRunInput{
		Schedule: "monthly", TimeZone: "Europe/Berlin", ManifestPatience: 3600,
		Run: workflows.BillingRunInput{Manifest: "s3://billing/{{date}}/usage-{{date}}.csv", Rate: 7, PageSize: workflows.RunPageSize, Policy: dunning.DefaultPolicy()},
	}
}

// fakeApp takes notifications, or answers down.
type fakeApp struct {
	down error
	told []activities.Notification
}

func (*fakeApp) Channel() string { return "webhook" }

func (a *fakeApp) Deliver(_ context.Context, n activities.Notification) error {
	if a.down == nil {
		a.told = append(a.told, n)
	}
	return a.down
}

// scheduled runs a ScheduledRun that starts its run, of which the app hears nothing.
func scheduled(t *testing.T, runs *fakeRuns, in workflows.ScheduledRunInput, nominal time.Time) workflows.ScheduledRunResult {
	t.Helper()
	app := &fakeApp{}
	result, err := scheduledFor(t, app, runs, in, nominal)
	require.NoError(t, err)
	require.Empty(t, app.told)
	return result
}

// scheduledFor runs a ScheduledRun of a nominal time; the zero time is none.
func scheduledFor(t *testing.T, app *fakeApp, runs *fakeRuns, in workflows.ScheduledRunInput, nominal time.Time) (workflows.ScheduledRunResult, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	all := activities.New(activities.Ports{Workflows: runs, Notifiers: []activities.Notifier{app}})
	env.RegisterActivity(all.Handovers)
	env.RegisterActivity(all.Notifications)
	if !nominal.IsZero() {
		key := temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")
		require.NoError(t, env.SetTypedSearchAttributesOnStart(temporal.NewSearchAttributes(key.ValueSet(nominal))))
	}
	env.ExecuteWorkflow(workflows.ScheduledRun, in)
	require.True(t, env.IsWorkflowCompleted())
	if err := env.GetWorkflowError(); err != nil {
		return workflows.ScheduledRunResult{}, err
	}
	var result workflows.ScheduledRunResult
	require.NoError(t, env.GetWorkflowResult(&result))
	return result, nil
}

func TestScheduledRun(t *testing.T) {
	t.Parallel()
	runs := &fakeRuns{err: errors.New("down"), fails: 3}
	nominal := time.Date(2026, 11, 30, 23, 30, 0, 0, time.UTC) // 0:30 on the next day in Berlin
	result := scheduled(t, runs, scheduledInput(), nominal)
	require.Equal(t, workflows.ScheduledRunResult{Reference: "monthly.20261201T0030", WorkflowID: "billing-run:monthly.20261201T0030"}, result)
	require.Len(t, runs.started, 1, "a Temporal that is down is asked again")
	require.Equal(t, "monthly.20261201T0030", runs.started[0].Reference)
	require.NotEmpty(t, runs.started[0].TaskQueue)
	var run workflows.BillingRunInput
	require.NoError(t, json.Unmarshal(runs.started[0].Run, &run))
	require.Equal(t, workflows.BillingRunInput{
		Reference: "monthly.20261201T0030", Manifest: "s3://billing/2026-12-01/usage-2026-12-01.csv", Rate: 7, Schedule: "monthly",
		ManifestDeadline: nominal.Add(time.Hour), Policy: dunning.DefaultPolicy(),
	}, run)
}

func TestScheduledRunThatIsThereAlready(t *testing.T) {
	t.Parallel()
	result := scheduled(t, &fakeRuns{already: true}, scheduledInput(), time.Unix(0, 0))
	require.Equal(t, workflows.ScheduledRunResult{Reference: "monthly.19700101T0100", WorkflowID: "billing-run:monthly.19700101T0100", AlreadyStarted: true}, result)
}

// What cannot be started is told to the app and fails the workflow, by which the schedule pauses.
func TestScheduledRunFails(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 5, 0, 0, 0, time.UTC)
	const november = "monthly.20261101T0600"
	for _, test := range []struct {
		name     string
		runs     *fakeRuns
		change   func(*workflows.ScheduledRunInput)
		nominal  time.Time
		kind     string
		want     string
		attempts int
		// told are the reference and the reason that the app hears; empty when it hears nothing.
		told [2]string
	}{
		{
			"AnotherRun", &fakeRuns{err: &activities.RefusedStartError{Message: "billing-run:x exists, with another rate"}, fails: 1}, nil, now,
			activities.ErrorRunConflict, "with another rate", 1, [2]string{november, workflows.RunNotStartedConflict},
		},
		{
			"NeverAnswered", &fakeRuns{err: errors.New("down"), fails: 1e9}, nil, now,
			activities.ErrorWorkflowUnavailable, "down", 0, [2]string{november, workflows.RunNotStartedUnavailable},
		},
		{"NoNominalTime", &fakeRuns{}, nil, time.Time{}, workflows.InvalidInputError, "it was started without TemporalScheduledStartTime", 0, [2]string{}},
		{
			"NoSuchZone", &fakeRuns{}, func(in *workflows.ScheduledRunInput) { in.TimeZone = "Mars" }, now,
			workflows.InvalidInputError, `time_zone: "Mars" is not an IANA time zone`, 0, [2]string{"", workflows.RunNotStartedInvalid},
		},
		{
			"BadReference", &fakeRuns{}, func(in *workflows.ScheduledRunInput) { in.Schedule = "a b" }, now,
			workflows.InvalidInputError, `reference: "a b.20261101T0600" is not allowed`, 0, [2]string{"", workflows.RunNotStartedInvalid},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			in := scheduledInput()
			if test.change != nil {
				test.change(&in)
			}
			app := &fakeApp{}
			_, err := scheduledFor(t, app, test.runs, in, test.nominal)
			requireFailure(t, err, test.kind, test.want)
			require.Empty(t, test.runs.started)
			if test.attempts != 0 {
				require.Equal(t, test.attempts, test.runs.attempts)
			}
			if test.told == [2]string{} {
				require.Empty(t, app.told)
				return
			}
			require.Len(t, app.told, 1)
			told := app.told[0]
			require.Equal(t, test.told[0], told.Reference)
			require.Equal(t, test.told[1], told.Reason)
			require.Equal(t, activities.NotifyRunNotStarted, told.Kind)
			require.Equal(t, "schedule:"+in.Schedule, told.Owner)
			require.Equal(t, workflows.ScheduledRunNotStarted, told.State)
			require.NotEmpty(t, told.ID)
		})
	}
	t.Run("AppDown", func(t *testing.T) {
		t.Parallel()
		runs := &fakeRuns{err: &activities.RefusedStartError{Message: "exists, with another rate"}, fails: 1}
		_, err := scheduledFor(t, &fakeApp{down: errors.New("connection refused")}, runs, scheduledInput(), now)
		requireFailure(t, err, activities.ErrorRunConflict, "with another rate")
	})
}

func requireFailure(t *testing.T, err error, kind, text string) {
	t.Helper()
	var failure *temporal.ApplicationError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, kind, failure.Type())
	require.Contains(t, failure.Message(), text)
}

// What clocks show twice is one run; a second is not a part of a run's name; every zone has its own date.
func TestScheduledRunReference(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ zone, at, want string }{
		{"Europe/Berlin", "2026-10-25T00:30:00Z", "s.20261025T0230"},
		{"Europe/Berlin", "2026-10-25T01:30:00Z", "s.20261025T0230"},
		{"Europe/Berlin", "2026-03-29T00:59:59Z", "s.20260329T0159"},
		{"Europe/Berlin", "2026-03-29T01:00:00Z", "s.20260329T0300"},
		{"Pacific/Kiritimati", "2026-12-31T10:00:00Z", "s.20270101T0000"},
		{"Pacific/Pago_Pago", "2027-01-01T10:00:00Z", "s.20261231T2300"},
		{"UTC", "2026-07-01T06:00:59Z", "s.20260701T0600"},
	} {
		zone, err := time.LoadLocation(test.zone)
		require.NoError(t, err)
		at, err := time.Parse(time.RFC3339, test.at)
		require.NoError(t, err)
		require.Equal(t, test.want, workflows.ScheduledRunReference("s", at, zone))
	}
}
