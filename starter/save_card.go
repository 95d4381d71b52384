package main

import "github.com/spf13/cobra"

func newSaveCard(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:   "save-card",
		Short: "Have a customer save a payment method",
	}, newSaveCardStart(a), newSaveCardShow(a), newSaveCardCancel(a))
}
