package main

import "github.com/spf13/cobra"

func newAgreement(a *app) *cobra.Command {
	return group(&cobra.Command{
		Use:   "agreement",
		Short: "Charge a customer on every date of a schedule",
	},
		newAgreementStart(a), newAgreementShow(a), newAgreementPreview(a), newAgreementList(a), newAgreementPause(a), newAgreementResume(a),
		newAgreementSkip(a), newAgreementChange(a), newAgreementChargeNow(a), newAgreementCancel(a),
	)
}
