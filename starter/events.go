package main

import "github.com/spf13/cobra"

func newEvents(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:   "events",
		Short: "Work with Stripe's events",
	}, newEventsReplay(a))
}
