package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/workflowservice/v1"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
)

// shownDeployment is a Worker Deployment in JSON.
type shownDeployment struct {
	Deployment string `json:"deployment"`
	// CurrentBuildID is the version that gets new workflows; "" when that are the workers without versioning.
	CurrentBuildID string `json:"current_build_id"`
	// Versions are the newest first.
	Versions []shownVersion `json:"versions"`
}

type shownVersion struct {
	BuildID string `json:"build_id"`
	// Status is current, ramping (gets a share), inactive (was neither yet), draining or drained.
	Status string `json:"status"`
	// PinnedWorkflows counts the open workflows that only this version can run on, as visibility knows it.
	PinnedWorkflows int64     `json:"pinned_workflows"`
	CreatedAt       time.Time `json:"created_at"`
}

func newDeployShow(a *app) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "show [--deployment D]",
		Short: "List the versions of the worker, which one is current, and which are drained",
		Long: `A version that is not current any more is draining while open workflows are pinned to it: its workers must go on running.
Temporal looks every few minutes; drained means that they can be stopped.`,
		Example: "  starter deploy show --deployment billing --output json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withDeployment(cmd.Context(), name, nil, func(d deployment) error {
				shown, err := d.show(cmd.Context())
				if err != nil {
					return err
				}
				return a.answer(shown, func() string { return deploymentText(shown) })
			})
		},
	}
	deploymentFlag(cmd, &name)
	return cmd
}

func deploymentFlag(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "deployment", "", "name of the Worker Deployment (default: OFFSESSION_DEPLOYMENT)")
}

func (d deployment) show(ctx context.Context) (shownDeployment, error) {
	described, err := d.describe(ctx)
	if err != nil {
		return shownDeployment{}, err
	}
	routing := described.Info.RoutingConfig
	shown := shownDeployment{Deployment: d.name, CurrentBuildID: buildOf(routing.CurrentVersion), Versions: []shownVersion{}}
	for _, v := range described.Info.VersionSummaries {
		pinned, err := d.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: fmt.Sprintf(
			"TemporalWorkerDeploymentVersion = '%s' AND TemporalWorkflowVersioningBehavior = 'Pinned' AND ExecutionStatus = 'Running'", versionName(v.Version),
		)})
		if err != nil {
			return shownDeployment{}, fmt.Errorf("count the workflows pinned to %s: %w", v.Version.BuildID, err)
		}
		shown.Versions = append(shown.Versions, shownVersion{
			BuildID: v.Version.BuildID, Status: versionStatus(v, routing), PinnedWorkflows: pinned.GetCount(), CreatedAt: v.CreateTime.UTC(),
		})
	}
	return shown, nil
}

// versionName is how Temporal writes a version in search attributes and task queues.
func versionName(v worker.WorkerDeploymentVersion) string { return v.DeploymentName + ":" + v.BuildID }

func versionStatus(v sdk.WorkerDeploymentVersionSummary, routing sdk.WorkerDeploymentRoutingConfig) string {
	switch {
	case v.Version.BuildID == buildOf(routing.CurrentVersion):
		return "current"
	case v.Version.BuildID == buildOf(routing.RampingVersion):
		return "ramping"
	case v.DrainageStatus == sdk.WorkerDeploymentVersionDrainageStatusDraining:
		return "draining"
	case v.DrainageStatus == sdk.WorkerDeploymentVersionDrainageStatusDrained:
		return "drained"
	}
	return "inactive"
}

func deploymentText(d shownDeployment) string {
	text := fmt.Sprintf("Deployment %s: ", d.Deployment)
	if d.CurrentBuildID == "" {
		text += "no version is current, versioned workers get nothing\n"
	} else {
		text += d.CurrentBuildID + " is current\n"
	}
	rows := []string{"build id\tstatus\tpinned workflows\tfirst seen"}
	for _, v := range d.Versions {
		rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s", v.BuildID, v.Status, strconv.FormatInt(v.PinnedWorkflows, 10), timeText(v.CreatedAt, "UTC")))
	}
	return text + table(rows...)
}
