package service

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/worker"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/offsession/offsession/activities"
	"github.com/offsession/offsession/internal/config"
)

// namespace is a Temporal that knows one, with a retention and search attributes; the errors are its answers when set.
type namespace struct {
	operatorservice.OperatorServiceClient
	workflowservice.WorkflowServiceClient
	describeErr, listErr, addErr error
	retention                    time.Duration
	attributes                   map[string]enumspb.IndexedValueType
	added                        map[string]enumspb.IndexedValueType
}

func (n *namespace) DescribeNamespace(context.Context, *workflowservice.DescribeNamespaceRequest, ...grpc.CallOption) (*workflowservice.DescribeNamespaceResponse, error) {
	return &workflowservice.DescribeNamespaceResponse{
		Config: &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(n.retention)},
	}, n.describeErr
}

func (n *namespace) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error) {
	return &operatorservice.ListSearchAttributesResponse{CustomAttributes: n.attributes}, n.listErr
}

func (n *namespace) AddSearchAttributes(_ context.Context, r *operatorservice.AddSearchAttributesRequest, _ ...grpc.CallOption) (*operatorservice.AddSearchAttributesResponse, error) {
	n.added = r.GetSearchAttributes()
	return &operatorservice.AddSearchAttributesResponse{}, n.addErr
}

func TestPrepareNamespace(t *testing.T) {
	t.Parallel()
	const days = 24 * time.Hour
	allButState := wantedAttributes()
	delete(allButState, "OffsessionState")
	wrong := wantedAttributes()
	wrong["OffsessionAmount"] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	denied := serviceerror.NewPermissionDenied("request unauthorized", "")
	tests := []struct {
		name      string
		namespace namespace
		added     int
		err       string
		warns     string
	}{
		{"Fresh", namespace{retention: 90 * days}, 8, "", ""},
		{"Prepared", namespace{retention: 90 * days, attributes: wantedAttributes(), addErr: denied}, 0, "", ""},
		{"OneMissing", namespace{retention: 30 * days, attributes: allButState}, 1, "", ""},
		{"AnotherWorkerWasFaster", namespace{retention: 30 * days, addErr: serviceerror.NewAlreadyExists("exists")}, 8, "", ""},
		{"MayNotCreate", namespace{retention: 90 * days, attributes: allButState, addErr: denied}, 1,
			"temporal operator search-attribute create --namespace billing --name OffsessionState --type Keyword", ""},
		{"MayNotLook", namespace{retention: 90 * days, listErr: serviceerror.NewUnimplemented("unknown service")}, 0, "",
			"temporal operator search-attribute create --namespace billing --name OffsessionAmount --type Int --name OffsessionCurrency --type Keyword"},
		{"WrongType", namespace{retention: 90 * days, attributes: wrong}, 0, "search attribute OffsessionAmount exists as Keyword, and must be Int", ""},
		{"ShortRetention", namespace{retention: 29 * days, attributes: wantedAttributes()}, 0, "", "temporal operator namespace update --namespace billing --retention 90d"},
		{"MayNotDescribe", namespace{describeErr: denied, attributes: wantedAttributes()}, 0, "", "retention of the namespace not known"},
		{"NoNamespace", namespace{describeErr: serviceerror.NewNamespaceNotFound("billing")}, 0, "temporal operator namespace create --namespace billing --retention 90d", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tc := mocks.NewClient(t)
			tc.On("WorkflowService").Return(&test.namespace)
			tc.On("OperatorService").Return(&test.namespace).Maybe()
			var logged bytes.Buffer
			logger := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelWarn}))

			err := prepareNamespace(t.Context(), tc, "billing", logger)
			require.Len(t, test.namespace.added, test.added)
			if test.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.err)
			}
			if test.warns == "" {
				require.Empty(t, logged.String())
			} else {
				require.Contains(t, logged.String(), test.warns)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	_, fatal := context.WithCancelCause(t.Context())
	main := mainOptions(worker.DeploymentOptions{}, fatal)
	require.True(t, main.DisableEagerActivities)
	require.Zero(t, main.TaskQueueActivitiesPerSecond)
	require.Greater(t, main.DeadlockDetectionTimeout, time.Second, "a busy machine is no deadlock")
	require.Greater(t, main.WorkerStopTimeout, 105*time.Second, "above closing a way to pay, the longest activity")

	for rate, slots := range map[float64]int{0.25: 10, 5: 50, 250: 128} {
		writes := stripeWritesOptions(rate, worker.DeploymentOptions{}, fatal)
		require.True(t, writes.DisableWorkflowWorker)
		require.True(t, writes.DisableEagerActivities)
		require.InDelta(t, rate, writes.TaskQueueActivitiesPerSecond, 0)
		require.Equal(t, slots, writes.MaxConcurrentActivityExecutionSize)
	}
}

func TestNotifiers(t *testing.T) {
	t.Parallel()
	channels := func(c config.Config) []string {
		list, err := newNotifiers(c, nil, nil, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		return channelsOf(list)
	}
	require.Equal(t, []string{"log"}, channels(config.Config{}))
	require.Equal(t, []string{"log", "email", "webhook"}, channels(config.Config{
		SMTPURL: "smtp://127.0.0.1:2525", NotifyFrom: "billing@example.com",
		NotifyWebhookURL: "https://app.example.com/hooks", NotifyWebhookSecret: "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
	}))

	_, err := newNotifiers(config.Config{SMTPURL: "smtp://"}, nil, nil, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "SMTP_URL")
	_, err = newNotifiers(config.Config{NotifyWebhookURL: "https://app.example.com", NotifyWebhookSecret: "x"}, nil, nil, slog.New(slog.DiscardHandler))
	require.ErrorContains(t, err, "NOTIFY_WEBHOOK_SECRET")
}

func channelsOf(list []activities.Notifier) []string {
	var channels []string
	for _, n := range list {
		channels = append(channels, n.Channel())
	}
	return channels
}

func TestRunSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	err := Run(t.Context(), Config{Logger: slog.New(slog.DiscardHandler)})
	require.ErrorContains(t, err, "Stripe")
}
