package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/api/workflowservice/v1"
	sdk "go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// historiesDir is where the replay test of the workflows looks for histories of today; it keeps those of releases beside.
const historiesDir = "../../workflows/testdata/histories/unreleased"

func historyOf(ctx context.Context, workflowID, runID string) (*historypb.History, error) {
	return historyFrom(ctx, temporal, workflowID, runID)
}

func historyFrom(ctx context.Context, tc sdk.Client, workflowID, runID string) (*historypb.History, error) {
	events := tc.GetWorkflowHistory(ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	history := &historypb.History{}
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return nil, fmt.Errorf("history of %s: %w", workflowID, err)
		}
		history.Events = append(history.Events, event)
	}
	return history, nil
}

// record writes the history of an ended workflow for the replay test, when the tests run with -update, and in any case
// checks that it holds nothing that may not be there. A workflow that continued as new has one of each run.
func record(t *testing.T, workflowID, name string) {
	t.Helper()
	recordFrom(t, temporal, workflowID, name)
}

// recordFrom is the same for a workflow on another server. It answers the number of runs.
func recordFrom(t *testing.T, tc sdk.Client, workflowID, name string) int {
	t.Helper()
	// The state is published before the run closes: its last messages are still under way.
	require.NoError(t, tc.GetWorkflow(t.Context(), workflowID, "").Get(t.Context(), nil))
	var runs []*historypb.History // the last first
	for run := ""; len(runs) == 0 || run != ""; {
		history, err := historyFrom(t.Context(), tc, workflowID, run)
		require.NoError(t, err)
		require.Empty(t, secretsIn(history))
		runs = append(runs, history)
		run = history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId()
	}
	if !*update {
		return len(runs)
	}
	// How often a workflow continued as new may differ from the last recording.
	old, err := filepath.Glob(filepath.Join(historiesDir, name+"_run*.json"))
	require.NoError(t, err)
	for _, file := range old {
		require.NoError(t, os.Remove(file))
	}
	if len(runs) == 1 {
		write(t, runs[0], name)
		return 1
	}
	for i, history := range runs {
		write(t, history, fmt.Sprintf("%s_run%d", name, len(runs)-i))
	}
	return len(runs)
}

func write(t *testing.T, history *historypb.History, name string) {
	t.Helper()
	forgetMachine(history.ProtoReflect())
	text, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(history)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(historiesDir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(historiesDir, name+".json"), append(text, '\n'), 0o644))
}

// forgetMachine removes who wrote what, which says nothing and differs with every recording.
func forgetMachine(m protoreflect.Message) {
	if queue, ok := m.Interface().(*taskqueuepb.TaskQueue); ok && queue.GetKind() == enumspb.TASK_QUEUE_KIND_STICKY {
		queue.Name = "sticky"
	}
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.Kind() == protoreflect.StringKind && field.Name() == "identity":
			m.Set(field, protoreflect.ValueOfString("offsession"))
		case field.IsMap():
		case field.IsList() && field.Kind() == protoreflect.MessageKind:
			for i := range value.List().Len() {
				forgetMachine(value.List().Get(i).Message())
			}
		case !field.IsList() && field.Kind() == protoreflect.MessageKind:
			forgetMachine(value.Message())
		}
		return true
	})
}

// secret finds what must never be in a history: client secrets, keys, addresses of people and of pages. An @ also stands
// in the identity of workers, which is left out before.
var secret = regexp.MustCompile(`client_secret|_secret_|whsec|[srp]k_(test|live)_|eyJhbGci|https?://|[^\s"]{0,20}@[^\s"]{0,20}`)

// moduleVersion is in the stack trace of a workflow task that failed.
var moduleVersion = regexp.MustCompile(`@v[0-9]+\.[0-9]+\.[0-9]+`)

// partsOfSecrets has a part of everything that secret matches: looking for these first, in what Temporal has stored, is many
// times faster.
var partsOfSecrets = []string{"secret", "whsec", "k_test_", "k_live_", "eyJhbGci", "http", "@"}

func secretsIn(history *historypb.History) []string {
	var found []string
	for _, event := range history.GetEvents() {
		event := &historypb.HistoryEvent{EventId: event.GetEventId(), EventType: event.GetEventType(), Attributes: event.GetAttributes(), UserMetadata: event.GetUserMetadata()}
		forgetMachine(event.ProtoReflect())
		wire, err := proto.Marshal(event)
		if err != nil {
			return []string{err.Error()}
		}
		if !slices.ContainsFunc(partsOfSecrets, func(part string) bool { return bytes.Contains(wire, []byte(part)) }) {
			continue
		}
		text, err := temporalproto.CustomJSONMarshalOptions{Metadata: map[string]any{commonpb.EnablePayloadShorthandMetadataKey: true}}.Marshal(event)
		if err != nil {
			return []string{err.Error()}
		}
		for _, match := range secret.FindAllString(moduleVersion.ReplaceAllString(string(text), ""), -1) {
			found = append(found, fmt.Sprintf("event %d (%s): %s", event.GetEventId(), event.GetEventType(), match))
		}
	}
	return found
}

func TestSecretsAreFound(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`{"email":"a@example.com"}`: 1, `{"key":"whsec_1"}`: 1, `{"url":"https://example.com"}`: 1, `{"state":"paid"}`: 0,
	} {
		payload := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(text)}
		require.Len(t, secretsIn(&historypb.History{Events: []*historypb.HistoryEvent{{
			EventId: 1, EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
			Attributes: &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{
				WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{
					Input: &commonpb.Payloads{Payloads: []*commonpb.Payload{payload}}, Identity: "1@host",
				},
			},
		}}}), want, text)
	}
	require.Empty(t, secretsIn(&historypb.History{Events: []*historypb.HistoryEvent{{
		EventId: 1, EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskFailedEventAttributes{
			WorkflowTaskFailedEventAttributes: &historypb.WorkflowTaskFailedEventAttributes{
				Failure: &failurepb.Failure{StackTrace: "/go/pkg/mod/go.temporal.io/sdk@v1.50.0/internal/worker.go:1"}, Identity: "1@host",
			},
		},
	}}}))
}

// checkAllHistories looks for secrets in every workflow that any of the tests ran.
func checkAllHistories(ctx context.Context) error {
	var (
		mu   sync.Mutex
		errs []error
	)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(historiesAtOnce)
	request := &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000}
	for {
		page, err := temporal.ListWorkflow(ctx, request)
		if err != nil {
			return fmt.Errorf("list workflows: %w", err)
		}
		for _, w := range page.GetExecutions() {
			group.Go(func() error {
				err := checkHistory(ctx, w.GetExecution().GetWorkflowId(), w.GetExecution().GetRunId())
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
				return nil
			})
		}
		request.NextPageToken = page.GetNextPageToken()
		if len(request.GetNextPageToken()) == 0 {
			return errors.Join(group.Wait(), errors.Join(errs...))
		}
	}
}

// historiesAtOnce is how many histories are read side by side.
const historiesAtOnce = 4

func checkHistory(ctx context.Context, workflowID, runID string) error {
	history, err := historyOf(ctx, workflowID, runID)
	errs := []error{err}
	for _, found := range secretsIn(history) {
		errs = append(errs, fmt.Errorf("secret or personal data in the history of %s: %s", workflowID, found))
	}
	return errors.Join(errs...)
}
