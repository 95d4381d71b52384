package service

import (
	"go.temporal.io/sdk/client"

	"github.com/offsession/offsession/activities"
)

// NewWorkflows is how the activities reach workflows.
func NewWorkflows(tc client.Client) activities.Workflows { return temporalWorkflows{client: tc} }
