package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/offsession/offsession/starter/client"
)

func newAgreementPause(a *app) *cobra.Command {
	return newAgreementOperation(a, agreementOperation{
		use:   "pause",
		short: "Stop charging, for a while or until resume",
		long: `Stops charging. Dates that fall into the pause are not charged when it ends by itself at --until; starter agreement
resume can charge them. Payments that are being collected already are collected on.`,
		example: `  starter agreement pause gym-17 --until 2026-12-01 --actor support --reason "customer is abroad"
  starter agreement pause gym-17 --actor support --reason "customer asked"`,
		call: (*client.Client).PauseAgreement,
		flags: func(f *pflag.FlagSet) readAgreementFlags {
			until := f.String("until", "", "when the pause ends by itself: a date, from its first moment in the agreement's time zone, or an RFC 3339 time (default until resumed)")
			return func(ctx context.Context, c agreements, reference string, op *client.AgreementOperation) (err error) {
				if *until == "" {
					return nil
				}
				op.Until, err = parseLocal("until", *until, func() (*time.Location, error) { return zoneOf(ctx, c, reference) })
				return err
			}
		},
	})
}

// zoneOf is the time zone of an agreement.
func zoneOf(ctx context.Context, c agreements, reference string) (*time.Location, error) {
	agreement, err := c.Agreement(ctx, reference)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(agreement.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("time zone of %s: %w", reference, err)
	}
	return zone, nil
}
