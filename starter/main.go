// Command starter starts, shows and steers offsession's workflows, and serves webhooks and customer pages.
//
// Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 not found, 4 refused.
package main

import (
	"context"
	"os"
	_ "time/tzdata" // time zones of customers, wherever this runs
)

func main() { os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)) }
