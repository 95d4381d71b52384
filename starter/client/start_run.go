package client

import (
	"context"

	"github.com/offsession/offsession/internal/starts"
	"github.com/offsession/offsession/workflows"
)

// StartRun starts the billing run, once: repeated with the same values it answers the same workflow, with others it is refused,
// and so is one whose workflow was terminated. What operators changed since does not count. It returns when Temporal has the
// run; the manifest is read later, by a worker.
//
// Values left out are resolved now and frozen. When one of those has changed since the first call (the client's time zone, the
// policy), a repeat counts as different, and the error names it.
func (c *Client) StartRun(ctx context.Context, p RunParams) (Started, error) {
	in, err := c.checkedRun(p)
	if err != nil {
		return Started{}, err
	}
	options, err := starts.Run(in, c.options.TaskQueue)
	if err != nil {
		return Started{}, err
	}
	return c.startOnce(ctx, options, workflows.TypeBillingRun, in.Short(), starts.RunDefaults())
}

// checkedRun is the input of a run that may start.
func (c *Client) checkedRun(p RunParams) (workflows.BillingRunInput, error) {
	in := c.runInput(p)
	var i invalid
	i.err("reference", in.Reference, workflows.CheckRunReference(in.Reference))
	checkManifest(&i, in.Manifest, in.Reference)
	checkRun(&i, in)
	return in, i.result()
}
