package main

import (
	"github.com/spf13/cobra"

	"github.com/offsession/offsession/starter/client"
)

func newAgreementSkip(a *app) *cobra.Command {
	return newAgreementOperation(a, agreementOperation{
		use:   "skip",
		short: "Leave the next date out",
		long:  "Leaves the next date out; the answer has the one after it. A second call leaves that out too, unless it has the same --request-id.",
		example: `  starter agreement skip gym-17 --actor support --reason "closed in August"
  starter agreement skip gym-17 --request-id aug-2026 --actor support --reason "closed in August"`,
		call: (*client.Client).SkipNext,
	})
}
