package main

import "github.com/spf13/cobra"

func newPayment(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:   "payment",
		Short: "Charge a saved payment method, now or later",
	},
		newPaymentStart(a), newPaymentShow(a), newPaymentExplain(a), newPaymentList(a),
		newPaymentRetry(a), newPaymentReschedule(a), newPaymentChangeCard(a), newPaymentWriteOff(a), newPaymentCancel(a),
	)
}
