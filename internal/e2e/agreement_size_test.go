package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/internal/stripesandbox"
	"github.com/offsession/offsession/workflows"
	"github.com/offsession/offsession/workflows/calendar"
)

// What an agreement costs for each date that it charges at once, and for each message before it.
const (
	mostCycleEvents   = 17
	mostCycleActions  = 4
	mostNoticeEvents  = 11
	mostNoticeActions = 2
)

// TestSizeOfAnAgreementsCycle counts the history of a run that sleeps until a date, charges it and continues as new. The
// first run is another: it looks back and reads the card.
func TestSizeOfAnAgreementsCycle(t *testing.T) {
	t.Parallel()
	s := sizeSite(t)
	p := s.agreement(s.reference(), visa)
	p.Schedule = soonAnd(0)
	s.agree(p)
	s.latest(p.Reference, 2, workflows.AgreementPaymentPaid)
	id := workflows.AgreementID(p.Reference)
	last := s.history(id, "")
	cycle := s.history(id, continuedFrom(last))
	require.NotEmpty(t, continuedFrom(cycle), "it is not the first run")
	list(t, cycle)
	require.LessOrEqual(t, len(cycle), mostCycleEvents)
	require.LessOrEqual(t, actions(cycle), mostCycleActions)
	end := cycle[len(cycle)-1].GetWorkflowExecutionContinuedAsNewEventAttributes()
	require.NotNil(t, end)
	require.Less(t, end.GetInput().Size(), 8<<10)
}

// TestSizeOfAnAdvanceNotice counts what a message to the customer adds to the history of a run.
func TestSizeOfAnAdvanceNotice(t *testing.T) {
	t.Parallel()
	s := sizeSite(t)
	p := s.agreement(s.reference(), visa)
	p.Schedule = soonAnd(1)
	s.agree(p)
	with := s.agreement(s.reference()+"-notice", visa)
	with.Schedule, with.NoticeDays = p.Schedule, 1
	s.agree(with)
	s.latest(with.Reference, 1, workflows.AgreementPaymentPaid)

	var noticed []*historypb.HistoryEvent
	eventually(t, func() error {
		noticed = s.history(workflows.AgreementID(with.Reference), "")
		told := continuedFrom(noticed) == ""
		if told {
			return errNotYet // the first run
		}
		for i, event := range noticed {
			told = told || event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
			if told && i == len(noticed)-1 && event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
				return nil
			}
		}
		return errNotYet
	})
	list(t, noticed)
	s.latest(p.Reference, 1, workflows.AgreementPaymentPaid)
	var asleep []*historypb.HistoryEvent
	eventually(t, func() error {
		asleep = s.history(workflows.AgreementID(p.Reference), "")
		if continuedFrom(asleep) == "" || asleep[len(asleep)-1].GetEventType() != enumspb.EVENT_TYPE_TIMER_STARTED {
			return errNotYet
		}
		return nil
	})
	list(t, asleep)
	require.LessOrEqual(t, len(noticed)-len(asleep), mostNoticeEvents)
	require.LessOrEqual(t, actions(noticed)-actions(asleep), mostNoticeActions)
}

// sizeSite is one where no webhook finds a workflow: each would be an event more.
func sizeSite(t *testing.T) *site {
	t.Helper()
	s := newSite(t, siteOptions{change: func(c *config.Config) { c.TaskQueue = nextReference("size") }})
	s.webhooks(stripesandbox.WebhookBehaviour{Mode: stripesandbox.WebhooksLost})
	return s
}

// soonAnd is a schedule whose next date is so many days after the next minute but a few seconds: calendars know no less.
func soonAnd(days int) calendar.Schedule {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	soon := time.Now().Add(75*time.Second).In(berlin).AddDate(0, 0, days)
	return calendar.Schedule{
		Dates:    []string{soon.Format("2006-01-02T15:04"), soon.AddDate(1, 0, 0).Format("2006-01-02T15:04")},
		SubDaily: true,
	}
}

// history is that of a run, without workflow tasks that a busy machine has let time out.
func (s *site) history(workflowID, runID string) []*historypb.HistoryEvent {
	s.t.Helper()
	history, err := historyOf(s.t.Context(), workflowID, runID)
	require.NoError(s.t, err)
	late := map[int64]bool{}
	for _, event := range history.GetEvents() {
		if out := event.GetWorkflowTaskTimedOutEventAttributes(); out != nil {
			late[event.GetEventId()], late[out.GetScheduledEventId()], late[out.GetStartedEventId()] = true, true, true
		}
	}
	var events []*historypb.HistoryEvent
	for _, event := range history.GetEvents() {
		if !late[event.GetEventId()] {
			events = append(events, event)
		}
	}
	return events
}

// continuedFrom is the run before; empty for the first.
func continuedFrom(events []*historypb.HistoryEvent) string {
	return events[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId()
}

// actions counts what Temporal Cloud charges for.
func actions(events []*historypb.HistoryEvent) int {
	n := 0
	for _, event := range events {
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, enumspb.EVENT_TYPE_TIMER_STARTED, enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
			enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
			enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED, enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
			enumspb.EVENT_TYPE_MARKER_RECORDED:
			n++
		}
	}
	return n
}

func list(t *testing.T, events []*historypb.HistoryEvent) {
	t.Helper()
	size := 0
	for _, event := range events {
		size += event.Size()
		t.Logf("%3d %-50s %5d bytes", event.GetEventId(), event.GetEventType(), event.Size())
	}
	t.Logf("%d events, %d actions, %d bytes", len(events), actions(events), size)
}
