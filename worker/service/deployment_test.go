package service

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"

	"github.com/offsession/offsession/internal/config"
)

// server is a Temporal of the version given.
type server struct {
	workflowservice.WorkflowServiceClient
	version string
	err     error
}

func (s *server) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest, ...grpc.CallOption) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{ServerVersion: s.version}, s.err
}

func TestDeploymentOptions(t *testing.T) {
	t.Parallel()
	versioned := config.Config{Deployment: "billing", BuildID: "v1"}
	pinned := worker.DeploymentOptions{
		UseVersioning: true, Version: worker.WorkerDeploymentVersion{DeploymentName: "billing", BuildID: "v1"},
		DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
	}
	autoUpgrade := pinned
	autoUpgrade.DefaultVersioningBehavior = workflow.VersioningBehaviorAutoUpgrade
	named := pinned
	named.Version.BuildID = programBuildID()
	tests := []struct {
		name   string
		config config.Config
		server string
		want   worker.DeploymentOptions
		logs   string
	}{
		{"NotVersioned", config.Config{BuildID: "v1"}, "1.32.1", worker.DeploymentOptions{}, ""},
		{"PinnedSince131", versioned, "1.31.0", pinned, `agreements="pinned, upgraded when they continue as new"`},
		{"PinnedInTheCloud", versioned, "1.32.0-156.2", pinned, "server_version=1.32.0-156.2"},
		{"PinnedLater", versioned, "2.0.0", pinned, ""},
		{"AutoUpgradeBefore", versioned, "1.30.4", autoUpgrade, "this server is older than 1.31"},
		{"AutoUpgradeWhenUnknown", versioned, "", autoUpgrade, "this server is older than 1.31"},
		{"ProgramNamesItself", config.Config{Deployment: "billing"}, "1.31.0", named, "build_id=" + programBuildID()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tc := mocks.NewClient(t)
			tc.On("WorkflowService").Return(&server{version: test.server}).Maybe()
			var logged bytes.Buffer
			got, err := deploymentOptions(t.Context(), tc, test.config, slog.New(slog.NewTextHandler(&logged, nil)))
			require.NoError(t, err)
			require.Equal(t, test.want, got)
			require.Contains(t, logged.String(), test.logs)
		})
	}
	t.Run("ServerDoesNotSay", func(t *testing.T) {
		t.Parallel()
		tc := mocks.NewClient(t)
		tc.On("WorkflowService").Return(&server{err: serviceerror.NewUnavailable("gone")})
		_, err := deploymentOptions(t.Context(), tc, versioned, slog.New(slog.DiscardHandler))
		require.ErrorContains(t, err, "ask Temporal for its version: gone")
	})
}

// The program names itself, shortly: the name stands in every history.
func TestProgramBuildID(t *testing.T) {
	t.Parallel()
	require.NoError(t, config.CheckBuildID(programBuildID()))
	require.LessOrEqual(t, len(programBuildID()), buildIDLength)
}
