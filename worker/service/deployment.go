package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/offsession/offsession/internal/config"
)

// deploymentOptions names the build, for histories, and opts in to Worker Deployment Versioning when a deployment is
// configured. Agreements live for years, so there they are pinned to the version that began a cycle and upgraded when
// they continue as new after it. A server that cannot do that moves them with their next task instead.
func deploymentOptions(ctx context.Context, tc client.Client, c config.Config, logger *slog.Logger) (worker.DeploymentOptions, error) {
	build := cmp.Or(c.BuildID, programBuildID())
	if c.Deployment == "" {
		if build != "" {
			// Without an id the SDK takes a checksum of the program that is nearly three times as long.
			worker.SetBinaryChecksum(build)
		}
		return worker.DeploymentOptions{}, nil
	}
	if build == "" {
		return worker.DeploymentOptions{}, errors.New("OFFSESSION_BUILD_ID: not set, and the program cannot be read to name it; OFFSESSION_DEPLOYMENT needs it")
	}
	server, err := tc.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	if err != nil {
		return worker.DeploymentOptions{}, fmt.Errorf("ask Temporal for its version: %w", err)
	}
	options := worker.DeploymentOptions{
		UseVersioning:             true,
		Version:                   worker.WorkerDeploymentVersion{DeploymentName: c.Deployment, BuildID: build},
		DefaultVersioningBehavior: workflow.VersioningBehaviorPinned,
	}
	agreements := "pinned, upgraded when they continue as new"
	if !upgradesOnContinueAsNew(server.GetServerVersion()) {
		options.DefaultVersioningBehavior = workflow.VersioningBehaviorAutoUpgrade
		agreements = "upgraded with their next task, like everything else: this server is older than 1.31"
	}
	logger.Info("worker versioning", "deployment", c.Deployment, "build_id", build, "server_version", server.GetServerVersion(), "agreements", agreements)
	return options, nil
}

// upgradesOnContinueAsNew reports whether a server of this version can start the next run of a pinned workflow on the
// current version: since 1.31. A version that cannot be read is taken for an old one, which is safe with any server.
func upgradesOnContinueAsNew(version string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return false
	}
	return major > 1 || major == 1 && minor >= 31
}

// warnUnlessCurrent says what to do when the version is not the deployment's current one: it gets next to nothing then.
func warnUnlessCurrent(ctx context.Context, tc client.Client, version worker.WorkerDeploymentVersion, logger *slog.Logger) {
	command := fmt.Sprintf("starter deploy set-current --deployment %s --build-id %s", version.DeploymentName, version.BuildID)
	described, err := tc.WorkerDeploymentClient().GetHandle(version.DeploymentName).Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	var unknown *serviceerror.NotFound
	if err != nil && !errors.As(err, &unknown) { // unknown until the pollers have come through
		logger.Warn("current version of the deployment not known; a version that is not current gets no workflows", "error", err, "command", command)
		return
	}
	current := described.Info.RoutingConfig.CurrentVersion
	if current != nil && *current == version {
		return
	}
	attributes := []any{"deployment", version.DeploymentName, "build_id", version.BuildID, "command", command}
	if current != nil {
		attributes = append(attributes, "current_build_id", current.BuildID)
	}
	logger.Warn("this version is not the deployment's current one: it gets only workflows that are pinned to it", attributes...)
}
