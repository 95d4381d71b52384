package client

import (
	"context"
	"sync"

	sdk "go.temporal.io/sdk/client"
)

// connection dials Temporal when it is first used, so that a call with a value that is not allowed is refused without
// it. A dial that failed is tried again by the next call.
type connection struct {
	mu       sync.Mutex
	temporal sdk.Client
	dial     func(context.Context) (sdk.Client, error)
}

func (c *connection) get(ctx context.Context) (sdk.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.temporal == nil {
		temporal, err := c.dial(ctx)
		if err != nil {
			return nil, err
		}
		c.temporal = temporal
	}
	return c.temporal, nil
}

// close closes what dial opened.
func (c *connection) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.temporal != nil && c.dial != nil {
		c.temporal.Close()
		c.temporal = nil
	}
}
