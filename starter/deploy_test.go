package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/worker"

	"github.com/offsession/offsession/internal/config"
)

// fakeHandle is a deployment with version v2; describes are its answers, the last one again and again.
type fakeHandle struct {
	sdk.WorkerDeploymentHandle
	describes []func() (sdk.WorkerDeploymentDescribeResponse, error)
	queues    []sdk.WorkerDeploymentTaskQueueInfo
	late      bool // the workers come after the first look
	set       []sdk.WorkerDeploymentSetCurrentVersionOptions
}

func (h *fakeHandle) Describe(context.Context, sdk.WorkerDeploymentDescribeOptions) (sdk.WorkerDeploymentDescribeResponse, error) {
	answer := h.describes[0]
	if len(h.describes) > 1 {
		h.describes = h.describes[1:]
	}
	return answer()
}

func (h *fakeHandle) DescribeVersion(context.Context, sdk.WorkerDeploymentDescribeVersionOptions) (sdk.WorkerDeploymentVersionDescription, error) {
	if h.late {
		h.late = false
		return sdk.WorkerDeploymentVersionDescription{}, nil
	}
	return sdk.WorkerDeploymentVersionDescription{Info: sdk.WorkerDeploymentVersionInfo{TaskQueuesInfos: h.queues}}, nil
}

func (h *fakeHandle) SetCurrentVersion(
	_ context.Context, o sdk.WorkerDeploymentSetCurrentVersionOptions,
) (sdk.WorkerDeploymentSetCurrentVersionResponse, error) {
	h.set = append(h.set, o)
	return sdk.WorkerDeploymentSetCurrentVersionResponse{}, serviceerror.NewFailedPrecondition("conflict token mismatch")
}

// deploymentWith is the deployment billing, whose version v2 has that many pollers on each task queue.
func deploymentWith(t *testing.T, handle *fakeHandle, pollers int) deployment {
	t.Helper()
	temporal, deployments := mocks.NewClient(t), mocks.NewWorkerDeploymentClient(t)
	temporal.On("WorkerDeploymentClient").Return(deployments)
	deployments.On("GetHandle", "billing").Return(handle)
	info := sdk.TaskQueueTypeInfo{Pollers: make([]sdk.TaskQueuePollerInfo, pollers)}
	description := sdk.TaskQueueDescription{VersionsInfo: map[string]sdk.TaskQueueVersionInfo{ //nolint:staticcheck // what is asked for
		"billing:v2": {TypesInfo: map[sdk.TaskQueueType]sdk.TaskQueueTypeInfo{sdk.TaskQueueTypeWorkflow: info, sdk.TaskQueueTypeActivity: info}},
	}}
	temporal.On("DescribeTaskQueueEnhanced", mock.Anything, mock.Anything).Return(description, nil).Maybe()
	return deployment{name: "billing", config: config.Config{TaskQueue: "q"}, temporal: temporal}
}

var bothQueues = []sdk.WorkerDeploymentTaskQueueInfo{
	{Name: "q-stripe-writes", Type: sdk.TaskQueueTypeActivity}, {Name: "q", Type: sdk.TaskQueueTypeActivity}, {Name: "q", Type: sdk.TaskQueueTypeWorkflow},
}

func described(token string) func() (sdk.WorkerDeploymentDescribeResponse, error) {
	return func() (sdk.WorkerDeploymentDescribeResponse, error) {
		return sdk.WorkerDeploymentDescribeResponse{ConflictToken: []byte(token)}, nil
	}
}

func unknown() (sdk.WorkerDeploymentDescribeResponse, error) {
	return sdk.WorkerDeploymentDescribeResponse{}, serviceerror.NewNotFound("not yet")
}

// A version is not made current while one of its task queues has nobody: payments would wait there.
func TestSetCurrentNeedsWorkersOfBothQueues(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		queues  []sdk.WorkerDeploymentTaskQueueInfo
		pollers int
		want    string
	}{
		{"WritesMissing", bothQueues[1:], 1, "no worker of build v2 polls task queue q-stripe-writes (OFFSESSION_TASK_QUEUE)"},
		{"WorkflowsMissing", bothQueues[:2], 1, "no worker of build v2 polls task queue q (OFFSESSION_TASK_QUEUE)"},
		{"GoneSince", bothQueues, 0, "no worker of build v2 polls task queue q (OFFSESSION_TASK_QUEUE)"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			handle := &fakeHandle{queues: test.queues}
			handle.describes = append(handle.describes, described("1"))
			_, err := deploymentWith(t, handle, test.pollers).setCurrent(t.Context(), "v2", 0)
			require.EqualError(t, err, test.want)
			require.Equal(t, exitRefused, exitCode(err))
		})
	}
}

// What somebody else has changed since the command began is not undone.
func TestSetCurrentMeetsAnother(t *testing.T) {
	t.Parallel()
	handle := &fakeHandle{queues: bothQueues, late: true}
	handle.describes = append(handle.describes, unknown, described("before"), described("after"))
	_, err := deploymentWith(t, handle, 1).setCurrent(t.Context(), "v2", time.Minute)
	require.EqualError(t, err, "deployment billing was not changed: conflict token mismatch; see starter deploy show")
	require.Equal(t, exitRefused, exitCode(err))
	require.Equal(t, []sdk.WorkerDeploymentSetCurrentVersionOptions{{BuildID: "v2", ConflictToken: []byte("before")}}, handle.set)
}

func TestVersionStatus(t *testing.T) {
	t.Parallel()
	version := func(build string) worker.WorkerDeploymentVersion {
		return worker.WorkerDeploymentVersion{DeploymentName: "billing", BuildID: build}
	}
	current, ramping := version("v3"), version("v4")
	routing := sdk.WorkerDeploymentRoutingConfig{CurrentVersion: &current, RampingVersion: &ramping}
	for build, want := range map[string]string{"v1": "drained", "v2": "draining", "v3": "current", "v4": "ramping", "v5": "inactive"} {
		v := sdk.WorkerDeploymentVersionSummary{Version: version(build)}
		switch build {
		case "v1":
			v.DrainageStatus = sdk.WorkerDeploymentVersionDrainageStatusDrained
		case "v2":
			v.DrainageStatus = sdk.WorkerDeploymentVersionDrainageStatusDraining
		}
		require.Equal(t, want, versionStatus(v, routing), build)
	}
}
