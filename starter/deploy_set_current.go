package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/offsession/offsession/starter/client"
	"github.com/offsession/offsession/workflows"
)

// askedEvery is how long to wait before asking Temporal again.
const askedEvery = 500 * time.Millisecond

// routingWithin is how long the task queues may take to hear of a change; it takes them a second.
const routingWithin = time.Minute

// madeCurrent says which version gets new work.
type madeCurrent struct {
	Deployment string `json:"deployment"`
	BuildID    string `json:"build_id"`
	// PreviousBuildID was current before; "" when those were the workers without versioning.
	PreviousBuildID string `json:"previous_build_id"`
	// Changed is false when the version was current already.
	Changed bool `json:"changed"`
}

func (m madeCurrent) text() string {
	switch {
	case !m.Changed:
		return fmt.Sprintf("%s is the current version of %s already", m.BuildID, m.Deployment)
	case m.PreviousBuildID == "":
		return fmt.Sprintf("%s is the current version of %s now", m.BuildID, m.Deployment)
	}
	return fmt.Sprintf("%s is the current version of %s now, after %s: keep that running until starter deploy show calls it drained",
		m.BuildID, m.Deployment, m.PreviousBuildID)
}

func newDeploySetCurrent(a *app) *cobra.Command {
	var (
		name, build string
		wait        time.Duration
	)
	cmd := &cobra.Command{
		Use:   "set-current [--deployment D] [--build-id B]",
		Short: "Give new work to a version of the worker",
		Long: `Start the workers of the new build beside the old ones, then run this. It waits until both task queues of OFFSESSION_TASK_QUEUE
have a worker of that build; then new workflows, and those that follow every deploy, run there. Billing agreements finish
their cycle on the version that began it, and change when they continue as new. A second call changes nothing.
Exit code 3: no worker has named this deployment or build. 4: a task queue has no worker of that build, or somebody else
changed the deployment meanwhile; nothing was changed.`,
		Example: "  starter deploy set-current --deployment billing --build-id v1.4.0",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if wait < 0 {
				return usagef("--wait: %s; must not be negative", wait)
			}
			return a.withDeployment(cmd.Context(), name, &build, func(d deployment) error {
				made, err := d.setCurrent(cmd.Context(), build, wait)
				if err != nil {
					return err
				}
				return a.answer(made, made.text)
			})
		},
	}
	deploymentFlag(cmd, &name)
	f := cmd.Flags()
	f.StringVar(&build, "build-id", "", "the build, as its worker has logged it (default: OFFSESSION_BUILD_ID)")
	f.DurationVar(&wait, "wait", time.Minute, "how long to wait for the workers of that build")
	return cmd
}

func (d deployment) setCurrent(ctx context.Context, build string, wait time.Duration) (madeCurrent, error) {
	described, err := d.awaitWorkers(ctx, build, wait)
	if err != nil {
		return madeCurrent{}, err
	}
	made := madeCurrent{Deployment: d.name, BuildID: build, PreviousBuildID: buildOf(described.Info.RoutingConfig.CurrentVersion)}
	if made.PreviousBuildID == build {
		return made, d.awaitRouting(ctx, build)
	}
	_, err = d.handle().SetCurrentVersion(ctx, sdk.WorkerDeploymentSetCurrentVersionOptions{BuildID: build, ConflictToken: described.ConflictToken})
	var precondition *serviceerror.FailedPrecondition
	switch {
	case errors.As(err, &precondition):
		return madeCurrent{}, &client.RefusedError{Message: fmt.Sprintf("deployment %s was not changed: %s; see starter deploy show", d.name, precondition.Message)}
	case err != nil:
		return madeCurrent{}, fmt.Errorf("make %s current: %w", build, err)
	}
	made.Changed = true
	return made, d.awaitRouting(ctx, build)
}

// awaitRouting waits until the task queues know the current version: servers since 1.30 tell them after they have
// answered. It asks the queues themselves, since the server's own record of it (RoutingConfigUpdateState) can stay "in
// progress" for ever: https://github.com/temporalio/temporal/issues/11842
func (d deployment) awaitRouting(ctx context.Context, build string) error {
	ctx, cancel := context.WithTimeout(ctx, routingWithin)
	defer cancel()
	ticker := time.NewTicker(askedEvery)
	defer ticker.Stop()
	for _, queue := range d.taskQueues() {
		for {
			described, err := d.temporal.DescribeTaskQueue(ctx, queue.Name, enumspb.TaskQueueType(queue.Type))
			current := described.GetVersioningInfo().GetCurrentDeploymentVersion()
			if err == nil && current.GetDeploymentName() == d.name && current.GetBuildId() == build {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s is the current version of %s, but task queue %s has not heard of it yet: %w; repeat the command",
					build, d.name, queue.Name, cmp.Or(err, ctx.Err()))
			case <-ticker.C:
			}
		}
	}
	return nil
}

// awaitWorkers waits until the build polls all that it has to. It answers the deployment as it was when it was first
// seen: what somebody else changes from then on is a conflict.
func (d deployment) awaitWorkers(ctx context.Context, build string, wait time.Duration) (sdk.WorkerDeploymentDescribeResponse, error) {
	ticker := time.NewTicker(askedEvery)
	defer ticker.Stop()
	enough := time.NewTimer(wait)
	defer enough.Stop()
	var seen sdk.WorkerDeploymentDescribeResponse
	for {
		described, err := d.describe(ctx)
		if err == nil {
			if seen.ConflictToken == nil {
				seen = described
			}
			err = d.checkWorkers(ctx, build, described)
		}
		var refused *client.RefusedError
		if err == nil || !errors.Is(err, client.ErrNotFound) && !errors.As(err, &refused) {
			return seen, err
		}
		select {
		case <-ctx.Done():
			return seen, ctx.Err()
		case <-enough.C:
			return seen, err
		case <-ticker.C:
		}
	}
}

// checkWorkers answers client.ErrNotFound when no worker has named the build, and refuses when one of the task queues
// has no worker of it. Temporal itself only refuses a queue that is missing while it is busy.
func (d deployment) checkWorkers(ctx context.Context, build string, described sdk.WorkerDeploymentDescribeResponse) error {
	version, err := d.handle().DescribeVersion(ctx, sdk.WorkerDeploymentDescribeVersionOptions{BuildID: build})
	var unknown *serviceerror.NotFound
	switch {
	case errors.As(err, &unknown):
		var builds []string
		for _, v := range described.Info.VersionSummaries {
			builds = append(builds, v.Version.BuildID)
		}
		return fmt.Errorf("no worker has named build %s of deployment %s, only %s: %w", build, d.name, strings.Join(builds, ", "), client.ErrNotFound)
	case err != nil:
		return fmt.Errorf("version %s of %s: %w", build, d.name, err)
	}
	for _, need := range d.taskQueues() {
		polled := slices.Contains(version.Info.TaskQueuesInfos, need)
		if polled {
			if polled, err = d.hasWorkers(ctx, build, need); err != nil {
				return err
			}
		}
		if !polled {
			return &client.RefusedError{Message: fmt.Sprintf("no worker of build %s polls task queue %s (OFFSESSION_TASK_QUEUE)", build, need.Name)}
		}
	}
	return nil
}

// taskQueues are those that a worker polls.
func (d deployment) taskQueues() []sdk.WorkerDeploymentTaskQueueInfo {
	return []sdk.WorkerDeploymentTaskQueueInfo{
		{Name: d.config.TaskQueue, Type: sdk.TaskQueueTypeWorkflow},
		{Name: d.config.TaskQueue, Type: sdk.TaskQueueTypeActivity},
		{Name: workflows.StripeWritesQueue(d.config.TaskQueue), Type: sdk.TaskQueueTypeActivity},
	}
}

// hasWorkers reports whether workers of the build have polled the queue in the last five minutes.
func (d deployment) hasWorkers(ctx context.Context, build string, queue sdk.WorkerDeploymentTaskQueueInfo) (bool, error) {
	name := versionName(worker.WorkerDeploymentVersion{DeploymentName: d.name, BuildID: build})
	// Deprecated with the versioning of before, but the only call that knows the pollers of a version on all partitions.
	described, err := d.temporal.DescribeTaskQueueEnhanced(ctx, sdk.DescribeTaskQueueEnhancedOptions{
		TaskQueue:      queue.Name,
		TaskQueueTypes: []sdk.TaskQueueType{queue.Type},
		Versions:       &sdk.TaskQueueVersionSelection{BuildIDs: []string{name}},
		ReportPollers:  true,
	})
	if err != nil {
		return false, fmt.Errorf("task queue %s: %w", queue.Name, err)
	}
	return len(described.VersionsInfo[name].TypesInfo[queue.Type].Pollers) > 0, nil //nolint:staticcheck // see above
}
