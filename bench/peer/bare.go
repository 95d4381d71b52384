package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/offsession/offsession/bench"
)

// loops is how many calls the bare loop has under way.
const loops = 32

// bare charges the rows of a round, each goroutine taking the next when it is free. What was charged is known to nobody
// once the process has ended.
func bare(ctx context.Context, charge chargeFunc, round string, rows int) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	failures := make([]error, loops)
	for loop := range loops {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < rows; i = int(next.Add(1)) - 1 {
				if err := charge(ctx, round, bench.RowOf(round, i)); err != nil {
					failures[loop] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(failures...)
}
