package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	sdk "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"github.com/offsession/offsession/internal/config"
	"github.com/offsession/offsession/starter/client"
)

func newDeploy(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:   "deploy",
		Short: "Say which version of the worker runs new work, and see when an old one can be stopped",
		Long: `For workers that run with OFFSESSION_DEPLOYMENT: each build (OFFSESSION_BUILD_ID) is a version of that Temporal Worker
Deployment, and gets work only once it was made the current one. Workers without OFFSESSION_DEPLOYMENT need none of this.`,
	}, newDeploySetCurrent(a), newDeployShow(a))
}

// deployment is a Worker Deployment, and the connection to ask about it.
type deployment struct {
	name     string
	config   config.Config
	temporal sdk.Client
}

// withDeployment runs f with the deployment of that name, else of OFFSESSION_DEPLOYMENT. build is a build id, and defaults
// to OFFSESSION_BUILD_ID; nil when none is needed.
func (a *app) withDeployment(ctx context.Context, name string, build *string, f func(deployment) error) error {
	cfg, err := config.Load(config.ForClient)
	if err != nil {
		return usage(err)
	}
	name = cmp.Or(name, cfg.Deployment)
	var mistakes []error
	if err := config.CheckDeployment(name); err != nil {
		mistakes = append(mistakes, usagef("--deployment: %w", err))
	}
	if build != nil {
		*build = cmp.Or(*build, cfg.BuildID)
		if err := config.CheckBuildID(*build); err != nil {
			mistakes = append(mistakes, usagef("--build-id: %w", err))
		}
	}
	if err := errors.Join(mistakes...); err != nil {
		return err
	}
	temporal, err := cfg.DialTemporal(ctx, cfg.Logger(a.stderr))
	if err != nil {
		return err
	}
	defer temporal.Close()
	return f(deployment{name: name, config: cfg, temporal: temporal})
}

func (d deployment) handle() sdk.WorkerDeploymentHandle {
	return d.temporal.WorkerDeploymentClient().GetHandle(d.name)
}

// describe answers client.ErrNotFound when no worker has ever named the deployment.
func (d deployment) describe(ctx context.Context) (sdk.WorkerDeploymentDescribeResponse, error) {
	described, err := d.handle().Describe(ctx, sdk.WorkerDeploymentDescribeOptions{})
	var unknown *serviceerror.NotFound
	switch {
	case errors.As(err, &unknown):
		return described, fmt.Errorf("no worker has named deployment %s in namespace %s: %w", d.name, d.config.Temporal.Namespace, client.ErrNotFound)
	case err != nil:
		return described, fmt.Errorf("deployment %s: %w", d.name, err)
	}
	return described, nil
}

// buildOf is a version's build id; "" for none.
func buildOf(v *worker.WorkerDeploymentVersion) string {
	if v == nil {
		return ""
	}
	return v.BuildID
}
